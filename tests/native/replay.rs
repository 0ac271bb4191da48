//! Dead letters: kept, and sent again when somebody says so.

use baton::conversation::Alert;
use baton::outbox::outcome::Outcome;

use crate::common::meta::{Customer, delivery, echo, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

fn with_dead_letters(policy: &str) -> Object {
    let mut object = Object::new(policy);
    for id in ["m1", "m2"] {
        object.receive(&delivery("messages", text(CUSTOMER, id, "hello")));
        object.bot_answers(Outcome::Rejected { status: 410 });
    }
    object
}

#[test]
fn a_bot_that_is_gone_is_told_and_what_it_refused_can_be_sent_again() {
    let mut object = with_dead_letters("{}");
    assert_eq!(object.alerts, [Alert::BotGone, Alert::BotGone]);
    assert_eq!(object.bot_gets_ids(86_400), [] as [&str; 0], "410 stops at once");
    assert_eq!(object.replay(), 2);
    assert_eq!(object.bot_gets_ids(60), ["m1", "m2"], "in their order");
    assert_eq!(object.replay(), 0, "there are no more");
}

#[test]
fn what_is_sent_again_has_the_whole_schedule_before_it() {
    let mut object = Object::new(r#"{"retry_schedule_seconds": [0, 5]}"#);
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    for round in 0..3 {
        for attempt in 1..=2 {
            let (made, _) = object.attempt.clone().unwrap();
            assert_eq!(made.number.number(), 2 * round + attempt, "the numbers grow on");
            object.bot_answers(Outcome::Retryable { status: 500 });
            object.pass(7);
        }
        assert_eq!(object.fate("m1").unwrap().0, "dead", "round {round}");
        assert_eq!(object.replay(), 1);
    }
}

#[test]
fn nothing_is_sent_again_over_a_person() {
    let mut object = with_dead_letters("{}");
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi")));
    assert_eq!(object.replay(), 0);
    assert_eq!(object.fate("m1").unwrap().0, "dead", "they stay, and can be sent again later");
    object.pass(1_801);
    assert_eq!(object.replay(), 2);
}

#[test]
fn a_dead_letter_whose_body_is_gone_is_not_sent_again() {
    let mut object = with_dead_letters(r#"{"retention_days": 1, "max_hold_seconds": 3600}"#);
    object.pass(3 * 86_400);
    assert_eq!(object.body("m1"), None);
    assert_eq!(object.replay(), 0);
}

#[test]
fn what_is_sent_again_waits_for_what_is_under_way() {
    let mut object = with_dead_letters("{}");
    object.receive(&delivery("messages", text(CUSTOMER, "m3", "hello")));
    assert_eq!(object.replay(), 2);
    let (under_way, _) = object.attempt.clone().unwrap();
    assert_eq!(under_way.id.as_str(), "m3");
    assert_eq!(object.bot_gets_ids(60), ["m3", "m1", "m2"]);
}
