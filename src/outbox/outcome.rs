//! What the bot's answer, or its absence, means for an attempt.
//!
//! Invariant: an attempt ends in exactly one [`Outcome`]. `Unknown` is one of its own: the bot may or may not
//! have the event, so it is sent again with the same bytes and the same `webhook-id`, and a bot that
//! remembers ids answers once.
//!
//! Success is a 2xx and nothing else. A redirect is not followed: it would carry the customer's message and
//! a valid signature to an address that nobody configured.

use serde::{Deserialize, Serialize};

use crate::limits::OVERLOAD_WAIT_MIN;
use crate::outbox::Reason;
use crate::time::Millis;
use crate::webhook::event::Class;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The bot has the event.
    Accepted,
    /// The event is for a bot that is no longer configured.
    NoSuchBot,
    /// The bot will never take it.
    Rejected {
        /// The status of the bot's answer.
        status: u16,
    },
    /// The bot may take it later.
    Retryable {
        /// The status of the bot's answer.
        status: u16,
    },
    /// The bot asks for a pause.
    Throttled {
        /// The status of the bot's answer.
        status: u16,
        /// How long the bot asks to wait, by its `Retry-After`.
        retry_after: Option<Millis>,
    },
    /// Whether the bot has the event is not known.
    Unknown(Loss),
    /// There is no request to send: the body is gone.
    Unsendable,
}

/// How an answer was lost.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The connection could not be made, or broke.
    Connection,
    /// The gate was stopped during the attempt.
    Interruption,
    /// The bot did not answer within [`crate::limits::ATTEMPT_TIMEOUT`].
    Timeout,
}

impl Outcome {
    /// The outcome of an attempt that got an answer.
    ///
    /// A 4xx is final for anything but a customer's message: real bots answer 400 to receipts and fields that
    /// they do not know, and would for ever. A customer's message is tried on, because its 401 is a mistyped
    /// secret that somebody mends; 404 is tried on for everything, because one popular bot server answers it
    /// for seconds of every restart. 410 is final for everything (Standard Webhooks).
    ///
    /// `retry_after` is that header's text; only seconds are read, a date counts as none.
    #[must_use]
    pub fn of_answer(status: u16, retry_after: Option<&str>, class: Class) -> Self {
        match status {
            200..=299 => Self::Accepted,
            410 => Self::Rejected { status },
            429 | 502..=504 => {
                let retry_after = retry_after.and_then(|seconds| seconds.trim().parse().ok()).map(Millis::from_seconds);
                Self::Throttled { status, retry_after }
            }
            404 | 408 | 425 => Self::Retryable { status },
            400..=499 if !class.is_turn_bound() => Self::Rejected { status },
            _ => Self::Retryable { status },
        }
    }

    /// The reason that is kept with the entry.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Accepted => None,
            Self::NoSuchBot => Some(Reason::NoSuchBot),
            Self::Rejected { status } | Self::Retryable { status } | Self::Throttled { status, .. } => {
                Some(Reason::Status(status))
            }
            Self::Unknown(Loss::Connection) => Some(Reason::ConnectionLost),
            Self::Unknown(Loss::Interruption) => Some(Reason::Interrupted),
            Self::Unknown(Loss::Timeout) => Some(Reason::TimedOut),
            Self::Unsendable => Some(Reason::Unsendable),
        }
    }

    /// The shortest wait that this outcome asks for, whatever the schedule says.
    #[must_use]
    pub const fn wait_min(self) -> Millis {
        match self {
            Self::Throttled { status: 429, .. } | Self::Unknown(Loss::Timeout) => OVERLOAD_WAIT_MIN,
            Self::Accepted
            | Self::NoSuchBot
            | Self::Rejected { .. }
            | Self::Retryable { .. }
            | Self::Throttled { .. }
            | Self::Unknown(Loss::Connection | Loss::Interruption)
            | Self::Unsendable => Millis::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_means_the_same_every_time() {
        let retryable = |status| Outcome::Retryable { status };
        let rejected = |status| Outcome::Rejected { status };
        let throttled = |status, seconds: Option<u64>| Outcome::Throttled {
            status,
            retry_after: seconds.map(Millis::from_seconds),
        };
        for (status, header, turn, receipt) in [
            (200, None, Outcome::Accepted, Outcome::Accepted),
            (204, None, Outcome::Accepted, Outcome::Accepted),
            (101, None, retryable(101), retryable(101)),
            (302, None, retryable(302), retryable(302)),
            (400, None, retryable(400), rejected(400)),
            (401, None, retryable(401), rejected(401)),
            (404, None, retryable(404), retryable(404)),
            (410, None, rejected(410), rejected(410)),
            (429, None, throttled(429, None), throttled(429, None)),
            (429, Some("7"), throttled(429, Some(7)), throttled(429, Some(7))),
            (429, Some("-7"), throttled(429, None), throttled(429, None)),
            (500, Some("7"), retryable(500), retryable(500)),
            (503, Some("Wed, 21 Oct 2026 07:28:00 GMT"), throttled(503, None), throttled(503, None)),
            (600, None, retryable(600), retryable(600)),
        ] {
            assert_eq!(Outcome::of_answer(status, header, Class::Turn), turn, "a message, {status} {header:?}");
            assert_eq!(Outcome::of_answer(status, header, Class::Receipt), receipt, "a receipt, {status} {header:?}");
        }
    }
}
