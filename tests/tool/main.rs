//! The tool `baton` as a program: its output, its exit codes and its questions, against stand-ins on loopback.
//!
//! What it does to a real gate is tested in `runtime/tool.rs`; what its parts compute, beside them in `cli/`.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test program has no public interface")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers here are tests too: they read the clock and stop at the first surprise"
)]

mod gate;
mod meta;
#[cfg(unix)]
mod shop;
mod stand_in;
mod tool;

mod answers;
mod capacity;
#[cfg(unix)]
mod dialogue;
#[cfg(unix)]
mod doctor;
mod documents;
mod failures;
mod files;
mod help;
mod live;
mod manual;
#[cfg(unix)]
mod prompts;
mod scenarios;
mod secrets;
#[cfg(unix)]
mod setup;
#[cfg(unix)]
mod undo;
