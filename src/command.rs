//! What the Worker and the objects say to each other, and what the operator is shown of a conversation.
//!
//! Both sides are this code, but during a deployment one of them may be the version before. New fields are
//! therefore optional, and a command that is not understood is an error, never a guess.
//!
//! Invariant: bodies travel as raw JSON inside the command. They are not escaped, parsed or printed again on
//! the way, so the bot gets the bytes that the Worker made.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::conversation::identity::{Asker, Handover, LinkAnswer};
use crate::conversation::memory::{Echo, Echoes, Transition};
use crate::conversation::release::Waiting;
use crate::conversation::turn::{Holder, Turn};
use crate::conversation::{Conversation, Incoming};
use crate::ids::{AttemptNumber, BotName, Customer, EventId, FencingToken, ObjectName, RuleName};
use crate::outbox::outcome::Outcome;
use crate::outbox::{Entry, Note, Reason, State, Tried};
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
    /// Send dead letters on their way again.
    Replay {
        /// These; all of them where this is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<Vec<EventId>>,
    },
    /// Show the conversation.
    Show,
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
    /// To [`Command::Broadcast`], [`Command::Count`] and [`Command::Finish`].
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
    /// To [`Command::Replay`]: how many are on their way again.
    Replayed(usize),
    /// To [`Command::Show`]; `None` where nothing ever happened.
    Shown(Option<Shown>),
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
                let Handover { turn, waiting, contact, linked, echoes, entries } = *handover;
                let bodies = bodies.into_iter().chain(core::iter::repeat_with(|| None));
                let entries = entries.into_iter().zip(bodies).filter_map(CarriedEntry::pack).collect();
                Self::Merge { turn: Box::new(turn), waiting, contact, linked, echoes, entries }
            }
        }
    }

    /// The answer, and the bodies of the handed-over entries.
    #[must_use]
    pub fn open(self) -> (LinkAnswer, Vec<Option<Box<RawValue>>>) {
        match self {
            Self::Mine => (LinkAnswer::Mine, Vec::new()),
            Self::Yours => (LinkAnswer::Yours, Vec::new()),
            Self::Merge { turn, waiting, contact, linked, echoes, entries } => {
                let (entries, bodies) = entries.into_iter().filter_map(CarriedEntry::open).unzip();
                let handover = Handover { turn: *turn, waiting, contact, linked, echoes, entries };
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

/// A conversation as the operator sees it: no message text, and no name but the one that was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Shown {
    /// The conversation's id, as in `x-baton-conversation`.
    pub conversation: String,
    /// `human` or `automation`.
    pub holder: HolderName,
    /// When the person's lease ends; `null` while the bot holds.
    pub lease_until_ms: Option<UnixMillis>,
    /// Since when the customer waits for a person; `null` while they do not.
    #[serde(default)]
    pub waiting_since_ms: Option<UnixMillis>,
    /// The fencing token.
    pub token: FencingToken,
    /// The last events, oldest first.
    pub events: Vec<ShownEvent>,
    /// The last transitions, oldest first.
    pub journal: Vec<Transition>,
}

/// Who holds, in one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderName {
    /// The bot.
    Automation,
    /// A person.
    Human,
}

/// An event as the operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ShownEvent {
    /// The event's id; a message's is its wamid.
    pub id: EventId,
    /// The event's class.
    pub class: Class,
    /// `waiting`, `in_flight`, `delivered`, `withheld` or `dead`.
    pub state: String,
    /// Why it stands there.
    pub reason: Option<String>,
    /// Attempts made.
    pub attempts: AttemptNumber,
    /// The rule that decided.
    #[serde(default)]
    pub rule: Option<RuleName>,
    /// The bot that it is for; `null` for the one at `BOT_URL`.
    #[serde(default)]
    pub bot: Option<BotName>,
    /// Why it stands there, in one sentence.
    #[serde(default)]
    pub explanation: String,
    /// When the next attempt is due.
    pub due_at_ms: Option<UnixMillis>,
    /// When it happened by Meta's clock.
    pub sent_at_ms: Option<UnixMillis>,
    /// When the gate accepted it.
    pub accepted_at_ms: UnixMillis,
}

impl Shown {
    /// What the operator is shown of a conversation and its last entries.
    #[must_use]
    pub fn new(name: &ObjectName, conversation: &Conversation, entries: &[Entry]) -> Self {
        let echo = |echo: &Echo| ShownEvent {
            id: echo.id.clone(),
            class: Class::Echo,
            state: State::Withheld.name().to_owned(),
            reason: Some(Reason::NotForwarded.to_string()),
            attempts: AttemptNumber::default(),
            rule: None,
            bot: None,
            explanation: conversation.explain_echo(echo),
            due_at_ms: None,
            sent_at_ms: None,
            accepted_at_ms: echo.at_ms,
        };
        let entry = |entry: &Entry| ShownEvent::new(entry, conversation.explain(entry));
        let mut events: Vec<ShownEvent> = entries.iter().map(entry).collect();
        events.extend(conversation.echoes.iter().map(echo));
        events.sort_by_key(|event| event.accepted_at_ms);
        Self {
            conversation: name.public_id(),
            holder: match conversation.turn.holder {
                Holder::Automation => HolderName::Automation,
                Holder::Human(_) => HolderName::Human,
            },
            lease_until_ms: conversation.turn.lease_until(),
            waiting_since_ms: conversation.waiting.map(|waiting| waiting.since_ms),
            token: conversation.turn.token,
            events,
            journal: conversation.journal.iter().cloned().collect(),
        }
    }
}

impl ShownEvent {
    fn new(entry: &Entry, explanation: String) -> Self {
        Self {
            explanation,
            rule: entry.note.rule.clone(),
            bot: entry.note.bot.clone(),
            id: entry.id.clone(),
            class: entry.class,
            state: entry.state.name().to_owned(),
            reason: entry.reason.map(|reason| reason.to_string()),
            attempts: entry.attempts,
            due_at_ms: match entry.state {
                State::Waiting(at) => Some(at),
                State::Dead | State::Delivered | State::InFlight(_) | State::Withheld => None,
            },
            sent_at_ms: entry.sent_at,
            accepted_at_ms: entry.accepted_at,
        }
    }
}
