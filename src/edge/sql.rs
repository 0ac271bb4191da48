//! The object's SQLite behind [`Sql`], transactions included.
//!
//! Writes that precede an error are kept by the platform; only `transactionSync` undoes them, and `BEGIN`
//! through `exec` is refused. The crate does not bind it, so it is bound here.
//!
//! Invariant: no method that throws past its binding is called (`SqlCursor::one`, `to_array`); rows are read
//! through the raw iterator, whose errors are caught.

use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{SqlStorage, SqlStorageValue, Storage};

use crate::store::{Sql, StoreError, Value};

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage`, as far as it has what the crate leaves out.
    type SyncStorage;

    /// Runs `work` in a transaction and undoes it where `work` throws (Cloudflare, Durable Object storage
    /// API, `transactionSync`).
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(this: &SyncStorage, work: &mut dyn FnMut() -> Result<(), JsValue>) -> Result<JsValue, JsValue>;
}

/// The SQLite of this object.
pub(super) struct ObjectSql {
    sql: SqlStorage,
    storage: SyncStorage,
}

impl ObjectSql {
    /// The SQLite behind an object's storage.
    pub(super) fn new(storage: &Storage) -> Self {
        let raw: &JsValue = storage.as_raw().as_ref();
        Self { sql: storage.sql(), storage: SyncStorage::from(raw.clone()) }
    }
}

impl Sql for ObjectSql {
    fn query(&self, statement: &'static str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, StoreError> {
        let values: Vec<SqlStorageValue> = values.into_iter().map(to_platform).collect();
        let cursor = self.sql.exec(statement, values).map_err(|error| refused(&error))?;
        cursor.raw().map(|row| row.map_err(|error| refused(&error))?.into_iter().map(from_platform).collect()).collect()
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut work = Some(work);
        let mut result = None;
        let ended = self.storage.transaction_sync(&mut || {
            let Some(work) = work.take() else { return Ok(()) };
            let done = work();
            let failed = done.is_err();
            result = Some(done);
            if failed { Err(JsValue::from_str("undone")) } else { Ok(()) }
        });
        match (result, ended) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(_)) => Ok(value),
            (_, Err(_)) => Err(StoreError::Sql("the transaction did not commit".to_owned())),
            (None, Ok(_)) => Err(StoreError::Sql("the transaction did not run".to_owned())),
        }
    }
}

fn to_platform(value: Value) -> SqlStorageValue {
    match value {
        Value::Integer(number) => SqlStorageValue::Integer(number),
        Value::Null => SqlStorageValue::Null,
        Value::Text(text) => SqlStorageValue::String(text),
    }
}

fn from_platform(value: SqlStorageValue) -> Result<Value, StoreError> {
    match value {
        SqlStorageValue::Integer(number) => Ok(Value::Integer(number)),
        SqlStorageValue::Null => Ok(Value::Null),
        SqlStorageValue::String(text) => Ok(Value::Text(text)),
        SqlStorageValue::Blob(_) | SqlStorageValue::Boolean(_) | SqlStorageValue::Float(_) => {
            Err(StoreError::Corrupt("a column's type"))
        }
    }
}

/// The database's own words. They name tables and columns, never values: every value is bound, not written.
fn refused(error: &worker::Error) -> StoreError {
    StoreError::Sql(error.to_string())
}
