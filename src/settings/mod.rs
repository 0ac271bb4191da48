//! What a deployment is told by its environment: secrets, addresses, the policy of `wrangler.toml`.
//!
//! Invariant: [`Settings`] that exist are complete and sound. Where something is missing or wrong the gate
//! answers 503 to everybody, Meta included, and says what; Meta then repeats its deliveries for days, so a
//! deployment that is mended in time loses nothing. What is wrong with one line or one app only stands in `degraded`,
//! is not in force, and keeps nobody else from working.
//!
//! | file | what |
//! |---|---|
//! | `access` | Cloudflare Access in front of the gate |
//! | `alerts` | who is told of alerts |
//! | `apps` | the Meta apps beside the one of `META_APP_SECRET` |
//! | `bots` | the bots, their addresses and secrets |
//! | `error` | what is told where something is missing |
//! | `lines` | the business numbers, and what each has of its own |
//! | `secrets` | every secret by its name |
//!
//! Not here: reading the environment (`edge::env`), the policy's keys (`policy`).

mod access;
mod alerts;
pub mod apps;
mod bots;
mod error;
pub mod lines;
pub mod secrets;

pub use self::bots::Bot;
pub use self::error::SettingsError;
use crate::access::jwt::Application;
use crate::address::Address;
use crate::graph::target::Lines;
use crate::ids::{BotName, LineId};
use crate::limits::{ADMIN_TOKEN_CHARS_MAX, ADMIN_TOKEN_CHARS_MIN, DESK_SHARDS_MAX};
use crate::outbox::destination::{BotUrl, Surroundings};
use crate::policy::Policy;
use crate::secret::{Rotating, Secret};
use apps::App;
use error::GRAPH_URL;
use lines::Own;
use secrets::META_APP_SECRET;

/// What the gate needs to know to do its work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ACCESS_TEAM` and `ACCESS_AUD`: Cloudflare Access in front of the gate; none where it is not there.
    pub access: Option<Application>,
    /// `ADMIN_TOKEN`: the operator's bearer token.
    ///
    /// This and every other secret has, while it is being changed, the one before under its name with `_PREVIOUS`.
    pub admin_token: Rotating,
    /// `META_APP_SECRET`: what Meta signs deliveries with.
    pub app_secrets: Rotating,
    /// The apps that `LINES` names, with `META_APP_SECRET_<APP>` and `META_VERIFY_TOKEN_<APP>`.
    pub apps: Vec<App>,
    /// `BOT_SECRET`: what deliveries to the bot are signed with; the app's secret where there is none.
    pub bot_secret: Rotating,
    /// The name of the secret that stands in for that, where there is none.
    pub bot_secret_from: Option<&'static str>,
    /// `BOT_URL`: the bot's webhook.
    pub bot_url: BotUrl,
    /// `BOTS`: the bots that rules of the policy may name.
    ///
    /// Lists are enough for a deployment's few, and maps are code for which a Worker has no room.
    pub bots: Vec<(BotName, Bot)>,
    /// `GRAPH_KEY`: a word that must stand in the address of whoever sends through the gate; none where anybody may try.
    pub graph_key: Option<Rotating>,
    /// `GRAPH_URL`: the Graph API that the bot's sends go to.
    pub graph_url: Address,
    /// What is wrong with single lines and apps, which keeps nobody else from working.
    pub degraded: Vec<SettingsError>,
    /// `LINES`: the business numbers whose bots send through the gate.
    pub lines: Lines,
    /// What each of these has of its own.
    pub own: Vec<Own>,
    /// `ALERTS_URL` and `ALERTS_SECRET`: who is told of alerts in the form of Standard Webhooks.
    pub alerts: Option<(BotUrl, Rotating)>,
    /// `ALERTS_SLACK_URL`: who is told of alerts in the form of Slack's incoming webhooks.
    pub alerts_slack: Option<BotUrl>,
    /// `DESK_SHARDS`: the parts of a line's desk.
    pub desk_shards: u32,
    /// `JURISDICTION`: where all objects are kept, `eu` or `fedramp`; where Cloudflare sees fit where there is none.
    pub jurisdiction: Option<&'static str>,
    /// `BATON_POLICY`: the policy of `wrangler.toml`.
    pub policy: Policy,
    /// `LOCAL_DEVELOPMENT`: whether this is a developer's own machine.
    pub surroundings: Surroundings,
    /// `META_VERIFY_TOKEN`: the word of the handshake.
    pub verify_token: Rotating,
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
            let secret = Rotating::read(name, &read);
            if secret.is_none() {
                errors.push(SettingsError::MissingSecret(name));
            }
            secret
        };
        let app_secrets = required("META_APP_SECRET");
        let verify_token = required("META_VERIFY_TOKEN");
        let admin_token = required("ADMIN_TOKEN");
        let fits = |token: Option<&Secret>| token.is_none_or(is_token);
        if !fits(admin_token.as_ref().map(|token| &token.current)) {
            errors.push(SettingsError::AdminToken("ADMIN_TOKEN"));
        }
        if !fits(admin_token.as_ref().and_then(|token| token.previous.as_ref())) {
            errors.push(SettingsError::AdminToken("ADMIN_TOKEN_PREVIOUS"));
        }
        let access = access::access(&read).map_err(|error| errors.push(error)).ok().flatten();
        let bot_url = bots::bot_url(&read).map_err(|error| errors.push(error)).ok();
        let graph_url = graph_url(&read).map_err(|error| errors.push(error)).ok();
        let (lines, mut own) = lines::lines(&read).map_err(|error| errors.push(error)).unwrap_or_default();
        let mut degraded = Vec::new();
        let apps = apps::apps(&read, &lines, &mut degraded).map_err(|error| errors.push(error)).unwrap_or_default();
        let alerts = alerts::alerts(&read, &mut errors);
        let alerts_slack = alerts::address(&read, "ALERTS_SLACK_URL", &mut errors);
        let desk_shards = desk_shards(&read).map_err(|error| errors.push(error)).unwrap_or(1);
        let jurisdiction = jurisdiction(&read).map_err(|error| errors.push(error)).ok().flatten();
        let bot_secret = Rotating::read("BOT_SECRET", &read);
        let bot_secret_from = bot_secret.is_none().then_some(META_APP_SECRET);
        let bot_secret = bot_secret.or_else(|| app_secrets.clone());
        let addresses = bots::addresses(&read, &mut errors);
        // A bot whose address is refused has a name all the same, and is no mistake of the rule that names it.
        let names: Vec<BotName> = addresses.iter().map(|(name, _)| name.clone()).collect();
        let bots = bots::bots(
            &read,
            addresses,
            bot_secret.as_ref().map(|secret| (secret, bot_secret_from.unwrap_or("BOT_SECRET"))),
            &mut errors,
        );
        // The address of a bot that a line has for its own is that line's trouble.
        let is_of_line = |error: &SettingsError| matches!(error, SettingsError::Bot(name, _) if own.iter().any(|own| own.bot.as_ref() == Some(name)));
        let (of_lines, of_all): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_of_line);
        degraded.extend(of_lines);
        let mut errors = of_all;
        degraded.extend(admin_token.iter().flat_map(|token| lines::put_right(&mut own, token, &names)));
        let policy = policy(&read, &names).map_err(|mistakes| errors.extend(mistakes)).ok();

        let all = (app_secrets, verify_token, admin_token, bot_url, graph_url, policy, bot_secret);
        match all {
            (
                Some(app_secrets),
                Some(verify_token),
                Some(admin_token),
                Some(bot_url),
                Some(graph_url),
                Some(policy),
                Some(bot_secret),
            ) if errors.is_empty() => Ok(Self {
                access,
                admin_token,
                alerts,
                alerts_slack,
                desk_shards,
                app_secrets,
                apps,
                bot_secret,
                bot_secret_from,
                bot_url,
                bots,
                degraded,
                graph_key: Rotating::read("GRAPH_KEY", &read),
                graph_url,
                jurisdiction,
                lines,
                own,
                policy,
                surroundings: surroundings(&read),
                verify_token,
            }),
            _ => Err(errors),
        }
    }

    /// The name of the bot that gets what is for this one, or for none in particular, on this line; `None` for the one at
    /// `BOT_URL`.
    #[must_use]
    pub fn bot_name<'a>(&'a self, named: Option<&'a BotName>, line: Option<&LineId>) -> Option<&'a BotName> {
        named.or_else(|| self.own(line?)?.bot.as_ref())
    }

    /// The address and the secret of a bot of `BOTS`, or of the one that a line has where no other is named; `None` where
    /// there is no bot of that name (any more), or nothing to sign for it with.
    #[must_use]
    pub fn bot(&self, named: Option<&BotName>, line: Option<&LineId>) -> Option<(&BotUrl, &Rotating)> {
        let (url, secret, from) = match self.bot_name(named, line) {
            Some(name) => {
                let (_, bot) = self.bots.iter().find(|(known, _)| known == name)?;
                (&bot.url, &bot.secret, bot.secret_from)
            }
            None => (&self.bot_url, &self.bot_secret, self.bot_secret_from),
        };
        match line.and_then(|line| self.app_of(line)) {
            // Where the app's secret stands in, it is that of the app by which the message came.
            Some(app) if from == Some(META_APP_SECRET) => Some((url, app.secrets.as_ref()?)),
            Some(_) | None => Some((url, secret)),
        }
    }

    /// The bots that rules may name.
    #[must_use]
    pub fn bot_names(&self) -> Vec<BotName> {
        self.bots.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Refuses every address that points back at the gate, whose own address `gate` is.
    ///
    /// # Errors
    ///
    /// Each such bot, and the Graph API.
    pub fn differ_from(&self, gate: &Address) -> Result<(), Vec<SettingsError>> {
        let default = self.bot_url.differs_from(gate).map_err(SettingsError::BotUrl).err();
        let named = |(name, bot): &(BotName, Bot)| {
            bot.url.differs_from(gate).map_err(|error| SettingsError::Bot(name.clone(), error)).err()
        };
        let graph = (self.graph_url.origin() == gate.origin()).then_some(SettingsError::GraphIsGate);
        let errors: Vec<_> = default.into_iter().chain(self.bots.iter().filter_map(named)).chain(graph).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Whether a token is long enough not to be guessed, and no longer than anybody may send.
fn is_token(token: &Secret) -> bool {
    (ADMIN_TOKEN_CHARS_MIN..=ADMIN_TOKEN_CHARS_MAX).contains(&token.expose().len())
}

fn desk_shards(read: &impl Fn(&str) -> Option<String>) -> Result<u32, SettingsError> {
    let Some(text) = read("DESK_SHARDS").filter(|text| !text.trim().is_empty()) else { return Ok(1) };
    let shards = text.trim().parse().ok().filter(|shards| (1..=DESK_SHARDS_MAX).contains(shards));
    shards.ok_or(SettingsError::DeskShards)
}

/// Where objects can be kept (Cloudflare, "Data location", 2026).
fn jurisdiction(read: &impl Fn(&str) -> Option<String>) -> Result<Option<&'static str>, SettingsError> {
    let Some(text) = read("JURISDICTION").filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let known = ["eu", "fedramp"].into_iter().find(|known| *known == text.trim());
    known.map(Some).ok_or(SettingsError::Jurisdiction)
}

fn surroundings(read: &impl Fn(&str) -> Option<String>) -> Surroundings {
    match read("LOCAL_DEVELOPMENT").as_deref() {
        Some("true") => Surroundings::LocalDevelopment,
        _ => Surroundings::Deployed,
    }
}

fn graph_url(read: &impl Fn(&str) -> Option<String>) -> Result<Address, SettingsError> {
    let text = read("GRAPH_URL").filter(|text| !text.trim().is_empty());
    let url = Address::parse(text.as_deref().unwrap_or(GRAPH_URL)).map_err(|_| SettingsError::GraphUrl)?;
    let is_safe = url.is_https() || surroundings(read) == Surroundings::LocalDevelopment;
    let is_plain = url.path() == url.rest() && !url.has_user();
    if is_safe && is_plain { Ok(url) } else { Err(SettingsError::GraphUrl) }
}

fn policy(read: &impl Fn(&str) -> Option<String>, bots: &[BotName]) -> Result<Policy, Vec<SettingsError>> {
    match read("BATON_POLICY").filter(|text| !text.trim().is_empty()) {
        Some(document) => {
            Policy::parse(&document, bots).map_err(|mistakes| mistakes.into_iter().map(SettingsError::Policy).collect())
        }
        None => Ok(Policy::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BOTS_MAX;
    use crate::settings::bots::tests::BOTS;

    const COMPLETE: [(&str, &str); 4] = [
        ("META_APP_SECRET", "app secret"),
        ("META_VERIFY_TOKEN", "word"),
        ("ADMIN_TOKEN", "token of the operator"),
        ("BOT_URL", "https://bot.example.com/webhook"),
    ];

    pub(in crate::settings) fn read(changes: &[(&str, &str)]) -> Result<Settings, Vec<SettingsError>> {
        Settings::read(|name| {
            let found = changes.iter().chain(&COMPLETE).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
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
        check(&[("ADMIN_TOKEN", "fifteen letters")], &["ADMIN_TOKEN must have 16 to 512 characters"]);
        check(&[("ADMIN_TOKEN_PREVIOUS", "fifteen letters")], &["ADMIN_TOKEN_PREVIOUS must have 16 to 512 characters"]);
        for place in ["EU", "de", "eu,fedramp"] {
            check(&[("JURISDICTION", place)], &["JURISDICTION must be \"eu\" or \"fedramp\""]);
        }
        for (place, expected) in [("", None), (" ", None), ("eu", Some("eu")), (" fedramp ", Some("fedramp"))] {
            assert_eq!(read(&[("JURISDICTION", place)]).unwrap().jurisdiction, expected, "{place:?}");
        }
        for half in [("ACCESS_TEAM", "shop"), ("ACCESS_AUD", "a1")] {
            check(&[half], &["ACCESS_TEAM and ACCESS_AUD belong together"]);
        }
        check(&[("BOT_URL", "http://bot.example.com/")], &["https://"]);
        check(&[("BOT_URL", "http://127.0.0.1:9/"), ("LOCAL_DEVELOPMENT", "yes")], &["https://"]);
        for graph in ["graph", "http://graph.facebook.com", "https://graph.facebook.com/?a=b", "ftp://a", "https://u@a"]
        {
            check(&[("GRAPH_URL", graph)], &["GRAPH_URL"]);
        }
        assert!(read(&[("GRAPH_URL", "http://127.0.0.1:9"), ("LOCAL_DEVELOPMENT", "true")]).is_ok());
        for lines in
            ["[]", "5", r#"{"300": "200"}"#, r#"{"300": {"waba": "200"}}"#, r#"{"3 0": {}}"#, r#"{"300": {"app": ""}}"#]
        {
            check(&[("LINES", lines)], &["LINES must be a table"]);
        }
        check(
            &[("BATON_POLICY", r#"{"lease_seconds": 0, "leese": 1}"#)],
            &["BATON_POLICY leese", "BATON_POLICY lease_seconds"],
        );
        for bots in ["[]", "5", "https://bot.example.com"] {
            check(&[("BOTS", bots)], &["BOTS must be a table"]);
        }
        check(
            &[(
                "BOTS",
                r#"{"Sales": "https://a.example.com", "b": "http://b.example.com", "c": "https://10.0.0.1", "d": 5}"#,
            )],
            &[
                "BOTS.Sales is not a name",
                "BOTS.b must begin with https://",
                "BOTS.c names a private",
                "BOTS.d is not a URL",
            ],
        );
        check(
            &[("BOTS", r#"{"a-b": "https://a.example.com", "a_b": "https://b.example.com"}"#)],
            &["BOTS.a-b and BOTS.a_b would both have the secret BOT_SECRET_A_B"],
        );
        let many = |count: usize| {
            let bots: Vec<String> = (0..count).map(|at| format!("\"b{at}\": \"https://b{at}.example.com\"")).collect();
            format!("{{{}}}", bots.join(", "))
        };
        check(&[("BOTS", &many(BOTS_MAX + 1))], &["BOTS must be a table of at most 32"]);
        assert!(read(&[("BOTS", &many(BOTS_MAX))]).is_ok());
        assert!(read(&[("BOT_URL", "http://127.0.0.1:9/"), ("LOCAL_DEVELOPMENT", "true")]).is_ok());
    }

    #[test]
    fn no_secret_is_printed() {
        let shown = format!("{:?}", read(&[BOTS, ("BOT_SECRET_SALES", "sales secret")]).unwrap());
        for secret in ["app secret", "\"word\"", "admin token", "/webhook", "sales secret", "sales.example.com"] {
            assert!(!shown.contains(secret), "{shown} shows {secret}");
        }
    }
}
