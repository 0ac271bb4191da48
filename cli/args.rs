//! Commands and options, as clap reads them.
//!
//! Invariant: no option takes a secret. Every process of a machine can see the arguments of every other, so secrets come
//! from the environment, from `.dev.vars`, or from a question.
//!
//! Help is written for terminals of 80 columns; `tests/tool/help.rs` holds it to that.

#![expect(clippy::doc_markdown, reason = "these sentences are help on a terminal, where backticks are noise")]

mod capacity;
#[path = "args/operate.rs"]
mod operate;
mod setup;

use clap::{Args as Options, Parser, Subcommand};

pub(crate) use self::capacity::CapacityOptions;
pub(crate) use self::operate::*;
pub(crate) use self::setup::{SetupOptions, Way};

/// Sets a gate up, looks after it, and asks it why.
#[derive(Debug, Parser)]
#[command(
    name = "baton",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 as it should be, 1 not so, 2 usage, 3 out of reach, 4 refused,\n130 ended. docs/tool.md explains every command."
)]
pub(crate) struct Args {
    /// Print JSON for programs
    #[arg(long, global = true, display_order = 100)]
    pub json: bool,

    #[command(flatten)]
    pub gate: GateOptions,

    #[command(subcommand)]
    pub command: Command,
}

/// Which gate is meant.
#[derive(Clone, Debug, Default, Options)]
pub(crate) struct GateOptions {
    /// The gate's address [else: BATON_GATE, or setup's]
    #[arg(long, global = true, value_name = "URL", env = "BATON_GATE", hide_env = true, display_order = 101)]
    pub gate: Option<String>,

    /// The gate of npm start, with .dev.vars
    #[arg(long, global = true, conflicts_with = "gate", display_order = 102)]
    pub local: bool,
}

/// Where Meta is, and which of its apps is meant.
#[derive(Clone, Debug, Default, Options)]
pub(crate) struct MetaOptions {
    /// The Meta app [else: that of the set-up or the token]
    #[arg(long, value_name = "ID", env = "META_APP_ID", hide_env = true)]
    pub app: Option<String>,

    /// The Graph API, for rehearsals against a stand-in
    #[arg(long, value_name = "URL", env = "BATON_GRAPH", hide = true)]
    pub graph: Option<String>,
}

/// What the tool does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the gate and Meta's side, and say what to do
    Doctor(DoctorOptions),
    /// Deploy a gate and point Meta at it, again, or back
    Setup(SetupOptions),
    /// Reckon what a day of a shop costs on Cloudflare's plans
    Cost(CostOptions),
    /// Reckon what many lines need, and which limit is met first
    Capacity(CapacityOptions),
    /// Sign webhook payloads as Meta does and post them to the gate
    Send(SendOptions),
    /// Play customer and phone, and check what the gate does
    Simulate(SimulateOptions),
    /// Show who takes and hands back, as it happens
    Tail(TailOptions),
    /// Say why a message was or was not answered
    Explain(ExplainOptions),
    /// Send dead letters on their way again
    Replay(ReplayOptions),
    /// Erase everything that is stored of a customer
    Erase(EraseOptions),
    /// Check, compare and change the policy
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// What the gate has observed, and what it suggests
    Observe(ObserveOptions),
    /// Print completions for a shell
    Completions(CompletionsOptions),
}

/// What `baton doctor` is told.
#[derive(Clone, Debug, Default, Options)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    pub meta: MetaOptions,

    /// Check nothing, and print every line that a check can say
    #[arg(long)]
    pub lines: bool,
}

/// What `baton cost` is told.
#[derive(Debug, Options)]
pub(crate) struct CostOptions {
    /// Messages of customers on a day
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub messages_per_day: u64,

    /// Messages of the bot's on a day [else: as many]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub answers: Option<u64>,

    /// Messages from the phone on a day
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub from_the_phone: u64,

    /// Milliseconds that the bot takes
    #[arg(long, value_name = "MS", default_value_t = 350, value_parser = clap::value_parser!(u64).range(0..=15_000))]
    pub bot_ms: u64,

    /// The bot takes longer than 150 ms for a receipt
    #[arg(long)]
    pub late_receipts: bool,

    /// The bot's messages do not go through the gate
    #[arg(long)]
    pub past_the_gate: bool,
}
