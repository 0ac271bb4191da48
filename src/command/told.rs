//! What the operator is told: of the turn after an act of theirs, of one message, and of what would happen to a webhook.
//!
//! Invariant: these are the documents `Turn`, `Explanation` and `TestedEvent` of `web/public/api/v1/openapi.json`, field
//! for field, and none of them quotes what anybody wrote.
//!
//! Not here: the record of a conversation (`shown`), the sentences themselves (`conversation::explain`).

use serde::Serialize;

use super::shown::{HolderName, ShownEvent, ShownSend, customer_of, line_of};
use crate::conversation::trial::Tried;
use crate::conversation::{Context, Conversation};
use crate::ids::{BotName, EventId, FencingToken, ObjectName, RuleName};
use crate::outbox::trace::Trace;
use crate::outbox::{Entry, Note, Reason, State};
use crate::time::UnixMillis;
use crate::webhook::event::{Class, Event};

/// Who holds after an act of the operator's.
#[derive(Debug, Serialize)]
pub struct ToldTurn {
    holder: HolderName,
    lease_until_ms: Option<UnixMillis>,
    paused: bool,
    token: FencingToken,
    changed: bool,
    explanation: String,
}

impl ToldTurn {
    /// What the operator is told after an act of theirs that has `changed` something, or not.
    #[must_use]
    pub fn new(conversation: &Conversation, changed: bool, context: Context<'_>) -> Self {
        let turn = &conversation.turn;
        Self {
            holder: HolderName::of(&turn.holder),
            lease_until_ms: turn.lease_until(),
            paused: turn.hold().is_some_and(|hold| hold.paused),
            token: turn.token,
            changed,
            explanation: conversation.explain_turn(context.now, context.policy),
        }
    }
}

/// Why a message was answered or not.
#[derive(Debug, Serialize)]
pub struct Explained {
    line: String,
    customer: String,
    event: Option<ShownEvent>,
    send: Option<ShownSend>,
    trace: String,
    explanation: String,
}

impl Explained {
    /// What the conversation of this name knows of a message; `entry` is the message's, where there is one.
    #[must_use]
    pub fn new(name: &ObjectName, conversation: &Conversation, id: &EventId, entry: Option<&Entry>) -> Option<Self> {
        let echo = conversation.echoes.get(id);
        let explanation = conversation.explain_event(id, entry).or_else(|| conversation.explain_send(id))?;
        let event = match echo {
            Some(echo) => Some(ShownEvent::of_echo(name, echo, explanation.clone())),
            None => entry.map(|entry| ShownEvent::new(name, entry, explanation.clone())),
        };
        let trace = Trace::of(name, id).as_str().to_owned();
        let send = conversation.sends.accepted(id).map(ShownSend::new);
        Some(Self { line: line_of(name), customer: customer_of(name), event, send, trace, explanation })
    }
}

/// What would happen to one event of a webhook.
#[derive(Debug, Serialize)]
pub struct TestedEvent {
    id: EventId,
    class: Class,
    state: &'static str,
    reason: Option<String>,
    would_withhold: Option<String>,
    rule: Option<RuleName>,
    bot: Option<BotName>,
    holder: HolderName,
    due_at_ms: Option<UnixMillis>,
    explanation: String,
}

impl TestedEvent {
    /// What the operator is told of an event that was tried.
    #[must_use]
    pub fn new(event: &Event<'_>, tried: Tried) -> Self {
        // What has no entry is remembered by its id alone, as echoes are.
        let (state, reason, note) = match tried.entry {
            Some(entry) => (entry.state, entry.reason, entry.note),
            None => (State::Withheld, Some(Reason::NotForwarded), Note::default()),
        };
        Self {
            id: event.id.clone(),
            class: event.class,
            state: state.name(),
            reason: reason.map(|reason| reason.to_string()),
            would_withhold: note.would_withhold.map(|reason| reason.to_string()),
            rule: note.rule,
            bot: note.bot,
            holder: if tried.is_held { HolderName::Human } else { HolderName::Automation },
            due_at_ms: match state {
                State::Waiting(at) => Some(at),
                State::Dead | State::Delivered | State::InFlight(_) | State::Withheld => None,
            },
            explanation: tried.explanation,
        }
    }
}
