//! What an output says, as statements.
//!
//! Invariant: the changes are written in their order, so that one may build on another: a message is put, then edited,
//! then starts. The caller's transaction undoes all of them where one fails.
//!
//! Not here: when something is written (`table`), the form of a row (`rows`).

use super::{Sql, StoreError, Value, body, rows};
use crate::conversation::{Change, Conversation, Output, Rewrite};
use crate::ids::EventId;
use crate::limits::ROW_TEXT_BYTES_MAX;
use crate::outbox::Entry;
use crate::time::UnixMillis;
use crate::webhook::rewrite;

/// Writes what an output says. `bodies[n]` is the body of the input's event `n`.
pub(super) fn save(
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

/// What was withheld or given up on is kept from then on; it may have been tried for days before. The conversation's own
/// row has neither a state nor a time, so neither statement touches it.
fn forget(sql: &impl Sql, events_before: UnixMillis, bodies_before: UnixMillis) -> Result<(), StoreError> {
    let before = |at: UnixMillis| Ok::<_, StoreError>(vec![rows::millis(at)?]);
    sql.query(
        "DELETE FROM event WHERE COALESCE(at_ms, accepted_at_ms) < ? AND state NOT IN ('waiting', 'in_flight')",
        before(events_before)?,
    )?;
    sql.query(
        "UPDATE event SET body = NULL WHERE COALESCE(at_ms, accepted_at_ms) < ? AND body IS NOT NULL \
         AND state NOT IN ('waiting', 'in_flight')",
        before(bodies_before)?,
    )?;
    sql.query(
        "DELETE FROM event WHERE part > 0 AND id NOT IN (SELECT id FROM event WHERE part = 0 AND body IS NOT NULL)",
        vec![],
    )?;
    Ok(())
}
