//! Edits and withdrawals of messages that the bot has not got yet.

use baton::outbox::outcome::Outcome;
use baton::webhook;
use serde_json::{Value, json};

use crate::common::meta::{Customer, delivery, echo, message, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };
const POLICY: &str = r#"{"retry_schedule_seconds": [0, 30, 30], "human_first_seconds": 0}"#;

fn asks(object: &mut Object, id: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, &format!("words of {id}"))));
}

fn edit(id: &str, original: &str) -> Value {
    let edited = json!({ "type": "text", "text": { "body": "better words" } });
    message(CUSTOMER, id, "edit", json!({ "edit": { "original_message_id": original, "message": edited } }))
}

fn withdrawal(id: &str, original: &str) -> Value {
    message(CUSTOMER, id, "revoke", json!({ "revoke": { "original_message_id": original } }))
}

/// What the bot gets: id and words.
fn got(object: &mut Object) -> Vec<(String, Option<String>)> {
    let said = |body: &str| webhook::read(body.as_bytes()).unwrap()[0].facts.text.clone();
    object.bot_gets(7_200).iter().map(|(attempt, body)| (attempt.id.as_str().to_owned(), said(body))).collect()
}

fn words(id: &str, words: &str) -> (String, Option<String>) {
    (id.to_owned(), Some(words.to_owned()))
}

/// `m1` is with the bot, and `m2` waits behind it.
fn with_one_waiting() -> Object {
    let mut object = Object::new(POLICY);
    asks(&mut object, "m1");
    asks(&mut object, "m2");
    object
}

#[test]
fn what_waits_is_replaced_by_its_edit_and_dropped_by_its_withdrawal() {
    let mut object = with_one_waiting();
    object.receive(&delivery("messages", edit("x1", "m2")));
    assert_eq!(object.fate("x1"), Some(("withheld".to_owned(), Some("applied".to_owned()))));
    assert_eq!(got(&mut object), [words("m1", "words of m1"), words("m2", "better words")]);

    let mut object = with_one_waiting();
    object.receive(&delivery("messages", withdrawal("x1", "m2")));
    assert_eq!(object.fate("m2"), Some(("withheld".to_owned(), Some("withdrawn".to_owned()))));
    assert_eq!(object.body("m2"), None, "what is withdrawn is not kept");
    assert_eq!(got(&mut object), [words("m1", "words of m1")]);
}

#[test]
fn what_the_bot_has_or_may_have_is_followed_by_its_change() {
    for (change, id) in [(edit as fn(&str, &str) -> Value, "edit"), (withdrawal, "withdrawal")] {
        // In flight.
        let mut object = with_one_waiting();
        object.receive(&delivery("messages", change("x1", "m1")));
        let ids: Vec<_> = got(&mut object).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["m1", "m2", "x1"], "{id}");
        // Delivered.
        let mut object = Object::new(POLICY);
        asks(&mut object, "m1");
        object.bot_answers(Outcome::Accepted);
        object.receive(&delivery("messages", change("x1", "m1")));
        let ids: Vec<_> = got(&mut object).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["x1"], "{id}");
    }
}

#[test]
fn what_was_tried_once_keeps_its_bytes_and_is_withdrawn_all_the_same() {
    let mut object = with_one_waiting();
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.receive(&delivery("messages", edit("x1", "m1")));
    let all = got(&mut object);
    assert_eq!(all[0], words("m1", "words of m1"));
    assert_eq!(all[2].0, "x1");

    let mut object = with_one_waiting();
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.receive(&delivery("messages", withdrawal("x1", "m1")));
    let ids: Vec<_> = got(&mut object).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["m2", "x1"], "the bot may have it, so it is told");
}

#[test]
fn what_a_person_holds_is_changed_before_it_is_handed_back() {
    let mut object = Object::new(POLICY);
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi")));
    for id in ["m1", "m2", "m3"] {
        asks(&mut object, id);
    }
    object.receive(&delivery("messages", edit("x1", "m1")));
    object.receive(&delivery("messages", withdrawal("x2", "m2")));
    assert_eq!(got(&mut object), [words("m1", "better words"), words("m3", "words of m3")]);
}

#[test]
fn a_change_in_the_same_delivery_is_applied_too() {
    let values = [
        text(CUSTOMER, "m0", "first"),
        text(CUSTOMER, "m1", "x"),
        edit("x1", "m1"),
        edit("x2", "m1"),
        text(CUSTOMER, "m2", "y"),
        withdrawal("x3", "m2"),
    ];
    let mut object = Object::new(POLICY);
    object.receive(&crate::common::meta::batch(
        values.into_iter().map(|value| (crate::common::meta::LINE, "messages", value)).collect(),
    ));
    assert_eq!(got(&mut object), [words("m0", "first"), words("m1", "better words")]);
}

#[test]
fn a_dead_letter_that_is_withdrawn_is_not_sent_again() {
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0]}"#);
    asks(&mut object, "m1");
    object.bot_answers(Outcome::Retryable { status: 500 });
    assert_eq!(object.fate("m1").unwrap().0, "dead");
    object.receive(&delivery("messages", withdrawal("x1", "m1")));
    assert_eq!(object.replay(), 0);
}

#[test]
fn a_withdrawn_message_never_leaves_a_gap_in_a_burst() {
    let mut object = Object::new(r#"{"burst_seconds": 5, "burst": "merge_text"}"#);
    for id in ["m1", "m2", "m3"] {
        asks(&mut object, id);
    }
    object.receive(&delivery("messages", withdrawal("x1", "m2")));
    assert_eq!(got(&mut object), [words("m3", "words of m1\nwords of m3")]);

    let mut object = Object::new(r#"{"burst_seconds": 5, "burst": "merge_text"}"#);
    for id in ["m1", "m2"] {
        asks(&mut object, id);
    }
    object.receive(&delivery("messages", edit("x1", "m1")));
    let ids: Vec<_> = got(&mut object).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["m1", "m2"], "what was edited may be no text any more, and goes alone");
}
