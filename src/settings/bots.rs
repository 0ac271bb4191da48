//! The bots: the one at `BOT_URL`, and those of `BOTS` that rules and lines may name.
//!
//! Invariant: each bot has an address to which customers' messages may go, and a secret. A bot whose address is refused
//! is one mistake, and keeps its name, so that a rule that names it is not a second one.
//!
//! Not here: which addresses are refused (`outbox::destination`).

use serde_json::Value;

use super::{SettingsError, surroundings};
use crate::ids::BotName;
use crate::limits::{BOT_NAME_CHARS_MAX, BOTS_MAX};
use crate::outbox::destination::BotUrl;
use crate::secret::Rotating;

/// Begins the name of the secret of a bot of its own name.
const BOT_SECRET: &str = "BOT_SECRET_";

/// A bot beside the one at `BOT_URL`.
#[derive(Clone, Debug)]
pub struct Bot {
    /// What deliveries to it are signed with: `BOT_SECRET_<NAME>`, else as for the bot at `BOT_URL`.
    pub secret: Rotating,
    /// The name of the secret that stands in for its own, where it has none.
    pub secret_from: Option<&'static str>,
    /// Its webhook.
    pub url: BotUrl,
}

/// The addresses of `BOTS`, as they are written.
pub(super) fn addresses(
    read: &impl Fn(&str) -> Option<String>,
    errors: &mut Vec<SettingsError>,
) -> Vec<(BotName, Value)> {
    let Some(text) = read("BOTS").filter(|text| !text.trim().is_empty()) else { return Vec::new() };
    let table = match serde_json::from_str(&text) {
        Ok(Value::Object(table)) if table.len() <= BOTS_MAX => table,
        _ => {
            errors.push(SettingsError::Bots);
            return Vec::new();
        }
    };
    let mut addresses = Vec::new();
    for (name, address) in table {
        match BotName::parse(&name) {
            // It would take another bot's previous secret for its own.
            Some(name) if secret_name(&name).ends_with("_PREVIOUS") => {
                errors.push(SettingsError::BotNamePrevious(name));
            }
            Some(name) => addresses.push((name, address)),
            None => errors.push(SettingsError::BotName(name.chars().take(BOT_NAME_CHARS_MAX).collect())),
        }
    }
    addresses
}

/// The bots of `BOTS`, each with its secret; `bot_secret` is for those that have none of their own.
pub(super) fn bots(
    read: &impl Fn(&str) -> Option<String>,
    addresses: Vec<(BotName, Value)>,
    bot_secret: Option<(&Rotating, &'static str)>,
    errors: &mut Vec<SettingsError>,
) -> Vec<(BotName, Bot)> {
    let mut bots = Vec::new();
    let mut owners: Vec<(String, BotName)> = Vec::new();
    for (name, address) in addresses {
        let secret_name = secret_name(&name);
        let own = Rotating::read(&secret_name, read).map(|own| (own, None));
        let secret = own.or_else(|| bot_secret.map(|(secret, from)| (secret.clone(), Some(from))));
        if let Some((_, owner)) = owners.iter().find(|(owned, _)| *owned == secret_name) {
            errors.push(SettingsError::BotsShareSecret(owner.clone(), name.clone(), secret_name.clone()));
        }
        owners.push((secret_name, name.clone()));
        match (BotUrl::parse(address.as_str().unwrap_or_default(), surroundings(read)), secret) {
            (Ok(url), Some((secret, secret_from))) => {
                bots.push((name, Bot { secret, secret_from, url }));
            }
            (Err(error), _) => errors.push(SettingsError::Bot(name, error)),
            // Then the app's secret is missing, which has been told.
            (Ok(_), None) => {}
        }
    }
    bots
}

/// The name of the secret of a bot: capital letters, as secrets have.
pub(super) fn secret_name(bot: &BotName) -> String {
    format!("{BOT_SECRET}{}", bot.as_str().to_ascii_uppercase().replace('-', "_"))
}

pub(super) fn bot_url(read: &impl Fn(&str) -> Option<String>) -> Result<BotUrl, SettingsError> {
    let text = read("BOT_URL").filter(|text| !text.trim().is_empty());
    let text = text.ok_or(SettingsError::MissingVariable("BOT_URL"))?;
    BotUrl::parse(&text, surroundings(read)).map_err(SettingsError::BotUrl)
}

#[cfg(test)]
pub(super) mod tests {

    use super::*;
    use crate::outbox::destination::DestinationError;
    use crate::settings::secrets::bot_secret_name;
    use crate::settings::tests::read;

    pub(in crate::settings) const BOTS: (&str, &str) =
        ("BOTS", r#"{"sales": "https://sales.example.com/in", "after-hours": "https://night.example.com/in"}"#);

    #[test]
    fn the_bot_is_signed_for_with_the_apps_secret_unless_it_has_one_of_its_own() {
        let secret = |changes: &[(&str, &str)]| read(changes).unwrap().bot_secret.current.expose().to_vec();
        assert_eq!(secret(&[]), b"app secret");
        assert_eq!(secret(&[("BOT_SECRET", "")]), b"app secret");
        assert_eq!(secret(&[("BOT_SECRET", "own")]), b"own");
    }

    #[test]
    fn each_bot_has_its_address_and_the_nearest_secret() {
        let check = |changes: &[(&str, &str)], expected: &[(&str, &str, &str)]| {
            let settings = read(changes).unwrap();
            for (name, url, secret) in expected {
                let name = BotName::parse(name);
                let (found, own) = settings.bot(name.as_ref(), None).unwrap();
                assert_eq!((found.as_str(), own.current.expose()), (*url, secret.as_bytes()), "{changes:?}");
            }
            assert!(settings.bot(BotName::parse("nobody").as_ref(), None).is_none());
        };
        let (default, sales, night) =
            ("https://bot.example.com/webhook", "https://sales.example.com/in", "https://night.example.com/in");
        // The empty name is no name, and stands for the bot at BOT_URL.
        check(&[], &[("", default, "app secret")]);
        check(&[BOTS], &[("", default, "app secret"), ("sales", sales, "app secret")]);
        check(
            &[BOTS, ("BOT_SECRET", "own"), ("BOT_SECRET_AFTER_HOURS", "nightly"), ("BOT_SECRET_SALES", "")],
            &[("", default, "own"), ("sales", sales, "own"), ("after-hours", night, "nightly")],
        );
        check(&[("BOTS", "{}")], &[("", default, "app secret")]);
        check(&[("BOTS", " ")], &[("", default, "app secret")]);
    }

    #[test]
    fn a_bots_previous_secret_is_that_of_the_nearest_current_one() {
        let check = |changes: &[(&str, &str)], expected: &[(&str, Option<&str>, Option<&str>)]| {
            let settings = read(changes).unwrap();
            for (name, previous, from) in expected {
                let name = BotName::parse(name);
                let (_, secret) = settings.bot(name.as_ref(), None).unwrap();
                let found =
                    secret.previous.as_ref().map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
                assert_eq!(found.as_deref(), *previous, "{name:?} {changes:?}");
                let secrets = settings.secrets();
                let listed = secrets.iter().find(|listed| listed.name == bot_secret_name(name.as_ref())).unwrap();
                assert_eq!((listed.from, listed.is_set()), (*from, from.is_none()), "{name:?} {changes:?}");
            }
        };
        let old = [("META_APP_SECRET_PREVIOUS", "app before"), BOTS];
        let (app, own) = (Some("META_APP_SECRET"), Some("BOT_SECRET"));
        check(&old, &[("", Some("app before"), app), ("sales", Some("app before"), app)]);
        let with = |more: &[(&'static str, &'static str)]| [&old[..], more].concat();
        check(&with(&[("BOT_SECRET", "own")]), &[("", None, None), ("sales", None, own)]);
        check(
            &with(&[("BOT_SECRET", "own"), ("BOT_SECRET_PREVIOUS", "own before"), ("BOT_SECRET_AFTER_HOURS", "n")]),
            &[("", Some("own before"), None), ("sales", Some("own before"), own), ("after-hours", None, None)],
        );
        check(
            &with(&[("BOT_SECRET_SALES", "s"), ("BOT_SECRET_SALES_PREVIOUS", "s before")]),
            &[("", Some("app before"), app), ("sales", Some("s before"), None)],
        );
    }

    #[test]
    fn no_bot_has_a_name_that_would_make_its_secret_anothers_previous_one() {
        for name in ["previous", "sales-previous", "sales_previous"] {
            let bots = format!(r#"{{"{name}": "https://a.example.com"}}"#);
            let errors = read(&[("BOTS", &bots)]).unwrap_err();
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(&format!("BOTS.{name} must not end in `previous`")), "{told:?}");
        }
        assert!(read(&[("BOTS", r#"{"previously": "https://a.example.com"}"#)]).is_ok());
    }

    #[test]
    fn rules_may_name_the_bots_that_there_are() {
        let rule = |bot: &str| format!(r#"{{"rules": [{{"name": "a", "then": "bot", "bot": "{bot}"}}]}}"#);
        assert_eq!(read(&[BOTS, ("BATON_POLICY", &rule("sales"))]).unwrap().policy.rules.len(), 1);
        let errors = read(&[BOTS, ("BATON_POLICY", &rule("support"))]).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].to_string().starts_with("BATON_POLICY rules[0].bot: must be the name of a bot"),
            "{errors:?}"
        );
        // A bot with a refused address is one mistake and not two.
        let errors =
            read(&[("BOTS", r#"{"sales": "http://x.example.com"}"#), ("BATON_POLICY", &rule("sales"))]).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
    }

    #[test]
    fn no_bot_is_the_gate_itself() {
        let settings = read(&[BOTS]).unwrap();
        let differ = |gate: &str| settings.differ_from(&crate::address::Address::parse(gate).unwrap());
        assert_eq!(differ("https://gate.example.com/webhook"), Ok(()));
        assert_eq!(differ("https://bot.example.com/"), Err(vec![SettingsError::BotUrl(DestinationError::OwnHost)]));
        let sales = SettingsError::Bot(BotName::parse("sales").unwrap(), DestinationError::OwnHost);
        assert_eq!(differ("https://sales.example.com/"), Err(vec![sales]));
    }
}
