//! Promise 5: a hold ends by who spoke last, from an alarm, and an unanswered customer gets an answer.

use baton::conversation::Alert;
use baton::conversation::memory::{Cause, Change};
use baton::conversation::turn::Holder;
use baton::ids::EventId;
use baton::limits::HANDBACK_HEADER_BYTES_MAX;
use baton::outbox::outcome::Outcome;
use baton::secret::{Rotating, Secret, Which};
use baton::time::UnixMillis;
use serde_json::{Value, json};

use crate::common::meta::{Customer, delivery, echo, message, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

/// Lease 10 min, at most 1 h; warned after 5 min of waiting, handed back after 15.
fn object(more: &str) -> Object {
    Object::new(&format!(
        r#"{{"lease_seconds": 600, "max_hold_seconds": 3600, "warn_after_seconds": 300, "hand_back_after_seconds": 900{more}}}"#
    ))
}

fn says(object: &mut Object, id: &str) {
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, id, &format!("words of {id}"))));
}

fn asks(object: &mut Object, id: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, "hello")));
}

fn is_held(object: &Object) -> bool {
    object.conversation().turn.holder != Holder::Automation
}

/// The journal as seconds since the test began, and what happened.
fn steps(object: &Object, began: UnixMillis) -> Vec<(u64, Change, Cause)> {
    let conversation = object.conversation();
    let step = |step: &baton::conversation::memory::Transition| {
        (step.at_ms.since(began).as_seconds(), step.transition, step.cause)
    };
    conversation.journal.iter().map(step).collect()
}

#[test]
fn the_baton_goes_back_silently_where_the_person_had_the_last_word() {
    let mut object = object("");
    let began = object.now;
    asks(&mut object, "m1");
    object.bot_answers(Outcome::Accepted);
    says(&mut object, "e1");
    asks(&mut object, "m2");
    object.pass(100);
    says(&mut object, "e2");
    assert_eq!(object.bot_gets_ids(7_200), [] as [&str; 0]);
    assert_eq!(
        steps(&object, began),
        [(0, Change::Takeover, Cause::Echo), (700, Change::Handback, Cause::LeaseExpired)]
    );
    assert_eq!(object.alerts, [], "nobody need know");
}

#[test]
fn the_owner_is_warned_and_then_the_bot_gets_what_is_unanswered() {
    let mut object = object("");
    let began = object.now;
    says(&mut object, "e1");
    asks(&mut object, "m1");
    object.pass(100);
    says(&mut object, "e2");
    object.pass(400);
    asks(&mut object, "m2");
    object.pass(30);
    asks(&mut object, "m3");
    let got = object.bot_gets_ids(7_200);
    assert_eq!(got, ["m2", "m3"], "in order, and without what the person answered");
    assert_eq!(
        steps(&object, began),
        [
            (0, Change::Takeover, Cause::Echo),
            (800, Change::Warning, Cause::Unanswered),
            (1_400, Change::Handback, Cause::Unanswered),
        ],
        "both counted from the first unanswered message, at 500 s"
    );
    assert_eq!(object.alerts, [Alert::CustomerUnanswered]);
    assert_eq!(object.fate("m1").unwrap().0, "withheld");
}

#[test]
fn a_person_who_answers_in_time_keeps_the_customer() {
    let mut object = object("");
    says(&mut object, "e1");
    object.pass(590);
    asks(&mut object, "m1");
    object.pass(880);
    assert!(is_held(&object), "the lease ended long ago, but the customer waits for the person and not for so long");
    says(&mut object, "e2");
    assert_eq!(object.bot_gets_ids(7_200), [] as [&str; 0]);
    assert_eq!(object.alerts, [Alert::CustomerUnanswered], "after 300 s, once");
}

#[test]
fn a_hold_has_a_longest_time_however_much_the_person_writes() {
    let mut object = object("");
    let began = object.now;
    for number in 0..7 {
        says(&mut object, &format!("e{number}"));
        object.pass(590);
    }
    let handback = steps(&object, began).into_iter().find(|(_, change, _)| *change == Change::Handback);
    assert_eq!(handback, Some((3_600, Change::Handback, Cause::HeldLongest)));
}

#[test]
fn what_needs_no_answer_makes_nobody_wait() {
    for (kind, more) in [
        ("reaction", json!({ "reaction": { "message_id": "e1", "emoji": "👍" } })),
        (
            "edit",
            json!({ "edit": { "original_message_id": "m0", "message": { "type": "text", "text": { "body": "x" } } } }),
        ),
        ("revoke", json!({ "revoke": { "original_message_id": "m0" } })),
        ("system", json!({ "system": { "type": "user_changed_number", "wa_id": "15550108888" } })),
    ] {
        let mut object = object("");
        says(&mut object, "e1");
        object.receive(&delivery("messages", message(CUSTOMER, "m1", kind, more)));
        object.pass(601);
        assert!(!is_held(&object), "{kind}: the person had the last word");
        assert!(object.attempt.is_none() && object.alerts.is_empty(), "{kind}");
    }
}

#[test]
fn the_owner_chooses_what_the_bot_gets() {
    for (on_handback, waits, expected) in [
        ("unanswered", true, &["m2"][..]),
        ("none", true, &[]),
        ("all", true, &["m0", "m1", "m2"]),
        ("unanswered", false, &[]),
        ("all", false, &["m0", "m1"]),
    ] {
        let mut object = object(&format!(r#", "on_handback": "{on_handback}""#));
        asks(&mut object, "m0");
        object.bot_answers(Outcome::Retryable { status: 500 });
        says(&mut object, "e1");
        asks(&mut object, "m1");
        says(&mut object, "e2");
        if waits {
            asks(&mut object, "m2");
        }
        assert_eq!(object.bot_gets_ids(7_200), expected, "{on_handback}, waits: {waits}");
    }
}

#[test]
fn the_first_message_of_a_handback_tells_the_bot_of_the_hold() {
    let secret = Rotating::from(Secret::new("x").unwrap());
    for (share, expected) in [
        ("", json!({ "held_seconds": 1_000, "messages": 2 })),
        (
            r#", "share_human_text": true"#,
            json!({ "held_seconds": 1_000, "messages": 2, "text": ["words of e1", "¿qué? 😀"] }),
        ),
    ] {
        let mut object = object(share);
        says(&mut object, "e1");
        object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e2", "¿qué? 😀")));
        object.pass(100);
        asks(&mut object, "m1");
        asks(&mut object, "m2");
        object.pass_to_attempt(7_200);
        // The header comes with every attempt at the message, and with no other message.
        for attempt in 1..=2 {
            let (made, body) = object.attempt.clone().unwrap();
            let headers = made.headers(&object.name, &body, (&secret, Which::Current), object.now);
            let header = headers.iter().find(|(name, _)| *name == "x-baton-handback").map(|(_, value)| value);
            assert!(header.unwrap().is_ascii());
            let told: Value = serde_json::from_str(header.unwrap()).unwrap();
            assert_eq!(told, expected, "attempt {attempt}");
            object.bot_answers(if attempt == 1 { Outcome::Retryable { status: 500 } } else { Outcome::Accepted });
            object.pass_to_attempt(10);
        }
        assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m2");
        assert_eq!(object.attempt.as_ref().unwrap().0.handback, None);
        let stored = baton::store::table::known(&object.sql, [&EventId::named("m1")]).unwrap();
        assert!(stored.values().all(|entry| entry.note.handback.is_none()), "what a person wrote is not kept longer");
    }
}

#[test]
fn a_talkative_person_does_not_break_the_bots_headers() {
    let mut object = object(r#", "share_human_text": true"#);
    for number in 0..30 {
        let words = format!("{number} {}", "😀".repeat(400));
        object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, &format!("e{number}"), &words)));
    }
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "last", "the last words")));
    asks(&mut object, "m1");
    object.pass_to_attempt(7_200);
    let (attempt, body) = object.attempt.clone().unwrap();
    let secret = Rotating::from(Secret::new("x").unwrap());
    let headers = attempt.headers(&object.name, &body, (&secret, Which::Current), object.now);
    let (_, header) = headers.iter().find(|(name, _)| *name == "x-baton-handback").unwrap();
    assert!(header.len() <= HANDBACK_HEADER_BYTES_MAX, "{}", header.len());
    let told: Value = serde_json::from_str(header).unwrap();
    assert_eq!(told["messages"], 31);
    assert_eq!(told["text"], json!(["the last words"]), "the last that fit");
}

/// The bot was thinking when the person came and went by way of an undo: should it fail, it is tried again.
#[test]
fn an_attempt_under_way_over_an_undone_hold_is_the_bots_again() {
    let mut object = object("");
    asks(&mut object, "m1");
    says(&mut object, "e1");
    object.broadcast("e1");
    object.bot_answers(Outcome::Retryable { status: 500 });
    assert_eq!(object.bot_gets_ids(60), ["m1"]);
}

#[test]
fn alarms_that_come_late_warn_and_hand_back_all_the_same() {
    let mut object = object("");
    says(&mut object, "e1");
    asks(&mut object, "m1");
    object.now = object.now.after(baton::time::Millis::from_seconds(50_000));
    object.wake();
    let last: Vec<_> = object.conversation().journal.iter().map(|step| step.transition).collect();
    assert_eq!(last, [Change::Takeover, Change::Warning, Change::Handback], "the warning still comes first");
    assert_eq!(object.bot_gets_ids(1), ["m1"]);
}
