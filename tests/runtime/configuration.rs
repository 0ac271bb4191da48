//! A deployment that lacks something answers 503 to everybody and says what, so that it is never taken for one that
//! works; Meta then repeats its deliveries until it is mended.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bot::next_port;
use crate::client::{Person, eventually, wamid};
use crate::common::meta::{self, delivery};
use crate::delivery::sign;
use crate::gate::{APP_SECRET, Gate, Options, VERIFY_TOKEN};

const BOT: &str = "http://127.0.0.1:9/webhook";
/// A policy stays in use for half a minute before it is read again.
const REFUSED_WITHIN: Duration = Duration::from_mins(1);

/// Asks a gate on all of its paths; each must answer 503 and tell all of this.
fn is_unconfigured(gate: &Gate, told: &[&str]) {
    let person = Person::new();
    let body = delivery("messages", meta::text(person.both(), &wamid(), "hello")).to_string();
    let handshake =
        format!("/webhook?hub.mode=subscribe&hub.challenge=7&hub.verify_token={}", VERIFY_TOKEN.replace(' ', "+"));
    for answer in [
        gate.get("/health"),
        gate.get("/webhook"),
        gate.get(&handshake),
        gate.post(body.as_bytes(), Some(&sign(APP_SECRET, body.as_bytes()))),
        gate.post(body.as_bytes(), None),
        gate.get(&format!("/api/v1/conversations/{}/{}", meta::LINE, person.phone)),
    ] {
        assert_eq!(answer.status, 503, "{answer:?}");
        let problem = answer.problem();
        let detail = problem["detail"].as_str().unwrap();
        for told in told {
            assert!(detail.contains(told), "{detail:?} does not tell {told:?}");
        }
        assert!(!detail.contains(APP_SECRET) && !detail.contains(VERIFY_TOKEN), "{detail:?} tells a secret");
    }
}

#[test]
fn missing_secrets_are_503_by_their_names_and_once_mended_the_gate_works() {
    let lacking = ["META_APP_SECRET", "META_VERIFY_TOKEN", "ADMIN_TOKEN"];
    let without = |names: &[&'static str]| names.iter().fold(Options::default(), |options, name| options.var(name, ""));
    let mut gate = Gate::start_for(BOT, without(&lacking));
    is_unconfigured(&gate, &lacking);
    for name in lacking {
        gate.restart_with(without(&[name]));
        is_unconfigured(&gate, &[name]);
    }
    gate.restart_with(Options::default());
    assert_eq!(gate.get("/health").status, 200);
}

#[test]
fn a_bot_address_that_would_leak_is_503_and_says_why() {
    let deployed = |address: &str| Options::default().var("LOCAL_DEVELOPMENT", "").var("BOT_URL", address);
    let mut gate = Gate::start_for(BOT, deployed("http://bot.example.com/webhook"));
    is_unconfigured(&gate, &["BOT_URL", "https://"]);
    for (address, told) in [
        ("https://127.0.0.1:9/webhook", "private or local"),
        ("https://shop:secret@bot.example.com/", "user name or password"),
    ] {
        gate.restart_with(deployed(address));
        is_unconfigured(&gate, &["BOT_URL", told]);
    }
    let port = next_port();
    let own =
        Options { port: Some(port), ..Options::default() }.var("BOT_URL", format!("http://127.0.0.1:{port}/webhook"));
    gate.restart_with(own);
    is_unconfigured(&gate, &["BOT_URL", "points back at this gate"]);
    gate.restart_with(Options::default().var("BOT_URL", ""));
    is_unconfigured(&gate, &["BOT_URL"]);
}

#[test]
fn a_policy_with_a_mistake_is_503_and_names_the_key() {
    let policy = json!({ "lease_seconds": 0, "leese": 5, "retry_schedule_seconds": [0, "x"] });
    let gate = Gate::start_for(BOT, Options::with_policy(policy));
    is_unconfigured(&gate, &["BATON_POLICY", "lease_seconds", "leese", "retry_schedule_seconds[1]"]);
}

/// Writes the policy document into the gate's KV, as an operator does.
pub fn put_policy(gate: &Gate, document: &str) {
    put_config(gate, "policy", document);
}

/// Writes a text under a key of the gate's KV, as an operator does.
pub fn put_config(gate: &Gate, key: &str, document: &str) {
    let wrangler = "node_modules/wrangler/bin/wrangler.js";
    let done = Command::new("node_modules/.bin/node")
        .args([wrangler, "kv", "key", "put", "--local", "--binding", "CONFIG", "--persist-to"])
        .arg(gate.state())
        .args([key, document])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("WRANGLER_SEND_METRICS", "false")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_policy_in_kv_overrides_the_deployments_and_one_with_a_mistake_leaves_the_last_good_one() {
    let mut gate = Gate::start_for(BOT, Options::with_policy(json!({ "lease_seconds": 100 })));
    for (document, lease_seconds) in [
        ("{", 100),
        (r#"{"lease_seconds": 300}"#, 300),
        (r#"{"lease_seconds": 400, "leese": 1}"#, 300),
        ("{}", 1_800),
        ("[]", 1_800),
    ] {
        gate.stop();
        put_policy(&gate, document);
        gate.restart();
        assert_eq!(self::lease_seconds(&gate), lease_seconds, "{document}");
    }
}

/// How long a person holds by the policy that is in force.
pub fn lease_seconds(gate: &Gate) -> u64 {
    let person = Person::new();
    gate.echo(person.both());
    let shown = gate.shown(&person.phone);
    (shown.lease_until_ms.unwrap().as_millis() - shown.journal[0].at_ms.as_millis()) / 1_000
}

#[test]
fn a_policy_that_is_refused_leaves_the_last_good_one_in_force_while_the_gate_runs() {
    let mut gate = Gate::start_for(BOT, Options::with_policy(json!({ "lease_seconds": 100 })));
    gate.stop();
    put_policy(&gate, r#"{"lease_seconds": 300}"#);
    gate.restart();
    assert_eq!(lease_seconds(&gate), 300);
    assert_eq!(gate.told("policy_refused", ""), 0);
    // One good key and three mistakes: nothing of it counts.
    put_policy(&gate, r#"{"lease_seconds": 400, "leese": 1, "burst": "often", "rules": [{"name": "a"}]}"#);
    let refused = Instant::now();
    eventually(REFUSED_WITHIN, "the log says that the policy is refused", || {
        thread::sleep(Duration::from_secs(1));
        assert_eq!(lease_seconds(&gate), 300, "the last good one, and not the deployment's");
        (gate.told("policy_refused", "") > 0).then_some(())
    });
    println!("a policy with mistakes was refused {:?} after it was written", refused.elapsed());
    assert_eq!(lease_seconds(&gate), 300);
    let log = gate.runtime_log();
    let line = log.lines().find(|line| line.contains("policy_refused")).unwrap();
    assert!(line.contains("\"count\":3"), "{line}");
}
