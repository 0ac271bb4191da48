//! Meta's handshake: `GET /webhook?hub.mode=subscribe&hub.challenge=…&hub.verify_token=…`.
//!
//! Meta asks whenever a callback URL or its token is saved, and wants the challenge back as the whole body
//! (Webhooks, "Create a webhook endpoint", 2026-05-21).
//!
//! Invariant: the challenge is given back only to who knows the verify token, or while it is being changed the one
//! before it, compared in constant time; and it is given back as text, so that a browser never runs what somebody put into it.

use core::fmt;

use url::form_urlencoded;

use crate::limits::ID_CHARS_MAX;
use crate::secret::{Rotating, Which};

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
            Self::WrongToken => {
                "hub.verify_token is not META_VERIFY_TOKEN, or at /webhook/<APP> META_VERIFY_TOKEN_<APP>"
            }
        })
    }
}

/// Answers a handshake from the query of its URL: the challenge to send back, and which of the tokens Meta knows.
///
/// # Errors
///
/// [`HandshakeError`]; both are answered 403, as Meta's own samples do.
pub fn answer(query: &str, token: &Rotating) -> Result<(String, Which), HandshakeError> {
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
    let which = presented.and_then(|presented| token.matching(presented.as_bytes()));
    Ok((challenge.into_owned(), which.ok_or(HandshakeError::WrongToken)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn the_challenge_goes_back_only_to_who_knows_the_token() {
        let token = Rotating::from(Secret::new("word of the shop").unwrap());
        let check = |query: &str, expected: Result<&str, HandshakeError>| {
            let expected = expected.map(|challenge| (challenge.to_owned(), Which::Current));
            assert_eq!(answer(query, &token), expected, "{query}");
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
    fn while_the_token_is_changed_the_one_before_is_good_as_well() {
        let secret = |text| Secret::new(text).unwrap();
        let tokens = Rotating { current: secret("new"), previous: Some(secret("old")) };
        for (token, which) in
            [("new", Ok(Which::Current)), ("old", Ok(Which::Previous)), ("older", Err(HandshakeError::WrongToken))]
        {
            let query = format!("hub.mode=subscribe&hub.challenge=7&hub.verify_token={token}");
            assert_eq!(answer(&query, &tokens), which.map(|which| ("7".to_owned(), which)), "{token}");
        }
    }

    #[test]
    fn a_challenge_of_any_length_is_not_echoed() {
        let token = Rotating::from(Secret::new("t").unwrap());
        let long = format!("hub.mode=subscribe&hub.verify_token=t&hub.challenge={}", "1".repeat(ID_CHARS_MAX + 1));
        assert_eq!(answer(&long, &token), Err(HandshakeError::NotAHandshake));
    }
}
