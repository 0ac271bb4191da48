//! The tool `baton` against the real gate: what it says of it is so.
//!
//! Not here: its output in all cases, its failures and its questions (`tool/`), set-up and diagnosis.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use baton::command::HolderName;
use serde_json::{Value, json};

use crate::bot::{Bot, Reaction, ok_after, status};
use crate::client::{Person, eventually, wamid_of};
use crate::common::meta::{self, LINE};
use crate::delivery::Delivery;
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, Options};
use crate::graph::{Graph, fenced};
use crate::wire;

const LIMIT: Duration = Duration::from_secs(30);

/// The tool, with the secrets of this gate in its environment.
fn tool(gate: &Gate, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.args(arguments).args(["--gate", &gate.url]).env("TZ", "UTC0");
    command.env("ADMIN_TOKEN", ADMIN_TOKEN).env("META_APP_SECRET", APP_SECRET);
    command
}

fn run(gate: &Gate, arguments: &[&str]) -> Output {
    tool(gate, arguments).stdin(Stdio::null()).output().unwrap()
}

/// What it prints with `--json`, where it ends with this code.
fn json_of(gate: &Gate, arguments: &[&str], code: i32) -> Value {
    let output = run(gate, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it prints for people, where it ends with this code.
fn text_of(gate: &Gate, arguments: &[&str], code: i32) -> String {
    let output = run(gate, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    println!("$ baton {}\n{shown}", arguments.join(" "));
    shown
}

/// Lets the bot answer by the gate, some time after it has taken a message: as the sample bot of `npm start` does.
fn answers_after(bot: &Bot, url: &str, thinks: impl Fn(&str) -> Duration + Send + 'static) {
    let url = url.to_owned();
    bot.on("\"messages\"", move |delivery: &Delivery| -> Reaction {
        let message = delivery.json()["entry"][0]["changes"][0]["value"]["messages"][0].clone();
        let after = thinks(message["text"]["body"].as_str().unwrap_or_default());
        let reply = json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": message["from"], "type": "text",
            "text": { "body": "an answer of the bot's" }, "biz_opaque_callback_data": message["id"],
        });
        let url = url.clone();
        thread::spawn(move || {
            thread::sleep(after);
            let headers = [("authorization", "Bearer EAAGbot"), ("content-type", "application/json")];
            // Whether it is refused is what the play is about.
            let _ = wire::ask(&url, "POST", &format!("/v23.0/{LINE}/messages"), &headers, reply.to_string().as_bytes());
        });
        ok_after(Duration::ZERO)
    });
}

#[test]
fn tool_plays_the_takeover_and_leaves_no_customer_behind() {
    let (bot, graph) = (Bot::start(APP_SECRET), Graph::start());
    let policy = json!({
        "fence": "refuse", "lease_seconds": 8, "warn_after_seconds": 3, "hand_back_after_seconds": 5,
    });
    let gate = Gate::start(&bot, fenced(&graph.url, policy));
    // As long as the scenario gives it for its first answer, and none for the others.
    answers_after(&bot, &gate.url, |text| Duration::from_secs(if text.starts_with("Hello") { 4 } else { 0 }));
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/takeover.toml");
    let shown = text_of(&gate, &["simulate", scenario, "--line", LINE], 0);
    for says in [
        "customer “Hello! Do you have the blue dress in size M?”",
        "gate     a person has answered: the bot is kept out until ",
        "gate     bot's late reply refused: the shop had answered ",
        "gate     withheld from the bot: the shop holds until ",
        "gate     the owner is warned: a customer waits for a person",
        "gate     handed back to the bot: nobody has answered, so the bot gets the message",
        "✓ As expected: a late reply of the bot's was refused; the bot answered 2 messages.",
    ] {
        assert!(shown.contains(says), "no {says}");
    }
    let customer =
        bot.deliveries("messages")[0].json()["entry"][0]["changes"][0]["value"]["messages"][0]["from"].clone();
    assert!(gate.shown_at(LINE, customer.as_str().unwrap()).is_none(), "the made-up customer is erased");

    // A bot that is quicker than the person shows that the scenario is not about it.
    bot.behave();
    answers_after(&bot, &gate.url, |_| Duration::ZERO);
    let document = json_of(&gate, &["simulate", scenario, "--line", LINE, "--keep"], 1);
    assert!(document["difference"].as_str().unwrap().contains("before the person did"), "{document}");
    assert!(gate.shown_at(LINE, document["customer"].as_str().unwrap()).is_some(), "--keep keeps");
}

#[test]
fn tool_sends_explains_replays_and_erases() {
    let bot = Bot::start(APP_SECRET);
    let policy = json!({ "lease_seconds": 600, "retry_schedule_seconds": [0, 1] });
    let gate = Gate::start(&bot, Options::with_policy(policy));
    let folder = gate.state().to_owned();
    let (anna, ben) = (Person::new(), Person::new());
    let payload =
        |person: &Person, id: &str| meta::delivery("messages", meta::text(person.both(), id, "hello")).to_string();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).to_str().unwrap().to_owned()
    };

    // Sent twice and delivered once; what became of it is said.
    let first = wamid_of(&anna.phone);
    let sent = json_of(&gate, &["send", &file("a.json", &payload(&anna, &first)), "--times", "2"], 0);
    assert_eq!((&sent["sent"], &sent["files"][0]["events"][0]["state"]), (&json!(2), &json!("delivered")), "{sent}");
    assert_eq!(bot.wait_for(1, &first, LIMIT).len(), 1);

    // A person answers; the customer's next message is withheld, and explained.
    gate.echo(anna.both());
    let second = wamid_of(&anna.phone);
    let shown = text_of(&gate, &["send", &file("b.json", &payload(&anna, &second))], 0);
    assert!(shown.contains(&second) && shown.contains("a person held the baton"), "{shown}");
    let explained = text_of(&gate, &["explain", &second], 0);
    assert!(explained.contains("a person held the baton") && explained.contains("takeover (echo)"), "{explained}");
    assert_eq!(json_of(&gate, &["explain", &second], 0)["event"]["reason"], "held_by_human");
    json_of(&gate, &["explain", &wamid_of(&Person::new().phone)], 1);

    // The bot fails until the gate gives up; a replay brings it there after all.
    bot.on(&ben.phone, |_| status(500));
    let lost = wamid_of(&ben.phone);
    json_of(&gate, &["send", &file("c.json", &payload(&ben, &lost))], 0);
    gate.wait_for_state(&ben.phone, &lost, "dead", LIMIT);
    let counted = || json_of(&gate, &["replay", "--all", "--line", LINE, "--dry-run"], 0)["dead_letters"].as_u64();
    eventually(LIMIT, "the desk knows of the dead letter", || (counted() == Some(1)).then_some(()));
    bot.behave();
    let replayed = json_of(&gate, &["replay", "--since", "1h", "--line", LINE], 0);
    assert_eq!(replayed["replayed"], 1);
    gate.wait_for_state(&ben.phone, &lost, "delivered", LIMIT);
    assert_eq!(json_of(&gate, &["replay", &ben.phone, "--line", LINE], 0)["replayed"], 0, "nothing is left");

    // Erased, with the gate's proof; the gate knows nothing of the customer afterwards.
    let proof = json_of(&gate, &["erase", &anna.phone, "--line", LINE, "--yes"], 0);
    assert!(proof["erased"].as_u64().unwrap() >= 1, "{proof}");
    assert!(gate.shown_at(LINE, &anna.phone).is_none());
    json_of(&gate, &["explain", &second], 1);
}

#[test]
fn tool_checks_compares_pushes_and_pulls_the_policy() {
    let bot = Bot::start(APP_SECRET);
    let gate = Gate::start(&bot, Options::with_policy(json!({ "lease_seconds": 600 })));
    let own = gate.state().join("own.toml");
    let own = own.to_str().unwrap();
    text_of(&gate, &["policy", "pull", own], 0);
    assert!(text_of(&gate, &["policy", "diff", own], 0).contains("There is no difference."));

    let text = std::fs::read_to_string(own).unwrap();
    std::fs::write(own, format!("warn_after_seconds = 60\n{}", text.replace("600", "900"))).unwrap();
    assert!(text_of(&gate, &["policy", "diff", own], 1).contains("~ lease_seconds: 600 → 900"));
    let pushed = json_of(&gate, &["policy", "push", own, "--yes", "--note", "longer"], 0);
    assert_eq!((&pushed["version"], pushed["changes"].as_array().unwrap().len()), (&json!(1), 2), "{pushed}");
    assert!(text_of(&gate, &["policy", "push", own, "--yes"], 0).contains("has this policy already (version 1)"));

    // It is in force: a person's hold lasts as long as it says.
    let person = Person::new();
    gate.asks(person.both());
    gate.echo(person.both());
    let held = gate.wait_for_holder(&person.phone, HolderName::Human, LIMIT);
    let lease = held.lease_until_ms.unwrap().as_millis() - held.since_ms.unwrap().as_millis();
    assert!((890_000..=900_000).contains(&lease), "{lease}");

    // A mistake is told with its place and changes nothing.
    std::fs::write(own, "lease_seconds = 0\nrules = [{ name = \"a\", then = \"bot\", bot = \"nobody\", when = {} }]")
        .unwrap();
    let mistakes = json_of(&gate, &["policy", "push", own, "--yes"], 1)["mistakes"].clone();
    assert_eq!(mistakes, json_of(&gate, &["policy", "check", own], 1)["mistakes"], "the same without a gate");
    assert!(
        mistakes.to_string().contains("lease_seconds") && mistakes.to_string().contains("rules[0].bot"),
        "{mistakes}"
    );

    // And back: a version like any other.
    std::fs::write(own, "lease_seconds = 60").unwrap();
    assert_eq!(json_of(&gate, &["policy", "push", own, "--yes"], 0)["version"], 2);
    assert_eq!(json_of(&gate, &["policy", "rollback", "1", "--yes"], 0)["version"], 3);
    assert!(text_of(&gate, &["policy", "versions"], 0).contains("longer"));
    assert_eq!(json_of(&gate, &["policy", "pull"], 0)["lease_seconds"], 900);
}

#[test]
fn tool_shows_live_who_takes_and_hands_back_over_a_restart_of_the_gate() {
    let bot = Bot::start(APP_SECRET);
    let mut options = Options::with_policy(json!({ "lease_seconds": 600, "handback_phrases": ["#bot"] }));
    options.port = Some(crate::bot::next_port());
    let mut gate = Gate::start(&bot, options);
    let (before, person) = (Person::new(), Person::new());
    gate.asks(before.both());
    eventually(LIMIT, "the desk knows the line", || gate.desk_knows(&before.phone).then_some(()));

    let child = tool(&gate, &["tail", "--json"]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = Ending(child.unwrap());
    let (sender, lines) = channel();
    let output = child.0.stdout.take().unwrap();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    // The tool watches once something is seen; until then people keep writing, whom it may know from the beginning.
    eventually(LIMIT, "the tool watches", || {
        gate.asks(Person::new().both());
        lines.recv_timeout(Duration::from_millis(500)).ok()
    });
    let wait = |person: &Person, what: &str| {
        let until = Instant::now() + LIMIT;
        loop {
            let line = lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("{what} was not shown"));
            let shown: Value = serde_json::from_str(&line).unwrap();
            if shown["customer"] == person.phone.as_str() && shown["what"] == what {
                assert!(shown["line"] == LINE && !shown["why"].as_str().unwrap().is_empty(), "{shown}");
                return;
            }
        }
    };
    gate.asks(person.both());
    gate.echo(person.both());
    wait(&person, "taken");
    gate.asks(person.both());
    wait(&person, "waiting");
    gate.restart();
    gate.says(person.both(), "#bot");
    wait(&person, "handed back");
}

/// A process that ends with the test, also where that fails.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Gate {
    /// Whether the desk lists this customer.
    fn desk_knows(&self, phone: &str) -> bool {
        let path = format!("/api/v1/conversations?line={LINE}&q={phone}");
        let answer = self.request("GET", &path, &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))]);
        serde_json::from_str::<Value>(&answer.body).unwrap()["conversations"][0].is_object()
    }
}
