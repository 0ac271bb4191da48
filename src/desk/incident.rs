//! What the owner is told, once, and that it is over.
//!
//! An incident has a key: the kind, and the conversation where it is about one. While it is open nothing more is told
//! of the same key; when it ends, that is told as well.
//!
//! | kind | begins | ends |
//! |---|---|---|
//! | `customer_unanswered` | the customer has waited for `warn_after_seconds` | they wait no more |
//! | `dead_letter` | a message was given up on | the conversation has no dead letter any more |
//! | `leak` | the bot spoke over a person | the person's hold ends |
//! | `bot_down` | attempts failed in a row; or the bot said that it is gone | an attempt succeeds |
//! | `gate_deaf` | see [`super::watch`] | the phone is heard again |
//!
//! Invariant: what is told has no words of anybody's; the customer appears by number or user id, because somebody has to
//! find them.

use core::fmt::Write as _;

use serde::Serialize;

use super::watch::Deafness;
use crate::json;
use crate::outbox::request::standard_signatures;
use crate::secret::Rotating;
use crate::time::UnixMillis;

/// What an incident is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The bot takes nothing.
    BotDown,
    /// A customer waits.
    CustomerUnanswered,
    /// A message was given up on.
    DeadLetter,
    /// The gate seems not to hear the phone.
    GateDeaf,
    /// The bot spoke over a person.
    Leak,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::BotDown, Self::CustomerUnanswered, Self::DeadLetter, Self::GateDeaf, Self::Leak];

    /// The name as it is stored and told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BotDown => "bot_down",
            Self::CustomerUnanswered => "customer_unanswered",
            Self::DeadLetter => "dead_letter",
            Self::GateDeaf => "gate_deaf",
            Self::Leak => "leak",
        }
    }

    /// What has happened, in one sentence.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::BotDown => {
                "The bot takes no messages: its last attempts failed. They are kept and tried again; check that it is up."
            }
            Self::CustomerUnanswered => {
                "A customer waits for an answer, and nobody has written from the phone. Answer, or hand the conversation back to the bot."
            }
            Self::DeadLetter => {
                "A customer's message was given up on after its last attempt at the bot. It is kept; send it again from the desk once the bot is well."
            }
            Self::GateDeaf => Deafness::NoEchoes.explain(),
            Self::Leak => {
                "The bot wrote to a customer whom staff were answering, past the gate. Check that the bot sends through the gate's address."
            }
        }
    }

    /// That it is over, in one sentence.
    #[must_use]
    pub const fn explain_end(self) -> &'static str {
        match self {
            Self::BotDown => "The bot takes messages again.",
            Self::CustomerUnanswered => "The customer waits no more.",
            Self::DeadLetter => "The conversation has no dead letter any more.",
            Self::GateDeaf => "The gate hears the phone again.",
            Self::Leak => "The hold in which it happened is over.",
        }
    }
}

/// Something that is to be told.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Notice {
    /// The incident's number.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// The business number.
    pub line: String,
    /// The customer, where it is about one.
    pub customer: Option<String>,
    /// When it began.
    pub opened_at_ms: UnixMillis,
    /// When it ended; `None` while it has not.
    pub closed_at_ms: Option<UnixMillis>,
    /// What has happened, in one sentence.
    pub explanation: String,
}

/// Somebody who is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Receiver {
    /// Whoever takes Standard Webhooks, at `ALERTS_URL`.
    Standard,
    /// Whoever takes Slack's incoming webhooks, at `ALERTS_SLACK_URL`.
    Slack,
}

/// Who has taken what of an incident: its beginning, and its end.
///
/// Each receiver hears of the beginning before the end, and none waits for the other.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Told(pub i64);

impl Told {
    /// Whether a receiver has taken the beginning, or the end.
    #[must_use]
    pub const fn has(self, receiver: Receiver, end: bool) -> bool {
        self.0 & Self::bit(receiver, end) != 0
    }

    /// The same, and now a receiver has taken the beginning, or the end.
    #[must_use]
    pub const fn and(self, receiver: Receiver, end: bool) -> Self {
        Self(self.0 | Self::bit(receiver, end))
    }

    /// Whether everybody has taken everything, of an incident that is over or not.
    #[must_use]
    pub const fn is_all(self, is_over: bool) -> bool {
        let wanted = if is_over { 0b1111 } else { 0b0011 };
        self.0 & wanted == wanted
    }

    const fn bit(receiver: Receiver, end: bool) -> i64 {
        let bit = match receiver {
            Receiver::Standard => 0b0001,
            Receiver::Slack => 0b0010,
        };
        if end { bit << 2 } else { bit }
    }
}

#[derive(Serialize)]
struct Event<'a> {
    r#type: &'a str,
    timestamp: String,
    data: &'a Notice,
}

impl Notice {
    /// The id under which a receiver recognises a repetition: the beginning and the end of an incident are told apart.
    #[must_use]
    pub fn message_id(&self) -> String {
        let end = if self.closed_at_ms.is_some() { "closed" } else { "opened" };
        format!("baton_{}_{}_{}_{end}", self.line, self.id, self.opened_at_ms.as_millis())
    }

    /// The body for a receiver of Standard Webhooks.
    #[must_use]
    pub fn standard(&self) -> String {
        let at = self.closed_at_ms.unwrap_or(self.opened_at_ms);
        let r#type = if self.closed_at_ms.is_some() { "alert.closed" } else { "alert.opened" };
        // `2026-11-03 10:01:40 UTC` as ISO 8601 has it.
        let timestamp = at.to_string().replacen(' ', "T", 1).replace(" UTC", "Z");
        json::write(&Event { r#type, timestamp, data: self }).unwrap_or_default()
    }

    /// The body for a receiver of Slack's incoming webhooks, which Mattermost, Rocket.Chat and others take as well.
    #[must_use]
    pub fn slack(&self) -> String {
        let mut text = if self.closed_at_ms.is_some() { "Over: ".to_owned() } else { String::new() };
        text.push_str(&self.explanation);
        if let Some(customer) = &self.customer {
            // Writing into a String cannot fail.
            let _ = write!(text, " Customer: {customer}.");
        }
        let _ = write!(text, " (Baton, number {})", self.line);
        format!("{{\"text\":{}}}", json::write(&text).unwrap_or_default())
    }

    /// `webhook-signature` of a body (Standard Webhooks, "Signature scheme"): the id, the time in seconds and the body
    /// under the secret's bytes, and once more under those of the secret before it while that is good.
    #[must_use]
    pub fn signature(&self, secret: &Rotating, now: UnixMillis, body: &str) -> String {
        standard_signatures(secret, &self.message_id(), &now.as_seconds().to_string(), body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(closed_at_ms: Option<UnixMillis>) -> Notice {
        Notice {
            id: 7,
            kind: Kind::CustomerUnanswered.name().to_owned(),
            line: "106540352242922".to_owned(),
            customer: Some("491701234567".to_owned()),
            opened_at_ms: UnixMillis::from_seconds(1_793_700_100),
            closed_at_ms,
            explanation: "A \"customer\" waits.".to_owned(),
        }
    }

    #[test]
    fn the_beginning_and_the_end_are_two_messages_in_both_forms() {
        let (opened, closed) = (notice(None), notice(Some(UnixMillis::from_seconds(1_793_700_400))));
        assert_ne!(opened.message_id(), closed.message_id());
        let body: serde_json::Value = serde_json::from_str(&opened.standard()).unwrap();
        assert_eq!(
            (body["type"].as_str(), body["timestamp"].as_str()),
            (Some("alert.opened"), Some("2026-11-03T10:01:40Z"))
        );
        assert_eq!(body["data"]["customer"], "491701234567");
        let body: serde_json::Value = serde_json::from_str(&closed.slack()).unwrap();
        assert_eq!(body["text"], "Over: A \"customer\" waits. Customer: 491701234567. (Baton, number 106540352242922)");
    }
}
