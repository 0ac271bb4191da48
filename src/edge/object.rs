//! The Durable Object of a conversation: one transaction per command, alarms, attempts.
//!
//! Invariant: between loading the conversation and setting its alarm there is no await, so no other event of
//! this object sees a state in between, and the platform writes all of it or nothing. An attempt starts after
//! that, and the answer is given after that.
//!
//! An alarm never fails on purpose: the platform gives up on one that throws after six retries. What cannot be
//! done is tried again from an alarm of our own.
//!
//! Memory holds nothing but the time of the alarm that is set, and that the table is up to date; everything else
//! is read from storage each time. An object may be evicted, or killed, between any two lines.

use core::cell::Cell;
use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::value::RawValue;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::log::{Occurrence, log};
use super::sql::ObjectSql;
use super::{bot, calls, clock, env};
use crate::command::{CarriedEvent, Command, LinkReply, Reply, Shown};
use crate::conversation::identity::{LinkAnswer, Place};
use crate::conversation::{Answer, Context, Conversation as Core, Incoming, Input, Output};
use crate::ids::{AttemptNumber, EventId, ObjectName};
use crate::limits::{ALARM_OVERDUE, ALARM_RETRY, HOPS_MAX};
use crate::outbox::outcome::Outcome;
use crate::policy::Policy;
use crate::settings::Settings;
use crate::store::{self, Job, Sql, StoreError, schema};
use crate::time::UnixMillis;

/// One conversation, or what belongs to a line or an account as a whole.
#[durable_object]
pub struct Conversation {
    inner: Rc<Inner>,
}

struct Inner {
    env: Env,
    name: ObjectName,
    sql: ObjectSql,
    state: State,
    /// Whether the table is known to be up to date: a transaction of this instance has brought it there.
    is_migrated: Cell<bool>,
    /// The alarm that is set; `None` while that is not known.
    alarm: Cell<Option<Alarm>>,
}

/// The alarm of this object.
#[derive(Clone, Copy)]
enum Alarm {
    Off,
    At(UnixMillis),
}

/// What a transaction leaves to be done: attempts, with their bodies.
type Jobs = Vec<Job>;

/// Why a command was not carried out.
enum Failure {
    NotConfigured,
    Runtime(worker::Error),
    Store(StoreError),
}

impl DurableObject for Conversation {
    fn new(state: State, env: Env) -> Self {
        let name = state.id().name().map_or_else(ObjectName::unaddressed, ObjectName::from_runtime);
        let sql = ObjectSql::new(&state.storage());
        Self { inner: Rc::new(Inner { env, name, sql, state, is_migrated: Cell::new(false), alarm: Cell::new(None) }) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let text = request.text().await?;
        let Ok(command) = serde_json::from_str::<Command>(&text) else {
            return Ok(Response::empty()?.with_status(400));
        };
        match self.inner.carry_out(command).await {
            Ok((reply, jobs)) => {
                self.inner.deliver_meanwhile(jobs);
                Response::ok(serde_json::to_string(&reply)?)
            }
            Err(failure) => {
                failure.log();
                Ok(Response::empty()?.with_status(500))
            }
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.inner.alarm.set(Some(Alarm::Off));
        let woken = self.inner.wake().await;
        match woken {
            Ok(jobs) => self.inner.deliver(jobs).await,
            Err(failure) => {
                failure.log();
                self.inner.set_alarm(clock::now().after(ALARM_RETRY)).await?;
            }
        }
        Response::empty()
    }
}

impl Inner {
    async fn carry_out(self: &Rc<Self>, command: Command) -> Result<(Reply, Jobs), Failure> {
        match command {
            Command::Accept { events, phone } => self.accept(&events, phone.as_ref()).await,
            Command::Finish { id, number, outcome } => {
                let jobs = self.finish(&id, number, outcome).await?;
                Ok((Reply::Finished, jobs))
            }
            Command::Link { by, by_has_history } => {
                self.link(&by, by_has_history).await.map(|reply| (reply, Jobs::new()))
            }
            Command::Show => self.show().map(|reply| (reply, Jobs::new())),
        }
    }

    /// Accepts events, after the customer's other name has been linked where it must be.
    async fn accept(
        self: &Rc<Self>,
        events: &[CarriedEvent],
        phone: Option<&ObjectName>,
    ) -> Result<(Reply, Jobs), Failure> {
        let incoming: Vec<Incoming> = events.iter().map(CarriedEvent::incoming).collect();
        let bodies: Vec<Option<&str>> = events.iter().map(|event| event.body.as_deref().map(RawValue::get)).collect();
        for _ in 0..HOPS_MAX {
            let (answer, jobs) = self
                .transact(&bodies, |conversation, sql, context| {
                    let known = store::known(sql, incoming.iter().map(|event| &event.id))?;
                    let input = Input::Accept { events: &incoming, known: &known, phone };
                    let output = conversation.apply(&input, context);
                    Ok((output.answer.clone(), output))
                })
                .await?;
            match answer {
                Answer::Accepted { new, duplicates } => return Ok((Reply::Accepted { new, duplicates }, jobs)),
                Answer::Moved { to, known } => return Ok((Reply::Moved { to, known }, jobs)),
                Answer::LinkFirst(phone) => {
                    // Linking may take over entries, and so bring an attempt of its own.
                    let jobs = self.ask_to_link(&phone).await?;
                    self.deliver_meanwhile(jobs);
                }
            }
        }
        Err(Failure::Runtime(worker::Error::RustError("the customer's names could not be linked".to_owned())))
    }

    /// Asks the object of the customer's phone number where the conversation lives.
    async fn ask_to_link(&self, phone: &ObjectName) -> Result<Jobs, Failure> {
        let by_has_history = store::has_history(&self.sql)?;
        let command = Command::Link { by: self.name.clone(), by_has_history };
        let reply = calls::call(&self.env, phone, &command).await.map_err(Failure::Runtime)?;
        let Reply::Linked(reply) = reply else {
            return Err(Failure::Runtime(worker::Error::RustError("an object answered another question".to_owned())));
        };
        let (answer, bodies) = reply.open();
        let bodies: Vec<Option<&str>> = bodies.iter().map(|body| body.as_deref().map(RawValue::get)).collect();
        let ((), jobs) = self
            .transact(&bodies, |conversation, sql, context| {
                let entries = match &answer {
                    LinkAnswer::Merge(handover) => handover.entries.as_slice(),
                    LinkAnswer::Mine | LinkAnswer::Yours => &[],
                };
                let known = store::known(sql, entries.iter().map(|entry| &entry.id))?;
                Ok(((), conversation.linked(phone, &answer, &known, context)))
            })
            .await?;
        Ok(jobs)
    }

    /// Answers the object of the customer's user id.
    async fn link(&self, by: &ObjectName, by_has_history: bool) -> Result<Reply, Failure> {
        let (reply, _) = self
            .transact(&[], |conversation, sql, _| {
                let (answer, output) = conversation.asked_to_link(by, by_has_history);
                let bodies = match &answer {
                    LinkAnswer::Merge(handover) => handover
                        .entries
                        .iter()
                        .map(|entry| store::raw_body(sql, &entry.id))
                        .collect::<Result<_, _>>()?,
                    LinkAnswer::Mine | LinkAnswer::Yours => Vec::new(),
                };
                Ok((LinkReply::new(answer, bodies), output))
            })
            .await?;
        Ok(Reply::Linked(reply))
    }

    fn show(&self) -> Result<Reply, Failure> {
        if !schema::exists(&self.sql)? {
            return Ok(Reply::Shown(None));
        }
        let conversation = store::load(&self.sql)?;
        if let Place::Elsewhere(to) = conversation.place {
            return Ok(Reply::Moved { to, known: Vec::new() });
        }
        let entries = store::record(&self.sql)?;
        Ok(Reply::Shown(Some(Shown::new(&self.name, &conversation, &entries))))
    }

    async fn wake(&self) -> Result<Jobs, Failure> {
        if !schema::exists(&self.sql)? {
            return Ok(Jobs::new());
        }
        let ((), jobs) = self
            .transact(&[], |conversation, sql, context| {
                let oldest = if conversation.forgets_at(context.now) { store::oldest(sql)? } else { None };
                Ok(((), conversation.apply(&Input::Wake { oldest }, context)))
            })
            .await?;
        Ok(jobs)
    }

    /// Records the end of an attempt; what is due then.
    async fn finish(&self, id: &EventId, number: AttemptNumber, outcome: Outcome) -> Result<Jobs, Failure> {
        let ((), jobs) = self
            .transact(&[], |conversation, _, context| {
                Ok(((), conversation.apply(&Input::Finish { id, number, outcome }, context)))
            })
            .await?;
        Ok(jobs)
    }

    /// Load, apply, save, set the alarm: the one way in which a conversation changes.
    async fn transact<T>(
        &self,
        bodies: &[Option<&str>],
        work: impl FnOnce(&mut Core, &ObjectSql, Context<'_>) -> Result<(T, Output), StoreError>,
    ) -> Result<(T, Jobs), Failure> {
        let (_, policy) = self.configuration().await?;
        let alarm = self.known_alarm().await?;
        let context = Context { now: clock::now(), policy: &policy, draw: clock::draw() };
        // No await from here to the alarm.
        let (answer, jobs, wake_at) = self.sql.transaction(|| {
            if !self.is_migrated.get() {
                schema::migrate(&self.sql)?;
            }
            let mut conversation = store::load(&self.sql)?;
            let (answer, output) = work(&mut conversation, &self.sql, context)?;
            store::save(&self.sql, &conversation, &output, bodies)?;
            let jobs = store::jobs(&self.sql, &output, bodies)?;
            Ok((answer, jobs, output.wake_at))
        })?;
        self.is_migrated.set(true);
        // An alarm that rings too early costs one wake-up; one that is set anew each time costs a row each time.
        let overdue = |set: UnixMillis| set.after(ALARM_OVERDUE) < context.now;
        let rings_in_time = |at| matches!(alarm, Alarm::At(set) if set <= at && !overdue(set));
        if let Some(at) = wake_at.filter(|at| !rings_in_time(*at)) {
            self.set_alarm(at).await.map_err(Failure::Runtime)?;
        }
        Ok((answer, jobs))
    }

    /// Delivers what is due while the caller already has its answer.
    fn deliver_meanwhile(self: &Rc<Self>, jobs: Jobs) {
        if !jobs.is_empty() {
            let inner = Rc::clone(self);
            self.state.wait_until(async move { inner.deliver(jobs).await });
        }
    }

    /// Makes attempts, and those that become due when they end, until none is due.
    async fn deliver(&self, jobs: Jobs) {
        let mut under_way: FuturesUnordered<_> = jobs.into_iter().map(|job| self.attempt(job)).collect();
        while let Some(next) = under_way.next().await {
            under_way.extend(next.into_iter().map(|job| self.attempt(job)));
        }
    }

    /// Makes one attempt and records its end; what is due then.
    async fn attempt(&self, (attempt, body): Job) -> Jobs {
        let Ok((settings, _)) = self.configuration().await else { return Jobs::new() };
        let outcome = match body {
            Some(body) => bot::send(&settings, &self.name, &attempt, &body).await,
            None => Outcome::Unsendable,
        };
        if let Some(reason) = outcome.reason() {
            let conversation = self.name.public_id();
            let attempt = attempt.number.number();
            log(&Occurrence::AttemptFailed { conversation: &conversation, attempt, reason });
        }
        // Where this fails, the alarm that was set with the attempt takes it from here.
        let finished = self.finish(&attempt.id, attempt.number, outcome).await;
        finished.inspect_err(Failure::log).unwrap_or_default()
    }

    async fn configuration(&self) -> Result<(Rc<Settings>, Rc<Policy>), Failure> {
        let settings = env::settings(&self.env).map_err(|_| Failure::NotConfigured)?;
        let policy = env::policy(&self.env, &settings, clock::now()).await;
        Ok((settings, policy))
    }

    async fn known_alarm(&self) -> Result<Alarm, Failure> {
        if let Some(alarm) = self.alarm.get() {
            return Ok(alarm);
        }
        let set = self.state.storage().get_alarm().await.map_err(Failure::Runtime)?;
        let set = set.and_then(|at| u64::try_from(at).ok()).map_or(Alarm::Off, |at| Alarm::At(UnixMillis::new(at)));
        // While this waited, another event may have set the alarm; what it set is the truth.
        let alarm = self.alarm.get().unwrap_or(set);
        self.alarm.set(Some(alarm));
        Ok(alarm)
    }

    async fn set_alarm(&self, at: UnixMillis) -> worker::Result<()> {
        self.alarm.set(Some(Alarm::At(at)));
        let offset = at.as_millis().saturating_sub(clock::now().as_millis());
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        // Where this fails the object's storage is broken, and the platform starts the object anew.
        self.state.storage().set_alarm(offset).await.inspect_err(|_| self.alarm.set(None))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    fn log(&self) {
        match self {
            Self::NotConfigured => log(&Occurrence::SettingsMissing { count: 1 }),
            Self::Runtime(error) => log(&Occurrence::NotStored { error }),
            Self::Store(error) => log(&Occurrence::StoreFailed { error }),
        }
    }
}
