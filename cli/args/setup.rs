//! What `baton setup` is told on the command line.
//!
//! Invariant: no secret among it. `META_APP_SECRET`, `META_ACCESS_TOKEN` and, if there are own ones, `META_VERIFY_TOKEN`
//! and `ADMIN_TOKEN` come from the environment or from a question.

use clap::Args as Options;

use super::MetaOptions;

/// Where the gate's address is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Way {
    /// As the app's own callback.
    App,
    /// As an override for the account.
    Account,
    /// As an override for the number.
    Number,
}

impl Way {
    /// All, the recommended one first.
    pub(crate) const ALL: [Self; 3] = [Self::App, Self::Number, Self::Account];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Account => "account",
            Self::Number => "number",
        }
    }

    /// Reads the name again.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// The choice.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::App => "The app's callback (recommended)",
            Self::Account => "An override for the account",
            Self::Number => "An override for this number",
        }
    }

    /// What the person chooses by.
    pub(crate) const fn explained(self) -> &'static str {
        match self {
            Self::App => "everything that Meta sends for this app comes to the gate",
            Self::Account => {
                "messages and echoes of all its numbers come to the gate; account_update, standby, user_preferences and \
                 template news never follow an override and still go to the app's callback"
            }
            Self::Number => {
                "its messages and echoes come to the gate; account_update, standby, user_preferences and template news never \
                 follow an override and still go to the app's callback"
            }
        }
    }
}

/// The options.
#[derive(Clone, Debug, Default, Options)]
pub(crate) struct SetupOptions {
    #[command(flatten)]
    pub meta: MetaOptions,

    /// The WhatsApp Business Account [else: those of the access token]
    #[arg(long, value_name = "ID", env = "META_ACCOUNT_ID", hide_env = true)]
    pub account: Option<String>,

    /// Add a number to the gate; without an id it is asked for
    #[arg(long, value_name = "PHONE_NUMBER_ID", num_args = 0..=1, default_missing_value = "", env = "META_LINE_ID", hide_env = true)]
    pub line: Option<String>,

    /// The bot's webhook [else: the callback that is in force today]
    #[arg(long, value_name = "URL", env = "BATON_BOT", hide_env = true)]
    pub bot: Option<String>,

    /// Where the gate's address is set at Meta [else: app]
    #[arg(long, value_name = "WHERE")]
    pub callback: Option<Way>,

    /// Ask nothing: answers come from options and the environment
    #[arg(long)]
    pub yes: bool,

    /// How long a new deployment may take until it answers
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub wait: u64,

    /// Give Meta back the callback that was in force before
    #[arg(long, conflicts_with_all = ["line", "bot", "callback"])]
    pub undo: bool,
}
