//! Meta's handshake: `GET /webhook?hub.mode=subscribe&hub.challenge=…&hub.verify_token=…`.
//!
//! Meta asks whenever a callback URL or its token is saved, and wants the challenge back as the whole body
//! (Webhooks, "Create a webhook endpoint", 2026-05-21).
//!
//! Invariant: the challenge is given back only to who knows the verify token, which is compared in constant
//! time; and it is given back as text, so that a browser never runs what somebody put into it.

use core::fmt;

use url::form_urlencoded;

use crate::limits::ID_CHARS_MAX;
use crate::secret::Secret;

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HandshakeError {
    /// `hub.mode` is not `subscribe`, or there is no challenge: this is not Meta's handshake.
    NotAHandshake,
    /// `hub.verify_token` is not the token of this gate.
    WrongToken,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAHandshake => "this is not a handshake: hub.mode=subscribe and hub.challenge are needed",
            Self::WrongToken => "hub.verify_token is not META_VERIFY_TOKEN",
        })
    }
}

/// Answers a handshake from the query of its URL: the challenge to send back.
///
/// # Errors
///
/// [`HandshakeError`]; both are answered 403, as Meta's own samples do.
pub fn answer(query: &str, token: &Secret) -> Result<String, HandshakeError> {
    let (mut mode, mut challenge, mut presented) = (None, None, None);
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "hub.challenge" => challenge = Some(value),
            "hub.mode" => mode = Some(value),
            "hub.verify_token" => presented = Some(value),
            _ => {}
        }
    }
    let challenge = challenge.filter(|text| (1..=ID_CHARS_MAX).contains(&text.len()));
    let (Some("subscribe"), Some(challenge)) = (mode.as_deref(), challenge) else {
        return Err(HandshakeError::NotAHandshake);
    };
    if presented.is_some_and(|presented| token.matches(presented.as_bytes())) {
        Ok(challenge.into_owned())
    } else {
        Err(HandshakeError::WrongToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_goes_back_only_to_who_knows_the_token() {
        let token = Secret::new("word of the shop").unwrap();
        let check = |query: &str, expected: Result<&str, HandshakeError>| {
            assert_eq!(answer(query, &token), expected.map(str::to_owned), "{query}");
        };
        check("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=word+of+the+shop", Ok("1158201444"));
        check("hub.verify_token=word%20of%20the%20shop&hub.challenge=a%26b&hub.mode=subscribe", Ok("a&b"));
        check("hub.mode=subscribe&hub.challenge=1&hub.verify_token=word", Err(HandshakeError::WrongToken));
        check("hub.mode=subscribe&hub.challenge=1", Err(HandshakeError::WrongToken));
        check(
            "hub.mode=subscribe&hub.challenge=&hub.verify_token=word+of+the+shop",
            Err(HandshakeError::NotAHandshake),
        );
        check(
            "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=word+of+the+shop",
            Err(HandshakeError::NotAHandshake),
        );
        check("", Err(HandshakeError::NotAHandshake));
    }

    #[test]
    fn a_challenge_of_any_length_is_not_echoed() {
        let token = Secret::new("t").unwrap();
        let long = format!("hub.mode=subscribe&hub.verify_token=t&hub.challenge={}", "1".repeat(ID_CHARS_MAX + 1));
        assert_eq!(answer(&long, &token), Err(HandshakeError::NotAHandshake));
    }
}
