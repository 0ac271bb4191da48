//! Promise 5: every hold ends by itself, and a customer whom nobody has answered gets the bot.
//!
//! The times of the policy are seconds here. What a test expects to be earlier than something else it compares by the
//! gate's own journal; how long something may take at most is generous, because the machine does other work too.
//!
//! Nobody sends anything while a hold ends: it must come from the conversation's alarm.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use baton::command::{HolderName, Shown};
use baton::ids::EventId;
use serde_json::{Value, json};

use crate::bot::{Bot, Reaction, garbage_after, ok_after};
use crate::client::{Person, eventually, wamid};
use crate::common::meta::{delivery, echo_revoke};
use crate::delivery::Delivery;
use crate::gate::{APP_SECRET, Gate, Options};

const LIMIT: Duration = Duration::from_secs(20);
/// How long a test watches for what must not come.
const WATCH: Duration = Duration::from_millis(1_500);
const WARN_AFTER_MS: u64 = 1_000;
const HAND_BACK_AFTER_MS: u64 = 3_000;

fn policy(on_handback: &str) -> Value {
    json!({
        "lease_seconds": 2,
        "max_hold_seconds": 5,
        "warn_after_seconds": WARN_AFTER_MS / 1_000,
        "hand_back_after_seconds": HAND_BACK_AFTER_MS / 1_000,
        "on_handback": on_handback,
        "share_human_text": true,
        "handback_phrases": ["#bot", "the assistant will help you"],
        "take_phrases": ["human", "talk to a person"],
        "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    })
}

struct Place {
    bot: Bot,
    gate: Gate,
}

/// The gate of those tests that neither stop it nor want another policy.
fn place() -> &'static Place {
    static PLACE: LazyLock<Place> = LazyLock::new(|| {
        let bot = Bot::start(APP_SECRET);
        let gate = Gate::start(&bot, Options::with_policy(policy("unanswered")));
        Place { bot, gate }
    });
    &PLACE
}

/// The steps of a journal, as the operator is shown them.
fn steps(shown: &Shown) -> Vec<(String, String)> {
    let step = |value: &Value| value.as_str().unwrap().to_owned();
    let all = shown.journal.iter().map(|one| json!([one.transition, one.cause]));
    all.map(|pair| (step(&pair[0]), step(&pair[1]))).collect()
}

fn step(transition: &str, cause: &str) -> (String, String) {
    (transition.to_owned(), cause.to_owned())
}

fn order(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(Delivery::wamid).collect()
}

/// What a delivery tells the bot of the hold that has ended.
fn told_of_hold(delivery: &Delivery) -> Option<Value> {
    delivery.headers.iter().find(|(name, _)| name == "x-baton-handback").map(|(_, text)| {
        assert!(text.is_ascii(), "{text}");
        serde_json::from_str(text).unwrap()
    })
}

/// Checks that of these deliveries the first, and no other, tells of a hold of this many messages.
fn first_tells_of_hold(deliveries: &[Delivery], messages: u64) -> Value {
    let told = told_of_hold(&deliveries[0]).expect("the first delivery after a hold tells of it");
    assert_eq!(told["messages"], messages, "{told}");
    assert!(told["held_seconds"].as_u64().is_some(), "{told}");
    assert!(deliveries[1..].iter().all(|later| told_of_hold(later).is_none()), "only the first tells of the hold");
    told
}

/// Checks that the log warns the owner of this conversation once. The log is written a moment later.
fn owner_is_warned_once(gate: &Gate, conversation: &str) {
    eventually(LIMIT, "the owner is warned", || (gate.told("customer_unanswered", conversation) > 0).then_some(()));
    assert_eq!(gate.told("customer_unanswered", conversation), 1);
}

fn withheld(reason: &str) -> (String, Option<String>) {
    ("withheld".to_owned(), Some(reason.to_owned()))
}

#[test]
fn a_person_who_had_the_last_word_hands_back_in_silence() {
    let Place { bot, gate } = place();
    let person = Person::new();
    let before = gate.asks(person.both());
    let token_before = bot.wait_for(1, &before, LIMIT)[0].token();
    gate.says(person.both(), "let me look");
    let answered = gate.asks(person.both());
    assert_eq!(gate.fate(&person.phone, &answered), withheld("held_by_human"));
    let start = Instant::now();
    gate.says(person.both(), "we have it in blue");
    assert!(gate.shown(&person.phone).waiting_since_ms.is_none(), "the customer has their answer");
    let shown = gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
    assert!(start.elapsed() >= Duration::from_secs(2), "the hold ended after {:?}", start.elapsed());
    assert_eq!(steps(&shown), [step("takeover", "echo"), step("handback", "lease_expired")]);

    let after = gate.asks(person.both());
    let got = bot.wait_for(1, &after, LIMIT);
    assert!(got[0].token() > token_before, "{} is not above {token_before}", got[0].token());
    thread::sleep(WATCH);
    assert_eq!(order(&bot.deliveries(&person.phone)), [before, after], "what a person has answered is answered");
    assert_eq!(gate.fate(&person.phone, &answered), withheld("held_by_human"));
    assert_eq!(gate.told("customer_unanswered", &shown.conversation), 0, "nobody was left alone");
}

#[test]
fn an_unanswered_customer_is_announced_to_the_owner_and_then_the_bot_gets_what_it_missed() {
    let Place { bot, gate } = place();
    let person = Person::new();
    let taken_by = gate.says(person.both(), "¡un momento! 😀");
    let missed: Vec<String> = (0..3).map(|_| gate.asks(person.both())).collect();
    let held = gate.shown(&person.phone);
    assert_eq!(held.holder, HolderName::Human);
    let waiting_since = held.waiting_since_ms.expect("the customer waits").as_millis();
    let event = gate.event(&person.phone, &missed[0]);
    assert!(event.explanation.contains("a person held the baton"), "{}", event.explanation);

    let got = bot.wait_for(3, &person.phone, LIMIT);
    assert_eq!(order(&got), missed, "in the order in which they came");
    assert!(got.iter().all(|delivery| delivery.attempt() == 1));
    let told = first_tells_of_hold(&got, 1);
    assert!(told["held_seconds"].as_u64().unwrap() >= HAND_BACK_AFTER_MS / 1_000, "{told}");
    assert_eq!(told["text"], json!(["¡un momento! 😀"]));
    assert!(got.iter().all(|delivery| delivery.token() == held.token.number() + 1));

    let shown = gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
    assert_eq!(
        steps(&shown),
        [step("takeover", "echo"), step("warning", "unanswered"), step("handback", "unanswered")]
    );
    assert_eq!(shown.journal[0].event.as_ref().map(EventId::as_str), Some(taken_by.as_str()));
    let at = |step: usize| shown.journal[step].at_ms.as_millis() - waiting_since;
    println!("warned after {} ms, handed back after {} ms of waiting", at(1), at(2));
    assert!(at(1) >= WARN_AFTER_MS && at(2) >= HAND_BACK_AFTER_MS, "{shown:#?}");
    assert!(shown.waiting_since_ms.is_none());
    owner_is_warned_once(gate, &shown.conversation);
    for id in &missed {
        gate.wait_for_state(&person.phone, id, "delivered", LIMIT);
    }
}

#[test]
fn a_gate_that_is_killed_during_the_hold_hands_back_by_itself_after_the_start() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start(&bot, Options::with_policy(policy("unanswered")));
    let people: Vec<Person> = (0..3).map(|_| Person::new()).collect();
    let mut missed = Vec::new();
    for person in &people {
        gate.echo(person.both());
        missed.push([gate.asks(person.both()), gate.asks(person.both())]);
    }
    gate.kill();
    bot.settle();
    assert!(bot.deliveries("wamid.").is_empty(), "all of them were held");
    thread::sleep(Duration::from_millis(HAND_BACK_AFTER_MS + 1_000));
    let start = Instant::now();
    gate.restart();
    for (person, missed) in people.iter().zip(&missed) {
        let got = bot.wait_for(2, &person.phone, LIMIT);
        assert_eq!(order(&got), missed);
        first_tells_of_hold(&got, 1);
        let shown = gate.shown(&person.phone);
        let expected = [step("takeover", "echo"), step("warning", "unanswered"), step("handback", "unanswered")];
        assert_eq!(steps(&shown), expected, "the owner is warned all the same");
        owner_is_warned_once(&gate, &shown.conversation);
    }
    println!("a hold that ended while the gate was dead: all at the bot {:?} after the start", start.elapsed());
}

#[test]
fn the_owner_decides_whether_the_bot_gets_nothing_or_everything_of_a_hold() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start(&bot, Options::with_policy(policy("none")));
    for on_handback in ["none", "all"] {
        gate.restart_with(Options::with_policy(policy(on_handback)));
        let person = Person::new();
        // The bot answers nonsense to what it was asked before, and only once the person has taken over.
        let (before, mut attempts) = (wamid(), 0);
        bot.on(&before, move |_| {
            attempts += 1;
            if attempts == 1 { garbage_after(Duration::from_millis(1_500)) } else { ok_after(Duration::ZERO) }
        });
        gate.text(person.both(), &before, "hello");
        bot.wait_for(1, &before, LIMIT);
        gate.says(person.both(), "let me look");
        let answered = gate.asks(person.both());
        gate.says(person.both(), "we have it in blue");
        let unanswered = gate.asks(person.both());
        let shown = gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
        assert_eq!(steps(&shown).last(), Some(&step("handback", "unanswered")));
        let all = [before, answered, unanswered];
        if on_handback == "none" {
            let new = gate.asks(person.both());
            bot.wait_for(1, &new, LIMIT);
            thread::sleep(WATCH);
            assert_eq!(order(&bot.deliveries(&person.phone)), [all[0].clone(), new]);
            assert_eq!(gate.fate(&person.phone, &all[0]), withheld("taken_over"));
            assert!(all[1..].iter().all(|id| gate.fate(&person.phone, id) == withheld("held_by_human")));
        } else {
            let got = bot.wait_for(4, &person.phone, LIMIT);
            assert_eq!(order(&got[1..]), all);
            assert_eq!(got[1].attempt(), 2, "the nonsense left it open whether the bot had the message");
            assert_eq!((&got[1].body, got[1].header("webhook-id")), (&got[0].body, got[0].header("webhook-id")));
            first_tells_of_hold(&got[1..], 2);
            for id in &all {
                gate.wait_for_state(&person.phone, id, "delivered", LIMIT);
            }
        }
    }
}

#[test]
fn who_withdraws_the_message_that_took_the_baton_gives_it_back_at_once() {
    let Place { bot, gate } = place();
    let (person, other) = (Person::new(), Person::new());
    let withdraws = |person: &Person, original: &str| {
        gate.deliver(&delivery("smb_message_echoes", echo_revoke(person.both(), &wamid(), original)));
    };
    bot.on(&person.phone, |_| ok_after(Duration::from_millis(700)));
    let first = gate.asks(person.both());
    bot.wait_for(1, &first, LIMIT);
    let behind = gate.asks(person.both());
    let mistake = gate.says(person.both(), "this was meant for my sister");
    let during = gate.asks(person.both());
    assert_eq!(gate.fate(&person.phone, &behind), withheld("taken_over"));
    withdraws(&person, &mistake);
    let shown = gate.shown(&person.phone);
    assert_eq!(shown.holder, HolderName::Automation, "at once, and not when the lease ends");
    assert_eq!(steps(&shown), [step("takeover", "echo"), step("handback", "revoked")]);
    assert!(shown.waiting_since_ms.is_none());
    let got = bot.wait_for(3, &person.phone, LIMIT);
    assert_eq!(order(&got), [first, behind, during], "as if it had never been taken");

    // Who has said something else meant to speak.
    let taking = gate.says(other.both(), "good morning");
    gate.says(other.both(), "how can I help you?");
    withdraws(&other, &taking);
    let shown = gate.shown(&other.phone);
    assert_eq!((shown.holder, steps(&shown)), (HolderName::Human, vec![step("takeover", "echo")]));
}

#[test]
fn a_persons_phrase_hands_the_baton_back_at_once() {
    let Place { bot, gate } = place();
    let person = Person::new();
    gate.says(person.both(), "good morning");
    let asked = gate.asks(person.both());
    let phrase = gate.says(person.both(), "Well. The assistant will help you!");
    let shown = gate.shown(&person.phone);
    assert_eq!(shown.holder, HolderName::Automation);
    assert_eq!(steps(&shown), [step("takeover", "echo"), step("handback", "phrase")]);
    assert_eq!(shown.journal[1].event.as_ref().map(EventId::as_str), Some(phrase.as_str()));
    let got = bot.wait_for(1, &person.phone, LIMIT);
    assert_eq!(order(&got), [asked]);
    let told = first_tells_of_hold(&got, 1);
    assert_eq!(told["text"], json!(["good morning"]), "the phrase is for the gate");
    // A person who says it without holding anything takes nothing.
    gate.says(person.both(), "#bot");
    assert_eq!(gate.shown(&person.phone).holder, HolderName::Automation);
}

#[test]
fn a_customer_who_asks_for_a_person_gets_one_or_in_the_end_the_bot() {
    let Place { bot, gate } = place();
    let person = Person::new();
    let (ask, more) = (wamid(), wamid());
    gate.text(person.both(), &ask, "Hello, may I talk to a person?");
    gate.text(person.both(), &more, "it is about my order");
    let shown = gate.shown(&person.phone);
    assert_eq!((shown.holder, steps(&shown)), (HolderName::Human, vec![step("takeover", "customer_asked")]));
    assert!(shown.waiting_since_ms.is_some());
    assert_eq!(gate.fate(&person.phone, &ask), withheld("asked_for_person"));
    assert_eq!(gate.fate(&person.phone, &more), withheld("held_by_human"));
    let got = bot.wait_for(2, &person.phone, LIMIT);
    assert_eq!(order(&got), [ask, more]);
    first_tells_of_hold(&got, 0);
    let shown = gate.shown(&person.phone);
    let expected = [step("takeover", "customer_asked"), step("warning", "unanswered"), step("handback", "unanswered")];
    assert_eq!(steps(&shown), expected);
    owner_is_warned_once(gate, &shown.conversation);
}

#[test]
fn no_hold_lasts_longer_than_the_owner_allows_however_much_is_said() {
    let Place { gate, .. } = place();
    let person = Person::new();
    gate.echo(person.both());
    let shown = loop {
        thread::sleep(Duration::from_millis(500));
        let shown = gate.shown(&person.phone);
        if shown.holder == HolderName::Automation {
            break shown;
        }
        let lease_until = shown.lease_until_ms.unwrap().as_millis();
        assert!(lease_until <= shown.journal[0].at_ms.as_millis() + 5_000, "{shown:#?}");
        if lease_until < shown.journal[0].at_ms.as_millis() + 5_000 {
            gate.echo(person.both());
        }
    };
    assert_eq!(steps(&shown), [step("takeover", "echo"), step("handback", "held_longest")]);
}

#[test]
fn a_bot_that_is_dead_at_the_handback_gets_everything_once_it_lives() {
    let bot = Bot::start(APP_SECRET);
    let gate = Gate::start(&bot, Options::with_policy(policy("unanswered")));
    let (person, hangs) = (Person::new(), wamid());
    // What hangs when the person takes over is not tried again while they hold.
    bot.on(&hangs, |_| Reaction::Never);
    gate.text(person.both(), &hangs, "hello");
    bot.wait_for(1, &hangs, LIMIT);
    gate.echo(person.both());
    let missed = [gate.asks(person.both()), gate.asks(person.both())];
    bot.go_down();
    gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
    let event = eventually(LIMIT, "the bot was called in vain", || {
        Some(gate.event(&person.phone, &missed[0])).filter(|event| event.attempts.number() >= 2)
    });
    assert_eq!(event.reason.as_deref(), Some("connection_lost"));
    bot.come_up();
    let got: Vec<Delivery> = bot.wait_for(3, &person.phone, LIMIT).split_off(1);
    assert_eq!(order(&got), missed);
    assert!(got[0].attempt() >= 3 && got[1].attempt() == 1);
    first_tells_of_hold(&got, 1);
    // The person's words came after it, so it is theirs.
    assert_eq!(gate.wait_for_state(&person.phone, &hangs, "withheld", LIMIT).reason.as_deref(), Some("taken_over"));
    assert_eq!(bot.deliveries(&hangs).len(), 1);
}
