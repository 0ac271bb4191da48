//! An object as the shell runs it, on real SQLite and without a runtime: load, apply, save, and the bot's
//! answers given by the test.

use std::collections::BTreeMap;

use baton::command::CarriedEvent;
use baton::conversation::fence::{Asked, SendEnd, Verdict};
use baton::conversation::operator::Act;
use baton::conversation::{Alert, Answer, Arrival, Context, Conversation, Incoming, Input, Output, Tallied};
use baton::graph::send::Sending;
use baton::ids::{BotName, Customer, EventId, LineId, ObjectName};
use baton::outbox::Entry;
use baton::outbox::outcome::Outcome;
use baton::outbox::request::Attempt;
use baton::policy::Policy;
use baton::store::table::Table;
use baton::store::{self, Sql, StoreError};
use baton::time::UnixMillis;
use baton::webhook;
use baton::webhook::event::Class;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::common::meta::LINE;
use crate::sqlite::Sqlite;

/// An object, its storage, and what it has asked the outside to do.
pub struct Object {
    pub name: ObjectName,
    pub sql: Sqlite,
    pub policy: Policy,
    pub now: UnixMillis,
    /// When the object's alarm rings.
    pub wake_at: Option<UnixMillis>,
    /// How often the alarm was set.
    pub alarms_set: u32,
    /// The attempt at a part of the talk that is under way, with its body.
    pub attempt: Option<(Attempt, String)>,
    /// The attempt at a receipt that is under way.
    pub receipt: Option<(Attempt, String)>,
    /// The attempts at other bots than the one at `BOT_URL` that are under way, by the bot's name.
    pub others: BTreeMap<String, (Attempt, String)>,
    /// What somebody was told.
    pub alerts: Vec<Alert>,
    /// The echoes that were to be counted over the line's customers.
    pub tally: Vec<Tallied>,
}

impl Object {
    pub fn new(policy: &str) -> Self {
        Self {
            name: ObjectName::from_runtime(format!("customer/{LINE}/15550109999")),
            sql: Sqlite::default(),
            policy: policy_of(policy),
            now: UnixMillis::from_seconds(1_793_700_100),
            wake_at: None,
            alarms_set: 0,
            attempt: None,
            receipt: None,
            others: BTreeMap::new(),
            alerts: Vec::new(),
            tally: Vec::new(),
        }
    }

    /// Takes a delivery of Meta's whose events all go to this object.
    pub fn receive(&mut self, delivery: &Value) -> Answer {
        let body = delivery.to_string();
        let events = webhook::read(body.as_bytes()).unwrap();
        let customer = events.iter().find_map(|event| event.scope.customer().cloned());
        let events: Vec<CarriedEvent> = events.iter().map(carried).collect();
        self.arrive(&events, &[], customer.as_ref()).unwrap()
    }

    pub fn accept(&mut self, events: &[CarriedEvent]) -> Result<Answer, StoreError> {
        self.arrive(events, &[], None)
    }

    /// Events arrive, as the shell hands them to the core.
    pub fn arrive(
        &mut self,
        events: &[CarriedEvent],
        aliases: &[ObjectName],
        customer: Option<&Customer>,
    ) -> Result<Answer, StoreError> {
        let incoming: Vec<Incoming> = events.iter().map(CarriedEvent::incoming).collect();
        let bodies: Vec<Option<&str>> = events.iter().map(|event| event.body.as_deref().map(RawValue::get)).collect();
        let here = self.name.clone();
        let line = LineId::parse(LINE);
        self.transact(&bodies, |conversation, table, context| {
            let known = table.known(incoming.iter().flat_map(Incoming::ids))?;
            let (events, known, last_said) = (&incoming[..], &known, table.last_said()?);
            let arrival = Arrival { events, known, here: &here, aliases, customer, line: line.as_ref(), last_said };
            let output = conversation.apply(&Input::Accept(arrival), context);
            Ok((output.answer.clone(), output))
        })
    }

    /// What was sent with these echoes has turned out to be a broadcast.
    pub fn broadcast(&mut self, echo: &str) {
        let echo = EventId::named(echo);
        self.transact(&[], |conversation, _, context| {
            Ok(((), conversation.apply(&Input::Broadcast { echo: &echo }, context)))
        })
        .unwrap();
    }

    /// An operator sends the dead letters on their way again.
    pub fn replay(&mut self) -> usize {
        let answer = self
            .transact(&[], |conversation, table, context| {
                let dead = table.dead(None)?;
                let output = conversation.apply(&Input::Replay { dead: &dead }, context);
                Ok((output.answer.clone(), output))
            })
            .unwrap();
        let Answer::Replayed(count) = answer else { panic!("{answer:?}") };
        count
    }

    /// The operator does something; whether it has changed anything.
    pub fn operate(&mut self, act: Act) -> bool {
        let answer = self
            .transact(&[], |conversation, _, context| {
                let output = conversation.apply(&Input::Operator(act), context);
                Ok((output.answer.clone(), output))
            })
            .unwrap();
        let Answer::Operated(changed) = answer else { panic!("{answer:?}") };
        changed
    }

    /// The bot asks whether it may send a message.
    pub fn asks_to_send(&mut self, sending: &Sending) -> Verdict {
        let here = &self.name.clone();
        let answer = self
            .transact(&[], |conversation, table, context| {
                let known = table.known(&sending.answers)?;
                let last_said = if conversation.sends.has(&sending.digest) { table.last_said()? } else { None };
                let answered = known.values().next();
                let asked = Asked { sending, answered, last_said, here, via: None };
                let output = conversation.apply(&Input::Send(asked), context);
                Ok((output.answer.clone(), output))
            })
            .unwrap();
        let Answer::Send(verdict) = answer else { panic!("{answer:?}") };
        verdict
    }

    /// The Graph API's answer to a message, or its absence, has been told.
    pub fn settle(&mut self, sending: &Sending, begun_at: UnixMillis, end: &SendEnd) {
        let digest = &sending.digest;
        self.transact(&[], |conversation, _, context| {
            Ok(((), conversation.apply(&Input::Settle { begun_at, digest, end }, context)))
        })
        .unwrap();
    }

    /// Meta reports a message as sent to the customer.
    pub fn was_sent(&mut self, message: &str, sent_at: Option<UnixMillis>) {
        let id = &EventId::named(message);
        self.transact(&[], |conversation, table, context| {
            let is_known = !table.known([id])?.is_empty();
            Ok(((), conversation.apply(&Input::Sent { id, sent_at, is_known }, context)))
        })
        .unwrap();
    }

    /// Why this event stands where it stands.
    pub fn explain(&self, id: &str) -> String {
        let id = EventId::named(id);
        let entry = store::table::known(&self.sql, [&id]).unwrap().into_values().next();
        self.conversation().explain_event(&id, entry.as_ref()).expect("the event is known")
    }

    /// The bot answers the attempt that is under way.
    pub fn bot_answers(&mut self, outcome: Outcome) {
        let (attempt, _) = self.attempt.take().expect("an attempt is under way");
        self.finish(&attempt, outcome);
    }

    /// Time passes, and the bot takes everything that comes. Returns what came, in order: the attempts with their bodies.
    pub fn bot_gets(&mut self, seconds: u64) -> Vec<(Attempt, String)> {
        let until = self.now.as_millis() + seconds * 1_000;
        let mut got = Vec::new();
        loop {
            while let Some((attempt, body)) = self.attempt.take() {
                got.push((attempt.clone(), body));
                self.finish(&attempt, Outcome::Accepted);
            }
            if self.now.as_millis() >= until {
                return got;
            }
            self.pass(((until - self.now.as_millis()) / 1_000).clamp(1, 10));
        }
    }

    /// As [`Object::bot_gets`]: the ids only.
    pub fn bot_gets_ids(&mut self, seconds: u64) -> Vec<String> {
        self.bot_gets(seconds).into_iter().map(|(attempt, _)| attempt.id.as_str().to_owned()).collect()
    }

    /// The bot answers the attempt at a receipt that is under way.
    pub fn bot_answers_receipt(&mut self, outcome: Outcome) {
        let (attempt, _) = self.receipt.take().expect("an attempt at a receipt is under way");
        self.finish(&attempt, outcome);
    }

    /// An outcome arrives, of whatever attempt.
    pub fn finish(&mut self, attempt: &Attempt, outcome: Outcome) {
        let attempt = attempt.clone();
        self.transact(&[], |conversation, _, context| {
            let input = Input::Finish { id: &attempt.id, number: attempt.number, outcome };
            Ok(((), conversation.apply(&input, context)))
        })
        .unwrap();
    }

    /// Time passes until an attempt starts. Panics where none does within the time.
    pub fn pass_to_attempt(&mut self, seconds: u64) {
        let until = UnixMillis::new(self.now.as_millis() + seconds * 1_000);
        for _ in 0..1_000 {
            if self.attempt.is_some() || self.receipt.is_some() {
                return;
            }
            let at = self.wake_at.filter(|at| *at <= until).expect("an attempt starts in time");
            self.now = self.now.max(at);
            self.wake();
        }
        panic!("the object wakes itself for ever");
    }

    /// Time passes; the object is woken whenever it asked for it.
    pub fn pass(&mut self, seconds: u64) {
        let until = UnixMillis::new(self.now.as_millis() + seconds * 1_000);
        for _ in 0..1_000 {
            match self.wake_at.filter(|at| *at <= until) {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.wake();
                }
                None => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("the object wakes itself for ever");
    }

    pub fn wake(&mut self) {
        self.wake_at = None;
        self.transact(&[], |conversation, table, context| {
            let oldest = if conversation.forgets_at(context.now) { table.oldest()? } else { None };
            Ok(((), conversation.apply(&Input::Wake { oldest }, context)))
        })
        .unwrap();
    }

    pub fn conversation(&self) -> Conversation {
        Table::open(&self.sql, false).unwrap().load(None).unwrap()
    }

    /// What became of an event: its state and the reason.
    pub fn fate(&self, id: &str) -> Option<(String, Option<String>)> {
        let known = Table::open(&self.sql, false).unwrap().known([&EventId::named(id)]).unwrap();
        let of = |entry: &Entry| (entry.state.name().to_owned(), entry.reason.map(|reason| reason.to_string()));
        known.values().next().map(of)
    }

    pub fn body(&self, id: &str) -> Option<String> {
        store::body(&self.sql, &EventId::named(id)).unwrap()
    }

    pub fn transact<T>(
        &mut self,
        bodies: &[Option<&str>],
        work: impl FnOnce(&mut Conversation, &Table<'_, Sqlite>, Context<'_>) -> Result<(T, Output), StoreError>,
    ) -> Result<T, StoreError> {
        let context = Context { now: self.now, policy: &self.policy, draw: u32::MAX / 2 };
        let (answer, output, jobs) = self.sql.transaction(|| {
            let mut table = Table::open(&self.sql, false)?;
            let mut conversation = table.load(None)?;
            let (answer, output) = work(&mut conversation, &table, context)?;
            table.save(&conversation, &output, bodies)?;
            let jobs = store::jobs(&self.sql, &output, bodies)?;
            for (attempt, body) in &jobs {
                assert_eq!(*body, store::body(&self.sql, &attempt.id)?, "what is sent is what was written");
            }
            if table.exists() {
                let mut stored = Table::open(&self.sql, true)?.load(None)?;
                assert!(stored.last_seq <= conversation.last_seq, "no entry is behind the last");
                stored.last_seq = conversation.last_seq;
                assert_eq!(stored, conversation, "what is loaded next time is what the core thinks it is");
            }
            Ok((answer, output, jobs))
        })?;
        self.alerts.extend(output.alerts);
        self.tally.extend(output.tally);
        // As in the shell: an alarm that rings in time is left as it is.
        if let Some(at) = output.wake_at.filter(|at| self.wake_at.is_none_or(|set| set > *at)) {
            self.wake_at = Some(at);
            self.alarms_set += 1;
        }
        for (attempt, body) in jobs {
            let body = body.expect("an attempt has a body");
            if let Some(bot) = &attempt.bot {
                let under_way = self.others.insert(bot.as_str().to_owned(), (attempt.clone(), body));
                assert!(under_way.is_none(), "two attempts at once");
                continue;
            }
            let under_way = if attempt.class.is_turn_bound() { &mut self.attempt } else { &mut self.receipt };
            assert!(under_way.is_none(), "two attempts at once");
            *under_way = Some((attempt, body));
        }
        Ok(answer)
    }
}

/// A policy of the tests, whose rules may name two bots. The samples carry a fixed time, so a message is never stale
/// unless the test says when.
pub fn policy_of(document: &str) -> Policy {
    let bots = ["orders", "support"].map(|name| BotName::parse(name).unwrap());
    let policy = Policy::parse(document, &bots).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let stale_after = policy.stale_after.filter(|_| document.contains("stale_after_seconds"));
    Policy { stale_after, ..policy }
}

/// An event as the Worker hands it to an object.
pub fn carried(event: &webhook::event::Event<'_>) -> CarriedEvent {
    let body = event.class.keeps_body().then(|| RawValue::from_string(event.body()).unwrap());
    CarriedEvent {
        id: event.id.clone(),
        class: event.class,
        sent_at_ms: event.sent_at,
        body,
        tried: None,
        facts: event.facts.clone(),
    }
}

/// Whether the bot may have an event of this class only while it holds the baton.
pub fn turn_bound(class: Class) -> bool {
    class.is_turn_bound()
}
