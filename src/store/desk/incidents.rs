//! What the owner is told: open incidents, and what of them is still to be told.
//!
//! Invariant: of one kind and one conversation at most one incident is open; a unique index says so. What is to be told
//! has a time, and whoever tells it writes down who has taken it, so that a receiver that did not is told again and the
//! other is not.

use super::{Row, Sql, StoreError, Value, at, number, optional_at, optional_text, text};
use crate::conversation::Alert;
use crate::desk::incident::{Kind, Notice, Told};
use crate::desk::page::{Item, Key, newest_first};
use crate::desk::report::Report;
use crate::desk::watch::Marks;
use crate::json;
use crate::limits::{ALERT_RETRY_SECONDS, ALERTS_AT_ONCE, ALERTS_SHOWN_MAX};
use crate::time::{Millis, UnixMillis};

/// An incident that is to be told.
pub struct Due {
    /// That it has begun.
    pub opened: Notice,
    /// That it is over, where it is.
    pub closed: Option<Notice>,
    /// Who has taken what of it.
    pub told: Told,
    tries: i64,
}

/// Whether incidents of conversations are open at all. Mostly none is, and then no conversation is asked after.
pub(super) struct Open(bool);

impl Open {
    /// Looks.
    pub(super) fn look(sql: &impl Sql) -> Result<Self, StoreError> {
        let any = "SELECT 1 FROM incident WHERE closed IS NULL AND conversation > '' LIMIT 1";
        Ok(Self(!sql.query(any, vec![])?.is_empty()))
    }
}

/// Opens and closes incidents of a conversation as its report demands. Returns those that are news.
pub(super) fn of_report(
    sql: &impl Sql,
    report: &Report,
    any: &mut Open,
    now: UnixMillis,
) -> Result<Vec<i64>, StoreError> {
    let mut news = Vec::new();
    let customer = report.standing.as_ref().map(|standing| standing.customer.as_str());
    for alert in &report.alerts {
        let kind = match alert {
            Alert::CustomerUnanswered => Kind::CustomerUnanswered,
            Alert::DeadLetter => Kind::DeadLetter,
            Alert::Leak => Kind::Leak,
            // These are about the line, and are in its marks.
            Alert::AccountOffboarded | Alert::AccountReconnected | Alert::BotGone | Alert::PartnerRemoved => continue,
        };
        news.extend(open(sql, &report.id, kind, customer, kind.explain(), now)?);
        any.0 = true;
    }
    if !any.0 {
        return Ok(news);
    }
    for kind in of_conversation(sql, &report.id)? {
        let is_over = match (&report.standing, kind) {
            (None, Kind::CustomerUnanswered | Kind::Leak) => report.name.is_some(),
            (Some(standing), Kind::CustomerUnanswered) => standing.waiting_since_ms.is_none(),
            (Some(standing), Kind::Leak) => standing.holder != "human",
            (_, Kind::DeadLetter) => report.dead.as_ref().is_some_and(Vec::is_empty),
            (_, Kind::BotDown | Kind::GateDeaf) => false,
        };
        if is_over && !report.alerts.contains(&alert_of(kind)) {
            news.extend(close(sql, &report.id, kind, now)?);
        }
    }
    Ok(news)
}

/// Opens and closes incidents of the line as its marks demand. Returns those that are news.
pub(super) fn of_line(sql: &impl Sql, marks: &Marks, now: UnixMillis) -> Result<Vec<i64>, StoreError> {
    let mut news = Vec::new();
    let deafness = marks.deafness(now);
    let states = [
        (Kind::BotDown, marks.is_bot_down().then(|| Kind::BotDown.explain())),
        (Kind::GateDeaf, deafness.map(crate::desk::watch::Deafness::explain)),
    ];
    let are_open = of_conversation(sql, "")?;
    for (kind, state) in states {
        match state {
            Some(explanation) if !are_open.contains(&kind) => {
                news.extend(open(sql, "", kind, None, explanation, now)?);
            }
            None if are_open.contains(&kind) => news.extend(close(sql, "", kind, now)?),
            Some(_) | None => {}
        }
    }
    Ok(news)
}

const fn alert_of(kind: Kind) -> Alert {
    match kind {
        Kind::BotDown => Alert::BotGone,
        Kind::CustomerUnanswered => Alert::CustomerUnanswered,
        Kind::DeadLetter => Alert::DeadLetter,
        Kind::GateDeaf => Alert::PartnerRemoved,
        Kind::Leak => Alert::Leak,
    }
}

fn of_conversation(sql: &impl Sql, conversation: &str) -> Result<Vec<Kind>, StoreError> {
    let rows =
        sql.query("SELECT kind FROM incident WHERE conversation = ? AND closed IS NULL", vec![text(conversation)])?;
    rows.into_iter().map(|row| kind(&Row::new(row).text()?)).collect()
}

fn kind(name: &str) -> Result<Kind, StoreError> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(StoreError::Corrupt("incident.kind"))
}

fn open(
    sql: &impl Sql,
    conversation: &str,
    kind: Kind,
    customer: Option<&str>,
    explanation: &str,
    now: UnixMillis,
) -> Result<Option<i64>, StoreError> {
    let opened = sql.query(
        "INSERT INTO incident (conversation, kind, customer, opened, told, tries, due, explanation) \
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?4, ?5) ON CONFLICT DO NOTHING RETURNING id",
        vec![text(conversation), text(kind.name()), optional_text(customer), at(now), text(explanation)],
    )?;
    opened.into_iter().next().map(|row| Row::new(row).integer()).transpose()
}

fn close(sql: &impl Sql, conversation: &str, kind: Kind, now: UnixMillis) -> Result<Option<i64>, StoreError> {
    // Where the beginning was given up on, the end is told all the same.
    let closed = sql.query(
        "UPDATE incident SET closed = ?1, due = ?1, tries = 0 WHERE conversation = ?2 AND kind = ?3 AND closed IS NULL RETURNING id",
        vec![at(now), text(conversation), text(kind.name())],
    )?;
    closed.into_iter().next().map(|row| Row::new(row).integer()).transpose()
}

/// What is to be told by now, oldest first. Of an incident that has begun and ended meanwhile the beginning comes first.
///
/// # Errors
///
/// [`StoreError`].
pub fn due(sql: &impl Sql, line: &str, now: UnixMillis) -> Result<Vec<Due>, StoreError> {
    let rows = sql.query(
        "SELECT id, kind, customer, opened, closed, explanation, told, tries FROM incident WHERE due <= ? ORDER BY due, id LIMIT ?",
        vec![at(now), number(ALERTS_AT_ONCE)],
    )?;
    rows.into_iter().map(|row| read(row, line)).collect()
}

fn read(row: Vec<Value>, line: &str) -> Result<Due, StoreError> {
    let mut row = Row::new(row);
    let mut opened = Notice {
        id: row.integer()?,
        kind: row.text()?,
        line: line.to_owned(),
        customer: row.optional_text()?,
        opened_at_ms: row.optional_at()?.unwrap_or_default(),
        closed_at_ms: row.optional_at()?,
        explanation: row.text()?,
    };
    let end = kind(&opened.kind)?.explain_end();
    let closed_at_ms = opened.closed_at_ms.take();
    let over = |at| Notice { closed_at_ms: Some(at), explanation: end.to_owned(), ..opened.clone() };
    let closed = closed_at_ms.map(over);
    Ok(Due { closed, opened, told: Told(row.integer()?), tries: row.integer()? })
}

/// Writes down who has taken what by now.
///
/// # Errors
///
/// [`StoreError`].
pub fn told(sql: &impl Sql, due: &Due, told: Told, now: UnixMillis) -> Result<(), StoreError> {
    let wait = usize::try_from(due.tries).ok().and_then(|tries| ALERT_RETRY_SECONDS.get(tries));
    let next = match wait {
        _ if told.is_all(due.closed.is_some()) => None,
        Some(seconds) => Some(now.after(Millis::from_seconds(*seconds))),
        None => None,
    };
    // What has ended while its beginning was told has become due anew, and stays so.
    sql.query(
        "UPDATE incident SET told = ?1, tries = ?2, due = CASE WHEN closed IS NOT NULL AND ?4 THEN due ELSE ?3 END \
         WHERE id = ?5",
        vec![
            Value::Integer(told.0),
            Value::Integer(due.tries + 1),
            optional_at(next),
            Value::Integer(i64::from(due.closed.is_none())),
            Value::Integer(due.opened.id),
        ],
    )
    .map(|_| ())
}

/// When the next is to be told.
///
/// # Errors
///
/// [`StoreError`].
pub fn next_due(sql: &impl Sql) -> Result<Option<UnixMillis>, StoreError> {
    let found = sql.query("SELECT min(due) FROM incident", vec![])?;
    Ok(found.into_iter().next().map(|row| Row::new(row).optional_at()).transpose()?.flatten())
}

/// The last incidents of this part of the desk, newest first, as the operator is shown them.
///
/// # Errors
///
/// [`StoreError`].
pub fn last(sql: &impl Sql, line: &str) -> Result<Vec<Item>, StoreError> {
    if !super::exists(sql)? {
        return Ok(Vec::new());
    }
    let rows = sql.query(
        "SELECT id, kind, customer, opened, closed, explanation, told, due FROM incident ORDER BY opened DESC, id LIMIT ?",
        vec![number(ALERTS_SHOWN_MAX)],
    )?;
    rows.into_iter().map(|row| shown(row, line)).collect()
}

/// The incident of this number, as the operator is shown it.
pub(super) fn one(sql: &impl Sql, id: i64, line: &str) -> Result<Option<Item>, StoreError> {
    let rows = sql.query(
        "SELECT id, kind, customer, opened, closed, explanation, told, due FROM incident WHERE id = ?",
        vec![Value::Integer(id)],
    )?;
    rows.into_iter().next().map(|row| shown(row, line)).transpose()
}

/// An incident as the operator is shown it.
#[derive(serde::Serialize)]
struct Shown<'a> {
    id: String,
    line: &'a str,
    kind: String,
    customer: Option<String>,
    opened_at_ms: UnixMillis,
    closed_at_ms: Option<UnixMillis>,
    told: bool,
    explanation: String,
}

fn shown(row: Vec<Value>, line: &str) -> Result<Item, StoreError> {
    let mut row = Row::new(row);
    let (id, kind, customer) = (row.integer()?, row.text()?, row.optional_text()?);
    let (opened, closed, explanation) = (row.optional_at()?.unwrap_or_default(), row.optional_at()?, row.text()?);
    let told = Told(row.integer()?).is_all(closed.is_some());
    let shown = Shown {
        id: id.to_string(),
        line,
        kind,
        customer,
        opened_at_ms: opened,
        closed_at_ms: closed,
        told,
        explanation,
    };
    let raw = json::write_raw(&shown).map_err(|_| StoreError::Corrupt("incident"))?;
    Ok(Item(Key(newest_first(opened), format!("{id:020}")), raw))
}
