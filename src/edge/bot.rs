//! One attempt as a `fetch`.
//!
//! Invariant: an attempt ends within [`ATTEMPT_TIMEOUT`], whatever the bot does, and reads at most
//! [`BOT_ANSWER_BYTES_MAX`] of its answer. A pending call would keep the object alive and billed for up to 15
//! minutes. While the bot's secret is being changed an attempt may be two requests (`outbox::rotation`), within the same
//! time.
//!
//! The answer is read to its end, although only its status counts: many bots work while they answer, and the
//! next message of the conversation must not come before they are done.

use core::cell::RefCell;

use super::host::{self, Exchanged};
use super::{clock, uses};
use crate::ids::{BotName, ObjectName};
use crate::limits::{ATTEMPT_TIMEOUT, BOT_ANSWER_BYTES_MAX};
use crate::outbox::destination::BotUrl;
use crate::outbox::outcome::{Loss, Outcome};
use crate::outbox::request::Attempt;
use crate::outbox::rotation::{Laggards, once_more, refuses_signature};
use crate::secret::{Rotating, Which};
use crate::settings::Settings;
use crate::settings::secrets::bot_secret_name;
use crate::time::Millis;

thread_local! {
    static LAGGARDS: RefCell<Laggards> = const { RefCell::new(Laggards::new()) };
}

/// Sends one attempt to the bot and waits for its end.
pub(super) async fn send(settings: &Settings, conversation: &ObjectName, attempt: &Attempt, body: &str) -> Outcome {
    let line = settings.line_of(conversation);
    let name = settings.bot_name(attempt.bot.as_ref(), line.as_ref());
    let Some(bot) = settings.bot(name, line.as_ref()) else { return Outcome::NoSuchBot };
    let which = LAGGARDS.with_borrow(|laggards| laggards.first(bot.0, bot.1));
    let begun = clock::now();
    let (outcome, status) = exchange(bot, conversation, attempt, body, which, ATTEMPT_TIMEOUT).await;
    let Some(other) = noted(bot, name, which, status) else { return outcome };
    // What was refused is over: what counts from here on is how the second request ends.
    let left = ATTEMPT_TIMEOUT.minus(clock::now().since(begun));
    let (outcome, status) = exchange(bot, conversation, attempt, body, other, left).await;
    noted(bot, name, other, status);
    outcome
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

/// One request, to the end of its answer: what it means, and the answer's status.
async fn exchange(
    (url, secrets): (&BotUrl, &Rotating),
    conversation: &ObjectName,
    attempt: &Attempt,
    body: &str,
    which: Which,
    within: Millis,
) -> (Outcome, Option<u16>) {
    let headers = attempt.headers(conversation, body, (secrets, which), clock::now());
    // A body of known length is sent with Content-Length; one popular library refuses chunked bodies.
    match host::exchange(url.as_str(), &headers, body, within, BOT_ANSWER_BYTES_MAX).await {
        Exchanged::Answered { status, retry_after } => {
            (Outcome::of_answer(status, retry_after.as_deref(), attempt.class), Some(status))
        }
        Exchanged::Lost => (Outcome::Unknown(Loss::Connection), None),
        Exchanged::TooLate => (Outcome::Unknown(Loss::Timeout), None),
        Exchanged::Unsendable => (Outcome::Unsendable, None),
    }
}
