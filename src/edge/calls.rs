//! The Worker's calls to objects, from one name of a customer to the next.
//!
//! Invariant: a call succeeded only where the object said so; everything else is an error, and an error on
//! the way of a delivery becomes a 500, which makes Meta send again.
//!
//! An object may answer that the conversation lives elsewhere. That answer is final within a few hops:
//! objects that point elsewhere do so for ever, and point at a home.

use worker::wasm_bindgen::JsValue;
use worker::{Env, Error, Method, Request, RequestInit, Result};

use crate::command::{CarriedEvent, Command, Reply, Shown};
use crate::ids::ObjectName;
use crate::limits::HOPS_MAX;
use crate::webhook::event::Scope;

/// The binding of the objects' class.
const CONVERSATION: &str = "CONVERSATION";

/// Objects are called by `fetch`, which wants an address; only the body says something.
const ADDRESS: &str = "https://conversation/";

/// Puts a command to an object and waits for its reply.
pub(super) async fn call(env: &Env, name: &ObjectName, command: &Command) -> Result<Reply> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&serde_json::to_string(command)?)));
    let stub = env.durable_object(CONVERSATION)?.get_by_name(name.as_str())?;
    let mut answer = stub.fetch_with_request(Request::new_with_init(ADDRESS, &init)?).await?;
    if answer.status_code() != 200 {
        return Err(Error::RustError(format!("an object answered {}", answer.status_code())));
    }
    Ok(serde_json::from_str(&answer.text().await?)?)
}

/// Where events go: an object, and the other name of the customer where the events carry both.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Address {
    pub(super) name: ObjectName,
    phone: Option<ObjectName>,
}

impl Address {
    /// Where events of this scope go.
    pub(super) fn of(scope: &Scope) -> Self {
        Self { name: scope.object_name(), phone: scope.phone_object_name() }
    }
}

/// Has events accepted by the object at this address, or by the one in which the conversation lives; which one
/// that is.
pub(super) async fn accept(env: &Env, to: Address, events: Vec<CarriedEvent>) -> Result<ObjectName> {
    let (Address { mut name, phone }, mut events) = (to, events);
    for _ in 0..HOPS_MAX {
        // Under the home's own name there is nothing left to link.
        let phone = phone.clone().filter(|phone| *phone != name);
        let command = Command::Accept { events, phone };
        let reply = call(env, &name, &command).await?;
        let Command::Accept { events: sent, .. } = command else { return Err(lost()) };
        match reply {
            Reply::Accepted { .. } => return Ok(name),
            Reply::Moved { to, known } => {
                let is_new = |at: &usize| !known.contains(at);
                events = (0..).zip(sent).filter(|(at, _)| is_new(at)).map(|(_, event)| event).collect();
                if events.is_empty() {
                    return Ok(name);
                }
                name = to;
            }
            Reply::Finished | Reply::Linked(_) | Reply::Shown(_) => return Err(lost()),
        }
    }
    Err(lost())
}

/// Shows the conversation of this name, or the one in which it lives.
pub(super) async fn show(env: &Env, name: ObjectName) -> Result<Option<Shown>> {
    let mut name = name;
    for _ in 0..HOPS_MAX {
        match call(env, &name, &Command::Show).await? {
            Reply::Shown(shown) => return Ok(shown),
            Reply::Moved { to, .. } => name = to,
            Reply::Accepted { .. } | Reply::Finished | Reply::Linked(_) => return Err(lost()),
        }
    }
    Err(lost())
}

fn lost() -> Error {
    Error::RustError("an object answered another question".to_owned())
}
