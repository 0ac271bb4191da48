//! The office's table of secrets: when each was first and last used.
//!
//! Invariant: a row is a name and a digest, so a secret that was swapped is another row, and nothing here is a secret. Of
//! each name the last [`SECRETS_REMEMBERED_MAX`] are kept, and none that nobody has used for [`SECRETS_REMEMBERED_FOR`].
//!
//! What is written is at most an hour old (`edge::uses` says why), and so is what is read.
//!
//! Not here: which of two secrets is in use (`secret::rotating`).

use super::desk::Row;
use super::{Sql, StoreError, Value, office};
use crate::limits::{SECRETS_REMEMBERED_FOR, SECRETS_REMEMBERED_MAX};
use crate::secret::rotating::Used;
use crate::time::UnixMillis;

/// Writes down that secrets are in use: name and digest of each.
///
/// # Errors
///
/// [`StoreError`].
pub fn note(sql: &impl Sql, uses: &[(String, String)], now: UnixMillis) -> Result<(), StoreError> {
    office::SCHEMA.make(sql)?;
    for (name, digest) in uses {
        let (name, digest) = (Value::Text(name.clone()), Value::Text(digest.clone()));
        sql.query(
            "INSERT INTO secret (name, digest, first_ms, last_ms) VALUES (?1, ?2, ?3, ?3) \
             ON CONFLICT (name, digest) DO UPDATE SET last_ms = max(last_ms, ?3)",
            vec![name.clone(), digest, at(now)],
        )?;
        sql.query(
            "DELETE FROM secret WHERE name = ?1 AND digest NOT IN \
             (SELECT digest FROM secret WHERE name = ?1 ORDER BY last_ms DESC, first_ms DESC LIMIT ?2)",
            vec![name, Value::Integer(SECRETS_REMEMBERED_MAX)],
        )?;
    }
    sql.query("DELETE FROM secret WHERE last_ms < ?", vec![at(now.before(SECRETS_REMEMBERED_FOR))]).map(|_| ())
}

/// All that is known, as JSON: `{"NAME DIGEST":[first, last]}`.
///
/// # Errors
///
/// [`StoreError`].
pub fn all(sql: &impl Sql) -> Result<String, StoreError> {
    if !office::SCHEMA.open(sql)? {
        return Ok("{}".to_owned());
    }
    let all = "SELECT json_group_object(name || ' ' || digest, json_array(first_ms, last_ms)) FROM secret";
    Row::new(sql.query(all, vec![])?.pop().unwrap_or_default()).text()
}

/// When a secret of this name was used, in what [`all`] has told.
#[must_use]
pub fn of(all: &serde_json::Value, name: &str, digest: &str) -> Option<Used> {
    let used = all.get(format!("{name} {digest}"))?;
    let at = |index: usize| used.get(index)?.as_u64().map(UnixMillis::new);
    Some(Used { first: at(0)?, last: at(1)? })
}

fn at(at: UnixMillis) -> Value {
    Value::Integer(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
}
