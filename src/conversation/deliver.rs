//! Which entry is next, whether it may be sent, and what the end of an attempt does.
//!
//! A conversation has two lanes. The talk is sent one entry at a time, in the order of acceptance: while the
//! oldest is in flight or waits for its retry, the ones behind it wait too, and no other conversation does.
//! Receipts have a lane of their own, because some bots answer 500 to receipts that they do not know, and a
//! customer's message must not wait three days behind one (`docs/decisions/0005-receipts.md`).
//!
//! Why the token is compared here once more, although a takeover withholds everything that waits: this is the
//! one gate that every attempt passes, and the promise of silence must not hang on a list being complete.

use super::{Change, Context, Conversation, Output};
use crate::ids::{AttemptNumber, EventId};
use crate::outbox::outcome::{Loss, Outcome};
use crate::outbox::request::Attempt;
use crate::outbox::{Entry, Reason, State};
use crate::time::UnixMillis;
use crate::webhook::event::Class;

/// What waits for each other.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Lane {
    /// What the statuses of the business's own messages are.
    Receipts,
    /// The talk with the customer.
    Talk,
}

const LANES: [Lane; 2] = [Lane::Talk, Lane::Receipts];

impl Lane {
    const fn of(class: Class) -> Self {
        if class.is_turn_bound() { Self::Talk } else { Self::Receipts }
    }
}

impl Conversation {
    /// Starts the next attempt of each lane, where one is due and none is under way.
    pub(super) fn start_next(&mut self, context: Context<'_>, output: &mut Output) {
        if self.place.is_elsewhere() {
            return;
        }
        for lane in LANES {
            self.start_next_of(lane, context, output);
        }
    }

    fn start_next_of(&mut self, lane: Lane, context: Context<'_>, output: &mut Output) {
        while let Some(at) = self.head(lane) {
            let Some(head) = self.outbox.get_mut(at) else { return };
            match head.state {
                State::Waiting(due) if due <= context.now => {}
                State::Dead | State::Delivered | State::InFlight(_) | State::Waiting(_) | State::Withheld => return,
            }
            if lane == Lane::Talk && !self.turn.lets_through(head.token) {
                head.withhold(Reason::TakenOver);
                output.changes.push(Change::Update(self.outbox.remove(at)));
                continue;
            }
            head.start(context.now);
            let (id, number) = (head.id.clone(), head.attempts);
            output.attempts.push(Attempt { id, class: head.class, token: head.token, number });
            started(output, head.clone());
            return;
        }
    }

    /// Where the oldest open entry of a lane stands in the outbox.
    fn head(&self, lane: Lane) -> Option<usize> {
        self.outbox.iter().position(|entry| Lane::of(entry.class) == lane)
    }

    /// When the oldest open entries are due, or count as lost.
    pub(super) fn next_at(&self) -> Option<UnixMillis> {
        // A conversation that lives elsewhere sends nothing from here.
        if self.place.is_elsewhere() {
            return None;
        }
        let at = |lane| match self.outbox.get(self.head(lane)?)?.state {
            State::InFlight(at) | State::Waiting(at) => Some(at),
            State::Dead | State::Delivered | State::Withheld => None,
        };
        LANES.into_iter().filter_map(at).min()
    }

    /// Records how an attempt ended.
    pub(super) fn finish(
        &mut self,
        id: &EventId,
        number: AttemptNumber,
        outcome: Outcome,
        context: Context<'_>,
        output: &mut Output,
    ) {
        let Some(at) = self.outbox.iter().position(|entry| entry.id == *id) else {
            return;
        };
        let Some(entry) = self.outbox.get_mut(at) else { return };
        if !entry.finish(number, outcome, context.now, &context.policy.retry_schedule, context.draw) {
            return;
        }
        // A person took the baton during the attempt, and the attempt failed: there will be no other.
        let may_go_on = !entry.class.is_turn_bound() || self.turn.lets_through(entry.token);
        if matches!(entry.state, State::Waiting(_)) && !may_go_on {
            entry.withhold(Reason::TakenOver);
        }
        let entry = entry.clone();
        if !entry.state.is_open() {
            self.outbox.remove(at);
        }
        output.changes.push(Change::Update(entry));
    }

    /// Gives up on attempts whose outcome never came: the gate was stopped while they were under way.
    pub(super) fn lose_interrupted(&mut self, context: Context<'_>, output: &mut Output) {
        let is_lost = |entry: &&Entry| matches!(entry.state, State::InFlight(at) if at <= context.now);
        let lost: Vec<_> = self.outbox.iter().filter(is_lost).map(|entry| (entry.id.clone(), entry.attempts)).collect();
        for (id, number) in lost {
            self.finish(&id, number, Outcome::Unknown(Loss::Interruption), context, output);
        }
    }
}

/// Notes a started entry. One that is written by this very output is written in its new state at once: the
/// first attempt at a message costs no row of its own.
fn started(output: &mut Output, started: Entry) {
    let written = output.changes.iter_mut().rev().find_map(|change| match change {
        Change::Put { entry, .. } | Change::Update(entry) if entry.id == started.id => Some(entry),
        Change::Put { .. } | Change::Update(_) | Change::Forget { .. } => None,
    });
    match written {
        Some(entry) => *entry = started,
        None => output.changes.push(Change::Update(started)),
    }
}
