//! Many customers of several lines, a bot that fails in every way, and crashes between any two effects: from a seed,
//! in the order that the seed draws, with the watch looking on.
//!
//! An episode is one policy, a dozen customers and some thousand steps, after which everything comes to rest. It has a
//! seed of its own, so what fails is replayed alone, up to the step at which it failed.
//!
//! Invariant: nothing here reads a clock or draws from anything but the episode's seed, apart from the one fresh seed
//! of each run, which is printed.
//!
//! Not here: what is right (`watch`), and what customers and persons do (`people`).

use std::collections::VecDeque;
use std::sync::Arc;

use baton::conversation::broadcast::Tally;
use baton::ids::ObjectName;
use baton::outbox::Tried;
use baton::outbox::outcome::Outcome;
use baton::time::UnixMillis;
use baton::webhook::event::Class;

use crate::broken::Fault;
use crate::chance::Chance;
use crate::flow::Flow;
use crate::outgoing::Post;
use crate::people::{Named, Person};
use crate::policies;
use crate::watch::{Notes, Violation};
use crate::world::{Cut, Delivery, Flight, Setting, World};

const CUSTOMERS: u32 = 12;
const STEPS: u32 = 3_000;

/// Tells the draw of whether an episode switches from the episode's other draws.
const SWITCHES: u64 = 0x0b5e_c4e5;

/// Steps of the customer in question that are shown.
const TRACED: usize = 60;

/// A customer: what they do, and the objects that know them.
pub struct Customer {
    pub person: Person,
    pub world: World,
    /// Deliveries that Meta may repeat.
    pub sent: VecDeque<Arc<Delivery>>,
    /// Deliveries that are late.
    pub delayed: Vec<Arc<Delivery>>,
    /// Attempts that were cut off, and of which something may still be heard.
    pub cut_off: Vec<Flight>,
    /// What the bot posted last.
    pub said: Option<Arc<Post>>,
}

/// One run with one policy.
pub struct Episode {
    pub chance: Chance,
    pub setting: Setting,
    pub customers: Vec<Customer>,
    pub tallies: [Tally; 2],
    pub now: UnixMillis,
    /// How likely the bot is to take what it gets, in percent.
    pub mood: u64,
    pub events: u64,
    pub notes: Notes,
    /// Whether the owner now and then has the policy only observe.
    switches: bool,
    trace: Option<VecDeque<(usize, String)>>,
}

/// What an episode came to.
pub struct Ended {
    pub events: u64,
    pub notes: Notes,
    /// The first violation, the step, and the last steps where they were traced.
    pub broken: Option<(Violation, u32, Vec<String>)>,
    /// The policy, and the objects of the customer in question.
    pub state: String,
}

/// Runs an episode, to its end or to this step.
pub fn run(seed: u64, fault: Fault, traced: bool) -> Ended {
    let mut episode = Episode::new(seed, fault, traced);
    for step in 0..STEPS {
        episode.step();
        if let Some(broken) = episode.broken() {
            return episode.end(Some((broken, step)));
        }
    }
    episode.rest();
    let broken = episode.broken().map(|broken| (broken, STEPS));
    episode.end(broken)
}
impl Episode {
    pub(super) fn new(seed: u64, fault: Fault, traced: bool) -> Self {
        let mut chance = Chance::new(seed);
        let policy = policies::draw(&mut chance);
        let now = UnixMillis::from_seconds(1_793_700_000);
        let customer = |number| {
            let line = if number % 2 == 0 { "300000000000001" } else { "300000000000002" };
            let habit = match number % 4 {
                0 | 3 => Named::Both,
                1 => Named::Phone,
                _ => Named::Bsuid,
            };
            let person = Person::new(line, number, habit);
            Customer {
                person,
                world: World::with_bot(now),
                sent: VecDeque::new(),
                delayed: Vec::new(),
                cut_off: Vec::new(),
                said: None,
            }
        };
        Self {
            chance,
            setting: Setting { policy, fault },
            customers: (0..CUSTOMERS).map(customer).collect(),
            tallies: [Tally::default(), Tally::default()],
            now,
            mood: 80,
            events: 0,
            notes: Notes::default(),
            // A draw of its own, so that the others are what they were before there was this one.
            switches: Chance::new(seed ^ SWITCHES).percent(30),
            trace: traced.then(VecDeque::new),
        }
    }

    pub(super) fn broken(&self) -> Option<Violation> {
        self.customers.iter().find_map(|customer| customer.world.watch.broken.clone())
    }

    pub(super) fn end(mut self, broken: Option<(Violation, u32)>) -> Ended {
        for customer in &self.customers {
            for (what, count) in &customer.world.watch.notes.0 {
                *self.notes.0.entry(what).or_default() += count;
            }
        }
        let culprit = self.customers.iter().position(|customer| customer.world.watch.broken.is_some());
        let of_culprit = |(at, line)| (Some(at) == culprit).then_some(line);
        let trace: Vec<String> = self.trace.unwrap_or_default().into_iter().filter_map(of_culprit).collect();
        let trace = trace[trace.len().saturating_sub(TRACED)..].to_vec();
        let mut state = format!("{:?}", self.setting.policy);
        for (name, object) in culprit.iter().flat_map(|at| &self.customers[*at].world.objects) {
            let row = object.storage.load(None);
            let shown = format!(
                "\n{} alarm {:?} {:?} {:?} {:?}\n",
                name.as_str(),
                object.alarm,
                row.turn,
                row.waiting,
                row.place
            );
            state.push_str(&shown);
            let journal = row.journal.iter().rev().take(6).map(|step| format!("{step:?}\n"));
            state.extend(journal);
            state.extend(row.collisions.iter().map(|collision| {
                format!("{collision:?} {}\n", collision.message.as_ref().map_or("", |id| id.as_str()))
            }));
            state.extend(row.sends.iter().map(|send| format!("{send:?}\n")));
            let entries = row.outbox.iter().chain(&row.held);
            state.extend(entries.map(|entry| format!("{} {entry:?}\n", entry.id.as_str())));
        }
        if let Some(at) = culprit {
            state.push_str(&self.customers[at].world.watch.shown());
        }
        Ended {
            state,
            events: self.events,
            notes: self.notes,
            broken: broken.map(|(violation, step)| (violation, step, trace)),
        }
    }

    pub(super) fn note(&mut self, customer: usize, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push_back((customer, format!("{:>9} ms  {}", self.now.as_millis() % 100_000_000, what())));
        }
    }

    pub(super) fn step(&mut self) {
        let at = self.chance.index(self.customers.len());
        let what = self.chance.below(1_200);
        self.customers[at].world.draw = self.chance.draw32();
        match what {
            0..=429 => self.deliver(at),
            430..=459 => self.repeat(at),
            460..=489 => self.broadcast(),
            490..=519 => self.go_on(at),
            520..=739 => self.bot_answers(at),
            740..=747 => self.crash(at),
            748..=752 => self.replay(at),
            753..=765 => self.hear_late(at),
            766..=772 => self.mood = self.chance.pick(&[0, 30, 80, 95, 100]),
            773..=780 => self.customers[at].world.watch_all(),
            781..=792 => self.operate(at),
            793..=806 if self.switches => self.switch(),
            1_000..=1_069 => self.bot_says(at, None),
            1_070..=1_169 => self.send_on(at),
            1_170..=1_194 => self.meta_reports(at),
            1_195..=1_199 => self.meta_reports_echo(at),
            _ => self.pass_time(),
        }
        self.count_broadcasts(at);
    }

    /// The owner has the policy only observe, or enforced again.
    fn switch(&mut self) {
        for at in 0..self.customers.len() {
            self.customers[at].world.watch.switch();
            let observes = self.customers[at].world.watch.observes;
            self.note(at, || format!("the policy {}", if observes { "only observes" } else { "is enforced" }));
        }
    }

    /// Where the next transaction is cut off, if anywhere.
    pub(super) fn cut(&mut self) -> Cut {
        let cut = match self.chance.below(300) {
            0 => Cut::BeforeAttempts,
            1 => Cut::BeforeAlarm,
            2 => Cut::BeforeCommit,
            _ => return Cut::Nowhere,
        };
        self.notes.count(match cut {
            Cut::BeforeAttempts => "crash: before the attempts",
            Cut::BeforeAlarm => "crash: before the alarm",
            Cut::BeforeCommit | Cut::Nowhere => "crash: before the commit",
        });
        cut
    }

    pub(super) fn deliver(&mut self, at: usize) {
        let Customer { person, delayed, world, .. } = &mut self.customers[at];
        let is_told = |event| world.watch.events.get(event).is_some_and(|seen| seen.acknowledged);
        if person.change().is_some_and(is_told) {
            self.notes.count("number changed");
            person.changed();
        }
        let mut delivery = if !delayed.is_empty() && self.chance.percent(10) {
            let late = self.chance.index(delayed.len());
            delayed.swap_remove(late)
        } else {
            person.draw(&mut self.chance, self.now)
        };
        if self.chance.percent(3) {
            self.customers[at].delayed.push(delivery);
            self.notes.count("delivery: delayed");
            return;
        }
        if delivery.events.len() == 1 && delivery.events[0].class == Class::Receipt && self.chance.percent(70) {
            match self.straight(at, &delivery) {
                Some(tried) => delivery = tried,
                None => return,
            }
        }
        let sent = &mut self.customers[at].sent;
        sent.push_back(Arc::clone(&delivery));
        if sent.len() > 20 {
            sent.pop_front();
        }
        self.send(at, &delivery);
    }

    /// A receipt goes straight from the Worker to the bot; it is stored where the bot does not take it in time.
    pub(super) fn straight(&mut self, at: usize, delivery: &Arc<Delivery>) -> Option<Arc<Delivery>> {
        let outcome = self.outcome(Class::Receipt);
        let is_slow = self.chance.percent(20);
        let world = &mut self.customers[at].world;
        let (event, body) = (&delivery.events[0], delivery.bodies[0].as_ref());
        self.events += 1;
        world.watch.sent_straight(&event.id, body, (!is_slow).then_some(outcome));
        if outcome == Outcome::Accepted && !is_slow {
            self.notes.count("receipt: straight");
            return None;
        }
        self.events -= 1;
        self.notes.count("receipt: late");
        let mut tried = Delivery::clone(delivery);
        tried.events[0].tried = Some(if is_slow { Tried::UnderWay } else { Tried::Ended(outcome) });
        Some(Arc::new(tried))
    }

    pub(super) fn send(&mut self, at: usize, delivery: &Arc<Delivery>) {
        self.events += delivery.events.len() as u64;
        self.note(at, || show(delivery));
        // Where names are about to be linked, others often come in between.
        let world = &self.customers[at].world;
        let is_unmet = |alias| world.objects.get(alias).is_none_or(|object| object.storage.elsewhere().is_none());
        let is_linking = delivery.aliases.iter().any(is_unmet);
        if self.chance.percent(if is_linking { 50 } else { 3 }) {
            if is_linking {
                return self.link_slowly(at, delivery);
            }
            self.customers[at].world.flows.push(Flow::new(Arc::clone(delivery)));
            return;
        }
        let cut = self.cut();
        self.note(at, || format!("  cut off {cut:?}"));
        self.customers[at].world.deliver(&self.setting, delivery, cut);
    }

    pub(super) fn rest(&mut self) {
        for at in 0..self.customers.len() {
            self.note(at, || "everything comes to rest".to_owned());
            let Customer { world, delayed, .. } = &mut self.customers[at];
            world.unacknowledged.append(delayed);
            world.settle(&self.setting);
        }
    }
}

fn show(delivery: &Delivery) -> String {
    let events = delivery.events.iter().zip(&delivery.meanings).map(|(event, meaning)| {
        let about = event.facts.amends.as_ref().map(|amends| match amends {
            baton::webhook::facts::Amendment::Edit(id) | baton::webhook::facts::Amendment::Revoke(id) => id.as_str(),
        });
        let what = format!("{} {} {}", event.class.name(), event.facts.kind, event.id.as_str());
        format!("{what} {} {meaning:?} {:?}", about.unwrap_or_default(), event.tried)
    });
    let events: Vec<String> = events.collect();
    let aliases: Vec<&str> = delivery.aliases.iter().map(ObjectName::as_str).collect();
    format!("{} (also {}) gets [{}]", delivery.name.as_str(), aliases.join(", "), events.join("; "))
}
