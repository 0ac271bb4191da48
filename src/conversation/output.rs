//! What an input brings about: rows, attempts, answers, and whom to tell.
//!
//! Invariant: an output is complete. Whoever writes its rows, starts its attempts, sets its alarm and gives its answer
//! has done all that the input demands, and need understand none of it.
//!
//! Not here: how rows are written (`store::write`).

use serde::{Deserialize, Serialize};

use super::collisions::Collision;
use super::fence::Verdict;
use super::memory::Transition;
use crate::ids::{EventId, ObjectName};
use crate::outbox::request::Attempt;
use crate::outbox::{Entry, Reason};
use crate::time::{Millis, UnixMillis};

/// What is to be done after an input.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Output {
    /// Rows to write, in this order.
    pub changes: Vec<Change>,
    /// Whether the conversation's own row is to be written.
    pub save: bool,
    /// The attempts to start once everything is written.
    pub attempts: Vec<Attempt>,
    /// When to wake the conversation at the latest.
    pub wake_at: Option<UnixMillis>,
    /// What to tell the caller.
    pub answer: Answer,
    /// What somebody should be told.
    pub alerts: Vec<Alert>,
    /// Echoes that may be part of a broadcast.
    pub tally: Vec<Tallied>,
    /// How many messages would have been withheld, had the policy not only observed.
    pub would_withhold: u32,
    /// The collision of this very input's.
    pub collision: Option<Collision>,
    /// The name that the customer has given themselves, where the input says so.
    pub profile: Option<String>,
    /// The transitions that this input brought about.
    pub transitions: Vec<Transition>,
    /// How long after a person's message the next one of theirs came.
    pub reply_gaps: Vec<Millis>,
    /// How long after the customer's last message a person's first answer came.
    pub first_answers: Vec<Millis>,
    /// The person's messages that this input brought, each with how late it was by Meta's clock, where that is known.
    pub echoes: Vec<Option<Millis>>,
}

impl Output {
    /// Notes that an entry has moved on. One that this very output writes is written in its new state at once: the
    /// first attempt at a message costs no row of its own.
    pub(super) fn write(&mut self, entry: Entry) {
        let written = self.changes.iter_mut().rev().find_map(|change| match change {
            Change::Put { entry: put, .. } | Change::Update(put) if put.id == entry.id => Some(put),
            Change::Put { .. } | Change::Update(_) | Change::Rewrite { .. } | Change::Forget { .. } => None,
        });
        match written {
            Some(written) => *written = entry,
            None => self.changes.push(Change::Update(entry)),
        }
    }

    /// Whether a body changes, which has to be read before it is written.
    #[must_use]
    pub fn rewrites(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Rewrite { .. }))
    }

    /// Whether there is anything to write.
    #[must_use]
    pub fn is_to_be_written(&self) -> bool {
        self.save || !self.changes.is_empty()
    }
}

/// Something that the owner should be told.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// Meta has taken the number off the Business App: the gate does not hear the phone any more.
    AccountOffboarded,
    /// Meta has connected the number again.
    AccountReconnected,
    /// The bot wants no more events at its address (status 410).
    BotGone,
    /// A customer has waited for a person for as long as `warn_after_seconds`.
    CustomerUnanswered,
    /// A part of the talk was given up on.
    DeadLetter,
    /// The bot spoke to a customer whom a person was answering.
    Leak,
    /// Meta has ended the connection of the number: the gate does not hear the phone any more.
    PartnerRemoved,
}

impl Alert {
    /// What Meta says of an account with this `event` of an `account_update` (Meta, "Coexistence", 2026).
    pub(super) fn of_account(event: &str) -> Option<Self> {
        match event {
            "ACCOUNT_OFFBOARDED" => Some(Self::AccountOffboarded),
            "ACCOUNT_RECONNECTED" => Some(Self::AccountReconnected),
            "ACCOUNT_DELETED" | "PARTNER_APP_UNINSTALLED" | "PARTNER_REMOVED" => Some(Self::PartnerRemoved),
            _ => None,
        }
    }

    /// The alert of an entry that was given up on. Some bots refuse every receipt, which is nobody's concern.
    pub(super) fn of_dead_letter(entry: &Entry) -> Option<Self> {
        match entry.reason {
            Some(Reason::Status(410)) => Some(Self::BotGone),
            _ => entry.class.is_turn_bound().then_some(Self::DeadLetter),
        }
    }
}

/// An echo that may be part of a broadcast: to be counted over the line's customers ([`super::broadcast`]).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Tallied {
    /// The echo.
    pub echo: EventId,
    /// The digest of what was sent.
    pub content: String,
}

/// A row to write.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Change {
    /// Forget events that were accepted before `events_before`, and bodies from before `bodies_before`.
    Forget {
        /// Rows older than this go.
        events_before: UnixMillis,
        /// Bodies older than this go.
        bodies_before: UnixMillis,
    },
    /// A new entry, or one that replaces the entry of the same id. Its body is that of the input's event at
    /// index `event`; `None` where no body is kept.
    Put {
        /// The entry.
        entry: Entry,
        /// Where its body is.
        event: Option<usize>,
        /// Whether there is an entry of this id already.
        replaces: bool,
    },
    /// The body of an entry changes before the bot gets it.
    Rewrite {
        /// The entry.
        id: EventId,
        /// How.
        how: Rewrite,
    },
    /// An entry has moved on. One that is done with its body loses it.
    Update(Entry),
}

/// How a body changes before the bot gets it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Rewrite {
    /// The customer edited the message; the edit is the input's event at this index.
    Edited {
        /// Where the edit is.
        event: usize,
    },
    /// The texts of these entries, in their order, become one. The last of them is the entry itself.
    Merged(Vec<EventId>),
}

/// What the caller is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Everything is stored.
    Accepted {
        /// Events that are new.
        new: usize,
        /// Events that were known.
        duplicates: usize,
    },
    /// Nothing is stored: first the conversation must learn whether this object knows the customer.
    LinkFirst(ObjectName),
    /// Nothing is stored: first this object must learn whether the conversation knows the customer.
    LinkVia(ObjectName),
    /// Nothing is stored: the conversation lives there. The events at these indices are known here.
    Moved {
        /// The home of the conversation.
        to: ObjectName,
        /// Events that need not be taken there.
        known: Vec<usize>,
    },
    /// The operator's act is done; whether it has changed anything.
    Operated(bool),
    /// This many dead letters are on their way again.
    Replayed(usize),
    /// What becomes of the bot's message.
    Send(Verdict),
}

impl Default for Answer {
    fn default() -> Self {
        Self::Accepted { new: 0, duplicates: 0 }
    }
}
