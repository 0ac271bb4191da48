//! What each command does, one file each.
//!
//! Invariant: a command takes the host, where it prints, and its own options; nothing is global.

mod capacity;
mod completions;
mod cost;
mod doctor;
mod erase;
mod explain;
mod observe;
mod policy;
mod replay;
mod send;
mod setup;
mod simulate;
mod tail;

use serde_json::Value;

use crate::args::{Args, Command};
use crate::exit::Failure;
use crate::host::{AskError, Host, Question};
use crate::output::Output;

/// Runs a command and says with which code the tool ends.
pub(crate) fn run(host: &dyn Host, output: &Output<'_>, args: &Args) -> Result<u8, Failure> {
    match &args.command {
        Command::Capacity(options) => capacity::run(output, options),
        Command::Completions(options) => Ok(completions::run(host, options)),
        Command::Doctor(options) => doctor::run(host, output, &args.gate, options),
        Command::Erase(options) => erase::run(host, output, &args.gate, options),
        Command::Explain(options) => explain::run(host, output, &args.gate, options),
        Command::Observe(options) => observe::run(host, output, &args.gate, options),
        Command::Policy(command) => policy::run(host, output, &args.gate, command),
        Command::Replay(options) => replay::run(host, output, &args.gate, options),
        Command::Cost(options) => cost::run(output, options),
        Command::Send(options) => send::run(host, output, &args.gate, options),
        Command::Setup(options) => setup::run(host, output, &args.gate, options),
        Command::Simulate(options) => simulate::run(host, output, &args.gate, options),
        Command::Tail(options) => tail::run(host, output, &args.gate, options),
    }
}

/// Asks before something is done; `yes` where that was said beforehand.
///
/// # Errors
///
/// [`Failure::Cancelled`] for a no, [`Failure::Usage`] where nobody can be asked.
fn confirm(host: &dyn Host, question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    match host.ask(Question::Confirm { text: question, default: false }) {
        Ok(answer) if answer == "yes" => Ok(()),
        Ok(_) | Err(AskError::Cancelled) => Err(Failure::Cancelled),
        Err(AskError::Nobody) => Err(nobody_to_ask(question)),
    }
}

/// What is said where a question has nobody to answer it.
fn nobody_to_ask(question: &str) -> Failure {
    Failure::Usage(format!("{question} There is nobody to ask here: --yes says so beforehand."))
}

/// The text of a file that a command names.
///
/// # Errors
///
/// [`Failure::Usage`] where there is none.
fn file(host: &dyn Host, path: &str) -> Result<String, Failure> {
    let read = host.read(path).map_err(|reason| Failure::Usage(format!("{path} cannot be read: {reason}.")))?;
    read.ok_or_else(|| Failure::Usage(format!("There is no file {path}.")))
}

/// The text under a key; empty where there is none.
fn text_of<'a>(document: &'a Value, key: &str) -> &'a str {
    document.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The number under a key.
fn number_of(document: &Value, key: &str) -> Option<u64> {
    document.get(key).and_then(Value::as_u64)
}

/// The list under a key; empty where there is none.
fn list_of<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// As [`count`], with commas between thousands.
fn count_of(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", crate::counts::readable(number), if number == 1 { "" } else { "s" })
}

/// `1 message`, `2 messages`.
fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
