//! The line as a whole: is the bot up, does the gate still hear the phone.
//!
//! | sign | what it is taken for |
//! |---|---|
//! | [`BOT_DOWN_FAILURES`] attempts failed in a row, over all conversations | the bot is down, until an attempt succeeds |
//! | Meta says that the number left Coexistence | the gate is deaf, until the next echo, or Meta says that it is back |
//! | customers write, and no echo came for far longer than ever before | the gate is deaf, until the next echo |
//! | no echo for [`PHONE_IDLE_WARN`] | Meta may end Coexistence, which it does [`PHONE_IDLE`] after the phone app was last opened |
//!
//! Invariant: marks only move forward, so those of several parts of a desk come together as the latest of each.
//!
//! What this cannot see: a phone app that is opened without anything being written. The deadline is therefore the
//! earliest that is possible, and is told as such.

use serde::{Deserialize, Serialize};

use super::report::BotSeen;
use crate::limits::{BOT_DOWN_FAILURES, DEAF_AFTER_MESSAGES, DEAF_AFTER_MIN, PHONE_IDLE, PHONE_IDLE_WARN};
use crate::time::{Millis, UnixMillis};

/// The last signs of life of a line.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Marks {
    /// When a customer last wrote.
    pub message: Option<UnixMillis>,
    /// When an echo last came.
    pub echo: Option<UnixMillis>,
    /// Messages of customers since then.
    pub unheard: u64,
    /// The longest time between two echoes so far, half of it forgotten with each twenty shorter ones.
    pub longest: Millis,
    /// When the bot last took an event.
    pub success: Option<UnixMillis>,
    /// When an attempt last failed.
    pub failure: Option<UnixMillis>,
    /// How it failed, in one word.
    pub how: String,
    /// Attempts that have failed since the last that succeeded.
    pub failures: u32,
    /// What Meta has said of the number, since when.
    pub left: Option<(Deafness, UnixMillis)>,
}

/// Why the gate seems to hear nothing of the phone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deafness {
    /// Meta has taken the number off the app, for example after a change of phones.
    AccountOffboarded,
    /// No echo for unusually long while customers write.
    NoEchoes,
    /// Meta has removed the partner that the number was connected through.
    PartnerRemoved,
    /// The phone app may not have been opened for so long that Meta ends Coexistence.
    PhoneIdle,
}

impl Deafness {
    /// The name as the operator reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountOffboarded => "account_offboarded",
            Self::NoEchoes => "no_echoes",
            Self::PartnerRemoved => "partner_removed",
            Self::PhoneIdle => "phone_idle",
        }
    }

    /// What it means, and what to do.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::AccountOffboarded => {
                "Meta took the number off the Business App (ACCOUNT_OFFBOARDED): connect it again, or the gate does not see what staff write."
            }
            Self::NoEchoes => {
                "Customers write, but nothing that staff write has reached the gate for unusually long: send a message from the phone, and check that the app is subscribed to smb_message_echoes."
            }
            Self::PartnerRemoved => {
                "Meta ended the connection of the number (PARTNER_REMOVED): connect it again, or the gate does not see what staff write."
            }
            Self::PhoneIdle => {
                "Nothing was written from the phone for 11 days; Meta ends Coexistence when the Business App was not opened for 14: open it on the phone."
            }
        }
    }
}

impl Marks {
    /// Customers wrote.
    pub fn messages(&mut self, count: u64, now: UnixMillis) {
        self.message = self.message.max(Some(now));
        self.unheard = self.unheard.saturating_add(count);
    }

    /// Echoes came.
    pub fn echoes(&mut self, now: UnixMillis) {
        if let Some(before) = self.echo {
            let gap = now.since(before).as_millis();
            // 0.966^20 is a half.
            self.longest = Millis::new(gap.max(self.longest.as_millis() / 1_000 * 966));
        }
        self.echo = self.echo.max(Some(now));
        self.unheard = 0;
        self.left = None;
    }

    /// Attempts ended.
    pub fn attempts(&mut self, seen: &BotSeen, now: UnixMillis) {
        if seen.succeeded {
            self.success = self.success.max(Some(now));
            self.failures = 0;
        }
        if seen.failures > 0 {
            self.failure = self.failure.max(Some(now));
            self.how.clone_from(&seen.how);
            self.failures = self.failures.saturating_add(seen.failures);
        }
    }

    /// Whether the bot seems to be down.
    #[must_use]
    pub const fn is_bot_down(&self) -> bool {
        self.failures >= BOT_DOWN_FAILURES
    }

    /// Why the gate seems to hear nothing of the phone; `None` where it seems to hear.
    #[must_use]
    pub fn deafness(&self, now: UnixMillis) -> Option<Deafness> {
        if let Some((reason, _)) = self.left {
            return Some(reason);
        }
        let silent = now.since(self.echo?);
        let unusual = Millis::new(self.longest.as_millis().saturating_mul(2)).max(DEAF_AFTER_MIN);
        if silent >= unusual && self.unheard >= DEAF_AFTER_MESSAGES {
            return Some(Deafness::NoEchoes);
        }
        (silent >= PHONE_IDLE_WARN).then_some(Deafness::PhoneIdle)
    }

    /// When Meta may end Coexistence at the earliest.
    #[must_use]
    pub fn phone_idle_at(&self) -> Option<UnixMillis> {
        self.echo.map(|echo| echo.after(PHONE_IDLE))
    }

    /// The marks of two parts of a desk.
    pub fn join(&mut self, other: &Self) {
        self.unheard = match self.echo.cmp(&other.echo) {
            core::cmp::Ordering::Less => other.unheard,
            core::cmp::Ordering::Equal => self.unheard.saturating_add(other.unheard),
            core::cmp::Ordering::Greater => self.unheard,
        };
        self.failures = match self.success.cmp(&other.success) {
            core::cmp::Ordering::Less => other.failures,
            core::cmp::Ordering::Equal => self.failures.saturating_add(other.failures),
            core::cmp::Ordering::Greater => self.failures,
        };
        if other.failure > self.failure {
            self.how.clone_from(&other.how);
        }
        self.message = self.message.max(other.message);
        self.echo = self.echo.max(other.echo);
        self.longest = self.longest.max(other.longest);
        self.success = self.success.max(other.success);
        self.failure = self.failure.max(other.failure);
        self.left = self.left.or(other.left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    fn seen(failures: u32, succeeded: bool) -> BotSeen {
        BotSeen { failures, succeeded, how: "timed_out".to_owned() }
    }

    fn at(hours: u64) -> UnixMillis {
        UnixMillis::from_seconds(1_793_700_000 + hours * HOUR)
    }

    #[test]
    fn the_bot_is_down_after_failures_in_a_row_and_up_with_the_first_success() {
        let mut marks = Marks::default();
        for failed in 1..=BOT_DOWN_FAILURES {
            assert!(!marks.is_bot_down(), "after {} failures", failed - 1);
            marks.attempts(&seen(1, false), at(0));
        }
        assert!(marks.is_bot_down());
        marks.attempts(&seen(1, true), at(1));
        assert!(!marks.is_bot_down() && marks.success == Some(at(1)));
    }

    #[test]
    fn the_gate_is_deaf_when_customers_write_and_the_phone_is_silent_for_unusually_long() {
        let mut marks = Marks::default();
        marks.messages(1_000, at(0));
        assert_eq!(marks.deafness(at(2_000)), None, "where there was never an echo there is no phone to hear");
        // A shop that is closed at night: 14 hours without an echo are usual.
        for day in 0..5 {
            for hour in 0..10 {
                marks.echoes(at(24 * day + hour));
            }
        }
        let last = 24 * 4 + 9;
        marks.messages(DEAF_AFTER_MESSAGES - 1, at(last + 1));
        assert_eq!(marks.deafness(at(last + 40)), None, "too few have written");
        marks.messages(1, at(last + 2));
        assert_eq!(marks.deafness(at(last + 20)), None, "no longer than twice as ever");
        assert_eq!(marks.deafness(at(last + 40)), Some(Deafness::NoEchoes));
        marks.echoes(at(last + 41));
        assert_eq!(marks.deafness(at(last + 41)), None, "an echo is heard");
    }

    #[test]
    fn the_fourteen_days_of_the_phone_app_are_told_before_they_are_over() {
        let mut marks = Marks::default();
        marks.echoes(at(0));
        assert_eq!(marks.deafness(at(10 * 24)), None);
        assert_eq!(marks.deafness(at(11 * 24)), Some(Deafness::PhoneIdle));
        assert_eq!(marks.phone_idle_at(), Some(at(14 * 24)));
    }

    #[test]
    fn what_meta_says_of_the_number_counts_until_the_phone_is_heard_again() {
        let mut marks = Marks { left: Some((Deafness::PartnerRemoved, at(0))), ..Marks::default() };
        assert_eq!(marks.deafness(at(1)), Some(Deafness::PartnerRemoved));
        marks.echoes(at(2));
        assert_eq!(marks.deafness(at(2)), None);
    }

    #[test]
    fn the_marks_of_two_parts_are_the_latest_of_each() {
        let (mut one, mut other) = (Marks::default(), Marks::default());
        one.messages(3, at(1));
        one.attempts(&seen(4, false), at(1));
        other.echoes(at(2));
        other.messages(2, at(3));
        other.attempts(&seen(0, true), at(3));
        let (mut forth, mut back) = (one.clone(), other.clone());
        forth.join(&other);
        back.join(&one);
        assert_eq!(forth, back);
        assert_eq!((forth.unheard, forth.failures, forth.message), (2, 0, Some(at(3))));
    }
}
