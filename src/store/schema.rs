//! Storage in numbered versions: what each kind of object has, and how it is brought up to date.
//!
//! Invariant: a migration that was released is never changed; the next version gets one of its own. An object is
//! brought up to date when it is first used after it woke, in one transaction with that use, and the transaction says
//! which version it is then. What a newer version wrote is not touched: whoever asks is told so, and Meta sends again.
//!
//! | kind | its tables | where its version stands |
//! |---|---|---|
//! | conversation | [`CONVERSATION`] | in its own row, which is written anyway |
//! | office | `store::office` | in the table `schema`; where there is none, it is version 1 |
//! | desk, and the object that knows all lines | `store::desk` | likewise |
//!
//! A conversation has one table, `event`, and in it are three kinds of rows:
//!
//! | key | one row is |
//! |---|---|
//! | `id` of an event, part 0 | an accepted event: entry, outcome, the first megabyte of its body |
//! | `id` of an event, part 1, 2 … | what of the body exceeds that; a row holds at most 2 MB |
//! | the empty id, part 0 | the conversation: turn, place, echoes, journal, as JSON. No event has an empty id |
//!
//! Why one table: creating one writes two rows, and every new customer has an object, or two. Why `WITHOUT ROWID`:
//! a row of it is one row written, where a rowid table with a text key writes two. Why no index: each would cost a
//! row per message, and the table holds one customer's last days. For the same reason a conversation has no table for
//! its version. Offices and desks are few.
//!
//! Not here: a way back. An older version leaves newer storage alone (`docs/upgrades.md`).

use super::{Sql, StoreError, Value, rows};
use crate::conversation::Conversation;

/// The version of a conversation that this code writes.
pub const VERSION: i64 = CONVERSATION.version();

const _: () = assert!(VERSION == rows::VERSION, "a conversation's row names the version of its schema");

/// What a conversation has.
pub const CONVERSATION: Schema = Schema::new("event", Mark::Row, &[CONVERSATION_1]);

const CONVERSATION_1: &[&str] =
    &["CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, \
     attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, \
     note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID"];

/// Where an object says which version it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mark {
    /// In the conversation's own row.
    Row,
    /// In the table [`MARK`].
    Table,
}

/// The table of a version, for the second migration of every kind of object with [`Mark::Table`]. Version 1 is known by
/// not having it.
pub const MARK: &str = "CREATE TABLE schema (one INTEGER PRIMARY KEY, version INTEGER NOT NULL)";

/// The versions of one kind of object.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    first: &'static str,
    mark: Mark,
    migrations: &'static [&'static [&'static str]],
}

impl Schema {
    /// `first` is a table that is there since version 1, and `migrations[n]` leads from version `n` to `n + 1`.
    #[must_use]
    pub const fn new(first: &'static str, mark: Mark, migrations: &'static [&'static [&'static str]]) -> Self {
        Self { first, mark, migrations }
    }

    /// The version that this code writes.
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "nobody releases 2^63 versions, and a constant cannot ask")]
    pub const fn version(&self) -> i64 {
        self.migrations.len() as i64
    }

    /// Brings the object up to date, where anything was ever written in it. Whether there is something.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooNew`] where a newer version wrote it, or the database's own error.
    pub fn open(&self, sql: &impl Sql) -> Result<bool, StoreError> {
        let stored = self.stored(sql)?;
        if stored != 0 {
            self.migrate(sql, stored)?;
        }
        Ok(stored != 0)
    }

    /// Brings the object up to date, and makes its tables where there are none. Whether it has made them.
    ///
    /// # Errors
    ///
    /// As [`Schema::open`].
    pub fn make(&self, sql: &impl Sql) -> Result<bool, StoreError> {
        let stored = self.stored(sql)?;
        self.migrate(sql, stored)?;
        Ok(stored == 0)
    }

    /// The version that is stored; 0 where there is nothing.
    fn stored(&self, sql: &impl Sql) -> Result<i64, StoreError> {
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (?, 'schema')";
        let found = sql.query(tables, vec![Value::Text(self.first.to_owned())])?;
        if !found.contains(&vec![Value::Text(self.first.to_owned())]) {
            return Ok(0);
        }
        let version = match self.mark {
            Mark::Row => {
                sql.query("SELECT json_extract(body, '$.schema') FROM event WHERE id = '' AND part = 0", vec![])?
            }
            Mark::Table if found.len() == 1 => return Ok(1),
            Mark::Table => sql.query("SELECT version FROM schema", vec![])?,
        };
        match version.first().map(Vec::as_slice) {
            Some([Value::Integer(version @ 1..)]) => Ok(*version),
            Some(_) => Err(StoreError::Corrupt("schema")),
            // The first version made the table for a repeated event and stopped there, without the conversation's row.
            None => Ok(1),
        }
    }

    /// Writes nothing where the object is up to date.
    fn migrate(&self, sql: &impl Sql, stored: i64) -> Result<(), StoreError> {
        if stored > self.version() {
            return Err(StoreError::TooNew);
        }
        let done = usize::try_from(stored).map_err(|_| StoreError::Corrupt("schema"))?;
        for statement in self.migrations.iter().skip(done).copied().flatten() {
            sql.query(statement, vec![])?;
        }
        let version = Value::Integer(self.version());
        match self.mark {
            // A new conversation's row comes with what is to be written, and names its version.
            Mark::Row if stored == 0 || stored == self.version() => Ok(()),
            Mark::Row => {
                let fresh = Value::Text(rows::conversation_json(&Conversation::default())?);
                let put = "INSERT OR IGNORE INTO event (id, part, body) VALUES ('', 0, ?)";
                sql.query(put, vec![fresh])?;
                let set = "UPDATE event SET body = json_set(body, '$.schema', ?) WHERE id = '' AND part = 0";
                sql.query(set, vec![version]).map(|_| ())
            }
            Mark::Table if stored == self.version() || self.version() == 1 => Ok(()),
            Mark::Table => {
                sql.query("INSERT OR REPLACE INTO schema (one, version) VALUES (1, ?)", vec![version]).map(|_| ())
            }
        }
    }
}

/// Whether anything was ever written in this conversation.
///
/// # Errors
///
/// [`StoreError`].
pub fn exists(sql: &impl Sql) -> Result<bool, StoreError> {
    let found = sql.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'event'", vec![])?;
    Ok(!found.is_empty())
}

/// Brings a conversation up to date, and makes its table where there is none.
///
/// # Errors
///
/// As [`Schema::open`].
pub fn migrate(sql: &impl Sql) -> Result<(), StoreError> {
    CONVERSATION.make(sql).map(|_| ())
}
