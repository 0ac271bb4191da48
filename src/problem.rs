//! Public errors: one enum, one status each, as problem details (RFC 9457).
//!
//! Invariant: what leaves here was written here. A detail is a fixed sentence or the name of a setting; it
//! never carries a body, a customer, a secret, or what a library said.
//!
//! | status | who acts |
//! |---|---|
//! | 400, 404, 405, 409, 413, 422, 426 | whoever called: the detail says what was expected |
//! | 401, 403 | whoever called: the signature, the token or the session is not this gate's, or is another line's |
//! | 429 | whoever called, later |
//! | 500 | nobody: Meta sends again, and what was stored is recognised |
//! | 503 | the operator: the deployment lacks something, and the detail names it |

use serde::Serialize;

use crate::json;
use crate::policy::PolicyError;
use crate::settings::SettingsError;
use crate::time::Millis;
use crate::webhook::handshake::HandshakeError;
use crate::webhook::signature::SignatureError;

/// An error that a caller is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The body is larger than [`crate::limits::WEBHOOK_BODY_BYTES_MAX`].
    BodyTooLarge,
    /// The session's CSRF token is missing or wrong.
    Csrf,
    /// The handshake is refused.
    Handshake(HandshakeError),
    /// The method is not one of those that this path knows.
    MethodNotAllowed {
        /// The methods that it knows.
        allow: &'static str,
    },
    /// The body is not the JSON document that was expected.
    Malformed {
        /// What was expected.
        wanted: &'static str,
    },
    /// Somebody has changed the policy since.
    NewerPolicy {
        /// The version that there is now.
        version: u32,
    },
    /// The deployment has no place for what is to be kept: the name of a binding.
    NoBinding(&'static str),
    /// The deployment lacks something.
    NotConfigured(Vec<SettingsError>),
    /// There is nothing here.
    NotFound,
    /// It could not be stored or read, so it is not acknowledged.
    NotStored,
    /// The caller's token is a line's, and this concerns more than that line.
    OtherLine,
    /// A parameter is missing or is not of its form.
    Parameter {
        /// Its name.
        name: &'static str,
        /// What was expected.
        wanted: &'static str,
    },
    /// The policy has mistakes.
    Policy(Vec<PolicyError>),
    /// The delivery is not Meta's.
    Signature(SignatureError),
    /// Too many failed attempts to sign in from this address.
    TooManyAttempts {
        /// When to try again.
        retry_after: Millis,
    },
    /// The operator's token is missing or wrong.
    Unauthorized,
    /// A parameter is of its form, and still nothing that can be done.
    Unfit {
        /// Its name.
        name: &'static str,
        /// What was expected.
        wanted: &'static str,
    },
    /// Only a WebSocket can be opened here.
    WebSocketOnly,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mistakes: Option<Vec<Mistake<'a>>>,
}

/// Something that is wrong with a policy.
#[derive(Debug, Serialize)]
pub struct Mistake<'a> {
    /// Where.
    path: &'a str,
    /// What, and how to mend it.
    message: String,
}

impl<'a> Mistake<'a> {
    /// The mistakes of a policy as they are shown.
    #[must_use]
    pub fn all(errors: &'a [PolicyError]) -> Vec<Self> {
        errors.iter().map(|error| Mistake { path: &error.path, message: error.reason.clone() }).collect()
    }
}

impl Problem {
    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::Csrf | Self::Handshake(_) | Self::OtherLine => 403,
            Self::MethodNotAllowed { .. } => 405,
            Self::NoBinding(_) | Self::NotConfigured(_) => 503,
            Self::NotFound => 404,
            Self::NotStored => 500,
            Self::Signature(_) | Self::Unauthorized => 401,
            Self::Malformed { .. } | Self::Parameter { .. } => 400,
            Self::NewerPolicy { .. } => 409,
            Self::Policy(_) | Self::Unfit { .. } => 422,
            Self::TooManyAttempts { .. } => 429,
            Self::WebSocketOnly => 426,
        }
    }

    /// A name for the kind of error that stays the same.
    const fn id(&self) -> &'static str {
        match self {
            Self::BodyTooLarge => "urn:baton:problem:body-too-large",
            Self::Handshake(_) => "urn:baton:problem:handshake-refused",
            Self::MethodNotAllowed { .. } => "urn:baton:problem:method-not-allowed",
            Self::NotConfigured(_) => "urn:baton:problem:not-configured",
            Self::NotFound => "urn:baton:problem:not-found",
            Self::NotStored => "urn:baton:problem:not-stored",
            Self::Signature(_) => "urn:baton:problem:signature-refused",
            Self::Unauthorized => "urn:baton:problem:unauthorized",
            Self::Csrf => "urn:baton:problem:csrf",
            Self::Malformed { .. } => "urn:baton:problem:malformed",
            Self::NewerPolicy { .. } => "urn:baton:problem:newer-policy",
            Self::NoBinding(_) => "urn:baton:problem:no-binding",
            Self::OtherLine => "urn:baton:problem:other-line",
            Self::Parameter { .. } => "urn:baton:problem:parameter",
            Self::Policy(_) => "urn:baton:problem:policy-refused",
            Self::TooManyAttempts { .. } => "urn:baton:problem:too-many-attempts",
            Self::Unfit { .. } => "urn:baton:problem:unfit",
            Self::WebSocketOnly => "urn:baton:problem:websocket-only",
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::BodyTooLarge => "The body is too large",
            Self::Handshake(_) => "The handshake is refused",
            Self::MethodNotAllowed { .. } => "This path does not know this method",
            Self::NotConfigured(_) => "The gate is not fully configured",
            Self::NotFound => "There is nothing here",
            Self::NotStored => "It could not be stored or read",
            Self::Signature(_) => "The delivery is not signed by the Meta app",
            Self::Unauthorized => "The operator's token is missing or wrong",
            Self::Csrf => "The session's CSRF token is missing or wrong",
            Self::Malformed { .. } => "The body is not what was expected",
            Self::NewerPolicy { .. } => "The policy has changed meanwhile",
            Self::NoBinding(_) => "The deployment lacks a binding",
            Self::OtherLine => "The token is another line's",
            Self::Parameter { .. } | Self::Unfit { .. } => "A parameter is not what was expected",
            Self::Policy(_) => "The policy has mistakes",
            Self::TooManyAttempts { .. } => "Too many failed attempts",
            Self::WebSocketOnly => "Only a WebSocket can be opened here",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::BodyTooLarge => "Meta's deliveries have at most 3 MB, what the operator sends at most 256 KiB.".to_owned(),
            Self::Handshake(error) => format!("{error}."),
            Self::MethodNotAllowed { allow } => format!("It knows {allow}."),
            Self::NotConfigured(errors) => {
                let told: Vec<String> = errors.iter().map(|error| format!("{error}.")).collect();
                told.join(" ")
            }
            Self::NotFound => "The paths are /webhook, /webhook/<APP>, /health, /desk/, /metrics, those of /api/v1/openapi.json, and those of the Graph API: /v23.0/… or /graph/….".to_owned(),
            Self::NotStored => "Nothing was changed or acknowledged; send it again. Where that does not help, `store_failed` in the gate's log says why.".to_owned(),
            Self::Signature(error) => format!("{error}."),
            Self::Unauthorized => "Send `Authorization: Bearer` with the value of ADMIN_TOKEN, or of ADMIN_TOKEN_<LINE> for one line.".to_owned(),
            Self::Csrf => "Send the `csrf` of GET /api/v1/session as the header x-csrf-token.".to_owned(),
            Self::Malformed { wanted } => format!("The body must be {wanted}."),
            Self::NewerPolicy { version } => {
                format!("Version {version} was written since; read it, and send the change with its number.")
            }
            Self::NoBinding(name) => format!("Bind {name} in wrangler.toml and deploy again."),
            Self::OtherLine => "The token opens one line: its own conversations, lists and statistics, and its policy with `?line=`.".to_owned(),
            Self::Parameter { name, wanted } | Self::Unfit { name, wanted } => format!("`{name}` must be {wanted}."),
            Self::Policy(errors) => {
                let told: Vec<String> = errors.iter().map(|error| format!("{error}.")).collect();
                told.join(" ")
            }
            Self::TooManyAttempts { retry_after } => {
                format!("Wait {} seconds and try again.", retry_after.as_seconds())
            }
            Self::WebSocketOnly => "Send `Upgrade: websocket`.".to_owned(),
        }
    }

    /// The problem document.
    #[must_use]
    pub fn body(&self) -> String {
        let mistakes = if let Self::Policy(errors) = self { Some(Mistake::all(errors)) } else { None };
        let body =
            Body { r#type: self.id(), title: self.title(), status: self.status(), detail: self.detail(), mistakes };
        json::write(&body).unwrap_or_default()
    }

    /// The header that the status demands beside the body.
    #[must_use]
    pub fn header(&self) -> Option<(&'static str, String)> {
        match self {
            Self::MethodNotAllowed { allow } => Some(("allow", (*allow).to_owned())),
            Self::TooManyAttempts { retry_after } => Some(("retry-after", retry_after.as_seconds().to_string())),
            Self::WebSocketOnly => Some(("upgrade", "websocket".to_owned())),
            Self::BodyTooLarge
            | Self::Csrf
            | Self::Handshake(_)
            | Self::Malformed { .. }
            | Self::NewerPolicy { .. }
            | Self::NoBinding(_)
            | Self::NotConfigured(_)
            | Self::NotFound
            | Self::NotStored
            | Self::OtherLine
            | Self::Parameter { .. }
            | Self::Policy(_)
            | Self::Signature(_)
            | Self::Unauthorized
            | Self::Unfit { .. } => None,
        }
    }
}
