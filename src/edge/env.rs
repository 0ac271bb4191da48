//! Settings from the environment, and texts of KV.
//!
//! Invariant: a request sees complete settings or none. They are read once per isolate, because the environment of a
//! deployment does not change while it runs.
//!
//! Not here: which policy is in force (`inforce`).

use std::cell::RefCell;
use std::rc::Rc;

use worker::js_sys::{JSON, Reflect};
use worker::wasm_bindgen::JsValue;
use worker::{Env, Request};

use super::jurisdiction;
use super::log::{Occurrence, log};
use crate::problem::Problem;
use crate::settings::{Settings, SettingsError};

/// The class of conversations.
pub(super) const CONVERSATION: &str = "CONVERSATION";
/// The KV namespace for configuration that changes without a deployment.
pub(super) const CONFIG: &str = "CONFIG";

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// The settings of this deployment.
pub(super) fn settings(env: &Env) -> Result<Rc<Settings>, Vec<SettingsError>> {
    if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
        return Ok(settings);
    }
    let settings = Rc::new(Settings::read(|name| read(env, name)).inspect_err(|errors| {
        log(&Occurrence::SettingsMissing { count: errors.len() });
    })?);
    if !jurisdiction::can_be_kept(env, CONVERSATION, settings.jurisdiction) {
        log(&Occurrence::SettingsMissing { count: 1 });
        return Err(vec![SettingsError::JurisdictionUnknown]);
    }
    for error in &settings.degraded {
        log(&Occurrence::SettingsDegraded { error });
    }
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

/// Whether there is a namespace to put a policy into.
pub(super) fn has_config(env: &Env) -> bool {
    env.kv(CONFIG).is_ok()
}

/// The text under a key of the namespace; `None` where there is neither.
pub(super) async fn kv_text(env: &Env, key: &str) -> Result<Option<String>, ()> {
    let Ok(kv) = env.kv(CONFIG) else { return Ok(None) };
    kv.get(key).text().await.map_err(|_| ())
}

/// Puts a text under a key of the namespace.
pub(super) async fn kv_put(env: &Env, key: &str, document: &str) -> Result<(), ()> {
    let put = env.kv(CONFIG).map_err(|_| ())?.put(key, document).map_err(|_| ())?;
    put.execute().await.map_err(|_| ())
}

/// The text of a secret or a variable; a variable that is a table is given as JSON.
pub(super) fn read(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value.as_string().or_else(|| JSON::stringify(&value).ok()?.as_string())
}
