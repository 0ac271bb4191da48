//! The Durable Object of a conversation: one transaction per command, alarms, attempts.
//!
//! Invariant: between loading the conversation and setting its alarm there is no await, so no other event of
//! this object sees a state in between, and the platform writes all of it or nothing. An attempt starts after
//! that, and the answer is given after that.
//!
//! An alarm never fails on purpose: the platform gives up on one that throws after six retries. What cannot be
//! done is tried again from an alarm of our own.
//!
//! Memory holds the conversation as the last transaction left it, which is what storage would bring back, since nothing
//! but this object writes there (`tests/proof` holds the two against each other after every event); a transaction that
//! fails leaves nothing in memory. Ids and bodies are read from storage each time. An object may be evicted, or killed,
//! between any two lines. (What the object of a line counts for broadcasts is in memory only; `conversation::broadcast`
//! says why that will do.)

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::value::RawValue;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::batch::Pending;
use super::log::{Occurrence, log};
use super::sql::ObjectSql;
use super::{at_once, bot, calls, clock, env, inforce, meanwhile, until_none_is_left, uses};
use crate::command::{CarriedEvent, Command, Reply};
use crate::conversation::broadcast::{Recipient, Tally};
use crate::conversation::identity::Place;
use crate::conversation::{Answer, Arrival, Context, Conversation as Core, Incoming, Input, Output};
use crate::desk::report::Report;
use crate::ids::{Customer, ObjectName};
use crate::json;
use crate::limits::{ALARM_OVERDUE, ALARM_RETRY, HOPS_MAX, KEPT_ENTRIES_MAX};
use crate::outbox::outcome::Outcome;
use crate::outbox::trace::Trace;
use crate::policy::Policy;
use crate::settings::Settings;
use crate::store::table::Table;
use crate::store::{self, Job, Sql, StoreError, schema};
use crate::time::UnixMillis;
use crate::webhook::event::Class;

/// One conversation, or what belongs to a line or an account as a whole.
#[durable_object(alarm)]
pub struct Conversation {
    inner: Rc<Inner>,
}

pub(super) struct Inner {
    pub(super) env: Env,
    pub(super) name: ObjectName,
    pub(super) sql: ObjectSql,
    pub(super) state: State,
    /// On the object that counts a line's echoes: what was sent a short while ago.
    pub(super) tally: RefCell<Tally>,
    /// The conversation as the last transaction left it; `None` while that is not known.
    kept: RefCell<Option<Core>>,
    /// The largest `seq` of any stored entry; `None` while that is not known.
    last_seq: Cell<Option<u64>>,
    /// Whether the table is known to be up to date: a transaction of this instance has brought it there.
    is_migrated: Cell<bool>,
    /// The alarm that is set; `None` while that is not known.
    alarm: Cell<Option<Alarm>>,
    /// What the desk is still to be told.
    pub(super) pending: Rc<Pending>,
    /// How often everything was erased: what was asked before is not to be taken in afterwards.
    pub(super) erasures: Cell<u32>,
}

/// The alarm of this object.
#[derive(Clone, Copy)]
enum Alarm {
    Off,
    At(UnixMillis),
}

/// What a transaction leaves to be done: attempts, with their bodies.
pub(super) type Jobs = Vec<Job>;

/// What is done to a conversation in a transaction.
type Work<'w> = dyn FnMut(&mut Core, &Table<'_, ObjectSql>, Context<'_>) -> Result<Output, StoreError> + 'w;

/// What a transaction has done.
struct Done {
    report: Option<Report>,
    jobs: Jobs,
    output: Output,
    exists: bool,
    conversation: Core,
}

/// Why a command was not carried out.
pub(super) enum Failure {
    NotConfigured,
    Runtime(worker::Error),
    Store(StoreError),
}

impl DurableObject for Conversation {
    fn new(state: State, env: Env) -> Self {
        let name = state.id().name().map_or_else(ObjectName::unaddressed, ObjectName::from_runtime);
        let sql = ObjectSql::new(&state.storage());
        Self {
            inner: Rc::new(Inner {
                env,
                name,
                sql,
                state,
                tally: RefCell::default(),
                kept: RefCell::default(),
                last_seq: Cell::new(None),
                is_migrated: Cell::new(false),
                alarm: Cell::new(None),
                pending: Rc::default(),
                erasures: Cell::new(0),
            }),
        }
    }

    /// The version before asks by `fetch` while a deployment is under way.
    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        match Rc::clone(&self.inner).answer(request.text().await?).await {
            Some(reply) => Response::ok(reply),
            None => Ok(Response::empty()?.with_status(500)),
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.inner.alarm.set(Some(Alarm::Off));
        let woken = self.inner.wake().await;
        match woken {
            Ok(jobs) => {
                self.inner.report_meanwhile(jobs.is_empty());
                self.inner.deliver(jobs).await;
            }
            Err(failure) => {
                failure.log();
                self.inner.set_alarm(clock::now().after(ALARM_RETRY)).await?;
            }
        }
        self.inner.report_meanwhile(true);
        Response::empty()
    }
}

#[wasm_bindgen]
impl Conversation {
    /// Carries a command out; what it replies, and nothing where it failed.
    pub fn ask(&self, text: String) -> JsValue {
        let inner = Rc::clone(&self.inner);
        at_once(async move { inner.answer(text).await.map_or(JsValue::UNDEFINED, JsValue::from) })
    }
}

impl Inner {
    async fn answer(self: Rc<Self>, text: String) -> Option<String> {
        let command = json::read::<Command>(&text).ok()?;
        let (reply, jobs) = self.carry_out(command).await.inspect_err(Failure::log).ok()?;
        self.deliver_meanwhile(jobs);
        json::write(&reply).ok()
    }

    async fn carry_out(self: &Rc<Self>, command: Command) -> Result<(Reply, Jobs), Failure> {
        match command {
            Command::Accept { events, aliases, customer } => self.accept(&events, aliases, customer.as_ref()).await,
            Command::Broadcast { echo } => self.broadcast(&echo).await,
            Command::Count { conversation, echo, content } => {
                self.count(&content, Recipient { conversation, echo, at: clock::now() }).await?;
                Ok((Reply::Finished, Jobs::new()))
            }
            Command::Erase(names) => self.erase(names).await.map(|reply| (reply, Jobs::new())),
            Command::EraseName(names) => self.erase_name(&names).await.map(|reply| (reply, Jobs::new())),
            Command::Explain(id) => self.explain(&id).await.map(|reply| (reply, Jobs::new())),
            Command::ExplainHere(id) => self.explained(&id).map(|(reply, _)| (reply, Jobs::new())),
            Command::Finish { id, number, outcome } => {
                let jobs = self.apply(&Input::Finish { id: &id, number, outcome }).await?;
                Ok((Reply::Finished, jobs))
            }
            Command::Link { by } => self.link(&by).await.map(|reply| (reply, Jobs::new())),
            Command::Operate(act) => self.operate(act).await,
            Command::Read { message } => self.keeps_read_receipt(&message).await.map(|reply| (reply, Jobs::new())),
            Command::Replay { only } => self.replay(only.as_deref()).await,
            Command::Rows => Ok((Reply::Erased(self.rows()?), Jobs::new())),
            Command::Send { sending, via } => self.may_send(&sending, via).await,
            Command::Sent { message, sent_at_ms } => self.sent(&message, sent_at_ms).await,
            Command::Settle { digest, begun_at_ms, end } => self.settle(&digest, begun_at_ms, &end).await,
            Command::Wake => self.wake().await.map(|jobs| (Reply::Finished, jobs)),
            Command::Show => self.show().await.map(|reply| (reply, Jobs::new())),
        }
    }

    /// Accepts events, after the customer's other names have been linked where they must be.
    async fn accept(
        self: &Rc<Self>,
        events: &[CarriedEvent],
        mut aliases: Vec<ObjectName>,
        customer: Option<&Customer>,
    ) -> Result<(Reply, Jobs), Failure> {
        let incoming: Vec<Incoming> = events.iter().map(CarriedEvent::incoming).collect();
        let bodies: Vec<Option<&str>> = events.iter().map(|event| event.body.as_deref().map(RawValue::get)).collect();
        let line = self.name.line_of_conversation();
        for _ in 0..HOPS_MAX {
            let ((answer, tally), jobs) = self
                .transact(&bodies, |conversation, table, context| {
                    let known = table.known(incoming.iter().flat_map(Incoming::ids))?;
                    let (events, known, here, line) = (&incoming[..], &known, &self.name, line.as_ref());
                    let is_answer = events.iter().any(|event| event.class == Class::Echo);
                    let last_said = if is_answer { table.last_said()? } else { None };
                    let arrival = Arrival { events, known, here, aliases: &aliases, customer, line, last_said };
                    let mut output = conversation.apply(&Input::Accept(arrival), context);
                    Ok(((output.answer.clone(), core::mem::take(&mut output.tally)), output))
                })
                .await?;
            match answer {
                Answer::Accepted { new, duplicates } => {
                    self.count_meanwhile(line.as_ref(), tally);
                    return Ok((Reply::Accepted { new, duplicates }, jobs));
                }
                Answer::Moved { to, known } => return Ok((Reply::Moved { to, known }, jobs)),
                Answer::LinkFirst(other) => {
                    // Linking may take over entries, and so bring attempts of its own.
                    let jobs = self.ask_to_link(&other).await?;
                    self.deliver_meanwhile(jobs);
                }
                Answer::LinkVia(other) => {
                    if let Some(third) = self.link_via(&other, customer).await? {
                        aliases.retain(|alias| *alias != other);
                        aliases.push(third);
                    }
                }
                Answer::Operated(_) | Answer::Replayed(_) | Answer::Send(_) => {
                    return Err(Failure::Runtime(calls::lost()));
                }
            }
        }
        Err(Failure::Runtime(worker::Error::RustError("the customer's names could not be linked".to_owned())))
    }

    /// As [`Inner::transact`], where the conversation lives here; else the answer is where it does.
    pub(super) async fn at_home(
        &self,
        work: impl FnOnce(&mut Core, &Table<'_, ObjectSql>, Context<'_>) -> Result<(Reply, Output), StoreError>,
    ) -> Result<(Reply, Jobs), Failure> {
        self.transact(&[], |conversation, table, context| match &conversation.place {
            Place::Elsewhere(to) => Ok((Reply::Moved { to: to.clone(), known: Vec::new() }, Output::default())),
            Place::Home(_) => work(conversation, table, context),
        })
        .await
    }

    async fn wake(&self) -> Result<Jobs, Failure> {
        if !schema::exists(&self.sql)? {
            return Ok(Jobs::new());
        }
        let ((), jobs) = self
            .transact(&[], |conversation, table, context| {
                let oldest = if conversation.forgets_at(context.now) { table.oldest()? } else { None };
                Ok(((), conversation.apply(&Input::Wake { oldest }, context)))
            })
            .await?;
        Ok(jobs)
    }

    /// Applies an input that needs nothing from storage but the conversation; what is due then.
    async fn apply(&self, input: &Input<'_>) -> Result<Jobs, Failure> {
        let applied = self.transact(&[], |conversation, _, context| Ok(((), conversation.apply(input, context))));
        applied.await.map(|((), jobs)| jobs)
    }

    /// Load, apply, save, set the alarm: the one way in which a conversation changes.
    pub(super) async fn transact<T>(
        &self,
        bodies: &[Option<&str>],
        work: impl FnOnce(&mut Core, &Table<'_, ObjectSql>, Context<'_>) -> Result<(T, Output), StoreError>,
    ) -> Result<(T, Jobs), Failure> {
        let (mut work, mut answer) = (Some(work), None);
        let mut once = |conversation: &mut Core, table: &Table<'_, ObjectSql>, context: Context<'_>| {
            let Some(work) = work.take() else { return Ok(Output::default()) };
            let (given, output) = work(conversation, table, context)?;
            answer = Some(given);
            Ok(output)
        };
        let jobs = self.transact_all(bodies, &mut once).await?;
        answer.map(|answer| (answer, jobs)).ok_or_else(|| Failure::Runtime(calls::lost()))
    }

    /// As [`Inner::transact`], in one form for all answers: each further one would be another few KB of the Worker.
    async fn transact_all(&self, bodies: &[Option<&str>], work: &mut Work<'_>) -> Result<Jobs, Failure> {
        let (_, policy) = self.configuration().await?;
        let alarm = self.known_alarm().await?;
        let context = Context { now: clock::now(), policy: &policy, draw: clock::draw() };
        // No await from here to the alarm.
        let done = match self.kept.take() {
            Some(conversation) => self.change(conversation, bodies, context, work),
            // The first use may bring the table up to date, which is undone with all the rest.
            None => self.sql.transaction(|| {
                let table = Table::open(&self.sql, self.is_migrated.get())?;
                self.change(table.load(self.last_seq.get())?, bodies, context, work)
            }),
        }?;
        self.is_migrated.set(done.exists);
        self.last_seq.set(Some(done.conversation.last_seq));
        if done.exists && done.conversation.entries() <= KEPT_ENTRIES_MAX {
            self.kept.replace(Some(done.conversation));
        }
        self.tell(&done.output);
        self.write_points(&done.output, context);
        self.keep(done.report);
        // An alarm that rings too early costs one wake-up; one that is set anew each time costs a row each time.
        let overdue = |set: UnixMillis| set.after(ALARM_OVERDUE) < context.now;
        let rings_in_time = |at| matches!(alarm, Alarm::At(set) if set <= at && !overdue(set));
        if let Some(at) = done.output.wake_at.filter(|at| !rings_in_time(*at)) {
            self.set_alarm(at).await.map_err(Failure::Runtime)?;
        }
        Ok(done.jobs)
    }

    /// Applies what is to be done and writes what it says, all or nothing.
    fn change(
        &self,
        mut conversation: Core,
        bodies: &[Option<&str>],
        context: Context<'_>,
        work: &mut Work<'_>,
    ) -> Result<Done, StoreError> {
        let mut table = Table::open(&self.sql, self.is_migrated.get())?;
        let output = work(&mut conversation, &table, context)?;
        if output.rewrites() {
            self.sql.transaction(|| table.save(&conversation, &output, bodies))?;
        } else {
            table.save(&conversation, &output, bodies)?;
        }
        let jobs = store::jobs(&self.sql, &output, bodies)?;
        let report = self.report_of(&conversation, &table, &output, context)?;
        Ok(Done { report, jobs, output, exists: table.exists(), conversation })
    }

    /// Delivers what is due while the caller already has its answer.
    pub(super) fn deliver_meanwhile(self: &Rc<Self>, jobs: Jobs) {
        self.report_meanwhile(jobs.is_empty());
        if !jobs.is_empty() {
            let inner = Rc::clone(self);
            meanwhile(async move {
                inner.deliver(jobs).await;
                inner.report_meanwhile(true);
            });
        }
    }

    /// Makes attempts, and those that become due when they end, until none is due.
    async fn deliver(&self, jobs: Jobs) {
        until_none_is_left(jobs, |job| self.attempt(job)).await;
    }

    /// Makes one attempt and records its end; what is due then.
    async fn attempt(&self, (attempt, body): Job) -> Jobs {
        let Ok((settings, _)) = self.configuration().await else { return Jobs::new() };
        let outcome = match body {
            Some(body) => bot::send(&settings, &self.name, &attempt, &body).await,
            None => Outcome::Unsendable,
        };
        if uses::is_due() {
            meanwhile(uses::tell(self.env.clone()));
        }
        if let Some(reason) = outcome.reason() {
            let conversation = self.name.public_id();
            let trace = Trace::of(&self.name, &attempt.id);
            let (trace, attempt) = (trace.as_str(), attempt.number.number());
            log(&Occurrence::AttemptFailed { conversation: &conversation, trace, attempt, reason });
        }
        // Where this fails, the alarm that was set with the attempt takes it from here.
        let finished = self.apply(&Input::Finish { id: &attempt.id, number: attempt.number, outcome }).await;
        finished.inspect_err(Failure::log).unwrap_or_default()
    }

    pub(super) async fn configuration(&self) -> Result<(Rc<Settings>, Rc<Policy>), Failure> {
        let settings = env::settings(&self.env).map_err(|_| Failure::NotConfigured)?;
        let line = settings.line_of(&self.name);
        let policy = inforce::policy(&self.env, &settings, line.as_ref(), clock::now()).await;
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

    /// Whether the table is known to be up to date.
    pub(super) fn is_migrated(&self) -> bool {
        self.is_migrated.get()
    }

    /// Empties the object's storage, and forgets what was known of it.
    pub(super) async fn empty(&self) -> Result<(), Failure> {
        let storage = self.state.storage();
        self.kept.take();
        storage.delete_alarm().await.map_err(Failure::Runtime)?;
        storage.delete_all().await.map_err(Failure::Runtime)?;
        // Only now: an event that came while this waited has looked at what is gone.
        self.erasures.set(self.erasures.get().wrapping_add(1));
        self.is_migrated.set(false);
        self.kept.take();
        self.last_seq.set(None);
        self.alarm.set(None);
        self.pending.erase();
        Ok(())
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
    pub(super) fn log(&self) {
        match self {
            Self::NotConfigured => log(&Occurrence::SettingsMissing { count: 1 }),
            Self::Runtime(error) => log(&Occurrence::NotStored { error }),
            Self::Store(error) => log(&Occurrence::StoreFailed { error }),
        }
    }
}
