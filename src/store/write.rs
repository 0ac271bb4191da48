//! What an output says, as statements.
//!
//! Invariant: the changes are written in their order, so that one may build on another: a message is put, then edited,
//! then starts. The caller's transaction undoes all of them where one fails.
//!
//! Not here: when something is written (`table`), the form of a row (`rows`).

use super::{Sql, Statement, StoreError, Value, body, rows};
use crate::conversation::{Change, Conversation, Output, Rewrite};
use crate::ids::EventId;
use crate::limits::ROW_TEXT_BYTES_MAX;
use crate::outbox::Entry;
use crate::time::UnixMillis;
use crate::webhook::rewrite;

/// Writes what an output says. `bodies[n]` is the body of the input's event `n`. All of it is one call of the database,
/// unless a body changes that has to be read first.
pub(super) fn save(
    sql: &impl Sql,
    conversation: &Conversation,
    output: &Output,
    bodies: &[Option<&str>],
) -> Result<(), StoreError> {
    if let ([Change::Update(entry)], false) = (&output.changes[..], output.save)
        && entry.is_done_with_body()
    {
        return finish(sql, entry);
    }
    let mut due = Vec::new();
    for change in &output.changes {
        match change {
            Change::Put { entry, event, replaces } => {
                if *replaces {
                    due.push(Statement("DELETE FROM event WHERE id = ?", vec![id_of(&entry.id)]));
                }
                let body = event.filter(|_| !entry.is_done_with_body());
                let body = body.and_then(|event| bodies.get(event).copied().flatten());
                put(&mut due, entry, body)?;
            }
            Change::Rewrite { id, how } => {
                sql.write(&core::mem::take(&mut due))?;
                rewrite(sql, id, how, bodies)?;
            }
            Change::Update(entry) => update(&mut due, entry)?,
            Change::Forget { events_before, bodies_before } => forget(&mut due, *events_before, *bodies_before)?,
        }
    }
    if output.save {
        let body = Value::Text(rows::conversation_json(conversation)?);
        due.push(Statement("INSERT OR REPLACE INTO event (id, part, body) VALUES ('', 0, ?)", vec![body]));
    }
    sql.write(&due)
}

fn id_of(id: &EventId) -> Value {
    Value::Text(id.as_str().to_owned())
}

fn put(due: &mut Vec<Statement>, entry: &Entry, body: Option<&str>) -> Result<(), StoreError> {
    let mut parts = body.into_iter().flat_map(|body| parts(body, ROW_TEXT_BYTES_MAX));
    let mut values = rows::entry_values(entry)?;
    values.push(parts.next().map_or(Value::Null, |part| Value::Text(part.to_owned())));
    due.push(Statement(
        "INSERT OR REPLACE INTO event \
         (id, part, class, seq, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms, note, body) \
         VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    ));
    put_parts(due, &entry.id, parts);
    Ok(())
}

/// Writes what of a body exceeds its event's own row.
fn put_parts<'a>(due: &mut Vec<Statement>, id: &EventId, parts: impl Iterator<Item = &'a str>) {
    for (part, text) in (1..).zip(parts) {
        let values = vec![id_of(id), Value::Integer(part), Value::Text(text.to_owned())];
        due.push(Statement("INSERT INTO event (id, part, body) VALUES (?, ?, ?)", values));
    }
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
    let mut parts = parts(&rewritten, ROW_TEXT_BYTES_MAX);
    let first = parts.next().unwrap_or_default().to_owned();
    let mut due = vec![
        Statement("DELETE FROM event WHERE id = ? AND part > 0", vec![id_of(id)]),
        Statement("UPDATE event SET body = ? WHERE id = ? AND part = 0", vec![Value::Text(first), id_of(id)]),
    ];
    put_parts(&mut due, id, parts);
    sql.write(&due)
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

fn update(due: &mut Vec<Statement>, entry: &Entry) -> Result<(), StoreError> {
    let statement = if entry.is_done_with_body() {
        // The gate keeps only what recognises a repetition.
        due.push(Statement("DELETE FROM event WHERE id = ? AND part > 0", vec![id_of(&entry.id)]));
        "UPDATE event SET token = ?, attempts = ?, state = ?, at_ms = ?, reason = ?, note = ?, body = NULL \
         WHERE id = ? AND part = 0"
    } else {
        "UPDATE event SET token = ?, attempts = ?, state = ?, at_ms = ?, reason = ?, note = ? \
         WHERE id = ? AND part = 0"
    };
    due.push(Statement(statement, rows::entry_update_values(entry)?));
    Ok(())
}

/// An entry is done, and nothing else is to be written: the usual end of an attempt, as the one statement that it mostly
/// is. What of a body has further rows is looked for in the same statement, and is rare.
fn finish(sql: &impl Sql, entry: &Entry) -> Result<(), StoreError> {
    let parts = sql.query(
        "UPDATE event SET token = ?, attempts = ?, state = ?, at_ms = ?, reason = ?, note = ?, body = NULL \
         WHERE id = ?7 AND part = 0 RETURNING EXISTS (SELECT 1 FROM event AS more WHERE more.id = ?7 AND more.part > 0)",
        rows::entry_update_values(entry)?,
    )?;
    if parts.contains(&vec![Value::Integer(1)]) {
        sql.write(&[Statement("DELETE FROM event WHERE id = ? AND part > 0", vec![id_of(&entry.id)])])?;
    }
    Ok(())
}

/// What was withheld or given up on is kept from then on; it may have been tried for days before. The conversation's own
/// row has neither a state nor a time, so neither statement touches it.
fn forget(due: &mut Vec<Statement>, events_before: UnixMillis, bodies_before: UnixMillis) -> Result<(), StoreError> {
    let before = |at: UnixMillis| Ok::<_, StoreError>(vec![rows::millis(at)?]);
    due.push(Statement(
        "DELETE FROM event WHERE COALESCE(at_ms, accepted_at_ms) < ? AND state NOT IN ('waiting', 'in_flight')",
        before(events_before)?,
    ));
    due.push(Statement(
        "UPDATE event SET body = NULL WHERE COALESCE(at_ms, accepted_at_ms) < ? AND body IS NOT NULL \
         AND state NOT IN ('waiting', 'in_flight')",
        before(bodies_before)?,
    ));
    due.push(Statement(
        "DELETE FROM event WHERE part > 0 AND id NOT IN (SELECT id FROM event WHERE part = 0 AND body IS NOT NULL)",
        vec![],
    ));
    Ok(())
}
