//! Promise 3: the bot sees each message once, however often and from however many sides Meta sends it.

use std::thread;
use std::time::Duration;

use crate::client::{Person, wamid};
use crate::common::meta::{LINE, batch, delivery, echo, ghost, text};
use crate::delivery::Delivery;
use crate::gate::common;

const LIMIT: Duration = Duration::from_secs(10);
/// How long a test watches for what must not come.
const WATCH: Duration = Duration::from_millis(1_500);

#[test]
fn a_whole_batch_that_is_delivered_again_changes_nothing() {
    let common = common();
    let people: Vec<Person> = (0..8).map(|_| Person::new()).collect();
    let held = Person::new();
    let ids: Vec<String> = (0..16).map(|_| wamid()).collect();
    let mut changes = vec![(LINE, "smb_message_echoes", echo(held.both(), &wamid(), "hello"))];
    for (number, id) in ids.iter().enumerate() {
        let person = &people[number % people.len()];
        changes.push((LINE, "messages", text(person.both(), id, &format!("message {number}"))));
    }
    let whole = batch(changes);

    // At the same time from several sides, as when Meta believes that nobody has answered, and then one by one.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| common.gate.deliver(&whole));
        }
    });
    for _ in 0..3 {
        common.gate.deliver(&whole);
    }
    for id in &ids {
        common.bot.wait_for(1, id, LIMIT);
    }
    thread::sleep(WATCH);
    for id in &ids {
        let got = common.bot.deliveries(id);
        assert_eq!(got.len(), 1, "{id} reached the bot {} times", got.len());
        assert_eq!(got[0].attempt(), 1);
    }
    let shown = common.gate.shown(&held.phone);
    assert_eq!(shown.token.number(), 1, "a repeated echo takes nothing twice: {shown:?}");
}

#[test]
fn a_message_that_is_repeated_after_its_delivery_is_recognised() {
    let common = common();
    let (person, id) = (Person::new(), wamid());
    let message = delivery("messages", text(person.both(), &id, "hello"));
    common.gate.deliver(&message);
    common.gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
    for _ in 0..3 {
        common.gate.deliver(&message);
    }
    // The same message under one name only is still the same message.
    common.gate.text(person.by_bsuid(), &id, "hello");
    common.gate.text(person.by_phone(), &id, "hello");
    thread::sleep(WATCH);
    assert_eq!(common.bot.deliveries(&id).len(), 1);
}

#[test]
fn of_a_ghost_and_the_real_message_the_bot_sees_the_real_one_only() {
    let common = common();
    let (person, id, behind) = (Person::new(), wamid(), wamid());
    let ghost = delivery("messages", ghost(person.both(), &id));
    let real = delivery("messages", text(person.both(), &id, "I saw your ad"));
    common.gate.deliver(&ghost);
    common.gate.text(person.both(), &behind, "and another thing");
    // Meta was seen to send the real message 200 ms later.
    thread::sleep(Duration::from_millis(200));
    assert!(common.bot.deliveries(&person.phone).is_empty(), "the ghost waits, and what is behind it too");
    common.gate.deliver(&real);
    common.gate.deliver(&ghost);
    common.gate.deliver(&real);
    common.bot.wait_for(2, &person.phone, LIMIT);
    thread::sleep(WATCH);
    let got = common.bot.deliveries(&person.phone);
    assert_eq!(got.iter().map(Delivery::wamid).collect::<Vec<_>>(), [id, behind]);
    assert!(got[0].text().contains("I saw your ad") && !got[0].text().contains("131060"));
}
