//! All passes: what a policy that only observes lets through, and what it writes down.
//!
//! Invariant: while the policy observes, no message is withheld for a person or kept waiting for one, and each that comes
//! while a person holds says why it would have been withheld. Silence is promised only where the policy is enforced; that
//! nothing is lost, once and in order are promised in both, and are checked where they always are.

use baton::conversation::{Change, Conversation};
use baton::outbox::{Entry, Reason, State};

use super::{Commit, Promise, Watch};
use crate::world::Did;

impl Commit<'_> {
    /// Whether something has passed, or was to be tried again, during a hold that is enforced from this moment on: whoever
    /// wrote it waits from now on as well, also where this very moment ends the hold.
    pub(super) fn is_first_enforced(&self) -> bool {
        let passed = |entry: &Entry| entry.note.would_withhold.is_some() && entry.reason == Some(Reason::HandedBack);
        let is_it = |change: &Change| match change {
            Change::Put { entry, .. } | Change::Update(entry) => passed(entry),
            Change::Forget { .. } | Change::Rewrite { .. } => false,
        };
        !self.policy.observes() && self.output.changes.iter().any(is_it)
    }
}

impl Watch {
    /// Whether the policy observes from here on.
    pub fn switch(&mut self) {
        self.observes = !self.observes;
        self.notes.count(if self.observes { "observe: begins" } else { "observe: ends" });
    }

    /// Looks at what a transaction has done with messages while the policy observes.
    pub(super) fn all_passes(&mut self, commit: &Commit<'_>) {
        // What is handed over was withheld before.
        if !self.observes || matches!(commit.did, Did::Linked { .. }) || commit.after.place.is_elsewhere() {
            return;
        }
        let first = commit.policy.retry_schedule.first().copied().unwrap_or_default();
        for change in &commit.output.changes {
            let (Change::Put { entry, .. } | Change::Update(entry)) = change else { continue };
            let id = entry.id.as_str();
            let is_stopped = entry.state == State::Withheld
                && entry.reason.is_some_and(|reason| reason.is_for_person() || reason == Reason::Merged);
            let is_new = entry.settled_at == Some(commit.now);
            self.check(!is_new || !is_stopped, Promise::AllPasses, || format!("{id} is withheld: {:?}", entry.reason));
            if let Change::Put { replaces: false, .. } = change
                && entry.class.is_turn_bound()
            {
                let waits = matches!(entry.state, State::Waiting(due) if due > commit.now.after(first));
                self.check(!waits, Promise::AllPasses, || format!("{id} waits: {:?}", entry.reason));
                self.is_written_down(entry, commit);
            }
            if entry.note.would_withhold.is_some() {
                self.notes.count("observe: would withhold");
            }
        }
    }

    /// While a person holds and the policy is enforced, no part of the talk waits for the bot.
    pub(super) fn nothing_waits(&mut self, commit: &Commit<'_>) {
        // To be asked, or to hear what another name leads to, is no reason to look at what waits.
        let is_said = matches!(commit.did, Did::Asked { .. } | Did::Linked { .. } | Did::LinkedVia { .. });
        if self.observes || is_said || commit.after.place.is_elsewhere() || commit.after.turn.hold().is_none() {
            return;
        }
        let waits = |entry: &&Entry| matches!(entry.state, State::Waiting(_)) && entry.class.is_turn_bound();
        let waiting = commit.storage.rows.values().map(|row| &row.entry).find(waits);
        self.check(waiting.is_none(), Promise::Silence, || {
            format!("{} waits for the bot while a person holds", waiting.map_or("", |entry| entry.id.as_str()))
        });
    }

    fn is_written_down(&mut self, entry: &Entry, commit: &Commit<'_>) {
        let turn = |conversation: &Conversation| conversation.turn.hold().map(|_| conversation.turn.token);
        let holds_throughout = turn(commit.before).is_some() && turn(commit.before) == turn(commit.after);
        let is_passed = entry.state.is_open() && holds_throughout;
        self.check(!is_passed || entry.note.would_withhold.is_some(), Promise::AllPasses, || {
            format!("{} passes while a person holds, and nothing says so", entry.id.as_str())
        });
    }
}
