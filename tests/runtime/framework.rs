//! Promise 6: a bot that nobody here wrote needs no change. It is made with a published framework whose own check of
//! Meta's signature is on, and answers through the Graph API.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tiny_http::{Header, Response, Server};

use crate::client::{Person, eventually, wamid};
use crate::common::meta::{LINE, delivery, message, text};
use crate::gate::{APP_SECRET, Gate, Options};

const LIMIT: Duration = Duration::from_secs(15);

/// A stand-in for the Graph API that keeps what it is sent.
struct Graph {
    server: Arc<Server>,
    sent: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Graph {
    fn start() -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let sent: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let (own, kept) = (Arc::clone(&server), Arc::clone(&sent));
        thread::spawn(move || {
            for mut request in own.incoming_requests() {
                let body = serde_json::from_reader(request.as_reader()).unwrap_or_default();
                kept.lock().unwrap().push((request.url().to_owned(), body));
                let answer = json!({ "messaging_product": "whatsapp", "messages": [{ "id": wamid() }] });
                let header = Header::from_bytes("content-type", "application/json").unwrap();
                let _ = request.respond(Response::from_string(answer.to_string()).with_header(header));
            }
        });
        Self { server, sent }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.server_addr())
    }

    /// What was sent to this customer.
    fn sent_to(&self, person: &Person) -> Vec<Value> {
        let sent = self.sent.lock().unwrap();
        assert!(sent.iter().all(|(path, _)| *path == format!("/v23.0/{LINE}/messages")), "{sent:?}");
        sent.iter().filter(|(_, body)| body["to"] == person.phone.as_str()).map(|(_, body)| body.clone()).collect()
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

/// The bot's process, and a line of JSON for each delivery that it got.
struct FrameworkBot {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl FrameworkBot {
    fn start(graph: &Graph, secret: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(root.join("node_modules/.bin/node"))
            .arg(root.join("tests/bots/whatsapp-api-js.mjs"))
            .envs([("GRAPH_URL", graph.url().as_str()), ("APP_SECRET", secret)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the set-up has not been run: run `npm test` once");
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = output.next().expect("the bot starts").unwrap();
        let url = first.strip_prefix("ready ").expect("the bot is ready").to_owned();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, lines, url }
    }

    /// The statuses with which it answered so far.
    fn statuses(&self) -> Vec<u64> {
        let status = |line: &String| serde_json::from_str::<Value>(line).unwrap()["status"].as_u64().unwrap();
        self.lines.lock().unwrap().iter().map(status).collect()
    }
}

impl Drop for FrameworkBot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_bot_made_with_a_published_framework_verifies_and_answers_each_message_once() {
    let graph = Graph::start();
    let bot = FrameworkBot::start(&graph, APP_SECRET);
    let gate = Gate::start_for(&bot.url, Options::default());
    let person = Person::new();
    let image = json!({ "image": { "id": "400000000000001", "mime_type": "image/jpeg", "sha256": "q0=", "caption": "así, ¿sí?" } });
    let button = json!({ "interactive": { "type": "button_reply", "button_reply": { "id": "yes", "title": "Sí 👍🏽" } },
        "context": { "from": "15550100001", "id": "wamid.x" } });
    let (first, second, third) = (wamid(), wamid(), wamid());
    let deliveries = [
        delivery("messages", text(person.both(), &first, "¿Tenéis café? ☕ 😀 \u{7f} \u{1} \"\\/")),
        delivery("messages", message(person.both(), &second, "image", image)),
        delivery("messages", message(person.both(), &third, "interactive", button)),
    ];
    for delivery in &deliveries {
        gate.deliver(delivery);
    }
    eventually(LIMIT, "the bot has answered three messages", || (graph.sent_to(&person).len() >= 3).then_some(()));
    // Meta repeats them all, and the framework remembers nothing: the gate must.
    for delivery in &deliveries {
        gate.deliver(delivery);
    }
    for id in [&first, &second, &third] {
        gate.wait_for_state(&person.phone, id, "delivered", LIMIT);
    }
    thread::sleep(Duration::from_secs(1));
    let sent = graph.sent_to(&person);
    let told: Vec<(&str, &str)> = sent
        .iter()
        .map(|body| (body["text"]["body"].as_str().unwrap(), body["context"]["message_id"].as_str().unwrap()))
        .collect();
    let expected = [
        ("got text: ¿Tenéis café? ☕ 😀 \u{7f} \u{1} \"\\/", first.as_str()),
        ("got image: así, ¿sí?", second.as_str()),
        ("got interactive: Sí 👍🏽", third.as_str()),
    ];
    assert_eq!(told, expected);
    assert_eq!(bot.statuses(), [200, 200, 200]);
}

#[test]
fn a_published_framework_refuses_a_wrong_secret_and_answers_once_it_is_mended() {
    let graph = Graph::start();
    let bot = FrameworkBot::start(&graph, "secret of the bot");
    let policy = json!({ "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
    let options = |secret: &str| Options::with_policy(policy.clone()).var("BOT_SECRET", secret);
    let mut gate = Gate::start_for(&bot.url, options("mistyped"));
    let (person, id) = (Person::new(), wamid());
    gate.text(person.both(), &id, "¿Hola?");
    let event = eventually(LIMIT, "three attempts were refused", || {
        Some(gate.event(&person.phone, &id)).filter(|event| event.attempts.number() >= 3 && event.state == "waiting")
    });
    assert_eq!(event.reason.as_deref(), Some("status_401"));
    assert!(bot.statuses().iter().all(|status| *status == 401) && bot.statuses().len() >= 3);
    assert!(graph.sent_to(&person).is_empty(), "the framework answered what it could not verify");

    gate.restart_with(options("secret of the bot"));
    gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
    assert_eq!(graph.sent_to(&person).len(), 1);
    assert_eq!(bot.statuses().iter().filter(|status| **status == 200).count(), 1);
}
