//! The classes of Durable Objects, in the jurisdiction that they are kept in.
//!
//! Invariant: this is the only way to an object, so with `JURISDICTION` set none is made outside of it. Where the runtime
//! cannot keep objects there the gate counts as not configured, says so to everybody, and stores nothing: an object in
//! another place than the owner has promised would be worse than a delivery that Meta sends again.
//!
//! Not here: what a jurisdiction is to the runtime (`jurisdiction`).

use worker::{Env, Error, ObjectNamespace, Result};

use super::{env, jurisdiction};

/// The class of this binding.
pub(super) fn class(env: &Env, binding: &str) -> Result<ObjectNamespace> {
    let class = env.durable_object(binding)?;
    let settings = env::settings(env).map_err(|_| Error::RustError("the deployment lacks settings".to_owned()))?;
    match settings.jurisdiction {
        Some(place) => jurisdiction::within(&class, place),
        None => Ok(class),
    }
}
