//! Live streams of the machine itself: several at once, one thread each.
//!
//! Invariant: whoever follows learns within [`SILENCE`] and a little more that a stream has gone, because each is asked
//! for a sign of life; and no thread outlives the following by more than [`TICK`].
//!
//! Not here: opening them again, which is for the caller to decide (`commands::tail`).

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Error, Message, WebSocket};
use url::Url;

use super::super::Heard;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a thread looks whether it is still wanted.
const TICK: Duration = Duration::from_secs(1);
/// How long a stream may say nothing before it is asked, and how long it may then take to answer.
const SILENCE: Duration = Duration::from_secs(20);

/// What a stream is asked, and what it answers (docs/desk.md).
const PING: &str = "ping";
const PONG: &str = "pong";

/// What a thread says of its stream.
enum Said {
    Opened,
    Text(String),
    Ended(String),
}

/// Follows all of them.
pub(super) fn follow(urls: &[String], token: &str, on_heard: &mut dyn FnMut(Heard<'_>) -> bool) -> Result<(), String> {
    let is_over = Arc::new(AtomicBool::new(false));
    let (sender, said) = channel();
    for url in urls {
        let (url, token, sender, is_over) = (url.clone(), token.to_owned(), sender.clone(), Arc::clone(&is_over));
        std::thread::spawn(move || {
            // Where nobody listens any more, nothing is lost.
            let reason = one(&url, &token, &sender, &is_over).err().unwrap_or_default();
            let _ = sender.send(Said::Ended(reason));
        });
    }
    drop(sender);
    let mut opened = 0;
    let ended = loop {
        match said.recv() {
            Ok(Said::Opened) => {
                opened += 1;
                if opened == urls.len() && !on_heard(Heard::Opened) {
                    break Ok(());
                }
            }
            Ok(Said::Text(text)) => {
                if !on_heard(Heard::Text(&text)) {
                    break Ok(());
                }
            }
            Ok(Said::Ended(reason)) => break Err(reason),
            Err(_) => break Err("there is nothing to follow".to_owned()),
        }
    };
    is_over.store(true, Ordering::Relaxed);
    ended
}

#[expect(clippy::disallowed_methods, reason = "this is where the tool's clock is")]
fn one(url: &str, token: &str, sender: &Sender<Said>, is_over: &AtomicBool) -> Result<(), String> {
    let mut stream = open(url, token)?;
    if sender.send(Said::Opened).is_err() {
        return Ok(());
    }
    let (mut heard, mut is_asked) = (Instant::now(), false);
    while !is_over.load(Ordering::Relaxed) {
        match stream.read() {
            Ok(Message::Text(text)) => {
                (heard, is_asked) = (Instant::now(), false);
                if text.as_str() != PONG && sender.send(Said::Text(text.to_string())).is_err() {
                    return Ok(());
                }
            }
            Ok(Message::Binary(_) | Message::Close(_) | Message::Frame(_) | Message::Ping(_) | Message::Pong(_)) => {}
            Err(Error::Io(error))
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Err("it was closed".to_owned()),
            Err(error) => return Err(told(&error)),
        }
        if heard.elapsed() > SILENCE {
            if is_asked {
                return Err("it has gone silent".to_owned());
            }
            stream.send(Message::text(PING)).map_err(|error| told(&error))?;
            (heard, is_asked) = (Instant::now(), true);
        }
    }
    // The other side notices a connection that ends.
    let _ = stream.close(None);
    Ok(())
}

fn open(url: &str, token: &str) -> Result<WebSocket<MaybeTlsStream<TcpStream>>, String> {
    let parsed = Url::parse(url).map_err(|error| error.to_string())?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = parsed.port_or_known_default().unwrap_or(443);
    let addresses = (host, port).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut reason = "its address has no machine".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(socket) => return shake_hands(url, token, socket),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

fn shake_hands(url: &str, token: &str, socket: TcpStream) -> Result<WebSocket<MaybeTlsStream<TcpStream>>, String> {
    let mut request = url.into_client_request().map_err(|error| told(&error))?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| "the token is no header".to_owned())?;
    request.headers_mut().insert("authorization", bearer);
    let timer = socket.try_clone().map_err(|error| error.to_string())?;
    timer.set_read_timeout(Some(CONNECT)).map_err(|error| error.to_string())?;
    timer.set_write_timeout(Some(CONNECT)).map_err(|error| error.to_string())?;
    let (stream, _) = tungstenite::client_tls(request, socket).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => told(&error),
        tungstenite::HandshakeError::Interrupted(_) => "it does not answer in time".to_owned(),
    })?;
    // From here on a reading that waits is no error, but a look at the clock.
    timer.set_read_timeout(Some(TICK)).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// An error without the address, whose query names a line and may one day name more.
fn told(error: &Error) -> String {
    match error {
        Error::Http(answer) => format!("it answers {}", answer.status().as_u16()),
        Error::Io(error) => error.to_string(),
        Error::Url(_) => "its address is none of a stream".to_owned(),
        Error::AlreadyClosed
        | Error::AttackAttempt
        | Error::Capacity(_)
        | Error::ConnectionClosed
        | Error::HttpFormat(_)
        | Error::Protocol(_)
        | Error::Tls(_)
        | Error::Utf8(_)
        | Error::WriteBufferFull(_) => error.to_string(),
    }
}
