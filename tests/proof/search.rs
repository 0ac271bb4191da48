//! The model's configurations and their runs.
//!
//! Invariant: a configuration has the number of different states that it says, at least, and reaches what it says; so
//! neither the model nor what it is about can shrink unnoticed.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use baton::conversation::Incoming;
use baton::ids::{Customer, EventId, LineId, ObjectName};
use baton::policy::{OnHandback, Policy};
use baton::time::Millis;
use baton::webhook::event::Class;
use baton::webhook::facts::{Amendment, Facts};
use stateright::{Checker, HasDiscoveries, Model};

use crate::broken::Fault;
use crate::model::{BEGINNING, Budget, Config, Operated, property_of};
use crate::people;
use crate::policies;
use crate::says::{Kind, Says};
use crate::storage::Body;
use crate::watch::Promise;
use crate::world::{Delivery, Meaning, Setting};

const NUMBER: &str = "15550109999";
const USER: &str = "US.1";

/// How the customer is named.
#[derive(Clone, Copy)]
pub enum Named {
    Both,
    Number,
    User,
}

pub fn config_policy() -> Policy {
    let seconds = Millis::from_seconds;
    Policy {
        broadcast: None,
        hand_back_after: seconds(90),
        lease: seconds(60),
        max_hold: seconds(120),
        on_handback: OnHandback::Unanswered,
        retry_schedule: vec![seconds(0), seconds(5)],
        stale_after: None,
        warn_after: seconds(30),
        ..Policy::default()
    }
}

fn event(id: &str, class: Class, kind: &str, amends: Option<Amendment>) -> Incoming {
    let text = (kind == "text").then(|| "hello".to_owned());
    let facts = Facts { amends, kind: kind.to_owned(), text, ..Facts::default() };
    Incoming { id: EventId::named(id), class, sent_at: Some(BEGINNING), tried: None, facts }
}

/// The object that is named so.
pub fn named(named: Named) -> ObjectName {
    text(named, "", 0).name.clone()
}

fn delivery(named: Named, event: Incoming, body: Option<Body>) -> Arc<Delivery> {
    let line = LineId::parse("300000000000001").unwrap();
    let (number, user) = (Customer::parse(NUMBER).unwrap(), Customer::parse(USER).unwrap());
    let customer = match named {
        Named::Both => Customer::Both(number.phone().cloned().unwrap(), user.bsuid().cloned().unwrap()),
        Named::Number => number,
        Named::User => user,
    };
    let name = ObjectName::conversation(&line, &customer);
    let mut aliases = ObjectName::all_of(&line, &customer);
    aliases.retain(|alias| *alias != name);
    let (events, bodies, meanings) = (vec![event], vec![body], vec![Meaning::Words]);
    Arc::new(Delivery { name, aliases, customer, line, events, bodies, meanings })
}

pub fn text(named: Named, id: &str, word: u32) -> Arc<Delivery> {
    delivery(named, event(id, Class::Turn, "text", None), Some(Body::Text(vec![word])))
}

pub fn echo(named: Named, id: &str) -> Arc<Delivery> {
    delivery(named, event(id, Class::Echo, "text", None), None)
}

pub fn ghost(named: Named, id: &str) -> Arc<Delivery> {
    delivery(named, event(id, Class::Ghost, "unsupported", None), Some(Body::Bare(0)))
}

/// A person withdraws what they wrote.
pub fn withdrawn_echo(named: Named, id: &str, echo: &str) -> Arc<Delivery> {
    let amends = Some(Amendment::Revoke(EventId::named(echo)));
    delivery(named, event(id, Class::EchoNote, "revoke", amends), None)
}

/// The customer edits what they wrote.
pub fn edit(named: Named, id: &str, original: &str, word: u32) -> Arc<Delivery> {
    let amends = Some(Amendment::Edit(EventId::named(original)));
    let body = Body::Edit(Box::new(Body::Text(vec![word])));
    delivery(named, event(id, Class::Turn, "edit", amends), Some(body))
}

/// One name: the whole protocol, with everything that can fail once.
pub fn talk(fault: Fault) -> Config {
    let number = Named::Number;
    Config {
        name: "talk",
        setting: Setting { policy: config_policy(), fault },
        deliveries: vec![
            text(number, "m1", 1),
            text(number, "m2", 2),
            echo(number, "e1"),
            withdrawn_echo(number, "r1", "e1"),
        ],
        acts: Vec::new(),
        posts: Vec::new(),
        interleaved: false,
        budget: Budget { crashes: 1, failures: 2, late_alarms: 1, repetitions: 1, replays: 1, losses: 0, switches: 0 },
        depth: 8,
        states_min: 216_000,
        reached: &[
            "takeover during an attempt",
            "handback of what is unanswered",
            "warning",
            "dead letter",
            "replay",
            "withdrawn takeover",
            "late outcome",
        ],
    }
}

/// Two names, met apart, turn out to be one.
pub fn names(fault: Fault) -> Config {
    Config {
        name: "names",
        setting: Setting { policy: config_policy(), fault },
        deliveries: vec![
            text(Named::Number, "m1", 1),
            echo(Named::Number, "e1"),
            text(Named::User, "m2", 2),
            text(Named::Both, "m3", 3),
        ],
        acts: Vec::new(),
        posts: Vec::new(),
        interleaved: true,
        budget: Budget { crashes: 1, ..Budget::default() },
        depth: 12,
        states_min: 193_000,
        reached: &["takeover during an attempt", "merge of two names", "handover under way"],
    }
}

/// The operator, around a person's words that are withdrawn and a bot that fails and answers.
pub fn operator(fault: Fault) -> Config {
    let number = Named::Number;
    Config {
        name: "operator",
        setting: Setting { policy: config_policy(), fault },
        deliveries: vec![
            text(number, "m1", 1),
            text(number, "m2", 2),
            echo(number, "e1"),
            withdrawn_echo(number, "r1", "e1"),
        ],
        // Longer than the longest hold, and than a customer waits.
        acts: vec![Operated::Take, Operated::Release, Operated::Pause(Millis::from_seconds(600))],
        posts: vec![Says { names: vec![named(number)], what: "a", kind: Kind::ByToken }],
        interleaved: false,
        budget: Budget { crashes: 1, failures: 1, ..Budget::default() },
        depth: 6,
        states_min: 48_400,
        reached: &[
            "takeover during an attempt",
            "handback of what is unanswered",
            "warning",
            "withdrawn takeover",
            "operator takes",
            "operator keeps",
            "operator releases",
            "operator pauses the bot",
            "operator pauses a hold",
            "pause ended",
            "send: refused",
            "send: refused, late",
        ],
    }
}

/// A policy that only observes from some moment to another, around a takeover, a handback and a bot that fails.
pub fn observe(fault: Fault) -> Config {
    let number = Named::Number;
    Config {
        name: "observe",
        setting: Setting { policy: config_policy(), fault },
        deliveries: vec![text(number, "m1", 1), text(number, "m2", 2), echo(number, "e1")],
        acts: vec![Operated::Release],
        posts: vec![Says { names: vec![named(number)], what: "a", kind: Kind::ByToken }],
        interleaved: false,
        budget: Budget { crashes: 1, failures: 1, switches: 2, ..Budget::default() },
        depth: 8,
        states_min: 170_000,
        reached: &[
            "takeover during an attempt",
            "handback of what is unanswered",
            "operator releases",
            "send: refused",
            "observe: would withhold",
            "observe: would prevent",
        ],
    }
}

/// A ghost, what it announces, and what becomes of that, around a takeover.
pub fn ghosts(fault: Fault) -> Config {
    let number = Named::Number;
    Config {
        name: "ghosts",
        setting: Setting { policy: config_policy(), fault },
        deliveries: vec![
            ghost(number, "m1"),
            text(number, "m1", 1),
            edit(number, "x1", "m1", 2),
            echo(number, "e1"),
            text(number, "m2", 3),
        ],
        acts: Vec::new(),
        posts: Vec::new(),
        interleaved: false,
        budget: Budget { crashes: 1, failures: 1, repetitions: 1, ..Budget::default() },
        depth: 8,
        states_min: 266_000,
        reached: &["takeover during an attempt", "handback of what is unanswered", "warning", "amendment applied"],
    }
}

/// The words that mean something: a customer asks for a person, a person hands back, and the app speaks by itself.
pub fn words(fault: Fault) -> Config {
    let number = Named::Number;
    let phrases = policies::document(false);
    let policy = Policy {
        automation_texts: phrases.automation_texts,
        handback_phrases: phrases.handback_phrases,
        take_phrases: phrases.take_phrases,
        ..config_policy()
    };
    Config {
        name: "words",
        setting: Setting { policy, fault },
        deliveries: vec![
            text(number, "m1", 1),
            said(&text(number, "m2", 2), people::ASKS, Meaning::AsksForPerson),
            echo(number, "e1"),
            said(&echo(number, "e2"), people::HANDS_BACK, Meaning::HandsBack),
            said(&echo(number, "e3"), people::AUTOMATIC, Meaning::Automation),
        ],
        acts: Vec::new(),
        posts: Vec::new(),
        interleaved: false,
        budget: Budget { crashes: 1, failures: 1, late_alarms: 1, ..Budget::default() },
        depth: 8,
        states_min: 271_000,
        reached: &[
            "takeover during an attempt",
            "handback of what is unanswered",
            "warning",
            "customer asked for a person",
            "handed back in words",
        ],
    }
}

/// The bot's own messages around a takeover: an answer, the same once more, a template that always passes, and one that
/// does not come by the gate.
pub fn sends(fault: Fault) -> Config {
    let number = Named::Number;
    let says = |what, kind| Says { names: vec![named(number)], what, kind };
    Config {
        name: "sends",
        setting: Setting { policy: fenced_policy(), fault },
        deliveries: vec![text(number, "m1", 1), echo(number, "e1"), withdrawn_echo(number, "r1", "e1")],
        acts: Vec::new(),
        posts: vec![
            says("a", Kind::ByToken),
            says("a", Kind::InReply),
            says("b", Kind::Template),
            says("c", Kind::Beside),
        ],
        interleaved: false,
        budget: Budget { crashes: 1, late_alarms: 1, losses: 1, ..Budget::default() },
        depth: 7,
        states_min: 155_800,
        reached: &[
            "takeover during an attempt",
            "withdrawn takeover",
            "send: let through",
            "send: let through, always",
            "send: refused",
            "send: refused, late",
            "send: repeated, answered again",
            "send: repeated, unknown",
            "send: waits for the same",
            "leak: noticed",
        ],
    }
}

/// The bot's own messages where two names turn out to be one.
pub fn sends_by_names(fault: Fault) -> Config {
    let says = |names: &[Named], what, kind| {
        let names = names.iter().map(|name| named(*name)).collect();
        Says { names, what, kind }
    };
    Config {
        name: "sends by names",
        setting: Setting { policy: fenced_policy(), fault },
        deliveries: vec![text(Named::User, "m1", 1), echo(Named::Number, "e1"), text(Named::Both, "m2", 2)],
        acts: Vec::new(),
        posts: vec![
            says(&[Named::Number], "a", Kind::ByToken),
            says(&[Named::Number, Named::User], "a", Kind::InReply),
        ],
        interleaved: true,
        budget: Budget { crashes: 1, ..Budget::default() },
        depth: 9,
        states_min: 29_800,
        reached: &[
            "merge of two names",
            "handover under way",
            "send: let through",
            "send: let through by two",
            "send: links first",
            "send: refused",
            "send: repeated, answered again",
        ],
    }
}

/// The policy of the two above.
fn fenced_policy() -> Policy {
    Policy { fence: policies::fence("refuse", true, true, 60), ..config_policy() }
}

/// The same with other words.
fn said(delivery: &Delivery, words: &str, meaning: Meaning) -> Arc<Delivery> {
    let mut delivery = delivery.clone();
    delivery.events.iter_mut().for_each(|event| event.facts.text = Some(words.to_owned()));
    delivery.meanings = vec![meaning];
    Arc::new(delivery)
}

#[allow(clippy::disallowed_methods, reason = "how long a search takes is no part of the search")]
fn clock() -> Instant {
    Instant::now()
}

/// Searches a configuration of a broken core until a property is violated. Returns how deep that is.
fn search_until(config: Config, property: &'static str) -> Option<usize> {
    let depth = config.depth;
    let until = HasDiscoveries::AnyOf([property].into());
    let checker = config.checker().target_max_depth(depth).finish_when(until).spawn_bfs().join();
    checker.discovery(property).map(|path| path.into_actions().len())
}

/// Searches a configuration. On one thread, so that a state is first found where it is least deep, and one search at a
/// time: each takes about a gigabyte.
fn search(config: Config) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let alone = ONE_AT_A_TIME.lock();
    let (name, depth, states_min, started) = (config.name, config.depth, config.states_min, clock());
    let checker = config.checker().target_max_depth(depth).spawn_bfs().join();
    drop(alone);
    let states = checker.unique_state_count();
    println!("{name}: {states} states to depth {} in {:?}", checker.max_depth(), started.elapsed());
    for (property, path) in checker.discoveries() {
        if let Some(broken) = path.last_state().world.watch.broken.clone() {
            path.into_actions().iter().for_each(|action| println!("  {action:?}"));
            panic!("{name}: {property}: {}", broken.what);
        }
    }
    checker.assert_properties();
    assert!(states >= states_min, "{name} has shrunk to {states} states");
}

#[test]
fn model_talk() {
    search(talk(Fault::None));
}

#[test]
fn model_names() {
    search(names(Fault::None));
}

#[test]
fn model_words() {
    search(words(Fault::None));
}

#[test]
fn model_operator() {
    search(operator(Fault::None));
}

#[test]
fn model_observe() {
    search(observe(Fault::None));
}

#[test]
fn model_ghosts() {
    search(ghosts(Fault::None));
}

#[test]
fn model_sends() {
    search(sends(Fault::None));
}

#[test]
fn model_sends_by_names() {
    search(sends_by_names(Fault::None));
}

/// Each broken core is caught by the property of the promise that it breaks.
#[test]
fn model_notices_what_is_broken() {
    for (fault, promise) in Fault::ALL {
        // Signposts are there only where a customer has two names, and messages of the bot's where it posts some.
        let config = match promise {
            _ if fault == Fault::ForgetsSignposts => names(fault),
            _ if fault.is_operators() => operator(fault),
            _ if fault.is_observers() => observe(fault),
            // Eight steps, and one more than the search of the whole has time for.
            _ if fault == Fault::SendsPastSignposts => Config { depth: 10, ..sends_by_names(fault) },
            Promise::AnswersPass
            | Promise::Counted
            | Promise::LeaksKnown
            | Promise::NoLateAnswer
            | Promise::SentOnce
            | Promise::SilentSends
            | Promise::TurnStays => sends(fault),
            _ => talk(fault),
        };
        let depth = search_until(config, property_of(promise));
        assert!(depth.is_some(), "the model does not notice {fault:?}");
        println!("{fault:?}: \"{}\" is violated after {} steps", property_of(promise), depth.unwrap_or_default());
    }
}
