//! A delivery's body on its way in: read, and checked against its signature.
//!
//! Small bodies are hashed here, in Wasm; large ones by the runtime, which has the processor's own instructions for it
//! and no code that must first become fast: 3 MiB are 2 ms there, 9 ms here, and 100 ms here in a fresh isolate
//! (docs/performance.md).
//!
//! Invariant: whoever hashes, the answer is the same: both of the app's secrets are tried, whatever the first one says,
//! and the comparison takes the same time wherever two digests differ (`webhook::signature`; for the runtime W3C, Web
//! Cryptography API, HMAC, "Verify"). Where the runtime fails, the body is hashed here. A large body stays the runtime's
//! until its signature is right, so that nobody has 3 MB copied who cannot sign them.
//!
//! Why no key is kept: importing one takes 3 µs, the smallest body that comes here 11, and what is not kept can be
//! neither stale nor found.
//!
//! Not here: what a signature looks like, and hashing in Wasm (`webhook::signature`).

use worker::js_sys::{ArrayBuffer, JSON, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys;

use super::body::{self, ReadError};
use super::certs::{import_key, verify};
use super::head::Head;
use crate::limits::{VERIFIED_BY_RUNTIME_BYTES_MIN, WEBHOOK_BODY_BYTES_MAX};
use crate::problem::Problem;
use crate::secret::{Rotating, Secret, Which};
use crate::webhook::signature::{Signature, SignatureError};

/// HMAC-SHA256 as WebCrypto calls it (W3C, Web Cryptography API).
const ALGORITHM: &str = "HMAC";
const IMPORT_ALGORITHM: &str = r#"{"name":"HMAC","hash":"SHA-256"}"#;
const USAGES: &str = r#"["verify"]"#;

/// The body of a delivery, and which of the app's secrets has signed it.
pub(super) async fn read(
    head: &Head,
    request: &web_sys::Request,
    signature: &Signature,
    secrets: &Rotating,
) -> Result<(Vec<u8>, Which), Problem> {
    let body = Body::of(head, request).await.map_err(|error| match error {
        ReadError::TooLarge => Problem::BodyTooLarge,
        ReadError::Broken => Problem::NotStored,
    })?;
    if let Some(bytes) = body.for_the_runtime()
        && let Ok(made) = made_by(secrets, signature, &bytes).await
    {
        let which = made.ok_or(Problem::Signature(SignatureError::Mismatch))?;
        return Ok((body.into_bytes(), which));
    }
    let body = body.into_bytes();
    let which = signature.verify(&body, secrets).map_err(Problem::Signature)?;
    Ok((body, which))
}

/// A body, and where it lies.
enum Body {
    /// In the runtime's memory, in one piece.
    There(Uint8Array),
    /// In ours, because it came in pieces whose sum nobody had announced.
    Here(Vec<u8>),
}

impl Body {
    async fn of(head: &Head, request: &web_sys::Request) -> Result<Self, ReadError> {
        let Some(announced) = head.announced() else {
            let mut request = <web_sys::Request as Clone>::clone(request).into();
            return body::read(&mut request, WEBHOOK_BODY_BYTES_MAX).await.map(Self::Here);
        };
        if announced > WEBHOOK_BODY_BYTES_MAX {
            return Err(ReadError::TooLarge);
        }
        let buffer = request.array_buffer().map_err(|_| ReadError::Broken)?;
        let buffer = JsFuture::from(buffer).await.map_err(|_| ReadError::Broken)?;
        Ok(Self::There(Uint8Array::new(buffer.unchecked_ref::<ArrayBuffer>())))
    }

    /// The body where the runtime can hash it, if it is large enough for that to pay.
    fn for_the_runtime(&self) -> Option<Uint8Array> {
        match self {
            Self::There(bytes) if bytes.length() as usize >= VERIFIED_BY_RUNTIME_BYTES_MIN => Some(bytes.clone()),
            Self::Here(bytes) if bytes.len() >= VERIFIED_BY_RUNTIME_BYTES_MIN => Some(Uint8Array::from(&bytes[..])),
            Self::There(_) | Self::Here(_) => None,
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::There(bytes) => bytes.to_vec(),
            Self::Here(bytes) => bytes,
        }
    }
}

/// Which of the secrets has made the signature, as the runtime finds; an error where it fails.
async fn made_by(secrets: &Rotating, signature: &Signature, body: &Uint8Array) -> Result<Option<Which>, JsValue> {
    let current = made_with(&secrets.current, signature, body).await?;
    let previous = match &secrets.previous {
        Some(previous) => made_with(previous, signature, body).await?,
        None => false,
    };
    Ok(Which::of(current, previous))
}

async fn made_with(secret: &Secret, signature: &Signature, body: &Uint8Array) -> Result<bool, JsValue> {
    let (algorithm, usages) = (JSON::parse(IMPORT_ALGORITHM)?, JSON::parse(USAGES)?);
    let key = import_key("raw", &Uint8Array::from(secret.expose()), &algorithm, false, &usages)?;
    let key = JsFuture::from(key).await?;
    let signature = Uint8Array::from(&signature.digest()[..]);
    let verified = JsFuture::from(verify(ALGORITHM, &key, &signature, body)?).await?;
    Ok(verified.as_bool() == Some(true))
}
