//! An object as the shell runs it, on real SQLite and without a runtime: load, apply, save, and the bot's
//! answers given by the test.

use baton::command::CarriedEvent;
use baton::conversation::{Answer, Context, Conversation, Incoming, Input, Output};
use baton::ids::EventId;
use baton::outbox::Entry;
use baton::outbox::outcome::Outcome;
use baton::outbox::request::Attempt;
use baton::policy::Policy;
use baton::store::{self, Sql, StoreError, schema};
use baton::time::UnixMillis;
use baton::webhook;
use baton::webhook::event::Class;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sqlite::Sqlite;

/// An object, its storage, and what it has asked the outside to do.
pub struct Object {
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
}

impl Object {
    pub fn new(policy: &str) -> Self {
        Self {
            sql: Sqlite::default(),
            policy: Policy::parse(policy).unwrap(),
            now: UnixMillis::from_seconds(1_793_700_100),
            wake_at: None,
            alarms_set: 0,
            attempt: None,
            receipt: None,
        }
    }

    /// Takes a delivery of Meta's whose events all go to this object.
    pub fn receive(&mut self, delivery: &Value) -> Answer {
        let body = delivery.to_string();
        let events: Vec<CarriedEvent> = webhook::read(body.as_bytes()).unwrap().iter().map(carried).collect();
        self.accept(&events).unwrap()
    }

    pub fn accept(&mut self, events: &[CarriedEvent]) -> Result<Answer, StoreError> {
        let incoming: Vec<Incoming> = events.iter().map(CarriedEvent::incoming).collect();
        let bodies: Vec<Option<&str>> = events.iter().map(|event| event.body.as_deref().map(RawValue::get)).collect();
        self.transact(&bodies, |conversation, sql, context| {
            let known = store::known(sql, incoming.iter().map(|event| &event.id))?;
            let output = conversation.apply(&Input::Accept { events: &incoming, known: &known, phone: None }, context);
            Ok((output.answer.clone(), output))
        })
    }

    /// The bot answers the attempt that is under way.
    pub fn bot_answers(&mut self, outcome: Outcome) {
        let (attempt, _) = self.attempt.take().expect("an attempt is under way");
        self.finish(&attempt, outcome);
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
        self.transact(&[], |conversation, sql, context| {
            let oldest = if conversation.forgets_at(context.now) { store::oldest(sql)? } else { None };
            Ok(((), conversation.apply(&Input::Wake { oldest }, context)))
        })
        .unwrap();
    }

    pub fn conversation(&self) -> Conversation {
        store::load(&self.sql).unwrap()
    }

    /// What became of an event: its state and the reason.
    pub fn fate(&self, id: &str) -> Option<(String, Option<String>)> {
        let known = store::known(&self.sql, [&EventId::named(id)]).unwrap();
        let of = |entry: &Entry| (entry.state.name().to_owned(), entry.reason.map(|reason| reason.to_string()));
        known.values().next().map(of)
    }

    pub fn body(&self, id: &str) -> Option<String> {
        store::body(&self.sql, &EventId::named(id)).unwrap()
    }

    pub fn transact<T>(
        &mut self,
        bodies: &[Option<&str>],
        work: impl FnOnce(&mut Conversation, &Sqlite, Context<'_>) -> Result<(T, Output), StoreError>,
    ) -> Result<T, StoreError> {
        let context = Context { now: self.now, policy: &self.policy, draw: u32::MAX / 2 };
        let (answer, output, jobs) = self.sql.transaction(|| {
            schema::migrate(&self.sql)?;
            let mut conversation = store::load(&self.sql)?;
            let (answer, output) = work(&mut conversation, &self.sql, context)?;
            store::save(&self.sql, &conversation, &output, bodies)?;
            let jobs = store::jobs(&self.sql, &output, bodies)?;
            for (attempt, body) in &jobs {
                assert_eq!(*body, store::body(&self.sql, &attempt.id)?, "what is sent is what was written");
            }
            Ok((answer, output, jobs))
        })?;
        // As in the shell: an alarm that rings in time is left as it is.
        if let Some(at) = output.wake_at.filter(|at| self.wake_at.is_none_or(|set| set > *at)) {
            self.wake_at = Some(at);
            self.alarms_set += 1;
        }
        for (attempt, body) in jobs {
            let under_way = if attempt.class.is_turn_bound() { &mut self.attempt } else { &mut self.receipt };
            assert!(under_way.is_none(), "two attempts at once");
            *under_way = Some((attempt, body.expect("an attempt has a body")));
        }
        Ok(answer)
    }
}

/// An event as the Worker hands it to an object.
pub fn carried(event: &webhook::event::Event<'_>) -> CarriedEvent {
    let body = event.class.keeps_body().then(|| RawValue::from_string(event.body()).unwrap());
    CarriedEvent { id: event.id.clone(), class: event.class, sent_at_ms: event.sent_at, body, tried: None }
}

/// Whether the bot may have an event of this class only while it holds the baton.
pub fn turn_bound(class: Class) -> bool {
    class.is_turn_bound()
}
