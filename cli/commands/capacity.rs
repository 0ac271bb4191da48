//! `baton capacity`: what a number of lines needs, and which limit is met first. It asks nobody.
//!
//! Invariant: every figure is reckoned by `demand`, from the counts of `counts`.

use core::fmt::Write as _;

use serde_json::{Value, json};

use crate::args::CapacityOptions;
use crate::counts::readable;
use crate::demand::{Demand, LINE_TAKES, OBJECT_TAKES, REQUESTS_OF_AN_ISOLATE, Wall, share};
use crate::exit::{self, Failure};
use crate::output::Output;

/// How many limits are told, the nearest first.
const WALLS_TOLD: usize = 3;

/// Prints it.
#[allow(clippy::unnecessary_wraps, clippy::allow_attributes, reason = "commands are alike")]
pub(crate) fn run(output: &Output<'_>, options: &CapacityOptions) -> Result<u8, Failure> {
    let demand = demand(options);
    let (peak, day) = (demand.peak(), demand.day());
    let (free, first) = day.share_of_free();
    let kind = |kind: crate::demand::Kind| json!({ "object": kind.name, "requests_per_second": decimal(kind.rate), "share": decimal(share(kind.rate, OBJECT_TAKES)) });
    let document = json!({
        "deployments": demand.deployments(),
        "per_second": { "worker_requests": peak.worker, "object_requests": peak.object, "rows_written": peak.rows },
        "per_day": { "worker_requests": day.worker, "object_requests": day.object, "rows_written": day.rows, "kv_reads": demand.kv_reads() },
        "objects": demand.kinds().map(kind),
        "walls": demand.walls().iter().map(wall).collect::<Vec<Value>>(),
        "free": { "carries": free <= 1_000, "first_limit": first },
        "paid": { "usd_per_month": usd(demand.cents_a_month()) },
    });
    output.result(&document, |_| lines(demand));
    Ok(exit::OK)
}

/// What the options ask about.
fn demand(options: &CapacityOptions) -> Demand {
    let per_second = options.messages_per_second;
    let even = per_second.div_ceil(options.lines.max(1));
    Demand {
        lines: options.lines,
        per_second,
        busiest: options.busiest_line.unwrap_or(per_second.min(LINE_TAKES)).max(even).min(per_second),
        echoes: options.from_the_phone,
        per_day: options.messages_per_day.unwrap_or(per_second.saturating_mul(86_400)),
        customers: options.customers,
        bot_ms: options.bot_ms,
        late_receipts: options.late_receipts,
        past_the_gate: options.past_the_gate,
        shards: options.desk_shards,
    }
}

fn wall(wall: &Wall) -> Value {
    json!({ "limit": wall.name, "needs": wall.needs, "allowed": wall.allowed, "share": decimal(wall.share()), "remedy": wall.remedy })
}

fn usd(cents: u64) -> String {
    format!("{}.{:02}", readable(cents / 100), cents % 100)
}

/// Thousandths as a number with three places.
fn decimal(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// Thousandths as per cent with one place.
fn per_cent(thousandths: u64) -> String {
    format!("{}.{} %", readable(thousandths / 10), thousandths % 10)
}

fn lines(demand: Demand) -> String {
    let (peak, day) = (demand.peak(), demand.day());
    let mut lines = format!(
        "{} with {} of customers a second at the peak and {} on a day, each answered:\n",
        super::count_of(demand.lines, "line"),
        super::count_of(demand.per_second, "message"),
        readable(demand.per_day),
    );
    // Writing into a String cannot fail.
    for kind in demand.kinds() {
        let (rate, share) = (decimal(kind.rate), per_cent(share(kind.rate, OBJECT_TAKES)));
        let _ = writeln!(lines, "  {:<36} {rate:>14} requests/s  {share:>10} of what an object takes", kind.name);
    }
    let _ = writeln!(
        lines,
        "In all {} Worker requests, {} requests of objects and {} rows a second; on a day {} rows.",
        readable(peak.worker),
        readable(peak.object),
        readable(peak.rows),
        readable(day.rows),
    );
    let _ = writeln!(
        lines,
        "With an isolate for every {REQUESTS_OF_AN_ISOLATE} requests a second: {} reads of KV on a day at most.",
        readable(demand.kv_reads()),
    );
    if demand.deployments() > 1 {
        let _ =
            writeln!(lines, "It takes {} deployments, because LINES names 100 lines.", readable(demand.deployments()));
    }
    if demand.is_beyond_meta() {
        let _ = writeln!(
            lines,
            "Meta lets a number in Coexistence have {LINE_TAKES} messages a second, in and out together: the busiest line has more here."
        );
    }
    let (free, first) = day.share_of_free();
    let carries = if free <= 1_000 { "carries it" } else { "does not carry it" };
    let _ = writeln!(lines, "The Free plan {carries}: {} of the {first} of a day.", per_cent(free));
    let (month, idle) = (usd(demand.cents_a_month()), usd(demand.idle_cents()));
    let _ = writeln!(lines, "The Paid plan costs ${month} a month, ${idle} of it for desks that look once an hour.");
    for (number, wall) in demand.walls().iter().take(WALLS_TOLD).enumerate() {
        let which = if number == 0 { "First wall" } else { "      then" };
        let _ = writeln!(lines, "{which}: {}, {}; {}.", wall.name, per_cent(wall.share()), wall.remedy);
    }
    lines.trim_end().to_owned()
}
