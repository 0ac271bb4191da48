//! Only what Meta signed is believed.

use baton::secret::{Rotating, Secret, Which};
use baton::webhook::signature::{Signature, SignatureError, sign};
use proptest::prelude::*;

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

fn secrets(current: &str, previous: Option<&str>) -> Rotating {
    Rotating { current: secret(current), previous: previous.map(secret) }
}

/// RFC 4231, test cases 1, 2 and 4: those whose keys are text, as an app's secret is.
#[test]
fn the_digest_is_that_of_rfc_4231() {
    let counting: String = ('\u{1}'..='\u{19}').collect();
    for (key, data, digest) in [
        ("\u{b}".repeat(20), b"Hi There".to_vec(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            "Jefe".to_owned(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (counting, vec![0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    ] {
        assert_eq!(sign(&secret(&key), &data), format!("sha256={digest}"));
        let signature = Signature::parse(Some(&format!("sha256={digest}"))).unwrap();
        assert_eq!(signature.verify(&data, &secrets(&key, None)), Ok(Which::Current));
    }
}

#[test]
fn the_raw_bytes_count_whatever_they_are() {
    let app = secrets("app secret", None);
    for body in [
        "".as_bytes(),
        "{\"text\":\"¿Lo tienen en otro color? ñ 😀\"}".as_bytes(),
        b"{\"text\":\"\\u00bfLo tienen? \\ud83d\\ude00 a\\/b\"}",
        b"\xff\xfe\x00 not even text",
    ] {
        let signature = Signature::parse(Some(&sign(&app.current, body))).unwrap();
        assert_eq!(signature.verify(body, &app), Ok(Which::Current));
        let mut other = body.to_vec();
        other.push(b' ');
        assert_eq!(signature.verify(&other, &app), Err(SignatureError::Mismatch));
    }
    // The same text, escaped and not, has two signatures.
    assert_ne!(sign(&app.current, "\"é\"".as_bytes()), sign(&app.current, b"\"\\u00e9\""));
}

#[test]
fn the_secret_before_is_good_while_it_is_named_and_no_longer() {
    let body = b"{}";
    let by = |text: &str| Signature::parse(Some(&sign(&secret(text), body))).unwrap();
    let rotating = secrets("new", Some("old"));
    assert_eq!(by("new").verify(body, &rotating), Ok(Which::Current));
    assert_eq!(by("old").verify(body, &rotating), Ok(Which::Previous));
    assert_eq!(by("older").verify(body, &rotating), Err(SignatureError::Mismatch));
    assert_eq!(by("old").verify(body, &secrets("new", None)), Err(SignatureError::Mismatch));
}

#[test]
fn a_header_of_another_form_is_refused() {
    let digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let upper = digest.to_uppercase();
    for (header, expected) in [
        (None, Err(SignatureError::Missing)),
        (Some(format!("sha256={digest}")), Ok(())),
        (Some(format!("sha256={upper}")), Ok(())),
        (Some(String::new()), Err(SignatureError::Malformed)),
        (Some(digest.to_owned()), Err(SignatureError::Malformed)),
        (Some(format!("sha1={digest}")), Err(SignatureError::Malformed)),
        (Some(format!("sha256={digest} ")), Err(SignatureError::Malformed)),
        (Some(format!("sha256={digest}00")), Err(SignatureError::Malformed)),
        (Some("sha256=".to_owned()), Err(SignatureError::Malformed)),
        (Some("sha256=é".to_owned()), Err(SignatureError::Malformed)),
    ] {
        assert_eq!(Signature::parse(header.as_deref()).map(|_| ()), expected, "{header:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_header_is_accepted_only_where_it_is_the_signature(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        key in ".{1,80}",
        header in "(sha256=)?[0-9a-fA-F]{60,66}|.{0,80}",
    ) {
        let app = secrets(&key, None);
        let right = sign(&app.current, &body);
        let verdict = Signature::parse(Some(&header)).and_then(|signature| signature.verify(&body, &app));
        prop_assert_eq!(verdict.is_ok(), header.to_lowercase() == right);
        let right = Signature::parse(Some(&right)).unwrap();
        prop_assert_eq!(right.verify(&body, &app), Ok(Which::Current));
    }
}
