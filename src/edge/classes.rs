//! The classes of Durable Objects, in the jurisdiction that they are kept in.
//!
//! Invariant: this is the only way to an object, so with `JURISDICTION` set none is made outside of it. Where the runtime
//! cannot keep objects there the gate counts as not configured, says so to everybody, and stores nothing: an object in
//! another place than the owner has promised would be worse than a delivery that Meta sends again.
//!
//! An object of a jurisdiction is another object than the one of the same name without it (Cloudflare, "Data location",
//! 2026). The crate does not bind the call, so it is made through `Reflect`.

use worker::js_sys::{Function, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Error, ObjectNamespace, Result};

use super::calls::CONVERSATION;
use super::env;

/// The class of this binding.
pub(super) fn class(env: &Env, binding: &str) -> Result<ObjectNamespace> {
    let class = env.durable_object(binding)?;
    let settings = env::settings(env).map_err(|_| Error::RustError("the deployment lacks settings".to_owned()))?;
    match settings.jurisdiction {
        Some(jurisdiction) => within(&class, jurisdiction),
        None => Ok(class),
    }
}

/// Whether this runtime keeps objects in this jurisdiction.
pub(super) fn can_be_kept(env: &Env, jurisdiction: Option<&'static str>) -> bool {
    let Some(jurisdiction) = jurisdiction else { return true };
    // Which class it is does not matter; without any, that is what has to be told.
    env.durable_object(CONVERSATION).is_ok_and(|class| within(&class, jurisdiction).is_ok())
}

/// The same class, restricted to a jurisdiction.
fn within(class: &ObjectNamespace, jurisdiction: &str) -> Result<ObjectNamespace> {
    let class: &JsValue = class.as_ref();
    let restrict: Function = Reflect::get(class, &JsValue::from_str("jurisdiction"))?.dyn_into()?;
    let restricted = restrict.call1(class, &JsValue::from_str(jurisdiction))?;
    Ok(ObjectNamespace::unchecked_from_js(restricted))
}
