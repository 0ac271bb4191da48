//! The address of a request to the Graph API: what it may do, and whether the gate carries it.
//!
//! | address, after an optional `/graph` and an optional version | what it is |
//! |---|---|
//! | `POST /{line}/messages`, `POST /{line}/marketing_messages` | [`Kind::Send`]: the fence decides |
//! | any change of `/{id}/subscriptions` or `/{id}/subscribed_apps` | [`Kind::Callback`]: where Meta delivers to |
//! | `/oauth/access_token` | [`Kind::AppToken`]: what a bot needs for that |
//! | `POST /{line}` | [`Kind::LineUpdate`]: may change where Meta delivers to |
//! | anything else of a configured line, account or app | [`Kind::Other`] |
//! | `GET` or `DELETE /{number}` | [`Kind::Other`]: a medium, whose number nobody can configure |
//!
//! Invariant: an address exists only for what is configured, so the gate is no relay for strangers; and what the
//! Graph API would take for a send is one here. It takes parameters from the query as well as from the body, lets one
//! of them replace the method, and takes many requests in one at its root (Meta, "Graph API", 2026): a query may
//! therefore bring nothing to a send but what is named in `HARMLESS`, and nothing anywhere that replaces the method.

use url::form_urlencoded;

use super::answer::GraphError;
use crate::ids::{AccountId, LineId};
use crate::limits::{GRAPH_NUMBER_DIGITS_MAX, GRAPH_PATH_SEGMENTS_MAX};

/// The prefix under which a bot may address the Graph API, where the gate's root does not suit it.
const PREFIX: &str = "graph";

/// Where apps get their tokens.
const OAUTH: &str = "oauth";

/// What a query may bring to an address that the gate looks into.
const HARMLESS: [&str; 8] =
    ["access_token", "appsecret_proof", "appsecret_time", "debug", "fields", "locale", "pretty", "summary"];

/// Parameters that would make a request another one.
const REPLACING: [&str; 3] = ["batch", "method", "_method"];

/// The business numbers of the deployment as Meta knows them, and what belongs to them there.
///
/// A list is enough for a deployment's few, and a map is code that each of a Worker's starts pays for.
#[derive(Clone, Debug, Default)]
pub struct Lines(Vec<Line>);

/// A business number, its account and its app.
#[derive(Clone, Debug)]
struct Line {
    id: LineId,
    account: Option<AccountId>,
    app: Option<AccountId>,
}

/// A request of the bot's to the Graph API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The path at the Graph API, with its version where the bot gave one.
    pub path: String,
    /// The version with its slash, `/v23.0`; empty where the bot gave none.
    pub version: String,
    /// What it may do.
    pub kind: Kind,
    /// The line that it concerns: the one that it names, or the first of the account.
    pub line: Option<LineId>,
}

/// What a request may do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Get an app's token, which a bot wants to change where Meta delivers webhooks to. It needs none before.
    AppToken,
    /// Change where Meta delivers webhooks to.
    Callback {
        /// Whether the app or the account is configured.
        is_known: bool,
    },
    /// Change a line's settings, where Meta delivers to among them.
    LineUpdate,
    /// Neither reach a customer nor change where Meta delivers to.
    Other,
    /// Reach a customer.
    Send(LineId),
}

impl Lines {
    /// Adds a line, the account that it belongs to, and the Meta app.
    pub fn add(&mut self, id: LineId, account: Option<AccountId>, app: Option<AccountId>) {
        self.0.push(Line { id, account, app });
    }

    /// Those of these lines that `keep` says yes to, with what belongs to them and to no other.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&LineId) -> bool) -> Self {
        Self(self.0.iter().filter(|line| keep(&line.id)).cloned().collect())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines of an account.
    pub fn of_account(&self, account: &str) -> impl Iterator<Item = &LineId> {
        let belongs = move |line: &&Line| line.account.as_ref().is_some_and(|known| known.as_str() == account);
        self.0.iter().filter(belongs).map(|line| &line.id)
    }

    /// Every line.
    pub fn all(&self) -> impl Iterator<Item = &LineId> {
        self.0.iter().map(|line| &line.id)
    }

    /// The account of a line.
    #[must_use]
    pub fn account(&self, line: &LineId) -> Option<&AccountId> {
        self.find(line.as_str())?.account.as_ref()
    }

    /// The app of a line.
    #[must_use]
    pub fn app(&self, line: &LineId) -> Option<&AccountId> {
        self.find(line.as_str())?.app.as_ref()
    }

    /// Every app, each once.
    #[must_use]
    pub fn apps(&self) -> Vec<&AccountId> {
        let mut apps = Vec::new();
        for app in self.0.iter().filter_map(|line| line.app.as_ref()) {
            if !apps.contains(&app) {
                apps.push(app);
            }
        }
        apps
    }

    fn find(&self, node: &str) -> Option<&Line> {
        self.0.iter().find(|line| line.id.as_str() == node)
    }

    fn line(&self, node: &str) -> Option<&LineId> {
        self.find(node).map(|line| &line.id)
    }

    fn has_other(&self, node: &str) -> bool {
        let is_node = |id: &Option<AccountId>| id.as_ref().is_some_and(|id| id.as_str() == node);
        self.0.iter().any(|line| is_node(&line.account) || is_node(&line.app))
    }
}

/// The word behind `/graph/`, and the path without it; `None` where there is no such word.
#[must_use]
pub fn word_of(path: &str) -> Option<(&str, &str)> {
    let behind = path.strip_prefix('/')?.strip_prefix(PREFIX)?.strip_prefix('/')?;
    behind.split_at_checked(behind.find('/')?)
}

/// Whether a path is one of the Graph API's and none of the gate's own.
#[must_use]
pub fn is_graph(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    first == PREFIX || first == OAUTH || is_version(first) || is_number(first)
}

impl Target {
    /// Reads the method, the path and the query of a request.
    ///
    /// # Errors
    ///
    /// [`GraphError`] where the gate does not carry the request.
    pub fn parse(method: &str, path: &str, query: Option<&str>, lines: &Lines) -> Result<Self, GraphError> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        // What leads up or nowhere would be another path at the Graph API.
        let plain = |segment: &&str| {
            !matches!(*segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        if segments.len() > GRAPH_PATH_SEGMENTS_MAX || !segments.iter().all(plain) {
            return Err(GraphError::Path);
        }
        let segments = segments.strip_prefix(&[PREFIX]).unwrap_or(&segments);
        let (version, rest) = match segments {
            [version, rest @ ..] if is_version(version) => (format!("/{version}"), rest),
            rest => (String::new(), rest),
        };
        let [node, edges @ ..] = rest else { return Err(GraphError::UnknownId) };
        let edge = edges.first().map(|edge| edge.to_ascii_lowercase());
        let changes = !matches!(method, "GET" | "HEAD");
        let line = lines.line(node);
        let kind = match edge.as_deref() {
            Some("subscriptions" | "subscribed_apps") if changes => {
                Kind::Callback { is_known: line.is_some() || lines.has_other(node) }
            }
            Some("access_token") if node.eq_ignore_ascii_case(OAUTH) => Kind::AppToken,
            Some("messages" | "marketing_messages") if changes => {
                Kind::Send(line.ok_or(GraphError::UnknownId)?.clone())
            }
            None if changes && method != "DELETE" && line.is_some() => Kind::LineUpdate,
            Some(_) | None if line.is_some() || lines.has_other(node) => Kind::Other,
            None if matches!(method, "GET" | "HEAD" | "DELETE") && is_number(node) => Kind::Other,
            Some(_) | None => return Err(GraphError::UnknownId),
        };
        let is_looked_into = matches!(kind, Kind::LineUpdate | Kind::Send(_));
        if query.is_some_and(|query| !is_plain_query(query, is_looked_into)) {
            return Err(GraphError::Query);
        }
        let line = line.or_else(|| lines.of_account(node).next()).cloned();
        Ok(Self { path: format!("{version}/{}", rest.join("/")), version, kind, line })
    }
}

/// Whether an access token came along, in the header or where the Graph API takes it as well.
#[must_use]
pub fn has_token(authorization: Option<&str>, query: Option<&str>) -> bool {
    let scheme_and_token = authorization.and_then(|header| header.trim().split_once(' '));
    let in_header = scheme_and_token.is_some_and(|(scheme, token)| {
        ["bearer", "oauth"].contains(&scheme.to_ascii_lowercase().as_str()) && !token.trim().is_empty()
    });
    let is_token = |(key, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        key == "access_token" && !value.is_empty()
    };
    in_header || query.is_some_and(|query| form_urlencoded::parse(query.as_bytes()).any(is_token))
}

/// Whether a query changes nothing about what a request does.
fn is_plain_query(query: &str, is_looked_into: bool) -> bool {
    form_urlencoded::parse(query.as_bytes()).all(|(key, _)| {
        // The Graph API's own language takes spaces and dots in a name for something else.
        let key = key.trim().to_ascii_lowercase().replace([' ', '.'], "_");
        let name = key.split('[').next().unwrap_or_default();
        if is_looked_into { HARMLESS.contains(&name) } else { !REPLACING.contains(&name) }
    })
}

fn is_version(segment: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let version = segment.strip_prefix('v').and_then(|version| version.split_once('.'));
    version.is_some_and(|(major, minor)| is_digits(major) && is_digits(minor))
}

fn is_number(segment: &str) -> bool {
    (1..=GRAPH_NUMBER_DIGITS_MAX).contains(&segment.len()) && segment.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        let mut lines = Lines::default();
        let id = |text| AccountId::parse(text);
        lines.add(LineId::parse("300").unwrap(), id("200"), id("100"));
        lines.add(LineId::parse("301").unwrap(), None, None);
        lines
    }

    fn kind(method: &str, address: &str) -> Result<Kind, GraphError> {
        let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
        Target::parse(method, path, query, &lines()).map(|target| target.kind)
    }

    #[test]
    fn every_address_is_what_it_may_do() {
        let send = |line| Ok(Kind::Send(LineId::parse(line).unwrap()));
        for (method, address, expected) in [
            ("POST", "/v23.0/300/messages", send("300")),
            ("POST", "/300/messages", send("300")),
            ("POST", "/graph/v23.0/301/messages", send("301")),
            ("POST", "/graph/300/messages/", send("300")),
            ("POST", "/v23.0/300/Messages", send("300")),
            ("POST", "/v23.0/300/marketing_messages", send("300")),
            ("POST", "/v23.0/300/messages?access_token=x&fields=id", send("300")),
            ("GET", "/v23.0/300/messages?debug=all", Ok(Kind::Other)),
            ("POST", "/v23.0/302/messages", Err(GraphError::UnknownId)),
            ("POST", "/v23.0/200/messages", Err(GraphError::UnknownId)),
            ("POST", "/v23.0/300/messages?to=34600000000", Err(GraphError::Query)),
            ("POST", "/v23.0/300/messages?text[body]=x", Err(GraphError::Query)),
            ("GET", "/v23.0/300/messages?method=post", Err(GraphError::Query)),
            ("GET", "/v23.0/300?Method=post", Err(GraphError::Query)),
            ("GET", "/v23.0/300?%6dethod=post", Err(GraphError::Query)),
            ("GET", "/v23.0/300?%20method=post", Err(GraphError::Query)),
            ("GET", "/v23.0/200/message_templates?name=a&fields=category", Ok(Kind::Other)),
            ("POST", "/v23.0/300/media", Ok(Kind::Other)),
            ("GET", "/v23.0/300", Ok(Kind::Other)),
            ("POST", "/v23.0/300/register", Ok(Kind::Other)),
            ("POST", "/v23.0/300/register/../messages", Err(GraphError::Path)),
            ("POST", "/v23.0/300/./messages", Err(GraphError::Path)),
            ("GET", "/v23.0/1234567890", Ok(Kind::Other)),
            ("DELETE", "/1234567890?phone_number_id=300", Ok(Kind::Other)),
            ("POST", "/v23.0/1234567890", Err(GraphError::UnknownId)),
            ("GET", "/v23.0/1234567890/phone_numbers", Err(GraphError::UnknownId)),
            ("GET", "/v23.0/me", Err(GraphError::UnknownId)),
            ("POST", "/v19.0/oauth/access_token", Ok(Kind::AppToken)),
            ("GET", "/v19.0/oauth/access_token?client_id=1&client_secret=x", Ok(Kind::AppToken)),
            ("POST", "/v23.0", Err(GraphError::UnknownId)),
            ("POST", "/graph", Err(GraphError::UnknownId)),
            ("POST", "/v23.0/300", Ok(Kind::LineUpdate)),
            ("POST", "/v23.0/300?webhook_configuration=x", Err(GraphError::Query)),
            ("POST", "/v23.0/100/subscriptions", Ok(Kind::Callback { is_known: true })),
            ("POST", "/v23.0/999/subscriptions", Ok(Kind::Callback { is_known: false })),
            ("DELETE", "/v23.0/100/Subscriptions?object=x", Ok(Kind::Callback { is_known: true })),
            ("POST", "/v23.0/200/subscribed_apps", Ok(Kind::Callback { is_known: true })),
            ("GET", "/v23.0/200/subscribed_apps", Ok(Kind::Other)),
            ("GET", "/v23.0/100/subscriptions", Ok(Kind::Other)),
            ("GET", "/v23.0/999/subscriptions", Err(GraphError::UnknownId)),
            ("POST", "/v23.0//300/messages", Err(GraphError::Path)),
            ("POST", "/v23.0/300/%6dessages", Err(GraphError::Path)),
            ("POST", "/v23.0/300/a/b/c/d/e/f", Err(GraphError::Path)),
        ] {
            assert_eq!(kind(method, address), expected, "{method} {address}");
        }
    }

    #[test]
    fn a_token_is_where_the_graph_api_looks_for_one() {
        for (header, query, expected) in [
            (Some("Bearer EAAG"), None, true),
            (Some("bearer  EAAG"), None, true),
            (Some("OAuth EAAG"), None, true),
            (None, Some("access_token=EAAG"), true),
            (Some("Bearer "), None, false),
            (Some("Bearer"), None, false),
            (Some("Basic EAAG"), None, false),
            (None, Some("access_token="), false),
            (None, Some("token=EAAG"), false),
            (None, None, false),
        ] {
            assert_eq!(has_token(header, query), expected, "{header:?} {query:?}");
        }
    }

    #[test]
    fn a_word_stands_between_the_prefix_and_the_rest() {
        for (path, expected) in [
            ("/graph/word-1/v23.0/300/messages", Some(("word-1", "/v23.0/300/messages"))),
            ("/graph/word-1/300/messages", Some(("word-1", "/300/messages"))),
            ("/graph/word-1/", Some(("word-1", "/"))),
            ("/graph/word-1", None),
            ("/graph//300/messages", Some(("", "/300/messages"))),
            ("/v23.0/300/messages", None),
            ("/word-1/300/messages", None),
        ] {
            assert_eq!(word_of(path), expected, "{path}");
        }
    }

    #[test]
    fn of_fewer_lines_there_is_less_to_address() {
        let one = lines().only(|line| line.as_str() == "301");
        let kind = |address| Target::parse("POST", address, None, &one).map(|target| target.kind);
        assert_eq!(kind("/v23.0/301/messages"), Ok(Kind::Send(LineId::parse("301").unwrap())));
        for address in ["/v23.0/300/messages", "/v23.0/200/message_templates", "/v23.0/100/uploads"] {
            assert_eq!(kind(address), Err(GraphError::UnknownId), "{address}");
        }
        assert_eq!(kind("/v23.0/100/subscriptions"), Ok(Kind::Callback { is_known: false }));
        assert_eq!(lines().apps(), [&AccountId::parse("100").unwrap()]);
    }

    #[test]
    fn the_path_travels_on_without_the_prefix() {
        for (address, path, version) in [
            ("/v23.0/300/messages", "/v23.0/300/messages", "/v23.0"),
            ("/graph/v23.0/300/media/", "/v23.0/300/media", "/v23.0"),
            ("/graph/300/messages", "/300/messages", ""),
        ] {
            let target = Target::parse("POST", address, None, &lines()).unwrap();
            assert_eq!((target.path.as_str(), target.version.as_str()), (path, version));
        }
    }

    #[test]
    fn the_gates_own_paths_are_not_the_graph_apis() {
        for (path, expected) in [
            ("/v23.0/300/messages", true),
            ("/300/messages", true),
            ("/graph", true),
            ("/graph/300", true),
            ("//v23.0/x", true),
            ("/oauth/access_token", true),
            ("/webhook", false),
            ("/api/v1/conversations/300/1", false),
            ("/", false),
            ("/v23/300", false),
            ("/graphs/1", false),
        ] {
            assert_eq!(is_graph(path), expected, "{path}");
        }
    }
}
