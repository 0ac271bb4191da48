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
use worker::{Context, Env, Request, Response};

use super::{answer, api, clock, env, graph, inforce, uses, webhook};
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
pub(super) async fn handle(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let answered = if is_graph(&request.path()) {
        graph::handle(request, env.clone(), &context).await
    } else {
        route(request, env.clone(), &context).await.or_else(|problem| answer::refuse(&problem))
    };
    if uses::is_due() {
        context.wait_until(uses::tell(env));
    }
    answered
}

async fn route(request: Request, env: Env, context: &Context) -> Result<Response, Problem> {
    let path = request.path();
    // By its name: `Request::method` takes what it does not know for `GET`.
    let method = request.inner().method();
    let known = |allow: &'static str, allowed: &[&str]| {
        if allowed.contains(&method.as_str()) { Ok(()) } else { Err(Problem::MethodNotAllowed { allow }) }
    };
    let is_number = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let app = path.strip_prefix("/webhook/").filter(is_number);
    match path.as_str() {
        _ if path == "/webhook" || app.is_some() => {
            known("GET, POST", &["GET", "POST"])?;
            let settings = env::configured(&request, &env)?;
            let app = app.map(|id| settings.app(id).ok_or(Problem::NotFound)).transpose()?;
            if method == "GET" {
                webhook::handshake(&request, &settings, app)
            } else {
                webhook::delivery(request, env, context, &settings, app).await
            }
        }
        "/health" => {
            known("GET", &["GET"])?;
            let settings = env::configured(&request, &env)?;
            let degraded = inforce::degraded(&env, &settings, clock::now()).await;
            let status = if degraded.is_empty() { "ok" } else { "degraded" };
            answer::json(&Health { status, version: env!("CARGO_PKG_VERSION"), degraded })
        }
        _ => api::handle(request, &env).await,
    }
}
