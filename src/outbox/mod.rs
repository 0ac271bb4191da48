//! What is owed to the bot: entries, attempts, outcomes. Pure.
//!
//! | file | what |
//! |---|---|
//! | [`outcome`] | what the bot's answer, or its absence, means |
//! | [`retry`] | how long to wait before the next attempt |
//! | [`destination`] | the bot's address, and which addresses are refused |
//! | [`recent`] | the receipts that were sent straight a short while ago |
//! | [`trace`] | what all that concerns one event is found by |
//! | [`request`] | one attempt as an HTTP request: headers, signatures, body |
//! | [`rotation`] | which of a bot's two secrets signs, while the secret is being changed |
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
pub mod rotation;
pub mod trace;

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{AttemptNumber, BotName, EventId, FencingToken, RuleName};
use crate::limits::ATTEMPT_LOST_AFTER;
use crate::time::{Millis, UnixMillis};
use crate::webhook::event::Class;
use outcome::Outcome;

/// One event that a conversation has accepted, and what became of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Entry {
    /// The event's id.
    pub id: EventId,
    /// The event's class.
    pub class: Class,
    /// Orders the entries of a conversation: they are sent by growing `seq`.
    pub seq: u64,
    /// The turn in which the event was accepted; of an event that a turn withheld, that turn.
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
    /// When it left the outbox.
    pub settled_at: Option<UnixMillis>,
    /// What else is to be known of it.
    pub note: Note,
}

/// What few entries need.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Note {
    /// The bot that is to have the event; `None` for the one at `BOT_URL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotName>,
    /// Attempts that were made before the entry was taken up anew: the retry schedule counts from there.
    #[serde(skip_serializing_if = "is_default")]
    pub earlier_attempts: u32,
    /// What the bot is told of the hold that has ended, with the first event that it missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handback: Option<Handback>,
    /// Whether it is a plain text that may be gathered with others.
    #[serde(skip_serializing_if = "is_default")]
    pub is_text: bool,
    /// Whether nobody need answer it, such as a reaction.
    #[serde(skip_serializing_if = "is_default")]
    pub needs_no_answer: bool,
    /// The event that this one went into: the last of the gathered texts, or the message that an edit changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<EventId>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleName>,
    /// Why the bot would not have got it, or not yet, where it passed because the policy only observed.
    #[serde(skip_serializing_if = "Option::is_none", with = "reason_by_name")]
    pub would_withhold: Option<Reason>,
}

/// A reason as it is stored in a column of its own.
mod reason_by_name {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Reason;

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "this is how serde asks")]
    pub(super) fn serialize<S: Serializer>(reason: &Option<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
        match reason {
            Some(reason) => serializer.collect_str(reason),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<Reason>, D::Error> {
        String::deserialize(deserializer).map(|name| Reason::parse(&name))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What the bot is told of a hold that has ended: the header `x-baton-handback`.
#[derive(Clone, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Handback {
    /// How long a person held the baton.
    pub held_seconds: u64,
    /// How many messages they wrote.
    pub messages: u32,
    /// What they wrote, as far as there is room; only where the owner shares it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
}

impl fmt::Debug for Handback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handback(redacted)")
    }
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
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
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reason {
    /// An edit or a withdrawal of a message that the bot had not got; it was applied to that message.
    Applied,
    /// The customer asked for a person with it.
    AskedForPerson,
    /// The customer may not have finished typing.
    Burst,
    /// The connection to the bot broke; whether the bot has the event is not known.
    ConnectionLost,
    /// A rule keeps it for a person.
    ForPerson,
    /// A person's hold has ended; it came, or was stopped, during that.
    HandedBack,
    /// The event came while a person held the baton.
    HeldByHuman,
    /// A person may answer first.
    HumanFirst,
    /// A rule keeps it from the bot, and nobody need answer.
    Ignored,
    /// The gate was stopped during the attempt; whether the bot has the event is not known.
    Interrupted,
    /// Its text went to the bot as part of a later message.
    Merged,
    /// The conversation moved to another object, which took the event over.
    Moved,
    /// It is for a bot that is no longer configured.
    NoSuchBot,
    /// Events of this class are not for the bot.
    NotForwarded,
    /// The conversation owed the bot too much already.
    OutboxFull,
    /// An operator sent it on its way again.
    Replayed,
    /// It was too old on arrival to wake the bot.
    Stale,
    /// The bot answered with this status.
    Status(u16),
    /// A person took the baton before the event was delivered.
    TakenOver,
    /// There is nothing to send any more.
    Unsendable,
    /// The bot did not answer in time; whether it has the event is not known.
    TimedOut,
    /// The customer withdrew it.
    Withdrawn,
}

impl Reason {
    const NAMED: [Self; 21] = [
        Self::Applied,
        Self::AskedForPerson,
        Self::Burst,
        Self::ConnectionLost,
        Self::ForPerson,
        Self::HandedBack,
        Self::HeldByHuman,
        Self::HumanFirst,
        Self::Ignored,
        Self::Interrupted,
        Self::Merged,
        Self::Moved,
        Self::NoSuchBot,
        Self::NotForwarded,
        Self::OutboxFull,
        Self::Replayed,
        Self::Stale,
        Self::TakenOver,
        Self::TimedOut,
        Self::Unsendable,
        Self::Withdrawn,
    ];

    /// Reads a reason as it is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("status_") {
            Some(status) => status.parse().ok().map(Self::Status),
            None => Self::NAMED.into_iter().find(|reason| reason.to_string() == text),
        }
    }

    /// Whether it is how an attempt failed.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::Interrupted | Self::Status(_) | Self::TimedOut)
    }

    /// Whether what is withheld for this reason waits for a person, or for the end of a person's hold.
    #[must_use]
    pub const fn is_for_person(self) -> bool {
        matches!(self, Self::AskedForPerson | Self::ForPerson | Self::HeldByHuman | Self::Stale | Self::TakenOver)
    }

    /// Whether what is withheld for this reason is the bot's again once the person's hold has ended.
    #[must_use]
    pub const fn ends_with_hold(self) -> bool {
        matches!(self, Self::AskedForPerson | Self::HeldByHuman | Self::TakenOver)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "applied",
            Self::AskedForPerson => "asked_for_person",
            Self::Burst => "burst",
            Self::ConnectionLost => "connection_lost",
            Self::ForPerson => "for_person",
            Self::HandedBack => "handed_back",
            Self::HeldByHuman => "held_by_human",
            Self::HumanFirst => "human_first",
            Self::Ignored => "ignored",
            Self::Interrupted => "interrupted",
            Self::Merged => "merged",
            Self::Moved => "moved",
            Self::NoSuchBot => "no_such_bot",
            Self::NotForwarded => "not_forwarded",
            Self::OutboxFull => "outbox_full",
            Self::Replayed => "replayed",
            Self::Stale => "stale",
            Self::Status(status) => return write!(f, "status_{status}"),
            Self::TakenOver => "taken_over",
            Self::TimedOut => "timed_out",
            Self::Unsendable => "unsendable",
            Self::Withdrawn => "withdrawn",
        })
    }
}

/// An attempt that was made before the event reached its conversation: a receipt that the Worker sent to the
/// bot straight (`docs/decisions/0005-receipts.md`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
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
        let in_schedule = AttemptNumber::new(self.attempts.number().saturating_sub(self.note.earlier_attempts));
        self.state = match outcome {
            Outcome::Accepted => State::Delivered,
            Outcome::Rejected { .. } | Outcome::Unsendable => State::Dead,
            Outcome::NoSuchBot | Outcome::Retryable { .. } | Outcome::Throttled { .. } | Outcome::Unknown(_) => {
                match retry::wait(schedule, in_schedule, outcome, draw) {
                    Some(wait) => State::Waiting(now.after(wait)),
                    None => State::Dead,
                }
            }
        };
        if !self.state.is_open() {
            self.settled_at = Some(now);
        }
        if self.state == State::Delivered {
            // The bot has been told; what the person wrote is not kept any longer.
            self.note.handback = None;
        }
        true
    }

    /// Takes the entry out of the outbox without delivering it.
    pub fn withhold(&mut self, reason: Reason, now: UnixMillis) {
        self.state = State::Withheld;
        self.reason = Some(reason);
        self.settled_at = Some(now);
        self.note.handback = None;
    }

    /// Puts the entry into the outbox again, due at once, with the whole retry schedule before it.
    pub fn reopen(&mut self, reason: Reason, token: FencingToken, now: UnixMillis) {
        self.state = State::Waiting(now);
        self.reason = Some(reason);
        self.token = token;
        self.settled_at = None;
        self.note.earlier_attempts = self.attempts.number();
    }

    /// Whether an event of the same id and of this class is news all the same: the real message behind a ghost.
    #[must_use]
    pub fn is_superseded_by(&self, class: Class) -> bool {
        self.class == Class::Ghost && class == Class::Turn
    }

    /// Whether the entry's body is of no further use: the bot has what it says, or nobody is to have it.
    #[must_use]
    pub const fn is_done_with_body(&self) -> bool {
        matches!(
            (self.state, self.reason),
            (State::Delivered, _) | (State::Withheld, Some(Reason::Merged | Reason::Withdrawn))
        )
    }
}
