//! Settings and policy, from the environment and from KV.
//!
//! Invariant: a request sees complete settings or none. They are read once per isolate, because the
//! environment of a deployment does not change while it runs. The policy may change in KV at any time: it is
//! read again after a while, and a document with a mistake leaves the last good one in force, also for an isolate
//! that begins only then.

use std::cell::RefCell;
use std::rc::Rc;

use worker::js_sys::{JSON, Reflect};
use worker::wasm_bindgen::JsValue;
use worker::{Env, Request};

use super::log::{Occurrence, log};
use crate::limits::POLICY_FRESH_FOR;
use crate::policy::Policy;
use crate::problem::Problem;
use crate::settings::{Settings, SettingsError};
use crate::time::UnixMillis;

/// The KV namespace for configuration that changes without a deployment, and the key of the policy in it.
pub(super) const CONFIG: &str = "CONFIG";
const POLICY_KEY: &str = "policy";

/// The key under which the gate itself keeps the last document that was a policy.
const LAST_GOOD_KEY: &str = "policy.last_good";

/// The policy in force, the document in KV when it was taken in, and when that was read.
#[derive(Clone)]
struct Known {
    document: Option<String>,
    policy: Rc<Policy>,
    read_at: UnixMillis,
}

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
    static POLICY: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// The settings of this deployment.
pub(super) fn settings(env: &Env) -> Result<Rc<Settings>, Vec<SettingsError>> {
    if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
        return Ok(settings);
    }
    let settings = Rc::new(Settings::read(|name| read(env, name)).inspect_err(|errors| {
        log(&Occurrence::SettingsMissing { count: errors.len() });
    })?);
    SETTINGS.set(Some(Rc::clone(&settings)));
    Ok(settings)
}

/// The settings; a gate one of whose bots is itself counts as not configured.
pub(super) fn configured(request: &Request, env: &Env) -> Result<Rc<Settings>, Problem> {
    let settings = settings(env).map_err(Problem::NotConfigured)?;
    let own = request.url().map_err(|_| Problem::NotFound)?;
    settings.differ_from(&own).map_err(Problem::NotConfigured)?;
    Ok(settings)
}

/// The policy in force at `now`.
pub(super) async fn policy(env: &Env, settings: &Settings, now: UnixMillis) -> Rc<Policy> {
    let known = POLICY.with_borrow(Clone::clone);
    if let Some(known) = known.as_ref().filter(|known| now < known.read_at.after(POLICY_FRESH_FOR)) {
        return Rc::clone(&known.policy);
    }
    let known = known.map(|known| (known.document, known.policy));
    let (document, policy) = match kv_text(env, POLICY_KEY).await {
        Ok(document) => match known {
            Some(known) if known.0 == document => known,
            known => {
                let policy = take_in(env, settings, document.as_deref(), known).await;
                (document, policy)
            }
        },
        // KV is out of reach; the next request but a few will ask again.
        Err(()) => known.unwrap_or_else(|| (None, Rc::new(settings.policy.clone()))),
    };
    POLICY.set(Some(Known { document, policy: Rc::clone(&policy), read_at: now }));
    policy
}

/// Whether there is a namespace to put a policy into.
pub(super) fn has_config(env: &Env) -> bool {
    env.kv(CONFIG).is_ok()
}

/// The document in KV.
pub(super) async fn held(env: &Env) -> Result<Option<String>, ()> {
    kv_text(env, POLICY_KEY).await
}

/// The last document in KV that was a policy.
pub(super) async fn last_good(env: &Env) -> Option<String> {
    kv_text(env, LAST_GOOD_KEY).await.ok().flatten()
}

/// The document of the deployment.
pub(super) fn of_deployment(env: &Env) -> String {
    let document = read(env, "BATON_POLICY").filter(|text| !text.trim().is_empty());
    document.unwrap_or_else(|| "{}".to_owned())
}

/// Puts a good document into KV.
pub(super) async fn publish(env: &Env, document: &str) -> Result<(), ()> {
    put(env, POLICY_KEY, document).await?;
    // The isolates that meet it do the same, so nothing is lost where this fails.
    let _ = put(env, LAST_GOOD_KEY, document).await;
    Ok(())
}

/// Takes a document that has just gone into KV for what is there: KV itself may still show what was there before.
pub(super) fn adopt(document: &str, policy: Policy, now: UnixMillis) {
    POLICY.set(Some(Known { document: Some(document.to_owned()), policy: Rc::new(policy), read_at: now }));
}

/// Forgets which document this isolate has read, and asks KV before the next is used.
pub(super) fn forget() {
    POLICY.set(None);
}

/// The policy of a document that this isolate has not met: its own, or where it has a mistake the last good one. That
/// one is in memory, or in KV for an isolate that has just begun.
async fn take_in(
    env: &Env,
    settings: &Settings,
    document: Option<&str>,
    known: Option<(Option<String>, Rc<Policy>)>,
) -> Rc<Policy> {
    let of_deployment = || Rc::new(settings.policy.clone());
    let parse = |document: &str| Policy::parse(document, &settings.bot_names());
    let Some(document) = document else { return of_deployment() };
    match parse(document) {
        Ok(policy) => {
            // For the day on which a bad one follows it. Where this fails, an isolate that begins on that day takes the
            // policy of the deployment.
            if kv_text(env, LAST_GOOD_KEY).await.is_ok_and(|last| last.as_deref() != Some(document)) {
                let _ = put(env, LAST_GOOD_KEY, document).await;
            }
            Rc::new(policy)
        }
        Err(mistakes) => {
            let first = mistakes.first().map(|mistake| mistake.path.as_str()).unwrap_or_default();
            log(&Occurrence::PolicyRefused { mistakes: mistakes.len(), first });
            if let Some((_, policy)) = known {
                return policy;
            }
            last_good(env).await.and_then(|document| parse(&document).ok()).map_or_else(of_deployment, Rc::new)
        }
    }
}

/// The text under a key of the namespace; `None` where there is neither.
async fn kv_text(env: &Env, key: &str) -> Result<Option<String>, ()> {
    let Ok(kv) = env.kv(CONFIG) else { return Ok(None) };
    kv.get(key).text().await.map_err(|_| ())
}

async fn put(env: &Env, key: &str, document: &str) -> Result<(), ()> {
    let put = env.kv(CONFIG).map_err(|_| ())?.put(key, document).map_err(|_| ())?;
    put.execute().await.map_err(|_| ())
}

/// The text of a secret or a variable; a variable that is a table is given as JSON.
fn read(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value.as_string().or_else(|| JSON::stringify(&value).ok()?.as_string())
}
