//! The Worker's calls to objects, from one name of a customer to the next.
//!
//! Invariant: a call succeeded only where the object said so; everything else is an error, and an error on
//! the way of a delivery becomes a 500, which makes Meta send again.
//!
//! An object may answer that the conversation lives elsewhere. That answer is final within a few hops:
//! objects that point elsewhere do so for ever, and point at a home.

use worker::wasm_bindgen::JsValue;
use worker::{Env, Error, ObjectNamespace, Result};

use super::env::CONVERSATION;
use super::{classes, clock, homes, host, outbound};
use crate::command::{CarriedEvent, Command, Reply};
use crate::ids::{Customer, ObjectName};
use crate::json;
use crate::limits::HOPS_MAX;
use crate::settings::apps::App;
use crate::webhook::event::Event;

/// What is called by `fetch` wants an address; only the body says something.
const ADDRESS: &str = "https://object/";

/// Puts a command to an object and waits for its reply.
pub(super) async fn call(env: &Env, name: &ObjectName, command: &Command) -> Result<Reply> {
    let command = json::write(command)?;
    Ok(json::read(&put(env, CONVERSATION, name, &command).await?)?)
}

/// Puts a text to an object of a class and waits for its answer.
pub(super) async fn put(env: &Env, class: &'static str, name: &ObjectName, text: &str) -> Result<String> {
    let class = classes::class(env, class)?;
    match host::ask((*class).as_ref(), name.as_str(), text).await {
        Ok(answer) => Ok(answer),
        // A deployment is under way, and the object still runs the version before.
        Err(error) if host::is_older(&error) => post(&class, name.as_str(), text).await,
        Err(error) if error.is_undefined() => Err(Error::RustError("an object could not do it".to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// As [`put`], of an object that is asked by `fetch`.
async fn post(class: &ObjectNamespace, name: &str, text: &str) -> Result<String> {
    let request = outbound::request("POST", ADDRESS, None, Some(&JsValue::from_str(text)))?;
    let mut answer = class.get_by_name(name)?.fetch_with_request(request).await?;
    if answer.status_code() != 200 {
        return Err(Error::RustError(format!("an object answered {}", answer.status_code())));
    }
    answer.text().await
}

/// Where events go: an object, the other names of the customer, and the customer.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Address {
    pub(super) name: ObjectName,
    aliases: Vec<ObjectName>,
    customer: Option<Customer>,
}

impl Address {
    /// Where this event goes.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let (name, customer) = (event.scope.object_name(), event.scope.customer().cloned());
        Self { name, aliases: event.aliases(), customer }
    }

    /// Where what cannot be read goes: what an app of its own path has signed is kept by itself.
    pub(super) fn unreadable(app: Option<&App>) -> Self {
        let name = app.map_or_else(ObjectName::unaddressed, |app| ObjectName::unaddressed_of(&app.id));
        Self { name, aliases: Vec::new(), customer: None }
    }
}

/// Has events accepted by the object at this address, or by the one in which the conversation lives; which one
/// that is.
pub(super) async fn accept(env: &Env, to: Address, events: Vec<CarriedEvent>) -> Result<ObjectName> {
    let (Address { mut name, aliases, customer }, mut events) = (to, events);
    let mut signpost: Option<ObjectName> = None;
    for _ in 0..HOPS_MAX {
        // Under the home's own name there is nothing left to link. The object that has just pointed here is one of the
        // customer's names, and comes first: what it hands over may not have arrived here yet.
        let others = signpost.iter().chain(&aliases);
        let aliases = others.filter(|alias| **alias != name).cloned().collect();
        let command = Command::Accept { events, aliases, customer: customer.clone() };
        let reply = call(env, &name, &command).await?;
        let Command::Accept { events: sent, aliases: linked, .. } = command else { return Err(lost()) };
        match reply {
            Reply::Accepted { .. } => {
                let now = clock::now();
                for alias in &linked {
                    homes::remember(alias, &name, now);
                }
                return Ok(name);
            }
            Reply::Moved { to, known } => {
                let is_new = |at: &usize| !known.contains(at);
                events = (0..).zip(sent).filter(|(at, _)| is_new(at)).map(|(_, event)| event).collect();
                if events.is_empty() {
                    return Ok(name);
                }
                signpost = Some(core::mem::replace(&mut name, to));
            }
            Reply::Erased(_)
            | Reply::Finished
            | Reply::Linked(_)
            | Reply::Read { .. }
            | Reply::Replayed(_)
            | Reply::Send(_)
            | Reply::Shown(_) => return Err(lost()),
        }
    }
    Err(lost())
}

/// Puts a command to the conversation of this name, or to the one in which it lives.
pub(super) async fn ask(env: &Env, mut name: ObjectName, command: &Command) -> Result<Reply> {
    for _ in 0..HOPS_MAX {
        let reply = call(env, &name, command).await?;
        let Reply::Moved { to, .. } = reply else { return Ok(reply) };
        name = to;
    }
    Err(lost())
}

/// An answer that does not fit the question.
pub(super) fn lost() -> Error {
    Error::RustError("an object answered another question".to_owned())
}
