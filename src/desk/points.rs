//! The data points of an input's output, for Workers Analytics Engine, where the policy asks for them.
//!
//! | `event` | `detail` | milliseconds |
//! |---|---|---|
//! | `takeover`, `handback` | the cause, as in the journal | 0 |
//! | `delivered` | empty | from the message's arrival until the bot had it |
//! | `withheld`, `would_withhold` | the reason | 0 |
//! | `collision` | what became of the bot's message | since the person took the baton |
//! | `dead_letter` | the reason | from the message's arrival until it was given up on |
//!
//! Invariant: the list is closed, and a point has nothing but words of this code and a time: nobody's name, and not even
//! the digest of a conversation. An output makes at most [`POINTS_MAX`] of them.
//!
//! Not here: writing them (`edge::analytics`).

use crate::conversation::memory::Change as TurnChange;
use crate::conversation::{Change, Output};
use crate::json;
use crate::outbox::{Entry, Reason, State};
use crate::time::{Millis, UnixMillis};

/// Most points of one output. The platform takes 250 in one invocation (Cloudflare, "Workers Analytics Engine limits",
/// 2026), in which an object may have several inputs.
pub const POINTS_MAX: usize = 20;

/// One data point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Point {
    /// What has happened.
    pub event: &'static str,
    /// Why, or how, in one word; empty where there is nothing to say.
    pub detail: String,
    /// How long it took.
    pub took: Millis,
}

/// The points of an output.
#[must_use]
pub fn of(output: &Output, now: UnixMillis) -> Vec<Point> {
    let mut points = Vec::new();
    for step in &output.transitions {
        let event = match step.transition {
            TurnChange::Handback => "handback",
            TurnChange::Takeover => "takeover",
            TurnChange::Warning => continue,
        };
        let cause = json::write(&step.cause).unwrap_or_default();
        points.push(Point { event, detail: cause.trim_matches('"').to_owned(), took: Millis::default() });
    }
    for change in &output.changes {
        if let Change::Put { entry, .. } | Change::Update(entry) = change {
            points.extend(of_entry(entry, matches!(change, Change::Put { .. }), now));
        }
    }
    if let Some(collision) = &output.collision {
        points.push(Point { event: "collision", detail: collision.name().to_owned(), took: collision.late_ms });
    }
    points.truncate(POINTS_MAX);
    points
}

fn of_entry(entry: &Entry, is_new: bool, now: UnixMillis) -> Option<Point> {
    if !entry.class.is_turn_bound() {
        return None;
    }
    let word = |reason: Option<Reason>| reason.map_or_else(String::new, |reason| reason.to_string());
    let since = now.since(entry.accepted_at);
    let settled_now = entry.settled_at == Some(now);
    match entry.state {
        State::Delivered if settled_now => Some(Point { event: "delivered", detail: String::new(), took: since }),
        State::Withheld if settled_now => {
            Some(Point { event: "withheld", detail: word(entry.reason), took: Millis::default() })
        }
        State::Dead if settled_now => Some(Point { event: "dead_letter", detail: word(entry.reason), took: since }),
        State::InFlight(_) | State::Waiting(_) if is_new && entry.note.would_withhold.is_some() => {
            Some(Point { event: "would_withhold", detail: word(entry.note.would_withhold), took: Millis::default() })
        }
        State::Dead | State::Delivered | State::InFlight(_) | State::Waiting(_) | State::Withheld => None,
    }
}
