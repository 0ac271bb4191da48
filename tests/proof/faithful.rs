//! The double is held against what it doubles: the same random talk through the double and through the SQL on SQLite,
//! with everything compared after each step.
//!
//! Invariant: what the double loads, knows, keeps of bodies and starts is what the real storage does. The deliveries are
//! Meta's own JSON, so the bodies that the real storage rewrites are real too.
//!
//! Not here: alarms. When one is set is the shell's affair, and both drivers only imitate it.

use baton::command::CarriedEvent;
use baton::conversation::operator::Act;
use baton::conversation::{Conversation, Incoming};
use baton::ids::{EventId, LineId};
use baton::outbox::outcome::{Loss, Outcome};
use baton::policy::{Broadcast, Burst, BurstMode, OnHandback, Policy};
use baton::store::table::Table;
use baton::time::Millis;
use baton::webhook;
use serde_json::{Value, json};

use crate::broken::Fault;
use crate::chance::Chance;
use crate::common::meta::{self, Customer};
use crate::object::{Object, carried};
use crate::storage::Body;
use crate::world::{Cut, Delivery, Flight, Meaning, Setting, World};

const NUMBER: &str = "15550109999";
const CUSTOMER: Customer<'static> = Customer { phone: Some(NUMBER), bsuid: None };

const RUNS: u64 = 24;
const STEPS: u32 = 60;

/// Both drivers, and what was said.
struct Pair {
    chance: Chance,
    real: Object,
    double: World,
    setting: Setting,
    messages: Vec<String>,
    echoes: Vec<String>,
    ghosts: Vec<String>,
    said: u32,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let seconds = Millis::from_seconds;
        let policy = Policy {
            broadcast: Some(Broadcast { recipients: 3, window: seconds(60) }),
            burst: Burst { mode: BurstMode::MergeText, wait: seconds(chance.pick(&[0, 5])) },
            hand_back_after: seconds(300),
            keep_bodies: seconds(86_400),
            lease: seconds(120),
            on_handback: chance.pick(&[OnHandback::All, OnHandback::Unanswered]),
            retry_schedule: vec![seconds(0), seconds(5), seconds(60)],
            share_human_text: chance.percent(50),
            stale_after: None,
            warn_after: seconds(60),
            ..Policy::default()
        };
        let mut real = Object::new("{}");
        real.policy = policy.clone();
        let double = World::new(real.now);
        Self {
            chance,
            real,
            double,
            setting: Setting { policy, fault: Fault::None },
            messages: Vec::new(),
            echoes: Vec::new(),
            ghosts: Vec::new(),
            said: 0,
        }
    }

    /// One event, as Meta writes it, and what the double keeps of its body.
    fn say(&mut self) -> (&'static str, Value, Body) {
        self.said += 1;
        let (word, id) = (self.said, format!("w{}", self.said));
        let words = format!("word {word}");
        let chance = &mut self.chance;
        let original = |list: &[String], chance: &mut Chance| list[chance.index(list.len())].clone();
        match chance.below(12) {
            0 => {
                self.echoes.push(id.clone());
                ("smb_message_echoes", meta::echo(CUSTOMER, &id, &words), Body::Bare(word))
            }
            1 if !self.echoes.is_empty() => {
                let echo = original(&self.echoes, chance);
                ("smb_message_echoes", meta::echo_revoke(CUSTOMER, &id, &echo), Body::Bare(word))
            }
            2..=3 if !self.messages.is_empty() => {
                let message = original(&self.messages, chance);
                let edit = Body::Edit(Box::new(Body::Text(vec![word])));
                ("messages", meta::edit(CUSTOMER, &id, &message, &words), edit)
            }
            4 if !self.messages.is_empty() => {
                let message = original(&self.messages, chance);
                ("messages", meta::revoke(CUSTOMER, &id, &message), Body::Bare(word))
            }
            5 => {
                self.ghosts.push(id.clone());
                ("messages", meta::ghost(CUSTOMER, &id), Body::Bare(word))
            }
            6 if !self.ghosts.is_empty() => {
                let ghost = self.ghosts.pop().unwrap();
                self.messages.push(ghost.clone());
                ("messages", meta::text(CUSTOMER, &ghost, &words), Body::Text(vec![word]))
            }
            7 => ("messages", meta::status(CUSTOMER, &id, "delivered"), Body::Bare(word)),
            8 => {
                self.messages.push(id.clone());
                let image = json!({ "image": { "id": "1", "caption": words } });
                ("messages", meta::message(CUSTOMER, &id, "image", image), Body::Media(word))
            }
            _ => {
                self.messages.push(id.clone());
                ("messages", meta::text(CUSTOMER, &id, &words), Body::Text(vec![word]))
            }
        }
    }

    fn deliver(&mut self) {
        let said: Vec<_> = (0..=self.chance.below(3)).map(|_| self.say()).collect();
        let changes = said.iter().map(|(field, value, _)| (meta::LINE, *field, value.clone())).collect();
        let delivery = meta::batch(changes).to_string();
        let read = webhook::read(delivery.as_bytes()).unwrap();
        let carried: Vec<CarriedEvent> = read.iter().map(carried).collect();
        let events: Vec<Incoming> = carried.iter().map(CarriedEvent::incoming).collect();
        assert_eq!(events.len(), said.len(), "an event for each item");
        let bodies =
            events.iter().zip(&said).map(|(event, (_, _, body))| event.class.keeps_body().then(|| body.clone()));
        let double = Delivery {
            name: self.real.name.clone(),
            aliases: Vec::new(),
            customer: read[0].scope.customer().cloned().unwrap(),
            line: LineId::parse(meta::LINE).unwrap(),
            meanings: vec![Meaning::Words; events.len()],
            bodies: bodies.collect(),
            events,
        };
        self.real.accept(&carried).unwrap();
        assert!(self.double.deliver(&self.setting, &double.into(), Cut::Nowhere));
    }

    /// The bot answers an attempt, or is never heard of again.
    fn answer(&mut self) {
        if self.double.flights.is_empty() {
            return;
        }
        let flight = self.double.flights.remove(self.chance.index(self.double.flights.len()));
        let real = if flight.attempt.class.is_turn_bound() { &mut self.real.attempt } else { &mut self.real.receipt };
        let (attempt, body) = real.take().unwrap();
        assert_eq!(attempt, flight.attempt);
        assert_eq!(words_of(&body), words_in(flight.body.as_ref().unwrap()));
        let outcome = self.chance.pick(&[
            Outcome::Accepted,
            Outcome::Accepted,
            Outcome::Retryable { status: 500 },
            Outcome::Unknown(Loss::Timeout),
            Outcome::Rejected { status: 410 },
        ]);
        self.real.finish(&attempt, outcome);
        self.double.finish(&self.setting, &flight, outcome, Cut::Nowhere);
    }

    fn step(&mut self) {
        match self.chance.below(11) {
            0..=3 => self.deliver(),
            4..=6 => self.answer(),
            7 => {
                let seconds = self.chance.pick(&[1, 6, 30, 200, 90_000, 800_000]);
                // Whatever is under way that long is lost.
                (self.real.attempt, self.real.receipt) = (None, None);
                self.double.flights.clear();
                self.real.now = self.real.now.after(Millis::from_seconds(seconds.max(21)));
                self.double.now = self.real.now;
                self.real.wake();
                let name = self.real.name.clone();
                self.double.ring(&self.setting, &name, Cut::Nowhere);
            }
            8 => {
                let until_ms = self.real.now.after(Millis::from_seconds(self.chance.pick(&[30, 400, 90_000])));
                let act = self.chance.pick(&[Act::Take, Act::Release, Act::Pause(until_ms)]);
                let name = self.real.name.clone();
                if !self.real.conversation().is_fresh() {
                    self.real.operate(act);
                }
                self.double.operate(&self.setting, &name, act, Cut::Nowhere);
            }
            9 => {
                let name = self.real.name.clone();
                self.real.replay();
                self.double.replay(&self.setting, &name);
            }
            _ => {
                let Some(echo) = self.echoes.last().cloned() else { return };
                let name = self.real.name.clone();
                self.real.broadcast(&echo);
                self.double.broadcast(&self.setting, &name, &EventId::named(&echo));
            }
        }
        self.compare();
    }

    fn compare(&mut self) {
        let table = Table::open(&self.real.sql, false).unwrap();
        let real = table.load(None).unwrap();
        // An object may be evicted at any time, and then only knows what is stored.
        let name = self.real.name.clone();
        self.double.evict(&name);
        let storage = &self.double.objects.entry(name).or_default().storage;
        assert_eq!(storage.load(None), real, "what is loaded");
        assert_eq!(storage.oldest(), table.oldest().unwrap());
        assert_eq!(storage.dead(), table.dead(None).unwrap());
        let ids: Vec<EventId> = (1..=self.said).map(|word| EventId::named(&format!("w{word}"))).collect();
        assert_eq!(storage.known(&ids), table.known(&ids).unwrap());
        for id in &ids {
            let body = baton::store::body(&self.real.sql, id).unwrap();
            assert_eq!(body.is_some(), storage.body(id).is_some(), "the body of {}", id.as_str());
            if let (Some(real), Some(double)) = (body, storage.body(id)) {
                assert_eq!(words_of(&real), words_in(double), "the words of {}", id.as_str());
            }
        }
        let attempts = |talk: bool| {
            let flights = self.double.flights.iter().filter(move |flight| flight.attempt.class.is_turn_bound() == talk);
            flights.map(|flight: &Flight| flight.attempt.clone()).collect::<Vec<_>>()
        };
        assert_eq!(attempts(true), self.real.attempt.iter().map(|(attempt, _)| attempt.clone()).collect::<Vec<_>>());
        assert_eq!(attempts(false), self.real.receipt.iter().map(|(attempt, _)| attempt.clone()).collect::<Vec<_>>());
        assert_eq!(self.double.watch.broken, None);
    }
}

/// The words of a text in Meta's JSON; of everything else, none.
fn words_of(body: &str) -> Vec<u32> {
    let body: Value = serde_json::from_str(body).unwrap();
    let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
    let text = message["text"]["body"].as_str().filter(|_| message["type"] == "text").unwrap_or_default();
    text.lines().map(|line| line.strip_prefix("word ").unwrap().parse().unwrap()).collect()
}

fn words_in(body: &Body) -> Vec<u32> {
    match body {
        Body::Text(words) => words.clone(),
        Body::Bare(_) | Body::Edit(_) | Body::Media(_) => Vec::new(),
    }
}

#[test]
fn the_double_is_what_it_doubles() {
    for seed in 0..RUNS {
        let mut pair = Pair::new(seed);
        for _ in 0..STEPS {
            pair.step();
        }
        assert_ne!(pair.real.conversation(), Conversation::default(), "something happened, with seed {seed}");
    }
}
