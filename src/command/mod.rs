//! What the Worker and the objects say to each other.
//!
//! | file | what |
//! |---|---|
//! | [`erasure`] | what was found of a customer and removed |
//! | [`link`] | what one object hands over to another |
//! | [`office`] | what the office is asked, and answers |
//! | [`shown`] | what the operator is shown of a conversation |
//! | [`told`] | what the operator is told after an act, and of one message |
//!
//! Both sides are this code, but during a deployment one of them may be the version before. New fields are
//! therefore optional, and a command that is not understood is an error, never a guess.
//!
//! Invariant: bodies travel as raw JSON inside the command. They are not escaped, parsed or printed again on
//! the way, so the bot gets the bytes that the Worker made.

pub mod erasure;
pub mod link;
pub mod office;
pub mod shown;
pub mod told;

pub use erasure::Erasure;
pub use link::LinkReply;
pub use shown::{HolderName, Shown, ShownEvent};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::conversation::Incoming;
use crate::conversation::fence::{SendEnd, Verdict};
use crate::conversation::identity::Asker;
use crate::conversation::operator::Act;
use crate::graph::send::Sending;
use crate::ids::{AttemptNumber, Customer, EventId, ObjectName};
use crate::outbox::Tried;
use crate::outbox::outcome::Outcome;
use crate::time::UnixMillis;
use crate::webhook::event::Class;
use crate::webhook::facts::Facts;

/// What an object is asked.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Accept events of a delivery.
    Accept {
        /// The events, in their order.
        events: Vec<CarriedEvent>,
        /// The other names under which the customer may have been met.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        aliases: Vec<ObjectName>,
        /// The customer, as the events name them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer: Option<Customer>,
    },
    /// An echo was a broadcast.
    Broadcast {
        /// The echo.
        echo: EventId,
    },
    /// Count an echo over the customers of the line.
    Count {
        /// The conversation.
        conversation: ObjectName,
        /// The echo.
        echo: EventId,
        /// The digest of what was sent.
        content: String,
    },
    /// Forget everything of the customer, here and in the objects of the other names; these are some of them.
    Erase(Vec<ObjectName>),
    /// The home of a customer of all these names erases itself: forget what is here, if it leads to one of them.
    EraseName(Vec<ObjectName>),
    /// Say why a message was answered or not, or why any other event stands where it stands.
    Explain(EventId),
    /// As [`Command::Explain`], by what is stored here, wherever the conversation lives.
    ExplainHere(EventId),
    /// An attempt that the Worker made has ended.
    Finish {
        /// The entry.
        id: EventId,
        /// Which attempt it was.
        number: AttemptNumber,
        /// How it ended.
        outcome: Outcome,
    },
    /// The object of one of a customer's names asks the object of another where the conversation lives.
    Link {
        /// Who asks.
        by: Asker,
    },
    /// The operator takes the baton, gives it back, or keeps the bot out.
    Operate(Act),
    /// Say whether the bot's read receipt for this message of the customer's stays here.
    Read {
        /// The message.
        message: EventId,
    },
    /// Send dead letters on their way again.
    Replay {
        /// These; all of them where this is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<Vec<EventId>>,
    },
    /// Say how many rows there are here, and change nothing.
    Rows,
    /// Say whether the bot may send a message, and write down that it does.
    Send {
        /// The message.
        sending: Box<Sending>,
        /// The name that led here, where it is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<ObjectName>,
    },
    /// Meta reports that a message was sent to the customer.
    Sent {
        /// The message.
        message: EventId,
        /// When, by Meta's clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_at_ms: Option<UnixMillis>,
    },
    /// A send has come to its end.
    Settle {
        /// What it said.
        digest: String,
        /// When it began.
        begun_at_ms: UnixMillis,
        /// How it ended.
        end: SendEnd,
    },
    /// Show the conversation.
    Show,
    /// Do what is due: the alarm that should have brought it about has not rung.
    Wake,
}

/// What an object answers.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Command::Accept`]: everything is stored.
    Accepted {
        /// Events that are new.
        new: usize,
        /// Events that were known.
        duplicates: usize,
    },
    /// To [`Command::Erase`] and [`Command::EraseName`]: what was found and removed; to [`Command::Rows`]: what is there.
    Erased(Erasure),
    /// To [`Command::Broadcast`], [`Command::Count`], [`Command::Finish`], [`Command::Sent`], [`Command::Settle`]
    /// and [`Command::Wake`].
    Finished,
    /// To [`Command::Link`].
    Linked(LinkReply),
    /// To any command: the conversation lives there; nothing is stored here.
    Moved {
        /// Its home.
        to: ObjectName,
        /// Of [`Command::Accept`], the events that need not be taken there.
        known: Vec<usize>,
    },
    /// To [`Command::Read`]: whether it stays here.
    Read {
        /// It does.
        stays: bool,
    },
    /// To [`Command::Replay`]: how many are on their way again.
    Replayed(usize),
    /// To [`Command::Send`].
    Send(Verdict),
    /// To [`Command::Show`], [`Command::Operate`], [`Command::Explain`] and [`Command::ExplainHere`]: a [`Shown`], a [`told::ToldTurn`] or a
    /// [`told::Explained`], which the Worker passes on unread; `None` where nothing is known.
    Shown(Option<Box<RawValue>>),
}

/// An event on its way to an object.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CarriedEvent {
    /// The event's id.
    pub id: EventId,
    /// The event's class.
    pub class: Class,
    /// When it happened by Meta's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at_ms: Option<UnixMillis>,
    /// The event in an envelope of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
    /// The attempt that was made already, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Tried>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
}

impl CarriedEvent {
    /// What the protocol needs to know of it.
    #[must_use]
    pub fn incoming(&self) -> Incoming {
        Incoming {
            id: self.id.clone(),
            class: self.class,
            sent_at: self.sent_at_ms,
            tried: self.tried,
            facts: self.facts.clone(),
        }
    }
}
