//! The tables of the office: failed attempts, and the policy's versions.
//!
//! Invariant: a version that was given a number keeps its document until [`POLICY_VERSIONS_MAX`] newer ones are there, and
//! the newest of them is the one that is, or is about to be, in force. Of attempts there are never more than
//! [`ATTEMPT_ADDRESSES_MAX`] rows.
//!
//! The caller opens the transaction. What is only read makes no tables: a right token of an operator who never
//! mistypes writes no row at all.
//!
//! Not here: how many attempts are too many (`access::attempts`), whether a document is a policy (`policy`).

use core::fmt::Write as _;

use super::schema::{MARK, Mark, Schema};
use super::{Sql, StoreError, Value};
use crate::access::attempts::{Record, Verdict, judge};
use crate::json;
use crate::limits::{ATTEMPT_ADDRESSES_MAX, POLICY_VERSIONS_MAX};
use crate::policy::version::{Change, Version};
use crate::time::UnixMillis;

/// The table of secrets (`uses`), since version 2.
const SECRETS: &str = "CREATE TABLE secret (name TEXT NOT NULL, digest TEXT NOT NULL, \
                     first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, PRIMARY KEY (name, digest)) WITHOUT ROWID";

/// What an office has: version 1 is that of 0.1.0; version 2 is that of 0.2.0 and knows when secrets were used. A row of the first table has a text key, hence `WITHOUT ROWID`: it is
/// written once, not twice.
pub const SCHEMA: Schema = Schema::new(
    "policy",
    Mark::Table,
    &[
        &[
            "CREATE TABLE attempt (address TEXT PRIMARY KEY, failures INTEGER NOT NULL, until_ms INTEGER NOT NULL) \
             WITHOUT ROWID",
            "CREATE TABLE policy (version INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, note TEXT, \
             document TEXT NOT NULL)",
        ],
        &[MARK, SECRETS],
    ],
);

/// Judges an attempt from this address, and writes down what is to be known of it.
///
/// # Errors
///
/// [`StoreError`].
pub fn attempt(sql: &impl Sql, address: &str, is_right: bool, now: UnixMillis) -> Result<Verdict, StoreError> {
    let address = || Value::Text(address.to_owned());
    let known = if SCHEMA.open(sql)? {
        let found = "SELECT failures, until_ms FROM attempt WHERE address = ?";
        sql.query(found, vec![address()])?.pop().as_deref().map(record).transpose()?
    } else {
        None
    };
    let (verdict, record) = judge(known, is_right, now);
    if let Some(record) = record {
        SCHEMA.make(sql)?;
        sql.query("DELETE FROM attempt WHERE until_ms <= ?", vec![at(now)])?;
        if known.is_none() {
            // Where there is no room, what would be forgotten first makes some.
            sql.query(
                "DELETE FROM attempt WHERE address IN (SELECT address FROM attempt ORDER BY until_ms \
                 LIMIT max(0, (SELECT count(*) FROM attempt) - ?))",
                vec![Value::Integer(i64::from(ATTEMPT_ADDRESSES_MAX) - 1)],
            )?;
        }
        let failures = Value::Integer(i64::from(record.failures));
        let put = "INSERT OR REPLACE INTO attempt (address, failures, until_ms) VALUES (?, ?, ?)";
        sql.query(put, vec![address(), failures, at(record.until)])?;
    }
    Ok(verdict)
}

/// A version of the policy, or the newest one; `None` where there is none.
///
/// # Errors
///
/// [`StoreError`].
pub fn version(sql: &impl Sql, number: Option<u32>) -> Result<Option<Version>, StoreError> {
    if !SCHEMA.open(sql)? {
        return Ok(None);
    }
    let rows = match number {
        Some(number) => {
            let one = "SELECT version, at_ms, document FROM policy WHERE version = ?";
            sql.query(one, vec![Value::Integer(i64::from(number))])
        }
        None => sql.query("SELECT version, at_ms, document FROM policy ORDER BY version DESC LIMIT 1", vec![]),
    };
    match rows?.pop().as_deref() {
        Some([Value::Integer(version), Value::Integer(at), Value::Text(document)]) => {
            Ok(Some(Version { at: instant(*at)?, document: document.clone(), number: count(*version)? }))
        }
        Some(_) => Err(StoreError::Corrupt("policy")),
        None => Ok(None),
    }
}

/// The versions, newest first, as the API shows them.
///
/// # Errors
///
/// [`StoreError`].
pub fn versions(sql: &impl Sql) -> Result<String, StoreError> {
    let rows = if SCHEMA.open(sql)? {
        sql.query("SELECT version, at_ms, note, document FROM policy ORDER BY version DESC", vec![])?
    } else {
        Vec::new()
    };
    let mut shown = r#"{"versions":["#.to_owned();
    for (row, comma) in rows.into_iter().zip(core::iter::once("").chain(core::iter::repeat(","))) {
        let [Value::Integer(version), Value::Integer(at), note, Value::Text(document)] = row.as_slice() else {
            return Err(StoreError::Corrupt("policy"));
        };
        let note = match note {
            Value::Text(note) => json::write(note).map_err(|_| StoreError::Corrupt("note"))?,
            Value::Integer(_) | Value::Null => "null".to_owned(),
        };
        // A document is JSON: it was a policy when it was written.
        let _ = write!(shown, r#"{comma}{{"version":{version},"at_ms":{at},"note":{note},"document":{document}}}"#);
    }
    shown.push_str("]}");
    Ok(shown)
}

/// Makes a document the newest version, unless another version than `base` has become that. A document that is the newest
/// version already stays it, whatever `base` says: this is how a change is sent again whose answer was lost.
///
/// # Errors
///
/// [`StoreError`].
pub fn write(
    sql: &impl Sql,
    document: String,
    base: Option<u32>,
    note: Option<String>,
    now: UnixMillis,
) -> Result<Change, StoreError> {
    let newest = version(sql, None)?;
    if let Some(newest) = newest.clone().filter(|newest| newest.document == document) {
        return Ok(Change::Written(newest));
    }
    let newest = newest.map_or(0, |newest| newest.number);
    if base.is_some_and(|base| base != newest) {
        return Ok(Change::Newer(newest));
    }
    SCHEMA.make(sql)?;
    let number = newest.saturating_add(1);
    let values = vec![
        Value::Integer(i64::from(number)),
        at(now),
        note.map_or(Value::Null, Value::Text),
        Value::Text(document.clone()),
    ];
    sql.query("INSERT INTO policy (version, at_ms, note, document) VALUES (?, ?, ?, ?)", values)?;
    let too_old = i64::from(number.saturating_sub(POLICY_VERSIONS_MAX));
    sql.query("DELETE FROM policy WHERE version <= ?", vec![Value::Integer(too_old)])?;
    Ok(Change::Written(Version { at: now, document, number }))
}

/// Takes back a version that could not be put in force, where no other has come after it.
///
/// # Errors
///
/// [`StoreError`].
pub fn undo(sql: &impl Sql, number: u32) -> Result<(), StoreError> {
    if SCHEMA.open(sql)? {
        let only_newest = "DELETE FROM policy WHERE version = ? AND version = (SELECT max(version) FROM policy)";
        sql.query(only_newest, vec![Value::Integer(i64::from(number))])?;
    }
    Ok(())
}

fn record(row: &[Value]) -> Result<Record, StoreError> {
    match row {
        [Value::Integer(failures), Value::Integer(until)] => {
            Ok(Record { failures: count(*failures)?, until: instant(*until)? })
        }
        _ => Err(StoreError::Corrupt("attempt")),
    }
}

fn at(at: UnixMillis) -> Value {
    Value::Integer(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
}

fn count(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Corrupt("a number"))
}

fn instant(millis: i64) -> Result<UnixMillis, StoreError> {
    u64::try_from(millis).map(UnixMillis::new).map_err(|_| StoreError::Corrupt("a time"))
}
