//! What one object hands over to another, on the wire.
//!
//! Invariant: what is packed here is unpacked as the same, but for what a later version of the other side has added; an
//! entry in a state that this version does not know is left out, and stays where it was.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::CarriedEvent;
use crate::conversation::collisions::Collisions;
use crate::conversation::identity::{Handover, LinkAnswer};
use crate::conversation::memory::Echoes;
use crate::conversation::release::Waiting;
use crate::conversation::sends::Sends;
use crate::conversation::turn::Turn;
use crate::ids::{AttemptNumber, FencingToken, ObjectName};
use crate::outbox::{Entry, Note, Reason, State};
use crate::time::UnixMillis;
use crate::webhook::facts::Facts;

/// [`LinkAnswer`] on the wire.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkReply {
    /// The asking object takes this over.
    Merge {
        /// Whose turn it was.
        turn: Box<Turn>,
        /// Whether the customer was waiting for a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waiting: Option<Waiting>,
        /// The customer's marked name in the phone's address book.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contact: Option<String>,
        /// The names that led there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        linked: Vec<ObjectName>,
        /// The echoes that were remembered.
        echoes: Echoes,
        /// The bot's last sends.
        #[serde(default)]
        sends: Sends,
        /// The bot's sends that met a person's turn.
        #[serde(default)]
        collisions: Box<Collisions>,
        /// The entries that were open, and those that the present hold had withheld.
        entries: Vec<CarriedEntry>,
    },
    /// The conversation lives in the object that was asked.
    Mine,
    /// The conversation lives in the object that asks.
    Yours,
}

/// An entry on its way from one object to another.
#[derive(Debug, Deserialize, Serialize)]
pub struct CarriedEntry {
    event: CarriedEvent,
    seq: u64,
    attempts: AttemptNumber,
    state: String,
    /// When it is due, when the attempt that is in flight counts as lost, or when it was withheld.
    at_ms: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    accepted_at_ms: UnixMillis,
    #[serde(default)]
    note: Note,
}

impl LinkReply {
    /// The wire's form of an answer; `bodies` are those of the handed-over entries, in their order.
    #[must_use]
    pub fn new(answer: LinkAnswer, bodies: Vec<Option<Box<RawValue>>>) -> Self {
        match answer {
            LinkAnswer::Mine => Self::Mine,
            LinkAnswer::Yours => Self::Yours,
            LinkAnswer::Merge(handover) => {
                let Handover { turn, waiting, contact, linked, echoes, sends, collisions, entries } = *handover;
                let bodies = bodies.into_iter().chain(core::iter::repeat_with(|| None));
                let entries = entries.into_iter().zip(bodies).filter_map(CarriedEntry::pack).collect();
                let (turn, collisions) = (Box::new(turn), Box::new(collisions));
                Self::Merge { turn, waiting, contact, linked, echoes, sends, collisions, entries }
            }
        }
    }

    /// The answer, and the bodies of the handed-over entries.
    #[must_use]
    pub fn open(self) -> (LinkAnswer, Vec<Option<Box<RawValue>>>) {
        match self {
            Self::Mine => (LinkAnswer::Mine, Vec::new()),
            Self::Yours => (LinkAnswer::Yours, Vec::new()),
            Self::Merge { turn, waiting, contact, linked, echoes, sends, collisions, entries } => {
                let (entries, bodies) = entries.into_iter().filter_map(CarriedEntry::open).unzip();
                let (turn, collisions) = (*turn, *collisions);
                let handover = Handover { turn, waiting, contact, linked, echoes, sends, collisions, entries };
                (LinkAnswer::Merge(Box::new(handover)), bodies)
            }
        }
    }
}

impl CarriedEntry {
    /// `None` for an entry that has come to its end and so is not handed over.
    fn pack((entry, body): (Entry, Option<Box<RawValue>>)) -> Option<Self> {
        let at_ms = match entry.state {
            State::InFlight(at) | State::Waiting(at) => at,
            State::Withheld => entry.settled_at.unwrap_or(entry.accepted_at),
            State::Dead | State::Delivered => return None,
        };
        let (id, class, sent_at_ms) = (entry.id, entry.class, entry.sent_at);
        Some(Self {
            event: CarriedEvent { id, class, sent_at_ms, body, tried: None, facts: Facts::default() },
            seq: entry.seq,
            attempts: entry.attempts,
            state: entry.state.name().to_owned(),
            at_ms,
            reason: entry.reason.map(|reason| reason.to_string()),
            accepted_at_ms: entry.accepted_at,
            note: entry.note,
        })
    }

    /// `None` where a later version sent a state that this one does not know.
    fn open(self) -> Option<(Entry, Option<Box<RawValue>>)> {
        let state = match self.state.as_str() {
            "in_flight" => State::InFlight(self.at_ms),
            "waiting" => State::Waiting(self.at_ms),
            "withheld" => State::Withheld,
            _ => return None,
        };
        let entry = Entry {
            id: self.event.id,
            class: self.event.class,
            seq: self.seq,
            token: FencingToken::default(),
            attempts: self.attempts,
            state,
            reason: self.reason.as_deref().and_then(Reason::parse),
            sent_at: self.event.sent_at_ms,
            accepted_at: self.accepted_at_ms,
            settled_at: (!state.is_open()).then_some(self.at_ms),
            note: self.note,
        };
        Some((entry, self.event.body))
    }
}
