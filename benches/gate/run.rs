//! The measurement as a whole: what is asked for, one after the other.
//!
//! Invariant: nothing is measured while something else is, and what is known is said at once: a workload's figures when
//! it is done, the bars at the end.
//!
//! Deliberately not here: standard output and exit codes (`main`). A test runs this too (tests/runtime/bench.rs).

mod apart;
mod bars;
mod config;
#[path = "../../cli/counts.rs"]
mod counts;
mod figures;
mod http;
mod json;
mod load;
pub mod options;
mod price;
mod profile;
mod receiver;
mod rounds;
mod subject;
mod table;
mod webhooks;
mod workloads;

use std::fs;

use bars::Found;
use options::Options;
use rounds::Bench;
use workloads::Workload;

/// Measures and says what came of it. Returns whether everything arrived as it should.
pub fn run(options: &Options, say: &mut dyn FnMut(&str)) -> bool {
    let mut bench = Bench::new(options);
    if let Some(seconds) = options.profile {
        let workload = Workload::ALL.into_iter().find(|workload| options.wants(workload.name()));
        return profile::take(&mut bench, options.of, workload.unwrap_or(Workload::Warm), seconds, say);
    }
    let mut found = Found { gzip_kib: apart::gzip_kib(), ..Found::default() };
    say(&table::head(options));
    for workload in Workload::ALL.into_iter().filter(|workload| options.wants(workload.name())) {
        let (turns, kept) = bench.workload(workload);
        turns.iter().filter(|turn| !turn.is_right()).for_each(|turn| say(&table::trouble(turn)));
        found.turns.extend(turns);
        found.kept.extend(kept);
        say(&table::workload(&found, workload));
    }
    if options.wants("start") {
        found.starts = Some(apart::starts(&bench, options.starts));
    }
    if options.wants("growth") {
        found.growth = Some(apart::growth(&mut bench, &options.sizes, options.rests));
    }
    let bars = found.bars();
    say("");
    say(&table::bars(&bars));
    if let Some(file) = &options.json {
        let text = format!("{:#}\n", json::document(&found, &bars));
        fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    found.is_right()
}
