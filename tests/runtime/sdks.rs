//! Bots made with the published SDKs send through the gate with nothing changed but the address, and a refusal is to
//! each of them what `docs/fence.md` says.
//!
//! Invariant: an SDK does not send again what was refused: each refusal is one request, by the gate's own count.
//!
//! Not here: receiving (`framework`), and what an owner's program makes of an error.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::client::{BOT_TOKEN, Person, eventually, wamid_of};
use crate::common::meta::LINE;
use crate::graph::{Place, place};

/// With this variable set to 1 a machine without Python is an error, and not only told.
const REQUIRE_PYTHON: &str = "BATON_REQUIRE_PYTHON";
const LIMIT: Duration = Duration::from_secs(20);
const OPERATIONS: [&str; 5] = ["text", "recipient", "template", "media", "read"];

/// An SDK and how it tells its caller of a refusal, as in the table of `docs/fence.md`.
struct Sdk {
    script: &'static str,
    class: &'static str,
    /// Whether its caller is told the HTTP status.
    tells_status: bool,
}

const SDKS: [Sdk; 4] = [
    Sdk { script: "great-detail.mjs", class: "HTTPError", tells_status: true },
    Sdk { script: "kapso.mjs", class: "GraphApiError", tells_status: true },
    Sdk { script: "pywa.py", class: "WhatsAppError", tells_status: true },
    Sdk { script: "whatsapp-api-js.mjs", class: "returned", tells_status: false },
];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn node() -> PathBuf {
    root().join("node_modules/.bin/node")
}

/// The Python that `dev/python.mjs` makes; `None` where there is none that is new enough.
pub fn python() -> Option<PathBuf> {
    let program = format!(
        "import {{ python }} from {:?}; console.log((await python()) ?? \"\");",
        root().join("dev/python.mjs").to_str().unwrap()
    );
    let made = Command::new(node()).args(["--input-type=module", "-e", &program]).output().unwrap();
    let text = String::from_utf8_lossy(&made.stdout).into_owned();
    let found = text.lines().last().filter(|line| made.status.success() && !line.is_empty()).map(PathBuf::from);
    if found.is_none() {
        println!(
            "what needs Python was not tried: there is no Python 3.11 with venv here, or the packages cannot be had"
        );
        println!("{text}{}", String::from_utf8_lossy(&made.stderr));
        let is_required = env::var(REQUIRE_PYTHON).is_ok_and(|value| value == "1");
        assert!(!is_required, "{REQUIRE_PYTHON} is 1");
    }
    found
}

/// Has an SDK do something, and gives what its caller got.
fn run(interpreter: &Path, sdk: &Sdk, base_url: &str, operation: &str, arguments: &[&str]) -> Value {
    let script = root().join("tests/runtime/sdk").join(sdk.script);
    let mut command = Command::new(interpreter);
    command.arg(script).args([base_url, LINE, BOT_TOKEN, operation]).args(arguments);
    let done = command.output().unwrap();
    let (printed, complaint) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{} {operation}: {printed}{complaint}", sdk.script);
    serde_json::from_str(printed.trim()).unwrap_or_else(|_| panic!("{} {operation}: {printed}", sdk.script))
}

/// What an SDK is given for an operation to this customer, who has written `message`.
fn arguments<'a>(operation: &str, person: &'a Person, message: &'a str) -> Vec<&'a str> {
    match operation {
        "text" => vec![&person.phone, "así, ¿sí? ☕"],
        "recipient" => vec![&person.bsuid, "así, ¿sí? ☕"],
        "template" => vec![&person.phone, "spring_sale", "es"],
        "read" => vec![message],
        _ => vec![&person.phone],
    }
}

/// A customer who has written, under both names, with an id that bears the number as Meta's do.
fn customer(place: &Place) -> (Person, String) {
    let person = Person::new();
    let message = wamid_of(&person.phone);
    place.gate.text(person.both(), &message, "is anybody there?");
    (person, message)
}

/// The messages and read receipts that the Graph API was sent for this customer.
fn reached(place: &Place, person: &Person, message: &str) -> usize {
    let holds = |text: &str| [&person.phone, &person.bsuid].iter().any(|name| text.contains(*name));
    let all = place.graph.asked("/messages");
    all.iter().filter(|asked| holds(&asked.text()) || asked.text().contains(message)).count()
}

/// What each operation does where nobody holds.
fn passes(place: &Place, interpreter: &Path, sdk: &Sdk, base_url: &str, operation: &str) {
    let (person, message) = customer(place);
    let got = run(interpreter, sdk, base_url, operation, &arguments(operation, &person, &message));
    assert_eq!(got["ok"], true, "{} {operation} at {base_url}: {got}", sdk.script);
    assert_eq!(reached(place, &person, &message), 1, "{} {operation} is one request", sdk.script);
    if operation == "read" {
        assert_eq!(got["success"], true, "{got}");
    } else {
        let id = got["id"].as_str().unwrap_or_else(|| panic!("no id: {got}")).to_owned();
        let send = eventually(LIMIT, "the send is settled", || {
            place.gate.shown(&person.phone).sends.into_iter().find(|send| send.state == "accepted")
        });
        assert_eq!(send.id.unwrap().as_str(), id, "{}", sdk.script);
    }
    assert_eq!(got["media"].is_string(), operation == "media", "{got}");
}

/// What each operation does while a person holds.
fn is_refused(place: &Place, interpreter: &Path, sdk: &Sdk, base_url: &str, operation: &str) {
    let (person, message) = customer(place);
    place.gate.echo(person.both());
    let got = run(interpreter, sdk, base_url, operation, &arguments(operation, &person, &message));
    let what = format!("{} {operation} at {base_url}: {got}", sdk.script);
    assert_eq!(reached(place, &person, &message), 0, "{what}");
    let prevented = place.gate.shown(&person.phone).collision_counts.prevented;
    if operation == "read" {
        assert_eq!((&got["ok"], &got["success"], prevented), (&true.into(), &true.into(), 0), "{what}");
        return;
    }
    assert_eq!(prevented, 1, "a refusal is one request: {what}");
    let error = &got["error"];
    assert_eq!((&got["ok"], &error["class"]), (&false.into(), &sdk.class.into()), "{what}");
    assert_eq!(error["code"], 990_001, "{what}");
    assert_eq!(error["status"], sdk.tells_status.then_some(400).map_or(Value::Null, Value::from), "{what}");
    for (key, part) in [("message", "(#990001) The shop answers this customer itself"), ("details", "was refused")] {
        assert!(error[key].as_str().is_some_and(|text| text.contains(part)), "no {part:?} in {key}: {what}");
    }
    // A picture is uploaded all the same; only the message with it is refused.
    assert_eq!(got["media"].is_string(), operation == "media", "{what}");
}

#[test]
fn published_sdks_send_through_the_gate_and_take_a_refusal_for_what_it_is() {
    let place = place();
    let (node, python) = (node(), python());
    let prefixed = format!("{}/graph", place.gate.url);
    thread::scope(|scope| {
        for sdk in &SDKS {
            let is_python = Path::new(sdk.script).extension().is_some_and(|ending| ending == "py");
            let Some(interpreter) = (if is_python { python.as_ref() } else { Some(&node) }) else { continue };
            let prefixed = &prefixed;
            scope.spawn(move || {
                for operation in OPERATIONS {
                    passes(place, interpreter, sdk, &place.gate.url, operation);
                    is_refused(place, interpreter, sdk, &place.gate.url, operation);
                }
                for operation in ["text", "media"] {
                    passes(place, interpreter, sdk, prefixed, operation);
                    is_refused(place, interpreter, sdk, prefixed, operation);
                }
                println!("{}: {} operations at two addresses, each one request", sdk.script, OPERATIONS.len());
            });
        }
    });
}
