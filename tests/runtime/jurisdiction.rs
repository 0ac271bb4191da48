//! With `JURISDICTION` every object is asked for in that jurisdiction, by the Worker and by the objects among each other;
//! and a runtime that keeps objects in none is told apart from one that does before anything is stored.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::client::Person;
use crate::gate::{Gate, Options};

const BOT: &str = "http://127.0.0.1:9/webhook";

/// What a built Worker asks for with this setting.
fn asked(arguments: &[&str]) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = root.join("tests/runtime/jurisdiction.mjs");
    let mut command = Command::new(root.join("node_modules/.bin/node"));
    let done = command.arg(script).args(arguments).current_dir(root).output().unwrap();
    let printed = String::from_utf8_lossy(&done.stdout);
    let told = printed.lines().last().and_then(|line| serde_json::from_str(line).ok());
    told.unwrap_or_else(|| panic!("{printed}{}", String::from_utf8_lossy(&done.stderr)))
}

/// While a deployment is under way, an object may still run the version before, which is asked by `fetch` only.
#[test]
fn objects_of_the_version_before_are_asked_as_they_understand() {
    let gate = Gate::start_for(BOT, Options::default());
    assert_eq!(gate.get("/health").status, 200);
    let told = asked(&["", "older"]);
    for (path, status) in told["statuses"].as_object().unwrap() {
        assert_eq!(status, 200, "{path}: {told}");
    }
}

#[test]
fn every_object_is_made_in_the_jurisdiction_and_none_outside() {
    // A gate is built where there is none yet, or an older one.
    let gate = Gate::start_for(BOT, Options::default());
    assert_eq!(gate.get("/health").status, 200);
    for (setting, where_asked, elsewhere) in [("eu", "inside", "outside"), ("", "outside", "inside")] {
        let told = asked(&[setting]);
        for (path, status) in told["statuses"].as_object().unwrap() {
            assert_eq!(status, 200, "{path} with {setting:?}: {told}");
        }
        let names = |binding: &str| -> Vec<String> {
            let names = told[where_asked][binding].as_array().cloned().unwrap_or_default();
            names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        let customers = names("CONVERSATION").into_iter().filter(|name| name.starts_with("customer/")).count();
        assert!(customers >= 2, "both of the customer's names, with {setting:?}: {told}");
        assert!(names("OFFICE").contains(&"office".to_owned()), "{told}");
        // Asked for by the conversation's object, and not by the Worker.
        assert!(names("DESK").iter().any(|name| name.starts_with("desk/")), "{told}");
        assert_eq!(told[elsewhere].as_object().unwrap().len(), 0, "with {setting:?}: {told}");
    }
}

#[test]
fn a_runtime_that_keeps_objects_in_no_jurisdiction_is_told_and_stores_nothing() {
    let mut gate = Gate::start_for(BOT, Options::default().var("JURISDICTION", "eu"));
    for (setting, told) in [("eu", "this runtime cannot keep objects in it"), ("moon", "JURISDICTION must be")] {
        gate.restart_with(Options::default().var("JURISDICTION", setting));
        let answer = gate.get("/health");
        assert_eq!(answer.status, 503, "{answer:?}");
        let problem = answer.problem();
        assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
        let delivery = crate::common::meta::delivery(
            "messages",
            crate::common::meta::text(Person::new().both(), &crate::client::wamid(), "hello"),
        );
        assert_eq!(gate.try_deliver(&delivery).status, 503, "Meta keeps it, and sends it again");
    }
}
