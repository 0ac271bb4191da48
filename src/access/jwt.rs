//! The assertion of Cloudflare Access: a JWT (RFC 7519) that is signed with one of the team's keys.
//!
//! | what is checked | where |
//! |---|---|
//! | form; `alg` is RS256 and nothing else, no `crit`, a `kid` | [`Jwt::read`] |
//! | `iss` is the team, `aud` has the application, `exp`, `nbf` | [`Jwt::caller`] |
//! | the signature | the runtime, in `edge::certs` |
//!
//! The rules are Cloudflare's ("Validate JWTs", Cloudflare One, 2026).
//!
//! Invariant: of a JWT whose signature was not checked nothing is believed but which key to check it with. There is no
//! way to say that no signature is needed, and no way to choose another kind of key.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

use super::session::Keys;
use super::{By, Caller};
use crate::limits::{ACCESS_KEYS_MAX, ACCESS_LEEWAY, ACCESS_TOKEN_CHARS_MAX};
use crate::secret::Which;
use crate::time::UnixMillis;

/// What Access stands in front of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Application {
    /// The application's audience tag.
    pub audience: String,
    /// The team's address, which is the issuer of its assertions: no slash at the end.
    pub team: String,
}

/// A JWT as it was read, before anything of it is believed.
pub struct Jwt<'a> {
    claims: Value,
    /// The key that it names.
    pub kid: String,
    /// The signature.
    pub signature: Vec<u8>,
    /// What is signed.
    pub signed: &'a str,
}

impl<'a> Jwt<'a> {
    /// Reads a JWT; `None` where it is none that Access makes.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        if text.len() > ACCESS_TOKEN_CHARS_MAX {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = json(header)?;
        let is_known = header.get("alg")?.as_str() == Some("RS256") && header.get("crit").is_none();
        let kid = header.get("kid")?.as_str().filter(|_| is_known)?.to_owned();
        Some(Self { claims: json(claims)?, kid, signature: bytes(signature)?, signed })
    }

    /// Who is let in by it, if its signature is good; `None` where it is for somebody else or for another time.
    #[must_use]
    pub fn caller(&self, application: &Application, keys: &Keys, now: UnixMillis) -> Option<Caller> {
        let text = |name| self.claims.get(name).and_then(Value::as_str);
        let seconds = |name| self.claims.get(name).map(|at| at.as_u64().map(UnixMillis::from_seconds));
        let is_ours = |audience: &Value| audience.as_str() == Some(application.audience.as_str());
        let audience = self.claims.get("aud")?;
        let is_for_us = is_ours(audience) || audience.as_array().is_some_and(|all| all.iter().any(is_ours));
        let end = seconds("exp")??;
        let begins = seconds("nbf").unwrap_or(Some(now))?;
        let is_now = now < end.after(ACCESS_LEEWAY) && begins <= now.after(ACCESS_LEEWAY);
        // A service's assertion has no `sub`; a service has no browser either.
        let csrf = keys.csrf("access", text("sub").unwrap_or_default(), Which::Current);
        (text("iss") == Some(application.team.as_str()) && is_for_us && is_now).then_some(Caller {
            by: By::Access,
            csrf,
            expires_at: Some(end),
            scope: keys.scope().clone(),
        })
    }
}

/// The keys of a team's list (JWKS, RFC 7517) that can check RS256: id and key, as JSON with what a key needs and no more.
#[must_use]
pub fn keys(list: &str) -> Option<Vec<(String, String)>> {
    let list: Value = serde_json::from_str(list).ok()?;
    let key = |key: &Value| {
        // Base64url has no letter that JSON would have to escape.
        let is_plain = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let number = |name| key.get(name).and_then(Value::as_str).filter(is_plain);
        let (modulus, exponent) = (number("n")?, number("e")?);
        let id = key.get("kid")?.as_str().filter(|_| key.get("kty").and_then(Value::as_str) == Some("RSA"))?;
        Some((id.to_owned(), format!(r#"{{"kty":"RSA","alg":"RS256","n":"{modulus}","e":"{exponent}"}}"#)))
    };
    Some(list.get("keys")?.as_array()?.iter().filter_map(key).take(ACCESS_KEYS_MAX).collect())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(core::str::from_utf8(&bytes(text)?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::scope::Scope;
    use crate::secret::{Rotating, Secret};

    const NOW: u64 = 1_793_700_100;

    fn jwt(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        format!("{}.{}.{}", part(header), part(claims), Base64UrlUnpadded::encode_string(b"signature"))
    }

    fn claims(changes: &Value) -> Value {
        let mut claims = json!({
            "iss": "https://shop.cloudflareaccess.com", "aud": ["other", "app"], "sub": "ana",
            "iat": NOW - 5, "nbf": NOW - 5, "exp": NOW + 60,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            }
        }
        claims
    }

    #[test]
    fn only_rs256_with_a_key_is_read() {
        let header = json!({"alg": "RS256", "kid": "k1", "typ": "JWT"});
        let good = jwt(&header, &claims(&json!({})));
        let read = Jwt::read(&good).unwrap();
        assert_eq!((read.kid.as_str(), read.signature.as_slice()), ("k1", b"signature".as_slice()));
        assert!(good.starts_with(read.signed) && read.signed.matches('.').count() == 1);
        for header in [
            json!({"alg": "none", "kid": "k1"}),
            json!({"alg": "HS256", "kid": "k1"}),
            json!({"alg": "rs256", "kid": "k1"}),
            json!({"alg": ["RS256"], "kid": "k1"}),
            json!({"alg": "RS256", "kid": "k1", "crit": ["exp"]}),
            json!({"alg": "RS256"}),
            json!({"kid": "k1"}),
            json!([]),
        ] {
            assert!(Jwt::read(&jwt(&header, &claims(&json!({})))).is_none(), "{header}");
        }
        let long = "a".repeat(ACCESS_TOKEN_CHARS_MAX + 1);
        for text in ["", ".", "..", "a.b.c", &good.replace('.', "="), &long] {
            assert!(Jwt::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_this_application_of_this_team_at_this_time_is_let_in() {
        let application =
            Application { team: "https://shop.cloudflareaccess.com".to_owned(), audience: "app".to_owned() };
        let keys = Keys::of(&Rotating::from(Secret::new("local-admin-token").unwrap()), Scope::Deployment);
        let header = json!({"alg": "RS256", "kid": "k1"});
        for (changes, is_in) in [
            (json!({}), true),
            (json!({"aud": "app"}), true),
            (json!({"nbf": null, "sub": null}), true),
            (json!({"exp": NOW - 29, "nbf": NOW + 30}), true),
            (json!({"exp": NOW - 30}), false),
            (json!({"exp": null}), false),
            (json!({"exp": "9999999999"}), false),
            (json!({"exp": -1}), false),
            (json!({"nbf": NOW + 31}), false),
            (json!({"nbf": "0"}), false),
            (json!({"aud": "App"}), false),
            (json!({"aud": ["other"]}), false),
            (json!({"aud": []}), false),
            (json!({"aud": null}), false),
            (json!({"iss": "https://other.cloudflareaccess.com"}), false),
            (json!({"iss": "https://shop.cloudflareaccess.com/"}), false),
            (json!({"iss": null}), false),
        ] {
            let text = jwt(&header, &claims(&changes));
            let caller = Jwt::read(&text).unwrap().caller(&application, &keys, UnixMillis::from_seconds(NOW));
            assert_eq!(caller.is_some(), is_in, "{changes}");
            assert!(caller.is_none_or(|caller| caller.by == By::Access && caller.expires_at.is_some()));
        }
    }

    #[test]
    fn of_a_teams_list_the_rsa_keys_are_taken_with_what_they_need() {
        let list = json!({"keys": [
            {"kid": "a", "kty": "RSA", "alg": "RS256", "use": "sig", "n": "AQ-_B", "e": "AQAB", "d": "private"},
            {"kid": "b", "kty": "EC", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
            {"kid": "c", "kty": "RSA", "n": "AQAB"},
            {"kid": "d", "kty": "RSA", "n": "AQ\"AB", "e": "AQAB"},
            5,
        ], "public_cert": {}});
        let found = keys(&list.to_string()).unwrap();
        let [(id, key)] = found.as_slice() else { panic!("{found:?}") };
        let key: Value = serde_json::from_str(key).unwrap();
        assert_eq!((id.as_str(), key), ("a", json!({"kty": "RSA", "alg": "RS256", "n": "AQ-_B", "e": "AQAB"})));
        for list in ["", "[]", "{}", r#"{"keys": 5}"#] {
            assert!(keys(list).is_none(), "{list}");
        }
    }
}
