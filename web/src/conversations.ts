// The list of conversations as it is now: pages from the gate, kept up to date by the live stream.
//
// Invariant: an older state never replaces a newer one (`token`, then `at_ms`), and a conversation stands once.
// The server's order is kept; only what has come, or has changed sides, is moved: a list that is touched stands still.
//
// Deliberately not here: guessing at what a filter on the server would say of a search. A row that comes in live is
// matched by the same words: number, user id, name.

import type { Conversation, Turn } from "./contract";

export type Filter = "all" | "waiting" | "human" | "dead_letters";
export const FILTERS: Filter[] = ["all", "waiting", "human", "dead_letters"];

export function queryOf(filter: Filter) {
  switch (filter) {
    case "all": return {};
    case "waiting": return { waiting: true };
    case "human": return { holder: "human" as const };
    case "dead_letters": return { dead_letters: true };
  }
}

export function belongs(conversation: Conversation, filter: Filter, q: string): boolean {
  if (filter === "waiting" && conversation.waiting_since_ms === null) return false;
  if (filter === "human" && conversation.holder !== "human") return false;
  if (filter === "dead_letters" && conversation.dead_letters === 0) return false;
  if (q === "") return true;
  const wanted = q.toLowerCase();
  const digits = /^\+?[\d\s().-]+$/.test(q) ? q.replace(/\D/g, "") : "";
  return [conversation.customer, ...conversation.names, conversation.profile ?? ""].some((name) =>
    name.toLowerCase().includes(wanted) || (digits.length > 2 && name.includes(digits)));
}

const isOlder = (a: Conversation, b: Conversation) => a.token < b.token || (a.token === b.token && a.at_ms < b.at_ms);
const group = (conversation: Conversation) => (conversation.waiting_since_ms !== null ? 0 : conversation.holder === "human" ? 1 : 2);

/** The list with this conversation as it is now. */
export function placed(list: Conversation[], conversation: Conversation, filter: Filter, q: string): Conversation[] {
  const at = list.findIndex((each) => each.conversation === conversation.conversation);
  const known = list[at];
  if (known && isOlder(conversation, known)) return list;
  const others = list.filter((_, index) => index !== at);
  if (!belongs(conversation, filter, q)) return known ? others : list;
  if (known && group(known) === group(conversation) && known.waiting_since_ms === conversation.waiting_since_ms) {
    return list.map((each, index) => (index === at ? conversation : each));
  }
  const behind = others.findIndex((each) => group(each) > group(conversation) || (group(each) === group(conversation) && comesBefore(conversation, each)));
  const place = behind === -1 ? others.length : behind;
  return [...others.slice(0, place), conversation, ...others.slice(place)];
}

function comesBefore(a: Conversation, b: Conversation): boolean {
  if (a.waiting_since_ms !== null && b.waiting_since_ms !== null) return a.waiting_since_ms < b.waiting_since_ms;
  // Of those that nobody waits in, the one where something has just happened is first.
  return true;
}

/** What an operator's action has made of a conversation, until the live stream says it in full. */
export function afterTurn(conversation: Conversation, turn: Turn, at: number): Conversation {
  const isHuman = turn.holder === "human";
  return {
    ...conversation,
    holder: turn.holder,
    lease_until_ms: turn.lease_until_ms,
    paused: turn.paused,
    token: turn.token,
    cause: turn.changed ? (turn.paused ? "paused" : "operator") : conversation.cause,
    since_ms: turn.changed && conversation.holder !== turn.holder ? at : conversation.since_ms,
    waiting_since_ms: isHuman ? conversation.waiting_since_ms : null,
    hands_back_at_ms: isHuman ? conversation.hands_back_at_ms : null,
    explanation: turn.explanation,
  };
}
