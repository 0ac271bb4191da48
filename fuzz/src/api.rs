//! What the operator's API is asked, by whoever asks: any path and query, any cookie, any assertion, any cursor.
//!
//! The bytes are five lines: method, path, query, cookies, and the rest is an assertion of Cloudflare Access.
//!
//! Invariant: what is asked is known or a problem; what only reads is no write and the other way round; parameters are
//! within their bounds; and nobody is let in by a cookie that the gate has not made.

use baton::access::jwt::{self, Jwt};
use baton::access::scope::Scope;
use baton::access::{attempts, session};
use baton::api::{Method, Query, Route, SessionRoute};
use baton::desk::page::Key;
use baton::secret::{Rotating, Secret};
use baton::time::UnixMillis;

use crate::{Seed, Target, as_text};

const NOW: UnixMillis = UnixMillis::new(1_793_700_000_000);
const TOKEN: &str = "token of the operator";

/// This target.
pub const TARGET: Target = Target { name: "api", run, seeds, words, describe: as_text };

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let mut lines = bytes.splitn(5, |byte| *byte == b'\n').map(|line| core::str::from_utf8(line).unwrap_or_default());
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query, cookies, assertion) = (method(line()), line(), line(), line(), line());

    if let Ok(route) = Route::parse(method, path) {
        let signs_in = route == Route::Session(SessionRoute::SignIn);
        assert_eq!(route.is_write(), method != Method::Get && !signs_in, "{route:?}");
    }
    let query = Query::parse(query);
    assert!(query.limit().is_ok_and(|limit| (1..=200).contains(&limit)) || query.limit().is_err());
    assert!(
        query.line().is_err() || query.line().is_ok_and(|line| line.as_str().bytes().all(|byte| byte.is_ascii_digit()))
    );
    if let Some(key) = query.text("cursor").and_then(Key::of_cursor) {
        assert_eq!(Key::of_cursor(&key.cursor()), Some(key), "a cursor leads where it came from");
    }

    let Some(token) = Secret::new(TOKEN) else { return };
    let keys = session::Keys::of(&Rotating::from(token), Scope::Deployment);
    let own = keys.begin("0123456789abcdef0123456789abcdef", NOW, true).0;
    let own = own.split(';').next().unwrap_or_default();
    let is_own = cookies.contains(own);
    assert!(keys.read(cookies, NOW).is_none() || is_own, "a session that the gate has not begun");
    assert!(keys.read(own, NOW).is_some());

    let _ = Jwt::read(assertion);
    let _ = jwt::keys(assertion);
    let network = attempts::network(Some(cookies));
    assert!(network.len() <= cookies.len() + 64);
}

fn method(text: &str) -> Method {
    match text {
        "DELETE" => Method::Delete,
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        _ => Method::Other,
    }
}

fn seeds() -> Vec<Seed> {
    let cases = [
        ("conversation", "GET\n/api/v1/conversations/106540352242922/%2B491701234567\n\nbaton_session=1.a.2.b\n"),
        ("take", "POST\n/api/v1/conversations/106540352242922/US.1234/take\n\n\n"),
        ("list", "GET\n/api/v1/conversations\nline=1&limit=7&waiting=true&q=a%20b&cursor=3120616263\n\n"),
        ("explain", "GET\n/api/v1/explain/wamid.HBgM%2Fa==\nline=1\n\n"),
        ("policy", "PUT\n/api/v1/policy\n\na=b; baton_session=x\n"),
        ("metrics", "GET\n/metrics\n\n2001:db8::1\n"),
        ("assertion", "GET\n/api/v1/session\n\n\neyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJhdWQiOiJhIiwiZXhwIjoxfQ.AAAA"),
        (
            "keys",
            "GET\n/api/v1/lines\n\n203.0.113.7\n{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        ),
    ];
    cases.map(|(name, text)| Seed { name: name.to_owned(), bytes: text.as_bytes().to_vec() }).into()
}

fn words() -> Vec<String> {
    ["/api/v1/", "/take", "/pause", "%2F", "baton_session=", "cursor=", "limit=", "since_ms="].map(str::to_owned).into()
}
