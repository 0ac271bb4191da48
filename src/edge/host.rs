//! The Rust side of `host.js`: what crosses the border in one piece.
//!
//! Invariant: everything that may throw is caught here and becomes an error; what is given in lists is text whose form
//! both sides know, and a value that would break that form is refused before it crosses.
//!
//! Not here: what any of it means (`sql`, `outbound`, `calls`, `webhook`).

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{JsString, Promise};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys;

use crate::time::Millis;

#[wasm_bindgen(module = "/src/edge/host.js")]
extern "C" {
    /// Method, address, announced length and, where there is one, signature of a request, as lines.
    pub(super) fn head(request: &web_sys::Request) -> String;

    /// An answer that is kept by nobody on the way; `more` are headers as lines.
    #[wasm_bindgen(catch)]
    pub(super) fn answer(status: u16, body: &str, kind: &str, more: &str) -> Result<web_sys::Response, JsValue>;

    #[wasm_bindgen(catch, js_name = ask)]
    fn ask_by_name(namespace: &JsValue, name: &str, text: &str) -> Result<Promise, JsValue>;

    /// Runs a statement; its rows as JSON, where there are any.
    #[wasm_bindgen(catch)]
    pub(super) fn query(sql: &JsValue, statement: &JsString, values: &str) -> Result<Option<String>, JsValue>;

    /// Runs statements that bring no rows, all or none.
    #[wasm_bindgen(catch)]
    pub(super) fn write(storage: &JsValue, all: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = exchange)]
    fn exchange_with(url: &str, headers: &str, body: &str, within_ms: u32, bytes_max: u32) -> Promise;
}

/// How an exchange ended.
pub(super) enum Exchanged {
    /// There was an answer.
    Answered {
        /// Its status.
        status: u16,
        /// Its `retry-after`.
        retry_after: Option<String>,
    },
    /// The connection could not be made, or broke.
    Lost,
    /// The time was over before there was a status.
    TooLate,
    /// A header cannot be sent.
    Unsendable,
}

/// The constant of `host.js` for an exchange whose time was over.
const TOO_LATE: i32 = -1;
/// Posts a body and reads the answer as far as `bytes_max`, all within a time.
pub(super) async fn exchange(
    url: &str,
    headers: &[(&str, String)],
    body: &str,
    within: Millis,
    bytes_max: usize,
) -> Exchanged {
    let within_ms = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
    let bytes_max = u32::try_from(bytes_max).unwrap_or(u32::MAX);
    let mut lines = String::new();
    for (name, value) in headers {
        if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Exchanged::Unsendable;
        }
        for part in [*name, "\n", value, "\n"] {
            lines.push_str(part);
        }
    }
    let ended = JsFuture::from(exchange_with(url, &lines, body, within_ms, bytes_max)).await;
    let Ok(ended) = ended else { return Exchanged::Lost };
    if let Some(text) = ended.as_string() {
        let (status, retry_after) = text.split_once(' ').unwrap_or((&text, ""));
        let retry_after = Some(retry_after.to_owned());
        return status.parse().map_or(Exchanged::Lost, |status| Exchanged::Answered { status, retry_after });
    }
    match as_integer(&ended) {
        Some(TOO_LATE) => Exchanged::TooLate,
        Some(status @ 100..) => {
            Exchanged::Answered { status: u16::try_from(status).unwrap_or(u16::MAX), retry_after: None }
        }
        Some(_) | None => Exchanged::Lost,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what the host gives is a status or a constant, and `as` saturates"
)]
fn as_integer(value: &JsValue) -> Option<i32> {
    value.as_f64().map(|number| number as i32)
}

/// What an object answers to a text.
///
/// # Errors
///
/// What the runtime says; [`is_older`] knows what an object of the version before says.
pub(super) async fn ask(namespace: &JsValue, name: &str, text: &str) -> Result<String, JsValue> {
    let answer = JsFuture::from(ask_by_name(namespace, name, text)?).await?;
    answer.as_string().ok_or(answer)
}

/// Whether an error means that the object runs a version that is asked by `fetch` only.
pub(super) fn is_older(error: &JsValue) -> bool {
    let said = error.dyn_ref::<worker::js_sys::Error>().map(|error| String::from(error.message()));
    said.is_some_and(|said| said.contains("does not support RPC") || said.contains("does not implement"))
}
