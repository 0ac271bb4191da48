//! Promise 1: from the moment the gate knows that a person has spoken, the bot gets nothing of that conversation.

use std::thread;
use std::time::{Duration, Instant};

use baton::command::HolderName;
use serde_json::json;

use crate::bot::ok_after;
use crate::client::{Person, wamid};
use crate::common::meta::{Customer, LINE};
use crate::gate::common;

/// What the issue promises for a conversation beside one that a person holds.
const OTHERS_WITHIN: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(10);
/// How long a test watches a bot that must get nothing. An undisturbed delivery takes a tenth of it.
const WATCH: Duration = Duration::from_millis(1_500);

fn withheld(reason: &str) -> (String, Option<String>) {
    ("withheld".to_owned(), Some(reason.to_owned()))
}

#[test]
fn while_a_person_holds_the_bot_gets_nothing_and_another_customer_is_served_within_250_ms() {
    let common = common();
    let held = Person::new();
    common.gate.echo(held.both());
    let message = wamid();
    common.gate.text(held.both(), &message, "hello?");

    let mut spans: Vec<Duration> = (0..20)
        .map(|_| {
            let (other, wamid) = (Person::new(), wamid());
            let start = Instant::now();
            common.gate.text(other.both(), &wamid, "do you have this in blue?");
            common.bot.wait_for(1, &wamid, LIMIT)[0].at.duration_since(start)
        })
        .collect();
    spans.sort();
    let median = spans[spans.len() / 2];
    println!("another customer's first message reached the bot after {median:?} (median), {:?} (worst)", spans[19]);
    assert!(median <= OTHERS_WITHIN, "{spans:?}");

    thread::sleep(WATCH);
    assert!(common.bot.deliveries(&held.phone).is_empty(), "the bot was told of a conversation that a person holds");
    let shown = common.gate.shown(&held.phone);
    assert_eq!(shown.holder, HolderName::Human);
    assert!(shown.lease_until_ms.is_some());
    assert_eq!(shown.token.number(), 1);
    assert_eq!(common.gate.fate(&held.phone, &message), withheld("held_by_human"));
}

#[test]
fn all_kinds_of_messages_are_withheld_while_receipts_still_reach_the_bot() {
    use crate::common::meta::{delivery, ghost, message, status};
    let common = common();
    let person = Person::new();
    common.gate.echo(person.both());
    let kinds = [
        ("image", json!({ "image": { "id": "1" } })),
        ("reaction", json!({ "reaction": { "message_id": "wamid.x", "emoji": "👍" } })),
        (
            "interactive",
            json!({ "interactive": { "type": "button_reply", "button_reply": { "id": "a", "title": "A" } } }),
        ),
        ("system", json!({ "system": { "type": "user_changed_number" } })),
        ("a_kind_of_tomorrow", json!({ "a_kind_of_tomorrow": {} })),
    ];
    let mut ids = Vec::new();
    for (kind, more) in kinds {
        ids.push(wamid());
        common.gate.deliver(&delivery("messages", message(person.both(), ids.last().unwrap(), kind, more)));
    }
    ids.push(wamid());
    common.gate.deliver(&delivery("messages", ghost(person.both(), ids.last().unwrap())));
    let read = wamid();
    common.gate.deliver(&delivery("messages", status(person.both(), &read, "read")));
    common.bot.wait_for(1, &read, LIMIT);
    thread::sleep(WATCH);
    assert_eq!(common.bot.deliveries(&person.phone).len(), 1, "the receipt and nothing else");
    for id in ids {
        assert_eq!(common.gate.fate(&person.phone, &id), withheld("held_by_human"));
    }
}

/// Takes the baton by one name and checks that the lock holds under every name.
fn one_lock(before: Option<fn(&Person) -> Customer<'_>>, echo: fn(&Person) -> Customer<'_>) {
    let common = common();
    let person = Person::new();
    if let Some(name) = before {
        let wamid = wamid();
        common.gate.text(name(&person), &wamid, "hello");
        common.bot.wait_for(1, &wamid, LIMIT);
    }
    common.gate.echo(echo(&person));
    let mut ids = Vec::new();
    for name in [Person::both, Person::by_phone, Person::by_bsuid] {
        let wamid = wamid();
        common.gate.text(name(&person), &wamid, "hello?");
        ids.push(wamid);
    }
    thread::sleep(WATCH);
    let by_phone = common.gate.shown(&person.phone);
    let by_bsuid = common.gate.shown(&person.bsuid);
    assert_eq!(by_phone.conversation, by_bsuid.conversation, "two names, two conversations");
    for id in ids {
        assert!(common.bot.deliveries(&id).is_empty(), "{id} reached the bot");
        assert_eq!(common.gate.fate(&person.bsuid, &id), withheld("held_by_human"), "{id}");
    }
    assert_eq!(common.gate.shown_at(LINE, &person.phone).unwrap().holder, HolderName::Human);
}

#[test]
fn an_echo_by_phone_number_locks_the_customer_of_the_user_id() {
    one_lock(None, Person::by_phone);
}

#[test]
fn an_echo_by_user_id_locks_the_customer_of_the_phone_number() {
    one_lock(None, Person::by_bsuid);
}

#[test]
fn a_customer_who_was_met_by_phone_number_is_locked_by_an_echo_with_both_names() {
    one_lock(Some(Person::by_phone), Person::both);
}

#[test]
fn a_customer_who_was_met_by_user_id_is_locked_by_an_echo_with_both_names() {
    one_lock(Some(Person::by_bsuid), Person::both);
}

#[test]
fn an_echo_by_phone_number_locks_a_customer_who_was_met_with_both_names() {
    one_lock(Some(Person::both), Person::by_phone);
}

#[test]
fn names_that_meet_at_the_same_moment_are_still_one_lock() {
    let common = common();
    for _ in 0..5 {
        let person = Person::new();
        let ids: Vec<String> = (0..6).map(|_| wamid()).collect();
        thread::scope(|scope| {
            scope.spawn(|| common.gate.echo(person.by_phone()));
            for (number, id) in ids.iter().enumerate() {
                let name = [Person::both, Person::by_bsuid, Person::by_phone][number % 3];
                let person = &person;
                scope.spawn(move || common.gate.text(name(person), id, "hello"));
            }
        });
        // Whatever came before the echo may have reached the bot; from now on nothing does, under any name.
        let late: Vec<String> = [Person::both, Person::by_bsuid, Person::by_phone]
            .into_iter()
            .map(|name| {
                let wamid = wamid();
                common.gate.text(name(&person), &wamid, "still there?");
                wamid
            })
            .collect();
        thread::sleep(WATCH / 2);
        for id in &late {
            assert!(common.bot.deliveries(id).is_empty(), "{id} reached the bot");
            assert_eq!(common.gate.fate(&person.phone, id), withheld("held_by_human"));
        }
        for id in &ids {
            assert!(common.bot.deliveries(id).len() <= 1, "{id} reached the bot twice");
        }
    }
}

#[test]
fn what_waits_behind_a_thinking_bot_is_withheld_when_a_person_speaks() {
    let common = common();
    let person = Person::new();
    common.bot.on(&person.phone, |_| ok_after(Duration::from_secs(2)));
    let (first, second) = (wamid(), wamid());
    common.gate.text(person.both(), &first, "hello");
    common.bot.wait_for(1, &first, LIMIT);
    common.gate.text(person.both(), &second, "are you there?");
    common.gate.echo(person.both());
    assert_eq!(common.gate.fate(&person.phone, &second), withheld("taken_over"));
    common.gate.wait_for_state(&person.phone, &first, "delivered", LIMIT);
    thread::sleep(WATCH);
    assert_eq!(common.bot.deliveries(&person.phone).len(), 1, "the bot was given what a person had taken over");
}
