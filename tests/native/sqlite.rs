//! The object's SQL on rusqlite: the same statements as on the platform.

use std::cell::Cell;

use baton::store::{Sql, StoreError, Value};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, Value as Own, ValueRef};

/// One object's database.
pub struct Sqlite {
    connection: Connection,
    /// Statements that may still run before one fails, for tests of what a failure leaves behind.
    pub fail_after: Cell<Option<usize>>,
    /// Tables that were made.
    pub tables_made: Cell<i64>,
}

impl Default for Sqlite {
    fn default() -> Self {
        Self {
            connection: Connection::open_in_memory().unwrap(),
            fail_after: Cell::new(None),
            tables_made: Cell::new(0),
        }
    }
}

impl Sqlite {
    /// Runs SQL that only a test needs.
    pub fn batch(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap();
    }
}

struct Bound(Value);

impl rusqlite::ToSql for Bound {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match &self.0 {
            Value::Integer(number) => {
                // The platform's integers pass through a double.
                assert!(number.unsigned_abs() < 1 << 53, "{number} is not exact on the platform");
                ToSqlOutput::Owned(Own::Integer(*number))
            }
            Value::Null => ToSqlOutput::Owned(Own::Null),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl Sql for Sqlite {
    fn query(&self, statement: &'static str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, StoreError> {
        if let Some(left) = self.fail_after.get() {
            if left == 0 {
                return Err(StoreError::Sql("the test's own fault".to_owned()));
            }
            self.fail_after.set(Some(left - 1));
        }
        self.tables_made.set(self.tables_made.get() + i64::from(statement.starts_with("CREATE TABLE")));
        let refused = |error: rusqlite::Error| StoreError::Sql(error.to_string());
        assert!(values.len() <= 100, "the platform binds at most 100 values");
        let mut prepared = self.connection.prepare_cached(statement).map_err(refused)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(rusqlite::params_from_iter(values.into_iter().map(Bound))).map_err(refused)?;
        let mut read = Vec::new();
        while let Some(row) = rows.next().map_err(refused)? {
            let column = |at| match row.get_ref_unwrap(at) {
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Null => Value::Null,
                ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
                ValueRef::Real(_) | ValueRef::Blob(_) => panic!("the gate stores neither reals nor blobs"),
            };
            read.push((0..columns).map(column).collect());
        }
        Ok(read)
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = self.connection.unchecked_transaction().unwrap();
        let done = work()?;
        transaction.commit().map_err(|error| StoreError::Sql(error.to_string()))?;
        Ok(done)
    }
}
