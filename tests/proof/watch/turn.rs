//! Silence: who holds as the inputs make it, and what the end of a hold owes the bot.
//!
//! Invariant: a person's words take or keep the baton from the moment in which they are committed, whatever the gate
//! thinks of them. A handback is believed only where the inputs and the policy's own times allow it.
//!
//! Not here: who waits for whom (`wait`), and two conversations that turn out to be one (`meet`).

use baton::conversation::memory::{Cause, Change as TurnChange, Transition};
use baton::conversation::{Answer, Change};
use baton::ids::EventId;
use baton::outbox::{Reason, State};
use baton::policy::{OnHandback, Policy};
use baton::time::UnixMillis;
use baton::webhook::event::Class;
use baton::webhook::facts::Amendment;

use super::group::{Asked, Held};
use super::{Commit, Promise, Seen, Watch};
use crate::world::{Did, How, Meaning};

/// Kinds of messages that nobody need answer.
const NEEDS_NO_ANSWER: [&str; 4] = ["edit", "reaction", "revoke", "system"];

/// What the end of a hold owes.
#[derive(Default)]
pub(super) struct Owed {
    /// Whether the customer has asked something in the very delivery that ends the hold.
    is_asked: bool,
    pub(super) given: Vec<EventId>,
    /// With its class: the real message behind a ghost is another matter.
    kept: Vec<(EventId, Class)>,
}

/// Whether a transition is what time alone has brought about.
fn is_of_time(step: &Transition) -> bool {
    step.event.is_none() && step.transition != TurnChange::Takeover && step.cause != Cause::Operator
}

impl Watch {
    /// Follows who holds, and who waits.
    pub(super) fn follow(&mut self, commit: &Commit<'_>) {
        let group = self.group_of(commit.name);
        if let Did::Asked { handed_over } = commit.did {
            self.groups[group].under_way |= *handed_over;
            return;
        }
        if commit.before.place.is_elsewhere() {
            return;
        }
        let mut steps = commit.transitions().into_iter().peekable();
        let mut owed = Owed::default();
        while let Some(step) = steps.next_if(is_of_time) {
            self.time_passed(group, &step, commit, &mut owed);
        }
        let mut rest: Vec<Transition> = steps.collect();
        match commit.did {
            Did::Accepted { .. } => self.took_in(group, commit, &mut rest, &mut owed),
            Did::Broadcast { echo } => self.recalled(group, echo, commit, &mut rest, &mut owed),
            Did::Operated { act } => self.operated(group, *act, commit, &mut rest, &mut owed),
            // A name at which nothing lives comes alone; what it pointed to before stays what it is.
            Did::Linked { asked, how: How::LivesHere } if commit.output.save => {
                let (asked, own) = (usize::from(self.name(asked)), u8::try_from(group).unwrap());
                self.names[asked].1 = own;
            }
            // Where something happened here meanwhile it is asked for again.
            Did::Linked { asked, how: How::LivesThere } if commit.after.place.is_elsewhere() => {
                let (own, home) = (usize::from(self.name(commit.name)), self.group_of(asked));
                self.names[own].1 = u8::try_from(home).unwrap();
            }
            Did::Linked { asked, how: How::Merged } if commit.output.save => {
                let other = self.group_of(asked);
                rest.retain(|step| step.cause != Cause::Merged);
                if group == other {
                    // The names were known for one before, and nobody knows any more who took over under which.
                    self.given_where_names_meet(group, true);
                }
                self.join(group, other, commit.policy, commit.now);
            }
            Did::LinkedVia { other } if commit.output.save => {
                let other = self.group_of(other);
                self.join(group, other, commit.policy, commit.now);
            }
            _ => {}
        }
        if let Some(step) = rest.first() {
            let what = format!("{:?} by {:?} without a cause", step.transition, step.cause);
            self.violated(Promise::AsConfigured, what);
        }
        let group = self.group_of(commit.name);
        self.mark(group, commit);
        self.settle(group, &owed, commit);
        self.adopt_wait(group, commit);
        let (holds, held) = (commit.after.turn.hold().is_some(), self.groups[group].hold.is_some());
        if commit.after.place.is_elsewhere() {
            return;
        }
        let name = commit.name.as_str();
        self.check(holds || !held, Promise::Silence, || format!("a person holds, and {name} does not know"));
        self.check(held || !holds, Promise::AsConfigured, || format!("{name} holds for nobody"));
    }

    /// The gate says that time has brought something about.
    fn time_passed(&mut self, group: usize, step: &Transition, commit: &Commit<'_>, owed: &mut Owed) {
        let (now, policy) = (commit.now, commit.policy);
        let state = &mut self.groups[group];
        if step.transition == TurnChange::Warning {
            self.notes.count("warning");
            let waits: Vec<EventId> = state.unanswered().map(|asked| asked.id.clone()).collect();
            let is_meant = |asked: &&mut Asked| waits.contains(&asked.id);
            state.asked.iter_mut().filter(is_meant).for_each(|asked| asked.warned = true);
            return;
        }
        let first = state.first().cloned();
        let Some(hold) = &state.hold else { return };
        let (joined, lease_until) = (hold.joined, hold.lease_until);
        self.notes.count(match step.cause {
            Cause::HeldLongest => "handback: held longest",
            Cause::LeaseExpired => "handback: lease ended",
            Cause::Paused => "handback: pause ended",
            _ => "handback: unanswered",
        });
        let since = first.as_ref().map_or(lease_until, |first| first.at.after(policy.hand_back_after));
        self.check(now >= lease_until && (joined || now >= since), Promise::Silence, || {
            "handed back before its time".to_owned()
        });
        let is_warned = first.as_ref().is_none_or(|first| first.warned);
        self.check(joined || is_warned, Promise::NeverAlone, || {
            format!("handed back, and nobody was warned of {}", first.as_ref().map_or("", |first| first.id.as_str()))
        });
        self.hand_back(group, false, commit, owed);
    }

    /// The hold ends: what it has withheld is given to the bot, or kept.
    pub(super) fn hand_back(&mut self, group: usize, everything: bool, commit: &Commit<'_>, owed: &mut Owed) {
        let state = &mut self.groups[group];
        let was_waiting = owed.is_asked || state.first().is_some();
        let Some(hold) = state.hold.take() else { return };
        self.given_after_hold(group, everything, commit);
        let state = &mut self.groups[group];
        let answered = hold.answered(if hold.joined { state.answered } else { 0 });
        if everything {
            state.asked.retain(|asked| asked.by_rule);
            // The words that were there are gone with their hold: the first of the next one answers.
            let floating = state.asked.iter_mut().filter(|asked| asked.floats.is_some());
            floating.for_each(|asked| asked.floats = Some(0));
            if state.first().is_some_and(|first| first.warned) {
                state.asked.iter_mut().for_each(|asked| asked.warned = true);
            }
        } else {
            state.asked.clear();
            state.answered = hold.answered(state.answered).max(state.answered);
        }
        let from = match commit.policy.on_handback {
            _ if everything => 0,
            OnHandback::All => 0,
            OnHandback::Unanswered if was_waiting => answered,
            OnHandback::None | OnHandback::Unanswered => u64::MAX,
        };
        for (id, seen) in self.events.iter_mut().filter(|(_, seen)| seen.held) {
            seen.held = false;
            let seq = commit.storage.entry(id).map_or(0, |entry| entry.seq);
            if seq > from {
                owed.given.push(id.clone());
            } else if !hold.joined && !commit.is_first_enforced() {
                owed.kept.push((id.clone(), seen.class));
            }
        }
    }

    /// What the end of a hold owed is done.
    fn settle(&mut self, group: usize, owed: &Owed, commit: &Commit<'_>) {
        let is_retaken = self.groups[group].hold.is_some();
        let state = |id: &EventId| commit.storage.entry(id).map(|entry| (entry.state, entry.reason));
        for id in owed.given.iter().filter(|_| !is_retaken) {
            let is_kept = matches!(state(id), Some((State::Withheld, Some(reason))) if reason.ends_with_hold());
            self.notes.count("given after a handback");
            self.check(!is_kept, Promise::NothingLost, || format!("{} is not the bot's again", id.as_str()));
        }
        for (id, class) in &owed.kept {
            let entry = commit.storage.entry(id).filter(|entry| entry.class == *class);
            let is_open = entry.is_some_and(|entry| entry.state.is_open());
            self.check(!is_open, Promise::AsConfigured, || format!("{} is the bot's again", id.as_str()));
        }
    }

    /// Events of a delivery were taken in.
    fn took_in(&mut self, group: usize, commit: &Commit<'_>, steps: &mut Vec<Transition>, owed: &mut Owed) {
        let Did::Accepted { delivery, left } = commit.did else { return };
        if left.is_empty() {
            return;
        }
        let (now, policy) = (commit.now, commit.policy);
        let mut group = group;
        let names: Vec<u8> =
            core::iter::once(&delivery.name).chain(&delivery.aliases).map(|name| self.name(name)).collect();
        for name in &names {
            let other = usize::from(self.names[usize::from(*name)].1);
            self.join(group, other, policy, now);
            group = self.group_of(commit.name);
        }
        let object = usize::from(self.name(commit.name));
        let (mut new, mut is_certain, mut up_to) = (0, true, self.names[object].2);
        for at in *left {
            let event = &delivery.events[*at];
            if event.class == Class::Contact {
                new += 1;
                continue;
            }
            let before = self.events.get(&event.id);
            // Names that nothing has brought together yet are two customers to the gate.
            let is_met =
                |seen: &Seen| seen.names.iter().any(|name| usize::from(self.names[usize::from(*name)].1) == group);
            is_certain &= before.is_none_or(is_met);
            is_certain &= before.is_none_or(|seen| now < seen.accepted_at.after(baton::limits::REMEMBER_EVENTS_FOR));
            let is_news = before.is_none_or(|seen| seen.class == Class::Ghost && event.class == Class::Turn);
            if !is_news {
                self.notes.count("duplicate");
                continue;
            }
            new += 1;
            let talks = matches!(event.class, Class::Ghost | Class::Turn);
            let wants_answer = talks && !NEEDS_NO_ANSWER.contains(&&*event.facts.kind);
            let asks = match commit.storage.entry(&event.id).and_then(|entry| entry.reason) {
                Some(Reason::Applied | Reason::Ignored) => false,
                Some(Reason::ForPerson | Reason::Stale) => wants_answer,
                // The bot has it, and may answer.
                _ if policy.observes() => false,
                _ => wants_answer || delivery.meanings[*at] == Meaning::AsksForPerson,
            };
            owed.is_asked |= asks && self.groups[group].hold.is_some();
            let acknowledged = before.is_some_and(|before| before.acknowledged);
            let seen = Seen {
                class: event.class,
                accepted_at: now,
                names: names.clone(),
                wants_answer,
                held: false,
                acknowledged,
            };
            self.events.insert(event.id.clone(), seen);
            let causes = |step: &Transition, cause: Cause, by: &EventId| {
                step.cause == cause && step.event.as_ref() == Some(by) && step.at_ms == now
            };
            let mut said = |cause: Cause, by: &EventId| {
                let found = steps.first().is_some_and(|step| causes(step, cause, by));
                found.then(|| steps.remove(0)).is_some()
            };
            match (event.class, delivery.meanings[*at]) {
                (Class::Echo, Meaning::Words) => {
                    if said(Cause::Echo, &event.id) {
                        self.notes.count("takeover: echo");
                    }
                    // Whatever was given back in this very delivery is taken again.
                    (owed.is_asked, owed.given) = (false, Vec::new());
                    self.groups[group].speak(&event.id, up_to, now, policy);
                    self.given_before_hold(group);
                }
                (Class::Echo, Meaning::HandsBack) if said(Cause::Phrase, &event.id) => {
                    self.notes.count("handback: phrase");
                    self.hand_back(group, false, commit, owed);
                    // Whoever hands back in words has seen what there was.
                    let state = &mut self.groups[group];
                    state.answered = state.answered.max(up_to);
                }
                (Class::Turn, Meaning::AsksForPerson) if said(Cause::CustomerAsked, &event.id) => {
                    self.notes.count("takeover: customer asked");
                    owed.given.clear();
                    self.customer_asked(group, now, policy);
                }
                (Class::EchoNote, _) => {
                    if let Some(Amendment::Revoke(echo)) = &event.facts.amends
                        && said(Cause::Revoked, echo)
                    {
                        self.notes.count("handback: revoked");
                        self.undone(group, echo, commit, owed);
                    }
                }
                _ => {}
            }
            // A ghost and the real message behind it may be in one delivery.
            let place = commit.output.changes.iter().find_map(|change| match change {
                Change::Put { entry, .. } if entry.id == event.id && entry.class == event.class => Some(entry.seq),
                _ => None,
            });
            up_to = up_to.max(place.unwrap_or_default());
        }
        let counted = matches!(commit.output.answer, Answer::Accepted { new: told, .. } if told == new);
        self.check(counted || !is_certain, Promise::Once, || {
            format!("{new} new events, and {:?}", commit.output.answer)
        });
    }

    fn customer_asked(&mut self, group: usize, now: UnixMillis, policy: &Policy) {
        let state = &mut self.groups[group];
        let mut hold = Held::new(now, None);
        hold.lease_until = now.after(policy.lease.min(policy.max_hold));
        state.hold = Some(hold);
        if !policy.observes() {
            for asked in &mut state.asked {
                (asked.at, asked.warned) = (now, false);
            }
        }
        self.given_before_hold(group);
    }

    /// What took the baton was withdrawn, or no answer to anybody.
    fn undone(&mut self, group: usize, echo: &EventId, commit: &Commit<'_>, owed: &mut Owed) {
        let hold = self.groups[group].hold.as_ref();
        let is_true = hold.is_some_and(|hold| hold.joined || hold.is_only(echo));
        self.check(is_true, Promise::Silence, || "handed back over a person's other words".to_owned());
        self.hand_back(group, true, commit, owed);
    }

    /// The gate was told that an echo was a broadcast.
    fn recalled(
        &mut self,
        group: usize,
        echo: &EventId,
        commit: &Commit<'_>,
        steps: &mut Vec<Transition>,
        owed: &mut Owed,
    ) {
        if steps.first().is_some_and(|step| step.cause == Cause::Broadcast && step.event.as_ref() == Some(echo)) {
            steps.remove(0);
            self.notes.count("handback: broadcast");
            return self.undone(group, echo, commit, owed);
        }
        let Some(hold) = &mut self.groups[group].hold else { return };
        hold.words.iter_mut().filter(|word| word.echo == *echo).for_each(|word| word.is_void = true);
    }
}
