//! Settings from the environment, and texts of KV.
//!
//! Invariant: a request sees complete settings or none. They are read once per isolate, because the environment of a
//! deployment does not change while it runs.
//!
//! Not here: which policy is in force (`inforce`).

use std::cell::RefCell;
use std::rc::Rc;

use worker::js_sys::{JSON, Promise, Reflect};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, Request};

use super::head::Head;
use super::jurisdiction;
use super::log::{Occurrence, log};
use crate::address::Address;
use crate::problem::Problem;
use crate::settings::{Settings, SettingsError};

/// The class of conversations.
pub(super) const CONVERSATION: &str = "CONVERSATION";
/// The KV namespace for configuration that changes without a deployment.
pub(super) const CONFIG: &str = "CONFIG";

#[wasm_bindgen]
extern "C" {
    /// A KV namespace, as far as it is used here: what the crate has for it is a hundredth of the compressed Worker.
    type Namespace;

    #[wasm_bindgen(method, catch)]
    fn get(this: &Namespace, key: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn put(this: &Namespace, key: &str, text: &str) -> Result<Promise, JsValue>;
}

thread_local! {
    /// The gate's own address that was last found to be none of its bots'.
    static GATE: RefCell<String> = const { RefCell::new(String::new()) };
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
pub(super) fn configured(head: &Head, env: &Env) -> Result<Rc<Settings>, Problem> {
    let settings = settings(env).map_err(Problem::NotConfigured)?;
    let origin = head.origin();
    if GATE.with_borrow(|known| known != origin) {
        let own = Address::parse(origin).map_err(|_| Problem::NotFound)?;
        settings.differ_from(&own).map_err(Problem::NotConfigured)?;
        GATE.set(origin.to_owned());
    }
    Ok(settings)
}

/// The address that was asked.
pub(super) fn address(request: &Request) -> Result<Address, Problem> {
    Address::parse(&request.inner().url()).map_err(|_| Problem::NotFound)
}

/// Whether there is a namespace to put a policy into.
pub(super) fn has_config(env: &Env) -> bool {
    config(env).is_some()
}

/// The text under a key of the namespace; `None` where there is neither.
pub(super) async fn kv_text(env: &Env, key: &str) -> Result<Option<String>, ()> {
    let Some(config) = config(env) else { return Ok(None) };
    let text = JsFuture::from(config.get(key).map_err(|_| ())?).await.map_err(|_| ())?;
    Ok(text.as_string())
}

/// Puts a text under a key of the namespace.
pub(super) async fn kv_put(env: &Env, key: &str, document: &str) -> Result<(), ()> {
    let put = config(env).ok_or(())?.put(key, document).map_err(|_| ())?;
    JsFuture::from(put).await.map(|_| ()).map_err(|_| ())
}

fn config(env: &Env) -> Option<Namespace> {
    let found = Reflect::get(env, &JsValue::from_str(CONFIG)).ok()?;
    (!found.is_undefined()).then(|| found.unchecked_into())
}

/// The text of a secret or a variable; a variable that is a table is given as JSON.
pub(super) fn read(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value.as_string().or_else(|| JSON::stringify(&value).ok()?.as_string())
}
