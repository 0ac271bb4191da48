//! Promise 4: within a conversation events reach the bot in the order of acceptance, one at a time.

use baton::outbox::outcome::Outcome;
use baton::webhook::event::Class;
use proptest::prelude::*;

use crate::common::meta::{Customer, delivery, status, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

#[test]
fn the_second_message_waits_until_the_first_has_ended() {
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 30, 30]}"#);
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "one")));
    object.receive(&delivery("messages", text(CUSTOMER, "m2", "two")));
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m1");
    object.bot_answers(Outcome::Retryable { status: 500 });
    assert!(object.attempt.is_none(), "the second does not overtake the first, which waits for its retry");
    object.pass(40);
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m1");
    object.bot_answers(Outcome::Accepted);
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m2", "and starts the moment the first has ended");
}

#[test]
fn a_message_that_is_given_up_on_makes_way_for_the_next() {
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 1]}"#);
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "one")));
    object.receive(&delivery("messages", text(CUSTOMER, "m2", "two")));
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.pass(2);
    object.bot_answers(Outcome::Retryable { status: 500 });
    assert_eq!(object.fate("m1"), Some(("dead".to_owned(), Some("status_500".to_owned()))));
    assert!(object.body("m1").is_some(), "a dead letter keeps its body");
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m2");
}

#[test]
fn a_receipt_that_the_bot_cannot_take_does_not_hold_up_the_messages() {
    let mut object = Object::new("{}");
    object.receive(&delivery("messages", status(CUSTOMER, "b1", "failed")));
    object.receive(&delivery("messages", status(CUSTOMER, "b2", "failed")));
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "one")));
    assert_eq!(object.receipt.as_ref().unwrap().0.id.as_str(), "b1#failed");
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m1", "at the same time");
    object.bot_answers_receipt(Outcome::of_answer(500, None, Class::Receipt));
    assert_eq!(object.fate("b1#failed").unwrap().0, "waiting");
    object.bot_answers(Outcome::Accepted);
    object.receive(&delivery("messages", text(CUSTOMER, "m2", "two")));
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m2");
    object.pass(10);
    object.bot_answers_receipt(Outcome::of_answer(400, None, Class::Receipt));
    assert_eq!(object.fate("b1#failed").unwrap().0, "dead", "what the bot refuses for good is final");
    assert_eq!(object.receipt.as_ref().unwrap().0.id.as_str(), "b2#failed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bot answers and however often the gate is killed, the bot sees the messages in the order in
    /// which they were accepted, and each of them ends.
    #[test]
    fn order_survives_faults_and_restarts(steps in proptest::collection::vec(0_u8..6, 1..60)) {
        let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 1, 1, 1]}"#);
        let mut sent = 0_u32;
        let mut seen: Vec<u32> = Vec::new();
        let mut see = |object: &Object| {
            if let Some((attempt, _)) = &object.attempt {
                let number = attempt.id.as_str().trim_start_matches('m').parse().unwrap();
                if seen.last() != Some(&number) {
                    seen.push(number);
                }
            }
        };
        for step in steps {
            match step {
                0 | 1 => {
                    object.receive(&delivery("messages", text(CUSTOMER, &format!("m{sent}"), "x")));
                    sent += 1;
                }
                2 if object.attempt.is_some() => object.bot_answers(Outcome::Accepted),
                3 if object.attempt.is_some() => object.bot_answers(Outcome::Retryable { status: 500 }),
                // The gate is killed: the attempt and the alarm's time are gone from memory, the alarm is not.
                4 => {
                    object.attempt = None;
                    object.pass(20);
                }
                _ if object.attempt.is_none() => object.pass(1),
                _ => {}
            }
            see(&object);
        }
        for _ in 0..500 {
            if object.attempt.is_some() { object.bot_answers(Outcome::Accepted) } else { object.pass(1) }
            see(&object);
        }
        prop_assert!(seen.is_sorted(), "{seen:?}");
        for number in 0..sent {
            let state = object.fate(&format!("m{number}")).unwrap().0;
            prop_assert!(state == "delivered" || state == "dead", "m{number} is {state}");
        }
    }
}
