//! The SQL of one object: the same text runs on the Durable Object's SQLite and, in native tests, on rusqlite.
//!
//! | file | what |
//! |---|---|
//! | [`schema`] | the table, as numbered migrations |
//! | [`table`] | the table in a transaction: load, look up, save |
//! | [`erase`] | what is kept of a customer, counted |
//! | [`office`] | the office's own tables |
//! | [`uses`] | the office's table of secrets |
//! | `write` | what an output says, as statements |
//! | [`desk`] | the tables of a desk |
//! | [`rows`] | row ↔ domain; the only place that knows column names and stored formats |
//!
//! Invariant: what an [`Output`] says is written as a whole or not at all. The caller opens the transaction
//! ([`Sql::transaction`]) around [`table::Table::load`], `apply` and [`table::Table::save`]; there is no await in between, so no other event
//! of the object can come in between either.
//!
//! Rows written are most of what a webhook costs on this platform (`docs/decisions/0004-rows.md`): a forwarded
//! message costs one row when it is accepted and one when it is delivered.

pub mod desk;
pub mod erase;
pub mod office;
pub mod rows;
pub mod schema;
pub mod table;
pub mod uses;
mod write;

use core::fmt;

use serde::de::{self, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::conversation::{Change, Output};
use crate::ids::EventId;
use crate::limits::RECORD_EVENTS_MAX;
use crate::outbox::Entry;
use crate::outbox::request::Attempt;

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

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer, a text or null")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Integer(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                i64::try_from(number).map(Value::Integer).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
                Ok(Value::Text(text))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A statement that brings no rows, with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement(pub &'static str, pub Vec<Value>);

/// As one list, the statement first: what the platform takes as the arguments of a call.
impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.1.len().saturating_add(1)))?;
        list.serialize_element(self.0)?;
        self.1.iter().try_for_each(|value| list.serialize_element(value))?;
        list.end()
    }
}

/// An object's SQLite.
pub trait Sql {
    /// Runs one statement and returns its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sql`] where the database refuses.
    fn query(&self, statement: &'static str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, StoreError>;

    /// Runs statements that bring no rows, in their order. On the platform that is one call, and all of them or none;
    /// elsewhere the caller's transaction makes it so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sql`] where the database refuses.
    fn write(&self, statements: &[Statement]) -> Result<(), StoreError> {
        statements.iter().try_for_each(|Statement(text, values)| self.query(text, values.clone()).map(|_| ()))
    }

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
