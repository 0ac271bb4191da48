//! Every secret by its name, for whoever asks which of them are set and in use.
//!
//! Invariant: each secret that the gate could use is listed once, set or not. A bot that has none of its own is listed
//! with the one that stands in for it, so that it is seen of each bot which secret it takes.
//!
//! Not here: whether one was used, and when (`store::office`).

use super::Settings;
use super::bots::secret_name;
use crate::access::scope::Scope;
use crate::ids::BotName;
use crate::secret::Rotating;

/// What Meta signs deliveries with.
pub const META_APP_SECRET: &str = "META_APP_SECRET";
/// The word of Meta's handshake.
pub const META_VERIFY_TOKEN: &str = "META_VERIFY_TOKEN";
/// The operator's token.
pub const ADMIN_TOKEN: &str = "ADMIN_TOKEN";
/// The word in the address of whoever sends through the gate.
pub const GRAPH_KEY: &str = "GRAPH_KEY";
/// What alerts are signed with.
const ALERTS_SECRET: &str = "ALERTS_SECRET";
/// What deliveries to the bot at `BOT_URL` are signed with.
const BOT_SECRET: &str = "BOT_SECRET";

/// A secret under its name.
#[derive(Clone, Debug)]
pub struct Named<'s> {
    /// The name.
    pub name: String,
    /// The secret that stands in for it, where it is not set itself.
    pub from: Option<&'static str>,
    /// What is used under this name; `None` where that is nothing.
    pub secret: Option<&'s Rotating>,
}

impl Named<'_> {
    /// Whether it is set itself.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.secret.is_some() && self.from.is_none()
    }
}

impl Settings {
    /// Every secret.
    #[must_use]
    pub fn secrets(&self) -> Vec<Named<'_>> {
        let named = |name: &str, from, secret| Named { name: name.to_owned(), from, secret };
        let mut secrets = vec![
            named(META_APP_SECRET, None, Some(&self.app_secrets)),
            named(META_VERIFY_TOKEN, None, Some(&self.verify_token)),
            named(ADMIN_TOKEN, None, Some(&self.admin_token)),
            named(BOT_SECRET, self.bot_secret_from, Some(&self.bot_secret)),
        ];
        secrets.extend(self.bots.iter().map(|(name, bot)| Named {
            name: secret_name(name),
            from: bot.secret_from,
            secret: Some(&bot.secret),
        }));
        secrets.push(named(GRAPH_KEY, None, self.graph_key.as_ref()));
        let numbered = |name, id: &str| of_number(name, id).unwrap_or_default();
        for app in self.apps.iter().filter(|app| app.has_own_path()) {
            for (name, secret) in [(META_APP_SECRET, &app.secrets), (META_VERIFY_TOKEN, &app.verify_token)] {
                secrets.push(named(&numbered(name, app.id.as_str()), None, secret.as_ref()));
            }
        }
        // Few lines have these, and none lacks them.
        for own in &self.own {
            for (name, secret) in [(ADMIN_TOKEN, &own.admin_token), (GRAPH_KEY, &own.graph_key)] {
                let name = numbered(name, own.line.as_str());
                secrets.extend(secret.iter().map(|secret| named(&name, None, Some(secret))));
            }
        }
        secrets.push(named(ALERTS_SECRET, None, self.alerts.as_ref().map(|(_, secret)| secret)));
        secrets
    }
}

/// The name of the secret of an app or a line: its number behind the name of the deployment's. An id that is no number
/// has none; it could name another secret.
pub(super) fn of_number(name: &str, id: &str) -> Option<String> {
    id.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{name}_{id}"))
}

/// The name of the token that opens this.
#[must_use]
pub fn token_name(scope: &Scope) -> String {
    scope.line().and_then(|line| of_number(ADMIN_TOKEN, line.as_str())).unwrap_or_else(|| ADMIN_TOKEN.to_owned())
}

/// The name of the secret of a bot of `BOTS`, or of the one at `BOT_URL`.
#[must_use]
pub fn bot_secret_name(bot: Option<&BotName>) -> String {
    bot.map_or_else(|| BOT_SECRET.to_owned(), secret_name)
}

#[cfg(test)]
mod tests {
    use crate::settings::bots::tests::BOTS;
    use crate::settings::tests::read;

    #[test]
    fn every_secret_is_listed_once_set_or_not() {
        let settings = read(&[BOTS, ("BOT_SECRET_SALES", "s"), ("GRAPH_KEY", "word")]).unwrap();
        let listed: Vec<(String, Option<&str>, bool)> =
            settings.secrets().into_iter().map(|named| (named.name.clone(), named.from, named.is_set())).collect();
        let app = Some("META_APP_SECRET");
        for expected in [
            ("META_APP_SECRET", None, true),
            ("META_VERIFY_TOKEN", None, true),
            ("ADMIN_TOKEN", None, true),
            ("BOT_SECRET", app, false),
            ("BOT_SECRET_AFTER_HOURS", app, false),
            ("BOT_SECRET_SALES", None, true),
            ("GRAPH_KEY", None, true),
            ("ALERTS_SECRET", None, false),
        ] {
            let found = listed.iter().filter(|(name, from, set)| (name.as_str(), *from, *set) == expected).count();
            assert_eq!(found, 1, "{expected:?} in {listed:?}");
        }
        assert_eq!(listed.len(), 8);
    }
}
