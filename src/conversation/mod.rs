//! The protocol of one conversation: one lock, one order, one memory. Pure, total, deterministic.
//!
//! | file | what |
//! |---|---|
//! | [`turn`] | who holds the baton: holder, lease, fencing token |
//! | `accept` | what an event does: take the baton, enter the outbox, be withheld, be recognised |
//! | `deliver` | which entry is next, whether it may be sent, what an attempt's end does |
//! | [`identity`] | one customer, several names, one home |
//! | [`memory`] | the echoes and the journal in the conversation's own row |
//!
//! The contract has one sentence: load a [`Conversation`], call [`Conversation::apply`] once, write everything
//! that its [`Output`] says in one transaction, set the alarm, and only then start the attempts or answer.
//!
//! Invariants, which hold after every `apply`:
//! 1. Of the attempts that a conversation starts at most one of the talk and one of the receipts is in flight,
//!    each at the oldest open entry of its lane. (The Worker makes the first attempt at a receipt by itself.)
//! 2. An attempt at a turn-bound entry starts only while the bot holds, under the token of the present turn.
//! 3. While a person holds, no turn-bound entry waits: each is withheld, with the reason.
//! 4. `wake_at` is never later than the next thing that time alone must do.
//!
//! Not here: clocks, randomness, storage, network. `now` and a random draw are arguments, and the same
//! arguments give the same output.

mod accept;
mod deliver;
pub mod identity;
pub mod memory;
pub mod turn;

use std::collections::BTreeMap;

use crate::ids::{AttemptNumber, EventId, ObjectName};
use crate::limits::{FORGET_EVERY, KEEP_BODIES_FOR, REMEMBER_EVENTS_FOR};
use crate::outbox::outcome::Outcome;
use crate::outbox::request::Attempt;
use crate::outbox::{Entry, Reason, Tried};
use crate::policy::Policy;
use crate::time::UnixMillis;
use crate::webhook::event::Class;
use identity::{Place, Route};
use memory::{Cause, Echoes, Journal, Transition};
use turn::Turn;

/// A conversation as it is loaded: its own row, and the entries that are still open.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conversation {
    /// Whose turn it is.
    pub turn: Turn,
    /// Whether the conversation is at home here.
    pub place: Place,
    /// The last echoes.
    pub echoes: Echoes,
    /// The last transitions.
    pub journal: Journal,
    /// When to look for what may be forgotten; `None` while nothing is kept.
    pub forget_at: Option<UnixMillis>,
    /// The open entries by growing `seq`.
    pub outbox: Vec<Entry>,
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
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Incoming {
    /// The event's id.
    pub id: EventId,
    /// The event's class.
    pub class: Class,
    /// When it happened by Meta's clock.
    pub sent_at: Option<UnixMillis>,
    /// The attempt that was made already, if there was one.
    pub tried: Option<Tried>,
}

/// Something that happens to a conversation.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Events of a delivery. `known` holds the entries of those ids that the conversation has accepted
    /// before; `phone` is the object of the customer's phone number, where the events name both.
    Accept {
        /// The events, in their order.
        events: &'a [Incoming],
        /// Those of them that are known.
        known: &'a BTreeMap<EventId, Entry>,
        /// The other name under which the customer may have been met.
        phone: Option<&'a ObjectName>,
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
    /// What to tell the caller of [`Input::Accept`].
    pub answer: Answer,
}

/// A row to write.
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// An entry has moved on. A delivered entry loses its body.
    Update(Entry),
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
    /// Nothing is stored: the conversation lives there. The events at these indices are known here.
    Moved {
        /// The home of the conversation.
        to: ObjectName,
        /// Events that need not be taken there.
        known: Vec<usize>,
    },
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
        if let Input::Accept { events, known, phone } = input {
            match self.place.route(*phone) {
                Route::Here => {}
                Route::LinkFirst(phone) => output.answer = Answer::LinkFirst(phone),
                Route::Moved(to) => {
                    let is_known = |event: &Incoming| known.contains_key(&event.id) || self.echoes.contains(&event.id);
                    let known = (0..).zip(*events).filter(|(_, event)| is_known(event)).map(|(at, _)| at).collect();
                    output.answer = Answer::Moved { to, known };
                }
            }
            if !matches!(output.answer, Answer::Accepted { .. }) {
                output.wake_at = self.wake_at();
                return output;
            }
        }

        self.end_lease(context, &mut output);
        self.lose_interrupted(context, &mut output);
        match *input {
            Input::Accept { events, known, .. } => self.accept(events, known, context, &mut output),
            Input::Finish { id, number, outcome } => self.finish(id, number, outcome, context, &mut output),
            Input::Wake { oldest } => self.forget(oldest, context, &mut output),
        }
        self.start_next(context, &mut output);
        output.wake_at = self.wake_at();
        output
    }

    fn end_lease(&mut self, context: Context<'_>, output: &mut Output) {
        if self.turn.expire(context.now) {
            self.record(memory::Change::Handback, Cause::LeaseExpired, context, output);
        }
    }

    fn record(&mut self, transition: memory::Change, cause: Cause, context: Context<'_>, output: &mut Output) {
        self.journal.record(Transition { at_ms: context.now, transition, cause, token: self.turn.token });
        output.save = true;
    }

    /// Forgets what is old enough, and says when to look again.
    fn forget(&mut self, oldest: Option<UnixMillis>, context: Context<'_>, output: &mut Output) {
        if !self.forgets_at(context.now) {
            return;
        }
        let events_before = context.now.before(REMEMBER_EVENTS_FOR);
        let bodies_before = context.now.before(KEEP_BODIES_FOR);
        if oldest.is_some_and(|oldest| oldest < bodies_before) {
            output.changes.push(Change::Forget { events_before, bodies_before });
        }
        if self.place.is_elsewhere() {
            // The home has had these for a week; here they only wait to be forgotten.
            for mut entry in self.outbox.drain(..) {
                entry.withhold(Reason::Moved);
                output.changes.push(Change::Update(entry));
            }
        }
        self.echoes.forget(events_before);
        let nothing_left = oldest.is_none() && self.echoes.is_empty();
        self.forget_at = (!nothing_left).then(|| context.now.after(FORGET_EVERY));
        output.save = true;
    }

    /// When the next thing happens that only time brings about.
    fn wake_at(&self) -> Option<UnixMillis> {
        [self.turn.lease_until(), self.next_at(), self.forget_at].into_iter().flatten().min()
    }

    /// Makes sure that what is written now will be forgotten one day.
    fn forget_later(&mut self, context: Context<'_>, output: &mut Output) {
        if self.forget_at.is_none() {
            self.forget_at = Some(context.now.after(KEEP_BODIES_FOR));
            output.save = true;
        }
    }
}
