//! Path and method → handler.
//!
//! | request | answer |
//! |---|---|
//! | `GET /webhook` | Meta's handshake |
//! | `POST /webhook` | a delivery |
//! | `GET /health` | 200 where the gate could do its work |
//! | `GET /api/v1/conversations/{line}/{customer}` | who holds, and what became of the last events and why |
//! | `POST /api/v1/conversations/{line}/{customer}/replay` | dead letters go on their way again |
//!
//! | any method, `/v23.0/…`, `/{number}/…`, `/graph/…` | the Graph API, through the fence |
//!
//! What stands under `/api/` is for the operator only.
//!
//! Everything else is 404, another method is 405, and a deployment that lacks something is 503 on all of them,
//! so that it is never taken for one that works.

use serde::Serialize;
use worker::{Context, Env, Method, Request, Response};

use super::log::{Occurrence, log};
use super::{answer, calls, env, graph, webhook};
use crate::command::{Command, Reply};
use crate::graph::target::is_graph;
use crate::ids::{Customer, LineId, ObjectName};
use crate::problem::Problem;
use crate::settings::Settings;

/// What `GET /health` says.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// What a replay says: how many dead letters are on their way again.
#[derive(Serialize)]
struct Replayed {
    replayed: usize,
}

/// Answers any request.
pub(super) async fn handle(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    if is_graph(&request.path()) {
        return graph::handle(request, env, &context).await;
    }
    match route(request, env, context).await {
        Ok(response) => Ok(response),
        Err(problem) => answer::refuse(&problem),
    }
}

async fn route(request: Request, env: Env, context: Context) -> Result<Response, Problem> {
    let path = request.path();
    let method = request.method();
    let known = |allow: &'static str, allowed: &[Method]| {
        if allowed.contains(&method) { Ok(()) } else { Err(Problem::MethodNotAllowed { allow }) }
    };
    match path.as_str() {
        "/webhook" => {
            known("GET, POST", &[Method::Get, Method::Post])?;
            let settings = env::configured(&request, &env)?;
            if method == Method::Get {
                webhook::handshake(&request, &settings)
            } else {
                webhook::delivery(request, env, context, settings).await
            }
        }
        "/health" => {
            known("GET", &[Method::Get])?;
            env::configured(&request, &env)?;
            answer::json(&Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
        }
        _ => {
            let conversation = path.strip_prefix("/api/v1/conversations/").ok_or(Problem::NotFound)?;
            let (conversation, command, allow, allowed) = match conversation.strip_suffix("/replay") {
                Some(conversation) => (conversation, Command::Replay { only: None }, "POST", Method::Post),
                None => (conversation, Command::Show, "GET", Method::Get),
            };
            known(allow, &[allowed])?;
            let settings = env::configured(&request, &env)?;
            authorized(&request, &settings)?;
            operate(conversation, &command, &env).await
        }
    }
}

/// Whether the operator's token came along.
fn authorized(request: &Request, settings: &Settings) -> Result<(), Problem> {
    let header = request.headers().get("authorization").ok().flatten();
    let token = header.as_deref().and_then(|header| header.strip_prefix("Bearer "));
    let good = token.is_some_and(|token| settings.admin_token.matches(token.trim().as_bytes()));
    if good { Ok(()) } else { Err(Problem::Unauthorized) }
}

/// Puts a command to the conversation at `{line}/{customer}`.
async fn operate(path: &str, command: &Command, env: &Env) -> Result<Response, Problem> {
    let (line, customer) = path.split_once('/').ok_or(Problem::NotFound)?;
    let line = LineId::parse(line).ok_or(Problem::NotFound)?;
    let customer = Customer::parse(customer).ok_or(Problem::NotFound)?;
    let reply = calls::ask(env, ObjectName::conversation(&line, &customer), command).await;
    let failed = |error: &worker::Error| log(&Occurrence::NotStored { error });
    match reply.inspect_err(failed).map_err(|_| Problem::NotStored)? {
        Reply::Shown(shown) => answer::json(&shown.ok_or(Problem::NotFound)?),
        Reply::Replayed(replayed) => answer::json(&Replayed { replayed }),
        Reply::Accepted { .. }
        | Reply::Finished
        | Reply::Linked(_)
        | Reply::Moved { .. }
        | Reply::Read { .. }
        | Reply::Send(_) => Err(Problem::NotStored),
    }
}
