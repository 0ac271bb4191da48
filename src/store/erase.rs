//! What is kept of a customer, counted and removed.
//!
//! Invariant: what is counted here is what is removed here or with the object as a whole, so that a second look by the
//! same statements finds nothing.
//!
//! Not here: which objects and desks that are (`edge::acts`), the proof (`command::erasure`).

use super::desk::{self, Row};
use super::{Sql, StoreError, Value, schema};

/// Rows of a conversation's object.
///
/// # Errors
///
/// [`StoreError`].
pub fn rows(sql: &impl Sql) -> Result<usize, StoreError> {
    if !schema::exists(sql)? {
        return Ok(0);
    }
    let counted = sql.query("SELECT count(*) FROM event", vec![])?;
    let count = Row::new(counted.into_iter().next().unwrap_or_default()).integer()?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Adds the rows that a part of a desk has of a conversation: itself, dead letters, collisions, alerts.
///
/// # Errors
///
/// [`StoreError`].
pub fn in_desk(sql: &impl Sql, id: &str, found: &mut [usize; 4]) -> Result<(), StoreError> {
    if !desk::exists(sql)? {
        return Ok(());
    }
    let counted = sql.query(
        "SELECT (SELECT count(*) FROM conversation WHERE id = ?1), (SELECT count(*) FROM dead WHERE conversation = ?1), \
         (SELECT count(*) FROM collision WHERE conversation = ?1), (SELECT count(*) FROM incident WHERE conversation = ?1)",
        vec![Value::Text(id.to_owned())],
    )?;
    let mut row = Row::new(counted.into_iter().next().unwrap_or_default());
    for sum in found {
        *sum = sum.saturating_add(usize::try_from(row.integer()?).unwrap_or_default());
    }
    Ok(())
}
