//! `X-Hub-Signature-256`: what any header, over any body, under any secrets, is taken for.
//!
//! The bytes are four lines: the header, the secret in force, the one before, and the rest is the body.
//!
//! Invariant: accepted exactly where the header is what [`sign`] makes of the body with one of the secrets; the hex
//! digits may be capitals, the word before them may not.

use baton::secret::{Rotating, Secret};
use baton::webhook::signature::{Signature, sign};

use crate::{Seed, Target, as_text};

const SCHEME: &str = "sha256=";

/// This target.
pub const TARGET: Target = Target { name: "signature_header", run, seeds, words, describe: as_text };

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().and_then(|line| core::str::from_utf8(line).ok());
    let (Some(header), Some(current), Some(previous)) = (line(), line(), line()) else { return };
    let Some(body) = lines.next() else { return };
    let Some(current) = Secret::new(current) else { return };
    let secrets = Rotating { current, previous: Secret::new(previous) };

    let keys = [Some(&secrets.current), secrets.previous.as_ref()];
    let right: Vec<String> = keys.into_iter().flatten().map(|secret| sign(secret, body)).collect();
    let is_accepted =
        |header: &str| Signature::parse(Some(header)).is_ok_and(|read| read.verify(body, &secrets).is_ok());
    let is_right =
        |header: &str| header.starts_with(SCHEME) && right.iter().any(|right| right.eq_ignore_ascii_case(header));

    assert_eq!(is_accepted(header), is_right(header), "accepted where it is the signature, and only there");
    for right in &right {
        assert_eq!(right.len(), SCHEME.len() + 64);
        let (scheme, digits) = right.split_at(SCHEME.len());
        assert!(is_accepted(right) && is_accepted(&format!("{scheme}{}", digits.to_ascii_uppercase())));
        assert!(!is_accepted(digits) && !is_accepted(&format!("{right} ")) && !is_accepted(&right.to_uppercase()));
        // The header of another request, as long as this one: each place of it counts.
        let at = SCHEME.len() + header.len() % 64;
        let digit = if right.as_bytes().get(at) == Some(&b'0') { "1" } else { "0" };
        let mut other = right.clone();
        other.replace_range(at..=at, digit);
        assert_eq!(is_accepted(&other), is_right(&other));
    }
}

fn seeds() -> Vec<Seed> {
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let by = |secret: &str| Secret::new(secret).map(|secret| sign(&secret, body)).unwrap_or_default();
    let upper = format!("{SCHEME}{}", by("secret").trim_start_matches(SCHEME).to_uppercase());
    let cases = [
        ("right", by("secret")),
        ("right_in_capitals", upper),
        ("by_the_secret_before", by("before")),
        ("by_another_secret", by("another")),
        ("too_short", by("secret").chars().take(70).collect()),
        ("no_hex", format!("{SCHEME}{}", "g".repeat(64))),
        ("without_scheme", "0".repeat(64)),
        ("empty", String::new()),
    ];
    let lines = |header: String| [header.as_bytes(), b"secret", b"before", body].join(&b'\n');
    cases.map(|(name, header)| Seed { name: name.to_owned(), bytes: lines(header) }).into()
}

fn words() -> Vec<String> {
    ["sha256=", "sha1=", "SHA256="].map(str::to_owned).into()
}
