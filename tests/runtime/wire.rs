//! HTTP on a bare connection, for what a client or a server of a library hides: bodies that come slowly, break off or
//! are too large to be kept, connections that end early, and exactly the headers that were written.
//!
//! Invariant: a body is counted and hashed as it passes, and only its first [`KEPT_MAX`] bytes are kept.
//!
//! Not here: TLS, pipelining, trailers.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base16ct::lower::encode_string;
use sha2::{Digest, Sha256};

use crate::client::Answer;

/// The longest that anything here may be silent.
const SILENCE_MAX: Duration = Duration::from_mins(2);
const HEAD_BYTES_MAX: usize = 64 * 1_024;
const BLOCK: usize = 64 * 1_024;
/// Longest body that is kept, and not only counted and hashed.
pub const KEPT_MAX: usize = 1_024 * 1_024;

/// The first line and the headers, their names in small letters.
#[derive(Clone, Debug)]
pub struct Head {
    pub line: String,
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A body that has passed.
#[derive(Clone, Debug)]
pub struct Passed {
    pub bytes: usize,
    /// SHA-256 in hex.
    pub digest: String,
    /// The body, or its beginning.
    pub kept: Vec<u8>,
    /// Whether it came to the end that was announced.
    pub is_whole: bool,
    /// When its first byte was there.
    pub first_at: Instant,
}

/// Reads up to the end of a head; `None` where the other side has closed the connection instead.
pub fn read_head(reader: &mut BufReader<TcpStream>) -> Result<Option<Head>> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    loop {
        let mut line = Vec::new();
        let count = reader.by_ref().take(HEAD_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        bytes += count;
        if count == 0 && lines.is_empty() {
            return Ok(None);
        }
        if count == 0 || bytes > HEAD_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let line = lines.next().unwrap_or_default();
    let header = |line: String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Ok(Some(Head { line, headers: lines.filter_map(header).collect() }))
}

/// Reads a body: of the length that is announced, in chunks, or where `to_the_end` until the connection ends.
pub fn read_body(reader: &mut BufReader<TcpStream>, head: &Head, to_the_end: bool) -> Passed {
    let mut hash = Sha256::new();
    let mut body =
        Passed { bytes: 0, digest: String::new(), kept: Vec::new(), is_whole: true, first_at: Instant::now() };
    let is_chunked = head.find("transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
    let length = head.find("content-length").and_then(|length| length.parse().ok());
    body.is_whole = if is_chunked {
        loop {
            let mut line = String::new();
            let size = reader.read_line(&mut line).ok().and_then(|_| usize::from_str_radix(line.trim(), 16).ok());
            let Some(size) = size else { break false };
            let is_good = pass(reader, size, &mut body, &mut hash) && reader.read_line(&mut String::new()).is_ok();
            if size == 0 || !is_good {
                break is_good;
            }
        }
    } else if let Some(length) = length {
        pass(reader, length, &mut body, &mut hash)
    } else if to_the_end {
        pass(reader, usize::MAX, &mut body, &mut hash);
        true
    } else {
        true
    };
    body.digest = encode_string(&hash.finalize());
    body
}

/// Takes this many bytes; whether they all came.
fn pass(reader: &mut BufReader<TcpStream>, mut left: usize, body: &mut Passed, hash: &mut Sha256) -> bool {
    let mut block = vec![0; BLOCK];
    while left > 0 {
        let wanted = left.min(BLOCK);
        let count = match reader.read(&mut block[..wanted]) {
            Ok(0) | Err(_) => return false,
            Ok(count) => count,
        };
        if body.bytes == 0 {
            body.first_at = Instant::now();
        }
        let room = KEPT_MAX.saturating_sub(body.kept.len()).min(count);
        body.kept.extend_from_slice(&block[..room]);
        body.bytes += count;
        hash.update(&block[..count]);
        left -= count;
    }
    true
}

pub fn digest_of(bytes: &[u8]) -> String {
    encode_string(&Sha256::digest(bytes))
}

/// A connection to the server at an address such as `http://127.0.0.1:8787`.
pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    prepare(&stream).unwrap();
    stream
}

pub fn prepare(stream: &TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    stream.set_nodelay(true)
}

/// The head of a request with these headers and no others but `host`.
pub fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    format!("{method} {target} HTTP/1.1\r\nhost: gate.test\r\n{}\r\n", lines(headers))
}

/// Headers, each on its line.
pub fn lines<V: Display>(headers: &[(&str, V)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat()
}

/// One request, and what came back; an error where nothing did.
pub fn ask(address: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let mut stream = connect(address);
    let length = body.len().to_string();
    let mut all = headers.to_vec();
    if !body.is_empty() || method == "POST" {
        all.push(("content-length", &length));
    }
    let mut bytes = head(method, target, &all).into_bytes();
    bytes.extend_from_slice(body);
    // A server may answer before it has taken all of a body that it refuses.
    let written = stream.write_all(&bytes);
    let mut reader = BufReader::new(stream);
    let (head, body) = match (read_answer(&mut reader, method), written) {
        (Ok(answer), _) => answer,
        (Err(_), Err(error)) | (Err(error), Ok(())) => return Err(error),
    };
    if !body.is_whole {
        return Err(Error::new(ErrorKind::UnexpectedEof, String::from_utf8_lossy(&body.kept).into_owned()));
    }
    let status = head.line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok(Answer { status, headers: head.headers, body: String::from_utf8_lossy(&body.kept).into_owned() })
}

/// Reads an answer to a request of this method.
pub fn read_answer(reader: &mut BufReader<TcpStream>, method: &str) -> Result<(Head, Passed)> {
    loop {
        let head = read_head(reader)?.ok_or(ErrorKind::UnexpectedEof)?;
        if head.line.contains(" 100 ") {
            continue;
        }
        let has_body = method != "HEAD" && ![" 204 ", " 304 "].iter().any(|status| head.line.contains(status));
        let length = Head { headers: vec![("content-length".to_owned(), "0".to_owned())], ..head.clone() };
        let body = read_body(reader, if has_body { &head } else { &length }, true);
        return Ok((head, body));
    }
}
