//! A probe of a bot: does it answer, and does it look at signatures?
//!
//! What is sent is Meta's envelope with nothing in it, which every bot of Meta's takes and does nothing about; the header
//! `x-baton-probe` says what it is. It goes once with a signature, and once with a wrong one.
//!
//! Invariant: at most two requests, each within [`PROBE_TIMEOUT`]. While the bot's secret is being changed and the bot
//! refuses the current one, the second request has the previous one: that the first was refused is what the wrong
//! signature would have shown.
//!
//! Not here: what an attempt at an event is (`bot`). A probe is none, is written down nowhere, and is not repeated.

use worker::Response;

use super::{answer, clock, outbound};
use crate::api::Query;
use crate::ids::{AttemptNumber, BotName, EventId, FencingToken, ObjectName};
use crate::limits::PROBE_TIMEOUT;
use crate::outbox::destination::BotUrl;
use crate::outbox::outcome::Loss;
use crate::outbox::request::Attempt;
use crate::outbox::rotation::{once_more, refuses_signature};
use crate::problem::Problem;
use crate::secret::{Rotating, Which};
use crate::settings::Settings;
use crate::webhook::event::Class;

/// Meta's envelope with nothing in it.
const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;

/// Probes the bot that is named, or the one at `BOT_URL`.
pub(super) async fn bot(query: &Query, settings: &Settings) -> Result<Response, Problem> {
    const WANTED: Problem =
        Problem::Unfit { name: "bot", wanted: "the name of a bot of BOTS, or left out for the one at BOT_URL" };
    let name = query.text("bot").map(|text| BotName::parse(text).ok_or(WANTED)).transpose()?;
    let (url, secrets) = settings.bot(name.as_ref(), None).ok_or(WANTED)?;
    let began = clock::now();
    let first = post(url, secrets, Which::Current).await;
    let ms = clock::now().since(began).as_millis();
    let other = first.ok().and_then(|status| once_more(status, Which::Current, secrets));
    let status = match first {
        Ok(status) => status,
        Err(loss) => {
            let reason = if loss == Loss::Timeout { "timed_out" } else { "connection_lost" };
            let shown = format!(
                r#"{{"reached":false,"reason":"{reason}","status":null,"ms":{ms},"signed_with":null,"refuses_wrong_signature":null}}"#
            );
            return answer::raw(&shown);
        }
    };
    // A secret that nobody has: whoever takes its signature looks at none.
    let wrong = Rotating::from(secrets.current.derive("baton probe"));
    let (again, which) = other.map_or((&wrong, Which::Current), |other| (secrets, other));
    let second = post(url, again, which).await.ok();
    let (status, signed_with, refuses) = match (other, second) {
        // That the first was refused is what the wrong signature would have shown.
        (Some(other), Some(second)) if !refuses_signature(second) => (second, Some(other), Some(true)),
        (Some(_), _) => (status, None, Some(true)),
        // A bot that refuses everything says nothing about signatures.
        (None, _) if refuses_signature(status) => (status, None, None),
        (None, second) => {
            let refuses = second.filter(|status| *status < 500).map(|status| status >= 400);
            (status, Some(Which::Current), refuses)
        }
    };
    let signed_with = match signed_with {
        Some(Which::Current) => r#""current""#,
        Some(Which::Previous) => r#""previous""#,
        None => "null",
    };
    let refuses = match refuses {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    };
    answer::raw(&format!(
        r#"{{"reached":true,"status":{status},"ms":{ms},"signed_with":{signed_with},"refuses_wrong_signature":{refuses}}}"#
    ))
}

/// Sends the probe once.
async fn post(url: &BotUrl, secrets: &Rotating, which: Which) -> Result<u16, Loss> {
    let attempt = Attempt {
        id: EventId::of_bytes(BODY.as_bytes()),
        class: Class::Unknown,
        token: FencingToken::default(),
        number: AttemptNumber::new(1),
        bot: None,
        handback: None,
    };
    let mut headers = attempt.headers(&ObjectName::unaddressed(), BODY, (secrets, which), clock::now());
    headers.push(("x-baton-probe", "1".to_owned()));
    outbound::post(url, &headers, BODY, PROBE_TIMEOUT).await
}
