// A conversation's record as one sequence of happenings, each in the lane of who did it.
//
// Invariant: every event, send, transition and collision of the record is in it exactly once, in the order of time.
//
// Deliberately not here: how a lane looks (parts/lanes.tsx).

import type { ConversationRecord, ConversationCollision, Event, Send, Transition } from "./contract";

export const LANES = ["customer", "phone", "bot", "gate"] as const;
export type Lane = (typeof LANES)[number];

export type Happening = { key: string; at: number; lane: Lane } & (
  | { what: "event"; event: Event }
  | { what: "send"; send: Send }
  | { what: "transition"; transition: Transition }
  | { what: "collision"; collision: ConversationCollision }
);

const LANE_OF_CLASS: Record<string, Lane> = {
  turn: "customer", ghost: "customer", identity: "customer",
  echo: "phone", echo_note: "phone", sync: "phone", contact: "phone", apps_own: "phone",
  receipt: "bot",
};

export function happenings(record: ConversationRecord): Happening[] {
  const all: Happening[] = [
    ...record.events.map((event): Happening => ({
      what: "event", event, key: `event ${event.id} ${event.class} ${event.accepted_at_ms}`, at: event.accepted_at_ms, lane: LANE_OF_CLASS[event.class] ?? "gate",
    })),
    ...record.sends.map((send, index): Happening => ({ what: "send", send, key: `send ${send.id ?? index} ${send.at_ms}`, at: send.at_ms, lane: "bot" })),
    ...record.journal.map((transition): Happening => ({
      what: "transition", transition, key: `transition ${transition.token} ${transition.transition} ${transition.at_ms}`, at: transition.at_ms, lane: "gate",
    })),
    ...record.collisions.map((collision, index): Happening => ({
      what: "collision", collision, key: `collision ${collision.at_ms} ${index}`, at: collision.at_ms, lane: "gate",
    })),
  ];
  // What caused something stands before it where both have the same millisecond.
  const order = { event: 0, collision: 1, transition: 2, send: 3 };
  return all.sort((a, b) => a.at - b.at || order[a.what] - order[b.what]);
}

/** Why the last transition happened, which a record does not say by itself. */
export function lastCause(record: ConversationRecord) {
  return record.journal.findLast((transition) => transition.transition !== "warning")?.cause ?? null;
}
