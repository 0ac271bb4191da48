//! What a conversation remembers in its own row: the last echoes, and a journal of its transitions.
//!
//! Invariant: both are bounded. An echo that falls out of [`Echoes`] is handed back to the caller, who writes
//! it to a row of its own; nothing is forgotten before its time.
//!
//! Why echoes stand here and not in a row each: an echo changes this row anyway, so its id costs no further
//! row written, and rows written are most of what a webhook costs (`docs/decisions/0004-rows.md`).

use serde::{Deserialize, Serialize};

use crate::ids::{EventId, FencingToken};
use crate::limits::{ECHOES_IN_ROW_MAX, JOURNAL_MAX};
use crate::time::UnixMillis;

/// The last echoes, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Echoes(Vec<Echo>);

/// An echo, when it arrived, and what it did.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Echo {
    /// The echo's id.
    pub id: EventId,
    /// When it arrived.
    pub at_ms: UnixMillis,
    /// What it did.
    pub effect: EchoEffect,
}

/// What an echo did.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EchoEffect {
    /// Nothing: it is one of the app's own texts.
    Automation,
    /// In the end nothing: the same words went to many customers.
    Broadcast,
    /// The person handed the baton back with it.
    HandedBack,
    /// The person kept the baton.
    Kept,
    /// The person took the baton.
    Took,
}

impl Echoes {
    /// Whether this echo is remembered here.
    #[must_use]
    pub fn contains(&self, id: &EventId) -> bool {
        self.get(id).is_some()
    }

    /// This echo, where it is remembered here.
    #[must_use]
    pub fn get(&self, id: &EventId) -> Option<&Echo> {
        self.0.iter().find(|echo| echo.id == *id)
    }

    /// When a person last spoke, unless they handed the baton back since.
    #[must_use]
    pub fn last_words(&self) -> Option<UnixMillis> {
        let is_silent = |echo: &&Echo| matches!(echo.effect, EchoEffect::Automation | EchoEffect::Broadcast);
        let last = self.0.iter().rev().find(|echo| !is_silent(echo))?;
        (last.effect != EchoEffect::HandedBack).then_some(last.at_ms)
    }

    /// When a person last wrote anything of their own, as far as it is remembered.
    #[must_use]
    pub fn last_spoken(&self) -> Option<UnixMillis> {
        let is_own = |echo: &&Echo| !matches!(echo.effect, EchoEffect::Automation | EchoEffect::Broadcast);
        self.0.iter().rev().find(is_own).map(|echo| echo.at_ms)
    }

    /// Remembers an echo. Returns the oldest one where there is no more room.
    pub fn remember(&mut self, id: EventId, now: UnixMillis, effect: EchoEffect) -> Option<Echo> {
        self.adopt(Echo { id, at_ms: now, effect })
    }

    /// Remembers an echo of another conversation's. Returns the oldest one where there is no more room.
    pub fn adopt(&mut self, echo: Echo) -> Option<Echo> {
        self.0.push(echo);
        (self.0.len() > ECHOES_IN_ROW_MAX).then(|| self.0.remove(0))
    }

    /// Notes that an echo was a broadcast. Returns whether that is news.
    pub fn mark_broadcast(&mut self, id: &EventId) -> bool {
        let spoke = |echo: &&mut Echo| matches!(echo.effect, EchoEffect::Kept | EchoEffect::Took);
        let echo = self.0.iter_mut().filter(spoke).find(|echo| echo.id == *id);
        echo.map(|echo| echo.effect = EchoEffect::Broadcast).is_some()
    }

    /// Forgets what is older than `before`. Returns whether there was anything.
    pub fn forget(&mut self, before: UnixMillis) -> bool {
        let count = self.0.len();
        self.0.retain(|echo| echo.at_ms >= before);
        self.0.len() != count
    }

    /// The echoes, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Echo> {
        self.0.iter()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The last transitions of a conversation, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Journal(Vec<Transition>);

/// Something that happened to the turn, and why.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Transition {
    /// When it happened.
    pub at_ms: UnixMillis,
    /// What happened.
    pub transition: Change,
    /// Why.
    pub cause: Cause,
    /// The fencing token from then on.
    pub token: FencingToken,
    /// The event that caused it; `None` where that was time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
}

/// What a transition does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The baton goes back to the bot.
    Handback,
    /// A person takes the baton.
    Takeover,
    /// The owner is warned that a customer waits.
    Warning,
}

/// Why a transition happens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// What took the baton was a broadcast.
    Broadcast,
    /// The customer asked for a person.
    CustomerAsked,
    /// A person wrote from the phone.
    Echo,
    /// The person has held for as long as `max_hold_seconds`.
    HeldLongest,
    /// The person has not written for as long as the lease.
    LeaseExpired,
    /// Two names of one customer turned out to be one, and a person held under one of them.
    Merged,
    /// The operator took the baton, or gave it back.
    Operator,
    /// The operator paused the bot, or the pause has ended.
    Paused,
    /// The person handed it back in words.
    Phrase,
    /// The person withdrew the message that took it.
    Revoked,
    /// The customer has waited for the person too long.
    Unanswered,
}

impl Journal {
    /// Writes a transition down.
    pub fn record(&mut self, transition: Transition) {
        self.0.push(transition);
        if self.0.len() > JOURNAL_MAX {
            self.0.remove(0);
        }
    }

    /// The transitions, oldest first, to correct what an older form of them could not say.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Transition> {
        self.0.iter_mut()
    }

    /// The transitions, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Transition> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_echo_is_handed_back_when_there_is_no_more_room() {
        let mut echoes = Echoes::default();
        let id = |number: usize| EventId::named(&format!("wamid.{number}"));
        for number in 0..ECHOES_IN_ROW_MAX {
            assert_eq!(echoes.remember(id(number), UnixMillis::new(number as u64), EchoEffect::Took), None);
        }
        let oldest = echoes.remember(id(99), UnixMillis::new(99), EchoEffect::Kept);
        assert_eq!(oldest, Some(Echo { id: id(0), at_ms: UnixMillis::new(0), effect: EchoEffect::Took }));
        assert!(!echoes.contains(&id(0)) && echoes.contains(&id(1)) && echoes.contains(&id(99)));
        assert!(echoes.forget(UnixMillis::new(50)));
        assert!(!echoes.contains(&id(1)) && echoes.contains(&id(99)));
    }

    #[test]
    fn only_what_looked_like_a_persons_words_turns_out_to_be_a_broadcast() {
        let mut echoes = Echoes::default();
        for (number, (effect, is_news)) in [
            (EchoEffect::Took, true),
            (EchoEffect::Kept, true),
            (EchoEffect::Automation, false),
            (EchoEffect::HandedBack, false),
            (EchoEffect::Broadcast, false),
        ]
        .into_iter()
        .enumerate()
        {
            let id = EventId::named(&format!("wamid.{number}"));
            echoes.remember(id.clone(), UnixMillis::new(1), effect);
            assert_eq!(echoes.mark_broadcast(&id), is_news, "{effect:?}");
            assert!(!echoes.mark_broadcast(&id), "news only once: {effect:?}");
        }
    }
}
