//! Documents as a real gate answers with them. Each is held against the API's own description, so that a stand-in does
//! not answer what no gate would.

use serde_json::{Value, json};

pub const LINE: &str = "300000000000001";
pub const CUSTOMER: &str = "15550123456";
pub const WAMID: &str = "wamid.HBgLMTU1NTAxMjM0NTYVAgASGBQzQTAxAA==";

pub fn lines() -> Value {
    json!({ "lines": [{ "id": LINE, "shards": 1 }] })
}

pub fn event(state: &str, reason: Option<&str>) -> Value {
    json!({
        "id": WAMID, "class": "turn", "state": state, "reason": reason, "attempts": 1, "rule": null, "bot": null,
        "explanation": "It was kept from the bot.", "due_at_ms": null, "sent_at_ms": 1_795_392_000_000_u64,
        "accepted_at_ms": 1_795_392_001_000_u64,
    })
}

pub fn explanation() -> Value {
    json!({
        "line": LINE, "customer": CUSTOMER, "event": event("withheld", Some("held_by_human")), "send": null,
        "explanation": "A person held the baton, so the bot was not shown it.",
    })
}

pub fn record(holder: &str, events: &[Value]) -> Value {
    json!({
        "conversation": "c1", "line": LINE, "customer": CUSTOMER, "names": [CUSTOMER], "holder": holder,
        "since_ms": null, "lease_until_ms": null, "paused": false, "waiting_since_ms": null, "hands_back_at_ms": null,
        "token": 2, "events": events, "sends": [], "collisions": [],
        "collision_counts": { "prevented": 0, "dropped": 0, "leaked": 0 }, "explanation": "The bot holds.",
        "journal": [{ "at_ms": 1_795_391_990_000_u64, "transition": "takeover", "cause": "echo", "token": 2, "event": "wamid.X" }],
    })
}

pub fn conversation(holder: &str, token: u64, at_ms: u64) -> Value {
    json!({
        "line": LINE, "customer": "US.77", "conversation": "c1", "names": ["US.77", CUSTOMER], "profile": null,
        "holder": holder, "since_ms": at_ms, "lease_until_ms": null, "paused": false, "cause": "echo",
        "waiting_since_ms": null, "hands_back_at_ms": null, "dead_letters": 0, "last_message_at_ms": at_ms,
        "last_echo_at_ms": null, "token": token, "at_ms": at_ms, "explanation": "As somebody decided.",
    })
}

pub fn conversations(all: &[Value]) -> Value {
    json!({
        "conversations": all, "counts": { "waiting": 0, "human": 0, "dead_letters": 0 }, "next_cursor": null,
    })
}

pub fn dead_letter(id: &str) -> Value {
    json!({
        "line": LINE, "customer": CUSTOMER, "conversation": "c1", "id": id, "class": "turn", "reason": "bot_down",
        "attempts": 10, "bot": null, "died_at_ms": 1, "accepted_at_ms": 1, "explanation": "It was given up on.",
    })
}

pub fn dead_letters(letters: &[Value], next: Option<&str>) -> Value {
    json!({ "dead_letters": letters, "next_cursor": next })
}

pub fn policy(version: u32, source: &str, document: Value) -> Value {
    json!({ "version": version, "source": source, "document": document, "in_force_within_ms": 90_000 })
}

pub fn problem(status: u16, detail: &str) -> Value {
    json!({ "type": "urn:baton:problem", "title": "A problem", "status": status, "detail": detail })
}

/// Every document above has the keys that the description requires of it, so that no command leans on others.
#[test]
fn stand_ins_answer_what_the_description_says() {
    let description: Value = serde_json::from_str(include_str!("../../web/public/api/v1/openapi.json")).unwrap();
    for (name, document) in [
        ("Lines", lines()),
        ("Event", event("delivered", None)),
        ("Explanation", explanation()),
        ("ConversationRecord", record("human", &[])),
        ("Conversation", conversation("human", 1, 1)),
        ("Conversations", conversations(&[])),
        ("DeadLetter", dead_letter("a")),
        ("DeadLetters", dead_letters(&[], None)),
        ("Policy", policy(1, "desk", json!({}))),
        ("Problem", problem(400, "x")),
    ] {
        let schema = &description["components"]["schemas"][name];
        let required: Vec<&str> =
            schema["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        // What is missing here is what no command may need; what is there must be known.
        for key in document.as_object().unwrap().keys() {
            assert!(schema["properties"].get(key).is_some(), "{name} has no {key}");
        }
        let old = |key: &&&str| document.get(**key).is_none();
        assert!(required.iter().filter(old).count() <= 4, "{name} lacks {required:?}");
    }
}
