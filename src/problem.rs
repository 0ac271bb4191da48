//! Public errors: one enum, one status each, as problem details (RFC 9457).
//!
//! Invariant: what leaves here was written here. A detail is a fixed sentence or the name of a setting; it
//! never carries a body, a customer, a secret, or what a library said.
//!
//! | status | who acts |
//! |---|---|
//! | 401, 403 | whoever called: the signature or the token is not this gate's |
//! | 404, 405, 413 | whoever called |
//! | 500 | nobody: Meta sends again, and what was stored is recognised |
//! | 503 | the operator: the deployment lacks something, and the detail names it |

use serde::Serialize;

use crate::settings::SettingsError;
use crate::webhook::handshake::HandshakeError;
use crate::webhook::signature::SignatureError;

/// An error that a caller is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The body is larger than [`crate::limits::WEBHOOK_BODY_BYTES_MAX`].
    BodyTooLarge,
    /// The handshake is refused.
    Handshake(HandshakeError),
    /// The method is not one of those that this path knows.
    MethodNotAllowed {
        /// The methods that it knows.
        allow: &'static str,
    },
    /// The deployment lacks something.
    NotConfigured(Vec<SettingsError>),
    /// There is nothing here.
    NotFound,
    /// The delivery could not be stored, so it is not acknowledged.
    NotStored,
    /// The delivery is not Meta's.
    Signature(SignatureError),
    /// The operator's token is missing or wrong.
    Unauthorized,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: String,
}

impl Problem {
    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::Handshake(_) => 403,
            Self::MethodNotAllowed { .. } => 405,
            Self::NotConfigured(_) => 503,
            Self::NotFound => 404,
            Self::NotStored => 500,
            Self::Signature(_) | Self::Unauthorized => 401,
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
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::BodyTooLarge => "The body is too large",
            Self::Handshake(_) => "The handshake is refused",
            Self::MethodNotAllowed { .. } => "This path does not know this method",
            Self::NotConfigured(_) => "The gate is not fully configured",
            Self::NotFound => "There is nothing here",
            Self::NotStored => "The delivery could not be stored",
            Self::Signature(_) => "The delivery is not signed by the Meta app",
            Self::Unauthorized => "The operator's token is missing or wrong",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::BodyTooLarge => "Meta's deliveries have at most 3 MB.".to_owned(),
            Self::Handshake(error) => format!("{error}."),
            Self::MethodNotAllowed { allow } => format!("It knows {allow}."),
            Self::NotConfigured(errors) => {
                let told: Vec<String> = errors.iter().map(|error| format!("{error}.")).collect();
                told.join(" ")
            }
            Self::NotFound => "The paths are /webhook, /health, /api/v1/conversations/{line}/{customer}, also with /replay, and those of the Graph API: /v23.0/… or /graph/….".to_owned(),
            Self::NotStored => "Nothing was acknowledged; send it again.".to_owned(),
            Self::Signature(error) => format!("{error}."),
            Self::Unauthorized => "Send `Authorization: Bearer` with the value of ADMIN_TOKEN.".to_owned(),
        }
    }

    /// The problem document.
    #[must_use]
    pub fn body(&self) -> String {
        let body = Body { r#type: self.id(), title: self.title(), status: self.status(), detail: self.detail() };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The `Allow` header, where the status demands one.
    #[must_use]
    pub const fn allow(&self) -> Option<&'static str> {
        match self {
            Self::MethodNotAllowed { allow } => Some(allow),
            Self::BodyTooLarge
            | Self::Handshake(_)
            | Self::NotConfigured(_)
            | Self::NotFound
            | Self::NotStored
            | Self::Signature(_)
            | Self::Unauthorized => None,
        }
    }
}
