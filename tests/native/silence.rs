//! Promise 1: while a person holds the baton, the bot gets nothing of the conversation.

use baton::conversation::turn::Holder;
use baton::outbox::outcome::{Loss, Outcome};

use crate::common::meta::{Customer, both, delivery, echo, ghost, message, status, text};
use crate::object::Object;
use serde_json::json;

const CUSTOMER: Customer<'static> = both_names();

const fn both_names() -> Customer<'static> {
    Customer { phone: Some("15550109999"), bsuid: Some("US.1") }
}

fn withheld(reason: &str) -> Option<(String, Option<String>)> {
    Some(("withheld".to_owned(), Some(reason.to_owned())))
}

fn delivered() -> Option<(String, Option<String>)> {
    Some(("delivered".to_owned(), None))
}

#[test]
fn what_a_customer_writes_while_a_person_holds_never_starts_for_the_bot() {
    let mut object = Object::new(r#"{"lease_seconds": 60}"#);
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "I am here")));
    for (wamid, value) in [
        ("m1", text(CUSTOMER, "m1", "hello")),
        ("m2", message(CUSTOMER, "m2", "image", json!({ "image": { "id": "1" } }))),
        ("m3", message(CUSTOMER, "m3", "reaction", json!({ "reaction": { "message_id": "e1", "emoji": "👍" } }))),
        ("m4", message(CUSTOMER, "m4", "revoke", json!({ "revoke": { "original_message_id": "m0" } }))),
        ("m5", message(CUSTOMER, "m5", "system", json!({ "system": { "type": "user_changed_number" } }))),
        ("m6", ghost(CUSTOMER, "m6")),
    ] {
        object.receive(&delivery("messages", value));
        assert_eq!(object.fate(wamid), withheld("held_by_human"), "{wamid}");
        assert!(object.attempt.is_none(), "{wamid}");
        assert!(object.body(wamid).is_some(), "what is withheld is kept: {wamid}");
    }
    object.pass(59);
    assert!(object.attempt.is_none());
}

#[test]
fn the_lease_slides_with_every_echo_and_then_everything_new_goes_to_the_bot() {
    let mut object = Object::new(r#"{"lease_seconds": 60}"#);
    for echo_number in 0..5 {
        object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, &format!("e{echo_number}"), "still here")));
        object.pass(50);
        assert_ne!(object.conversation().turn.holder, Holder::Automation);
    }
    object.pass(11);
    assert_eq!(object.conversation().turn.holder, Holder::Automation);
    assert!(object.attempt.is_none());

    object.receive(&delivery("messages", text(CUSTOMER, "new", "and now?")));
    let (attempt, body) = object.attempt.clone().unwrap();
    assert_eq!(attempt.id.as_str(), "new");
    assert!(body.contains("and now?"));
    assert_eq!(attempt.token.number(), 2, "the token grew when the person took and when the baton went back");
}

#[test]
fn an_echo_withholds_what_already_waits_for_the_bot() {
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 5, 5]}"#);
    for wamid in ["m1", "m2", "m3"] {
        object.receive(&delivery("messages", text(CUSTOMER, wamid, "hello")));
    }
    // The first is with the bot, which fails and will be asked again; the others wait behind it.
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "let me")));
    for wamid in ["m1", "m2", "m3"] {
        assert_eq!(object.fate(wamid), withheld("taken_over"), "{wamid}");
    }
    object.pass(86_400);
    assert!(object.attempt.is_none());
}

#[test]
fn an_attempt_that_had_started_ends_as_it_ends_and_is_not_repeated() {
    for (outcome, fate) in [
        (Outcome::Accepted, delivered()),
        (Outcome::Retryable { status: 500 }, withheld("taken_over")),
        (Outcome::Unknown(Loss::Timeout), withheld("taken_over")),
        (Outcome::Throttled { status: 429, retry_after: None }, withheld("taken_over")),
    ] {
        let mut object = Object::new(r#"{"lease_seconds": 60}"#);
        object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
        object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "let me")));
        object.bot_answers(outcome);
        assert_eq!(object.fate("m1"), fate, "{outcome:?}");
        object.pass(86_400);
        assert!(object.attempt.is_none(), "{outcome:?}");
    }
}

/// The gate is killed during the attempt, and the person holds when it wakes.
#[test]
fn an_attempt_whose_outcome_was_lost_is_not_repeated_over_a_person() {
    let mut object = Object::new(r#"{"lease_seconds": 3600}"#);
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "let me")));
    object.attempt = None;
    object.pass(60);
    assert_eq!(object.fate("m1"), withheld("taken_over"));
    assert!(object.attempt.is_none());
}

#[test]
fn a_late_success_of_an_old_attempt_changes_nothing() {
    let mut object = Object::new(r#"{"lease_seconds": 3600, "retry_schedule_seconds": [0, 0, 0]}"#);
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    let (first, _) = object.attempt.take().unwrap();
    object.pass(30);
    let (second, _) = object.attempt.clone().unwrap();
    assert_eq!((first.number.number(), second.number.number()), (1, 2), "the first counts as lost");
    object.finish(&first, Outcome::Accepted);
    assert_eq!(object.fate("m1").unwrap().0, "in_flight", "only the second attempt's outcome counts");
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "let me")));
    let before = object.conversation();
    object.finish(&first, Outcome::Accepted);
    assert_eq!(object.conversation(), before);
}

#[test]
fn only_a_persons_own_new_words_take_the_baton() {
    let note = |kind: &str, more: serde_json::Value| {
        let mut value = echo(CUSTOMER, "e1", "");
        let item = &mut value["message_echoes"][0];
        item["type"] = json!(kind);
        for (key, more) in more.as_object().unwrap() {
            item[key] = more.clone();
        }
        value
    };
    for (field, value, takes) in [
        ("smb_message_echoes", echo(CUSTOMER, "e1", "hi"), true),
        ("message_echoes", echo(CUSTOMER, "e1", "hi"), true),
        ("smb_message_echoes", note("image", json!({ "image": { "id": "1" } })), true),
        ("smb_message_echoes", note("reaction", json!({ "reaction": { "message_id": "m" } })), true),
        ("smb_message_echoes", note("edit", json!({ "edit": { "original_message_id": "m" } })), false),
        ("smb_message_echoes", note("revoke", json!({ "revoke": { "original_message_id": "m" } })), false),
        ("smb_message_echoes", note("unsupported", json!({ "errors": [{ "code": 131_051 }] })), false),
        // What the phone sent long ago is reported under `history`, in the same list.
        ("history", echo(CUSTOMER, "e1", "hi"), false),
        ("messages", status(CUSTOMER, "e1", "sent"), false),
    ] {
        let mut object = Object::new("{}");
        object.receive(&delivery(field, value.clone()));
        assert_eq!(object.conversation().turn.holder != Holder::Automation, takes, "{field} {value}");
    }
}

#[test]
fn receipts_go_on_while_a_person_holds() {
    let mut object = Object::new("{}");
    object.receive(&delivery("smb_message_echoes", echo(both("15550109999", "US.1"), "e1", "hi")));
    object.receive(&delivery("messages", status(CUSTOMER, "b1", "delivered")));
    assert_eq!(object.receipt.as_ref().unwrap().0.id.as_str(), "b1#delivered");
}

/// A takeover withholds everything that waits; should an entry of an older turn be left over all the same, the
/// last gate before the bot recognises it by its token.
#[test]
fn an_entry_of_an_older_turn_is_stopped_before_its_next_attempt() {
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 5, 5]}"#);
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    object.receive(&delivery("messages", text(CUSTOMER, "m2", "hello?")));
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.sql.batch("UPDATE event SET token = token + 1 WHERE id = 'm1'");
    object.pass_to_attempt(10);
    assert_eq!(object.fate("m1"), withheld("taken_over"));
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m2", "and the next one goes on");
}
