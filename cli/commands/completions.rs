//! `baton completions SHELL`: what a shell needs to complete commands and options.
//!
//! Invariant: standard output holds the script and nothing else, with `--json` too: it is for a shell.

use clap::CommandFactory as _;

use crate::args::{Args, CompletionsOptions};
use crate::exit;
use crate::host::Host;

/// Prints the script.
pub(crate) fn run(host: &dyn Host, options: &CompletionsOptions) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Args::command(), "baton", &mut script);
    host.print(String::from_utf8_lossy(&script).trim_end());
    exit::OK
}
