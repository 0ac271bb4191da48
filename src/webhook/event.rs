//! What an event is: its class, its id, whom it concerns, when Meta says it happened, and its envelope.
//!
//! Invariant: the class comes from Meta's `field`, not from the name of a list inside. `message_echoes` also
//! appears under `history`, where it reports sends of days ago, and must not look like a person who speaks.
//!
//! Not here: what a class means for the bot (`conversation::accept`).

use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::facts::Facts;
use crate::ids::{AccountId, Customer, EventId, LineId, ObjectName};
use crate::time::UnixMillis;

/// One item of a delivery, read as far as the gate needs it.
#[derive(Debug)]
pub struct Event<'a> {
    /// What kind of news this is.
    pub class: Class,
    /// Under which id it is accepted once.
    pub id: EventId,
    /// Whose it is.
    pub scope: Scope,
    /// When it happened by Meta's clock, which counts in seconds; a hint, not an order.
    pub sent_at: Option<UnixMillis>,
    /// What it says.
    pub facts: Facts,
    /// The customer's names from here on, where the event reports that they have changed.
    pub renamed: Option<Customer>,
    pub(super) envelope: Envelope<'a>,
}

impl Event<'_> {
    /// The event in an envelope of its own: what the bot would get.
    #[must_use]
    pub fn body(&self) -> String {
        self.envelope.to_json()
    }

    /// The other objects in which the customer's conversation may have begun: the one of the phone number, where the
    /// event names the customer by both names, and those of the names that they bear from here on.
    #[must_use]
    pub fn aliases(&self) -> Vec<ObjectName> {
        let Scope::Customer(line, customer) = &self.scope else { return Vec::new() };
        let home = self.scope.object_name();
        let names = [Some(customer), self.renamed.as_ref()].into_iter().flatten();
        let mut aliases: Vec<_> = names.flat_map(|names| ObjectName::all_of(line, names)).collect();
        aliases.retain(|name| *name != home);
        aliases
    }

    /// About how many bytes [`Event::body`] has; never fewer than before its characters are escaped.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.envelope.bytes()
    }
}

/// The classes of events. The table in `docs/events.md` says what becomes of each.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// News of the account, its templates or its quality.
    Account,
    /// Calls and groups: they belong to the phone.
    AppsOwn,
    /// An entry of the phone's address book that names a customer.
    Contact,
    /// A person of the shop has written from the phone.
    Echo,
    /// A person of the shop has edited or withdrawn something, or Meta could not tell what was sent. It
    /// never takes the baton.
    EchoNote,
    /// `unsupported` with error 131060: the real message may follow under the same wamid.
    Ghost,
    /// A customer's number or user id has changed.
    Identity,
    /// A status of a message that the business sent.
    Receipt,
    /// WhatsApp's own conversation routing between partners: `standby` and `messaging_handovers`.
    Routing,
    /// The phone's past, and what in its address book names no customer.
    Sync,
    /// A customer speaks.
    Turn,
    /// What the gate does not know.
    Unknown,
}

impl Class {
    /// The class's name, as it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::AppsOwn => "apps_own",
            Self::Contact => "contact",
            Self::Echo => "echo",
            Self::EchoNote => "echo_note",
            Self::Ghost => "ghost",
            Self::Identity => "identity",
            Self::Receipt => "receipt",
            Self::Routing => "routing",
            Self::Sync => "sync",
            Self::Turn => "turn",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a class's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Every class.
    pub const ALL: [Self; 12] = [
        Self::Account,
        Self::AppsOwn,
        Self::Contact,
        Self::Echo,
        Self::EchoNote,
        Self::Ghost,
        Self::Identity,
        Self::Receipt,
        Self::Routing,
        Self::Sync,
        Self::Turn,
        Self::Unknown,
    ];

    /// Whether the event's body is kept. An echo is what a person of the shop wrote, and the phone's past is
    /// the shop's own; the gate needs neither.
    #[must_use]
    pub const fn keeps_body(self) -> bool {
        !matches!(self, Self::Contact | Self::Echo | Self::EchoNote | Self::Sync)
    }

    /// Whether the event is part of the talk with the customer, so that the bot may have it only while the
    /// bot holds the baton.
    #[must_use]
    pub const fn is_turn_bound(self) -> bool {
        matches!(self, Self::Ghost | Self::Identity | Self::Turn)
    }

    /// Whether the event is a status of a message of the business's own.
    #[must_use]
    pub const fn is_receipt(self) -> bool {
        matches!(self, Self::Receipt)
    }
}

/// Whose an event is, and so which object keeps it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// An account's.
    Account(AccountId),
    /// A customer's of a line.
    Customer(LineId, Customer),
    /// A line's as a whole.
    Line(LineId),
    /// Nobody's that the gate could name.
    Unaddressed,
}

impl Scope {
    /// The object that keeps events of this scope.
    #[must_use]
    pub fn object_name(&self) -> ObjectName {
        match self {
            Self::Account(account) => ObjectName::account(account),
            Self::Customer(line, customer) => ObjectName::conversation(line, customer),
            Self::Line(line) => ObjectName::line(line),
            Self::Unaddressed => ObjectName::unaddressed(),
        }
    }

    /// The line, where there is one.
    #[must_use]
    pub const fn line(&self) -> Option<&LineId> {
        match self {
            Self::Customer(line, _) | Self::Line(line) => Some(line),
            Self::Account(_) | Self::Unaddressed => None,
        }
    }

    /// The customer, where there is one.
    #[must_use]
    pub const fn customer(&self) -> Option<&Customer> {
        match self {
            Self::Customer(_, customer) => Some(customer),
            Self::Account(_) | Self::Line(_) | Self::Unaddressed => None,
        }
    }
}

/// What stands between the wamid and the status in the id of a receipt.
pub(super) const STATUS_MARK: char = '#';

/// The message that a receipt reports as sent, by the receipt's id; `None` for any other receipt.
#[must_use]
pub fn sent_message(receipt: &EventId) -> Option<EventId> {
    let (wamid, status) = receipt.as_str().split_once(STATUS_MARK)?;
    (status == "sent").then(|| EventId::named(wamid))
}

/// The message that a receipt is about, by the receipt's id; `None` where that is no receipt's.
#[must_use]
pub fn message_of(receipt: &EventId) -> Option<EventId> {
    receipt.as_str().split_once(STATUS_MARK).map(|(wamid, _)| EventId::named(wamid))
}
