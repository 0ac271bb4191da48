//! One attempt as a `fetch`.
//!
//! Invariant: an attempt ends within [`ATTEMPT_TIMEOUT`], whatever the bot does, and reads at most
//! [`BOT_ANSWER_BYTES_MAX`] of its answer. A pending call would keep the object alive and billed for up to 15
//! minutes. While the bot's secret is being changed an attempt may be two requests (`outbox::rotation`), within the same
//! time.
//!
//! The answer is read to its end, although only its status counts: many bots work while they answer, and the
//! next message of the conversation must not come before they are done.

use core::cell::{Cell, RefCell};
use core::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, AbortSignal, Delay, Fetch, Headers, Request, Result};

use super::{clock, outbound, uses};
use crate::ids::{BotName, ObjectName};
use crate::limits::{ATTEMPT_TIMEOUT, BOT_ANSWER_BYTES_MAX};
use crate::outbox::destination::BotUrl;
use crate::outbox::outcome::{Loss, Outcome};
use crate::outbox::request::Attempt;
use crate::outbox::rotation::{Laggards, once_more, refuses_signature};
use crate::secret::{Rotating, Which};
use crate::settings::Settings;
use crate::settings::secrets::bot_secret_name;

thread_local! {
    static LAGGARDS: RefCell<Laggards> = const { RefCell::new(Laggards::new()) };
}

/// Sends one attempt to the bot and waits for its end.
pub(super) async fn send(settings: &Settings, conversation: &ObjectName, attempt: &Attempt, body: &str) -> Outcome {
    let line = settings.line_of(conversation);
    let name = settings.bot_name(attempt.bot.as_ref(), line.as_ref());
    let Some(bot) = settings.bot(name, line.as_ref()) else { return Outcome::NoSuchBot };
    let which = LAGGARDS.with_borrow(|laggards| laggards.first(bot.0, bot.1));
    let Ok(request) = request(bot, conversation, attempt, body, which) else { return Outcome::Unsendable };
    let controller = AbortController::default();
    let signal = controller.signal();
    // The status is known before the answer has been read; a bot that hangs afterwards has the message.
    let status = Cell::new(None);
    let exchange = core::pin::pin!(async {
        let answered = exchange(request, &signal, attempt, &status).await;
        let Some(other) = noted(bot, name, which, answered.as_ref().ok().copied()) else { return answered };
        // What was refused is over: what counts from here on is how the second request ends.
        status.set(None);
        let again = self::request(bot, conversation, attempt, body, other)?;
        let answered = exchange(again, &signal, attempt, &status).await;
        noted(bot, name, other, answered.as_ref().ok().copied());
        answered
    });
    let timeout = core::pin::pin!(Delay::from(Duration::from_millis(ATTEMPT_TIMEOUT.as_millis())));
    let ended = match select(exchange, timeout).await {
        Either::Left((Ok(_), _)) => None,
        Either::Left((Err(_), _)) => Some(Loss::Connection),
        Either::Right(_) => {
            controller.abort();
            Some(Loss::Timeout)
        }
    };
    match (status.get(), ended) {
        (Some(outcome), _) => outcome,
        (None, Some(loss)) => Outcome::Unknown(loss),
        (None, None) => Outcome::Unknown(Loss::Connection),
    }
}

/// Takes in which secret the bot has taken, or not, and gives the one with which the same goes once more.
fn noted(
    (url, secrets): (&BotUrl, &Rotating),
    name: Option<&BotName>,
    which: Which,
    status: Option<u16>,
) -> Option<Which> {
    let status = status?;
    LAGGARDS.with_borrow_mut(|laggards| laggards.answered(url, which, status));
    if !refuses_signature(status) {
        uses::note(&bot_secret_name(name), secrets, which);
    }
    once_more(status, which, secrets)
}

fn request(
    (url, secrets): (&BotUrl, &Rotating),
    conversation: &ObjectName,
    attempt: &Attempt,
    body: &str,
    which: Which,
) -> Result<Request> {
    let headers = Headers::new();
    for (name, value) in attempt.headers(conversation, body, (secrets, which), clock::now()) {
        headers.set(name, &value)?;
    }
    // A body of known length is sent with Content-Length; one popular library refuses chunked bodies.
    outbound::request("POST", url.as_str(), Some(&headers), Some(&JsValue::from_str(body)))
}

/// One request, to the end of its answer; the answer's status.
async fn exchange(
    request: Request,
    signal: &AbortSignal,
    attempt: &Attempt,
    status: &Cell<Option<Outcome>>,
) -> Result<u16> {
    let mut answer = Fetch::Request(request).send_with_signal(signal).await?;
    let retry_after = answer.headers().get("retry-after")?;
    let code = answer.status_code();
    status.set(Some(Outcome::of_answer(code, retry_after.as_deref(), attempt.class)));
    let Ok(mut chunks) = answer.stream() else { return Ok(code) };
    let mut bytes = 0_usize;
    while let Some(chunk) = chunks.next().await {
        bytes = bytes.saturating_add(chunk?.len());
        if bytes > BOT_ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(code)
}
