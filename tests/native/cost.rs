//! Rows written are most of what a webhook costs (docs/decisions/0004-rows.md). These counts are those of the table in
//! `docs/costs.md`, which `baton cost` reckons with (`cli/counts.rs`).
//!
//! SQLite counts a row once per table here: `event` is `WITHOUT ROWID` and has no index. Setting the alarm is one row
//! more (Cloudflare, Durable Objects pricing, 2026), and the object sets it only where none rings in time. Making a
//! table is two rows (measured on the platform's runtime).

use std::fmt::Write as _;
use std::process::Command;

use baton::outbox::outcome::Outcome;
use baton::store::{Sql, Value};

use crate::common::book::page_at;
use crate::common::meta::{Customer, delivery, echo, text};
use crate::counts::{self, COUNTS, Count, Day};
use crate::object::Object;
use crate::price;
use crate::reference::is_as_made;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

/// Rows that an object has written in its life: changed rows, two for a table, one for each time the alarm was set.
pub fn rows_of(object: &Object) -> i64 {
    match object.sql.query("SELECT total_changes()", vec![]).unwrap()[0][0] {
        Value::Integer(changes) => changes + i64::from(object.alarms_set) + 2 * object.sql.tables_made.get(),
        Value::Null | Value::Text(_) => panic!("a count"),
    }
}

/// The rows of an event, as the table says.
pub fn of(count: Count) -> i64 {
    i64::try_from(count.rows).unwrap()
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
    assert_eq!(forwarded, of(counts::MESSAGE), "written, alarm set, delivered");
    let alarm = rows(&mut object, |object| object.pass(60));
    assert_eq!(
        alarm,
        i64::try_from(counts::MESSAGE.alarms).unwrap(),
        "the alarm rings once after a burst and is set to the day on which the row is forgotten"
    );

    let burst = rows(&mut object, |object| {
        for number in 0..10 {
            message(object, &format!("burst{number}"));
            object.bot_answers(Outcome::Accepted);
        }
    });
    assert_eq!(burst, 2 * 10 + 1, "one alarm for the burst");
    assert_eq!(rows(&mut object, |object| message(object, "m1")), of(counts::REPEATED), "a duplicate");

    let echo = |object: &mut Object, number: usize| {
        object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, &format!("e{number}"), "hi")));
    };
    object.pass(60);
    assert_eq!(rows(&mut object, |object| echo(object, 0)), of(counts::ECHO), "the conversation's row and the alarm");
    for number in 1..40 {
        let rows = rows(&mut object, |object| echo(object, number));
        assert!(rows <= of(counts::ECHO), "echo {number}: {rows} rows");
    }
    assert_eq!(rows(&mut object, |object| echo(object, 7)), 0, "a repeated echo");
    let waits = rows(&mut object, |object| message(object, "held"));
    assert_eq!(
        waits,
        of(counts::WAITING),
        "a withheld message, that the customer waits, and the alarm that warns the owner"
    );
    assert_eq!(
        rows(&mut object, |object| message(object, "held too")),
        of(counts::WITHHELD),
        "a further withheld message"
    );
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
        assert_eq!(warning, of(counts::WARNING), "the conversation's row, and the alarm of the handback");
        let handback = rows(&mut object, |object| {
            assert_eq!(object.bot_gets_ids(1_300).len(), usize::try_from(messages).unwrap());
        });
        // The conversation's row and two alarms; the first message starts at once, the others wait for it.
        assert_eq!(handback, of(counts::HANDBACK) + of(counts::HANDED_BACK) * messages - 1, "{messages} messages");
    }
}

const BOOK: &str = "docs/costs.md";
const BEGIN: &str = "<!-- made by `npm run reference`: costs -->\n";
const END: &str = "<!-- end of costs -->";

#[test]
fn reference_costs_in_the_book_are_those_that_are_counted() {
    let mut table = "| event | Worker requests | object requests | rows written |\n|---|---|---|---|\n".to_owned();
    for count in COUNTS {
        let alarm = |of: u64| if count.alarms > 0 { format!("{of}, and 1 after a burst") } else { of.to_string() };
        let (object, rows) = (alarm(count.object + count.desk), alarm(count.rows + count.desk_rows));
        writeln!(table, "| {} | {} | {object} | {rows} |", count.event, count.worker).unwrap();
    }
    let page = page_at(BOOK).text;
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    is_as_made(BOOK, &format!("{before}{BEGIN}{table}{END}{after}"));
}

/// The same shop with and without receipts that are late, and with and without the fence.
#[test]
fn a_day_comes_to_what_its_events_come_to() {
    let day = |messages: u64| Day {
        messages,
        answers: messages,
        echoes: 0,
        bot_ms: 350,
        late_receipts: false,
        past_the_gate: false,
    };
    let usage = day(1_000).usage();
    // A message, three receipts and a send; alarm and desk are requests of objects.
    assert_eq!((usage.worker, usage.object, usage.rows, usage.waiting_ms), (5_000, 6_000, 8_000, 350_000));
    for (late_receipts, past_the_gate, most) in
        [(false, true, 20_000), (true, true, 7_142), (false, false, 12_500), (true, false, 5_882)]
    {
        let day = Day { late_receipts, past_the_gate, ..day(1_000) };
        assert_eq!(day.free_carries(), most, "{day:?}");
        assert!(day.share_of_free().0 < 1_000, "{day:?}");
        let most = Day { messages: most, answers: most, ..day };
        assert!(most.share_of_free().0 <= 1_000, "{most:?}");
        let beyond = Day { messages: most.messages + 1, answers: most.answers + 1, ..day };
        assert!(beyond.share_of_free().0 > 1_000, "{beyond:?}");
    }
    assert_eq!(day(0).cents_a_month(), 500);
    assert_eq!(day(5_000).cents_a_month(), 500, "150,000 answered messages a month are in the plan");
    // 300,000 answered messages a month: 0.8 million requests of objects more than are in the plan, at 15 cents a million.
    assert_eq!(day(10_000).cents_a_month(), 500 + 12);
    // Three million: 5 million Worker requests more (150), 17 of objects (255), no rows, 15 s of CPU (30), no seconds.
    assert_eq!(day(100_000).cents_a_month(), 500 + 150 + 255 + 30);
    assert!(day(u64::MAX).usage().rows == u64::MAX && day(u64::MAX).cents_a_month() > 0, "no overflow");
}

/// The bot answers in 350 ms, the desk and the alarm are in it, and nothing is in a plan.
#[test]
fn a_thousand_webhooks_cost_less_than_half_a_cent() {
    // In hundred-millionths of a dollar, a message is a Worker request (30), 3 requests of objects (45), 5 rows (500),
    // 3 ms of CPU (6) and 0.35 s of an object (56); a receipt is a Worker request and 3 ms of CPU (36).
    assert!((price::of_messages() - 0.006_37).abs() < 1e-9, "{}", price::of_messages());
    assert!((price::of_webhooks() - 0.001_862_5).abs() < 1e-9, "{}", price::of_webhooks());
    assert!(price::of_webhooks() <= 0.004_5);
}

#[test]
fn the_tool_reckons_a_day() {
    let run = |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_baton")).args(words).output().unwrap();
    let told = run(&["cost", "--json", "--messages-per-day", "1000"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["per_day"]["rows_written"], 8_000, "{told}");
    assert_eq!((&told["free"]["carries"], &told["free"]["messages_per_day"]), (&true.into(), &12_500.into()), "{told}");
    assert_eq!(told["paid"]["usd_per_month"], "5.00", "{told}");
    assert_eq!(told["counts"].as_array().map(Vec::len), Some(COUNTS.len()), "{told}");
    let lines = run(&["cost", "--messages-per-day", "100000", "--past-the-gate"]);
    let lines = String::from_utf8(lines.stdout).unwrap();
    for part in ["A day of 100,000 messages", "carries about 20,000 messages", "rows written"] {
        assert!(lines.contains(part), "{lines}");
    }
    assert_eq!(run(&["cost"]).status.code(), Some(2), "how many messages?");
}
