//! Classes of objects that are kept in one jurisdiction.
//!
//! Invariant: where the runtime cannot do it, it is an error, and never an object in another place.
//!
//! An object of a jurisdiction is another object than the one of the same name without it (Cloudflare, "Data location",
//! 2026). The crate does not bind the call, so it is made through `Reflect`.
//!
//! Not here: which jurisdiction the owner wants (`classes`).

use worker::js_sys::{Function, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, ObjectNamespace, Result};

/// Whether this runtime keeps the objects of a class in this jurisdiction.
pub(super) fn can_be_kept(env: &Env, binding: &str, jurisdiction: Option<&'static str>) -> bool {
    let Some(jurisdiction) = jurisdiction else { return true };
    // Without the class, that is what has to be told.
    env.durable_object(binding).is_ok_and(|class| within(&class, jurisdiction).is_ok())
}

/// The same class, restricted to a jurisdiction.
pub(super) fn within(class: &ObjectNamespace, jurisdiction: &str) -> Result<ObjectNamespace> {
    let class: &JsValue = class.as_ref();
    let restrict: Function = Reflect::get(class, &JsValue::from_str("jurisdiction"))?.dyn_into()?;
    let restricted = restrict.call1(class, &JsValue::from_str(jurisdiction))?;
    Ok(ObjectNamespace::unchecked_from_js(restricted))
}
