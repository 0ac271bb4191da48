//! Promises 2 and 4 against a bot that is down, slow, confused or hostile: nothing is lost, the order stands, and one
//! conversation's trouble is nobody else's.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::bot::{Bot, Reaction, garbage_after, ok_after, status, with_header};
use crate::client::{Person, wamid};
use crate::common::meta::{self, delivery};
use crate::delivery::Delivery;
use crate::gate::{APP_SECRET, Gate, Options, common};

const LIMIT: Duration = Duration::from_secs(15);
/// How soon a conversation must be served while another one is in trouble.
const AT_ONCE: Duration = Duration::from_secs(3);

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Checks that these are attempts at one event: the same bytes under the same id, numbered without a gap.
fn are_attempts_at_one(attempts: &[Delivery]) {
    for (attempt, number) in attempts.iter().zip(1..) {
        assert_eq!(attempt.attempt(), number);
        assert_eq!(attempt.body, attempts[0].body, "the bytes changed");
        for header in ["webhook-id", "x-hub-signature-256", "x-baton-conversation", "x-baton-token"] {
            assert_eq!(attempt.header(header), attempts[0].header(header), "{header} changed");
        }
    }
}

fn is_served_at_once() {
    let common = common();
    let (other, id) = (Person::new(), wamid());
    let start = Instant::now();
    common.gate.text(other.both(), &id, "hello");
    let took = common.bot.wait_for(1, &id, LIMIT)[0].at.duration_since(start);
    assert!(took <= AT_ONCE, "another conversation waited for {took:?}");
}

#[test]
fn a_bot_that_was_down_gets_everything_late_and_in_order() {
    let bot = Bot::start(APP_SECRET);
    let gate =
        Gate::start(&bot, Options::with_policy(json!({ "retry_schedule_seconds": [0, 1, 1, 1, 2, 2, 2, 2, 2, 2] })));
    let people: Vec<Person> = (0..3).map(|_| Person::new()).collect();
    bot.go_down();
    let mut sent: Vec<Vec<String>> = vec![Vec::new(); people.len()];
    for number in 0..5 {
        for (person, sent) in people.iter().zip(&mut sent) {
            let id = wamid();
            gate.text(person.both(), &id, &format!("message {number} ñ 😀"));
            sent.push(id);
        }
    }
    // The attempts go on while the bot is down.
    let first = crate::client::eventually(LIMIT, "an attempt has failed and there was another", || {
        Some(gate.event(&people[0].phone, &sent[0][0])).filter(|event| event.attempts.number() >= 2)
    });
    assert_eq!(first.reason.as_deref(), Some("connection_lost"));
    assert!(
        gate.shown(&people[0].phone)
            .events
            .iter()
            .all(|event| ["waiting", "in_flight"].contains(&event.state.as_str()))
    );

    // Now it is up, and stumbles over the first two attempts at each customer's first message.
    for (person, sent) in people.iter().zip(&sent) {
        let (first, mut attempts) = (sent[0].clone(), 0);
        bot.on(&person.phone, move |delivery| {
            attempts += u32::from(delivery.wamid() == first);
            if attempts == 1 {
                Reaction::Reset
            } else if attempts == 2 {
                status(500)
            } else {
                status(200)
            }
        });
    }
    bot.come_up();
    for (person, sent) in people.iter().zip(&sent) {
        gate.wait_for_state(&person.phone, sent.last().unwrap(), "delivered", LIMIT);
        let got = bot.deliveries(&person.phone);
        let order: Vec<String> = got.iter().map(Delivery::wamid).collect();
        let first = &sent[0];
        let mut expected = vec![first.clone(), first.clone()];
        expected.extend(sent.iter().cloned());
        assert_eq!(order, expected);
        // The attempts that nobody answered have counted too.
        let numbers: Vec<u32> = got[..3].iter().map(Delivery::attempt).collect();
        assert!(numbers[0] >= 2 && numbers[1] == numbers[0] + 1 && numbers[2] == numbers[1] + 1, "{numbers:?}");
        for attempt in &got[..3] {
            assert_eq!(attempt.body, got[0].body);
            assert_eq!(attempt.header("webhook-id"), got[0].header("webhook-id"));
        }
        assert!(got[3..].iter().all(|delivery| delivery.attempt() == 1), "each of the others was needed once");
    }
}

#[test]
fn a_bot_that_answers_500_or_nonsense_is_asked_again_with_the_same_bytes() {
    let common = common();
    let (person, first, second) = (Person::new(), wamid(), wamid());
    let mut attempts = 0;
    common.bot.on(&first, move |_| {
        attempts += 1;
        [status(500), status(404), Reaction::Reset, garbage_after(Duration::ZERO), status(200)][attempts - 1].clone()
    });
    common.gate.text(person.both(), &first, "uno");
    common.gate.text(person.both(), &second, "dos");
    is_served_at_once();
    common.bot.wait_for(1, &second, LIMIT);
    let got = common.bot.deliveries(&person.phone);
    assert_eq!(got.len(), 6, "five attempts at the first message, then one at the second");
    are_attempts_at_one(&got[..5]);
    assert_eq!(got[5].wamid(), second);
    let event = common.gate.wait_for_state(&person.phone, &first, "delivered", LIMIT);
    assert_eq!((event.attempts.number(), event.reason), (5, None));
}

#[test]
fn a_bot_that_says_429_is_left_alone_for_a_minute_though_it_asks_for_a_second() {
    let common = common();
    let (person, id) = (Person::new(), wamid());
    common.bot.on(&id, |_| with_header(429, "retry-after", "1"));
    common.gate.text(person.both(), &id, "hello");
    common.bot.wait_for(1, &id, LIMIT);
    let event = common.gate.wait_for_state(&person.phone, &id, "waiting", LIMIT);
    assert_eq!(event.reason.as_deref(), Some("status_429"));
    let wait = event.due_at_ms.unwrap().as_millis().saturating_sub(now_ms());
    assert!((50_000..=130_000).contains(&wait), "the next attempt is due in {wait} ms");
    is_served_at_once();
    thread::sleep(Duration::from_secs(5));
    assert_eq!(common.bot.deliveries(&id).len(), 1);
}

#[test]
fn a_redirect_is_not_followed() {
    let common = common();
    let elsewhere = Bot::start(APP_SECRET);
    let target = elsewhere.url();
    for code in [301, 302, 303, 307, 308] {
        let (person, id) = (Person::new(), wamid());
        let (target, mut attempts) = (target.clone(), 0);
        common.bot.on(&id, move |_| {
            attempts += 1;
            if attempts < 3 { with_header(code, "location", target.clone()) } else { status(200) }
        });
        common.gate.text(person.both(), &id, "hello");
        common.bot.wait_for(1, &id, LIMIT);
        let event = common.gate.wait_for_state(&person.phone, &id, "waiting", LIMIT);
        assert_eq!(event.reason, Some(format!("status_{code}")));
        let got = common.bot.wait_for(3, &id, LIMIT);
        are_attempts_at_one(&got);
        assert!(got.iter().all(|delivery| delivery.line.starts_with("POST ")));
        common.gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
    }
    assert!(elsewhere.deliveries("").is_empty(), "a customer's message went to an address that nobody configured");
}

#[test]
fn a_bot_that_never_answers_is_given_up_on_after_15_s_and_holds_nobody_else_up() {
    let common = common();
    let (person, id, behind) = (Person::new(), wamid(), wamid());
    common.bot.on(&id, |_| Reaction::Never);
    common.gate.text(person.both(), &id, "hello");
    common.gate.text(person.both(), &behind, "hello?");
    common.bot.wait_for(1, &id, LIMIT);
    for _ in 0..3 {
        is_served_at_once();
    }
    assert_eq!(common.gate.fate(&person.phone, &id).0, "in_flight");
    let event = common.gate.wait_for_state(&person.phone, &id, "waiting", Duration::from_secs(25));
    assert_eq!(event.reason.as_deref(), Some("timed_out"));
    let wait = event.due_at_ms.unwrap().as_millis().saturating_sub(now_ms());
    assert!((50_000..=75_000).contains(&wait), "the next attempt is due in {wait} ms");
    let waited = crate::client::eventually(LIMIT, "the gate closes the connection", || common.bot.abandoned(&id).pop());
    println!("an unanswered attempt was given up after {waited:?}");
    assert!((Duration::from_millis(14_500)..Duration::from_secs(20)).contains(&waited), "{waited:?}");
    assert!(common.bot.deliveries(&behind).is_empty(), "what is behind it waits");
    assert_eq!(common.gate.fate(&person.phone, &behind).0, "waiting");
}

#[test]
fn a_bot_that_hangs_while_a_person_takes_over_is_not_asked_again() {
    let common = common();
    let (person, id) = (Person::new(), wamid());
    common.bot.on(&id, |_| Reaction::Never);
    common.gate.text(person.both(), &id, "hello");
    common.bot.wait_for(1, &id, LIMIT);
    common.gate.echo(person.both());
    let held = common.gate.asks(person.both());
    assert_eq!(common.gate.fate(&person.phone, &id).0, "in_flight", "what has started cannot be called back");
    let event = common.gate.wait_for_state(&person.phone, &id, "withheld", Duration::from_secs(25));
    assert_eq!(event.reason.as_deref(), Some("taken_over"));
    thread::sleep(Duration::from_secs(3));
    assert_eq!(common.bot.deliveries(&person.phone).len(), 1);
    assert_eq!(common.gate.fate(&person.phone, &held), ("withheld".to_owned(), Some("held_by_human".to_owned())));
}

#[test]
fn a_400_is_final_for_a_receipt_and_not_for_a_message() {
    let common = common();
    let (person, receipt, message) = (Person::new(), wamid(), wamid());
    let mut attempts = 0;
    common.bot.on(&message, move |_| {
        attempts += 1;
        if attempts == 1 { status(400) } else { status(200) }
    });
    common.bot.on(&receipt, |_| status(400));
    common.gate.deliver(&delivery("messages", meta::status(person.both(), &receipt, "read")));
    common.gate.text(person.both(), &message, "hello");
    let got = common.bot.wait_for(2, &message, LIMIT);
    are_attempts_at_one(&got);
    common.gate.wait_for_state(&person.phone, &message, "delivered", LIMIT);
    assert_eq!(common.bot.deliveries(&receipt).len(), 1, "a receipt that the bot refuses is not offered again");
    // A status has no id of its own on Meta's wire, so the operator finds it by its state.
    let dead = crate::client::eventually(LIMIT, "the receipt is dead", || {
        common.gate.shown(&person.phone).events.into_iter().find(|event| event.state == "dead")
    });
    assert_eq!((dead.reason.as_deref(), dead.attempts.number()), (Some("status_400"), 1));
}

#[test]
fn an_answer_of_10_mb_is_cut_off() {
    const ANSWER: usize = 10 * 1_024 * 1_024;
    let common = common();
    let (person, id, behind) = (Person::new(), wamid(), wamid());
    common.bot.on(&id, |_| Reaction::Answer { status: 200, headers: Vec::new(), after: Duration::ZERO, bytes: ANSWER });
    common.gate.text(person.both(), &id, "hello");
    common.gate.text(person.both(), &behind, "hello?");
    common.bot.wait_for(1, &behind, LIMIT);
    common.gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
    let taken = crate::client::eventually(LIMIT, "the gate stops reading", || common.bot.cut_off(&id).pop());
    // The two sockets hold a few megabytes by themselves.
    println!("of an answer of {ANSWER} bytes {taken} left the bot");
    assert!(taken < ANSWER);
}

#[test]
fn within_a_conversation_the_order_stands_under_any_delay() {
    let common = common();
    let person = Person::new();
    // A fixed sequence that looks random: a failure can be repeated.
    let mut state = 12_345_u64;
    common.bot.on(&person.phone, move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ok_after(Duration::from_millis((state >> 33) % 120))
    });
    let ids: Vec<String> = (0..20).map(|_| wamid()).collect();
    for (number, id) in ids.iter().enumerate() {
        common.gate.text(person.both(), id, &format!("message {number}"));
    }
    common.bot.wait_for(20, &person.phone, Duration::from_secs(30));
    common.gate.wait_for_state(&person.phone, ids.last().unwrap(), "delivered", LIMIT);
    let got = common.bot.deliveries(&person.phone);
    assert_eq!(got.iter().map(Delivery::wamid).collect::<Vec<_>>(), ids);
}
