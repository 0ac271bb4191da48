//! Scenarios: both readers understand the same files in the same way, and `baton simulate` says what differed.
//!
//! The first line of each file in `tests/scenarios` says what must be said of it, behind the file's name; `# good` is
//! said of a scenario that can be played.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::documents::{LINE, event, lines, policy, problem, record};
use super::stand_in::StandIn;
use super::tool::{Folder, run};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each file, and what must be said of it; `None` where it is good.
fn files() -> Vec<(PathBuf, Option<String>)> {
    let mut files: Vec<PathBuf> = ["scenarios", "tests/scenarios"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    let told = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let first = text.lines().next().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        first.strip_prefix("# must be said:").map(|words| format!("{name}{words}"))
    };
    files.into_iter().map(|path| (path.clone(), told(&path))).collect()
}

#[test]
fn the_tools_reader_says_what_must_be_said_of_every_scenario() {
    let files = files();
    assert!(files.len() > 25 && files.iter().filter(|(_, told)| told.is_none()).count() >= 3, "{files:?}");
    for (path, told) in files {
        let ran = run(&Folder::new(), &["simulate", path.to_str().unwrap(), "--check"], "");
        match told {
            None => {
                assert_eq!((ran.code, ran.stdout.contains("can be played")), (0, true), "{}: {ran:?}", path.display());
            }
            Some(told) => {
                assert_eq!(ran.code, 2, "{}: {ran:?}", path.display());
                // Two parsers have two ways to say where TOML ends.
                let said = ran.stderr.trim_end();
                let is_said =
                    if told.ends_with('…') { said.starts_with(told.trim_end_matches('…')) } else { said == told };
                assert!(is_said, "{said} instead of {told}");
            }
        }
    }
}

/// The other reader, of `npm start`: one Node for all of them.
#[test]
fn the_reader_of_npm_start_says_the_same_of_every_scenario() {
    let node = root().join("node_modules/.bin/node");
    assert!(node.exists(), "the set-up has not been run: run `npm run setup` once");
    let script = "import { readScenario } from './dev/scenario.mjs';\
        console.log(JSON.stringify(process.argv.slice(1).map((file) => {\
          try { readScenario(file); return null; } catch (error) { return error.message; }\
        })));";
    let files = files();
    let mut command = Command::new(node);
    command.args(["--input-type=module", "--eval", script, "--"]).args(files.iter().map(|(path, _)| path));
    let output = command.current_dir(root()).output().unwrap();
    let said: Vec<Option<String>> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(said.len(), files.len());
    for ((path, told), said) in files.iter().zip(said) {
        let is_said = match (told, &said) {
            (Some(told), Some(said)) if told.ends_with('…') => said.starts_with(told.trim_end_matches('…')),
            (told, said) => told == said,
        };
        assert!(is_said, "{}: {said:?} instead of {told:?}", path.display());
    }
}

const SHORT: &str =
    "title = \"Short\"\n[policy]\nlease_seconds = 8\n[[step]]\nwho = \"customer\"\nsays = \"Hello ¿?\"\nexpect = ";

/// A gate that has this to say of every customer's message.
fn gate(state: &'static str, reason: Option<&'static str>) -> StandIn {
    let id = std::sync::Mutex::new(String::new());
    StandIn::start(move |asked, before| match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", "/api/v1/lines") => (200, lines()),
        ("GET", target) if target.starts_with("/api/v1/policy?line=") => {
            (200, policy(1, "desk", json!({ "lease_seconds": 1_800 })))
        }
        ("POST", "/webhook") => {
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
            message["id"].as_str().unwrap().clone_into(&mut id.lock().unwrap());
            (200, Value::Null)
        }
        ("DELETE", _) => (200, json!({ "erased": 1 })),
        ("GET", _) if before == 0 => (404, problem(404, "There is nothing here.")),
        ("GET", _) => {
            let mut one = event(state, reason);
            one["id"] = json!(*id.lock().unwrap());
            (200, record("human", &[one]))
        }
        _ => (599, Value::Null),
    })
}

#[test]
fn a_play_says_what_differed_and_leaves_no_customer_behind() {
    for (state, reason, expect, code, says) in [
        ("withheld", Some("held_by_human"), "\"withheld\"", 0, "✓ As expected: the bot answered 0 messages."),
        ("withheld", Some("held_by_human"), "\"bot answers\"", 1, "but the gate withheld it (held by human)."),
        ("delivered", None, "\"withheld\"", 1, "but the gate delivered it."),
        ("dead", Some("bot_down"), "\"withheld\"", 1, "gave up delivering the message after 1 attempt (bot down)."),
    ] {
        let gate = gate(state, reason);
        let folder = Folder::new().with("short.toml", &format!("{SHORT}{expect}\n"));
        let ran = run(&folder, &["simulate", "short.toml", "--gate", &gate.url], "");
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stdout.contains(says), "no {says}: {}", ran.stdout);
        assert!(ran.stdout.contains("written for lease_seconds = 8; here it is 1800"), "{ran:?}");
        assert!(ran.stdout.contains("customer “Hello ¿?”"), "{ran:?}");
        let lines = gate.lines();
        assert!(lines.last().unwrap().starts_with(&format!("DELETE /api/v1/conversations/{LINE}/15550")), "{lines:?}");
        assert!(gate.asked().iter().find(|one| one.method == "POST").unwrap().body.is_ascii(), "as Meta writes it");
        let ran = run(&folder, &["simulate", "short.toml", "--json", "--keep", "--gate", &gate.url], "");
        let document = ran.json();
        assert_eq!((ran.code, &document["as_expected"], &document["erased"]), (code, &json!(code == 0), &json!(false)));
        assert_eq!(document["events"][0]["who"], "customer", "{document}");
        assert!(ran.stderr.contains("stays in the gate (--keep)"), "{ran:?}");
    }
}

#[test]
fn a_gate_that_refuses_the_signature_ends_the_play_with_4_and_one_that_is_elsewhere_is_asked_about() {
    let refusing = StandIn::start(|asked, _| match asked.line().as_str() {
        "GET /api/v1/lines" => (200, lines()),
        "GET /api/v1/policy?line=300000000000001" => (200, policy(1, "desk", json!({}))),
        "POST /webhook" => (401, problem(401, "The signature does not fit.")),
        _ => (404, problem(404, "There is nothing here.")),
    });
    let folder = Folder::new().with("short.toml", &format!("{SHORT}\"withheld\"\n"));
    let ran = run(&folder, &["simulate", "short.toml", "--gate", &refusing.url], "");
    assert!(ran.code == 4 && ran.stderr.contains("The signature does not fit."), "{ran:?}");
    let ran = run(&folder, &["simulate", "short.toml", "--gate", "https://gate.invalid"], "");
    assert!(ran.code == 2 && ran.stderr.contains("will answer a made-up number"), "{ran:?}");
    let ran = run(&folder, &["simulate", "short.toml", "--yes", "--gate", "https://gate.invalid"], "");
    assert_eq!(ran.code, 3, "{ran:?}");
}
