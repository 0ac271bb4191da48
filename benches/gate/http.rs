//! As much of HTTP/1.1 as a measurement needs: one message at a time over a connection that stays.
//!
//! Invariant: a message is taken only once it is whole, and what stands behind it stays in the buffer. Every read and
//! write has an end, so that a measurement never hangs.
//!
//! Deliberately not here: anything that `workerd` and the load do not send, such as trailers and pipelining.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a measurement waits for an answer: a batch on a busy machine takes a few seconds.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
const CHUNK_BYTES: usize = 16 * 1024;

/// A message in a buffer.
pub struct Message {
    /// The status, of a response.
    pub status: u16,
    /// Where its body begins.
    pub body: usize,
    /// Where it ends.
    pub end: usize,
}

/// A client's connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, ANSWER_WITHIN)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        Ok(Self { stream, buffer: Vec::with_capacity(4_096) })
    }

    /// Sends a request and waits for the status of its answer.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let answer = read_message(&mut self.stream, &mut self.buffer)?;
        answer.map(|answer| answer.status).ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }
}

/// Reads until the buffer begins with a whole message; `None` where the connection ends before one begins.
pub fn read_message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Message>> {
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        if let Some(message) = whole(buffer) {
            return Ok(Some(message));
        }
        match stream.read(&mut chunk)? {
            0 if buffer.is_empty() => return Ok(None),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    }
}

fn whole(buffer: &[u8]) -> Option<Message> {
    let body = find(buffer, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..body]).ok()?;
    let field = |name: &str| {
        let is_it = |line: &&str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        head.lines().find(is_it).map(|line| line[name.len()..].trim())
    };
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0);
    let end = match field("content-length:") {
        Some(length) => body + length.parse::<usize>().ok()?,
        None if field("transfer-encoding:").is_some() => end_of_chunks(buffer, body)?,
        None => body,
    };
    (buffer.len() >= end).then_some(Message { status, body, end })
}

/// Where a chunked body ends that begins at `at`, once all of it is there.
fn end_of_chunks(buffer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let line = find(buffer.get(at..)?, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&buffer[at..at + line]).ok()?, 16).ok()?;
        at += line + 2 + size + 2;
        if size == 0 {
            return Some(at);
        }
    }
}

/// Where a text begins in another.
pub fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut from = 0;
    while let Some(at) = text.get(from..)?.iter().position(|byte| *byte == first) {
        if text[from + at..].starts_with(part) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
