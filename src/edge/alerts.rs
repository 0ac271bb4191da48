//! An alert on its way to the owner's addresses.
//!
//! Invariant: an alert was taken where a receiver answered 2xx within [`ALERT_TIMEOUT`], and nowhere else. What is not
//! configured counts as taken, or it would be tried for ever.

use super::{clock, outbound};
use crate::desk::incident::{Notice, Receiver, Told};
use crate::limits::ALERT_TIMEOUT;
use crate::outbox::outcome::Loss;
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
            Some(url) => is_taken(
                outbound::post(url, &[("content-type", "application/json".to_owned())], &notice.slack(), ALERT_TIMEOUT)
                    .await,
            ),
        },
        Receiver::Standard => match &settings.alerts {
            None => true,
            Some((url, secret)) => {
                let (body, now) = (notice.standard(), clock::now());
                let signed = [
                    ("content-type", "application/json".to_owned()),
                    ("webhook-id", notice.message_id()),
                    ("webhook-timestamp", now.as_seconds().to_string()),
                    ("webhook-signature", notice.signature(secret, now, &body)),
                ];
                is_taken(outbound::post(url, &signed, &body, ALERT_TIMEOUT).await)
            }
        },
    }
}

fn is_taken(status: Result<u16, Loss>) -> bool {
    status.is_ok_and(|status| (200..300).contains(&status))
}
