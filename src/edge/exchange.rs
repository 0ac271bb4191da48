//! A request of a bot's on its way to the Graph API, and the answer on its way back.
//!
//! Invariant: only the host of `GRAPH_URL` is ever called; bodies stream both ways and are never in memory as a whole,
//! but for those that the fence must read. A token travels in its header and is neither kept nor logged.
//!
//! Not here: which requests are carried (`graph`).

use std::rc::Rc;

use url::form_urlencoded;
use worker::wasm_bindgen::JsValue;
use worker::{AbortSignal, Env, Fetch, Headers, Request, Response, Result};

use super::body::{self, ReadError};
use super::outbound;
use crate::graph::answer::GraphError;
use crate::graph::headers;
use crate::graph::target::Target;
use crate::limits::SEND_BODY_BYTES_MAX;
use crate::settings::Settings;

/// A request of the bot's that the gate carries.
pub(super) struct Exchange {
    pub(super) request: Request,
    pub(super) env: Env,
    pub(super) settings: Rc<Settings>,
    pub(super) target: Target,
    pub(super) query: Option<String>,
}

impl Exchange {
    /// Sends on with this body what is no message, and so may be asked again.
    pub(super) async fn send_on(&self, body: Option<JsValue>) -> core::result::Result<Response, GraphError> {
        self.fetch(body, None).await.map_err(|_| GraphError::GraphLost { was_send: false })
    }

    /// Asks the Graph API what was asked here, and answers with its answer.
    pub(super) async fn fetch(&self, body: Option<JsValue>, signal: Option<&AbortSignal>) -> Result<Response> {
        let mut url = self.graph_url(&self.target.path);
        for part in self.query.iter().flat_map(|query| ["?", query]) {
            url.push_str(part);
        }
        let method = self.request.method();
        let request = outbound::request(method.as_ref(), &url, Some(&self.headers()?), body.as_ref())?;
        let fetch = Fetch::Request(request);
        let response = match signal {
            Some(signal) => fetch.send_with_signal(signal).await?,
            None => fetch.send().await?,
        };
        travelling_back(response)
    }

    /// The text of something else that the Graph API knows, asked for with the bot's own token.
    pub(super) async fn look_up(&self, path: &str, query: &[(&str, &str)]) -> Result<Response> {
        let headers = Headers::new();
        if let Some(authorization) = self.request.headers().get("authorization")? {
            headers.set("authorization", &authorization)?;
        }
        let url = self.graph_url(path) + "?";
        let start = url.len();
        let url = form_urlencoded::Serializer::for_suffix(url, start).extend_pairs(query).finish();
        Fetch::Request(outbound::request("GET", &url, Some(&headers), None)?).send().await
    }

    fn graph_url(&self, path: &str) -> String {
        let base = self.settings.graph_url.as_str().trim_end_matches('/');
        format!("{base}{path}")
    }

    fn headers(&self) -> Result<Headers> {
        let given = self.request.headers();
        let connection = given.get("connection")?;
        let headers = Headers::new();
        for (name, value) in given.entries() {
            if headers::of_request(&name.to_ascii_lowercase(), connection.as_deref()) {
                headers.append(&name, &value)?;
            }
        }
        Ok(headers)
    }

    /// The body of a request that the gate must read, which is a JSON object.
    pub(super) async fn read_body(&mut self) -> core::result::Result<Vec<u8>, GraphError> {
        let header = |name| self.request.headers().get(name).ok().flatten();
        let is_json = header("content-type").is_some_and(|kind| headers::is_json(&kind));
        let is_encoded = header("content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"));
        if !is_json || is_encoded {
            return Err(GraphError::NotJson);
        }
        body::read(&mut self.request, SEND_BODY_BYTES_MAX).await.map_err(|error| match error {
            ReadError::TooLarge => GraphError::TooLarge,
            ReadError::Broken => GraphError::NotJson,
        })
    }
}

/// A body that was read, as it is sent on: of known length.
pub(super) fn body_of(bytes: &[u8]) -> JsValue {
    JsValue::from(worker::js_sys::Uint8Array::from(bytes))
}

/// The Graph API's answer without the headers that end here.
fn travelling_back(response: Response) -> Result<Response> {
    let given = response.headers();
    let connection = given.get("connection")?;
    let headers = Headers::new();
    for (name, value) in given.entries() {
        if headers::of_answer(&name.to_ascii_lowercase(), connection.as_deref()) {
            headers.append(&name, &value)?;
        }
    }
    Ok(response.with_headers(headers))
}
