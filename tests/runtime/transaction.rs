//! A failure in the middle of writing leaves nothing behind, on the platform's own transactions.
//!
//! The platform keeps what was written before an error unless it happened inside `transactionSync`, which the crate
//! does not bind and `edge/sql.rs` does. A trigger in the object's database makes the second of two writes fail.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::bot::Bot;
use crate::client::{Person, wamid};
use crate::common::meta::{LINE, batch, echo, text};
use crate::gate::{APP_SECRET, Gate, Options};

const LIMIT: Duration = Duration::from_secs(10);

/// The database of the object that has accepted this event.
fn database_with(gate: &Gate, wamid: &str) -> Connection {
    let folder = gate.state().join("v3/do/baton-Conversation");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let holds = |file: &PathBuf| {
        let found = Connection::open(file).unwrap().query_row(
            "SELECT count(*) FROM event WHERE id = ?",
            params![wamid],
            |row| row.get::<_, i64>(0),
        );
        // Other databases of the folder may have no such table.
        found.is_ok_and(|count| count > 0)
    };
    let is_database = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "sqlite");
    let file = files.into_iter().filter(is_database).find(holds).expect("an object has accepted the event");
    Connection::open(file).unwrap()
}

#[test]
fn a_delivery_that_cannot_be_stored_whole_leaves_nothing_and_is_500() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start(&bot, Options::default());
    let (person, first, second, spoken) = (Person::new(), wamid(), wamid(), wamid());
    gate.text(person.both(), &first, "hello");
    bot.wait_for(1, &first, LIMIT);
    gate.wait_for_state(&person.phone, &first, "delivered", LIMIT);
    let before = gate.shown(&person.phone);

    // The message is written first, the conversation's own row after it.
    gate.stop();
    let failing =
        "CREATE TRIGGER fault BEFORE INSERT ON event WHEN NEW.id = '' BEGIN SELECT RAISE(ABORT, 'fault'); END";
    database_with(&gate, &first).execute_batch(failing).unwrap();
    gate.restart();
    let delivery = batch(vec![
        (LINE, "messages", text(person.both(), &second, "are you there?")),
        (LINE, "smb_message_echoes", echo(person.both(), &spoken, "I am")),
    ]);
    let answer = gate.try_deliver(&delivery);
    assert_eq!(answer.status, 500, "{answer:?}");
    let after = gate.shown(&person.phone);
    assert_eq!((after.events.len(), after.token), (before.events.len(), before.token), "{after:#?}");
    assert!(bot.deliveries(&second).is_empty(), "the bot was told of something that was not stored");

    // Meta sends it again, and by then the fault is mended.
    gate.stop();
    database_with(&gate, &first).execute_batch("DROP TRIGGER fault").unwrap();
    gate.restart();
    gate.deliver(&delivery);
    let taken_over = ("withheld".to_owned(), Some("taken_over".to_owned()));
    assert_eq!(gate.fate(&person.phone, &second), taken_over);
    assert!(gate.shown(&person.phone).lease_until_ms.is_some());
}
