//! What this version writes, every later version can read. A row that changes here needs a migration.

use baton::outbox::outcome::Outcome;
use baton::store::{self, Sql, StoreError, Value, schema};

use crate::common::meta::{Customer, delivery, echo, status, text};
use crate::object::Object;
use crate::sqlite::Sqlite;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

fn rows(sql: &Sqlite, statement: &'static str) -> Vec<String> {
    let shown = |value: &Value| match value {
        Value::Integer(number) => number.to_string(),
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => text.clone(),
    };
    let rows = sql.query(statement, vec![]).unwrap();
    rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join(" | ")).collect()
}

const EVENTS: &str = "SELECT id, class, token, attempts, state, at_ms, reason, sent_at_ms, accepted_at_ms FROM event \
     WHERE id <> '' ORDER BY id";

#[test]
fn rows_format_unchanged() {
    let mut object = Object::new("{}");
    object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
    object.bot_answers(Outcome::Accepted);
    object.receive(&delivery("messages", text(CUSTOMER, "m2", "hello")));
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.receive(&delivery("messages", status(CUSTOMER, "b1", "read")));
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, "e1", "hi")));
    assert_eq!(
        rows(&object.sql, EVENTS),
        [
            "b1#read | receipt | 0 | 1 | in_flight | 1793700120000 | NULL | 1793700010000 | 1793700100000",
            "m1 | turn | 0 | 1 | delivered | 1793700100000 | NULL | 1793700000000 | 1793700100000",
            "m2 | turn | 1 | 1 | withheld | 1793700100000 | taken_over | 1793700000000 | 1793700100000",
        ]
    );
    assert_eq!(
        rows(&object.sql, "SELECT body FROM event WHERE id = '' AND part = 0"),
        [concat!(
            r#"{"schema":1,"turn":{"holder":{"human":{"since_ms":1793700100000,"lease_until_ms":1793701900000,"#,
            r#""taken_by":"e1","messages":1,"answered_seq":1836748902400002,"#,
            r#""last_words":[{"echo":"e1","answered_seq":0,"waiting":{"since_ms":1793700100000,"warned":false}}]}},"#,
            r#""token":1,"answerable_from":0},"place":{"home":[]},"#,
            r#""echoes":[{"id":"e1","at_ms":1793700100000,"effect":"took"}],"journal":[{"at_ms":1793700100000,"#,
            r#""transition":"takeover","cause":"echo","token":1,"event":"e1"}],"forget_at_ms":1794304900000}"#
        )]
    );
}

/// Rows as version 1 writes them, loaded and worked with.
#[test]
fn version_1_still_reads() {
    let mut object = Object::new("{}");
    object.sql.transaction(|| schema::migrate(&object.sql)).unwrap();
    object.sql.batch(
        r#"INSERT INTO event (id, part, body) VALUES ('', 0, '{"schema":1,"turn":{"holder":"automation","token":4},"place":{"home":["customer/300/1555"]}}');
           INSERT INTO event VALUES ('m1', 0, 'turn', 9, 4, 2, 'waiting', 1793700000000, 'status_500', NULL, 1793700000000, NULL, '{"a":1}');"#,
    );
    object.wake();
    let (attempt, body) = object.attempt.clone().unwrap();
    assert_eq!((attempt.id.as_str(), attempt.number.number(), body.as_str()), ("m1", 3, r#"{"a":1}"#));
}

#[test]
fn what_a_newer_version_wrote_is_left_alone() {
    let sql = Sqlite::default();
    sql.transaction(|| schema::migrate(&sql)).unwrap();
    sql.batch(&format!("INSERT INTO event (id, part, body) VALUES ('', 0, '{{\"schema\":{}}}')", schema::VERSION + 1));
    assert_eq!(schema::migrate(&sql), Err(StoreError::TooNew));
}

#[test]
fn a_damaged_row_is_an_error_and_no_panic() {
    for damage in [
        "UPDATE event SET class = 'novelty' WHERE class IS NOT NULL",
        "UPDATE event SET state = 'lost' WHERE class IS NOT NULL",
        "UPDATE event SET at_ms = NULL WHERE class IS NOT NULL",
        "UPDATE event SET token = -1 WHERE class IS NOT NULL",
        "UPDATE event SET reason = 'because' WHERE class IS NOT NULL",
        "UPDATE event SET body = '{' WHERE id = ''",
    ] {
        let mut object = Object::new("{}");
        object.receive(&delivery("messages", text(CUSTOMER, "m1", "hello")));
        object.sql.batch(damage);
        let corrupt = |read: Result<(), StoreError>| matches!(read, Err(StoreError::Corrupt(_)));
        let read = (store::table::load(&object.sql, None).map(|_| ()), store::record(&object.sql).map(|_| ()));
        assert!(corrupt(read.0) || corrupt(read.1), "{damage}");
    }
}
