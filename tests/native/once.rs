//! Promise 3: the same wamid is accepted once in at least eight days.

use baton::conversation::Answer;
use baton::limits::{ECHOES_IN_ROW_MAX, REMEMBER_EVENTS_FOR};
use baton::outbox::outcome::{Loss, Outcome};

use crate::common::meta::{Customer, delivery, echo, ghost, message, status, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

fn accepted(new: usize, duplicates: usize) -> Answer {
    Answer::Accepted { new, duplicates }
}

#[test]
fn a_repeated_delivery_changes_nothing_and_writes_nothing() {
    for (field, value) in [
        ("messages", text(CUSTOMER, "m1", "hello")),
        ("messages", status(CUSTOMER, "b1", "read")),
        ("messages", ghost(CUSTOMER, "m1")),
        ("smb_message_echoes", echo(CUSTOMER, "e1", "hi")),
    ] {
        let mut object = Object::new("{}");
        let delivery = delivery(field, value);
        assert_eq!(object.receive(&delivery), accepted(1, 0));
        let before = object.conversation();
        object.pass(7);
        object.sql.batch("PRAGMA query_only = ON");
        assert_eq!(object.receive(&delivery), accepted(0, 1), "{delivery}");
        object.sql.batch("PRAGMA query_only = OFF");
        assert_eq!(object.conversation(), before, "{delivery}");
    }
}

#[test]
fn an_id_that_stands_twice_in_one_delivery_is_accepted_once() {
    let mut value = text(CUSTOMER, "m1", "hello");
    let twice = value["messages"][0].clone();
    value["messages"].as_array_mut().unwrap().push(twice);
    let mut object = Object::new("{}");
    assert_eq!(object.receive(&delivery("messages", value)), accepted(1, 1));
}

#[test]
fn ids_are_remembered_for_eight_days_and_then_let_go() {
    let days = REMEMBER_EVENTS_FOR.as_millis() / 86_400_000;
    assert_eq!(days, 8);
    let message = delivery("messages", text(CUSTOMER, "m1", "hello"));
    let echo = delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi"));
    let mut object = Object::new("{}");
    object.receive(&message);
    object.bot_answers(Outcome::Accepted);
    object.receive(&echo);
    object.pass(days * 86_400 - 60);
    assert_eq!(object.receive(&message), accepted(0, 1));
    assert_eq!(object.receive(&echo), accepted(0, 1));
    // The object looks once a day.
    object.pass(3 * 86_400);
    assert_eq!(object.fate("m1"), None);
    assert!(object.conversation().echoes.is_empty());
    assert_eq!(object.wake_at, None, "an object with nothing to forget sleeps for good");
}

#[test]
fn echoes_that_no_longer_fit_the_row_are_still_remembered() {
    let mut object = Object::new("{}");
    let echo = |number: usize| delivery("smb_message_echoes", echo(CUSTOMER, &format!("e{number}"), "hi"));
    for number in 0..3 * ECHOES_IN_ROW_MAX {
        assert_eq!(object.receive(&echo(number)), accepted(1, 0));
    }
    for number in 0..3 * ECHOES_IN_ROW_MAX {
        assert_eq!(object.receive(&echo(number)), accepted(0, 1), "echo {number}");
    }
}

#[test]
fn the_real_message_behind_a_ghost_takes_its_place() {
    let real = delivery("messages", text(CUSTOMER, "m1", "I saw your ad"));
    let ghost = delivery("messages", ghost(CUSTOMER, "m1"));

    // Within the ghost's time the bot sees the real message only, in the ghost's place in the line.
    let mut object = Object::new("{}");
    object.receive(&ghost);
    object.receive(&delivery("messages", text(CUSTOMER, "m2", "second")));
    assert!(object.attempt.is_none());
    assert_eq!(object.receive(&real), accepted(1, 0));
    assert!(object.attempt.as_ref().unwrap().1.contains("I saw your ad"));
    object.bot_answers(Outcome::Accepted);
    assert!(object.attempt.as_ref().unwrap().1.contains("second"));
    object.bot_answers(Outcome::Accepted);
    assert_eq!(object.receive(&ghost), accepted(0, 1), "the ghost does not come back");
    assert_eq!(object.receive(&real), accepted(0, 1));
    assert!(object.attempt.is_none());

    // Without a real message the bot gets what Meta sent.
    let mut object = Object::new("{}");
    object.receive(&ghost);
    object.pass(10);
    assert!(object.attempt.as_ref().unwrap().1.contains("131060"));
    object.bot_answers(Outcome::Accepted);
    // And should the real one come later all the same, it is not lost.
    object.pass(60);
    assert_eq!(object.receive(&real), accepted(1, 0));
    assert!(object.attempt.as_ref().unwrap().1.contains("I saw your ad"));
}

#[test]
fn an_unsupported_message_of_another_kind_is_an_ordinary_message() {
    let mut object = Object::new("{}");
    let more = serde_json::json!({ "errors": [{ "code": 131_051 }] });
    object.receive(&delivery("messages", message(CUSTOMER, "m1", "unsupported", more)));
    assert!(object.attempt.is_some());
}

#[test]
fn an_attempt_with_an_unknown_outcome_is_repeated_with_the_same_bytes_and_the_same_id() {
    use baton::ids::{LineId, ObjectName};
    use baton::secret::{Rotating, Secret, Which};
    let conversation = ObjectName::line(&LineId::parse("300").unwrap());
    let secret = Rotating::from(Secret::new("bot secret").unwrap());
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 1, 1]}"#);
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "¿Lo tienen? 😀")));
    let (first, body) = object.attempt.clone().unwrap();
    object.bot_answers(Outcome::Unknown(Loss::Connection));
    object.pass(2);
    let (second, again) = object.attempt.clone().unwrap();
    assert_eq!(body, again);
    assert!(body.is_ascii());
    let header = |attempt: &baton::outbox::request::Attempt, name: &str, body: &str| {
        let headers = attempt.headers(&conversation, body, (&secret, Which::Current), object.now);
        headers.into_iter().find(|(key, _)| *key == name).unwrap().1
    };
    assert_eq!(header(&first, "webhook-id", &body), header(&second, "webhook-id", &again));
    assert_eq!(header(&first, "x-hub-signature-256", &body), header(&second, "x-hub-signature-256", &again));
    assert_eq!(header(&second, "x-baton-attempt", &again), "2");
}
