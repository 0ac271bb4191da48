//! Promise 2: what Meta was told 200 for ends in exactly one of delivered, withheld, dead-lettered.

use baton::limits::{OPEN_ENTRIES_MAX, ROW_TEXT_BYTES_MAX};
use baton::outbox::outcome::{Loss, Outcome};
use serde_json::json;

use crate::common::meta::{Customer, batch, delivery, message, text};
use crate::common::payloads;
use crate::object::{Object, carried};

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

/// A failure at any statement undoes all of the transaction, and Meta's repetition then succeeds.
#[test]
fn a_failure_at_any_point_leaves_nothing_half_done() {
    let delivery = delivery("messages", text(CUSTOMER, "m1", "hello"));
    for statements in 0..30 {
        let mut object = Object::new("{}");
        object.sql.fail_after.set(Some(statements));
        let events =
            baton::webhook::read(delivery.to_string().as_bytes()).unwrap().iter().map(carried).collect::<Vec<_>>();
        let first = object.accept(&events);
        object.sql.fail_after.set(None);
        if first.is_ok() {
            assert!(statements > 5, "the transaction has more statements than that");
            return;
        }
        assert!(!baton::store::schema::exists(&object.sql).unwrap(), "after {statements} statements");
        object.receive(&delivery);
        assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m1");
    }
    panic!("the transaction never succeeds");
}

#[test]
fn the_gate_is_killed_at_any_point_of_a_delivery_and_the_bot_gets_the_message() {
    // Killed before the attempt, during it, and after it but before its outcome is written: all look the same.
    let mut object = Object::new("{}");
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    for attempt in 1..=3 {
        let (started, body) = object.attempt.take().unwrap();
        assert_eq!(started.number.number(), attempt);
        assert!(body.contains("hello"));
        object.pass_to_attempt(2_000);
    }
    object.bot_answers(Outcome::Accepted);
    assert_eq!(object.fate("m1").unwrap().0, "delivered");
    assert_eq!(object.body("m1"), None, "the bot has it; the gate keeps no copy");
}

#[test]
fn a_bot_that_never_answers_leaves_a_dead_letter_after_the_whole_schedule() {
    let mut object = Object::new("{}");
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    let started = object.now;
    for _ in 0..10 {
        object.pass_to_attempt(48 * 3_600);
        object.bot_answers(Outcome::Unknown(Loss::Timeout));
    }
    assert_eq!(object.fate("m1"), Some(("dead".to_owned(), Some("timed_out".to_owned()))));
    let hours = (object.now.as_millis() - started.as_millis()) / 3_600_000;
    assert!((70..=80).contains(&hours), "{hours} h");
    assert!(object.body("m1").is_some());
    object.pass(9 * 86_400);
    assert_eq!(object.body("m1"), None, "bodies are kept for seven days");
}

#[test]
fn every_sample_ends_somewhere() {
    for payload in payloads() {
        let mut object = Object::new("{}");
        let events: Vec<_> = baton::webhook::read(payload.body.as_bytes()).unwrap().iter().map(carried).collect();
        object.accept(&events).unwrap();
        for _ in 0..20 {
            match (&object.attempt, &object.receipt) {
                (Some(_), _) => object.bot_answers(Outcome::Accepted),
                (None, Some(_)) => object.bot_answers_receipt(Outcome::Accepted),
                (None, None) => object.pass(11),
            }
        }
        // An entry of the address book leaves no trace but what it says.
        for event in events.iter().filter(|event| event.class != baton::webhook::event::Class::Contact) {
            let remembered = object.conversation().echoes.contains(&event.id);
            let state = object.fate(event.id.as_str()).map(|(state, _)| state);
            assert!(
                remembered || matches!(state.as_deref(), Some("delivered" | "withheld")),
                "{} {:?} ends as {state:?}",
                payload.name,
                event.class
            );
        }
    }
}

#[test]
fn a_conversation_that_owes_too_much_keeps_what_comes_as_dead_letters() {
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 86400, 86400]}"#);
    let values: Vec<_> = (0..=OPEN_ENTRIES_MAX)
        .map(|number| (crate::common::meta::LINE, "messages", text(CUSTOMER, &format!("m{number}"), "x")))
        .collect();
    object.receive(&batch(values));
    assert_eq!(object.fate(&format!("m{}", OPEN_ENTRIES_MAX - 1)).unwrap().0, "waiting");
    let last = format!("m{OPEN_ENTRIES_MAX}");
    assert_eq!(object.fate(&last), Some(("dead".to_owned(), Some("outbox_full".to_owned()))));
    assert!(object.body(&last).is_some());
}

#[test]
fn a_body_larger_than_a_row_is_kept_whole() {
    for bytes in [ROW_TEXT_BYTES_MAX - 2_000, ROW_TEXT_BYTES_MAX, 3 * ROW_TEXT_BYTES_MAX] {
        let mut object = Object::new("{}");
        let long = "é".repeat(bytes / 6);
        let more = json!({ "interactive": { "type": "nfm_reply", "nfm_reply": { "response_json": long } } });
        object.receive(&delivery("messages", message(CUSTOMER, "m1", "interactive", more)));
        let (_, body) = object.attempt.clone().unwrap();
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        let message = &read["entry"][0]["changes"][0]["value"]["messages"][0];
        assert_eq!(message["interactive"]["nfm_reply"]["response_json"], json!(long));
        object.bot_answers(Outcome::Accepted);
        assert_eq!(object.body("m1"), None);
    }
}

/// The bot was down for days before a person took over: the message is kept from then on, and can be handed back.
#[test]
fn what_was_tried_for_days_is_kept_as_long_as_anything_else() {
    let mut object = Object::new(
        r#"{"retention_days": 1, "retry_schedule_seconds": [0, 172800, 172800], "on_handback": "all", "lease_seconds": 43200}"#,
    );
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.pass(130_000);
    let hi = crate::common::meta::echo(CUSTOMER, "e1", "hi");
    object.receive(&delivery("smb_message_echoes", hi));
    object.pass(43_000);
    assert!(object.body("m1").is_some(), "a day has not passed since it was withheld");
    assert_eq!(object.bot_gets_ids(3_600), ["m1"]);
}

/// A receipt that the Worker sent straight and the bot did not take in time.
mod receipts {
    use baton::command::CarriedEvent;
    use baton::ids::{AttemptNumber, EventId, FencingToken};
    use baton::outbox::Tried;
    use baton::outbox::outcome::{Loss, Outcome};
    use baton::outbox::request::Attempt;
    use baton::webhook::event::Class;

    use super::CUSTOMER;
    use crate::common::meta::{delivery, status};
    use crate::object::{Object, carried};

    const POLICY: &str = r#"{"retry_schedule_seconds": [0, 5, 5]}"#;

    fn receive(object: &mut Object, tried: Tried) {
        let body = delivery("messages", status(CUSTOMER, "b1", "read")).to_string();
        let events = baton::webhook::read(body.as_bytes()).unwrap();
        let events: Vec<_> = events.iter().map(|event| CarriedEvent { tried: Some(tried), ..carried(event) }).collect();
        object.accept(&events).unwrap();
    }

    fn first() -> Attempt {
        let id = EventId::named("b1#read");
        Attempt {
            id,
            class: Class::Receipt,
            token: FencingToken::default(),
            number: AttemptNumber::new(1),
            bot: None,
            handback: None,
        }
    }

    fn state(object: &Object) -> String {
        object.fate("b1#read").unwrap().0
    }

    #[test]
    fn what_the_bot_refused_at_once_is_final_and_what_failed_is_tried_again() {
        for (outcome, expected) in [
            (Outcome::of_answer(400, None, Class::Receipt), "dead"),
            (Outcome::of_answer(404, None, Class::Receipt), "waiting"),
            (Outcome::of_answer(500, None, Class::Receipt), "waiting"),
            (Outcome::Unknown(Loss::Connection), "waiting"),
        ] {
            let mut object = Object::new(POLICY);
            receive(&mut object, Tried::Ended(outcome));
            assert_eq!(state(&object), expected, "{outcome:?}");
            assert!(object.receipt.is_none());
            if expected == "waiting" {
                object.pass_to_attempt(60);
                assert_eq!(object.receipt.as_ref().unwrap().0.number.number(), 2);
            }
        }
    }

    #[test]
    fn an_attempt_that_the_worker_still_makes_is_not_made_twice() {
        let mut object = Object::new(POLICY);
        receive(&mut object, Tried::UnderWay);
        assert_eq!(state(&object), "in_flight");
        object.pass(14);
        assert!(object.receipt.is_none());
        object.finish(&first(), Outcome::Accepted);
        assert_eq!((state(&object).as_str(), object.body("b1#read")), ("delivered", None));
        // The Worker was stopped before it could tell: the object repeats it.
        let mut object = Object::new(POLICY);
        receive(&mut object, Tried::UnderWay);
        object.pass_to_attempt(60);
        assert_eq!(object.receipt.as_ref().unwrap().0.number.number(), 2);
        object.finish(&first(), Outcome::Accepted);
        assert_eq!(state(&object), "in_flight", "and the late end of the first changes nothing");
    }
}

/// A row's integers are exact up to 2^53. A time beyond that would make every attempt to store its delivery fail, and
/// Meta would repeat the delivery for a week, with everything else that is in it.
#[test]
fn a_time_beyond_all_calendars_costs_nobody_their_message() {
    for timestamp in ["9007199254740992", "18446744073709551615", "18446744073709551616"] {
        let mut object = Object::new("{}");
        let mut value = text(CUSTOMER, "m1", "hello");
        value["messages"][0]["timestamp"] = json!(timestamp);
        object.receive(&delivery("messages", value));
        assert_eq!(object.fate("m1").unwrap().0, "in_flight", "{timestamp}");
    }
}
