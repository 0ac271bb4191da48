//! `baton cost`: what a day of a shop comes to on Cloudflare's plans. It asks nobody.
//!
//! Invariant: every figure is reckoned from the counts of `counts`, which are tested against the gate.

use core::fmt::Write as _;

use serde_json::{Value, json};

use crate::args::CostOptions;
use crate::counts::{COUNTS, Count, Day, FREE, PAID, readable};
use crate::exit::{self, Failure};
use crate::output::Output;

/// Prints it.
#[allow(clippy::unnecessary_wraps, clippy::allow_attributes, reason = "commands are alike")]
pub(crate) fn run(output: &Output<'_>, options: &CostOptions) -> Result<u8, Failure> {
    let day = Day {
        messages: options.messages_per_day,
        answers: options.answers.unwrap_or(options.messages_per_day),
        echoes: options.from_the_phone,
        bot_ms: options.bot_ms,
        late_receipts: options.late_receipts,
        past_the_gate: options.past_the_gate,
    };
    let (usage, (share, first)) = (day.usage(), day.share_of_free());
    let document = json!({
        "per_day": {
            "worker_requests": usage.worker,
            "object_requests": usage.object,
            "rows_written": usage.rows,
            "object_seconds": usage.waiting_ms / 1_000,
        },
        "free": { "carries": share <= 1_000, "first_limit": first, "messages_per_day": day.free_carries() },
        "paid": { "usd_per_month": usd(day.cents_a_month()) },
        "counts": COUNTS.map(counted),
    });
    output.result(&document, |_| lines(day));
    Ok(exit::OK)
}

/// An event, the desk's share in it.
fn counted(count: Count) -> Value {
    json!({
        "event": count.event,
        "worker_requests": count.worker,
        "object_requests": count.object + count.desk,
        "rows_written": count.rows + count.desk_rows,
        "alarms": count.alarms,
    })
}

fn usd(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn lines(day: Day) -> String {
    let mut lines = format!(
        "A day of {} messages of customers, {} of the bot's and {} from the phone:\n",
        readable(day.messages),
        readable(day.answers),
        readable(day.echoes)
    );
    let allowed = FREE.parts().into_iter().zip(PAID.parts());
    for ((name, used), ((_, free), (_, paid))) in day.usage().parts().into_iter().zip(allowed) {
        // Writing into a String cannot fail.
        let _ = writeln!(
            lines,
            "  {name:<20} {:>14}   Free: {:>9} a day   Paid: {:>11} a month are in it",
            readable(used),
            readable(free),
            readable(paid)
        );
    }
    let (share, first) = day.share_of_free();
    let most = readable(day.free_carries());
    let _ = if share <= 1_000 {
        writeln!(lines, "The Free plan carries it, up to about {most} messages a day; {first} come to their end first.")
    } else {
        writeln!(
            lines,
            "The Free plan carries about {most} messages a day of this kind: {first} come to their end first."
        )
    };
    let _ = write!(lines, "The Paid plan costs ${} a month.", usd(day.cents_a_month()));
    lines
}
