//! The owner's rules on the real runtime: several bots, a person who may answer first, markers in the address book,
//! bursts, changes before the bot has a message, and dead letters that are sent again.
//!
//! Not here: what each condition and each form of a text means (`native/rules.rs`, and the parser's own tests).

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use baton::ids::{BotName, RuleName};
use serde_json::{Value, json};

use crate::bot::{Bot, status};
use crate::client::{Person, eventually, wamid};
use crate::common::meta::{self, address_book, delivery};
use crate::delivery::Delivery;
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, Options};

const LIMIT: Duration = Duration::from_secs(20);
const WATCH: Duration = Duration::from_millis(1_500);
const SALES_SECRET: &str = "secret of the sales bot";
const HUMAN_FIRST: Duration = Duration::from_secs(3);

struct Place {
    bot: Bot,
    sales: Bot,
    gate: Gate,
}

/// A gate with two bots. Rules look at the beginning of a text, so that each test has words of its own.
fn place() -> &'static Place {
    static PLACE: LazyLock<Place> = LazyLock::new(|| {
        let (bot, sales) = (Bot::start(APP_SECRET), Bot::start(SALES_SECRET));
        let policy = json!({
            "lease_seconds": 600,
            "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            "rules": [
                { "name": "regulars", "when": { "contact": "#vip" }, "then": "human" },
                { "name": "buyers", "when": { "text": { "prefix": "buy" } }, "then": "bot", "bot": "sales" },
                { "name": "somebody may know", "when": { "text": { "prefix": "who" } }, "then": "human_first",
                  "human_first_seconds": HUMAN_FIRST.as_secs() },
                { "name": "spam", "when": { "text": { "contains": "crypto" } }, "then": "ignore" },
            ],
        });
        let options = Options::with_policy(policy)
            .var("BOTS", json!({ "sales": sales.url() }).to_string())
            .var("BOT_SECRET_SALES", SALES_SECRET);
        let gate = Gate::start(&bot, options);
        Place { bot, sales, gate }
    });
    &PLACE
}

fn says(gate: &Gate, person: &Person, text: &str) -> String {
    let id = wamid();
    gate.text(person.both(), &id, text);
    id
}

fn order(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(Delivery::wamid).collect()
}

fn body(delivery: &Delivery) -> Value {
    delivery.json()["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"].clone()
}

fn withheld(reason: &str) -> (String, Option<String>) {
    ("withheld".to_owned(), Some(reason.to_owned()))
}

#[test]
fn each_bot_gets_its_own_with_its_own_secret_and_one_that_is_down_stops_no_other() {
    let Place { bot, sales, gate } = place();
    let person = Person::new();
    let early = says(gate, &person, "buy one");
    sales.wait_for(1, &early, LIMIT);
    sales.go_down();
    let orders = [says(gate, &person, "buy two"), says(gate, &person, "Buy three")];
    let others = [says(gate, &person, "hello"), says(gate, &person, "are you there?")];
    assert_eq!(order(&bot.wait_for(2, &person.phone, LIMIT)), others, "the other bot goes on meanwhile");
    let event = eventually(LIMIT, "the sales bot was called in vain", || {
        Some(gate.event(&person.phone, &orders[0])).filter(|event| event.attempts.number() >= 2)
    });
    assert_eq!(event.rule.as_ref().map(RuleName::as_str), Some("buyers"));
    assert_eq!(event.bot.as_ref().map(BotName::as_str), Some("sales"));
    assert!(gate.event(&person.phone, &others[0]).bot.is_none());
    sales.come_up();
    // Each bot checks what it gets against its own secret.
    let got = sales.wait_for(3, &person.phone, LIMIT);
    assert_eq!(order(&got), [early, orders[0].clone(), orders[1].clone()]);
    let explanation = gate.wait_for_state(&person.phone, &orders[1], "delivered", LIMIT).explanation;
    assert!(explanation.contains("buyers") && explanation.contains("sales"), "{explanation}");
    assert_eq!(bot.deliveries(&person.phone).len(), 2);
}

#[test]
fn a_person_may_answer_first_and_the_bot_gets_what_nobody_answers() {
    let Place { bot, gate, .. } = place();
    let (answered, unanswered) = (Person::new(), Person::new());
    let mine = says(gate, &answered, "who can help me?");
    let start = Instant::now();
    let yours = says(gate, &unanswered, "who can help me?");
    let event = gate.event(&answered.phone, &mine);
    assert_eq!((event.state.as_str(), event.reason.as_deref()), ("waiting", Some("human_first")));
    assert_eq!(event.rule.as_ref().map(RuleName::as_str), Some("somebody may know"));
    gate.says(answered.both(), "I can");
    assert_eq!(gate.fate(&answered.phone, &mine), withheld("taken_over"));
    let waited = bot.wait_for(1, &yours, LIMIT)[0].at.duration_since(start);
    assert!(waited >= HUMAN_FIRST, "the bot had it after {waited:?}");
    thread::sleep(WATCH);
    assert!(bot.deliveries(&answered.phone).is_empty(), "a person was first");
}

#[test]
fn a_marker_in_the_phones_address_book_keeps_the_bot_out_until_it_is_gone() {
    let Place { bot, gate, .. } = place();
    let person = Person::new();
    let sync = |action: &str, name: &str| {
        gate.deliver(&delivery("smb_app_state_sync", address_book(person.both(), action, name)));
    };
    // The address book comes before the customer has ever written.
    sync("add", "Laura #VIP");
    let kept = says(gate, &person, "hello");
    let event = gate.event(&person.phone, &kept);
    assert_eq!((event.state.as_str(), event.reason.as_deref()), ("withheld", Some("for_person")));
    assert_eq!(event.rule.as_ref().map(RuleName::as_str), Some("regulars"));
    assert!(event.explanation.contains("regulars"), "{}", event.explanation);
    sync("add", "Laura");
    let free = says(gate, &person, "hello again");
    bot.wait_for(1, &free, LIMIT);
    let ignored = says(gate, &person, "buy CRYPTO now, crypto!");
    assert_eq!(gate.event(&person.phone, &ignored).rule.as_ref().map(RuleName::as_str), Some("buyers"));
    let ignored = says(gate, &person, "cheap crypto");
    assert_eq!(gate.fate(&person.phone, &ignored), withheld("ignored"));
    thread::sleep(WATCH);
    assert_eq!(order(&bot.deliveries(&person.phone)), [free]);
    let shown = format!("{:?}", gate.shown(&person.phone));
    assert!(!shown.contains("Laura"), "the address book is shown to nobody: {shown}");
}

#[test]
fn a_burst_becomes_one_message_and_changes_come_before_the_bot_has_it() {
    let bot = Bot::start(APP_SECRET);
    let policy = json!({ "lease_seconds": 600, "burst_seconds": 2, "burst": "merge_text" });
    let gate = Gate::start(&bot, Options::with_policy(policy));
    let (writes, mends, regrets) = (Person::new(), Person::new(), Person::new());
    let parts = [says(&gate, &writes, "Hola 😀"), says(&gate, &writes, "¿tenéis"), says(&gate, &writes, "café?")];
    let mended = says(&gate, &mends, "two red dresses");
    let edit = wamid();
    gate.deliver(&delivery("messages", meta::edit(mends.both(), &edit, &mended, "two blue dresses")));
    let (regretted, revoke) = (says(&gate, &regrets, "forget me"), wamid());
    let other = says(&gate, &regrets, "good morning");
    gate.deliver(&delivery("messages", meta::revoke(regrets.both(), &revoke, &regretted)));

    let whole = bot.wait_for(1, &writes.phone, LIMIT);
    let blue = bot.wait_for(1, &mends.phone, LIMIT);
    bot.wait_for(1, &regrets.phone, LIMIT);
    thread::sleep(WATCH);
    // That the signatures fit these new bodies is what the bot checks by itself.
    assert_eq!(order(&bot.deliveries(&writes.phone)), [parts[2].clone()]);
    assert_eq!(body(&whole[0]), "Hola 😀\n¿tenéis\ncafé?");
    assert_eq!(order(&bot.deliveries(&mends.phone)), [mended.as_str()], "the edit itself is no message any more");
    assert_eq!(body(&blue[0]), "two blue dresses");
    assert_eq!(order(&bot.deliveries(&regrets.phone)), [other]);
    for (person, id, reason) in [
        (&writes, &parts[0], "merged"),
        (&writes, &parts[1], "merged"),
        (&mends, &edit, "applied"),
        (&regrets, &regretted, "withdrawn"),
        (&regrets, &revoke, "applied"),
    ] {
        assert_eq!(gate.fate(&person.phone, id), withheld(reason), "{id}");
    }
    // What the bot has is followed by its change.
    let late = wamid();
    gate.deliver(&delivery("messages", meta::edit(mends.both(), &late, &mended, "no, green")));
    bot.wait_for(1, &late, LIMIT);
}

#[test]
fn what_the_bot_never_took_is_kept_and_goes_on_its_way_again_when_the_operator_says_so() {
    let bot = Bot::start(APP_SECRET);
    let policy = json!({ "retry_schedule_seconds": [0, 1], "lease_seconds": 600, "handback_phrases": ["#bot"] });
    let gate = Gate::start(&bot, Options::with_policy(policy));
    let (person, stranger) = (Person::new(), Person::new());
    bot.on("", |_| status(500));
    let lost = [says(&gate, &person, "one"), says(&gate, &person, "two")];
    for id in &lost {
        let event = gate.wait_for_state(&person.phone, id, "dead", LIMIT);
        assert_eq!((event.reason.as_deref(), event.attempts.number()), (Some("status_500"), 2));
    }
    let conversation = gate.shown(&person.phone).conversation;
    eventually(LIMIT, "the owner is told of two", || (gate.told("dead_letter", &conversation) == 2).then_some(()));

    let path = format!("/api/v1/conversations/{}/{}/replay", meta::LINE, person.phone);
    assert_eq!(gate.request("POST", &path, &[]).status, 401);
    assert_eq!(gate.request("GET", &path, &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))]).status, 405);
    let replayed = |gate: &Gate, person: &Person| {
        let answer = gate.replay(&person.phone);
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str::<Value>(&answer.body).unwrap()["replayed"].as_u64().unwrap()
    };
    assert_eq!(replayed(&gate, &stranger), 0);
    // While a person holds nothing goes to the bot, and the dead letters stay what they are.
    gate.echo(person.both());
    assert_eq!(replayed(&gate, &person), 0);
    assert_eq!(gate.event(&person.phone, &lost[0]).state, "dead");
    gate.says(person.both(), "#bot");
    let before = bot.deliveries("wamid.");
    bot.behave();
    assert_eq!(replayed(&gate, &person), 2);
    let got = bot.wait_for(before.len() + 2, "wamid.", LIMIT).split_off(before.len());
    assert_eq!(order(&got), lost);
    for (delivery, id) in got.iter().zip(&lost) {
        let first = before.iter().find(|delivery| delivery.wamid() == *id).unwrap();
        assert_eq!(delivery.attempt(), 3);
        assert_eq!((&delivery.body, delivery.header("webhook-id")), (&first.body, first.header("webhook-id")));
        gate.wait_for_state(&person.phone, id, "delivered", LIMIT);
    }
    assert_eq!(replayed(&gate, &person), 0, "once is enough");
}

#[test]
fn a_message_that_is_older_than_the_owner_allows_wakes_no_bot() {
    let bot = Bot::start(APP_SECRET);
    let gate = Gate::start(&bot, Options::with_policy(json!({ "stale_after_seconds": 600, "lease_seconds": 600 })));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let sent = |person: &Person, seconds_ago: u64| {
        let id = wamid();
        let more = json!({ "timestamp": (now - seconds_ago).to_string(), "text": { "body": "hello" } });
        gate.deliver(&delivery("messages", meta::message(person.both(), &id, "text", more)));
        id
    };
    let person = Person::new();
    let (old, young) = (sent(&person, 700), sent(&person, 100));
    bot.wait_for(1, &young, LIMIT);
    thread::sleep(WATCH);
    assert!(bot.deliveries(&old).is_empty(), "the bot was woken by what nobody waits for any more");
    let event = gate.event(&person.phone, &old);
    assert_eq!((event.state.as_str(), event.reason.as_deref()), ("withheld", Some("stale")));
    assert!(event.explanation.contains("stale_after_seconds"), "{}", event.explanation);
    assert!(gate.shown(&person.phone).waiting_since_ms.is_some(), "a person should look at it");
}
