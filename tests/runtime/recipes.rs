//! The programs of `docs/recipes/` behind the gate, as they stand on the pages: a message comes in and its answer goes
//! out through the fence, a wrong signature is refused, and while a person holds nothing is sent and the program goes on.
//!
//! Programs that are not run here have stand-ins that do what their recipe says (`tests/bots/standin.mjs`), with the
//! workflow and the variables of the page.
//!
//! Invariant: what is run was taken out of the page in this run; only the gate's address and the phone number's id are put
//! in, as a reader does.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::client::{BOT_TOKEN, Person, eventually, now_ms, post_to, wamid_of};
use crate::common::book::{Block, page_at, root, shell};
use crate::common::meta::{self, LINE, delivery, text};
use crate::delivery::sign;
use crate::gate::{APP_SECRET, Gate};
use crate::graph::{Graph, fenced};
use crate::sdks::{node, python};

const LIMIT: Duration = Duration::from_secs(20);
const GATE: &str = "https://baton.YOUR-NAME.workers.dev";

/// A program of a page, or what stands in for it.
struct Recipe {
    /// As rules and messages name it.
    name: &'static str,
    page: &'static str,
    /// The program, or what the stand-in reads.
    file: &'static str,
    path: &'static str,
    /// Whether a stand-in takes its place.
    is_standin: bool,
}

const RECIPES: [Recipe; 8] = [
    Recipe { name: "plain-node", page: "docs/recipes/plain.md", file: "bot.mjs", path: "/webhook", is_standin: false },
    Recipe { name: "plain-python", page: "docs/recipes/plain.md", file: "bot.py", path: "/webhook", is_standin: false },
    Recipe { name: "pywa", page: "docs/recipes/pywa.md", file: "bot.py", path: "/webhook", is_standin: false },
    Recipe {
        name: "whatsapp-api-js",
        page: "docs/recipes/whatsapp-api-js.md",
        file: "bot.mjs",
        path: "/webhook",
        is_standin: false,
    },
    Recipe {
        name: "n8n",
        page: "docs/recipes/n8n.md",
        file: "workflow.json",
        path: "/webhook/whatsapp-3f9c1b7a",
        is_standin: true,
    },
    Recipe {
        name: "chatwoot",
        page: "docs/recipes/chatwoot.md",
        file: "",
        path: "/webhooks/whatsapp/+34600000000",
        is_standin: true,
    },
    Recipe {
        name: "typebot",
        page: "docs/recipes/typebot.md",
        file: "",
        path: "/api/v1/workspaces/WORKSPACE/whatsapp/CREDENTIALS/webhook",
        is_standin: true,
    },
    Recipe {
        name: "botpress",
        page: "docs/recipes/botpress.md",
        file: "",
        path: "/00000000-0000-0000-0000-000000000000",
        is_standin: true,
    },
];

/// A gate in front of all of them; the first word of a message says whose it is.
struct Kitchen {
    gate: Gate,
    graph: Graph,
    ports: Vec<u16>,
}

fn kitchen() -> &'static Kitchen {
    static KITCHEN: LazyLock<Kitchen> = LazyLock::new(|| {
        let graph = Graph::start();
        // Ports that were free a moment ago; each program is told its own.
        let listeners: Vec<TcpListener> = RECIPES.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(listeners);
        let address = |(recipe, port): (&Recipe, &u16)| {
            (recipe.name.to_owned(), json!(format!("http://127.0.0.1:{port}{}", recipe.path)))
        };
        let bots: Map<String, Value> = RECIPES.iter().zip(&ports).map(address).collect();
        let rules: Vec<Value> = RECIPES
            .iter()
            .map(|recipe| {
                let when = json!({ "text": { "prefix": format!("{}: ", recipe.name) } });
                json!({ "name": recipe.name, "when": when, "then": "bot", "bot": recipe.name })
            })
            .collect();
        let options = fenced(&graph.url, json!({ "rules": rules })).var("BOTS", Value::Object(bots).to_string());
        let gate = Gate::start_for("http://127.0.0.1:9/webhook", options);
        Kitchen { gate, graph, ports }
    });
    &KITCHEN
}

/// The running program. It ends with this.
struct Program {
    child: Child,
    log: PathBuf,
    url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What a stand-in says of a message.
    fn told(&self, id: &str) -> Value {
        eventually(LIMIT, "the stand-in has told", || {
            let printed = self.printed();
            let lines = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.into_iter().find(|line| line["message"] == id)
        })
    }
}

fn block(recipe: &Recipe) -> Block {
    let found = page_at(recipe.page).blocks().into_iter().find(|block| block.kind == recipe.file);
    found.unwrap_or_else(|| panic!("{} shows no {}", recipe.page, recipe.file))
}

/// The variables that a page sets, with the gate's address put in.
fn variables(recipe: &Recipe, gate: &str) -> Vec<(String, String)> {
    let blocks = page_at(recipe.page).blocks().into_iter().filter(|block| block.language == "sh");
    let commands = blocks.flat_map(|block| shell::commands(&block.text));
    let set = commands.flat_map(|command| command.variables);
    set.map(|(name, value)| (name, value.replace(GATE, gate).replace("the-app-secret", APP_SECRET))).collect()
}

/// Starts the program of a recipe; `None` where there is no Python for it.
fn start(recipe: &Recipe, kitchen: &Kitchen) -> Option<Program> {
    let at = RECIPES.iter().position(|other| other.name == recipe.name).unwrap();
    let port = kitchen.ports[at];
    // Inside the repository, so that Node finds the packages.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recipes").join(recipe.name);
    fs::create_dir_all(&folder).unwrap();
    let is_python = Path::new(recipe.file).extension().is_some_and(|ending| ending == "py");
    let mut command = Command::new(if is_python { python()? } else { node() });
    if recipe.is_standin {
        command.args([root().join("tests/bots/standin.mjs").to_str().unwrap(), recipe.name]);
    }
    if !recipe.file.is_empty() {
        let file = folder.join(recipe.file);
        let shown = block(recipe).text;
        let edited = if recipe.is_standin {
            shown.replace(GATE, &kitchen.gate.url).replace("PHONE_NUMBER_ID", LINE)
        } else {
            shown
        };
        fs::write(&file, edited).unwrap();
        command.arg(file);
    }
    let graph = if recipe.name == "botpress" { &kitchen.graph.url } else { &kitchen.gate.url };
    let log = folder.join("log");
    let output = fs::File::create(&log).unwrap();
    command
        .env("PORT", port.to_string())
        .envs([("APP_SECRET", APP_SECRET), ("WHATSAPP_TOKEN", BOT_TOKEN), ("PHONE_NUMBER_ID", LINE), ("GRAPH", graph)])
        .envs(variables(recipe, &kitchen.gate.url))
        .stdin(Stdio::piped())
        .stdout(output.try_clone().unwrap())
        .stderr(output);
    let child = command.spawn().unwrap();
    let program = Program { child, log, url: format!("http://127.0.0.1:{port}{}", recipe.path) };
    eventually(LIMIT, recipe.name, || TcpStream::connect(("127.0.0.1", port)).ok());
    Some(program)
}

/// What the Graph API was sent for a customer.
fn sent_to(kitchen: &Kitchen, person: &Person) -> Vec<Value> {
    let is_for = |body: &Value| {
        [&body["to"], &body["recipient"]]
            .iter()
            .any(|name| **name == person.phone.as_str() || **name == person.bsuid.as_str())
    };
    kitchen.graph.asked("/messages").iter().map(crate::graph::Asked::json).filter(is_for).collect()
}

/// A message in, an answer out. Gives the message's id.
fn is_answered(kitchen: &Kitchen, recipe: &Recipe, person: &Person, words: &str) -> String {
    let before = sent_to(kitchen, person).len();
    let id = wamid_of(&person.phone);
    let said = format!("{}: {words}", recipe.name);
    kitchen.gate.text(person.both(), &id, &said);
    let sent = eventually(LIMIT, recipe.name, || sent_to(kitchen, person).get(before).cloned());
    assert_eq!(sent["text"]["body"], format!("You said: {said}"), "{}", recipe.name);
    kitchen.gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
    id
}

/// As the gate delivers it, to the program itself: in ASCII.
fn handed(program: &Program, secret: &str, person: &Person, id: &str, words: &str) -> u16 {
    let body: String = delivery("messages", text(person.both(), id, words))
        .to_string()
        .encode_utf16()
        .map(|unit| {
            let ascii = u8::try_from(unit).ok().filter(|byte| (0x20..0x7f).contains(byte));
            ascii.map_or_else(|| format!("\\u{unit:04x}"), |byte| char::from(byte).to_string())
        })
        .collect();
    post_to(&program.url, body.as_bytes(), &[("x-hub-signature-256", &sign(secret, body.as_bytes()))]).status
}

fn is_as_its_page_says(kitchen: &Kitchen, recipe: &Recipe) {
    let Some(program) = start(recipe, kitchen) else { return };
    let person = Person::new();
    is_answered(kitchen, recipe, &person, "¿tenéis café? ☕");
    if recipe.name != "botpress" {
        let accepted = eventually(LIMIT, "the send is settled", || {
            Some(kitchen.gate.shown(&person.phone).sends)
                .filter(|sends| sends.iter().all(|send| send.state == "accepted"))
        });
        assert_eq!(accepted.len(), 1, "{}: one answer through the fence", recipe.name);
    }

    // The page of n8n says that its Webhook node checks no signature.
    if recipe.name != "n8n" {
        let stranger = Person::new();
        let status = handed(&program, "another secret", &stranger, &wamid_of(&stranger.phone), "let me in");
        assert!([401, 403].contains(&status), "{}: {status}", recipe.name);
        thread::sleep(Duration::from_millis(300));
        assert!(sent_to(kitchen, &stranger).is_empty(), "{}", recipe.name);
    }

    kitchen.gate.echo(person.both());
    let late = wamid_of(&person.phone);
    let status = handed(&program, APP_SECRET, &person, &late, "and sugar?");
    assert_eq!(status, 200, "{}", recipe.name);
    if recipe.name == "botpress" {
        is_counted(kitchen, &person);
    } else {
        eventually(LIMIT, "the refusal is counted", || {
            Some(kitchen.gate.shown(&person.phone).collision_counts.prevented).filter(|prevented| *prevented == 1)
        });
        assert_eq!(sent_to(kitchen, &person).len(), 1, "{}: the late answer went out", recipe.name);
    }
    if recipe.is_standin && recipe.name != "botpress" {
        let told = program.told(&late);
        assert_eq!((&told["status"], &told["error"]["code"]), (&400.into(), &990_001.into()), "{told}");
        if recipe.name == "n8n" {
            assert_eq!(told["way"], json!(["Is a text 0", "Send 0", "Was refused 0"]), "{told}");
        }
    }

    is_answered(kitchen, recipe, &Person::new(), "is anybody there?");
    let printed = program.printed();
    let is_quiet = ["not sent", "Traceback", "Error:", "failed"].iter().all(|word| !printed.contains(word));
    assert!(is_quiet, "{}: {printed}", recipe.name);
    println!("{}: answered, refused, answered", recipe.name);
}

/// A message past the gate: Meta's receipt of it is how the gate learns of it.
fn is_counted(kitchen: &Kitchen, person: &Person) {
    eventually(LIMIT, "it goes past the gate", || (sent_to(kitchen, person).len() == 2).then_some(()));
    let id = wamid_of(&person.phone);
    kitchen.gate.deliver(&delivery("messages", meta::status_at(person.both(), &id, "sent", now_ms() / 1_000 + 1)));
    eventually(LIMIT, "the leak is counted", || {
        Some(kitchen.gate.shown(&person.phone).collision_counts.leaked).filter(|leaked| *leaked == 1)
    });
}

#[test]
fn recipes_answer_through_the_fence_refuse_strangers_and_bear_a_refusal() {
    let kitchen = kitchen();
    thread::scope(|scope| {
        for recipe in &RECIPES {
            scope.spawn(move || is_as_its_page_says(kitchen, recipe));
        }
    });
}
