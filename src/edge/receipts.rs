//! Receipts that go straight from the Worker to the bot.
//!
//! Three of four webhooks are receipts, and a bot that answers at once needs no outbox for them: where it
//! takes a receipt before Meta is answered, nothing is stored (`docs/decisions/0005-receipts.md`).
//!
//! Invariant: a receipt that Meta is told 200 for is either with the bot or in its conversation's outbox. One
//! whose answer is late goes into the outbox as an attempt under way, and the attempt goes on; its end is told
//! to the object, and should this Worker be stopped the object repeats it.

use core::cell::RefCell;
use core::future::Future;
use core::time::Duration;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{Either, Shared, select};
use serde_json::value::RawValue;
use worker::{Context, Delay, Env};

use super::calls::Address;
use super::{afterwards, bot, calls, send, together};
use crate::command::{CarriedEvent, Command};
use crate::ids::{AttemptNumber, EventId, FencingToken};
use crate::limits::RECEIPT_STRAIGHT_WAIT;
use crate::outbox::Tried;
use crate::outbox::outcome::Outcome;
use crate::outbox::recent::Recent;
use crate::outbox::request::Attempt;
use crate::settings::Settings;
use crate::webhook::event::sent_message;

thread_local! {
    static RECENT: RefCell<Recent> = const { RefCell::new(Recent::new()) };
}

/// A receipt that the bot has not taken in time.
pub(super) struct Late {
    pub(super) address: Address,
    pub(super) event: CarriedEvent,
    /// The attempt that goes on.
    under_way: Option<Pending>,
}

type Pending = Shared<core::pin::Pin<Box<dyn Future<Output = Outcome>>>>;

/// The first attempt at a receipt; what the Worker makes is always the first.
const FIRST: AttemptNumber = AttemptNumber::new(1);

/// Sends receipts to the bot, all at once, and gives back those that it has not taken in time.
pub(super) async fn send_all(
    receipts: Vec<(Address, CarriedEvent)>,
    settings: &Rc<Settings>,
    env: &Env,
    context: &Context,
) -> Vec<Late> {
    let attempts = receipts.into_iter().map(|(address, event)| send_one(address, event, settings, env, context));
    together(attempts, usize::MAX).await.into_iter().flatten().collect()
}

fn remember(id: &EventId) {
    RECENT.with_borrow_mut(|recent| recent.remember(id));
}

async fn send_one(
    address: Address,
    mut event: CarriedEvent,
    settings: &Rc<Settings>,
    env: &Env,
    context: &Context,
) -> Option<Late> {
    if RECENT.with_borrow(|recent| recent.contains(&event.id)) {
        return None;
    }
    let attempt = Attempt {
        id: event.id.clone(),
        class: event.class,
        token: FencingToken::default(),
        number: FIRST,
        bot: None,
        handback: None,
    };
    let body = event.body.as_deref().map(RawValue::get).unwrap_or_default().to_owned();
    let (settings, conversation) = (Rc::clone(settings), address.name.clone());
    let exchange = async move { bot::send(&settings, &conversation, &attempt, &body).await };
    let pending: Pending = (Box::pin(exchange) as core::pin::Pin<Box<dyn Future<Output = Outcome>>>).shared();
    // The runtime ends what nobody waits for; this keeps the attempt going whatever happens here.
    let kept = pending.clone();
    afterwards(context, async move {
        kept.await;
    });
    let wait = Delay::from(Duration::from_millis(RECEIPT_STRAIGHT_WAIT.as_millis()));
    match select(pending.clone(), wait).await {
        Either::Left((Outcome::Accepted, _)) => {
            tell_of_sent(&address, &event, env, context);
            remember(&event.id);
            None
        }
        Either::Left((outcome, _)) => {
            event.tried = Some(Tried::Ended(outcome));
            Some(Late { address, event, under_way: None })
        }
        Either::Right(_) => {
            event.tried = Some(Tried::UnderWay);
            Some(Late { address, event, under_way: Some(pending) })
        }
    }
}

/// Tells the conversation, while Meta already has its answer, that a message was sent which did not go out by this
/// isolate: it may be a bot's that does not send through the gate. A receipt that is stored tells it by itself.
fn tell_of_sent(address: &Address, event: &CarriedEvent, env: &Env, context: &Context) {
    let Some(message) = sent_message(&event.id).filter(|message| !send::is_own(message)) else { return };
    let (env, name) = (env.clone(), address.name.clone());
    let command = Command::Sent { message, sent_at_ms: event.sent_at_ms };
    afterwards(context, async move {
        // Where this fails a leak goes unseen, and nothing else.
        let _ = calls::ask(&env, name, &command).await;
    });
}

/// Has a late receipt accepted by its conversation, and tells it later how the attempt ended.
pub(super) async fn store(late: Late, env: &Env, context: &Context) -> worker::Result<()> {
    let Late { address, event, under_way } = late;
    let id = event.id.clone();
    let home = calls::accept(env, address, vec![event]).await?;
    // From here on its conversation looks after it; a repetition must not overtake that.
    remember(&id);
    if let Some(pending) = under_way {
        let env = env.clone();
        afterwards(context, async move {
            let command = Command::Finish { id, number: FIRST, outcome: pending.await };
            // Where this fails the object counts the attempt as lost and repeats it.
            let _ = calls::call(&env, &home, &command).await;
        });
    }
    Ok(())
}
