//! Which of a bot's two secrets an attempt is signed with, while the secret is being changed.
//!
//! `webhook-signature` carries both signatures, as Standard Webhooks foresees. `X-Hub-Signature-256` carries one, and
//! most bots look at that: an attempt begins with the secret that the bot took last, and where the bot refuses that
//! with 401 or 403, the same bytes go once more in the same attempt, signed with the other.
//!
//! Invariant: an attempt is at most two requests, and the second is made only of one that was refused before the bot
//! looked at the message; so it is no duplicate. Where there is one secret, there is one request.
//!
//! Not here: the headers (`request`), sending them (`edge::bot`).

use super::destination::BotUrl;
use crate::secret::{Rotating, Which};

/// The bots that took the previous secret last, as far as this isolate knows. All others begin with the current one.
#[derive(Debug, Default)]
pub struct Laggards(Vec<String>);

impl Laggards {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The secret that the next attempt at this bot begins with.
    #[must_use]
    pub fn first(&self, bot: &BotUrl, secrets: &Rotating) -> Which {
        let is_behind = secrets.previous.is_some() && self.0.iter().any(|known| known == bot.as_str());
        if is_behind { Which::Previous } else { Which::Current }
    }

    /// Takes in that the bot has answered a request that was signed with this secret. There are as many bots to remember
    /// as are configured.
    pub fn answered(&mut self, bot: &BotUrl, which: Which, status: u16) {
        let is_behind = which == Which::Previous && !refuses_signature(status);
        let known = self.0.iter().position(|known| known == bot.as_str());
        match (is_behind, known) {
            (true, None) => self.0.push(bot.as_str().to_owned()),
            (false, Some(at)) => drop(self.0.swap_remove(at)),
            (true, Some(_)) | (false, None) => {}
        }
    }
}

/// The secret with which the same goes once more after this answer to the first request; `None` where it does not.
#[must_use]
pub const fn once_more(status: u16, first: Which, secrets: &Rotating) -> Option<Which> {
    match first.other() {
        other if refuses_signature(status) && secrets.get(other).is_some() => Some(other),
        Which::Current | Which::Previous => None,
    }
}

/// Whether this is how a bot answers to a signature that it does not know.
#[must_use]
pub const fn refuses_signature(status: u16) -> bool {
    matches!(status, 401 | 403)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::destination::Surroundings;
    use crate::secret::Secret;

    fn secrets(previous: Option<&str>) -> Rotating {
        Rotating { current: Secret::new("new").unwrap(), previous: previous.and_then(Secret::new) }
    }

    #[test]
    fn only_a_refused_signature_goes_once_more_and_only_where_there_is_another_secret() {
        use Which::{Current, Previous};
        for (status, first, previous, expected) in [
            (401, Current, Some("old"), Some(Previous)),
            (403, Current, Some("old"), Some(Previous)),
            (401, Previous, Some("old"), Some(Current)),
            (401, Current, None, None),
            (200, Current, Some("old"), None),
            (400, Current, Some("old"), None),
            (404, Current, Some("old"), None),
            (500, Current, Some("old"), None),
        ] {
            assert_eq!(once_more(status, first, &secrets(previous)), expected, "{status} {first:?} {previous:?}");
        }
    }

    #[test]
    fn an_attempt_begins_with_the_secret_that_this_bot_took_last() {
        let bot = |host: &str| BotUrl::parse(&format!("https://{host}.example.com/"), Surroundings::Deployed).unwrap();
        let (slow, quick, both) = (bot("slow"), bot("quick"), secrets(Some("old")));
        let mut laggards = Laggards::new();
        assert_eq!(laggards.first(&slow, &both), Which::Current);
        for (which, status, expected) in [
            (Which::Current, 401, Which::Current),
            (Which::Previous, 200, Which::Previous),
            (Which::Previous, 500, Which::Previous),
            (Which::Current, 200, Which::Current),
            (Which::Previous, 204, Which::Previous),
            // It takes neither: whoever mends that will set the current one.
            (Which::Previous, 403, Which::Current),
            (Which::Previous, 503, Which::Previous),
        ] {
            laggards.answered(&slow, which, status);
            assert_eq!(laggards.first(&slow, &both), expected, "{which:?} {status}");
            assert_eq!(laggards.first(&quick, &both), Which::Current);
        }
        assert_eq!(laggards.first(&slow, &secrets(None)), Which::Current, "there is no other any more");
        assert_eq!(laggards.0.len(), 1);
    }
}
