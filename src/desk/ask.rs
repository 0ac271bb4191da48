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
use crate::time::UnixMillis;

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
    /// A report.
    Report(Box<Report>),
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

/// The part of a desk of `shards` parts to which a conversation belongs, by its public id, which is a digest.
#[must_use]
pub fn shard_of(id: &str, shards: u32) -> u32 {
    let head = id.get(..8).and_then(|head| u32::from_str_radix(head, 16).ok()).unwrap_or_default();
    head % shards.max(1)
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
}
