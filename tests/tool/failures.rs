//! What goes wrong is said in one sentence, with the exit code of docs/tool.md.

use serde_json::{Value, json};

use super::documents::{LINE, lines, problem};
use super::stand_in::StandIn;
use super::tool::{Folder, command, finish, run};

/// Commands that ask the operator's API, each with the least that it needs.
const ASKING: &[&[&str]] = &[
    &["explain", "wamid.A"],
    &["replay", "--all", "--line", LINE],
    &["erase", "15550123456", "--line", LINE, "--yes"],
    &["observe", "--line", LINE],
    &["policy", "pull"],
    &["policy", "versions"],
    &["policy", "diff", "policy.json"],
    &["policy", "push", "policy.json", "--yes"],
    &["policy", "rollback", "1", "--yes"],
    &["tail"],
];

fn folder() -> Folder {
    Folder::new().with("policy.json", "{}").with("payload.json", r#"{"object":"x","entry":[]}"#)
}

#[test]
fn a_gate_that_says_no_is_told_with_its_own_words_and_the_right_code() {
    for (status, detail, code, says) in [
        (401, "The token is wrong.", 4, "does not know this ADMIN_TOKEN"),
        (403, "Not from here.", 4, "Not from here."),
        (429, "Wait five minutes.", 4, "Wait five minutes."),
        (400, "A line is digits.", 1, "400: A line is digits."),
        (500, "It was not stored.", 3, "500. It was not stored."),
        (503, "BOT_URL is missing.", 3, "503. BOT_URL is missing."),
    ] {
        let gate = StandIn::start(move |_, _| (status, problem(status, detail)));
        for arguments in ASKING {
            let all = [arguments, &["--gate", &gate.url][..]].concat();
            let ran = run(&folder(), &all, "");
            assert_eq!(ran.code, code, "{all:?} at {status}: {ran:?}");
            assert!(ran.stderr.contains(says) && ran.stderr.lines().count() == 1, "{all:?}: {ran:?}");
            let ran = run(&folder(), &[&all[..], &["--json"]].concat(), "");
            let document = ran.json();
            assert_eq!((ran.code, &document["code"]), (code, &json!(code)), "{all:?}");
            assert!(document["error"].as_str().unwrap().contains(says), "{document}");
        }
    }
}

#[test]
fn whoever_has_to_wait_is_told_how_long() {
    let gate = StandIn::start_with(|request, _, _| {
        let wait = tiny_http::Header::from_bytes("retry-after", "300").unwrap();
        let told = problem(429, "Too many wrong tokens.").to_string();
        let _ = request.respond(tiny_http::Response::from_string(told).with_status_code(429).with_header(wait));
    });
    let ran = run(&folder(), &["policy", "pull", "--gate", &gate.url], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (4, "The gate refuses: Too many wrong tokens. Try again in 5 min.\n"));
}

#[test]
fn a_gate_that_is_not_there_ends_with_3_and_says_what_may_be_missing() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    for arguments in ASKING.iter().chain(&[&["send", "payload.json"][..]]) {
        let ran = run(&folder(), &[arguments, &["--gate", &url][..]].concat(), "");
        assert_eq!(ran.code, 3, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("does not answer") && ran.stderr.contains("npm start"), "{ran:?}");
    }
}

#[test]
fn what_is_missing_is_named_with_where_it_belongs() {
    let gate = StandIn::with(&[("GET /api/v1/lines", 200, lines())]);
    let elsewhere = "https://gate.example";
    for (arguments, without, says) in [
        (&["explain", "x"][..], "", "Which gate?"),
        (&["explain", "x", "--gate", "http://gate.example"], "", "https://"),
        (&["explain", "x", "--gate", "https://me@gate.example"], "", "https://"),
        (&["explain", "x", "--gate", elsewhere], "ADMIN_TOKEN", "ADMIN_TOKEN is needed: set it in the environment."),
        (&["explain", "x", "--gate", &gate.url], "ADMIN_TOKEN", "or in .dev.vars"),
        (&["send", "payload.json", "--gate", elsewhere], "META_APP_SECRET", "META_APP_SECRET is needed"),
        (&["send", "none.json", "--gate", elsewhere], "", "There is no file none.json."),
        (&["send", "payload.json", "--path", "webhook", "--gate", elsewhere], "", "begins with a slash"),
        (&["replay", "--all", "--line", "no digits", "--gate", elsewhere], "", "phone_number_id"),
        (&["replay", "--since", "yesterday", "--gate", elsewhere], "", "--since takes 2h"),
        (&["erase", "15550123456", "--gate", &gate.url], "", "--yes"),
    ] {
        let folder = folder();
        let mut command = command(&folder, arguments);
        if !without.is_empty() {
            command.env_remove(without);
        }
        let ran = finish(command, "");
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(says), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn one_of_several_lines_must_be_named() {
    for (known, says) in [
        (json!({ "lines": [{ "id": "1", "shards": 1 }, { "id": "2", "shards": 1 }] }), "--line: 1, 2."),
        (json!({ "lines": [] }), "knows no line yet"),
    ] {
        let gate = StandIn::with(&[("GET /api/v1/lines", 200, known)]);
        for arguments in [&["replay", "--all"][..], &["observe"], &["erase", "15550123456", "--yes"]] {
            let ran = run(&folder(), &[arguments, &["--gate", &gate.url]].concat(), "");
            assert_eq!((ran.code, ran.stderr.contains(says)), (2, true), "{arguments:?}: {ran:?}");
        }
    }
}

#[test]
fn what_is_no_json_is_told_as_an_answer_that_lacks_something() {
    let gate = StandIn::start(|_, _| (200, Value::Null));
    for arguments in ASKING {
        let ran = run(&folder(), &[arguments, &["--gate", &gate.url][..]].concat(), "");
        assert!((0..=4).contains(&ran.code), "{arguments:?}: {ran:?}");
    }
}
