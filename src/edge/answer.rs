//! Answers as text, JSON and problem details.
//!
//! Invariant: every answer says what it is and is kept by nobody on the way; a problem's body comes from
//! `problem` and from nowhere else.

use serde::Serialize;
use worker::{Headers, Response};

use crate::problem::Problem;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const TEXT: &str = "text/plain; charset=utf-8";

/// 200 with a text, which no browser takes for anything else.
pub(super) fn text(body: &str) -> Result<Response, Problem> {
    with_headers(200, body, TEXT).map_err(|_| Problem::NotStored)
}

/// 200 with a JSON document.
pub(super) fn json(body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_string(body).map_err(|_| Problem::NotStored)?;
    with_headers(200, &body, JSON).map_err(|_| Problem::NotStored)
}

/// A problem, with its status.
pub(super) fn refuse(problem: &Problem) -> worker::Result<Response> {
    let response = with_headers(problem.status(), &problem.body(), PROBLEM)?;
    if let Some(allow) = problem.allow() {
        response.headers().set("allow", allow)?;
    }
    Ok(response)
}

fn with_headers(status: u16, body: &str, content_type: &str) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", content_type)?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(Response::ok(body)?.with_headers(headers).with_status(status))
}
