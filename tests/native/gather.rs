//! Bursts: a customer who writes three messages where one would do is answered once.

use baton::ids::EventId;
use baton::limits::{BURST_EXTENSION_MAX, BURST_TEXTS_MAX};
use baton::outbox::outcome::Outcome;
use baton::webhook;
use serde_json::json;

use crate::common::meta::{Customer, delivery, echo, message, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

fn asks(object: &mut Object, id: &str, words: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, words)));
}

fn said(body: &str) -> Option<String> {
    webhook::read(body.as_bytes()).unwrap()[0].facts.text.clone()
}

#[test]
fn a_burst_waits_until_the_customer_has_finished_and_goes_in_order() {
    let mut object = Object::new(r#"{"burst_seconds": 5}"#);
    for id in ["m1", "m2", "m3"] {
        asks(&mut object, id, id);
        assert_eq!(object.fate(id).unwrap().1.as_deref(), Some("burst"), "{id}");
        object.pass(4);
        assert!(object.attempt.is_none(), "{id}");
    }
    object.pass(1);
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m1");
    assert_eq!(object.bot_gets_ids(1), ["m1", "m2", "m3"]);
}

#[test]
fn a_burst_becomes_one_text() {
    let mut object = Object::new(r#"{"burst_seconds": 5, "burst": "merge_text"}"#);
    for (id, words) in [("m1", "Hi \"there\""), ("m2", "do you have\nthis?"), ("m3", "in red 😀")] {
        asks(&mut object, id, words);
    }
    let got = object.bot_gets(20);
    let [(attempt, body)] = got.as_slice() else { panic!("one message: {}", got.len()) };
    assert_eq!(attempt.id.as_str(), "m3", "under the last id");
    assert_eq!(said(body).as_deref(), Some("Hi \"there\"\ndo you have\nthis?\nin red 😀"));
    assert!(body.is_ascii());
    for id in ["m1", "m2"] {
        assert_eq!(object.fate(id), Some(("withheld".to_owned(), Some("merged".to_owned()))), "{id}");
        let known = baton::store::table::known(&object.sql, [&EventId::named(id)]).unwrap();
        assert_eq!(known.values().next().unwrap().note.part_of, Some(EventId::named("m3")), "{id}");
        assert_eq!(object.body(id), None, "the bot has what it says: {id}");
    }
    // Meta's repetition of any of them changes nothing.
    for id in ["m1", "m2", "m3"] {
        asks(&mut object, id, "x");
    }
    assert_eq!(object.bot_gets_ids(60), [] as [&str; 0]);
}

#[test]
fn what_is_merged_is_tried_again_with_the_same_bytes() {
    let mut object =
        Object::new(r#"{"burst_seconds": 5, "burst": "merge_text", "retry_schedule_seconds": [0, 30, 30]}"#);
    asks(&mut object, "m1", "one");
    asks(&mut object, "m2", "two");
    object.pass_to_attempt(6);
    let (_, first) = object.attempt.clone().unwrap();
    object.bot_answers(Outcome::Retryable { status: 500 });
    asks(&mut object, "m3", "three");
    object.pass_to_attempt(60);
    let (attempt, second) = object.attempt.clone().unwrap();
    assert_eq!((attempt.id.as_str(), attempt.number.number()), ("m2", 2));
    assert_eq!(first, second);
    assert_eq!(object.bot_gets_ids(60), ["m2", "m3"], "what came meanwhile is a message of its own");
}

#[test]
fn only_texts_that_follow_each_other_are_merged() {
    let mut object = Object::new(r#"{"burst_seconds": 5, "burst": "merge_text"}"#);
    asks(&mut object, "m1", "one");
    asks(&mut object, "m2", "two");
    object.receive(&delivery("messages", message(CUSTOMER, "p1", "image", json!({ "image": { "id": "1" } }))));
    asks(&mut object, "m3", "three");
    let advert = json!({ "text": { "body": "ad" }, "referral": { "source_type": "ad" } });
    object.receive(&delivery("messages", message(CUSTOMER, "a1", "text", advert)));
    asks(&mut object, "m4", "four");
    assert_eq!(object.bot_gets_ids(60), ["m2", "p1", "m3", "a1", "m4"]);
}

#[test]
fn a_customer_who_never_stops_typing_is_answered_all_the_same() {
    let mut object = Object::new(r#"{"burst_seconds": 5, "burst": "merge_text"}"#);
    let began = object.now;
    for number in 0..60 {
        asks(&mut object, &format!("m{number}"), "and");
        object.pass(4);
        if object.attempt.is_some() {
            break;
        }
    }
    let waited = object.now.since(began);
    let longest = BURST_EXTENSION_MAX.plus(baton::time::Millis::from_seconds(5 + 4));
    assert!(object.attempt.is_some() && waited <= longest, "{waited:?}");
}

#[test]
fn no_text_grows_without_bound() {
    let mut object = Object::new(r#"{"burst_seconds": 5, "burst": "merge_text"}"#);
    for number in 0..=BURST_TEXTS_MAX {
        asks(&mut object, &format!("m{number}"), "x");
    }
    let got = object.bot_gets(60);
    assert_eq!(got.len(), 2);
    assert_eq!(said(&got[0].1).unwrap().lines().count(), BURST_TEXTS_MAX);
}

#[test]
fn a_person_who_answers_takes_the_whole_burst() {
    let mut object = Object::new(r#"{"burst_seconds": 5, "burst": "merge_text"}"#);
    asks(&mut object, "m1", "one");
    asks(&mut object, "m2", "two");
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi")));
    assert_eq!(object.bot_gets_ids(60), [] as [&str; 0]);
    for id in ["m1", "m2"] {
        assert_eq!(object.fate(id).unwrap().1.as_deref(), Some("taken_over"), "{id}");
    }
}
