//! Which entry is next, whether it may be sent, and what the end of an attempt does.
//!
//! A conversation has lanes: one for the talk with each bot that the rules send it to, and one for receipts. A lane
//! is sent one entry at a time, in the order of acceptance: while the oldest is in flight or waits for its retry, the
//! ones behind it wait too, and no other lane or conversation does. Receipts have a lane of their own, because some
//! bots answer 500 to receipts that they do not know, and a customer's message must not wait three days behind one
//! (`docs/decisions/0005-receipts.md`).
//!
//! Why the token is compared here once more, although a takeover withholds everything that waits: this is the
//! one gate that every attempt passes, and the promise of silence must not hang on a list being complete.

use super::release::pass_all_the_same;
use super::{Alert, Answer, Context, Conversation, Output};
use crate::ids::{AttemptNumber, BotName, EventId};
use crate::outbox::outcome::{Loss, Outcome};
use crate::outbox::request::Attempt;
use crate::outbox::{Entry, Reason, State};
use crate::policy::Policy;
use crate::time::UnixMillis;

/// What waits for each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Lane {
    /// What the statuses of the business's own messages are.
    Receipts,
    /// The talk with the customer, as far as it is this bot's.
    Talk(Option<BotName>),
}

impl Lane {
    /// The lane of an entry.
    pub(super) fn of(entry: &Entry) -> Self {
        if entry.class.is_turn_bound() { Self::Talk(entry.note.bot.clone()) } else { Self::Receipts }
    }
}

impl Conversation {
    /// Starts the next attempt of each lane, where one is due and none is under way.
    pub(super) fn start_next(&mut self, context: Context<'_>, output: &mut Output) {
        if self.place.is_elsewhere() {
            return;
        }
        self.withhold_what_passed(context, output);
        for lane in self.lanes() {
            self.start_next_of(&lane, context, output);
        }
    }

    fn start_next_of(&mut self, lane: &Lane, context: Context<'_>, output: &mut Output) {
        let is_due = |due| due <= context.now;
        while self.lost_at(lane).is_none() && self.run_due(lane, context.policy).is_some_and(is_due) {
            self.merge_run(lane, context, output);
            let Some(at) = self.head(lane) else { return };
            let Some(head) = self.outbox.get_mut(at) else { return };
            let may_start = self.turn.lets_through(head.token) || context.policy.observes();
            if *lane != Lane::Receipts && !may_start {
                let head = self.outbox.remove(at);
                let head = self.withhold(head, Reason::TakenOver, context);
                output.write(head);
                continue;
            }
            head.start(context.now);
            output.attempts.push(Attempt {
                id: head.id.clone(),
                class: head.class,
                token: head.token,
                number: head.attempts,
                bot: head.note.bot.clone(),
                handback: head.note.handback.clone(),
            });
            let head = head.clone();
            output.write(head);
            return;
        }
    }

    /// The lanes in which something is open.
    fn lanes(&self) -> Vec<Lane> {
        let mut lanes = Vec::new();
        for entry in &self.outbox {
            let lane = Lane::of(entry);
            if !lanes.contains(&lane) {
                lanes.push(lane);
            }
        }
        lanes
    }

    /// Where the oldest open entry of a lane stands in the outbox.
    fn head(&self, lane: &Lane) -> Option<usize> {
        self.outbox.iter().position(|entry| Lane::of(entry) == *lane)
    }

    /// When what is under way in a lane counts as lost; `None` where nothing is. It need not be the oldest entry: a
    /// dead letter that is sent again may be older.
    fn lost_at(&self, lane: &Lane) -> Option<UnixMillis> {
        let under_way = self.outbox.iter().filter_map(|entry| match entry.state {
            State::InFlight(at) if Lane::of(entry) == *lane => Some(at),
            State::Dead | State::Delivered | State::InFlight(_) | State::Waiting(_) | State::Withheld => None,
        });
        under_way.min()
    }

    /// When the oldest open entries are due, or what is under way before them counts as lost.
    pub(super) fn next_at(&self, policy: &Policy) -> Option<UnixMillis> {
        let at = |lane: &Lane| self.lost_at(lane).or_else(|| self.run_due(lane, policy));
        self.lanes().iter().filter_map(at).min()
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
        if entry.state == State::Dead {
            output.alerts.extend(Alert::of_dead_letter(entry));
        }
        // A person took the baton during the attempt, and the attempt failed: there will be no other in this turn.
        let may_go_on = !entry.class.is_turn_bound() || self.turn.lets_through(entry.token);
        let is_stopped = matches!(entry.state, State::Waiting(_)) && !may_go_on;
        if is_stopped && context.policy.observes() {
            entry.token = self.turn.token_of_passed();
            pass_all_the_same(entry, output);
        }
        let mut entry = entry.clone();
        if is_stopped && !context.policy.observes() {
            entry = self.withhold(entry, Reason::TakenOver, context);
            self.waits_for(&entry, context, output);
        }
        if !entry.state.is_open() {
            self.outbox.remove(at);
        }
        output.write(entry);
    }

    /// Gives up on attempts whose outcome never came: the gate was stopped while they were under way.
    pub(super) fn lose_interrupted(&mut self, context: Context<'_>, output: &mut Output) {
        let is_lost = |entry: &&Entry| matches!(entry.state, State::InFlight(at) if at <= context.now);
        let lost: Vec<_> = self.outbox.iter().filter(is_lost).map(|entry| (entry.id.clone(), entry.attempts)).collect();
        for (id, number) in lost {
            self.finish(&id, number, Outcome::Unknown(Loss::Interruption), context, output);
        }
    }

    /// Sends dead letters on their way again, unless a person holds the baton: they stay dead then, and can be sent
    /// again later.
    pub(super) fn replay(&mut self, dead: &[Entry], context: Context<'_>, output: &mut Output) {
        let mut replayed = 0;
        let may_go = self.turn.hold().is_none() || context.policy.observes();
        let dead = if may_go { dead } else { &[] };
        for entry in dead.iter().filter(|entry| entry.state == State::Dead) {
            let mut entry = entry.clone();
            entry.reopen(Reason::Replayed, self.turn.token_of_passed(), context.now);
            self.insert(entry.clone());
            output.write(entry);
            replayed += 1;
        }
        output.answer = Answer::Replayed(replayed);
    }
}
