//! Nothing is shown in the documents that nobody has tried: every fenced block of README.md and docs/ says what it is and
//! is checked as that, every command line names what exists, and every link leads somewhere.
//!
//! | block | checked here | and on the runtime |
//! |---|---|---|
//! | `json`, `json policy` | is JSON; the gate's own parser takes it | |
//! | `toml`, `toml scenario` | merged into wrangler.toml it makes sound settings; the tool takes a scenario | |
//! | `http` | a status line, headers, and JSON where they say so | |
//! | `sh` | `commands`: scripts, options, the tool's own command line, tests | `runtime/book.rs`: curl, wrangler |
//! | `text setup` | | `tool/dialogue.rs`, on a terminal |
//! | `text tool` | | `tool/manual.rs`, against a stand-in |
//! | `yaml` | | `runtime/book.rs` |
//! | `text demo` | what is said stands in the scenario | |
//! | `js FILE`, `python FILE` | is run by a test | `runtime/recipes.rs` |
//!
//! Invariant: what cannot be checked bears a mark with its reason, and how many there are stands in this file.

mod commands;
mod links;
mod operations;

use std::path::Path;
use std::process::Command;

use baton::ids::{BotName, digest};
use baton::policy::Policy;
use baton::settings::Settings;
use serde_json::{Map, Value};
use toml_edit::{DocumentMut, Item};

use crate::common::book::{Block, Page, pages, root};

/// Blocks that nobody checks, by their reason. Whoever adds one says so here.
const UNCHECKED: [(&str, usize); 2] = [("a drawing", 3), ("only Cloudflare's SQL API answers it", 2)];

fn blocks() -> Vec<Block> {
    pages().iter().flat_map(Page::blocks).collect()
}

#[test]
fn book_every_block_is_checked_as_what_it_says_it_is() {
    let mut mistakes = Vec::new();
    for block in blocks().iter().filter(|block| block.unchecked.is_none()) {
        if let Err(reason) = check(block) {
            mistakes.push(format!("{} ({} {}): {reason}", block.place(), block.language, block.kind));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

fn check(block: &Block) -> Result<(), String> {
    match (block.language.as_str(), block.kind.as_str()) {
        ("json", "policy") => policy(&json(&block.text)?),
        ("json", "" | "vscode") => json(&block.text).map(drop),
        ("json", "workflow.json") => json(&block.text).and_then(|_| is_run(&block.page, "workflow.json")),
        ("toml", "") => settings(&block.text),
        ("toml", "scenario") => scenario(&block.text),
        ("http", "") => http(&block.text),
        ("sh", "") => commands::check(&block.text),
        // Run by tests/runtime/book.rs, tests/tool/manual.rs and tests/tool/dialogue.rs.
        ("yaml", "") | ("text", "tool" | "setup") => Ok(()),
        ("js" | "python", file) if !file.is_empty() => is_run(&block.page, file),
        ("text", "demo") => demo(&block.text),
        ("", _) => Err("has no language".to_owned()),
        _ => Err("nobody checks such a block; mend it, or mark it: <!-- unchecked: REASON -->".to_owned()),
    }
}

#[test]
fn book_what_nobody_checks_has_a_reason_and_is_counted() {
    let all = blocks();
    for block in all.iter().filter_map(|block| block.unchecked.as_ref().map(|reason| (block, reason))) {
        let is_known = UNCHECKED.iter().any(|(reason, _)| reason == block.1);
        assert!(is_known, "{}: \"{}\" is no reason that tests/native/book knows", block.0.place(), block.1);
    }
    for (reason, count) in UNCHECKED {
        let found = all.iter().filter(|block| block.unchecked.as_deref() == Some(reason)).count();
        assert_eq!(found, count, "blocks that are not checked because they are {reason}");
    }
}

/// The checks find what they are for.
#[test]
fn book_a_mistake_in_a_block_is_found() {
    let block = |language: &str, kind: &str, text: &str| Block {
        page: "docs/none.md".to_owned(),
        line: 1,
        language: language.to_owned(),
        kind: kind.to_owned(),
        text: text.to_owned(),
        unchecked: None,
    };
    for (language, kind, text, is_sound) in [
        ("json", "", "{}", true),
        ("json", "", "{…}", false),
        ("json", "policy", r#"{"lease_seconds": 5}"#, true),
        ("json", "policy", r#"{"lease_second": 5}"#, false),
        ("toml", "", "[vars]\nDESK_SHARDS = \"4\"", true),
        ("toml", "", "[vars]\nDESK_SHARDS = \"400\"", false),
        ("toml", "", "[vars.BATON_POLICY]\nlease_seconds = 0", false),
        ("toml", "", "[variables]\nA = \"4\"", false),
        ("toml", "", "[vars]\nDESK_SHARD = \"4\"", false),
        ("toml", "", "[vars", false),
        ("sh", "", "npm start", true),
        ("sh", "", "npm run nothing", false),
        ("sh", "", "npm start -- --nothing", false),
        ("sh", "", "rm -rf /", false),
        ("sh", "", "cargo test --test native book_a_mistake", true),
        ("sh", "", "cargo test --test native no_such_test", false),
        ("sh", "", "cargo test --test native silence fence", false),
        ("sh", "", "npx wrangler deploy", true),
        ("sh", "", "npm run baton -- send delivery.json", true),
        ("sh", "", "npm run baton -- sent delivery.json", false),
        ("sh", "", "npm run baton -- send", false),
        ("http", "", "HTTP/1.1 400 Bad Request\ncontent-type: application/json\n\n{\"a\": 1}", true),
        ("http", "", "HTTP/1.1 400 Bad Request\ncontent-type: application/json\n\n{\"a\": }", false),
        ("http", "", "400 Bad Request", false),
        ("js", "bot.mjs", "", false),
        ("", "", "", false),
        ("rust", "", "", false),
    ] {
        let found = check(&block(language, kind, text));
        assert_eq!(found.is_ok(), is_sound, "{language} {kind} {text}: {found:?}");
    }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))
}

fn policy(document: &Value) -> Result<(), String> {
    let bots = ["after-hours", "sales"].map(|name| BotName::parse(name).unwrap());
    let told = Policy::parse(&document.to_string(), &bots);
    told.map(drop).map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// A table or an array of TOML as JSON.
fn as_json(item: &Item) -> Value {
    fn value(of: &toml_edit::Value) -> Value {
        match of {
            toml_edit::Value::String(text) => Value::from(text.value().as_str()),
            toml_edit::Value::Integer(number) => Value::from(*number.value()),
            toml_edit::Value::Float(number) => Value::from(*number.value()),
            toml_edit::Value::Boolean(flag) => Value::from(*flag.value()),
            toml_edit::Value::Datetime(time) => Value::from(time.value().to_string()),
            toml_edit::Value::Array(items) => items.iter().map(value).collect(),
            toml_edit::Value::InlineTable(table) => {
                table.iter().map(|(key, item)| (key.to_owned(), value(item))).collect::<Map<_, _>>().into()
            }
        }
    }
    match item {
        Item::None => Value::Null,
        Item::Value(of) => value(of),
        Item::Table(table) => {
            table.iter().map(|(key, item)| (key.to_owned(), as_json(item))).collect::<Map<_, _>>().into()
        }
        Item::ArrayOfTables(tables) => {
            tables.iter().map(|table| as_json(&Item::Table(table.clone()))).collect::<Vec<_>>().into()
        }
    }
}

fn toml(text: &str) -> Result<Value, String> {
    let document: DocumentMut = text.parse().map_err(|error| format!("is not TOML: {error}"))?;
    Ok(as_json(document.as_item()))
}

/// Puts the keys of a fragment over those of a whole; a table within `vars` replaces the one that is there.
fn merge(whole: &mut Value, fragment: Value) {
    let (Value::Object(whole), Value::Object(fragment)) = (whole, fragment) else { return };
    for (key, value) in fragment {
        match whole.get_mut(&key) {
            Some(there) if key == "vars" => merge(there, value),
            _ => drop(whole.insert(key, value)),
        }
    }
}

/// A part of wrangler.toml: what the file becomes with it is a deployment that the gate would work with.
fn settings(fragment: &str) -> Result<(), String> {
    let mut whole = toml(&std::fs::read_to_string(root().join("wrangler.toml")).unwrap())?;
    let known: Vec<String> = whole.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    let fragment = toml(fragment)?;
    let source = std::fs::read_to_string(root().join("src/settings/mod.rs")).unwrap()
        + &std::fs::read_to_string(root().join("src/settings/error.rs")).unwrap();
    for key in fragment.as_object().into_iter().flatten().map(|(key, _)| key) {
        // `routes` and the like are wrangler's, and in no deployment by default.
        if !known.contains(key)
            && !["routes", "workers_dev", "account_id", "analytics_engine_datasets"].contains(&key.as_str())
        {
            return Err(format!("wrangler.toml has no {key}"));
        }
    }
    for key in fragment["vars"].as_object().into_iter().flatten().map(|(key, _)| key) {
        if !source.contains(&format!("\"{key}\"")) && !every_source_has(key) {
            return Err(format!("nothing reads the variable {key}"));
        }
    }
    merge(&mut whole, fragment);
    let read = |name: &str| -> Option<String> {
        match whole["vars"].get(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::String(_)) | None => match name {
                "BOT_URL" => Some("https://bot.example.com/webhook".to_owned()),
                "META_APP_SECRET" | "META_VERIFY_TOKEN" | "ADMIN_TOKEN" | "ALERTS_SECRET" => {
                    Some("a long random word of the shop".to_owned())
                }
                _ => None,
            },
            Some(other) => Some(other.to_string()),
        }
    };
    let told = Settings::read(read);
    told.map(drop).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// Whether any file of the gate reads a variable of this name.
fn every_source_has(name: &str) -> bool {
    let quoted = format!("\"{name}\"");
    ["src/edge", "src/settings"].iter().any(|folder| {
        let files = std::fs::read_dir(root().join(folder)).unwrap();
        files.flatten().any(|file| std::fs::read_to_string(file.path()).is_ok_and(|text| text.contains(&quoted)))
    })
}

/// What `npm start` and `baton simulate` play: the tool says whether it is one.
fn scenario(text: &str) -> Result<(), String> {
    let name = digest(&[text.as_bytes()]);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scenario-{name}.toml"));
    std::fs::write(&file, text).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_baton")).arg("simulate").arg(&file).arg("--check").output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    done.status.success().then_some(()).ok_or(told)
}

fn http(text: &str) -> Result<(), String> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let is_status = first.strip_prefix("HTTP/1.1 ").is_some_and(|rest| {
        rest.split(' ').next().and_then(|status| status.parse::<u16>().ok()).is_some_and(|status| status >= 200)
    });
    if !is_status {
        return Err("does not begin with the line of a status".to_owned());
    }
    let headers: Option<Vec<(&str, &str)>> = lines.map(|line| line.split_once(": ")).collect();
    let headers = headers.ok_or("has a header without a colon")?;
    if headers.iter().any(|(name, value)| *name == "content-type" && value.contains("json")) {
        json(body)?;
    }
    Ok(())
}

/// The play of `npm start`, as the README shows it: whoever speaks says it in the scenario, or is the sample bot.
fn demo(text: &str) -> Result<(), String> {
    let sources: String = ["scenarios/takeover.toml", "dev/bot.mjs"]
        .iter()
        .map(|file| std::fs::read_to_string(root().join(file)).unwrap())
        .collect();
    let said: Vec<&str> = text.split('“').skip(1).map(|rest| rest.split('”').next().unwrap_or_default()).collect();
    match said.iter().find(|said| !sources.contains(**said)) {
        _ if said.is_empty() => Err("nobody says anything".to_owned()),
        Some(said) => Err(format!("nobody says \"{said}\"")),
        None => Ok(()),
    }
}

/// Programs in the documents that `tests/runtime/recipes.rs` runs as they stand there.
fn is_run(page: &str, file: &str) -> Result<(), String> {
    let tests = std::fs::read_to_string(root().join("tests/runtime/recipes.rs")).unwrap_or_default();
    let names = [format!("\"{page}\""), format!("\"{file}\"")];
    let is_there = names.iter().all(|name| tests.contains(name));
    is_there.then_some(()).ok_or_else(|| format!("tests/runtime/recipes.rs does not run {file} of {page}"))
}
