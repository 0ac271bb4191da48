//! Questions, asked of a person at a pseudo-terminal.

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use serde_json::json;

use super::documents::{CUSTOMER, LINE, policy};
use super::stand_in::StandIn;
use super::tool::{ADMIN_TOKEN, APP_SECRET, Folder, command, interruptible};

const LIMIT_MS: u64 = 20_000;

fn start(folder: &Folder, arguments: &[&str]) -> PtySession {
    let mut command = command(folder, arguments);
    command.env("TERM", "xterm");
    spawn_command(interruptible(&command), Some(LIMIT_MS)).unwrap()
}

/// What the terminal showed until the end, and the exit code; 130 for what a signal ended, as shells say it.
fn end(mut session: PtySession) -> (String, i32) {
    let shown = session.exp_eof().unwrap();
    let status = session.process().wait().unwrap();
    let code = if let WaitStatus::Exited(_, code) = status {
        code
    } else if let WaitStatus::Signaled(_, signal, _) = status {
        128 + signal as i32
    } else {
        panic!("{status:?}")
    };
    for secret in [ADMIN_TOKEN, APP_SECRET] {
        assert!(!shown.contains(secret), "{shown}");
    }
    (shown, code)
}

fn erasing() -> StandIn {
    StandIn::with(&[(&format!("DELETE /api/v1/conversations/{LINE}/{CUSTOMER}"), 200, json!({ "erased": 1 }))])
}

#[test]
fn a_customer_is_erased_once_their_number_was_typed_again() {
    for (typed, code, says, deletes) in [
        (CUSTOMER, 0, "15550123456 is erased", 1),
        ("15550123457", 2, "another customer: nothing was erased", 0),
        ("", 2, "another customer: nothing was erased", 0),
    ] {
        let (gate, folder) = (erasing(), Folder::new());
        let mut session = start(&folder, &["erase", CUSTOMER, "--line", LINE, "--gate", &gate.url]);
        session.exp_string("Type 15550123456 to go on").unwrap();
        session.send_line(typed).unwrap();
        let (shown, ended) = end(session);
        assert_eq!((ended, shown.contains(says)), (code, true), "{typed:?}: {shown}");
        assert_eq!(gate.lines().len(), deletes, "{typed:?}");
    }
}

#[test]
fn ctrl_c_at_a_question_changes_nothing_and_ends_with_130() {
    let (gate, folder) = (erasing(), Folder::new());
    let mut session = start(&folder, &["erase", CUSTOMER, "--line", LINE, "--gate", &gate.url]);
    session.exp_string("to go on").unwrap();
    session.send_control('c').unwrap();
    let (shown, code) = end(session);
    assert_eq!(code, 130, "{shown}");
    assert!(gate.lines().is_empty());
}

#[test]
fn a_policy_is_put_in_force_by_a_yes_and_by_nothing_else() {
    for (typed, code, puts) in [("y", 0, 1), ("n", 130, 0), ("\r", 130, 0)] {
        let gate = StandIn::with(&[
            ("GET /api/v1/policy", 200, policy(3, "desk", json!({ "lease_seconds": 1_800 }))),
            ("POST /api/v1/policy/check", 200, json!({ "mistakes": [] })),
            ("PUT /api/v1/policy", 200, policy(4, "desk", json!({ "lease_seconds": 900 }))),
        ]);
        let folder = Folder::new().with("own.json", r#"{"lease_seconds": 900}"#);
        let mut session = start(&folder, &["policy", "push", "own.json", "--gate", &gate.url]);
        session.exp_string("lease_seconds: 1800").unwrap();
        session.exp_string("in force at").unwrap();
        session.send(typed).unwrap();
        session.flush().unwrap();
        let (shown, ended) = end(session);
        assert_eq!(ended, code, "{typed:?}: {shown}");
        assert_eq!(gate.lines().iter().filter(|line| line.starts_with("PUT")).count(), puts, "{typed:?}");
    }
}

#[test]
fn a_gate_elsewhere_is_played_with_only_after_a_yes() {
    let folder = Folder::new().with("s.toml", "title = \"S\"\n[[step]]\nwho = \"customer\"\nsays = \"Hello\"\n");
    let mut session = start(&folder, &["simulate", "s.toml", "--gate", "https://gate.invalid"]);
    session.exp_string("will answer a made-up number").unwrap();
    session.send("n").unwrap();
    session.flush().unwrap();
    assert_eq!(end(session).1, 130);
}
