//! The shell's contract around the real core, for one customer and all their names: load, apply, write, set the
//! alarm, start the attempts; and one object asking another where the conversation lives.
//!
//! Invariant: an object changes only in [`World::transact`], and a crash leaves exactly what was written before it. What
//! happens next, what fails and where it is cut off is the caller's choice: a model's action or a simulator's draw.
//!
//! Why one customer at a time: objects share nothing, and neither do customers. What goes over several customers, the
//! count of a broadcast, is the simulator's.
//!
//! Not here: whether what happens is right (`watch`), and the way of a delivery from object to object (`flow`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use baton::conversation::operator::Act;
use baton::conversation::{Answer, Context, Conversation, Incoming, Input, Output, Tallied};
use baton::ids::{Customer, EventId, LineId, ObjectName};
use baton::limits::ALARM_OVERDUE;
use baton::outbox::outcome::Outcome;
use baton::outbox::request::Attempt;
use baton::outbox::{Entry, State};
use baton::policy::{Mode, Policy};
use baton::time::{Millis, UnixMillis};
use baton::webhook::event::Class;

use crate::broken::Fault;
use crate::flow::Flow;
use crate::outgoing::{End, Outgoing, Post};
use crate::storage::{Body, Storage};
use crate::watch::{Commit, Promise, Watch};

/// How long after a failure the platform rings again.
const ALARM_AGAIN: Millis = Millis::from_seconds(2);

/// What a world is run with.
#[derive(Clone, Debug)]
pub struct Setting {
    pub policy: Policy,
    pub fault: Fault,
}

impl Setting {
    /// The policy as it is in force, while it is enforced or only observes.
    pub fn in_force(&self, observes: bool) -> Cow<'_, Policy> {
        if observes {
            Cow::Owned(Policy { mode: Mode::Observe, ..self.policy.clone() })
        } else {
            Cow::Borrowed(&self.policy)
        }
    }
}

/// What a text means by the owner's policy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Meaning {
    AsksForPerson,
    Automation,
    HandsBack,
    Words,
}

/// One delivery of Meta's, as far as it is this customer's.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Delivery {
    pub name: ObjectName,
    pub aliases: Vec<ObjectName>,
    pub customer: Customer,
    pub line: LineId,
    pub events: Vec<Incoming>,
    pub bodies: Vec<Option<Body>>,
    pub meanings: Vec<Meaning>,
}

/// An object: what it has stored, its alarm, and what it only remembers.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Object {
    pub storage: Storage,
    pub alarm: Option<UnixMillis>,
    last_seq: Option<u64>,
}

/// An attempt under way.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Flight {
    pub object: ObjectName,
    pub attempt: Attempt,
    pub body: Option<Body>,
}

/// Where a transaction is cut off.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cut {
    Nowhere,
    /// After everything, before the attempts start.
    BeforeAttempts,
    /// After the commit, before the alarm.
    BeforeAlarm,
    /// Before anything is written.
    BeforeCommit,
}

/// What a transaction was for.
pub enum Did<'a> {
    Accepted { delivery: &'a Delivery, left: &'a [usize] },
    Asked { handed_over: bool },
    Asks { post: &'a Post, via: &'a [ObjectName] },
    Broadcast { echo: &'a EventId },
    Finished { flight: &'a Flight, outcome: Outcome, is_late: bool },
    Linked { asked: &'a ObjectName, how: How },
    LinkedVia { other: &'a ObjectName },
    Operated { act: Act },
    Replayed,
    Reports { message: &'a EventId, sent_at: UnixMillis },
    Settles { digest: &'a str, begun_at: UnixMillis, end: &'a End, let_by: &'a ObjectName },
    Woke,
}

impl Did<'_> {
    /// Whether nothing was done but to say what is to be done first, or where.
    pub const fn is_routed(&self, answer: &Answer) -> bool {
        match self {
            Self::Accepted { .. } => !matches!(answer, Answer::Accepted { .. }),
            Self::Asks { .. } => !matches!(answer, Answer::Send(_)),
            _ => false,
        }
    }
}

/// How two names come together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum How {
    LivesHere,
    LivesThere,
    Merged,
}

/// A transaction was cut off, and its object is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crashed;

/// All objects of one customer, and what is under way between them and the bot.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct World {
    pub now: UnixMillis,
    pub draw: u32,
    pub objects: BTreeMap<ObjectName, Object>,
    pub flights: Vec<Flight>,
    pub flows: Vec<Flow>,
    /// The bot's messages on their way.
    pub sends: Vec<Outgoing>,
    /// Deliveries that Meta has no 200 for.
    pub unacknowledged: Vec<Arc<Delivery>>,
    /// Echoes to be counted over the line's customers.
    pub tally: Vec<Tallied>,
    pub watch: Watch,
}

impl World {
    pub fn new(now: UnixMillis) -> Self {
        Self {
            now,
            draw: u32::MAX / 2,
            objects: BTreeMap::new(),
            flights: Vec::new(),
            flows: Vec::new(),
            sends: Vec::new(),
            unacknowledged: Vec::new(),
            tally: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// A world in which the bot speaks.
    pub fn with_bot(now: UnixMillis) -> Self {
        let mut world = Self::new(now);
        world.watch.sends.is_watched = true;
        world
    }

    pub fn storage(&mut self, name: &ObjectName) -> &Storage {
        &self.objects.entry(name.clone()).or_default().storage
    }

    /// Load, apply, write, set the alarm, start: the one way in which an object changes.
    pub fn transact(
        &mut self,
        setting: &Setting,
        name: &ObjectName,
        bodies: &[Option<Body>],
        (did, cut): (&Did<'_>, Cut),
        work: impl FnOnce(&mut Conversation, &Storage, Context<'_>) -> Output,
    ) -> Result<Output, Crashed> {
        let (now, in_force) = (self.now, setting.in_force(self.watch.observes));
        let policy: &Policy = &in_force;
        let object = self.objects.entry(name.clone()).or_default();
        let mut conversation = object.storage.load(object.last_seq);
        let context = Context { now, policy, draw: self.draw };
        let output = work(&mut conversation, &object.storage, context);
        if cut == Cut::BeforeCommit {
            self.crash(name);
            return Err(Crashed);
        }
        object.last_seq = Some(conversation.last_seq);
        let kept = (setting.fault == Fault::None).then(|| conversation.clone());
        let before = match object.storage.write(conversation, &output, bodies) {
            Ok(before) => before,
            Err(unwritable) => {
                self.watch.violated(Promise::NothingLost, unwritable.0);
                return Err(Crashed);
            }
        };
        // The object goes on with what it has in memory, and one that wakes with what it loads.
        if kept.is_some_and(|kept| kept != object.storage.load(object.last_seq)) {
            self.watch.violated(Promise::NothingLost, "what stays in memory is not what is stored");
        }
        let fresh = Conversation::default();
        let after = object.storage.row().unwrap_or(&fresh);
        let storage = &object.storage;
        self.watch.committed(&Commit { name, before: &before, after, storage, output: &output, did, now, policy });
        if cut == Cut::BeforeAlarm {
            self.crash(name);
            return Err(Crashed);
        }
        let in_time = |set: UnixMillis, at| set <= at && set.after(ALARM_OVERDUE) >= now;
        if let Some(at) = output.wake_at.filter(|at| !object.alarm.is_some_and(|set| in_time(set, *at))) {
            object.alarm = Some(at);
        }
        let passes = !did.is_routed(&output.answer)
            && !matches!(did, Did::Asked { .. } | Did::Linked { .. } | Did::LinkedVia { .. });
        // What is undone may have been due long ago, and then the alarm rings at once.
        let is_note = |event: &Incoming| event.class == Class::EchoNote;
        let undoes = match did {
            Did::Accepted { delivery, .. } => delivery.events.iter().any(is_note),
            did => matches!(did, Did::Broadcast { .. }),
        };
        self.watch.watches_over(name, &object.storage, object.alarm, policy, (now, passes && !undoes));
        if passes {
            self.watch.goes_on(name, &object.storage, object.alarm, policy, now);
        }
        self.tally.extend(output.tally.iter().cloned());
        if cut == Cut::BeforeAttempts {
            self.crash(name);
            return Err(Crashed);
        }
        for attempt in &output.attempts {
            let body = object.storage.body(&attempt.id).cloned();
            let flight = Flight { object: name.clone(), attempt: attempt.clone(), body };
            self.watch.started(&flight, &object.storage, now);
            self.flights.push(flight);
        }
        Ok(output)
    }

    /// The object is gone, with everything that it was doing.
    pub fn crash(&mut self, name: &ObjectName) {
        self.evict(name);
        self.flights.retain(|flight| flight.object != *name);
        let (failed, others) = core::mem::take(&mut self.flows).into_iter().partition(|flow| flow.passes(name));
        self.flows = others;
        self.unacknowledged.extend::<Vec<_>>(failed.into_iter().map(|flow: Flow| flow.delivery).collect());
    }

    /// The object leaves memory while nothing happens, and forgets what it only remembered.
    pub fn evict(&mut self, name: &ObjectName) {
        if let Some(object) = self.objects.get_mut(name) {
            object.last_seq = None;
        }
    }

    /// The alarm of an object rings.
    pub fn ring(&mut self, setting: &Setting, name: &ObjectName, cut: Cut) {
        let Some(object) = self.objects.get_mut(name) else { return };
        object.alarm = None;
        let rang = self.transact(setting, name, &[], (&Did::Woke, cut), |conversation, storage, context| {
            let oldest = if conversation.forgets_at(context.now) { storage.oldest() } else { None };
            setting.fault.apply(conversation, &Input::Wake { oldest }, context)
        });
        // The platform rings again where the handler has not come to its end.
        let again = self.now.after(ALARM_AGAIN);
        if let Some(object) = self.objects.get_mut(name).filter(|object| rang.is_err() && object.alarm.is_none()) {
            object.alarm = Some(again);
        }
    }

    /// An attempt ends, or is heard of after it was given up. The flight is gone by then.
    pub fn finish(&mut self, setting: &Setting, flight: &Flight, outcome: Outcome, cut: Cut) {
        let (id, number) = (&flight.attempt.id, flight.attempt.number);
        let now = self.now;
        let entry = self.storage(&flight.object).entry(id);
        let in_time = |entry: &Entry| matches!(entry.state, State::InFlight(at) if now < at);
        let is_late = !entry.is_some_and(|entry| entry.attempts == number && in_time(entry));
        let did = Did::Finished { flight, outcome, is_late };
        let mut is_inert = true;
        let _ = self.transact(setting, &flight.object, &[], (&did, cut), |conversation, _, context| {
            let mut untouched = is_late.then(|| conversation.clone());
            let output = setting.fault.apply(conversation, &Input::Finish { id, number, outcome }, context);
            if let Some(untouched) = &mut untouched {
                // What time alone does is also done by an input that says nothing.
                let echo = &EventId::named("nothing");
                let passed = setting.fault.apply(untouched, &Input::Broadcast { echo }, context);
                is_inert = *untouched == *conversation && passed == output;
            }
            output
        });
        if is_late {
            self.watch.notes.count("late outcome");
        }
        if !is_inert {
            self.watch.violated(Promise::Fencing, format!("a late outcome of {} counts", id.as_str()));
        }
    }

    /// The object in which the conversation of this name lives.
    pub fn home(&self, name: &ObjectName) -> ObjectName {
        let mut home = name;
        for _ in 0..baton::limits::HOPS_MAX {
            match self.objects.get(home).and_then(|object| object.storage.elsewhere()) {
                Some(next) => home = next,
                None => break,
            }
        }
        home.clone()
    }

    /// The line has found that an echo was a broadcast.
    pub fn broadcast(&mut self, setting: &Setting, name: &ObjectName, echo: &EventId) {
        let home = self.home(name);
        let did = Did::Broadcast { echo };
        let _ = self.transact(setting, &home, &[], (&did, Cut::Nowhere), |conversation, _, context| {
            setting.fault.apply(conversation, &Input::Broadcast { echo }, context)
        });
    }

    /// An operator sends all dead letters of this name on their way again.
    pub fn replay(&mut self, setting: &Setting, name: &ObjectName) {
        let home = self.home(name);
        let did = (&Did::Replayed, Cut::Nowhere);
        let _ = self.transact(setting, &home, &[], did, |conversation, storage, context| {
            setting.fault.apply(conversation, &Input::Replay { dead: &storage.dead() }, context)
        });
    }

    /// The operator takes, gives back, or keeps the bot out.
    pub fn operate(&mut self, setting: &Setting, name: &ObjectName, act: Act, cut: Cut) {
        let home = self.home(name);
        // The shell makes nothing for a customer who was never met.
        let is_met = |object: &Object| !object.storage.load(object.last_seq).is_fresh();
        if !self.objects.get(&home).is_some_and(is_met) {
            return;
        }
        let did = (&Did::Operated { act }, cut);
        let _ = self.transact(setting, &home, &[], did, |conversation, _, context| {
            setting.fault.apply(conversation, &Input::Operator(act), context)
        });
    }

    /// The next alarm, and whose it is.
    pub fn next_alarm(&self) -> Option<(UnixMillis, ObjectName)> {
        let alarms = self.objects.iter().filter_map(|(name, object)| Some((object.alarm?, name)));
        alarms.min().map(|(at, name)| (at, name.clone()))
    }

    /// Everything comes to rest: Meta repeats what it has no 200 for, the bot takes everything, and every alarm rings.
    pub fn settle(&mut self, setting: &Setting) {
        for _ in 0..5_000 {
            self.repeat_all(setting);
            while let Some(flight) = self.flights.pop() {
                self.finish(setting, &flight, Outcome::Accepted, Cut::Nowhere);
            }
            self.end_sends(setting);
            if self.watch.broken.is_some() || self.is_quiet() {
                break;
            }
            let Some((at, name)) = self.next_alarm() else { break };
            self.now = self.now.max(at);
            self.ring(setting, &name, Cut::Nowhere);
        }
        self.watch.at_rest(&self.objects, &setting.policy, self.now);
    }

    /// What is on its way arrives, and Meta repeats what it has no 200 for.
    pub fn repeat_all(&mut self, setting: &Setting) {
        while !self.flows.is_empty() && self.watch.broken.is_none() {
            self.step_flow(setting, 0, Cut::Nowhere);
        }
        for delivery in core::mem::take(&mut self.unacknowledged) {
            self.deliver(setting, &delivery, Cut::Nowhere);
        }
    }

    /// Whether everything has come to rest.
    fn is_quiet(&self) -> bool {
        self.unacknowledged.is_empty() && !self.has_work()
    }

    /// Whether a home has anything left to do but to forget.
    pub fn has_work(&self) -> bool {
        let has_open = |object: &Object| object.storage.rows.values().any(|row| row.entry.state.is_open());
        let waits =
            |row: &Conversation| row.waiting.is_some_and(|waiting| !waiting.warned) || row.turn.hold().is_some();
        let is_busy = |object: &Object| has_open(object) || object.storage.row().is_some_and(waits);
        let homes = self.objects.values().filter(|object| object.storage.elsewhere().is_none());
        !self.flights.is_empty() || homes.into_iter().any(is_busy)
    }

    /// The objects in which something lives.
    pub fn homes(&self) -> Vec<ObjectName> {
        let homes = self.objects.iter().filter(|(_, object)| object.storage.elsewhere().is_none());
        homes.map(|(name, _)| name.clone()).collect()
    }

    /// Looks whether every acknowledged event is somewhere.
    pub fn watch_all(&mut self) {
        self.watch.all_there(&self.objects, self.now);
    }
}
