//! What is known to be one conversation: who holds it, and who waits.
//!
//! Invariant: a message waits until a person says something after it; a word that turns out to be a broadcast was never
//! said.

use baton::ids::EventId;
use baton::policy::Policy;
use baton::time::UnixMillis;

/// What is known to be one conversation.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Group {
    pub hold: Option<Held>,
    /// A person has answered everything up to this place.
    pub(super) answered: u64,
    /// Messages that are a person's to answer.
    pub(super) asked: Vec<Asked>,
    /// Whether it was handed over, and has not arrived yet.
    pub(super) under_way: bool,
    /// Whether a person has ever taken over.
    pub(super) was_taken: bool,
    /// The last token under which something was sent.
    pub(super) token_sent: u64,
}

/// A person's hold.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Held {
    pub(super) since: UnixMillis,
    pub lease_until: UnixMillis,
    pub(super) taken_by: Option<EventId>,
    pub(super) words: Vec<Word>,
    /// Whether two holds were joined in this one.
    pub(super) joined: bool,
    /// Until when it may last although nobody is known to wait.
    pub(super) linger: UnixMillis,
}

/// What a person said.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Word {
    pub(super) echo: EventId,
    pub(super) up_to: u64,
    /// Whether it was a broadcast, and so no answer.
    pub(super) is_void: bool,
}

/// A message that is a person's to answer.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Asked {
    pub(super) id: EventId,
    /// Its place when it was asked.
    pub(super) place: u64,
    /// What it counts as.
    pub(super) seq: u64,
    /// Where two talks have met since, the words that were there then: whatever its place, the next word answers it, and
    /// none before.
    pub(super) floats: Option<usize>,
    pub(super) at: UnixMillis,
    pub(super) warned: bool,
    /// Whether a rule keeps it for a person, whoever holds.
    pub(super) by_rule: bool,
}

impl Held {
    pub(super) fn answered(&self, base: u64) -> u64 {
        let words = self.words.iter().filter(|word| !word.is_void);
        words.map(|word| word.up_to).max().unwrap_or(base)
    }
}

impl Group {
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &Asked> {
        let answered = self.hold.as_ref().map_or(self.answered, |hold| hold.answered(self.answered));
        let words = self.hold.as_ref().map_or(&[][..], |hold| &hold.words);
        let is_spoken_to = move |since: usize| words.iter().skip(since).any(|word| !word.is_void);
        self.asked.iter().filter(move |asked| asked.floats.map_or(asked.seq > answered, |since| !is_spoken_to(since)))
    }

    /// Who has waited longest. By the order of arrival, because the clock may have been set back since.
    pub(super) fn first(&self) -> Option<&Asked> {
        self.unanswered().next()
    }

    /// When the hold ends at the latest.
    pub(super) fn release(&self, policy: &Policy) -> Option<UnixMillis> {
        let hold = self.hold.as_ref()?;
        let patience = self.first().map_or(hold.linger, |first| first.at.after(policy.hand_back_after));
        Some(hold.lease_until.max(patience).max(hold.linger))
    }

    pub(super) fn ask(&mut self, id: &EventId, seq: u64, at: UnixMillis, by_rule: bool) {
        let warned = self.first().is_some_and(|first| first.warned);
        self.asked.push(Asked { id: id.clone(), place: seq, seq, floats: None, at, warned, by_rule });
    }

    pub(super) fn speak(&mut self, echo: &EventId, up_to: u64, now: UnixMillis, policy: &Policy) {
        let hold = self.slide(Some(echo), now, policy);
        hold.words.push(Word { echo: echo.clone(), up_to, is_void: false });
    }

    /// The hold begins, or lasts longer.
    pub(super) fn slide(&mut self, by: Option<&EventId>, now: UnixMillis, policy: &Policy) -> &mut Held {
        let until = now.after(policy.lease);
        let hold = self.hold.get_or_insert_with(|| Held::new(now, by.cloned()));
        if now >= hold.since.after(policy.max_hold) {
            hold.since = now;
        }
        hold.lease_until = until.min(hold.since.after(policy.max_hold)).max(hold.lease_until);
        hold
    }
}

impl Held {
    pub(super) const fn new(now: UnixMillis, taken_by: Option<EventId>) -> Self {
        Self { since: now, lease_until: now, taken_by, words: Vec::new(), joined: false, linger: UnixMillis::new(0) }
    }

    /// Whether nobody has said anything but this echo, and the baton was not taken by a customer's asking.
    pub(super) fn is_only(&self, echo: &EventId) -> bool {
        let is_void = |by: &EventId| self.words.iter().any(|word| word.echo == *by && word.is_void);
        let took = self.taken_by.as_ref().is_some_and(|by| by == echo || is_void(by));
        took && self.words.iter().all(|word| word.is_void || word.echo == *echo)
    }
}
