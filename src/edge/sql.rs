//! The object's SQLite behind [`Sql`], transactions included.
//!
//! Writes that precede an error are kept by the platform; only `transactionSync` undoes them, and `BEGIN`
//! through `exec` is refused. The crate does not bind it, so it is bound here.
//!
//! Invariant: a statement and its rows cross the border as one piece each (`host.js`), and what the database throws is
//! caught there. A list of writes is one crossing, and a transaction by itself.

use worker::Storage;
use worker::js_sys::JsString;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::host;
use crate::json;
use crate::store::{Sql, Statement, StoreError, Value};

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage`, as far as it has what the crate leaves out.
    type SyncStorage;

    /// Runs `work` in a transaction and undoes it where `work` throws (Cloudflare, Durable Object storage
    /// API, `transactionSync`).
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(this: &SyncStorage, work: &mut dyn FnMut() -> Result<(), JsValue>) -> Result<JsValue, JsValue>;

    /// `ctx.storage.sql`.
    #[wasm_bindgen(method, getter)]
    fn sql(this: &SyncStorage) -> JsValue;
}

/// The SQLite of this object.
pub(super) struct ObjectSql {
    sql: JsValue,
    storage: SyncStorage,
}

impl ObjectSql {
    /// The SQLite behind an object's storage.
    pub(super) fn new(storage: &Storage) -> Self {
        let raw: &JsValue = storage.as_raw().as_ref();
        let storage = SyncStorage::from(raw.clone());
        Self { sql: storage.sql(), storage }
    }
}

impl Sql for ObjectSql {
    fn query(&self, statement: &'static str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, StoreError> {
        let values = if values.is_empty() { String::new() } else { written(&values)? };
        let rows = host::query(&self.sql, &JsString::from(statement), &values).map_err(|error| refused(&error))?;
        rows.map_or(Ok(Vec::new()), |rows| json::read(&rows).map_err(|_| StoreError::Corrupt("a column's type")))
    }

    fn write(&self, statements: &[Statement]) -> Result<(), StoreError> {
        host::write(&self.storage, &written(&statements)?).map_err(|error| refused(&error))
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

fn written(values: &impl serde::Serialize) -> Result<String, StoreError> {
    json::write(values).map_err(|_| StoreError::Corrupt("a value"))
}

/// The database's own words. They name tables and columns, never values: every value is bound, not written.
fn refused(error: &JsValue) -> StoreError {
    StoreError::Sql(worker::Error::from(error.clone()).to_string())
}
