//! Bursts: a customer who writes three messages where one would do is answered once.
//!
//! A message that may be one of several waits until the customer has been silent for `burst_seconds`. The messages
//! that wait like this, one behind the other, are a run; the run starts when the last of them is due, and with
//! `merge_text` the texts that it begins with become one.
//!
//! Invariant: a run starts [`BURST_EXTENSION_MAX`] after its first message is due at the latest, however long the
//! customer goes on. A message that was tried once is never gathered, because its bytes must not change.
//!
//! Why the wait is worked out anew each time and not written into the messages that wait: each message of a burst
//! would cost as many rows as there are messages before it.

use super::deliver::Lane;
use super::{Change, Context, Conversation, Output, Rewrite};
use crate::ids::AttemptNumber;
use crate::limits::{BURST_EXTENSION_MAX, BURST_TEXTS_MAX};
use crate::outbox::{Entry, Reason, State};
use crate::policy::{BurstMode, Policy};
use crate::time::UnixMillis;
use crate::webhook::event::Class;

impl Conversation {
    /// When the oldest open entry of a lane is due, where it waits: with its run, if it has one.
    pub(super) fn run_due(&self, lane: &Lane, policy: &Policy) -> Option<UnixMillis> {
        if policy.observes() {
            return self.due_where_nothing_waits(lane);
        }
        let mut run = self.run(lane, policy).filter_map(|entry| match entry.state {
            State::Waiting(due) => Some(due),
            State::Dead | State::Delivered | State::InFlight(_) | State::Withheld => None,
        });
        let first = run.next()?;
        Some(run.fold(first, UnixMillis::max).min(first.after(BURST_EXTENSION_MAX)))
    }

    /// When the oldest open entry of a lane is due where nobody waits for the customer to finish, or for a person to be
    /// first: at once, unless an attempt at it has failed.
    fn due_where_nothing_waits(&self, lane: &Lane) -> Option<UnixMillis> {
        let head = self.outbox.iter().find(|entry| Lane::of(entry) == *lane)?;
        let is_untried = head.attempts == AttemptNumber::default();
        match (head.state, head.reason) {
            (State::Waiting(_), Some(Reason::Burst | Reason::HumanFirst)) if is_untried => Some(head.accepted_at),
            (State::Waiting(_), None) if is_untried && head.class == Class::Ghost => Some(head.accepted_at),
            (State::Waiting(due), _) => Some(due),
            (State::Dead | State::Delivered | State::InFlight(_) | State::Withheld, _) => None,
        }
    }

    /// Makes one text of those with which the run of a lane begins: the last of them, which takes the others' words
    /// along. Does nothing where there are not two of them.
    pub(super) fn merge_run(&mut self, lane: &Lane, context: Context<'_>, output: &mut Output) {
        if context.policy.burst.mode == BurstMode::Separate || context.policy.observes() {
            return;
        }
        let texts = self.run(lane, context.policy).take_while(|entry| entry.note.is_text).take(BURST_TEXTS_MAX);
        let ids: Vec<_> = texts.map(|entry| entry.id.clone()).collect();
        let [others @ .., last] = ids.as_slice() else { return };
        if others.is_empty() {
            return;
        }
        output.changes.push(Change::Rewrite { id: last.clone(), how: Rewrite::Merged(ids.clone()) });
        let is_other = |entry: &Entry| others.contains(&entry.id);
        let (merged, open) = core::mem::take(&mut self.outbox).into_iter().partition(is_other);
        self.outbox = open;
        for mut entry in merged {
            entry.note.part_of = Some(last.clone());
            entry.withhold(Reason::Merged, context.now);
            output.changes.push(Change::Update(entry));
        }
    }

    /// The oldest open entry of a lane, and those behind it that wait for the same silence.
    fn run<'a>(&'a self, lane: &'a Lane, policy: &'a Policy) -> impl Iterator<Item = &'a Entry> {
        let mut of_lane = self.outbox.iter().filter(|entry| Lane::of(entry) == *lane);
        let first = of_lane.next();
        let is_gathered = |entry: &Entry| {
            let is_untried = entry.attempts == AttemptNumber::default();
            let waits = matches!(entry.reason, Some(Reason::Burst | Reason::HumanFirst));
            waits && is_untried && policy.burst.wait > crate::time::Millis::default()
        };
        let gathered = first.is_some_and(is_gathered);
        first.into_iter().chain(of_lane.take_while(move |entry| gathered && is_gathered(entry)))
    }
}
