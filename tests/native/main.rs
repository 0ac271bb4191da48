//! The promises, tested without a runtime: the core on real SQLite, with time and the bot in the test's hand.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test program has no public interface")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::single_match_else,
    clippy::unnecessary_wraps,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

/// What events cost, as the tool has it.
#[path = "../../cli/counts.rs"]
mod counts;

mod amend;
mod book;
mod classes;
mod contract;
mod cost;
mod desk;
mod envelope;
mod explain;
mod facts;
mod fence;
mod gather;
mod identity;
mod in_order;
mod never_alone;
mod nothing_lost;
mod object;
mod observe;
mod office;
mod once;
mod operator;
mod outbox;
mod person;
mod reference;
mod release;
mod replay;
mod rewrite;
mod rules;
mod signature;
mod silence;
mod sqlite;
mod storage_format;
mod tidy;
mod upgrade;
