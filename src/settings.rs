//! What a deployment is told by its environment: secrets, addresses, the policy of `wrangler.toml`.
//!
//! Invariant: [`Settings`] that exist are complete and sound. Where something is missing or wrong the gate
//! answers 503 to everybody, Meta included, and says what; Meta then repeats its deliveries for days, so a
//! deployment that is mended in time loses nothing.
//!
//! Not here: reading the environment (`edge::env`), the policy's keys (`policy`).

use core::fmt;

use url::Url;

use crate::outbox::destination::{BotUrl, DestinationError, Surroundings};
use crate::policy::{Policy, PolicyError};
use crate::secret::Secret;
use crate::webhook::signature::AppSecrets;

/// Where the Graph API is, unless `GRAPH_URL` says otherwise.
const GRAPH_URL: &str = "https://graph.facebook.com";

/// What the gate needs to know to do its work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ADMIN_TOKEN`: the operator's bearer token.
    pub admin_token: Secret,
    /// `META_APP_SECRET` and `META_APP_SECRET_PREVIOUS`.
    pub app_secrets: AppSecrets,
    /// `BOT_SECRET`: what deliveries to the bot are signed with; the app's secret where there is none.
    pub bot_secret: Secret,
    /// `BOT_URL`: the bot's webhook.
    pub bot_url: BotUrl,
    /// `GRAPH_URL`: the Graph API that the bot's sends go to.
    pub graph_url: Url,
    /// `BATON_POLICY`: the policy of `wrangler.toml`.
    pub policy: Policy,
    /// `META_VERIFY_TOKEN`: the word of the handshake.
    pub verify_token: Secret,
}

/// One thing that keeps a deployment from working.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SettingsError {
    /// `BOT_URL` is refused.
    BotUrl(DestinationError),
    /// `GRAPH_URL` is not a URL.
    GraphUrl,
    /// A secret is missing; its name.
    MissingSecret(&'static str),
    /// A variable is missing; its name.
    MissingVariable(&'static str),
    /// The policy has a mistake.
    Policy(PolicyError),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BotUrl(error) => write!(f, "BOT_URL {error}"),
            Self::GraphUrl => write!(f, "GRAPH_URL is not a URL; leave it out to use {GRAPH_URL}"),
            Self::MissingSecret(name) => {
                write!(f, "the secret {name} is missing; set it with `npx wrangler secret put {name}`")
            }
            Self::MissingVariable(name) => write!(f, "{name} is empty; set it under [vars] in wrangler.toml"),
            Self::Policy(error) => write!(f, "BATON_POLICY {error}"),
        }
    }
}

impl Settings {
    /// Reads the settings. `read` gives the text of a secret or a variable, or `None`.
    ///
    /// # Errors
    ///
    /// Everything that is missing or wrong.
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<SettingsError>> {
        let mut errors = Vec::new();
        let mut required = |name: &'static str| {
            let secret = read(name).and_then(Secret::new);
            if secret.is_none() {
                errors.push(SettingsError::MissingSecret(name));
            }
            secret
        };
        let current = required("META_APP_SECRET");
        let verify_token = required("META_VERIFY_TOKEN");
        let admin_token = required("ADMIN_TOKEN");
        let bot_url = bot_url(&read).map_err(|error| errors.push(error)).ok();
        let graph_url = graph_url(&read).map_err(|error| errors.push(error)).ok();
        let policy = policy(&read).map_err(|mistakes| errors.extend(mistakes)).ok();

        let bot_secret = read("BOT_SECRET").and_then(Secret::new).or_else(|| current.clone());
        let previous = read("META_APP_SECRET_PREVIOUS").and_then(Secret::new);
        let all = (current, verify_token, admin_token, bot_url, graph_url, policy, bot_secret);
        match all {
            (
                Some(current),
                Some(verify_token),
                Some(admin_token),
                Some(bot_url),
                Some(graph_url),
                Some(policy),
                Some(bot_secret),
            ) => Ok(Self {
                admin_token,
                app_secrets: AppSecrets { current, previous },
                bot_secret,
                bot_url,
                graph_url,
                policy,
                verify_token,
            }),
            _ => Err(errors),
        }
    }
}

fn bot_url(read: &impl Fn(&str) -> Option<String>) -> Result<BotUrl, SettingsError> {
    let text = read("BOT_URL").filter(|text| !text.trim().is_empty());
    let text = text.ok_or(SettingsError::MissingVariable("BOT_URL"))?;
    let surroundings = match read("LOCAL_DEVELOPMENT").as_deref() {
        Some("true") => Surroundings::LocalDevelopment,
        _ => Surroundings::Deployed,
    };
    BotUrl::parse(&text, surroundings).map_err(SettingsError::BotUrl)
}

fn graph_url(read: &impl Fn(&str) -> Option<String>) -> Result<Url, SettingsError> {
    let text = read("GRAPH_URL").filter(|text| !text.trim().is_empty());
    Url::parse(text.as_deref().unwrap_or(GRAPH_URL)).map_err(|_| SettingsError::GraphUrl)
}

fn policy(read: &impl Fn(&str) -> Option<String>) -> Result<Policy, Vec<SettingsError>> {
    match read("BATON_POLICY").filter(|text| !text.trim().is_empty()) {
        Some(document) => {
            Policy::parse(&document).map_err(|mistakes| mistakes.into_iter().map(SettingsError::Policy).collect())
        }
        None => Ok(Policy::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 4] = [
        ("META_APP_SECRET", "app secret"),
        ("META_VERIFY_TOKEN", "word"),
        ("ADMIN_TOKEN", "admin token"),
        ("BOT_URL", "https://bot.example.com/webhook"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Settings, Vec<SettingsError>> {
        Settings::read(|name| {
            let found = changes.iter().chain(&COMPLETE).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_bot_is_signed_for_with_the_apps_secret_unless_it_has_one_of_its_own() {
        let secret = |changes: &[(&str, &str)]| read(changes).unwrap().bot_secret.expose().to_vec();
        assert_eq!(secret(&[]), b"app secret");
        assert_eq!(secret(&[("BOT_SECRET", "")]), b"app secret");
        assert_eq!(secret(&[("BOT_SECRET", "own")]), b"own");
    }

    #[test]
    fn everything_that_is_missing_or_wrong_is_named_at_once() {
        let check = |changes: &[(&str, &str)], expected: &[&str]| {
            let errors = read(changes).unwrap_err();
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.contains(expected), "{told:?} does not name {expected:?}");
            }
        };
        check(&[("META_APP_SECRET", "")], &["META_APP_SECRET"]);
        check(
            &[("META_APP_SECRET", ""), ("META_VERIFY_TOKEN", ""), ("ADMIN_TOKEN", ""), ("BOT_URL", " ")],
            &["META_APP_SECRET", "META_VERIFY_TOKEN", "ADMIN_TOKEN", "BOT_URL"],
        );
        check(&[("BOT_URL", "http://bot.example.com/")], &["https://"]);
        check(&[("BOT_URL", "http://127.0.0.1:9/"), ("LOCAL_DEVELOPMENT", "yes")], &["https://"]);
        check(&[("GRAPH_URL", "graph")], &["GRAPH_URL"]);
        check(
            &[("BATON_POLICY", r#"{"lease_seconds": 0, "leese": 1}"#)],
            &["BATON_POLICY lease_seconds", "BATON_POLICY leese"],
        );
        assert!(read(&[("BOT_URL", "http://127.0.0.1:9/"), ("LOCAL_DEVELOPMENT", "true")]).is_ok());
    }

    #[test]
    fn no_secret_is_printed() {
        let shown = format!("{:?}", read(&[]).unwrap());
        for secret in ["app secret", "\"word\"", "admin token", "/webhook"] {
            assert!(!shown.contains(secret), "{shown} shows {secret}");
        }
    }
}
