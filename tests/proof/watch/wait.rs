//! Never alone: who waits for a person, that somebody is warned of it, and that every hold ends by an alarm.
//!
//! Invariant: whoever waits has an alarm for their warning, and whoever holds has one for the hold's end, from the moment
//! in which they are committed.

use std::fmt::Write as _;

use baton::conversation::Change;
use baton::ids::{EventId, ObjectName};
use baton::outbox::{Reason, State};
use baton::policy::{OnHandback, Policy};
use baton::time::UnixMillis;
use baton::webhook::event::Class;

use super::group::{Asked, Group};
use super::{Commit, Promise, Violation, Watch};
use crate::storage::Storage;
use crate::world::Flight;

impl Watch {
    /// The gate may take a customer for unanswered to whom nobody owes anything: because two talks have met, or because
    /// what they had asked was withdrawn. It warns once too often then, and is believed.
    pub(super) fn adopt_wait(&mut self, group: usize, commit: &Commit<'_>) {
        let state = &mut self.groups[group];
        let Some(waiting) = commit.after.waiting.filter(|_| state.first().is_none()) else { return };
        let floats = Some(state.hold.as_ref().map_or(0, |hold| hold.words.len()));
        let (id, at, warned) = (EventId::named("somebody"), waiting.since_ms, waiting.warned);
        state.asked.retain(|asked| asked.id != id);
        state.asked.push(Asked { id, place: 0, seq: 0, floats, at, warned, by_rule: waiting.by_rule });
    }

    /// Marks what was withheld, and who waits for it.
    pub(super) fn mark(&mut self, group: usize, commit: &Commit<'_>) {
        let policy = commit.policy;
        let state = &mut self.groups[group];
        for change in &commit.output.changes {
            let (Change::Put { entry, .. } | Change::Update(entry)) = change else { continue };
            // A ghost and the real message behind it may be in one delivery: the last word counts.
            if commit.storage.entry(&entry.id) != Some(entry) {
                continue;
            }
            let Some(seen) = self.events.get_mut(&entry.id).filter(|_| entry.class != Class::Echo) else { continue };
            let reason = entry.reason.filter(|_| entry.state == State::Withheld);
            // One delivery may end a hold and begin another.
            let is_present = state.hold.is_some() && entry.token == commit.after.turn.token;
            seen.held = is_present && reason.is_some_and(Reason::ends_with_hold);
            // The real message behind a ghost asks anew, or goes on with the ghost's waiting.
            let answered = state.hold.as_ref().map_or(state.answered, |hold| hold.answered(state.answered));
            state.asked.retain(|asked| {
                asked.id != entry.id || asked.place == entry.seq || asked.floats.is_some() || asked.seq > answered
            });
            for asked in state.asked.iter_mut().filter(|asked| asked.id == entry.id && asked.place != entry.seq) {
                (asked.place, asked.seq) = (entry.seq, entry.seq);
            }
            let asked = state.asked.iter().position(|asked| asked.id == entry.id);
            // Whoever asks for a person wants an answer, in whatever way they asked.
            seen.wants_answer |= reason == Some(Reason::AskedForPerson);
            match (asked, reason.is_some_and(Reason::is_for_person)) {
                (None, true) if seen.wants_answer && (state.hold.is_some() || !seen_by_hold(reason)) => {
                    state.ask(&entry.id, entry.seq, commit.now, !seen_by_hold(reason));
                    if let Some(hold) = state.hold.as_mut().filter(|hold| hold.joined) {
                        hold.linger = commit.now.after(policy.hand_back_after);
                    }
                }
                (None, true) if seen.wants_answer => {
                    let is_answered = entry.seq <= state.answered || policy.on_handback == OnHandback::None;
                    if !is_answered && self.broken.is_none() {
                        let what = format!("{} is withheld for a person who is not there", entry.id.as_str());
                        self.broken = Some(Violation { promise: Promise::NeverAlone, what });
                    }
                }
                // Who withdraws what they asked waits all the same, and whose ghost turns out to be for nobody.
                (Some(at), false) if reason.is_none() => {
                    let was_owed = state.unanswered().any(|asked| asked.id == entry.id);
                    let asked = state.asked.remove(at);
                    // Whoever still waits for what they asked later has waited since then.
                    let later = state.asked.iter_mut().skip(at).filter(|_| was_owed);
                    later.for_each(|other| other.at = other.at.min(asked.at));
                    if let Some(hold) = &mut state.hold {
                        hold.linger = hold.linger.max(asked.at.after(policy.hand_back_after));
                    }
                }
                _ => {}
            }
        }
    }

    /// An attempt at a part of the talk starts.
    pub(super) fn keeps_silence(&mut self, flight: &Flight, now: UnixMillis) {
        let id = &flight.attempt.id;
        let mut groups = vec![self.group_of(&flight.object)];
        let names = self.events.get(id).map(|seen| seen.names.clone()).unwrap_or_default();
        groups.extend(names.into_iter().map(|name| usize::from(self.names[usize::from(name)].1)));
        let is_over =
            |group: &Group| group.under_way && group.hold.as_ref().is_some_and(|hold| hold.lease_until <= now);
        let is_held = groups.into_iter().any(|at| self.groups[at].hold.is_some() && !is_over(&self.groups[at]));
        self.check(!is_held, Promise::Silence, || format!("{} starts while a person holds", id.as_str()));
    }

    /// While somebody holds or waits there is an alarm, and it is never later than what it is for.
    pub fn watches_over(
        &mut self,
        name: &ObjectName,
        storage: &Storage,
        alarm: Option<UnixMillis>,
        policy: &Policy,
        (now, has_passed): (UnixMillis, bool),
    ) {
        let group = self.group_of(name);
        let state = &self.groups[group];
        if self.broken.is_some() || storage.elsewhere().is_some() {
            return;
        }
        let (release, first) = (state.release(policy), state.first().filter(|first| !first.warned).cloned());
        let in_time = |at: UnixMillis| alarm.is_some_and(|alarm| alarm <= at);
        if let Some(release) = release {
            self.check(in_time(release), Promise::NeverAlone, || "no alarm for the end of a hold".to_owned());
            self.check(!has_passed || now < release, Promise::NeverAlone, || "a hold outlasts its end".to_owned());
        }
        if let Some(first) = first {
            let due = first.at.after(policy.warn_after);
            let id = first.id.as_str();
            self.check(in_time(due), Promise::NeverAlone, || {
                format!("no alarm for a warning of {id}: {alarm:?} {due:?}")
            });
            self.check(!has_passed || now < due, Promise::NeverAlone, || format!("nobody was warned of {id}"));
        }
    }

    /// All has come to rest: nobody holds, and nobody waits of whom nobody was warned.
    pub(super) fn nobody_waits(&mut self) {
        let holds = self.groups.iter().any(|group| group.hold.is_some());
        self.check(!holds, Promise::NeverAlone, || "a hold never ends".to_owned());
        let waits = self.groups.iter().find_map(|group| group.unanswered().find(|asked| !asked.warned)).cloned();
        self.check(waits.is_none(), Promise::NeverAlone, || {
            format!("{} waits for ever, and nobody was warned", waits.as_ref().map_or("", |asked| asked.id.as_str()))
        });
    }

    /// What is known of who holds and who waits, with the ids.
    pub fn shown(&self) -> String {
        let names = self.names.iter().map(|(name, group, _)| format!("{} in {group}, ", name.as_str()));
        let mut shown = format!("answered {}\n", names.collect::<String>());
        for group in self.groups.iter().filter(|group| **group != Group::default()) {
            let asked = group
                .asked
                .iter()
                .map(|asked| format!("{} {} {:?} {}", asked.id.as_str(), asked.seq, asked.at, asked.warned));
            let asked: Vec<String> = asked.collect();
            let _ = write!(shown, "answered {} asked {asked:?}", group.answered);
            if let Some(hold) = &group.hold {
                let words =
                    hold.words.iter().map(|word| format!("{} {} {}", word.echo.as_str(), word.up_to, word.is_void));
                let words: Vec<String> = words.collect();
                let _ = write!(shown, " held until {:?} joined {} words {words:?}", hold.lease_until, hold.joined);
            }
            shown.push('\n');
        }
        shown
    }

    /// Whether a person holds under one of the customer's names.
    pub fn is_held(&self) -> bool {
        self.groups.iter().any(|group| group.hold.is_some())
    }
}

/// Whether what is withheld for this reason was withheld by a hold.
fn seen_by_hold(reason: Option<Reason>) -> bool {
    reason.is_some_and(Reason::ends_with_hold)
}
