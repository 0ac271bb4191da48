//! A message of the bot's on its way through the fence.
//!
//! Invariant: a message goes out only after its conversation has written down that it does, and what became of it is
//! told to the conversation in any case; where that fails as well, it counts as unknown after a while. The bot has the
//! Graph API's answer before that: an answer costs it one call of one object, and no more.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, Context, Delay, Env, Response};

use super::exchange::{Exchange, body_of};
use super::log::{Occurrence, log};
use super::{afterwards, answer, body, calls, clock, homes, templates};
use crate::command::{Command, Reply};
use crate::conversation::collisions::Conflict;
use crate::conversation::fence::{SendEnd, Verdict};
use crate::graph::answer::{self as graph_answer, GraphError};
use crate::graph::send::{Post, Sending, phone_in_wamid};
use crate::ids::{Customer, EventId, LineId, ObjectName};
use crate::limits::{
    HOPS_MAX, REPEAT_ASKS_AFTER, REPEAT_ASKS_AFTER_MAX, SEND_ANSWER_BYTES_MAX, SEND_LOST_AFTER, SEND_TIMEOUT,
};
use crate::outbox::recent::Recent;
use crate::time::UnixMillis;

thread_local! {
    /// The messages that went out by this isolate: Meta's report of one of them need not be asked about.
    static OWN: RefCell<Recent> = const { RefCell::new(Recent::new()) };
}

/// Whether a message went out by this isolate a short while ago.
pub(super) fn is_own(message: &EventId) -> bool {
    OWN.with_borrow(|own| own.contains(message))
}

/// A message that was let through: the conversations that know of it, and when it began there.
struct Begun {
    digest: String,
    conversations: Vec<(ObjectName, UnixMillis)>,
}

/// Why a message does not go out, or that it does.
enum Permission {
    Go(Begun),
    No(Verdict),
}

/// Answers a bot that posts a message or a read receipt.
pub(super) async fn send(mut exchange: Exchange, line: &LineId, context: &Context) -> Result<Response, GraphError> {
    let body = exchange.read_body().await?;
    let token = exchange.request.headers().get("x-baton-token").ok().flatten();
    match Post::read(&body, token.as_deref())? {
        Post::Group => pass(exchange, &body, None, context).await,
        Post::Read(message) => {
            if stays_here(&exchange.env, line, message).await {
                return answer::graph_ok(graph_answer::SUCCESS, Conflict::HeldByHuman.name());
            }
            exchange.send_on(Some(body_of(&body))).await
        }
        Post::Message(customer, mut sending) => {
            sending.category = templates::category(&exchange, line, &sending).await;
            sending.asked_at_ms = Some(clock::now());
            match permission(&exchange.env, line, &customer, *sending).await? {
                Permission::Go(begun) => pass(exchange, &body, Some(begun), context).await,
                Permission::No(verdict) => tell(verdict, &customer),
            }
        }
    }
}

/// Tells a bot why its message does not go out.
fn tell(verdict: Verdict, customer: &Customer) -> Result<Response, GraphError> {
    match verdict {
        Verdict::Again(body) => answer::graph_ok(&body, "duplicate"),
        Verdict::Drop(refusal) => {
            let body = graph_answer::dropped(customer, &clock::nonce());
            answer::graph_ok(&body, refusal.conflict.name())
        }
        Verdict::Refuse(refusal) => {
            Err(GraphError::Refused { reason: refusal.conflict.name(), details: refusal.details })
        }
        Verdict::Unknown | Verdict::Wait => Err(GraphError::SameUnknown),
        Verdict::Go(_) => Err(GraphError::NotAsked),
    }
}

/// Asks every conversation that the customer's names lead to; mostly that is one.
async fn permission(env: &Env, line: &LineId, customer: &Customer, sending: Sending) -> Result<Permission, GraphError> {
    let digest = sending.digest.clone();
    let mut begun = Begun { digest, conversations: Vec::new() };
    let mut asked: Vec<ObjectName> = Vec::new();
    // The phone number first: Meta takes it where both are there.
    for name in ObjectName::all_of(line, customer).into_iter().rev() {
        if asked.contains(&name) {
            continue;
        }
        let (home, verdict) = match ask(env, &name, &sending).await {
            Ok(answered) => answered,
            Err(error) => {
                log(&Occurrence::NotStored { error: &error });
                settle_all(env, begun, SendEnd::NotSent).await;
                return Err(GraphError::NotAsked);
            }
        };
        asked.extend([name, home.clone()]);
        let Verdict::Go(begun_at) = verdict else {
            settle_all(env, begun, SendEnd::NotSent).await;
            return Ok(Permission::No(verdict));
        };
        begun.conversations.push((home, begun_at));
    }
    Ok(Permission::Go(begun))
}

/// Asks one conversation, and waits while the same message is on its way.
async fn ask(env: &Env, name: &ObjectName, sending: &Sending) -> worker::Result<(ObjectName, Verdict)> {
    let give_up_at = clock::now().after(SEND_LOST_AFTER);
    let mut pause = REPEAT_ASKS_AFTER;
    let mut home = homes::of(name, clock::now()).unwrap_or_else(|| name.clone());
    loop {
        let (found, verdict) = ask_once(env, home, sending).await?;
        home = found;
        homes::remember(name, &home, clock::now());
        if verdict != Verdict::Wait || clock::now() >= give_up_at {
            return Ok((home, verdict));
        }
        Delay::from(Duration::from_millis(pause.as_millis())).await;
        pause = pause.plus(pause).min(REPEAT_ASKS_AFTER_MAX);
    }
}

/// Asks where the conversation of this name lives, which is told by which name it was found. (One that is remembered was
/// told before.)
async fn ask_once(env: &Env, mut name: ObjectName, sending: &Sending) -> worker::Result<(ObjectName, Verdict)> {
    let mut via = None;
    for _ in 0..HOPS_MAX {
        let command = Command::Send { sending: Box::new(sending.clone()), via };
        match calls::call(env, &name, &command).await? {
            Reply::Moved { to, .. } => via = Some(core::mem::replace(&mut name, to)),
            Reply::Send(verdict) => return Ok((name, verdict)),
            Reply::Accepted { .. }
            | Reply::Erased(_)
            | Reply::Finished
            | Reply::Linked(_)
            | Reply::Read { .. }
            | Reply::Replayed(_)
            | Reply::Shown(_) => break,
        }
    }
    Err(calls::lost())
}

/// The Graph API's answer, for the bot and for the gate, until each has taken its own.
type Answered = Rc<RefCell<(Option<Response>, Option<Response>)>>;

/// Hands a message to the Graph API, gives its answer back as it comes, and notes what became of it. All but the first
/// goes on where the bot has hung up meanwhile.
async fn pass(
    exchange: Exchange,
    body: &[u8],
    begun: Option<Begun>,
    context: &Context,
) -> Result<Response, GraphError> {
    let (env, body) = (exchange.env.clone(), body_of(body));
    let answered = async move { hand_on(&exchange, body).await }.boxed_local().shared();
    if let Some(begun) = begun {
        let answered = answered.clone();
        afterwards(context, async move {
            let copy = answered.await.borrow_mut().1.take();
            let end = match copy {
                Some(copy) => end_of(copy).await,
                None => SendEnd::Unknown,
            };
            if let SendEnd::Accepted { id, .. } = &end {
                OWN.with_borrow_mut(|own| own.remember(id));
            }
            settle_all(&env, begun, end).await;
        });
    }
    let response = answered.await.borrow_mut().0.take();
    response.ok_or(GraphError::GraphLost { was_send: true })
}

/// Hands a message to the Graph API. What comes back is to be read twice: by the bot as it comes, and by the gate.
async fn hand_on(exchange: &Exchange, body: JsValue) -> Answered {
    let controller = AbortController::default();
    let signal = controller.signal();
    let request = core::pin::pin!(exchange.fetch(Some(body), Some(&signal)));
    let timeout = core::pin::pin!(Delay::from(Duration::from_millis(SEND_TIMEOUT.as_millis())));
    let answered = match select(request, timeout).await {
        Either::Left((answered, _)) => answered.ok(),
        Either::Right(_) => {
            controller.abort();
            None
        }
    };
    let twice = answered.map(|mut response| {
        let copy = response.cloned().ok();
        (Some(response), copy)
    });
    Rc::new(RefCell::new(twice.unwrap_or_default()))
}

/// What the Graph API's answer says of a message.
async fn end_of(mut response: Response) -> SendEnd {
    let status = response.status_code();
    let text = body::read_text(&mut response, SEND_ANSWER_BYTES_MAX).await;
    SendEnd::of_answer(status, text.ok().as_deref())
}

async fn settle_all(env: &Env, begun: Begun, end: SendEnd) {
    let Begun { digest, conversations } = begun;
    for (name, begun_at_ms) in conversations {
        let command = Command::Settle { digest: digest.clone(), begun_at_ms, end: end.clone() };
        let told = calls::ask(env, name, &command).await;
        // Where this fails the send counts as unknown after a while.
        let _ = told.inspect_err(|error| log(&Occurrence::NotStored { error }));
    }
}

/// Whether a read receipt stays here. A wamid is Meta's own and may say anything; where it names a customer, their
/// conversation is asked, and where that does not know the message either, the receipt passes.
async fn stays_here(env: &Env, line: &LineId, message: EventId) -> bool {
    let Some(phone) = phone_in_wamid(&message) else { return false };
    let name = ObjectName::phone(line, &phone);
    matches!(calls::ask(env, name, &Command::Read { message }).await, Ok(Reply::Read { stays: true }))
}
