//! Many customers at once, and everything of each in a random order: answers from the phone before and after the
//! question, everything twice.
//!
//! Not here: large deliveries (`batches`), kills (`endurance`).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use baton::command::{HolderName, Shown, ShownEvent};
use serde_json::{Value, json};

use crate::bot::{Bot, ok_after};
use crate::chance::Chance;
use crate::client::{Person, eventually, wamid};
use crate::common::meta::{delivery, echo, text};
use crate::delivery::Delivery;
use crate::gate::{APP_SECRET, Gate, Options};

const CUSTOMERS: usize = 500;
/// Every fourth customer is answered by nobody, so that the bot has something to do under the same load.
const UNANSWERED_EVERY: usize = 4;
/// Deliveries that Meta's side has under way at a time.
const AT_ONCE: usize = 32;
const QUIET_WITHIN: Duration = Duration::from_secs(150);
/// How long an attempt that had started may be under way on a machine that does all this.
const UNDER_WAY_MAX: Duration = Duration::from_secs(10);

struct Customer {
    person: Person,
    messages: [String; 2],
    echo: Option<String>,
}

/// One delivery of Meta's, with the one message or echo in it.
struct Post {
    what: String,
    delivery: Value,
}

/// When a delivery was sent, and when it was acknowledged.
struct Acknowledged {
    sent: Instant,
    known: Instant,
}

fn story(chance: &mut Chance) -> (Vec<Customer>, Vec<Post>) {
    let (mut customers, mut posts) = (Vec::new(), Vec::new());
    for customer in 0..CUSTOMERS {
        let (person, messages) = (Person::new(), [wamid(), wamid()]);
        let echo_id = (customer % UNANSWERED_EVERY != 0).then(wamid);
        let mut all: Vec<(String, Value)> = messages
            .iter()
            .map(|id| (id.clone(), delivery("messages", text(person.both(), id, "do you have it in blue?"))))
            .collect();
        if let Some(id) = &echo_id {
            // No two customers get the same words, or it would be a broadcast.
            let words = format!("yes, {id}");
            all.push((id.clone(), delivery("smb_message_echoes", echo(person.both(), id, &words))));
        }
        for (what, delivery) in all {
            posts.extend([0, 1].map(|_| Post { what: what.clone(), delivery: delivery.clone() }));
        }
        customers.push(Customer { person, messages, echo: echo_id });
    }
    chance.shuffle(&mut posts);
    (customers, posts)
}

#[test]
fn five_hundred_customers_at_once_in_any_order_are_each_acknowledged_and_none_is_talked_over() {
    let mut chance = Chance::start("load");
    let bot = Bot::start(APP_SECRET);
    bot.on("", {
        let mut chance = chance.split();
        move |_| ok_after(chance.millis(0, 50))
    });
    let policy = json!({ "lease_seconds": 3_600, "retry_schedule_seconds": vec![1; 20] });
    let gate = Gate::start(&bot, Options::with_policy(policy));
    let (customers, posts) = story(&mut chance);

    let (next, acknowledged) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(post) = posts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sent = Instant::now();
                    gate.deliver(&post.delivery);
                    let known = Instant::now();
                    acknowledged.lock().unwrap().push((post, Acknowledged { sent, known }));
                }
            });
        }
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert_eq!(acknowledged.len(), posts.len(), "each delivery is acknowledged");
    let mut spans: Vec<Duration> = acknowledged.iter().map(|(_, times)| times.known - times.sent).collect();
    spans.sort();
    println!(
        "{} deliveries of {CUSTOMERS} new customers, {AT_ONCE} at once, in {:?}: 200 after {:?} (p50), {:?} (p99)",
        posts.len(),
        start.elapsed(),
        spans[spans.len() / 2],
        spans[spans.len() * 99 / 100]
    );

    // Of what came twice, what counts for the gate is the first that was known, and the first that was sent.
    let mut known: BTreeMap<&str, Instant> = BTreeMap::new();
    let mut sent: BTreeMap<&str, Instant> = BTreeMap::new();
    for (post, times) in &acknowledged {
        let earliest = |times: &mut Instant, other: Instant| *times = (*times).min(other);
        earliest(known.entry(&post.what).or_insert(times.known), times.known);
        earliest(sent.entry(&post.what).or_insert(times.sent), times.sent);
    }
    let mut judge = Judge { known, sent, delivered: 0, withheld: 0, under_way: 0 };
    let is_settled = |event: &ShownEvent| ["delivered", "withheld"].contains(&event.state.as_str());
    let settled = |customer: &Customer| {
        eventually(QUIET_WITHIN, "every message has its end", || {
            Some(gate.shown(&customer.person.phone)).filter(|shown| shown.events.iter().all(is_settled))
        })
    };
    let shown: Vec<Shown> = customers.iter().map(settled).collect();
    bot.settle();
    let mut arrived: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
    for delivery in bot.deliveries("wamid.") {
        arrived.entry(delivery.wamid()).or_default().push(delivery);
    }
    for (customer, shown) in customers.iter().zip(&shown) {
        judge.one(customer, shown, &arrived);
    }
    let (delivered, withheld, under_way) = (judge.delivered, judge.withheld, judge.under_way);
    println!(
        "{delivered} delivered once, {withheld} withheld, {under_way} under way at a takeover, {:?}",
        start.elapsed()
    );
    assert_eq!(delivered + withheld, 2 * CUSTOMERS);
    assert!(delivered >= 2 * CUSTOMERS / UNANSWERED_EVERY && withheld > 0, "this was no load");
}

struct Judge<'a> {
    known: BTreeMap<&'a str, Instant>,
    sent: BTreeMap<&'a str, Instant>,
    delivered: usize,
    withheld: usize,
    under_way: usize,
}

impl Judge<'_> {
    /// Each message has one end, and once the gate has said 200 to the echo no attempt starts. One attempt of the
    /// conversation may have started before that.
    fn one(&mut self, customer: &Customer, shown: &Shown, arrived: &BTreeMap<String, Vec<Delivery>>) {
        let taken = customer.echo.as_ref().map(|echo| self.known[echo.as_str()]);
        assert_eq!(shown.holder == HolderName::Human, taken.is_some());
        let mut late = 0;
        for id in &customer.messages {
            let got = arrived.get(id).map_or(&[][..], Vec::as_slice);
            let states: Vec<&str> =
                shown.events.iter().filter(|event| event.id.as_str() == id).map(|event| event.state.as_str()).collect();
            let came_after = taken.is_some_and(|taken| self.sent[id.as_str()] > taken);
            match states.as_slice() {
                ["delivered"] => {
                    assert!(!came_after, "{id} came after the takeover and was delivered");
                    assert_eq!(got.len(), 1, "{id} came {} times", got.len());
                    self.delivered += 1;
                }
                ["withheld"] => {
                    assert!(taken.is_some() && got.is_empty(), "{id} is withheld, and the bot has it");
                    self.withheld += 1;
                }
                states => panic!("{id} has these ends: {states:?}"),
            }
            for delivery in got {
                assert_eq!(delivery.token(), 0, "an attempt in the person's own turn");
                if let Some(taken) = taken.filter(|taken| delivery.at > *taken) {
                    late += 1;
                    assert!(delivery.at - taken <= UNDER_WAY_MAX, "the bot was told {:?} after", delivery.at - taken);
                }
            }
        }
        assert!(late <= 1, "{late} attempts at {} after the takeover", customer.person.phone);
        self.under_way += late;
    }
}
