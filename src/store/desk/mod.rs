//! The SQL of a desk: one part of what the operator sees of a line.
//!
//! | file | what |
//! |---|---|
//! | [`intake`] | a report comes in: the conversation's row, dead letters, collisions |
//! | [`counts`] | tallies by the minute and the hour, and what is too old |
//! | [`incidents`] | what the owner is told |
//! | [`lists`] | pages |
//!
//! Invariant: everything that a report brings is written in one transaction. What is stored of a conversation is what
//! the operator is shown, as text: a list is read from an index and passed on.
//!
//! | table | key | a row is |
//! |---|---|---|
//! | `conversation` | public id | how it stands; by `rank` for the list |
//! | `dead`, `collision` | rank, key | one, as it is shown; newest first |
//! | `minute`, `hour` | begin | tallies; the newest minute has the line's marks, hour 0 the total since ever |
//! | `incident` | number | what was told, and what is still to be |
//!
//! What it costs: a message that changes nothing about who holds writes one row, the minute's; a takeover three to four.

pub mod counts;
pub mod incidents;
pub mod intake;
pub mod lists;

use super::schema::{MARK, Mark, Schema};
use super::{Sql, StoreError, Value};
use crate::time::UnixMillis;

/// What a part of a desk has: version 1 is that of 0.1.0.
pub const SCHEMA: Schema = Schema::new("conversation", Mark::Table, &[TABLES_1, &[MARK]]);

/// What the object has that knows all lines.
pub const DIRECTORY: Schema =
    Schema::new("line", Mark::Table, &[&["CREATE TABLE line (id TEXT PRIMARY KEY) WITHOUT ROWID"], &[MARK]]);

const TABLES_1: &[&str] = &[
    "CREATE TABLE conversation (id TEXT PRIMARY KEY, rank INTEGER NOT NULL, name TEXT NOT NULL, holder TEXT NOT NULL, \
     dead INTEGER NOT NULL, message_ms INTEGER, echo_ms INTEGER, wake_ms INTEGER, written_ms INTEGER NOT NULL, \
     search TEXT NOT NULL, standing TEXT NOT NULL, shown TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX conversation_rank ON conversation (rank, id)",
    "CREATE INDEX conversation_dead ON conversation (rank, id) WHERE dead > 0",
    "CREATE TABLE dead (rank INTEGER NOT NULL, key TEXT NOT NULL, conversation TEXT NOT NULL, shown TEXT NOT NULL, \
     PRIMARY KEY (rank, key)) WITHOUT ROWID",
    "CREATE INDEX dead_conversation ON dead (conversation)",
    "CREATE TABLE collision (rank INTEGER NOT NULL, key TEXT NOT NULL, conversation TEXT NOT NULL, \
     outcome TEXT NOT NULL, shown TEXT NOT NULL, PRIMARY KEY (rank, key)) WITHOUT ROWID",
    "CREATE INDEX collision_conversation ON collision (conversation)",
    "CREATE TABLE minute (at INTEGER PRIMARY KEY, tallies TEXT NOT NULL, marks TEXT NOT NULL)",
    "CREATE TABLE hour (at INTEGER PRIMARY KEY, tallies TEXT NOT NULL, until INTEGER)",
    "CREATE TABLE incident (id INTEGER PRIMARY KEY, conversation TEXT NOT NULL, kind TEXT NOT NULL, customer TEXT, \
     opened INTEGER NOT NULL, closed INTEGER, told INTEGER NOT NULL, tries INTEGER NOT NULL, due INTEGER, \
     explanation TEXT NOT NULL)",
    "CREATE UNIQUE INDEX incident_open ON incident (conversation, kind) WHERE closed IS NULL",
];

/// Brings whatever desk this is up to date. The caller opens the transaction, before anything else is asked of it.
///
/// # Errors
///
/// [`StoreError::TooNew`] where a newer version wrote it, or the database's own error.
pub fn open(sql: &impl Sql) -> Result<(), StoreError> {
    SCHEMA.open(sql)?;
    DIRECTORY.open(sql).map(|_| ())
}

/// Whether anything was ever reported to this desk.
///
/// # Errors
///
/// [`StoreError`].
pub fn exists(sql: &impl Sql) -> Result<bool, StoreError> {
    let found = sql.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'conversation'", vec![])?;
    Ok(!found.is_empty())
}

/// Makes the tables, where they are not there. Returns whether it has.
///
/// # Errors
///
/// [`StoreError`].
pub fn create(sql: &impl Sql) -> Result<bool, StoreError> {
    let is_new = SCHEMA.make(sql)?;
    if is_new {
        sql.query("INSERT INTO hour (at, tallies, until) VALUES (0, '[]', 0)", vec![])?;
    }
    Ok(is_new)
}

/// Notes that a line has something to show, in the object that knows all lines.
///
/// # Errors
///
/// [`StoreError`].
pub fn register(sql: &impl Sql, line: &str) -> Result<(), StoreError> {
    DIRECTORY.make(sql)?;
    sql.query("INSERT OR IGNORE INTO line (id) VALUES (?)", vec![text(line)]).map(|_| ())
}

/// The lines that have something to show.
///
/// # Errors
///
/// [`StoreError`].
pub fn lines(sql: &impl Sql) -> Result<Vec<String>, StoreError> {
    if !DIRECTORY.open(sql)? {
        return Ok(Vec::new());
    }
    let rows = sql.query("SELECT id FROM line ORDER BY id", vec![])?;
    rows.into_iter().map(|row| Row::new(row).text()).collect()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn optional_text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

fn number(value: u64) -> Value {
    i64::try_from(value).map_or(Value::Null, Value::Integer)
}

fn at(value: UnixMillis) -> Value {
    number(value.as_millis())
}

fn optional_at(value: Option<UnixMillis>) -> Value {
    value.map_or(Value::Null, at)
}

/// The values of a row, in their order.
pub(super) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(super) fn new(row: Vec<Value>) -> Self {
        Self(row.into_iter())
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.optional_text()?.ok_or(StoreError::Corrupt("a text of the desk"))
    }

    fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            Some(Value::Integer(_)) | None => Err(StoreError::Corrupt("a text of the desk")),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64, StoreError> {
        match self.0.next() {
            Some(Value::Integer(number)) => Ok(number),
            Some(Value::Null | Value::Text(_)) | None => Err(StoreError::Corrupt("a number of the desk")),
        }
    }

    fn optional_at(&mut self) -> Result<Option<UnixMillis>, StoreError> {
        match self.0.next() {
            Some(Value::Integer(number)) => Ok(u64::try_from(number).ok().map(UnixMillis::new)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_)) | None => Err(StoreError::Corrupt("a time of the desk")),
        }
    }
}
