//! Tallies by the minute and the hour, and what is too old.
//!
//! Invariant: what was counted once is in exactly one minute that is not rolled up yet, or in one hour and in the total.
//! An hour is rolled up in the transaction of the first report behind it, which also throws away what is too old.

use super::{Row, Sql, StoreError, Value, at, text};
use crate::conversation::Alert;
use crate::desk::observation::Observed;
use crate::desk::page::newest_first;
use crate::desk::report::{BotSeen, Report};
use crate::desk::statistics::{Counts, Span, Totals};
use crate::desk::tallies::{Counted, Tallies};
use crate::desk::watch::{Deafness, Marks};
use crate::json;
use crate::limits::{DESK_KEEPS_HOURS_FOR, DESK_KEEPS_LISTS_FOR, DESK_KEEPS_MINUTES_FOR};
use crate::time::UnixMillis;

/// Counts what reports bring, and returns the marks from then on.
pub(super) fn count(sql: &impl Sql, reports: &[Report], now: UnixMillis) -> Result<Marks, StoreError> {
    roll_up(sql, now)?;
    let minute = Span::Hour.bucket_of(now);
    let newest = sql.query("SELECT at, tallies, marks FROM minute ORDER BY at DESC LIMIT 1", vec![])?;
    let (mut tallies, mut marks) = (Tallies::default(), Marks::default());
    if let Some(row) = newest.into_iter().next() {
        let mut row = Row::new(row);
        let begin = row.optional_at()?;
        let stored = row.text()?;
        marks = json(&row.text()?)?;
        if begin == Some(minute) {
            tallies = json(&stored)?;
        }
    }
    let before = marks.clone();
    for report in reports {
        mark(&mut marks, report, now);
        tallies.add(&report.tallies);
    }
    if reports.iter().all(|report| report.tallies.is_empty()) && marks == before {
        return Ok(marks);
    }
    let values = vec![at(minute), text(&written(&tallies)?), text(&written(&marks)?)];
    sql.query("INSERT OR REPLACE INTO minute (at, tallies, marks) VALUES (?, ?, ?)", values)?;
    Ok(marks)
}

/// What a report says of the line as a whole.
fn mark(marks: &mut Marks, report: &Report, now: UnixMillis) {
    let of = |counted| report.tallies.of(counted);
    if of(Counted::Message) > 0 {
        marks.messages(of(Counted::Message), now);
    }
    if of(Counted::Echo) > 0 {
        marks.echoes(now);
    }
    if let Some(seen) = &report.bot {
        marks.attempts(seen, now);
    }
    for alert in &report.alerts {
        match alert {
            Alert::AccountOffboarded => marks.left = Some((Deafness::AccountOffboarded, now)),
            Alert::AccountReconnected => marks.left = None,
            Alert::BotGone => {
                // It wants nothing any more; that it has said so once is as good as any number of failures.
                let failures = crate::limits::BOT_DOWN_FAILURES.saturating_sub(marks.failures);
                marks.attempts(&BotSeen { failures, succeeded: false, how: "status_410".to_owned() }, now);
            }
            Alert::CustomerUnanswered | Alert::DeadLetter | Alert::Leak => {}
            Alert::PartnerRemoved => marks.left = Some((Deafness::PartnerRemoved, now)),
        }
    }
}

/// Adds the minutes of hours that are over to their hours and to the total.
fn roll_up(sql: &impl Sql, now: UnixMillis) -> Result<(), StoreError> {
    let hour = Span::Day.bucket_of(now);
    let total = sql.query("SELECT tallies, until FROM hour WHERE at = 0", vec![])?;
    let mut total = Row::new(total.into_iter().next().ok_or(StoreError::Corrupt("hour 0"))?);
    let (stored, until) = (total.text()?, total.optional_at()?.unwrap_or_default());
    if until >= hour {
        return Ok(());
    }
    let mut total: Tallies = json(&stored)?;
    let mut hours: Vec<(UnixMillis, Tallies)> = Vec::new();
    for (begin, tallies) in
        buckets(sql, "SELECT at, tallies FROM minute WHERE at >= ? AND at < ? ORDER BY at", until, hour)?
    {
        total.add(&tallies);
        let begin = Span::Day.bucket_of(UnixMillis::new(begin));
        match hours.last_mut() {
            Some((last, sum)) if *last == begin => sum.add(&tallies),
            Some(_) | None => hours.push((begin, tallies)),
        }
    }
    for (begin, tallies) in hours {
        let values = vec![at(begin), text(&written(&tallies)?)];
        sql.query("INSERT OR REPLACE INTO hour (at, tallies) VALUES (?, ?)", values)?;
    }
    sql.query("UPDATE hour SET tallies = ?, until = ? WHERE at = 0", vec![text(&written(&total)?), at(hour)])?;
    throw_away(sql, now)
}

/// Deletes what is too old to be shown.
fn throw_away(sql: &impl Sql, now: UnixMillis) -> Result<(), StoreError> {
    let minutes = at(now.before(DESK_KEEPS_MINUTES_FOR));
    // The newest minute has the marks, however old it is.
    sql.query("DELETE FROM minute WHERE at < ? AND at < (SELECT max(at) FROM minute)", vec![minutes])?;
    sql.query("DELETE FROM hour WHERE at > 0 AND at < ?", vec![at(now.before(DESK_KEEPS_HOURS_FOR))])?;
    let lists = now.before(DESK_KEEPS_LISTS_FOR);
    sql.query("DELETE FROM collision WHERE rank > ?", vec![Value::Integer(newest_first(lists))])?;
    sql.query("DELETE FROM incident WHERE closed < ?", vec![at(lists)])?;
    // A conversation that has been quiet for as long has nothing to show; its next event brings it back.
    let quiet = "DELETE FROM conversation WHERE rank > ? AND dead = 0";
    sql.query(quiet, vec![Value::Integer(crate::desk::page::rank(None, false, lists))]).map(|_| ())
}

/// What this part of the desk has counted over a span.
///
/// # Errors
///
/// [`StoreError`].
pub fn over(sql: &impl Sql, span: Span, now: UnixMillis) -> Result<Counts, StoreError> {
    if !super::exists(sql)? {
        return Ok(Counts::default());
    }
    let (begin, end) = (span.begin(now), now.after(span.bucket()));
    let minutes = "SELECT at, tallies FROM minute WHERE at >= ? AND at < ?";
    let buckets = if span == Span::Hour {
        buckets(sql, minutes, begin, end)?
    } else {
        let mut all = buckets(sql, "SELECT at, tallies FROM hour WHERE at >= ? AND at < ? AND at > 0", begin, end)?;
        all.extend(buckets(sql, minutes, until(sql)?.max(begin), end)?);
        all
    };
    Ok(Counts { buckets, marks: marks(sql)? })
}

/// What this part of the desk has seen since a time, which lies on the hour.
///
/// # Errors
///
/// [`StoreError`].
pub fn observed(sql: &impl Sql, since: UnixMillis, now: UnixMillis) -> Result<Observed, StoreError> {
    let mut observed = Observed::default();
    if !super::exists(sql)? {
        return Ok(observed);
    }
    let hours = "SELECT at, tallies FROM hour WHERE at >= ? AND at < ? AND at > 0";
    let minutes = "SELECT at, tallies FROM minute WHERE at >= ? AND at < ?";
    let end = now.after(Span::Hour.bucket());
    for (statement, begin) in [(hours, since), (minutes, until(sql)?.max(since))] {
        for (_, tallies) in buckets(sql, statement, begin, end)? {
            observed.tallies.add(&tallies);
        }
    }
    let spoken = "SELECT count(*) FROM conversation WHERE json_extract(standing, '$.person_at_ms') >= ?";
    let found = sql.query(spoken, vec![at(since)])?;
    let count = found.into_iter().next().map(|row| Row::new(row).integer()).transpose()?;
    observed.conversations = count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    Ok(observed)
}

/// What this part of the desk has counted since it began.
///
/// # Errors
///
/// [`StoreError`].
pub fn totals(sql: &impl Sql) -> Result<Totals, StoreError> {
    if !super::exists(sql)? {
        return Ok(Totals::default());
    }
    let stored = sql.query("SELECT tallies FROM hour WHERE at = 0", vec![])?;
    let mut tallies: Tallies = match stored.into_iter().next() {
        Some(row) => json(&Row::new(row).text()?)?,
        None => Tallies::default(),
    };
    let open =
        buckets(sql, "SELECT at, tallies FROM minute WHERE at >= ? AND at < ?", until(sql)?, UnixMillis::new(1 << 52))?;
    for (_, minute) in open {
        tallies.add(&minute);
    }
    Ok(Totals { tallies, marks: marks(sql)?, standing: super::lists::standing(sql)? })
}

fn until(sql: &impl Sql) -> Result<UnixMillis, StoreError> {
    let found = sql.query("SELECT until FROM hour WHERE at = 0", vec![])?;
    let until = found.into_iter().next().map(|row| Row::new(row).optional_at()).transpose()?;
    Ok(until.flatten().unwrap_or_default())
}

/// The line's last signs of life.
pub(super) fn marks(sql: &impl Sql) -> Result<Marks, StoreError> {
    let newest = sql.query("SELECT marks FROM minute ORDER BY at DESC LIMIT 1", vec![])?;
    newest.into_iter().next().map_or_else(|| Ok(Marks::default()), |row| json(&Row::new(row).text()?))
}

fn buckets(
    sql: &impl Sql,
    statement: &'static str,
    begin: UnixMillis,
    end: UnixMillis,
) -> Result<Vec<(u64, Tallies)>, StoreError> {
    let rows = sql.query(statement, vec![at(begin), at(end)])?;
    let read = |row| {
        let mut row = Row::new(row);
        let begin = row.optional_at()?.unwrap_or_default();
        Ok((begin.as_millis(), json(&row.text()?)?))
    };
    rows.into_iter().map(read).collect()
}

fn json<T: serde::de::DeserializeOwned>(stored: &str) -> Result<T, StoreError> {
    crate::json::read(stored).map_err(|_| StoreError::Corrupt("tallies"))
}

fn written(value: &impl serde::Serialize) -> Result<String, StoreError> {
    json::write(value).map_err(|_| StoreError::Corrupt("tallies"))
}
