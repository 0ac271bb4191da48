//! Path and method → handler.
//!
//! | request | answer |
//! |---|---|
//! | `GET /webhook`, `GET /webhook/<APP>` | Meta's handshake |
//! | `POST /webhook`, `POST /webhook/<APP>` | a delivery |
//! | `GET /health` | 200 where the gate could do its work, and what single lines and apps lack |
//! | `/api/v1/…`, `GET /metrics` | the operator's API (`api`) |
//! | any method, `/v23.0/…`, `/{number}/…`, `/graph/…` | the Graph API, through the fence |
//!
//! The desk's page, `/desk/`, and the API's description are static files that never reach this code.
//!
//! Everything else is 404, another method is 405, and a deployment that lacks something is 503 on all of them,
//! so that it is never taken for one that works.

use serde::Serialize;
use worker::{Context, Env, web_sys};

use super::head::Head;
use super::{afterwards, answer, api, clock, env, graph, inforce, uses, webhook};
use crate::graph::target::is_graph;
use crate::problem::Problem;

/// What `GET /health` says.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    /// What single lines and apps lack, by the names of settings: everybody may ask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<String>,
}

/// Answers any request.
pub(super) async fn handle(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let head = Head::of(&request);
    let answered = if is_graph(head.path()) {
        graph::handle(&head, request.into(), env.clone(), &context).await.map(Into::into)
    } else {
        route(&head, request, &env, &context).await.or_else(|problem| answer::refuse(&problem))
    };
    if uses::is_due() {
        afterwards(&context, uses::tell(env));
    }
    answered
}

async fn route(
    head: &Head,
    request: web_sys::Request,
    env: &Env,
    context: &Context,
) -> Result<web_sys::Response, Problem> {
    let known = |allow: &'static str, allowed: &[&str]| {
        if allowed.contains(&head.method()) { Ok(()) } else { Err(Problem::MethodNotAllowed { allow }) }
    };
    let is_number = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let app = head.path().strip_prefix("/webhook/").filter(is_number);
    match head.path() {
        path if path == "/webhook" || app.is_some() => {
            known("GET, POST", &["GET", "POST"])?;
            let settings = env::configured(head, env)?;
            let app = app.map(|id| settings.app(id).ok_or(Problem::NotFound)).transpose()?;
            if head.method() == "GET" {
                webhook::handshake(head, &settings, app)
            } else {
                webhook::delivery(head, &request, env, context, &settings, app).await
            }
        }
        "/health" => {
            known("GET", &["GET"])?;
            let settings = env::configured(head, env)?;
            let degraded = inforce::degraded(env, &settings, clock::now()).await;
            let status = if degraded.is_empty() { "ok" } else { "degraded" };
            answer::json(&Health { status, version: env!("CARGO_PKG_VERSION"), degraded }).map(Into::into)
        }
        _ => api::handle(head, request.into(), env).await.map(Into::into),
    }
}
