//! What is owed to the bot: entries, attempts, outcomes. Pure.
//!
//! | file | what |
//! |---|---|
//! | [`outcome`] | what the bot's answer, or its absence, means |
//! | [`retry`] | how long to wait before the next attempt |
//! | [`destination`] | the bot's address, and which addresses are refused |
//! | [`recent`] | the receipts that were sent straight a short while ago |
//! | [`request`] | one attempt as an HTTP request: headers, signatures, body |
//!
//! An entry is written together with the decision that made it. It leaves the outbox in exactly one of three
//! ways: delivered, withheld, dead-lettered; the row stays for as long as its id must be remembered.
//!
//! Invariant: an attempt has a number, and only the outcome of the attempt that is in flight changes the
//! entry. An outcome that comes late, after the attempt was given up as lost, changes nothing.
//!
//! Not here: which entry is next and whether it may be sent at all (`conversation::deliver`).

pub mod destination;
pub mod outcome;
pub mod recent;
pub mod request;
pub mod retry;

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{AttemptNumber, EventId, FencingToken};
use crate::limits::ATTEMPT_LOST_AFTER;
use crate::time::{Millis, UnixMillis};
use crate::webhook::event::Class;
use outcome::Outcome;

/// One event that a conversation has accepted, and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The event's id.
    pub id: EventId,
    /// The event's class.
    pub class: Class,
    /// Orders the entries of a conversation: they are sent by growing `seq`.
    pub seq: u64,
    /// The turn in which the event was accepted.
    pub token: FencingToken,
    /// Attempts made so far; the last of them may be in flight.
    pub attempts: AttemptNumber,
    /// Where the entry stands.
    pub state: State,
    /// Why it stands there, where that needs a reason.
    pub reason: Option<Reason>,
    /// When it happened by Meta's clock.
    pub sent_at: Option<UnixMillis>,
    /// When the gate accepted it.
    pub accepted_at: UnixMillis,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Given up on; kept for a person.
    Dead,
    /// The bot has it.
    Delivered,
    /// An attempt is under way; without an outcome it counts as lost at this time.
    InFlight(UnixMillis),
    /// The next attempt is due at this time.
    Waiting(UnixMillis),
    /// Not for the bot.
    Withheld,
}

impl State {
    /// Whether the entry is still in the outbox.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::InFlight(_) | Self::Waiting(_))
    }

    /// The state's name, as it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Delivered => "delivered",
            Self::InFlight(_) => "in_flight",
            Self::Waiting(_) => "waiting",
            Self::Withheld => "withheld",
        }
    }
}

/// Why an entry stands where it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The connection to the bot broke; whether the bot has the event is not known.
    ConnectionLost,
    /// The event came while a person held the baton.
    HeldByHuman,
    /// The gate was stopped during the attempt; whether the bot has the event is not known.
    Interrupted,
    /// The conversation moved to another object, which took the event over.
    Moved,
    /// Events of this class are not for the bot.
    NotForwarded,
    /// The conversation owed the bot too much already.
    OutboxFull,
    /// The bot answered with this status.
    Status(u16),
    /// A person took the baton before the event was delivered.
    TakenOver,
    /// There is nothing to send any more.
    Unsendable,
    /// The bot did not answer in time; whether it has the event is not known.
    TimedOut,
}

impl Reason {
    const NAMED: [Self; 9] = [
        Self::ConnectionLost,
        Self::HeldByHuman,
        Self::Interrupted,
        Self::Moved,
        Self::NotForwarded,
        Self::OutboxFull,
        Self::TakenOver,
        Self::TimedOut,
        Self::Unsendable,
    ];

    /// Reads a reason as it is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("status_") {
            Some(status) => status.parse().ok().map(Self::Status),
            None => Self::NAMED.into_iter().find(|reason| reason.to_string() == text),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionLost => "connection_lost",
            Self::HeldByHuman => "held_by_human",
            Self::Interrupted => "interrupted",
            Self::Moved => "moved",
            Self::NotForwarded => "not_forwarded",
            Self::OutboxFull => "outbox_full",
            Self::Status(status) => return write!(f, "status_{status}"),
            Self::TakenOver => "taken_over",
            Self::TimedOut => "timed_out",
            Self::Unsendable => "unsendable",
        })
    }
}

/// An attempt that was made before the event reached its conversation: a receipt that the Worker sent to the
/// bot straight (`docs/decisions/0005-receipts.md`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    /// It has ended like this.
    Ended(Outcome),
    /// It is under way; its end will be told.
    UnderWay,
}

impl Entry {
    /// Begins the next attempt.
    pub fn start(&mut self, now: UnixMillis) {
        self.attempts = self.attempts.next();
        self.state = State::InFlight(now.after(ATTEMPT_LOST_AFTER));
    }

    /// Records how an attempt ended. An outcome of any attempt but the one in flight changes nothing.
    ///
    /// `draw` is a random number that spreads the retries. Returns whether the entry changed.
    pub fn finish(
        &mut self,
        attempt: AttemptNumber,
        outcome: Outcome,
        now: UnixMillis,
        schedule: &[Millis],
        draw: u32,
    ) -> bool {
        if attempt != self.attempts || !matches!(self.state, State::InFlight(_)) {
            return false;
        }
        self.reason = outcome.reason();
        self.state = match outcome {
            Outcome::Accepted => State::Delivered,
            Outcome::Rejected { .. } | Outcome::Unsendable => State::Dead,
            Outcome::Retryable { .. } | Outcome::Throttled { .. } | Outcome::Unknown(_) => {
                match retry::wait(schedule, self.attempts, outcome, draw) {
                    Some(wait) => State::Waiting(now.after(wait)),
                    None => State::Dead,
                }
            }
        };
        true
    }

    /// Takes the entry out of the outbox without delivering it.
    pub fn withhold(&mut self, reason: Reason) {
        self.state = State::Withheld;
        self.reason = Some(reason);
    }
}
