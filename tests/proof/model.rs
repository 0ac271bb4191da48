//! The model: one customer, a person, a bot and what can go wrong between them, searched exhaustively to a stated
//! depth over the real core.
//!
//! | configuration | what it is about |
//! |---|---|
//! | `talk` | one name: messages, an echo and its withdrawal, a failing bot, a crash, repeated deliveries, late alarms |
//! | `names` | two names that turn out to be one: two objects, and a crash between any two steps of linking them |
//! | `words` | a customer who asks for a person, a person who hands back, the app's own texts |
//! | `operator` | an operator who takes, keeps, pauses and releases, around a person's words and a failing bot |
//! | `ghosts` | a ghost, the real message, an edit and a withdrawal, around a takeover |
//! | `observe` | a policy that only observes for a while, in the middle of all that |
//! | `sends` | the bot's messages: an answer, the same again, a template, one beside the gate, around a takeover |
//! | `sends_by_names` | the same where two names turn out to be one |
//!
//! Invariant: every order of the events, the bot's answers, the alarms and the failures up to the depth is looked at,
//! and after each step everything must also come to rest as it should. Each configuration says how many different
//! states it has at least, so it cannot shrink unnoticed.
//!
//! Why several small configurations: what two names add to the states multiplies with everything else.
//!
//! Not here: the configurations themselves, and their runs (`search`).

use std::sync::Arc;

use baton::conversation::operator::Act;
use baton::outbox::State as EntryState;
use baton::outbox::outcome::Outcome;
use baton::time::{Millis, UnixMillis};
use stateright::{Model, Property};

use crate::flow::Flow;
use crate::outgoing::Taken;
use crate::says::Says;
use crate::watch::Promise;
use crate::world::{Cut, Delivery, Setting, World};

/// When the model begins.
pub const BEGINNING: UnixMillis = UnixMillis::from_seconds(1_793_700_000);

/// How far an alarm may be late.
const LATE: Millis = Millis::from_seconds(3_600);

/// Alarms that are further off only serve to forget.
const FAR: Millis = Millis::from_seconds(86_400);

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Config {
    pub name: &'static str,
    pub setting: Setting,
    /// What Meta delivers, each at any time and in any order.
    pub deliveries: Vec<Arc<Delivery>>,
    /// What the operator does, each at any time.
    pub acts: Vec<Operated>,
    /// What the bot posts, each at any time.
    pub posts: Vec<Says>,
    /// Whether deliveries go step by step, so that others come in between.
    pub interleaved: bool,
    /// How often each may happen.
    pub budget: Budget,
    pub depth: usize,
    pub states_min: usize,
    /// What must be reached.
    pub reached: &'static [&'static str],
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Budget {
    pub crashes: u8,
    pub failures: u8,
    pub late_alarms: u8,
    /// Answers of the Graph API that say no, or are lost.
    pub losses: u8,
    pub repetitions: u8,
    pub replays: u8,
    /// Changes between a policy that is enforced and one that only observes.
    pub switches: u8,
}

/// What the operator does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operated {
    Pause(Millis),
    Release,
    Take,
}

impl Operated {
    fn at(self, now: UnixMillis) -> Act {
        match self {
            Self::Pause(span) => Act::Pause(now.after(span)),
            Self::Release => Act::Release,
            Self::Take => Act::Take,
        }
    }
}

/// Where everything stands, and what may still happen.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct State {
    pub world: World,
    /// Which deliveries Meta has sent.
    sent: Vec<bool>,
    /// What the operator has done.
    done: Vec<bool>,
    /// What the bot has posted.
    pub posted: Vec<bool>,
    pub budget: Budget,
    /// An attempt that was cut off, and of which something may still be heard.
    cut_off: Vec<crate::world::Flight>,
}

/// What can happen next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Meta delivers, and the gate is cut off there.
    Deliver(usize, Cut),
    /// Meta delivers once more what it has a 200 for.
    Repeat(usize),
    /// Meta delivers what it has no 200 for.
    Again,
    /// The next step of a delivery.
    Step(usize, Cut),
    /// The bot answers.
    Answer(usize, Outcome),
    /// The object at work is killed.
    Crash(usize),
    /// Something is heard of an attempt that was cut off.
    Late,
    /// Time passes to the next alarm, which rings.
    Ring(Cut),
    /// Time passes far beyond the next alarm.
    Pass,
    /// The operator does something.
    Operate(usize, Cut),
    /// An operator replays the dead letters.
    Replay,
    /// The bot posts a message, and the first conversation is asked.
    Post(usize, Cut),
    /// The next step of a message of the bot's.
    Send(usize, Cut),
    /// The Graph API answers.
    Taken(usize, Taken),
    /// Meta reports what it has sent.
    Report,
    /// The Worker is gone, and with it a message.
    Gone(usize),
    /// The owner has the policy only observe, or enforced again.
    Switch,
}

impl Model for Config {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let sent = vec![false; self.deliveries.len()];
        let (done, posted) = (vec![false; self.acts.len()], vec![false; self.posts.len()]);
        let world = if self.posts.is_empty() { World::new(BEGINNING) } else { World::with_bot(BEGINNING) };
        vec![State { world, sent, done, posted, budget: self.budget, cut_off: Vec::new() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let world = &state.world;
        let may_crash = state.budget.crashes > 0;
        let cuts: &[Cut] = if may_crash { &[Cut::BeforeAttempts, Cut::BeforeAlarm, Cut::BeforeCommit] } else { &[] };
        for at in (0..self.deliveries.len()).filter(|at| !state.sent[*at]) {
            actions.push(Action::Deliver(at, Cut::Nowhere));
            if !self.interleaved {
                // To be cut off before anything is written is not to have been delivered.
                let written = cuts.iter().filter(|cut| **cut != Cut::BeforeCommit);
                actions.extend(written.map(|cut| Action::Deliver(at, *cut)));
            }
        }
        if state.budget.repetitions > 0 {
            actions.extend((0..self.deliveries.len()).filter(|at| state.sent[*at]).map(Action::Repeat));
        }
        if !world.unacknowledged.is_empty() {
            actions.push(Action::Again);
        }
        for at in 0..world.flows.len() {
            actions.push(Action::Step(at, Cut::Nowhere));
            actions.extend(cuts.iter().map(|cut| Action::Step(at, *cut)));
        }
        for at in 0..world.flights.len() {
            actions.push(Action::Answer(at, Outcome::Accepted));
            if state.budget.failures > 0 {
                actions.push(Action::Answer(at, Outcome::Retryable { status: 500 }));
            }
            if may_crash {
                actions.push(Action::Crash(at));
            }
        }
        if !state.cut_off.is_empty() {
            actions.push(Action::Late);
        }
        // To forget is the simulator's to try: Meta repeats for a week, and the model's time is short.
        let is_near = |(at, _): (UnixMillis, _)| at < world.now.after(FAR);
        if world.next_alarm().is_some_and(is_near) && world.has_work() {
            actions.push(Action::Ring(Cut::Nowhere));
            actions.extend(cuts.iter().map(|cut| Action::Ring(*cut)));
            if state.budget.late_alarms > 0 {
                actions.push(Action::Pass);
            }
        }
        let is_dead = |name| world.objects.get(name).is_some_and(|object| !object.storage.dead().is_empty());
        if state.budget.switches > 0 {
            actions.push(Action::Switch);
        }
        if state.budget.replays > 0 && world.homes().iter().any(is_dead) {
            actions.push(Action::Replay);
        }
        let cuts = || cuts.iter().filter(|cut| **cut != Cut::BeforeCommit);
        for at in (0..self.acts.len()).filter(|at| !state.done[*at] && !world.objects.is_empty()) {
            actions.push(Action::Operate(at, Cut::Nowhere));
            actions.extend(cuts().map(|cut| Action::Operate(at, *cut)));
        }
        self.actions_of_bot(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        // What follows a violation is of no interest.
        if last.world.watch.broken.is_some() {
            return None;
        }
        let mut next = last.clone();
        let State { world, sent, done, posted, budget, cut_off } = &mut next;
        let mut spend = |cut: Cut| budget.crashes -= u8::from(cut != Cut::Nowhere);
        match action {
            Action::Deliver(at, cut) => {
                spend(cut);
                sent[at] = true;
                self.send(world, &self.deliveries[at], cut);
            }
            Action::Repeat(at) => {
                budget.repetitions -= 1;
                self.send(world, &self.deliveries[at], Cut::Nowhere);
            }
            Action::Again => {
                let delivery = world.unacknowledged.remove(0);
                self.send(world, &delivery, Cut::Nowhere);
            }
            Action::Step(at, cut) => {
                spend(cut);
                world.step_flow(&self.setting, at, cut);
            }
            Action::Answer(at, outcome) => {
                budget.failures -= u8::from(outcome != Outcome::Accepted);
                let flight = world.flights.remove(at);
                world.finish(&self.setting, &flight, outcome, Cut::Nowhere);
            }
            Action::Crash(at) => {
                budget.crashes -= 1;
                let flight = world.flights[at].clone();
                world.crash(&flight.object);
                cut_off.push(flight);
            }
            Action::Late => {
                let flight = cut_off.remove(0);
                world.finish(&self.setting, &flight, Outcome::Accepted, Cut::Nowhere);
            }
            Action::Ring(cut) => {
                spend(cut);
                let (at, name) = world.next_alarm()?;
                world.now = world.now.max(at);
                world.ring(&self.setting, &name, cut);
            }
            Action::Pass => {
                budget.late_alarms -= 1;
                let (at, _) = world.next_alarm()?;
                world.now = world.now.max(at).after(LATE);
            }
            Action::Operate(at, cut) => {
                spend(cut);
                done[at] = true;
                let act = self.acts[at].at(world.now);
                for name in world.homes() {
                    world.operate(&self.setting, &name, act, cut);
                }
            }
            Action::Replay => {
                budget.replays -= 1;
                for name in world.homes() {
                    world.replay(&self.setting, &name);
                }
            }
            Action::Post(at, cut) => {
                spend(cut);
                posted[at] = true;
                self.posts[at].post(world, &self.setting, cut);
            }
            Action::Send(at, cut) => {
                spend(cut);
                world.step_send(&self.setting, at, cut);
            }
            Action::Taken(at, taken) => {
                budget.losses -= u8::from(taken != Taken::Accepted);
                world.graph_answers(at, taken);
            }
            Action::Report => {
                for (message, name, sent_at) in world.watch.unreported() {
                    world.report(&self.setting, &name, &message, sent_at, Cut::Nowhere);
                }
            }
            Action::Switch => {
                budget.switches -= 1;
                world.watch.switch();
            }
            Action::Gone(at) => {
                budget.crashes -= 1;
                world.sends.remove(at);
            }
        }
        world.watch_all();
        world.tally.clear();
        if world.watch.broken.is_none() && world.flows.is_empty() {
            // Whatever happened, all must come to rest from here, and rightly.
            let mut rest = world.clone();
            rest.settle(&self.setting);
            world.watch.broken = rest.watch.broken;
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(property_of(Promise::Silence), |_, state| keeps(state, Promise::Silence)),
            Property::always(property_of(Promise::NothingLost), |_, state| keeps(state, Promise::NothingLost)),
            Property::always(property_of(Promise::Once), |_, state| keeps(state, Promise::Once)),
            Property::always(property_of(Promise::InOrder), |_, state| keeps(state, Promise::InOrder)),
            Property::always(property_of(Promise::NeverAlone), |_, state| keeps(state, Promise::NeverAlone)),
            Property::always(property_of(Promise::Fencing), |_, state| keeps(state, Promise::Fencing)),
            Property::always(property_of(Promise::AsConfigured), |_, state| keeps(state, Promise::AsConfigured)),
            Property::always(property_of(Promise::SilentSends), |_, state| keeps(state, Promise::SilentSends)),
            Property::always(property_of(Promise::NoLateAnswer), |_, state| keeps(state, Promise::NoLateAnswer)),
            Property::always(property_of(Promise::SentOnce), |_, state| keeps(state, Promise::SentOnce)),
            Property::always(property_of(Promise::AnswersPass), |_, state| keeps(state, Promise::AnswersPass)),
            Property::always(property_of(Promise::TurnStays), |_, state| keeps(state, Promise::TurnStays)),
            Property::always(property_of(Promise::LeaksKnown), |_, state| keeps(state, Promise::LeaksKnown)),
            Property::always(property_of(Promise::AllPasses), |_, state| keeps(state, Promise::AllPasses)),
            Property::always(property_of(Promise::Counted), |_, state| keeps(state, Promise::Counted)),
        ];
        let sometimes = [
            Property::sometimes("takeover during an attempt", |_, state: &State| {
                state.world.watch.is_held()
                    && state.world.flights.iter().any(|flight| flight.attempt.class.is_turn_bound())
            }),
            Property::sometimes("handback of what is unanswered", |_, state| noted(state, "given after a handback")),
            Property::sometimes("warning", |_, state| noted(state, "warning")),
            Property::sometimes("dead letter", |_, state| any_entry(state, EntryState::Dead)),
            Property::sometimes("replay", |config: &Config, state| state.budget.replays < config.budget.replays),
            Property::sometimes("withdrawn takeover", |_, state| noted(state, "handback: revoked")),
            Property::sometimes("customer asked for a person", |_, state| noted(state, "takeover: customer asked")),
            Property::sometimes("operator takes", |_, state| noted(state, "operator: takes")),
            Property::sometimes("operator keeps", |_, state| noted(state, "operator: keeps")),
            Property::sometimes("operator releases", |_, state| noted(state, "operator: releases")),
            Property::sometimes("operator pauses the bot", |_, state| noted(state, "operator: pauses the bot")),
            Property::sometimes("operator pauses a hold", |_, state| noted(state, "operator: pauses a hold")),
            Property::sometimes("pause ended", |_, state| noted(state, "handback: pause ended")),
            Property::sometimes("handed back in words", |_, state| noted(state, "handback: phrase")),
            Property::sometimes("late outcome", |_, state| noted(state, "late outcome")),
            Property::sometimes("merge of two names", |_, state| noted(state, "link: merged")),
            Property::sometimes("handover under way", |_, state: &State| {
                state.world.flows.iter().any(Flow::hands_over)
            }),
            Property::sometimes("amendment applied", |_, state| noted(state, "amendment applied")),
            Property::sometimes("send: let through", |_, state| noted(state, "send: let through")),
            Property::sometimes("send: let through, always", |_, state| noted(state, "send: let through, always")),
            Property::sometimes("send: let through by two", |_, state| noted(state, "send: let through by two")),
            Property::sometimes("send: links first", |_, state| noted(state, "send: links first")),
            Property::sometimes("send: refused", |_, state| noted(state, "send: refused")),
            Property::sometimes("send: refused, late", |_, state| noted(state, "send: refused, late")),
            Property::sometimes("send: repeated, answered again", |_, state| {
                noted(state, "send: repeated, answered again")
            }),
            Property::sometimes("send: repeated, unknown", |_, state| noted(state, "send: repeated, unknown")),
            Property::sometimes("send: waits for the same", |_, state| noted(state, "send: waits for the same")),
            Property::sometimes("observe: would withhold", |_, state| noted(state, "observe: would withhold")),
            Property::sometimes("observe: would prevent", |_, state| noted(state, "observe: would prevent")),
            Property::sometimes("leak: noticed", |_, state| noted(state, "leak: noticed")),
        ];
        properties.extend(sometimes.into_iter().filter(|property| self.reached.contains(&property.name)));
        properties
    }
}

impl Config {
    fn send(&self, world: &mut World, delivery: &Arc<Delivery>, cut: Cut) {
        if self.interleaved {
            world.flows.push(Flow::new(Arc::clone(delivery)));
        } else {
            world.deliver(&self.setting, delivery, cut);
        }
    }
}

/// The name of the property that stands for a promise.
pub const fn property_of(promise: Promise) -> &'static str {
    match promise {
        Promise::AllPasses => "all passes",
        Promise::AnswersPass => "answers pass",
        Promise::AsConfigured => "as configured",
        Promise::Counted => "counted",
        Promise::Fencing => "fencing",
        Promise::InOrder => "in order",
        Promise::LeaksKnown => "leaks known",
        Promise::NeverAlone => "never alone",
        Promise::NoLateAnswer => "no late answer",
        Promise::NothingLost => "nothing lost",
        Promise::Once => "once",
        Promise::SentOnce => "sent once",
        Promise::Silence => "silence",
        Promise::SilentSends => "silent sends",
        Promise::TurnStays => "turn stays",
    }
}

fn keeps(state: &State, promise: Promise) -> bool {
    state.world.watch.broken.as_ref().is_none_or(|broken| broken.promise != promise)
}

fn noted(state: &State, what: &str) -> bool {
    state.world.watch.notes.0.contains_key(what)
}

fn any_entry(state: &State, kind: EntryState) -> bool {
    let rows = state.world.objects.values().flat_map(|object| object.storage.rows.values());
    rows.into_iter().any(|row| row.entry.state == kind)
}
