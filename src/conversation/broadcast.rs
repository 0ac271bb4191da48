//! The same words to many customers of a line: a broadcast, and no person's answer to any of them.
//!
//! Each echo takes the baton at once, and then asks here whether the same was sent to others. From
//! `broadcast_recipients` customers within `broadcast_window_seconds` on it is a broadcast: whoever took the baton
//! with it gives it back.
//!
//! Invariant: bounded by [`BROADCAST_TEXTS_MAX`] × [`BROADCAST_RECIPIENTS_MAX`]; what is older than the window is
//! forgotten.
//!
//! Why this is only in the memory of one object of the line: a broadcast is over within a minute, and should the count
//! be lost in the middle, the price is a hold that lasts as long as its lease. A row for each echo would be the third.
//! No text comes here, only its digest.

use crate::ids::{EventId, ObjectName};
use crate::limits::{BROADCAST_RECIPIENTS_MAX, BROADCAST_TEXTS_MAX};
use crate::policy::Broadcast;
use crate::time::UnixMillis;

/// What was sent to whom, a short while ago.
#[derive(Debug, Default)]
pub struct Tally {
    texts: Vec<Sent>,
}

/// One text, and to whom it went.
#[derive(Debug)]
struct Sent {
    content: String,
    to: Vec<Recipient>,
    is_broadcast: bool,
}

/// One customer who was sent a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipient {
    /// Their conversation.
    pub conversation: ObjectName,
    /// The echo.
    pub echo: EventId,
    /// When it arrived.
    pub at: UnixMillis,
}

impl Tally {
    /// Counts an echo. Returns the echoes that have just turned out to be part of a broadcast, this one included.
    pub fn count(&mut self, content: &str, recipient: Recipient, rule: Broadcast) -> Vec<Recipient> {
        let oldest = recipient.at.before(rule.window);
        for sent in &mut self.texts {
            sent.to.retain(|earlier| earlier.at >= oldest);
        }
        self.texts.retain(|sent| !sent.to.is_empty());
        let before = self.texts.iter().position(|sent| sent.content == content);
        let mut sent = match before {
            Some(at) => self.texts.remove(at),
            None => Sent { content: content.to_owned(), to: Vec::new(), is_broadcast: false },
        };
        // Twice to the same customer is once.
        sent.to.retain(|earlier| earlier.conversation != recipient.conversation);
        sent.to.push(recipient.clone());
        if sent.to.len() > BROADCAST_RECIPIENTS_MAX {
            sent.to.remove(0);
        }
        let told = if sent.is_broadcast {
            vec![recipient]
        } else if sent.to.len() >= rule.recipients {
            sent.is_broadcast = true;
            sent.to.clone()
        } else {
            Vec::new()
        };
        self.texts.push(sent);
        if self.texts.len() > BROADCAST_TEXTS_MAX {
            self.texts.remove(0);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LineId, Phone};
    use crate::time::Millis;

    const RULE: Broadcast = Broadcast { recipients: 3, window: Millis::from_seconds(60) };

    fn to(customer: u32, seconds: u64) -> Recipient {
        let (line, phone) = (LineId::parse("1").unwrap(), Phone::parse(&customer.to_string()).unwrap());
        Recipient {
            conversation: ObjectName::phone(&line, &phone),
            echo: EventId::named(&format!("e{customer}")),
            at: UnixMillis::from_seconds(seconds),
        }
    }

    #[test]
    fn the_same_words_to_many_customers_within_the_window_are_a_broadcast() {
        let mut tally = Tally::default();
        assert_eq!(tally.count("a", to(1, 100), RULE), []);
        assert_eq!(tally.count("a", to(2, 110), RULE), []);
        assert_eq!(tally.count("b", to(3, 110), RULE), [], "other words");
        assert_eq!(tally.count("a", to(2, 111), RULE), [], "the same customer twice");
        assert_eq!(tally.count("a", to(4, 120), RULE), [to(1, 100), to(2, 111), to(4, 120)], "all of them are told");
        assert_eq!(tally.count("a", to(5, 130), RULE), [to(5, 130)], "and each that follows");
    }

    #[test]
    fn the_same_words_over_a_day_are_a_habit() {
        let mut tally = Tally::default();
        for customer in 0..50 {
            assert_eq!(tally.count("a", to(customer, 100 + 31 * u64::from(customer)), RULE), [], "{customer}");
        }
    }

    #[test]
    fn the_count_is_bounded_whatever_is_sent() {
        let mut tally = Tally::default();
        for customer in 0..2_000 {
            tally.count("a", to(customer, 100), RULE);
            tally.count(&customer.to_string(), to(customer, 100), RULE);
        }
        assert_eq!(tally.texts.len(), BROADCAST_TEXTS_MAX);
        assert!(tally.texts.iter().all(|sent| sent.to.len() <= BROADCAST_RECIPIENTS_MAX));
    }
}
