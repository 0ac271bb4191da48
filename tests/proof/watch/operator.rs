//! What the operator does: the staff hold from the moment in which it is committed, and for as long as the operator says.
//!
//! Invariant: an act of the operator's answers nobody. Who waited before it waits after it.
//!
//! Not here: what the end of a hold owes (`turn`).

use baton::conversation::memory::{Cause, Change as TurnChange, Transition};
use baton::conversation::operator::Act;
use baton::policy::Policy;
use baton::time::UnixMillis;

use super::group::Held;
use super::turn::Owed;
use super::{Commit, Watch};

impl Watch {
    /// The operator has done something.
    pub(super) fn operated(
        &mut self,
        group: usize,
        act: Act,
        commit: &Commit<'_>,
        steps: &mut Vec<Transition>,
        owed: &mut Owed,
    ) {
        let (now, policy) = (commit.now, commit.policy);
        let (transition, cause) = match act {
            Act::Pause(_) => (TurnChange::Takeover, Cause::Paused),
            Act::Release => (TurnChange::Handback, Cause::Operator),
            Act::Take => (TurnChange::Takeover, Cause::Operator),
        };
        let is_said = |step: &Transition| step.transition == transition && step.cause == cause && step.event.is_none();
        if steps.first().is_some_and(is_said) {
            steps.remove(0);
        }
        let is_held = self.groups[group].hold.is_some();
        self.notes.count(match act {
            Act::Pause(_) if is_held => "operator: pauses a hold",
            Act::Pause(_) => "operator: pauses the bot",
            Act::Release if is_held => "operator: releases",
            Act::Release => "operator: releases nothing",
            Act::Take if is_held => "operator: keeps",
            Act::Take => "operator: takes",
        });
        match act {
            Act::Release => return self.hand_back(group, false, commit, owed),
            Act::Pause(until_ms) if until_ms <= now => return,
            Act::Pause(until_ms) => self.groups[group].pause(now, until_ms),
            Act::Take => self.groups[group].keep(now, policy),
        }
        if !is_held {
            owed.given.clear();
            self.given_before_hold(group);
        }
    }
}

impl super::group::Group {
    fn keep(&mut self, now: UnixMillis, policy: &Policy) {
        self.slide(None, now, policy);
        self.hold.iter_mut().for_each(|hold| hold.taken_by = None);
    }

    fn pause(&mut self, now: UnixMillis, until: UnixMillis) {
        let hold = self.hold.get_or_insert_with(|| Held::new(now, None));
        (hold.taken_by, hold.lease_until) = (None, hold.lease_until.max(until));
    }
}
