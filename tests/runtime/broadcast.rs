//! A broadcast from the phone is no person's answer: whoever it silenced is given back, and whoever a person really
//! talks to is not.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use baton::command::HolderName;
use serde_json::{Value, json};

use crate::bot::Bot;
use crate::client::{Person, wamid};
use crate::common::meta::{self, LINE, batch};
use crate::gate::{APP_SECRET, Gate, Options};

const LIMIT: Duration = Duration::from_secs(15);
/// How soon a broadcast is recognised and its holds are over.
const RECOGNISED_WITHIN: Duration = Duration::from_secs(5);
const WATCH: Duration = Duration::from_millis(1_500);
const RECIPIENTS: usize = 5;

struct Place {
    bot: Bot,
    gate: Gate,
}

fn options(recipients: usize) -> Options {
    Options::with_policy(json!({ "lease_seconds": 600, "broadcast_recipients": recipients }))
}

fn place() -> &'static Place {
    static PLACE: LazyLock<Place> = LazyLock::new(|| {
        let bot = Bot::start(APP_SECRET);
        let gate = Gate::start(&bot, options(RECIPIENTS));
        Place { bot, gate }
    });
    &PLACE
}

fn people(count: usize) -> Vec<Person> {
    (0..count).map(|_| Person::new()).collect()
}

fn last_step(gate: &Gate, person: &Person) -> Value {
    let journal = gate.shown(&person.phone).journal;
    let last = journal.last().expect("something has happened");
    json!([last.transition, last.cause])
}

#[test]
fn the_same_words_to_many_customers_silence_nobody_for_long() {
    let Place { bot, gate } = place();
    let (people, alone) = (people(RECIPIENTS + 3), Person::new());
    let words = "Tomorrow we are closed. Happy holidays!";
    gate.says(alone.both(), "Tomorrow we are closed, but I keep it for you");
    // The app sends to its list at once; Meta reports some one by one and some in a batch.
    let (first, rest) = people.split_at(3);
    thread::scope(|scope| {
        for person in first {
            scope.spawn(|| gate.says(person.both(), words));
        }
    });
    // Three are no broadcast yet: what these customers write is held.
    let missed: Vec<String> = first.iter().map(|person| gate.asks(person.both())).collect();
    for (person, id) in first.iter().zip(&missed) {
        assert_eq!(gate.fate(&person.phone, id).0, "withheld");
    }
    let echoes = rest.iter().map(|person| (LINE, "smb_message_echoes", meta::echo(person.both(), &wamid(), words)));
    let start = Instant::now();
    gate.deliver(&batch(echoes.collect()));
    for person in &people {
        gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
        assert_eq!(last_step(gate, person), json!(["handback", "broadcast"]));
    }
    let took = start.elapsed();
    println!("a broadcast to {} customers was recognised and undone after {took:?}", people.len());
    assert!(took <= RECOGNISED_WITHIN, "{took:?}");
    for (person, id) in first.iter().zip(&missed) {
        assert_eq!(bot.wait_for(1, id, LIMIT).len(), 1, "as if it had never been held");
        let echo = gate.shown(&person.phone).events.into_iter().find(|event| event.id.as_str() != id).unwrap();
        assert!(echo.explanation.contains("broadcast"), "{}", echo.explanation);
    }
    for person in &people {
        let id = gate.asks(person.both());
        bot.wait_for(1, &id, LIMIT);
    }
    assert_eq!(gate.shown(&alone.phone).holder, HolderName::Human, "other words are no part of it");
}

#[test]
fn other_words_to_each_customer_are_answers() {
    let Place { bot, gate } = place();
    let people = people(RECIPIENTS + 2);
    for (number, person) in people.iter().enumerate() {
        gate.says(person.both(), &format!("Your order {number} is ready"));
    }
    // The same words again and again to one customer are no broadcast either.
    for _ in 0..RECIPIENTS {
        gate.says(people[0].both(), "a moment, please");
    }
    thread::sleep(WATCH);
    for person in &people {
        let id = gate.asks(person.both());
        assert_eq!(gate.fate(&person.phone, &id), ("withheld".to_owned(), Some("held_by_human".to_owned())));
    }
    assert!(people.iter().all(|person| bot.deliveries(&person.phone).is_empty()));
}

#[test]
fn whoever_a_person_talks_to_besides_stays_with_the_person() {
    let Place { bot, gate } = place();
    let (before, after, others) = (Person::new(), Person::new(), people(RECIPIENTS));
    let words = "20 % off until Sunday";
    gate.says(before.both(), "I will look it up for you");
    let asked = gate.asks(before.both());
    let waiting = gate.shown(&before.phone).waiting_since_ms;
    assert!(waiting.is_some());
    gate.says(after.both(), words);
    gate.says(after.both(), "and for you, Laura, it is 30");
    gate.says(before.both(), words);
    for person in &others {
        gate.says(person.both(), words);
    }
    for person in &others {
        gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
    }
    thread::sleep(WATCH);
    for person in [&before, &after] {
        let id = gate.asks(person.both());
        assert_eq!(gate.shown(&person.phone).holder, HolderName::Human);
        assert_eq!(gate.fate(&person.phone, &id).0, "withheld");
        assert!(bot.deliveries(&person.phone).is_empty());
    }
    assert_eq!(gate.shown(&before.phone).waiting_since_ms, waiting, "an advertisement is no answer to {asked}");
}

/// How many objects there are: each has a database of its own.
fn objects(gate: &Gate) -> usize {
    let files = std::fs::read_dir(gate.state().join("v3/do/baton-Conversation")).unwrap();
    let is_database = |name: &str| name.ends_with(".sqlite") && !name.starts_with("metadata");
    files.filter(|file| is_database(&file.as_ref().unwrap().file_name().to_string_lossy())).count()
}

#[test]
fn where_nobody_looks_for_broadcasts_all_keep_the_baton_and_messages_never_make_a_further_call() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start(&bot, options(0));
    let (mut made, mut counted) = (Vec::new(), Vec::new());
    for recipients in [0, RECIPIENTS] {
        gate.restart_with(options(recipients));
        let (people, before) = (people(4), wamid());
        gate.text(people[0].both(), &before, "hello");
        bot.wait_for(1, &before, LIMIT);
        let objects_before = objects(&gate);
        for person in &people[1..] {
            let id = gate.asks(person.both());
            gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
        }
        let objects_between = objects(&gate);
        made.push(objects_between - objects_before);
        gate.echo(people[0].both());
        thread::sleep(WATCH);
        counted.push(objects(&gate) - objects_between);
        if recipients == 0 {
            let people = self::people(RECIPIENTS + 5);
            for person in &people {
                gate.says(person.both(), "Tomorrow we are closed");
            }
            thread::sleep(WATCH);
            assert!(people.iter().all(|person| gate.shown(&person.phone).holder == HolderName::Human));
        }
    }
    assert_eq!(made, [6, 6], "three customers, each with an object by both names, and nothing else");
    assert_eq!(counted, [0, 1], "only an echo is counted, and only where somebody asks for it");
}
