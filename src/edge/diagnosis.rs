//! How the gate is: its parts are tried, and the office is asked which secrets are in use.
//!
//! Invariant: nothing is written by it, and every try ends within [`DIAGNOSIS_TIMEOUT`]. A part that fails is told as
//! failed and keeps none of the others from being told.
//!
//! Not here: the document (`api::diagnosis`), a probe of a bot (`probe`).

use core::pin::Pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use serde_json::Value;
use worker::{Delay, Env, Response};

use super::{analytics, answer, calls, clock, desks, env, inforce, office, policies};
use crate::api::diagnosis::{Check, Diagnosis};
use crate::command::Command;
use crate::command::office::{Ask, Reply};
use crate::ids::{LineId, ObjectName};
use crate::limits::DIAGNOSIS_TIMEOUT;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::secret::rotating::InUse;
use crate::settings::Settings;
use crate::store::uses;

/// Whether a part does its work. Boxed, so that what bounds its time is there once for all of them.
type Tried<'t> = Pin<Box<dyn Future<Output = bool> + 't>>;

/// A conversation that nobody has: it is asked what it knows, which is nothing, and so writes nothing.
const NOBODY: &str = "diagnosis";

/// Says how the gate is.
pub(super) async fn show(env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let (mut uses, mut policy, mut lines) = (Value::Null, None, Vec::new());
    let mut known: Vec<LineId> = settings.lines.all().cloned().collect();
    let nobody = ObjectName::from_runtime(NOBODY.to_owned());
    let conversation = async { calls::call(env, &nobody, &Command::Show).await.is_ok() };
    let conversation = attempt("conversation", Box::pin(conversation)).await;
    let desk = async {
        let all = desks::known_lines(env, settings).await;
        all.map(|all| known = all).is_ok()
    };
    let desk = attempt("desk", Box::pin(desk)).await;
    let office = async {
        let Ok(Reply::Shown(shown)) = office::ask(env, &Ask::Uses).await else { return false };
        serde_json::from_str(&shown).map(|shown| uses = shown).is_ok()
    };
    let office = attempt("office", Box::pin(office)).await;
    let mut kv = attempt("kv", Box::pin(async { inforce::held(env, None).await.is_ok() })).await;
    if kv.ok && !env::has_config(env) {
        kv.detail =
            Some("there is no KV namespace CONFIG: the policy is the deployment's, and the desk cannot change it");
    }
    let state = async {
        policy = policies::state(env, &inforce::whose(env, settings, None, clock::now()).await).await.ok();
        true
    };
    attempt("policy", Box::pin(state)).await;
    let totals = async {
        for line in &known {
            let marks = desks::totals(env, settings, line).await.ok().map(|totals| totals.marks);
            lines.push((line.clone(), marks.and_then(|marks| marks.message.max(marks.echo))));
        }
        true
    };
    attempt("lines", Box::pin(totals)).await;
    // Those for which there was no time.
    for line in known.into_iter().skip(lines.len()) {
        lines.push((line, None));
    }
    let in_force = inforce::policy(env, settings, None, clock::now()).await;
    let diagnosis = Diagnosis {
        analytics: in_force.analytics && analytics::has_dataset(env),
        mode: in_force.mode,
        checks: vec![conversation, desk, office, kv],
        in_use: in_use(settings, &uses),
        lines,
        now: clock::now(),
        policy: policy.map(|state| (state.source, state.mistakes)),
        settings,
    };
    answer::raw(&diagnosis.json())
}

/// Tries a part, within the time that it has.
async fn attempt(name: &'static str, part: Tried<'_>) -> Check {
    let began = clock::now();
    let timeout = Delay::from(Duration::from_millis(DIAGNOSIS_TIMEOUT.as_millis()));
    let (ok, detail) = match select(part, timeout).await {
        Either::Left((true, _)) => (true, None),
        Either::Left((false, _)) => (false, Some("it answered with an error; the log says which")),
        Either::Right(_) => (false, Some("it did not answer within 5 seconds")),
    };
    Check { name, detail, ok, ms: clock::now().since(began).as_millis() }
}

/// Which of each secret's two is in use, in the order of the settings.
fn in_use(settings: &Settings, uses: &Value) -> Vec<InUse> {
    let of = |name: &str, secret: Option<&Secret>| uses::of(uses, name, &secret?.digest());
    let mut all = Vec::new();
    for named in settings.secrets() {
        let current = of(&named.name, named.secret.map(|secret| &secret.current));
        let previous = of(&named.name, named.secret.and_then(|secret| secret.previous.as_ref()));
        all.push(InUse::of(current, previous));
    }
    all
}
