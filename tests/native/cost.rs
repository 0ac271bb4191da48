//! Rows written are most of what a webhook costs (docs/decisions/0004-rows.md). These counts are what the README says.
//!
//! SQLite counts a row once per table here: `event` is `WITHOUT ROWID` and has no index. Setting the alarm is one row
//! more (Cloudflare, Durable Objects pricing, 2026), and the object sets it only where none rings in time. Making a
//! table is two rows (measured on the platform's runtime).

use baton::outbox::outcome::Outcome;
use baton::store::{Sql, Value};

use crate::common::meta::{Customer, delivery, echo, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

/// Rows that an object has written in its life: changed rows, two for a table, one for each time the alarm was set.
pub fn rows_of(object: &Object) -> i64 {
    match object.sql.query("SELECT total_changes()", vec![]).unwrap()[0][0] {
        Value::Integer(changes) => changes + i64::from(object.alarms_set) + 2 * object.sql.tables_made.get(),
        Value::Null | Value::Text(_) => panic!("a count"),
    }
}

/// Rows written by `work`.
fn rows(object: &mut Object, work: impl FnOnce(&mut Object)) -> i64 {
    let before = rows_of(object);
    work(object);
    rows_of(object) - before
}

fn message(object: &mut Object, wamid: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, wamid, "hello")));
}

#[test]
fn a_forwarded_message_costs_three_rows_an_echo_two_a_duplicate_none() {
    let mut object = Object::new("{}");
    let first = rows(&mut object, |object| {
        message(object, "m0");
        object.bot_answers(Outcome::Accepted);
    });
    assert_eq!(first, 3 + 3, "the first message of a conversation also makes its table and writes its own row");
    object.pass(60);

    let forwarded = rows(&mut object, |object| {
        message(object, "m1");
        object.bot_answers(Outcome::Accepted);
    });
    assert_eq!(forwarded, 3, "written, alarm set, delivered");
    let alarm = rows(&mut object, |object| object.pass(60));
    assert_eq!(alarm, 1, "the alarm rings once after a burst and is set to the day on which the row is forgotten");

    let burst = rows(&mut object, |object| {
        for number in 0..10 {
            message(object, &format!("burst{number}"));
            object.bot_answers(Outcome::Accepted);
        }
    });
    assert_eq!(burst, 2 * 10 + 1, "one alarm for the burst");
    assert_eq!(rows(&mut object, |object| message(object, "m1")), 0, "a duplicate");

    let echo = |object: &mut Object, number: usize| {
        object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, &format!("e{number}"), "hi")));
    };
    object.pass(60);
    assert_eq!(rows(&mut object, |object| echo(object, 0)), 2, "the conversation's row and the alarm");
    for number in 1..40 {
        let rows = rows(&mut object, |object| echo(object, number));
        assert!(rows <= 2, "echo {number}: {rows} rows");
    }
    assert_eq!(rows(&mut object, |object| echo(object, 7)), 0, "a repeated echo");
    let waits = rows(&mut object, |object| message(object, "held"));
    assert_eq!(waits, 3, "a withheld message, that the customer waits, and the alarm that warns the owner");
    assert_eq!(rows(&mut object, |object| message(object, "held too")), 1, "a further withheld message");
}

/// What a hold costs that ends with an unanswered customer, beyond its echo and its messages.
#[test]
fn warning_the_owner_and_handing_back_cost_a_few_rows_however_long_it_took() {
    for messages in [1_i64, 5] {
        let mut object = Object::new("{}");
        object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi")));
        for number in 0..messages {
            message(&mut object, &format!("m{number}"));
        }
        let warning = rows(&mut object, |object| object.pass(600));
        assert_eq!(warning, 2, "the conversation's row, and the alarm of the handback");
        let handback = rows(&mut object, |object| {
            assert_eq!(object.bot_gets_ids(1_300).len(), usize::try_from(messages).unwrap());
        });
        // The conversation's row and two alarms; the first message starts at once, the others wait for it.
        assert_eq!(handback, 3 + 2 + 3 * (messages - 1), "{messages} messages");
    }
}
