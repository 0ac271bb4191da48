//! The SQL of one object: the same text runs on the Durable Object's SQLite and, in native tests, on rusqlite.
//!
//! | file | what |
//! |---|---|
//! | [`schema`] | the table, as numbered migrations |
//! | [`rows`] | row ↔ domain; the only place that knows column names and stored formats |
//!
//! Invariant: what an [`Output`] says is written as a whole or not at all. The caller opens the transaction
//! ([`Sql::transaction`]) around [`Table::load`], `apply` and [`Table::save`]; there is no await in between, so no other event
//! of the object can come in between either.
//!
//! Rows written are most of what a webhook costs on this platform (`docs/decisions/0004-rows.md`): a forwarded
//! message costs one row when it is accepted and one when it is delivered.

pub mod rows;
pub mod schema;

use core::fmt;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::conversation::{Change, Conversation, Output, Rewrite};
use crate::ids::EventId;
use crate::limits::{RECORD_EVENTS_MAX, ROW_TEXT_BYTES_MAX};
use crate::outbox::Entry;
use crate::outbox::request::Attempt;
use crate::time::UnixMillis;
use crate::webhook::rewrite;

/// A value of SQL, as far as the table uses them.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer; on the platform it passes through a double and is exact up to 2^53.
    Integer(i64),
    /// NULL.
    Null,
    /// Text.
    Text(String),
}

/// An object's SQLite.
pub trait Sql {
    /// Runs one statement and returns its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sql`] where the database refuses.
    fn query(&self, statement: &'static str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, StoreError>;

    /// Runs `work` in a transaction that is undone where it fails.
    ///
    /// # Errors
    ///
    /// The error of `work`, or the database's own.
    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError>;
}

/// An attempt to make, with its body; `None` where that is gone.
pub type Job = (Attempt, Option<String>);

/// Why something could not be read or written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreError {
    /// A row is not in the form that this version writes. The name of the column, never its content.
    Corrupt(&'static str),
    /// The database refused; what it said.
    Sql(String),
    /// The table was written by a newer version of the gate.
    TooNew,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(column) => write!(f, "a stored row is not readable: {column}"),
            Self::Sql(message) => write!(f, "the object's database refused: {message}"),
            Self::TooNew => f.write_str("the object was written by a newer version; deploy that version again"),
        }
    }
}

/// An object's table, inside a transaction: up to date, or not made yet, because nothing was ever written.
pub struct Table<'a, S> {
    sql: &'a S,
    exists: bool,
}

impl<'a, S: Sql> Table<'a, S> {
    /// Brings the table up to date, where there is one. `is_migrated` saves the look where that is known.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn open(sql: &'a S, is_migrated: bool) -> Result<Self, StoreError> {
        let exists = is_migrated || schema::exists(sql)?;
        if exists && !is_migrated {
            schema::migrate(sql)?;
        }
        Ok(Self { sql, exists })
    }

    /// Whether there is a table.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.exists
    }

    /// Loads the conversation with its open entries and those that the present hold withheld; a fresh one where
    /// nothing is stored yet. `last_seq` is the largest of all, where the caller knows it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn load(&self, last_seq: Option<u64>) -> Result<Conversation, StoreError> {
        if self.exists { load(self.sql, last_seq) } else { Ok(Conversation::default()) }
    }

    /// Those of the ids that were accepted before, with their entries.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn known<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i EventId>,
    ) -> Result<BTreeMap<EventId, Entry>, StoreError> {
        if self.exists { known(self.sql, ids) } else { Ok(BTreeMap::new()) }
    }

    /// When the oldest event that is kept was accepted.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn oldest(&self) -> Result<Option<UnixMillis>, StoreError> {
        if self.exists { oldest(self.sql) } else { Ok(None) }
    }

    /// The dead letters whose body is still there, oldest first; those of these ids, or all.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn dead(&self, only: Option<&[EventId]>) -> Result<Vec<Entry>, StoreError> {
        let all = if self.exists { dead(self.sql)? } else { Vec::new() };
        let asked = |entry: &Entry| only.is_none_or(|ids| ids.contains(&entry.id));
        Ok(all.into_iter().filter(asked).collect())
    }

    /// The body of an event as the JSON that it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn raw_body(&self, id: &EventId) -> Result<Option<Box<RawValue>>, StoreError> {
        let raw = |body| RawValue::from_string(body).map_err(|_| StoreError::Corrupt("event.body"));
        body(self.sql, id)?.map(raw).transpose()
    }

    /// Writes what an output says, and makes the table where this is the first thing to be written.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the caller's transaction then undoes everything.
    pub fn save(
        &mut self,
        conversation: &Conversation,
        output: &Output,
        bodies: &[Option<&str>],
    ) -> Result<(), StoreError> {
        if !output.is_to_be_written() {
            return Ok(());
        }
        if !self.exists {
            schema::migrate(self.sql)?;
            self.exists = true;
        }
        save(self.sql, conversation, output, bodies)
    }
}

/// Loads the conversation from its table.
///
/// # Errors
///
/// [`StoreError`].
pub fn load(sql: &impl Sql, last_seq: Option<u64>) -> Result<Conversation, StoreError> {
    let mut conversation = match sql.query("SELECT body FROM event WHERE id = '' AND part = 0", vec![])?.pop() {
        Some(row) => rows::conversation(row)?,
        None => Conversation::default(),
    };
    // No entry has a negative token.
    let hold = conversation.turn.hold().and_then(|_| i64::try_from(conversation.turn.token.number()).ok());
    let entries = sql.query(
        "SELECT id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note FROM event \
         WHERE state IN ('waiting', 'in_flight') OR (state = 'withheld' AND token = ? \
         AND reason IN ('asked_for_person', 'held_by_human', 'taken_over')) ORDER BY seq, id",
        vec![Value::Integer(hold.unwrap_or(-1))],
    )?;
    let entries = entries.into_iter().map(rows::entry).collect::<Result<Vec<_>, _>>()?;
    (conversation.outbox, conversation.held) = entries.into_iter().partition(|entry| entry.state.is_open());
    conversation.last_seq = if let Some(last_seq) = last_seq {
        last_seq
    } else {
        let row = sql.query("SELECT MAX(seq) FROM event", vec![])?.pop().unwrap_or_default();
        rows::optional_millis(&row)?.map_or(0, UnixMillis::as_millis)
    };
    Ok(conversation)
}

/// Those of the ids that were accepted before, with their entries.
///
/// # Errors
///
/// [`StoreError`].
pub fn known<'a>(
    sql: &impl Sql,
    ids: impl IntoIterator<Item = &'a EventId>,
) -> Result<BTreeMap<EventId, Entry>, StoreError> {
    // The list travels as one JSON value, because a statement may bind 100 values at most (Cloudflare, SQL limits,
    // 2026). The ids of a whole delivery are half a megabyte at the very most, and a value may have two.
    let ids: Vec<&EventId> = ids.into_iter().collect();
    let list = serde_json::to_string(&ids).map_err(|_| StoreError::Corrupt("id"))?;
    let rows = sql.query(
        "SELECT id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note FROM event \
         WHERE part = 0 AND id IN (SELECT value FROM json_each(?))",
        vec![Value::Text(list)],
    )?;
    rows.into_iter().map(|row| rows::entry(row).map(|entry| (entry.id.clone(), entry))).collect()
}

fn dead(sql: &impl Sql) -> Result<Vec<Entry>, StoreError> {
    let rows = sql.query(
        "SELECT id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note FROM event \
         WHERE state = 'dead' AND body IS NOT NULL ORDER BY seq, id",
        vec![],
    )?;
    rows.into_iter().map(rows::entry).collect()
}

/// Whether anything ever happened in this object.
///
/// # Errors
///
/// [`StoreError`].
pub fn has_history(sql: &impl Sql) -> Result<bool, StoreError> {
    Ok(schema::exists(sql)? && !load(sql, None)?.is_fresh())
}

/// The attempts of an output with their bodies: from the input where it brought them, else from storage.
///
/// # Errors
///
/// [`StoreError`].
pub fn jobs(sql: &impl Sql, output: &Output, bodies: &[Option<&str>]) -> Result<Vec<Job>, StoreError> {
    let is_rewritten =
        |id: &EventId| output.changes.iter().any(|change| matches!(change, Change::Rewrite { id: of, .. } if of == id));
    let brought = |attempt: &Attempt| {
        if is_rewritten(&attempt.id) {
            return None;
        }
        let event = output.changes.iter().rev().find_map(|change| match change {
            Change::Put { entry, event, .. } if entry.id == attempt.id => *event,
            Change::Put { .. } | Change::Update(_) | Change::Rewrite { .. } | Change::Forget { .. } => None,
        });
        bodies.get(event?).copied().flatten().map(str::to_owned)
    };
    let job = |attempt: &Attempt| match brought(attempt) {
        Some(body) => Ok((attempt.clone(), Some(body))),
        None => body(sql, &attempt.id).map(|body| (attempt.clone(), body)),
    };
    output.attempts.iter().map(job).collect()
}

/// Writes what an output says. `bodies[n]` is the body of the input's event `n`.
fn save(
    sql: &impl Sql,
    conversation: &Conversation,
    output: &Output,
    bodies: &[Option<&str>],
) -> Result<(), StoreError> {
    for change in &output.changes {
        match change {
            Change::Put { entry, event, replaces } => {
                if *replaces {
                    sql.query("DELETE FROM event WHERE id = ?", vec![Value::Text(entry.id.as_str().to_owned())])?;
                }
                let body = event.filter(|_| !entry.is_done_with_body());
                let body = body.and_then(|event| bodies.get(event).copied().flatten());
                put(sql, entry, body)?;
            }
            Change::Rewrite { id, how } => rewrite(sql, id, how, bodies)?,
            Change::Update(entry) => update(sql, entry)?,
            Change::Forget { events_before, bodies_before } => forget(sql, *events_before, *bodies_before)?,
        }
    }
    if output.save {
        let body = Value::Text(rows::conversation_json(conversation)?);
        sql.query("INSERT OR REPLACE INTO event (id, part, body) VALUES ('', 0, ?)", vec![body])?;
    }
    Ok(())
}

fn put(sql: &impl Sql, entry: &Entry, body: Option<&str>) -> Result<(), StoreError> {
    let mut parts = body.into_iter().flat_map(|body| parts(body, ROW_TEXT_BYTES_MAX));
    let mut values = rows::entry_values(entry)?;
    values.push(parts.next().map_or(Value::Null, |part| Value::Text(part.to_owned())));
    sql.query(
        "INSERT OR REPLACE INTO event \
         (id, part, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note, body) \
         VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )?;
    put_parts(sql, &entry.id, parts)
}

/// Writes what of a body exceeds its event's own row.
fn put_parts<'a>(sql: &impl Sql, id: &EventId, parts: impl Iterator<Item = &'a str>) -> Result<(), StoreError> {
    for (part, text) in (1..).zip(parts) {
        let values = vec![Value::Text(id.as_str().to_owned()), Value::Integer(part), Value::Text(text.to_owned())];
        sql.query("INSERT INTO event (id, part, body) VALUES (?, ?, ?)", values)?;
    }
    Ok(())
}

/// Changes a body before the bot gets it.
fn rewrite(sql: &impl Sql, id: &EventId, how: &Rewrite, bodies: &[Option<&str>]) -> Result<(), StoreError> {
    let rewritten = match how {
        Rewrite::Edited { event } => {
            let original = body(sql, id)?;
            let edit = bodies.get(*event).copied().flatten();
            let edited = original.zip(edit).and_then(|(original, edit)| rewrite::edited(&original, edit));
            // A message without a content that could be exchanged stays as it is; the edit's own body is kept.
            let Some(edited) = edited else { return Ok(()) };
            edited
        }
        Rewrite::Merged(ids) => {
            let parts = ids.iter().map(|id| body(sql, id)).collect::<Result<Option<Vec<_>>, _>>()?.unwrap_or_default();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            rewrite::merged(&parts).ok_or(StoreError::Corrupt("event.body"))?
        }
    };
    let id_value = || Value::Text(id.as_str().to_owned());
    sql.query("DELETE FROM event WHERE id = ? AND part > 0", vec![id_value()])?;
    let mut parts = parts(&rewritten, ROW_TEXT_BYTES_MAX);
    let first = parts.next().unwrap_or_default().to_owned();
    sql.query("UPDATE event SET body = ? WHERE id = ? AND part = 0", vec![Value::Text(first), id_value()])?;
    put_parts(sql, id, parts)
}

/// Splits text into parts of at most `bytes` bytes, between characters.
fn parts(text: &str, bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = (0..=bytes.min(rest.len())).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(at.max(1));
        rest = behind;
        Some(part)
    })
}

fn update(sql: &impl Sql, entry: &Entry) -> Result<(), StoreError> {
    let statement = if entry.is_done_with_body() {
        // The gate keeps only what recognises a repetition.
        sql.query("DELETE FROM event WHERE id = ? AND part > 0", vec![Value::Text(entry.id.as_str().to_owned())])?;
        "UPDATE event SET token = ?, attempts = ?, state = ?, at_ms = ?, reason = ?, note = ?, body = NULL \
         WHERE id = ? AND part = 0"
    } else {
        "UPDATE event SET token = ?, attempts = ?, state = ?, at_ms = ?, reason = ?, note = ? \
         WHERE id = ? AND part = 0"
    };
    sql.query(statement, rows::entry_update_values(entry)?)?;
    Ok(())
}

/// The conversation's own row has neither a state nor a time, so neither statement touches it.
fn forget(sql: &impl Sql, events_before: UnixMillis, bodies_before: UnixMillis) -> Result<(), StoreError> {
    let before = |at: UnixMillis| Ok::<_, StoreError>(vec![rows::millis(at)?]);
    sql.query(
        "DELETE FROM event WHERE accepted_at_ms < ? AND state NOT IN ('waiting', 'in_flight')",
        before(events_before)?,
    )?;
    sql.query(
        "UPDATE event SET body = NULL WHERE accepted_at_ms < ? AND body IS NOT NULL \
         AND state NOT IN ('waiting', 'in_flight')",
        before(bodies_before)?,
    )?;
    sql.query(
        "DELETE FROM event WHERE part > 0 AND id NOT IN (SELECT id FROM event WHERE part = 0 AND body IS NOT NULL)",
        vec![],
    )?;
    Ok(())
}

/// The body of an event; `None` where none is kept.
///
/// # Errors
///
/// [`StoreError`].
pub fn body(sql: &impl Sql, id: &EventId) -> Result<Option<String>, StoreError> {
    let id = Value::Text(id.as_str().to_owned());
    let rows = sql.query("SELECT body FROM event WHERE id = ? ORDER BY part", vec![id])?;
    let parts = rows.into_iter().map(rows::optional_text).collect::<Result<Vec<_>, _>>()?;
    // The first part is NULL where the body was let go of.
    Ok(parts.into_iter().collect::<Option<Vec<_>>>().filter(|parts| !parts.is_empty()).map(|parts| parts.concat()))
}

fn oldest(sql: &impl Sql) -> Result<Option<UnixMillis>, StoreError> {
    let row = sql.query("SELECT MIN(accepted_at_ms) FROM event", vec![])?.pop().unwrap_or_default();
    rows::optional_millis(&row)
}

/// The last events of the conversation, oldest first.
///
/// # Errors
///
/// [`StoreError`].
pub fn record(sql: &impl Sql) -> Result<Vec<Entry>, StoreError> {
    let limit = i64::try_from(RECORD_EVENTS_MAX).unwrap_or(i64::MAX);
    let rows = sql.query(
        "SELECT id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note FROM event \
         WHERE class IS NOT NULL ORDER BY seq DESC LIMIT ?",
        vec![Value::Integer(limit)],
    )?;
    rows.into_iter().rev().map(rows::entry).collect()
}
