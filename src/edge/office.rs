//! The office: the one Durable Object that keeps failed attempts, the policy's versions and when secrets were used, and
//! the way to it.
//!
//! Invariant: an ask is answered from one transaction without an await in it, so whatever comes at once is judged one
//! after the other, wherever it comes from.
//!
//! Where the office cannot be reached nobody is let in by a token: an attempt that is not counted would be one of
//! endlessly many. Sessions and Cloudflare Access need no office, and no delivery of Meta's does.

use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::log::{Occurrence, log};
use super::sql::ObjectSql;
use super::{calls, clock};
use crate::command::office::{Ask, Reply};
use crate::ids::{LineId, ObjectName};
use crate::problem::Problem;
use crate::store::{Sql, StoreError, office, uses};

/// The binding of the class.
const OFFICE: &str = "OFFICE";

/// The name of the one object, and what the names of those of lines begin with.
const NAME: &str = "office";

/// What must be exact across all isolates, and belongs to no conversation.
#[durable_object(fetch)]
pub struct Office {
    sql: ObjectSql,
}

impl DurableObject for Office {
    fn new(state: State, _env: Env) -> Self {
        Self { sql: ObjectSql::new(&state.storage()) }
    }

    /// The version before asks by `fetch` while a deployment is under way.
    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        match self.ask(&request.text().await?) {
            Some(reply) => Response::ok(reply),
            None => Ok(Response::empty()?.with_status(500)),
        }
    }
}

#[wasm_bindgen]
impl Office {
    /// The reply to an ask; nothing where it failed.
    pub fn ask(&self, text: &str) -> Option<String> {
        let ask = Ask::read(text)?;
        let answered = self.sql.transaction(|| self.answer(ask));
        answered.inspect_err(|error| log(&Occurrence::StoreFailed { error })).ok().map(Reply::text)
    }
}

impl Office {
    fn answer(&self, ask: Ask) -> Result<Reply, StoreError> {
        let (sql, now) = (&self.sql, clock::now());
        match ask {
            Ask::Attempt { address, is_right } => office::attempt(sql, &address, is_right, now).map(Reply::Attempt),
            Ask::Undo(version) => office::undo(sql, version).map(|()| Reply::Undone),
            Ask::Used(used) => uses::note(sql, &used, now).map(|()| Reply::Undone),
            Ask::Uses => uses::all(sql).map(Reply::Shown),
            Ask::Version(number) => office::version(sql, number).map(Reply::Version),
            Ask::Versions => office::versions(sql).map(Reply::Shown),
            Ask::Write { base, document, note } => office::write(sql, document, base, note, now).map(Reply::from),
        }
    }
}

/// Asks the office.
pub(super) async fn ask(env: &Env, ask: &Ask) -> Result<Reply, Problem> {
    ask_of(env, None, ask).await
}

/// Asks the office of a line, which keeps the versions of that line's policy and nothing else, or the deployment's. Each is
/// an object of its own: what one line writes waits for nobody, and is nowhere near what another has.
pub(super) async fn ask_of(env: &Env, line: Option<&LineId>, ask: &Ask) -> Result<Reply, Problem> {
    env.durable_object(OFFICE).map_err(|_| Problem::NoBinding(OFFICE))?;
    let name = line.map_or_else(|| NAME.to_owned(), |line| format!("{NAME}/{}", line.as_str()));
    let answer = calls::put(env, OFFICE, &ObjectName::from_runtime(name), &ask.text()).await;
    let reply = answer.and_then(|answer| Reply::read(answer).ok_or_else(calls::lost));
    reply.inspect_err(|error| log(&Occurrence::NotStored { error })).map_err(|_| Problem::NotStored)
}
