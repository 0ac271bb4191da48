//! What the office keeps: failed attempts, exactly and in bounds; the policy's versions, whole and in order; when secrets
//! were used.

use baton::access::attempts::Verdict;
use baton::limits::{
    ATTEMPT_ADDRESSES_MAX, ATTEMPTS_MAX, ATTEMPTS_WINDOW, IN_FORCE_WITHIN, POLICY_VERSIONS_MAX, SECRETS_REMEMBERED_FOR,
    SECRETS_REMEMBERED_MAX,
};
use baton::policy::version::{Change, Source, Version};
use baton::secret::rotating::Used;
use baton::store::{Sql, Value};
use baton::store::{office, uses};
use baton::time::{Millis, UnixMillis};

use crate::sqlite::Sqlite;

const NOW: UnixMillis = UnixMillis::from_seconds(1_793_700_100);

fn count(sql: &Sqlite, statement: &'static str) -> i64 {
    let rows = sql.query(statement, vec![]).unwrap();
    let [Value::Integer(count)] = rows[0].as_slice() else { panic!("{rows:?}") };
    *count
}

fn attempt(sql: &Sqlite, address: &str, is_right: bool, now: UnixMillis) -> Verdict {
    sql.transaction(|| office::attempt(sql, address, is_right, now)).unwrap()
}

fn write(sql: &Sqlite, document: &str, base: Option<u32>) -> Change {
    sql.transaction(|| office::write(sql, document.to_owned(), base, None, NOW)).unwrap()
}

fn written(document: &str, number: u32) -> Change {
    Change::Written(Version { at: NOW, document: document.to_owned(), number })
}

fn shown(sql: &Sqlite) -> serde_json::Value {
    serde_json::from_str(&office::versions(sql).unwrap()).unwrap()
}

#[test]
fn the_tenth_wrong_token_blocks_its_own_address_until_the_time_is_over() {
    let sql = Sqlite::default();
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(attempt(&sql, "a", false, NOW), Verdict::Refused);
    }
    let later = NOW.after(Millis::from_seconds(60));
    let blocked = Verdict::Blocked { retry_after: Millis::from_seconds(240) };
    assert_eq!([true, false].map(|is_right| attempt(&sql, "a", is_right, later)), [blocked, blocked]);
    assert_eq!(
        [true, false].map(|is_right| attempt(&sql, "b", is_right, later)),
        [Verdict::Admitted, Verdict::Refused]
    );
    let over = NOW.after(ATTEMPTS_WINDOW);
    assert_eq!(attempt(&sql, "a", true, over), Verdict::Admitted);
}

#[test]
fn a_right_token_writes_nothing_and_whoever_is_blocked_neither() {
    let sql = Sqlite::default();
    assert_eq!(attempt(&sql, "a", true, NOW), Verdict::Admitted);
    assert_eq!(sql.tables_made.get(), 0);
    for _ in 0..ATTEMPTS_MAX {
        attempt(&sql, "a", false, NOW);
    }
    let before = count(&sql, "SELECT total_changes()");
    for is_right in [true, false, true] {
        attempt(&sql, "a", is_right, NOW);
        attempt(&sql, "b", true, NOW);
    }
    assert_eq!(count(&sql, "SELECT total_changes()"), before);
}

#[test]
fn addresses_are_forgotten_in_time_and_never_more_than_there_is_room_for() {
    let sql = Sqlite::default();
    let max = ATTEMPT_ADDRESSES_MAX;
    for address in 0..max + 3 {
        attempt(&sql, &format!("{address:05}"), false, NOW.after(Millis::new(u64::from(address))));
    }
    assert_eq!(count(&sql, "SELECT count(*) FROM attempt"), i64::from(max));
    assert_eq!(count(&sql, "SELECT count(*) FROM attempt WHERE address < '00003'"), 0, "the oldest made room");
    // One that is known needs none.
    attempt(&sql, "00003", false, NOW.after(Millis::from_seconds(100)));
    assert_eq!(count(&sql, "SELECT count(*) FROM attempt"), i64::from(max));
    attempt(&sql, "late", false, NOW.after(Millis::from_seconds(3_600)));
    assert_eq!(count(&sql, "SELECT count(*) FROM attempt"), 1);
}

#[test]
fn versions_are_counted_on_and_the_last_fifty_are_kept_newest_first() {
    let sql = Sqlite::default();
    assert_eq!((office::version(&sql, None), shown(&sql)), (Ok(None), serde_json::json!({ "versions": [] })));
    assert_eq!(sql.tables_made.get(), 0, "looking makes no tables");
    let document = |number: u32| format!("{{\"lease_seconds\": {number}}}");
    for number in 1..=POLICY_VERSIONS_MAX + 2 {
        assert_eq!(write(&sql, &document(number), Some(number - 1)), written(&document(number), number));
    }
    let shown = shown(&sql);
    let numbers: Vec<u64> =
        shown["versions"].as_array().unwrap().iter().map(|version| version["version"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (3..=u64::from(POLICY_VERSIONS_MAX) + 2).rev().collect::<Vec<_>>());
    assert_eq!(shown["versions"][0]["document"]["lease_seconds"], POLICY_VERSIONS_MAX + 2);
    assert_eq!(office::version(&sql, Some(2)), Ok(None));
    assert_eq!(office::version(&sql, Some(3)).unwrap().unwrap().document, document(3));
}

#[test]
fn a_version_keeps_its_text_its_time_and_its_note() {
    let sql = Sqlite::default();
    let (text, note) = ("{ \"warn_after_seconds\":6e2,\"lease_seconds\":1 }", "for \"Ana\"\n\\ é");
    office::write(&sql, text.to_owned(), None, Some(note.to_owned()), NOW).unwrap();
    let all = office::versions(&sql).unwrap();
    assert!(all.contains(text), "{all}");
    let first = &shown(&sql)["versions"][0];
    assert_eq!((first["note"].as_str(), first["at_ms"].as_u64()), (Some(note), Some(NOW.as_millis())));
    write(&sql, "{}", None);
    assert!(shown(&sql)["versions"][0]["note"].is_null());
}

#[test]
fn who_edited_an_older_version_is_told_and_whoever_sends_the_same_again_is_not() {
    let sql = Sqlite::default();
    assert_eq!(write(&sql, "{}", Some(1)), Change::Newer(0));
    assert_eq!(write(&sql, "{}", Some(0)), written("{}", 1));
    assert_eq!(write(&sql, "{\"a\":1}", Some(0)), Change::Newer(1));
    assert_eq!(write(&sql, "{\"a\":1}", None), written("{\"a\":1}", 2), "without a base nobody was overlooked");
    // The answer was lost, and the same is sent again.
    assert_eq!(write(&sql, "{\"a\":1}", Some(1)), written("{\"a\":1}", 2));
    assert_eq!(write(&sql, "{}", Some(2)), written("{}", 3), "an older document is a new version");
}

#[test]
fn only_the_newest_version_can_be_taken_back() {
    let sql = Sqlite::default();
    office::undo(&sql, 1).unwrap();
    for document in ["{\"a\":1}", "{\"a\":2}"] {
        write(&sql, document, None);
    }
    office::undo(&sql, 1).unwrap();
    assert_eq!(office::version(&sql, None).unwrap().unwrap().number, 2);
    office::undo(&sql, 2).unwrap();
    assert_eq!(office::version(&sql, None).unwrap().unwrap().number, 1);
    assert_eq!(write(&sql, "{\"a\":2}", Some(1)), written("{\"a\":2}", 2));
}

#[test]
fn where_the_policy_comes_from_is_known_by_what_kv_holds_once_it_has_had_its_time() {
    let newest = Version { at: NOW, document: "{\"a\":1}".to_owned(), number: 4 };
    let over = NOW.after(IN_FORCE_WITHIN);
    for (held, newest, now, source) in [
        (None, None, NOW, Source::Deployment),
        (Some("{}"), None, NOW, Source::Kv),
        (Some("{\"a\":1}"), Some(&newest), over, Source::Desk),
        (Some("{}"), Some(&newest), over, Source::Kv),
        (None, Some(&newest), over, Source::Deployment),
        (Some("{}"), Some(&newest), NOW, Source::Desk),
        (None, Some(&newest), NOW, Source::Desk),
    ] {
        assert_eq!(Source::of(held, newest, now), source, "{held:?} {newest:?} {now}");
    }
}

#[test]
fn a_secrets_first_and_last_use_are_known_by_its_digest_and_a_swapped_one_begins_anew() {
    let sql = Sqlite::default();
    let all = |sql: &Sqlite| serde_json::from_str(&uses::all(sql).unwrap()).unwrap();
    assert_eq!((all(&sql), sql.tables_made.get()), (serde_json::json!({}), 0), "looking makes no table");
    let note = |name: &str, digest: &str, seconds: u64| {
        let used = [(name.to_owned(), digest.to_owned())];
        sql.transaction(|| uses::note(&sql, &used, NOW.after(Millis::from_seconds(seconds)))).unwrap();
    };
    for (name, digest, seconds) in
        [("A", "old", 0), ("B", "old", 5), ("A", "old", 10), ("A", "new", 20), ("A", "old", 30)]
    {
        note(name, digest, seconds);
    }
    let used = |first, last| {
        let at = |seconds| NOW.after(Millis::from_seconds(seconds));
        Some(Used { first: at(first), last: at(last) })
    };
    for (name, digest, expected) in
        [("A", "old", used(0, 30)), ("A", "new", used(20, 20)), ("B", "old", used(5, 5)), ("B", "new", None)]
    {
        assert_eq!(uses::of(&all(&sql), name, digest), expected, "{name} {digest}");
    }
    for number in 0..SECRETS_REMEMBERED_MAX {
        note("A", &format!("newer {number}"), 40 + u64::try_from(number).unwrap());
    }
    assert_eq!(uses::of(&all(&sql), "A", "new"), None, "the longest unused makes room");
    assert_eq!(uses::of(&all(&sql), "B", "old"), used(5, 5), "and nobody else's");
    note("C", "one", SECRETS_REMEMBERED_FOR.as_seconds() + 6);
    assert_eq!(uses::of(&all(&sql), "B", "old"), None, "what nobody uses for over a year is forgotten");
}
