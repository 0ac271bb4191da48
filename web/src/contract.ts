// The API's types, as web/public/api/v1/openapi.json describes them.
//
// Invariant: names are the contract's. Words that the gate may add to (classes, reasons, causes) are read with a
// fallback everywhere, and fields that are not listed here are ignored.
//
// Deliberately not here: checks at run time. The gate is this page's own origin.

export type Holder = "automation" | "human";
export type Cause =
  | "broadcast" | "customer_asked" | "echo" | "held_longest" | "lease_expired" | "merged"
  | "operator" | "paused" | "phrase" | "revoked" | "unanswered";
export type EventState = "dead" | "delivered" | "in_flight" | "waiting" | "withheld";
export type CollisionOutcome = "dropped" | "leaked" | "prevented" | "would_prevent";
export type AlertKind = "bot_down" | "customer_unanswered" | "dead_letter" | "gate_deaf" | "leak";
export type DeafReason = "account_offboarded" | "no_echoes" | "partner_removed" | "phone_idle";
export type Span = "hour" | "day" | "month";

export interface Session { csrf: string; expires_at_ms: number | null; by: "access" | "session" | "token"; line: string | null }
export interface Line { id: string; shards: number }
export interface Counts { waiting: number; human: number; dead_letters: number }

export interface Conversation {
  line: string;
  customer: string;
  conversation: string;
  names: string[];
  profile: string | null;
  holder: Holder;
  since_ms: number | null;
  lease_until_ms: number | null;
  paused: boolean;
  cause: Cause | null;
  waiting_since_ms: number | null;
  hands_back_at_ms: number | null;
  dead_letters: number;
  last_message_at_ms: number | null;
  last_echo_at_ms: number | null;
  token: number;
  at_ms: number;
  explanation: string;
}
export interface Conversations { conversations: Conversation[]; counts: Counts; next_cursor: string | null }

export interface Event {
  id: string;
  class: string;
  state: EventState;
  reason: string | null;
  would_withhold: string | null;
  trace: string;
  attempts: number;
  rule: string | null;
  bot: string | null;
  explanation: string;
  due_at_ms: number | null;
  sent_at_ms: number | null;
  accepted_at_ms: number;
}
export interface Transition {
  at_ms: number;
  transition: "handback" | "takeover" | "warning";
  cause: Cause;
  token: number;
  event?: string;
}
export interface Send { at_ms: number; kind: string; state: "accepted" | "in_flight" | "unknown"; id: string | null }
export interface ConversationCollision {
  at_ms: number;
  outcome: CollisionOutcome;
  reason: "held_by_human" | "older_token";
  late_ms: number;
  kind: string;
  taken_by: string | null;
  message: string | null;
  explanation: string;
}
export interface Collision extends ConversationCollision { line: string; customer: string; conversation: string }
export interface Collisions { collisions: Collision[]; next_cursor: string | null }
export interface CollisionCounts { prevented: number; dropped: number; leaked: number; would_prevent: number }

export interface ConversationRecord {
  conversation: string;
  line: string;
  customer: string;
  names: string[];
  holder: Holder;
  since_ms: number | null;
  lease_until_ms: number | null;
  paused: boolean;
  waiting_since_ms: number | null;
  hands_back_at_ms: number | null;
  token: number;
  events: Event[];
  journal: Transition[];
  sends: Send[];
  collision_counts: CollisionCounts;
  collisions: ConversationCollision[];
  explanation: string;
}
export interface Turn {
  holder: Holder;
  lease_until_ms: number | null;
  paused: boolean;
  token: number;
  changed: boolean;
  explanation: string;
}
export interface Explanation { line: string; customer: string; event: Event | null; send: Send | null; explanation: string }
export interface Erased {
  erased: number;
  objects: { object: string; rows: number }[];
  desk: { part: number; conversations: number; dead_letters: number; collisions: number; alerts: number }[];
  remaining: number;
}

export interface DeadLetter {
  line: string;
  customer: string;
  conversation: string;
  id: string;
  class: string;
  reason: string | null;
  attempts: number;
  bot: string | null;
  died_at_ms: number;
  accepted_at_ms: number;
  explanation: string;
}
export interface DeadLetters { dead_letters: DeadLetter[]; next_cursor: string | null }
export interface Replayed { replayed: number }
export interface ReplayedMany { replayed: number; conversations: number; is_complete: boolean }
export type ReplayOrder =
  | { line: string; customer: string; id: string }
  | { line: string; since_ms: number }
  | { line: string; all: true };

export interface Counters {
  messages: number;
  echoes: number;
  delivered: number;
  withheld: number;
  retries: number;
  dead_letters: number;
  sends: number;
  takeovers: number;
  handbacks: number;
  prevented: number;
  dropped: number;
  leaked: number;
  would_withhold: number;
  would_prevent: number;
}
export interface Bucket extends Counters { at_ms: number }
export interface Quantiles { count: number; p50: number | null; p95: number | null }
export interface Bot {
  is_down: boolean;
  last_success_at_ms: number | null;
  last_failure_at_ms: number | null;
  last_failure: string | null;
  failures_in_a_row: number;
}
export interface Watchdog {
  last_message_at_ms: number | null;
  last_echo_at_ms: number | null;
  messages_since_echo: number;
  is_deaf: boolean;
  reason: DeafReason | null;
  phone_idle_at_ms: number | null;
  explanation: string;
}
export interface Statistics {
  line: string;
  from_ms: number;
  to_ms: number;
  bucket_ms: number;
  buckets: Bucket[];
  totals: Counters;
  time_to_bot_ms: Quantiles;
  echo_delay_ms: Quantiles;
  late_ms: Quantiles;
  bot: Bot;
  watchdog: Watchdog;
}
export interface PersonTimes { count: number; p50: number | null; p90: number | null }
export interface Observation {
  line: string;
  from_ms: number;
  to_ms: number;
  mode: "enforce" | "observe";
  conversations_with_a_person: number;
  would_be_withheld: number;
  would_be_prevented: number;
  reply_gap_seconds: PersonTimes;
  first_answer_seconds: PersonTimes;
  suggestions: { key: string; value: number; why: string }[];
  missing: { key: string; why: string }[];
}
export interface Alert {
  id: string;
  line: string;
  kind: AlertKind;
  customer: string | null;
  opened_at_ms: number;
  closed_at_ms: number | null;
  told: boolean;
  explanation: string;
}

export type PolicyDocument = Record<string, unknown>;
export interface Policy {
  version: number;
  source: "deployment" | "desk" | "kv";
  document: PolicyDocument;
  in_force_within_ms: number;
}
export interface Mistake { path: string; message: string }
export interface PolicyVersion { version: number; at_ms: number; note: string | null; document: PolicyDocument }
export interface TestedEvent {
  id: string;
  class: string;
  state: EventState;
  reason: string | null;
  rule: string | null;
  bot: string | null;
  holder: Holder;
  due_at_ms: number | null;
  explanation: string;
}
export interface RuleTest { delivery: object; document?: PolicyDocument; holder?: Holder; at_ms?: number }

export interface Problem { type: string; title: string; status: number; detail: string; mistakes?: Mistake[] }

export type LiveMessage =
  | { type: "conversation"; conversation: Conversation }
  | { type: "gone"; conversation: string }
  | { type: "alert"; alert: Alert };
