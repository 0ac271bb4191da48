//! Path and method → handler.
//!
//! | request | answer |
//! |---|---|
//! | `GET /webhook` | Meta's handshake |
//! | `POST /webhook` | a delivery |
//! | `GET /health` | 200 where the gate could do its work |
//! | `GET /api/v1/conversations/{line}/{customer}` | who holds, and what became of the last events; operator only |
//!
//! Everything else is 404, another method is 405, and a deployment that lacks something is 503 on all of them,
//! so that it is never taken for one that works.

use serde::Serialize;
use worker::{Context, Env, Method, Request, Response};

use super::log::{Occurrence, log};
use super::{answer, calls, env, webhook};
use crate::ids::{Customer, LineId, ObjectName};
use crate::problem::Problem;
use crate::settings::{Settings, SettingsError};

/// What `GET /health` says.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// Answers any request.
pub(super) async fn handle(request: Request, env: Env, context: Context) -> worker::Result<Response> {
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
            let settings = configured(&request, &env)?;
            if method == Method::Get {
                webhook::handshake(&request, &settings)
            } else {
                webhook::delivery(request, env, context, settings).await
            }
        }
        "/health" => {
            known("GET", &[Method::Get])?;
            configured(&request, &env)?;
            answer::json(&Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
        }
        _ => {
            let customer = path.strip_prefix("/api/v1/conversations/").ok_or(Problem::NotFound)?;
            known("GET", &[Method::Get])?;
            let settings = configured(&request, &env)?;
            authorized(&request, &settings)?;
            conversation(customer, &env).await
        }
    }
}

/// The settings; a gate whose bot is itself counts as not configured.
fn configured(request: &Request, env: &Env) -> Result<std::rc::Rc<Settings>, Problem> {
    let settings = env::settings(env).map_err(Problem::NotConfigured)?;
    let own = request.url().map_err(|_| Problem::NotFound)?;
    let differs = settings.bot_url.differs_from(&own);
    differs.map_err(|error| Problem::NotConfigured(vec![SettingsError::BotUrl(error)]))?;
    Ok(settings)
}

/// Whether the operator's token came along.
fn authorized(request: &Request, settings: &Settings) -> Result<(), Problem> {
    let header = request.headers().get("authorization").ok().flatten();
    let token = header.as_deref().and_then(|header| header.strip_prefix("Bearer "));
    let good = token.is_some_and(|token| settings.admin_token.matches(token.trim().as_bytes()));
    if good { Ok(()) } else { Err(Problem::Unauthorized) }
}

async fn conversation(path: &str, env: &Env) -> Result<Response, Problem> {
    let (line, customer) = path.split_once('/').ok_or(Problem::NotFound)?;
    let line = LineId::parse(line).ok_or(Problem::NotFound)?;
    let customer = Customer::parse(customer).ok_or(Problem::NotFound)?;
    let shown = calls::show(env, ObjectName::conversation(&line, &customer)).await;
    let shown = shown.map_err(|error| {
        log(&Occurrence::NotStored { error: &error });
        Problem::NotStored
    })?;
    answer::json(&shown.ok_or(Problem::NotFound)?)
}
