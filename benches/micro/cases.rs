//! What the micro-benchmarks measure: the parts of the core that every webhook passes, each with what Meta sends.
//!
//! Invariant: the same code is measured natively, as Wasm, and run once by `tests/native/micro.rs`; what a case brings
//! about is counted, and `expected` says how much that is, so that nobody measures something that has failed.
//!
//! Not here: the clock (`main.rs`), and what crosses the border to the runtime, which is where most of the time of a
//! webhook goes (`benches/gate`).

use std::collections::BTreeMap;

use baton::conversation::{Arrival, Context, Conversation, Incoming, Input};
use baton::ids::{EventId, ObjectName};
use baton::outbox::outcome::Outcome;
use baton::policy::Policy;
use baton::policy::when::Subject;
use baton::secret::{Rotating, Secret};
use baton::time::UnixMillis;
use baton::webhook::event::Event;
use baton::webhook::signature::{Signature, sign};
use baton::webhook::{self};
use serde_json::Value;

const TEXT: &str = include_str!("../../tests/payloads/messages_text_phone_and_bsuid.json");
const ECHO: &str = include_str!("../../tests/payloads/smb_message_echoes_text_bsuid.json");
/// Messages in a batch, and in the largest delivery: as many as Meta puts into one ("Webhooks", 2026-05-21).
const BATCH: usize = 100;
const MOST: usize = 1_000;
/// The largest delivery (same page).
const LARGEST_BYTES: usize = 3_000_000;
/// Shortly after the messages were sent.
const NOW: UnixMillis = UnixMillis::from_seconds(1_793_700_030);

/// A policy with a rule of each kind, of which the last one matches the message.
const POLICY: &str = r##"{
    "opening_hours": { "time_zone": "Europe/Madrid", "every_day": ["09:30-14:00", "17:00-20:30"], "sunday": [] },
    "take_phrases": ["asesor", "hablar con una persona"],
    "rules": [
        { "name": "spam", "when": { "text": [{ "contains": "crypto" }, { "regex": "https?://bit\\.ly/" }] }, "then": "ignore" },
        { "name": "orders", "when": { "kind": "order" }, "then": "human" },
        { "name": "regulars", "when": { "contact": "#vip" }, "then": "human_first", "human_first_seconds": 120 },
        { "name": "photos by day", "when": { "kind": ["image", "video", "audio"], "opening_hours": "inside" }, "then": "human" },
        { "name": "testers", "when": { "customer": ["+34600000001", "+34600000002"] }, "then": "bot" },
        { "name": "invoices", "when": { "text": [{ "phrase": "mi factura" }, { "prefix": "factura" }] }, "then": "human" },
        { "name": "advertisements", "when": { "referral": true }, "then": "bot" },
        { "name": "abroad", "when": { "country": ["1", "44"] }, "then": "bot" }
    ]
}"##;

/// One thing that is measured.
pub struct Case {
    pub name: String,
    /// The bytes that it goes through; 0 where they are not what it takes time for.
    pub bytes: usize,
    /// What each run counts.
    pub expected: usize,
    run: Box<dyn FnMut() -> usize>,
}

impl Case {
    fn new(name: impl Into<String>, bytes: usize, expected: usize, run: impl FnMut() -> usize + 'static) -> Self {
        Self { name: name.into(), bytes, expected, run: Box::new(run) }
    }

    pub fn run(&mut self) -> usize {
        (self.run)()
    }
}

/// All cases.
pub fn all() -> Vec<Case> {
    let deliveries = [("a message", text(), 1), ("a batch of 100", batch(BATCH, ""), BATCH), ("3 MB", largest(), MOST)];
    let mut cases = Vec::new();
    for (name, body, _) in &deliveries {
        cases.push(verification(format!("verify {name}"), body.clone()));
    }
    for (name, body, events) in deliveries {
        cases.push(rebuilding(format!("split and rebuild {name}"), body, events));
    }
    cases.extend([decision(), delivery(), takeover(), withholding()]);
    cases
}

/// The check of a signature over a body.
fn verification(name: String, body: Vec<u8>) -> Case {
    let secrets = Rotating::from(Secret::new("the app secret of a measurement").unwrap());
    let signature = Signature::parse(Some(&sign(&secrets.current, &body))).unwrap();
    Case::new(name, body.len(), 1, move || usize::from(signature.verify(&body, &secrets).is_ok()))
}

/// The same over so many bytes, whatever they are.
pub fn verification_of(bytes: usize) -> Case {
    verification(format!("verify {bytes} bytes"), vec![b'a'; bytes])
}

/// A delivery is split into its events, and each gets an envelope of its own.
fn rebuilding(name: String, body: Vec<u8>, events: usize) -> Case {
    Case::new(name, body.len(), events, move || {
        let events = webhook::read(&body).unwrap();
        events.iter().filter(|event| !event.body().is_empty()).count()
    })
}

/// The rules decide whose a message is.
fn decision() -> Case {
    let policy = policy();
    Case::new("match 8 rules", 0, 1, move || {
        let subject = Subject {
            bsuid: Some("US.10000000000000000001"),
            kind: "text",
            line: Some("300000000000001"),
            phone: Some("15550109999"),
            text: Some("¿Lo tienen en otro color? ñ 😀"),
            ..Subject::default()
        };
        usize::from(policy.decide(&subject, NOW).rule.is_some_and(|rule| rule.as_str() == "abroad"))
    })
}

/// A message arrives, an attempt starts, and the bot takes it.
fn delivery() -> Case {
    let (policy, came) = (policy(), Came::of(TEXT));
    let mut conversation = Conversation::default();
    Case::new("turn: a message, and the bot takes it", 0, 1, move || {
        let context = Context { now: NOW, policy: &policy, draw: 0 };
        let output = conversation.apply(&came.input(), context);
        let [attempt] = output.attempts.as_slice() else { return 0 };
        let (id, number) = (&attempt.id, attempt.number);
        conversation.apply(&Input::Finish { id, number, outcome: Outcome::Accepted }, context);
        usize::from(conversation.outbox.is_empty())
    })
}

/// A person writes from the phone, and has the baton.
fn takeover() -> Case {
    let (policy, came) = (policy(), Came::of(ECHO));
    Case::new("turn: a person takes over", 0, 1, move || {
        let mut conversation = Conversation::default();
        conversation.apply(&came.input(), Context { now: NOW, policy: &policy, draw: 0 });
        usize::from(conversation.turn.hold().is_some())
    })
}

/// A message comes while a person holds.
fn withholding() -> Case {
    let (policy, echo, came) = (policy(), Came::of(ECHO), Came::of(TEXT));
    let mut held = Conversation::default();
    held.apply(&echo.input(), Context { now: NOW, policy: &policy, draw: 0 });
    Case::new("turn: a message is withheld", 0, 1, move || {
        // A conversation is loaded anew for every input, which costs more than this copy.
        let mut conversation = held.clone();
        conversation.apply(&came.input(), Context { now: NOW, policy: &policy, draw: 0 });
        conversation.held.len()
    })
}

fn policy() -> Policy {
    Policy::parse(POLICY, &[]).unwrap()
}

/// The one event of a delivery, as it comes to its conversation.
struct Came {
    events: Vec<Incoming>,
    known: BTreeMap<EventId, baton::outbox::Entry>,
    here: ObjectName,
    scope: webhook::event::Scope,
}

impl Came {
    fn of(sample: &str) -> Self {
        let body = plain(sample);
        let events = webhook::read(&body).unwrap();
        let [event] = events.as_slice() else { panic!("a sample with one event") };
        Self {
            events: vec![incoming(event)],
            known: BTreeMap::new(),
            here: event.scope.object_name(),
            scope: event.scope.clone(),
        }
    }

    fn input(&self) -> Input<'_> {
        Input::Accept(Arrival {
            events: &self.events,
            known: &self.known,
            here: &self.here,
            aliases: &[],
            customer: self.scope.customer(),
            line: self.scope.line(),
            last_said: None,
        })
    }
}

fn incoming(event: &Event<'_>) -> Incoming {
    let (id, facts) = (event.id.clone(), event.facts.clone());
    Incoming { id, class: event.class, sent_at: event.sent_at, tried: None, facts }
}

/// A sample as Meta sends it: without blanks.
fn plain(sample: &str) -> Vec<u8> {
    serde_json::from_str::<Value>(sample).unwrap().to_string().into_bytes()
}

/// One message.
fn text() -> Vec<u8> {
    plain(TEXT)
}

/// So many messages, of a customer each, with more text than the sample has.
fn batch(messages: usize, more: &str) -> Vec<u8> {
    let mut delivery: Value = serde_json::from_str(TEXT).unwrap();
    let changes = delivery["entry"][0]["changes"].as_array_mut().unwrap();
    let sample = changes.pop().unwrap();
    changes.extend((0..messages).map(|at| {
        let mut change = sample.clone();
        let phone = Value::from(format!("1555{at:07}"));
        let user = Value::from(format!("US.{:020}", at + 1));
        let value = &mut change["value"];
        value["contacts"][0]["wa_id"] = phone.clone();
        value["contacts"][0]["user_id"] = user.clone();
        let message = &mut value["messages"][0];
        message["from"] = phone;
        message["from_user_id"] = user;
        message["id"] = Value::from(format!("wamid.HBgLMTU1NTAxMDk5OTkVAgASGBQz{at:016}"));
        let text = message["text"]["body"].as_str().unwrap().to_owned() + more;
        message["text"]["body"] = Value::from(text);
        change
    }));
    delivery.to_string().into_bytes()
}

/// As many messages and as many bytes as one delivery may have.
fn largest() -> Vec<u8> {
    let more = (LARGEST_BYTES - batch(MOST, "").len()) / MOST;
    batch(MOST, &"a".repeat(more))
}
