//! Everything that keeps a deployment from working, each with its remedy.
//!
//! Invariant: a message names the setting and says what to write instead. It never shows the value of one: many are
//! secrets, and an address may be.

use core::fmt;

use crate::ids::{BotName, LineId};
use crate::limits::{
    ADMIN_TOKEN_CHARS_MAX, ADMIN_TOKEN_CHARS_MIN, APPS_MAX, BOT_NAME_CHARS_MAX, BOTS_MAX, DESK_SHARDS_MAX, LINES_MAX,
};
use crate::outbox::destination::DestinationError;
use crate::policy::PolicyError;

/// Where the Graph API is, unless `GRAPH_URL` says otherwise.
pub(super) const GRAPH_URL: &str = "https://graph.facebook.com";
/// One thing that keeps a deployment from working.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SettingsError {
    /// Only one of `ACCESS_TEAM` and `ACCESS_AUD` is there.
    AccessHalf,
    /// `ACCESS_TEAM` is no team of Cloudflare Access.
    AccessTeam,
    /// `ADMIN_TOKEN`, or the one before it, is too short, or longer than anybody may send; its name.
    AdminToken(&'static str),
    /// A secret of an app is missing, which keeps only that app's path from working; its name.
    AppSecret(String),
    /// `LINES` names more apps than [`APPS_MAX`].
    Apps,
    /// The address of a receiver of alerts is refused; the setting's name.
    Alerts(&'static str, DestinationError),
    /// The address of a bot of `BOTS` is refused.
    Bot(BotName, DestinationError),
    /// A key of `BOTS` is not a name of a bot; the first of its characters.
    BotName(String),
    /// A bot of `BOTS` has a name whose secret would be the previous one of another.
    BotNamePrevious(BotName),
    /// `BOTS` is no table of names and addresses, or a longer one than [`BOTS_MAX`].
    Bots,
    /// Two bots of `BOTS` would have their secret under the same name, which is the third.
    BotsShareSecret(BotName, BotName, String),
    /// `BOT_URL` is refused.
    BotUrl(DestinationError),
    /// `DESK_SHARDS` is no number of parts.
    DeskShards,
    /// `GRAPH_URL` points back at the gate.
    GraphIsGate,
    /// `GRAPH_URL` is not an address to which a token may be sent.
    GraphUrl,
    /// `JURISDICTION` is none that objects can be kept in.
    Jurisdiction,
    /// This runtime keeps objects in no jurisdiction.
    JurisdictionUnknown,
    /// A line's own bot is none of `BOTS`.
    LineBot(LineId),
    /// The policy of a line has mistakes; the setting's name.
    LinePolicy(String),
    /// A line's own token is too short, or longer than anybody may send; its name.
    LineToken(String),
    /// A line's own token is another one at the same time; its name.
    LineTokenTaken(String),
    /// `LINES` is no table of business numbers.
    Lines,
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
            Self::AccessHalf => f.write_str(
                "ACCESS_TEAM and ACCESS_AUD belong together; set both under [vars] in wrangler.toml, or neither",
            ),
            Self::AccessTeam => write!(
                f,
                "ACCESS_TEAM must be the name of the team, or its address, for example https://shop.cloudflareaccess.com"
            ),
            Self::AdminToken(name) => write!(
                f,
                "{name} must have {ADMIN_TOKEN_CHARS_MIN} to {ADMIN_TOKEN_CHARS_MAX} characters, or it could be \
                 guessed; set a random one with `npx wrangler secret put {name}`"
            ),
            Self::AppSecret(name) => write!(
                f,
                "the secret {name} is missing; set it with `npx wrangler secret put {name}`, and until then only that \
                 app's own path answers 503"
            ),
            Self::Apps => write!(f, "LINES names more than {APPS_MAX} apps; deploy the gate once more for the others"),
            Self::Alerts(name, error) => write!(f, "{name} {error}"),
            Self::Bot(name, error) => write!(f, "BOTS.{} {error}", name.as_str()),
            Self::BotName(name) => write!(
                f,
                "BOTS.{name} is not a name of a bot; it has 1 to {BOT_NAME_CHARS_MAX} small letters, digits, - and _"
            ),
            Self::BotNamePrevious(name) => write!(
                f,
                "BOTS.{} must not end in `previous`: its secret would have the name of a previous secret; rename the bot",
                name.as_str()
            ),
            Self::Bots => write!(
                f,
                "BOTS must be a table of at most {BOTS_MAX} names and addresses under [vars.BOTS] in wrangler.toml, \
                 for example sales = \"https://sales.example.com/webhook\""
            ),
            Self::BotsShareSecret(one, other, secret) => write!(
                f,
                "BOTS.{} and BOTS.{} would both have the secret {}; rename one",
                one.as_str(),
                other.as_str(),
                secret
            ),
            Self::BotUrl(error) => write!(f, "BOT_URL {error}"),
            Self::DeskShards => {
                write!(f, "DESK_SHARDS must be a number from 1 to {DESK_SHARDS_MAX}; leave it out to have 1")
            }
            Self::GraphIsGate => write!(f, "GRAPH_URL is the gate itself; leave it out to use {GRAPH_URL}"),
            Self::GraphUrl => {
                write!(f, "GRAPH_URL must begin with https:// and have no query; leave it out to use {GRAPH_URL}")
            }
            Self::Jurisdiction => f.write_str(
                "JURISDICTION must be \"eu\" or \"fedramp\"; leave it out to let Cloudflare choose where objects are kept",
            ),
            Self::JurisdictionUnknown => f.write_str(
                "JURISDICTION is set, and this runtime cannot keep objects in it; Cloudflare can, and the runtime of \
                 `wrangler dev` cannot: leave it out where you develop",
            ),
            Self::LineBot(line) => {
                let line = line.as_str();
                write!(f, "LINES.{line}.bot must be the name of a bot of BOTS; until then the line's messages wait for it")
            }
            Self::LinePolicy(setting) => write!(
                f,
                "{setting} has mistakes, and the last good one stays in force; POST /api/v1/policy/check says which"
            ),
            Self::LineToken(name) => write!(
                f,
                "{name} must have {ADMIN_TOKEN_CHARS_MIN} to {ADMIN_TOKEN_CHARS_MAX} characters, and opens nothing until \
                 it has; set a random one with `npx wrangler secret put {name}`"
            ),
            Self::LineTokenTaken(name) => write!(
                f,
                "{name} is also another token of this deployment, and does not open its line; set a random one with \
                 `npx wrangler secret put {name}`"
            ),
            Self::Lines => write!(
                f,
                "LINES must be a table of at most {LINES_MAX} business numbers, each a table with account, app, bot and \
                 policy where it has them: [vars.LINES.PHONE_NUMBER_ID] in wrangler.toml, and below it \
                 account = \"WABA_ID\""
            ),
            Self::MissingSecret(name) => {
                write!(f, "the secret {name} is missing; set it with `npx wrangler secret put {name}`")
            }
            Self::MissingVariable(name) => write!(f, "{name} is empty; set it under [vars] in wrangler.toml"),
            Self::Policy(error) => write!(f, "BATON_POLICY {error}"),
        }
    }
}
