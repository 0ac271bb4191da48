//! What an event does when it arrives.
//!
//! Invariant: every event of an accepted delivery is remembered by its id, in a row or among the echoes, in
//! the same transaction as everything that it causes. A delivery that Meta repeats changes nothing. (An entry of
//! the phone's address book alone leaves no trace but what it says: taking it in twice is taking it in once.)
//!
//! Not here: what echoes do (`person`), how long a hold lasts (`release`), what is sent when (`deliver`).

use std::collections::BTreeMap;

use super::memory::Echo;
use super::release::needs_no_answer;
use super::{Alert, Answer, Arrival, Change, Context, Conversation, Incoming, Output, Rewrite};
use crate::ids::{AttemptNumber, EventId};
use crate::limits::{GHOST_HOLD, OPEN_ENTRIES_MAX};
use crate::outbox::{Entry, Note, Reason, State, Tried};
use crate::policy::rules::Verdict;
use crate::policy::when::Subject;
use crate::time::UnixMillis;
use crate::webhook::event::Class;
use crate::webhook::facts::Amendment;

/// Bits of a `seq` below the milliseconds of its birth: room for 1,024 entries a millisecond, and 2^53, the
/// largest integer that survives the runtime's numbers, is reached in the year 2248.
const SEQ_BITS: u32 = 10;

/// What becomes of an event.
type Fate = (State, Option<Reason>, Note);

impl Conversation {
    pub(super) fn accept(&mut self, arrival: &Arrival<'_>, context: Context<'_>, output: &mut Output) {
        // What this very delivery has brought so far: Meta may repeat an id within one batch.
        let mut fresh: BTreeMap<EventId, Entry> = BTreeMap::new();
        let (mut new, mut duplicates, mut written) = (0, 0, false);
        for (at, event) in arrival.events.iter().enumerate() {
            if event.class == Class::Contact {
                new += 1;
                self.contact(event, context, output);
                continue;
            }
            let before = fresh.get(&event.id).or_else(|| arrival.known.get(&event.id));
            let is_known = before.is_some() || self.echoes.contains(&event.id);
            if is_known && !before.is_some_and(|before| before.is_superseded_by(event.class)) {
                duplicates += 1;
                continue;
            }
            new += 1;
            written = true;
            output.profile = event.facts.profile.clone().or(output.profile.take());
            if event.class == Class::Echo {
                self.echo(event, arrival.last_said, context, output);
            } else {
                if let Some(message) = event.sent_message() {
                    self.was_sent(&message, event.sent_at, false, context, output);
                }
                let before = before.cloned();
                let amended = self.amend(event, at, &fresh, arrival, context, output);
                let fate = match amended {
                    Some(original) => {
                        let note = Note { part_of: Some(original), ..Note::default() };
                        (State::Withheld, Some(Reason::Applied), note)
                    }
                    None => self.fate(event, arrival, context, output),
                };
                let entry = self.enter(event, before.as_ref(), at, fate, context, output);
                fresh.insert(event.id.clone(), entry);
            }
        }
        if written {
            self.forget_later(context, output);
        }
        output.answer = Answer::Accepted { new, duplicates };
    }

    /// Takes in the customer's name in the phone's address book, as far as a rule looks for a marker in it.
    fn contact(&mut self, event: &Incoming, context: Context<'_>, output: &mut Output) {
        let name = event.facts.contact.clone().filter(|name| context.policy.is_marked(name));
        if self.contact != name {
            self.contact = name;
            output.save = true;
        }
    }

    /// Applies an edit or a withdrawal to a message that the bot has not got. Returns that message, where the
    /// bot need not know of the change.
    fn amend(
        &mut self,
        event: &Incoming,
        at: usize,
        fresh: &BTreeMap<EventId, Entry>,
        arrival: &Arrival<'_>,
        context: Context<'_>,
        output: &mut Output,
    ) -> Option<EventId> {
        let change = event.facts.amends.as_ref().filter(|_| event.class == Class::Turn)?;
        let (Amendment::Edit(id) | Amendment::Revoke(id)) = change;
        let mut all = self.outbox.iter().chain(&self.held);
        let stored = || fresh.get(id).or_else(|| arrival.known.get(id));
        let mut original = all.find(|entry| entry.id == *id).or_else(stored)?.clone();
        let is_kept = match original.state {
            State::Waiting(_) | State::Dead => true,
            State::Withheld => original.reason.is_some_and(Reason::is_for_person),
            State::Delivered | State::InFlight(_) => false,
        };
        // Once an attempt was made the bot may have the message: it is told of the change as well, and the bytes
        // of a message that is tried again never change.
        let is_unseen = original.attempts == AttemptNumber::default();
        match change {
            // Nothing is changed on its way to the bot where everything passes as it came.
            _ if original.state.is_open() && context.policy.observes() => return None,
            Amendment::Edit(_) if is_kept && is_unseen => {
                output.changes.push(Change::Rewrite { id: id.clone(), how: Rewrite::Edited { event: at } });
                // It may be something else than text by now.
                for entry in self.outbox.iter_mut().filter(|entry| entry.id == *id && entry.note.is_text) {
                    entry.note.is_text = false;
                    output.write(entry.clone());
                }
            }
            Amendment::Revoke(_) if is_kept => {
                original.withhold(Reason::Withdrawn, context.now);
                self.outbox.retain(|entry| entry.id != *id);
                self.held.retain(|entry| entry.id != *id);
                output.write(original);
            }
            Amendment::Edit(_) | Amendment::Revoke(_) => return None,
        }
        is_unseen.then(|| id.clone())
    }

    /// What becomes of an event in the present turn, and by which rule.
    fn fate(&mut self, event: &Incoming, arrival: &Arrival<'_>, context: Context<'_>, output: &mut Output) -> Fate {
        let first = context.policy.retry_schedule.first().copied().unwrap_or_default();
        if event.class == Class::Account {
            output.alerts.extend(Alert::of_account(&event.facts.kind));
        }
        match event.class {
            Class::Account
            | Class::AppsOwn
            | Class::Contact
            | Class::Echo
            | Class::Routing
            | Class::Sync
            | Class::Unknown => (State::Withheld, Some(Reason::NotForwarded), Note::default()),
            Class::EchoNote => {
                self.echo_note(event, context, output);
                (State::Withheld, Some(Reason::NotForwarded), Note::default())
            }
            Class::Receipt if self.outbox.len() >= OPEN_ENTRIES_MAX => {
                (State::Dead, Some(Reason::OutboxFull), Note::default())
            }
            Class::Receipt => (State::Waiting(context.now.after(first)), None, Note::default()),
            Class::Ghost | Class::Identity | Class::Turn => self.talk(event, arrival, context, output),
        }
    }

    /// What becomes of a part of the talk: the rules first, then who holds, then how long it waits.
    fn talk(&mut self, event: &Incoming, arrival: &Arrival<'_>, context: Context<'_>, output: &mut Output) -> Fate {
        let Context { now, policy, .. } = context;
        let subject = arrival.subject(event, self.contact.as_deref());
        let decision = policy.decide(&subject, now);
        let asks = subject.text.is_some_and(|text| policy.asks_for_person(text));
        let note = Note {
            bot: decision.bot.cloned(),
            is_text: event.facts.kind == "text" && event.facts.text.is_some() && !event.facts.referral,
            needs_no_answer: needs_no_answer(event) && !asks,
            rule: decision.rule.cloned(),
            ..Note::default()
        };
        let age = event.sent_at.map(|sent_at| now.since(sent_at));
        let is_stale = event.class == Class::Turn && policy.stale_after.is_some_and(|limit| age > Some(limit));
        let against = if decision.verdict == Verdict::Ignore {
            Some(Reason::Ignored)
        } else if decision.verdict == Verdict::Human {
            self.customer_waits(event, true, context, output);
            Some(Reason::ForPerson)
        } else if is_stale {
            self.customer_waits(event, true, context, output);
            Some(Reason::Stale)
        } else if asks {
            self.asked_for_person(event, context, output);
            Some(Reason::AskedForPerson)
        } else if self.turn.hold().is_some() {
            self.customer_waits(event, false, context, output);
            Some(Reason::HeldByHuman)
        } else {
            None
        };
        if let Some(reason) = against.filter(|_| !policy.observes()) {
            return (State::Withheld, Some(reason), note);
        }
        if self.outbox.len() >= OPEN_ENTRIES_MAX {
            return (State::Dead, Some(Reason::OutboxFull), note);
        }
        let first = policy.retry_schedule.first().copied().unwrap_or_default();
        if policy.observes() {
            output.would_withhold += u32::from(against.is_some());
            return (State::Waiting(now.after(first)), None, Note { would_withhold: against, ..note });
        }
        let (wait, reason) = match decision.verdict {
            _ if event.class == Class::Ghost => (GHOST_HOLD, None),
            Verdict::HumanFirst(wait) if wait >= policy.burst.wait => (wait, Some(Reason::HumanFirst)),
            _ if policy.burst.wait > first => (policy.burst.wait, Some(Reason::Burst)),
            Verdict::Bot | Verdict::Human | Verdict::HumanFirst(_) | Verdict::Ignore => (first, None),
        };
        (State::Waiting(now.after(wait)), reason, note)
    }

    /// Writes an event down as an entry: open where the bot is to have it, withheld where not.
    fn enter(
        &mut self,
        event: &Incoming,
        before: Option<&Entry>,
        at: usize,
        (state, reason, note): Fate,
        context: Context<'_>,
        output: &mut Output,
    ) -> Entry {
        // Where the ghost is on its way to the bot, the real message follows it and does not go beside it.
        let state = match (state, before.map(|before| before.state)) {
            (State::Waiting(due), Some(State::InFlight(lost_at))) => State::Waiting(due.max(lost_at)),
            (state, _) => state,
        };
        // A ghost's place in the line goes to the message that it announced. One that is withheld has none to take: it
        // came when it came, and what a person said before that is no answer to it.
        let place = before.filter(|before| before.state.is_open() && state.is_open()).map(|before| before.seq);
        let mut entry = Entry {
            id: event.id.clone(),
            class: event.class,
            seq: place.unwrap_or_else(|| self.next_seq(context.now)),
            token: if context.policy.observes() { self.turn.token_of_passed() } else { self.turn.token },
            attempts: before.map_or(AttemptNumber::default(), |before| before.attempts),
            state,
            reason,
            sent_at: event.sent_at,
            accepted_at: context.now,
            settled_at: (!state.is_open()).then_some(context.now),
            note,
        };
        if let Some(tried) = event.tried.filter(|_| entry.state.is_open()) {
            entry.start(context.now);
            if let Tried::Ended(outcome) = tried {
                entry.finish(entry.attempts, outcome, context.now, &context.policy.retry_schedule, context.draw);
            }
        }
        if entry.state == State::Dead {
            output.alerts.extend(Alert::of_dead_letter(&entry));
        }
        self.outbox.retain(|open| open.id != entry.id);
        self.held.retain(|held| held.id != entry.id);
        if entry.state.is_open() {
            self.insert(entry.clone());
        } else if entry.reason.is_some_and(Reason::ends_with_hold) && self.turn.hold().is_some() {
            self.hold_back(entry.clone());
        }
        let event = (event.class.keeps_body() && !entry.is_done_with_body()).then_some(at);
        output.changes.push(Change::Put { entry: entry.clone(), event, replaces: before.is_some() });
        entry
    }

    /// Puts an open entry at its place in the outbox.
    pub(super) fn insert(&mut self, entry: Entry) {
        let behind = self.outbox.partition_point(|open| (open.seq, &open.id) < (entry.seq, &entry.id));
        self.outbox.insert(behind, entry);
    }

    /// Puts a withheld entry at its place among those of the present hold.
    pub(super) fn hold_back(&mut self, entry: Entry) {
        let behind = self.held.partition_point(|held| (held.seq, &held.id) < (entry.seq, &entry.id));
        self.held.insert(behind, entry);
    }

    fn next_seq(&mut self, now: UnixMillis) -> u64 {
        self.last_seq = (now.as_millis() << SEQ_BITS).max(self.last_seq.saturating_add(1));
        self.last_seq
    }

    /// Gives an echo that the conversation's row has no more room for a row of its own.
    pub(super) fn spill(&mut self, echo: Option<Echo>, output: &mut Output) {
        let Some(Echo { id, at_ms, .. }) = echo else { return };
        let seq = at_ms.as_millis() << SEQ_BITS;
        self.last_seq = self.last_seq.max(seq);
        let entry = Entry {
            id,
            class: Class::Echo,
            seq,
            token: self.turn.token,
            attempts: AttemptNumber::default(),
            state: State::Withheld,
            reason: Some(Reason::NotForwarded),
            sent_at: None,
            accepted_at: at_ms,
            settled_at: Some(at_ms),
            note: Note::default(),
        };
        output.changes.push(Change::Put { entry, event: None, replaces: false });
    }
}

impl Arrival<'_> {
    /// What a rule looks at in an event of this delivery.
    fn subject<'s>(&'s self, event: &'s Incoming, contact: Option<&'s str>) -> Subject<'s> {
        let names = self.customer;
        Subject {
            bsuid: names.and_then(|names| names.bsuid()).map(crate::ids::Bsuid::as_str),
            contact,
            kind: &event.facts.kind,
            line: self.line.map(crate::ids::LineId::as_str),
            phone: names.and_then(|names| names.phone()).map(crate::ids::Phone::as_str),
            referral: event.facts.referral,
            reply_id: event.facts.reply_id.as_deref(),
            text: event.facts.text.as_deref(),
        }
    }
}
