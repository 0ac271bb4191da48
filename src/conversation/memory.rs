//! What a conversation remembers in its own row: the last echoes, and a journal of its transitions.
//!
//! Invariant: both are bounded. An echo that falls out of [`Echoes`] is handed back to the caller, who writes
//! it to a row of its own; nothing is forgotten before its time.
//!
//! Why echoes stand here and not in a row each: an echo changes this row anyway, so its id costs no further
//! row written, and rows written are most of what a webhook costs (`docs/decisions/0004-rows.md`).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ids::{EventId, FencingToken};
use crate::limits::{ECHOES_IN_ROW_MAX, JOURNAL_MAX};
use crate::time::UnixMillis;

/// The ids of the last echoes, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Echoes(VecDeque<(EventId, UnixMillis)>);

impl Echoes {
    /// Whether this echo is remembered here.
    #[must_use]
    pub fn contains(&self, id: &EventId) -> bool {
        self.0.iter().any(|(known, _)| known == id)
    }

    /// Remembers an echo. Returns the oldest one where there is no more room.
    pub fn remember(&mut self, id: EventId, now: UnixMillis) -> Option<(EventId, UnixMillis)> {
        self.0.push_back((id, now));
        if self.0.len() > ECHOES_IN_ROW_MAX { self.0.pop_front() } else { None }
    }

    /// Forgets what is older than `before`. Returns whether there was anything.
    pub fn forget(&mut self, before: UnixMillis) -> bool {
        let count = self.0.len();
        self.0.retain(|(_, at)| *at >= before);
        self.0.len() != count
    }

    /// The echoes with the time of their arrival, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &(EventId, UnixMillis)> {
        self.0.iter()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The last transitions of a conversation, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Journal(VecDeque<Transition>);

/// A change of holder, and why.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Transition {
    /// When it happened.
    pub at_ms: UnixMillis,
    /// What happened.
    pub transition: Change,
    /// Why.
    pub cause: Cause,
    /// The fencing token from then on.
    pub token: FencingToken,
}

/// What a transition does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The baton goes back to the bot.
    Handback,
    /// A person takes the baton.
    Takeover,
}

/// Why a transition happens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A person wrote from the phone.
    Echo,
    /// The person has not written for as long as the lease.
    LeaseExpired,
    /// Two names of one customer turned out to be one, and a person held under one of them.
    Merged,
}

impl Journal {
    /// Writes a transition down.
    pub fn record(&mut self, transition: Transition) {
        self.0.push_back(transition);
        if self.0.len() > JOURNAL_MAX {
            self.0.pop_front();
        }
    }

    /// The transitions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Transition> {
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
            assert_eq!(echoes.remember(id(number), UnixMillis::new(number as u64)), None);
        }
        assert_eq!(echoes.remember(id(99), UnixMillis::new(99)), Some((id(0), UnixMillis::new(0))));
        assert!(!echoes.contains(&id(0)) && echoes.contains(&id(1)) && echoes.contains(&id(99)));
        assert!(echoes.forget(UnixMillis::new(50)));
        assert!(!echoes.contains(&id(1)) && echoes.contains(&id(99)));
    }
}
