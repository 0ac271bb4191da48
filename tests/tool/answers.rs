//! What commands ask of a gate, and what they make of its answers.

use baton::secret::Secret;
use baton::webhook::signature;
use serde_json::{Value, json};

use super::documents::{
    CUSTOMER, LINE, WAMID, dead_letter, dead_letters, event, explanation, lines, policy, problem, record,
};
use super::stand_in::{Asked, StandIn};
use super::tool::{ADMIN_TOKEN, APP_SECRET, Folder, Ran, command, finish, run};

fn ask(gate: &StandIn, arguments: &[&str]) -> Ran {
    run(&Folder::new(), &[arguments, &["--gate", &gate.url]].concat(), "")
}

/// The address of an explanation, with what has a meaning in addresses escaped.
fn explained_at(more: &str) -> String {
    format!("GET /api/v1/explain/{}{more}", WAMID.replace('=', "%3D"))
}

#[test]
fn explain_prints_the_sentence_and_what_happened_around_it() {
    let mut told = explanation();
    told["event"]["trace"] = json!("4bf92f3577b34da6");
    let gate = StandIn::with(&[
        (&explained_at(""), 200, told),
        (&format!("GET /api/v1/conversations/{LINE}/{CUSTOMER}"), 200, record("human", &[])),
    ]);
    let ran = ask(&gate, &["explain", WAMID]);
    let expected = "A person held the baton, so the bot was not shown it.\n\n  line 300000000000001, customer 15550123456\n  \
        turn, withheld, because held_by_human, 1 attempt\n  trace 4bf92f3577b34da6\n\n  2026-11-22 23:59:50  takeover \
        (echo)\n  2026-11-23 00:00:00  written, by Meta's clock\n  2026-11-23 00:00:01  accepted by the gate\n";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, expected, ""));
    let document = ask(&gate, &["explain", WAMID, "--json"]).json();
    assert_eq!(document["explanation"], "A person held the baton, so the bot was not shown it.");
    assert_eq!(document["journal"][0]["cause"], "echo");
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    assert!(gate.asked().iter().all(|asked| asked.header("authorization") == Some(&bearer)));
}

#[test]
fn explain_says_what_to_do_about_a_message_that_is_not_known() {
    for (status, more, asked, code, says) in [
        (404, &[][..], "", 1, "knows no such message"),
        (422, &[], "", 2, "name the --customer"),
        (404, &["--line", "1", "--customer", "US.1 2"], "?line=1&customer=US.1%202", 1, "knows no such message"),
    ] {
        let gate = StandIn::with(&[(&explained_at(asked), status, problem(status, "No."))]);
        let ran = ask(&gate, &[&["explain", WAMID], more].concat());
        assert_eq!((ran.code, ran.stderr.contains(says)), (code, true), "{ran:?}");
    }
}

#[test]
fn send_signs_the_files_bytes_and_says_what_became_of_each_event() {
    let payload = include_str!("../payloads/messages_button.json");
    let id =
        serde_json::from_str::<Value>(payload).unwrap()["entry"][0]["changes"][0]["value"]["messages"][0]["id"].clone();
    let shown = id.as_str().unwrap().to_owned();
    let gate = StandIn::start(move |asked, before| match asked.line().as_str() {
        "POST /webhook/shop" => (200, Value::Null),
        line if line.starts_with("GET /api/v1/explain/wamid.") => {
            // On its way at the first look, there at the second.
            let mut told = explanation();
            told["event"] = event(if before == 0 { "in_flight" } else { "delivered" }, None);
            (200, told)
        }
        _ => (599, Value::Null),
    });
    let folder = Folder::new().with("one.json", payload);
    let all = ["send", "one.json", "-", "--times", "2", "--path", "/webhook/shop", "--gate", &gate.url];
    let ran = run(&folder, &all, payload);
    assert_eq!(ran.code, 0, "{ran:?}");
    for says in
        ["one.json: the gate has accepted it (200).", "-: the gate has accepted it", &shown, "so the bot was not"]
    {
        assert!(ran.stdout.contains(says), "no {says}: {ran:?}");
    }
    let asked = gate.asked();
    let posted: Vec<&Asked> = asked.iter().filter(|asked| asked.method == "POST").collect();
    assert_eq!(posted.len(), 4);
    let signature = signature::sign(&Secret::new(APP_SECRET).unwrap(), payload.as_bytes());
    for one in posted {
        assert_eq!(one.body, payload, "the bytes as they are");
        assert_eq!(one.header("x-hub-signature-256"), Some(signature.as_str()));
        assert_eq!(one.header("authorization"), None, "the token is for the operator's API only");
    }
    let ran = run(&folder, &[&all[..], &["--json"]].concat(), payload).json();
    assert_eq!((&ran["sent"], &ran["files"][0]["events"][0]["state"]), (&json!(4), &json!("delivered")));
}

#[test]
fn send_says_what_the_gate_refuses_and_asks_nothing_without_a_token() {
    let gate = StandIn::with(&[("POST /webhook", 401, problem(401, "The signature does not fit."))]);
    let folder = Folder::new().with("one.json", "{}");
    let ran = run(&folder, &["send", "one.json", "--times", "9", "--gate", &gate.url], "");
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (1, "one.json: the gate refuses it (401). The signature does not fit.\n")
    );
    assert_eq!(gate.lines().len(), 1, "what is refused once is not repeated");
    let gate = StandIn::with(&[("POST /webhook", 200, Value::Null)]);
    let mut command = command(&folder, &["send", "one.json", "--gate", &gate.url]);
    command.env_remove("ADMIN_TOKEN");
    let ran = finish(command, "");
    assert!(ran.code == 0 && ran.stdout.contains("With ADMIN_TOKEN"), "{ran:?}");
}

#[test]
fn erase_prints_the_gates_proof_and_ends_with_1_where_something_remains() {
    for (proof, code, says) in [
        (json!({ "erased": 2 }), 0, &["15550123456 is erased", "  erased: 2"][..]),
        (json!({ "erased": 0 }), 0, &["Nothing was stored of 15550123456."]),
        (json!({ "erased": 1, "objects": { "rows": 7 }, "remaining": 0 }), 0, &["  objects.rows: 7", "  remaining: 0"]),
        (json!({ "erased": 1, "remaining": { "desk": 0, "rows": 1 } }), 1, &["  remaining.rows: 1"]),
        (json!({ "erased": 1, "remaining": ["x"] }), 1, &["  remaining: [\"x\"]"]),
    ] {
        let gate = StandIn::with(&[
            ("GET /api/v1/lines", 200, lines()),
            (&format!("DELETE /api/v1/conversations/{LINE}/{CUSTOMER}"), 200, proof.clone()),
        ]);
        let ran = ask(&gate, &["erase", CUSTOMER, "--yes"]);
        assert_eq!(ran.code, code, "{ran:?}");
        for says in says {
            assert!(ran.stdout.contains(says), "no {says}: {ran:?}");
        }
        assert_eq!(ask(&gate, &["erase", CUSTOMER, "--yes", "--json"]).json(), proof);
    }
}

#[test]
fn replay_reads_all_pages_counts_and_ends() {
    let page =
        |from: u32, many: u32| -> Vec<Value> { (from..from + many).map(|id| dead_letter(&id.to_string())).collect() };
    let gate = StandIn::start(move |asked, before| match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", target) if target.contains("cursor=next") => (200, dead_letters(&page(200, 50), None)),
        ("GET", target) if target.ends_with(CUSTOMER) => (200, record("automation", &[])),
        ("GET", target) if target.contains("/conversations/") => (404, problem(404, "There is nothing here.")),
        ("GET", _) => (200, dead_letters(&page(0, 200), Some("next"))),
        // They die again at once: it would never be complete.
        ("POST", "/api/v1/dead-letters/replay") => {
            (200, json!({ "replayed": 200 - before, "conversations": 1, "is_complete": false }))
        }
        ("POST", _) => (200, json!({ "replayed": 1 })),
        _ => (599, Value::Null),
    });
    for (arguments, expected, asked) in [
        (&["--all", "--dry-run"][..], "250 dead letters would be sent again.\n", 0),
        (&[CUSTOMER, "--id", "7", "--dry-run"], "1 dead letter would be sent again.\n", 0),
        (&["4915", "--dry-run"], "0 dead letters would be sent again.\n", 0),
        (&["--all"], "399 dead letters are on their way again.\n", 2),
        (&[CUSTOMER], "1 dead letter is on its way again.\n", 1),
    ] {
        let before = gate.asked().iter().filter(|asked| asked.method == "POST").count();
        let ran = ask(&gate, &[&["replay", "--line", LINE], arguments].concat());
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, expected, ""), "{arguments:?}");
        let posts = gate.asked().iter().filter(|asked| asked.method == "POST").count() - before;
        assert_eq!(posts, asked, "{arguments:?}");
    }
    let since = ask(&gate, &["replay", "--line", LINE, "--since", "2026-11-23", "--json"]);
    assert_eq!(since.code, 0, "{since:?}");
    let order = gate.asked().into_iter().rfind(|asked| asked.method == "POST").unwrap().body;
    assert_eq!(order, json!({ "line": LINE, "since_ms": 1_795_392_000_000_u64 }).to_string());
}

#[test]
fn observe_lays_the_report_out() {
    let report = json!({
        "line": LINE, "from_ms": 1_794_787_200_000_u64, "to_ms": 1_795_392_000_000_u64, "mode": "observe",
        "conversations_with_a_person": 12, "would_be_withheld": 40, "would_be_prevented": 3,
        "reply_gap_seconds": { "count": 9, "p50": 65, "p90": 1_800 },
        "first_answer_seconds": { "count": 0, "p50": null, "p90": null },
        "suggestions": [{ "key": "lease_seconds", "value": 1_800, "why": "Nine of ten gaps are shorter." }],
    });
    let gate = StandIn::with(&[(&format!("GET /api/v1/observation?line={LINE}&days=14"), 200, report.clone())]);
    let ran = ask(&gate, &["observe", "--line", LINE, "--days", "14"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for says in [
        "Line 300000000000001, 2026-11-16 00:00:00 to 2026-11-23 00:00:00\n",
        "only observes",
        "      12  conversations with a person",
        "half within 1 min 5 s, nine of ten within 30 min (9 cases)",
        "first answer: nothing was seen",
        "  lease_seconds = 1800\n    Nine of ten gaps are shorter.",
    ] {
        assert!(ran.stdout.contains(says), "no {says}: {}", ran.stdout);
    }
    assert_eq!(ask(&gate, &["observe", "--line", LINE, "--days", "14", "--json"]).json(), report);
}

const OWN: &str = r#"{"warn_after_seconds": 60, "lease_seconds": 900}"#;

/// A gate whose policy is this.
fn with_policy(source: &'static str, line: &'static str) -> StandIn {
    StandIn::start(move |asked, _| match asked.line().strip_suffix(line).unwrap_or("elsewhere") {
        "GET /api/v1/policy" => (200, policy(3, source, json!({ "lease_seconds": 1_800, "fence": "drop" }))),
        "POST /api/v1/policy/check" if asked.body.contains("wrong") => {
            (200, json!({ "mistakes": [{ "path": "wrong", "message": "is not a key here" }] }))
        }
        "POST /api/v1/policy/check" => (200, json!({ "mistakes": [] })),
        "PUT /api/v1/policy" if asked.body.contains("raced") => (409, problem(409, "Version 4 has come since.")),
        "PUT /api/v1/policy" => (200, policy(4, "desk", json!({}))),
        "GET /api/v1/policy/versions" => {
            let version = json!({ "version": 2, "at_ms": 1_795_392_000_000_u64, "note": "autumn", "document": { "lease_seconds": 60 } });
            (200, json!({ "versions": [version] }))
        }
        "POST /api/v1/policy/rollback" => (200, policy(5, "desk", json!({}))),
        _ => (599, Value::Null),
    })
}

#[test]
fn a_policy_is_pushed_as_it_was_written_after_its_difference_was_shown() {
    for line in ["", "?line=300000000000001"] {
        let gate = with_policy("desk", line);
        let more: &[&str] = if line.is_empty() { &[] } else { &["--line", LINE] };
        let folder =
            Folder::new().with("own.json", OWN).with("own.toml", "warn_after_seconds = 60\nlease_seconds = 900\n");
        for file in ["own.json", "own.toml"] {
            let all = [&["policy", "push", file, "--yes", "--note", "a \"note\"", "--gate", &gate.url], more].concat();
            let ran = run(&folder, &all, "");
            let expected = "- fence: \"drop\"\n~ lease_seconds: 1800 → 900\n+ warn_after_seconds: 60\nVersion 4 is in force, \
                within 90 s everywhere.\n";
            assert_eq!((ran.code, ran.stdout.as_str()), (0, expected), "{ran:?}");
            let body = gate.asked().pop().unwrap().body;
            assert!(body.find("warn_after_seconds") < body.find("lease_seconds"), "not in its own order: {body}");
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((&body["base_version"], &body["note"]), (&json!(3), &json!("a \"note\"")));
        }
        let diff = run(&folder, &[&["policy", "diff", "own.json", "--json", "--gate", &gate.url], more].concat(), "");
        assert_eq!((diff.code, diff.json()["changes"].as_array().unwrap().len()), (1, 3));
    }
}

#[test]
fn a_policy_that_cannot_be_put_in_force_changes_nothing() {
    for (source, text, code, says, puts) in [
        ("desk", r#"{"wrong": 1}"#, 1, "own.json has 1 mistake:\n  wrong: is not a key here", 0),
        ("desk", r#"{"fence": "drop", "lease_seconds": 1800}"#, 0, "has this policy already (version 3)", 0),
        ("deployment", r#"{"fence": "drop", "lease_seconds": 1800}"#, 0, "Version 4 is in force", 1),
        ("desk", r#"{"handback_phrases": ["raced"]}"#, 1, "Somebody has changed the policy meanwhile", 1),
        ("desk", r#"{"lease_seconds": }"#, 2, "own.json is not JSON", 0),
        ("desk", "lease_seconds = ", 2, "own.json is not TOML", 0),
    ] {
        let gate = with_policy(source, "");
        let ran = run(
            &Folder::new().with("own.json", text),
            &["policy", "push", "own.json", "--yes", "--gate", &gate.url],
            "",
        );
        assert_eq!(ran.code, code, "{text}: {ran:?}");
        assert!(ran.stdout.contains(says) || ran.stderr.contains(says), "{text}: {ran:?}");
        assert_eq!(gate.lines().iter().filter(|line| line.starts_with("PUT")).count(), puts, "{text}");
    }
}

#[test]
fn a_policy_is_pulled_into_a_file_that_can_be_pushed_again() {
    let gate = with_policy("desk", "");
    for (file, expected) in [
        ("own.json", "{\n  \"fence\": \"drop\",\n  \"lease_seconds\": 1800\n}\n"),
        ("own.toml", "fence = \"drop\"\nlease_seconds = 1800\n"),
    ] {
        let folder = Folder::new();
        let ran = run(&folder, &["policy", "pull", file, "--gate", &gate.url], "");
        assert_eq!((ran.code, folder.text(file).as_str()), (0, expected), "{ran:?}");
        let diff = run(&folder, &["policy", "diff", file, "--gate", &gate.url], "");
        assert_eq!((diff.code, diff.stdout.as_str()), (0, "There is no difference.\n"));
        // The same again asks nothing; what differs is not written over unasked.
        assert_eq!(run(&folder, &["policy", "pull", file, "--gate", &gate.url], "").code, 0);
        let folder = folder.with(file, "mine");
        let ran = run(&folder, &["policy", "pull", file, "--gate", &gate.url], "");
        assert_eq!((ran.code, folder.text(file).as_str()), (2, "mine"), "{ran:?}");
        assert_eq!(run(&folder, &["policy", "pull", file, "--yes", "--gate", &gate.url], "").code, 0);
        assert_eq!(folder.text(file), expected);
    }
    assert_eq!(ask(&gate, &["policy", "pull"]).json(), json!({ "fence": "drop", "lease_seconds": 1_800 }));
}

#[test]
fn versions_are_listed_and_an_older_one_is_put_in_force_again() {
    let gate = with_policy("desk", "");
    let ran = ask(&gate, &["policy", "versions"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "    2  2026-11-23 00:00:00  autumn\n"));
    let ran = ask(&gate, &["policy", "rollback", "2", "--yes"]);
    let expected = "- fence: \"drop\"\n~ lease_seconds: 1800 → 60\nVersion 5 is in force, within 90 s everywhere.\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (0, expected));
    assert_eq!(gate.asked().pop().unwrap().body, r#"{"version":2}"#);
    let ran = ask(&gate, &["policy", "rollback", "1", "--yes"]);
    assert!(ran.code == 2 && ran.stderr.contains("keeps no version 1"), "{ran:?}");
    assert_eq!(ask(&gate, &["policy", "rollback", "2"]).code, 2, "nobody is there to say yes");
}
