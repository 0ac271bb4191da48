//! A message that the bot sends twice goes out once, and one of which nobody knows whether it went out is never sent
//! again by the gate, nor for the bot.
//!
//! Invariant: what became of a message is in the operator's view, also where the bot did not wait for it.
//!
//! Not here: messages that meet a person's turn (`fence`), the fates that a send can have step by step
//! (`tests/native`).

use std::io::{BufReader, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, BOT_TOKEN, Person, bot_text, eventually, now_ms, wamid_of};
use crate::common::meta::{LINE, delivery, status_at};
use crate::fence::HELD;
use crate::gate::Gate;
use crate::graph::{Body, Place, Reaction, place, yes};
use crate::wire;

const LIMIT: Duration = Duration::from_secs(20);
const UNKNOWN: (u16, u64) = (400, 990_002);

/// What the Graph API was sent of this message.
fn times_sent(message: &Value) -> usize {
    place().graph.asked(message["text"]["body"].as_str().unwrap()).len()
}

/// The states of a customer's sends, once none is under way.
fn states(gate: &Gate, person: &Person) -> Vec<String> {
    eventually(LIMIT, "no send is under way", || {
        let shown = gate.shown(&person.phone);
        let states: Vec<String> = shown.sends.into_iter().map(|send| send.state).collect();
        states.iter().all(|state| state != "in_flight").then_some(states)
    })
}

/// The Graph API does this with what holds the words of this message.
fn react(message: &Value, mut script: impl FnMut() -> Reaction + Send + 'static) {
    place().graph.on(message["text"]["body"].as_str().unwrap(), move |_| script());
}

#[test]
fn the_same_message_again_gets_the_first_ones_answer_and_goes_out_once() {
    let gate = &place().gate;
    let person = Person::new();
    let message = bot_text(&person.phone);
    let first = gate.send(&message);
    let mut same = json!({ "type": "text", "recipient_type": "individual", "text": message["text"] });
    for (key, value) in [("to", json!(format!("+{}", person.phone))), ("messaging_product", json!("whatsapp"))] {
        same[key] = value;
    }
    for again in [&message, &same] {
        let answer = gate.send(again);
        assert_eq!((answer.status, &answer.body), (200, &first.body), "{again}");
        assert_eq!(answer.header("x-baton-refused"), Some("duplicate"));
    }
    assert_eq!(times_sent(&message), 1);

    let mut other = message.clone();
    other["text"]["preview_url"] = json!(true);
    assert_ne!(gate.send(&other).sent_id(), first.sent_id(), "something else was said");
    assert_eq!(times_sent(&message), 2);
    let stranger = Person::new();
    other["to"] = json!(stranger.phone);
    assert_eq!(gate.send(&other).status, 200);
    assert_eq!(times_sent(&message), 3, "the same to somebody else is no repetition");
}

#[test]
fn ten_of_the_same_at_one_moment_are_one_message_and_all_get_its_answer() {
    let gate = &place().gate;
    let person = Person::new();
    let message = bot_text(&person.phone);
    place().graph.on(message["text"]["body"].as_str().unwrap(), |asked| yes(asked).after(Duration::from_millis(700)));
    let answers: Vec<Answer> = thread::scope(|scope| {
        let all: Vec<_> = (0..10).map(|_| scope.spawn(|| gate.send(&message))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(times_sent(&message), 1);
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
    }
    let first = answers.iter().filter(|answer| answer.header("x-baton-refused").is_none()).count();
    assert_eq!(first, 1, "one of them is the message, the others are told so");
}

#[test]
fn a_customer_who_asks_again_is_answered_again() {
    let place = place();
    let person = Person::new();
    let message = bot_text(&person.phone);
    for times in 1..=2 {
        let asked = place.gate.asks(person.both());
        place.bot.wait_for(1, &asked, LIMIT);
        assert_eq!(place.gate.send(&message).header("x-baton-refused"), None);
        assert_eq!(place.gate.send(&message).header("x-baton-refused"), Some("duplicate"));
        assert_eq!(times_sent(&message), times);
    }
}

#[test]
fn what_the_graph_api_has_refused_goes_out_again() {
    let gate = &place().gate;
    for (status, code) in [(400, 131_047), (401, 190), (403, 10), (404, 100), (429, 130_429), (500, 131_000), (503, 2)]
    {
        let person = Person::new();
        let message = bot_text(&person.phone);
        let mut refusals = vec![Reaction::error(status, code)];
        place()
            .graph
            .on(message["text"]["body"].as_str().unwrap(), move |asked| refusals.pop().unwrap_or_else(|| yes(asked)));
        let refused = gate.send(&message);
        assert_eq!((refused.status, refused.header("x-baton-refused")), (status, None), "{refused:?}");
        assert!(states(gate, &person).is_empty(), "{status} says that it was not sent");
        let sent = gate.send(&message).sent_id();
        assert!(sent.starts_with("wamid."), "{sent}");
        assert_eq!(times_sent(&message), 2, "{status}");
        assert_eq!(states(gate, &person), ["accepted"]);
    }
}

#[test]
fn a_message_whose_answer_is_lost_is_unknown_and_not_sent_again() {
    let gate = &place().gate;
    let page = "<html>502 Bad Gateway</html>";
    let page = Reaction::json(502, &json!(null)).body(Body::Text(page.to_owned()));
    let no_id = Reaction::json(200, &json!({ "success": true }));
    for (reaction, first) in [(Reaction::HangUp, 400), (page, 502), (no_id, 200)] {
        let person = Person::new();
        let message = bot_text(&person.phone);
        react(&message, move || reaction.clone());
        let answer = gate.send(&message);
        assert_eq!(answer.status, first, "{answer:?}");
        if first == 400 {
            assert_eq!(answer.graph_error(), UNKNOWN);
            assert_eq!(answer.header("x-baton-refused"), Some("outcome_unknown"));
        }
        assert_eq!(states(gate, &person), ["unknown"], "{first}");
        let again = gate.send(&message);
        assert_eq!(again.graph_error(), UNKNOWN, "{again:?}");
        assert_eq!(again.header("retry-after"), None, "nobody is to be invited to send it again");
        // Whoever would repeat it would have done so by now.
        thread::sleep(Duration::from_secs(1));
        assert_eq!(times_sent(&message), 1, "a message of which nothing is known was sent again after {first}");
        let other = bot_text(&person.phone);
        assert_eq!(gate.send(&other).status, 200, "another message is not kept back by it");
        assert_eq!(states(gate, &person), ["unknown", "accepted"]);
    }
}

#[test]
fn an_answer_that_breaks_off_is_passed_on_as_far_as_it_came_and_counts_as_unknown() {
    let gate = &place().gate;
    let person = Person::new();
    let message = bot_text(&person.phone);
    let begun = r#"{"messaging_product":"whatsapp","contacts":[{"input":"#;
    react(&message, move || Reaction::json(200, &json!(null)).body(Body::Cut(begun.to_owned())));
    let (mut stream, body) = (wire::connect(&gate.url), message.to_string());
    stream.write_all(&request(&body)).unwrap();
    let (head, body) = wire::read_answer(&mut BufReader::new(stream), "POST").unwrap();
    assert!(head.line.contains(" 200 "), "{head:?}");
    assert!(!body.is_whole, "a broken answer looks whole: {head:?} {}", String::from_utf8_lossy(&body.kept));
    assert!(begun.as_bytes().starts_with(&body.kept), "{}", String::from_utf8_lossy(&body.kept));
    assert_eq!(states(gate, &person), ["unknown"]);
    assert_eq!(gate.send(&message).graph_error(), UNKNOWN);
    assert_eq!(times_sent(&message), 1);
}

#[test]
fn a_bot_that_hangs_up_before_the_answer_has_sent_its_message_all_the_same() {
    let gate = &place().gate;
    let person = Person::new();
    let message = bot_text(&person.phone);
    place().graph.on(message["text"]["body"].as_str().unwrap(), |asked| yes(asked).after(Duration::from_secs(2)));
    let mut stream = wire::connect(&gate.url);
    stream.write_all(&request(&message.to_string())).unwrap();
    place().graph.wait_for(1, message["text"]["body"].as_str().unwrap(), LIMIT);
    drop(stream);
    assert_eq!(states(gate, &person), ["accepted"]);
    let start = Instant::now();
    let again = gate.send(&message);
    assert_eq!((again.header("x-baton-refused"), again.status), (Some("duplicate"), 200), "{again:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(again.sent_id().starts_with("wamid."), "the bot learns the id at its second attempt");
    assert_eq!(times_sent(&message), 1);
}

#[test]
fn a_repetition_of_what_was_sent_before_the_takeover_gets_its_answer_and_sends_nothing() {
    let gate = &place().gate;
    let person = Person::new();
    let message = bot_text(&person.phone);
    let before = gate.send(&message).sent_id();
    gate.echo(person.both());
    let again = gate.send(&message);
    assert_eq!(again.sent_id(), before, "it was sent before the person took over, and is not sent again");
    assert_eq!(gate.send(&bot_text(&person.phone)).graph_error(), HELD);
    assert_eq!(times_sent(&message), 1);
}

#[test]
fn a_repetition_that_waits_longer_than_repetitions_count_is_still_not_sent() {
    let place = Place::start(json!({ "duplicate_send_seconds": 2 }));
    let (gate, graph) = (&place.gate, &place.graph);
    for lost in [false, true] {
        let person = Person::new();
        let message = bot_text(&person.phone);
        let words = message["text"]["body"].as_str().unwrap();
        graph.on(words, move |asked| {
            let page = Reaction::json(502, &json!(null)).body(Body::Text("<html></html>".to_owned()));
            (if lost { page } else { yes(asked) }).after(Duration::from_secs(4))
        });
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(|| gate.send(&message));
            graph.wait_for(1, words, LIMIT);
            let second = scope.spawn(|| gate.send(&message));
            (first.join().unwrap(), second.join().unwrap())
        });
        assert_eq!(graph.asked(words).len(), 1, "the second was sent while it was not known what became of the first");
        if lost {
            assert_eq!((first.status, second.graph_error()), (502, UNKNOWN));
        } else {
            assert_eq!((second.status, second.body), (200, first.body));
        }
        thread::sleep(Duration::from_secs(2));
        gate.send(&message);
        assert_eq!(graph.asked(words).len(), 2, "a message after that time is meant");
    }
}

#[test]
fn a_message_that_only_metas_report_says_was_sent_is_not_sent_again() {
    let place = place();
    let person = Person::new();
    place.gate.echo(person.both());
    let mut message = bot_text(&person.phone);
    message["biz_opaque_callback_data"] = json!("code:3");
    react(&message, || Reaction::HangUp);
    assert_eq!(place.gate.send(&message).graph_error(), UNKNOWN);
    assert_eq!(states(&place.gate, &person), ["unknown"]);
    let report = status_at(person.both(), &wamid_of(&person.phone), "sent", now_ms() / 1_000 + 1);
    place.gate.deliver(&delivery("messages", report));
    eventually(LIMIT, "Meta's report says what became of it", || {
        (states(&place.gate, &person) == ["accepted"]).then_some(())
    });
    assert_eq!(place.gate.send(&message).graph_error(), UNKNOWN, "there is no answer that could be given again");
    assert_eq!(times_sent(&message), 1);
}

/// A send on the bare connection.
fn request(body: &str) -> Vec<u8> {
    let (length, token) = (body.len().to_string(), format!("Bearer {BOT_TOKEN}"));
    let headers =
        [("authorization", token.as_str()), ("content-type", "application/json"), ("content-length", &length)];
    let mut bytes = wire::head("POST", &format!("/v23.0/{LINE}/messages"), &headers).into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}
