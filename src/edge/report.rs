//! A conversation reports to the desk of its line.
//!
//! Invariant: nothing waits for a report. It is sent after the caller has its answer, together with those of other
//! conversations (`batch`), with what has happened meanwhile in the next; one that fails is kept and goes with the next,
//! so a desk that is slow or gone delays nobody and costs memory for one report.
//!
//! What only the talk brings about is reported once the attempt at the bot has ended: a message is then one report and
//! not two.

use std::rc::Rc;

use super::log::{Occurrence, log};
use super::object::Inner;
use super::sql::ObjectSql;
use super::{batch, desks, env, meanwhile};
use crate::conversation::{Context, Conversation, Output};
use crate::desk::ask::{self, Ask};
use crate::desk::report::Report;
use crate::ids::LineId;
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
        if let Some(report) = report {
            self.pending.keep(report);
        }
    }

    /// Reports what should be seen at once, and with `all` everything, while the caller already has its answer.
    pub(super) fn report_meanwhile(self: &Rc<Self>, all: bool) {
        if !self.pending.is_due(all) {
            return;
        }
        let Some(line) = self.name.line_of_conversation() else {
            let inner = Rc::clone(self);
            return meanwhile(async move { inner.report_to_all().await });
        };
        let Ok(settings) = env::settings(&self.env) else { return };
        let shard = ask::shard_of(&self.name.public_id(), settings.desk_shards);
        batch::send(&self.env, ask::desk(&line, shard), &self.name, &self.pending);
    }

    /// Reports what concerns a whole account to the desks of its lines.
    async fn report_to_all(&self) {
        let Some(report) = self.pending.begin() else { return };
        let is_told = tell_all(self, &report).await;
        self.pending.end(report, is_told);
    }
}

/// Tells the desks of all lines that a report concerns. Returns whether all of them have it.
async fn tell_all(inner: &Inner, report: &Report) -> bool {
    let Ok(settings) = env::settings(&inner.env) else { return false };
    let Ok(lines) = lines_of(inner, &settings).await else { return false };
    let mut all = true;
    for line in lines {
        let asked = Ask::Reports(vec![report.clone()]);
        all &= batch::put_in_time(&inner.env, &ask::desk(&line, 0), &asked).await;
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
