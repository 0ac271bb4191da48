//! The Durable Object of a line's desk, or of one part of it: what the operator looks at. The same class, under another
//! name, knows which lines there are.
//!
//! Invariant: nothing waits for it but the operator. Conversations report to it after they have answered
//! (`edge::report`), and a report that does not arrive is made good by the next.
//!
//! The live streams hibernate: an object with a page open and nothing to tell is not in memory and costs nothing.

use core::cell::Cell;

use serde::Serialize;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{DurableObject, Env, Request, Response, State, WebSocketPair, durable_object};

use super::log::{Occurrence, log};
use super::sql::ObjectSql;
use super::{alerts, calls, clock, desks, env, meanwhile};
use crate::command::Command;
use crate::desk::ask::{self, Ask};
use crate::desk::report::Report;
use crate::desk::statistics::Span;
use crate::ids::{LineId, ObjectName};
use crate::json;
use crate::limits::{ALARM_OVERDUE, SWEEP_EVERY};
use crate::store::desk::intake::{self, Taken};
use crate::store::desk::lists::{self, Filter};
use crate::store::desk::{self as tables, counts, incidents};
use crate::store::{Sql, StoreError, erase};
use crate::time::{Millis, UnixMillis};

/// What a stream is asked now and then, so that both sides know that it is there; answered without waking the object.
const PING: &str = "ping";
const PONG: &str = "pong";

/// One part of a line's desk, or the object that knows all lines.
#[durable_object(alarm)]
pub struct Desk {
    env: Env,
    sql: ObjectSql,
    state: State,
    /// The line and the number of this part; `None` of the object that knows all lines.
    part: Option<(LineId, u32)>,
    /// When the alarm rings; `None` while that is not known.
    alarm: Cell<Option<UnixMillis>>,
    /// Whether the tables are known to be up to date.
    is_migrated: Cell<bool>,
}

impl DurableObject for Desk {
    fn new(state: State, env: Env) -> Self {
        let name = state.id().name().map(ObjectName::from_runtime);
        let part = name.as_ref().and_then(ask::part_of);
        let sql = ObjectSql::new(&state.storage());
        if let Ok(pair) = worker::worker_sys::WebSocketRequestResponsePair::new(PING, PONG) {
            state.set_websocket_auto_response(&pair);
        }
        Self { env, sql, state, part, alarm: Cell::new(None), is_migrated: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        if request.headers().get("upgrade")?.is_some() {
            return self.open_stream(&request);
        }
        // The version before asks by `fetch` while a deployment is under way.
        match self.ask(request.text().await?).await {
            Some(answer) => Response::ok(answer),
            None => Ok(Response::empty()?.with_status(500)),
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.alarm.set(None);
        let now = clock::now();
        let Some((line, shard)) = &self.part else { return Response::empty() };
        if let Err(error) = self.open() {
            // What a newer version wrote waits for that version.
            log(&Occurrence::StoreFailed { error: &error });
            self.wake_at(now.after(SWEEP_EVERY)).await?;
            return Response::empty();
        }
        self.tell(line, now).await;
        self.sweep(now).await;
        // Once more, should it have been lost the first time.
        if ask::registers_again(&ask::desk(line, *shard), now) {
            self.register(line);
        }
        let next = incidents::next_due(&self.sql).ok().flatten();
        self.wake_at(next.unwrap_or(UnixMillis::new(u64::MAX)).min(now.after(SWEEP_EVERY))).await?;
        Response::empty()
    }
}

#[wasm_bindgen(wasm_bindgen_futures = ::worker::wasm_bindgen_futures, js_sys = ::worker::js_sys)]
impl Desk {
    /// The answer to what is asked; nothing where it failed.
    pub async fn ask(&self, text: String) -> Option<String> {
        let asked = json::read::<Ask>(&text).ok()?;
        self.answer(asked).await.inspect_err(|error| log(&Occurrence::StoreFailed { error })).ok()
    }
}

impl Desk {
    /// Brings the tables up to date, once each time that the object has woken.
    fn open(&self) -> Result<(), StoreError> {
        if !self.is_migrated.get() {
            self.sql.transaction(|| tables::open(&self.sql))?;
            self.is_migrated.set(true);
        }
        Ok(())
    }

    async fn answer(&self, asked: Ask) -> Result<String, StoreError> {
        self.open()?;
        let sql = &self.sql;
        match asked {
            Ask::Alerts => written(&incidents::last(sql, self.line())?),
            Ask::Collisions { since_ms, outcome, after, limit } => {
                written(&lists::collisions(sql, since_ms, outcome.as_deref(), &after, limit)?)
            }
            Ask::Conversations { holder, waiting, dead, search, after, limit } => {
                let holder = holder.map(|holder| if holder == "human" { "human" } else { "automation" });
                written(&lists::conversations(sql, &Filter { holder, waiting, dead, search }, &after, limit)?)
            }
            Ask::Counts { span } => {
                let span = match span.as_str() {
                    "hour" => Span::Hour,
                    "month" => Span::Month,
                    _ => Span::Day,
                };
                written(&counts::over(sql, span, clock::now())?)
            }
            Ask::DeadLetters { since_ms, after, limit } => written(&lists::dead_letters(sql, since_ms, &after, limit)?),
            Ask::Forget { ids, only_look } => self.forget(&ids, only_look),
            Ask::Lines => written(&tables::lines(sql)?),
            Ask::Observed { since_ms } => written(&counts::observed(sql, since_ms, clock::now())?),
            Ask::Register { line } => {
                sql.transaction(|| tables::register(sql, line.as_str()))?;
                Ok("null".to_owned())
            }
            Ask::Report(report) => self.take_in(&[*report]).await.map(|()| "null".to_owned()),
            Ask::Reports(reports) => self.take_in(&reports).await.map(|()| "null".to_owned()),
            Ask::Standing => written(&lists::standing(sql)?),
            Ask::Totals => written(&counts::totals(sql)?),
        }
    }

    /// Forgets conversations, or only counts what there is of them.
    fn forget(&self, ids: &[String], only_look: bool) -> Result<String, StoreError> {
        let sql = &self.sql;
        let found = sql.transaction(|| {
            let mut found = [0; 4];
            for id in ids {
                erase::in_desk(sql, id, &mut found)?;
                if !only_look {
                    intake::forget(sql, id)?;
                }
            }
            Ok(found)
        })?;
        if !only_look {
            for id in ids {
                self.push(&gone(id));
            }
        }
        let [conversations, dead, collisions, alerts] = found;
        Ok(format!("[{conversations},{dead},{collisions},{alerts}]"))
    }

    async fn take_in(&self, reports: &[Report]) -> Result<(), StoreError> {
        let Some((line, shard)) = &self.part else { return Ok(()) };
        let now = clock::now();
        let taken = self.sql.transaction(|| intake::reports(&self.sql, line.as_str(), reports, *shard == 0, now))?;
        self.show(&taken);
        if taken.is_first {
            self.register(line);
        }
        let alarm = if taken.alerts.is_empty() { now.after(SWEEP_EVERY) } else { now };
        // Where this fails the object's storage is broken, and the next report finds it so.
        let _ = self.ring_by(alarm).await;
        Ok(())
    }

    /// Shows on all live streams what reports have brought.
    fn show(&self, taken: &Taken) {
        if self.state.get_websockets().is_empty() {
            return;
        }
        for conversation in &taken.conversations {
            self.push(&format!("{{\"type\":\"conversation\",\"conversation\":{conversation}}}"));
        }
        for id in &taken.gone {
            self.push(&gone(id));
        }
        for alert in &taken.alerts {
            self.push(&format!("{{\"type\":\"alert\",\"alert\":{}}}", alert.1.get()));
        }
    }

    fn push(&self, message: &str) {
        let now = clock::now().as_millis();
        for stream in self.state.get_websockets() {
            // The one tag of a stream says when the session ends in which it was opened.
            let until = self.state.get_tags(&stream).first().and_then(|tag| tag.parse::<u64>().ok());
            let sent = if until.is_some_and(|until| until <= now) {
                stream.close(Some(4_401), Some("the session has ended"))
            } else {
                stream.send_with_str(message)
            };
            // One that is gone says so by itself.
            let _ = sent;
        }
    }

    fn open_stream(&self, request: &Request) -> worker::Result<Response> {
        let until = request.headers().get(desks::SESSION_ENDS)?.unwrap_or_else(|| u64::MAX.to_string());
        let pair = WebSocketPair::new()?;
        self.state.accept_websocket_with_tags(&pair.server, &[until.as_str()]);
        Response::from_websocket(pair.client)
    }

    /// Tells the object that knows all lines of this one, while the caller already has its answer.
    fn register(&self, line: &LineId) {
        let (env, line) = (self.env.clone(), line.clone());
        meanwhile(async move {
            let _ = desks::put(&env, &ask::directory(), &Ask::Register { line }).await;
        });
    }

    /// Tells the owner what is to be told by now.
    async fn tell(&self, line: &LineId, now: UnixMillis) {
        let Ok(due) = incidents::due(&self.sql, line.as_str(), now) else { return };
        let Ok(settings) = env::settings(&self.env) else { return };
        for due in due {
            let told = alerts::send(&settings, &due).await;
            if let Err(error) = incidents::told(&self.sql, &due, told, clock::now()) {
                log(&Occurrence::StoreFailed { error: &error });
            }
        }
    }

    /// Wakes conversations whose alarm should have rung long ago. They do what is due, set it anew, and report.
    async fn sweep(&self, now: UnixMillis) {
        for name in lists::overdue(&self.sql, now.before(ALARM_OVERDUE)).unwrap_or_default() {
            let woken = calls::ask(&self.env, ObjectName::from_runtime(name), &Command::Wake).await;
            let _ = woken.inspect_err(|error| log(&Occurrence::NotStored { error }));
        }
    }

    /// Makes sure that the alarm rings by then.
    async fn ring_by(&self, at: UnixMillis) -> worker::Result<()> {
        if self.alarm.get().is_none() {
            let set = self.state.storage().get_alarm().await?;
            self.alarm.set(set.and_then(|at| u64::try_from(at).ok()).map(UnixMillis::new));
        }
        match self.alarm.get() {
            Some(set) if set <= at => Ok(()),
            Some(_) | None => self.wake_at(at).await,
        }
    }

    async fn wake_at(&self, at: UnixMillis) -> worker::Result<()> {
        self.alarm.set(Some(at));
        let offset = at.since(clock::now()).max(Millis::default());
        self.state.storage().set_alarm(i64::try_from(offset.as_millis()).unwrap_or(i64::MAX)).await
    }

    fn line(&self) -> &str {
        self.part.as_ref().map(|(line, _)| line.as_str()).unwrap_or_default()
    }
}

fn gone(id: &str) -> String {
    format!("{{\"type\":\"gone\",\"conversation\":\"{id}\"}}")
}

fn written(value: &impl Serialize) -> Result<String, StoreError> {
    json::write(value).map_err(|_| StoreError::Corrupt("an answer of the desk"))
}
