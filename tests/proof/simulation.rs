//! The runs of the simulator: a million events from a fixed seed, some more from a fresh one, and as many as an hour
//! takes where that is asked for.
//!
//! | variable | what it does |
//! |---|---|
//! | `BATON_SEED` | replays the one episode of this seed, as a failing run prints it |
//! | `BATON_SIMULATE_SECONDS` | goes on with fresh episodes for so long |
//!
//! Invariant: what a run covers is counted, and a run that covers less than it claims fails.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::broken::Fault;
use crate::chance::Chance;
use crate::simulator;
use crate::watch::Notes;

/// The seed of the run that is always the same.
const SEED: u64 = 1;
/// Events of Meta's and messages of the bot's.
const EVENTS: u64 = 1_000_000;

/// Events from a seed that nobody has seen before.
const FRESH_EVENTS: u64 = 50_000;

/// Episodes within which a broken core must be caught.
const EPISODES_MAX: u32 = 60;

/// What every run of [`EVENTS`] comes to.
const COVERED: [&str; 48] = [
    "alarm: late",
    "amendment applied",
    "attempt at another bot",
    "clock: back",
    "clock: far ahead",
    "crash: before the alarm",
    "crash: before the attempts",
    "crash: before the commit",
    "crash: between two objects",
    "crash: during an attempt",
    "dead letter",
    "delivery: delayed",
    "delivery: repeated",
    "duplicate",
    "flow: step between two objects",
    "given after a handback",
    "handback: broadcast",
    "handback: held longest",
    "handback: lease ended",
    "handback: pause ended",
    "handback: phrase",
    "handback: revoked",
    "handback: unanswered",
    "late outcome",
    "link: lives here",
    "link: lives there",
    "link: merged",
    "link: overtaken",
    "number changed",
    "operator: keeps",
    "operator: pauses a hold",
    "operator: pauses the bot",
    "operator: releases",
    "operator: releases nothing",
    "operator: takes",
    "outcome: rejected",
    "outcome: throttled",
    "replay of dead letters",
    "rule: for a person",
    "rule: for nobody",
    "takeover during an attempt",
    "takeover: customer asked",
    "takeover: echo",
    "text gathered",
    "too old for the bot",
    "waits for a person first",
    "warning",
    "withdrawn",
];

/// What becomes of the bot's messages in every run of [`EVENTS`], and how often at least.
const SENDS: [(&str, u64); 26] = [
    ("crash: the Worker's, after a send", 200),
    ("flow: spoken to while a conversation was handed over", 300),
    ("leak: noticed", 3_000),
    ("leak: taken back", 500),
    ("observe: begins", 200),
    ("observe: ends", 200),
    ("observe: would prevent", 500),
    ("observe: would withhold", 1_000),
    ("send: accepted", 8_000),
    ("send: beside the gate", 4_000),
    ("send: by a signpost", 10_000),
    ("send: dropped", 2_000),
    ("send: dropped, late", 500),
    ("send: let through", 10_000),
    ("send: let through by two", 1_000),
    ("send: let through, always", 2_000),
    ("send: let through, observed", 2_000),
    ("send: links first", 20),
    ("send: not sent after all", 1_000),
    ("send: outcome unknown", 5_000),
    ("send: refused", 10_000),
    ("send: refused, late", 2_000),
    ("send: repeated, answered again", 200),
    ("send: repeated, unknown", 100),
    ("send: the shop's own, reported first", 2_000),
    ("send: waits for the same", 2_000),
];

#[allow(clippy::disallowed_methods, reason = "how long a run takes is no part of the run")]
fn clock() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "the one fresh seed of each run; it is printed")]
fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| Chance::new(time.as_secs()).draw())
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a run comes to.
#[derive(Default)]
struct Run {
    events: u64,
    episodes: u64,
    took: Duration,
    notes: Notes,
}

/// Runs episodes from a seed until there were so many events, and it took so long.
fn run(seed: u64, events: u64, at_least: Duration) -> Run {
    let (mut seeds, mut run, started) = (Chance::new(seed), Run::default(), clock());
    while run.events < events || run.took < at_least {
        let episode = seeds.draw();
        let ended = simulator::run(episode, Fault::None, false);
        if ended.broken.is_some() {
            replay(episode);
        }
        run.events += ended.events;
        run.episodes += 1;
        run.took = started.elapsed();
        for (what, count) in ended.notes.0 {
            *run.notes.0.entry(what).or_default() += count;
        }
    }
    let per_second = u128::from(run.events) * 1_000 / run.took.as_millis().max(1);
    println!("{} events in {} episodes in {:?}: {per_second} a second", run.events, run.episodes, run.took);
    run
}

/// Runs one episode with its last steps written down, and fails where it does.
fn replay(seed: u64) {
    let ended = simulator::run(seed, Fault::None, true);
    let Some((violation, step, trace)) = ended.broken else { return };
    for line in trace {
        println!("{line}");
    }
    println!("{}", ended.state);
    println!("BATON_SEED={seed} cargo test --test proof simulation -- --nocapture");
    panic!("step {step}: {:?}: {}", violation.promise, violation.what);
}

#[test]
fn simulation() {
    if let Some(seed) = variable("BATON_SEED") {
        return replay(seed);
    }
    let run_of_always = run(SEED, EVENTS, Duration::ZERO);
    for (what, count) in &run_of_always.notes.0 {
        println!("{count:>9} {what}");
    }
    for what in COVERED {
        assert!(run_of_always.notes.0.get(what).is_some_and(|count| *count > 0), "never: {what}");
    }
    for (what, least) in SENDS {
        let count = run_of_always.notes.0.get(what).copied().unwrap_or_default();
        assert!(count >= least, "{count} times, and not {least}: {what}");
    }
    let (seed, seconds) = (fresh_seed(), variable("BATON_SIMULATE_SECONDS").unwrap_or_default());
    println!("from the fresh seed {seed}:");
    run(seed, FRESH_EVENTS, Duration::from_secs(seconds));
}

/// Each broken core is caught by the watch of the promise that it breaks, within a few episodes.
#[test]
fn simulation_notices_what_is_broken() {
    for (fault, promise) in Fault::ALL {
        let mut seeds = Chance::new(SEED);
        let mut caught = 0;
        for episode in 1..=EPISODES_MAX {
            let ended = simulator::run(seeds.draw(), fault, false);
            if let Some((violation, step, _)) = ended.broken
                && violation.promise == promise
            {
                println!("{fault:?}: {promise:?} in episode {episode}, step {step}: {}", violation.what);
                caught = episode;
                break;
            }
        }
        assert!(caught > 0, "the simulator does not notice {fault:?}");
    }
}
