//! What the operator is shown of a conversation: no message text, and no names but those by which Meta calls the customer.

use serde::{Deserialize, Serialize};

use crate::conversation::collisions::{Collision, Collisions, Conflict};
use crate::conversation::memory::{Echo, Transition};
use crate::conversation::sends::{Send, SendState};
use crate::conversation::turn::Holder;
use crate::conversation::{Context, Conversation};
use crate::ids::{AttemptNumber, BotName, EventId, FencingToken, ObjectName, RuleName};
use crate::outbox::trace::Trace;
use crate::outbox::{Entry, Reason, State};
use crate::time::{Millis, UnixMillis};
use crate::webhook::event::Class;

/// A conversation as the operator sees it: no message text, and no names but those by which Meta calls the customer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Shown {
    /// The conversation's id, as in `x-baton-conversation`.
    pub conversation: String,
    /// The business number.
    #[serde(default)]
    pub line: String,
    /// The name of the customer's after which the conversation is named.
    #[serde(default)]
    pub customer: String,
    /// That name, and the others that lead here.
    #[serde(default)]
    pub names: Vec<String>,
    /// `human` or `automation`.
    pub holder: HolderName,
    /// Since when that side holds; `null` where the bot always has.
    #[serde(default)]
    pub since_ms: Option<UnixMillis>,
    /// When the person's lease ends; `null` while the bot holds.
    pub lease_until_ms: Option<UnixMillis>,
    /// Whether the operator keeps the bot out until the lease ends.
    #[serde(default)]
    pub paused: bool,
    /// Since when the customer waits for a person; `null` while they do not.
    #[serde(default)]
    pub waiting_since_ms: Option<UnixMillis>,
    /// When the bot gets the baton back, if nobody says anything; `null` while it holds.
    #[serde(default)]
    pub hands_back_at_ms: Option<UnixMillis>,
    /// The fencing token.
    pub token: FencingToken,
    /// The last events, oldest first.
    pub events: Vec<ShownEvent>,
    /// The last transitions, oldest first.
    pub journal: Vec<Transition>,
    /// The bot's last sends by the gate, oldest first.
    #[serde(default)]
    pub sends: Vec<ShownSend>,
    /// How many of the bot's sends met a person's turn, and what became of them.
    #[serde(default)]
    pub collision_counts: CollisionCounts,
    /// The last of those, oldest first.
    #[serde(default)]
    pub collisions: Vec<ShownCollision>,
    /// Who holds and why, in one sentence.
    #[serde(default)]
    pub explanation: String,
}

/// How many of the bot's sends met a person's turn.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CollisionCounts {
    /// Refused.
    pub prevented: u32,
    /// Dropped without the bot being told.
    pub dropped: u32,
    /// The customer has got them.
    pub leaked: u32,
    /// The customer has got them only because the policy observed.
    #[serde(default)]
    pub would_prevent: u32,
}

/// A message of the bot's that met a person's turn.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ShownCollision {
    /// When.
    pub at_ms: UnixMillis,
    /// `prevented`, `dropped`, `leaked` or `would_prevent`.
    pub outcome: String,
    /// `held_by_human` or `older_token`.
    pub reason: Conflict,
    /// How late the bot was: the time since the person took the baton.
    pub late_ms: Millis,
    /// Meta's `type`; empty for a message that did not come by the gate.
    pub kind: String,
    /// The message of the shop's that took the baton.
    pub taken_by: Option<EventId>,
    /// The bot's message, where it did not come by the gate.
    pub message: Option<EventId>,
    /// What happened, in one sentence.
    pub explanation: String,
}

impl ShownCollision {
    /// What the operator is shown of a collision.
    #[must_use]
    pub fn new(collision: &Collision) -> Self {
        let explanation = collision.explain(None);
        let outcome = collision.name().to_owned();
        let Collision { at_ms, reason, late_ms, kind, taken_by, message, .. } = collision.clone();
        Self { at_ms, outcome, reason, late_ms, kind, taken_by, message, explanation }
    }
}

/// A message of the bot's that was let through.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ShownSend {
    /// When it was let through.
    pub at_ms: UnixMillis,
    /// Meta's `type`.
    pub kind: String,
    /// `accepted`, `in_flight` or `unknown`.
    pub state: String,
    /// The id that the Graph API gave it.
    pub id: Option<EventId>,
}

impl ShownSend {
    pub(super) fn new(send: &Send) -> Self {
        let (state, id) = match &send.state {
            SendState::Accepted { id, .. } => ("accepted", Some(id.clone())),
            SendState::InFlight => ("in_flight", None),
            SendState::Unknown => ("unknown", None),
        };
        Self { at_ms: send.begun_at_ms, kind: send.kind.clone(), state: state.to_owned(), id }
    }
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
    /// What its deliveries to the bot and its lines in the log are found by.
    #[serde(default)]
    pub trace: String,
    /// The event's class.
    pub class: Class,
    /// `waiting`, `in_flight`, `delivered`, `withheld` or `dead`.
    pub state: String,
    /// Why it stands there.
    pub reason: Option<String>,
    /// Why it would have been withheld, where it passed because the policy only observed.
    #[serde(default)]
    pub would_withhold: Option<String>,
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
    pub fn new(name: &ObjectName, conversation: &Conversation, entries: &[Entry], context: Context<'_>) -> Self {
        let echo = |echo: &Echo| ShownEvent::of_echo(name, echo, conversation.explain_echo(echo));
        let entry = |entry: &Entry| ShownEvent::new(name, entry, conversation.explain(entry));
        let mut events: Vec<ShownEvent> = Vec::new();
        // Both lists are in order already, and mostly what comes is the last.
        for event in entries.iter().map(entry).chain(conversation.echoes.iter().map(echo)) {
            let behind = events.partition_point(|before| before.accepted_at_ms <= event.accepted_at_ms);
            events.insert(behind, event);
        }
        let Collisions { prevented, dropped, leaked, would_prevent, .. } = conversation.collisions;
        let hold = conversation.turn.hold();
        let names = core::iter::once(name).chain(conversation.place.linked());
        Self {
            conversation: name.public_id(),
            line: line_of(name),
            customer: customer_of(name),
            names: names.map(customer_of).collect(),
            holder: HolderName::of(&conversation.turn.holder),
            since_ms: conversation.holds_since(),
            lease_until_ms: conversation.turn.lease_until(),
            paused: hold.is_some_and(|hold| hold.paused),
            waiting_since_ms: conversation.waiting.map(|waiting| waiting.since_ms),
            hands_back_at_ms: conversation.release_at(context.policy),
            token: conversation.turn.token,
            events,
            journal: conversation.journal.iter().cloned().collect(),
            sends: conversation.sends.iter().map(ShownSend::new).collect(),
            collision_counts: CollisionCounts { prevented, dropped, leaked, would_prevent },
            collisions: conversation.collisions.iter().map(ShownCollision::new).collect(),
            explanation: conversation.explain_turn(context.now, context.policy),
        }
    }
}

/// The business number of a conversation.
pub(super) fn line_of(name: &ObjectName) -> String {
    name.line_of_conversation().map_or_else(String::new, |line| line.as_str().to_owned())
}

/// The customer of a conversation.
pub(super) fn customer_of(name: &ObjectName) -> String {
    name.customer_part().unwrap_or_default().to_owned()
}

impl HolderName {
    /// Who holds.
    #[must_use]
    pub const fn of(holder: &Holder) -> Self {
        match holder {
            Holder::Automation => Self::Automation,
            Holder::Human(_) => Self::Human,
        }
    }
}

impl ShownEvent {
    pub(super) fn of_echo(name: &ObjectName, echo: &Echo, explanation: String) -> Self {
        Self {
            id: echo.id.clone(),
            trace: Trace::of(name, &echo.id).as_str().to_owned(),
            class: Class::Echo,
            state: State::Withheld.name().to_owned(),
            reason: Some(Reason::NotForwarded.to_string()),
            would_withhold: None,
            attempts: AttemptNumber::default(),
            rule: None,
            bot: None,
            explanation,
            due_at_ms: None,
            sent_at_ms: None,
            accepted_at_ms: echo.at_ms,
        }
    }

    pub(super) fn new(name: &ObjectName, entry: &Entry, explanation: String) -> Self {
        Self {
            explanation,
            rule: entry.note.rule.clone(),
            bot: entry.note.bot.clone(),
            id: entry.id.clone(),
            trace: Trace::of(name, &entry.id).as_str().to_owned(),
            class: entry.class,
            state: entry.state.name().to_owned(),
            reason: entry.reason.map(|reason| reason.to_string()),
            would_withhold: entry.note.would_withhold.map(|reason| reason.to_string()),
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
