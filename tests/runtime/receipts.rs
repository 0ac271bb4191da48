//! Receipts (`sent`, `delivered`, `read`) go straight to the bot and leave no trace where it takes them at once; where
//! it does not, they are stored before Meta is answered, and end like everything else. Neither do messages wait for
//! receipts nor receipts for messages.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bot::{Bot, Reaction, ok_after, status};
use crate::client::{Person, eventually, wamid};
use crate::common::meta::{self, LINE, batch, delivery};
use crate::delivery::Delivery;
use crate::gate::{APP_SECRET, Gate, Options, common};

const LIMIT: Duration = Duration::from_secs(15);
/// How long a test watches for what must not come.
const WATCH: Duration = Duration::from_millis(1_500);

fn receipt(person: &Person, wamid: &str, kind: &str) -> Value {
    delivery("messages", meta::status(person.both(), wamid, kind))
}

/// State, reason and attempts of the one event of a customer. A status has no id of its own on Meta's wire.
fn only_event(gate: &Gate, person: &Person) -> (String, Option<String>, u32) {
    let shown = gate.shown(&person.phone);
    assert_eq!(shown.events.len(), 1, "{shown:#?}");
    let event = shown.events.into_iter().next().unwrap();
    (event.state, event.reason, event.attempts.number())
}

#[test]
fn receipts_that_the_bot_takes_at_once_leave_no_row_and_are_not_repeated() {
    let common = common();
    let kind =
        |delivery: &Delivery| delivery.json()["entry"][0]["changes"][0]["value"]["statuses"][0]["status"].clone();
    // On a machine that stalls the bot's answer may be late, and then the receipt is rightly stored: another customer.
    for _ in 0..10 {
        let (person, id) = (Person::new(), wamid());
        for kind in ["sent", "delivered", "read"] {
            common.gate.deliver(&receipt(&person, &id, kind));
        }
        if common.gate.shown_at(LINE, &person.phone).is_some() {
            continue;
        }
        for kind in ["read", "delivered", "sent"] {
            common.gate.deliver(&receipt(&person, &id, kind));
        }
        thread::sleep(WATCH);
        let got = common.bot.deliveries(&id);
        assert_eq!(got.iter().map(kind).collect::<Vec<_>>(), ["sent", "delivered", "read"]);
        assert!(got.iter().all(|delivery| delivery.attempt() == 1));
        assert!(common.gate.shown_at(LINE, &person.phone).is_none(), "a receipt was stored");
        return;
    }
    panic!("each receipt was stored");
}

#[test]
fn a_receipt_that_a_slow_bot_has_taken_is_recognised_when_meta_repeats_it() {
    let common = common();
    let (person, id) = (Person::new(), wamid());
    common.bot.on(&id, |_| ok_after(Duration::from_secs(1)));
    let read = receipt(&person, &id, "read");
    common.gate.deliver(&read);
    eventually(LIMIT, "the receipt is delivered", || {
        (only_event(&common.gate, &person).0 == "delivered").then_some(())
    });
    for _ in 0..2 {
        common.gate.deliver(&read);
    }
    thread::sleep(WATCH);
    assert_eq!(common.bot.deliveries(&id).len(), 1, "the gate had stored it and knew that the bot had it");
}

#[test]
fn a_receipt_that_comes_from_several_sides_at_once_has_the_same_bytes_and_the_same_id() {
    let common = common();
    let (person, id) = (Person::new(), wamid());
    let read = receipt(&person, &id, "read");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| common.gate.deliver(&read));
        }
    });
    thread::sleep(WATCH);
    let got = common.bot.deliveries(&id);
    assert!((1..=4).contains(&got.len()));
    for delivery in &got {
        assert_eq!(delivery.body, got[0].body);
        assert_eq!(delivery.header("webhook-id"), got[0].header("webhook-id"));
    }
}

#[test]
fn a_slow_bot_gets_a_receipt_once_and_meta_does_not_wait_for_it() {
    let common = common();
    let (person, id) = (Person::new(), wamid());
    common.bot.on(&id, |_| ok_after(Duration::from_secs(4)));
    let start = Instant::now();
    common.gate.deliver(&receipt(&person, &id, "read"));
    let acknowledged = start.elapsed();
    println!("a receipt that the bot thinks over for 4 s: 200 after {acknowledged:?}");
    assert!(acknowledged < Duration::from_secs(3), "Meta waited for {acknowledged:?}");
    assert_eq!(only_event(&common.gate, &person).0, "in_flight", "what Meta was told 200 for is stored");
    eventually(LIMIT, "the receipt is delivered", || {
        (only_event(&common.gate, &person).0 == "delivered").then_some(())
    });
    thread::sleep(WATCH);
    assert_eq!(common.bot.deliveries(&id).len(), 1);
}

#[test]
fn a_receipt_that_fails_is_offered_again_and_messages_do_not_wait_for_it() {
    let common = common();
    let (person, id, message) = (Person::new(), wamid(), wamid());
    let mut attempts = 0;
    common.bot.on(&id, move |_| {
        attempts += 1;
        [status(500), Reaction::Reset, status(503), status(200)][attempts - 1].clone()
    });
    common.gate.deliver(&receipt(&person, &id, "read"));
    common.gate.text(person.both(), &message, "hello");
    common.bot.wait_for(1, &message, LIMIT);
    assert!(common.bot.deliveries(&id).len() < 4, "the message has waited for the receipt");
    let got = common.bot.wait_for(4, &id, LIMIT);
    for (delivery, number) in got.iter().zip(1..) {
        assert_eq!(delivery.attempt(), number);
        assert_eq!(delivery.body, got[0].body);
        assert_eq!(delivery.header("webhook-id"), got[0].header("webhook-id"));
    }
    eventually(LIMIT, "the receipt is delivered", || {
        common.gate.shown(&person.phone).events.iter().all(|event| event.state == "delivered").then_some(())
    });
}

#[test]
fn a_receipt_does_not_wait_for_a_message_that_the_bot_refuses() {
    let common = common();
    let (person, id, message) = (Person::new(), wamid(), wamid());
    common.bot.on(&message, |_| status(429));
    common.gate.text(person.both(), &message, "hello");
    common.gate.wait_for_state(&person.phone, &message, "waiting", LIMIT);
    // More receipts than go straight: these take the way through the outbox.
    let ids: Vec<String> = (0..8).map(|_| wamid()).collect();
    let statuses = ids.iter().map(|id| (LINE, "messages", meta::status(person.both(), id, "delivered"))).collect();
    common.gate.deliver(&batch(statuses));
    common.gate.deliver(&receipt(&person, &id, "read"));
    for id in ids.iter().chain([&id]) {
        assert_eq!(common.bot.wait_for(1, id, LIMIT).len(), 1);
    }
    assert_eq!(common.bot.deliveries(&message).len(), 1);
}

#[test]
fn receipts_that_a_bot_that_is_down_could_not_take_outlive_a_kill() {
    let bot = Bot::start(APP_SECRET);
    let policy = serde_json::json!({ "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
    let mut gate = Gate::start(&bot, Options::with_policy(policy));
    bot.on("", |_| Reaction::Never);
    let slow: Vec<(Person, String)> = (0..3).map(|_| (Person::new(), wamid())).collect();
    for (person, id) in &slow {
        gate.deliver(&receipt(person, id, "read"));
    }
    bot.go_down();
    let down: Vec<(Person, String)> = (0..3).map(|_| (Person::new(), wamid())).collect();
    for (person, id) in &down {
        gate.deliver(&receipt(person, id, "read"));
    }
    gate.kill();
    bot.behave();
    bot.come_up();
    gate.restart();
    for (person, id) in slow.iter().chain(&down) {
        eventually(Duration::from_secs(45), "the receipt is delivered", || {
            (only_event(&gate, person).0 == "delivered").then_some(())
        });
        assert!(!bot.deliveries(id).is_empty(), "{id} is called delivered, but never was");
    }
    for (_, id) in &down {
        assert_eq!(bot.deliveries(id).len(), 1);
    }
}
