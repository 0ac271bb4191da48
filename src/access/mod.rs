//! Who may ask the operator's API, as far as that is no matter of the runtime.
//!
//! | file | what |
//! |---|---|
//! | [`session`] | the session cookie, and the CSRF token of whoever is let in by what a browser sends by itself |
//! | [`scope`] | what of a deployment a caller may ask about |
//! | [`attempts`] | how many wrong tokens an address may try |
//! | [`jwt`] | the assertion of Cloudflare Access |
//!
//! Invariant: a [`Caller`] is made only of a token, a cookie or an assertion that was found good, and whoever came by
//! what a browser sends by itself changes nothing without the CSRF token, from no other origin than the gate's own.
//!
//! Sessions are written down nowhere: a cookie is good because the gate signed it. So a session ends with its time or
//! with the token that it was begun with, the deployment's or a line's, which is good for as long as it is set, under its
//! own name or as the one before; signing out takes the cookie away, not its validity.
//!
//! Not here: reading headers, asking the office, checking an assertion's signature (`edge::access`, `edge::certs`).

pub mod attempts;
pub mod jwt;
pub mod scope;
pub mod session;

use crate::secret::{Secret, Which};
use crate::time::UnixMillis;
use scope::Scope;
use session::Keys;

/// How a caller was let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// By Cloudflare Access.
    Access,
    /// By the cookie of a session.
    Session,
    /// By the operator's token.
    Token,
}

/// Who was let in.
#[derive(Clone, Debug)]
pub struct Caller {
    /// How.
    pub by: By,
    /// What they send along with what changes something.
    pub csrf: String,
    /// When they have to sign in again; `None` for a token, which is sent each time.
    pub expires_at: Option<UnixMillis>,
    /// What they may ask about.
    pub scope: Scope,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// To look.
    Read,
    /// To open a stream, for which a browser asks no other origin's leave and sends no header of a page's.
    Stream,
    /// To change something.
    Write,
}

/// What a request says of the page that it comes from.
#[derive(Clone, Debug)]
pub struct Page {
    /// The header `x-csrf-token`.
    pub csrf: Option<String>,
    /// The header `Origin`.
    pub origin: Option<String>,
    /// The gate's own origin.
    pub own_origin: String,
}

impl Page {
    /// Whether it is not of another origin, as far as it says.
    #[must_use]
    pub fn is_not_foreign(&self) -> bool {
        self.origin.as_ref().is_none_or(|origin| *origin == self.own_origin)
    }
}

impl By {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Session => "session",
            Self::Token => "token",
        }
    }
}

impl Caller {
    /// Whoever sent the token that these keys are of.
    #[must_use]
    pub fn by_token(keys: &Keys) -> Self {
        let (csrf, scope) = (keys.csrf("token", "", Which::Current), keys.scope().clone());
        Self { by: By::Token, csrf, expires_at: None, scope }
    }

    /// Whether this caller may do this from this page. A token is sent by nobody but who means it; cookies and the
    /// assertions of Access are sent by browsers, whoever's page asks them to.
    #[must_use]
    pub fn may(&self, purpose: Purpose, page: &Page) -> bool {
        match (self.by, purpose) {
            (By::Token, _) | (_, Purpose::Read) => true,
            (By::Access | By::Session, Purpose::Stream) => page.origin.as_ref() == Some(&page.own_origin),
            (By::Access | By::Session, Purpose::Write) => {
                let own = Secret::new(self.csrf.as_str());
                let presented = page.csrf.as_deref().unwrap_or_default();
                page.is_not_foreign() && own.is_some_and(|own| own.matches(presented.as_bytes()))
            }
        }
    }

    /// What the API shows of it, as JSON: nothing in it needs an escape.
    #[must_use]
    pub fn shown(&self) -> String {
        let expires_at = self.expires_at.map_or_else(|| "null".to_owned(), |at| at.as_millis().to_string());
        let line = self.scope.line().map_or_else(|| "null".to_owned(), |line| format!("\"{}\"", line.as_str()));
        format!(r#"{{"csrf":"{}","expires_at_ms":{expires_at},"by":"{}","line":{line}}}"#, self.csrf, self.by.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://gate.example.com";

    #[test]
    fn what_a_browser_sends_by_itself_changes_nothing_without_the_csrf_token_and_from_no_other_origin() {
        let caller = |by| Caller { by, csrf: "c5".to_owned(), expires_at: None, scope: Scope::Deployment };
        for (csrf, origin, write, stream) in [
            (Some("c5"), Some(OWN), true, true),
            (Some("c5"), None, true, false),
            (Some("c6"), Some(OWN), false, true),
            (Some(""), Some(OWN), false, true),
            (None, Some(OWN), false, true),
            (Some("c5"), Some("https://gate.example.com.evil.example"), false, false),
            (Some("c5"), Some("http://gate.example.com"), false, false),
            (Some("c5"), Some("null"), false, false),
            (Some("c5"), Some(""), false, false),
        ] {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let page = Page { csrf: text(csrf), origin: text(origin), own_origin: OWN.to_owned() };
            for by in [By::Access, By::Session] {
                let may = |purpose| caller(by).may(purpose, &page);
                assert_eq!((may(Purpose::Write), may(Purpose::Stream)), (write, stream), "{by:?} {page:?}");
                assert!(may(Purpose::Read));
            }
            let may = |purpose| caller(By::Token).may(purpose, &page);
            assert!(may(Purpose::Read) && may(Purpose::Write) && may(Purpose::Stream));
        }
    }
}
