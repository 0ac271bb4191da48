//! The office: the one Durable Object that keeps failed attempts and the policy's versions, and the way to it.
//!
//! Invariant: an ask is answered from one transaction without an await in it, so whatever comes at once is judged one
//! after the other, wherever it comes from.
//!
//! Where the office cannot be reached nobody is let in by a token: an attempt that is not counted would be one of
//! endlessly many. Sessions and Cloudflare Access need no office, and no delivery of Meta's does.

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::calls;
use super::clock;
use super::log::{Occurrence, log};
use super::sql::ObjectSql;
use crate::command::office::{Ask, Reply};
use crate::problem::Problem;
use crate::store::{Sql, StoreError, office};

/// The binding of the class.
const OFFICE: &str = "OFFICE";

/// The name of the one object.
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

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let Some(ask) = Ask::read(&request.text().await?) else {
            return Ok(Response::empty()?.with_status(400));
        };
        match self.sql.transaction(|| self.answer(ask)) {
            Ok(reply) => Response::ok(reply.text()),
            Err(error) => {
                log(&Occurrence::StoreFailed { error: &error });
                Ok(Response::empty()?.with_status(500))
            }
        }
    }
}

impl Office {
    fn answer(&self, ask: Ask) -> Result<Reply, StoreError> {
        let (sql, now) = (&self.sql, clock::now());
        match ask {
            Ask::Attempt { address, is_right } => office::attempt(sql, &address, is_right, now).map(Reply::Attempt),
            Ask::Undo(version) => office::undo(sql, version).map(|()| Reply::Undone),
            Ask::Version(number) => office::version(sql, number).map(Reply::Version),
            Ask::Versions => office::versions(sql).map(Reply::Versions),
            Ask::Write { base, document, note } => office::write(sql, document, base, note, now).map(Reply::from),
        }
    }
}

/// Asks the office.
pub(super) async fn ask(env: &Env, ask: &Ask) -> Result<Reply, Problem> {
    let offices = env.durable_object(OFFICE).map_err(|_| Problem::NoBinding(OFFICE))?;
    let answer = calls::post(&offices, NAME, &ask.text()).await;
    let reply = answer.and_then(|answer| Reply::read(answer).ok_or_else(calls::lost));
    reply.inspect_err(|error| log(&Occurrence::NotStored { error })).map_err(|_| Problem::NotStored)
}
