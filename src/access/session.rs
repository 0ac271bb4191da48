//! The session cookie, and the CSRF token.
//!
//! A cookie is `baton_session=1.<id>.<end>.<signature>`: the version of its form, a random id, when it ends in
//! milliseconds since 1970, and HMAC-SHA256 of these three under a key that is derived from `ADMIN_TOKEN`.
//!
//! Invariant: a cookie is good only if this gate signed it under the present `ADMIN_TOKEN` and its time has not passed.
//! The CSRF token is a signature too, of the session's id, so that a page must have read it from the gate. Each kind of
//! signature begins with its own word, and none can stand for another.
//!
//! Failed cookies are not counted as attempts: to guess a signature of 256 bits, any number of attempts is too few.
//!
//! Not here: randomness and time, which are arguments.

use crate::limits::{SESSION_COOKIES_MAX, SESSION_LASTS};
use crate::secret::Secret;
use crate::time::UnixMillis;

use super::{By, Caller};

/// The cookie's name.
const COOKIE: &str = "baton_session";

/// What the gate signs for itself with.
pub struct Keys(Secret);

impl Keys {
    /// The key that belongs to the operator's token.
    #[must_use]
    pub fn of(admin_token: &Secret) -> Self {
        Self(admin_token.derive("baton access 1"))
    }

    /// Begins a session. `id` is nobody else's; the `Set-Cookie` for it, and who is let in by it.
    #[must_use]
    pub fn begin(&self, id: &str, now: UnixMillis, is_secure: bool) -> (String, Caller) {
        let end = now.after(SESSION_LASTS);
        let payload = format!("1.{id}.{}", end.as_millis());
        let value = format!("{payload}.{}", self.0.sign(&format!("session {payload}")));
        (set_cookie(&value, SESSION_LASTS.as_seconds(), is_secure), self.caller(id, end))
    }

    /// Who is let in by the header `Cookie`. Of several sessions in it the first good one counts.
    #[must_use]
    pub fn read(&self, cookies: &str, now: UnixMillis) -> Option<Caller> {
        values(cookies, COOKIE).take(SESSION_COOKIES_MAX).find_map(|value| {
            let (payload, signature) = value.rsplit_once('.')?;
            if !self.0.has_signed(&format!("session {payload}"), signature) {
                return None;
            }
            let (id, end) = payload.strip_prefix("1.")?.split_once('.')?;
            let end = UnixMillis::new(end.parse().ok()?);
            (now < end).then(|| self.caller(id, end))
        })
    }

    /// The CSRF token of whoever was let in in this way under this name.
    #[must_use]
    pub fn csrf(&self, by: &str, name: &str) -> String {
        self.0.sign(&format!("csrf {by} {name}"))
    }

    /// An address as it is written down: to somebody without the key it says nothing, and half of the digest tells any
    /// two apart.
    #[must_use]
    pub fn address(&self, network: &str) -> String {
        let mut digest = self.0.sign(&format!("address {network}"));
        digest.truncate(32);
        digest
    }

    fn caller(&self, id: &str, end: UnixMillis) -> Caller {
        Caller { by: By::Session, csrf: self.csrf("session", id), expires_at: Some(end) }
    }
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
    use crate::time::Millis;

    const NOW: UnixMillis = UnixMillis::from_seconds(1_793_700_100);

    fn keys(token: &str) -> Keys {
        Keys::of(&Secret::new(token).unwrap())
    }

    fn cookie(set_cookie: &str) -> String {
        set_cookie.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_session_lasts_until_its_end_or_until_the_token_changes() {
        let keys = keys("local-admin-token");
        let (set, began) = keys.begin("0123456789abcdef", NOW, true);
        let cookie = cookie(&set);
        let found = keys.read(&cookie, NOW).unwrap();
        assert_eq!((found.by, found.expires_at), (By::Session, Some(NOW.after(SESSION_LASTS))));
        assert_eq!((&found.csrf, found.expires_at), (&began.csrf, began.expires_at));
        let last = NOW.after(Millis::new(SESSION_LASTS.as_millis() - 1));
        assert!(keys.read(&cookie, last).is_some() && keys.read(&cookie, NOW.after(SESSION_LASTS)).is_none());
        assert!(self::keys("another-admin-token").read(&cookie, NOW).is_none());
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
            format!("{payload}.{}", keys.0.sign(payload)),
            format!("{payload}.{}", keys.csrf("session", payload)),
        ] {
            assert!(keys.read(&format!("baton_session={value}"), NOW).is_none(), "{value}");
        }
        // What is signed and is no session all the same.
        for payload in ["", "1", "1.", "1.id", "1.id.", "1.id.x", "2.id.99999999999999"] {
            let signature = keys.0.sign(&format!("session {payload}"));
            assert!(keys.read(&format!("baton_session={payload}.{signature}"), NOW).is_none(), "{payload}");
        }
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
        let tokens =
            [keys.csrf("session", "a"), keys.csrf("session", "b"), keys.csrf("access", "a"), keys.csrf("token", "")];
        for (at, token) in tokens.iter().enumerate() {
            assert!(!tokens[at + 1..].contains(token));
        }
        assert_ne!(tokens[0], self::keys("another-admin-token").csrf("session", "a"));
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_other_sites_and_plain_http() {
        let (set, _) = keys("local-admin-token").begin("id", NOW, true);
        assert!(set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"), "{set}");
        assert_eq!(end(true), "baton_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
        assert!(!end(false).contains("Secure"));
    }
}
