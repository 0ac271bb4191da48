//! The classes of Durable Objects, in the jurisdiction that they are kept in.
//!
//! Invariant: this is the only way to an object, so with `JURISDICTION` set none is made outside of it. Where the runtime
//! cannot keep objects there the gate counts as not configured, says so to everybody, and stores nothing: an object in
//! another place than the owner has promised would be worse than a delivery that Meta sends again.
//!
//! Not here: what a jurisdiction is to the runtime (`jurisdiction`).

use std::cell::RefCell;
use std::rc::Rc;

use worker::{Env, Error, ObjectNamespace, Result};

use super::{env, jurisdiction};

thread_local! {
    /// The classes by their bindings, which are the same for an isolate's whole life.
    static CLASSES: RefCell<Vec<(&'static str, Rc<ObjectNamespace>)>> = const { RefCell::new(Vec::new()) };
}

/// The class of this binding.
pub(super) fn class(env: &Env, binding: &'static str) -> Result<Rc<ObjectNamespace>> {
    let known =
        |all: &Vec<(&str, Rc<_>)>| all.iter().find(|(name, _)| *name == binding).map(|(_, class)| Rc::clone(class));
    if let Some(class) = CLASSES.with_borrow(known) {
        return Ok(class);
    }
    let class = env.durable_object(binding)?;
    let settings = env::settings(env).map_err(|_| Error::RustError("the deployment lacks settings".to_owned()))?;
    let class = Rc::new(match settings.jurisdiction {
        Some(place) => jurisdiction::within(&class, place)?,
        None => class,
    });
    CLASSES.with_borrow_mut(|all| all.push((binding, Rc::clone(&class))));
    Ok(class)
}
