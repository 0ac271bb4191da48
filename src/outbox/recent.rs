//! The receipts that one Worker sent straight to the bot, or gave to their conversation, a short while ago.
//!
//! A receipt that the bot took at once leaves no row behind, so nothing durable recognises its repetition. Meta
//! repeats a delivery as a whole where one event of it could not be stored, and to every app that is subscribed;
//! such repetitions mostly reach the same Worker within seconds. This remembers that much and promises nothing:
//! a receipt may reach the bot twice, with the same bytes and the same `webhook-id` (`docs/decisions/0005`).
//!
//! Invariant: never more than [`RECEIPTS_REMEMBERED_MAX`] ids. They are known by 128 bits of their SHA-256, so a list of
//! 64 KB is looked through in microseconds, and two ids that look alike are not to be found.

use crate::ids::EventId;
use crate::limits::RECEIPTS_REMEMBERED_MAX;

/// The ids of the last receipts.
#[derive(Debug, Default)]
pub struct Recent(Vec<u128>);

impl Recent {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether this receipt is among the last.
    #[must_use]
    pub fn contains(&self, id: &EventId) -> bool {
        self.0.contains(&id.fingerprint())
    }

    /// Remembers a receipt, and forgets the oldest where there is no more room.
    pub fn remember(&mut self, id: &EventId) {
        let fingerprint = id.fingerprint();
        if self.0.contains(&fingerprint) {
            return;
        }
        self.0.push(fingerprint);
        if self.0.len() > RECEIPTS_REMEMBERED_MAX {
            self.0.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_receipt_makes_room_for_the_newest() {
        let id = |number: usize| EventId::named(&format!("wamid.{number}#read"));
        let mut recent = Recent::new();
        for number in 0..=RECEIPTS_REMEMBERED_MAX {
            recent.remember(&id(number));
            recent.remember(&id(number));
        }
        assert!(!recent.contains(&id(0)));
        assert!(recent.contains(&id(1)) && recent.contains(&id(RECEIPTS_REMEMBERED_MAX)));
        assert_eq!(recent.0.len(), RECEIPTS_REMEMBERED_MAX);
    }
}
