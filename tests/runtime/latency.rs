//! What the gate and the fence cost a bot in time: requests straight to the stand-in for the Graph API and through the
//! gate, in turns, so that whatever else the machine does slows all of them.
//!
//! It measures and prints; the bound is generous, because the machine is not the one that an owner's gate runs on.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{BOT_TOKEN, Person, bot_text};
use crate::common::meta::LINE;
use crate::graph::{Place, yes};
use crate::wire;

const SENDS: usize = 200;
const WARM_UP: usize = 10;
/// A hundredth of what the Graph API takes; that the difference does not drown in it.
const GRAPH_TAKES: Duration = Duration::from_millis(5);
const MEDIAN_MAX: Duration = Duration::from_millis(500);

/// What is asked, and where.
const WAYS: [&str; 4] = [
    "straight to the Graph API",
    "through the gate, no message",
    "through the gate, to a known customer",
    "through the gate, to a new customer",
];

#[test]
fn the_fence_costs_a_message_little_time() {
    let place = Place::start(json!({}));
    place.graph.on("/messages", |asked| yes(asked).after(GRAPH_TAKES));
    place.graph.on("/whatsapp_business_profile", |asked| yes(asked).after(GRAPH_TAKES));
    let authorization = format!("Bearer {BOT_TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let known = Person::new();
    let ask = |way: usize| {
        let person = if way == 2 { known.clone() } else { Person::new() };
        let (method, edge) = if way == 1 { ("GET", "whatsapp_business_profile") } else { ("POST", "messages") };
        let body = if way == 1 { String::new() } else { bot_text(&person.phone).to_string() };
        let address = if way == 0 { &place.graph.url } else { &place.gate.url };
        let start = Instant::now();
        let answer = wire::ask(address, method, &format!("/v23.0/{LINE}/{edge}"), &headers, body.as_bytes()).unwrap();
        let took = start.elapsed();
        assert_eq!(answer.status, 200, "{}", WAYS[way]);
        took
    };
    let mut spans = [const { Vec::new() }; WAYS.len()];
    for round in 0..WARM_UP + SENDS {
        for turn in 0..WAYS.len() {
            let way = (round + turn) % WAYS.len();
            // What is still done after an answer must not slow the next one.
            thread::sleep(Duration::from_millis(10));
            let took = ask(way);
            // Whatever is made at the first requests is not what is measured.
            if round >= WARM_UP {
                spans[way].push(took);
            }
        }
    }
    for (way, spans) in WAYS.iter().zip(&mut spans) {
        spans.sort();
        let [median, most] = [spans[SENDS / 2], spans[SENDS * 95 / 100]];
        println!("{SENDS} requests {way}: {median:.1?} (median), {most:.1?} (95 of 100)");
        assert!(median < MEDIAN_MAX, "{way}: {median:?}");
    }
}
