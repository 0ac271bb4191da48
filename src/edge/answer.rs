//! Answers as text, JSON, problem details and errors of the Graph API's form.
//!
//! Invariant: every answer says what it is and is kept by nobody on the way; a problem's body comes from
//! `problem` and from nowhere else, and an error's from `graph::answer`.

use serde::Serialize;
use worker::{Headers, Response, web_sys};

use super::host;
use crate::graph::answer::{Answer, GraphError};
use crate::json;
use crate::problem::Problem;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// 200 with a text, which no browser takes for anything else.
pub(super) fn text(body: &str) -> Result<web_sys::Response, Problem> {
    host::answer(200, body, TEXT, "").map_err(|_| Problem::NotStored)
}

/// 200 with a JSON document.
pub(super) fn json(body: &impl Serialize) -> Result<Response, Problem> {
    raw(&json::write(body).map_err(|_| Problem::NotStored)?)
}

/// 200 with a JSON document that is text already.
pub(super) fn raw(body: &str) -> Result<Response, Problem> {
    with_headers(200, body, JSON).map_err(|_| Problem::NotStored)
}

/// 204: it is done, and there is nothing to say.
pub(super) fn nothing() -> Result<Response, Problem> {
    let done = || {
        let response = Response::empty()?.with_status(204);
        response.headers().set("cache-control", "no-store")?;
        Ok(response)
    };
    done().map_err(|_: worker::Error| Problem::NotStored)
}

/// 200 with metrics in Prometheus' text format.
pub(super) fn metrics(body: &str) -> Result<Response, Problem> {
    with_headers(200, body, METRICS).map_err(|_| Problem::NotStored)
}

/// A problem, with its status.
pub(super) fn refuse(problem: &Problem) -> worker::Result<web_sys::Response> {
    let header = problem.header().map(|(name, value)| format!("{name}\n{value}\n")).unwrap_or_default();
    Ok(host::answer(problem.status(), &problem.body(), PROBLEM, &header)?)
}

/// An error in the Graph API's form.
pub(super) fn graph_error(error: &GraphError) -> worker::Result<Response> {
    let Answer { status, body, refused, retry_after_seconds } = error.answer();
    let response = with_headers(status, &body, JSON)?;
    response.headers().set("x-baton-refused", refused)?;
    if let Some(seconds) = retry_after_seconds {
        response.headers().set("retry-after", &seconds.to_string())?;
    }
    Ok(response)
}

/// 200 with what the Graph API would answer; `refused` says why it was not asked.
pub(super) fn graph_ok(body: &str, refused: &str) -> Result<Response, GraphError> {
    let response = with_headers(200, body, JSON).map_err(|_| GraphError::NotAsked)?;
    response.headers().set("x-baton-refused", refused).map_err(|_| GraphError::NotAsked)?;
    Ok(response)
}

fn with_headers(status: u16, body: &str, content_type: &str) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", content_type)?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(Response::ok(body)?.with_headers(headers).with_status(status))
}
