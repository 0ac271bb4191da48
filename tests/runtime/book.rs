//! What the documents tell readers to type where a gate, the Graph API or wrangler is at the other end: every curl command
//! of every page is run, every command of wrangler exists with its options, and what other programs read is read by them.
//!
//! Invariant: a command is run as it stands on the page; only names that a reader fills in are filled in.
//!
//! Not here: commands of the repository's own (`native/book/commands.rs`), and programs of recipes (`recipes`).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Person, wamid_of};
use crate::common::book::shell::commands;
use crate::common::book::{Block, Page, pages, root};
use crate::common::meta::{ACCOUNT, APP, LINE};
use crate::gate::{ADMIN_TOKEN, VERIFY_TOKEN};
use crate::graph::{Place, Reaction};
use crate::sdks::python;

/// Variables of the reader's own environment.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("ADMIN_TOKEN", ADMIN_TOKEN),
    ("META_APP_SECRET", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
    ("META_TOKEN", "EAAGtokenOfTheReader"),
    ("META_VERIFY_TOKEN", VERIFY_TOKEN),
];

/// What the Graph API is asked in the documents; a path that is not here is a mistake, because a stand-in says yes to all.
const ASKED_OF_GRAPH: [&str; 6] = [
    "GET /v23.0/debug_token",
    "POST /v23.0/APP/subscriptions",
    "GET /v23.0/APP/subscriptions",
    "POST /v23.0/ACCOUNT/subscribed_apps",
    "GET /v23.0/ACCOUNT/subscribed_apps",
    "POST /v23.0/LINE",
];
const ALSO_ASKED_OF_GRAPH: &str = "GET /v23.0/LINE?fields=";

fn shell_blocks(page: &Page) -> impl Iterator<Item = Block> {
    page.blocks().into_iter().filter(|block| block.language == "sh" && block.unchecked.is_none())
}

/// A word with variables expanded, and with what a reader fills in.
fn expanded(word: &str, variables: &BTreeMap<String, String>, filled_in: &[(&str, &str)]) -> String {
    let mut word = word.to_owned();
    // Longer names first, so that none is taken for the beginning of another.
    let mut names: Vec<&String> = variables.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in names {
        word = word.replace(&format!("${{{name}}}"), &variables[name]).replace(&format!("${name}"), &variables[name]);
    }
    for (name, value) in filled_in {
        word = word.replace(name, value);
    }
    word
}

/// Runs curl with what a page says, and gives the status of the answer.
fn curl(arguments: &[String]) -> (u16, String) {
    let mut all = vec!["--silent", "--show-error", "--max-time", "60", "--write-out", "\n%{http_code}"];
    all.extend(arguments.iter().map(String::as_str));
    let done = Command::new("curl").args(all).output().expect("the documents use curl, and there is none here");
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    let (body, status) = printed.rsplit_once('\n').unwrap_or_default();
    assert!(done.status.success(), "curl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    (status.parse().unwrap(), body.to_owned())
}

/// Three versions of the policy, to choose from.
fn prepare(place: &Place) {
    let auth = format!("Bearer {ADMIN_TOKEN}");
    for lease in [1_800, 1_200, 1_500] {
        let body = json!({ "document": { "lease_seconds": lease } }).to_string();
        let answer = place.gate.request_with("PUT", "/api/v1/policy", &[("authorization", &auth)], &body);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn book_every_curl_command_does_what_it_says() {
    let place = Place::start(json!({}));
    place.graph.on("debug_token", |_| Reaction::json(200, &json!({ "data": { "is_valid": true } })));
    prepare(&place);
    let mut mistakes = Vec::new();
    let mut count = 0;
    for page in pages() {
        // What one page erases is nothing to the next.
        let person = Person::new();
        let id = wamid_of(&person.phone);
        place.gate.text(person.both(), &id, "hello");
        let customer = format!("/{}", person.phone);
        let filled_in = [
            ("https://baton.YOUR-NAME.workers.dev", place.gate.url.as_str()),
            ("https://graph.facebook.com", place.graph.url.as_str()),
            ("PHONE_NUMBER_ID", LINE),
            ("ACCOUNT_ID", ACCOUNT),
            ("APP_ID", APP),
            ("491701234567", &person.phone),
            ("/CUSTOMER", &customer),
            ("wamid.HBgM…", &id),
        ];
        let mut variables: BTreeMap<String, String> =
            ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for block in shell_blocks(&page) {
            for command in commands(&block.text) {
                for (name, value) in &command.variables {
                    let value = expanded(value, &variables, &filled_in);
                    variables.insert(name.clone(), value);
                }
                if command.program() != "curl" {
                    continue;
                }
                // Erased or not, there is somebody to look at.
                place.gate.text(person.both(), &wamid_of(&person.phone), "hello again");
                let words: Vec<String> =
                    command.words.iter().skip(1).map(|word| expanded(word, &variables, &filled_in)).collect();
                let unknown = words.iter().find(|word| {
                    word.contains('$') || word.contains('…') || word.contains("YOUR-NAME") || word.contains("_ID")
                });
                let (status, body) = if unknown.is_some() { (0, String::new()) } else { curl(&words) };
                count += 1;
                if !(200..300).contains(&status) {
                    mistakes.push(format!("{}: {}: {status} {body} {unknown:?}", block.place(), command.line()));
                }
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(count > 15, "{count} commands");
    for asked in place.graph.asked("/v23.0/") {
        let path = asked.target.replace(APP, "APP").replace(ACCOUNT, "ACCOUNT").replace(LINE, "LINE");
        let line = format!("{} {path}", asked.method);
        let is_known = line.starts_with(ALSO_ASKED_OF_GRAPH)
            || ASKED_OF_GRAPH.iter().any(|known| line == *known || line.starts_with(&format!("{known}?")));
        assert!(is_known, "{line} is not what Meta's API is asked");
    }
    println!("{count} curl commands");
}

/// What a reader types for wrangler; its own help says whether there is such a command with such options.
#[test]
fn book_every_command_of_wrangler_exists() {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for page in pages() {
        let of_blocks = shell_blocks(&page).flat_map(|block| commands(&block.text)).collect::<Vec<_>>();
        let of_spans = page.spans().into_iter().flat_map(|(_, span)| commands(&span));
        for command in of_blocks.into_iter().chain(of_spans) {
            let words: Vec<String> = command.words;
            if words.len() > 2 && words[0] == "npx" && words[1] == "wrangler" {
                lines.push(words[2..].to_vec());
            }
        }
    }
    lines.sort();
    lines.dedup();
    assert!(lines.len() > 4, "{lines:?}");
    for words in &lines {
        let done = Command::new(root().join("node_modules/.bin/node"))
            .arg(root().join("node_modules/wrangler/bin/wrangler.js"))
            .args(words)
            .arg("--help")
            .env("WRANGLER_SEND_METRICS", "false")
            .current_dir(root())
            .output()
            .unwrap();
        let help = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        let line = words.join(" ");
        assert!(done.status.success(), "npx wrangler {line}: {help}");
        // An unknown command shows the help of all of them.
        assert!(
            help.contains(&format!("wrangler {}", words[0])) && !help.contains("\nCOMMANDS\n  wrangler docs"),
            "{line}"
        );
        for option in words.iter().filter_map(|word| word.strip_prefix("--")) {
            assert!(help.contains(&format!("--{option}")), "npx wrangler {line}: there is no --{option}: {help}");
        }
    }
    println!("{} commands of wrangler", lines.len());
}

/// YAML by a parser of YAML, and the published JSON Schema by a validator that others use.
#[test]
fn book_other_programs_read_what_is_for_them() {
    let Some(python) = python() else { return };
    let all: Vec<Block> = pages().iter().flat_map(Page::blocks).collect();
    let of = |language: &str, kind: &str| -> Vec<Value> {
        let found = all.iter().filter(|block| block.language == language && block.kind == kind);
        found.map(|block| json!({ "place": block.place(), "text": block.text })).collect()
    };
    let (yaml, policies) = (of("yaml", ""), of("json", "policy"));
    assert!(!yaml.is_empty() && policies.len() > 6, "{} {}", yaml.len(), policies.len());
    let program = r#"
import json, sys, yaml, jsonschema_rs
given = json.load(sys.stdin)
for block in given["yaml"]:
    assert isinstance(yaml.safe_load(block["text"]), dict), block["place"]
schema = json.load(open(given["schema"]))
jsonschema_rs.meta.validate(schema)
validator = jsonschema_rs.validator_for(schema)
for block in given["policies"]:
    for mistake in validator.iter_errors(json.loads(block["text"])):
        raise AssertionError(f"{block['place']}: {mistake.message}")
assert not validator.is_valid({"lease_seconds": 0}) and not validator.is_valid({"lease": 5})
"#;
    let schema = root().join("web/public/api/v1/policy.schema.json");
    let given = json!({ "yaml": yaml, "policies": policies, "schema": schema }).to_string();
    run(&python, program, &given);
}

fn run(python: &Path, program: &str, given: &str) {
    let mut child =
        Command::new(python).args(["-c", program]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The schema is published where the documents say.
#[test]
fn book_the_schema_of_the_policy_is_served() {
    let answer = crate::gate::common().gate.get("/api/v1/policy.schema.json");
    assert_eq!(answer.status, 200);
    let published = std::fs::read_to_string(root().join("web/public/api/v1/policy.schema.json")).unwrap();
    assert_eq!(answer.body, published);
}
