//! The protocol of one conversation: one lock, one order, one memory. Pure, total, deterministic.
//!
//! | file | what |
//! |---|---|
//! | [`turn`] | who holds the baton: holder, hold, fencing token |
//! | `accept` | what an event does when it arrives: its rule, its place, or that it is known |
//! | `person` | what a person of the shop does: take, keep, hand back, undo |
//! | [`operator`] | what the operator does: take, release, pause |
//! | [`release`] | when a hold ends, when the owner is warned, what the bot then gets |
//! | `deliver` | which entry is next, whether it may be sent, what an attempt's end does |
//! | `gather` | bursts: waiting until the customer has finished, and making one text of several |
//! | [`identity`] | one customer, several names, one home |
//! | [`fence`] | whether the bot may speak now, and what came of it |
//! | [`sends`], [`collisions`] | what the bot has sent, and what met a person's turn |
//! | [`broadcast`] | the same words to many customers of a line |
//! | [`memory`] | the echoes and the journal in the conversation's own row |
//! | [`explain`] | why an event stands where it stands, in one sentence |
//! | [`trial`] | what would happen to events, without anything happening |
//! | [`output`] | what an input brings about |
//!
//! The contract has one sentence: load a [`Conversation`], call [`Conversation::apply`] once, write everything
//! that its [`Output`] says in one transaction, set the alarm, and only then start the attempts or answer.
//!
//! Invariants, which hold after every `apply`:
//! 1. Of the attempts that a conversation starts at most one of each lane is in flight, and what it started at was
//!    the oldest open entry of the lane. (The Worker makes the first attempt at a receipt by itself.)
//! 2. An attempt at a turn-bound entry starts only while the bot holds, under the token of the present turn.
//! 3. While a person holds, no turn-bound entry waits: each is withheld, with the reason.
//! 4. While a person holds, no send of the bot's is let through but what the policy names.
//! 5. `wake_at` is never later than the next thing that time alone must do; a hold and a waiting customer have one.
//!
//! Not here: clocks, randomness, storage, network. `now` and a random draw are arguments, and the same
//! arguments give the same output.

mod accept;
pub mod broadcast;
pub mod collisions;
mod deliver;
pub mod explain;
pub mod fence;
mod gather;
pub mod identity;
pub mod memory;
pub mod operator;
pub mod output;
mod person;
pub mod release;
pub mod sends;
pub mod trial;
pub mod turn;

use std::collections::BTreeMap;

use crate::ids::{AttemptNumber, Customer, EventId, LineId, ObjectName};
use crate::limits::{FORGET_EVERY, REMEMBER_EVENTS_FOR, REMEMBER_SENDS_FOR};
use crate::outbox::outcome::Outcome;
use crate::outbox::{Entry, Reason, Tried};
use crate::policy::Policy;
use crate::time::UnixMillis;
use crate::webhook::event::{Class, sent_message};
use crate::webhook::facts::{Amendment, Facts};
use collisions::Collisions;
use fence::{Asked, SendEnd};
use identity::{Place, Route};
use memory::{Cause, Echoes, Journal, Transition};
use operator::Act;
pub use output::{Alert, Answer, Change, Output, Rewrite, Tallied};
use release::Waiting;
use sends::Sends;
use turn::Turn;

/// A conversation as it is loaded: its own row, the entries that are still open, and those that the present hold
/// withheld.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Conversation {
    /// Whose turn it is.
    pub turn: Turn,
    /// Since when the customer waits for a person; `None` while they do not.
    pub waiting: Option<Waiting>,
    /// Whether the conversation is at home here.
    pub place: Place,
    /// Where it is not any more: the names that led here.
    pub linked_before: Vec<ObjectName>,
    /// The customer's name in the phone's address book, where a rule looks for a marker that it bears.
    pub contact: Option<String>,
    /// The last echoes.
    pub echoes: Echoes,
    /// The last transitions.
    pub journal: Journal,
    /// The bot's last sends, as far as they came by the gate.
    pub sends: Sends,
    /// The bot's sends that met a person's turn.
    pub collisions: Collisions,
    /// When to look for what may be forgotten; `None` while nothing is kept.
    pub forget_at: Option<UnixMillis>,
    /// The largest `seq` of any entry that is stored.
    pub last_seq: u64,
    /// The open entries by growing `seq`.
    pub outbox: Vec<Entry>,
    /// The entries that the present hold withheld, and that are the bot's again once it has ended.
    pub held: Vec<Entry>,
}

/// What the conversation cannot know by itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The present time.
    pub now: UnixMillis,
    /// The owner's policy.
    pub policy: &'a Policy,
    /// A random number.
    pub draw: u32,
}

/// An event as it arrives at the conversation.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Incoming {
    /// The event's id.
    pub id: EventId,
    /// The event's class.
    pub class: Class,
    /// When it happened by Meta's clock.
    pub sent_at: Option<UnixMillis>,
    /// The attempt that was made already, if there was one.
    pub tried: Option<Tried>,
    /// What it says.
    pub facts: Facts,
}

impl Incoming {
    /// The message of the business's that this event reports as sent.
    pub(crate) fn sent_message(&self) -> Option<EventId> {
        if self.class == Class::Receipt { sent_message(&self.id) } else { None }
    }

    /// The ids whose entries the conversation wants to see: the event's own, and that of the message it amends.
    pub fn ids(&self) -> impl Iterator<Item = &EventId> {
        let amended = self.facts.amends.as_ref().map(|amends| match amends {
            Amendment::Edit(id) | Amendment::Revoke(id) => id,
        });
        core::iter::once(&self.id).chain(amended)
    }
}

/// Events of a delivery, on their arrival at the conversation.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The events, in their order.
    pub events: &'a [Incoming],
    /// The entries of their [`Incoming::ids`], as far as the conversation has them.
    pub known: &'a BTreeMap<EventId, Entry>,
    /// The name of the object at which they arrive.
    pub here: &'a ObjectName,
    /// The other names under which the customer may have been met.
    pub aliases: &'a [ObjectName],
    /// The customer, as the events name them.
    pub customer: Option<&'a Customer>,
    /// The business number.
    pub line: Option<&'a LineId>,
    /// When the customer's last message was accepted; it matters where a person's message is among the events.
    pub last_said: Option<UnixMillis>,
}

/// Something that happens to a conversation.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Events arrive.
    Accept(Arrival<'a>),
    /// An echo was a broadcast.
    Broadcast {
        /// The echo.
        echo: &'a EventId,
    },
    /// An attempt has ended.
    Finish {
        /// The entry.
        id: &'a EventId,
        /// The attempt.
        number: AttemptNumber,
        /// How it ended.
        outcome: Outcome,
    },
    /// The operator takes the baton, gives it back, or keeps the bot out.
    Operator(Act),
    /// An operator sends dead letters on their way again.
    Replay {
        /// The dead letters.
        dead: &'a [Entry],
    },
    /// The bot asks whether it may send a message.
    Send(Asked<'a>),
    /// A send has come to its end.
    Settle {
        /// When it began.
        begun_at: UnixMillis,
        /// What it said.
        digest: &'a str,
        /// How it ended.
        end: &'a SendEnd,
    },
    /// Meta reports that a message was sent to the customer.
    Sent {
        /// The message.
        id: &'a EventId,
        /// When it was sent by Meta's clock.
        sent_at: Option<UnixMillis>,
        /// Whether there is an entry of this id.
        is_known: bool,
    },
    /// The alarm has rung. `oldest` is when the oldest event that is kept was accepted; it counts only where
    /// [`Conversation::forgets_at`] says so.
    Wake {
        /// The age of what is kept.
        oldest: Option<UnixMillis>,
    },
}

impl Conversation {
    /// How many entries it has in memory.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.outbox.len().saturating_add(self.held.len())
    }

    /// Whether anything ever happened here.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        *self == Self::default()
    }

    /// Since when the present side holds; `None` where the bot always has, or the journal has forgotten.
    #[must_use]
    pub fn holds_since(&self) -> Option<UnixMillis> {
        let handback = |step: &&Transition| step.transition == memory::Change::Handback;
        match self.turn.hold() {
            Some(hold) => Some(hold.since_ms),
            None => self.journal.iter().rev().find(handback).map(|step| step.at_ms),
        }
    }

    /// Whether it is time to look for what may be forgotten, and so to know the age of what is kept.
    #[must_use]
    pub fn forgets_at(&self, now: UnixMillis) -> bool {
        self.forget_at.is_some_and(|at| at <= now)
    }

    /// The one transition function.
    pub fn apply(&mut self, input: &Input<'_>, context: Context<'_>) -> Output {
        let mut output = Output::default();
        if let Some(answer) = self.routed(input) {
            output.answer = answer;
            output.wake_at = self.wake_at(context.policy);
            return output;
        }

        if !self.place.is_elsewhere() {
            self.pass_time(context, &mut output);
        }
        self.lose_interrupted(context, &mut output);
        if !self.place.is_elsewhere() {
            // Before the input, because a person's words answer what is withheld by then.
            self.withhold_what_passed(context, &mut output);
        }
        match input {
            Input::Accept(arrival) => self.accept(arrival, context, &mut output),
            Input::Broadcast { echo } => self.was_broadcast(echo, context, &mut output),
            Input::Finish { id, number, outcome } => self.finish(id, *number, *outcome, context, &mut output),
            Input::Operator(act) => self.operate(*act, context, &mut output),
            Input::Replay { dead } => self.replay(dead, context, &mut output),
            Input::Send(asked) => self.asked_to_send(asked, context, &mut output),
            Input::Settle { begun_at, digest, end } => self.settle_send(*begun_at, digest, end, context, &mut output),
            Input::Sent { id, sent_at, is_known } => self.was_sent(id, *sent_at, *is_known, context, &mut output),
            Input::Wake { oldest } => self.forget(*oldest, context, &mut output),
        }
        self.start_next(context, &mut output);
        output.wake_at = self.wake_at(context.policy);
        output
    }

    /// What is to be done first, where the customer's names must be linked or the conversation lives elsewhere.
    fn routed(&self, input: &Input<'_>) -> Option<Answer> {
        let route = match input {
            Input::Accept(arrival) => self.place.route(arrival.here, arrival.aliases),
            Input::Send(asked) => self.place.route(asked.here, asked.via.map_or(&[], core::slice::from_ref)),
            Input::Broadcast { .. }
            | Input::Finish { .. }
            | Input::Operator(_)
            | Input::Replay { .. }
            | Input::Sent { .. }
            | Input::Settle { .. }
            | Input::Wake { .. } => return None,
        };
        match (route, input) {
            (Route::Here, _) => None,
            (Route::LinkFirst(name), _) => Some(Answer::LinkFirst(name)),
            (Route::LinkVia(name), _) => Some(Answer::LinkVia(name)),
            (Route::Moved(to), Input::Accept(arrival)) => Some(self.moved(to, arrival)),
            (Route::Moved(to), _) => Some(Answer::Moved { to, known: Vec::new() }),
        }
    }

    /// The answer of an object in which the conversation does not live.
    fn moved(&self, to: ObjectName, arrival: &Arrival<'_>) -> Answer {
        let is_stored =
            |event: &Incoming| arrival.known.get(&event.id).is_some_and(|before| !before.is_superseded_by(event.class));
        let is_known = |event: &Incoming| is_stored(event) || self.echoes.contains(&event.id);
        let known = (0..).zip(arrival.events).filter(|(_, event)| is_known(event)).map(|(at, _)| at).collect();
        Answer::Moved { to, known }
    }

    fn record(
        &mut self,
        transition: memory::Change,
        cause: Cause,
        event: Option<&EventId>,
        context: Context<'_>,
        output: &mut Output,
    ) {
        let token = self.turn.token;
        let transition = Transition { at_ms: context.now, transition, cause, token, event: event.cloned() };
        output.transitions.push(transition.clone());
        self.journal.record(transition);
        output.save = true;
    }

    /// Forgets what is old enough, and says when to look again.
    fn forget(&mut self, oldest: Option<UnixMillis>, context: Context<'_>, output: &mut Output) {
        if !self.forgets_at(context.now) {
            return;
        }
        // An event outlives its body, or a repetition would be taken for news.
        let remembered = REMEMBER_EVENTS_FOR.max(context.policy.keep_bodies.plus(FORGET_EVERY));
        let events_before = context.now.before(remembered);
        let bodies_before = context.now.before(context.policy.keep_bodies);
        // What the present hold withholds is the bot's again after it, and must still say something then: a message that
        // was tried for days before a person took over may be older than what is kept. By the time at which it was withheld,
        // as that is what is forgotten by: where the clock was set back that is before it came.
        let settled_at = |entry: &Entry| entry.settled_at.unwrap_or(entry.accepted_at);
        let held_since = self.held.iter().map(settled_at).min().unwrap_or(bodies_before);
        let bodies_before = bodies_before.min(held_since).max(events_before);
        if oldest.is_some_and(|oldest| oldest < bodies_before) {
            output.changes.push(Change::Forget { events_before, bodies_before });
            self.held.retain(|entry| settled_at(entry) >= events_before);
        }
        if self.place.is_elsewhere() {
            // The home has had these for a week; here they only wait to be forgotten.
            for mut entry in self.outbox.drain(..) {
                entry.withhold(Reason::Moved, context.now);
                output.changes.push(Change::Update(entry));
            }
        }
        self.echoes.forget(events_before);
        self.sends.forget(context.now.before(REMEMBER_SENDS_FOR));
        self.collisions.forget(events_before);
        let nothing_left = oldest.is_none()
            && self.echoes.is_empty()
            && self.sends.is_empty()
            && self.collisions.iter().next().is_none();
        self.forget_at = (!nothing_left).then(|| context.now.after(FORGET_EVERY));
        output.save = true;
    }

    /// When the next thing happens that only time brings about.
    fn wake_at(&self, policy: &Policy) -> Option<UnixMillis> {
        if self.place.is_elsewhere() {
            return self.forget_at;
        }
        let times = [self.release_at(policy), self.warn_at(policy), self.next_at(policy), self.forget_at];
        times.into_iter().flatten().min()
    }

    /// Makes sure that what is written now will be forgotten one day.
    fn forget_later(&mut self, context: Context<'_>, output: &mut Output) {
        if self.forget_at.is_none() {
            self.forget_at = Some(context.now.after(context.policy.keep_bodies));
            output.save = true;
        }
    }
}
