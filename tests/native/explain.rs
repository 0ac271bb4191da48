//! Promise 7: every decision can be asked for, and the answer is one sentence without anybody's words.

use baton::outbox::outcome::{Loss, Outcome};
use serde_json::json;

use crate::common::meta::{Customer, delivery, echo, ghost, message, status, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };
const WORDS: &str = "secret words";

fn asks(object: &mut Object, id: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, WORDS)));
}

fn says(object: &mut Object, id: &str) {
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, id, WORDS)));
}

/// Each way in which an event can come to stand somewhere, and words that its explanation must have.
type Case = (&'static str, &'static str, fn(&mut Object), &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "delivered",
        "{}",
        |object| {
            asks(object, "m");
            object.bot_answers(Outcome::Accepted);
        },
        "m",
        &["delivered", "attempt 1"],
    ),
    ("on its way", "{}", |object| asks(object, "m"), "m", &["on its way"]),
    (
        "behind another",
        "{}",
        |object| {
            asks(object, "m0");
            asks(object, "m");
        },
        "m",
        &["waits behind"],
    ),
    (
        "retry",
        "{}",
        |object| {
            asks(object, "m");
            object.bot_answers(Outcome::Retryable { status: 500 });
        },
        "m",
        &["Attempt 1 failed", "500"],
    ),
    (
        "retry after loss",
        "{}",
        |object| {
            asks(object, "m");
            object.bot_answers(Outcome::Unknown(Loss::Timeout));
        },
        "m",
        &["not known"],
    ),
    (
        "gone",
        "{}",
        |object| {
            asks(object, "m");
            object.bot_answers(Outcome::Rejected { status: 410 });
        },
        "m",
        &["wants no more", "410", "sent again"],
    ),
    (
        "dead",
        r#"{"retry_schedule_seconds": [0]}"#,
        |object| {
            asks(object, "m");
            object.bot_answers(Outcome::Retryable { status: 500 });
        },
        "m",
        &["Attempt 1 was the last", "500"],
    ),
    (
        "held",
        "{}",
        |object| {
            says(object, "e");
            asks(object, "m");
        },
        "m",
        &["a person held the baton", "written from the phone at 2026-11-03"],
    ),
    (
        "taken over",
        "{}",
        |object| {
            asks(object, "m0");
            asks(object, "m");
            says(object, "e");
        },
        "m",
        &["took the baton before the bot had it"],
    ),
    ("asked", r#"{"take_phrases": ["secret words"]}"#, |object| asks(object, "m"), "m", &["asked for a person"]),
    (
        "held after asking",
        r#"{"take_phrases": ["agent"]}"#,
        |object| {
            object.receive(&delivery("messages", text(CUSTOMER, "a", "agent")));
            asks(object, "m");
        },
        "m",
        &["the customer had asked for one"],
    ),
    (
        "handed back",
        "{}",
        |object| {
            asks(object, "m0");
            object.bot_answers(Outcome::Retryable { status: 500 });
            says(object, "e");
            object.receive(&delivery("messages", text(CUSTOMER, "m1", WORDS)));
            asks(object, "m");
            object.broadcast("e");
        },
        "m",
        &["broadcast"],
    ),
    (
        "human rule",
        r#"{"rules": [{"name": "VIPs", "then": "human"}]}"#,
        |object| asks(object, "m"),
        "m",
        &["a person's to answer", "rule \"VIPs\""],
    ),
    (
        "ignore rule",
        r#"{"rules": [{"name": "spam", "then": "ignore"}]}"#,
        |object| asks(object, "m"),
        "m",
        &["nobody need answer", "rule \"spam\""],
    ),
    ("human first", r#"{"human_first_seconds": 60}"#, |object| asks(object, "m"), "m", &["a person may answer first"]),
    ("burst", r#"{"burst_seconds": 5}"#, |object| asks(object, "m"), "m", &["finished typing"]),
    (
        "merged",
        r#"{"burst_seconds": 5, "burst": "merge_text"}"#,
        |object| {
            asks(object, "m");
            asks(object, "m2");
            object.pass(6);
        },
        "m",
        &["as part of the customer's next message"],
    ),
    ("stale", r#"{"stale_after_seconds": 60}"#, |object| asks(object, "m"), "m", &["too old"]),
    (
        "ghost",
        "{}",
        |object| {
            object.receive(&delivery("messages", ghost(CUSTOMER, "m")));
        },
        "m",
        &["real message"],
    ),
    (
        "withdrawn",
        "{}",
        |object| {
            asks(object, "m0");
            asks(object, "m");
            object.receive(&delivery(
                "messages",
                message(CUSTOMER, "x", "revoke", json!({ "revoke": { "original_message_id": "m" } })),
            ));
        },
        "m",
        &["withdrew"],
    ),
    (
        "applied",
        "{}",
        |object| {
            asks(object, "m0");
            asks(object, "m1");
            object.receive(&delivery(
                "messages",
                message(CUSTOMER, "m", "revoke", json!({ "revoke": { "original_message_id": "m1" } })),
            ));
        },
        "m",
        &["applied"],
    ),
    (
        "receipt",
        "{}",
        |object| {
            object.receive(&delivery("messages", status(CUSTOMER, "b", "read")));
            object.bot_answers_receipt(Outcome::Accepted);
        },
        "b#read",
        &["delivered"],
    ),
    ("echo that took", "{}", |object| says(object, "e"), "e", &["took the baton"]),
    (
        "echo that kept",
        "{}",
        |object| {
            says(object, "e0");
            says(object, "e");
        },
        "e",
        &["kept the baton"],
    ),
    (
        "echo of the app",
        r#"{"automation_texts": ["secret words"]}"#,
        |object| says(object, "e"),
        "e",
        &["app's own texts"],
    ),
    (
        "echo that hands back",
        r#"{"handback_phrases": ["secret words"]}"#,
        |object| says(object, "e"),
        "e",
        &["handed the baton back"],
    ),
    (
        "echo of a broadcast",
        "{}",
        |object| {
            says(object, "e");
            object.broadcast("e");
        },
        "e",
        &["broadcast"],
    ),
];

#[test]
fn every_decision_has_a_sentence() {
    for (name, policy, play, id, expected) in CASES {
        let mut object = Object::new(policy);
        play(&mut object);
        let sentence = object.explain(id);
        for words in *expected {
            assert!(sentence.contains(words), "{name}: {sentence:?} does not say {words:?}");
        }
        assert!(sentence.ends_with('.') && sentence.matches(". ").count() == 0, "{name}: one sentence: {sentence:?}");
        assert!(!sentence.contains(WORDS) && !sentence.contains("15550109999"), "{name}: {sentence:?}");
        assert!(sentence.contains("2026-11-03 "), "{name}: a time that a person can read: {sentence:?}");
    }
}
