//! The policy as the operator changes it: whole or not at all, in force at once, with every version kept.

use serde_json::{Value, json};

use crate::access::{ask, json_of};
use crate::client::{Answer, Person};
use crate::configuration::{lease_seconds, put_policy};
use crate::gate::{ADMIN_TOKEN, Gate, Options};

const BOT: &str = "http://127.0.0.1:9/webhook";

fn operate(gate: &Gate, method: &str, path: &str, body: &Value) -> Answer {
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(gate, method, &format!("/api/v1/policy{path}"), &[("authorization", &authorization)], &body)
}

fn put(gate: &Gate, change: &Value) -> Answer {
    operate(gate, "PUT", "", change)
}

fn policy(gate: &Gate) -> Value {
    json_of(&operate(gate, "GET", "", &Value::Null))
}

fn versions(gate: &Gate) -> Vec<Value> {
    let versions = json_of(&operate(gate, "GET", "/versions", &Value::Null));
    versions["versions"].as_array().unwrap().clone()
}

#[test]
fn a_policy_is_in_force_at_once_as_a_version_that_outlasts_a_restart_and_can_be_gone_back_to() {
    let mut gate = Gate::start_for(BOT, Options::with_policy(json!({ "lease_seconds": 100 })));
    let own = json!({ "lease_seconds": 100, "stale_after_seconds": 0 });
    let first = json!({ "version": 0, "source": "deployment", "document": own, "in_force_within_ms": 90_000 });
    assert_eq!((policy(&gate), versions(&gate)), (first, vec![]));
    assert_eq!(lease_seconds(&gate), 100);

    let document = json!({ "lease_seconds": 300, "stale_after_seconds": 0 });
    let change = json!({ "document": document, "base_version": 0, "note": "longer, for \"Ana\"" });
    let expected = json!({ "version": 1, "source": "desk", "document": document, "in_force_within_ms": 90_000 });
    assert_eq!(json_of(&put(&gate, &change)), expected);
    assert_eq!((policy(&gate), lease_seconds(&gate)), (expected.clone(), 300));
    assert_eq!(json_of(&put(&gate, &change)), expected, "the same again changes nothing");

    let stale = put(&gate, &json!({ "document": {}, "base_version": 0 }));
    assert_eq!((stale.status, stale.problem()["type"].as_str()), (409, Some("urn:baton:problem:newer-policy")));
    assert!(stale.problem()["detail"].as_str().unwrap().contains("Version 1"), "{stale:?}");

    assert_eq!(json_of(&put(&gate, &json!({ "document": { "lease_seconds": 400 } })))["version"], 2);
    assert_eq!(lease_seconds(&gate), 400);
    gate.restart();
    assert_eq!((lease_seconds(&gate), &policy(&gate)["version"]), (400, &json!(2)));

    let back = json_of(&operate(&gate, "POST", "/rollback", &json!({ "version": 1 })));
    assert_eq!((&back["version"], &back["document"]), (&json!(3), &document));
    assert_eq!(lease_seconds(&gate), 300);
    let versions = versions(&gate);
    let shown: Vec<_> = versions.iter().map(|version| (&version["version"], &version["note"])).collect();
    let note = json!("longer, for \"Ana\"");
    assert_eq!(shown, [(&json!(3), &json!("back to version 1")), (&json!(2), &Value::Null), (&json!(1), &note)]);
    assert_eq!(operate(&gate, "POST", "/rollback", &json!({ "version": 9 })).status, 404);
}

#[test]
fn a_policy_with_mistakes_is_refused_with_every_path_and_changes_nothing() {
    let gate = Gate::start_for(BOT, Options::with_policy(json!({ "lease_seconds": 100 })));
    let document = json!({ "lease_seconds": 0, "leese": 1, "rules": [{ "name": "a", "then": "bot", "bot": "sales" }] });
    let paths = |mistakes: &Value| -> Vec<String> {
        mistakes.as_array().unwrap().iter().map(|mistake| mistake["path"].as_str().unwrap().to_owned()).collect()
    };
    let refused = put(&gate, &json!({ "document": document }));
    assert_eq!(refused.status, 422, "{refused:?}");
    let checked = json_of(&operate(&gate, "POST", "/check", &json!({ "document": document })));
    assert_eq!(paths(&checked["mistakes"]), ["leese", "lease_seconds", "rules[0].bot"]);
    assert_eq!(checked["mistakes"], refused.problem()["mistakes"]);
    let good = json_of(&operate(&gate, "POST", "/check", &json!({ "document": { "lease_seconds": 5 } })));
    assert_eq!(good, json!({ "mistakes": [] }));
    for body in [json!({}), json!({ "document": [] }), json!({ "document": {}, "note": "a".repeat(201) })] {
        assert_eq!(put(&gate, &body).status, 400, "{body}");
    }
    assert_eq!((lease_seconds(&gate), versions(&gate).len(), &policy(&gate)["source"]), (100, 0, &json!("deployment")));
}

#[test]
fn a_version_that_names_a_bot_that_is_gone_is_not_gone_back_to() {
    let with_bot = || Options::default().var("BOTS", r#"{"sales":"http://127.0.0.1:9/sales"}"#);
    let mut gate = Gate::start_for(BOT, with_bot());
    let document = json!({ "rules": [{ "name": "a", "then": "bot", "bot": "sales" }] });
    assert_eq!(json_of(&put(&gate, &json!({ "document": document })))["version"], 1);
    assert_eq!(json_of(&put(&gate, &json!({ "document": { "lease_seconds": 300 } })))["version"], 2);
    gate.restart_with(Options::default());
    let refused = operate(&gate, "POST", "/rollback", &json!({ "version": 1 }));
    assert_eq!((refused.status, &refused.problem()["mistakes"][0]["path"]), (422, &json!("rules[0].bot")));
    assert_eq!((versions(&gate).len(), lease_seconds(&gate)), (2, 300));
}

#[test]
fn a_document_that_somebody_has_written_into_kv_is_shown_as_such_and_only_where_it_is_one() {
    let mut gate = Gate::start_for(BOT, Options::with_policy(json!({ "lease_seconds": 100 })));
    for (document, source, lease) in
        [("{\"lease_seconds\": 0}", "deployment", 100), ("{\"lease_seconds\": 300}", "kv", 300), ("{", "kv", 300)]
    {
        gate.stop();
        put_policy(&gate, document);
        gate.restart();
        // Whatever asks first makes the isolate read it.
        gate.echo(Person::new().both());
        let policy = policy(&gate);
        let shown = (policy["source"].as_str(), policy["document"]["lease_seconds"].as_u64(), &policy["version"]);
        assert_eq!(shown, (Some(source), Some(lease), &json!(0)), "{document}");
    }
}
