//! Options of `baton capacity`.
//!
//! Not here: what is reckoned with them (`demand`).

use clap::Args as Options;

/// What `baton capacity` is told. Its longest option leaves too little of a terminal's width beside it.
#[derive(Debug, Options)]
#[command(next_line_help = true)]
pub(crate) struct CapacityOptions {
    /// Business numbers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub lines: u64,

    /// Messages of customers a second, at the peak
    #[arg(long, value_name = "R")]
    pub messages_per_second: u64,

    /// Messages of customers on a day [else: the peak]
    #[arg(long, value_name = "N")]
    pub messages_per_day: Option<u64>,

    /// The busiest line's part of R [else: 20 at most]
    #[arg(long, value_name = "R")]
    pub busiest_line: Option<u64>,

    /// Messages from the phone a second
    #[arg(long, value_name = "R", default_value_t = 0)]
    pub from_the_phone: u64,

    /// The busiest line's customers
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub customers: u64,

    /// Milliseconds that the bot takes
    #[arg(long, value_name = "MS", default_value_t = 350, value_parser = clap::value_parser!(u64).range(0..=15_000))]
    pub bot_ms: u64,

    /// Parts of a desk, DESK_SHARDS
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=16))]
    pub desk_shards: u64,

    /// The bot takes longer than 150 ms for a receipt
    #[arg(long)]
    pub late_receipts: bool,

    /// The bot's messages do not go through the gate
    #[arg(long)]
    pub past_the_gate: bool,
}
