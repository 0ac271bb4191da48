//! Requests that leave this isolate: to a bot, to the Graph API, to an object.
//!
//! Invariant: a redirect is never followed. An address was checked, or is the Graph API's own; where it leads to was not,
//! and a token must not travel there.
//!
//! Why not the `RequestInit` of `worker`: it brings the settings of Cloudflare's image service along, 10 KiB of the
//! compressed Worker.

use core::time::Duration;

use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::web_sys::{self, RequestRedirect};
use worker::{AbortController, Delay, Fetch, Headers, Request, Result};

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
    let controller = AbortController::default();
    let signal = controller.signal();
    let exchange = core::pin::pin!(async {
        let all = Headers::new();
        for (name, value) in headers {
            all.set(name, value)?;
        }
        let request = request("POST", url.as_str(), Some(&all), Some(&JsValue::from_str(body)))?;
        Ok::<u16, worker::Error>(Fetch::Request(request).send_with_signal(&signal).await?.status_code())
    });
    let timeout = core::pin::pin!(Delay::from(Duration::from_millis(within.as_millis())));
    match select(exchange, timeout).await {
        Either::Left((status, _)) => status.map_err(|_| Loss::Connection),
        Either::Right(_) => {
            controller.abort();
            Err(Loss::Timeout)
        }
    }
}
