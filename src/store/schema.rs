//! The table of an object, as numbered migrations.
//!
//! Invariant: a migration that was released is never changed; the next version gets one of its own. An object
//! is brought up to date when it wakes, in the transaction in which it is first used.
//!
//! There is one table, `event`, and in it are three kinds of rows:
//!
//! | key | one row is |
//! |---|---|
//! | `id` of an event, part 0 | an accepted event: entry, outcome, the first megabyte of its body |
//! | `id` of an event, part 1, 2 … | what of the body exceeds that; a row holds at most 2 MB |
//! | the empty id, part 0 | the conversation: turn, place, echoes, journal, as JSON. No event has an empty id |
//!
//! Why one table: creating one writes two rows, and every new customer has an object, or two. Why `WITHOUT ROWID`:
//! a row of it is one row written, where a rowid table with a text key writes two. Why no index: each would cost a
//! row per message, and the table holds one customer's last days.

use super::{Sql, StoreError, Value};

/// The version that this code writes.
pub const VERSION: i64 = 1;

/// The statements that lead from version `n` to `n + 1`.
const MIGRATIONS: [&[&str]; 1] =
    [&["CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, \
     attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, \
     note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID"]];

/// Whether anything was ever written in this object.
///
/// # Errors
///
/// [`StoreError`].
pub fn exists(sql: &impl Sql) -> Result<bool, StoreError> {
    let found = sql.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'event'", vec![])?;
    Ok(!found.is_empty())
}

/// Brings the table up to date. Writes nothing where it is.
///
/// # Errors
///
/// [`StoreError::TooNew`] where a newer version wrote them, or the database's own error.
pub fn migrate(sql: &impl Sql) -> Result<(), StoreError> {
    let version = if exists(sql)? {
        let own = "SELECT json_extract(body, '$.schema') FROM event WHERE id = '' AND part = 0";
        match sql.query(own, vec![])?.pop().as_deref() {
            Some([Value::Integer(version)]) => *version,
            Some(_) => return Err(StoreError::Corrupt("schema")),
            // A table without the conversation's row: the first version made it for a repeated event and stopped there.
            None => 1,
        }
    } else {
        0
    };
    if version > VERSION {
        return Err(StoreError::TooNew);
    }
    let done = usize::try_from(version).map_err(|_| StoreError::Corrupt("schema"))?;
    for statement in MIGRATIONS.iter().skip(done).copied().flatten() {
        sql.query(statement, vec![])?;
    }
    Ok(())
}
