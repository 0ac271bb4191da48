//! Who is erased is erased: in the objects of all names, in the desk, and in the rows of every file on the disk.
//!
//! Of an object that is emptied the platform deletes the file. Of a desk, from which rows are deleted, SQLite keeps the
//! bytes in the free space of its pages until others take it; the platform neither overwrites nor lets be overwritten what
//! is free there (`docs/privacy.md`). The local runtime also has a list of the objects' alarms and a log of requests, which
//! Cloudflare does not have.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::bot::{Bot, status};
use crate::client::{Answer, Person, bot_text, eventually, wamid_of};
use crate::common::meta::{self, LINE, delivery};
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate};
use crate::graph::{Graph, fenced};

const LIMIT: Duration = Duration::from_secs(30);

fn operate(gate: &Gate, method: &str, path: &str) -> Answer {
    gate.request(method, &format!("/api/v1/{path}"), &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))])
}

fn shown(gate: &Gate, path: &str) -> Value {
    let answer = operate(gate, "GET", path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// A customer of whom everything is planted that a gate keeps.
struct Planted {
    person: Person,
    /// The words that nobody else has.
    words: String,
    /// The name of the profile.
    name: String,
    /// The ids of the messages.
    ids: Vec<String>,
}

impl Planted {
    /// Plants a customer: first known by phone number, then by both names, with dead letters, a person's hold, a
    /// collision, and a message that nobody has answered.
    fn new(gate: &Gate, bot: &Bot, word: &str) -> Self {
        let person = Person::new();
        let ids: Vec<String> = (0..4).map(|_| wamid_of(&person.phone)).collect();
        let planted =
            Self { words: format!("words of {word} that nobody else has"), name: format!("Name{word}"), person, ids };
        let text = |customer, at: usize| {
            let mut value = meta::text(customer, &planted.ids[at], &planted.words);
            value["contacts"][0]["profile"]["name"] = json!(planted.name);
            delivery("messages", value)
        };
        for id in &planted.ids[..2] {
            bot.on(id, |_| status(500));
        }
        gate.deliver(&text(planted.person.by_phone(), 0));
        gate.wait_for_state(&planted.person.phone, &planted.ids[0], "dead", LIMIT);
        gate.deliver(&text(planted.person.both(), 1));
        gate.wait_for_state(&planted.person.bsuid, &planted.ids[1], "dead", LIMIT);
        gate.says(planted.person.both(), &planted.words);
        assert_eq!(gate.send(&bot_text(&planted.person.phone)).status, 400, "a person holds");
        gate.deliver(&text(planted.person.both(), 2));
        planted
    }

    /// What must not be found anywhere any more.
    fn traces(&self) -> Vec<String> {
        let mut traces =
            vec![self.person.phone.clone(), self.person.bsuid.clone(), self.words.clone(), self.name.to_lowercase()];
        traces.extend(self.ids[..3].iter().cloned());
        traces
    }

    /// Whether the desk shows them, in all of its lists.
    fn is_at_desk(&self, gate: &Gate) -> bool {
        let has = |path: &str| {
            let text = shown(gate, &format!("{path}?line={LINE}")).to_string();
            text.contains(&self.person.phone) || text.contains(&self.person.bsuid)
        };
        ["conversations", "dead-letters", "collisions"].into_iter().all(has)
    }
}

/// Every row of every SQLite file below, as text.
fn rows_below(folder: &Path) -> String {
    let mut text = String::new();
    for file in files_below(folder) {
        if file.extension().is_none_or(|kind| kind != "sqlite") {
            continue;
        }
        let database = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let mut tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
        let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for table in tables {
            let mut all = database.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let columns = all.column_count();
            let mut rows = all.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column).unwrap() {
                        text.push_str(&String::from_utf8_lossy(bytes));
                        text.push('\n');
                    }
                }
            }
        }
    }
    text.to_lowercase()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// The files below that have this among their bytes, in letters of any size.
fn files_with(folder: &Path, trace: &str) -> Vec<PathBuf> {
    let trace = trace.to_lowercase().into_bytes();
    let has = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default().to_ascii_lowercase();
        bytes.windows(trace.len()).any(|window| window == trace)
    };
    files_below(folder).into_iter().filter(has).collect()
}

#[test]
fn of_who_was_erased_nothing_is_found_in_any_object_or_on_the_disk() {
    let (bot, graph) = (Bot::start(APP_SECRET), Graph::start());
    let options = fenced(&graph.url, json!({ "retry_schedule_seconds": [0] })).var("DESK_SHARDS", "3");
    let mut gate = Gate::start(&bot, options);
    let (gone, stays) = (Planted::new(&gate, &bot, "Zacharias"), Planted::new(&gate, &bot, "Wilhelmine"));
    for planted in [&gone, &stays] {
        eventually(LIMIT, "the desk shows everything", || planted.is_at_desk(&gate).then_some(()));
    }
    // A desk that had more parts before: what the others keep is erased as well.
    gate.restart_with(fenced(&graph.url, json!({ "retry_schedule_seconds": [0] })).var("DESK_SHARDS", "1"));
    let path = format!("conversations/{LINE}/{}", gone.person.phone);
    let answer = operate(&gate, "DELETE", &path);
    assert_eq!(answer.status, 200, "{answer:?}");
    for trace in gone.traces() {
        assert!(!answer.body.contains(&trace), "the proof shows {trace}: {}", answer.body);
    }
    let proof: Value = serde_json::from_str(&answer.body).unwrap();
    println!("{proof}");
    assert_eq!((&proof["erased"], &proof["remaining"]), (&json!(2), &json!(0)));
    assert_eq!(proof["objects"].as_array().unwrap().len(), 2);
    let rows: Vec<u64> =
        proof["objects"].as_array().unwrap().iter().map(|object| object["rows"].as_u64().unwrap()).collect();
    assert!(rows.iter().all(|rows| *rows > 0) && rows.iter().sum::<u64>() > 4, "{proof}");
    let of_desk =
        |what: &str| -> u64 { proof["desk"].as_array().unwrap().iter().map(|part| part[what].as_u64().unwrap()).sum() };
    assert!(of_desk("conversations") >= 1 && of_desk("dead_letters") >= 2 && of_desk("collisions") >= 1, "{proof}");
    for name in [&gone.person.phone, &gone.person.bsuid] {
        assert_eq!(operate(&gate, "GET", &format!("conversations/{LINE}/{name}")).status, 404);
        assert_eq!(operate(&gate, "DELETE", &format!("conversations/{LINE}/{name}")).status, 404, "nothing is left");
    }
    gate.stop();
    let state = gate.state().to_path_buf();
    let rows = rows_below(&state);
    for trace in gone.traces() {
        assert!(!rows.contains(&trace.to_lowercase()), "a row still has {trace}");
    }
    for trace in stays.traces() {
        assert!(rows.contains(&trace.to_lowercase()), "nothing is found of anybody: {trace}");
    }
    // The objects' own files have none of their bytes either.
    let of_objects = |trace: &str| -> Vec<PathBuf> {
        let is_object = |path: &PathBuf| {
            let text = path.to_string_lossy();
            text.contains("-Conversation/") && !text.contains("metadata.sqlite")
        };
        files_with(&state, trace).into_iter().filter(is_object).collect()
    };
    for trace in gone.traces() {
        assert_eq!(of_objects(&trace), Vec::<PathBuf>::new(), "{trace} is still among the bytes");
    }
    assert!(!of_objects(&stays.words).is_empty(), "the bytes of others are found");
}
