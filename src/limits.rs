//! Every bound of the gate, as a named constant with its arithmetic.
//!
//! Invariant: whatever grows because somebody outside sends more is cut off by a constant of this file.
//! A Worker has 128 MB of memory for all requests that it serves at once, and a Durable Object that runs
//! out of it takes every other object of its isolate along.
//!
//! Not here: what the owner may choose within these bounds (`policy`).

use crate::time::Millis;

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

/// Largest webhook body that is read. Meta's maximum is 3 MB ("Webhooks", create-webhook-endpoint,
/// 2026-05-21); 256 KiB of margin for a reading of "MB" as MiB and for what a proxy may add.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 3 * MIB + 256 * KIB;

/// Most events that one delivery is split into. Meta sends at most 1,000 updates a delivery (same page);
/// twice that, because one update may carry a message and a receipt.
pub const EVENTS_PER_DELIVERY_MAX: usize = 2_000;

/// Most bytes that the events of one delivery may come to once each has an envelope of its own. A batch of
/// 1,000 messages is about 1.5 MB; without a bound, 2,000 events that share a 1 MB contact would be 2 GB.
pub const REBUILT_BYTES_MAX: usize = 16 * MIB;

/// Most keys of one JSON object that the gate looks into. The richest object seen in Meta's documents has
/// 17 keys; beyond this bound the object is treated as unknown, never as an error.
pub const KEYS_PER_OBJECT_MAX: usize = 256;

/// Longest id of Meta (wamid, account, line) that is used as it is; a longer one is replaced by its digest.
/// The wamids seen have 50 to 130 characters.
pub const ID_CHARS_MAX: usize = 256;

/// Longest phone number in digits. E.164 allows 15; some test numbers of Meta's have more.
pub const PHONE_DIGITS_MAX: usize = 20;

/// Longest business-scoped user id: two letters, a dot, `ENT.`, 128 characters (Meta, 2026-05-28), with room.
pub const BSUID_CHARS_MAX: usize = 160;

/// Conversations that one delivery is written to at the same time. A batch of 1,000 updates may name 1,000
/// customers; calling all of their objects at once would hold every body in memory twice.
pub const CONVERSATIONS_AT_ONCE: usize = 24;

/// Undelivered entries that one conversation holds. A bot that is down for the three days of the retry
/// schedule collects one customer's messages; 500 of them are more than a person writes, and at 2 KB each
/// they are 1 MB of one object's storage. What comes after that is dead-lettered, which keeps it.
pub const OPEN_ENTRIES_MAX: usize = 500;

/// Echo ids that the conversation's own row remembers; older ones move to a row each. An echo then costs two
/// rows at most: the conversation's row, and either the alarm (first echo of a hold) or an old echo's row.
pub const ECHOES_IN_ROW_MAX: usize = 16;

/// Transitions that the journal of a conversation keeps.
pub const JOURNAL_MAX: usize = 64;

/// Longest text that is written in one row: a row of SQLite in a Durable Object holds at most 2 MB
/// (Cloudflare, Durable Objects limits, 2026). Longer bodies are written in parts of this size.
pub const ROW_TEXT_BYTES_MAX: usize = MIB;

/// Events that one page of a conversation's record shows, newest last.
pub const RECORD_EVENTS_MAX: usize = 200;

/// Time that one attempt at the bot may take, from the first byte sent to the last byte read. Standard
/// Webhooks asks for 15 to 30 s; a bot that thinks longer should answer first and think afterwards.
pub const ATTEMPT_TIMEOUT: Millis = Millis::from_seconds(15);

/// After this long without an outcome an attempt counts as lost, its outcome unknown: the timeout of the
/// attempt and 5 s for the object to be woken and to write.
pub const ATTEMPT_LOST_AFTER: Millis = Millis::from_seconds(20);

/// Most bytes of the bot's answer that are read. Its status is all that counts; reading on lets the bot
/// finish its work before the next message starts.
pub const BOT_ANSWER_BYTES_MAX: usize = 64 * KIB;

/// Shortest wait after the bot said "too many requests" or did not answer in time (Standard Webhooks).
pub const OVERLOAD_WAIT_MIN: Millis = Millis::from_seconds(60);

/// Share by which a retry comes earlier or later than the schedule says, in percent, so that the entries
/// that failed together do not come back together.
pub const RETRY_JITTER_PERCENT: u64 = 20;

/// How long a ghost (an `unsupported` message with error 131060) waits for the real message that follows
/// under the same wamid. Seen 200 ms apart; 10 s leave room for a retry of Meta's in between.
pub const GHOST_HOLD: Millis = Millis::from_seconds(10);

/// How long a receipt that goes straight from the Worker to the bot may take before Meta is answered
/// without it. Meta expects a median of 250 ms for the whole answer.
pub const RECEIPT_STRAIGHT_WAIT: Millis = Millis::new(150);

/// Receipts of one delivery that go straight to the bot. Production waits for the response headers of six
/// calls of one invocation at a time; the seventh receipt would queue behind a slow bot.
pub const RECEIPTS_STRAIGHT_MAX: usize = 6;

/// Receipts that a Worker remembers to have sent straight: at 200 webhooks a second half a minute's worth, and
/// at about 200 bytes each 1 MB of its memory.
pub const RECEIPTS_REMEMBERED_MAX: usize = 4_096;

/// How long a wamid is remembered: Meta repeats a delivery for up to 7 days (webhooks overview, 2026), and
/// one day more for a delivery that was accepted late on its last day.
pub const REMEMBER_EVENTS_FOR: Millis = Millis::from_seconds(8 * 86_400);

/// How long the body of a withheld or dead-lettered event is kept.
pub const KEEP_BODIES_FOR: Millis = Millis::from_seconds(7 * 86_400);

/// How long an object that found something to forget waits before it looks again.
pub const FORGET_EVERY: Millis = Millis::from_seconds(86_400);

/// How long after a failure the alarm of an object tries again.
pub const ALARM_RETRY: Millis = Millis::from_seconds(30);

/// An alarm that should have rung this long ago is not coming, and is set anew. The platform delays alarms by up
/// to a minute, and gives up on one whose handler failed after about two (Cloudflare, Alarms API, 2026).
pub const ALARM_OVERDUE: Millis = Millis::from_seconds(300);

/// How long a policy that was read from KV stays in use before it is read again. KV itself may show a
/// change to another place only after 60 s (Cloudflare, "How KV works").
pub const POLICY_FRESH_FOR: Millis = Millis::from_seconds(30);

/// Objects that a call follows from one name of a customer to the next before it gives up. Names point at
/// the home object directly; a second hop happens only while a link is being made.
pub const HOPS_MAX: usize = 4;
