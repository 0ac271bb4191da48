//! `npm run bench`: Baton, a floor and a peer on bare `workerd`, side by side. What it measures, and how:
//! docs/performance.md.
//!
//! Exit codes: 0, also where a bar is missed; 1 where a message was lost or came twice; 2 where it was called wrongly.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a measurement has no public interface")]
#![allow(
    unused_imports,
    reason = "without a harness nothing calls the modules' own tests; tests/runtime/bench.rs does"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a measurement reads the clock, prints, and stops at the first surprise"
)]

#[path = "run.rs"]
mod run;

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use run::options::Options;

const CALLED_WRONGLY: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = match Options::parse(&words) {
        Ok(options) => options,
        Err(mistake) => {
            eprintln!("{mistake}");
            return ExitCode::from(CALLED_WRONGLY);
        }
    };
    // NO_COLOR counts when present and not empty (no-color.org).
    let is_coloured = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let is_right =
        run::run(&options, &mut |text| println!("{}", if is_coloured { painted(text) } else { text.to_owned() }));
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The verdicts in green and red.
fn painted(text: &str) -> String {
    let paint = |line: &str| {
        let verdict = [(" pass", "32"), (" fail", "31")].into_iter().find(|(verdict, _)| line.ends_with(verdict));
        match verdict.and_then(|(verdict, colour)| Some((line.strip_suffix(verdict)?, verdict, colour))) {
            Some((before, verdict, colour)) => format!("{before}\u{1b}[{colour}m{verdict}\u{1b}[0m"),
            None => line.to_owned(),
        }
    };
    text.lines().map(paint).collect::<Vec<_>>().join("\n")
}
