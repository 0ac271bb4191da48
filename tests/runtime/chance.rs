//! Random choices that can be made again: every test that uses them prints its seed.
//!
//! The seed decides what is sent to whom, what fails and when; how the machine schedules its threads it cannot decide,
//! so a seed repeats the story and not every race in it.

use std::time::{Duration, SystemTime};

/// The variable that gives the seed of a failure again.
const SEED: &str = "BATON_SEED";

/// A sequence of numbers that looks random (`SplitMix64`, Steele, Lea and Flood, 2014).
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// A seed of the clock's, or the one that was asked for; printed either way.
    pub fn start(what: &str) -> Self {
        let asked = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let seed = asked.unwrap_or_else(|| u64::try_from(now).unwrap());
        println!("{what}: {SEED}={seed} repeats this");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    /// A time from the first to the second, in milliseconds.
    pub fn millis(&mut self, from: usize, to: usize) -> Duration {
        Duration::from_millis(u64::try_from(from + self.below(to - from)).unwrap())
    }

    /// A sequence of its own, for a thread of its own.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
