//! What a desk is asked, and the name of the object that is.
//!
//! The answers are JSON: a list of items (`page::Item`), or what `statistics` reads. The Worker puts those of several
//! parts together.
//!
//! Invariant: which part of a desk a conversation belongs to follows from its id alone. When a line gets more parts than
//! before, a conversation reports to its new part from then on, and the old one is told to forget it.

use serde::{Deserialize, Serialize};

use super::page::Key;
use super::report::Report;
use crate::ids::{LineId, ObjectName};
use crate::limits::SWEEP_EVERY;
use crate::time::{Millis, UnixMillis};

/// How often each part of a desk tells the directory of its line again. There is one directory for all lines, and an
/// object takes about 1,000 requests a second (Cloudflare, Durable Objects limits, 2026): once an hour would be 278 a
/// second for a million lines with one part each, and 4,444 with 16; once a day is 12, and 185.
pub const REGISTER_AGAIN_EVERY: Millis = Millis::from_seconds(86_400);

/// What a desk is asked.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// The last alerts.
    Alerts,
    /// Collisions.
    Collisions {
        /// Those since then.
        since_ms: UnixMillis,
        /// Those with this outcome.
        outcome: Option<String>,
        /// Behind this one.
        after: Key,
        /// At most so many.
        limit: usize,
    },
    /// Conversations.
    Conversations {
        /// `human` or `automation`.
        holder: Option<String>,
        /// Whether the customer waits.
        waiting: Option<bool>,
        /// Whether there are dead letters.
        dead: Option<bool>,
        /// A part of a name, in small letters.
        search: String,
        /// Behind this one.
        after: Key,
        /// At most so many.
        limit: usize,
    },
    /// What was counted: `hour`, `day` or `month`.
    Counts {
        /// Over which span.
        span: String,
    },
    /// Dead letters.
    DeadLetters {
        /// Those that died since then.
        since_ms: UnixMillis,
        /// Behind this one.
        after: Key,
        /// At most so many.
        limit: usize,
    },
    /// Forget these conversations, by their public ids; the answer is how many rows there were of each kind.
    Forget {
        /// The ids.
        ids: Vec<String>,
        /// Only count what there is of them.
        #[serde(default)]
        only_look: bool,
    },
    /// The lines that have ever reported; asked of the directory.
    Lines,
    /// A line has something to show; told to the directory.
    Register {
        /// The line.
        line: LineId,
    },
    /// What has happened since a time, which lies on the hour.
    Observed {
        /// The time.
        since_ms: UnixMillis,
    },
    /// A report, as the version before brings it.
    Report(Box<Report>),
    /// Reports, in their order.
    Reports(Vec<Report>),
    /// Customers who wait, conversations that a person holds, conversations with dead letters.
    Standing,
    /// What was counted since the desk began.
    Totals,
}

/// The object that knows which lines there are.
#[must_use]
pub fn directory() -> ObjectName {
    ObjectName::from_runtime("desks".to_owned())
}

/// One part of a line's desk.
#[must_use]
pub fn desk(line: &LineId, shard: u32) -> ObjectName {
    ObjectName::from_runtime(format!("desk/{}/{shard}", line.as_str()))
}

/// The line and the number of the part that this object is; `None` of the directory.
#[must_use]
pub fn part_of(name: &ObjectName) -> Option<(LineId, u32)> {
    let (line, shard) = name.as_str().strip_prefix("desk/")?.split_once('/')?;
    Some((LineId::parse(line)?, shard.parse().ok()?))
}

/// Whether a part of a desk, which looks once in [`SWEEP_EVERY`], tells the directory of its line once more: should the
/// first time have been lost, this mends it. Each part has a moment of the day of its own, so that the one directory
/// hears of a million lines twelve times a second and not all at once (`docs/capacity.md`).
#[must_use]
pub fn registers_again(part: &ObjectName, now: UnixMillis) -> bool {
    let day = REGISTER_AGAIN_EVERY.as_millis();
    let moment = (u64::from(head_of(&part.public_id())) * day) >> u32::BITS;
    let since = (now.as_millis() % day + day - moment) % day;
    since < SWEEP_EVERY.as_millis()
}

/// The part of a desk of `shards` parts to which a conversation belongs, by its public id, which is a digest.
#[must_use]
pub fn shard_of(id: &str, shards: u32) -> u32 {
    head_of(id) % shards.max(1)
}

/// The first 32 bits of a public id.
fn head_of(id: &str) -> u32 {
    id.get(..8).and_then(|head| u32::from_str_radix(head, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_spread_evenly_over_the_parts_and_the_name_says_which() {
        let line = LineId::parse("106540352242922").unwrap();
        assert_eq!(part_of(&desk(&line, 3)), Some((line, 3)));
        assert_eq!(part_of(&directory()), None);
        let mut parts = [0_u32; 8];
        for number in 0..8_000 {
            let id = ObjectName::from_runtime(format!("customer/1/{number}")).public_id();
            parts[usize::try_from(shard_of(&id, 8)).unwrap()] += 1;
            assert_eq!(shard_of(&id, 1), 0);
        }
        assert!(parts.iter().all(|count| (850..1_150).contains(count)), "{parts:?}");
    }

    #[test]
    fn a_part_that_looks_once_an_hour_registers_once_a_day_at_a_moment_of_its_own() {
        let mut by_hour = [0_u32; 24];
        for number in 0..2_400_u64 {
            let part = desk(&LineId::parse(&(100_000 + number).to_string()).unwrap(), 0);
            // Each looks at another minute of the hour.
            let looks = (0..24).map(|hour| UnixMillis::new((hour * 3_600 + number % 3_600) * 1_000));
            let hours: Vec<usize> =
                (0..).zip(looks).filter(|(_, at)| registers_again(&part, *at)).map(|(hour, _)| hour).collect();
            assert_eq!(hours.len(), 1, "{number}");
            by_hour[hours[0]] += 1;
        }
        assert!(by_hour.iter().all(|count| (60..150).contains(count)), "{by_hour:?}");
    }
}
