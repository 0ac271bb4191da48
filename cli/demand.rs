//! What a number of lines needs of Cloudflare: requests a second of each kind of object, what a month costs, and which
//! limit is met first.
//!
//! Invariant: what an event counts and what it costs is taken from `counts`, which is tested against the gate; the limits
//! are Cloudflare's published ones or the gate's own (`baton::limits`). That the names of objects spread traffic as it is
//! reckoned here is shown by `tests/native/capacity.rs`, which drives them.
//!
//! Rates are in thousandths of a request a second, sums saturate, and no number asked about is too large.
//!
//! Not here: how it is printed (`commands/capacity`).

use baton::desk::ask::REGISTER_AGAIN_EVERY;
use baton::limits::{LINES_MAX, POLICY_FRESH_FOR, SECRET_USE_TOLD_EVERY, SWEEP_EVERY};

use crate::counts::{
    Count, DAYS, DESK_DAY, DESK_HOUR, Day, ECHO, LATE_RECEIPT, MESSAGE, RECEIPT, RECEIPTS, SEND, UNKNOWN_SENT, Usage,
};

/// Requests a second that one object takes, in thousandths (Cloudflare, Durable Objects limits, "How much work can a single
/// Durable Object do?", November 2026: a soft limit of 1,000; more are queued, and then refused).
pub(crate) const OBJECT_TAKES: u64 = 1_000 * 1_000;

/// What one object stores (same page): 10 GB.
pub(crate) const OBJECT_STORES: u64 = 10_000_000_000;

/// Calls that one request may make on the Paid plan (Cloudflare, Workers limits, November 2026).
pub(crate) const CALLS_OF_A_REQUEST: u64 = 10_000;

/// Classes of objects in one account on the Paid plan (Cloudflare, Durable Objects limits), and those of a deployment.
pub(crate) const CLASSES: u64 = 500;
pub(crate) const CLASSES_OF_A_GATE: u64 = 3;

/// What Meta lets a number in Coexistence have a second, in and out together (Meta, "Throughput", 2026-05-21).
pub(crate) const LINE_TAKES: u64 = 20;

/// Requests a second for each isolate. Cloudflare does not say how many isolates it makes of a Worker and of the objects
/// that it runs; one for so few requests is many.
pub(crate) const REQUESTS_OF_AN_ISOLATE: u64 = 10;

/// What a conversation takes at a desk's part, in bytes, where all stands in it that may: `cargo test --test native
/// capacity` measures it. (A row of more than a kilobyte takes a page of its own.)
pub(crate) const DESK_BYTES: u64 = 5_000;

/// Reads of KV in the Paid plan a month, and the cents of a million more (Cloudflare, KV pricing, November 2026).
const KV_READS: u64 = 10_000_000;
const KV_CENTS_OF_MILLION: u64 = 50;

const DAY_S: u64 = 86_400;

/// Messages a second of the one customer who writes most.
const CUSTOMER_WRITES: u64 = 1;

/// What is asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Demand {
    /// Business numbers.
    pub lines: u64,
    /// Messages of customers a second at the peak, of all lines; each is answered.
    pub per_second: u64,
    /// Of these, the busiest line's.
    pub busiest: u64,
    /// Messages from the phone a second at the peak, of all lines.
    pub echoes: u64,
    /// Messages of customers on a day.
    pub per_day: u64,
    /// Customers of the busiest line within the 90 days for which its desk shows them.
    pub customers: u64,
    /// How long the bot takes to answer a webhook.
    pub bot_ms: u64,
    /// Whether it takes longer than 150 ms for receipts.
    pub late_receipts: bool,
    /// Whether its messages go past the gate.
    pub past_the_gate: bool,
    /// `DESK_SHARDS`.
    pub shards: u64,
}

/// A kind of object, and what the busiest one of it is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Kind {
    pub name: &'static str,
    /// Requests a second at the peak, in thousandths.
    pub rate: u64,
}

/// A limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wall {
    pub name: &'static str,
    pub needs: u64,
    pub allowed: u64,
    /// What to do before it is met.
    pub remedy: &'static str,
}

impl Wall {
    /// What is needed of what is allowed, in thousandths.
    pub(crate) fn share(&self) -> u64 {
        share(self.needs, self.allowed)
    }
}

/// What is needed of what is allowed, in thousandths, rounded up.
pub(crate) fn share(needs: u64, allowed: u64) -> u64 {
    let thousandths = (u128::from(needs) * 1_000).div_ceil(u128::from(allowed.max(1)));
    u64::try_from(thousandths).unwrap_or(u64::MAX)
}

impl Demand {
    /// Deployments that it takes: for the bots of all lines to send through the gate, `LINES` must name each.
    pub(crate) fn deployments(self) -> u64 {
        if self.past_the_gate { 1 } else { self.lines.div_ceil(named_max()).max(1) }
    }

    /// Lines of one deployment.
    fn lines_of_one(self) -> u64 {
        self.lines.div_ceil(self.deployments())
    }

    /// A second of the peak.
    pub(crate) fn peak(self) -> Usage {
        let (hours, seconds) = (self.parts(), SWEEP_EVERY.as_millis() / 1_000);
        let usage = self.of(self.per_second, self.echoes).usage();
        Usage::plus(usage, DESK_HOUR, hours.div_ceil(seconds))
    }

    /// A day, with what desks do though nobody writes.
    pub(crate) fn day(self) -> Usage {
        // So many of the phone's messages for each of the customers' as at the peak.
        let echoes = u128::from(self.echoes) * u128::from(self.per_day) / u128::from(self.per_second.max(1));
        let usage = self.of(self.per_day, u64::try_from(echoes).unwrap_or(u64::MAX)).usage();
        usage.plus(DESK_HOUR, self.parts().saturating_mul(24)).plus(DESK_DAY, self.parts())
    }

    /// Parts of desks.
    fn parts(self) -> u64 {
        self.lines.saturating_mul(self.shards)
    }

    fn of(self, messages: u64, echoes: u64) -> Day {
        let Self { bot_ms, late_receipts, past_the_gate, .. } = self;
        Day { messages, answers: messages, echoes, bot_ms, late_receipts, past_the_gate }
    }

    /// What so many answered messages and messages from the phone come to of what `part` picks from each count.
    fn come_to(self, messages: u64, echoes: u64, part: impl Fn(Count) -> u64) -> u64 {
        let receipt = if self.late_receipts { LATE_RECEIPT } else { RECEIPT };
        let sent = if self.past_the_gate { UNKNOWN_SENT } else { SEND };
        [(MESSAGE, messages), (ECHO, echoes), (receipt, messages.saturating_mul(RECEIPTS)), (sent, messages)]
            .into_iter()
            .fold(0_u64, |sum, (count, times)| sum.saturating_add(part(count).saturating_mul(times)))
    }

    /// Isolates at the peak, of one deployment.
    pub(crate) fn isolates(self) -> u64 {
        let peak = self.peak();
        isolates(peak.worker.saturating_add(peak.object)).div_ceil(self.deployments())
    }

    /// Reads of KV on a day, at most: each isolate that has something to do reads the general policy and those of the lines
    /// that it meets every 30 seconds, and no request reads more than two.
    pub(crate) fn kv_reads(self) -> u64 {
        let day = self.day();
        let requests = day.worker.saturating_add(day.object);
        let named = if self.past_the_gate { 0 } else { self.lines_of_one() };
        let each = DAY_S.saturating_mul(1_000) / POLICY_FRESH_FOR.as_millis();
        let fresh = isolates(requests / DAY_S).saturating_mul(each).saturating_mul(named.saturating_add(1));
        fresh.min(requests.saturating_mul(2))
    }

    /// What those of a month cost beyond what is in the plan, in cents.
    pub(crate) fn kv_cents(self) -> u64 {
        let beyond = self.kv_reads().saturating_mul(DAYS).saturating_sub(KV_READS);
        let cents = (u128::from(beyond) * u128::from(KV_CENTS_OF_MILLION)).div_ceil(1_000_000);
        u64::try_from(cents).unwrap_or(u64::MAX)
    }

    /// What a month costs, in cents, reads of KV included.
    pub(crate) fn cents_a_month(self) -> u64 {
        self.day().cents_a_month().saturating_add(self.kv_cents())
    }

    /// What of it is for desks that look once an hour, whatever happens.
    pub(crate) fn idle_cents(self) -> u64 {
        let talk = Self { lines: 0, ..self }.day();
        self.day().cents_a_month().saturating_sub(talk.cents_a_month())
    }

    /// Whether the busiest line has more than Meta lets it have.
    pub(crate) fn is_beyond_meta(self) -> bool {
        self.busiest.saturating_mul(2).saturating_add(self.echoes.min(self.busiest)) > LINE_TAKES
    }

    /// The kinds of objects; those behind the first three are one for all lines of a deployment.
    pub(crate) fn kinds(self) -> [Kind; 5] {
        let echoes = self.echoes.min(LINE_TAKES.max(self.echoes.div_ceil(self.lines.max(1))));
        let conversation = self.come_to(CUSTOMER_WRITES, 0, |count| count.object.saturating_add(count.alarms));
        let desk = self.come_to(self.busiest, echoes, |count| count.desk);
        let parts = self.lines_of_one().saturating_mul(self.shards);
        let each = |rate: u64, every_ms: u64| {
            let rate = (u128::from(rate) * 1_000_000).div_ceil(u128::from(every_ms.max(1)));
            u64::try_from(rate).unwrap_or(u64::MAX)
        };
        [
            ("the busiest conversation", thousandths(conversation)),
            ("the busiest line's desk, each part", thousandths(desk).div_ceil(self.shards.max(1))),
            ("its count of broadcasts", thousandths(echoes)),
            ("a deployment's directory of lines", each(parts, REGISTER_AGAIN_EVERY.as_millis())),
            ("a deployment's office", each(self.isolates(), SECRET_USE_TOLD_EVERY.as_millis())),
        ]
        .map(|(name, rate)| Kind { name, rate })
    }

    /// The limits, the nearest first.
    pub(crate) fn walls(self) -> Vec<Wall> {
        let [conversation, desk, broadcasts, directory, _] = self.kinds().map(|kind| kind.rate);
        let bytes = self.customers.div_ceil(self.shards.max(1)).saturating_mul(DESK_BYTES);
        let metrics = self.lines_of_one().saturating_mul(self.shards).saturating_add(1);
        let (named, classes) = if self.past_the_gate {
            (0, 0)
        } else {
            (self.lines, self.deployments().saturating_mul(CLASSES_OF_A_GATE))
        };
        let shards = "raise DESK_SHARDS, up to 16";
        let mut walls: Vec<Wall> = [
            ("lines that one deployment's LINES names", named, named_max(), "deploy once for every 100 lines"),
            (
                "classes of objects in one Cloudflare account",
                classes,
                CLASSES,
                "ask Cloudflare for more, or use several",
            ),
            ("requests a second of the busiest line's desk", desk, OBJECT_TAKES, shards),
            ("bytes of the busiest line's desk", bytes, OBJECT_STORES, shards),
            (
                "requests a second of one conversation",
                conversation,
                OBJECT_TAKES,
                "nothing: no customer writes as much",
            ),
            (
                "requests a second of a line's count of broadcasts",
                broadcasts,
                OBJECT_TAKES,
                "nothing: Meta's limit is nearer",
            ),
            (
                "requests a second of the directory of lines",
                directory,
                OBJECT_TAKES,
                "spread the lines over deployments",
            ),
            (
                "isolates that tell the office at once after a deployment",
                thousandths(self.isolates()),
                OBJECT_TAKES,
                "spread the lines over deployments",
            ),
            (
                "calls of one request to the desks of all lines",
                metrics,
                CALLS_OF_A_REQUEST,
                "spread the lines over deployments",
            ),
        ]
        .into_iter()
        .map(|(name, needs, allowed, remedy)| Wall { name, needs, allowed, remedy })
        .collect();
        walls.sort_by_key(|wall| core::cmp::Reverse(wall.share()));
        walls
    }
}

fn named_max() -> u64 {
    u64::try_from(LINES_MAX).unwrap_or(u64::MAX)
}

fn thousandths(rate: u64) -> u64 {
    rate.saturating_mul(1_000)
}

/// Isolates of so many requests a second; some are there whatever happens.
fn isolates(requests: u64) -> u64 {
    requests.div_ceil(REQUESTS_OF_AN_ISOLATE).max(1)
}
