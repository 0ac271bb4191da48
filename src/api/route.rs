//! Method and path → what is asked.
//!
//! Invariant: of a path that is known every other method is [`Problem::MethodNotAllowed`], with the methods that it
//! knows; every other path is [`Problem::NotFound`]. A route says by itself whether it changes anything, and what it
//! concerns, so that no handler can forget to ask for the right to.

use percent::decoded;

use super::query::{self, Query};
use crate::access::scope::Concern;
use crate::ids::{Customer, EventId, LineId};
use crate::problem::Problem;

/// The methods that the API knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// `DELETE`
    Delete,
    /// `GET`
    Get,
    /// Any other.
    Other,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// A customer of a line, as an operator names them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The business number.
    pub line: LineId,
    /// The customer, by one name.
    pub customer: Customer,
}

/// What is asked of the API. The operation's name in its description stands beside each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// Something about one conversation.
    Conversation(ConversationRoute, Target),
    /// Something about a line as a whole.
    Desk(DeskRoute),
    /// `diagnosis`
    Diagnosis,
    /// `explain`
    Explain(EventId),
    /// Something about the policy.
    Policy(PolicyRoute),
    /// `probeBot`
    ProbeBot,
    /// Something about the caller.
    Session(SessionRoute),
    /// `testRules`
    TestRules,
}

/// What is asked of one conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConversationRoute {
    /// `erase`
    Erase,
    /// `pause`
    Pause,
    /// `release`
    Release,
    /// `replayConversation`
    Replay,
    /// `conversation`
    Show,
    /// `take`
    Take,
}

/// What is asked of a line's desk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeskRoute {
    /// `alerts`
    Alerts,
    /// `collisions`
    Collisions,
    /// `conversations`
    Conversations,
    /// `deadLetters`
    DeadLetters,
    /// `lines`
    Lines,
    /// `live`
    Live,
    /// `GET /metrics`
    Metrics,
    /// `observation`
    Observation,
    /// `replay`
    Replay,
    /// `statistics`
    Statistics,
}

/// What is asked of the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyRoute {
    /// `checkPolicy`
    Check,
    /// `putPolicy`
    Put,
    /// `rollback`
    Rollback,
    /// `policy`
    Show,
    /// `policyVersions`
    Versions,
}

/// What is asked of the caller's session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionRoute {
    /// `session`
    Show,
    /// `signIn`
    SignIn,
    /// `signOut`
    SignOut,
}

impl Route {
    /// Reads a method and a path.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFound`], [`Problem::MethodNotAllowed`], or [`Problem::Parameter`] for a line, customer or message
    /// that is none.
    pub fn parse(method: Method, path: &str) -> Result<Self, Problem> {
        if path == "/metrics" {
            return only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Metrics));
        }
        let path = path.strip_prefix("/api/v1/").ok_or(Problem::NotFound)?;
        match path {
            "alerts" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Alerts)),
            "collisions" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Collisions)),
            "conversations" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Conversations)),
            "dead-letters" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::DeadLetters)),
            "dead-letters/replay" => only(method, Method::Post, "POST", || Self::Desk(DeskRoute::Replay)),
            "diagnosis" => only(method, Method::Get, "GET", || Self::Diagnosis),
            "diagnosis/bot" => only(method, Method::Post, "POST", || Self::ProbeBot),
            "lines" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Lines)),
            "live" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Live)),
            "observation" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Observation)),
            "policy" => match method {
                Method::Get => Ok(Self::Policy(PolicyRoute::Show)),
                Method::Put => Ok(Self::Policy(PolicyRoute::Put)),
                Method::Delete | Method::Other | Method::Post => Err(Problem::MethodNotAllowed { allow: "GET, PUT" }),
            },
            "policy/check" => only(method, Method::Post, "POST", || Self::Policy(PolicyRoute::Check)),
            "policy/rollback" => only(method, Method::Post, "POST", || Self::Policy(PolicyRoute::Rollback)),
            "policy/test" => only(method, Method::Post, "POST", || Self::TestRules),
            "policy/versions" => only(method, Method::Get, "GET", || Self::Policy(PolicyRoute::Versions)),
            "session" => match method {
                Method::Delete => Ok(Self::Session(SessionRoute::SignOut)),
                Method::Get => Ok(Self::Session(SessionRoute::Show)),
                Method::Post => Ok(Self::Session(SessionRoute::SignIn)),
                Method::Other | Method::Put => Err(Problem::MethodNotAllowed { allow: "DELETE, GET, POST" }),
            },
            "statistics" => only(method, Method::Get, "GET", || Self::Desk(DeskRoute::Statistics)),
            _ => Self::parse_named(method, path),
        }
    }

    /// Reads a path that names a message or a conversation.
    fn parse_named(method: Method, path: &str) -> Result<Self, Problem> {
        if let Some(wamid) = path.strip_prefix("explain/") {
            // A wamid is base64, which has `/` among its letters.
            let wamid = decoded(wamid).filter(|wamid| !wamid.is_empty());
            let wamid = wamid.ok_or(Problem::Parameter { name: "wamid", wanted: "the id of a message" });
            return only(method, Method::Get, "GET", || ()).and_then(|()| Ok(Self::Explain(EventId::named(&wamid?))));
        }
        let mut parts = path.strip_prefix("conversations/").ok_or(Problem::NotFound)?.split('/');
        let (Some(line), Some(customer), action, None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Problem::NotFound);
        };
        let (asked, wanted, allow) = match (action, method) {
            (None, Method::Delete) => (ConversationRoute::Erase, Method::Delete, "DELETE, GET"),
            (None, _) => (ConversationRoute::Show, Method::Get, "DELETE, GET"),
            (Some("pause"), _) => (ConversationRoute::Pause, Method::Post, "POST"),
            (Some("release"), _) => (ConversationRoute::Release, Method::Post, "POST"),
            (Some("replay"), _) => (ConversationRoute::Replay, Method::Post, "POST"),
            (Some("take"), _) => (ConversationRoute::Take, Method::Post, "POST"),
            (Some(_), _) => return Err(Problem::NotFound),
        };
        only(method, wanted, allow, || ())?;
        Ok(Self::Conversation(asked, target(line, customer)?))
    }

    /// Whether it changes anything, and so needs more than a cookie that the browser sends by itself. Signing in is
    /// none: whoever does so has nothing to send but the token.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        match self {
            Self::Conversation(asked, _) => !matches!(asked, ConversationRoute::Show),
            Self::Desk(asked) => matches!(asked, DeskRoute::Replay),
            Self::Diagnosis | Self::Explain(_) => false,
            Self::Policy(asked) => !matches!(asked, PolicyRoute::Show | PolicyRoute::Versions),
            Self::Session(asked) => matches!(asked, SessionRoute::SignOut),
            Self::ProbeBot | Self::TestRules => true,
        }
    }
}

impl Route {
    /// What it concerns: one line, each by itself, or all of them at once. The policy is all lines' unless one is named.
    ///
    /// # Errors
    ///
    /// [`Problem::Parameter`] where a line has to be named and is not, or is none.
    pub fn concern(&self, query: &Query) -> Result<Concern, Problem> {
        let named = |otherwise| match query.text("line") {
            Some(_) => query.line().map(Concern::Line),
            None => Ok(otherwise),
        };
        match self {
            Self::Conversation(_, target) => Ok(Concern::Line(target.line.clone())),
            Self::Desk(asked) => match asked {
                DeskRoute::Alerts
                | DeskRoute::Collisions
                | DeskRoute::Conversations
                | DeskRoute::DeadLetters
                | DeskRoute::Live
                | DeskRoute::Observation
                | DeskRoute::Statistics => query.line().map(Concern::Line),
                DeskRoute::Lines | DeskRoute::Metrics => Ok(Concern::EachLine),
                DeskRoute::Replay => Ok(Concern::LineOfBody),
            },
            // It shows hosts and secrets of all lines.
            Self::Diagnosis | Self::ProbeBot => Ok(Concern::Deployment),
            Self::Explain(_) => named(Concern::EachLine),
            Self::Policy(_) | Self::TestRules => named(Concern::Deployment),
            Self::Session(_) => Ok(Concern::Caller),
        }
    }
}

fn only<T>(method: Method, wanted: Method, allow: &'static str, route: impl FnOnce() -> T) -> Result<T, Problem> {
    if method == wanted { Ok(route()) } else { Err(Problem::MethodNotAllowed { allow }) }
}

fn target(line: &str, customer: &str) -> Result<Target, Problem> {
    const LINE: Problem =
        Problem::Parameter { name: "line", wanted: "the phone_number_id of a business number, in digits" };
    const CUSTOMER: Problem =
        Problem::Parameter { name: "customer", wanted: "a phone number in digits, or a user id such as US.1234" };
    let line = query::line(line).ok_or(LINE)?;
    let customer = decoded(customer).as_deref().and_then(Customer::parse).ok_or(CUSTOMER)?;
    Ok(Target { line, customer })
}

mod percent {
    //! Percent signs of a path. A `+` stands for itself there, unlike behind the `?`.

    /// The text that is meant; `None` where it is none.
    pub(super) fn decoded(text: &str) -> Option<String> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(if byte == b'%' { 16 * digit(rest.next()?)? + digit(rest.next()?)? } else { byte });
        }
        String::from_utf8(bytes).ok()
    }

    fn digit(byte: u8) -> Option<u8> {
        char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_known_by_method_and_path() {
        let target =
            || Target { line: LineId::parse("1").unwrap(), customer: Customer::parse("491701234567").unwrap() };
        for (method, path, wanted) in [
            (Method::Get, "/metrics", Route::Desk(DeskRoute::Metrics)),
            (Method::Get, "/api/v1/conversations", Route::Desk(DeskRoute::Conversations)),
            (
                Method::Get,
                "/api/v1/conversations/1/491701234567",
                Route::Conversation(ConversationRoute::Show, target()),
            ),
            (
                Method::Get,
                "/api/v1/conversations/1/%2B491701234567",
                Route::Conversation(ConversationRoute::Show, target()),
            ),
            (
                Method::Delete,
                "/api/v1/conversations/1/491701234567",
                Route::Conversation(ConversationRoute::Erase, target()),
            ),
            (
                Method::Post,
                "/api/v1/conversations/1/491701234567/take",
                Route::Conversation(ConversationRoute::Take, target()),
            ),
            (
                Method::Post,
                "/api/v1/conversations/1/491701234567/pause",
                Route::Conversation(ConversationRoute::Pause, target()),
            ),
            (Method::Get, "/api/v1/explain/wamid.a%2Fb==", Route::Explain(EventId::named("wamid.a/b=="))),
            (Method::Get, "/api/v1/explain/wamid.a/b+c", Route::Explain(EventId::named("wamid.a/b+c"))),
            (Method::Put, "/api/v1/policy", Route::Policy(PolicyRoute::Put)),
            (Method::Get, "/api/v1/diagnosis", Route::Diagnosis),
            (Method::Post, "/api/v1/diagnosis/bot", Route::ProbeBot),
        ] {
            assert_eq!(Route::parse(method, path), Ok(wanted), "{path}");
        }
    }

    #[test]
    fn what_an_operation_concerns_is_the_line_that_it_names() {
        let line = || Concern::Line(LineId::parse("1").unwrap());
        for (method, path, query, concern) in [
            (Method::Get, "/api/v1/conversations/1/491701234567", "", Some(line())),
            (Method::Post, "/api/v1/conversations/1/491701234567/take", "line=2", Some(line())),
            (Method::Get, "/api/v1/conversations", "line=1", Some(line())),
            (Method::Get, "/api/v1/conversations", "", None),
            (Method::Get, "/api/v1/live", "line=1&line=2", Some(line())),
            (Method::Get, "/api/v1/lines", "line=2", Some(Concern::EachLine)),
            (Method::Get, "/metrics", "", Some(Concern::EachLine)),
            (Method::Post, "/api/v1/dead-letters/replay", "line=2", Some(Concern::LineOfBody)),
            (Method::Get, "/api/v1/explain/wamid.x", "", Some(Concern::EachLine)),
            (Method::Get, "/api/v1/explain/wamid.x", "line=1", Some(line())),
            (Method::Get, "/api/v1/policy", "", Some(Concern::Deployment)),
            (Method::Put, "/api/v1/policy", "line=1", Some(line())),
            (Method::Put, "/api/v1/policy", "line=", None),
            (Method::Post, "/api/v1/policy/test", "", Some(Concern::Deployment)),
            (Method::Get, "/api/v1/session", "", Some(Concern::Caller)),
        ] {
            let route = Route::parse(method, path).unwrap();
            assert_eq!(route.concern(&Query::parse(query)).ok(), concern, "{path}?{query}");
        }
    }

    #[test]
    fn another_method_is_told_which_it_may_be_and_another_path_is_nothing() {
        for (method, path, allow) in [
            (Method::Post, "/api/v1/conversations", "GET"),
            (Method::Get, "/api/v1/conversations/1/2/take", "POST"),
            (Method::Put, "/api/v1/conversations/1/2", "DELETE, GET"),
            (Method::Delete, "/api/v1/policy", "GET, PUT"),
            (Method::Post, "/api/v1/diagnosis", "GET"),
            (Method::Get, "/api/v1/diagnosis/bot", "POST"),
            (Method::Other, "/api/v1/session", "DELETE, GET, POST"),
            (Method::Post, "/api/v1/explain/wamid.x", "GET"),
        ] {
            assert_eq!(Route::parse(method, path), Err(Problem::MethodNotAllowed { allow }), "{path}");
        }
        for path in [
            "/",
            "/api/v1/",
            "/api/v1/conversations/1",
            "/api/v1/conversations/1/2/take/3",
            "/api/v1/conversations/1/2/x",
            "/api/v2/lines",
        ] {
            assert_eq!(Route::parse(Method::Post, path), Err(Problem::NotFound), "{path}");
        }
        for path in [
            "/api/v1/conversations/x/2",
            "/api/v1/conversations/1/x",
            "/api/v1/conversations/1/%zz",
            "/api/v1/explain/",
        ] {
            assert!(matches!(Route::parse(Method::Get, path), Err(Problem::Parameter { .. })), "{path}");
        }
    }
}
