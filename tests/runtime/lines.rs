//! Several lines and several Meta apps in one deployment: each has its own policy, bot, secrets and token, and whatever
//! goes wrong with one, the others' messages arrive meanwhile as they always do.
//!
//! Not here: the token of a line on every operation (`access`), the rule by itself (`native/contract.rs`).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::{ask, json_of};
use crate::bot::Bot;
use crate::client::{Answer, Person, bot_text, eventually, wamid, wamid_of};
use crate::common::meta::{self, batch};
use crate::configuration::put_config;
use crate::delivery::sign;
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, Options};
use crate::graph::Graph;

/// Two clients' lines, each of an app of its own; a third line of the agency's own app; and one whose bot is not there.
const A: &str = "310000000000001";
const B: &str = "310000000000002";
const OWN: &str = "310000000000003";
const ORPHAN: &str = "310000000000004";
const APP_A: &str = "710000000000001";
const APP_B: &str = "710000000000002";
const SECRET_A: &str = "secret of the first client's app";
const SECRET_B: &str = "secret of the second client's app";

const LIMIT: Duration = Duration::from_secs(20);
/// How many of the second line's messages are timed.
const TIMED: usize = 20;

/// The bots of both clients and of the agency, and the gate before them.
struct Agency {
    a: Bot,
    b: Bot,
    own: Bot,
    gate: Gate,
}

impl Agency {
    /// `policy` is what the first line changes of the general policy.
    fn start(policy: Value) -> Self {
        let (a, b, own) = (Bot::start(SECRET_A), Bot::start(SECRET_B), Bot::start(APP_SECRET));
        let options = options(&a, &b, policy);
        let gate = Gate::start(&own, options);
        Self { a, b, own, gate }
    }
}

fn options(a: &Bot, b: &Bot, policy: Value) -> Options {
    let lines = json!({
        A: { "account": "210000000000001", "app": APP_A, "bot": "first", "policy": policy },
        B: { "account": "210000000000002", "app": APP_B, "bot": "second" },
        OWN: {},
        ORPHAN: { "bot": "gone" },
    });
    let general = json!({ "lease_seconds": 600, "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
    Options::with_policy(general)
        .var("LINES", lines.to_string())
        .var("BOTS", json!({ "first": a.url(), "second": b.url() }).to_string())
        .var("META_APP_SECRET_710000000000001", SECRET_A)
        .var("META_VERIFY_TOKEN_710000000000001", "word of the first client")
        .var("META_APP_SECRET_710000000000002", SECRET_B)
        .var("META_VERIFY_TOKEN_710000000000002", "word of the second client")
}

/// Posts a delivery to a path, signed with this secret.
fn post(gate: &Gate, path: &str, secret: &str, delivery: &Value) -> Answer {
    let body = delivery.to_string();
    let headers = [("content-type", "application/json"), ("x-hub-signature-256", &sign(secret, body.as_bytes()))];
    gate.request_with("POST", path, &headers, &body)
}

/// A customer of a line writes, and Meta delivers it by the line's app; the message's id.
fn text(gate: &Gate, line: &str, person: &Person) -> String {
    let id = wamid();
    let (path, secret) = by_app(line);
    let delivery = batch(vec![(line, "messages", meta::text(person.both(), &id, "is anybody there?"))]);
    let answer = post(gate, &path, secret, &delivery);
    assert_eq!(answer.status, 200, "{answer:?}");
    id
}

fn by_app(line: &str) -> (String, &'static str) {
    match line {
        A => (format!("/webhook/{APP_A}"), SECRET_A),
        B => (format!("/webhook/{APP_B}"), SECRET_B),
        _ => ("/webhook".to_owned(), APP_SECRET),
    }
}

/// How long a person of this line holds by the policy in force.
fn lease_seconds(gate: &Gate, line: &str) -> u64 {
    let person = Person::new();
    let echo = meta::echo(person.both(), &wamid(), &format!("on my way, {}", person.phone));
    let (path, secret) = by_app(line);
    assert_eq!(post(gate, &path, secret, &batch(vec![(line, "smb_message_echoes", echo)])).status, 200);
    let shown = gate.shown_at(line, &person.phone).unwrap();
    (shown.lease_until_ms.unwrap().as_millis() - shown.journal[0].at_ms.as_millis()) / 1_000
}

fn health(gate: &Gate) -> Value {
    let answer = gate.get("/health");
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// Whether one of what is degraded begins with the name of this setting.
fn is_degraded(health: &Value, setting: &str) -> bool {
    let all = health["degraded"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().any(|told| told.as_str().unwrap().contains(setting))
}

/// How long messages of a line take from Meta's post to its bot: the middle one of some, each of which has to arrive.
fn usual_ms(gate: &Gate, bot: &Bot, line: &str) -> u128 {
    let mut took: Vec<u128> = (0..TIMED)
        .map(|_| {
            let began = Instant::now();
            let id = text(gate, line, &Person::new());
            bot.wait_for(1, &id, LIMIT);
            began.elapsed().as_millis()
        })
        .collect();
    took.sort_unstable();
    took[TIMED / 2]
}

#[test]
fn each_line_has_its_own_bot_signature_policy_and_handshake() {
    let agency = Agency::start(json!({ "lease_seconds": 100 }));
    let Agency { a, b, own, gate } = &agency;
    // Each bot checks the signature with its own app's secret.
    for (line, bot) in [(A, a), (B, b), (OWN, own)] {
        let person = Person::new();
        let id = text(gate, line, &person);
        bot.wait_for(1, &id, LIMIT);
        for other in [a, b, own].into_iter().filter(|other| !std::ptr::eq(*other, bot)) {
            assert!(other.deliveries(&id).is_empty(), "a message of {line} reached another's bot");
        }
        // Receipts go straight, and to the same bot.
        let status = meta::status(person.both(), &wamid(), "read");
        let receipt = status["statuses"][0]["id"].as_str().unwrap().to_owned();
        let (path, secret) = by_app(line);
        assert_eq!(post(gate, &path, secret, &batch(vec![(line, "messages", status)])).status, 200);
        bot.wait_for(1, &receipt, LIMIT);
    }
    assert_eq!([A, B, OWN].map(|line| lease_seconds(gate, line)), [100, 600, 600]);
    let handshake = |path: &str, word: &str| {
        let word = word.replace(' ', "+").replace('\'', "%27");
        gate.get(&format!("{path}?hub.mode=subscribe&hub.challenge=7&hub.verify_token={word}"))
    };
    let (path_a, path_b) = (by_app(A).0, by_app(B).0);
    for (path, word, status) in [
        (path_a.as_str(), "word of the first client", 200),
        (&path_b, "word of the second client", 200),
        (&path_a, "word of the second client", 403),
        (&path_a, "word of the shop", 403),
        ("/webhook", "word of the shop", 200),
        ("/webhook", "word of the first client", 403),
        ("/webhook/999", "word of the shop", 404),
        ("/webhook/", "word of the shop", 404),
    ] {
        assert_eq!(handshake(path, word).status, status, "{path} {word}");
    }
    // A bot that is not there is waited for, and no other gets its line's messages instead.
    assert!(is_degraded(&health(gate), &format!("LINES.{ORPHAN}.bot")));
    let person = Person::new();
    let id = text(gate, ORPHAN, &person);
    let event = eventually(LIMIT, "the bot is looked for", || {
        let shown = gate.shown_at(ORPHAN, &person.phone)?;
        shown.events.into_iter().find(|event| event.id.as_str() == id && event.attempts.number() > 0)
    });
    assert_eq!(event.reason.as_deref(), Some("no_such_bot"), "{event:?}");
    assert!([a, b, own].iter().all(|bot| bot.deliveries(&id).is_empty()));
}

#[test]
fn whatever_is_wrong_with_one_line_the_others_messages_arrive_as_always() {
    let mut agency = Agency::start(json!({ "lease_seconds": 100 }));
    let usual = usual_ms(&agency.gate, &agency.b, B);
    let bound = usual * 4 + 500;
    let report = |trouble: &str, took: u128| {
        println!("B's messages take {took} ms in the middle while {trouble}; {usual} ms usually");
        assert!(took <= bound, "{took} ms while {trouble}, {usual} ms usually");
    };

    // Its bot is down, and customers write on.
    agency.a.go_down();
    let mut unanswered = Vec::new();
    for _ in 0..30 {
        let person = Person::new();
        unanswered.push((text(&agency.gate, A, &person), person));
    }
    report("A's bot is down", usual_ms(&agency.gate, &agency.b, B));
    // Its bot never answers.
    agency.a.come_up();
    agency.a.on("", |_| crate::bot::Reaction::Never);
    for _ in 0..30 {
        text(&agency.gate, A, &Person::new());
    }
    report("A's bot hangs", usual_ms(&agency.gate, &agency.b, B));

    // Its policy has mistakes, and the secret of its app is missing.
    let broken = json!({ "lease_seconds": 0, "leese": "a secret word" });
    let options = options(&agency.a, &agency.b, broken).var("META_APP_SECRET_710000000000001", "");
    agency.gate.restart_with(options);
    let gate = &agency.gate;
    let health = health(gate);
    assert_eq!(health["status"], "degraded");
    for setting in [&format!("LINES.{A}.policy"), "META_APP_SECRET_710000000000001"] {
        assert!(is_degraded(&health, setting), "{health} does not name {setting}");
    }
    assert!(!health.to_string().contains("a secret word"), "{health}");
    let body = batch(vec![(A, "messages", meta::text(Person::new().both(), &wamid(), "hello?"))]);
    for answer in [post(gate, &by_app(A).0, SECRET_A, &body), post(gate, &by_app(A).0, APP_SECRET, &body)] {
        assert_eq!(answer.status, 503, "{answer:?}");
        let detail = answer.problem()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("wrangler secret put META_APP_SECRET_710000000000001"), "{detail}");
    }
    report("A's policy is broken and its app's secret is missing", usual_ms(gate, &agency.b, B));
    assert_eq!([B, OWN].map(|line| lease_seconds(gate, line)), [600, 600]);
    let log = gate.runtime_log();
    assert!(log.contains("policy_refused") && log.contains(&format!("LINES.{A}.policy")), "{log}");
    assert!(log.contains("settings_degraded"), "{log}");

    // Once mended, what had waited for its bot arrives: nothing of it was lost, and the general policy was good for it.
    agency.a.behave();
    agency.gate.restart_with(self::options(&agency.a, &agency.b, json!({})));
    let alive = agency.gate.get("/health");
    assert!(!alive.body.contains(APP_A), "{alive:?}");
    assert_eq!(lease_seconds(&agency.gate, A), 600);
    for (id, _) in &unanswered {
        agency.a.wait_for(1, id, Duration::from_mins(1));
    }
}

#[test]
fn a_line_whose_policy_has_a_mistake_has_the_general_one_and_says_so() {
    let agency = Agency::start(json!({ "lease_seconds": 1_200, "max_hold_seconds": 60 }));
    let gate = &agency.gate;
    assert_eq!([A, B].map(|line| lease_seconds(gate, line)), [600, 600]);
    assert!(is_degraded(&health(gate), &format!("LINES.{A}.policy")));
}

#[test]
fn nobody_makes_events_of_another_apps_lines() {
    let agency = Agency::start(json!({}));
    let gate = &agency.gate;
    let people: Vec<Person> = (0..4).map(|_| Person::new()).collect();
    let lines = [A, B, OWN, "999000000000001"];
    let everybody = || {
        let text = |(line, person): (&&'static str, &Person)| {
            (*line, "messages", meta::text(person.both(), &wamid(), "send me the goods"))
        };
        batch(lines.iter().zip(&people).map(text).collect())
    };
    let met = || -> Vec<bool> {
        lines.iter().zip(&people).map(|(line, person)| gate.shown_at(line, &person.phone).is_some()).collect()
    };
    // The first client signs whatever they like with their own app's secret.
    assert_eq!(post(gate, &by_app(A).0, SECRET_A, &everybody()).status, 200);
    assert_eq!(met(), [true, false, false, false]);
    let counted = || {
        let log = gate.runtime_log();
        let line = log.lines().rev().find(|line| line.contains("\"event\":\"not_believed\""))?;
        serde_json::from_str::<Value>(line.get(line.find('{')?..=line.rfind('}')?)?).ok()?["count"].as_u64()
    };
    eventually(LIMIT, "the log counts what is not believed", || (counted() == Some(3)).then_some(()));
    // Nor with what belongs to an account, or to nobody: it would go to the second client's bot, or to the agency's.
    for entry in ["210000000000002", "999", ""] {
        let of_account = json!({ "object": "whatsapp_business_account", "entry": [{ "id": entry, "time": 1_793_700_000,
            "changes": [{ "field": "account_update", "value": { "event": "PARTNER_REMOVED" } }] }] });
        let before = gate.told("not_believed", "");
        assert_eq!(post(gate, &by_app(A).0, SECRET_A, &of_account).status, 200);
        eventually(LIMIT, entry, || (gate.told("not_believed", "") > before).then_some(()));
    }
    assert_eq!(gate.told("partner_removed", ""), 0);
    // The agency's own app is no client's either, and has what no other has.
    assert_eq!(post(gate, "/webhook", APP_SECRET, &everybody()).status, 200);
    assert_eq!(met(), [true, false, true, true]);
    // Nobody signs with another's secret, and what cannot be read is kept by itself.
    for (path, secret) in [(by_app(A).0, SECRET_B), (by_app(A).0, APP_SECRET), ("/webhook".to_owned(), SECRET_A)] {
        assert_eq!(post(gate, &path, secret, &everybody()).status, 401, "{path} {secret}");
    }
    assert_eq!(post(gate, &by_app(A).0, SECRET_A, &json!("no webhook at all")).status, 200);
    assert_eq!(gate.told("unreadable", ""), 1);
    assert_eq!(met(), [true, false, true, true]);
    assert!(agency.b.deliveries("").is_empty(), "the second client's bot has never heard of it");
}

fn operate(gate: &Gate, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(gate, method, &format!("/api/v1/policy{path}"), &[("authorization", &authorization)], &body)
}

#[test]
fn a_lines_policy_is_changed_by_itself_with_versions_of_its_own() {
    const TOKEN: &str = "token of the first client";
    let (a, b) = (Bot::start(SECRET_A), Bot::start(SECRET_B));
    let start = || options(&a, &b, json!({ "lease_seconds": 100 })).var("ADMIN_TOKEN_310000000000001", TOKEN);
    let mut gate = Gate::start(&a, start());
    let of_a = format!("?line={A}");
    let policy = |gate: &Gate, query: &str| json_of(&operate(gate, ADMIN_TOKEN, "GET", query, &Value::Null));
    let first = policy(&gate, &of_a);
    assert_eq!(
        (&first["source"], &first["version"], &first["line"], &first["document"]),
        (&json!("deployment"), &json!(0), &json!(A), &json!({ "lease_seconds": 100 }))
    );
    assert_eq!(
        (&first["effective"]["lease_seconds"], &first["effective"]["stale_after_seconds"]),
        (&json!(100), &json!(0))
    );
    assert!(policy(&gate, "")["line"].is_null());

    // The client changes their own, and nobody else's.
    let change = json!({ "document": { "lease_seconds": 300 }, "note": "longer" });
    assert_eq!(operate(&gate, TOKEN, "PUT", "", &change).status, 403, "the general policy is not theirs");
    let put = json_of(&operate(&gate, TOKEN, "PUT", &of_a, &change));
    assert_eq!((&put["version"], &put["source"], &put["document"]), (&json!(1), &json!("desk"), &change["document"]));
    assert_eq!([A, B, OWN].map(|line| lease_seconds(&gate, line)), [300, 600, 600]);
    assert_eq!(policy(&gate, "")["version"], 0);

    // A change of the general policy reaches the keys in which no line differs, and is another row of versions.
    let general = json!({ "document": { "lease_seconds": 500, "max_hold_seconds": 700, "stale_after_seconds": 0 } });
    assert_eq!(json_of(&operate(&gate, ADMIN_TOKEN, "PUT", "", &general))["version"], 1);
    assert_eq!([A, B, OWN].map(|line| lease_seconds(&gate, line)), [300, 500, 500]);

    // What contradicts the general policy is refused before it is in force, with its path.
    let too_long = json!({ "document": { "lease_seconds": 800 } });
    let refused = operate(&gate, TOKEN, "PUT", &of_a, &too_long);
    assert_eq!((refused.status, &refused.problem()["mistakes"][0]["path"]), (422, &json!("lease_seconds")));
    let checked = json_of(&operate(&gate, TOKEN, "POST", &format!("/check{of_a}"), &too_long));
    assert_eq!(checked["mistakes"], refused.problem()["mistakes"]);
    let others_bot = json!({ "document": { "rules": [{ "name": "r", "then": "bot", "bot": "second" }] } });
    assert_eq!(
        operate(&gate, TOKEN, "PUT", &of_a, &others_bot).status,
        422,
        "another line's bot is not theirs to name"
    );
    assert_eq!(
        operate(&gate, ADMIN_TOKEN, "GET", "?line=999", &Value::Null).status,
        422,
        "a line that is none of LINES"
    );

    // What would happen to a webhook is tried with the line's own policy.
    let own_rule = json!({ "document": { "rules": [{ "name": "theirs", "then": "human" }] } });
    assert_eq!(json_of(&operate(&gate, TOKEN, "PUT", &of_a, &own_rule))["version"], 2);
    let delivery = batch(vec![(A, "messages", meta::text(Person::new().both(), &wamid(), "hello"))]);
    let test = |query: &str, token: &str| {
        let body = json!({ "delivery": delivery });
        json_of(&operate(&gate, token, "POST", &format!("/test{query}"), &body))["events"][0]["rule"].clone()
    };
    assert_eq!((test(&of_a, TOKEN), test("", ADMIN_TOKEN)), (json!("theirs"), Value::Null));

    gate.restart_with(start());
    assert_eq!([A, B].map(|line| lease_seconds(&gate, line)), [500, 500], "version 2 has no lease of its own");
    let back = json_of(&operate(&gate, TOKEN, "POST", &format!("/rollback{of_a}"), &json!({ "version": 1 })));
    assert_eq!((&back["version"], lease_seconds(&gate, A)), (&json!(3), 300));
    let versions = |query: &str| {
        let shown = json_of(&operate(&gate, ADMIN_TOKEN, "GET", &format!("/versions{query}"), &Value::Null));
        shown["versions"].as_array().unwrap().len()
    };
    assert_eq!((versions(&of_a), versions(&format!("?line={B}")), versions("")), (3, 0, 1));

    // Somebody writes nonsense into KV, for one line: that line stays as it was, and its neighbours hear nothing of it.
    gate.stop();
    put_config(&gate, &format!("policy/{A}"), r#"{"lease_seconds": 0}"#);
    put_config(&gate, &format!("policy/{B}"), r#"{"lease_seconds": 650}"#);
    gate.restart();
    assert_eq!([A, B, OWN].map(|line| lease_seconds(&gate, line)), [300, 650, 500]);
    let health = health(&gate);
    assert!(is_degraded(&health, &format!("policy/{A}")) && !is_degraded(&health, B), "{health}");
    assert_eq!(policy(&gate, &of_a)["document"], json!({ "lease_seconds": 300 }), "what is in force is shown");
    let of_b = policy(&gate, &format!("?line={B}"));
    assert_eq!((&of_b["source"], &of_b["document"]), (&json!("kv"), &json!({ "lease_seconds": 650 })));
}

#[test]
fn who_has_the_word_of_one_line_sends_for_that_line_only() {
    let graph = Graph::start();
    let (a, b) = (Bot::start(SECRET_A), Bot::start(SECRET_B));
    let options = options(&a, &b, json!({}))
        .var("GRAPH_URL", &*graph.url)
        .var("GRAPH_KEY_310000000000001", "word-of-a")
        .var("GRAPH_KEY_310000000000002", "word-of-b");
    let gate = Gate::start(&a, options);
    let send = |base: &str, line: &str| {
        let body = bot_text(&Person::new().phone).to_string();
        let headers = [("content-type", "application/json")];
        gate.call("POST", &format!("{base}/v23.0/{line}/messages"), &headers, body.as_bytes())
    };
    for (base, line, expected) in [
        ("/graph/word-of-a", A, 200),
        ("/graph/word-of-b", B, 200),
        ("", OWN, 200),
        ("/graph", OWN, 200),
        ("/graph/word-of-a", B, 401),
        ("/graph/word-of-a", OWN, 401),
        ("", A, 401),
        ("/graph", B, 401),
    ] {
        let answer = send(base, line);
        assert_eq!(answer.status, expected, "{base} {line}: {answer:?}");
        if expected == 401 {
            assert_eq!(answer.header("x-baton-refused"), Some("key"), "{base} {line}");
        }
    }
    assert_eq!(graph.asked("/messages").len(), 4, "nothing else was sent on");
    // A person of one line holds the baton there, and nowhere else.
    let person = Person::new();
    let echo = meta::echo(person.both(), &wamid_of(&person.phone), "I am here");
    assert_eq!(post(&gate, &by_app(A).0, SECRET_A, &batch(vec![(A, "smb_message_echoes", echo)])).status, 200);
    let to = |base: &str, line: &str| {
        let headers = [("content-type", "application/json")];
        let body = bot_text(&person.phone).to_string();
        gate.call("POST", &format!("{base}/v23.0/{line}/messages"), &headers, body.as_bytes()).status
    };
    assert_eq!((to("/graph/word-of-a", A), to("/graph/word-of-b", B)), (400, 200));
}
