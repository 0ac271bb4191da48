//! No secret in arguments, output or errors, and none to an address that it is not for.

use serde_json::{Value, json};

use super::documents::{CUSTOMER, LINE, WAMID};
use super::stand_in::StandIn;
use super::tool::{ADMIN_TOKEN, APP_SECRET, Folder, run};

const SCENARIO: &str = "title = \"S\"\n[[step]]\nwho = \"customer\"\nsays = \"Hello\"\n";

/// Every command, as far as it asks anybody.
const ALL: &[&[&str]] = &[
    &["send", "payload.json"],
    &["simulate", "s.toml"],
    &["explain", WAMID],
    &["replay", "--all", "--line", LINE],
    &["replay", CUSTOMER, "--line", LINE],
    &["erase", CUSTOMER, "--line", LINE, "--yes"],
    &["observe", "--line", LINE],
    &["policy", "check", "policy.json"],
    &["policy", "diff", "policy.json"],
    &["policy", "push", "policy.json", "--yes"],
    &["policy", "pull"],
    &["policy", "versions"],
    &["policy", "rollback", "1", "--yes"],
    &["tail", "--line", LINE],
];

fn folder() -> Folder {
    Folder::new().with("payload.json", "{\"entry\":[]}").with("s.toml", SCENARIO).with("policy.json", "{}")
}

#[test]
fn no_secret_is_printed_whatever_the_gate_answers() {
    for (status, document) in [
        (200, Value::Null),
        (401, json!({ "detail": "no" })),
        (404, json!({ "detail": "no" })),
        (422, json!({ "detail": "no", "mistakes": [{ "path": "a", "message": "b" }] })),
        (500, json!("broken")),
    ] {
        let gate = StandIn::start(move |_, _| (status, document.clone()));
        // A watching of lists that are empty would never end.
        for arguments in ALL.iter().filter(|arguments| status >= 400 || !["tail", "simulate"].contains(&arguments[0])) {
            for json in [&[][..], &["--json"]] {
                let ran = run(&folder(), &[arguments, json, &["--gate", &gate.url][..]].concat(), "");
                for secret in [ADMIN_TOKEN, APP_SECRET] {
                    assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{arguments:?}: {ran:?}");
                }
            }
        }
        for asked in gate.asked() {
            assert!(!asked.body.contains(APP_SECRET) && !asked.target.contains(ADMIN_TOKEN), "{asked:?}");
            let headers = asked.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            assert!(headers.clone().all(|(_, value)| !value.contains(ADMIN_TOKEN)), "{asked:?}");
            assert!(asked.headers.iter().all(|(_, value)| !value.contains(APP_SECRET)), "{asked:?}");
        }
    }
}

/// A redirect would take the token elsewhere.
#[test]
fn no_redirect_is_followed() {
    let elsewhere = StandIn::start(|_, _| (200, Value::Null));
    let address = elsewhere.url.clone();
    let gate = StandIn::start_with(move |request, asked, _| {
        let location = tiny_http::Header::from_bytes("location", format!("{address}{}", asked.target)).unwrap();
        let _ = request.respond(tiny_http::Response::empty(307).with_header(location));
    });
    for arguments in ALL {
        let ran = run(&folder(), &[arguments, &["--gate", &gate.url][..]].concat(), "");
        let is_offline = arguments[..2] == ["policy", "check"];
        assert_eq!(ran.code == 0, is_offline, "{arguments:?}: {ran:?}");
    }
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.lines());
}

#[test]
fn no_option_takes_a_secret() {
    for command in ["send", "simulate", "tail", "explain", "replay", "erase", "observe"] {
        let help = run(&folder(), &[command, "--help"], "").stdout.to_lowercase();
        for word in ["token", "secret", "password"] {
            assert!(!help.contains(&format!("<{word}")) && !help.contains(&format!("--{word}")), "{command}: {help}");
        }
    }
}

/// A gate on this machine has its secrets in .dev.vars; one elsewhere is never given those.
#[test]
fn secrets_of_this_machine_stay_on_it() {
    let gate = StandIn::start(|_, _| (200, json!({ "versions": [] })));
    let folder = folder().with(".dev.vars", "ADMIN_TOKEN=\"local-token-of-this-machine\"\n");
    let without = |arguments: &[&str]| {
        let mut command = super::tool::command(&folder, arguments);
        command.env_remove("ADMIN_TOKEN");
        super::tool::finish(command, "")
    };
    assert_eq!(without(&["policy", "versions", "--gate", &gate.url]).code, 0);
    assert_eq!(gate.asked()[0].header("authorization"), Some("Bearer local-token-of-this-machine"));
    let ran = without(&["policy", "versions", "--gate", "https://gate.invalid"]);
    assert!(ran.code == 2 && ran.stderr.contains("ADMIN_TOKEN is needed"), "{ran:?}");
}
