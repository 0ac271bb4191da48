//! A stand-in for the Graph API on loopback that keeps every request and answers as it is told to, well or badly.
//!
//! Invariant: a request is written down once its body has ended, and before it is answered; so what is not in the book
//! when a bot has its answer never reached the Graph API.
//!
//! Written on sockets, because a server that closes a connection instead of answering, breaks off in the middle of a
//! body or answers slowly is the point of it.
//!
//! Not here: whether a request makes sense to the Graph API. It says yes to everything, unless a script says no.

use std::io::{BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::client::{now_ms, wamid_of};
use crate::common::meta::{ACCOUNT, APP, LINE};
use crate::gate::{APP_SECRET, Gate, Options};
use crate::wire::{self, Head, Passed};

const STACK_BYTES: usize = 512 * 1_024;

/// One request that the Graph API was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub head: Head,
    pub body: Passed,
    /// When the request had come as a whole.
    pub at: Instant,
    /// The same by the clock.
    pub at_ms: u64,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.find(name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body.kept).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body.kept).unwrap_or_default()
    }

    fn holds(&self, needle: &str) -> bool {
        format!("{} {}\n{}", self.method, self.target, self.text()).contains(needle)
    }
}

/// What the Graph API does with a request.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Answer.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Body, after: Duration },
    /// Close the connection without a word.
    HangUp,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Body {
    Bytes(Vec<u8>),
    /// It ends in the middle: twice its length is announced.
    Cut(String),
    /// Blocks of 64 KiB, this many, with a pause between two of them.
    Slow {
        blocks: usize,
        pause: Duration,
    },
    Text(String),
}

pub static SLOW_BLOCK: [u8; 64 * 1_024] = [b'g'; 64 * 1_024];

impl Reaction {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=UTF-8".to_owned())];
        Self::Answer { status, headers, body: Body::Text(body.to_string()), after: Duration::ZERO }
    }

    /// An error as the Graph API writes it.
    pub fn error(status: u16, code: u64) -> Self {
        let error = json!({ "message": format!("(#{code}) As told"), "type": "OAuthException", "code": code,
            "error_data": { "messaging_product": "whatsapp", "details": "as told" }, "fbtrace_id": "A1b2" });
        Self::json(status, &json!({ "error": error }))
    }

    /// The same later.
    pub fn after(self, after: Duration) -> Self {
        match self {
            Self::Answer { status, headers, body, .. } => Self::Answer { status, headers, body, after },
            Self::HangUp => Self::HangUp,
        }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub fn body(mut self, new: Body) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            *body = new;
        }
        self
    }
}

/// What the Graph API says to a message or a read receipt that it takes, and to anything else.
pub fn yes(asked: &Asked) -> Reaction {
    let body = asked.json();
    let name = [&body["to"], &body["recipient"]].into_iter().find_map(|name| name.as_str().filter(|n| !n.is_empty()));
    let Some(name) = name.filter(|_| asked.method == "POST" && asked.target.contains("/messages")) else {
        let id =
            if asked.target.contains("/media") { json!({ "id": "1234567890" }) } else { json!({ "success": true }) };
        return Reaction::json(200, &id);
    };
    let digits: String = name.chars().filter(char::is_ascii_digit).take(15).collect();
    let contact = json!({ "input": name, "wa_id": digits });
    let message = json!({ "id": wamid_of(&digits) });
    let answer = json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] });
    Reaction::json(200, &answer)
}

type Script = Box<dyn FnMut(&Asked) -> Reaction + Send>;

#[derive(Default)]
struct Book {
    asked: Vec<Asked>,
    /// Scripts by the text that method, path, query or body must hold; the newest that fits decides.
    scripts: Vec<(String, Script)>,
}

#[derive(Default)]
struct Shared {
    arrived: Condvar,
    book: Mutex<Book>,
    ended: AtomicBool,
}

/// The stand-in. It ends with the last handle of it.
pub struct Graph {
    shared: Arc<Shared>,
    pub url: String,
}

impl Graph {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared: Arc<Shared> = Arc::default();
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if own.ended.load(Ordering::SeqCst) {
                    return;
                }
                let own = Arc::clone(&own);
                let serve = move || {
                    let _ = own.serve(stream);
                };
                thread::Builder::new().stack_size(STACK_BYTES).spawn(serve).unwrap();
            }
        });
        Self { shared, url }
    }

    /// From now on requests that hold this text are answered by this script.
    pub fn on(&self, needle: &str, script: impl FnMut(&Asked) -> Reaction + Send + 'static) {
        self.shared.book().scripts.push((needle.to_owned(), Box::new(script)));
    }

    /// The requests so far that hold this text, in their order.
    pub fn asked(&self, needle: &str) -> Vec<Asked> {
        self.shared.book().asked.iter().filter(|asked| asked.holds(needle)).cloned().collect()
    }

    /// Waits until there are this many requests that hold this text, and gives all that there are.
    pub fn wait_for(&self, count: usize, needle: &str, limit: Duration) -> Vec<Asked> {
        let until = Instant::now() + limit;
        let mut book = self.shared.book();
        loop {
            let found: Vec<Asked> = book.asked.iter().filter(|asked| asked.holds(needle)).cloned().collect();
            if found.len() >= count {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} requests with {needle} within {limit:?}", found.len());
            book = self.shared.arrived.wait_timeout(book, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // What waits for connections looks up once there is one.
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection, request after request.
    fn serve(&self, stream: TcpStream) -> Result<()> {
        wire::prepare(&stream)?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(head) = wire::read_head(&mut reader)? {
            let body = wire::read_body(&mut reader, &head, false);
            let mut words = head.line.split(' ').map(str::to_owned);
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let asked = Asked { method, target, head, body, at: Instant::now(), at_ms: now_ms() };
            let has_body = asked.method != "HEAD";
            let Reaction::Answer { status, headers, body, after } = self.record(asked) else { return Ok(()) };
            thread::sleep(after);
            let lines = wire::lines(&headers);
            let length = match &body {
                Body::Bytes(bytes) => bytes.len(),
                Body::Cut(text) => text.len() * 2,
                Body::Slow { blocks, .. } => blocks * SLOW_BLOCK.len(),
                Body::Text(text) => text.len(),
            };
            writer.write_all(
                format!("HTTP/1.1 {status} As Told\r\n{lines}content-length: {length}\r\n\r\n").as_bytes(),
            )?;
            match body {
                _ if !has_body => {}
                Body::Cut(text) => return writer.write_all(text.as_bytes()),
                Body::Slow { blocks, pause } => {
                    for number in 0..blocks {
                        thread::sleep(if number == 0 { Duration::ZERO } else { pause });
                        writer.write_all(&SLOW_BLOCK)?;
                    }
                }
                Body::Bytes(bytes) => writer.write_all(&bytes)?,
                Body::Text(text) => writer.write_all(text.as_bytes())?,
            }
        }
        Ok(())
    }

    fn record(&self, asked: Asked) -> Reaction {
        let mut book = self.book();
        let script = book.scripts.iter_mut().rev().find(|(needle, _)| asked.holds(needle));
        let reaction = script.map_or_else(|| yes(&asked), |(_, script)| script(&asked));
        book.asked.push(asked);
        self.arrived.notify_all();
        reaction
    }
}

/// A gate between a bot and a Graph API.
pub struct Place {
    pub bot: Bot,
    pub graph: Graph,
    pub gate: Gate,
}

impl Place {
    pub fn start(policy: Value) -> Self {
        let (bot, graph) = (Bot::start(APP_SECRET), Graph::start());
        let gate = Gate::start(&bot, fenced(&graph.url, policy));
        Self { bot, graph, gate }
    }
}

/// A gate whose bot sends through it to the Graph API at this address.
pub fn fenced(graph_url: &str, mut policy: Value) -> Options {
    let keys = policy.as_object_mut().unwrap();
    keys.entry("lease_seconds").or_insert(json!(600));
    keys.entry("retry_schedule_seconds").or_insert(json!([0, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
    let lines = json!({ LINE: { "account": ACCOUNT, "app": APP } });
    Options::with_policy(policy).var("GRAPH_URL", graph_url).var("LINES", lines.to_string())
}

/// The place of all tests that tell their requests apart by customer or by path and want the fence as it is by default.
/// What is always let through bears names that say so.
pub fn place() -> &'static Place {
    static PLACE: LazyLock<Place> = LazyLock::new(|| {
        Place::start(json!({
            "always_send_templates": [{ "prefix": "order_" }],
            "always_send_categories": ["authentication"],
            "always_send_callback_prefixes": ["code:"],
        }))
    });
    &PLACE
}
