//! This version goes on with what each released version has left behind, and leaves alone what a newer one wrote.
//!
//! What was left behind is in `tests/upgrade/VERSION/`: the runtime's storage after a SIGKILL, as text, and `story.json`,
//! which says what is in it (`dev/fixture.mjs` makes both). Its times are moved to now when it is restored.
//!
//! Not here: each migration by itself (`native/upgrade.rs`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use baton::command::HolderName;
use baton::store::schema::CONVERSATION;
use baton::store::{desk, office};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::access::{ask, json_of};
use crate::bot::Bot;
use crate::client::{Answer, Person, eventually, wamid};
use crate::common::meta::{LINE, delivery, text};
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, Options};

const LIMIT: Duration = Duration::from_secs(30);
/// A hold of the story lasts 40 seconds, and an attempt that hangs counts as lost after 20.
const STORY_LIMIT: Duration = Duration::from_secs(90);
/// How long a test watches for what must not come.
const WATCH: Duration = Duration::from_secs(2);
/// Beyond every version.
const NEWER: i64 = 9_999;

fn operate(gate: &Gate, method: &str, path: &str, body: &str) -> Answer {
    ask(gate, method, &format!("/api/v1/{path}"), &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))], body)
}

fn get(gate: &Gate, path: &str) -> Value {
    json_of(&operate(gate, "GET", path, ""))
}

/// The databases of a class's objects.
fn databases(gate: &Gate, class: &str) -> Vec<Connection> {
    let folder = gate.state().join(format!("v3/do/baton-{class}"));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_object = |file: &PathBuf| {
        file.extension().is_some_and(|ending| ending == "sqlite") && !file.ends_with("metadata.sqlite")
    };
    files.filter(is_object).map(|file| Connection::open(file).unwrap()).collect()
}

/// One of the story's conversations.
struct Told<'a>(&'a Value);

impl Told<'_> {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    fn said(&self, at: usize) -> &str {
        self.0["said"][at]["id"].as_str().unwrap()
    }
}

/// What is owed arrives once, and where the bot was called before, with the same bytes under the same id.
fn arrives_once(bot: &Bot, story: &Value, id: &str) {
    let got = bot.wait_for(1, id, STORY_LIMIT);
    assert_eq!(got.len(), 1, "{id} was sent more than once");
    let before: Vec<&Value> = story["got"].as_array().unwrap().iter().filter(|got| got["id"] == id).collect();
    for before in &before {
        assert_eq!(got[0].header("webhook-id"), before["webhook_id"], "{id} has another id");
        let digest = base16ct::lower::encode_string(&<sha2::Sha256 as sha2::Digest>::digest(&got[0].body));
        assert_eq!(digest, before["sha256"], "{id} has other bytes");
    }
    assert_eq!(usize::try_from(got[0].attempt()).unwrap(), before.len() + 1, "{id}");
}

#[test]
fn what_a_released_version_left_behind_goes_on_under_this_one() {
    let released = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade");
    let versions: Vec<PathBuf> = std::fs::read_dir(released).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!versions.is_empty());
    // Each waits for holds to end, so all of them do it at once.
    thread::scope(|scope| {
        for fixture in &versions {
            println!("from {}", fixture.file_name().unwrap().to_str().unwrap());
            scope.spawn(|| goes_on(fixture));
        }
    });
}

/// However long ago a fixture was made: every form in which a time is stored moves by the same span, and nothing else does.
#[test]
fn the_times_of_a_fixture_move_together_by_any_span() {
    const MADE: i64 = 1_795_382_600_634;
    const YEARS_3: i64 = 3 * 365 * 86_400_000 + 12_345;
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const FOREVER: i64 = 10_000_000_000_000;
    const CLASS: i64 = 100_000_000_000_000;
    let (before, after) = (MADE - 7, MADE - 7 + YEARS_3);
    let aligned = |at: i64, to: i64| (at - at % to, (at - at % to + YEARS_3) / to * to);
    let moved: Vec<(i64, i64)> = vec![
        (before, after),
        (before * 1_024 + 5, after * 1_024 + 5),
        (before * 1_000_000, after * 1_000_000),
        (FOREVER - before, FOREVER - after),
        (CLASS + FOREVER - before, CLASS + FOREVER - after),
        (2 * CLASS + FOREVER - before, 2 * CLASS + FOREVER - after),
        aligned(MADE, MINUTE),
        aligned(MADE, HOUR),
        (MADE + 30 * 24 * HOUR + 1, MADE + 30 * 24 * HOUR + 1 + YEARS_3),
        // What is no time: a second, a phone number, a line, a number of another year.
        (1_795_382_600, 1_795_382_600),
        (15_550_241_452, 15_550_241_452),
        (300_000_000_000_001, 300_000_000_000_001),
        (1_600_000_000_000, 1_600_000_000_000),
    ];
    let text = |number: i64| format!("('wamid.{MADE}', 'US.{MADE}', x'{MADE}', {{\"at_ms\":{number}}}, {number})");
    let all = |pick: fn(&(i64, i64)) -> i64| moved.iter().map(|pair| text(pick(pair))).collect::<Vec<_>>();
    let script = "const { moved } = await import(process.env.STORAGE); const [made, span, texts] = JSON.parse(process.env.GIVEN); \
        console.log(JSON.stringify(texts.map((text) => moved(text, BigInt(made), BigInt(span)))));";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let given = json!([MADE, YEARS_3, all(|pair| pair.0)]).to_string();
    let mut node = Command::new(root.join("node_modules/.bin/node"));
    node.args(["--input-type=module", "-e", script]).env("GIVEN", given).env("STORAGE", root.join("dev/storage.mjs"));
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let got: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(got, all(|pair| pair.1));
}

fn goes_on(fixture: &Path) {
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start_on(fixture, &bot, Options::default());
    let story: Value =
        serde_json::from_str(&std::fs::read_to_string(gate.state().join("story.json")).unwrap()).unwrap();
    let told = |name: &str| Told(&story["conversations"][name]);

    holds_are_as_they_were(&gate, &told("paused"));
    holds_are_as_they_were(&gate, &told("linked"));
    the_operator_finds_everything(&gate, &story);
    for name in ["owed", "hanging", "window"] {
        arrives_once(&bot, &story, told(name).said(0));
        gate.wait_for_state(told(name).text("phone"), told(name).said(0), "delivered", LIMIT);
    }
    a_hold_ends_when_it_should(&gate, &bot, &story, &told("held"));
    let dead = told("dead");
    let replayed = gate.replay(dead.text("phone"));
    assert_eq!(replayed.body, r#"{"replayed":1}"#);
    arrives_once(&bot, &story, dead.said(0));
    let dead_letters =
        || Some(get(&gate, &format!("dead-letters?line={LINE}"))).filter(|list| list["dead_letters"] == json!([]));
    eventually(LIMIT, "the desk hears that the dead letter is none any more", dead_letters);

    // Meta repeats all that it was ever told 200 for: every id is still known.
    let count = bot.deliveries("wamid.").len();
    for conversation in story["conversations"].as_object().unwrap().values() {
        for said in conversation["said"].as_array().unwrap() {
            gate.deliver(&said["payload"]);
        }
    }
    thread::sleep(WATCH);
    assert_eq!(bot.deliveries("wamid.").len(), count, "the bot was told of something twice");
    let shown = gate.shown(told("answered").text("phone"));
    assert_eq!(shown.events.len(), 1, "{shown:#?}");

    gate.stop();
    for class in ["Desk", "Office"] {
        for database in databases(&gate, class) {
            let version: i64 = database.query_row("SELECT version FROM schema", (), |row| row.get(0)).unwrap();
            assert!(version > 1, "a {class} was not brought up to date");
        }
    }
}

/// The same holder, token and end under every name of the customer's, and what came meanwhile is withheld.
fn holds_are_as_they_were(gate: &Gate, told: &Told<'_>) {
    for name in [told.text("phone"), told.text("bsuid")] {
        let shown = gate.shown(name);
        assert_eq!(shown.conversation, told.text("conversation"));
        assert_eq!((shown.holder, shown.paused), (HolderName::Human, true), "{shown:#?}");
        assert_eq!(shown.token.number(), told.0["token"]);
        assert_eq!(shown.lease_until_ms.unwrap().as_millis(), told.0["lease_until_ms"]);
        let missed = told.said(told.0["said"].as_array().unwrap().len() - 1);
        assert_eq!(gate.fate(name, missed), ("withheld".to_owned(), Some("held_by_human".to_owned())));
    }
}

fn the_operator_finds_everything(gate: &Gate, story: &Value) {
    let people = story["conversations"].as_object().unwrap();
    let listed = get(gate, &format!("conversations?line={LINE}&limit=50"));
    let names: Vec<&Value> =
        listed["conversations"].as_array().unwrap().iter().map(|shown| &shown["conversation"]).collect();
    assert_eq!(get(gate, "lines")["lines"][0]["id"], LINE);
    for (name, told) in people {
        assert!(names.contains(&&told["conversation"]), "{name} is missing in {listed}");
    }
    let lists = [("dead-letters", "dead_letters", "dead"), ("collisions", "collisions", "collided")];
    for (path, key, name) in lists {
        let list = get(gate, &format!("{path}?line={LINE}"));
        assert_eq!(list[key][0]["conversation"], people[name]["conversation"], "{list}");
    }
    let collided = gate.shown(people["collided"]["phone"].as_str().unwrap());
    assert_eq!((collided.collision_counts.prevented, collided.collisions.len()), (1, 1), "{collided:#?}");
    assert_eq!(collided.sends[0].id.as_ref().unwrap().as_str(), story["sent"]);

    let policies = story["policies"].as_array().unwrap();
    let versions = get(gate, "policy/versions");
    let of = |version: &Value| json!({ "document": version["document"], "note": version["note"] });
    let shown: Vec<Value> = versions["versions"].as_array().unwrap().iter().rev().map(of).collect();
    assert_eq!(&shown, policies);
    let policy = get(gate, "policy");
    assert_eq!((&policy["version"], &policy["source"]), (&json!(policies.len()), &json!("desk")), "{policy}");

    let sign_in = |address: &str| {
        let body = json!({ "token": ADMIN_TOKEN }).to_string();
        ask(gate, "POST", "/api/v1/session", &[("cf-connecting-ip", address)], &body)
    };
    assert_eq!(sign_in("10.1.2.3").status, 200);
    assert_eq!(sign_in(story["guesser"].as_str().unwrap()).status, 429, "whoever has guessed is still kept out");
}

fn a_hold_ends_when_it_should(gate: &Gate, bot: &Bot, story: &Value, held: &Told<'_>) {
    for at in [1, 2] {
        arrives_once(bot, story, held.said(at));
    }
    let shown = gate.wait_for_holder(held.text("phone"), HolderName::Automation, LIMIT);
    assert_eq!(shown.token.number(), held.0["token"].as_u64().unwrap() + 1, "{shown:#?}");
    let ended = shown.journal.last().unwrap().at_ms.as_millis();
    assert!(ended >= held.0["lease_until_ms"].as_u64().unwrap(), "the hold ended early: {shown:#?}");
    let order: Vec<String> = bot.deliveries(held.text("phone")).iter().map(crate::delivery::Delivery::wamid).collect();
    assert_eq!(order, [held.said(1), held.said(2)]);
}

/// Says that these versions wrote the storage: of conversations, of desks, and of the office.
fn mark(gate: &Gate, [conversation, desk, office]: [i64; 3]) {
    // Where there is nothing yet there is nothing to be marked either.
    let set = |database: &Connection, statement: String| drop(database.execute_batch(&statement));
    for database in databases(gate, "Conversation") {
        set(&database, format!("UPDATE event SET body = json_set(body, '$.schema', {conversation}) WHERE id = ''"));
    }
    for (class, version) in [("Desk", desk), ("Office", office)] {
        for database in databases(gate, class) {
            set(&database, format!("UPDATE schema SET version = {version}"));
        }
    }
}

#[test]
fn a_version_that_meets_newer_storage_acknowledges_nothing_and_changes_nothing() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start(&bot, Options::default());
    let person = Person::new();
    let first = gate.asks(person.both());
    bot.wait_for(1, &first, LIMIT);
    gate.wait_for_state(&person.phone, &first, "delivered", LIMIT);
    let listed = || format!("conversations?line={LINE}&q={}", person.phone);
    eventually(LIMIT, "the desk knows", || {
        get(&gate, &listed())["conversations"].as_array().is_some_and(|found| found.len() == 1).then_some(())
    });
    assert_eq!(ask(&gate, "POST", "/api/v1/session", &[], &json!({ "token": "wrong" }).to_string()).status, 401);
    let rows = |gate: &Gate| -> Vec<(String, Option<String>)> {
        let of = |database: &Connection| -> Vec<(String, Option<String>)> {
            let mut all = database.prepare("SELECT id, body FROM event ORDER BY id, part").unwrap();
            all.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
        };
        // Objects of names that lead elsewhere may have nothing at all.
        let has = |database: &Connection| database.prepare("SELECT id FROM event").is_ok();
        databases(gate, "Conversation").iter().filter(|database| has(database)).flat_map(of).collect()
    };
    gate.stop();
    mark(&gate, [NEWER; 3]);
    let before = rows(&gate);
    gate.restart();

    let second = wamid();
    let question = delivery("messages", text(person.both(), &second, "are you there?"));
    for _ in 0..2 {
        let answer = gate.try_deliver(&question);
        assert_eq!((answer.status, &answer.problem()["type"]), (500, &json!("urn:baton:problem:not-stored")));
    }
    for path in [format!("conversations/{LINE}/{}", person.phone), listed(), "policy/versions".to_owned()] {
        let answer = operate(&gate, "GET", &path, "");
        assert_eq!(answer.status, 500, "{path}: {answer:?}");
        assert!(answer.problem()["detail"].as_str().unwrap().contains("store_failed"), "{answer:?}");
    }
    assert_eq!(ask(&gate, "POST", "/api/v1/session", &[], &json!({ "token": ADMIN_TOKEN }).to_string()).status, 500);
    eventually(LIMIT, "the log says what to do", || {
        let log = gate.runtime_log();
        log.contains("the object was written by a newer version; deploy that version again").then_some(())
    });
    // Whom the newer version has never heard is served, whatever the desk has.
    let other = Person::new();
    let asked = gate.asks(other.both());
    bot.wait_for(1, &asked, LIMIT);
    thread::sleep(WATCH);
    assert!(bot.deliveries(&second).is_empty());
    gate.stop();
    let after = rows(&gate);
    assert!(before.iter().all(|row| after.contains(row)), "something that a newer version wrote was changed");

    // The newer version is deployed again, and Meta repeats what was not acknowledged.
    mark(&gate, [CONVERSATION.version(), desk::SCHEMA.version(), office::SCHEMA.version()]);
    gate.restart();
    gate.deliver(&question);
    assert_eq!(bot.wait_for(1, &second, LIMIT).len(), 1);
    gate.wait_for_state(&person.phone, &second, "delivered", LIMIT);
    assert_eq!(gate.shown(&person.phone).events.len(), 2);
    assert_eq!(operate(&gate, "GET", "policy/versions", "").status, 200);
}
