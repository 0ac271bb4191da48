//! A conversation reports to the desk of its line.
//!
//! Invariant: nothing waits for a report. It is sent after the caller has its answer, one at a time, with what has
//! happened meanwhile in the next; one that fails is kept and goes with the next, so a desk that is slow or gone delays
//! nobody and costs memory for one report.
//!
//! What only the talk brings about is reported once the attempt at the bot has ended: a message is then one report and
//! not two.

use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use worker::Delay;

use super::log::{Occurrence, log};
use super::object::{Failure, Inner};
use super::sql::ObjectSql;
use super::{desks, env, meanwhile};
use crate::conversation::{Context, Conversation, Output};
use crate::desk::ask::{self, Ask};
use crate::desk::report::Report;
use crate::ids::LineId;
use crate::limits::REPORT_TIMEOUT;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::store::StoreError;
use crate::store::table::Table;

impl Inner {
    /// What the desk is to be told of an output, with the dead letters that there are where any has come or gone.
    pub(super) fn report_of(
        &self,
        conversation: &Conversation,
        table: &Table<'_, ObjectSql>,
        output: &Output,
        context: Context<'_>,
    ) -> Result<Option<Report>, StoreError> {
        let Some(mut report) = Report::of(&self.name, conversation, output, context) else { return Ok(None) };
        if report.standing.is_some() && Report::concerns_dead_letters(output) {
            report.bring_dead_letters(conversation, &table.dead(None)?);
        }
        Ok(Some(report))
    }

    /// Tells what somebody should be told.
    pub(super) fn tell(&self, output: &Output) {
        if output.alerts.is_empty() && output.collision.is_none() {
            return;
        }
        let conversation = &self.name.public_id();
        if let Some(collision) = &output.collision {
            log(&Occurrence::Collision { conversation, collision });
        }
        for alert in output.alerts.iter().copied() {
            log(&Occurrence::Alert { conversation, alert });
        }
    }

    /// Keeps a report until it is sent.
    pub(super) fn keep(&self, report: Option<Report>) {
        // While something is on its way, how things stood before it is no measure: what came back to that is news.
        let is_idle = !self.is_reporting.get() && self.pending.borrow().is_none();
        let told = self.told.borrow();
        let told = told.as_ref().filter(|_| is_idle);
        let Some(report) = report.filter(|report| !report.is_old_news(told)) else { return };
        let mut pending = self.pending.borrow_mut();
        match pending.as_mut() {
            Some(before) => before.add(report),
            None => *pending = Some(report),
        }
    }

    /// Reports what should be seen at once, and with `all` everything, while the caller already has its answer.
    pub(super) fn report_meanwhile(self: &Rc<Self>, all: bool) {
        let is_due = self.pending.borrow().as_ref().is_some_and(|report| all || report.is_urgent());
        if is_due && !self.is_reporting.replace(true) {
            let inner = Rc::clone(self);
            meanwhile(&self.state, async move {
                inner.report().await;
                inner.is_reporting.set(false);
                if inner.is_erased.replace(false) {
                    // Where this fails the desk shows a conversation that is not there; to erase again mends it.
                    let _ = inner.desk_forgets(core::slice::from_ref(&inner.name)).await.inspect_err(Failure::log);
                }
            });
        }
    }

    async fn report(&self) {
        while let Some(mut report) = self.pending.take() {
            if tell_in_time(self, &report).await {
                self.told.replace(report.standing.filter(|_| !self.is_erased.get()));
                continue;
            }
            if let Some(later) = self.pending.take() {
                report.add(later);
            }
            self.pending.replace(Some(report));
            return;
        }
    }
}

/// As [`tell`], within [`REPORT_TIMEOUT`]: a call that is never answered would keep this object in memory.
async fn tell_in_time(inner: &Inner, report: &Report) -> bool {
    let told = core::pin::pin!(tell(inner, report));
    let timeout = core::pin::pin!(Delay::from(Duration::from_millis(REPORT_TIMEOUT.as_millis())));
    matches!(select(told, timeout).await, Either::Left((true, _)))
}

/// Tells the desks that a report concerns. Returns whether all of them have it.
async fn tell(inner: &Inner, report: &Report) -> bool {
    let Ok(settings) = env::settings(&inner.env) else { return false };
    let of_conversation = inner.name.line_of_conversation();
    let shard = if of_conversation.is_some() { ask::shard_of(&report.id, settings.desk_shards) } else { 0 };
    let lines = match of_conversation {
        Some(line) => vec![line],
        None => match lines_of(inner, &settings).await {
            Ok(lines) => lines,
            Err(_) => return false,
        },
    };
    let mut all = true;
    for line in lines {
        let asked = Ask::Report(Box::new(report.clone()));
        all &= desks::put(&inner.env, &ask::desk(&line, shard), &asked).await.is_ok();
    }
    all
}

/// The lines that an account's events concern: its own, or all that the gate has met where it is not known which those
/// are.
async fn lines_of(inner: &Inner, settings: &Settings) -> Result<Vec<LineId>, Problem> {
    let account = inner.name.account_part();
    let own: Vec<LineId> =
        account.map(|account| settings.lines.of_account(account).cloned().collect()).unwrap_or_default();
    if !own.is_empty() {
        return Ok(own);
    }
    // It came by /webhook, and is no word about a line that an app of its own path has.
    let mut known = desks::known_lines(&inner.env, settings).await?;
    known.retain(|line| settings.app_of(line).is_none());
    Ok(known)
}
