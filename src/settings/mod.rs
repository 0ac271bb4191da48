//! What a deployment is told by its environment: secrets, addresses, the policy of `wrangler.toml`.
//!
//! Invariant: [`Settings`] that exist are complete and sound. Where something is missing or wrong the gate
//! answers 503 to everybody, Meta included, and says what; Meta then repeats its deliveries for days, so a
//! deployment that is mended in time loses nothing.
//!
//! What is told where something is missing stands in `error`.
//!
//! Not here: reading the environment (`edge::env`), the policy's keys (`policy`).

mod error;

use serde_json::Value;
use url::{Host, Url};

use crate::access::jwt::Application;
use crate::graph::target::Lines;
use crate::ids::{AccountId, BotName, LineId};
use crate::limits::{
    ADMIN_TOKEN_CHARS_MAX, ADMIN_TOKEN_CHARS_MIN, BOT_NAME_CHARS_MAX, BOTS_MAX, DESK_SHARDS_MAX, LINES_MAX,
};
use crate::outbox::destination::{BotUrl, Surroundings};
use crate::policy::Policy;
use crate::secret::Secret;
use crate::webhook::signature::AppSecrets;
use error::GRAPH_URL;
pub use error::SettingsError;

/// Where the addresses of teams of Cloudflare Access are (Cloudflare One, "Validate JWTs", 2026).
const ACCESS_DOMAIN: &str = ".cloudflareaccess.com";

/// Begins the name of the secret of a bot of its own name.
const BOT_SECRET: &str = "BOT_SECRET_";

/// What the gate needs to know to do its work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ACCESS_TEAM` and `ACCESS_AUD`: Cloudflare Access in front of the gate; none where it is not there.
    pub access: Option<Application>,
    /// `ADMIN_TOKEN`: the operator's bearer token.
    pub admin_token: Secret,
    /// `META_APP_SECRET` and `META_APP_SECRET_PREVIOUS`.
    pub app_secrets: AppSecrets,
    /// `BOT_SECRET`: what deliveries to the bot are signed with; the app's secret where there is none.
    pub bot_secret: Secret,
    /// `BOT_URL`: the bot's webhook.
    pub bot_url: BotUrl,
    /// `BOTS`: the bots that rules of the policy may name.
    ///
    /// Lists are enough for a deployment's few, and maps are code for which a Worker has no room.
    pub bots: Vec<(BotName, Bot)>,
    /// `GRAPH_KEY`: a word that must stand in the address of whoever sends through the gate; none where anybody may try.
    pub graph_key: Option<Secret>,
    /// `GRAPH_URL`: the Graph API that the bot's sends go to.
    pub graph_url: Url,
    /// `LINES`: the business numbers whose bots send through the gate.
    pub lines: Lines,
    /// `ALERTS_URL` and `ALERTS_SECRET`: who is told of alerts in the form of Standard Webhooks.
    pub alerts: Option<(BotUrl, Secret)>,
    /// `ALERTS_SLACK_URL`: who is told of alerts in the form of Slack's incoming webhooks.
    pub alerts_slack: Option<BotUrl>,
    /// `DESK_SHARDS`: the parts of a line's desk.
    pub desk_shards: u32,
    /// `BATON_POLICY`: the policy of `wrangler.toml`.
    pub policy: Policy,
    /// `LOCAL_DEVELOPMENT`: whether this is a developer's own machine.
    pub surroundings: Surroundings,
    /// `META_VERIFY_TOKEN`: the word of the handshake.
    pub verify_token: Secret,
}

/// A bot beside the one at `BOT_URL`.
#[derive(Clone, Debug)]
pub struct Bot {
    /// What deliveries to it are signed with: `BOT_SECRET_<NAME>`, else as for the bot at `BOT_URL`.
    pub secret: Secret,
    /// Its webhook.
    pub url: BotUrl,
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
        let token_chars = ADMIN_TOKEN_CHARS_MIN..=ADMIN_TOKEN_CHARS_MAX;
        if admin_token.as_ref().is_some_and(|token| !token_chars.contains(&token.expose().len())) {
            errors.push(SettingsError::AdminToken);
        }
        let access = access(&read).map_err(|error| errors.push(error)).ok().flatten();
        let bot_url = bot_url(&read).map_err(|error| errors.push(error)).ok();
        let graph_url = graph_url(&read).map_err(|error| errors.push(error)).ok();
        let lines = lines(&read).map_err(|error| errors.push(error)).ok();
        let alerts = alerts(&read, &mut errors);
        let alerts_slack = address(&read, "ALERTS_SLACK_URL", &mut errors);
        let desk_shards = desk_shards(&read).map_err(|error| errors.push(error)).unwrap_or(1);
        let bot_secret = read("BOT_SECRET").and_then(Secret::new).or_else(|| current.clone());
        let addresses = addresses(&read, &mut errors);
        // A bot whose address is refused has a name all the same, and is no mistake of the rule that names it.
        let names: Vec<BotName> = addresses.iter().map(|(name, _)| name.clone()).collect();
        let bots = bots(&read, addresses, bot_secret.as_ref(), &mut errors);
        let policy = policy(&read, &names).map_err(|mistakes| errors.extend(mistakes)).ok();

        let previous = read("META_APP_SECRET_PREVIOUS").and_then(Secret::new);
        let all = (current, verify_token, admin_token, bot_url, (graph_url, lines), policy, bot_secret);
        match all {
            (
                Some(current),
                Some(verify_token),
                Some(admin_token),
                Some(bot_url),
                (Some(graph_url), Some(lines)),
                Some(policy),
                Some(bot_secret),
            ) if errors.is_empty() => Ok(Self {
                access,
                admin_token,
                alerts,
                alerts_slack,
                desk_shards,
                app_secrets: AppSecrets { current, previous },
                bot_secret,
                bot_url,
                bots,
                graph_key: read("GRAPH_KEY").and_then(Secret::new),
                graph_url,
                lines,
                policy,
                surroundings: surroundings(&read),
                verify_token,
            }),
            _ => Err(errors),
        }
    }

    /// The address and the secret of a bot of `BOTS`, or of the one at `BOT_URL`; `None` where there is no bot of
    /// that name (any more).
    #[must_use]
    pub fn bot(&self, name: Option<&BotName>) -> Option<(&BotUrl, &Secret)> {
        match name {
            Some(name) => {
                let bot = self.bots.iter().find(|(known, _)| known == name);
                bot.map(|(_, bot)| (&bot.url, &bot.secret))
            }
            None => Some((&self.bot_url, &self.bot_secret)),
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
    pub fn differ_from(&self, gate: &Url) -> Result<(), Vec<SettingsError>> {
        let default = self.bot_url.differs_from(gate).map_err(SettingsError::BotUrl).err();
        let named = |(name, bot): &(BotName, Bot)| {
            bot.url.differs_from(gate).map_err(|error| SettingsError::Bot(name.clone(), error)).err()
        };
        let graph = (self.graph_url.origin() == gate.origin()).then_some(SettingsError::GraphIsGate);
        let errors: Vec<_> = default.into_iter().chain(self.bots.iter().filter_map(named)).chain(graph).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// The addresses of `BOTS`, as they are written.
fn addresses(read: &impl Fn(&str) -> Option<String>, errors: &mut Vec<SettingsError>) -> Vec<(BotName, Value)> {
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
            Some(name) => addresses.push((name, address)),
            None => errors.push(SettingsError::BotName(name.chars().take(BOT_NAME_CHARS_MAX).collect())),
        }
    }
    addresses
}

/// The bots of `BOTS`, each with its secret; `bot_secret` is for those that have none of their own.
fn bots(
    read: &impl Fn(&str) -> Option<String>,
    addresses: Vec<(BotName, Value)>,
    bot_secret: Option<&Secret>,
    errors: &mut Vec<SettingsError>,
) -> Vec<(BotName, Bot)> {
    let mut bots = Vec::new();
    let mut owners: Vec<(String, BotName)> = Vec::new();
    for (name, address) in addresses {
        let secret_name = secret_name(&name);
        let secret = read(&secret_name).and_then(Secret::new).or_else(|| bot_secret.cloned());
        if let Some((_, owner)) = owners.iter().find(|(owned, _)| *owned == secret_name) {
            errors.push(SettingsError::BotsShareSecret(owner.clone(), name.clone(), secret_name.clone()));
        }
        owners.push((secret_name, name.clone()));
        match (BotUrl::parse(address.as_str().unwrap_or_default(), surroundings(read)), secret) {
            (Ok(url), Some(secret)) => {
                bots.push((name, Bot { secret, url }));
            }
            (Err(error), _) => errors.push(SettingsError::Bot(name, error)),
            // Then the app's secret is missing, which has been told.
            (Ok(_), None) => {}
        }
    }
    bots
}

/// The name of the secret of a bot: capital letters, as secrets have.
fn secret_name(bot: &BotName) -> String {
    format!("{BOT_SECRET}{}", bot.as_str().to_ascii_uppercase().replace('-', "_"))
}

fn bot_url(read: &impl Fn(&str) -> Option<String>) -> Result<BotUrl, SettingsError> {
    let text = read("BOT_URL").filter(|text| !text.trim().is_empty());
    let text = text.ok_or(SettingsError::MissingVariable("BOT_URL"))?;
    BotUrl::parse(&text, surroundings(read)).map_err(SettingsError::BotUrl)
}

/// The receiver of alerts, with what they are signed with.
fn alerts(read: &impl Fn(&str) -> Option<String>, errors: &mut Vec<SettingsError>) -> Option<(BotUrl, Secret)> {
    let url = address(read, "ALERTS_URL", errors)?;
    let secret = read("ALERTS_SECRET").and_then(Secret::new);
    if secret.is_none() {
        errors.push(SettingsError::MissingSecret("ALERTS_SECRET"));
    }
    Some((url, secret?))
}

/// An address to which something is posted, where there is one.
fn address(
    read: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    errors: &mut Vec<SettingsError>,
) -> Option<BotUrl> {
    let text = read(name).filter(|text| !text.trim().is_empty())?;
    BotUrl::parse(&text, surroundings(read)).map_err(|error| errors.push(SettingsError::Alerts(name, error))).ok()
}

fn desk_shards(read: &impl Fn(&str) -> Option<String>) -> Result<u32, SettingsError> {
    let Some(text) = read("DESK_SHARDS").filter(|text| !text.trim().is_empty()) else { return Ok(1) };
    let shards = text.trim().parse().ok().filter(|shards| (1..=DESK_SHARDS_MAX).contains(shards));
    shards.ok_or(SettingsError::DeskShards)
}

fn surroundings(read: &impl Fn(&str) -> Option<String>) -> Surroundings {
    match read("LOCAL_DEVELOPMENT").as_deref() {
        Some("true") => Surroundings::LocalDevelopment,
        _ => Surroundings::Deployed,
    }
}

/// Cloudflare Access, where it is in front of the gate.
fn access(read: &impl Fn(&str) -> Option<String>) -> Result<Option<Application>, SettingsError> {
    let text = |name| read(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match (text("ACCESS_TEAM"), text("ACCESS_AUD")) {
        (None, None) => Ok(None),
        (Some(team), Some(audience)) => Ok(Some(Application { audience, team: team_address(&team, read)? })),
        (None, Some(_)) | (Some(_), None) => Err(SettingsError::AccessHalf),
    }
}

fn team_address(team: &str, read: &impl Fn(&str) -> Option<String>) -> Result<String, SettingsError> {
    let address = match (team.contains("://"), team.contains('.')) {
        (true, _) => team.to_owned(),
        (false, true) => format!("https://{team}"),
        (false, false) => format!("https://{team}{ACCESS_DOMAIN}"),
    };
    let url = Url::parse(&address).map_err(|_| SettingsError::AccessTeam)?;
    let is_team = url.scheme() == "https" && url.host_str().is_some_and(|host| host.ends_with(ACCESS_DOMAIN));
    let is_stand_in = surroundings(read) == Surroundings::LocalDevelopment && is_loopback(&url);
    // What is left of an address without path, query and user name is its origin.
    let origin = url.origin().ascii_serialization();
    let is_plain = url.as_str().trim_end_matches('/') == origin;
    if is_plain && (is_team || is_stand_in) { Ok(origin) } else { Err(SettingsError::AccessTeam) }
}

/// Whether this is plain http on the machine itself, where no connection can be listened to.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    is_here && url.scheme() == "http"
}

fn graph_url(read: &impl Fn(&str) -> Option<String>) -> Result<Url, SettingsError> {
    let text = read("GRAPH_URL").filter(|text| !text.trim().is_empty());
    let url = Url::parse(text.as_deref().unwrap_or(GRAPH_URL)).map_err(|_| SettingsError::GraphUrl)?;
    let is_safe =
        url.scheme() == "https" || url.scheme() == "http" && surroundings(read) == Surroundings::LocalDevelopment;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if is_safe && is_plain && url.has_host() { Ok(url) } else { Err(SettingsError::GraphUrl) }
}

/// The business numbers of `LINES`, each with what belongs to it.
fn lines(read: &impl Fn(&str) -> Option<String>) -> Result<Lines, SettingsError> {
    let Some(text) = read("LINES").filter(|text| !text.trim().is_empty()) else { return Ok(Lines::default()) };
    let Ok(Value::Object(table)) = serde_json::from_str(&text) else { return Err(SettingsError::Lines) };
    if table.len() > LINES_MAX {
        return Err(SettingsError::Lines);
    }
    let mut lines = Lines::default();
    for (id, line) in table {
        let Value::Object(mut line) = line else { return Err(SettingsError::Lines) };
        let mut other = |key| match line.remove(key) {
            None => Ok(None),
            Some(id) => id.as_str().and_then(AccountId::parse).map(Some).ok_or(SettingsError::Lines),
        };
        let (account, app) = (other("account")?, other("app")?);
        if !line.is_empty() {
            return Err(SettingsError::Lines);
        }
        lines.add(LineId::parse(&id).ok_or(SettingsError::Lines)?, account, app);
    }
    Ok(lines)
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
    use crate::outbox::destination::DestinationError;

    const COMPLETE: [(&str, &str); 4] = [
        ("META_APP_SECRET", "app secret"),
        ("META_VERIFY_TOKEN", "word"),
        ("ADMIN_TOKEN", "token of the operator"),
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
        check(&[("ADMIN_TOKEN", "fifteen letters")], &["ADMIN_TOKEN must have 16 to 512 characters"]);
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
    fn a_team_is_named_or_addressed_and_never_without_https_but_on_the_own_machine() {
        let team = |team: &str, local: &str| {
            let read = read(&[("ACCESS_TEAM", team), ("ACCESS_AUD", " a1 "), ("LOCAL_DEVELOPMENT", local)]);
            read.map(|settings| settings.access.unwrap().team)
        };
        for written in ["shop", " shop ", "shop.cloudflareaccess.com", "https://Shop.cloudflareaccess.com/"] {
            assert_eq!(team(written, "").as_deref(), Ok("https://shop.cloudflareaccess.com"), "{written}");
        }
        for written in [
            "http://shop.cloudflareaccess.com",
            "https://cloudflareaccess.com",
            "https://shop.cloudflareaccess.com.example.com",
            "https://shop.cloudflareaccess.com/path",
            "https://shop.cloudflareaccess.com?a",
            "https://me@shop.cloudflareaccess.com",
            "shop.example.com",
            "shop team",
            "http://127.0.0.1:4000",
            "://",
        ] {
            assert_eq!(team(written, "").unwrap_err(), [SettingsError::AccessTeam], "{written}");
        }
        assert_eq!(team("http://127.0.0.1:4000", "true").as_deref(), Ok("http://127.0.0.1:4000"));
        assert_eq!(team("http://[::1]:4000/", "true").as_deref(), Ok("http://[::1]:4000"));
        assert!(team("http://192.0.2.1:4000", "true").is_err() && team("ftp://localhost", "true").is_err());
        assert_eq!(read(&[]).unwrap().access, None);
    }

    const BOTS: (&str, &str) =
        ("BOTS", r#"{"sales": "https://sales.example.com/in", "after-hours": "https://night.example.com/in"}"#);

    #[test]
    fn each_bot_has_its_address_and_the_nearest_secret() {
        let check = |changes: &[(&str, &str)], expected: &[(&str, &str, &str)]| {
            let settings = read(changes).unwrap();
            for (name, url, secret) in expected {
                let name = BotName::parse(name);
                let (found, own) = settings.bot(name.as_ref()).unwrap();
                assert_eq!((found.as_str(), own.expose()), (*url, secret.as_bytes()), "{changes:?}");
            }
            assert!(settings.bot(BotName::parse("nobody").as_ref()).is_none());
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
        let differ = |gate: &str| settings.differ_from(&Url::parse(gate).unwrap());
        assert_eq!(differ("https://gate.example.com/webhook"), Ok(()));
        assert_eq!(differ("https://bot.example.com/"), Err(vec![SettingsError::BotUrl(DestinationError::OwnHost)]));
        let sales = SettingsError::Bot(BotName::parse("sales").unwrap(), DestinationError::OwnHost);
        assert_eq!(differ("https://sales.example.com/"), Err(vec![sales]));
    }

    #[test]
    fn no_secret_is_printed() {
        let shown = format!("{:?}", read(&[BOTS, ("BOT_SECRET_SALES", "sales secret")]).unwrap());
        for secret in ["app secret", "\"word\"", "admin token", "/webhook", "sales secret", "sales.example.com"] {
            assert!(!shown.contains(secret), "{shown} shows {secret}");
        }
    }
}
