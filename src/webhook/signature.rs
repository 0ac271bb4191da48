//! `X-Hub-Signature-256`: HMAC-SHA256 over the raw bytes of a body, in lower-case hex.
//!
//! Meta signs the bytes that it sends (Webhooks, "Validating payloads", 2026-05-21), so the check runs over
//! the bytes that arrived and before anything reads them. The same header is made for the bot.
//!
//! Invariant: comparison is `hmac`'s own, constant in time. While the app's secret is being changed two of
//! them are good (`secret::rotating`).
//!
//! Not here: protection against replay. Meta's signature carries no time, so a replay is recognised by the
//! ids inside (`conversation`).

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::{Rotating, Secret, Which};

const SCHEME: &str = "sha256=";
const DIGEST_BYTES: usize = 32;

/// Why a delivery is not accepted as Meta's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureError {
    /// There is no `X-Hub-Signature-256` header.
    Missing,
    /// The header is not `sha256=` and 64 hex digits.
    Malformed,
    /// The body was not signed with the app's secret.
    Mismatch,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the header X-Hub-Signature-256 is missing",
            Self::Malformed => "the header X-Hub-Signature-256 is not `sha256=` followed by 64 hex digits",
            Self::Mismatch => {
                "X-Hub-Signature-256 does not match the body: META_APP_SECRET, or at /webhook/<APP> META_APP_SECRET_<APP>, is \
                 another app's secret"
            },
        })
    }
}

/// A signature as the header carries it; not yet checked against anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signature([u8; DIGEST_BYTES]);

impl Signature {
    /// Reads the header's value.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`] where there is none, [`SignatureError::Malformed`] where it has another form.
    pub fn parse(header: Option<&str>) -> Result<Self, SignatureError> {
        let hex = header.ok_or(SignatureError::Missing)?.strip_prefix(SCHEME).ok_or(SignatureError::Malformed)?;
        let bytes = base16ct::mixed::decode_vec(hex).map_err(|_| SignatureError::Malformed)?;
        bytes.try_into().map(Self).map_err(|_| SignatureError::Malformed)
    }

    /// Checks the signature over the raw bytes of a body. Which of the app's secrets has made it.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Mismatch`] where neither of the app's secrets made it.
    pub fn verify(&self, body: &[u8], secrets: &Rotating) -> Result<Which, SignatureError> {
        secrets.which(|secret| self.made_with(secret, body)).ok_or(SignatureError::Mismatch)
    }

    /// What the header says the digest is, for a hand outside this room that hashes, and compares in constant time.
    #[must_use]
    pub const fn digest(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    fn made_with(&self, secret: &Secret, body: &[u8]) -> bool {
        mac(secret, body).is_some_and(|mac| mac.verify_slice(&self.0).is_ok())
    }
}

/// The header's value for a body: what Meta would have written with this secret.
#[must_use]
pub fn sign(secret: &Secret, body: &[u8]) -> String {
    let digest = mac(secret, body).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
    format!("{SCHEME}{}", base16ct::lower::encode_string(&digest))
}

/// `None` never happens: HMAC takes keys of any length. It is an `Option` so that nothing here can panic.
fn mac(secret: &Secret, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose()).ok()?;
    mac.update(body);
    Some(mac)
}
