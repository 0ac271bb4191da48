//! The promises, tested from outside on the real runtime: the built Worker in `wrangler dev`, with storage on disk,
//! Meta's deliveries over HTTP and a recording bot behind it.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test program has no public interface")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "the helpers here are tests too: they read the clock, stop at the first surprise, and print what they measured"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../benches/gate/run.rs"]
mod measurement;
#[path = "../tool/meta.rs"]
mod tool_meta;

mod bot;
mod chance;
mod client;
mod delivery;
mod gate;
mod graph;
mod planted;
mod wire;

mod access;
mod batches;
mod bench;
mod bodies;
mod book;
mod bot_faults;
mod broadcast;
mod configuration;
mod contract;
mod crash;
mod desk;
mod endurance;
mod erase;
mod fence;
mod framework;
mod handback;
mod handshake;
mod identity;
mod jurisdiction;
mod latency;
mod leaks;
mod lines;
mod load;
mod logs;
mod observe;
mod once;
mod operator;
mod policies;
mod probe;
mod proxy;
mod race;
mod receipts;
mod recipes;
mod release;
mod rotation;
mod rules;
mod sdks;
mod sends;
mod setup;
mod shipping;
mod signatures;
mod silence;
mod stream;
mod tool;
mod transaction;
mod upgrade;
