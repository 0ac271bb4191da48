// What the gate's words mean, as sentences of the page's language.
//
// Invariant: a word that is not known here falls back to the gate's own English sentence, never to nothing.
//
// Deliberately not here: the words themselves (i18n/).

import type { Cause, CollisionOutcome, EventState, Holder } from "./contract";
import type { Words } from "./i18n";
import { delay } from "./format";

type Table = Record<string, string | undefined>;

/** Why this side holds. */
export function whyHeld(words: Words, of: { holder: Holder; paused: boolean; cause?: Cause | null; explanation: string }): string {
  const { holds } = words.t;
  if (of.holder === "human" && of.paused) return holds.pausedHuman;
  if (of.cause === null || of.cause === undefined) return of.holder === "human" ? holds.humanOther : holds.automationOther;
  const table: Table = holds[of.holder];
  return table[of.cause] ?? of.explanation;
}

export function className(words: Words, name: string): string {
  const table: Table = words.t.classes;
  return table[name] ?? name;
}

export function reasonText(words: Words, reason: string): string | undefined {
  const status = /^status_(\d+)$/.exec(reason)?.[1];
  const table: Table = words.t.reasons;
  return status === undefined ? table[reason] : words.t.statusReason(status);
}

interface Standing { class: string; state: EventState; reason: string | null; rule?: string | null; bot?: string | null; would_withhold?: string | null; explanation: string }

/** Where an event stands and why. */
export function eventSentence(words: Words, event: Standing): string {
  const { t } = words;
  if (event.class === "echo") return t.echoSentence;
  const states: Table = t.states;
  const state = states[event.state];
  const reason = event.reason === null ? "" : reasonText(words, event.reason);
  if (state === undefined || reason === undefined) return event.explanation;
  const parts = [reason === "" ? `${state}.` : `${state}: ${reason}.`];
  if (event.rule) parts.push(t.byRule(event.rule));
  if (event.bot) parts.push(t.forBot(event.bot));
  if (event.would_withhold) parts.push(t.wouldWithhold(reasonText(words, event.would_withhold) ?? event.would_withhold));
  return parts.join(" ");
}

interface Met { outcome: CollisionOutcome; reason: string; late_ms: number; kind: string; explanation: string }

export function collisionSentence(words: Words, collision: Met): string {
  const { collide } = words.t;
  const table: Record<string, ((late: string) => string) | undefined> = collide.sentences;
  const sentence = table[collision.outcome];
  if (!sentence) return collision.explanation;
  const parts = [sentence(delay(words.locale, collision.late_ms))];
  if (collision.reason === "older_token") parts.push(collide.olderToken);
  if (collision.kind === "") parts.push(collide.past);
  return parts.join(" ");
}
