//! What the operator does from the desk, on the real Worker: take, release, pause, erase; ask why; try the rules.
//!
//! The times of the policy are seconds here; what a test waits for at most is generous.

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use baton::command::HolderName;
use serde_json::{Value, json};

use crate::bot::{ok_after, status};
use crate::client::{Answer, Person, bot_text, eventually, now_ms, wamid, wamid_of};
use crate::common::meta::{LINE, delivery, text};
use crate::fence::assert_held;
use crate::gate::ADMIN_TOKEN;
use crate::graph::Place;

const LIMIT: Duration = Duration::from_secs(20);
/// How long a test watches for what must not come.
const WATCH: Duration = Duration::from_millis(1_500);

/// A time a little after that of the samples.
const AT: u64 = 1_793_700_100_000;

/// A gate whose holds are short.
fn place() -> &'static Place {
    static PLACE: LazyLock<Place> = LazyLock::new(|| {
        Place::start(json!({
            "lease_seconds": 2,
            "max_hold_seconds": 3,
            "warn_after_seconds": 1,
            "hand_back_after_seconds": 2,
            "rules": [{ "name": "vip", "when": { "text": "vip" }, "then": "human" }],
        }))
    });
    &PLACE
}

fn operator(method: &str, path: &str, body: Option<&Value>) -> Answer {
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let body = body.map(Value::to_string).unwrap_or_default();
    crate::wire::ask(&place().gate.url, method, &format!("/api/v1/{path}"), &headers, body.as_bytes()).unwrap()
}

fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// The operator does this to the conversation of a customer.
fn act(customer: &str, act: &str) -> Value {
    json_of(&operator("POST", &format!("conversations/{LINE}/{customer}/{act}"), None))
}

fn pause(customer: &str, until_ms: u64) -> Answer {
    operator("POST", &format!("conversations/{LINE}/{customer}/pause"), Some(&json!({ "until_ms": until_ms })))
}

fn explain(wamid: &str, query: &str) -> Answer {
    let wamid = wamid.replace('=', "%3D").replace('/', "%2F");
    operator("GET", &format!("explain/{wamid}{query}"), None)
}

fn record(customer: &str) -> Answer {
    operator("GET", &format!("conversations/{LINE}/{customer}"), None)
}

#[test]
fn an_operator_who_takes_silences_the_bot_and_who_releases_hands_back_what_is_unanswered() {
    let (place, person) = (place(), Person::new());
    let first = place.gate.asks(person.both());
    place.bot.wait_for(1, &first, LIMIT);
    place.gate.wait_for_state(&person.phone, &first, "delivered", LIMIT);
    let taken = act(&person.phone, "take");
    assert_eq!((&taken["holder"], &taken["token"], &taken["changed"]), (&json!("human"), &json!(1), &json!(true)));
    assert_held(&place.gate.send(&bot_text(&person.phone)), "after the operator has taken");
    let second = place.gate.asks(person.both());
    assert_eq!(place.gate.fate(&person.phone, &second).1.as_deref(), Some("held_by_human"));
    let explained = json_of(&explain(&second, &format!("?customer={}", person.bsuid)));
    assert!(explained["explanation"].as_str().unwrap().contains("the operator had taken it"), "{explained}");

    let released = act(&person.bsuid, "release");
    assert_eq!((&released["holder"], &released["changed"]), (&json!("automation"), &json!(true)));
    place.bot.wait_for(1, &second, LIMIT);
    assert_eq!(act(&person.phone, "release")["changed"], false);
    let shown = json_of(&record(&person.phone));
    let causes: Vec<&Value> = shown["journal"].as_array().unwrap().iter().map(|step| &step["cause"]).collect();
    assert_eq!(causes, ["operator", "operator"]);
    assert_eq!((&shown["customer"], &shown["line"]), (&json!(person.bsuid), &json!(LINE)));
    assert_eq!(shown["names"], json!([person.bsuid, person.phone]));
}

#[test]
fn a_pause_holds_over_the_longest_hold_and_ends_by_itself() {
    let (place, person) = (place(), Person::new());
    place.gate.asks(person.both());
    let until = now_ms() + 7_000;
    let paused = json_of(&pause(&person.phone, until));
    assert_eq!((&paused["paused"], &paused["lease_until_ms"]), (&json!(true), &json!(until)));
    place.gate.echo(person.both());
    let missed = place.gate.asks(person.both());
    thread::sleep(Duration::from_secs(5));
    let shown = json_of(&record(&person.phone));
    assert_eq!((&shown["holder"], &shown["paused"]), (&json!("human"), &json!(true)), "{shown}");
    assert!(shown["explanation"].as_str().unwrap().contains("the operator keeps the bot out"), "{shown}");
    assert!(place.bot.deliveries(&missed).is_empty());
    let shown = place.gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
    let ended = shown.journal.last().unwrap().at_ms.as_millis();
    assert!(ended >= until, "{ended} is before {until}");
    place.bot.wait_for(1, &missed, LIMIT);
    assert_eq!(place.gate.told("customer_unanswered", &shown.conversation), 1, "the owner was warned meanwhile");
}

#[test]
fn what_cannot_be_done_is_a_problem_and_makes_nothing() {
    let (place, person) = (place(), Person::new());
    for act in ["take", "release"] {
        let answer = operator("POST", &format!("conversations/{LINE}/{}/{act}", person.phone), None);
        assert_eq!(answer.problem()["status"], 404, "{act}");
    }
    assert_eq!(pause(&person.phone, now_ms() + 60_000).problem()["status"], 404);
    assert!(place.gate.shown_at(LINE, &person.phone).is_none(), "nothing was made");
    for until in [0, now_ms() - 1, now_ms() + 8 * 86_400_000] {
        let problem = pause(&person.phone, until).problem();
        assert_eq!(problem["status"], 422, "{until}");
        assert!(problem["detail"].as_str().unwrap().contains("until_ms"), "{problem}");
    }
    assert_eq!(operator("DELETE", &format!("conversations/{LINE}/{}", person.phone), None).problem()["status"], 404);
    assert_eq!(explain(&wamid(), "").problem()["status"], 422, "its id names nobody");
    assert_eq!(explain(&wamid(), "?customer=nobody").problem()["status"], 400);
    assert_eq!(explain(&wamid_of(&person.phone), "").problem()["status"], 404);
}

#[test]
fn every_message_is_explained_by_its_id_alone_where_that_names_the_customer() {
    let (place, person) = (place(), Person::new());
    // The one comes by the number before the names are known for one, the other under both.
    let [first, second, echo] = [(); 3].map(|()| wamid_of(&person.phone));
    place.gate.text(person.by_phone(), &first, "hello");
    place.gate.wait_for_state(&person.phone, &first, "delivered", LIMIT);
    let told = json_of(&explain(&first, ""));
    assert_eq!(told["event"]["state"], "delivered");
    let sent = place.gate.send(&bot_text(&person.phone)).sent_id();
    eventually(LIMIT, "the send is settled", || {
        place.gate.shown(&person.phone).sends.into_iter().find(|send| send.state == "accepted")
    });
    place.gate.deliver(&delivery("smb_message_echoes", crate::common::meta::echo(person.both(), &echo, "let me look")));
    place.gate.text(person.both(), &second, "and?");
    for (id, class, words) in
        [(&first, "turn", "delivered"), (&second, "turn", "a person held the baton"), (&echo, "echo", "took the baton")]
    {
        let told = json_of(&explain(id, ""));
        assert_eq!((&told["event"]["id"], &told["event"]["class"]), (&json!(id), &json!(class)), "{told}");
        assert!(told["explanation"].as_str().unwrap().contains(words), "{told}");
        assert_eq!(explain(id, &format!("?line={LINE}&customer={}", person.bsuid)).status, 200);
    }
    let told = json_of(&explain(&sent, &format!("?customer={}", person.phone)));
    assert_eq!((&told["event"], &told["send"]["id"]), (&Value::Null, &json!(sent)));
    assert!(told["explanation"].as_str().unwrap().contains("let through"), "{told}");
}

#[test]
fn who_is_erased_is_forgotten_under_every_name_and_begins_afresh() {
    let (place, person) = (place(), Person::new());
    let [first, second] = [(); 2].map(|()| wamid_of(&person.phone));
    place.gate.text(person.by_phone(), &first, "hello");
    place.gate.wait_for_state(&person.phone, &first, "delivered", LIMIT);
    place.gate.text(person.both(), &second, "hello again");
    place.gate.wait_for_state(&person.phone, &second, "delivered", LIMIT);
    place.gate.text(person.by_bsuid(), &wamid(), "vip");
    place.bot.on(&person.phone, |_| ok_after(Duration::from_secs(2)));
    let under_way = place.gate.asks(person.both());
    place.bot.wait_for(1, &under_way, LIMIT);
    act(&person.phone, "take");

    let erased = json_of(&operator("DELETE", &format!("conversations/{LINE}/{}", person.phone), None));
    assert_eq!((&erased["erased"], &erased["remaining"]), (&json!(2), &json!(0)));
    // The attempt that was under way ends, and so would the alarm.
    thread::sleep(WATCH + Duration::from_secs(2));
    for name in [&person.phone, &person.bsuid] {
        assert_eq!(record(name).status, 404, "{name}");
        for id in [&first, &second, &under_way] {
            assert_eq!(explain(id, &format!("?customer={name}")).status, 404, "{id}");
        }
    }
    assert_eq!(operator("DELETE", &format!("conversations/{LINE}/{}", person.bsuid), None).status, 404);

    place.bot.on(&person.phone, |_| status(200));
    let afresh = wamid_of(&person.phone);
    place.gate.text(person.both(), &afresh, "hello, I am new here");
    place.bot.wait_for(1, &afresh, LIMIT);
    place.gate.wait_for_state(&person.bsuid, &afresh, "delivered", LIMIT);
    let shown = place.gate.shown(&person.phone);
    assert_eq!((shown.holder, shown.token.number(), shown.events.len()), (HolderName::Automation, 0, 1));
    assert!(shown.journal.is_empty() && shown.waiting_since_ms.is_none());
    place.gate.echo(person.by_phone());
    place.gate.wait_for_holder(&person.bsuid, HolderName::Human, LIMIT);
    place.gate.wait_for_holder(&person.bsuid, HolderName::Automation, LIMIT);
}

#[test]
fn what_would_happen_to_a_webhook_is_said_and_does_not_happen() {
    let (place, person) = (place(), Person::new());
    let webhook = delivery("messages", text(person.both(), &wamid(), "vip"));
    let test = |body: &Value| operator("POST", "policy/test", Some(body));
    let told = json_of(&test(&json!({ "delivery": webhook })));
    let event = &told["events"][0];
    assert_eq!((&event["reason"], &event["rule"]), (&json!("for_person"), &json!("vip")), "{told}");
    let told = json_of(&test(&json!({ "delivery": webhook, "document": {}, "at_ms": AT })));
    let event = &told["events"][0];
    assert_eq!((&event["state"], &event["due_at_ms"]), (&json!("waiting"), &json!(AT)), "{told}");
    let told = json_of(&test(&json!({ "delivery": webhook, "document": {}, "holder": "human", "at_ms": AT })));
    assert_eq!(told["events"][0]["reason"], "held_by_human", "{told}");
    assert!(place.gate.shown_at(LINE, &person.phone).is_none() && place.bot.deliveries(&person.phone).is_empty());
    for (body, status) in [
        (json!({}), 400),
        (json!({ "delivery": {} }), 400),
        (json!({ "delivery": webhook, "documnet": {} }), 400),
        (json!({ "delivery": webhook, "holder": "nobody" }), 400),
        (json!({ "delivery": webhook, "at_ms": -1 }), 400),
        (json!({ "delivery": webhook, "document": { "lease_seconds": 0, "rules": 1 } }), 422),
    ] {
        assert_eq!(test(&body).problem()["status"], status, "{body}");
    }
}
