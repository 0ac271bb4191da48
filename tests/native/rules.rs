//! Rules, human first, the stale guard, and several bots: whose a message is, and by which rule.

use baton::conversation::Alert;
use baton::ids::EventId;
use baton::outbox::outcome::Outcome;
use serde_json::{Value, json};

use crate::common::meta::{Customer, delivery, echo, ghost, message, status, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

fn asks(object: &mut Object, id: &str, words: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, words)));
}

fn rule_of(object: &Object, id: &str) -> Option<String> {
    let known = baton::store::table::known(&object.sql, [&EventId::named(id)]).unwrap();
    known.into_values().next()?.note.rule.map(|rule| rule.as_str().to_owned())
}

/// A policy with one rule.
fn one(when: &str, then: &str) -> String {
    format!(r#"{{"rules": [{{"name": "the rule", "when": {when}, "then": {then}}}]}}"#)
}

#[test]
fn a_message_is_whose_the_first_matching_rule_says() {
    for (then, state, reason) in [
        (r#""bot""#, "in_flight", None),
        (r#""human""#, "withheld", Some("for_person")),
        (r#""ignore""#, "withheld", Some("ignored")),
        (r#""human_first", "human_first_seconds": 60"#, "waiting", Some("human_first")),
    ] {
        let mut object = Object::new(&one(r#"{"text": [{"contains": "order"}]}"#, then));
        asks(&mut object, "m1", "Where is my ORDER?");
        let fate = object.fate("m1").unwrap();
        assert_eq!((fate.0.as_str(), fate.1.as_deref()), (state, reason), "{then}");
        assert_eq!(rule_of(&object, "m1").as_deref(), Some("the rule"), "{then}");
        asks(&mut object, "m2", "something else");
        assert_eq!(rule_of(&object, "m2"), None, "{then}");
    }
}

#[test]
fn a_rule_sees_everything_that_a_message_says_of_itself() {
    let interactive = |reply: Value| message(CUSTOMER, "m1", "interactive", json!({ "interactive": reply }));
    let referral = json!({ "source_type": "ad", "source_id": "1" });
    for (when, value) in [
        (r#"{"kind": ["image"]}"#, message(CUSTOMER, "m1", "image", json!({ "image": { "id": "1" } }))),
        (r#"{"text": "hello"}"#, text(CUSTOMER, "m1", " Hello ")),
        (r#"{"text": {"prefix": "where"}}"#, text(CUSTOMER, "m1", "Where are you?")),
        (r#"{"text": {"regex": "^[0-9]{4}$"}}"#, text(CUSTOMER, "m1", "1234")),
        (r#"{"customer": ["+15550109999"]}"#, text(CUSTOMER, "m1", "x")),
        (r#"{"customer": ["US.1"]}"#, text(CUSTOMER, "m1", "x")),
        (r#"{"country": ["1555"]}"#, text(CUSTOMER, "m1", "x")),
        (r#"{"line": ["300000000000001"]}"#, text(CUSTOMER, "m1", "x")),
        (
            r#"{"reply_id": ["yes"]}"#,
            interactive(json!({ "type": "button_reply", "button_reply": { "id": "yes", "title": "Y" } })),
        ),
        (
            r#"{"reply_id": [{"prefix": "size-"}]}"#,
            interactive(json!({ "type": "list_reply", "list_reply": { "id": "size-xl", "title": "XL" } })),
        ),
        (
            r#"{"reply_id": ["stop"]}"#,
            message(CUSTOMER, "m1", "button", json!({ "button": { "payload": "stop", "text": "Stop" } })),
        ),
        (
            r#"{"referral": true}"#,
            message(CUSTOMER, "m1", "text", json!({ "text": { "body": "hi" }, "referral": referral })),
        ),
        (r#"{"kind": ["unsupported"]}"#, ghost(CUSTOMER, "m1")),
    ] {
        let mut object = Object::new(&one(when, r#""ignore""#));
        object.receive(&delivery("messages", value));
        assert_eq!(object.fate("m1").unwrap().1.as_deref(), Some("ignored"), "{when}");
        let mut object = Object::new(&one(when, r#""ignore""#));
        object.receive(&delivery(
            "messages",
            message(Customer { phone: Some("49301"), bsuid: None }, "m1", "audio", json!({ "audio": { "id": "1" } })),
        ));
        assert_eq!(object.fate("m1").unwrap().1.is_none(), when != r#"{"line": ["300000000000001"]}"#, "{when}");
    }
}

#[test]
fn a_marker_in_the_phones_address_book_decides_until_it_is_gone() {
    let contact = |action: &str, name: &str| {
        let contact = json!({ "full_name": name, "phone_number": "15550109999", "user_id": "US.1" });
        let item = json!({ "type": "contact", "contact": contact, "action": action, "metadata": { "timestamp": "1793700030" } });
        delivery("smb_app_state_sync", json!({ "state_sync": [item] }))
    };
    let mut object = Object::new(&one(r#"{"contact": ["(family)", "VIP"]}"#, r#""human""#));
    object.receive(&contact("add", "Ana"));
    assert!(!baton::store::schema::exists(&object.sql).unwrap(), "a name without a marker leaves no trace at all");
    asks(&mut object, "m1", "hello");
    object.bot_answers(Outcome::Accepted);
    for (number, (action, name, withheld)) in
        [("add", "Ana (family)", true), ("add", "Ana", false), ("add", "vip Ana", true), ("remove", "", false)]
            .into_iter()
            .enumerate()
    {
        object.receive(&contact(action, name));
        let id = format!("n{number}");
        asks(&mut object, &id, "hello");
        assert_eq!(object.fate(&id).unwrap().0 == "withheld", withheld, "{action} {name}");
        if object.attempt.is_some() {
            object.bot_answers(Outcome::Accepted);
        }
    }
    assert_eq!(object.conversation().contact, None);
}

#[test]
fn a_person_may_answer_first() {
    const POLICY: &str = r#"{"human_first_seconds": 60}"#;
    let mut object = Object::new(POLICY);
    asks(&mut object, "m1", "hello");
    object.pass(59);
    assert!(object.attempt.is_none());
    object.pass(1);
    assert_eq!(object.bot_gets_ids(1), ["m1"], "nobody came");

    let mut object = Object::new(POLICY);
    asks(&mut object, "m1", "hello");
    object.pass(30);
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi there")));
    assert_eq!(object.fate("m1").unwrap().1.as_deref(), Some("taken_over"));
    assert_eq!(object.bot_gets_ids(7_200), [] as [&str; 0], "the person answered");
}

#[test]
fn outside_opening_hours_nobody_is_waited_for() {
    // The test's clock stands at 2026-11-03, a Tuesday, 10:01:40 UTC.
    for (hours, waits) in [
        (r#"{"time_zone": "Europe/London", "tuesday": ["09:00-18:00"]}"#, true),
        (r#"{"time_zone": "Europe/London", "tuesday": ["11:00-18:00"]}"#, false),
        (r#"{"time_zone": "Asia/Tokyo", "tuesday": ["09:00-18:00"]}"#, false),
        (r#"{"time_zone": "Asia/Tokyo", "tuesday": ["19:00-20:00"]}"#, true),
    ] {
        let mut object = Object::new(&format!(r#"{{"human_first_seconds": 60, "opening_hours": {hours}}}"#));
        asks(&mut object, "m1", "hello");
        assert_eq!(object.attempt.is_none(), waits, "{hours}");
        let rule = r#"{"name": "closed", "when": {"opening_hours": "outside"}, "then": "ignore"}"#;
        let mut object = Object::new(&format!(r#"{{"opening_hours": {hours}, "rules": [{rule}]}}"#));
        asks(&mut object, "m1", "hello");
        assert_eq!(object.attempt.is_some(), waits, "{hours}");
    }
}

#[test]
fn what_is_a_persons_by_rule_never_reaches_the_bot_and_the_owner_is_warned() {
    let mut object = Object::new(&one(r#"{"customer": ["15550109999"]}"#, r#""human""#));
    asks(&mut object, "m1", "hello");
    asks(&mut object, "m2", "hello?");
    object.pass(599);
    assert_eq!(object.alerts, []);
    object.pass(1);
    assert_eq!(object.alerts, [Alert::CustomerUnanswered]);
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi")));
    asks(&mut object, "m3", "and?");
    assert_eq!(object.bot_gets_ids(86_400), [] as [&str; 0], "not after the hold either");
    assert_eq!(object.alerts, [Alert::CustomerUnanswered, Alert::CustomerUnanswered], "each wait is told once");
}

#[test]
fn what_is_old_on_arrival_is_a_persons() {
    // The samples are 100 s old when they arrive.
    for (stale_after, kind, stale) in
        [(99, "text", true), (100, "text", false), (0, "text", false), (99, "status", false)]
    {
        let mut object = Object::new(&format!(r#"{{"stale_after_seconds": {stale_after}}}"#));
        match kind {
            "status" => object.receive(&delivery("messages", status(CUSTOMER, "m1", "read"))),
            _ => object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello"))),
        };
        let withheld = object.fate("m1").is_some_and(|(_, reason)| reason.as_deref() == Some("stale"));
        assert_eq!(withheld, stale, "{stale_after} {kind}");
        assert_eq!(object.conversation().waiting.is_some(), stale, "{stale_after} {kind}");
        if stale {
            assert_eq!(object.bot_gets_ids(86_400), [] as [&str; 0]);
            assert_eq!(object.alerts, [Alert::CustomerUnanswered]);
        }
    }
}

#[test]
fn each_bot_has_its_own_order_and_its_own_retries() {
    let mut object = Object::new(
        r#"{"retry_schedule_seconds": [0, 60, 60], "rules": [
            {"name": "orders", "when": {"text": {"contains": "order"}}, "then": "bot", "bot": "orders"},
            {"name": "support", "when": {"text": {"contains": "help"}}, "then": "bot", "bot": "support"}]}"#,
    );
    asks(&mut object, "o1", "my order");
    asks(&mut object, "s1", "help");
    asks(&mut object, "d1", "hello");
    asks(&mut object, "o2", "my other order");
    let under_way = |object: &Object| {
        let others = object.others.iter().map(|(bot, (attempt, _))| format!("{bot}:{}", attempt.id.as_str()));
        let own = object.attempt.iter().map(|(attempt, _)| format!("default:{}", attempt.id.as_str()));
        others.chain(own).collect::<Vec<_>>()
    };
    assert_eq!(under_way(&object), ["orders:o1", "support:s1", "default:d1"], "none waits for another bot's");
    // One bot is down; the others go on.
    let (orders, _) = object.others.remove("orders").unwrap();
    object.finish(&orders, Outcome::Retryable { status: 500 });
    let (support, _) = object.others.remove("support").unwrap();
    object.finish(&support, Outcome::Accepted);
    asks(&mut object, "s2", "help again");
    assert_eq!(under_way(&object), ["support:s2", "default:d1"], "o2 waits behind o1, s2 for nobody");
    assert_eq!(orders.bot.as_ref().unwrap().as_str(), "orders");
    // A person who takes the baton takes it from all of them.
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi")));
    for id in ["o1", "o2"] {
        assert_eq!(object.fate(id).unwrap().1.as_deref(), Some("taken_over"), "{id}");
    }
}

#[test]
fn an_event_for_a_bot_that_is_gone_is_kept() {
    let mut object = Object::new(
        r#"{"retry_schedule_seconds": [0, 60], "rules": [{"name": "orders", "then": "bot", "bot": "orders"}]}"#,
    );
    asks(&mut object, "o1", "my order");
    let (attempt, _) = object.others.remove("orders").unwrap();
    object.finish(&attempt, Outcome::NoSuchBot);
    assert_eq!(object.fate("o1"), Some(("waiting".to_owned(), Some("no_such_bot".to_owned()))));
    object.pass(62);
    let (attempt, _) = object.others.remove("orders").unwrap();
    object.finish(&attempt, Outcome::NoSuchBot);
    assert_eq!(object.fate("o1"), Some(("dead".to_owned(), Some("no_such_bot".to_owned()))));
    assert!(object.body("o1").is_some());
}
