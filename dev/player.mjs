// Plays a scenario against a running gate: it is the customer and the person of the shop, through Meta's webhooks, and
// it checks each step against what the gate, the bot and the stand-in Graph API report.
//
// Invariant: nothing is printed that was not observed, and a step whose expectation is not met within its time ends
// the play. What the gate decided is asked from its own record, whether the bot kept silent from the bot's, and what
// reached the customer from the Graph API's.
//
// Deliberately not here: starting and stopping anything (start.mjs), what a scenario may say (scenario.mjs), and how the
// others are asked (witness.mjs).

import { setTimeout as sleep } from "node:timers/promises";
import * as meta from "./meta.mjs";
import * as timeline from "./timeline.mjs";
import { Difference, TOO_LATE, ask, deliver, neverSent, outcomeOf, until } from "./witness.mjs";

// Between two steps, as people write: without it the demo is over before it is read.
const PAUSE_SECONDS = 1;
const HANDBACK = {
  held_longest: "the person has held for as long as anybody may",
  lease_expired: "the hold has run out, and the person had the last word",
  unanswered: "nobody has answered, so the bot gets the message",
};

/** Plays all steps. Resolves with the customer's number; throws a Difference where the play ended early. */
export async function play({ scenario, gateUrl, secrets, bot, graph, ownLeaseSeconds }) {
  const customer = meta.newCustomer("Laura");
  const world = { gateUrl, secrets, bot, graph, customer, policy: scenario.policy, withheld: [], answers: [], refused: [], refusals: [] };
  bot.onRefused((refusal) => world.refusals.push(refusal));
  timeline.heading(scenario.title, timeline.policySentences(scenario.policy, ownLeaseSeconds));
  const meanwhile = actAsMeta(world);
  for (const [index, step] of scenario.step.entries()) {
    await sleep(1000 * (step.pause ?? (index === 0 || step.wait === "bot reply" ? 0 : PAUSE_SECONDS)));
    if (step.wait === "bot reply") await waitForReply(world, step);
    else if (step.wait) await waitForHandback(world, step);
    else if (step.who === "phone") await phoneWrites(world, step);
    else await customerWrites(world, step);
    meanwhile.check();
  }
  // A reply that was refused must not have come through later either.
  neverSent(world);
  timeline.passed(`As expected: ${summary(world)}.`);
  return customer.phone;
}

function summary({ answers, refused, withheld, bot }) {
  const handedBack = withheld.filter((id) => bot.seen.has(id)).length;
  const stayed = withheld.length - handedBack;
  const parts = [`the bot answered ${count(answers.length, "message")}`];
  if (handedBack) parts.push(`${handedBack} of them because nobody else had`);
  if (stayed) parts.push(`${count(stayed, "message")} stayed with the shop`);
  const late = { 0: "", 1: "the bot's late reply was refused; " }[refused.length] ?? `${refused.length} late replies of the bot were refused; `;
  return late + parts.join(", ");
}

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** As Meta does, reports each of the bot's messages as sent and delivered. */
function actAsMeta(world) {
  let trouble;
  world.graph.onSend(async (send) => {
    try {
      if (send.to !== world.customer.phone) return;
      for (const status of ["sent", "delivered"]) await meta.post(world.gateUrl, world.secrets.META_APP_SECRET, meta.statusOf(world.customer, send.id, status));
    } catch (error) {
      trouble = error;
    }
  });
  return { check: () => { if (trouble) throw new Difference(trouble.message); } };
}

async function customerWrites(world, { says, expect, bot_thinks: seconds }) {
  const id = meta.newWamid(world.customer.phone, "customer");
  if (seconds !== undefined) world.bot.thinkAbout(id, seconds);
  timeline.customer(says);
  await deliver(world, meta.customerText(world.customer, id, says));
  const { event, conversation } = await until(async () => {
    const conversation = await ask(world);
    const event = conversation?.events?.find((one) => one.id === id);
    return ["withheld", "delivered", "dead"].includes(event?.state) && { event, conversation };
  }, "the gate to decide about the message");

  if (event.state === "dead") throw new Difference(`The gate gave up delivering the message after ${count(event.attempts, "attempt")}: ${event.reason ?? "no reason kept"}.`);
  if (event.state === "withheld") {
    if (expect === "bot answers" || seconds !== undefined) throw new Difference(`The bot should have got the message, but the gate withheld it (${event.reason ?? "no reason kept"}).`);
    timeline.gate(`withheld from the bot: ${why(event, conversation)}`);
    world.withheld.push(id);
    botKnowsNothing(world);
    return;
  }
  if (expect === "withheld") throw new Difference("The message should have been withheld from the bot, but the gate delivered it.");
  timeline.gate("passed on to the bot: no person holds this conversation");
  if (seconds !== undefined) {
    await until(() => world.graph.reads.find((read) => read.id === id && read.typing), "the bot to show that it is typing");
    timeline.botIsTyping();
  }
  if (expect === "bot answers") await botAnswers(world, [id], seconds);
  else if (seconds !== undefined) world.thinking = { id, seconds };
}

async function phoneWrites(world, { says, expect }) {
  timeline.phone(says);
  await deliver(world, meta.phoneText(world.customer, meta.newWamid(world.customer.phone, "business"), says));
  if (expect !== "shop holds") return;
  const { lease_until_ms: end } = await until(async () => {
    const conversation = await ask(world);
    return conversation?.holder === "human" && conversation;
  }, "the gate to see that a person has answered");
  timeline.gate(`a person has answered: the bot is kept out${end ? ` until ${timeline.holdEnd(end)}` : ""}`);
}

async function waitForReply(world, { expect }) {
  const { id, seconds } = world.thinking;
  const { refusal, send } = await until(() => outcomeOf(world, [id]), "the bot to reply", seconds);
  if (expect === "bot answers" || (!refusal && !expect)) return botAnswers(world, [id]);
  if (!refusal) throw new Difference(`The bot's reply should have been refused, but the customer got it: “${send.text}”`);
  return botIsRefused(world, id, refusal);
}

/** Shows that the bot's reply was refused, once everybody agrees: the bot, the Graph API, and the gate's record. */
async function botIsRefused(world, id, refusal) {
  timeline.botTries(refusal.request.text.body);
  const reason = refusal.headers.get("x-baton-refused");
  if (!TOO_LATE.includes(reason)) throw new Difference(`The bot's reply was refused, but not because of a person: ${refusal.status}, ${refusal.sentence}`);
  world.refused.push(id);
  const collision = await until(async () => {
    const { collisions = [] } = (await ask(world)) ?? {};
    // Each refusal has an entry of its own, and the customer of a play is nobody else's.
    return collisions.filter(({ outcome }) => outcome === "prevented")[world.refused.length - 1];
  }, "the gate's record to show the refused reply as a collision prevented");
  if (collision.reason !== reason) throw new Difference(`The bot was told "${reason}", but the gate's record says "${collision.reason}".`);
  neverSent(world);
  timeline.gate(`bot's late reply refused: ${because(collision)}`);
}

async function waitForHandback(world, { expect }) {
  const before = await ask(world);
  const { lease_seconds: lease = 0, hand_back_after_seconds: patience = 0 } = world.policy;
  // How late the runtime's alarm may come is in the time that every step has.
  const longest = Math.max(((before?.lease_until_ms ?? 0) - Date.now()) / 1000, patience, lease);
  // The bot's record is read first: a message that reaches it by the handback itself is no breach of the hold.
  let silent = true;
  let warned = false;
  const after = await until(async () => {
    const knew = world.withheld.some((id) => world.bot.seen.has(id));
    const conversation = await ask(world);
    if (!warned && conversation?.journal?.some((one) => one.transition === "warning")) {
      warned = true;
      timeline.gate("the owner is warned: a customer waits for a person");
    }
    if (conversation?.holder === "human") silent &&= !knew;
    return conversation?.holder === "automation" && conversation;
  }, "the hold to end", longest);
  if (!silent) throw new Difference("A withheld message reached the bot while the shop held the conversation.");
  const cause = after.journal?.findLast((one) => one.transition === "handback")?.cause;
  timeline.gate(`handed back to the bot${cause ? `: ${HANDBACK[cause] ?? cause.replaceAll("_", " ")}` : ""}`);
  if (expect === "bot answers") await botAnswers(world, world.withheld);
}

/** Waits until one of these messages has its answer, and shows it. */
async function botAnswers(world, ids, seconds) {
  const { refusal, send } = await until(() => outcomeOf(world, ids), "the bot to answer", seconds);
  if (refusal) throw new Difference(`The bot should have answered, but its reply was refused with ${refusal.status}: ${refusal.sentence}`);
  world.answers.push(send);
  timeline.bot(send.text);
}

function botKnowsNothing({ bot, withheld }) {
  if (withheld.some((id) => bot.seen.has(id))) throw new Difference("The gate says that it withheld the message, but the bot has received it.");
}

function why({ reason }, { lease_until_ms: end }) {
  if (reason === "held_by_human") return end ? `the shop holds until ${timeline.holdEnd(end)}` : "the shop holds the conversation";
  return reason?.replaceAll("_", " ") ?? "no reason kept";
}

/** Why a reply was too late, and how late it was, in the gate's own words: "…: the shop had answered 4 s earlier." */
function because({ explanation = "" }) {
  const [, reason] = /^[^:]+: (.+)\.$/.exec(explanation) ?? [];
  if (!reason) throw new Difference(`The gate's record does not say why the bot's reply was refused: “${explanation}”`);
  return reason;
}
