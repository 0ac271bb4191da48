//! A report comes in: the conversation's row, its dead letters, its collisions.
//!
//! Invariant: a report that is older than what is known changes nothing about how the conversation stands. A row whose
//! only news is that the talk goes on is written at most every few minutes: that is what makes a message cost one row
//! here and not three.

use core::fmt::Write as _;

use serde_json::value::RawValue;

use super::{Row, Sql, StoreError, Value, at, counts, incidents, optional_at, text};
use crate::desk::page::{Item, newest_first, rank};
use crate::desk::report::{Report, Standing};
use crate::desk::tallies::Counted;
use crate::json;
use crate::limits::DESK_ACTIVITY_EVERY;
use crate::policy::letters::small;
use crate::time::UnixMillis;

/// What a report has brought.
#[derive(Default)]
pub struct Taken {
    /// The conversations, as lists and the live stream show them.
    pub conversations: Vec<String>,
    /// The ids of conversations that are not here any more.
    pub gone: Vec<String>,
    /// Incidents that have begun or ended.
    pub alerts: Vec<Item>,
    /// Whether this is the first report ever.
    pub is_first: bool,
}

/// What is known of a conversation.
#[derive(Default)]
struct Known {
    dead: i64,
    message: Option<UnixMillis>,
    echo: Option<UnixMillis>,
    written: UnixMillis,
    standing: Option<Standing>,
}

/// Takes reports in. `line` is the desk's, `is_first_part` whether this part judges the line as a whole.
///
/// # Errors
///
/// [`StoreError`].
pub fn reports(
    sql: &impl Sql,
    line: &str,
    reports: &[Report],
    is_first_part: bool,
    now: UnixMillis,
) -> Result<Taken, StoreError> {
    let is_first = super::create(sql)?;
    let marks = counts::count(sql, reports, now)?;
    let mut taken = Taken { is_first, ..Taken::default() };
    let mut open = incidents::Open::look(sql)?;
    for report in reports {
        take(sql, line, report, now, &mut taken)?;
        for id in incidents::of_report(sql, report, &mut open, now)? {
            taken.alerts.extend(incidents::one(sql, id, line)?);
        }
    }
    // With several parts each sees its share of the line's messages, which is enough for one to judge by.
    if is_first_part {
        for id in incidents::of_line(sql, &marks, now)? {
            taken.alerts.extend(incidents::one(sql, id, line)?);
        }
    }
    Ok(taken)
}

/// Takes one report in, but for incidents.
fn take(sql: &impl Sql, line: &str, report: &Report, now: UnixMillis, taken: &mut Taken) -> Result<(), StoreError> {
    match &report.standing {
        Some(standing) => taken.conversations.extend(stands(sql, report, standing, now)?),
        // An account's object has no row here either.
        None if known(sql, &report.id)?.standing.is_some() => {
            forget(sql, &report.id)?;
            taken.gone.push(report.id.clone());
        }
        None => {}
    }
    let customer = report.standing.as_ref().map(|standing| standing.customer.as_str()).unwrap_or_default();
    for collision in &report.collisions {
        write_collision(sql, report, line, customer, collision)?;
    }
    Ok(())
}

/// Forgets a conversation and all that is shown of it.
///
/// # Errors
///
/// [`StoreError`].
pub fn forget(sql: &impl Sql, id: &str) -> Result<(), StoreError> {
    if !super::exists(sql)? {
        return Ok(());
    }
    for statement in [
        "DELETE FROM conversation WHERE id = ?",
        "DELETE FROM dead WHERE conversation = ?",
        "DELETE FROM collision WHERE conversation = ?",
        "DELETE FROM incident WHERE conversation = ?",
    ] {
        sql.query(statement, vec![text(id)])?;
    }
    Ok(())
}

/// Writes down how a conversation stands. Returns it as it is shown, unless something newer is known.
fn stands(sql: &impl Sql, report: &Report, standing: &Standing, now: UnixMillis) -> Result<Option<String>, StoreError> {
    let known = known(sql, &report.id)?;
    let before = known.standing.as_ref();
    if known.written > report.at_ms.after(crate::limits::DESK_CLOCK_SKEW) {
        return Ok(None);
    }
    let mut standing = standing.clone();
    if standing.profile.is_none() {
        standing.profile = before.and_then(|before| before.profile.clone());
    }
    let seen = |counted, before: Option<UnixMillis>| if report.tallies.of(counted) > 0 { Some(now) } else { before };
    let (message, echo) = (seen(Counted::Message, known.message), seen(Counted::Echo, known.echo));
    if let Some(dead) = &report.dead {
        write_dead(sql, report, &standing, dead)?;
    }
    let dead = report.dead.as_ref().map_or(known.dead, |dead| i64::try_from(dead.len()).unwrap_or(i64::MAX));
    let shown = shown(report, &standing, dead, message, echo);
    let is_known = before.is_some_and(|before| is_same(before, &standing)) && known.dead == dead;
    if is_known && now < known.written.after(DESK_ACTIVITY_EVERY) {
        return Ok(Some(shown));
    }
    let rank = rank(standing.waiting_since_ms, standing.holder == "human", message.max(echo).unwrap_or(report.at_ms));
    let mut search = standing.names.join(" ");
    search.push(' ');
    search.push_str(standing.profile.as_deref().unwrap_or_default());
    let stored = json::write(&standing).map_err(|_| StoreError::Corrupt("standing"))?;
    sql.query(
        "INSERT OR REPLACE INTO conversation \
         (id, rank, name, holder, dead, message_ms, echo_ms, wake_ms, written_ms, search, standing, shown) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        vec![
            text(&report.id),
            Value::Integer(rank),
            text(report.name.as_ref().map(crate::ids::ObjectName::as_str).unwrap_or_default()),
            text(&standing.holder),
            Value::Integer(dead),
            optional_at(message),
            optional_at(echo),
            optional_at(report.wake_at_ms),
            at(report.at_ms),
            text(&small(&search)),
            text(&stored),
            text(&shown),
        ],
    )?;
    Ok(Some(shown))
}

/// Whether two standings differ in nothing that should be seen at once. A lease that slides on with every message of the
/// person's is worth a row only now and then.
fn is_same(before: &Standing, now: &Standing) -> bool {
    let slid = match (before.lease_until_ms, now.lease_until_ms) {
        (Some(before), Some(now)) => now.since(before) >= DESK_ACTIVITY_EVERY || before > now,
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    };
    !slid
        && (before.token, &before.holder, before.paused, before.waiting_since_ms, &before.names, &before.profile)
            == (now.token, &now.holder, now.paused, now.waiting_since_ms, &now.names, &now.profile)
}

fn known(sql: &impl Sql, id: &str) -> Result<Known, StoreError> {
    let rows = sql.query(
        "SELECT dead, message_ms, echo_ms, written_ms, standing FROM conversation WHERE id = ?",
        vec![text(id)],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(Known::default()) };
    let mut row = Row::new(row);
    Ok(Known {
        dead: row.integer()?,
        message: row.optional_at()?,
        echo: row.optional_at()?,
        written: row.optional_at()?.unwrap_or_default(),
        standing: crate::json::read(&row.text()?).ok(),
    })
}

/// The conversation as lists and the live stream show it: how it stands, and what only the desk knows.
fn shown(
    report: &Report,
    standing: &Standing,
    dead: i64,
    message: Option<UnixMillis>,
    echo: Option<UnixMillis>,
) -> String {
    let mut shown = json::write(standing).unwrap_or_default();
    // The closing brace comes off, and the rest goes on; all of it is numbers and a digest.
    shown.pop();
    let at = |at: Option<UnixMillis>| at.map_or_else(|| "null".to_owned(), |at| at.as_millis().to_string());
    // Writing into a String cannot fail.
    let _ = write!(
        shown,
        ",\"conversation\":\"{}\",\"dead_letters\":{dead},\"last_message_at_ms\":{},\"last_echo_at_ms\":{},\"at_ms\":{}}}",
        report.id,
        at(message),
        at(echo),
        report.at_ms.as_millis()
    );
    shown
}

/// The dead letters of a conversation are these.
fn write_dead(sql: &impl Sql, report: &Report, standing: &Standing, dead: &[Box<RawValue>]) -> Result<(), StoreError> {
    sql.query("DELETE FROM dead WHERE conversation = ?", vec![text(&report.id)])?;
    for letter in dead {
        let parsed: serde_json::Value =
            serde_json::from_str(letter.get()).map_err(|_| StoreError::Corrupt("dead letter"))?;
        let died = parsed.get("died_at_ms").and_then(serde_json::Value::as_u64).unwrap_or_default();
        let key = format!("{} {}", report.id, parsed.get("id").and_then(serde_json::Value::as_str).unwrap_or_default());
        let shown = within(letter.get(), report, standing.line.as_str(), &standing.customer);
        let rank = Value::Integer(newest_first(UnixMillis::new(died)));
        sql.query(
            "INSERT OR REPLACE INTO dead (rank, key, conversation, shown) VALUES (?, ?, ?, ?)",
            vec![rank, text(&key), text(&report.id), text(&shown)],
        )?;
    }
    Ok(())
}

fn write_collision(
    sql: &impl Sql,
    report: &Report,
    line: &str,
    customer: &str,
    collision: &RawValue,
) -> Result<(), StoreError> {
    let parsed: serde_json::Value =
        serde_json::from_str(collision.get()).map_err(|_| StoreError::Corrupt("collision"))?;
    let when = parsed.get("at_ms").and_then(serde_json::Value::as_u64).unwrap_or_default();
    let outcome = parsed.get("outcome").and_then(serde_json::Value::as_str).unwrap_or_default();
    let late = parsed.get("late_ms").and_then(serde_json::Value::as_u64).unwrap_or_default();
    let key = format!("{} {late}", report.id);
    let shown = within(collision.get(), report, line, customer);
    let rank = Value::Integer(newest_first(UnixMillis::new(when)));
    sql.query(
        "INSERT OR REPLACE INTO collision (rank, key, conversation, outcome, shown) VALUES (?, ?, ?, ?, ?)",
        vec![rank, text(&key), text(&report.id), text(outcome), text(&shown)],
    )
    .map(|_| ())
}

/// An object of a conversation's, with what says whose it is.
fn within(object: &str, report: &Report, line: &str, customer: &str) -> String {
    let rest = object.strip_prefix('{').unwrap_or("}");
    let customer = json::write(customer).unwrap_or_default();
    format!("{{\"line\":\"{line}\",\"customer\":{customer},\"conversation\":\"{}\",{rest}", report.id)
}
