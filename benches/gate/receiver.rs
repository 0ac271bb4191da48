//! The bot, and the Graph API, of a measurement: it takes everything at once and notes which ids came.
//!
//! Invariant: it does as little as it can, because it runs on the same machine as what is measured. Ids are numbers
//! behind a mark (`webhooks`), so a body is searched and not read.
//!
//! Deliberately not here: signatures, refusals and delays. Those are promises, and tests/runtime keeps them.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::{Add, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::thread;

use super::http;
use super::webhooks::{MARK, number_at};

const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok";

/// A server on a port of its own, until the process ends.
#[derive(Clone)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    /// How often each id came.
    came: Arc<[AtomicU8]>,
    sends: Arc<AtomicUsize>,
}

/// Of some ids, those that came not at all and those that came more than once.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amiss {
    pub missing: usize,
    pub doubled: usize,
}

impl Add for Amiss {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { missing: self.missing + other.missing, doubled: self.doubled + other.doubled }
    }
}

impl Receiver {
    /// Listens, with room for so many ids.
    pub fn start(ids: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self { address, came: (0..ids).map(|_| AtomicU8::new(0)).collect(), sends: Arc::default() };
        let own = receiver.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let own = own.clone();
                thread::spawn(move || own.serve(connection));
            }
        });
        receiver
    }

    /// Until the other side has no more to say. A connection may be silent for as long as it likes.
    fn serve(&self, mut connection: TcpStream) {
        let _ = connection.set_nodelay(true);
        let mut buffer = Vec::with_capacity(64 * 1024);
        while let Ok(Some(request)) = http::read_message(&mut connection, &mut buffer) {
            // A header may name the id of the event too.
            self.note(&buffer[request.body..request.end]);
            let is_send = buffer.starts_with(b"POST /v");
            buffer.drain(..request.end);
            let answered = if is_send { connection.write_all(&self.accepted()) } else { connection.write_all(TAKEN) };
            if answered.is_err() {
                return;
            }
        }
    }

    fn note(&self, body: &[u8]) {
        let mut rest = body;
        while let Some(at) = http::find(rest, MARK) {
            rest = &rest[at + MARK.len()..];
            let came = number_at(rest).and_then(|number| self.came.get(number));
            // 255 times is as wrong as 256, and 256 would be none.
            let _ =
                came.map(|came| came.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |times| times.checked_add(1)));
        }
    }

    /// What the Graph API answers to a message.
    fn accepted(&self) -> Vec<u8> {
        let id = self.sends.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"messaging_product":"whatsapp","contacts":[{{"input":"15550000000","wa_id":"15550000000"}}],"messages":[{{"id":"wamid.sent{id}"}}]}}"#
        );
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into()
    }

    /// What is wrong with these ids, where each should have come once.
    pub fn amiss(&self, ids: Range<usize>) -> Amiss {
        let times = self.came[ids].iter().map(|came| came.load(Ordering::Relaxed));
        times.fold(Amiss::default(), |amiss, times| Amiss {
            missing: amiss.missing + usize::from(times == 0),
            doubled: amiss.doubled + usize::from(times > 1),
        })
    }
}
