//! Bounds of the desk: what it is told, how long it keeps it, whom it tells.
//!
//! Invariant: a desk does the same work for each report, however many conversations its line has; what it keeps ends by
//! time, and what it shows or sends at once ends by number.
//!
//! Not here: pages of the operator's API (`limits`).

use super::COLLISIONS_MAX;
use crate::time::Millis;

/// Collisions of one conversation that wait to be reported to the desk: those that the conversation itself remembers.
pub const REPORTED_COLLISIONS_MAX: usize = COLLISIONS_MAX;

/// Dead letters of one conversation that the desk shows; the conversation has them all.
pub const REPORTED_DEAD_LETTERS_MAX: usize = 50;

/// Attempts that fail in a row, over all conversations of a line, until the bot counts as down. One message is tried
/// twice within five seconds, so that five are at least two messages.
pub const BOT_DOWN_FAILURES: u32 = 5;

/// Messages of customers without an echo from which on the silence of the phone may mean something.
pub const DEAF_AFTER_MESSAGES: u64 = 20;

/// Shortest silence of the phone that may mean something: longer than a night.
pub const DEAF_AFTER_MIN: Millis = Millis::from_seconds(16 * 3_600);

/// When Meta ends Coexistence because the Business App was not opened (Meta, "Onboarding WhatsApp Business app users",
/// 2026: about 14 days), and how long before that the owner is told.
pub const PHONE_IDLE: Millis = Millis::from_seconds(14 * 86_400);
/// See [`PHONE_IDLE`].
pub const PHONE_IDLE_WARN: Millis = Millis::from_seconds(11 * 86_400);

/// How long a desk keeps tallies by the minute, by the hour, and the lists of what has happened: what the page shows,
/// and a little more.
pub const DESK_KEEPS_MINUTES_FOR: Millis = Millis::from_seconds(3 * 3_600);
/// See [`DESK_KEEPS_MINUTES_FOR`].
pub const DESK_KEEPS_HOURS_FOR: Millis = Millis::from_seconds(32 * 86_400);
/// See [`DESK_KEEPS_MINUTES_FOR`].
pub const DESK_KEEPS_LISTS_FOR: Millis = Millis::from_seconds(90 * 86_400);

/// How often a conversation in which nothing happens but talk has its row at the desk written anew.
pub const DESK_ACTIVITY_EVERY: Millis = Millis::from_seconds(300);

/// How far the clocks of two machines may lie apart before a report counts as older than another.
pub const DESK_CLOCK_SKEW: Millis = Millis::from_seconds(5);

/// How often a desk looks for conversations whose alarm has not rung, and how many it wakes then.
pub const SWEEP_EVERY: Millis = Millis::from_seconds(3_600);
/// See [`SWEEP_EVERY`].
pub const SWEPT_AT_ONCE: usize = 50;

/// Parts that the desk of a line may have. One takes a line's 20 messages a second many times over.
pub const DESK_SHARDS_MAX: u32 = 16;

/// Alerts that are sent in one go, and shown.
pub const ALERTS_AT_ONCE: u64 = 10;
/// See [`ALERTS_AT_ONCE`].
pub const ALERTS_SHOWN_MAX: u64 = 100;

/// How long to wait before an alert that was not taken is sent again (Standard Webhooks, shortened to half a day: who
/// learns of it later has seen it for himself).
pub const ALERT_RETRY_SECONDS: [u64; 6] = [5, 60, 300, 1_800, 7_200, 36_000];

/// Most reports that one call brings to a desk: at some 700 bytes a report they are 70 KB, and one transaction.
pub const REPORTS_AT_ONCE: usize = 100;

/// How long after a call to a desk the next one from the same isolate begins at the earliest: a desk is called at most 20
/// times a second by each isolate, however many messages there are, and the operator sees nothing later than they would
/// notice. Half of a desk's 1,000 requests a second (Cloudflare, Durable Objects limits, 2026) are 25 isolates at work
/// for one line.
pub const REPORTS_EVERY: Millis = Millis::new(50);

/// How long a desk may take to take in reports.
pub const REPORT_TIMEOUT: Millis = Millis::from_seconds(10);

/// How long the receiver of an alert may take.
pub const ALERT_TIMEOUT: Millis = Millis::from_seconds(10);
