//! One attempt as a `fetch`.
//!
//! Invariant: an attempt ends within [`ATTEMPT_TIMEOUT`], whatever the bot does, and reads at most
//! [`BOT_ANSWER_BYTES_MAX`] of its answer. A pending call would keep the object alive and billed for up to 15
//! minutes.
//!
//! The answer is read to its end, although only its status counts: many bots work while they answer, and the
//! next message of the conversation must not come before they are done.

use core::cell::Cell;
use core::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, AbortSignal, Delay, Fetch, Headers, Request, Result};

use super::{clock, outbound};
use crate::ids::ObjectName;
use crate::limits::{ATTEMPT_TIMEOUT, BOT_ANSWER_BYTES_MAX};
use crate::outbox::destination::BotUrl;
use crate::outbox::outcome::{Loss, Outcome};
use crate::outbox::request::Attempt;
use crate::secret::Secret;
use crate::settings::Settings;

/// Sends one attempt to the bot and waits for its end.
pub(super) async fn send(settings: &Settings, conversation: &ObjectName, attempt: &Attempt, body: &str) -> Outcome {
    let Some(bot) = settings.bot(attempt.bot.as_ref()) else { return Outcome::NoSuchBot };
    let Ok(request) = request(bot, conversation, attempt, body) else { return Outcome::Unsendable };
    let controller = AbortController::default();
    let signal = controller.signal();
    // The status is known before the answer has been read; a bot that hangs afterwards has the message.
    let status = Cell::new(None);
    let exchange = core::pin::pin!(exchange(request, &signal, attempt, &status));
    let timeout = core::pin::pin!(Delay::from(Duration::from_millis(ATTEMPT_TIMEOUT.as_millis())));
    let ended = match select(exchange, timeout).await {
        Either::Left((Ok(()), _)) => None,
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

fn request(
    (url, secret): (&BotUrl, &Secret),
    conversation: &ObjectName,
    attempt: &Attempt,
    body: &str,
) -> Result<Request> {
    let headers = Headers::new();
    for (name, value) in attempt.headers(conversation, body, secret, clock::now()) {
        headers.set(name, &value)?;
    }
    // A body of known length is sent with Content-Length; one popular library refuses chunked bodies.
    outbound::request("POST", url.as_str(), Some(&headers), Some(&JsValue::from_str(body)))
}

async fn exchange(
    request: Request,
    signal: &AbortSignal,
    attempt: &Attempt,
    status: &Cell<Option<Outcome>>,
) -> Result<()> {
    let mut answer = Fetch::Request(request).send_with_signal(signal).await?;
    let retry_after = answer.headers().get("retry-after")?;
    status.set(Some(Outcome::of_answer(answer.status_code(), retry_after.as_deref(), attempt.class)));
    let Ok(mut chunks) = answer.stream() else { return Ok(()) };
    let mut bytes = 0_usize;
    while let Some(chunk) = chunks.next().await {
        bytes = bytes.saturating_add(chunk?.len());
        if bytes > BOT_ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(())
}
