//! Settings and policy, from the environment and from KV.
//!
//! Invariant: a request sees complete settings or none. They are read once per isolate, because the
//! environment of a deployment does not change while it runs. The policy may change in KV at any time: it is
//! read again after a while, and a document with a mistake leaves the last good one in force.

use std::cell::RefCell;
use std::rc::Rc;

use worker::Env;
use worker::js_sys::{JSON, Reflect};
use worker::wasm_bindgen::JsValue;

use super::log::{Occurrence, log};
use crate::limits::POLICY_FRESH_FOR;
use crate::policy::Policy;
use crate::settings::{Settings, SettingsError};
use crate::time::UnixMillis;

/// The KV namespace for configuration that changes without a deployment, and the key of the policy in it.
const CONFIG: &str = "CONFIG";
const POLICY_KEY: &str = "policy";

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
    static POLICY: RefCell<Option<(Rc<Policy>, UnixMillis)>> = const { RefCell::new(None) };
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

/// The policy in force at `now`.
pub(super) async fn policy(env: &Env, settings: &Settings, now: UnixMillis) -> Rc<Policy> {
    let known = POLICY.with_borrow(Clone::clone);
    if let Some((policy, read_at)) = &known
        && now < read_at.after(POLICY_FRESH_FOR)
    {
        return Rc::clone(policy);
    }
    let last_good = || known.map_or_else(|| Rc::new(settings.policy.clone()), |(policy, _)| policy);
    let policy = match document(env).await {
        Ok(None) => Rc::new(settings.policy.clone()),
        Ok(Some(document)) => match Policy::parse(&document) {
            Ok(policy) => Rc::new(policy),
            Err(mistakes) => {
                let first = mistakes.first().map(|mistake| mistake.path.as_str()).unwrap_or_default();
                log(&Occurrence::PolicyRefused { mistakes: mistakes.len(), first });
                last_good()
            }
        },
        // KV is out of reach; the next request but a few will ask again.
        Err(()) => last_good(),
    };
    POLICY.set(Some((Rc::clone(&policy), now)));
    policy
}

async fn document(env: &Env) -> Result<Option<String>, ()> {
    let Ok(kv) = env.kv(CONFIG) else { return Ok(None) };
    kv.get(POLICY_KEY).text().await.map_err(|_| ())
}

/// The text of a secret or a variable; a variable that is a table is given as JSON.
fn read(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value.as_string().or_else(|| JSON::stringify(&value).ok()?.as_string())
}
