//! One attempt as an HTTP request: what the bot gets.
//!
//! | header | what it is for |
//! |---|---|
//! | `x-hub-signature-256` | Meta's own signature, made anew over this body; a bot needs no change |
//! | `webhook-id`, `webhook-timestamp`, `webhook-signature` | the Standard Webhooks signature, with time; with two secrets, both |
//! | `x-baton-conversation` | which conversation, as a digest |
//! | `x-baton-token` | the fencing token of the turn that this message belongs to; not on receipts |
//! | `x-baton-attempt` | which attempt this is, from 1 |
//! | `traceparent` | W3C Trace Context: the message's trace, and a span for each attempt |
//! | `x-baton-handback` | with the first message after a person's hold: how long it was, how much they wrote |
//!
//! Invariant: all attempts at one entry have the same body and the same `webhook-id`. Some bots recognise a
//! repetition by the one, some by the other.
//!
//! Not here: sending it (`edge::bot`), and the body itself (`webhook::event::Event::body`).

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::{AttemptNumber, BotName, EventId, FencingToken, ObjectName, digest};
use crate::json;
use crate::limits::HANDBACK_HEADER_BYTES_MAX;
use crate::outbox::Handback;
use crate::outbox::trace::Trace;
use crate::secret::{Rotating, Secret, Which};
use crate::time::UnixMillis;
use crate::webhook::event::Class;
use crate::webhook::{self, signature};

/// One attempt at one entry.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Attempt {
    /// The entry's id.
    pub id: EventId,
    /// The class of the event.
    pub class: Class,
    /// The turn that it belongs to.
    pub token: FencingToken,
    /// Which attempt this is.
    pub number: AttemptNumber,
    /// The bot that it goes to; `None` for the one at `BOT_URL`.
    pub bot: Option<BotName>,
    /// What the bot is told of a hold that has ended.
    pub handback: Option<Handback>,
}

impl Attempt {
    /// The headers of the request. `body` is what [`crate::webhook::event::Event::body`] made of the event; `which` of the
    /// secrets signs where there is room for one signature only.
    #[must_use]
    pub fn headers(
        &self,
        conversation: &ObjectName,
        body: &str,
        (secrets, which): (&Rotating, Which),
        now: UnixMillis,
    ) -> Vec<(&'static str, String)> {
        let webhook_id = self.webhook_id();
        let secret = secrets.get(which).unwrap_or(&secrets.current);
        let timestamp = now.as_seconds().to_string();
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", concat!("baton/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("x-hub-signature-256", signature::sign(secret, body.as_bytes())),
            ("webhook-signature", standard_signatures(secrets, &webhook_id, &timestamp, body)),
            ("webhook-id", webhook_id),
            ("webhook-timestamp", timestamp),
            ("x-baton-conversation", conversation.public_id()),
            ("traceparent", Trace::of(conversation, &self.id).parent(self.number)),
            ("x-baton-attempt", self.number.number().to_string()),
        ];
        // A receipt belongs to no turn, and nothing is answered to it.
        if self.class.is_turn_bound() {
            headers.push(("x-baton-token", self.token.number().to_string()));
        }
        if let Some(handback) = &self.handback {
            headers.push(("x-baton-handback", handback.header()));
        }
        headers
    }

    /// The id that stays the same over all attempts, also where the conversation moved to another object in
    /// between. A ghost and the real message after it share a wamid, and a bot that remembers ids must take
    /// both, hence the class.
    fn webhook_id(&self) -> String {
        let kind: &[u8] = if self.class == Class::Ghost { b"ghost" } else { b"event" };
        format!("msg_{}", digest(&[self.id.as_str().as_bytes(), kind]))
    }
}

impl Handback {
    /// The header's value: JSON in printable ASCII. Of what the person wrote, the last messages that fit.
    fn header(&self) -> String {
        let render = |text: &[String]| {
            let handback = Self { text: text.to_vec(), ..*self };
            webhook::ascii_only(&json::write(&handback).unwrap_or_default())
        };
        let shortened = (0..=self.text.len()).filter_map(|without| self.text.get(without..)).map(render);
        shortened.into_iter().find(|value| value.len() <= HANDBACK_HEADER_BYTES_MAX).unwrap_or_default()
    }
}

/// The `webhook-signature` header: a signature for each secret that is in force, the current one's first, with a space
/// between them (Standard Webhooks 1.0.0, "Signature scheme").
#[must_use]
pub fn standard_signatures(secrets: &Rotating, id: &str, timestamp: &str, body: &str) -> String {
    let mut signatures = standard_signature(&secrets.current, id, timestamp, body);
    if let Some(previous) = &secrets.previous {
        signatures.push(' ');
        signatures.push_str(&standard_signature(previous, id, timestamp, body));
    }
    signatures
}

/// `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`. A secret that begins with `whsec_` is base64, as the
/// specification writes keys; any other secret is used as it is.
fn standard_signature(secret: &Secret, id: &str, timestamp: &str, body: &str) -> String {
    let key = standard_key(secret);
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return String::new();
    };
    for part in [id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
}

fn standard_key(secret: &Secret) -> Vec<u8> {
    let bytes = secret.expose();
    let decoded =
        bytes.strip_prefix(b"whsec_").and_then(|base64| Base64::decode_vec(core::str::from_utf8(base64).ok()?).ok());
    decoded.unwrap_or_else(|| bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Customer, LineId};

    fn headers(attempt: &Attempt, secret: &str, now: u64) -> Vec<(&'static str, String)> {
        let line = LineId::parse("300").unwrap();
        let conversation = ObjectName::conversation(&line, &Customer::parse("15550109999").unwrap());
        let secret = Rotating::from(Secret::new(secret).unwrap());
        attempt.headers(&conversation, "{}", (&secret, Which::Current), UnixMillis::from_seconds(now))
    }

    fn header(headers: &[(&'static str, String)], name: &str) -> String {
        headers.iter().find(|(key, _)| *key == name).unwrap().1.clone()
    }

    fn attempt(number: u32, class: Class) -> Attempt {
        let id = EventId::named("wamid.A");
        Attempt {
            id,
            class,
            token: FencingToken::new(3),
            number: AttemptNumber::new(number),
            bot: None,
            handback: None,
        }
    }

    #[test]
    fn the_id_stays_over_attempts_and_differs_between_a_ghost_and_its_message() {
        let id = |number, class| header(&headers(&attempt(number, class), "s", 1), "webhook-id");
        assert_eq!(id(1, Class::Turn), id(7, Class::Turn));
        assert_ne!(id(1, Class::Turn), id(1, Class::Ghost));
        assert_eq!(header(&headers(&attempt(7, Class::Turn), "s", 1), "x-baton-attempt"), "7");
        assert_eq!(header(&headers(&attempt(7, Class::Turn), "s", 1), "x-baton-token"), "3");
        let parent = |number| header(&headers(&attempt(number, Class::Turn), "s", 1), "traceparent");
        let trace = Trace::new(LineId::parse("300").as_ref(), &EventId::named("wamid.A"));
        assert!(parent(1).contains(trace.as_str()) && parent(7).contains(trace.as_str()) && parent(1) != parent(7));
    }

    /// The known answer of the Standard Webhooks reference implementations.
    #[test]
    fn the_standard_signature_is_that_of_the_specification() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            standard_signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_the_secret_is_changed_meta_s_header_has_one_signature_and_the_standard_one_has_both() {
        let line = LineId::parse("300").unwrap();
        let conversation = ObjectName::conversation(&line, &Customer::parse("15550109999").unwrap());
        let secret = |text| Secret::new(text).unwrap();
        let secrets = Rotating { current: secret("new"), previous: Some(secret("old")) };
        let alone = |text: &str| headers(&attempt(1, Class::Turn), text, 1);
        for (which, meta) in [(Which::Current, "new"), (Which::Previous, "old")] {
            let now = UnixMillis::from_seconds(1);
            let both = attempt(1, Class::Turn).headers(&conversation, "{}", (&secrets, which), now);
            assert_eq!(header(&both, "x-hub-signature-256"), header(&alone(meta), "x-hub-signature-256"));
            let expected = ["new", "old"].map(|text| header(&alone(text), "webhook-signature"));
            assert_eq!(header(&both, "webhook-signature"), expected.join(" "));
        }
    }

    #[test]
    fn no_header_shows_the_customer_or_the_secret() {
        let all = format!("{:?}", headers(&attempt(1, Class::Turn), "hush hush", 1));
        assert!(!all.contains("15550109999") && !all.contains("hush") && !all.contains("wamid"), "{all}");
    }
}
