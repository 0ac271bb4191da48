//! Every target holds for everything that it starts from: the check that needs neither libFuzzer nor its compiler.

use std::collections::BTreeSet;

use baton_fuzz::{TARGETS, Target};

/// Runs a target with each of its seeds, and with each of them cut off, which is what a fuzzer tries first.
fn replay(target: Target) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} starts from nothing", target.name);
    let names: BTreeSet<_> = seeds.iter().map(|seed| &seed.name).collect();
    assert_eq!(names.len(), seeds.len(), "{}: each seed has a name of its own", target.name);
    for seed in seeds {
        println!("{}/{}", target.name, seed.name);
        (target.run)(&seed.bytes);
        let (half, _) = seed.bytes.split_at(seed.bytes.len() / 2);
        (target.run)(half);
    }
    (target.run)(b"");
}

#[test]
fn every_target_holds_for_its_seeds() {
    TARGETS.into_iter().for_each(replay);
}
