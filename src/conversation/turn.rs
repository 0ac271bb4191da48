//! Who holds the baton.
//!
//! | holder | a person speaks | a customer asks for a person | the hold ends |
//! |---|---|---|---|
//! | `Automation` | → `Human`, token + 1 | → `Human`, token + 1 | – |
//! | `Human` | lease slides, up to `max_hold_seconds` | – | → `Automation`, token + 1 |
//!
//! The operator takes, keeps and ends a hold as well (`operator`), and may pause the bot: a hold whose end they set.
//!
//! Invariant: there is one holder at any time, and the fencing token grows with every change of holder and
//! never falls. What was accepted under an older token is therefore recognised for ever.
//!
//! Why the lease runs from the arrival of the echo and not from its timestamp: Meta's clock has seconds, an
//! echo may be late by WhatsApp's own delay, and a hold that is over before it began would be no hold.
//!
//! Not here: when a hold ends (`release`), and which echoes are a person's (`person`).

use core::fmt;

use serde::{Deserialize, Serialize};

use super::release::Waiting;
use crate::ids::{EventId, FencingToken};
use crate::limits::{HUMAN_TEXT_CHARS_MAX, HUMAN_TEXTS_MAX, LAST_WORDS_MAX};
use crate::policy::Policy;
use crate::time::UnixMillis;

/// Whose turn it is, and which turn.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Turn {
    /// Who may speak.
    pub holder: Holder,
    /// Which turn this is.
    pub token: FencingToken,
    /// The oldest turn in which what the bot got may still be answered, where that is not this one: since then every
    /// hold has been undone. While a person holds it is what counts should their hold be undone as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answerable_from: Option<FencingToken>,
}

/// Who may speak.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The bot.
    #[default]
    Automation,
    /// A person of the shop.
    Human(Hold),
}

/// A person's hold.
#[derive(Clone, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Hold {
    /// When it began.
    pub since_ms: UnixMillis,
    /// Until when the person keeps the baton without saying more.
    pub lease_until_ms: UnixMillis,
    /// The echo that took the baton; `None` where the customer asked for a person, or the operator took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<EventId>,
    /// Messages that the person has written.
    #[serde(default)]
    pub messages: u32,
    /// The person has answered everything that was accepted up to this `seq`.
    #[serde(default)]
    pub answered_seq: u64,
    /// Whether the operator has taken the baton, or had it kept: no withdrawal of a person's gives it back then.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub by_operator: bool,
    /// Whether the operator keeps the bot out until the lease ends.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub paused: bool,
    /// The person's last messages, and how things stood before each, should it turn out to be a broadcast.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_words: Vec<Words>,
    /// The person's last messages, where the owner shares them with the bot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
}

/// One message of a person's, and what it has changed.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Words {
    /// The message.
    pub echo: EventId,
    /// What was answered before it.
    pub answered_seq: u64,
    /// Who waits should it turn out to be no answer: who waited before it, or was to be answered by the bot, which it has
    /// taken the baton from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Since when what it answers has been withheld, where that happened only after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld_since_ms: Option<UnixMillis>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("since_ms", &self.since_ms)
            .field("lease_until_ms", &self.lease_until_ms)
            .field("messages", &self.messages)
            .field("answered_seq", &self.answered_seq)
            .finish_non_exhaustive()
    }
}

impl Hold {
    /// Remembers how things stood before the person's newest message.
    pub fn remember_words(&mut self, words: Words) {
        self.last_words.push(words);
        if self.last_words.len() > LAST_WORDS_MAX {
            self.last_words.remove(0);
        }
    }

    /// Notes that what came as `seq` was withheld only after words that have answered it: should they turn out to be none,
    /// the customer waits since `now`. Returns whether that is news.
    pub fn withhold_answered(&mut self, seq: u64, now: UnixMillis) -> bool {
        let Some(words) = self.last_words.iter_mut().rfind(|words| words.answered_seq < seq) else { return false };
        let is_news = words.withheld_since_ms.is_none();
        words.withheld_since_ms.get_or_insert(now);
        is_news
    }

    /// Makes a message unsaid, as far as it is remembered, and returns how things stood before it, where nothing was
    /// said since. Where something was, that now finds things as this message found them.
    pub fn unsay(&mut self, echo: &EventId) -> Option<Words> {
        let at = self.last_words.iter().position(|words| words.echo == *echo)?;
        let unsaid = self.last_words.remove(at);
        self.messages = self.messages.saturating_sub(1);
        if self.taken_by.as_ref() == Some(echo) {
            self.taken_by = self.last_words.get(at).map(|next| next.echo.clone());
        }
        let Some(next) = self.last_words.get_mut(at) else { return Some(unsaid) };
        next.answered_seq = unsaid.answered_seq;
        next.waiting = Waiting::resumed(unsaid.waiting, next.waiting);
        next.withheld_since_ms = [unsaid.withheld_since_ms, next.withheld_since_ms].into_iter().flatten().min();
        None
    }

    /// Remembers what the person wrote, as far as there is room.
    pub fn remember_text(&mut self, text: &str) {
        self.texts.push(text.chars().take(HUMAN_TEXT_CHARS_MAX).collect());
        if self.texts.len() > HUMAN_TEXTS_MAX {
            self.texts.remove(0);
        }
    }

    /// Whether the lease slides no further.
    #[must_use]
    pub fn is_at_its_longest(&self, policy: &Policy) -> bool {
        !self.paused && self.lease_until_ms >= self.since_ms.after(policy.max_hold)
    }
}

impl Turn {
    /// A person takes the baton, or keeps it. Returns whether they took it, and not only kept it.
    pub fn take(&mut self, now: UnixMillis, policy: &Policy, by: Option<&EventId>) -> bool {
        let until = now.after(policy.lease);
        match &mut self.holder {
            Holder::Human(hold) => {
                if now >= hold.since_ms.after(policy.max_hold) {
                    // Only the customer's waiting has kept the hold so long. The person's new words begin one anew,
                    // or it would be over with them.
                    hold.since_ms = now;
                }
                // A clock that jumps back must not shorten a hold, and nor must words during a pause.
                let until = until.min(hold.since_ms.after(policy.max_hold));
                if until > hold.lease_until_ms {
                    hold.lease_until_ms = until;
                    // The bot stays out for a person's sake from here on, and no longer for the operator's.
                    hold.paused = false;
                }
                false
            }
            Holder::Automation => {
                let lease_until_ms = until.min(now.after(policy.max_hold));
                let taken_by = by.cloned();
                self.holder = Holder::Human(Hold { since_ms: now, lease_until_ms, taken_by, ..Hold::default() });
                self.answerable_from.get_or_insert(self.token);
                self.token = self.token.next();
                true
            }
        }
    }

    /// The operator keeps the bot out until then, or for as long as a person holds anyway. Returns whether this took the
    /// baton.
    pub fn pause(&mut self, now: UnixMillis, policy: &Policy, until: UnixMillis) -> bool {
        let taken = self.hold().is_none() && self.take(now, policy, None);
        if let Some(hold) = self.hold_mut() {
            hold.lease_until_ms = if taken { until } else { until.max(hold.lease_until_ms) };
            hold.paused = true;
        }
        taken
    }

    /// Gives the baton back to the bot. Returns the hold that this ends. Where it `is_undone`, what the bot got before
    /// it may still be answered.
    pub fn give_back(&mut self, is_undone: bool) -> Option<Hold> {
        match core::mem::take(&mut self.holder) {
            Holder::Automation => None,
            Holder::Human(hold) => {
                self.token = self.token.next();
                self.answerable_from = self.answerable_from.filter(|_| is_undone);
                Some(hold)
            }
        }
    }

    /// The person's hold; `None` while the bot holds.
    #[must_use]
    pub const fn hold(&self) -> Option<&Hold> {
        match &self.holder {
            Holder::Automation => None,
            Holder::Human(hold) => Some(hold),
        }
    }

    /// The person's hold, to change it.
    pub const fn hold_mut(&mut self) -> Option<&mut Hold> {
        match &mut self.holder {
            Holder::Automation => None,
            Holder::Human(hold) => Some(hold),
        }
    }

    /// When the person's lease ends; `None` while the bot holds.
    #[must_use]
    pub fn lease_until(&self) -> Option<UnixMillis> {
        self.hold().map(|hold| hold.lease_until_ms)
    }

    /// Whether a person took the baton after the bot got something under `token`, and spoke.
    #[must_use]
    pub fn has_outdated(&self, token: FencingToken) -> bool {
        token < self.answerable_from()
    }

    /// The oldest turn in which what the bot got may still be answered.
    pub(super) fn answerable_from(&self) -> FencingToken {
        self.answerable_from.unwrap_or(self.token)
    }

    /// The turn to which what passes now belongs although the policy would not have it: during a hold the one that begins
    /// when the hold ends, because nobody but the bot is going to answer it then.
    #[must_use]
    pub const fn token_of_passed(&self) -> FencingToken {
        match self.holder {
            Holder::Automation => self.token,
            Holder::Human(_) => self.token.next(),
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
    use crate::time::Millis;

    #[test]
    fn a_person_takes_keeps_and_loses_the_baton() {
        let at = UnixMillis::from_seconds;
        let policy =
            Policy { lease: Millis::from_seconds(60), max_hold: Millis::from_seconds(100), ..Policy::default() };
        let mut turn = Turn::default();
        assert!(turn.lets_through(FencingToken::new(0)));

        assert!(turn.take(at(100), &policy, None), "an echo takes");
        assert_eq!((turn.lease_until(), turn.token), (Some(at(160)), FencingToken::new(1)));
        assert!(!turn.lets_through(FencingToken::new(0)) && !turn.lets_through(FencingToken::new(1)));

        assert!(!turn.take(at(130), &policy, None), "a second echo only slides the lease");
        assert_eq!((turn.lease_until(), turn.token), (Some(at(190)), FencingToken::new(1)));
        assert!(!turn.take(at(10), &policy, None), "a clock that jumps back shortens nothing");
        assert_eq!(turn.lease_until(), Some(at(190)));
        assert!(!turn.take(at(150), &policy, None));
        assert_eq!(turn.lease_until(), Some(at(200)), "no hold is longer than the cap");
        assert!(turn.hold().is_some_and(|hold| hold.is_at_its_longest(&policy)));

        assert!(turn.give_back(false).is_some());
        assert_eq!((turn.lease_until(), turn.token), (None, FencingToken::new(2)));
        assert!(turn.lets_through(FencingToken::new(2)) && !turn.lets_through(FencingToken::new(0)));
        assert!(turn.give_back(false).is_none(), "only a hold can end");
        assert_eq!(turn.token, FencingToken::new(2));
    }

    #[test]
    fn what_the_bot_got_before_a_hold_is_outdated_unless_the_hold_was_undone() {
        let (policy, token) = (Policy::default(), FencingToken::new);
        let mut turn = Turn { token: token(4), ..Turn::default() };
        assert!(turn.has_outdated(token(3)) && !turn.has_outdated(token(4)));
        // Twice a hold is undone, and then one is not.
        for _ in 0..2 {
            turn.take(UnixMillis::new(1), &policy, None);
            turn.give_back(true);
            assert!(turn.has_outdated(token(3)) && !turn.has_outdated(token(4)) && !turn.has_outdated(turn.token));
        }
        turn.take(UnixMillis::new(1), &policy, None);
        turn.give_back(false);
        assert!(turn.has_outdated(token(8)) && turn.has_outdated(token(9)) && !turn.has_outdated(token(10)));
        turn.take(UnixMillis::new(1), &policy, None);
        turn.give_back(true);
        assert!(turn.has_outdated(token(9)) && !turn.has_outdated(token(10)));
    }

    #[test]
    fn what_a_person_wrote_is_remembered_within_bounds_and_never_printed() {
        let mut hold = Hold::default();
        for number in 0..=HUMAN_TEXTS_MAX {
            hold.remember_text(&format!("{number} {}", "é".repeat(2 * HUMAN_TEXT_CHARS_MAX)));
        }
        assert_eq!(hold.texts.len(), HUMAN_TEXTS_MAX);
        assert!(hold.texts.iter().all(|text| text.chars().count() == HUMAN_TEXT_CHARS_MAX));
        assert!(hold.texts[0].starts_with("1 "), "the oldest went first");
        assert!(!format!("{hold:?}").contains('é'));
    }
}
