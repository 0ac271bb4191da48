//! The keys of a team of Cloudflare Access, and the runtime's own hand at checking signatures with them.
//!
//! Invariant: keys come from the team's own address and from nowhere else; they are used for an hour. An assertion with
//! an unknown key has them read again at most once a minute for each isolate, so that nobody can have them read at will.
//!
//! Why the runtime checks: RSA in Wasm would be a tenth of the Worker.

use std::cell::RefCell;

use worker::js_sys::{JSON, Promise, Uint8Array};
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{AbortSignal, Fetch, web_sys};

use super::{body, outbound};
use crate::access::jwt::{self, Application, Jwt};
use crate::limits::{ACCESS_CERTS_BYTES_MAX, ACCESS_CERTS_TIMEOUT, ACCESS_KEYS_FRESH_FOR, ACCESS_KEYS_RETRY};
use crate::time::UnixMillis;

/// Where a team's keys are (Cloudflare One, "Validate JWTs", 2026).
const CERTS: &str = "/cdn-cgi/access/certs";

/// RS256 as WebCrypto calls it (RFC 7518, 3.3; W3C, Web Cryptography API).
const ALGORITHM: &str = "RSASSA-PKCS1-v1_5";
const IMPORT_ALGORITHM: &str = r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#;
const USAGES: &str = r#"["verify"]"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = importKey)]
    pub(super) fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = verify)]
    pub(super) fn verify(
        algorithm: &str,
        key: &JsValue,
        signature: &Uint8Array,
        signed: &Uint8Array,
    ) -> Result<Promise, JsValue>;
}

/// What this isolate knows of the team's keys.
struct Known {
    /// When they were last asked for.
    asked_at: UnixMillis,
    /// The keys by their ids; `None` where the team could not be asked.
    keys: Option<Vec<(String, JsValue)>>,
}

thread_local! {
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// Whether the team has signed this assertion; an error where that cannot be found out.
pub(super) async fn has_signed(application: &Application, jwt: &Jwt<'_>, now: UnixMillis) -> Result<bool, JsValue> {
    let Some(key) = key(application, &jwt.kid, now).await? else { return Ok(false) };
    let (signature, signed) = (Uint8Array::from(&jwt.signature[..]), Uint8Array::from(jwt.signed.as_bytes()));
    let verified = JsFuture::from(verify(ALGORITHM, &key, &signature, &signed)?).await?;
    Ok(verified.as_bool() == Some(true))
}

/// The key of this id; `None` where the team has none.
async fn key(application: &Application, kid: &str, now: UnixMillis) -> Result<Option<JsValue>, JsValue> {
    let find = |keys: &[(String, JsValue)]| keys.iter().find(|(id, _)| id == kid).map(|(_, key)| key.clone());
    let kept = KNOWN.with_borrow(|known| {
        let known = known.as_ref().filter(|known| now < known.asked_at.after(ACCESS_KEYS_FRESH_FOR))?;
        let key = known.keys.as_deref().and_then(find);
        let is_too_soon = now < known.asked_at.after(ACCESS_KEYS_RETRY);
        (key.is_some() || is_too_soon).then(|| (key, known.keys.is_some()))
    });
    if let Some((key, is_known)) = kept {
        return if is_known { Ok(key) } else { Err(JsValue::UNDEFINED) };
    }
    let read = read(application).await;
    let found = read.as_deref().ok().and_then(find);
    let (keys, failed) = match read {
        Ok(keys) => (Some(keys), None),
        Err(error) => (None, Some(error)),
    };
    KNOWN.set(Some(Known { asked_at: now, keys }));
    failed.map_or(Ok(found), Err)
}

/// Asks the team for its keys.
async fn read(application: &Application) -> Result<Vec<(String, JsValue)>, JsValue> {
    let unknown = || JsValue::UNDEFINED;
    let timeout = u32::try_from(ACCESS_CERTS_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    let signal = AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(timeout));
    let request = outbound::request("GET", &format!("{}{CERTS}", application.team), None, None)?;
    let mut answer = Fetch::Request(request).send_with_signal(&signal).await?;
    if answer.status_code() != 200 {
        return Err(unknown());
    }
    let list = body::read_text(&mut answer, ACCESS_CERTS_BYTES_MAX).await.map_err(|_| unknown())?;
    let (algorithm, usages) = (JSON::parse(IMPORT_ALGORITHM)?, JSON::parse(USAGES)?);
    let mut keys = Vec::new();
    for (kid, key) in jwt::keys(&list).ok_or_else(unknown)? {
        // One key that the runtime refuses is no reason to do without the others.
        if let Ok(key) = JsFuture::from(import_key("jwk", &JSON::parse(&key)?, &algorithm, false, &usages)?).await {
            keys.push((kid, key));
        }
    }
    Ok(keys)
}
