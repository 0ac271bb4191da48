//! The tables of an object, as numbered migrations.
//!
//! Invariant: a migration that was released is never changed; the next version gets one of its own. An object
//! is brought up to date when it wakes, in the transaction in which it is first used.
//!
//! | table | one row is | why this shape |
//! |---|---|---|
//! | `conversation` | the conversation: turn, place, echoes, journal, as JSON | a change of turn is one row written |
//! | `event` | an accepted event: entry, outcome, body | `WITHOUT ROWID` writes 1 row where a rowid table writes 2 |
//! | `body_part` | what of a body exceeds one row's 2 MB | nearly always empty |
//!
//! There is no index: each would cost a row per message, and the table holds one customer's last days.

use super::{Sql, StoreError, Value};

/// The version that this code writes.
pub const VERSION: i64 = 1;

/// The statements that lead from version `n` to `n + 1`.
const MIGRATIONS: [&[&str]; 1] = [&[
    "CREATE TABLE conversation (k INTEGER PRIMARY KEY CHECK (k = 0), schema INTEGER NOT NULL, state TEXT NOT NULL)",
    "CREATE TABLE event (id TEXT PRIMARY KEY, class TEXT NOT NULL, seq INTEGER NOT NULL, token INTEGER NOT NULL, \
     attempts INTEGER NOT NULL, state TEXT NOT NULL, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, \
     accepted_at_ms INTEGER NOT NULL, body TEXT) WITHOUT ROWID",
    "CREATE TABLE body_part (id TEXT, part INTEGER, body TEXT NOT NULL, PRIMARY KEY (id, part)) WITHOUT ROWID",
]];

/// Whether the object has any tables.
///
/// # Errors
///
/// [`StoreError`].
pub fn exists(sql: &impl Sql) -> Result<bool, StoreError> {
    let found = sql.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'conversation'", vec![])?;
    Ok(!found.is_empty())
}

/// Brings the tables up to date. Writes nothing where they are.
///
/// # Errors
///
/// [`StoreError::TooNew`] where a newer version wrote them, or the database's own error.
pub fn migrate(sql: &impl Sql) -> Result<(), StoreError> {
    let version = if exists(sql)? {
        match sql.query("SELECT schema FROM conversation WHERE k = 0", vec![])?.pop().as_deref() {
            Some([Value::Integer(version)]) => *version,
            Some(_) => return Err(StoreError::Corrupt("schema")),
            // Tables without a row were made by the version whose transaction wrote no row: the first one.
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
