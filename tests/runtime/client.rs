//! Meta's side and the operator's side of a gate, over HTTP.
//!
//! Not here: what a delivery looks like (`common::meta`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use base64ct::{Base64, Encoding};
use baton::command::{HolderName, Shown, ShownEvent};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::common::meta::{self, Customer};
use crate::delivery::sign;
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate};
use crate::{planted, wire};

/// The bot's token for the Graph API.
pub const BOT_TOKEN: &str = "EAAGtokenOfTheBot";

/// Longest that one request may take on a machine that does other work too.
const LIMIT: Duration = Duration::from_mins(1);
pub const POLL: Duration = Duration::from_millis(50);

/// What a gate answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The problem document in it; every refusal of the gate has one.
    pub fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status, "{self:?}");
        for key in ["type", "title", "detail"] {
            assert!(problem[key].as_str().is_some_and(|text| !text.is_empty()), "no {key}: {self:?}");
        }
        problem
    }

    /// Status and code of the error in it, which must have the Graph API's form as libraries read it.
    pub fn graph_error(&self) -> (u16, u64) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let error = &body["error"];
        let code = error["code"].as_u64().unwrap_or_else(|| panic!("no code: {self:?}"));
        assert!(error["message"].as_str().unwrap().starts_with(&format!("(#{code}) ")), "{self:?}");
        assert_eq!(error["type"], "OAuthException", "{self:?}");
        for text in [&error["error_data"]["details"], &error["fbtrace_id"]] {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        assert_eq!(error["is_transient"] == true, self.header("retry-after").is_some(), "{self:?}");
        assert!(self.header("x-baton-refused").is_some(), "{self:?}");
        (self.status, code)
    }

    /// The id of the message in an answer that says that it was sent.
    pub fn sent_id(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let id = body["messages"][0]["id"].as_str().filter(|_| self.status == 200);
        id.unwrap_or_else(|| panic!("not sent: {self:?}")).to_owned()
    }
}

/// A customer that no other test knows.
#[derive(Clone, Debug)]
pub struct Person {
    pub phone: String,
    pub bsuid: String,
}

impl Person {
    pub fn new() -> Self {
        let number = next_number();
        Self { phone: format!("1555{number:07}"), bsuid: format!("US.77{number:09}0") }
    }

    pub fn both(&self) -> Customer<'_> {
        meta::both(&self.phone, &self.bsuid)
    }

    pub fn by_phone(&self) -> Customer<'_> {
        meta::phone(&self.phone)
    }

    pub fn by_bsuid(&self) -> Customer<'_> {
        meta::bsuid(&self.bsuid)
    }
}

/// A message id that no other test knows.
pub fn wamid() -> String {
    format!("wamid.RUNTIME{:09}=", next_number())
}

/// A message id of Meta's form, which bears the customer's phone number (`dev/meta.mjs`, `newWamid`).
pub fn wamid_of(phone: &str) -> String {
    let serial = format!("{:018X}", next_number());
    let mut bytes = vec![0x1c, 0x18, u8::try_from(phone.len()).unwrap()];
    bytes.extend_from_slice(phone.as_bytes());
    bytes.extend_from_slice(&[0x15, 0x02, 0x00, 0x11, 0x18, 18]);
    bytes.extend_from_slice(serial.as_bytes());
    bytes.push(0);
    format!("wamid.{}", Base64::encode_string(&bytes))
}

/// A text as a bot sends it, in words that no other test uses.
pub fn bot_text(to: &str) -> Value {
    let words = format!("an answer of the bot's, number {}", next_number());
    json!({ "messaging_product": "whatsapp", "to": to, "type": "text", "text": { "body": words } })
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(2_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Asks again and again until there is an answer.
pub fn eventually<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        thread::sleep(POLL);
    }
}

impl Gate {
    /// Posts a delivery as Meta does.
    pub fn post(&self, body: &[u8], signature: Option<&str>) -> Answer {
        planted::plant_all(body);
        let mut request = Request::builder().method("POST").uri(format!("{}/webhook", self.url));
        request = request.header("content-type", "application/json");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let answer = agent().run(request.body(body).unwrap());
        read(answer.expect("the gate answers"))
    }

    /// Posts a delivery, signed with the app's secret. The gate must accept it.
    pub fn deliver(&self, delivery: &Value) {
        let answer = self.try_deliver(delivery);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{answer:?}");
    }

    /// Posts a delivery, signed with the app's secret.
    pub fn try_deliver(&self, delivery: &Value) -> Answer {
        let body = delivery.to_string();
        self.post(body.as_bytes(), Some(&sign(APP_SECRET, body.as_bytes())))
    }

    /// A text of this customer.
    pub fn text(&self, customer: Customer<'_>, wamid: &str, text: &str) {
        self.deliver(&meta::delivery("messages", meta::text(customer, wamid, text)));
    }

    /// This customer asks something; the message's id.
    pub fn asks(&self, customer: Customer<'_>) -> String {
        let id = wamid();
        self.text(customer, &id, "is anybody there?");
        id
    }

    /// A person of the shop writes to this customer from the phone, each time in other words: the same to many would
    /// be a broadcast.
    pub fn echo(&self, customer: Customer<'_>) -> String {
        self.says(customer, &format!("I am looking into it, number {}", next_number()))
    }

    /// A person of the shop writes these words to this customer from the phone; the echo's id.
    pub fn says(&self, customer: Customer<'_>, words: &str) -> String {
        let id = wamid();
        self.deliver(&meta::delivery("smb_message_echoes", meta::echo(customer, &id, words)));
        id
    }

    /// A request without a body.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(agent().run(request.body(()).unwrap()).expect("the gate answers"))
    }

    /// A request with a body of text, where there is one.
    pub fn request_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        if body.is_empty() || method == "GET" {
            return self.request(method, path, headers);
        }
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(agent().run(request.body(body).unwrap()).expect("the gate answers"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    /// What the operator is shown of a conversation; `None` where nothing ever happened.
    pub fn shown_at(&self, line: &str, customer: &str) -> Option<Shown> {
        let path = format!("/api/v1/conversations/{line}/{customer}");
        let answer = self.request("GET", &path, &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))]);
        match answer.status {
            200 => Some(serde_json::from_str(&answer.body).unwrap()),
            404 => None,
            _ => panic!("{answer:?}"),
        }
    }

    pub fn shown(&self, customer: &str) -> Shown {
        self.shown_at(meta::LINE, customer).unwrap_or_else(|| panic!("nothing is known of {customer}"))
    }

    /// What became of an event.
    pub fn event(&self, customer: &str, wamid: &str) -> ShownEvent {
        let shown = self.shown(customer);
        let found = shown.events.iter().find(|event| event.id.as_str() == wamid);
        found.unwrap_or_else(|| panic!("{wamid} is unknown to {shown:#?}")).clone()
    }

    /// State and reason of an event.
    pub fn fate(&self, customer: &str, wamid: &str) -> (String, Option<String>) {
        let event = self.event(customer, wamid);
        (event.state, event.reason)
    }

    /// Waits until an event is in this state.
    pub fn wait_for_state(&self, customer: &str, wamid: &str, state: &str, limit: Duration) -> ShownEvent {
        eventually(limit, &format!("{wamid} is {state}"), || {
            Some(self.event(customer, wamid)).filter(|event| event.state == state)
        })
    }

    /// Waits until this side holds the baton.
    pub fn wait_for_holder(&self, customer: &str, holder: HolderName, limit: Duration) -> Shown {
        eventually(limit, &format!("{holder:?} holds"), || {
            Some(self.shown(customer)).filter(|shown| shown.holder == holder)
        })
    }

    /// The operator sends a customer's dead letters on their way again.
    pub fn replay(&self, customer: &str) -> Answer {
        let path = format!("/api/v1/conversations/{}/{customer}/replay", meta::LINE);
        self.request("POST", &path, &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))])
    }

    /// How many lines of the log tell this about this conversation.
    pub fn told(&self, event: &str, conversation: &str) -> usize {
        let event = format!("\"event\":\"{event}\"");
        self.runtime_log().lines().filter(|line| line.contains(&event) && line.contains(conversation)).count()
    }

    /// A request of the bot's for the Graph API, with the bot's token and these headers more.
    pub fn call(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        planted::plant_all(body);
        planted::plant(BOT_TOKEN);
        let authorization = format!("Bearer {BOT_TOKEN}");
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend_from_slice(headers);
        wire::ask(&self.url, method, target, &all, body).expect("the gate answers")
    }

    /// The bot sends a message.
    pub fn send(&self, message: &Value) -> Answer {
        self.send_with(message, &[])
    }

    /// The bot sends a message with these headers.
    pub fn send_with(&self, message: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.call("POST", &format!("/v23.0/{}/messages", meta::LINE), &all, message.to_string().as_bytes())
    }

    /// Sends bytes as they are and reads whatever comes back. A gate may refuse a request before it has taken all of
    /// it, so an error while writing is none.
    pub fn raw(&self, parts: &[&[u8]]) -> Answer {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        let mut reader = stream.try_clone().unwrap();
        // Read meanwhile: an answer that waits in a connection that is then reset would be lost.
        let answer = thread::spawn(move || read_raw(&mut reader));
        for part in parts {
            if stream.write_all(part).is_err() {
                break;
            }
        }
        let text = answer.join().unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer, but {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Answer { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
    }
}

/// A request to whatever has this address; `None` where nothing answers, or no whole answer, as while a gate starts again.
pub fn try_request(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let mut request = Request::builder().method(method).uri(format!("{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer =
        if body.is_empty() { agent().run(request.body(()).unwrap()) } else { agent().run(request.body(body).unwrap()) };
    answer.ok().and_then(try_read)
}

/// Posts a signed delivery to whatever has this address. Whether it was acknowledged: a gate that dies meanwhile gives
/// no answer, which is no surprise here.
pub fn is_acknowledged(address: &str, delivery: &Value) -> bool {
    let body = delivery.to_string();
    let request = Request::builder()
        .method("POST")
        .uri(format!("{address}/webhook"))
        .header("x-hub-signature-256", sign(APP_SECRET, body.as_bytes()))
        .body(body)
        .unwrap();
    agent().run(request).is_ok_and(|answer| answer.status() == 200)
}

/// Reads an answer whose end is the end of the connection, or the length that it announces.
fn read_raw(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut block = [0; 16 * 1_024];
    while let Ok(count @ 1..) = stream.read(&mut block) {
        bytes.extend_from_slice(&block[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if length.is_some_and(|length| body.len() >= length) {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Posts a body to any address.
pub fn post_to(url: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method("POST").uri(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(agent().run(request.body(body).unwrap()).expect("somebody answers"))
}

/// A connection for each request: one that was kept could belong to a gate that was killed meanwhile.
fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(LIMIT))
        .max_idle_connections(0)
        .max_redirects(0)
        .allow_non_standard_methods(true);
    config.build().into()
}

fn read(answer: ureq::http::Response<ureq::Body>) -> Answer {
    try_read(answer).expect("a whole answer")
}

/// `None` where the answer breaks off.
fn try_read(mut answer: ureq::http::Response<ureq::Body>) -> Option<Answer> {
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = answer.body_mut().read_to_string().ok()?;
    Some(Answer { status: answer.status().as_u16(), headers, body })
}
