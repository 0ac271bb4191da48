//! Reports of several conversations on their way to a desk, as one call.
//!
//! A desk is called by one object of this isolate at a time, and with everything that the others have to report by then;
//! what comes while a call is under way goes with the next, [`REPORTS_EVERY`] after the one before at the earliest. Where
//! little happens a report goes at once and alone; where much happens a call carries many, and a row is written for all
//! of them where each would have written its own.
//!
//! Invariant: a report is in one place: with its conversation ([`Pending`]), or in the hands of the one call that carries
//! it, which puts it back where it fails. What is shared between objects is data and nothing that belongs to a request.
//! An object that is stopped in the middle of a call takes the reports of that call along: what the desk has missed about
//! who holds a conversation it learns with the next report of it.
//!
//! Not here: what is reported, and when it is due (`report`).

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use worker::{Delay, Env};

use super::{clock, desks, meanwhile};
use crate::desk::ask::Ask;
use crate::desk::report::{Report, Standing};
use crate::ids::ObjectName;
use crate::limits::{REPORT_TIMEOUT, REPORTS_AT_ONCE, REPORTS_EVERY};
use crate::time::{Millis, UnixMillis};

/// What the desk is still to be told of one conversation.
#[derive(Default)]
pub(super) struct Pending {
    report: RefCell<Option<Report>>,
    /// How the conversation stood when the desk was last told.
    told: RefCell<Option<Standing>>,
    /// Whether the next call is to carry it.
    is_queued: Cell<bool>,
    /// Whether a call carries what there was of it.
    is_under_way: Cell<bool>,
    /// Whether everything was erased while a call carried it.
    is_erased: Cell<bool>,
}

/// A desk to which something is to go, or went a moment ago.
struct Route {
    desk: ObjectName,
    queued: Vec<(ObjectName, Rc<Pending>)>,
    /// When the call began that is under way, or waits for its time.
    begun: Option<UnixMillis>,
    /// When the last one ended.
    ended: UnixMillis,
}

thread_local! {
    static ROUTES: RefCell<Vec<Route>> = const { RefCell::new(Vec::new()) };
}

impl Pending {
    /// Keeps a report until it is sent, unless the desk knows all of it.
    pub(super) fn keep(&self, report: Report) {
        // While something is on its way, how things stood before it is no measure: what came back to that is news.
        let is_idle = !self.is_under_way.get() && self.report.borrow().is_none();
        if report.is_old_news(self.told.borrow().as_ref().filter(|_| is_idle)) {
            return;
        }
        let mut pending = self.report.borrow_mut();
        match pending.as_mut() {
            Some(before) => before.add(report),
            None => *pending = Some(report),
        }
    }

    /// Whether something is to be sent: what should be seen at once, and with `all` everything.
    pub(super) fn is_due(&self, all: bool) -> bool {
        self.report.borrow().as_ref().is_some_and(|report| all || report.is_urgent())
    }

    /// Forgets everything: what the desk has not been told yet, it is not told any more; what is on its way there, it is
    /// to forget.
    pub(super) fn erase(&self) {
        self.report.take();
        self.told.take();
        self.is_erased.set(self.is_under_way.get());
    }

    /// What is to be sent now.
    pub(super) fn begin(&self) -> Option<Report> {
        self.is_queued.set(false);
        let report = self.report.take()?;
        self.is_under_way.set(true);
        Some(report)
    }

    /// The desk has it, or not. Whether it has something that it is to forget.
    pub(super) fn end(&self, mut report: Report, is_told: bool) -> bool {
        self.is_under_way.set(false);
        let is_erased = self.is_erased.replace(false);
        if is_told {
            self.told.replace(report.standing.filter(|_| !is_erased));
        } else if !is_erased {
            if let Some(later) = self.report.take() {
                report.add(later);
            }
            self.report.replace(Some(report));
        }
        is_erased
    }
}

/// Has the next call to this desk carry what is pending of a conversation, while the caller already has its answer.
pub(super) fn send(env: &Env, desk: ObjectName, conversation: &ObjectName, pending: &Rc<Pending>) {
    if pending.is_queued.replace(true) {
        return;
    }
    let now = clock::now();
    let is_free = ROUTES.with_borrow_mut(|routes| {
        routes.retain(|route| {
            !route.queued.is_empty() || route.begun.is_some() || now < route.ended.after(REPORTS_EVERY)
        });
        let at = routes.iter().position(|route| route.desk == desk).unwrap_or(routes.len());
        if at == routes.len() {
            let (queued, ended) = (Vec::new(), UnixMillis::default());
            routes.push(Route { desk: desk.clone(), queued, begun: None, ended });
        }
        let Some(route) = routes.get_mut(at) else { return false };
        route.queued.push((conversation.clone(), Rc::clone(pending)));
        // One that should have ended long ago was stopped together with its object.
        let is_free = route.begun.is_none_or(|begun| begun.after(REPORT_TIMEOUT.plus(REPORTS_EVERY)) < now);
        if is_free {
            route.begun = Some(now);
        }
        is_free
    });
    if is_free {
        let env = env.clone();
        meanwhile(async move { while call(&env, &desk).await {} });
    }
}

/// Calls a desk once with what there is for it. Whether there may be more.
async fn call(env: &Env, desk: &ObjectName) -> bool {
    let early = with_route(desk, |route| route.ended.after(REPORTS_EVERY).since(clock::now())).unwrap_or_default();
    if early > Millis::default() {
        Delay::from(Duration::from_millis(early.as_millis())).await;
    }
    let queued = with_route(desk, |route| {
        let count = route.queued.len().min(REPORTS_AT_ONCE);
        route.begun = (count > 0).then(clock::now);
        route.queued.drain(..count).collect::<Vec<_>>()
    });
    let Some(queued) = queued.filter(|queued| !queued.is_empty()) else { return false };
    let begin = |(name, pending): (ObjectName, Rc<Pending>)| {
        let report = pending.begin()?;
        Some(((name, pending), report))
    };
    let (senders, reports): (Vec<_>, Vec<_>) = queued.into_iter().filter_map(begin).unzip();
    let asked = Ask::Reports(reports);
    let is_told = put_in_time(env, desk, &asked).await;
    with_route(desk, |route| route.ended = clock::now());
    let Ask::Reports(reports) = asked else { return true };
    for ((name, pending), report) in senders.into_iter().zip(reports) {
        if pending.end(report, is_told) {
            forget(env, &name).await;
        }
    }
    true
}

/// Has the desk forget a conversation that was erased while it was being told of it.
async fn forget(env: &Env, conversation: &ObjectName) {
    let Some(line) = conversation.line_of_conversation() else { return };
    // Where this fails the desk shows a conversation that is not there; to erase again mends it.
    let _ = desks::forget(env, &line, core::slice::from_ref(conversation), false).await;
}

/// Asks within [`REPORT_TIMEOUT`]: a call that is never answered would keep an object in memory. Whether the desk has it.
pub(super) async fn put_in_time(env: &Env, desk: &ObjectName, asked: &Ask) -> bool {
    let put = core::pin::pin!(desks::put(env, desk, asked));
    let timeout = core::pin::pin!(Delay::from(Duration::from_millis(REPORT_TIMEOUT.as_millis())));
    matches!(select(put, timeout).await, Either::Left((Ok(_), _)))
}

fn with_route<T>(desk: &ObjectName, look: impl FnOnce(&mut Route) -> T) -> Option<T> {
    ROUTES.with_borrow_mut(|routes| routes.iter_mut().find(|route| route.desk == *desk).map(look))
}
