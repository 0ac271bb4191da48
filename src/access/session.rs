//! The session cookie, and the CSRF token.
//!
//! A cookie is `baton_session=1.<id>.<end>.<signature>`: the version of its form, a random id, when it ends in
//! milliseconds since 1970, and HMAC-SHA256 of these three under a key that is derived from the token that the session was
//! begun with. One that was begun with the token of a line names that: `2.<line>.<id>.<end>.<signature>`.
//!
//! Invariant: a cookie is good only if this gate signed it under the present token, or while that is being changed under
//! the one before it, and its time has not passed. What is signed anew is signed under the present one. It opens what its
//! token opens: the key is that token's alone, and the line is among what is signed.
//! The CSRF token is a signature too, of the session's id, so that a page must have read it from the gate. Each kind of
//! signature begins with its own word, and none can stand for another.
//!
//! Failed cookies are not counted as attempts: to guess a signature of 256 bits, any number of attempts is too few.
//!
//! Not here: randomness and time, which are arguments.

use crate::ids::LineId;
use crate::limits::{SESSION_COOKIES_MAX, SESSION_LASTS};
use crate::secret::{Rotating, Which};
use crate::time::UnixMillis;

use super::scope::Scope;
use super::{By, Caller};

/// The cookie's name.
const COOKIE: &str = "baton_session";

/// Begins a cookie that opens a line.
const OF_LINE: &str = "2.";

/// What the gate signs for itself with: the key of a token and of the one before it, and what they open.
pub struct Keys {
    keys: Rotating,
    scope: Scope,
}

impl Keys {
    /// The keys that belong to a token that opens this.
    #[must_use]
    pub fn of(token: &Rotating, scope: Scope) -> Self {
        const PURPOSE: &str = "baton access 1";
        let previous = token.previous.as_ref().map(|previous| previous.derive(PURPOSE));
        Self { keys: Rotating { current: token.current.derive(PURPOSE), previous }, scope }
    }

    /// What the token opens.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Begins a session. `id` is nobody else's; the `Set-Cookie` for it, and who is let in by it.
    #[must_use]
    pub fn begin(&self, id: &str, now: UnixMillis, is_secure: bool) -> (String, Caller) {
        let end = now.after(SESSION_LASTS);
        let payload = format!("{}{id}.{}", self.prefix(), end.as_millis());
        let value = format!("{payload}.{}", self.keys.current.sign(&format!("session {payload}")));
        (set_cookie(&value, SESSION_LASTS.as_seconds(), is_secure), self.caller(id, end, Which::Current))
    }

    /// Who is let in by the header `Cookie`, and under which of the tokens they signed in. Of several sessions in it the
    /// first good one counts.
    #[must_use]
    pub fn read(&self, cookies: &str, now: UnixMillis) -> Option<(Caller, Which)> {
        let prefix = self.prefix();
        values(cookies, COOKIE).take(SESSION_COOKIES_MAX).find_map(|value| {
            let (payload, signature) = value.rsplit_once('.')?;
            let (id, end) = payload.strip_prefix(prefix.as_str())?.split_once('.')?;
            let message = format!("session {payload}");
            let which = self.keys.which(|key| key.has_signed(&message, signature))?;
            let end = UnixMillis::new(end.parse().ok()?);
            (now < end).then(|| (self.caller(id, end, which), which))
        })
    }

    /// The CSRF token of whoever was let in in this way under this name, under one of the keys.
    #[must_use]
    pub fn csrf(&self, by: &str, name: &str, which: Which) -> String {
        let key = self.keys.get(which).unwrap_or(&self.keys.current);
        key.sign(&format!("csrf {by} {name}"))
    }

    /// An address as it is written down: to somebody without the key it says nothing, and half of the digest tells any
    /// two apart.
    #[must_use]
    pub fn address(&self, network: &str) -> String {
        let mut digest = self.keys.current.sign(&format!("address {network}"));
        digest.truncate(32);
        digest
    }

    /// A session keeps the CSRF token that it began with: the page has read it once.
    fn caller(&self, id: &str, end: UnixMillis, which: Which) -> Caller {
        Caller {
            by: By::Session,
            csrf: self.csrf("session", id, which),
            expires_at: Some(end),
            scope: self.scope.clone(),
        }
    }

    /// What a cookie under these keys begins with. A line's id has no dot in it.
    fn prefix(&self) -> String {
        self.scope.line().map_or_else(|| "1.".to_owned(), |line| format!("{OF_LINE}{}.", line.as_str()))
    }
}

/// The lines that cookies of the header `Cookie` say to open, so that only their keys need be tried. Nothing is believed
/// by that.
pub fn lines(cookies: &str) -> impl Iterator<Item = LineId> {
    let line = |value: &str| LineId::parse(value.strip_prefix(OF_LINE)?.split_once('.')?.0);
    values(cookies, COOKIE).take(SESSION_COOKIES_MAX).filter_map(line)
}

/// The `Set-Cookie` that takes the session's cookie away.
#[must_use]
pub fn end(is_secure: bool) -> String {
    set_cookie("", 0, is_secure)
}

/// `HttpOnly`: no script reads it. `SameSite=Strict`: no other site's page sends it.
fn set_cookie(value: &str, max_age_seconds: u64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// The values of the cookies of this name.
pub fn values<'a>(cookies: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    cookies.split(';').filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::time::Millis;

    const NOW: UnixMillis = UnixMillis::from_seconds(1_793_700_100);

    fn keys(token: &str) -> Keys {
        Keys::of(&Rotating::from(Secret::new(token).unwrap()), Scope::Deployment)
    }

    fn cookie(set_cookie: &str) -> String {
        set_cookie.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_session_lasts_until_its_end_or_until_the_token_changes() {
        let keys = keys("local-admin-token");
        let (set, began) = keys.begin("0123456789abcdef", NOW, true);
        let cookie = cookie(&set);
        let (found, which) = keys.read(&cookie, NOW).unwrap();
        assert_eq!(which, Which::Current);
        assert_eq!((found.by, found.expires_at), (By::Session, Some(NOW.after(SESSION_LASTS))));
        assert_eq!((&found.csrf, found.expires_at), (&began.csrf, began.expires_at));
        let last = NOW.after(Millis::new(SESSION_LASTS.as_millis() - 1));
        assert!(keys.read(&cookie, last).is_some() && keys.read(&cookie, NOW.after(SESSION_LASTS)).is_none());
        assert!(self::keys("another-admin-token").read(&cookie, NOW).is_none());
    }

    #[test]
    fn a_session_outlives_a_change_of_the_token_for_as_long_as_the_one_before_is_good() {
        let secret = |text| Secret::new(text).unwrap();
        let (set, began) = keys("old-admin-token").begin("0123456789abcdef", NOW, true);
        let cookie = cookie(&set);
        let both = Keys::of(
            &Rotating { current: secret("new-admin-token"), previous: Some(secret("old-admin-token")) },
            Scope::Deployment,
        );
        let (found, which) = both.read(&cookie, NOW).unwrap();
        assert_eq!((which, &found.csrf), (Which::Previous, &began.csrf), "and the page's CSRF token is still good");
        let (set, _) = both.begin("fedcba9876543210", NOW, true);
        assert!(keys("new-admin-token").read(&self::cookie(&set), NOW).is_some(), "a new one needs the new token only");
        assert!(keys("new-admin-token").read(&cookie, NOW).is_none());
    }

    #[test]
    fn a_cookie_that_the_gate_did_not_sign_is_none() {
        let keys = keys("local-admin-token");
        let good = cookie(&keys.begin("0123456789abcdef", NOW, true).0);
        let (payload, signature) = good.split_once('=').unwrap().1.rsplit_once('.').unwrap();
        let later = payload.replace("1.0123456789abcdef.1", "1.0123456789abcdef.2");
        assert_ne!(later, payload);
        for value in [
            String::new(),
            ".".to_owned(),
            payload.to_owned(),
            format!("{payload}."),
            format!("{payload}.{signature}0"),
            format!("{payload}.{}", signature.to_uppercase()),
            format!("{later}.{signature}"),
            format!("2{}.{signature}", payload.trim_start_matches('1')),
            format!("{payload}.{}", keys.keys.current.sign(payload)),
            format!("{payload}.{}", keys.csrf("session", payload, Which::Current)),
        ] {
            assert!(keys.read(&format!("baton_session={value}"), NOW).is_none(), "{value}");
        }
        // What is signed and is no session all the same.
        for payload in ["", "1", "1.", "1.id", "1.id.", "1.id.x", "2.id.99999999999999"] {
            let signature = keys.keys.current.sign(&format!("session {payload}"));
            assert!(keys.read(&format!("baton_session={payload}.{signature}"), NOW).is_none(), "{payload}");
        }
    }

    #[test]
    fn a_session_opens_what_its_token_opens_and_no_cookie_can_be_made_to_open_more() {
        let of_line = |token: &str, line: &str| {
            let token = Rotating::from(Secret::new(token).unwrap());
            Keys::of(&token, Scope::Line(LineId::parse(line).unwrap()))
        };
        let (all, one, other) =
            (keys("local-admin-token"), of_line("token of one line", "300"), of_line("token of another", "301"));
        let (set, began) = one.begin("0123456789abcdef", NOW, true);
        let cookie = cookie(&set);
        assert!(cookie.starts_with("baton_session=2.300."), "{cookie}");
        assert_eq!(lines(&cookie).collect::<Vec<_>>(), [LineId::parse("300").unwrap()]);
        let (found, _) = one.read(&cookie, NOW).unwrap();
        assert_eq!((&found.scope, &found.csrf), (&Scope::Line(LineId::parse("300").unwrap()), &began.csrf));
        assert_eq!(began.scope, found.scope);
        let anothers = of_line("token of one line", "301");
        let widest = keys("token of one line");
        for cookie in [cookie.clone(), cookie.replace("=2.300.", "=2.301."), cookie.replace("=2.300.", "=1.")] {
            for keys in [&all, &other, &anothers, &widest] {
                assert!(keys.read(&cookie, NOW).is_none(), "{cookie}");
            }
        }
        // The operator's own session is no line's, and says none.
        let operators = self::cookie(&all.begin("0123456789abcdef", NOW, true).0);
        assert!(one.read(&operators, NOW).is_none() && lines(&operators).next().is_none());
        assert_eq!(all.read(&operators, NOW).unwrap().0.scope, Scope::Deployment);
    }

    #[test]
    fn of_several_cookies_the_good_one_counts_wherever_it_stands_among_the_first() {
        let keys = keys("local-admin-token");
        let good = cookie(&keys.begin("0123456789abcdef", NOW, true).0);
        let bad = "baton_session=1.x.99999999999999.00";
        for (cookies, is_good) in [
            (format!("a=b; {good}"), true),
            (format!("{bad}; {good};{bad}"), true),
            (format!(";;={good}; ={bad}; {good}"), true),
            (format!("x{good}"), false),
            (good.replace("baton_session", "baton_session2"), false),
            (format!("{bad}; {bad}; {bad}; {bad}; {good}"), false),
        ] {
            assert_eq!(keys.read(&cookies, NOW).is_some(), is_good, "{cookies}");
        }
    }

    #[test]
    fn no_csrf_token_is_anothers() {
        let keys = keys("local-admin-token");
        let csrf = |by, name| keys.csrf(by, name, Which::Current);
        let tokens = [csrf("session", "a"), csrf("session", "b"), csrf("access", "a"), csrf("token", "")];
        for (at, token) in tokens.iter().enumerate() {
            assert!(!tokens[at + 1..].contains(token));
        }
        assert_ne!(tokens[0], self::keys("another-admin-token").csrf("session", "a", Which::Current));
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_other_sites_and_plain_http() {
        let (set, _) = keys("local-admin-token").begin("id", NOW, true);
        assert!(set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"), "{set}");
        assert_eq!(end(true), "baton_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
        assert!(!end(false).contains("Secure"));
    }
}
