//! An object's table inside a transaction: what a conversation is loaded from, and what it is written to.
//!
//! Invariant: a table is made when something is first to be written, and not for a look. An object that was asked
//! something and has nothing to remember costs no row.
//!
//! Not here: how an output is written (`write`), the form of a row (`rows`).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Sql, StoreError, Value, body, rows, schema, write};
use crate::conversation::{Conversation, Output};
use crate::ids::EventId;
use crate::json;
use crate::outbox::Entry;
use crate::time::UnixMillis;

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
        Ok(Self { sql, exists: is_migrated || schema::CONVERSATION.open(sql)? })
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

    /// When the customer's last message was accepted.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn last_said(&self) -> Result<Option<UnixMillis>, StoreError> {
        if !self.exists {
            return Ok(None);
        }
        let last = "SELECT MAX(accepted_at_ms) FROM event WHERE class = 'turn'";
        rows::optional_millis(&self.sql.query(last, vec![])?.pop().unwrap_or_default())
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
        write::save(self.sql, conversation, output, bodies)
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
    let rows = if let [id] = ids[..] {
        sql.query(
            "SELECT id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note FROM event \
             WHERE id = ? AND part = 0",
            vec![Value::Text(id.as_str().to_owned())],
        )
    } else {
        let list = json::write(&ids).map_err(|_| StoreError::Corrupt("id"))?;
        sql.query(
            "SELECT id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note FROM event \
             WHERE part = 0 AND id IN (SELECT value FROM json_each(?))",
            vec![Value::Text(list)],
        )
    }?;
    let mut known = BTreeMap::new();
    for row in rows {
        let entry = rows::entry(row)?;
        known.insert(entry.id.clone(), entry);
    }
    Ok(known)
}

fn dead(sql: &impl Sql) -> Result<Vec<Entry>, StoreError> {
    let rows = sql.query(
        "SELECT id, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note FROM event \
         WHERE state = 'dead' AND body IS NOT NULL ORDER BY seq, id",
        vec![],
    )?;
    rows.into_iter().map(rows::entry).collect()
}

fn oldest(sql: &impl Sql) -> Result<Option<UnixMillis>, StoreError> {
    let row = sql.query("SELECT MIN(accepted_at_ms) FROM event", vec![])?.pop().unwrap_or_default();
    rows::optional_millis(&row)
}
