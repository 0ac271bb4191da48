//! Everything that this process has told a gate and that no log may show: secrets, tokens, names, numbers, ids, texts.
//!
//! Invariant: whatever goes to a gate as a delivery or as a message of the bot's is written down here before it goes, and
//! so is every variable that a gate is started with and that is a secret. When a gate stops, its log is searched for all
//! of it (`Gate::stop`).
//!
//! Wrangler's own line for each request is left out: a deployed gate has none (`wrangler.toml`), and the operator's
//! addresses have customers' numbers in them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::Value;

/// Keys whose texts are somebody's.
const PERSONAL: [&str; 22] = [
    "body",
    "bsuid",
    "caption",
    "display_phone_number",
    "first_name",
    "formatted_name",
    "from",
    "from_user_id",
    "full_name",
    "name",
    "payload",
    "phone",
    "profile",
    "recipient_id",
    "recipient_user_id",
    "title",
    "to",
    "to_user_id",
    "user_id",
    "username",
    "wa_id",
    "filename",
];

/// What is shorter is found in any log.
const SHORTEST: usize = 8;

/// Words of the tests' payloads that are words of the gate, or of a log, as well.
const COMMON: [&str; 3] = ["messages", "whatsapp", "template"];

static PLANTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Writes down a secret, a name or a text.
pub fn plant(text: &str) {
    if text.chars().count() >= SHORTEST && !COMMON.contains(&text) {
        PLANTED.lock().unwrap().insert(text.to_owned());
    }
}

/// Writes down what is somebody's in a delivery or in a message of the bot's.
pub fn plant_all(body: &[u8]) {
    if let Ok(document) = serde_json::from_slice(body) {
        walk("", &document);
    }
}

fn walk(key: &str, value: &Value) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| walk(key, value)),
        Value::Array(items) => items.iter().for_each(|value| walk(key, value)),
        Value::String(text) if text.starts_with("wamid.") || PERSONAL.contains(&key) => plant(text),
        Value::String(_) | Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

/// The first of all that was planted that this log shows, and the line that shows it.
pub fn found_in(log: &str) -> Option<(String, String)> {
    let planted = PLANTED.lock().unwrap();
    // Method, path, status and time, with any method that somebody may have tried.
    let is_request = |line: &&str| line.contains("[wrangler:") && line.contains("ms)");
    log.lines().filter(|line| !is_request(line)).find_map(|line| {
        let shown = planted.iter().find(|text| shows(line, text))?;
        Some((shown.clone(), line.to_owned()))
    })
}

/// Whether a line has this text, and not as a part of a longer word: somebody may be called `answered`.
fn shows(line: &str, text: &str) -> bool {
    let goes_on = |beside: Option<char>| beside.is_some_and(|beside| beside.is_ascii_alphanumeric() || beside == '_');
    line.match_indices(text).any(|(at, found)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + found.len()..].chars().next());
        !goes_on(before) && !goes_on(after)
    })
}

#[test]
fn what_was_planted_is_found_as_a_word_of_its_own_and_within_an_address() {
    for (line, expected) in [
        ("{\"event\":\"customer_unanswered\"}", false),
        ("{\"event\":\"answered\"}", true),
        ("answered", true),
        ("/conversations/answered?x", true),
        ("reanswered or answereds", false),
        ("reanswered, answered", true),
    ] {
        assert_eq!(shows(line, "answered"), expected, "{line}");
    }
}
