//! Promise 2 under SIGKILL: what Meta was told 200 for survives the death of every process at any moment.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bot::{Bot, Reaction, ok_after};
use crate::client::{Person, wamid};
use crate::common::meta::{delivery, echo, text};
use crate::delivery::Delivery;
use crate::gate::{APP_SECRET, Gate, Options};

/// After the start an attempt that was interrupted counts as lost 20 s after it began; then come its retry and
/// what is behind it.
const LIMIT: Duration = Duration::from_secs(45);

fn start(bot: &Bot) -> Gate {
    let policy = json!({ "lease_seconds": 3_600, "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
    Gate::start(bot, Options::with_policy(policy))
}

struct Chat {
    person: Person,
    /// The messages that Meta was told 200 for, in their order.
    sent: Vec<String>,
}

fn chats(count: usize) -> Vec<Chat> {
    (0..count).map(|_| Chat { person: Person::new(), sent: Vec::new() }).collect()
}

/// Takes the baton from the phone and lets the customer write; what comes back is withheld for good.
fn hold(gate: &Gate) -> Chat {
    let mut chat = chats(1).remove(0);
    gate.echo(chat.person.both());
    for _ in 0..2 {
        let id = wamid();
        gate.text(chat.person.both(), &id, "is anybody there?");
        chat.sent.push(id);
    }
    chat
}

fn still_held(gate: &Gate, bot: &Bot, chat: &Chat) {
    let new = wamid();
    gate.text(chat.person.both(), &new, "hello?");
    for id in chat.sent.iter().chain([&new]) {
        assert!(bot.deliveries(id).is_empty(), "{id} reached the bot though a person holds");
        assert_eq!(gate.fate(&chat.person.phone, id), ("withheld".to_owned(), Some("held_by_human".to_owned())));
    }
}

/// Every message of these chats is delivered, in order; more than once only where an attempt was under way when the
/// gate was killed, and then with the same bytes under the same id.
fn all_arrived(gate: &Gate, bot: &Bot, chats: &[Chat], seen_before: &[Delivery]) {
    for chat in chats {
        for id in &chat.sent {
            gate.wait_for_state(&chat.person.phone, id, "delivered", LIMIT);
            let got = bot.deliveries(id);
            let before = seen_before.iter().filter(|delivery| delivery.wamid() == *id).count();
            assert!(!got.is_empty(), "{id} is called delivered, but never was");
            assert!(got.len() <= before.max(1) + usize::from(before > 0), "{id} was delivered {} times", got.len());
            for attempt in &got {
                assert_eq!(attempt.body, got[0].body, "the bytes changed");
                assert_eq!(attempt.header("webhook-id"), got[0].header("webhook-id"));
            }
        }
        let mut order: Vec<String> = bot.deliveries(&chat.person.phone).iter().map(Delivery::wamid).collect();
        order.dedup();
        assert_eq!(order, chat.sent, "in the order of acceptance");
    }
}

#[test]
fn killed_while_the_bot_is_down_nothing_is_lost_and_everything_arrives_exactly_once() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = start(&bot);
    let held = hold(&gate);
    bot.go_down();
    let mut chats = chats(5);
    for _ in 0..4 {
        for chat in &mut chats {
            let id = wamid();
            gate.text(chat.person.both(), &id, "hello");
            chat.sent.push(id);
        }
    }
    gate.kill();
    bot.come_up();
    gate.restart();
    all_arrived(&gate, &bot, &chats, &[]);
    still_held(&gate, &bot, &held);
}

#[test]
fn killed_during_attempts_each_is_repeated_under_the_same_id_and_nothing_is_lost() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = start(&bot);
    let held = hold(&gate);
    bot.on("", |_| Reaction::Never);
    let mut chats = chats(4);
    for _ in 0..3 {
        for chat in &mut chats {
            let id = wamid();
            gate.text(chat.person.both(), &id, "hello");
            chat.sent.push(id);
        }
    }
    for chat in &chats {
        bot.wait_for(1, &chat.sent[0], LIMIT);
    }
    gate.kill();
    bot.settle();
    let before = bot.deliveries("wamid.");
    bot.behave();
    gate.restart();
    all_arrived(&gate, &bot, &chats, &before);
    for chat in &chats {
        let got = bot.deliveries(&chat.sent[0]);
        assert_eq!(got.iter().map(Delivery::attempt).collect::<Vec<_>>(), [1, 2]);
    }
    still_held(&gate, &bot, &held);
}

#[test]
fn killed_in_the_middle_of_traffic_three_times_whatever_was_acknowledged_arrives() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = start(&bot);
    let held = hold(&gate);
    bot.on("", |_| ok_after(Duration::from_millis(30)));
    for (round, moment) in [120, 350, 700].into_iter().enumerate() {
        let mut chats = chats(6);
        let unanswered: Mutex<Vec<Value>> = Mutex::default();
        let mut before = Vec::new();
        let address = gate.url.clone();
        thread::scope(|scope| {
            for chat in &mut chats {
                let (address, unanswered) = (&address, &unanswered);
                scope.spawn(move || write_until_killed(address, chat, unanswered));
            }
            thread::sleep(Duration::from_millis(moment));
            gate.kill();
            bot.settle();
            before = bot.deliveries("wamid.");
        });
        gate.restart();
        // Meta sends again what nobody acknowledged; whether it was stored is not known to anybody.
        for delivery in unanswered.into_inner().unwrap() {
            gate.deliver(&delivery);
        }
        all_arrived(&gate, &bot, &chats, &before);
        let total: usize = chats.iter().map(|chat| chat.sent.len()).sum();
        println!("round {round}: killed after {moment} ms, {total} messages, none lost");
        still_held(&gate, &bot, &held);
    }
}

/// A customer writes one message after the other until the gate no longer answers. The last message, which got no
/// answer, is kept: Meta will send it again.
fn write_until_killed(address: &str, chat: &mut Chat, unanswered: &Mutex<Vec<Value>>) {
    loop {
        let id = wamid();
        let message = delivery("messages", text(chat.person.both(), &id, "hello"));
        chat.sent.push(id);
        if !crate::client::is_acknowledged(address, &message) {
            unanswered.lock().unwrap().push(message);
            return;
        }
    }
}

#[test]
fn an_echo_that_was_acknowledged_just_before_the_kill_still_holds() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = start(&bot);
    bot.go_down();
    let (person, waiting, new) = (Person::new(), wamid(), wamid());
    gate.text(person.both(), &waiting, "hello");
    gate.deliver(&delivery("smb_message_echoes", echo(person.both(), &wamid(), "I am here")));
    gate.kill();
    bot.come_up();
    gate.restart();
    gate.text(person.both(), &new, "hello?");
    // The attempt that was under way at the echo may have ended before it or been cut off by the kill; in both cases
    // the bot was down, and there is no other attempt.
    let event = gate.wait_for_state(&person.phone, &waiting, "withheld", LIMIT);
    assert_eq!(event.reason.as_deref(), Some("taken_over"));
    assert_eq!(gate.fate(&person.phone, &new).0, "withheld");
    assert!(bot.deliveries(&person.phone).is_empty());
}
