//! The desk is told the truth, in time, and pages through it without gaps.
//!
//! Not here: the live stream and who may look (`tests/runtime`).

use std::collections::BTreeSet;

use baton::desk::incident::{Receiver, Told};
use baton::desk::page::{Item, Key, merge};
use baton::desk::report::{BotSeen, Report, Standing};
use baton::desk::statistics::{Span, Totals, json, metrics};
use baton::desk::tallies::{Counted, Tallies, Timed};
use baton::ids::{LineId, ObjectName};
use baton::limits::{BOT_DOWN_FAILURES, DESK_ACTIVITY_EVERY};
use baton::store::desk::lists::{Filter, conversations, dead_letters, overdue, standing};
use baton::store::desk::{counts, incidents, intake};
use baton::store::{Sql, erase};
use baton::time::{Millis, UnixMillis};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::common::meta::LINE;
use crate::sqlite::Sqlite;

const START: UnixMillis = UnixMillis::from_seconds(1_793_700_100);

fn at(seconds: u64) -> UnixMillis {
    START.after(Millis::from_seconds(seconds))
}

/// A report of the customer of this number, in which nothing has happened yet.
fn report(customer: u64, seconds: u64) -> Report {
    let name = ObjectName::from_runtime(format!("customer/{LINE}/{customer}"));
    let line = LineId::parse(LINE).unwrap();
    let standing = Standing {
        line,
        customer: customer.to_string(),
        names: vec![customer.to_string()],
        profile: Some(format!("Name {customer}")),
        holder: "automation".to_owned(),
        since_ms: None,
        lease_until_ms: None,
        paused: false,
        cause: None,
        waiting_since_ms: None,
        hands_back_at_ms: None,
        person_at_ms: None,
        token: 0,
        explanation: "The bot holds.".to_owned(),
    };
    Report { id: name.public_id(), name: Some(name), at_ms: at(seconds), standing: Some(standing), ..Report::default() }
}

/// A report of a conversation with all that may stand in it: both names, a name of the customer's own, a person's lease.
pub fn at_length(customer: u64) -> Report {
    let mut report = held(report(customer + 4_915_100_000_000, 1), Some(1));
    let standing = report.standing.as_mut().unwrap();
    standing.names.push(format!("DE.{customer:020}"));
    standing.profile = Some(format!("María Fernanda García {customer:08}"));
    standing.since_ms = Some(at(1));
    standing.lease_until_ms = Some(at(1_801));
    standing.hands_back_at_ms = Some(at(1_801));
    standing.person_at_ms = Some(at(1));
    "A person holds the baton until 2026-11-23T00:30:00Z, because somebody of the shop wrote from the \
        phone; the customer has been waiting since 2026-11-23T00:00:01Z."
        .clone_into(&mut standing.explanation);
    report
}

fn held(mut report: Report, waiting_since: Option<u64>) -> Report {
    let standing = report.standing.as_mut().unwrap();
    "human".clone_into(&mut standing.holder);
    standing.token = 1;
    standing.waiting_since_ms = waiting_since.map(at);
    report
}

fn counting(mut report: Report, what: &[Counted]) -> Report {
    for counted in what {
        report.tallies.count(*counted);
    }
    report
}

fn take_in(sql: &Sqlite, report: &Report) -> intake::Taken {
    sql.transaction(|| intake::reports(sql, LINE, core::slice::from_ref(report), true, report.at_ms)).unwrap()
}

fn customers(items: &[Item]) -> Vec<String> {
    let shown =
        |item: &Item| serde_json::from_str::<Value>(item.1.get()).unwrap()["customer"].as_str().unwrap().to_owned();
    items.iter().map(shown).collect()
}

fn all(sql: &Sqlite, filter: &Filter) -> Vec<String> {
    customers(&conversations(sql, filter, &Key::start(), 1_000).unwrap())
}

#[test]
fn who_waits_longest_comes_first_and_filters_and_search_find_the_others() {
    let sql = Sqlite::default();
    take_in(&sql, &report(1, 1));
    take_in(&sql, &report(2, 2));
    take_in(&sql, &held(report(3, 3), Some(3)));
    take_in(&sql, &held(report(4, 4), Some(1)));
    take_in(&sql, &held(report(5, 5), None));
    let mut with_dead = report(6, 6);
    let letter = r#"{"id":"wamid.x","died_at_ms":1793700106000,"class":"turn"}"#.to_owned();
    with_dead.dead = Some(vec![RawValue::from_string(letter).unwrap()]);
    take_in(&sql, &with_dead);
    assert_eq!(all(&sql, &Filter::default()), ["4", "3", "5", "6", "2", "1"]);
    let filter = |holder, waiting, dead, search: &str| Filter { holder, waiting, dead, search: search.to_owned() };
    for (filter, expected) in [
        (filter(Some("human"), None, None, ""), vec!["4", "3", "5"]),
        (filter(Some("automation"), None, None, ""), vec!["6", "2", "1"]),
        (filter(None, Some(true), None, ""), vec!["4", "3"]),
        (filter(None, Some(false), None, ""), vec!["5", "6", "2", "1"]),
        (filter(None, None, Some(true), ""), vec!["6"]),
        (filter(None, None, Some(false), ""), vec!["4", "3", "5", "2", "1"]),
        (filter(None, None, None, "name 2"), vec!["2"]),
        (filter(None, None, None, "%"), vec![]),
    ] {
        assert_eq!(all(&sql, &filter), expected, "{filter:?}");
    }
    assert_eq!(standing(&sql).unwrap(), [2, 3, 1]);
    let letters = dead_letters(&sql, UnixMillis::default(), &Key::start(), 10).unwrap();
    assert_eq!(customers(&letters), ["6"]);
    with_dead.dead = Some(Vec::new());
    with_dead.at_ms = at(7);
    take_in(&sql, &with_dead);
    assert!(dead_letters(&sql, UnixMillis::default(), &Key::start(), 10).unwrap().is_empty());
    sql.transaction(|| intake::forget(&sql, &with_dead.id)).unwrap();
    assert!(!all(&sql, &Filter::default()).contains(&"6".to_owned()));
}

/// What an erasure counts is what it removes, so that the second look, which counts the same, is a proof.
#[test]
fn what_a_desk_has_of_a_customer_is_counted_removed_and_not_found_again() {
    use baton::conversation::Alert;
    let sql = Sqlite::default();
    let found = |id: &str| {
        let mut found = [0; 4];
        erase::in_desk(&sql, id, &mut found).unwrap();
        found
    };
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let planted = |customer: u64| {
        let mut planted = report(customer, 1);
        planted.alerts = vec![Alert::CustomerUnanswered];
        planted.dead = Some(vec![raw(r#"{"id":"m1","died_at_ms":1}"#), raw(r#"{"id":"m2","died_at_ms":2}"#)]);
        planted.collisions = vec![raw(r#"{"at_ms":3,"outcome":"prevented"}"#)];
        held(planted, Some(1))
    };
    let (gone, stays) = (planted(1), planted(2));
    assert_eq!(found(&gone.id), [0; 4], "and looking makes no tables");
    assert_eq!(sql.tables_made.get(), 0);
    for planted in [&gone, &stays] {
        take_in(&sql, planted);
        assert_eq!(found(&planted.id), [1, 2, 1, 1]);
    }
    sql.transaction(|| intake::forget(&sql, &gone.id)).unwrap();
    assert_eq!((found(&gone.id), found(&stays.id)), ([0; 4], [1, 2, 1, 1]), "nobody else is touched");
    assert_eq!(erase::rows(&Sqlite::default()), Ok(0), "an object in which nothing ever happened");
}

/// While somebody pages, others come, go and move; whoever stays where they are is met exactly once.
#[test]
fn paging_meets_everybody_who_stays_exactly_once_while_others_come_and_move() {
    let sql = Sqlite::default();
    for customer in 0..200 {
        take_in(&sql, &report(1_000 + customer, customer));
    }
    let (mut met, mut after, mut seconds) = (Vec::new(), Key::start(), 1_000);
    loop {
        let (items, cursor) = merge(vec![conversations(&sql, &Filter::default(), &after, 8).unwrap()], 7);
        met.extend(customers(&items));
        // Somebody new, somebody with an even number moves to the front, and somebody leaves.
        take_in(&sql, &report(5_000 + seconds, seconds));
        let moving = 1_000 + (seconds * 2) % 200;
        take_in(&sql, &counting(held(report(moving, seconds), Some(seconds)), &[Counted::Takeover]));
        seconds += 1;
        let Some(cursor) = cursor else { break };
        after = Key::of_cursor(&cursor).unwrap();
    }
    let once: BTreeSet<&String> = met.iter().collect();
    for customer in (0..200).filter(|customer| customer % 2 == 1) {
        let name = (1_000 + customer).to_string();
        assert!(once.contains(&name), "{name} was not met");
        assert_eq!(met.iter().filter(|met| **met == name).count(), 1, "{name} was met twice");
    }
}

#[test]
fn talk_alone_costs_one_row_and_a_takeover_is_written_at_once() {
    let sql = Sqlite::default();
    take_in(&sql, &counting(report(1, 0), &[Counted::Message]));
    let rows = |sql: &Sqlite| -> i64 {
        let Some(baton::store::Value::Integer(rows)) =
            sql.query("SELECT total_changes()", vec![]).unwrap()[0].first().cloned()
        else {
            panic!()
        };
        rows
    };
    let before = rows(&sql);
    let taken = take_in(&sql, &counting(report(1, 5), &[Counted::Message, Counted::Delivered]));
    assert_eq!(rows(&sql) - before, crate::counts::MESSAGE.desk_rows.cast_signed(), "only the minute");
    assert!(
        taken.conversations[0].contains("\"last_message_at_ms\":1793700105000"),
        "the live stream has it all the same"
    );
    let before = rows(&sql);
    take_in(&sql, &counting(held(report(1, 6), None), &[Counted::Takeover, Counted::Echo]));
    assert_eq!(rows(&sql) - before, 2, "the minute and the conversation");
    const { assert!(2 <= crate::counts::ECHO.desk_rows) };
    let later = 6 + DESK_ACTIVITY_EVERY.as_seconds();
    let before = rows(&sql);
    take_in(&sql, &counting(held(report(1, later), None), &[Counted::Message]));
    assert_eq!(rows(&sql) - before, 2, "now and then the talk is written as well");
}

#[test]
fn a_report_that_comes_late_changes_nothing_about_who_holds() {
    let sql = Sqlite::default();
    take_in(&sql, &held(report(1, 100), Some(90)));
    let taken = sql.transaction(|| intake::reports(&sql, LINE, &[report(1, 50)], true, at(101))).unwrap();
    assert!(taken.conversations.is_empty());
    assert_eq!(standing(&sql).unwrap(), [1, 1, 0]);
}

#[test]
fn what_is_counted_in_a_minute_is_there_in_the_hour_the_month_and_the_total_exactly_once() {
    let sql = Sqlite::default();
    let line = LineId::parse(LINE).unwrap();
    let hours = 50;
    for hour in 0..hours {
        for minute in [0, 1, 59] {
            let mut one = counting(report(1, hour * 3_600 + minute * 60), &[Counted::Message, Counted::Delivered]);
            one.tallies.time(Timed::TimeToBot, Millis::new(400));
            take_in(&sql, &one);
        }
    }
    let now = at((hours - 1) * 3_600 + 59 * 60);
    let messages = |span| {
        let counted = counts::over(&sql, span, now).unwrap();
        let shown: Value = serde_json::from_str(&json(&line, span, &[counted], now)).unwrap();
        assert_eq!(
            shown["buckets"].as_array().unwrap().iter().map(|bucket| bucket["messages"].as_u64().unwrap()).sum::<u64>(),
            shown["totals"]["messages"]
        );
        let p50 = shown["time_to_bot_ms"]["p50"].as_u64().unwrap();
        assert!((300..=600).contains(&p50), "{p50}");
        shown["totals"]["messages"].as_u64().unwrap()
    };
    // The times start 8 min 20 s after a full hour, so that the last 60 minutes begin within the hour before.
    assert_eq!(messages(Span::Hour), 3);
    assert!((24 * 3 - 2..=24 * 3).contains(&messages(Span::Day)), "{}", messages(Span::Day));
    assert_eq!(messages(Span::Month), hours * 3);
    let totals = counts::totals(&sql).unwrap();
    assert_eq!(totals.tallies.of(Counted::Message), hours * 3);
    let text = metrics(&[(line, totals)], now);
    assert!(text.contains(&format!("baton_messages_total{{line=\"{LINE}\"}} {}\n", hours * 3)), "{text}");
    assert!(text.contains(&format!("baton_time_to_bot_seconds_count{{line=\"{LINE}\"}} {}\n", hours * 3)));
}

#[test]
fn the_parts_of_a_desk_count_together_what_one_would_have() {
    let (one, parts) = (Sqlite::default(), [Sqlite::default(), Sqlite::default(), Sqlite::default()]);
    for number in 0..90 {
        let report = counting(report(number, number), &[Counted::Message]);
        take_in(&one, &report);
        take_in(&parts[usize::try_from(number % 3).unwrap()], &report);
    }
    let whole = counts::totals(&one).unwrap();
    let mut sum = Totals::default();
    for part in &parts {
        sum.add(&counts::totals(part).unwrap());
    }
    assert_eq!((sum.tallies, sum.standing, sum.marks.message), (whole.tallies, whole.standing, whole.marks.message));
    assert_eq!(sum.marks.unheard, whole.marks.unheard);
}

fn names(sql: &Sqlite, now: UnixMillis) -> Vec<(String, bool)> {
    let due = incidents::due(sql, LINE, now).unwrap();
    due.into_iter().map(|due| (due.opened.kind, due.closed.is_some())).collect()
}

/// Both receivers take everything that is to be told.
fn all_told(sql: &Sqlite, now: UnixMillis) {
    for due in incidents::due(sql, LINE, now).unwrap() {
        incidents::told(sql, &due, if due.closed.is_some() { Told(0b1111) } else { Told(0b0011) }, now).unwrap();
    }
}

#[test]
fn an_incident_is_told_once_and_its_end_once() {
    use baton::conversation::Alert;
    let sql = Sqlite::default();
    let mut waits = held(report(1, 1), Some(0));
    waits.alerts = vec![Alert::CustomerUnanswered];
    assert_eq!(take_in(&sql, &waits).alerts.len(), 1);
    waits.at_ms = at(2);
    assert!(take_in(&sql, &waits).alerts.is_empty(), "it is open already");
    assert_eq!(names(&sql, at(2)), [("customer_unanswered".to_owned(), false)]);
    let due = incidents::due(&sql, LINE, at(2)).unwrap();
    incidents::told(&sql, &due[0], Told::default().and(Receiver::Standard, false), at(2)).unwrap();
    assert!(names(&sql, at(2)).is_empty(), "the other receiver is asked again later");
    let again = incidents::due(&sql, LINE, at(100)).unwrap();
    assert_eq!((again.len(), again[0].told), (1, Told(0b0001)), "who has taken it is not told again");
    all_told(&sql, at(100));
    assert!(names(&sql, at(10_000)).is_empty(), "told is told");
    take_in(&sql, &held(report(1, 200), None));
    assert_eq!(names(&sql, at(200)), [("customer_unanswered".to_owned(), true)]);
    all_told(&sql, at(200));
    assert!(names(&sql, at(100_000)).is_empty());
    assert_eq!(incidents::last(&sql, LINE).unwrap().len(), 1);
}

#[test]
fn an_incident_that_ends_while_its_beginning_is_told_is_told_to_its_end() {
    use baton::conversation::Alert;
    let sql = Sqlite::default();
    let mut waits = held(report(1, 1), Some(0));
    waits.alerts = vec![Alert::CustomerUnanswered];
    take_in(&sql, &waits);
    let due = incidents::due(&sql, LINE, at(2)).unwrap();
    assert!(due[0].closed.is_none());
    take_in(&sql, &report(1, 2));
    incidents::told(&sql, &due[0], Told(0b0011), at(3)).unwrap();
    let end = incidents::due(&sql, LINE, at(3)).unwrap();
    assert_eq!((end.len(), end[0].closed.is_some(), end[0].told), (1, true, Told(0b0011)));
    all_told(&sql, at(3));
    assert!(names(&sql, at(100_000)).is_empty());
}

/// A receiver that is gone keeps nothing from the other.
#[test]
fn each_receiver_hears_the_beginning_before_the_end_and_none_waits_for_the_other() {
    use baton::conversation::Alert;
    let sql = Sqlite::default();
    let mut waits = held(report(1, 1), Some(0));
    waits.alerts = vec![Alert::CustomerUnanswered];
    take_in(&sql, &waits);
    take_in(&sql, &report(1, 2));
    let due = incidents::due(&sql, LINE, at(2)).unwrap();
    let one = Told::default().and(Receiver::Standard, false).and(Receiver::Standard, true);
    assert!(
        one.has(Receiver::Standard, true)
            && !one.has(Receiver::Slack, false)
            && !one.is_all(true)
            && !one.is_all(false)
    );
    incidents::told(&sql, &due[0], one, at(2)).unwrap();
    let again = incidents::due(&sql, LINE, at(10)).unwrap();
    assert_eq!((again.len(), again[0].told), (1, one));
}

#[test]
fn nobody_is_told_for_ever() {
    use baton::conversation::Alert;
    let sql = Sqlite::default();
    let mut leak = held(report(1, 1), None);
    leak.alerts = vec![Alert::Leak];
    take_in(&sql, &leak);
    let mut tries = 0;
    while let Some(next) = incidents::next_due(&sql).unwrap() {
        for due in incidents::due(&sql, LINE, next).unwrap() {
            incidents::told(&sql, &due, Told::default(), next).unwrap();
        }
        tries += 1;
        assert!(tries < 20, "no end");
    }
    assert_eq!(tries, 7, "the first time and six more");
}

#[test]
fn a_bot_that_fails_everywhere_is_one_incident_until_it_takes_something() {
    let sql = Sqlite::default();
    let failing = |customer, succeeded: bool| {
        let mut one = report(customer, customer);
        one.bot = Some(BotSeen { failures: u32::from(!succeeded), succeeded, how: "timed_out".to_owned() });
        one
    };
    for customer in 1..=u64::from(BOT_DOWN_FAILURES) + 3 {
        take_in(&sql, &failing(customer, false));
    }
    assert_eq!(names(&sql, at(100)), [("bot_down".to_owned(), false)]);
    take_in(&sql, &failing(50, true));
    let last = incidents::last(&sql, LINE).unwrap();
    let shown: Value = serde_json::from_str(last[0].1.get()).unwrap();
    assert_eq!((last.len(), shown["closed_at_ms"].is_u64()), (1, true));
}

#[test]
fn a_conversation_whose_alarm_has_not_rung_is_found() {
    let sql = Sqlite::default();
    let mut lost = held(report(1, 1), None);
    lost.wake_at_ms = Some(at(100));
    take_in(&sql, &lost);
    let mut fine = held(report(2, 1), None);
    fine.wake_at_ms = Some(at(5_000));
    take_in(&sql, &fine);
    assert_eq!(overdue(&sql, at(50)).unwrap(), Vec::<String>::new());
    assert_eq!(overdue(&sql, at(1_000)).unwrap(), [format!("customer/{LINE}/1")]);
}

#[test]
fn tallies_of_a_report_that_could_not_be_delivered_go_with_the_next() {
    let mut first = counting(report(1, 1), &[Counted::Message]);
    first.bot = Some(BotSeen { failures: 2, succeeded: true, how: "status_500".to_owned() });
    let mut second = held(counting(report(1, 2), &[Counted::Message, Counted::Takeover]), None);
    second.standing.as_mut().unwrap().profile = None;
    second.bot = Some(BotSeen { failures: 1, succeeded: false, how: "timed_out".to_owned() });
    first.add(second);
    assert_eq!((first.tallies.of(Counted::Message), first.tallies.of(Counted::Takeover)), (2, 1));
    assert_eq!(first.bot, Some(BotSeen { failures: 3, succeeded: true, how: "timed_out".to_owned() }));
    let standing = first.standing.unwrap();
    assert_eq!((standing.holder.as_str(), standing.profile.as_deref()), ("human", Some("Name 1")));
    assert_eq!(Tallies::default().counts().count(), 14);
}

/// The shell compares with how things stood when the desk was last told, and with nothing while a report is on its way:
/// a conversation that has come back to how it stood before that report must say so.
#[test]
fn only_what_the_desk_already_knows_is_not_reported_again() {
    let standing = report(1, 1).standing.unwrap();
    let other = held(report(1, 1), Some(0)).standing.unwrap();
    assert!(report(1, 2).is_old_news(Some(&standing)));
    assert!(!report(1, 2).is_old_news(None), "a report is on its way, and may say something else");
    assert!(!report(1, 2).is_old_news(Some(&other)), "somebody waits no more");
    assert!(!counting(report(1, 2), &[Counted::Message]).is_old_news(Some(&standing)));
    let mut dead = report(1, 2);
    dead.dead = Some(Vec::new());
    assert!(!dead.is_old_news(Some(&standing)), "the dead letters have gone");
}
