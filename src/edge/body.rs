//! Reading bodies of unknown length as far as a limit.
//!
//! Invariant: no body is in memory beyond its limit, whatever its headers announce.

use futures_util::StreamExt;
use worker::{Request, Response};

use crate::limits::API_BODY_BYTES_MAX;
use crate::problem::Problem;

/// Why a body was not read.
pub(super) enum ReadError {
    /// It broke off.
    Broken,
    /// It is longer than the limit.
    TooLarge,
}

/// How many bytes a request says that its body has; `None` where it does not say.
pub(super) fn announced(request: &Request) -> Option<usize> {
    request.headers().get("content-length").ok().flatten()?.parse().ok()
}

/// Reads a request's body.
pub(super) async fn read(request: &mut Request, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
    match announced(request) {
        Some(bytes) if bytes > bytes_max => Err(ReadError::TooLarge),
        Some(_) => request.bytes().await.map_err(|_| ReadError::Broken),
        None => match request.stream() {
            Ok(stream) => collect(stream, bytes_max).await,
            // There is no body at all.
            Err(_) => Ok(Vec::new()),
        },
    }
}

/// The body of the operator's request as text; `wanted` says of what.
pub(super) async fn text(request: &mut Request, wanted: &'static str) -> Result<String, Problem> {
    String::from_utf8(bytes(request, wanted).await?).map_err(|_| Problem::Malformed { wanted })
}

/// The body of the operator's request, which must be JSON of this form; `wanted` says which.
pub(super) async fn json<T: serde::de::DeserializeOwned>(
    request: &mut Request,
    wanted: &'static str,
) -> Result<T, Problem> {
    let bytes = bytes(request, wanted).await?;
    // By way of a text: `from_slice` would be a second copy of everything that reads JSON.
    let text = core::str::from_utf8(&bytes).map_err(|_| Problem::Malformed { wanted })?;
    serde_json::from_str(text).map_err(|_| Problem::Malformed { wanted })
}

async fn bytes(request: &mut Request, wanted: &'static str) -> Result<Vec<u8>, Problem> {
    read(request, API_BODY_BYTES_MAX).await.map_err(|error| match error {
        ReadError::Broken => Problem::Malformed { wanted },
        ReadError::TooLarge => Problem::BodyTooLarge,
    })
}

/// Reads an answer that is text.
pub(super) async fn read_text(response: &mut Response, bytes_max: usize) -> Result<String, ReadError> {
    let Ok(stream) = response.stream() else { return Ok(String::new()) };
    String::from_utf8(collect(stream, bytes_max).await?).map_err(|_| ReadError::Broken)
}

async fn collect(mut chunks: worker::ByteStream, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ReadError::Broken)?;
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(ReadError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
