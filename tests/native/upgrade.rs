//! Every released version's storage is brought up to date, and then is as if it had been made today.
//!
//! What a version left behind is in `tests/upgrade/`, as SQL text of the runtime's own files (`dev/fixture.mjs`).

use std::path::{Path, PathBuf};

use baton::desk::page::Key;
use baton::limits::POLICY_VERSIONS_MAX;
use baton::store::desk::{self, counts, lists};
use baton::store::schema::{CONVERSATION, MARK, Mark, Schema};
use baton::store::{Sql, StoreError, Value, office, record, schema, table};
use baton::time::UnixMillis;

use crate::sqlite::Sqlite;

const NOW: UnixMillis = UnixMillis::new(1_793_700_100_000);

/// A kind of object, the class that has it, and the table by which it is known.
const KINDS: [(&str, &str, Schema); 4] = [
    ("Conversation", "event", CONVERSATION),
    ("Desk", "conversation", desk::SCHEMA),
    ("Desk", "line", desk::DIRECTORY),
    ("Office", "policy", office::SCHEMA),
];

/// Each object that a released version left behind: where it stands, and its statements.
fn left_behind() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for version in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade")).unwrap() {
        for class in std::fs::read_dir(version.unwrap().path().join("v3/do")).unwrap() {
            for file in std::fs::read_dir(class.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap();
                if !path.ends_with("metadata.sqlite.sql") {
                    found.push((path, text));
                }
            }
        }
    }
    found
}

/// The tables and indexes as their statements; the runtime's own are not the gate's.
fn shape(sql: &Sqlite) -> Vec<String> {
    let made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '!_%' ESCAPE '!' ORDER BY name";
    let text = |row: Vec<Value>| match row.as_slice() {
        // The text is kept as it was written, so white space may differ where nothing else does.
        [Value::Text(text)] => text.split_whitespace().collect::<Vec<_>>().join(" "),
        _ => panic!("{row:?}"),
    };
    sql.query(made, vec![]).unwrap().into_iter().map(text).collect()
}

fn restored(text: &str) -> Sqlite {
    let sql = Sqlite::default();
    sql.batch(text);
    sql
}

fn open(schema: &Schema, sql: &Sqlite) -> Result<bool, StoreError> {
    sql.transaction(|| schema.open(sql))
}

#[test]
fn what_a_released_version_left_behind_is_migrated_to_what_is_made_today() {
    let all = left_behind();
    for (class, first, schema) in KINDS {
        let fresh = Sqlite::default();
        fresh.transaction(|| schema.make(&fresh)).unwrap();
        let mark = format!("CREATE TABLE {first} (");
        let of_kind = |(path, text): &&(PathBuf, String)| {
            path.to_str().unwrap().contains(&format!("baton-{class}/")) && text.contains(&mark)
        };
        let mut count = 0;
        for (path, text) in all.iter().filter(of_kind) {
            let sql = restored(text);
            assert_eq!(open(&schema, &sql), Ok(true), "{path:?}");
            assert_eq!(shape(&sql), shape(&fresh), "{path:?}");
            let after = shape(&sql);
            assert_eq!(open(&schema, &sql), Ok(true), "a second time changes nothing: {path:?}");
            assert_eq!(shape(&sql), after);
            count += 1;
        }
        assert!(count > 0, "no released version has left a {class} with {first}");
    }
}

#[test]
fn what_a_released_version_wrote_is_read_by_the_code_of_today() {
    let (mut conversations, mut versions, mut shown) = (0, 0, 0);
    for (path, text) in left_behind() {
        let sql = restored(&text);
        if text.contains("CREATE TABLE event") {
            open(&CONVERSATION, &sql).unwrap();
            let read = sql.transaction(|| table::load(&sql, None));
            assert!(read.is_ok() && record(&sql).is_ok(), "{path:?}: {read:?}");
            conversations += 1;
        } else if text.contains("CREATE TABLE policy") {
            open(&office::SCHEMA, &sql).unwrap();
            let found: serde_json::Value = serde_json::from_str(&office::versions(&sql).unwrap()).unwrap();
            versions += found["versions"].as_array().unwrap().len();
        } else if text.contains("CREATE TABLE conversation") {
            sql.transaction(|| desk::open(&sql)).unwrap();
            let everything = lists::Filter::default();
            shown += lists::conversations(&sql, &everything, &Key::start(), 100).unwrap().len();
            assert!(!lists::dead_letters(&sql, UnixMillis::new(0), &Key::start(), 100).unwrap().is_empty());
            assert!(!lists::collisions(&sql, UnixMillis::new(0), None, &Key::start(), 100).unwrap().is_empty());
            assert!(counts::totals(&sql).is_ok());
        }
    }
    assert!(conversations >= 9 && versions >= 2 && shown >= 9, "{conversations} {versions} {shown}");
    assert!(versions < usize::try_from(POLICY_VERSIONS_MAX).unwrap());
}

/// Kinds of object as a later release may have them.
const NEXT: [(Schema, Schema); 2] = [
    (
        Schema::new("a", Mark::Table, &[&["CREATE TABLE a (x TEXT)"]]),
        Schema::new("a", Mark::Table, &[&["CREATE TABLE a (x TEXT)"], &[MARK], &["ALTER TABLE a ADD COLUMN y TEXT"]]),
    ),
    (
        Schema::new("event", Mark::Row, &[EVENT]),
        Schema::new(
            "event",
            Mark::Row,
            &[EVENT, &["ALTER TABLE event ADD COLUMN y TEXT"], &["CREATE TABLE more (z TEXT)"]],
        ),
    ),
];

const EVENT: &[&str] =
    &["CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, body TEXT, PRIMARY KEY (id, part))"];

#[test]
fn a_migration_runs_once_over_several_versions_and_the_older_version_then_leaves_it_alone() {
    for (older, newer) in NEXT {
        let sql = Sqlite::default();
        assert_eq!(open(&newer, &sql), Ok(false), "a look makes nothing");
        assert!(shape(&sql).is_empty());
        assert_eq!(sql.transaction(|| older.make(&sql)), Ok(true));
        assert_eq!(sql.transaction(|| older.make(&sql)), Ok(false));
        for _ in 0..2 {
            assert_eq!(open(&newer, &sql), Ok(true));
        }
        let migrated = shape(&sql);
        assert_eq!(open(&older, &sql), Err(StoreError::TooNew));
        assert_eq!(sql.transaction(|| older.make(&sql)), Err(StoreError::TooNew));
        assert_eq!(shape(&sql), migrated, "and touches nothing");
        assert_eq!(open(&newer, &sql), Ok(true));
    }
}

#[test]
fn a_migration_that_is_cut_off_anywhere_leaves_what_was_there_and_runs_again() {
    for (older, newer) in NEXT {
        for statements in 0.. {
            let sql = Sqlite::default();
            sql.transaction(|| older.make(&sql)).unwrap();
            let before = shape(&sql);
            sql.fail_after.set(Some(statements));
            let cut = open(&newer, &sql);
            sql.fail_after.set(None);
            if cut.is_ok() {
                assert!(statements > 2, "nothing was ever cut off");
                break;
            }
            assert_eq!(shape(&sql), before, "after {statements} statements");
            assert_eq!(open(&newer, &sql), Ok(true), "after {statements} statements");
        }
    }
}

#[test]
fn what_a_newer_version_wrote_is_left_alone_by_every_kind_of_object() {
    for (_, first, schema) in KINDS {
        let sql = Sqlite::default();
        sql.transaction(|| schema.make(&sql)).unwrap();
        let next = schema.version() + 1;
        sql.batch(&if first == "event" {
            format!("INSERT INTO event (id, part, body) VALUES ('', 0, '{{\"schema\":{next}}}')")
        } else {
            format!("UPDATE schema SET version = {next}")
        });
        assert_eq!(open(&schema, &sql), Err(StoreError::TooNew), "{first}");
        let refused: Vec<StoreError> = match first {
            "event" => {
                vec![table::Table::open(&sql, false).map(|_| ()).unwrap_err(), schema::migrate(&sql).unwrap_err()]
            }
            "conversation" => vec![desk::open(&sql).unwrap_err(), desk::create(&sql).unwrap_err()],
            "line" => vec![desk::register(&sql, "1").unwrap_err(), desk::lines(&sql).unwrap_err()],
            _ => vec![
                office::versions(&sql).unwrap_err(),
                office::write(&sql, "{}".to_owned(), None, None, NOW).unwrap_err(),
                office::attempt(&sql, "10.0.0.1", false, NOW).unwrap_err(),
            ],
        };
        assert!(refused.iter().all(|error| *error == StoreError::TooNew), "{first}: {refused:?}");
        assert!(refused[0].to_string().contains("deploy that version again"));
    }
}
