//! Reading bodies of unknown length as far as a limit.
//!
//! Invariant: no body is in memory beyond its limit, whatever its headers announce.

use futures_util::StreamExt;
use worker::{Request, Response};

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
