//! What an event does when it arrives.
//!
//! Invariant: every event of an accepted delivery is remembered by its id, in a row or among the echoes, in
//! the same transaction as everything that it causes. A delivery that Meta repeats changes nothing.

use std::collections::BTreeMap;

use super::memory::{Cause, Change as TurnChange};
use super::turn::Holder;
use super::{Answer, Change, Context, Conversation, Incoming, Output};
use crate::ids::{AttemptNumber, EventId};
use crate::limits::{GHOST_HOLD, OPEN_ENTRIES_MAX};
use crate::outbox::{Entry, Reason, State, Tried};
use crate::time::{Millis, UnixMillis};
use crate::webhook::event::Class;

/// Bits of a `seq` below the milliseconds of its birth: room for 1,024 entries a millisecond, and 2^53, the
/// largest integer that survives the runtime's numbers, is reached in the year 2248.
const SEQ_BITS: u32 = 10;

impl Conversation {
    pub(super) fn accept(
        &mut self,
        events: &[Incoming],
        known: &BTreeMap<EventId, Entry>,
        context: Context<'_>,
        output: &mut Output,
    ) {
        // What this very delivery has brought so far: Meta may repeat an id within one batch.
        let mut fresh: BTreeMap<&EventId, Entry> = BTreeMap::new();
        let (mut new, mut duplicates) = (0, 0);
        for (at, event) in events.iter().enumerate() {
            let before = fresh.get(&event.id).or_else(|| known.get(&event.id));
            let is_known = before.is_some() || self.echoes.contains(&event.id);
            if is_known && !before.is_some_and(|before| supersedes(event, before)) {
                duplicates += 1;
                continue;
            }
            new += 1;
            if event.class == Class::Echo {
                self.echo(event, context, output);
            } else {
                let entry = self.enter(event, before, at, context, output);
                fresh.insert(&event.id, entry);
            }
        }
        if new > 0 {
            self.forget_later(context, output);
        }
        output.answer = Answer::Accepted { new, duplicates };
    }

    /// A person has spoken: they hold the baton from here on, and nothing that waits for the bot goes out.
    fn echo(&mut self, event: &Incoming, context: Context<'_>, output: &mut Output) {
        output.save = true;
        let spilled = self.echoes.remember(event.id.clone(), context.now);
        self.spill(spilled, output);
        if self.turn.take(context.now, context.policy.lease) {
            self.record(TurnChange::Takeover, Cause::Echo, context, output);
            self.withhold_waiting(output);
        }
    }

    /// Withholds every turn-bound entry that waits. One that is in flight cannot be called back; its end
    /// decides (`deliver`).
    pub(super) fn withhold_waiting(&mut self, output: &mut Output) {
        self.outbox.retain_mut(|entry| {
            let stays = !entry.class.is_turn_bound() || matches!(entry.state, State::InFlight(_));
            if !stays {
                entry.withhold(Reason::TakenOver);
                output.changes.push(Change::Update(entry.clone()));
            }
            stays
        });
    }

    /// Writes an event down as an entry: open where the bot is to have it, withheld where not.
    fn enter(
        &mut self,
        event: &Incoming,
        before: Option<&Entry>,
        at: usize,
        context: Context<'_>,
        output: &mut Output,
    ) -> Entry {
        let (state, reason) = self.verdict(event.class, context);
        // A ghost's place in the line goes to the message that it announced.
        let place = before.filter(|before| before.state.is_open()).map(|before| before.seq);
        let mut entry = Entry {
            id: event.id.clone(),
            class: event.class,
            seq: place.unwrap_or_else(|| self.next_seq(context.now)),
            token: self.turn.token,
            attempts: before.map_or(AttemptNumber::default(), |before| before.attempts),
            state,
            reason,
            sent_at: event.sent_at,
            accepted_at: context.now,
        };
        if let Some(tried) = event.tried.filter(|_| entry.state.is_open()) {
            entry.start(context.now);
            if let Tried::Ended(outcome) = tried {
                entry.finish(entry.attempts, outcome, context.now, &context.policy.retry_schedule, context.draw);
            }
        }
        self.outbox.retain(|open| open.id != entry.id);
        if entry.state.is_open() {
            let behind = self.outbox.partition_point(|open| open.seq < entry.seq);
            self.outbox.insert(behind, entry.clone());
        }
        let body = event.class.keeps_body().then_some(at);
        output.changes.push(Change::Put { entry: entry.clone(), event: body, replaces: before.is_some() });
        entry
    }

    /// What becomes of an event of this class in the present turn.
    fn verdict(&self, class: Class, context: Context<'_>) -> (State, Option<Reason>) {
        let first = context.policy.retry_schedule.first().copied().unwrap_or_default();
        let after = |wait: Millis| (State::Waiting(context.now.after(wait)), None);
        let withheld = |reason| (State::Withheld, Some(reason));
        match class {
            Class::Account
            | Class::AppsOwn
            | Class::Echo
            | Class::EchoNote
            | Class::Routing
            | Class::Sync
            | Class::Unknown => withheld(Reason::NotForwarded),
            _ if class.is_turn_bound() && self.turn.holder != Holder::Automation => withheld(Reason::HeldByHuman),
            _ if self.outbox.len() >= OPEN_ENTRIES_MAX => (State::Dead, Some(Reason::OutboxFull)),
            Class::Ghost => after(GHOST_HOLD),
            Class::Identity | Class::Receipt | Class::Turn => after(first),
        }
    }

    fn next_seq(&self, now: UnixMillis) -> u64 {
        let by_time = now.as_millis() << SEQ_BITS;
        self.outbox.last().map_or(by_time, |last| by_time.max(last.seq.saturating_add(1)))
    }

    /// Gives an echo that the conversation's row has no more room for a row of its own.
    pub(super) fn spill(&self, echo: Option<(EventId, UnixMillis)>, output: &mut Output) {
        let Some((id, accepted_at)) = echo else { return };
        let entry = Entry {
            id,
            class: Class::Echo,
            seq: accepted_at.as_millis() << SEQ_BITS,
            token: self.turn.token,
            attempts: AttemptNumber::default(),
            state: State::Withheld,
            reason: Some(Reason::NotForwarded),
            sent_at: None,
            accepted_at,
        };
        output.changes.push(Change::Put { entry, event: None, replaces: false });
    }
}

/// Whether an event with a known id is news all the same: the real message behind a ghost.
fn supersedes(event: &Incoming, before: &Entry) -> bool {
    before.class == Class::Ghost && event.class == Class::Turn
}
