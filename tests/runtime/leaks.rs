//! What goes round the fence: messages that a bot sends past the gate are noticed and told; read receipts, which are no
//! messages, do not show the customer that a bot reads along; and a bot does not take the gate out of Meta's way.
//!
//! Invariant: a leak is what Meta reports as sent while a person holds, and is neither the shop's own nor the gate's.
//!
//! Not here: what is sent through the gate (`fence`).

use std::thread;
use std::time::Duration;

use baton::command::Shown;
use baton::conversation::collisions::Conflict;
use baton::ids::EventId;
use serde_json::{Value, json};

use crate::bot::{Bot, ok_after};
use crate::client::{BOT_TOKEN, Person, bot_text, eventually, now_ms, wamid, wamid_of};
use crate::common::meta::{self, ACCOUNT, APP, LINE, delivery};
use crate::gate::{APP_SECRET, Gate};
use crate::graph::{Graph, Place, fenced, place};
use crate::wire;

const LIMIT: Duration = Duration::from_secs(20);
/// How long a test watches for what must not come.
const WATCH: Duration = Duration::from_millis(1_500);

/// Meta reports that a message was sent to this customer, now.
fn sent(gate: &Gate, person: &Person, id: &str) {
    gate.deliver(&delivery("messages", meta::status_at(person.both(), id, "sent", now_ms() / 1_000 + 1)));
}

fn leaked(gate: &Gate, person: &Person) -> u32 {
    gate.shown(&person.phone).collision_counts.leaked
}

fn wait_for_leak(gate: &Gate, person: &Person) -> Shown {
    eventually(LIMIT, "the leak is noticed", || {
        Some(gate.shown(&person.phone)).filter(|shown| shown.collision_counts.leaked == 1)
    })
}

#[test]
fn a_message_that_went_past_the_gate_while_a_person_holds_is_noticed_and_told() {
    let gate = &place().gate;
    let person = Person::new();
    let echo = gate.echo(person.both());
    let id = wamid_of(&person.phone);
    sent(gate, &person, &id);
    let shown = wait_for_leak(gate, &person);
    // Meta repeats itself, and goes on to say that the message has arrived.
    sent(gate, &person, &id);
    for status in ["delivered", "read"] {
        gate.deliver(&delivery("messages", meta::status_at(person.both(), &id, status, now_ms() / 1_000)));
    }
    let collision = &shown.collisions[0];
    assert_eq!((&*collision.outcome, collision.reason), ("leaked", Conflict::HeldByHuman));
    assert_eq!(collision.message.as_ref().map(EventId::as_str), Some(id.as_str()));
    assert_eq!(collision.taken_by.as_ref().map(EventId::as_str), Some(echo.as_str()));
    thread::sleep(WATCH);
    assert_eq!(leaked(gate, &person), 1, "one message is one leak");
    eventually(LIMIT, "the operator is told", || (gate.told("leak", &shown.conversation) == 1).then_some(()));
}

#[test]
fn a_leak_is_noticed_also_where_the_bot_takes_its_time_with_the_report() {
    let bot = Bot::start(APP_SECRET);
    let graph = Graph::start();
    let gate = Gate::start(&bot, fenced(&graph.url, json!({})));
    let person = Person::new();
    gate.echo(person.both());
    let id = wamid_of(&person.phone);
    bot.on(&id, |_| ok_after(Duration::from_secs(4)));
    sent(&gate, &person, &id);
    wait_for_leak(&gate, &person);
}

#[test]
fn what_is_the_shops_own_or_the_gates_or_older_than_the_hold_is_no_leak() {
    let place = place();
    let gate = &place.gate;
    let person = Person::new();
    let of_the_gate = gate.send(&bot_text(&person.phone)).sent_id();
    let older = wamid_of(&person.phone);
    let echo = gate.echo(person.both());
    let mut marked = bot_text(&person.phone);
    marked["biz_opaque_callback_data"] = json!("code:1");
    let let_through = gate.send(&marked).sent_id();
    for id in [&of_the_gate, &let_through, &echo] {
        sent(gate, &person, id);
    }
    let before = now_ms() / 1_000 - 60;
    gate.deliver(&delivery("messages", meta::status_at(person.both(), &older, "sent", before)));
    for status in ["delivered", "read", "failed"] {
        let id = wamid_of(&person.phone);
        gate.deliver(&delivery("messages", meta::status_at(person.both(), &id, status, now_ms() / 1_000)));
    }
    thread::sleep(WATCH);
    assert_eq!(leaked(gate, &person), 0, "{:#?}", gate.shown(&person.phone).collisions);

    // Where nobody holds, a bot may send as it likes.
    let other = Person::new();
    gate.asks(other.both());
    sent(gate, &other, &wamid_of(&other.phone));
    thread::sleep(WATCH);
    assert_eq!(leaked(gate, &other), 0);
}

#[test]
fn a_report_of_the_shops_own_message_that_comes_before_its_echo_is_taken_back() {
    let gate = &place().gate;
    let person = Person::new();
    gate.echo(person.both());
    let own = wamid_of(&person.phone);
    sent(gate, &person, &own);
    wait_for_leak(gate, &person);
    gate.deliver(&delivery("smb_message_echoes", meta::echo(person.both(), &own, "one more thing, from the phone")));
    let shown = gate.shown(&person.phone);
    assert_eq!((shown.collision_counts.leaked, shown.collisions.len()), (0, 0), "{:#?}", shown.collisions);
}

#[test]
fn a_report_that_comes_before_the_graph_apis_answer_is_no_leak() {
    let place = place();
    let person = Person::new();
    place.gate.echo(person.both());
    let mut message = bot_text(&person.phone);
    message["biz_opaque_callback_data"] = json!("code:2");
    let id = wamid_of(&person.phone);
    let answer = json!({ "messaging_product": "whatsapp", "messages": [{ "id": id }] });
    let words = message["text"]["body"].as_str().unwrap().to_owned();
    place.graph.on(&words, move |_| crate::graph::Reaction::json(200, &answer).after(WATCH));
    thread::scope(|scope| {
        let sending = scope.spawn(|| place.gate.send(&message));
        place.graph.wait_for(1, &words, LIMIT);
        sent(&place.gate, &person, &id);
        assert_eq!(sending.join().unwrap().sent_id(), id);
    });
    thread::sleep(WATCH);
    assert_eq!(leaked(&place.gate, &person), 0, "{:#?}", place.gate.shown(&person.phone));
}

fn read_receipt(id: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "status": "read", "message_id": id, "typing_indicator": { "type": "text" } })
}

#[test]
fn read_receipts_stay_here_while_a_person_holds_and_pass_where_nobody_does() {
    let place = place();
    let (gate, graph) = (&place.gate, &place.graph);
    let success = json!({ "success": true });
    for held in [true, false] {
        let person = Person::new();
        let id = wamid_of(&person.phone);
        gate.text(person.both(), &id, "is anybody there?");
        if held {
            gate.echo(person.both());
        }
        let before = gate.shown(&person.phone);
        let answer = gate.send(&read_receipt(&id));
        assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), success, "{answer:?}");
        assert_eq!(answer.status, 200);
        assert_eq!(graph.asked(&id).len(), usize::from(!held), "held: {held}");
        assert_eq!(answer.header("x-baton-refused"), held.then_some("held_by_human"));
        let after = gate.shown(&person.phone);
        assert_eq!((after.collision_counts, after.sends.len()), (before.collision_counts, 0), "it is no message");
    }
    // Of what the gate does not know it cannot say to whom it belongs.
    let person = Person::new();
    gate.echo(person.both());
    for id in [wamid_of(&person.phone), wamid(), "not even a wamid".to_owned()] {
        assert_eq!(gate.send(&read_receipt(&id)).status, 200);
        assert_eq!(graph.asked(&id).len(), 1, "{id}");
    }
}

/// What a bot does to be told by Meta itself: method, path, body.
const CHANGES: [(&str, &str, &str); 8] = [
    ("POST", "/100000000000001/subscriptions", "object=whatsapp_business_account&callback_url=https://bot.example.com"),
    ("DELETE", "/100000000000001/subscriptions", ""),
    ("POST", "/200000000000001/subscribed_apps", r#"{"override_callback_uri": "https://bot.example.com"}"#),
    ("DELETE", "/200000000000001/subscribed_apps", ""),
    ("POST", "/300000000000001", r#"{"webhook_configuration": {"override_callback_uri": "https://bot.example.com"}}"#),
    ("POST", "/300000000000001", r#"{"webhook_\u0063onfiguration": null}"#),
    ("POST", "/oauth/access_token", "grant_type=client_credentials"),
    ("GET", "/oauth/access_token?client_id=1&grant_type=client_credentials", ""),
];

#[test]
fn a_bot_does_not_take_the_gate_out_of_metas_way() {
    assert_eq!((APP, ACCOUNT, LINE), ("100000000000001", "200000000000001", "300000000000001"), "as in CHANGES");
    let place = Place::start(json!({}));
    for (method, path, body) in CHANGES {
        for start in ["/v23.0", "", "/graph/v19.0"] {
            let headers = [("content-type", "application/json")];
            let answer = place.gate.call(method, &format!("{start}{path}"), &headers, body.as_bytes());
            assert_eq!(answer.graph_error(), (400, 2_200), "{method} {start}{path}: {answer:?}");
            assert_eq!(answer.header("x-baton-refused"), Some("callback_change"));
        }
    }
    // An app asks for its own token without having one.
    let (_, path, _) = CHANGES[7];
    assert_eq!(wire::ask(&place.gate.url, "GET", path, &[], b"").unwrap().graph_error(), (400, 2_200));
    assert!(place.graph.asked("").is_empty());
    let told = "\"event\":\"callback_change_refused\"";
    let lines = eventually(LIMIT, "the operator is told of each", || {
        let log = place.gate.runtime_log();
        Some(log.matches(told).count()).filter(|lines| *lines > 3 * CHANGES.len())
    });
    assert_eq!(lines, 3 * CHANGES.len() + 1);
    // Looking is no change, and neither is another setting of the line.
    for (method, path, body) in
        [("GET", format!("/{APP}/subscriptions"), ""), ("POST", format!("/{LINE}"), r#"{"pin": "123456"}"#)]
    {
        let headers = [("content-type", "application/json")];
        assert_eq!(place.gate.call(method, &path, &headers, body.as_bytes()).status, 200, "{method} {path}");
    }
}

#[test]
fn the_policy_may_let_callbacks_be_changed_and_read_receipts_pass() {
    let place = Place::start(json!({ "callback_changes": "allow", "bot_read_receipts": "pass" }));
    for (number, (method, path, body)) in CHANGES.into_iter().enumerate() {
        let headers = [("content-type", "application/json")];
        let answer = place.gate.call(method, &format!("/v23.0{path}"), &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        let asked = place.graph.asked("");
        assert_eq!((asked.len(), asked[number].text().as_str()), (number + 1, body));
        assert_eq!(asked[number].target, format!("/v23.0{path}"));
    }
    let strange = place.gate.call("POST", "/v23.0/100000000000002/subscriptions", &[], b"");
    assert_eq!(strange.graph_error(), (400, 100), "still no relay for strangers");
    eventually(LIMIT, "the operator is told of each", || {
        let told = place.gate.runtime_log().matches("callback_change_allowed").count();
        (told > CHANGES.len()).then_some(())
    });
    let person = Person::new();
    let id = wamid_of(&person.phone);
    place.gate.text(person.both(), &id, "is anybody there?");
    place.gate.echo(person.both());
    assert_eq!(place.gate.send(&read_receipt(&id)).header("x-baton-refused"), None);
    let [asked] = &place.graph.asked(&id)[..] else { panic!("it has not passed once") };
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {BOT_TOKEN}").as_str()));
}
