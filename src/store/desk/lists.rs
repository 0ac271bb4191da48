//! Pages of what the desk has.
//!
//! Invariant: a page is read from an index in the order of its keys; what is filtered away costs a row read, never one
//! written.

use serde_json::value::RawValue;

use super::{Row, Sql, StoreError, Value, at, text};
use crate::desk::page::{HUMAN_BELOW, Item, Key, WAITING_BELOW, newest_first};
use crate::limits::SWEPT_AT_ONCE;
use crate::time::UnixMillis;

/// Beyond every rank.
const RANK_MAX: i64 = 1 << 52;

/// Which conversations are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `human` or `automation`.
    pub holder: Option<&'static str>,
    /// Whether the customer waits.
    pub waiting: Option<bool>,
    /// Whether there are dead letters.
    pub dead: Option<bool>,
    /// A part of a name, in small letters.
    pub search: String,
}

/// The conversations behind `after`, at most `limit`.
///
/// # Errors
///
/// [`StoreError`].
pub fn conversations(sql: &impl Sql, filter: &Filter, after: &Key, limit: usize) -> Result<Vec<Item>, StoreError> {
    let mut after = after.clone();
    let mut below = if filter.holder == Some("human") { HUMAN_BELOW } else { RANK_MAX };
    match filter.waiting {
        Some(true) => below = below.min(WAITING_BELOW),
        Some(false) => after = after.max(Key(WAITING_BELOW - 1, "~".to_owned())),
        None => {}
    }
    let statement = match filter.dead {
        Some(true) => {
            "SELECT rank, id, shown FROM conversation WHERE (rank, id) > (?1, ?2) AND rank < ?3 AND dead > 0 \
             AND (?4 IS NULL OR holder = ?4) AND (?5 = '' OR instr(search, ?5) > 0) ORDER BY rank, id LIMIT ?6"
        }
        Some(false) => {
            "SELECT rank, id, shown FROM conversation WHERE (rank, id) > (?1, ?2) AND rank < ?3 AND dead = 0 \
             AND (?4 IS NULL OR holder = ?4) AND (?5 = '' OR instr(search, ?5) > 0) ORDER BY rank, id LIMIT ?6"
        }
        None => {
            "SELECT rank, id, shown FROM conversation WHERE (rank, id) > (?1, ?2) AND rank < ?3 \
             AND (?4 IS NULL OR holder = ?4) AND (?5 = '' OR instr(search, ?5) > 0) ORDER BY rank, id LIMIT ?6"
        }
    };
    let holder = filter.holder.map_or(Value::Null, text);
    page(
        sql,
        statement,
        vec![
            Value::Integer(after.0),
            text(&after.1),
            Value::Integer(below),
            holder,
            text(&filter.search),
            limit_value(limit),
        ],
    )
}

/// The dead letters behind `after`, newest first, of those that died since `since`.
///
/// # Errors
///
/// [`StoreError`].
pub fn dead_letters(sql: &impl Sql, since: UnixMillis, after: &Key, limit: usize) -> Result<Vec<Item>, StoreError> {
    let statement =
        "SELECT rank, key, shown FROM dead WHERE (rank, key) > (?1, ?2) AND rank <= ?3 ORDER BY rank, key LIMIT ?4";
    let oldest = Value::Integer(newest_first(since));
    page(sql, statement, vec![Value::Integer(after.0), text(&after.1), oldest, limit_value(limit)])
}

/// The collisions behind `after`, newest first, of those since `since`, with this outcome.
///
/// # Errors
///
/// [`StoreError`].
pub fn collisions(
    sql: &impl Sql,
    since: UnixMillis,
    outcome: Option<&str>,
    after: &Key,
    limit: usize,
) -> Result<Vec<Item>, StoreError> {
    let statement = "SELECT rank, key, shown FROM collision WHERE (rank, key) > (?1, ?2) AND rank <= ?3 \
                     AND (?4 IS NULL OR outcome = ?4) ORDER BY rank, key LIMIT ?5";
    let oldest = Value::Integer(newest_first(since));
    let outcome = outcome.map_or(Value::Null, text);
    page(sql, statement, vec![Value::Integer(after.0), text(&after.1), oldest, outcome, limit_value(limit)])
}

/// Customers who wait, conversations that a person holds, and conversations with dead letters.
///
/// # Errors
///
/// [`StoreError`].
pub fn standing(sql: &impl Sql) -> Result<[u64; 3], StoreError> {
    if !super::exists(sql)? {
        return Ok([0; 3]);
    }
    let rows = sql.query(
        "SELECT (SELECT count(*) FROM conversation WHERE rank < ?1), \
         (SELECT count(*) FROM conversation WHERE rank < ?2 AND holder = 'human'), \
         (SELECT count(*) FROM conversation WHERE dead > 0)",
        vec![Value::Integer(WAITING_BELOW), Value::Integer(HUMAN_BELOW)],
    )?;
    let mut row = Row::new(rows.into_iter().next().unwrap_or_default());
    let mut next = || row.integer().map(|count| u64::try_from(count).unwrap_or_default());
    Ok([next()?, next()?, next()?])
}

/// Objects whose alarm should have rung before `before`, and that have not reported since: it is lost, or the report is.
///
/// # Errors
///
/// [`StoreError`].
pub fn overdue(sql: &impl Sql, before: UnixMillis) -> Result<Vec<String>, StoreError> {
    if !super::exists(sql)? {
        return Ok(Vec::new());
    }
    let statement = "SELECT name FROM conversation WHERE wake_ms < ?1 AND rank < ?2 LIMIT ?3";
    let rows = sql.query(statement, vec![at(before), Value::Integer(RANK_MAX), limit_value(SWEPT_AT_ONCE)])?;
    rows.into_iter().map(|row| Row::new(row).text()).collect()
}

fn page(sql: &impl Sql, statement: &'static str, values: Vec<Value>) -> Result<Vec<Item>, StoreError> {
    if !super::exists(sql)? {
        return Ok(Vec::new());
    }
    let read = |row| {
        let mut row = Row::new(row);
        let key = Key(row.integer()?, row.text()?);
        let shown = RawValue::from_string(row.text()?).map_err(|_| StoreError::Corrupt("a shown item"))?;
        Ok(Item(key, shown))
    };
    sql.query(statement, values)?.into_iter().map(read).collect()
}

fn limit_value(limit: usize) -> Value {
    Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}
