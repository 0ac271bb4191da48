//! Which entry is next, whether it may be sent, and what the end of an attempt does.
//!
//! Invariant: entries are sent one at a time, in the order of acceptance. The oldest open entry decides: while
//! it is in flight or waits for its retry, the ones behind it wait too, and no other conversation does.
//!
//! Why the token is compared here once more, although a takeover withholds everything that waits: this is the
//! one gate that every attempt passes, and the promise of silence must not hang on a list being complete.

use super::{Change, Context, Conversation, Output};
use crate::ids::{AttemptNumber, EventId};
use crate::outbox::outcome::{Loss, Outcome};
use crate::outbox::request::Attempt;
use crate::outbox::{Reason, State};

impl Conversation {
    /// Starts the next attempt, where one is due and none is under way.
    pub(super) fn start_next(&mut self, context: Context<'_>, output: &mut Output) {
        if self.place.is_elsewhere() {
            return;
        }
        while let Some(head) = self.outbox.first_mut() {
            match head.state {
                State::Waiting(due) if due <= context.now => {}
                State::Dead | State::Delivered | State::InFlight(_) | State::Waiting(_) | State::Withheld => return,
            }
            if head.class.is_turn_bound() && !self.turn.lets_through(head.token) {
                head.withhold(Reason::TakenOver);
                output.changes.push(Change::Update(self.outbox.remove(0)));
                continue;
            }
            head.start(context.now);
            output.attempt =
                Some(Attempt { id: head.id.clone(), class: head.class, token: head.token, number: head.attempts });
            started(output, head.clone());
            return;
        }
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

    /// Gives up on an attempt whose outcome never came: the gate was stopped while it was under way.
    pub(super) fn lose_interrupted(&mut self, context: Context<'_>, output: &mut Output) {
        let lost = self.outbox.iter().find(|entry| matches!(entry.state, State::InFlight(at) if at <= context.now));
        let Some((id, number)) = lost.map(|entry| (entry.id.clone(), entry.attempts)) else {
            return;
        };
        self.finish(&id, number, Outcome::Unknown(Loss::Interruption), context, output);
    }
}

/// Notes a started entry. One that is written by this very output is written in its new state at once: the
/// first attempt at a message costs no row of its own.
fn started(output: &mut Output, started: crate::outbox::Entry) {
    let written = output.changes.iter_mut().rev().find_map(|change| match change {
        Change::Put { entry, .. } | Change::Update(entry) if entry.id == started.id => Some(entry),
        Change::Put { .. } | Change::Update(_) | Change::Forget { .. } => None,
    });
    match written {
        Some(entry) => *entry = started,
        None => output.changes.push(Change::Update(started)),
    }
}
