//! One customer is one conversation, under whatever name, in whatever order, and also when the names change.
//!
//! Not here: that a hold under one name holds under every name (`silence`).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use baton::command::{HolderName, ShownEvent};

use crate::bot::Bot;
use crate::client::{POLL, Person, now_ms, wamid};
use crate::common::meta::{Customer, changed_number, delivery};
use crate::gate::{APP_SECRET, Gate, Options, common};

/// An attempt that was under way when two conversations became one counts as lost after 20 s. Its repetition may meet
/// the same fate where all of a customer's names arrive at once; then comes what is behind it, on a machine that does
/// other work too.
const LIMIT: Duration = Duration::from_secs(90);
const WATCH: Duration = Duration::from_millis(1_500);
const NAMES: [fn(&Person) -> Customer<'_>; 3] = [Person::both, Person::by_phone, Person::by_bsuid];

#[test]
fn a_customer_who_changes_their_number_while_a_person_holds_stays_with_the_person() {
    let common = common();
    for met_before in [true, false] {
        let (before, after) = (Person::new(), Person::new());
        if met_before {
            let id = common.gate.asks(before.both());
            common.gate.wait_for_state(&before.phone, &id, "delivered", LIMIT);
        }
        common.gate.echo(before.both());
        let change = wamid();
        common.gate.deliver(&delivery("messages", changed_number(before.both(), &change, after.both())));
        let ids: Vec<String> = NAMES.iter().map(|name| common.gate.asks(name(&after))).collect();
        thread::sleep(WATCH);
        let home = common.gate.shown(&before.phone).conversation;
        for name in [&before.phone, &before.bsuid, &after.phone, &after.bsuid] {
            let shown = common.gate.shown(name);
            assert_eq!((shown.conversation, shown.holder), (home.clone(), HolderName::Human), "one lock");
        }
        for id in ids.iter().chain([&change]) {
            assert!(common.bot.deliveries(id).is_empty(), "{id} reached the bot under the new number");
            assert_eq!(common.gate.event(&after.bsuid, id).state, "withheld");
        }
    }
}

#[test]
fn a_customer_whose_first_messages_come_under_all_names_at_once_is_one_conversation_without_loss() {
    const CUSTOMERS: usize = 6;
    const AT_ONCE: usize = 20;
    let bot = Bot::start(APP_SECRET);
    let policy = serde_json::json!({ "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
    let gate = Gate::start(&bot, Options::with_policy(policy));
    let people: Vec<Person> = (0..CUSTOMERS).map(|_| Person::new()).collect();
    let sent: Mutex<Vec<(usize, String)>> = Mutex::default();
    for (customer, person) in people.iter().enumerate() {
        thread::scope(|scope| {
            for number in 0..AT_ONCE {
                let (gate, sent) = (&gate, &sent);
                // Each customer's names come in another order.
                let name = NAMES[(number + customer) % NAMES.len()];
                scope.spawn(move || {
                    let id = gate.asks(name(person));
                    sent.lock().unwrap().push((customer, id));
                });
            }
        });
    }
    let sent = sent.into_inner().unwrap();
    assert_eq!(sent.len(), CUSTOMERS * AT_ONCE);
    for person in &people {
        let until = Instant::now() + LIMIT;
        loop {
            let shown = gate.shown(&person.phone);
            let is_open = |event: &&ShownEvent| ["waiting", "in_flight"].contains(&event.state.as_str());
            let open: Vec<&ShownEvent> = shown.events.iter().filter(is_open).collect();
            if shown.events.len() >= AT_ONCE && open.is_empty() {
                break;
            }
            let known = shown.events.len();
            assert!(Instant::now() < until, "{known} messages known; without an end at {}: {open:#?}", now_ms());
            thread::sleep(POLL);
        }
        let conversations = [&person.phone, &person.bsuid].map(|name| gate.shown(name).conversation);
        assert_eq!(conversations[0], conversations[1], "two names, two conversations");
    }
    thread::sleep(WATCH);
    let mut arrived: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for delivery in bot.deliveries("wamid.") {
        arrived.entry(delivery.wamid()).or_default().push(delivery);
    }
    let mut repeated = 0;
    for (customer, id) in &sent {
        let event = gate.event(&people[*customer].bsuid, id);
        assert_eq!(event.state, "delivered", "{event:?}");
        let got = arrived.get(id).map_or(&[][..], Vec::as_slice);
        assert!(!got.is_empty(), "{id} is called delivered, but never was");
        // What was under way in one object when the other took over is repeated, as after any lost outcome.
        for again in &got[1..] {
            repeated += 1;
            assert!(again.attempt() > 1, "{id} was sent twice as if for the first time");
            assert_eq!((&again.body, again.header("webhook-id")), (&got[0].body, got[0].header("webhook-id")));
        }
    }
    println!("{} first messages under three names at once: all delivered, {repeated} repeated attempts", sent.len());
}
