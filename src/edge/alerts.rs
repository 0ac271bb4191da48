//! An alert on its way to the owner's addresses.
//!
//! Invariant: an alert was taken where a receiver answered 2xx within [`ALERT_TIMEOUT`], and nowhere else. What is not
//! configured counts as taken, or it would be tried for ever.

use core::time::Duration;

use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::{AbortController, Delay, Fetch, Headers};

use super::{clock, outbound};
use crate::desk::incident::{Notice, Receiver, Told};
use crate::limits::ALERT_TIMEOUT;
use crate::outbox::destination::BotUrl;
use crate::settings::Settings;
use crate::store::desk::incidents::Due;

/// Tells those who have not taken it yet that an incident has begun, and then that it is over, where it is. Returns who
/// has taken what by now.
pub(super) async fn send(settings: &Settings, due: &Due) -> Told {
    let mut told = due.told;
    for receiver in [Receiver::Standard, Receiver::Slack] {
        for (notice, end) in [(Some(&due.opened), false), (due.closed.as_ref(), true)] {
            let Some(notice) = notice.filter(|_| !told.has(receiver, end)) else { continue };
            if !tell(settings, receiver, notice).await {
                break;
            }
            told = told.and(receiver, end);
        }
    }
    told
}

async fn tell(settings: &Settings, receiver: Receiver, notice: &Notice) -> bool {
    match receiver {
        Receiver::Slack => match &settings.alerts_slack {
            None => true,
            Some(url) => post(url, &[], &notice.slack()).await,
        },
        Receiver::Standard => match &settings.alerts {
            None => true,
            Some((url, secret)) => {
                let (body, now) = (notice.standard(), clock::now());
                let signed = [
                    ("webhook-id", notice.message_id()),
                    ("webhook-timestamp", now.as_seconds().to_string()),
                    ("webhook-signature", notice.signature(secret, now, &body)),
                ];
                post(url, &signed, &body).await
            }
        },
    }
}

/// Posts a body. Returns whether it was taken.
async fn post(url: &BotUrl, headers: &[(&str, String)], body: &str) -> bool {
    let controller = AbortController::default();
    let signal = controller.signal();
    let exchange = core::pin::pin!(async {
        let all = Headers::new();
        all.set("content-type", "application/json")?;
        for (name, value) in headers {
            all.set(name, value)?;
        }
        let request = outbound::request("POST", url.as_str(), Some(&all), Some(&JsValue::from_str(body)))?;
        let answer = Fetch::Request(request).send_with_signal(&signal).await?;
        Ok::<bool, worker::Error>((200..300).contains(&answer.status_code()))
    });
    let timeout = core::pin::pin!(Delay::from(Duration::from_millis(ALERT_TIMEOUT.as_millis())));
    match select(exchange, timeout).await {
        Either::Left((told, _)) => told.unwrap_or(false),
        Either::Right(_) => {
            controller.abort();
            false
        }
    }
}
