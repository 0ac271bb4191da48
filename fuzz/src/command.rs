//! What Worker and objects say to each other: any bytes as a command, a reply and an answer to a link.
//!
//! Invariant: what is understood is written in a form that is understood as the same; and whatever it says, a
//! conversation takes it without a panic, because during a deployment the other side may be another version.

use std::collections::BTreeMap;

use baton::command::{CarriedEvent, Command, LinkReply, Reply};
use baton::conversation::collisions::Conflict;
use baton::conversation::fence::{Asked, Refusal, SendEnd, Verdict};
use baton::conversation::identity::Asker;
use baton::conversation::{Arrival, Context, Conversation, Incoming, Input};
use baton::graph::send::Sending;
use baton::ids::{Customer, EventId, FencingToken, LineId, ObjectName, Phone};
use baton::policy::Policy;
use baton::time::UnixMillis;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{Seed, Target, as_text, seeds};

const NOW: UnixMillis = UnixMillis::from_seconds(1_793_700_100);

/// This target.
pub const TARGET: Target = Target { name: "command", run, seeds, words, describe: as_text };

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Some(command) = round_trip::<Command>(text) {
        obeyed(command);
    }
    round_trip::<Reply>(text);
    if let Some(reply) = round_trip::<LinkReply>(text) {
        linked(reply);
    }
}

/// Reads, writes and reads again.
fn round_trip<T: DeserializeOwned + Serialize>(text: &str) -> Option<T> {
    let read: T = baton::json::read(text).ok()?;
    let written = written(&read);
    let again: T = baton::json::read(&written).expect("what was written can be read");
    assert_eq!(self::written(&again), written);
    Some(read)
}

fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what was read can be written")
}

fn obeyed(command: Command) {
    let policy = Policy::default();
    let context = Context { now: NOW, policy: &policy, draw: 0 };
    let here = here();
    let mut conversation = Conversation::default();
    match command {
        Command::Accept { events, aliases, customer } => {
            let events: Vec<Incoming> = events.iter().map(CarriedEvent::incoming).collect();
            let known = BTreeMap::new();
            let arrival = Arrival {
                events: &events,
                known: &known,
                here: &here,
                aliases: &aliases,
                customer: customer.as_ref(),
                line: None,
                last_said: None,
            };
            conversation.apply(&Input::Accept(arrival), context);
            conversation.apply(&Input::Wake { oldest: Some(NOW) }, context);
        }
        Command::Broadcast { echo } => {
            conversation.apply(&Input::Broadcast { echo: &echo }, context);
        }
        Command::Finish { id, number, outcome } => {
            conversation.apply(&Input::Finish { id: &id, number, outcome }, context);
        }
        Command::Link { by } => {
            conversation.asked_to_link(&by, &policy);
        }
        Command::Send { sending, via } => {
            let asked = Asked { sending: &sending, answered: None, last_said: None, here: &here, via: via.as_ref() };
            conversation.apply(&Input::Send(asked), context);
            conversation.apply(&Input::Wake { oldest: None }, context);
        }
        Command::Sent { message, sent_at_ms } => {
            conversation.apply(&Input::Sent { id: &message, sent_at: sent_at_ms, is_known: false }, context);
        }
        Command::Settle { digest, begun_at_ms, end } => {
            conversation.apply(&Input::Settle { begun_at: begun_at_ms, digest: &digest, end: &end }, context);
        }
        Command::Operate(act) => {
            conversation.apply(&Input::Operator(act), context);
            conversation.apply(&Input::Wake { oldest: None }, context);
        }
        Command::Wake => {
            conversation.apply(&Input::Wake { oldest: None }, context);
        }
        Command::Count { .. }
        | Command::Erase(_)
        | Command::EraseName(_)
        | Command::Explain(_)
        | Command::ExplainHere(_)
        | Command::Read { .. }
        | Command::Replay { .. }
        | Command::Rows
        | Command::Show => {}
    }
}

/// What another object hands over is opened, packed again, and taken over.
fn linked(reply: LinkReply) {
    let (answer, bodies) = reply.open();
    let packed = LinkReply::new(answer, bodies);
    let text = written(&packed);
    let (answer, bodies) = packed.open();
    assert_eq!(written(&LinkReply::new(answer.clone(), bodies)), text);

    let policy = Policy::default();
    let context = Context { now: NOW, policy: &policy, draw: u32::MAX };
    let mut conversation = Conversation::default();
    conversation.linked(&here(), &answer, &BTreeMap::new(), context);
    conversation.apply(&Input::Wake { oldest: None }, context);
}

fn here() -> ObjectName {
    ObjectName::from_runtime("customer/300000000000001/15550109999".to_owned())
}

fn seeds() -> Vec<Seed> {
    let accept = |Seed { name, bytes }: Seed| {
        let read = baton::webhook::read(&bytes).ok()?;
        let customer = read.iter().find_map(|event| event.scope.customer().cloned());
        let aliases = read.iter().flat_map(baton::webhook::event::Event::aliases).collect();
        let events = read.iter().map(|event| CarriedEvent {
            id: event.id.clone(),
            class: event.class,
            sent_at_ms: event.sent_at,
            body: event.class.keeps_body().then(|| RawValue::from_string(event.body()).expect("a body is JSON")),
            tried: None,
            facts: event.facts.clone(),
        });
        let events = events.collect();
        Some(Seed { name, bytes: written(&Command::Accept { events, aliases, customer }).into_bytes() })
    };
    let mut seeds: Vec<Seed> = seeds::samples().into_iter().filter_map(accept).collect();
    let id = || EventId::named("wamid.1");
    let others = [
        ("broadcast", written(&Command::Broadcast { echo: id() })),
        ("count", written(&Command::Count { conversation: here(), echo: id(), content: "c".to_owned() })),
        (
            "finish",
            r#"{"finish":{"id":"wamid.1","number":1,"outcome":{"throttled":{"status":429,"retry_after":7000}}}}"#
                .to_owned(),
        ),
        ("finish_unknown", r#"{"finish":{"id":"wamid.1","number":1,"outcome":{"unknown":"timeout"}}}"#.to_owned()),
        ("link", written(&Command::Link { by: Conversation::default().asker(&here()) })),
        ("replay", written(&Command::Replay { only: Some(vec![id()]) })),
        ("show", written(&Command::Show)),
        ("read", written(&Command::Read { message: id() })),
        ("send", written(&Command::Send { sending: sending(), via: Some(here()) })),
        ("sent", written(&Command::Sent { message: id(), sent_at_ms: Some(NOW) })),
        ("settle_accepted", settled(SendEnd::Accepted { id: id(), answer: Some("{}".to_owned()) })),
        ("settle_not_sent", settled(SendEnd::NotSent)),
        ("settle_unknown", settled(SendEnd::Unknown)),
        ("reply_send_go", written(&Reply::Send(Verdict::Go(NOW)))),
        ("reply_send_again", written(&Reply::Send(Verdict::Again("{}".to_owned())))),
        ("reply_send_refuse", refused()),
        ("reply_read", written(&Reply::Read { stays: true })),
        ("mine", written(&LinkReply::Mine)),
        ("yours", written(&LinkReply::Yours)),
        ("merge", handed_over()),
    ];
    seeds.extend(others.map(|(name, text)| Seed { name: name.to_owned(), bytes: text.into_bytes() }));
    seeds
}

fn sending() -> Box<Sending> {
    Box::new(Sending {
        digest: "d".to_owned(),
        kind: "template".to_owned(),
        answers: Some(EventId::named("wamid.1")),
        token: Some(FencingToken::new(2)),
        template: Some("code_1".to_owned()),
        category: Some("UTILITY".to_owned()),
        callback_data: Some("order:17".to_owned()),
        asked_at_ms: None,
    })
}

fn settled(end: SendEnd) -> String {
    written(&Command::Settle { digest: "d".to_owned(), begun_at_ms: NOW, end })
}

fn refused() -> String {
    let refusal = Refusal { conflict: Conflict::HeldByHuman, details: "a person holds".to_owned() };
    written(&Reply::Send(Verdict::Refuse(refusal)))
}

/// The answer of an object with a hold, an echo, and entries that are open and withheld.
fn handed_over() -> String {
    let policy = Policy::default();
    let (line, phone) = (LineId::parse("300000000000001"), Phone::parse("15550109999"));
    let customer = phone.map(Customer::Phone);
    let here = here();
    let mut conversation = Conversation::default();
    let known = BTreeMap::new();
    for sample in ["messages_text_reply_context", "smb_message_echoes_text_bsuid", "messages_image", "statuses_read"] {
        let Some(seed) = seeds::samples().into_iter().find(|seed| seed.name == sample) else { continue };
        let Ok(read) = baton::webhook::read(&seed.bytes) else { continue };
        let incoming = |event: &baton::webhook::event::Event<'_>| Incoming {
            id: event.id.clone(),
            class: event.class,
            sent_at: Some(NOW),
            tried: None,
            facts: event.facts.clone(),
        };
        let events: Vec<Incoming> = read.iter().map(incoming).collect();
        let arrival = Arrival {
            events: &events,
            known: &known,
            here: &here,
            aliases: &[],
            customer: customer.as_ref(),
            line: line.as_ref(),
            last_said: Some(NOW),
        };
        conversation.apply(&Input::Accept(arrival), Context { now: NOW, policy: &policy, draw: 0 });
    }
    let by = ObjectName::from_runtime("customer/300000000000001/US.1".to_owned());
    let (answer, _) = conversation.asked_to_link(&Asker { name: by, has_history: true, linked: Vec::new() }, &policy);
    let body = RawValue::from_string("{}".to_owned()).expect("an object is JSON");
    written(&LinkReply::new(answer, vec![Some(body)]))
}

fn words() -> Vec<String> {
    seeds::words(&seeds())
}
