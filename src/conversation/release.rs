//! When a person's hold ends, and what the bot then gets: by who spoke last.
//!
//! | who spoke last | the hold ends | the bot gets |
//! |---|---|---|
//! | the person | when the lease ends | nothing: there is nothing to answer |
//! | the customer | when the lease has ended and they have waited for `hand_back_after_seconds`; the owner is warned at `warn_after_seconds` | what is unanswered (`on_handback`) |
//!
//! Invariant: a hold always has an end, and it lies in `wake_at`, so it comes from an alarm and waits for nobody's
//! next message. `warn_after` is shorter than `hand_back_after`, so whoever is handed back unanswered was announced.
//!
//! Why the wait may outlast the lease: a person who has not answered within the last seconds of their lease is
//! still answering. The longest hold is therefore `max_hold` + `hand_back_after`, from the takeover or from the person's
//! first words after `max_hold`: a hold that only the customer's waiting has kept begins anew with the answer. A pause
//! lasts as long as the operator says, and ends in the same way: the owner is warned of whoever waits meanwhile.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::memory::{Cause, Change as TurnChange};
use super::{Alert, Context, Conversation, Incoming, Output};
use crate::ids::EventId;
use crate::limits::HANDED_BACK_MAX;
use crate::outbox::{Entry, Handback, Reason, State};
use crate::policy::{OnHandback, Policy};
use crate::time::UnixMillis;
use crate::webhook::event::Class;

/// Kinds of messages that nobody need answer.
const NEEDS_NO_ANSWER: [&str; 4] = ["edit", "reaction", "revoke", "system"];

/// A customer waits for a person.
#[derive(Clone, Copy, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Waiting {
    /// Since when.
    pub since_ms: UnixMillis,
    /// Whether the owner has been warned.
    #[serde(default)]
    pub warned: bool,
    /// Whether they wait whoever holds: one of their messages is a person's to answer in any case.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub by_rule: bool,
    /// How they wait by a rule, where they have waited for something else before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<WaitingByRule>,
}

/// A customer waits for a person by a rule, and has waited for something else before.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct WaitingByRule {
    /// Since when.
    pub since_ms: UnixMillis,
    /// Whether the owner has been warned since.
    #[serde(default)]
    pub warned: bool,
}

impl Waiting {
    /// A customer begins to wait.
    pub(super) const fn begin(since_ms: UnixMillis) -> Self {
        Self { since_ms, warned: false, by_rule: false, rule: None }
    }

    const fn warn(&mut self) {
        self.warned = true;
        if let Some(rule) = &mut self.rule {
            rule.warned = true;
        }
    }

    /// The wait that is left where nobody holds any more: that for what a rule keeps for a person.
    pub(super) fn by_rule_alone(self) -> Option<Self> {
        let WaitingByRule { since_ms, warned } =
            self.rule.unwrap_or(WaitingByRule { since_ms: self.since_ms, warned: self.warned });
        self.by_rule.then_some(Self { since_ms, warned, by_rule: true, rule: None })
    }

    /// The wait that began earlier, and with it what a rule keeps for a person in the other.
    pub(super) fn earlier(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) if one.since_ms <= other.since_ms => Some(one.and_by_rule(Some(other))),
            (Some(one), Some(other)) => Some(other.and_by_rule(Some(one))),
            (one, other) => one.or(other),
        }
    }

    /// A wait that goes on, and with it what a rule has kept for a person since.
    pub(super) fn resumed(before: Option<Self>, since: Option<Self>) -> Option<Self> {
        before.map(|before| before.and_by_rule(since)).or(since)
    }

    /// This wait, and what a rule has kept for a person in another one.
    pub(super) fn and_by_rule(self, other: Option<Self>) -> Self {
        let by_rule = [Some(self), other].into_iter().flatten().filter_map(Self::by_rule_alone);
        let Some(first) = by_rule.min_by_key(|waiting| waiting.since_ms) else { return self };
        let rule = WaitingByRule { since_ms: first.since_ms, warned: first.warned };
        Self { by_rule: true, rule: Some(rule), ..self }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiting({:?}, warned: {})", self.since_ms, self.warned)
    }
}

/// Which of the events of a hold the bot gets at its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Give {
    /// Everything: the hold is undone.
    Everything,
    /// As the policy says.
    AsConfigured,
}

impl Conversation {
    /// Does what the passing of time brings about: the owner's warning, and the end of the hold.
    pub(super) fn pass_time(&mut self, context: Context<'_>, output: &mut Output) {
        if self.warn_at(context.policy).is_some_and(|at| at <= context.now) {
            if let Some(waiting) = &mut self.waiting {
                waiting.warn();
            }
            self.record(TurnChange::Warning, Cause::Unanswered, None, context, output);
            output.alerts.push(Alert::CustomerUnanswered);
        }
        if self.release_at(context.policy).is_some_and(|at| at <= context.now) {
            let cause = match self.turn.hold() {
                Some(_) if self.waiting.is_some() => Cause::Unanswered,
                Some(hold) if hold.paused => Cause::Paused,
                Some(hold) if hold.is_at_its_longest(context.policy) => Cause::HeldLongest,
                Some(_) | None => Cause::LeaseExpired,
            };
            self.hand_back(Give::AsConfigured, cause, None, context, output);
        }
    }

    /// When the hold ends and the bot gets the conversation back, if nobody says anything more; `None` while it has it.
    #[must_use]
    pub fn release_at(&self, policy: &Policy) -> Option<UnixMillis> {
        let lease_until = self.turn.lease_until()?;
        let patience = self.waiting.map(|waiting| waiting.since_ms.after(policy.hand_back_after));
        Some(patience.map_or(lease_until, |patience| patience.max(lease_until)))
    }

    /// When the owner is warned, if nobody answers the customer.
    pub(super) fn warn_at(&self, policy: &Policy) -> Option<UnixMillis> {
        let waiting = self.waiting.filter(|waiting| !waiting.warned)?;
        Some(waiting.since_ms.after(policy.warn_after))
    }

    /// Notes that a message of the customer's is a person's to answer: while this hold lasts, or by a rule.
    pub(super) fn customer_waits(
        &mut self,
        event: &Incoming,
        by_rule: bool,
        context: Context<'_>,
        output: &mut Output,
    ) {
        if !needs_no_answer(event) && !context.policy.observes() {
            self.waits(by_rule, context, output);
        }
    }

    /// Notes that the customer waits for a person.
    pub(super) fn waits(&mut self, by_rule: bool, context: Context<'_>, output: &mut Output) {
        let before = self.waiting;
        let new = Waiting { by_rule, ..Waiting::begin(context.now) };
        self.waiting = Some(match before {
            Some(waiting) if by_rule && !waiting.by_rule => waiting.and_by_rule(Some(new)),
            Some(waiting) => waiting,
            None => new,
        });
        output.save |= self.waiting != before;
    }

    /// Gives the baton back to the bot, and with it what the bot is to have.
    pub(super) fn hand_back(
        &mut self,
        give: Give,
        cause: Cause,
        by: Option<&EventId>,
        context: Context<'_>,
        output: &mut Output,
    ) {
        let Some(hold) = self.turn.give_back(give == Give::Everything) else { return };
        let was_waiting = self.waiting.take().is_some();
        self.record(TurnChange::Handback, cause, by, context, output);
        let answered_seq = match (give, context.policy.on_handback) {
            (Give::Everything, _) | (Give::AsConfigured, OnHandback::All) => 0,
            (Give::AsConfigured, OnHandback::Unanswered) => hold.answered_seq,
            (Give::AsConfigured, OnHandback::None) => u64::MAX,
        };
        self.hand_on_under_way(answered_seq, context, output);
        let is_answered = give == Give::AsConfigured && context.policy.on_handback == OnHandback::Unanswered;
        let answered_seq = if is_answered && !was_waiting { u64::MAX } else { answered_seq };
        let handback = Handback {
            held_seconds: context.now.since(hold.since_ms).as_seconds(),
            messages: hold.messages,
            text: hold.texts,
        };
        self.reopen_held(answered_seq, handback, context, output);
    }

    /// What was under way when the person took over, and is not answered, is the bot's again: should it fail, it is
    /// tried once more. So is all that passed during the hold because the policy only observed: it belongs to the turn
    /// that begins, or a policy that is enforced again would take it for something of before.
    fn hand_on_under_way(&mut self, answered_seq: u64, context: Context<'_>, output: &mut Output) {
        let token = self.turn.token;
        let is_handed_on = |entry: &&mut Entry| match entry.state {
            State::InFlight(_) => context.policy.observes() || entry.seq > answered_seq,
            State::Dead | State::Delivered | State::Waiting(_) | State::Withheld => true,
        };
        let talk = self.outbox.iter_mut().filter(|entry| entry.class.is_turn_bound() && entry.token != token);
        for entry in talk.filter(is_handed_on) {
            entry.token = token;
            output.write(entry.clone());
        }
    }

    /// Puts the events of the hold that came after `answered_seq` into the outbox, in their order.
    fn reopen_held(&mut self, answered_seq: u64, handback: Handback, context: Context<'_>, output: &mut Output) {
        let token = self.turn.token;
        let mut missed = core::mem::take(&mut self.held);
        missed.retain(|entry| entry.seq > answered_seq);
        let surplus = missed.len().saturating_sub(HANDED_BACK_MAX);
        let mut handback = Some(handback);
        for mut entry in missed.into_iter().skip(surplus) {
            entry.reopen(Reason::HandedBack, token, context.now);
            entry.note.handback = handback.take();
            self.insert(entry.clone());
            output.write(entry);
        }
    }

    /// Withholds an entry in the present turn, and remembers it where the end of the hold makes it the bot's again.
    pub(super) fn withhold(&mut self, mut entry: Entry, reason: Reason, context: Context<'_>) -> Entry {
        entry.withhold(reason, context.now);
        entry.token = self.turn.token;
        if reason.ends_with_hold() && self.turn.hold().is_some() {
            self.hold_back(entry.clone());
        }
        entry
    }

    /// Notes that the customer waits for an answer to this entry, which the present hold has just withheld, where they
    /// do: the bot had it under way when the hold began, and the person has not spoken since it came.
    pub(super) fn waits_for(&mut self, entry: &Entry, context: Context<'_>, output: &mut Output) {
        let Some(hold) = self.turn.hold_mut().filter(|_| asks(entry)) else { return };
        if entry.seq > hold.answered_seq {
            self.waits(false, context, output);
        } else {
            output.save |= hold.withhold_answered(entry.seq, context.now);
        }
    }

    /// Withholds every turn-bound entry that waits. One that is in flight cannot be called back; its end
    /// decides (`deliver`).
    pub(super) fn withhold_waiting(&mut self, context: Context<'_>, output: &mut Output) {
        let is_stopped = |entry: &Entry| entry.class.is_turn_bound() && !matches!(entry.state, State::InFlight(_));
        if context.policy.observes() {
            let token = self.turn.token_of_passed();
            for entry in self.outbox.iter_mut().filter(|entry| is_stopped(entry)) {
                entry.token = token;
                pass_all_the_same(entry, output);
                output.write(entry.clone());
            }
            return;
        }
        let (stopped, open) = core::mem::take(&mut self.outbox).into_iter().partition(is_stopped);
        self.outbox = open;
        for entry in stopped {
            let entry = self.withhold(entry, Reason::TakenOver, context);
            output.write(entry);
        }
    }

    /// Withholds what waits although a person holds: it passed, or was to be tried again, while the policy only observed.
    /// Whoever has not been answered since waits for a person from now on.
    pub(super) fn withhold_what_passed(&mut self, context: Context<'_>, output: &mut Output) {
        if context.policy.observes() || self.turn.hold().is_none() {
            return;
        }
        let before: Vec<u64> = self.held.iter().map(|entry| entry.seq).collect();
        self.withhold_waiting(context, output);
        let new: Vec<Entry> = self.held.iter().filter(|entry| !before.contains(&entry.seq)).cloned().collect();
        for entry in new {
            self.waits_for(&entry, context, output);
        }
    }
}

/// Whether nobody need answer an event.
pub(super) fn needs_no_answer(event: &Incoming) -> bool {
    event.class == Class::Identity || NEEDS_NO_ANSWER.contains(&&*event.facts.kind)
}

/// Whether somebody must answer an entry.
pub(super) fn asks(entry: &Entry) -> bool {
    entry.class.is_turn_bound() && entry.class != Class::Identity && !entry.note.needs_no_answer
}

/// Notes that an entry would have been withheld because a person took the baton, and goes on its way.
pub(super) fn pass_all_the_same(entry: &mut Entry, output: &mut Output) {
    if entry.note.would_withhold.is_none() {
        entry.note.would_withhold = Some(Reason::TakenOver);
        output.would_withhold += 1;
    }
}
