//! One JSON line per occurrence, from a closed list of occurrences with a closed list of fields.
//!
//! Invariant: there is no field for text from outside. Conversations appear as digests; message texts, phone
//! numbers, wamids, tokens and secrets cannot appear at all. Of the runtime's errors only those are shown that
//! are the platform's own words; what a parser says may quote what it read.
//!
//! Levels by who acts: `error`, the operator, soon; `warn`, somebody, some time; `info`, nobody.

use serde::Serialize;
use worker::{Error, console_error, console_log, console_warn};

use crate::conversation::Alert;
use crate::conversation::collisions::Collision;
use crate::json;
use crate::outbox::Reason;
use crate::settings::SettingsError;
use crate::store::StoreError;

/// Something worth a line.
pub(super) enum Occurrence<'a> {
    /// Something that the owner should be told.
    Alert { conversation: &'a str, alert: Alert },
    /// An attempt at the bot failed.
    AttemptFailed { conversation: &'a str, trace: &'a str, attempt: u32, reason: Reason },
    /// A bot would change where Meta delivers webhooks to.
    CallbackChange { allowed: bool },
    /// A message of the bot's met a person's turn.
    Collision { conversation: &'a str, collision: &'a Collision },
    /// An object could not read or write its storage; the delivery is sent again, or the alarm set again.
    StoreFailed { error: &'a StoreError },
    /// Deliveries were refused; so many since the last line about it.
    DeliveryRefused { status: u16, count: usize },
    /// A delivery could not be stored; Meta will send it again.
    NotStored { error: &'a Error },
    /// Events of a delivery are of no line of the app that has signed it, and are not believed.
    NotBelieved { count: usize },
    /// A document is not a policy; the last good one stays in force. `setting` is where it stands, where that is a line's.
    PolicyRefused { setting: Option<&'a str>, mistakes: usize, first: &'a str },
    /// Something about one line or one app is not as it is configured.
    SettingsDegraded { error: &'a SettingsError },
    /// The deployment lacks settings.
    SettingsMissing { count: usize },
    /// The team of Cloudflare Access does not show its keys, and nobody is let in by Access.
    TeamUnreachable,
    /// Somebody has sent a wrong operator's token.
    TokenRefused,
    /// A signed body is no webhook; it is kept under the object `unaddressed`.
    Unreadable { bytes: usize },
}

#[derive(Default, Serialize)]
struct Line<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_ms: Option<u64>,
}

/// Longest text of the platform's that is shown.
const WORDS_CHARS_MAX: usize = 200;

/// What the platform, or this code, says of an error.
fn words_of(error: &Error) -> String {
    let (Error::JsError(words) | Error::RustError(words)) = error else {
        return "what came back could not be read".to_owned();
    };
    words.chars().take(WORDS_CHARS_MAX).collect()
}

/// Writes the line of an occurrence.
pub(super) fn log(occurrence: &Occurrence<'_>) {
    use Occurrence as O;
    let line = match occurrence {
        O::Alert { conversation, alert } => Line {
            event: match alert {
                Alert::AccountOffboarded => "account_offboarded",
                Alert::AccountReconnected => "account_reconnected",
                Alert::BotGone => "bot_gone",
                Alert::CustomerUnanswered => "customer_unanswered",
                Alert::DeadLetter => "dead_letter",
                Alert::Leak => "leak",
                Alert::PartnerRemoved => "partner_removed",
            },
            conversation: Some(conversation),
            ..Line::default()
        },
        O::AttemptFailed { conversation, trace, attempt, reason } => Line {
            event: "attempt_failed",
            conversation: Some(conversation),
            trace: Some(trace),
            attempt: Some(*attempt),
            reason: Some(reason.to_string()),
            ..Line::default()
        },
        O::CallbackChange { allowed } => Line {
            event: if *allowed { "callback_change_allowed" } else { "callback_change_refused" },
            ..Line::default()
        },
        O::Collision { conversation, collision } => Line {
            event: "collision",
            conversation: Some(conversation),
            reason: Some(format!("{} {}", collision.name(), collision.reason.name())),
            late_ms: Some(collision.late_ms.as_millis()),
            ..Line::default()
        },
        O::StoreFailed { error } => Line { event: "store_failed", reason: Some(error.to_string()), ..Line::default() },
        O::DeliveryRefused { status, count } => {
            Line { event: "delivery_refused", status: Some(*status), count: Some(*count), ..Line::default() }
        }
        O::NotStored { error } => Line { event: "not_stored", reason: Some(words_of(error)), ..Line::default() },
        O::NotBelieved { count } => Line { event: "not_believed", count: Some(*count), ..Line::default() },
        O::PolicyRefused { setting, mistakes, first } => Line {
            event: "policy_refused",
            count: Some(*mistakes),
            reason: Some(setting.map_or_else(|| (*first).to_owned(), |setting| format!("{setting}: {first}"))),
            ..Line::default()
        },
        O::SettingsDegraded { error } => {
            Line { event: "settings_degraded", reason: Some(error.to_string()), ..Line::default() }
        }
        O::SettingsMissing { count } => Line { event: "settings_missing", count: Some(*count), ..Line::default() },
        O::TeamUnreachable => Line { event: "team_unreachable", ..Line::default() },
        O::TokenRefused => Line { event: "token_refused", ..Line::default() },
        O::Unreadable { bytes } => Line { event: "unreadable", count: Some(*bytes), ..Line::default() },
    };
    let json = json::write(&line).unwrap_or_default();
    match occurrence {
        O::StoreFailed { .. }
        | O::NotStored { .. }
        | O::PolicyRefused { .. }
        | O::SettingsDegraded { .. }
        | O::SettingsMissing { .. }
        | O::TeamUnreachable => {
            console_error!("{json}");
        }
        O::Alert { .. }
        | O::CallbackChange { .. }
        | O::DeliveryRefused { .. }
        | O::NotBelieved { .. }
        | O::TokenRefused
        | O::Unreadable { .. } => {
            console_warn!("{json}");
        }
        O::AttemptFailed { .. } | O::Collision { .. } => console_log!("{json}"),
    }
}
