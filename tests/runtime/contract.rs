//! The operator's API keeps what its description says: Schemathesis reads the description that a gate serves and asks
//! that gate, of which every kind of thing is there to be seen, whatever the description allows and what it forbids.
//!
//! Invariant: each operation but `/live`, which opens a WebSocket, has succeeded at least once, so that its answer was
//! checked and not only its refusals.
//!
//! Not here: who is let in (`access`), what the live stream says (`desk`).

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bot::status;
use crate::client::{Answer, Person, bot_text, eventually, now_ms, wamid_of};
use crate::common::meta::{self, LINE, delivery};
use crate::gate::{ADMIN_TOKEN, Gate};
use crate::graph::Place;
use crate::sdks::{python, root};

const LIMIT: Duration = Duration::from_secs(20);
/// Customers whom the tester may erase.
const ERASABLE: usize = 12;

fn operate(gate: &Gate, method: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = gate.request_with(method, &format!("/api/v1{path}"), &headers, &body.to_string());
    assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    answer
}

/// Fills a gate with one of everything, and says by what names it can be asked for.
fn fill(place: &Place) -> Value {
    let Place { bot, gate, .. } = place;
    let policy = json!({ "lease_seconds": 600, "handback_phrases": ["#bot"], "retry_schedule_seconds": [0],
        "rules": [{ "name": "the owner's friends", "when": { "text": [{ "contains": "friend" }] }, "then": "human" }] });
    // With the bot: a question and an answer.
    let served = Person::new();
    let asked = wamid_of(&served.phone);
    gate.text(served.both(), &asked, "is anybody there?");
    gate.wait_for_state(&served.phone, &asked, "delivered", LIMIT);
    assert_eq!(gate.send(&bot_text(&served.phone)).status, 200);
    // With a person: collisions of two kinds, and a customer who waits.
    let held = Person::new();
    let before = wamid_of(&held.phone);
    gate.text(held.both(), &before, "is anybody there?");
    gate.wait_for_state(&held.phone, &before, "delivered", LIMIT);
    gate.echo(held.both());
    assert_eq!(gate.send(&bot_text(&held.phone)).status, 400);
    let late = meta::status_at(held.both(), &wamid_of(&held.phone), "sent", now_ms() / 1_000 + 1);
    gate.deliver(&delivery("messages", late));
    let waiting = wamid_of(&held.phone);
    gate.text(held.both(), &waiting, "hello?");
    // Given back, and under one name only.
    let given_back = Person::new();
    gate.echo(given_back.by_bsuid());
    gate.says(given_back.by_bsuid(), "#bot");
    // Paused, by the operator.
    let paused = Person::new();
    gate.asks(paused.by_phone());
    let later_ms = now_ms() + 3_600_000;
    operate(gate, "POST", &format!("/conversations/{LINE}/{}/pause", paused.phone), &json!({ "until_ms": later_ms }));
    // Given up.
    let lost = Person::new();
    let dead = wamid_of(&lost.phone);
    bot.on(&dead, |_| status(500));
    gate.text(lost.both(), &dead, "and this?");
    gate.wait_for_state(&lost.phone, &dead, "dead", LIMIT);
    let erasable: Vec<Person> = (0..ERASABLE).map(|_| Person::new()).collect();
    for person in &erasable {
        gate.echo(person.by_phone());
    }
    for note in ["first", "second"] {
        operate(gate, "PUT", "/policy", &json!({ "document": policy, "note": note }));
    }
    let there = |list: &str, count: usize| {
        eventually(LIMIT, list, || {
            let answer = operate(gate, "GET", &format!("/{list}?line={LINE}"), &Value::Null);
            let shown: Value = serde_json::from_str(&answer.body).unwrap();
            (shown[list.replace('-', "_")].as_array().unwrap().len() >= count).then_some(())
        });
    };
    there("conversations", 5 + ERASABLE);
    there("collisions", 2);
    there("dead-letters", 1);
    there("alerts", 1);
    let page = operate(gate, "GET", &format!("/conversations?line={LINE}&limit=1"), &Value::Null);
    let page: Value = serde_json::from_str(&page.body).unwrap();
    json!({
        "line": LINE,
        "cursor": page["next_cursor"],
        "customers": [served.phone, held.bsuid, given_back.bsuid, paused.phone, lost.phone],
        "erasable": erasable.iter().map(|person| &person.phone).collect::<Vec<_>>(),
        "messages": [asked, dead, waiting],
        "dead_letter": { "customer": lost.phone, "id": dead },
        "later_ms": later_ms,
        "policy": policy,
        "delivery": delivery("messages", meta::text(Person::new().both(), &wamid_of("15550001111"), "a friend")),
    })
}

#[test]
fn the_api_is_what_its_description_says() {
    let Some(python) = python() else { return };
    let place = Place::start(json!({ "retry_schedule_seconds": [0] }));
    let known = fill(&place);
    let start = Instant::now();
    let script = root().join("tests/runtime/sdk/contract.py");
    // The tool leaves files where it is run.
    let done = Command::new(python)
        .arg(script)
        .args([&place.gate.url, ADMIN_TOKEN, &known.to_string()])
        .current_dir(place.gate.state())
        .output()
        .unwrap();
    let (printed, complaint) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{printed}\n{complaint}");
    let counted = printed.lines().rev().take(40).collect::<Vec<_>>();
    println!("{}\nin {:?}", counted.into_iter().rev().collect::<Vec<_>>().join("\n"), start.elapsed());
}
