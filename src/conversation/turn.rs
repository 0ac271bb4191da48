//! Who holds the baton.
//!
//! | holder | echo | lease ends |
//! |---|---|---|
//! | `Automation` | → `Human`, token + 1 | – |
//! | `Human` | lease slides | → `Automation`, token + 1 |
//!
//! Invariant: there is one holder at any time, and the fencing token grows with every change of holder and
//! never falls. What was accepted under an older token is therefore recognised for ever.
//!
//! Why the lease runs from the arrival of the echo and not from its timestamp: Meta's clock has seconds, an
//! echo may be late by WhatsApp's own delay, and a hold that is over before it began would be no hold.

use serde::{Deserialize, Serialize};

use crate::ids::FencingToken;
use crate::time::{Millis, UnixMillis};

/// Whose turn it is, and which turn.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Turn {
    /// Who may speak.
    pub holder: Holder,
    /// Which turn this is.
    pub token: FencingToken,
}

/// Who may speak.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The bot.
    #[default]
    Automation,
    /// A person of the shop.
    Human {
        /// When the baton goes back if the person says nothing more.
        lease_until_ms: UnixMillis,
    },
}

impl Turn {
    /// A person has spoken. Returns whether that took the baton, and not only kept it.
    pub fn take(&mut self, now: UnixMillis, lease: Millis) -> bool {
        let taken = self.holder == Holder::Automation;
        // A clock that jumps back must not shorten a hold.
        let lease_until_ms = now.after(lease).max(self.lease_until().unwrap_or_default());
        self.holder = Holder::Human { lease_until_ms };
        if taken {
            self.token = self.token.next();
        }
        taken
    }

    /// Gives the baton back where the lease has ended. Returns whether it did.
    pub fn expire(&mut self, now: UnixMillis) -> bool {
        let ended = self.lease_until().is_some_and(|until| until <= now);
        if ended {
            self.holder = Holder::Automation;
            self.token = self.token.next();
        }
        ended
    }

    /// When the person's lease ends; `None` while the bot holds.
    #[must_use]
    pub const fn lease_until(&self) -> Option<UnixMillis> {
        match self.holder {
            Holder::Automation => None,
            Holder::Human { lease_until_ms } => Some(lease_until_ms),
        }
    }

    /// Whether the bot may be told what was accepted under `token`.
    #[must_use]
    pub fn lets_through(&self, token: FencingToken) -> bool {
        self.holder == Holder::Automation && self.token == token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_takes_keeps_and_loses_the_baton() {
        let at = UnixMillis::from_seconds;
        let lease = Millis::from_seconds(60);
        let mut turn = Turn::default();
        assert!(turn.lets_through(FencingToken::new(0)));

        assert!(turn.take(at(100), lease), "an echo takes");
        assert_eq!((turn.lease_until(), turn.token), (Some(at(160)), FencingToken::new(1)));
        assert!(!turn.lets_through(FencingToken::new(0)) && !turn.lets_through(FencingToken::new(1)));

        assert!(!turn.take(at(130), lease), "a second echo only slides the lease");
        assert_eq!((turn.lease_until(), turn.token), (Some(at(190)), FencingToken::new(1)));
        assert!(!turn.take(at(10), lease), "a clock that jumps back shortens nothing");
        assert_eq!(turn.lease_until(), Some(at(190)));

        assert!(!turn.expire(UnixMillis::new(189_999)));
        assert!(turn.expire(at(190)));
        assert_eq!((turn.lease_until(), turn.token), (None, FencingToken::new(2)));
        assert!(turn.lets_through(FencingToken::new(2)) && !turn.lets_through(FencingToken::new(0)));
        assert!(!turn.expire(at(999)), "only a hold can end");
    }
}
