//! The receipts that one Worker sent straight to the bot, or gave to their conversation, a short while ago.
//!
//! A receipt that the bot took at once leaves no row behind, so nothing durable recognises its repetition. Meta
//! repeats a delivery as a whole where one event of it could not be stored, and to every app that is subscribed;
//! such repetitions mostly reach the same Worker within seconds. This remembers that much and promises nothing:
//! a receipt may reach the bot twice, with the same bytes and the same `webhook-id` (`docs/decisions/0005`).
//!
//! Invariant: never more than [`RECEIPTS_REMEMBERED_MAX`] ids.

use std::collections::{BTreeSet, VecDeque};

use crate::ids::EventId;
use crate::limits::RECEIPTS_REMEMBERED_MAX;

/// The ids of the last receipts.
#[derive(Debug, Default)]
pub struct Recent {
    order: VecDeque<EventId>,
    ids: BTreeSet<EventId>,
}

impl Recent {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { order: VecDeque::new(), ids: BTreeSet::new() }
    }

    /// Whether this receipt is among the last.
    #[must_use]
    pub fn contains(&self, id: &EventId) -> bool {
        self.ids.contains(id)
    }

    /// Remembers a receipt, and forgets the oldest where there is no more room.
    pub fn remember(&mut self, id: EventId) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > RECEIPTS_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
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
            recent.remember(id(number));
            recent.remember(id(number));
        }
        assert!(!recent.contains(&id(0)));
        assert!(recent.contains(&id(1)) && recent.contains(&id(RECEIPTS_REMEMBERED_MAX)));
        assert_eq!((recent.order.len(), recent.ids.len()), (RECEIPTS_REMEMBERED_MAX, RECEIPTS_REMEMBERED_MAX));
    }
}
