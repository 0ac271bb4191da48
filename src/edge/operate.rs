//! What the operator asks of one conversation, of one message, and of the rules.
//!
//! Not here: what becomes of it (`acts`, in the object), and the documents that are answered (`command`).

use serde::Serialize;
use serde_json::{Value, json};
use worker::{Env, Request, Response};

use super::access::Caller;
use super::log::{Occurrence, log};
use super::{answer, body, calls, clock, erase, inforce, policies};
use crate::api::{ConversationRoute, Query, Target};
use crate::command::told::TestedEvent;
use crate::command::{Command, Reply};
use crate::conversation::operator::Act;
use crate::conversation::{Context, trial};
use crate::graph::send::phone_in_wamid;
use crate::ids::{Customer, EventId, LineId, ObjectName};
use crate::json;
use crate::limits::PAUSE_MAX;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::time::UnixMillis;
use crate::webhook::{self, event::message_of};

/// What would happen to a webhook.
#[derive(Serialize)]
struct RuleTested {
    events: Vec<TestedEvent>,
}

/// Answers what is asked of a conversation.
pub(super) async fn conversation(
    asked: ConversationRoute,
    target: &Target,
    request: &mut Request,
    env: &Env,
) -> Result<Response, Problem> {
    let name = ObjectName::conversation(&target.line, &target.customer);
    let command = match asked {
        ConversationRoute::Erase => return erase::erase(&target.line, name, env).await,
        ConversationRoute::Pause => Command::Operate(pause(request).await?),
        ConversationRoute::Release => Command::Operate(Act::Release),
        ConversationRoute::Replay => Command::Replay { only: None },
        ConversationRoute::Show => Command::Show,
        ConversationRoute::Take => Command::Operate(Act::Take),
    };
    tell(ask(env, name, &command).await?)
}

/// Reads until when the bot is to stay out.
async fn pause(request: &mut Request) -> Result<Act, Problem> {
    const WANTED: &str = "an object with `until_ms`, in milliseconds since 1970, and nothing else";
    let body: Value = body::json(request, WANTED).await?;
    let until = body.get("until_ms").filter(|_| body.as_object().is_some_and(|body| body.len() == 1));
    let until = until.and_then(at).ok_or(Problem::Malformed { wanted: WANTED })?;
    let now = clock::now();
    if until <= now || now.after(PAUSE_MAX) < until {
        return Err(Problem::Unfit { name: "until_ms", wanted: "a time to come, at most seven days from now" });
    }
    Ok(Act::Pause(until))
}

/// A time in milliseconds since 1970.
fn at(value: &Value) -> Option<UnixMillis> {
    value.as_u64().and_then(crate::api::query::at)
}

/// Says why a message was not answered: by the customer who is named, else by the one whose phone number its id bears.
pub(super) async fn explain(
    wamid: &EventId,
    query: &Query,
    caller: &Caller,
    env: &Env,
    settings: &Settings,
) -> Result<Response, Problem> {
    const WANTED: &str = "a phone number in digits, or a user id such as US.1234";
    const NOBODY: Problem = Problem::Unfit { name: "customer", wanted: "given: the id of this message names nobody" };
    let given = query.text("line").map(|_| query.line()).transpose()?;
    let customer = match query.text("customer") {
        Some(text) => Customer::parse(text).ok_or(Problem::Parameter { name: "customer", wanted: WANTED })?,
        None => phone_in_wamid(message_of(wamid).as_ref().unwrap_or(wamid)).map(Customer::Phone).ok_or(NOBODY)?,
    };
    let lines: Vec<&LineId> = given.as_ref().map_or_else(|| settings.lines.all().collect(), |line| vec![line]);
    for line in lines.into_iter().filter(|line| caller.scope.has(line)) {
        let command = Command::Explain(wamid.clone());
        let reply = ask(env, ObjectName::conversation(line, &customer), &command).await?;
        if matches!(reply, Reply::Shown(Some(_))) {
            return tell(reply);
        }
    }
    Err(Problem::NotFound)
}

/// Says what would happen to a webhook.
pub(super) async fn test_rules(
    query: &Query,
    request: &mut Request,
    env: &Env,
    settings: &Settings,
) -> Result<Response, Problem> {
    const WANTED: Problem = Problem::Malformed {
        wanted: "an object with a webhook of Meta's under `delivery`, and `document`, `holder` and `at_ms` where they matter",
    };
    let body: Value = body::json(request, "an object with a webhook of Meta's under `delivery`").await?;
    let body = body.as_object().ok_or(WANTED)?;
    if body.keys().any(|key| !["at_ms", "delivery", "document", "holder"].contains(&key.as_str())) {
        return Err(WANTED);
    }
    let is_held = match body.get("holder").map_or(Some("automation"), Value::as_str) {
        Some("automation") => false,
        Some("human") => true,
        Some(_) | None => {
            return Err(Problem::Parameter { name: "holder", wanted: "`automation` or `human`" });
        }
    };
    let at_ms = Problem::Parameter { name: "at_ms", wanted: "a time in milliseconds since 1970" };
    let now = match body.get("at_ms") {
        None => clock::now(),
        Some(given) => at(given).ok_or(at_ms)?,
    };
    let delivery = text_of(body.get("delivery").filter(|delivery| delivery.is_object()).ok_or(WANTED)?);
    let events = webhook::read(delivery.as_bytes()).map_err(|_| WANTED)?;
    let whose = policies::whose(query, env, settings).await?;
    let given = body.get("document").map(|document| whose.parse(&text_of(document)));
    let in_force = inforce::policy(env, settings, whose.line.as_ref(), clock::now()).await;
    let given = given.transpose().map_err(Problem::Policy)?;
    let context = Context { now, policy: given.as_ref().unwrap_or(&in_force), draw: 0 };
    let tried = trial::try_all(&events, is_held, context);
    answer::json(&RuleTested {
        events: events.iter().zip(tried).map(|(event, tried)| TestedEvent::new(event, tried)).collect(),
    })
}

/// JSON as text. (`to_string` is the same through a formatter, and twice the code.)
fn text_of(value: &Value) -> String {
    json::write(value).unwrap_or_default()
}

/// Puts a command to a conversation.
async fn ask(env: &Env, name: ObjectName, command: &Command) -> Result<Reply, Problem> {
    calls::ask(env, name, command).await.inspect_err(not_stored).map_err(|_| Problem::NotStored)
}

fn not_stored(error: &worker::Error) {
    log(&Occurrence::NotStored { error });
}

/// Passes on what a conversation has replied.
fn tell(reply: Reply) -> Result<Response, Problem> {
    match reply {
        Reply::Shown(shown) => answer::json(&shown.ok_or(Problem::NotFound)?),
        Reply::Replayed(replayed) => answer::json(&json!({ "replayed": replayed })),
        Reply::Accepted { .. }
        | Reply::Erased(_)
        | Reply::Finished
        | Reply::Linked(_)
        | Reply::Moved { .. }
        | Reply::Read { .. }
        | Reply::Send(_) => Err(Problem::NotStored),
    }
}
