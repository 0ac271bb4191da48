//! Row ↔ domain: the only place that knows column names and stored formats.
//!
//! Invariant: what is written here can be read here by every later version. `tests/storage_format.rs` holds
//! rows as this version writes them; a change that cannot read them fails there.

use serde::{Deserialize, Serialize};

use super::{StoreError, Value};
use crate::conversation::Conversation;
use crate::conversation::collisions::Collisions;
use crate::conversation::identity::Place;
use crate::conversation::memory::{Cause, Change, Echoes, Journal};
use crate::conversation::release::Waiting;
use crate::conversation::sends::Sends;
use crate::conversation::turn::Turn;
use crate::ids::{AttemptNumber, EventId, FencingToken, ObjectName};
use crate::json;
use crate::outbox::{Entry, Note, Reason, State};
use crate::time::UnixMillis;
use crate::webhook::event::Class;

/// The version that a conversation's row names, which is that of its schema.
pub(super) const VERSION: i64 = 1;

/// The conversation's own row.
#[derive(Deserialize, Serialize)]
struct ConversationRow {
    schema: i64,
    turn: Turn,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    place: Place,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    linked_before: Vec<ObjectName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    #[serde(default)]
    echoes: Echoes,
    #[serde(default)]
    journal: Journal,
    /// The tokens of the journal's transitions that the operator has brought about. The first version of this row does
    /// not know their causes and would refuse the row, so that they stand here, and in the journal what comes nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acts: Vec<FencingToken>,
    /// Those of them that were a pause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pauses: Vec<FencingToken>,
    #[serde(default, skip_serializing_if = "Sends::is_empty")]
    sends: Sends,
    #[serde(default, skip_serializing_if = "Collisions::is_empty")]
    collisions: Collisions,
    #[serde(default)]
    forget_at_ms: Option<UnixMillis>,
}

/// The journal in words that every version knows, the tokens of what the operator has done, and of what was a pause of
/// theirs. Each change of holder has a token of its own.
fn plain(journal: &Journal) -> (Journal, Vec<FencingToken>, Vec<FencingToken>) {
    let (mut journal, mut acts, mut pauses) = (journal.clone(), Vec::new(), Vec::new());
    for step in journal.iter_mut() {
        if !matches!(step.cause, Cause::Operator | Cause::Paused) {
            continue;
        }
        let list = if step.cause == Cause::Paused { &mut pauses } else { &mut acts };
        list.push(step.token);
        step.cause = if step.transition == Change::Takeover { Cause::Echo } else { Cause::Phrase };
    }
    (journal, acts, pauses)
}

/// The journal as it was before [`plain`].
fn in_full(mut journal: Journal, acts: &[FencingToken], pauses: &[FencingToken]) -> Journal {
    for step in journal.iter_mut().filter(|step| step.transition != Change::Warning) {
        if acts.contains(&step.token) {
            step.cause = Cause::Operator;
        } else if pauses.contains(&step.token) {
            step.cause = Cause::Paused;
        }
    }
    journal
}

pub(super) fn conversation(row: Vec<Value>) -> Result<Conversation, StoreError> {
    let json = optional_text(row)?.ok_or(StoreError::Corrupt("conversation"))?;
    let row: ConversationRow = crate::json::read(&json).map_err(|_| StoreError::Corrupt("conversation"))?;
    Ok(Conversation {
        turn: row.turn,
        waiting: row.waiting,
        place: row.place,
        linked_before: row.linked_before,
        contact: row.contact,
        echoes: row.echoes,
        journal: in_full(row.journal, &row.acts, &row.pauses),
        sends: row.sends,
        collisions: row.collisions,
        forget_at: row.forget_at_ms,
        ..Conversation::default()
    })
}

pub(super) fn conversation_json(conversation: &Conversation) -> Result<String, StoreError> {
    let (journal, acts, pauses) = plain(&conversation.journal);
    let row = ConversationRow {
        schema: VERSION,
        turn: conversation.turn.clone(),
        waiting: conversation.waiting,
        place: conversation.place.clone(),
        linked_before: conversation.linked_before.clone(),
        contact: conversation.contact.clone(),
        echoes: conversation.echoes.clone(),
        journal,
        acts,
        pauses,
        sends: conversation.sends.clone(),
        collisions: conversation.collisions.clone(),
        forget_at_ms: conversation.forget_at,
    };
    json::write(&row).map_err(|_| StoreError::Corrupt("conversation"))
}

/// Reads `id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note`.
pub(super) fn entry(row: Vec<Value>) -> Result<Entry, StoreError> {
    let mut row = row.into_iter();
    let mut next = || row.next().ok_or(StoreError::Corrupt("event"));
    let id = EventId::named(&text(next()?, "event.id")?);
    let class = Class::parse(&text(next()?, "event.class")?).ok_or(StoreError::Corrupt("event.class"))?;
    let seq = number(&next()?, "event.seq")?;
    let token = FencingToken::new(number(&next()?, "event.token")?);
    let attempts = number(&next()?, "event.attempts")?.try_into().map_err(|_| StoreError::Corrupt("event.attempts"))?;
    let name = text(next()?, "event.state")?;
    let at = optional(&next()?, "event.at_ms")?;
    let state = state(&name, at)?;
    Ok(Entry {
        id,
        class,
        seq,
        token,
        attempts: AttemptNumber::new(attempts),
        state,
        reason: match next()? {
            Value::Null => None,
            reason @ (Value::Integer(_) | Value::Text(_)) => {
                Some(Reason::parse(&text(reason, "event.reason")?).ok_or(StoreError::Corrupt("event.reason"))?)
            }
        },
        sent_at: optional(&next()?, "event.sent_at_ms")?,
        accepted_at: UnixMillis::new(number(&next()?, "event.accepted_at_ms")?),
        settled_at: at.filter(|_| !state.is_open()),
        note: match next()? {
            Value::Null => Note::default(),
            note @ (Value::Integer(_) | Value::Text(_)) => {
                crate::json::read(&text(note, "event.note")?).map_err(|_| StoreError::Corrupt("event.note"))?
            }
        },
    })
}

/// The values of an entry in the order in which [`entry`] reads them.
pub(super) fn entry_values(entry: &Entry) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        Value::Text(entry.id.as_str().to_owned()),
        Value::Text(entry.class.name().to_owned()),
        integer(entry.seq)?,
        integer(entry.token.number())?,
        integer(entry.attempts.number())?,
        Value::Text(entry.state.name().to_owned()),
        at(entry)?,
        reason(entry.reason),
        entry.sent_at.map_or(Ok(Value::Null), millis)?,
        millis(entry.accepted_at)?,
        note(&entry.note)?,
    ])
}

/// The values `token, attempts, state, at_ms, reason, note` and, to find the row, `id`.
pub(super) fn entry_update_values(entry: &Entry) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        integer(entry.token.number())?,
        integer(entry.attempts.number())?,
        Value::Text(entry.state.name().to_owned()),
        at(entry)?,
        reason(entry.reason),
        note(&entry.note)?,
        Value::Text(entry.id.as_str().to_owned()),
    ])
}

pub(super) fn millis(at: UnixMillis) -> Result<Value, StoreError> {
    integer(at.as_millis())
}

pub(super) fn optional_text(row: Vec<Value>) -> Result<Option<String>, StoreError> {
    match row.into_iter().next() {
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(Value::Null) | None => Ok(None),
        Some(Value::Integer(_)) => Err(StoreError::Corrupt("body")),
    }
}

pub(super) fn optional_millis(row: &[Value]) -> Result<Option<UnixMillis>, StoreError> {
    row.first().map_or(Ok(None), |value| optional(value, "event.accepted_at_ms"))
}

fn state(name: &str, at: Option<UnixMillis>) -> Result<State, StoreError> {
    let at = at.ok_or(StoreError::Corrupt("event.at_ms"));
    Ok(match name {
        "dead" => State::Dead,
        "delivered" => State::Delivered,
        "in_flight" => State::InFlight(at?),
        "waiting" => State::Waiting(at?),
        "withheld" => State::Withheld,
        _ => return Err(StoreError::Corrupt("event.state")),
    })
}

/// When an open entry is due or counts as lost, or when a closed one left the outbox.
fn at(entry: &Entry) -> Result<Value, StoreError> {
    let at = match entry.state {
        State::InFlight(at) | State::Waiting(at) => Some(at),
        State::Dead | State::Delivered | State::Withheld => entry.settled_at,
    };
    at.map_or(Ok(Value::Null), millis)
}

fn note(note: &Note) -> Result<Value, StoreError> {
    if *note == Note::default() {
        return Ok(Value::Null);
    }
    json::write(note).map(Value::Text).map_err(|_| StoreError::Corrupt("event.note"))
}

fn reason(reason: Option<Reason>) -> Value {
    reason.map_or(Value::Null, |reason| Value::Text(reason.to_string()))
}

fn text(value: Value, column: &'static str) -> Result<String, StoreError> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Integer(_) | Value::Null => Err(StoreError::Corrupt(column)),
    }
}

fn number(value: &Value, column: &'static str) -> Result<u64, StoreError> {
    match value {
        Value::Integer(number) => u64::try_from(*number).map_err(|_| StoreError::Corrupt(column)),
        Value::Null | Value::Text(_) => Err(StoreError::Corrupt(column)),
    }
}

fn optional(value: &Value, column: &'static str) -> Result<Option<UnixMillis>, StoreError> {
    match value {
        Value::Null => Ok(None),
        Value::Integer(_) | Value::Text(_) => number(value, column).map(UnixMillis::new).map(Some),
    }
}

/// An integer for the database: exact on the platform, whose integers pass through a double, up to 2^53.
fn integer(number: impl Into<u64>) -> Result<Value, StoreError> {
    const EXACT_MAX: u64 = (1 << 53) - 1;
    let number = number.into();
    let exact = i64::try_from(number).ok().filter(|_| number <= EXACT_MAX);
    exact.map(Value::Integer).ok_or(StoreError::Corrupt("integer"))
}
