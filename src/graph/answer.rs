//! The gate's own answers to a bot, in the Graph API's form.
//!
//! Invariant: every error of the gate's is JSON as the Graph API writes it, because libraries read nothing else, and
//! every sentence was written here or by the conversation; none repeats what the bot wrote. Which status and code each
//! has was worked out from the libraries themselves (`docs/fence.md`): none makes a library try again what must not be
//! sent again, or takes the bot's token or the customer's number for bad.
//!
//! Not here: the Graph API's own answers, which travel as they are.

use serde_json::{Value, json};

use crate::ids::{Customer, EventId};
use crate::json;

/// Begins the id of a message that was accepted and dropped: nobody else's ids begin like this.
pub const DROPPED_ID_START: &str = "wamid.baton.dropped.";

/// Codes of the Graph API that mean what happened.
const CALLBACK_REFUSED: u32 = 2_200;
const INVALID: u32 = 100;
const TOKEN_MISSING: u32 = 104;
const UNAVAILABLE: u32 = 131_016;

/// Codes of the gate's own. Every code of the Graph API's makes some library do something that would be wrong here, and
/// one that it does not have makes each of them show the message and stop.
pub const REFUSED: u32 = 990_001;
/// See [`REFUSED`].
pub const OUTCOME_UNKNOWN: u32 = 990_002;

/// After how many seconds whoever may try again should.
const RETRY_AFTER_SECONDS: u32 = 5;

/// What stands where the Graph API has the id under which Meta finds a request in its logs.
const TRACE_ID: &str = "baton";

/// Why the gate answers a request itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GraphError {
    /// The bot would change where Meta delivers webhooks to.
    Callback,
    /// The Graph API did not answer. Where the request was a message, it is not known whether it was sent.
    GraphLost {
        /// Whether the request was a message.
        was_send: bool,
    },
    /// Whether the message may be sent could not be asked; it was not sent.
    NotAsked,
    /// No access token came along.
    NoToken,
    /// The deployment lacks something.
    NotConfigured,
    /// The body is not a JSON object, or not said to be one.
    NotJson,
    /// The word that must stand in the address is missing or another.
    Key,
    /// No line is configured.
    NoLines,
    /// The path is not one that the Graph API has.
    Path,
    /// The query brings what belongs into the body.
    Query,
    /// Nobody, or nobody readable, is to get the message.
    Recipient,
    /// A person's turn stands against it.
    Refused {
        /// Which of the two conflicts, in one word.
        reason: &'static str,
        /// What happened, in a sentence.
        details: String,
    },
    /// The same message was sent a short while ago, and what became of it is not known.
    SameUnknown,
    /// `x-baton-token` is no token.
    Token,
    /// The body is larger than any message.
    TooLarge,
    /// The line, the account or the app is not configured.
    UnknownId,
}

/// An error in the form in which it is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON document.
    pub body: String,
    /// The value of `x-baton-refused`.
    pub refused: &'static str,
    /// The value of `retry-after`, where trying again may help.
    pub retry_after_seconds: Option<u32>,
}

impl GraphError {
    /// Status, Graph API code, whether trying again may help, one word, and what it is.
    const fn kind(&self) -> (u16, u32, bool, &'static str, &'static str) {
        match self {
            Self::Callback => (400, CALLBACK_REFUSED, false, "callback_change", "Changing the webhook is refused"),
            Self::GraphLost { was_send: true } | Self::SameUnknown => {
                (400, OUTCOME_UNKNOWN, false, "outcome_unknown", "It is not known whether the message was sent")
            }
            Self::GraphLost { was_send: false } => {
                (502, UNAVAILABLE, true, "graph_lost", "The Graph API did not answer")
            }
            Self::NotAsked => (503, UNAVAILABLE, true, "not_asked", "The gate cannot say who holds the conversation"),
            Self::NoToken => (401, TOKEN_MISSING, false, "no_token", "An access token is required"),
            Self::NotConfigured => (503, UNAVAILABLE, true, "not_configured", "The gate is not fully configured"),
            Self::Key => (401, TOKEN_MISSING, false, "key", "The gate's own word is missing in the address"),
            Self::NoLines => (400, INVALID, false, "no_lines", "The gate has no business number to send for"),
            Self::NotJson => (400, INVALID, false, "not_json", "The body must be a JSON object"),
            Self::Path => (400, INVALID, false, "path", "The path is not one of the Graph API's"),
            Self::Query => (400, INVALID, false, "query", "The query has what belongs into the body"),
            Self::Recipient => (400, INVALID, false, "recipient", "The recipient cannot be read"),
            Self::Refused { reason, .. } => (400, REFUSED, false, reason, "The shop answers this customer itself"),
            Self::Token => (400, INVALID, false, "token", "The fencing token cannot be read"),
            Self::TooLarge => (400, INVALID, false, "too_large", "The body is too large for a message"),
            Self::UnknownId => (400, INVALID, false, "unknown_id", "The gate does not carry requests for this id"),
        }
    }

    fn details(&self) -> &str {
        match self {
            Self::Callback => {
                "A bot that registers its own webhook on the Meta app takes the gate out of the way, and with it the \
                 shop's protection. Let the bot receive from the gate (BOT_URL), or set callback_changes = \"allow\" in \
                 the policy."
            }
            Self::GraphLost { was_send: true } => {
                "The message was handed to the Graph API, and its answer was lost. It may have been sent; the gate does \
                 not send it again."
            }
            Self::SameUnknown => {
                "The same message was handed to the Graph API a short while ago, and its answer was lost. It may have \
                 been sent, so it is not sent again before duplicate_send_seconds have passed."
            }
            Self::GraphLost { was_send: false } => "The connection to the Graph API failed. Try again later.",
            Self::NotAsked => "The message was not sent. Try again in a moment.",
            Self::NoToken => "Send the same Authorization header as to the Graph API: Bearer and the access token.",
            Self::NotConfigured => "GET /health at the gate says what is missing.",
            Self::Key => {
                "The base URL of this gate is /graph/WORD, and WORD is the secret GRAPH_KEY, or GRAPH_KEY_<LINE> for a line that has one."
            }
            Self::NoLines => {
                "Add the phone_number_id and its account to wrangler.toml: [vars.LINES.PHONE_NUMBER_ID] and below it \
                 account = \"WABA_ID\"."
            }
            Self::NotJson => "Send the message as JSON, with content-type: application/json and no content-encoding.",
            Self::Path => "A path here is made of letters, digits, dots, hyphens and underscores.",
            Self::Query => "Send the parameters of a message in its JSON body, and the method as the method.",
            Self::Recipient => {
                "to must be a phone number with its country code, or recipient a business-scoped user id; a read \
                 receipt has message_id."
            }
            Self::Refused { details, .. } => details,
            Self::Token => "x-baton-token must be the number that came with the customer's message, or be left out.",
            Self::TooLarge => "A message has at most 256 KB; upload media first and send its id.",
            Self::UnknownId => {
                "Only configured business numbers, their accounts and apps, and media by their id pass. Add the id to \
                 LINES in wrangler.toml, or call the Graph API directly."
            }
        }
    }

    /// The error as the Graph API would send it.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let (status, code, is_transient, refused, title) = self.kind();
        let body = json!({ "error": {
            "message": format!("(#{code}) {title}"),
            "type": "OAuthException",
            "code": code,
            "is_transient": is_transient,
            "error_data": { "messaging_product": "whatsapp", "details": self.details() },
            "fbtrace_id": TRACE_ID,
        }});
        let retry_after_seconds = is_transient.then_some(RETRY_AFTER_SECONDS);
        Answer { status, body: text_of(&body), refused, retry_after_seconds }
    }
}

/// What the Graph API answers to a message that it takes, for one that is dropped here. `nonce` makes the id its own.
#[must_use]
pub fn dropped(customer: &Customer, nonce: &str) -> String {
    let id = format!("{DROPPED_ID_START}{nonce}");
    let contact = match customer {
        Customer::Both(phone, bsuid) => {
            json!({ "input": phone.as_str(), "wa_id": phone.as_str(), "user_id": bsuid.as_str() })
        }
        Customer::Phone(phone) => json!({ "input": phone.as_str(), "wa_id": phone.as_str() }),
        Customer::Bsuid(bsuid) => json!({ "input": bsuid.as_str(), "user_id": bsuid.as_str() }),
    };
    text_of(&json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [{ "id": id }] }))
}

/// A document as text; what is made of texts and numbers always has one.
fn text_of(document: &Value) -> String {
    json::write(document).unwrap_or_default()
}

/// What the Graph API answers to a read receipt.
pub const SUCCESS: &str = r#"{"success":true}"#;

/// The id of the message that the Graph API has accepted with this answer.
#[must_use]
pub fn accepted_id(body: &str) -> Option<EventId> {
    let answer: Value = serde_json::from_str(body).ok()?;
    answer.pointer("/messages/0/id")?.as_str().map(EventId::named)
}

/// Whether an answer is one of the Graph API's own errors, and not of something on the way there.
#[must_use]
pub fn is_error(body: &str) -> bool {
    serde_json::from_str(body).is_ok_and(|answer: Value| answer.pointer("/error/code").is_some_and(Value::is_i64))
}

/// Meta's category of the template of this name, in an answer to `GET /{account}/message_templates`.
#[must_use]
pub fn template_category(body: &str, name: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let of_name = |template: &&Value| template.get("name").and_then(Value::as_str) == Some(name);
    let templates = answer.get("data")?.as_array()?.iter().filter(of_name);
    let mut categories = templates.map(|template| template.get("category").and_then(Value::as_str));
    let first = categories.next()??;
    // The translations of a template have one category; where they differ, none is certain.
    categories.all(|category| category == Some(first)).then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Bsuid, Phone};

    fn all() -> Vec<GraphError> {
        vec![
            GraphError::Callback,
            GraphError::GraphLost { was_send: false },
            GraphError::GraphLost { was_send: true },
            GraphError::NotAsked,
            GraphError::NoToken,
            GraphError::NotConfigured,
            GraphError::NotJson,
            GraphError::Key,
            GraphError::NoLines,
            GraphError::Path,
            GraphError::Query,
            GraphError::Recipient,
            GraphError::Refused { reason: "held_by_human", details: "The shop had answered.".to_owned() },
            GraphError::SameUnknown,
            GraphError::Token,
            GraphError::TooLarge,
            GraphError::UnknownId,
        ]
    }

    #[test]
    fn every_error_is_shaped_like_the_graph_apis() {
        for error in all() {
            let answer = error.answer();
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            let code = body["error"]["code"].as_u64().unwrap();
            assert!(body["error"]["message"].as_str().unwrap().starts_with(&format!("(#{code}) ")), "{body}");
            assert_eq!(body["error"]["type"], "OAuthException");
            assert!(body["error"]["error_data"]["details"].as_str().unwrap().ends_with('.'), "{body}");
            assert!(body["error"]["fbtrace_id"].is_string() && !answer.refused.is_empty());
            assert!((400..=503).contains(&answer.status));
        }
    }

    #[test]
    fn only_what_was_certainly_not_sent_invites_to_try_again() {
        for error in all() {
            let answer = error.answer();
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            let by_status = matches!(answer.status, 408 | 409 | 413 | 425 | 429 | 500..);
            let invites = body["error"]["is_transient"] == true;
            assert_eq!((by_status, answer.retry_after_seconds.is_some()), (invites, invites), "{error:?}");
            let may = matches!(
                error,
                GraphError::GraphLost { was_send: false } | GraphError::NotAsked | GraphError::NotConfigured
            );
            assert_eq!(invites, may, "{error:?}");
        }
    }

    #[test]
    fn a_dropped_message_looks_accepted_and_is_recognised() {
        let (phone, bsuid) = (Phone::parse("34600111222"), Bsuid::parse("ES.1"));
        for (customer, key) in [
            (Customer::from_names(phone.clone(), None).unwrap(), "wa_id"),
            (Customer::from_names(None, bsuid.clone()).unwrap(), "user_id"),
            (Customer::from_names(phone, bsuid).unwrap(), "wa_id"),
        ] {
            let body = dropped(&customer, "abc");
            assert_eq!(accepted_id(&body), Some(EventId::named("wamid.baton.dropped.abc")));
            let body: Value = serde_json::from_str(&body).unwrap();
            assert!(body["contacts"][0][key].is_string() && body["contacts"][0]["input"].is_string(), "{body}");
        }
    }

    #[test]
    fn the_graph_apis_answers_are_read_as_far_as_needed() {
        let accepted = r#"{"messaging_product":"whatsapp","contacts":[],"messages":[{"id":"wamid.\u0041","message_status":"accepted"}]}"#;
        assert_eq!(accepted_id(accepted), Some(EventId::named("wamid.A")));
        for other in ["", "{}", r#"{"success":true}"#, r#"{"messages":[]}"#, r#"{"error":{"code":1}}"#] {
            assert_eq!(accepted_id(other), None, "{other}");
        }
        let templates = r#"{"data":[{"name":"order_1","category":"UTILITY","id":"1"},{"name":"order","category":"MARKETING"},
            {"name":"order_1","category":"UTILITY"},{"name":"twice","category":"UTILITY"},{"name":"twice","category":"MARKETING"}]}"#;
        for (name, category) in
            [("order", Some("MARKETING")), ("order_1", Some("UTILITY")), ("twice", None), ("x", None)]
        {
            assert_eq!(template_category(templates, name).as_deref(), category, "{name}");
        }
    }
}
