//! The watch: what the promises say, held against what is committed and what starts. It is written from the
//! promises and the policy's own words, and decides nothing.
//!
//! | file | promise |
//! |---|---|
//! | `turn` | silence: the holder as the inputs make it, and what the end of a hold owes |
//! | `wait` | never alone: who waits for a person, and that every hold ends |
//! | `meet` | two conversations that turn out to be one |
//! | `group` | what is known of one conversation |
//! | `operator` | silence: the holder as the operator makes it |
//! | `sent` | once, in order, fencing: every attempt that starts |
//! | `rest` | nothing lost: where every accepted event is, at any time and when all has come to rest |
//! | `fence` | every message of the bot's: whether it may go out, once, and what is remembered of it |
//! | `observe` | all passes: what a policy that only observes lets through and writes down |
//! | `heard` | what the bot was given, and whether a person has taken over since |
//!
//! Invariant: the first violation is kept and nothing after it is looked at, so a report names the cause and not what
//! followed from it.
//!
//! Why the inputs and not the core's state: a core that forgets a takeover is content with itself. What is read from
//! its output are claims, such as a handback in the journal, and each claim must be true by the inputs.

mod fence;
mod group;
mod heard;
mod meet;
mod observe;
mod operator;
mod rest;
mod sent;
mod turn;
mod wait;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use baton::conversation::memory::Transition;
use baton::conversation::{Conversation, Output};
use baton::ids::{EventId, ObjectName};
use baton::policy::Policy;
use baton::time::UnixMillis;
use baton::webhook::event::Class;

use crate::storage::Storage;
use crate::world::{Delivery, Did};
use fence::Sends;
use group::Group;
use sent::{Flying, Sent};

/// What can be broken.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Promise {
    /// Where the policy only observes everything passes, and what would have been withheld is written down.
    AllPasses,
    /// A message of the bot's is stopped for a person who holds, or has held since, and for nothing else.
    AnswersPass,
    /// The bot gets of a hold what the policy says, and nobody holds but whom the policy lets take.
    AsConfigured,
    /// What was stopped and what leaked is counted, each once.
    Counted,
    /// The token never falls, grows with every change of holder, and fences old outcomes off.
    Fencing,
    /// In order.
    InOrder,
    /// What the customer got beside the gate while a person held is known for it, and nothing else is.
    LeaksKnown,
    /// The customer is never left alone.
    NeverAlone,
    /// No message goes out that answers what the bot got before a person took over.
    NoLateAnswer,
    /// Nothing lost.
    NothingLost,
    /// Once.
    Once,
    /// The same message of the bot's goes out once.
    SentOnce,
    /// Silence.
    Silence,
    /// No message of the bot's goes out while a person holds.
    SilentSends,
    /// What the bot sends neither takes the baton nor gives it back.
    TurnStays,
}

/// A promise that was broken, and how.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Violation {
    pub promise: Promise,
    pub what: String,
}

/// An event that the gate has accepted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Seen {
    pub class: Class,
    pub accepted_at: UnixMillis,
    /// The names under which it came.
    names: Vec<u8>,
    /// Whether somebody must answer it.
    pub wants_answer: bool,
    /// Whether the present hold has withheld it.
    held: bool,
    /// Whether Meta was told 200.
    pub acknowledged: bool,
}

/// How often what happened. It is no part of the state: two states that differ only in this are the same.
#[derive(Clone, Debug, Default)]
pub struct Notes(pub BTreeMap<&'static str, u64>);

impl Notes {
    pub fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

impl Hash for Notes {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialEq for Notes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Notes {}

/// What is known of one customer from outside.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Watch {
    /// The first violation.
    pub broken: Option<Violation>,
    /// Whether the policy in force only observes.
    pub observes: bool,
    pub notes: Notes,
    /// The objects that were met, and for each of them its group and the largest `seq` it has given.
    names: Vec<(ObjectName, u8, u64)>,
    /// What is known to be one conversation.
    groups: Vec<Group>,
    pub events: BTreeMap<EventId, Seen>,
    sent: BTreeMap<(EventId, bool), Sent>,
    flying: Vec<Flying>,
    pub sends: Sends,
}

/// A transaction that was written.
pub struct Commit<'a> {
    pub name: &'a ObjectName,
    pub before: &'a Conversation,
    pub after: &'a Conversation,
    pub storage: &'a Storage,
    pub output: &'a Output,
    pub did: &'a Did<'a>,
    pub now: UnixMillis,
    pub policy: &'a Policy,
}

impl Commit<'_> {
    /// Whether nothing was done but to say where the events are to go.
    const fn is_routing(&self) -> bool {
        self.did.is_routed(&self.output.answer)
    }

    /// The transitions that this transaction added to the journal, as many as the output says: the owner may be warned of
    /// two waits in one millisecond, and the one line is like the other.
    fn transitions(&self) -> Vec<Transition> {
        let count = self.output.transitions.len();
        let mut new: Vec<_> = self.after.journal.iter().rev().take(count).cloned().collect();
        new.reverse();
        new
    }
}

impl Watch {
    /// Notes the first violation.
    pub fn violated(&mut self, promise: Promise, what: impl Into<String>) {
        if self.broken.is_none() {
            self.broken = Some(Violation { promise, what: what.into() });
        }
    }

    fn check(&mut self, holds: bool, promise: Promise, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(Violation { promise, what: what() });
        }
    }

    fn name(&mut self, name: &ObjectName) -> u8 {
        let at = self.names.iter().position(|(known, ..)| known == name).unwrap_or_else(|| {
            let group = u8::try_from(self.groups.len()).unwrap();
            self.groups.push(Group::default());
            self.names.push((name.clone(), group, 0));
            self.names.len() - 1
        });
        u8::try_from(at).unwrap()
    }

    fn group_of(&mut self, name: &ObjectName) -> usize {
        let at = self.name(name);
        usize::from(self.names[usize::from(at)].1)
    }

    /// A transaction was written.
    pub fn committed(&mut self, commit: &Commit<'_>) {
        if self.broken.is_some() || commit.is_routing() {
            return;
        }
        self.turn_stays(commit);
        self.fence(commit);
        self.follow(commit);
        self.all_passes(commit);
        self.nothing_waits(commit);
        self.number(commit);
        self.judge(commit);
    }

    /// Meta was told 200 for a delivery.
    pub fn acknowledged(&mut self, delivery: &Delivery, objects: &BTreeMap<ObjectName, crate::world::Object>) {
        for event in &delivery.events {
            if event.class == Class::Contact {
                continue;
            }
            let at = rest::whereabouts(&event.id, event.class, objects);
            self.check(at.is_some(), Promise::NothingLost, || {
                format!("{} was acknowledged and is nowhere", event.id.as_str())
            });
            match self.events.get_mut(&event.id) {
                Some(seen) => seen.acknowledged = true,
                None => self.violated(
                    Promise::NothingLost,
                    format!("{} was acknowledged and never accepted", event.id.as_str()),
                ),
            }
        }
    }
}
