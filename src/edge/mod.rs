//! The shell: the only place that names the runtime. It decodes, calls the core, and does what it says.
//!
//! | file | what |
//! |---|---|
//! | `router` | path and method → handler; the operator's view of a conversation |
//! | `api` | the operator's API: who asks what, and which handler answers |
//! | `access` | who asks: token, session, Cloudflare Access |
//! | `certs` | the keys of a team of Cloudflare Access |
//! | `office` | the Durable Object of failed attempts, the policy's versions and the use of secrets |
//! | `uses` | which secrets this isolate has seen in use |
//! | `diagnosis` | how the gate is: its parts, secrets, policy, bots, lines |
//! | `probe` | whether a bot answers, and looks at signatures |
//! | `classes`, `jurisdiction` | the classes of objects, in the jurisdiction that they are kept in |
//! | `operate` | what the operator asks of one conversation |
//! | `erase` | a customer is erased, with a proof |
//! | `policies` | the policy's versions |
//! | `webhook` | `GET` and `POST /webhook` |
//! | `receipts` | receipts that go straight to the bot |
//! | `graph` | the Graph API behind the gate: what is carried |
//! | `exchange` | a request there, the answer back |
//! | `send` | a message of the bot's on its way through the fence |
//! | `templates` | the category of a template |
//! | `homes` | where the conversations of phone numbers live |
//! | `body` | bodies as far as a limit |
//! | `answer` | answers as text, JSON and problem details |
//! | `calls` | the Worker's calls to objects, from one name of a customer to the next |
//! | `object` | the Durable Object of a conversation: one transaction per command, alarms, attempts |
//! | `report` | a conversation reports to the desk of its line |
//! | `desk` | the Durable Object of a desk: reports in, lists out, live streams, alarms |
//! | `desks` | what the Worker asks of desks |
//! | `alerts` | an alert on its way to the owner's addresses |
//! | `fence` | what the object does for the bot's sends |
//! | `acts` | what the object does for the operator |
//! | `broadcast` | echoes counted over the customers of a line |
//! | `link` | two objects of one customer find out where the conversation lives |
//! | `bot` | one attempt as a `fetch` |
//! | `outbound` | requests that leave the isolate |
//! | `sql` | the object's SQLite behind [`crate::store::Sql`], transactions included |
//! | `env` | settings from the environment, texts of KV |
//! | `inforce` | the policy in force, of the deployment and of each line |
//! | `clock` | the one reader of the clock, the one source of randomness |
//! | `log` | one JSON line per occurrence, from a closed list |
//!
//! Invariant: no rule of the protocol stands here. Where a handler has an `if`, it is about HTTP or about the
//! runtime. Every failure ends in an answer; a panic would take down every object of the isolate.
//!
//! `tests/runtime/` covers this room by behaviour, on the runtime itself.

mod access;
mod acts;
mod alerts;
mod analytics;
mod answer;
mod api;
mod body;
mod bot;
mod broadcast;
mod calls;
mod certs;
mod classes;
mod clock;
mod desk;
mod desks;
mod diagnosis;
mod env;
mod erase;
mod exchange;
mod fence;
mod graph;
mod homes;
mod inforce;
mod jurisdiction;
mod link;
mod log;
mod object;
mod office;
mod operate;
mod outbound;
mod policies;
mod probe;
mod receipts;
mod report;
mod router;
mod send;
mod sql;
mod templates;
mod uses;
mod webhook;

use core::pin::Pin;

use worker::{Context, Env, Request, Response, Result, State, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    router::handle(request, env, context).await
}

/// Keeps an object awake until `work` is done, while the caller already has its answer. Boxed, so that what turns a
/// future into a promise is there once for all of them.
fn meanwhile(state: &State, work: impl Future<Output = ()> + 'static) {
    let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
    state.wait_until(work);
}
