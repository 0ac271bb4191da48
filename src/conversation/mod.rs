//! The protocol of one conversation: one lock, one order, one memory. Pure, total, deterministic.
//!
//! | file | what |
//! |---|---|
//! | [`turn`] | who holds the baton: holder, hold, fencing token |
//! | `accept` | what an event does when it arrives: its rule, its place, or that it is known |
//! | `person` | what a person of the shop does: take, keep, hand back, undo |
//! | [`release`] | when a hold ends, when the owner is warned, what the bot then gets |
//! | `deliver` | which entry is next, whether it may be sent, what an attempt's end does |
//! | `gather` | bursts: waiting until the customer has finished, and making one text of several |
//! | [`identity`] | one customer, several names, one home |
//! | [`broadcast`] | the same words to many customers of a line |
//! | [`memory`] | the echoes and the journal in the conversation's own row |
//! | [`explain`] | why an event stands where it stands, in one sentence |
//!
//! The contract has one sentence: load a [`Conversation`], call [`Conversation::apply`] once, write everything
//! that its [`Output`] says in one transaction, set the alarm, and only then start the attempts or answer.
//!
//! Invariants, which hold after every `apply`:
//! 1. Of the attempts that a conversation starts at most one of each lane is in flight, and what it started at was
//!    the oldest open entry of the lane. (The Worker makes the first attempt at a receipt by itself.)
//! 2. An attempt at a turn-bound entry starts only while the bot holds, under the token of the present turn.
//! 3. While a person holds, no turn-bound entry waits: each is withheld, with the reason.
//! 4. `wake_at` is never later than the next thing that time alone must do; a hold and a waiting customer have one.
//!
//! Not here: clocks, randomness, storage, network. `now` and a random draw are arguments, and the same
//! arguments give the same output.

mod accept;
pub mod broadcast;
mod deliver;
pub mod explain;
mod gather;
pub mod identity;
pub mod memory;
mod person;
pub mod release;
pub mod turn;

use std::collections::BTreeMap;

use crate::ids::{AttemptNumber, Customer, EventId, LineId, ObjectName};
use crate::limits::{FORGET_EVERY, REMEMBER_EVENTS_FOR};
use crate::outbox::outcome::Outcome;
use crate::outbox::request::Attempt;
use crate::outbox::{Entry, Reason, Tried};
use crate::policy::Policy;
use crate::time::UnixMillis;
use crate::webhook::event::Class;
use crate::webhook::facts::{Amendment, Facts};
use identity::{Place, Route};
use memory::{Cause, Echoes, Journal, Transition};
use release::Waiting;
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
    /// An operator sends dead letters on their way again.
    Replay {
        /// The dead letters.
        dead: &'a [Entry],
    },
    /// The alarm has rung. `oldest` is when the oldest event that is kept was accepted; it counts only where
    /// [`Conversation::forgets_at`] says so.
    Wake {
        /// The age of what is kept.
        oldest: Option<UnixMillis>,
    },
}

/// What is to be done after an input.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Output {
    /// Rows to write, in this order.
    pub changes: Vec<Change>,
    /// Whether the conversation's own row is to be written.
    pub save: bool,
    /// The attempts to start once everything is written.
    pub attempts: Vec<Attempt>,
    /// When to wake the conversation at the latest.
    pub wake_at: Option<UnixMillis>,
    /// What to tell the caller of [`Input::Accept`] or [`Input::Replay`].
    pub answer: Answer,
    /// What somebody should be told.
    pub alerts: Vec<Alert>,
    /// Echoes that may be part of a broadcast.
    pub tally: Vec<Tallied>,
}

impl Output {
    /// Notes that an entry has moved on. One that this very output writes is written in its new state at once: the
    /// first attempt at a message costs no row of its own.
    fn write(&mut self, entry: Entry) {
        let written = self.changes.iter_mut().rev().find_map(|change| match change {
            Change::Put { entry: put, .. } | Change::Update(put) if put.id == entry.id => Some(put),
            Change::Put { .. } | Change::Update(_) | Change::Rewrite { .. } | Change::Forget { .. } => None,
        });
        match written {
            Some(written) => *written = entry,
            None => self.changes.push(Change::Update(entry)),
        }
    }

    /// Whether there is anything to write.
    #[must_use]
    pub fn is_to_be_written(&self) -> bool {
        self.save || !self.changes.is_empty()
    }
}

/// Something that the owner should be told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Alert {
    /// The bot wants no more events at its address (status 410).
    BotGone,
    /// A customer has waited for a person for as long as `warn_after_seconds`.
    CustomerUnanswered,
    /// A part of the talk was given up on.
    DeadLetter,
}

impl Alert {
    /// The alert of an entry that was given up on. Some bots refuse every receipt, which is nobody's concern.
    fn of_dead_letter(entry: &Entry) -> Option<Self> {
        match entry.reason {
            Some(Reason::Status(410)) => Some(Self::BotGone),
            _ => entry.class.is_turn_bound().then_some(Self::DeadLetter),
        }
    }
}

/// An echo that may be part of a broadcast: to be counted over the line's customers ([`broadcast`]).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Tallied {
    /// The echo.
    pub echo: EventId,
    /// The digest of what was sent.
    pub content: String,
}

/// A row to write.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Change {
    /// Forget events that were accepted before `events_before`, and bodies from before `bodies_before`.
    Forget {
        /// Rows older than this go.
        events_before: UnixMillis,
        /// Bodies older than this go.
        bodies_before: UnixMillis,
    },
    /// A new entry, or one that replaces the entry of the same id. Its body is that of the input's event at
    /// index `event`; `None` where no body is kept.
    Put {
        /// The entry.
        entry: Entry,
        /// Where its body is.
        event: Option<usize>,
        /// Whether there is an entry of this id already.
        replaces: bool,
    },
    /// The body of an entry changes before the bot gets it.
    Rewrite {
        /// The entry.
        id: EventId,
        /// How.
        how: Rewrite,
    },
    /// An entry has moved on. One that is done with its body loses it.
    Update(Entry),
}

/// How a body changes before the bot gets it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Rewrite {
    /// The customer edited the message; the edit is the input's event at this index.
    Edited {
        /// Where the edit is.
        event: usize,
    },
    /// The texts of these entries, in their order, become one. The last of them is the entry itself.
    Merged(Vec<EventId>),
}

/// What the caller of [`Input::Accept`] is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Everything is stored.
    Accepted {
        /// Events that are new.
        new: usize,
        /// Events that were known.
        duplicates: usize,
    },
    /// Nothing is stored: first the conversation must learn whether this object knows the customer.
    LinkFirst(ObjectName),
    /// Nothing is stored: first this object must learn whether the conversation knows the customer.
    LinkVia(ObjectName),
    /// Nothing is stored: the conversation lives there. The events at these indices are known here.
    Moved {
        /// The home of the conversation.
        to: ObjectName,
        /// Events that need not be taken there.
        known: Vec<usize>,
    },
    /// This many dead letters are on their way again.
    Replayed(usize),
}

impl Default for Answer {
    fn default() -> Self {
        Self::Accepted { new: 0, duplicates: 0 }
    }
}

impl Conversation {
    /// Whether anything ever happened here.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is time to look for what may be forgotten, and so to know the age of what is kept.
    #[must_use]
    pub fn forgets_at(&self, now: UnixMillis) -> bool {
        self.forget_at.is_some_and(|at| at <= now)
    }

    /// The one transition function.
    pub fn apply(&mut self, input: &Input<'_>, context: Context<'_>) -> Output {
        let mut output = Output::default();
        if let Input::Accept(arrival) = input {
            match self.place.route(arrival.here, arrival.aliases) {
                Route::Here => {}
                Route::LinkFirst(name) => output.answer = Answer::LinkFirst(name),
                Route::LinkVia(name) => output.answer = Answer::LinkVia(name),
                Route::Moved(to) => output.answer = self.moved(to, arrival),
            }
            if !matches!(output.answer, Answer::Accepted { .. }) {
                output.wake_at = self.wake_at(context.policy);
                return output;
            }
        }

        if !self.place.is_elsewhere() {
            self.pass_time(context, &mut output);
        }
        self.lose_interrupted(context, &mut output);
        match input {
            Input::Accept(arrival) => self.accept(arrival, context, &mut output),
            Input::Broadcast { echo } => self.was_broadcast(echo, context, &mut output),
            Input::Finish { id, number, outcome } => self.finish(id, *number, *outcome, context, &mut output),
            Input::Replay { dead } => self.replay(dead, context, &mut output),
            Input::Wake { oldest } => self.forget(*oldest, context, &mut output),
        }
        self.start_next(context, &mut output);
        output.wake_at = self.wake_at(context.policy);
        output
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
        self.journal.record(Transition { at_ms: context.now, transition, cause, token, event: event.cloned() });
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
        // was tried for days before a person took over may be older than what is kept.
        let held_since = self.held.iter().map(|entry| entry.accepted_at).min().unwrap_or(bodies_before);
        let bodies_before = bodies_before.min(held_since).max(events_before);
        if oldest.is_some_and(|oldest| oldest < bodies_before) {
            output.changes.push(Change::Forget { events_before, bodies_before });
            self.held.retain(|entry| entry.settled_at.unwrap_or(entry.accepted_at) >= events_before);
        }
        if self.place.is_elsewhere() {
            // The home has had these for a week; here they only wait to be forgotten.
            for mut entry in self.outbox.drain(..) {
                entry.withhold(Reason::Moved, context.now);
                output.changes.push(Change::Update(entry));
            }
        }
        self.echoes.forget(events_before);
        let nothing_left = oldest.is_none() && self.echoes.is_empty();
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
