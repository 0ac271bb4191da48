//! `baton`: sets a gate up, looks after it, and asks it why.
//!
//! The tool is a user of the crate and of the gate's public API; nothing of the gate imports it. What it does lives in
//! `commands`, one file each, written against `host::Host`: the network, the terminal, the files and the programs of
//! wherever it runs. There are two hosts: the machine itself (`host::native`), and Node, for people without Rust, who
//! run this same code as WASI (`host::wasi`).
//!
//! | file | what lives there |
//! |---|---|
//! | `args` | commands and options, as clap reads them |
//! | `commands` | what each command does |
//! | `clock` | times as people read and write them |
//! | `counts` | what events cost, and what plans allow |
//! | `demand` | what a number of lines needs, and which limit is met first |
//! | `gate` | the operator's API of a gate, and its webhook |
//! | `graph` | Meta's Graph API, as far as setting up needs it |
//! | `output` | lines for people, JSON for programs |
//! | `exit` | why the tool ends, as its exit code |
//! | `host` | the surroundings |
//! | `scenario` | reading a scenario |
//! | `text` | TOML and JSON as text |
//!
//! Invariant: a command ends with one of the codes of `exit`, says why it failed in one sentence with what to do, and
//! shows no secret, whatever it is told.

mod args;
mod clock;
mod commands;
mod counts;
mod demand;
mod exit;
mod gate;
mod graph;
mod host;
mod output;
mod scenario;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::output::Output;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help and version are no mistakes; clap knows which, and where to print.
        Err(told) => {
            let code = if told.use_stderr() { exit::USAGE } else { exit::OK };
            let _ = told.print();
            return ExitCode::from(code);
        }
    };
    let host = host::here();
    let output = Output::new(&host, args.json);
    match commands::run(&host, &output, &args) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output.failed(&failure);
            ExitCode::from(failure.code())
        }
    }
}
