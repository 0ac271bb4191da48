//! A recording bot on loopback that behaves as badly as it is told to.
//!
//! Invariant: every delivery is checked the moment it arrives, against all that the gate promises about its form
//! (`delivery`). A test that looks at deliveries fails if one of those that it looks for was wrong.
//!
//! Written on sockets, because a bot that resets a connection, never answers or goes down is the point of it.
//!
//! Not here: what a bot answers to customers (`framework`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::delivery::Delivery;

/// Connections that a bot serves at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 1_200;
const STACK_BYTES: usize = 256 * 1_024;
/// How long a connection may be idle, and the longest that a bot stays silent on purpose.
const IDLE_LIMIT: Duration = Duration::from_mins(2);
const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// What the bot does with a delivery.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Answer.
    Answer { status: u16, headers: Vec<(&'static str, String)>, after: Duration, bytes: usize },
    /// Answer with something that is no HTTP.
    Garbage { after: Duration },
    /// Keep the connection open and say nothing.
    Never,
    /// Reset the connection.
    Reset,
}

pub fn status(status: u16) -> Reaction {
    Reaction::Answer { status, headers: Vec::new(), after: Duration::ZERO, bytes: 2 }
}

pub fn ok_after(after: Duration) -> Reaction {
    Reaction::Answer { status: 200, headers: Vec::new(), after, bytes: 2 }
}

/// Nonsense instead of an answer.
pub fn garbage_after(after: Duration) -> Reaction {
    Reaction::Garbage { after }
}

/// A status with one header.
pub fn with_header(status: u16, name: &'static str, value: impl Into<String>) -> Reaction {
    Reaction::Answer { status, headers: vec![(name, value.into())], after: Duration::ZERO, bytes: 2 }
}

type Script = Box<dyn FnMut(&Delivery) -> Reaction + Send>;

#[derive(Default)]
struct Book {
    complaints: Vec<String>,
    deliveries: Vec<Delivery>,
    /// Scripts by the text that a body must hold; the newest that fits decides.
    scripts: Vec<(String, Script)>,
    /// How long the gate waited before it closed a connection on which the bot said nothing.
    abandoned: Vec<(String, Duration)>,
    /// How many bytes of an answer were taken from the bot before the gate closed the connection.
    cut_off: Vec<(String, usize)>,
}

struct Shared {
    arrived: Condvar,
    book: Mutex<Book>,
    connections: AtomicUsize,
    next: AtomicUsize,
    down: AtomicBool,
    /// Whether the listening socket is closed.
    closed: AtomicBool,
    ended: AtomicBool,
    secret: String,
    /// The open connections by a number of their own, so that going down can close them.
    streams: Mutex<BTreeMap<usize, TcpStream>>,
}

/// The bot.
pub struct Bot {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Bot {
    /// Starts a bot that answers 200 to everything and checks signatures with this secret.
    pub fn start(secret: &str) -> Self {
        let (listener, address) = listen();
        let shared = Arc::new(Shared {
            arrived: Condvar::new(),
            book: Mutex::default(),
            connections: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            secret: secret.to_owned(),
            streams: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || own.accept(listener, address));
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    /// From now on deliveries that hold this text are answered by this script.
    pub fn on(&self, needle: &str, script: impl FnMut(&Delivery) -> Reaction + Send + 'static) {
        self.shared.book().scripts.push((needle.to_owned(), Box::new(script)));
    }

    /// Forgets all scripts: everything is answered 200.
    pub fn behave(&self) {
        self.shared.book().scripts.clear();
    }

    /// Closes the listening socket and every connection: calls are refused.
    pub fn go_down(&self) {
        self.shared.down.store(true, Ordering::SeqCst);
        while !self.shared.closed.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        for stream in self.shared.streams.lock().unwrap().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens again, on the same port.
    pub fn come_up(&self) {
        self.shared.down.store(false, Ordering::SeqCst);
        while self.shared.closed.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The deliveries so far that hold this text, in their order.
    pub fn deliveries(&self, needle: &str) -> Vec<Delivery> {
        let book = self.shared.book();
        check(&book, needle);
        matching(&book, needle)
    }

    /// Waits until there are this many deliveries that hold this text, and gives all that there are.
    pub fn wait_for(&self, count: usize, needle: &str, limit: Duration) -> Vec<Delivery> {
        let until = Instant::now() + limit;
        let mut book = self.shared.book();
        loop {
            check(&book, needle);
            let found = matching(&book, needle);
            if found.len() >= count {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            let wamids: Vec<String> = found.iter().map(Delivery::wamid).collect();
            assert!(
                !left.is_zero(),
                "{} of {count} deliveries with {needle} within {limit:?}: {wamids:?}",
                found.len()
            );
            book = self.shared.arrived.wait_timeout(book, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until nothing more arrives: what a killed gate had sent may still be on its way.
    pub fn settle(&self) {
        const QUIET: Duration = Duration::from_millis(200);
        let mut book = self.shared.book();
        loop {
            let count = book.deliveries.len();
            book = self.shared.arrived.wait_timeout(book, QUIET).unwrap_or_else(PoisonError::into_inner).0;
            if book.deliveries.len() == count {
                return;
            }
        }
    }

    /// How long the gate waited for an answer to deliveries that hold this text, where it gave up.
    pub fn abandoned(&self, needle: &str) -> Vec<Duration> {
        let book = self.shared.book();
        book.abandoned.iter().filter(|(body, _)| body.contains(needle)).map(|(_, wait)| *wait).collect()
    }

    /// How many bytes the gate took of answers to deliveries that hold this text, where it did not take all.
    pub fn cut_off(&self, needle: &str) -> Vec<usize> {
        let book = self.shared.book();
        book.cut_off.iter().filter(|(body, _)| body.contains(needle)).map(|(_, bytes)| *bytes).collect()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.go_down();
    }
}

impl Shared {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: TcpListener, address: SocketAddr) {
        let mut listener = Some(listener);
        loop {
            match (&listener, self.down.load(Ordering::SeqCst)) {
                (Some(_), true) => {
                    listener = None;
                    self.closed.store(true, Ordering::SeqCst);
                }
                (None, false) => {
                    listener = bind(address);
                    self.closed.store(listener.is_none(), Ordering::SeqCst);
                }
                (Some(open), false) => {
                    if let Ok((stream, _)) = open.accept() {
                        self.take(stream);
                        continue;
                    }
                }
                (None, true) if self.ended.load(Ordering::SeqCst) => return,
                (None, true) => {}
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn take(self: &Arc<Self>, stream: TcpStream) {
        if self.connections.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
            self.connections.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        if let Ok(copy) = stream.try_clone() {
            self.streams.lock().unwrap().insert(number, copy);
        }
        let own = Arc::clone(self);
        let serve = move || {
            let mut stream = stream;
            let _ = own.serve(&mut stream);
            // The copy goes first: a connection is closed, or reset, with the last handle of it.
            own.streams.lock().unwrap().remove(&number);
            drop(stream);
            own.connections.fetch_sub(1, Ordering::SeqCst);
        };
        thread::Builder::new().stack_size(STACK_BYTES).spawn(serve).unwrap();
    }

    /// Serves one connection, request after request.
    fn serve(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(IDLE_LIMIT))?;
        stream.set_write_timeout(Some(IDLE_LIMIT))?;
        stream.set_nodelay(true)?;
        while let Some(delivery) = receive(stream)? {
            let text = String::from_utf8_lossy(&delivery.body).into_owned();
            let reaction = self.record(delivery);
            if matches!(reaction, Reaction::Reset) {
                // Closing a socket with unread bytes in it resets the connection; see `receive`.
                return Ok(());
            }
            stream.read_exact(&mut [0])?;
            match reaction {
                Reaction::Answer { status, headers, after, bytes } => {
                    thread::sleep(after);
                    let mut head = format!("HTTP/1.1 {status} As Told\r\n");
                    for (name, value) in headers {
                        write!(head, "{name}: {value}\r\n").unwrap();
                    }
                    write!(head, "content-length: {bytes}\r\n\r\n").unwrap();
                    stream.write_all(head.as_bytes())?;
                    self.write_body(stream, bytes, text)?;
                }
                Reaction::Garbage { after } => {
                    thread::sleep(after);
                    return stream.write_all(b"\x00\xff 200 is what I would like to say\r\n\r\n{\"ok\"");
                }
                Reaction::Never => {
                    let start = Instant::now();
                    let closed = stream.read(&mut [0]).is_ok();
                    if closed && !self.down.load(Ordering::SeqCst) {
                        self.book().abandoned.push((text, start.elapsed()));
                    }
                    return Ok(());
                }
                Reaction::Reset => {}
            }
        }
        Ok(())
    }

    fn write_body(&self, stream: &mut TcpStream, bytes: usize, text: String) -> std::io::Result<()> {
        let block = [b'x'; 16 * 1_024];
        let mut written = 0;
        while written < bytes {
            let next = block.len().min(bytes - written);
            if let Err(error) = stream.write_all(&block[..next]) {
                self.book().cut_off.push((text, written));
                return Err(error);
            }
            written += next;
        }
        Ok(())
    }

    fn record(&self, delivery: Delivery) -> Reaction {
        let mut book = self.book();
        book.complaints.extend(delivery.complaint(&self.secret));
        let text = String::from_utf8_lossy(&delivery.body);
        let script = book.scripts.iter_mut().rev().find(|(needle, _)| text.contains(needle.as_str()));
        let reaction = script.map_or_else(|| status(200), |(_, script)| script(&delivery));
        book.deliveries.push(delivery);
        self.arrived.notify_all();
        reaction
    }
}

/// Fails where a delivery that holds this text was wrong.
fn check(book: &Book, needle: &str) {
    let complaint = book.complaints.iter().find(|complaint| complaint.contains(needle));
    assert!(complaint.is_none(), "the bot got a delivery that breaks the promise, {}", complaint.unwrap());
}

fn matching(book: &Book, needle: &str) -> Vec<Delivery> {
    let holds = |delivery: &&Delivery| String::from_utf8_lossy(&delivery.body).contains(needle);
    book.deliveries.iter().filter(holds).cloned().collect()
}

/// Reads a request except for the last byte of its body, which is looked at but left in the socket, so that the
/// connection can still be reset. `None` where the other side has closed the connection.
fn receive(stream: &mut TcpStream) -> std::io::Result<Option<Delivery>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) if head.len() < HEAD_BYTES_MAX => head.push(byte[0]),
            Ok(_) => return Err(ErrorKind::InvalidData.into()),
            Err(error) => return Err(error),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    // Without a length nothing can be read, and the missing length is what the check complains about.
    let length: usize = length.unwrap_or(1);
    let mut body = vec![0; length];
    if let Some((last, rest)) = body.split_last_mut() {
        stream.read_exact(rest)?;
        let mut seen = [0];
        stream.peek(&mut seen)?;
        *last = seen[0];
    }
    Ok(Some(Delivery { at: Instant::now(), line, headers, body }))
}

/// Listens on a port below those that the system gives to outgoing connections, so that nobody takes it while the
/// bot is down.
fn listen() -> (TcpListener, SocketAddr) {
    for _ in 0..200 {
        let address = SocketAddr::from(([127, 0, 0, 1], next_port()));
        if let Some(listener) = bind(address) {
            return (listener, address);
        }
    }
    panic!("no free port");
}

fn bind(address: SocketAddr) -> Option<TcpListener> {
    let listener = TcpListener::bind(address).ok()?;
    listener.set_nonblocking(true).ok()?;
    Some(listener)
}

/// Another port each time, and others than those of another test program that runs at the same time.
pub fn next_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = (std::process::id() * 131) % 9_000;
    let offset = u16::try_from(offset).unwrap() + NEXT.fetch_add(1, Ordering::Relaxed);
    20_000 + offset % 10_000
}
