//! Options of the commands for whoever operates a gate.
//!
//! Not here: options of `baton setup` and `baton doctor`.

use clap::{Args as Options, Subcommand};
use clap_complete::Shell;

/// Which business number is meant.
#[derive(Clone, Debug, Default, Options)]
pub(crate) struct LineOption {
    /// The line's phone_number_id [else: the only one]
    #[arg(long, value_name = "ID")]
    pub line: Option<String>,
}

/// Whose policy is meant.
#[derive(Clone, Debug, Default, Options)]
pub(crate) struct PolicyLine {
    /// The policy of this line [else: the general one]
    #[arg(long, value_name = "ID")]
    pub line: Option<String>,
}

/// What `baton send` is told.
#[derive(Debug, Options)]
pub(crate) struct SendOptions {
    /// Files with one webhook of Meta's each; - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,

    /// Send each so many times, as Meta repeats
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub times: u32,

    /// The path of the callback
    #[arg(long, value_name = "PATH", default_value = "/webhook")]
    pub path: String,
}

/// What `baton simulate` is told.
#[derive(Debug, Options)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct SimulateOptions {
    /// A scenario, for example scenarios/takeover.toml
    #[arg(value_name = "SCENARIO")]
    pub file: String,

    #[command(flatten)]
    pub line: LineOption,

    /// The line's account, as Meta writes it [else: made up]
    #[arg(long, value_name = "ID", default_value = "200000000000001", hide_default_value = true,
        value_parser = digits)]
    pub account: String,

    /// The app of the line, where that has a callback of its own
    #[arg(long, value_name = "ID", value_parser = digits)]
    pub app: Option<String>,

    /// Say what is wrong with the scenario; play nothing
    #[arg(long)]
    pub check: bool,

    /// Leave the made-up customer in the gate
    #[arg(long)]
    pub keep: bool,

    /// The bot answers past the gate: to take is to answer
    #[arg(long)]
    pub unseen: bool,

    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
}

/// What `baton tail` is told.
#[derive(Debug, Options)]
pub(crate) struct TailOptions {
    /// The line's phone_number_id [else: all lines]
    #[arg(long, value_name = "ID")]
    pub line: Option<String>,
}

/// What `baton explain` is told.
#[derive(Debug, Options)]
pub(crate) struct ExplainOptions {
    /// The message's id, as Meta or the gate writes it
    pub wamid: String,

    /// The line's phone_number_id [else: all are asked]
    #[arg(long, value_name = "ID")]
    pub line: Option<String>,

    /// The customer, where the id does not name them
    #[arg(long, value_name = "NUMBER")]
    pub customer: Option<String>,
}

/// What `baton replay` is told.
#[derive(Debug, Options)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["customer", "all", "since"]))]
pub(crate) struct ReplayOptions {
    /// A customer: all dead letters of the conversation
    pub customer: Option<String>,

    /// One message of that customer only
    #[arg(long, value_name = "WAMID", requires = "customer", conflicts_with_all = ["all", "since"])]
    pub id: Option<String>,

    /// All dead letters of the line
    #[arg(long)]
    pub all: bool,

    /// Those that died since: 2h, 3d, 2026-11-22T18:30Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    #[command(flatten)]
    pub line: LineOption,

    /// Count them, and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What `baton erase` is told.
#[derive(Debug, Options)]
pub(crate) struct EraseOptions {
    /// The customer: a phone number, or a user id
    pub customer: String,

    #[command(flatten)]
    pub line: LineOption,

    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
}

/// What `baton policy` does. A file is TOML or JSON, or a wrangler.toml with [vars.BATON_POLICY].
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say everything that is wrong with a policy, without a gate
    Check(PolicyCheckOptions),
    /// Show in which keys a policy differs from the one in force
    Diff(PolicyFileOptions),
    /// Put a policy in force: checked, compared, and asked about
    Push(PolicyPushOptions),
    /// Fetch the policy in force
    Pull(PolicyPullOptions),
    /// Print the JSON Schema of policies
    Schema,
    /// List the versions of the policy
    Versions(PolicyLine),
    /// Put an older version in force again, as a new one
    Rollback(PolicyRollbackOptions),
}

/// What `baton policy check` is told.
#[derive(Debug, Options)]
pub(crate) struct PolicyCheckOptions {
    /// TOML or JSON, or a wrangler.toml; - for standard input
    #[arg(value_name = "FILE")]
    pub file: String,

    /// A bot that rules may name [else: those in wrangler.toml]
    #[arg(long = "bot", value_name = "NAME")]
    pub bots: Vec<String>,

    #[command(flatten)]
    pub line: PolicyLine,
}

/// What `baton policy diff` is told.
#[derive(Debug, Options)]
pub(crate) struct PolicyFileOptions {
    /// TOML or JSON, or a wrangler.toml; - for standard input
    #[arg(value_name = "FILE")]
    pub file: String,

    #[command(flatten)]
    pub line: PolicyLine,
}

/// What `baton policy push` is told.
#[derive(Debug, Options)]
pub(crate) struct PolicyPushOptions {
    #[command(flatten)]
    pub what: PolicyFileOptions,

    /// What the change is for, kept with the version
    #[arg(long, value_name = "WORDS")]
    pub note: Option<String>,

    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
}

/// What `baton policy pull` is told.
#[derive(Debug, Options)]
pub(crate) struct PolicyPullOptions {
    /// Where to, .toml or .json [else: standard output, as JSON]
    #[arg(value_name = "FILE")]
    pub file: Option<String>,

    #[command(flatten)]
    pub line: PolicyLine,

    /// Write over a file that is there
    #[arg(long, short)]
    pub yes: bool,
}

/// What `baton policy rollback` is told.
#[derive(Debug, Options)]
pub(crate) struct PolicyRollbackOptions {
    /// The version's number, as `baton policy versions` shows it
    #[arg(value_name = "VERSION")]
    pub number: u32,

    #[command(flatten)]
    pub line: PolicyLine,

    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
}

/// What `baton observe` is told.
#[derive(Debug, Options)]
pub(crate) struct ObserveOptions {
    #[command(flatten)]
    pub line: LineOption,

    /// How far back
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub days: u32,
}

/// What `baton completions` is told.
#[derive(Debug, Options)]
pub(crate) struct CompletionsOptions {
    /// bash, elvish, fish, powershell or zsh
    #[arg(hide_possible_values = true)]
    pub shell: Shell,
}

/// An id of Meta's.
fn digits(text: &str) -> Result<String, String> {
    let is_id = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { Ok(text.to_owned()) } else { Err("an id is digits".to_owned()) }
}
