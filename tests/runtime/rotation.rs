//! Every secret is changed while everybody goes on: Meta delivers and asks for the handshake, a bot verifies what it gets,
//! the operator looks, a bot sends through the gate. Nothing is lost, nobody is refused, and the gate says which of the
//! two secrets is in use.
//!
//! A secret changes locally by a start of the gate with other settings. What is sent meanwhile is sent again, as Meta
//! does; what is refused once is a failure of the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::bot::next_port;
use crate::client::{Answer, Person, eventually, try_request, wamid};
use crate::common::meta::{self, LINE, delivery};
use crate::delivery::sign;
use crate::gate::{Gate, Options};
use crate::graph::{Graph, fenced};
use crate::wire;

const LIMIT: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(60);
const NAMES: [&str; 5] = ["META_APP_SECRET", "META_VERIFY_TOKEN", "BOT_SECRET", "GRAPH_KEY", "ADMIN_TOKEN"];

/// A secret of this name, before or after the change.
fn secret(name: &str, age: &str) -> String {
    format!("{}-{age}-of-the-rotation", name.to_lowercase())
}

/// What everybody but the gate knows and does.
struct World {
    address: String,
    /// The secret of each name that its other side uses.
    known: Mutex<BTreeMap<&'static str, String>>,
    ended: AtomicBool,
    /// What was acknowledged: ids of messages and of receipts.
    acknowledged: Mutex<Vec<String>>,
    /// What the bot took.
    taken: Mutex<BTreeSet<String>>,
    /// What was wrong.
    refused: Mutex<Vec<String>>,
    /// Requests that the bot did not believe, each of which was made good by the next.
    not_believed: AtomicUsize,
    /// How often each kind of traffic was answered.
    answered: Mutex<BTreeMap<&'static str, usize>>,
}

impl World {
    fn knows(&self, name: &str) -> String {
        self.known.lock().unwrap()[name].clone()
    }

    fn learns(&self, name: &'static str, secret: String) {
        self.known.lock().unwrap().insert(name, secret);
    }

    /// Takes in an answer, or that there was none. Whether it was 200.
    fn counts(&self, what: &'static str, answer: Option<&Answer>) -> bool {
        let Some(answer) = answer else { return false };
        match answer.status {
            200 => *self.answered.lock().unwrap().entry(what).or_default() += 1,
            // A gate that is just starting is no gate that refuses.
            500.. => return false,
            _ => self.refused.lock().unwrap().push(format!("{what}: {answer:?}")),
        }
        answer.status == 200
    }

    fn so_far(&self, what: &str) -> usize {
        self.answered.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    /// Does something again and again until the end.
    fn repeat(&self, mut work: impl FnMut()) {
        while !self.ended.load(Ordering::SeqCst) {
            work();
            thread::sleep(PAUSE);
        }
    }

    /// Meta delivers messages and receipts, each until it is acknowledged.
    fn meta_delivers(&self) {
        let people: Vec<Person> = (0..4).map(|_| Person::new()).collect();
        let mut number = 0;
        self.repeat(|| {
            let person = &people[number % people.len()];
            number += 1;
            let id = wamid();
            let message = delivery("messages", meta::text(person.both(), &id, "is anybody there?"));
            let receipt = delivery("messages", meta::status(person.both(), &id, "read"));
            for (what, body, id) in [("message", message, id.clone()), ("receipt", receipt, format!("{id}#read"))] {
                let body = body.to_string();
                let post = || {
                    let signature = sign(&self.knows("META_APP_SECRET"), body.as_bytes());
                    let headers = [("x-hub-signature-256", signature.as_str())];
                    self.counts(what, try_request(&self.address, "POST", "/webhook", &headers, &body).as_ref())
                };
                while !post() {
                    thread::sleep(PAUSE);
                }
                self.acknowledged.lock().unwrap().push(id);
            }
        });
    }

    fn meta_asks(&self) {
        self.repeat(|| {
            let token = self.knows("META_VERIFY_TOKEN");
            let path = format!("/webhook?hub.mode=subscribe&hub.challenge=7&hub.verify_token={token}");
            self.counts("handshake", try_request(&self.address, "GET", &path, &[], "").as_ref());
        });
    }

    fn operator_looks(&self) {
        self.repeat(|| {
            self.counts("operator", self.operator("GET", "/api/v1/lines", "").as_ref());
        });
    }

    fn operator(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        let bearer = format!("Bearer {}", self.knows("ADMIN_TOKEN"));
        try_request(&self.address, method, path, &[("authorization", &bearer)], body)
    }

    /// A page that stays signed in, and signs in again only where it is told to.
    fn page_looks(&self) {
        let (mut session, mut cookie) = (String::new(), None);
        self.repeat(|| {
            let wanted = self.knows("SESSION");
            if session != wanted {
                let body = json!({ "token": self.knows("ADMIN_TOKEN") }).to_string();
                let headers = [("content-type", "application/json")];
                let Some(answer) = try_request(&self.address, "POST", "/api/v1/session", &headers, &body) else {
                    return;
                };
                if self.counts("signing in", Some(&answer)) {
                    cookie = answer.header("set-cookie").map(|set| set.split(';').next().unwrap().to_owned());
                    session = wanted;
                }
            }
            let Some(cookie) = &cookie else { return };
            let headers = [("cookie", cookie.as_str())];
            self.counts("page", try_request(&self.address, "GET", "/api/v1/session", &headers, "").as_ref());
        });
    }

    fn bot_sends(&self) {
        self.repeat(|| {
            let path = format!("/graph/{}/v23.0/{LINE}", self.knows("GRAPH_KEY"));
            let headers = [("authorization", "Bearer EAAGtokenOfTheBot")];
            self.counts("sends", try_request(&self.address, "GET", &path, &headers, "").as_ref());
        });
    }

    /// The bot: what was not signed with its secret is 401.
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        wire::prepare(&stream)?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(head) = wire::read_head(&mut reader)? {
            let body = wire::read_body(&mut reader, &head, false).kept;
            let secret = self.knows("BOT_SECRET");
            let standard = standard(&secret, &head, &body);
            if !head.find("webhook-signature").unwrap_or_default().split(' ').any(|one| one == standard) {
                self.refused
                    .lock()
                    .unwrap()
                    .push("a delivery without a Standard Webhooks signature of the bot's".to_owned());
            }
            let status = if head.find("x-hub-signature-256") == Some(&sign(&secret, &body)) {
                let value: Value = serde_json::from_slice(&body).unwrap();
                let value = &value["entry"][0]["changes"][0]["value"];
                let id = |item: &Value| item["id"].as_str().unwrap_or_default().to_owned();
                let mut taken = self.taken.lock().unwrap();
                match value["statuses"].get(0) {
                    Some(receipt) => taken.insert(format!("{}#read", id(receipt))),
                    None => taken.insert(id(&value["messages"][0])),
                };
                200
            } else {
                self.not_believed.fetch_add(1, Ordering::SeqCst);
                401
            };
            writer.write_all(format!("HTTP/1.1 {status} As Told\r\ncontent-length: 0\r\n\r\n").as_bytes())?;
        }
        Ok(())
    }

    /// What the gate says of a secret.
    fn told(&self, name: &str) -> Option<Value> {
        let answer = self.operator("GET", "/api/v1/diagnosis", "").filter(|answer| answer.status == 200)?;
        let shown: Value = serde_json::from_str(&answer.body).unwrap();
        for age in ["before", "after"] {
            assert!(!answer.body.contains(&secret(name, age)), "a secret is shown: {}", answer.body);
        }
        shown["secrets"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned()
    }

    fn wait_until_told(&self, name: &str, in_use: &str, previous_set: bool) -> Value {
        eventually(LIMIT, &format!("{name} is told as {in_use}"), || {
            self.told(name).filter(|told| told["in_use"] == in_use && told["previous_set"] == previous_set)
        })
    }
}

fn standard(secret: &str, head: &wire::Head, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    for part in ["webhook-id", "webhook-timestamp"] {
        mac.update(head.find(part).unwrap_or_default().as_bytes());
        mac.update(b".");
    }
    mac.update(body);
    format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
}

/// Ends the traffic also where the test fails.
struct Ends<'w>(&'w World);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

#[test]
fn every_secret_is_changed_under_traffic_and_nothing_is_lost_or_refused() {
    let (port, graph, listener) = (next_port(), Graph::start(), TcpListener::bind("127.0.0.1:0").unwrap());
    let bot_url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let world = Arc::new(World {
        address: format!("http://127.0.0.1:{port}"),
        known: Mutex::new(NAMES.map(|name| (name, secret(name, "before"))).into()),
        ended: AtomicBool::new(false),
        acknowledged: Mutex::default(),
        taken: Mutex::default(),
        refused: Mutex::default(),
        not_believed: AtomicUsize::new(0),
        answered: Mutex::default(),
    });
    world.learns("SESSION", "first".to_owned());
    let bot = Arc::clone(&world);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let bot = Arc::clone(&bot);
            thread::spawn(move || bot.serve(stream));
        }
    });
    let options = |current: &str, previous: Option<&str>| {
        let mut options = Options { port: Some(port), ..fenced(&graph.url, json!({})) };
        for name in NAMES {
            options = options.var(name, secret(name, current));
            let before: &'static str = Box::leak(format!("{name}_PREVIOUS").into_boxed_str());
            options = options.var(before, previous.map(|age| secret(name, age)).unwrap_or_default());
        }
        options
    };
    let mut gate = Gate::start_for(&bot_url, options("before", None));
    thread::scope(|scope| {
        let _ends = Ends(&world);
        scope.spawn(|| world.meta_delivers());
        scope.spawn(|| world.meta_asks());
        scope.spawn(|| world.operator_looks());
        scope.spawn(|| world.page_looks());
        scope.spawn(|| world.bot_sends());
        for name in NAMES {
            world.wait_until_told(name, "current", false);
        }
        // First the gate learns the new secrets; everybody else still has the old ones.
        gate.restart_with(options("after", Some("before")));
        let before: Vec<Value> = NAMES.iter().map(|name| world.wait_until_told(name, "previous", true)).collect();
        // Then everybody else, one after the other; what is not changed yet is told as it was.
        let mut since = BTreeMap::new();
        for (at, name) in NAMES.into_iter().enumerate() {
            world.learns(name, secret(name, "after"));
            let told = world.wait_until_told(name, "current", true);
            let ms = |told: &Value, key: &str| told[key].as_u64().unwrap_or_else(|| panic!("no {key}: {told}"));
            assert!(ms(&told, "since_ms") > ms(&before[at], "since_ms"), "{told} {}", before[at]);
            assert!(ms(&told, "previous_last_used_ms") <= ms(&told, "since_ms"), "{told}");
            since.insert(name, ms(&told, "since_ms"));
            for later in &NAMES[at + 1..] {
                assert_eq!(world.told(later).unwrap()["in_use"], "previous", "{later} after {name}");
            }
        }
        assert!(world.not_believed.load(Ordering::SeqCst) > 0, "the bot has verified nothing");
        // The page has outlived the change of the token by the session that it had; now it signs in again.
        let pages = world.so_far("page");
        eventually(LIMIT, "the page goes on", || (world.so_far("page") > pages + 3).then_some(()));
        world.learns("SESSION", "second".to_owned());
        eventually(LIMIT, "the page has signed in again", || (world.so_far("signing in") == 2).then_some(()));
        // At last the gate forgets the old ones.
        gate.restart_with(options("after", None));
        for name in NAMES {
            let told = world.wait_until_told(name, "current", false);
            assert_eq!(told["since_ms"].as_u64(), Some(since[name]), "since then it is in use, whoever restarts");
        }
        let kinds = ["message", "receipt", "handshake", "operator", "page", "sends"];
        let so_far = kinds.map(|kind| world.so_far(kind));
        eventually(LIMIT, "all traffic goes on", || {
            kinds.iter().zip(so_far).all(|(kind, before)| world.so_far(kind) > before + 5).then_some(())
        });
    });
    let acknowledged = world.acknowledged.lock().unwrap().clone();
    eventually(LIMIT, "the bot has everything that was acknowledged", || {
        let taken = world.taken.lock().unwrap();
        acknowledged.iter().all(|id| taken.contains(id)).then_some(())
    });
    let refused = world.refused.lock().unwrap();
    assert!(refused.is_empty(), "{} were refused, the first: {}", refused.len(), refused[0]);
    let mut measured = String::new();
    for (what, count) in world.answered.lock().unwrap().iter() {
        let _ = write!(measured, "{what} {count}, ");
    }
    println!("{measured}not believed and sent again {}", world.not_believed.load(Ordering::SeqCst));
}
