// Reads the gate's record of a conversation (GET /api/v1/conversations/…) and keeps each decision in it that was not
// there before, as the playground shows them: one heading, and the gate's own sentence.
//
// Invariant: a decision is kept only if the gate's record has it, in the words of the record; nothing is concluded from
// what anybody wrote. Once kept it stays, also when the record goes on: a message that was kept back first and passed
// on later are two decisions.
//
// Deliberately not here: asking for the record (dev/witness.mjs).

import { clock } from "../timeline.mjs";

const DECISIONS_MAX = 40;
// What the journal says of a handback, where a message has a whole sentence (dev/player.mjs has the same for the demo).
const HANDBACK = {
  broadcast: "What had taken the baton turned out to be a broadcast.",
  held_longest: "The person has held for as long as anybody may.",
  lease_expired: "The person's time is over.",
  phrase: "The person has handed back.",
  revoked: "The person has withdrawn the message.",
  unanswered: "The customer has waited long enough, so the bot gets what nobody has answered.",
};
const COLLISION = { prevented: ["stop", "Refused"], dropped: ["stop", "Dropped"], leaked: ["leak", "Two voices"] };

export function newDecisions() {
  return { known: new Set(), events: new Set(), list: [], count: 0 };
}

/** Adds what is new in the record. `quoteOf(id)` is what the message of this id said. */
export function observe(decisions, record, quoteOf) {
  const found = [
    // What is decided anew about a message comes after whatever led to it.
    ...record.events.flatMap((event) => ofEvent(event, quoteOf, decisions.events.has(event.id) ? Date.now() : event.accepted_at_ms)),
    ...record.journal.flatMap(ofTransition),
    ...record.collisions.map(ofCollision),
    ...record.sends.flatMap(ofSend),
  ];
  const fresh = found.filter(({ id }) => !decisions.known.has(id)).sort((left, right) => left.at - right.at);
  for (const { id, at, ...decision } of fresh) {
    decisions.known.add(id);
    decisions.count += 1;
    decisions.list.unshift({ key: decisions.count, at: Date.now(), ...decision });
  }
  for (const { id } of record.events) decisions.events.add(id);
  decisions.list.length = Math.min(decisions.list.length, DECISIONS_MAX);
}

function ofEvent({ id, class: kind, state, attempts, explanation, due_at_ms: due }, quoteOf, at) {
  const decision = (tone, title) => [{ id: `${id} ${state} ${attempts}`, at, tone, title, quote: quoteOf(id), text: inShort(explanation), ...(state === "waiting" && { due }) }];
  if (kind === "echo") return [{ ...decision("turn", "The shop has spoken")[0], id }];
  // Receipts are news of the bot's own messages, which a playground has no room for.
  if (kind === "receipt") return [];
  switch (state) {
    case "delivered": return decision("pass", "Passed on to the bot");
    case "withheld": return decision("stop", "Kept from the bot");
    case "dead": return decision("leak", "Given up");
    // On its way, or about to be: what becomes of it is the decision.
    default: return state === "waiting" && attempts > 0 ? decision("wait", "Will try again") : [];
  }
}

function ofTransition({ transition, cause, at_ms: at, token }) {
  const decision = (tone, title, text) => [{ id: `${transition} ${token} ${at}`, at, tone, title, text }];
  switch (transition) {
    case "warning": return decision("wait", "The owner is warned", "A customer waits for a person.");
    case "handback": return decision("turn", "Handed back to the bot", HANDBACK[cause] ?? cause.replaceAll("_", " "));
    // The echo that took the baton has a sentence of its own.
    default: return cause === "echo" ? [] : decision("turn", "A person's turn", cause.replaceAll("_", " "));
  }
}

function ofCollision({ outcome, at_ms: at, explanation, message }) {
  const [tone, title] = COLLISION[outcome];
  return { id: `collision ${at} ${message ?? ""}`, at, tone, title, text: inShort(explanation) };
}

function ofSend({ state, at_ms: at, id }) {
  if (state === "in_flight") return [];
  const [tone, title, text] = state === "accepted" ? ["pass", "Let through", "The bot's answer went out to the customer."] : ["leak", "Unknown", "The Graph API did not answer; nothing is sent again."];
  return [{ id: `send ${at} ${id} ${state}`, at, tone, title, text }];
}

/** The gate's sentence without the times in brackets, and the others as the clock on the wall shows them. */
function inShort(explanation) {
  const sentence = explanation.replace(/ \(it arrived at [^()]*\)\.$/, ".");
  return sentence.replace(/\d{4}-\d{2}-\d{2} [\d:]{8} UTC/g, (instant) => clock(Date.parse(instant)));
}
