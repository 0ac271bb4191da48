//! The examples of docs/tool.md: each is run, and prints what stands there.
//!
//! Digits are compared as digits only, because times and made-up numbers are other ones each time. To write the outputs
//! anew: `BATON_WRITE_MANUAL=1 cargo test --locked --test tool manual`.

use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};
use tiny_http::Request;

use super::documents::{
    CUSTOMER, LINE, WAMID, conversation, conversations, dead_letter, dead_letters, event, explanation, lines, policy,
    problem, record,
};
use super::live::{answer, stream};
use super::stand_in::{Asked, StandIn};
use super::tool::{Folder, command, finish};

const FENCE: &str = "```text tool\n";

const SCENARIO: &str = r#"
title = "A customer writes while the shop holds"
[[step]]
who = "customer"
says = "Hello! Do you have the blue dress?"
expect = "withheld"
"#;

const MISTAKEN: &str = "lease_seconds = 0\nlunch = \"13:00\"\n[[rules]]\nname = \"ads\"\nwhen = { referral = true }\n\
    then = \"bot\"\nbot = \"sales\"\n";

#[test]
fn manual_shows_what_the_tool_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tool.md");
    let manual = std::fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    let mut parts = manual.split(FENCE);
    written.push_str(parts.next().unwrap());
    let mut mistakes = Vec::new();
    let mut count = 0;
    for part in parts {
        let (block, rest) = part.split_once("```").unwrap();
        let (line, shown) = block.split_once('\n').unwrap();
        let printed = printed(line.strip_prefix("$ baton ").unwrap());
        if same(shown) != same(&printed) {
            mistakes.push(format!("{line}\n{printed}\ninstead of\n{shown}"));
        }
        written.extend([FENCE, line, "\n", &printed, "```", rest]);
        count += 1;
    }
    if std::env::var_os("BATON_WRITE_MANUAL").is_some() {
        std::fs::write(&path, written).unwrap();
        return;
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n--\n"));
    assert!(count >= 12, "{count} examples");
}

/// What counts of an output.
fn same(text: &str) -> String {
    text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect()
}

/// What the tool prints for people, run as the manual says.
fn printed(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for (number, part) in line.split('"').enumerate() {
        // Every second part stood between quotes.
        if number % 2 == 1 { words.push(part) } else { words.extend(part.split_whitespace()) }
    }
    let hello = include_str!("../payloads/messages_text_phone_and_bsuid.json");
    let folder = Folder::new().with("hello.json", hello).with("short.toml", SCENARIO).with("mistaken.toml", MISTAKEN);
    let folder = folder.with("own.toml", "lease_seconds = 900\nwarn_after_seconds = 60\n");
    let gate = gate();
    let mut command = command(&folder, &words);
    command.env("BATON_GATE", &gate.url);
    let ran = finish(command, "");
    assert!((0..=1).contains(&ran.code) || words[0] == "tail", "{line}: {ran:?}");
    ran.stdout
}

/// A gate in the middle of a day: what its parts answer belongs together.
fn gate() -> StandIn {
    let id = Mutex::new(String::new());
    StandIn::start_with(move |request, asked, before| {
        let (status, document) = match (asked.method.as_str(), asked.target.split('?').next().unwrap()) {
            ("GET", "/api/v1/live") if before == 0 => return watched(request, asked),
            ("GET", "/api/v1/conversations") if before < 2 => (200, conversations(&[])),
            ("GET", "/api/v1/live" | "/api/v1/conversations") => (401, problem(401, "The token is wrong.")),
            ("GET", "/api/v1/lines") => (200, lines()),
            ("POST", "/webhook") => {
                let body: Value = serde_json::from_str(&asked.body).unwrap();
                let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
                message["id"].as_str().unwrap().clone_into(&mut id.lock().unwrap());
                (200, Value::Null)
            }
            ("GET", target) if target.starts_with("/api/v1/explain/") => (200, explained()),
            ("GET", "/api/v1/observation") => (200, report()),
            ("GET", "/api/v1/dead-letters") => {
                (200, dead_letters(&[dead_letter("wamid.A"), dead_letter("wamid.B")], None))
            }
            ("POST", "/api/v1/dead-letters/replay") => {
                (200, json!({ "replayed": 2, "conversations": 1, "is_complete": true }))
            }
            ("GET", "/api/v1/policy/versions") => (200, versions()),
            ("POST", "/api/v1/policy/check") => (200, json!({ "mistakes": [] })),
            ("GET", "/api/v1/policy") => (200, policy(7, "desk", json!({ "lease_seconds": 1_800, "fence": "refuse" }))),
            ("PUT", "/api/v1/policy") => (200, policy(8, "desk", json!({}))),
            ("DELETE", _) => (200, proof()),
            ("GET", target) if target.ends_with(CUSTOMER) => (200, record("human", &[])),
            // Of the made-up customer: nothing, and then what the scenario is about.
            ("GET", _) if before == 0 => (404, problem(404, "There is nothing here.")),
            ("GET", _) => {
                let mut one = event("withheld", Some("held_by_human"));
                one["id"] = json!(*id.lock().unwrap());
                (200, record("human", &[one]))
            }
            _ => (599, Value::Null),
        };
        answer(request, status, document);
    })
}

fn explained() -> Value {
    let mut told = explanation();
    told["event"]["id"] = json!(WAMID);
    told["explanation"] = json!(
        "It was kept from the bot, because a person held the baton: they had written at 2026-11-22T23:59:50Z (it arrived at \
         2026-11-23T00:00:01Z)."
    );
    told
}

fn report() -> Value {
    json!({
        "line": LINE, "from_ms": 1_794_787_200_000_u64, "to_ms": 1_795_392_000_000_u64, "mode": "observe",
        "conversations_with_a_person": 212, "would_be_withheld": 640, "would_be_prevented": 31,
        "reply_gap_seconds": { "count": 488, "p50": 65, "p90": 1_260 },
        "first_answer_seconds": { "count": 212, "p50": 240, "p90": 2_400 },
        "suggestions": [{
            "key": "lease_seconds", "value": 1_260,
            "why": "Nine of ten times the person wrote again within this.",
        }],
    })
}

fn versions() -> Value {
    json!({ "versions": [
        { "version": 8, "at_ms": 1_795_392_000_000_u64, "note": "shorter at Christmas", "document": {} },
        { "version": 7, "at_ms": 1_793_392_000_000_u64, "note": null, "document": {} },
    ] })
}

fn proof() -> Value {
    json!({
        "erased": 2, "remaining": 0,
        "objects": [{ "object": "4be1f3", "rows": 11 }, { "object": "9a02cc", "rows": 2 }],
        "desk": [{ "part": 0, "conversations": 1, "dead_letters": 0, "collisions": 0, "alerts": 0 }],
    })
}

/// A person takes, the customer waits, the bot gets it back.
fn watched(request: Request, asked: &Asked) {
    let at = |second: u64| 1_795_392_000_000 + second * 1_000;
    let shown = |holder: &str, token, second, waits: bool, why: &str| {
        let mut one = conversation(holder, token, at(second));
        one["explanation"] = json!(why);
        one["waiting_since_ms"] = json!(waits.then(|| at(second)));
        json!({ "type": "conversation", "conversation": one })
    };
    stream(
        request,
        asked,
        &[
            shown("human", 2, 3, false, "A person holds, because somebody wrote on the phone."),
            shown("human", 2, 9, true, "A person holds, because somebody wrote on the phone."),
            shown("automation", 3, 1_809, false, "The bot holds, because nobody had answered."),
        ],
    );
}
