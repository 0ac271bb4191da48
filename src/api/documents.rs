//! What the bodies about the session and the policy say.
//!
//! Invariant: a body has the keys that the API's description gives it and no others, each of its form; everything else is
//! [`Problem::Malformed`], which says what was expected. A policy document keeps its text, and with it the order of its
//! keys: it is handed on as it was sent.
//!
//! Not here: whether a document is a policy (`policy`), whether a token is right (`edge::access`).

use std::borrow::Cow;

use crate::limits::{ADMIN_TOKEN_CHARS_MAX, POLICY_NOTE_CHARS_MAX};
use crate::problem::Problem;
use crate::webhook::json::Object;

/// The largest number of a version that is understood.
const VERSION_MAX: u32 = 1_000_000_000;

/// A change of the policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyChange {
    /// The version that was edited, where the caller says.
    pub base: Option<u32>,
    /// The document.
    pub document: String,
    /// What for.
    pub note: Option<String>,
}

/// The token of `POST /session`.
///
/// # Errors
///
/// [`Problem::Malformed`].
pub fn sign_in(body: &str) -> Result<String, Problem> {
    const WANTED: Problem = Problem::Malformed { wanted: r#"{"token": "…"} with 1 to 512 characters"# };
    let object = object(body, &["token"]).ok_or(WANTED)?;
    let token = object.text("token").filter(|token| (1..=ADMIN_TOKEN_CHARS_MAX).contains(&token.chars().count()));
    token.map(Cow::into_owned).ok_or(WANTED)
}

/// What `PUT /policy` says.
///
/// # Errors
///
/// [`Problem::Malformed`].
pub fn policy_change(body: &str) -> Result<PolicyChange, Problem> {
    const WANTED: Problem = Problem::Malformed {
        wanted: r#"{"document": {…}}, with a base_version that is a number and a note of at most 200 characters where wanted"#,
    };
    let read = || {
        let object = object(body, &["document", "base_version", "note"])?;
        // A key may be left out, but not hold what it may not.
        let base = version(&object, "base_version");
        let note = object.text("note").filter(|note| note.chars().count() <= POLICY_NOTE_CHARS_MAX);
        if base.is_none() && object.get("base_version").is_some() || note.is_none() && object.get("note").is_some() {
            return None;
        }
        Some(PolicyChange { base, document: document(&object)?, note: note.map(Cow::into_owned) })
    };
    read().ok_or(WANTED)
}

/// The document of `POST /policy/check`.
///
/// # Errors
///
/// [`Problem::Malformed`].
pub fn policy_check(body: &str) -> Result<String, Problem> {
    const WANTED: Problem = Problem::Malformed { wanted: r#"{"document": {…}}"# };
    object(body, &["document"]).and_then(|object| document(&object)).ok_or(WANTED)
}

/// The version of `POST /policy/rollback`.
///
/// # Errors
///
/// [`Problem::Malformed`].
pub fn rollback(body: &str) -> Result<u32, Problem> {
    const WANTED: Problem = Problem::Malformed { wanted: r#"{"version": 7}, the number of a version"# };
    object(body, &["version"])
        .and_then(|object| version(&object, "version"))
        .filter(|version| *version > 0)
        .ok_or(WANTED)
}

/// An object with no keys but these.
fn object<'a>(body: &'a str, keys: &[&str]) -> Option<Object<'a>> {
    Object::parse(body).filter(|object| object.iter().all(|(key, _)| keys.contains(&key)))
}

fn document(object: &Object<'_>) -> Option<String> {
    object.get("document").map(|raw| raw.get().to_owned()).filter(|document| document.starts_with('{'))
}

fn version(object: &Object<'_>, key: &str) -> Option<u32> {
    let text = object.get(key)?.get();
    // Digits and nothing else: `parse` would take a sign.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|version| is_plain && *version <= VERSION_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_the_documents_own_text() {
        let document = "{ \"warn_after_seconds\": 6e2,\n \"lease_seconds\":1 }";
        let change = |rest: &str| policy_change(&format!("{{\"document\": {document} {rest}}}"));
        let expected = PolicyChange { base: None, document: document.to_owned(), note: None };
        assert_eq!(change(""), Ok(expected.clone()));
        let note = "é".repeat(200);
        let full = PolicyChange { base: Some(0), note: Some(note.clone()), ..expected };
        assert_eq!(change(&format!(", \"base_version\": 0, \"note\": \"{note}\"")), Ok(full));
        assert_eq!(policy_check(&format!("{{\"document\": {document}}}")).as_deref(), Ok(document));
    }

    #[test]
    fn what_is_of_another_form_is_refused_and_told_what_was_expected() {
        let long = format!(r#"{{"document": {{}}, "note": "{}"}}"#, "é".repeat(201));
        for body in [
            "",
            "[]",
            "{}",
            r#"{"document": []}"#,
            r#"{"document": "{}"}"#,
            r#"{"document": {}, "more": 1}"#,
            r#"{"document": {}, "base_version": "1"}"#,
            r#"{"document": {}, "base_version": -1}"#,
            r#"{"document": {}, "base_version": 1000000001}"#,
            r#"{"document": {}, "base_version": null}"#,
            r#"{"document": {}, "note": 5}"#,
            r#"{"document": {}, "note": null}"#,
            &long,
        ] {
            assert!(matches!(policy_change(body), Err(Problem::Malformed { .. })), "{body}");
        }
        for body in ["{}", r#"{"document": 5}"#, r#"{"document": {}, "note": "a"}"#] {
            assert!(matches!(policy_check(body), Err(Problem::Malformed { .. })), "{body}");
        }
        for body in ["{}", r#"{"version": 0}"#, r#"{"version": 1.5}"#, r#"{"version": "1"}"#] {
            assert!(matches!(rollback(body), Err(Problem::Malformed { .. })), "{body}");
        }
        for body in ["{}", r#"{"token": ""}"#, r#"{"token": 5}"#, r#"{"token": "a", "b": 1}"#, "token"] {
            assert!(matches!(sign_in(body), Err(Problem::Malformed { .. })), "{body}");
        }
        assert_eq!((rollback(r#"{"version": 7}"#), sign_in(r#"{"token":"\u0061"}"#)), (Ok(7), Ok("a".to_owned())));
    }
}
