//! The proof of the turn protocol: a model that is searched exhaustively, a simulator that is run at random, and cores
//! that are broken on purpose, all over the real core and under the same watch.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test program has no public interface")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stdout,
    clippy::single_match_else,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../native/object.rs"]
mod object;
#[path = "../native/sqlite.rs"]
mod sqlite;

mod bot;
mod broken;
mod chance;
mod faithful;
mod flow;
mod found;
mod model;
mod outgoing;
mod people;
mod policies;
mod says;
mod search;
mod simulation;
mod simulator;
mod storage;
mod trouble;
mod watch;
mod world;
