//! What the operator does from the desk: take, release, pause; and what would happen to a webhook.
//!
//! Not here: that every order of these acts and everything else keeps the promises (`proof`).

use baton::command::shown::Shown;
use baton::command::told::{Explained, TestedEvent, ToldTurn};
use baton::conversation::fence::{SendEnd, Verdict};
use baton::conversation::memory::{Cause, Change};
use baton::conversation::operator::Act;
use baton::conversation::{Alert, Context, trial};
use baton::graph::send::{Post, Sending};
use baton::ids::EventId;
use baton::limits::PAUSE_MAX;
use baton::outbox::outcome::Outcome;
use baton::store::{self, Sql, Value as SqlValue};
use baton::time::{Millis, UnixMillis};
use baton::webhook;
use serde_json::{Value, json};

use crate::common::meta::{Customer, address_book, batch, delivery, echo, echo_revoke, status, text};
use crate::object::{Object, policy_of};

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };
/// Times that a pause can be longer than.
const SHORT: &str =
    r#"{"lease_seconds": 60, "max_hold_seconds": 120, "warn_after_seconds": 30, "hand_back_after_seconds": 90}"#;

fn asks(object: &mut Object, id: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, "hello")));
}

fn says(object: &mut Object, id: &str, words: &str) {
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, id, words)));
}

fn reply(words: &str) -> Sending {
    let body = json!({ "to": "15550109999", "type": "text", "text": { "body": words } }).to_string();
    match Post::read(body.as_bytes(), None) {
        Ok(Post::Message(_, sending)) => *sending,
        other => panic!("{other:?}"),
    }
}

fn steps(object: &Object) -> Vec<(Change, Cause)> {
    object.conversation().journal.iter().map(|step| (step.transition, step.cause)).collect()
}

fn is_held(object: &Object) -> bool {
    object.conversation().turn.hold().is_some()
}

fn until(object: &Object, seconds: u64) -> UnixMillis {
    object.now.after(Millis::from_seconds(seconds))
}

fn pauses(object: &mut Object, seconds: u64) -> bool {
    let until_ms = until(object, seconds);
    object.operate(Act::Pause(until_ms))
}

fn turn_of(object: &Object) -> String {
    object.conversation().explain_turn(object.now, &object.policy)
}

#[test]
fn an_operator_who_takes_silences_the_bot_as_a_persons_words_do_and_answers_nobody() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1");
    asks(&mut object, "m2");
    assert!(object.operate(Act::Take));
    assert_eq!(object.fate("m2").unwrap().1.as_deref(), Some("taken_over"));
    let conversation = object.conversation();
    assert_eq!(conversation.turn.token.number(), 1);
    assert_eq!(conversation.turn.lease_until(), Some(until(&object, 1_800)));
    assert!(conversation.waiting.is_some(), "nobody has answered them");
    object.bot_answers(Outcome::Retryable { status: 500 });
    assert_eq!(object.fate("m1").unwrap().1.as_deref(), Some("taken_over"), "and there is no second attempt");
    asks(&mut object, "m3");
    assert_eq!(object.fate("m3").unwrap().1.as_deref(), Some("held_by_human"));
    assert_eq!(object.bot_gets_ids(7_200), ["m1", "m2", "m3"], "the end of the hold gives it back");
    assert_eq!(object.alerts, [Alert::CustomerUnanswered], "and the owner was warned before");
    assert_eq!(
        steps(&object),
        [
            (Change::Takeover, Cause::Operator),
            (Change::Warning, Cause::Unanswered),
            (Change::Handback, Cause::Unanswered)
        ]
    );
}

#[test]
fn what_the_bot_was_answering_when_the_operator_took_counts_as_unanswered() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1");
    object.operate(Act::Take);
    object.bot_answers(Outcome::Accepted);
    let Verdict::Refuse(refusal) = object.asks_to_send(&reply("late")) else { panic!("it goes out") };
    assert!(refusal.details.contains("a person had been put in charge"), "{}", refusal.details);
    object.pass(7_200);
    assert_eq!(object.alerts, [Alert::CustomerUnanswered]);
    assert!(!is_held(&object));
}

#[test]
fn to_take_what_a_person_holds_prolongs_the_lease_and_answers_nothing() {
    let mut object = Object::new("{}");
    says(&mut object, "e1", "let me look");
    let answered = object.conversation().turn.hold().unwrap().answered_seq;
    object.pass(60);
    asks(&mut object, "m1");
    object.pass(60);
    assert!(object.operate(Act::Take));
    let conversation = object.conversation();
    let hold = conversation.turn.hold().unwrap();
    assert_eq!((hold.lease_until_ms, hold.answered_seq), (until(&object, 1_800), answered));
    assert!(conversation.waiting.is_some() && conversation.turn.token.number() == 1);
    assert_eq!(steps(&object), [(Change::Takeover, Cause::Echo)]);
    assert!(!object.operate(Act::Take), "at the same moment there is nothing to change");
}

#[test]
fn a_withdrawn_message_or_a_broadcast_does_not_end_what_the_operator_keeps() {
    for act in [Act::Take, Act::Pause(UnixMillis::new(u64::MAX))] {
        let mut object = Object::new("{}");
        asks(&mut object, "m0");
        asks(&mut object, "m1");
        says(&mut object, "e1", "oops");
        object.operate(act);
        object.receive(&delivery("smb_message_echoes", echo_revoke(CUSTOMER, "r1", "e1")));
        assert!(is_held(&object), "{act:?}");
        assert_eq!(object.conversation().waiting, None);
        object.broadcast("e1");
        assert!(is_held(&object), "{act:?}");
        assert!(object.conversation().waiting.is_some(), "what the broadcast had stopped is unanswered again");
    }
}

#[test]
fn who_waits_over_a_broadcast_in_a_kept_hold_waits_since_the_message_was_withheld() {
    let mut object = Object::new("{}");
    asks(&mut object, "m0");
    asks(&mut object, "m1");
    says(&mut object, "e1", "the same to everybody");
    let withheld_at = object.now;
    object.operate(Act::Take);
    object.pass(60);
    object.broadcast("e1");
    assert_eq!(object.conversation().waiting.unwrap().since_ms, withheld_at, "the warning must not come a minute late");
}

#[test]
fn an_operator_who_releases_hands_back_at_once_what_is_unanswered() {
    let mut object = Object::new("{}");
    assert!(!object.operate(Act::Release), "the bot holds already");
    says(&mut object, "e1", "hi");
    asks(&mut object, "m1");
    says(&mut object, "e2", "yes");
    asks(&mut object, "m2");
    assert!(object.operate(Act::Release));
    assert_eq!(object.bot_gets_ids(60), ["m2"], "without m1, which was answered");
    assert_eq!(steps(&object), [(Change::Takeover, Cause::Echo), (Change::Handback, Cause::Operator)]);
    assert!(turn_of(&object).contains("the operator handed the baton back"), "{}", turn_of(&object));
}

#[test]
fn a_pause_lasts_as_long_as_the_operator_says_whatever_the_longest_hold_is() {
    let mut object = Object::new(SHORT);
    asks(&mut object, "m1");
    object.bot_answers(Outcome::Accepted);
    assert!(pauses(&mut object, 3_600));
    let end = object.conversation().turn.lease_until().unwrap();
    assert_eq!(end, until(&object, 3_600));
    object.pass(1_000);
    says(&mut object, "e1", "hello from the phone");
    let conversation = object.conversation();
    let hold = conversation.turn.hold().unwrap();
    assert!(hold.paused && hold.lease_until_ms == end, "a person's words do not shorten it");
    object.pass(2_599);
    assert!(is_held(&object));
    object.pass(1);
    assert!(!is_held(&object), "and it ends by itself");
    assert_eq!(steps(&object), [(Change::Takeover, Cause::Paused), (Change::Handback, Cause::Paused)]);
    assert!(turn_of(&object).contains("the operator's pause ended"), "{}", turn_of(&object));
}

#[test]
fn a_customer_who_writes_during_a_pause_is_announced_and_then_the_bots() {
    let mut object = Object::new(SHORT);
    says(&mut object, "e1", "hi");
    pauses(&mut object, 3_600);
    object.pass(100);
    asks(&mut object, "m1");
    object.pass(29);
    assert!(object.alerts.is_empty());
    object.pass(1);
    assert_eq!(object.alerts, [Alert::CustomerUnanswered], "the owner is warned during the pause");
    let sentence = turn_of(&object);
    for words in ["the operator keeps the bot out until 2026-11-03", "the customer has waited", "the owner was warned"]
    {
        assert!(sentence.contains(words), "{sentence}");
    }
    assert_eq!(object.bot_gets_ids(3_600), ["m1"]);
    assert_eq!(steps(&object).last(), Some(&(Change::Handback, Cause::Unanswered)));
}

#[test]
fn a_persons_phrase_or_a_release_ends_a_pause() {
    for by_phrase in [true, false] {
        let mut object = Object::new(r##"{"handback_phrases": ["#bot"]}"##);
        asks(&mut object, "m0");
        pauses(&mut object, 86_400);
        asks(&mut object, "m1");
        if by_phrase {
            says(&mut object, "e1", "#bot");
        } else {
            assert!(object.operate(Act::Release));
        }
        assert!(!is_held(&object));
        object.attempt = None;
        assert!(object.conversation().outbox.iter().any(|entry| entry.id.as_str() == "m1"));
    }
}

#[test]
fn a_pause_is_bounded_never_shortens_a_hold_and_one_that_is_over_is_none() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1");
    assert!(!pauses(&mut object, 0) && !is_held(&object));
    object.operate(Act::Pause(UnixMillis::new(u64::MAX)));
    assert_eq!(object.conversation().turn.lease_until(), Some(object.now.after(PAUSE_MAX)));
    pauses(&mut object, 60);
    assert_eq!(object.conversation().turn.lease_until(), Some(object.now.after(PAUSE_MAX)));
    let mut object = Object::new("{}");
    asks(&mut object, "m1");
    pauses(&mut object, 60);
    assert_eq!(object.conversation().turn.lease_until(), Some(until(&object, 60)), "shorter than the lease");
    says(&mut object, "e1", "hi");
    let paused = object.conversation().turn.hold().unwrap().paused;
    assert!(!paused, "from here on the bot stays out for the person");
    assert_eq!(object.conversation().turn.lease_until(), Some(until(&object, 1_800)));
}

#[test]
fn the_first_version_of_the_row_can_read_what_the_operator_did_and_this_one_in_full() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1");
    object.bot_answers(Outcome::Accepted);
    object.operate(Act::Take);
    object.operate(Act::Release);
    pauses(&mut object, 60);
    object.attempt = None;
    object.pass(2_000);
    let row = object.sql.query("SELECT body FROM event WHERE id = '' AND part = 0", vec![]).unwrap();
    let [SqlValue::Text(row)] = row[0].as_slice() else { panic!("{row:?}") };
    let row: Value = serde_json::from_str(row).unwrap();
    let causes: Vec<&str> =
        row["journal"].as_array().unwrap().iter().map(|step| step["cause"].as_str().unwrap()).collect();
    assert!(causes.iter().all(|cause| ["echo", "phrase", "unanswered"].contains(cause)), "{causes:?}");
    assert_eq!((&row["acts"], &row["pauses"]), (&json!([1, 2]), &json!([3, 4])));
    assert_eq!(
        steps(&object),
        [
            (Change::Takeover, Cause::Operator),
            (Change::Handback, Cause::Operator),
            (Change::Takeover, Cause::Paused),
            (Change::Handback, Cause::Paused),
        ]
    );
}

/// The keys of a document.
fn keys(document: &Value) -> Vec<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The keys that the description of the API gives a document.
fn described(name: &str) -> Vec<String> {
    let text = include_str!("../../web/public/api/v1/openapi.json");
    let api: Value = serde_json::from_str(text).unwrap();
    let properties = api["components"]["schemas"][name]["properties"].as_object().unwrap();
    let mut keys: Vec<String> = properties.keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn what_the_operator_is_told_is_what_the_api_describes() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1");
    says(&mut object, "e1", "hi");
    object.operate(Act::Take);
    let conversation = object.conversation();
    let context = Context { now: object.now, policy: &object.policy, draw: 0 };
    let entries = store::record(&object.sql).unwrap();
    let shown = json!(Shown::new(&object.name, &conversation, &entries, context));
    assert_eq!(keys(&shown), described("ConversationRecord"));
    assert_eq!(keys(&shown["events"][0]), described("Event"));
    assert_eq!((&shown["customer"], &shown["names"]), (&json!("15550109999"), &json!(["15550109999"])));
    assert_eq!(shown["hands_back_at_ms"], shown["lease_until_ms"]);
    assert_eq!(keys(&json!(ToldTurn::new(&conversation, true, context))), described("Turn"));
    let entry = entries.first();
    let explained = json!(Explained::new(&object.name, &conversation, &EventId::named("m1"), entry));
    assert_eq!(keys(&explained), described("Explanation"));
    let echo = json!(Explained::new(&object.name, &conversation, &EventId::named("e1"), None));
    assert_eq!(echo["event"]["class"], "echo");
    assert!(Explained::new(&object.name, &conversation, &EventId::named("never seen"), None).is_none());
}

#[test]
fn a_message_of_the_bots_is_explained_by_the_id_that_the_graph_api_gave_it() {
    let mut object = Object::new("{}");
    asks(&mut object, "m1");
    let Verdict::Go(begun_at) = object.asks_to_send(&reply("hi")) else { panic!("it goes out") };
    object.settle(&reply("hi"), begun_at, &SendEnd::Accepted { id: EventId::named("b1"), answer: None });
    object.operate(Act::Take);
    object.pass(5);
    object.was_sent("b2", Some(object.now));
    let of = |id: &str| json!(Explained::new(&object.name, &object.conversation(), &EventId::named(id), None));
    assert_eq!(of("b1")["send"]["state"], "accepted");
    assert!(of("b1")["explanation"].as_str().unwrap().contains("was let through at 2026-11-03"));
    assert!(of("b2")["explanation"].as_str().unwrap().contains("past the gate"), "{}", of("b2"));
}

#[test]
fn the_rules_are_tried_without_anything_happening() {
    const POLICY: &str = r#"{
        "rules": [{"name": "orders", "when": {"text": "order"}, "then": "bot", "bot": "orders"},
                  {"name": "vip", "when": {"text": "vip"}, "then": "human"}],
        "take_phrases": ["agent"], "burst_seconds": 5
    }"#;
    let policy = policy_of(POLICY);
    let now = UnixMillis::from_seconds(1_793_700_100);
    let due = now.after(Millis::from_seconds(5)).as_millis();
    let message = |id: &str, words: &str| ("300", "messages", text(CUSTOMER, id, words));
    let changes = vec![
        message("m1", "order"),
        message("m2", "vip"),
        ("300", "messages", status(CUSTOMER, "b1", "read")),
        ("300", "account_update", json!({ "event": "PARTNER_REMOVED" })),
        ("300", "smb_app_state_sync", address_book(CUSTOMER, "add", "Ana")),
        message("m3", "agent"),
        message("m4", "order"),
        ("300", "smb_message_echoes", echo(CUSTOMER, "e1", "hi")),
    ];
    let delivery = batch(changes).to_string();
    let events = webhook::read(delivery.as_bytes()).unwrap();
    for is_held in [false, true] {
        let context = Context { now, policy: &policy, draw: 0 };
        let tried = trial::try_all(&events, is_held, context);
        let told: Vec<Value> =
            events.iter().zip(tried).map(|(event, tried)| json!(TestedEvent::new(event, tried))).collect();
        let one = |at: usize| {
            let event = &told[at];
            assert_eq!(keys(event), described("TestedEvent"));
            let sentence = event["explanation"].as_str().unwrap();
            assert!(sentence.ends_with('.') && !sentence.contains("15550109999"), "{sentence}");
            json!([event["class"], event["state"], event["reason"], event["rule"], event["bot"], event["holder"]])
        };
        let (holder, held) = if is_held { ("human", true) } else { ("automation", false) };
        let order = |holder, held| {
            let (state, reason) = if held { ("withheld", "held_by_human") } else { ("waiting", "burst") };
            json!(["turn", state, reason, "orders", "orders", holder])
        };
        assert_eq!(one(0), order(holder, held));
        assert_eq!(told[0]["due_at_ms"], if held { Value::Null } else { json!(due) });
        assert_eq!(one(1), json!(["turn", "withheld", "for_person", "vip", null, holder]));
        assert_eq!(one(2), json!(["receipt", "waiting", null, null, null, holder]));
        assert_eq!(one(3)[0], "account");
        assert_eq!(one(4), json!(["contact", "withheld", "not_forwarded", null, null, holder]));
        assert_eq!(one(5), json!(["turn", "withheld", "asked_for_person", null, null, "human"]));
        assert_eq!(one(6), order("human", true), "after the customer has asked for a person");
        assert_eq!(one(7), json!(["echo", "withheld", "not_forwarded", null, null, "human"]));
    }
}
