//! What a person does on the phone, and what only looks like it.

use baton::conversation::memory::{Cause, Change, EchoEffect};
use baton::conversation::turn::Holder;
use baton::outbox::outcome::Outcome;
use serde_json::{Value, json};

use crate::common::meta::{Customer, delivery, echo, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

fn says(object: &mut Object, id: &str, words: &str) {
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, id, words)));
}

fn asks(object: &mut Object, id: &str, words: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, words)));
}

fn withdraws(object: &mut Object, id: &str, original: &str) {
    let mut value = echo(CUSTOMER, id, "");
    let item = &mut value["message_echoes"][0];
    item["type"] = json!("revoke");
    item["revoke"] = json!({ "original_message_id": original });
    object.receive(&delivery("smb_message_echoes", value));
}

fn is_held(object: &Object) -> bool {
    object.conversation().turn.holder != Holder::Automation
}

fn last_step(object: &Object) -> (Change, Cause) {
    let conversation = object.conversation();
    let last = conversation.journal.iter().last().unwrap();
    (last.transition, last.cause)
}

fn effect(object: &Object, id: &str) -> Option<EchoEffect> {
    let id = baton::ids::EventId::named(id);
    object.conversation().echoes.get(&id).map(|echo| echo.effect)
}

#[test]
fn the_owner_who_writes_first_holds_before_there_is_a_conversation() {
    let mut object = Object::new("{}");
    says(&mut object, "e1", "Your order is ready");
    asks(&mut object, "m1", "thanks, when do you close?");
    assert!(object.attempt.is_none());
    assert_eq!(object.fate("m1").unwrap().1.as_deref(), Some("held_by_human"));
}

#[test]
fn texts_of_the_app_itself_take_nothing_and_answer_nothing() {
    const POLICY: &str =
        r#"{"automation_texts": ["Thanks for writing!", {"prefix": "We are closed"}, {"regex": "^Hi .+, welcome"}]}"#;
    for (words, takes) in [
        ("Thanks for writing!", false),
        ("We are closed until 9:00", false),
        ("Hi Ana, welcome", false),
        ("Thanks for writing! I am Ana", true),
        ("Sorry, We are closed", true),
        ("welcome", true),
        ("", true),
    ] {
        let mut object = Object::new(POLICY);
        asks(&mut object, "m1", "hello");
        says(&mut object, "e1", words);
        assert_eq!(is_held(&object), takes, "{words:?}");
        object.bot_answers(Outcome::Retryable { status: 500 });
        assert_eq!(object.fate("m1").unwrap().0 == "waiting", !takes, "{words:?}");
    }
    // While a person holds, the app's own text does not keep the baton and is no answer to a customer who waits.
    let mut object = Object::new(POLICY);
    says(&mut object, "e1", "let me look");
    let until = object.conversation().turn.lease_until();
    object.pass(60);
    asks(&mut object, "m1", "and?");
    says(&mut object, "e2", "Thanks for writing!");
    assert_eq!(object.conversation().turn.lease_until(), until);
    assert!(object.conversation().waiting.is_some());
    assert_eq!(effect(&object, "e2"), Some(EchoEffect::Automation));
}

#[test]
fn a_person_hands_back_in_words_and_the_bot_gets_what_they_left_unanswered() {
    const POLICY: &str = r#"{"handback_phrases": ["our assistant will help you from here"]}"#;
    let mut object = Object::new(POLICY);
    says(&mut object, "e1", "hi");
    asks(&mut object, "m1", "answered");
    says(&mut object, "e2", "yes");
    asks(&mut object, "m2", "and where is my order?");
    says(&mut object, "e3", "Thanks! Our assistant will help you from here.");
    assert!(!is_held(&object));
    assert_eq!(last_step(&object), (Change::Handback, Cause::Phrase));
    assert_eq!(effect(&object, "e3"), Some(EchoEffect::HandedBack));
    assert_eq!(object.bot_gets_ids(60), ["m2"], "at once, without m1, which was answered");

    let mut object = Object::new(POLICY);
    asks(&mut object, "m1", "hello");
    says(&mut object, "e1", "our assistant will help you from here");
    assert!(!is_held(&object), "the phrase alone takes nothing");
    assert_eq!(object.bot_gets_ids(1), ["m1"]);
}

#[test]
fn withdrawing_the_very_message_that_took_the_baton_gives_it_back() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1", "hello");
    object.bot_answers(Outcome::Retryable { status: 500 });
    says(&mut object, "e1", "oops, wrong chat");
    asks(&mut object, "m2", "what?");
    assert!(is_held(&object));
    withdraws(&mut object, "r1", "e1");
    assert!(!is_held(&object));
    assert_eq!(last_step(&object), (Change::Handback, Cause::Revoked));
    assert_eq!(object.bot_gets_ids(60), ["m1", "m2"], "as if nobody had taken it, also what had waited before");
}

#[test]
fn withdrawing_anything_else_gives_nothing_back() {
    for (policy, echoes, withdrawn) in [
        ("{}", &["e1", "e2"][..], "e1"),
        ("{}", &["e1", "e2"], "e2"),
        ("{}", &["e1"], "other"),
        (r#"{"revoke_undoes": false}"#, &["e1"], "e1"),
    ] {
        let mut object = Object::new(policy);
        for id in echoes {
            says(&mut object, id, "hi");
        }
        withdraws(&mut object, "r1", withdrawn);
        assert!(is_held(&object), "{policy} {echoes:?} without {withdrawn}");
    }
}

#[test]
fn an_undone_takeover_leaves_a_customer_who_had_waited_before_still_waiting() {
    let mut object =
        Object::new(r#"{"rules": [{"name": "vip", "when": {"customer": ["15550109999"]}, "then": "human"}]}"#);
    asks(&mut object, "m1", "for a person");
    let waiting = object.conversation().waiting;
    assert!(waiting.is_some());
    says(&mut object, "e1", "hi");
    assert_eq!(object.conversation().waiting, None);
    withdraws(&mut object, "r1", "e1");
    assert_eq!(object.conversation().waiting, waiting);
}

#[test]
fn what_turns_out_to_be_a_broadcast_gives_the_baton_back() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1", "hello");
    object.bot_answers(Outcome::Retryable { status: 500 });
    says(&mut object, "e1", "Sale this weekend!");
    assert_eq!(object.tally.len(), 1, "it is counted over the line's customers");
    assert!(is_held(&object), "safe first");
    asks(&mut object, "m2", "until when?");
    object.broadcast("e1");
    assert!(!is_held(&object));
    assert_eq!(last_step(&object), (Change::Handback, Cause::Broadcast));
    assert_eq!(object.bot_gets_ids(60), ["m1", "m2"]);
    let before = object.conversation();
    object.broadcast("e1");
    object.broadcast("never seen");
    assert_eq!(object.conversation(), before, "told twice is told once");
}

#[test]
fn a_broadcast_to_somebody_whom_a_person_talks_to_is_no_answer_to_them() {
    let mut object = Object::new("{}");
    says(&mut object, "e1", "let me look");
    object.pass(60);
    asks(&mut object, "m1", "and?");
    let waiting = object.conversation().waiting;
    says(&mut object, "e2", "Sale this weekend!");
    assert_eq!(object.conversation().waiting, None, "so far it looks like an answer");
    object.broadcast("e2");
    assert!(is_held(&object), "the person holds as before");
    assert_eq!(object.conversation().waiting, waiting);
    assert_eq!(object.bot_gets_ids(4_000), ["m1"], "and the customer is not left alone");
}

#[test]
fn where_broadcasts_are_not_looked_for_nothing_is_counted() {
    let mut object = Object::new(r#"{"broadcast_recipients": 0}"#);
    says(&mut object, "e1", "Sale this weekend!");
    assert!(object.tally.is_empty());
}

#[test]
fn a_customer_who_asks_for_a_person_gets_one() {
    const POLICY: &str = r#"{"take_phrases": ["agent", "talk to a person"]}"#;
    for (words, takes) in [
        ("agent", true),
        ("Agent!", true),
        ("I want to talk to a person, please", true),
        ("the agent was nice", false),
        ("agents", false),
        ("reagent", false),
        ("talk to a personal shopper", false),
    ] {
        let mut object = Object::new(POLICY);
        asks(&mut object, "m1", words);
        assert_eq!(is_held(&object), takes, "{words:?}");
        assert_eq!(object.attempt.is_none(), takes, "{words:?}");
    }
    let mut object = Object::new(POLICY);
    asks(&mut object, "m0", "hello");
    object.bot_answers(Outcome::Retryable { status: 500 });
    asks(&mut object, "m1", "agent");
    assert_eq!(last_step(&object), (Change::Takeover, Cause::CustomerAsked));
    assert_eq!(object.fate("m1").unwrap().1.as_deref(), Some("asked_for_person"));
    let got = object.bot_gets_ids(3_600);
    assert_eq!(got, ["m0", "m1"], "nobody came: the bot gets all of it");
    let steps: Vec<Value> =
        object.conversation().journal.iter().map(|step| json!([step.transition, step.cause])).collect();
    assert_eq!(
        json!(steps),
        json!([["takeover", "customer_asked"], ["warning", "unanswered"], ["handback", "unanswered"]])
    );
}

/// Only the person's own words prolong the hold; the alarm that ends it is set already.
#[test]
fn a_customer_who_asks_again_does_not_prolong_the_hold() {
    let mut object = Object::new(r#"{"take_phrases": ["agent"], "lease_seconds": 600}"#);
    says(&mut object, "e1", "hi");
    let until = object.conversation().turn.lease_until();
    object.pass(300);
    asks(&mut object, "m1", "agent");
    assert_eq!(object.fate("m1").unwrap().1.as_deref(), Some("asked_for_person"));
    object.pass(60);
    asks(&mut object, "m2", "agent");
    assert_eq!(object.conversation().turn.lease_until(), until);
}
