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

/// What many lines need, as the tool has it.
#[path = "../../cli/demand.rs"]
mod demand;

/// The arithmetic of `npm run bench`, with its tests, and its price.
#[path = "../../benches/gate/figures.rs"]
mod figures;
#[path = "../../benches/gate/price.rs"]
mod price;

mod amend;
mod book;
mod capacity;
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
mod micro;
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
mod reports;
mod rewrite;
mod rules;
mod signature;
mod silence;
mod sqlite;
mod storage_format;
mod tidy;
mod upgrade;
