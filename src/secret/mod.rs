//! Secrets: values that never print themselves and that are compared in constant time.
//!
//! Invariant: the only way to a secret's bytes is [`Secret::expose`], which the modules that compute Meta's and the bot's
//! signatures call, one of them by WebCrypto; what the gate signs for itself is signed here, by [`Secret::sign`]. `Debug` shows a fixed word, there is no `Display`, no `Serialize` and no `==`.
//!
//! A secret that can be changed while it is in use is a [`Rotating`] one (`rotating`).
//!
//! Not here: where secrets come from (`settings`, `edge::env`).

pub mod rotating;

pub use rotating::{Rotating, Which};

use core::fmt;

use base16ct::lower::encode_string;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A secret text: the Meta app's secret, the verify token, the bot's secret, the operator's token.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret; `None` for the empty text, which is never a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self(text))
    }

    /// The secret's bytes, for computing a signature and for nothing else.
    #[must_use]
    pub const fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether `presented` is this secret. The time it takes tells nothing about where the two differ:
    /// both are reduced to an HMAC of equal length, and `hmac` compares those in constant time.
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> bool {
        let Some(own) = keyed(&self.0, self.expose()) else {
            return false;
        };
        let Some(other) = keyed(&self.0, presented) else {
            return false;
        };
        other.verify(&own.finalize().into_bytes()).is_ok()
    }

    /// HMAC-SHA256 of `message` under this secret, in hex.
    #[must_use]
    pub fn sign(&self, message: &str) -> String {
        keyed(&self.0, message.as_bytes()).map_or_else(String::new, |mac| encode_string(&mac.finalize().into_bytes()))
    }

    /// Whether `signature` is what [`Secret::sign`] makes of `message`, in constant time as [`Secret::matches`].
    #[must_use]
    pub fn has_signed(&self, message: &str, signature: &str) -> bool {
        Self(self.sign(message)).matches(signature.as_bytes())
    }

    /// Another secret for this purpose alone. It ends with this one, and does not give it away.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        Self(self.sign(purpose))
    }

    /// What tells this secret from another of the same name, and does not give it away: half of a signature.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = self.sign("baton secret 1");
        digest.truncate(32);
        digest
    }
}

/// HMAC-SHA256 of `message`. `None` never happens: HMAC takes keys of any length.
fn keyed(key: &str, message: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(message);
    Some(mac)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn only_the_very_same_text_matches() {
        let Some(secret) = Secret::new("correct horse") else { panic!("a secret") };
        for (presented, matches) in [
            ("correct horse", true),
            ("correct horsf", false),
            ("correct hors", false),
            ("correct horse ", false),
            ("", false),
        ] {
            assert_eq!(secret.matches(presented.as_bytes()), matches, "{presented:?}");
        }
    }

    #[test]
    fn a_signature_is_of_one_message_under_one_secret() {
        let [one, other] = ["correct horse", "wrong horse"].map(|text| Secret::new(text).unwrap());
        let signature = one.sign("message");
        assert_eq!(signature.len(), 64);
        assert!(one.has_signed("message", &signature));
        assert!(!one.has_signed("massage", &signature) && !other.has_signed("message", &signature));
        assert!(!one.has_signed("message", "") && !one.has_signed("message", &signature.to_uppercase()));
        let derived = one.derive("purpose");
        assert!(!derived.has_signed("message", &signature) && !derived.matches(b"correct horse"));
    }

    #[test]
    fn a_digest_tells_two_secrets_apart_and_is_none_of_their_signatures() {
        let [one, other] = ["correct horse", "wrong horse"].map(|text| Secret::new(text).unwrap());
        assert_eq!((one.digest().len(), one.digest()), (32, one.clone().digest()));
        assert_ne!(one.digest(), other.digest());
        assert!(!one.matches(one.digest().as_bytes()) && one.sign("baton secret 1").starts_with(&one.digest()));
    }

    #[test]
    fn a_secret_is_never_empty_and_never_printed() {
        assert!(Secret::new("").is_none());
        assert_eq!(format!("{:?}", Secret::new("hush")), "Some(Secret(redacted))");
    }
}
