//! Requests that leave this isolate: to a bot, to the Graph API, to an object.
//!
//! Invariant: a redirect is never followed. An address was checked, or is the Graph API's own; where it leads to was not,
//! and a token must not travel there.
//!
//! Why not the `RequestInit` of `worker`: it brings the settings of Cloudflare's image service along, 10 KiB of the
//! compressed Worker.

use worker::wasm_bindgen::JsValue;
use worker::web_sys::{self, RequestRedirect};
use worker::{Headers, Request, Result};

use super::host::{self, Exchanged};
use crate::outbox::destination::BotUrl;
use crate::outbox::outcome::Loss;
use crate::time::Millis;

/// A request that is to be sent.
pub(super) fn request(method: &str, url: &str, headers: Option<&Headers>, body: Option<&JsValue>) -> Result<Request> {
    let init = web_sys::RequestInit::new();
    init.set_method(method);
    init.set_redirect(RequestRedirect::Manual);
    if let Some(headers) = headers {
        init.set_headers(&headers.0);
    }
    if let Some(body) = body {
        init.set_body(body);
    }
    Ok(web_sys::Request::new_with_str_and_init(url, &init)?.into())
}

/// Posts a text of which nothing but the status of the answer matters, within a time.
pub(super) async fn post(
    url: &BotUrl,
    headers: &[(&str, String)],
    body: &str,
    within: Millis,
) -> core::result::Result<u16, Loss> {
    match host::exchange(url.as_str(), headers, body, within, 0).await {
        Exchanged::Answered { status, .. } => Ok(status),
        Exchanged::Lost | Exchanged::Unsendable => Err(Loss::Connection),
        Exchanged::TooLate => Err(Loss::Timeout),
    }
}
