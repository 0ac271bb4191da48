//! The fuzz targets as plain functions: each takes any bytes and panics where a promise is broken.
//!
//! | target | what the bytes are | what must hold |
//! |---|---|---|
//! | [`api`] | what the operator's API is asked, by whoever asks | it is known or a problem, and nobody is let in |
//! | [`command`] | a message between Worker and object | what is read can be written and read again, and applied |
//! | [`conversation`] | steps of four bytes: events, outcomes, alarms, time | the invariants of `conversation` |
//! | [`graph`] | what a bot posts, where, and what the Graph API answers | a message has a customer, and says the same in any order |
//! | [`policy`] | a policy document | it is refused with reasons, or it decides |
//! | [`signature_header`] | a header, two secrets, a body | accepted exactly where the header is the signature |
//! | [`webhook`] | the body of a delivery | what is read can be rebuilt, and is within bounds |
//!
//! Invariant: a target depends on its bytes alone. No clock, no randomness, no file, so what was found once is found
//! again, by whichever of the three runs a target: libFuzzer, the replay of the seeds, the replay of one file.
//!
//! Not here: choosing the bytes (libFuzzer), starting it (`dev/fuzz.mjs`).

pub mod api;
pub mod command;
pub mod conversation;
pub mod graph;
pub mod policy;
mod seeds;
pub mod signature_header;
pub mod webhook;

use std::process::ExitCode;

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its module, of its program and of its folder of inputs.
    pub name: &'static str,
    /// Runs it with these bytes.
    pub run: fn(&[u8]),
    /// What it starts from, each named by its case.
    pub seeds: fn() -> Vec<Seed>,
    /// What else the fuzzer may put together; empty where bytes will do.
    pub words: fn() -> Vec<String>,
    /// The bytes in a form that can be read.
    pub describe: fn(&[u8]) -> String,
}

/// Bytes to start from.
#[derive(Clone, Debug)]
pub struct Seed {
    /// What it is a case of; a file name without an ending.
    pub name: String,
    /// What the target is given.
    pub bytes: Vec<u8>,
}

/// Every target.
pub const TARGETS: [Target; 7] = [
    api::TARGET,
    command::TARGET,
    conversation::TARGET,
    graph::TARGET,
    policy::TARGET,
    signature_header::TARGET,
    webhook::TARGET,
];

/// The program of a target where libFuzzer is not linked: runs it with each of the files that are named, and shows
/// what they say.
#[must_use]
pub fn replay(target: Target) -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        println!("{}: name the files to run it with", target.name);
        return ExitCode::FAILURE;
    }
    for file in files {
        match std::fs::read(&file) {
            Ok(bytes) => {
                println!("{}:\n{}", file.display(), (target.describe)(&bytes));
                (target.run)(&bytes);
            }
            Err(error) => {
                println!("{} cannot be read: {error}", file.display());
                return ExitCode::FAILURE;
            }
        }
    }
    println!("Nothing is wrong with it.");
    ExitCode::SUCCESS
}

/// Bytes as text, whatever they are.
fn as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
