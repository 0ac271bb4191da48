//! Path and method → handler.
//!
//! | request | answer |
//! |---|---|
//! | `GET /webhook` | Meta's handshake |
//! | `POST /webhook` | a delivery |
//! | `GET /health` | 200 where the gate could do its work |
//! | `/api/v1/…`, `GET /metrics` | the operator's API (`api`) |
//! | any method, `/v23.0/…`, `/{number}/…`, `/graph/…` | the Graph API, through the fence |
//!
//! The desk's page, `/desk/`, and the API's description are static files that never reach this code.
//!
//! Everything else is 404, another method is 405, and a deployment that lacks something is 503 on all of them,
//! so that it is never taken for one that works.

use serde::Serialize;
use worker::{Context, Env, Request, Response};

use super::{answer, api, env, graph, webhook};
use crate::graph::target::is_graph;
use crate::problem::Problem;

/// What `GET /health` says.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
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
    // By its name: `Request::method` takes what it does not know for `GET`.
    let method = request.inner().method();
    let known = |allow: &'static str, allowed: &[&str]| {
        if allowed.contains(&method.as_str()) { Ok(()) } else { Err(Problem::MethodNotAllowed { allow }) }
    };
    match path.as_str() {
        "/webhook" => {
            known("GET, POST", &["GET", "POST"])?;
            let settings = env::configured(&request, &env)?;
            if method == "GET" {
                webhook::handshake(&request, &settings)
            } else {
                webhook::delivery(request, env, context, settings).await
            }
        }
        "/health" => {
            known("GET", &["GET"])?;
            env::configured(&request, &env)?;
            answer::json(&Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
        }
        _ => api::handle(request, &env).await,
    }
}
