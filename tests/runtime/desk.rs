//! The desk on the real runtime: what happens is seen within a second, in lists that have no gaps; the owner is told;
//! and nothing waits for any of it.
//!
//! Not here: counting, paging and incidents in all their cases (`native/desk.rs`), who may look (`access`).

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::Sha256;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use crate::bot::{Bot, status};
use crate::client::{Answer, Person, bot_text, eventually, now_ms, wamid_of};
use crate::common::meta::{self, ACCOUNT, LINE, delivery};
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, Options};
use crate::graph::{Graph, Place, Reaction, fenced};
use crate::wire;

const LIMIT: Duration = Duration::from_secs(20);
/// What the issue promises for a page that is open.
const SEEN_WITHIN: Duration = Duration::from_secs(1);
const ALERTS_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

impl Gate {
    /// What the operator is answered; it must be 200.
    pub fn desk(&self, path: &str) -> Value {
        let answer = self.request("GET", path, &[("authorization", &bearer())]);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    fn operate(&self, path: &str, body: &Value) -> Answer {
        let bearer = bearer();
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        wire::ask(&self.url, "POST", path, &headers, body.to_string().as_bytes()).expect("the gate answers")
    }

    /// A page of conversations.
    fn listed(&self, more: &str) -> Value {
        self.desk(&format!("/api/v1/conversations?line={LINE}{more}"))
    }

    /// This customer as the list shows them.
    fn in_list(&self, person: &Person) -> Option<Value> {
        self.listed(&format!("&q={}", person.phone))["conversations"].as_array().unwrap().first().cloned()
    }

    fn live(&self, shard: u32) -> Live {
        let address = self.url.strip_prefix("http://").unwrap();
        let request = tungstenite::http::Request::builder()
            .uri(format!("ws://{address}/api/v1/live?line={LINE}&shard={shard}"))
            .header("host", address)
            .header("authorization", bearer())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", tungstenite::handshake::client::generate_key())
            .body(())
            .unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let (socket, _) = tungstenite::client(request, MaybeTlsStream::Plain(stream)).unwrap();
        Live(socket)
    }
}

fn bearer() -> String {
    format!("Bearer {ADMIN_TOKEN}")
}

/// An open live stream.
struct Live(WebSocket<MaybeTlsStream<TcpStream>>);

impl Live {
    fn next(&mut self) -> String {
        loop {
            if let Message::Text(text) = self.0.read().expect("the stream goes on") {
                return text.to_string();
            }
        }
    }

    /// Waits for a message of this customer that shows it.
    fn wait_for(&mut self, person: &Person, shows: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message: Value = serde_json::from_str(&self.next()).unwrap();
            let conversation = &message["conversation"];
            let is_theirs = conversation["names"].as_array().is_some_and(|names| names.contains(&json!(person.phone)));
            if message["type"] == "conversation" && is_theirs && shows(conversation) {
                return conversation.clone();
            }
        }
    }
}

#[test]
fn a_takeover_is_on_the_live_stream_within_a_second_and_in_the_list() {
    let bot = Bot::start(APP_SECRET);
    let gate = Gate::start(&bot, Options::with_policy(json!({ "lease_seconds": 600 })));
    let mut live = gate.live(0);
    live.0.send(Message::text("ping")).unwrap();
    assert_eq!(live.next(), "pong");
    let mut spans = Vec::new();
    for _ in 0..10 {
        let person = Person::new();
        let id = gate.asks(person.both());
        gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
        live.wait_for(&person, |shown| shown["holder"] == "automation");
        let start = Instant::now();
        gate.echo(person.both());
        let shown = live.wait_for(&person, |shown| shown["holder"] == "human");
        spans.push(start.elapsed());
        assert_eq!((&shown["cause"], &shown["token"], &shown["paused"]), (&json!("echo"), &json!(1), &json!(false)));
        let listed = gate.in_list(&person).expect("the list has them");
        assert_eq!((&listed["holder"], &listed["customer"]), (&json!("human"), &json!(person.bsuid)));
        assert!(listed["last_message_at_ms"].is_u64() && listed["last_echo_at_ms"].is_u64(), "{listed}");
    }
    spans.sort();
    println!("from Meta's delivery to the live stream: {:?} (median of 10), {:?} at most", spans[5], spans[9]);
    assert!(spans[9] < SEEN_WITHIN, "{spans:?}");
    let statistics = gate.desk(&format!("/api/v1/statistics?line={LINE}&span=hour"));
    let counted = |name: &str| statistics["totals"][name].as_u64().unwrap();
    assert_eq!((counted("messages"), counted("echoes"), counted("takeovers"), counted("delivered")), (10, 10, 10, 10));
    assert_eq!(statistics["time_to_bot_ms"]["count"], 10);
}

#[test]
fn a_desk_of_three_parts_is_one_list_without_gaps_while_customers_write() {
    let bot = Bot::start(APP_SECRET);
    let options = Options::with_policy(json!({ "lease_seconds": 600 })).var("DESK_SHARDS", "3");
    let gate = Gate::start(&bot, options);
    let people: Vec<Person> = (0..40).map(|_| Person::new()).collect();
    for person in &people {
        gate.echo(person.both());
    }
    eventually(LIMIT, "all are at the desk", || (gate.listed("")["counts"]["human"] == 40).then_some(()));
    assert_eq!(gate.desk("/api/v1/lines")["lines"][0]["shards"], 3);
    let mut live: Vec<Live> = (0..3).map(|shard| gate.live(shard)).collect();
    let met = thread::scope(|scope| {
        // Meanwhile others come, and some of those who are there write.
        scope.spawn(|| {
            for number in 0..30 {
                gate.asks(Person::new().both());
                gate.asks(people[number % 10].both());
            }
        });
        let (mut met, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = gate.listed(&format!("&holder=human&limit=7{cursor}"));
            met.extend(page["conversations"].as_array().unwrap().iter().map(|shown| shown["names"].to_string()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        met
    });
    // Who began to wait meanwhile has moved to the front.
    for person in &people[10..] {
        let times = met.iter().filter(|names| names.contains(&person.phone)).count();
        assert_eq!(times, 1, "{} was met {times} times in {} rows", person.phone, met.len());
    }
    let shards: BTreeSet<usize> = people[..3]
        .iter()
        .filter_map(|person| {
            gate.echo(person.both());
            let id = gate.in_list(person)?["conversation"].as_str()?.to_owned();
            usize::from_str_radix(&id[..8], 16).ok().map(|head| head % 3)
        })
        .collect();
    for shard in shards {
        assert!(live[shard].next().contains("\"type\":\"conversation\""), "part {shard} has a stream of its own");
    }
    let totals = gate.desk(&format!("/api/v1/statistics?line={LINE}"))["totals"].clone();
    assert!(totals["takeovers"].as_u64().unwrap() >= 40, "{totals}");
}

/// A gate whose alerts go to a receiver of each form.
struct Told {
    bot: Bot,
    standard: Graph,
    slack: Graph,
    gate: Gate,
}

fn told(policy: Value) -> Told {
    told_of(policy, &json!({ LINE: { "account": ACCOUNT } }).to_string())
}

fn told_of(policy: Value, lines: &str) -> Told {
    let (bot, standard, slack) = (Bot::start(APP_SECRET), Graph::start(), Graph::start());
    let options = Options::with_policy(policy)
        .var("ALERTS_URL", format!("{}/alerts", standard.url))
        .var("ALERTS_SECRET", ALERTS_SECRET)
        .var("ALERTS_SLACK_URL", format!("{}/services/T0/B0/x", slack.url))
        .var("LINES", lines);
    let gate = Gate::start(&bot, options);
    Told { bot, standard, slack, gate }
}

/// Whether a Standard Webhook is signed as the specification has it: base64 of HMAC-SHA256 over `id.timestamp.body`.
fn is_signed(asked: &crate::graph::Asked) -> bool {
    let key = Base64::decode_vec(ALERTS_SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let header = |name| asked.header(name).unwrap().to_owned();
    let signed = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), asked.text());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(signed.as_bytes());
    header("webhook-signature") == format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
}

#[test]
fn the_owner_is_told_of_each_incident_once_signed_and_that_it_is_over() {
    let policy = json!({ "lease_seconds": 600, "warn_after_seconds": 1, "hand_back_after_seconds": 600,
        "retry_schedule_seconds": [0], "handback_phrases": ["#bot"] });
    let Told { bot, standard, slack, gate } = told(policy);
    // The first attempt at telling fails, as it does where the receiver is being deployed.
    let mut failed = 0;
    standard.on("customer_unanswered", move |_| {
        failed += 1;
        Reaction::json(if failed == 1 { 503 } else { 200 }, &json!({}))
    });
    let person = Person::new();
    gate.echo(person.both());
    gate.asks(person.both());
    standard.wait_for(2, "customer_unanswered", LIMIT);
    gate.echo(person.both());
    let all = standard.wait_for(3, "customer_unanswered", LIMIT);
    let kinds: Vec<String> = all.iter().map(|asked| asked.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["alert.opened", "alert.opened", "alert.closed"]);
    assert!(all.iter().all(is_signed), "each is signed");
    let ids: Vec<&str> = all.iter().map(|asked| asked.header("webhook-id").unwrap()).collect();
    assert!(
        ids[0] == ids[1] && ids[1] != ids[2],
        "a repetition is recognised, and the end is another message: {ids:?}"
    );
    assert_eq!(all[0].json()["data"]["customer"], person.bsuid);
    let words = slack.wait_for(2, &person.bsuid, LIMIT);
    assert!(words[0].json()["text"].as_str().unwrap().contains("waits for an answer"), "{}", words[0].text());
    assert!(words[1].json()["text"].as_str().unwrap().starts_with("Over: "), "{}", words[1].text());

    // A bot that fails everywhere is dead letters of conversations, and one incident of the line.
    bot.on("", |_| status(500));
    let lost: Vec<Person> = (0..6).map(|_| Person::new()).collect();
    for person in &lost {
        gate.asks(person.both());
    }
    standard.wait_for(6, "dead_letter", LIMIT);
    assert_eq!(standard.wait_for(1, "bot_down", LIMIT).len(), 1);
    let dead = gate.desk(&format!("/api/v1/dead-letters?line={LINE}"));
    assert_eq!(dead["dead_letters"].as_array().unwrap().len(), 6, "{dead}");
    assert_eq!(gate.listed("&dead_letters=true")["counts"]["dead_letters"], 6);
    bot.behave();
    let one = &dead["dead_letters"][0];
    let order = json!({ "line": LINE, "customer": one["customer"], "id": one["id"] });
    let answer = gate.operate("/api/v1/dead-letters/replay", &order);
    assert_eq!(answer.body, "{\"replayed\":1,\"conversations\":1,\"is_complete\":true}", "{answer:?}");
    let since = json!({ "line": LINE, "since_ms": now_ms() + 60_000 });
    assert!(gate.operate("/api/v1/dead-letters/replay", &since).body.contains("\"replayed\":0"));
    eventually(LIMIT, "one has gone", || {
        (gate.desk(&format!("/api/v1/dead-letters?line={LINE}"))["dead_letters"].as_array().unwrap().len() == 5)
            .then_some(())
    });
    let answer = gate.operate("/api/v1/dead-letters/replay", &json!({ "line": LINE, "all": true }));
    assert_eq!(answer.body, "{\"replayed\":5,\"conversations\":5,\"is_complete\":true}", "{answer:?}");
    standard.wait_for(2, "bot_down", LIMIT);
    standard.wait_for(12, "dead_letter", LIMIT);
    for wrong in [
        json!({}),
        json!({ "line": LINE }),
        json!({ "line": LINE, "all": false }),
        json!({ "line": "x", "all": true }),
        json!([]),
    ] {
        let answer = gate.operate("/api/v1/dead-letters/replay", &wrong);
        assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
    }
    thread::sleep(Duration::from_secs(2));
    assert_eq!(standard.asked("bot_down").len(), 2, "once, and that it is over");
    let alerts = gate.desk(&format!("/api/v1/alerts?line={LINE}"));
    let open = alerts["alerts"].as_array().unwrap().iter().filter(|alert| alert["closed_at_ms"].is_null()).count();
    assert_eq!((alerts["alerts"].as_array().unwrap().len(), open), (8, 0), "{alerts}");
    assert!(!gate.runtime_log().contains(&person.phone), "the log names nobody");
}

#[test]
fn a_gate_that_meta_has_cut_off_says_so_and_hears_again_with_the_next_echo() {
    let Told { standard, slack, gate, .. } = told(json!({ "lease_seconds": 600 }));
    let removed = json!({ "object": "whatsapp_business_account", "entry": [{ "id": ACCOUNT, "time": 1_793_700_000,
        "changes": [{ "field": "account_update", "value": { "event": "PARTNER_REMOVED", "phone_number": "15550100001" } }] }] });
    gate.deliver(&removed);
    standard.wait_for(1, "gate_deaf", LIMIT);
    let watchdog = || gate.desk(&format!("/api/v1/statistics?line={LINE}"))["watchdog"].clone();
    assert_eq!((&watchdog()["is_deaf"], &watchdog()["reason"]), (&json!(true), &json!("partner_removed")));
    gate.echo(Person::new().both());
    thread::sleep(Duration::from_secs(3));
    let both = standard.wait_for(2, "gate_deaf", LIMIT);
    assert_eq!(both[1].json()["type"], "alert.closed");
    slack.wait_for(2, LINE, LIMIT);
    assert_eq!(watchdog()["is_deaf"], false);
}

/// Where nobody has said whose account it is, it is that of every number that the gate has met.
#[test]
fn a_gate_that_knows_no_lines_says_so_too() {
    let Told { standard, gate, .. } = told_of(json!({ "lease_seconds": 600 }), "");
    let person = Person::new();
    gate.echo(person.both());
    eventually(LIMIT, "the desk is known", || {
        (!gate.desk("/api/v1/lines")["lines"].as_array().unwrap().is_empty()).then_some(())
    });
    let offboarded = json!({ "object": "whatsapp_business_account", "entry": [{ "id": ACCOUNT, "time": 1_793_700_000,
        "changes": [{ "field": "account_update", "value": { "event": "ACCOUNT_OFFBOARDED" } }] }] });
    gate.deliver(&offboarded);
    let alert = standard.wait_for(1, "gate_deaf", LIMIT);
    assert_eq!(alert[0].json()["data"]["line"], LINE);
}

#[test]
fn collisions_are_at_the_desk_with_how_late_the_bot_was() {
    let place = Place::start(json!({}));
    let person = Person::new();
    let id = place.gate.asks(person.both());
    place.gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
    place.gate.echo(person.both());
    assert_eq!(place.gate.send(&bot_text(&person.phone)).status, 400);
    place.gate.deliver(&delivery(
        "messages",
        meta::status_at(person.both(), &wamid_of(&person.phone), "sent", now_ms() / 1_000 + 1),
    ));
    let shown = eventually(LIMIT, "both are there", || {
        let all = place.gate.desk(&format!("/api/v1/collisions?line={LINE}"))["collisions"].clone();
        (all.as_array().unwrap().len() == 2).then_some(all)
    });
    assert_eq!((&shown[0]["outcome"], &shown[1]["outcome"]), (&json!("leaked"), &json!("prevented")));
    assert_eq!((&shown[1]["customer"], &shown[1]["kind"]), (&json!(person.bsuid), &json!("text")));
    assert!(shown[1]["explanation"].as_str().is_some_and(|sentence| !sentence.is_empty()));
    let leaked = place.gate.desk(&format!("/api/v1/collisions?line={LINE}&outcome=leaked"));
    assert_eq!(leaked["collisions"].as_array().unwrap().len(), 1);
    let text = place.gate.request("GET", "/metrics", &[("authorization", &bearer())]);
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for counted in ["prevented", "leaked", "takeovers", "echoes"] {
        let sample = format!("baton_{counted}_total{{line=\"{LINE}\"}} 1\n");
        assert!(text.body.contains(&sample), "{sample} is missing in {}", text.body);
    }
    assert_eq!(place.gate.get("/metrics").status, 401);
}

#[test]
fn a_desk_that_is_gone_delays_no_message_and_loses_nothing_but_the_view() {
    let bot = Bot::start(APP_SECRET);
    let options = fenced("http://127.0.0.1:9", json!({ "lease_seconds": 600 }));
    let gate = Gate::start(&bot, options.without("DESK"));
    let mut spans = Vec::new();
    for _ in 0..30 {
        let person = Person::new();
        let start = Instant::now();
        let id = gate.asks(person.both());
        bot.wait_for(1, &id, LIMIT);
        spans.push(start.elapsed());
        gate.echo(person.both());
        assert_eq!(gate.shown(&person.phone).token.number(), 1);
    }
    spans.sort();
    println!("without a desk a message is with the bot after {:?} (median of 30), {:?} at most", spans[15], spans[29]);
    assert!(spans[29] < Duration::from_secs(3), "{spans:?}");
    let answer = gate.request("GET", &format!("/api/v1/conversations?line={LINE}"), &[("authorization", &bearer())]);
    assert_eq!(answer.status, 500, "the view says that it is not there: {answer:?}");
}

/// The database of the object that has this table with rows in it.
fn database(state: &Path, table: &str) -> PathBuf {
    let mut folders = vec![state.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|kind| kind == "sqlite") {
                let connection = Connection::open(&entry).unwrap();
                if connection
                    .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
                    .is_ok_and(|rows| rows > 0)
                {
                    return entry;
                }
            }
        }
    }
    panic!("no object has a table {table}");
}

/// `cargo test --test runtime hundred_thousand -- --show-output` prints the times.
#[test]
fn a_list_of_a_hundred_thousand_conversations_is_there_at_once() {
    const MANY: u32 = 100_000;
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start(&bot, Options::with_policy(json!({ "lease_seconds": 600 })));
    let person = Person::new();
    gate.echo(person.both());
    eventually(LIMIT, "the desk has a row", || gate.in_list(&person));
    gate.stop();
    let file = database(gate.state(), "conversation");
    let mut connection = Connection::open(file).unwrap();
    let copies = connection.transaction().unwrap();
    copies
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
             INSERT INTO conversation SELECT printf('%032x', i), CASE WHEN i % 100 = 0 THEN rank % 100000000000000 - i ELSE rank + 100000000000000 + i END, \
             name, CASE WHEN i % 100 = 0 THEN 'human' ELSE 'automation' END, dead, message_ms, echo_ms, NULL, written_ms, \
             replace(search, ?2, printf('%015d', i)), standing, replace(shown, ?2, printf('%015d', i)) FROM conversation, n",
            rusqlite::params![MANY, person.phone],
        )
        .unwrap();
    copies.commit().unwrap();
    drop(connection);
    gate.restart();
    gate.listed("");
    let time = |what: &str, more: &str, wanted: usize| {
        let mut spans: Vec<Duration> = (0..21)
            .map(|_| {
                let start = Instant::now();
                let page = gate.listed(more);
                assert_eq!(page["conversations"].as_array().unwrap().len(), wanted, "{what}");
                start.elapsed()
            })
            .collect();
        spans.sort();
        println!("{what}: {:?} (median of 21, with its counts, over HTTP)", spans[10]);
        spans[10]
    };
    let first = time("the first page of 100,001", "", 50);
    let held = time("whom a person holds", "&holder=human", 50);
    let one = time("a search that looks at all", "&q=000000000099999", 1);
    // Ratios, because the machine may do other work: what is read from an index is not what looks at all.
    assert!(first < one && held < one, "{first:?} {held:?} {one:?}");
}
