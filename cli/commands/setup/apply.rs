//! Doing what was decided: the deployment, the secrets, and the steps at Meta.
//!
//! Invariant: each thing is told before it is done; Meta is pointed at the gate only after the gate has passed the same
//! handshake and the same signed delivery that Meta will send.

use baton::secret::Secret;
use baton::time::Millis;

use super::dialogue::Dialogue;
use super::plan::Step;
use crate::commands::doctor::Handshake;
use crate::commands::doctor::learn::{handshake, probe};
use crate::commands::doctor::meta::webhook;
use crate::exit::Failure;
use crate::graph::{Call, Caller, Trouble};
use crate::host::Request;

/// Between two looks.
const LOOK_EVERY: Millis = Millis::from_seconds(2);

/// Meta may not see a name yet that this machine sees.
const HANDSHAKE_TRIES: usize = 5;

/// What the gate must show before Meta is pointed at it.
pub(super) struct Expected<'a> {
    pub app_secret: &'a Secret,
    /// `None` where no callback is going to be saved.
    pub verify_token: Option<&'a Secret>,
    /// How long it may take.
    pub within: Millis,
}

/// Waits until the gate is ready.
///
/// # Errors
///
/// [`Failure::NotSo`] with what it lacked last.
pub(super) fn wait(dialogue: &Dialogue<'_>, origin: &str, expected: &Expected<'_>) -> Result<(), Failure> {
    let host = dialogue.host;
    let from = host.now();
    let shown = (!dialogue.output.is_json())
        .then(|| host.progress("Waiting for the gate …", Some(expected.within.as_seconds())));
    let end = |words: &str| {
        if let Some(shown) = &shown {
            shown.done(words);
        }
    };
    loop {
        let Some(lacks) = lacking(dialogue, origin, expected) else {
            end("");
            return Ok(());
        };
        let passed = host.now().since(from);
        if passed >= expected.within {
            end("");
            return Err(Failure::NotSo(format!(
                "The gate at {origin} is not ready after {} s: {lacks} Mend that, and run this again.",
                expected.within.as_seconds()
            )));
        }
        if let Some(shown) = &shown {
            shown.at(passed.as_seconds());
        }
        host.sleep(LOOK_EVERY);
    }
}

/// What the gate lacks; `None` where it lacks nothing.
fn lacking(dialogue: &Dialogue<'_>, origin: &str, expected: &Expected<'_>) -> Option<String> {
    let host = dialogue.host;
    let url = format!("{origin}/health");
    match host.http(&Request { method: "GET", url, timeout: LOOK_EVERY.times(5), ..Request::default() }) {
        Err(reason) => return Some(format!("it does not answer ({reason}).")),
        Ok(answer) if answer.status != 200 => {
            let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let detail = told.get("detail").and_then(serde_json::Value::as_str).unwrap_or_default();
            return Some(format!("it answers {}. {detail}", answer.status));
        }
        Ok(_) => {}
    }
    let webhook = webhook(origin);
    if let Some(word) = expected.verify_token
        && let told @ (Handshake::Refused(_) | Handshake::LeftOut) = handshake(host, &webhook, word)
    {
        return Some(match told {
            Handshake::Refused(status) => format!("it refuses the handshake ({status})."),
            Handshake::LeftOut | Handshake::Right => "it does not answer the handshake.".to_owned(),
        });
    }
    match probe(host, &webhook, expected.app_secret) {
        Some(200) => None,
        Some(status) => Some(format!("it refuses what is signed with the app's secret ({status}).")),
        None => Some("it does not take a signed delivery.".to_owned()),
    }
}

/// Makes one step at Meta. `word` is the verify token of the callback that the step sets.
pub(super) fn step(
    dialogue: &Dialogue<'_>,
    caller: &Caller,
    step: &Step,
    word: Option<&Secret>,
) -> Result<(), Trouble> {
    let call = call(caller, step, word).ok_or(Trouble::NoToken)?;
    caller.ask(dialogue.host, &call).map(|_| ())
}

/// The same, tried again where Meta's handshake fails, for a name that is new.
pub(super) fn step_patiently(
    dialogue: &Dialogue<'_>,
    caller: &Caller,
    step: &Step,
    word: Option<&Secret>,
) -> Result<(), Trouble> {
    let mut tries = 1;
    loop {
        match self::step(dialogue, caller, step, word) {
            Err(Trouble::CallbackRefused) if tries < HANDSHAKE_TRIES => dialogue.host.sleep(LOOK_EVERY),
            result => return result,
        }
        tries += 1;
    }
}

fn call(caller: &Caller, step: &Step, word: Option<&Secret>) -> Option<Call> {
    let app = caller.app.as_deref()?;
    Some(match step {
        Step::AppCallback { callback, fields } => Call::set_callback(app, callback, word?, fields),
        Step::EndFields { fields } => Call::end_subscription(app, fields),
        Step::RemoveApp => Call::end_subscription(app, &[]),
        Step::Subscribe { account } | Step::ClearAccount { account } => Call::subscribe_account(account),
        Step::Leave { account } => Call::leave_account(account),
        Step::OverrideAccount { account, callback } => Call::override_account(account, callback, word?),
        Step::OverrideNumber { line, callback } => Call::override_number(line, callback, word?),
        Step::ClearNumber { line } => Call::clear_number(line),
    })
}

/// Why a step did not work, and what to do.
pub(super) fn failed(step: &Step, trouble: &Trouble) -> Failure {
    let words = format!("{}: {trouble}. What was done until here stays; run this again.", step.shown());
    match trouble {
        Trouble::Unreachable(_) | Trouble::Limited => Failure::Unreachable(words),
        Trouble::Expired | Trouble::NoSuchThing | Trouble::NoToken | Trouble::NotPermitted | Trouble::TokenInvalid => {
            Failure::Refused(words)
        }
        Trouble::CallbackRefused | Trouble::NotSubscribed | Trouble::Unclear { .. } => Failure::NotSo(words),
    }
}
