//! What a thousand webhooks cost at Cloudflare beyond what a plan includes, from the counts of `cli/counts.rs`.
//!
//! Invariant: every count is one that `cargo test --test native cost` asserts against the gate itself, and the desk's
//! requests and rows and the alarm after each message are in it.
//!
//! Deliberately not here: the bot's sends. They are no webhooks, and `baton cost` reckons a whole day with them.

use super::counts::{CENTS_OF_MILLION, CPU_MS, Count, MESSAGE, RECEIPT, RECEIPTS};

/// How long the bot takes to answer; an object waits for it meanwhile.
const BOT_MS: u64 = 350;
/// A price of so many cents for a million is this many dollars for each.
const DOLLARS_PER_UNIT: f64 = 1e-8;

/// Dollars for a thousand webhooks that each bring a message for the bot.
pub fn of_messages() -> f64 {
    1_000.0 * of(MESSAGE, BOT_MS)
}

/// Dollars for a thousand webhooks as a shop gets them: to each message the receipts of one answer.
pub fn of_webhooks() -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let receipts = RECEIPTS as f64;
    1_000.0 * (of(MESSAGE, BOT_MS) + receipts * of(RECEIPT, 0)) / (1.0 + receipts)
}

fn of(count: Count, waiting_ms: u64) -> f64 {
    let used = [
        count.worker,
        count.object + count.desk + count.alarms,
        count.rows + count.desk_rows + count.alarms,
        count.worker * CPU_MS,
    ];
    #[allow(clippy::cast_precision_loss)]
    let cents = used.into_iter().zip(CENTS_OF_MILLION).map(|(used, cents)| (used * cents) as f64).sum::<f64>();
    #[allow(clippy::cast_precision_loss)]
    let waiting = (waiting_ms * CENTS_OF_MILLION[4]) as f64 / 1_000.0;
    (cents + waiting) * DOLLARS_PER_UNIT
}
