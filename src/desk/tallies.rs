//! What a line is counted by: how often each thing happened, and how long some of them took.
//!
//! Invariant: tallies of two spans, or of two parts of a desk, add up to the tallies of both. That is why delays are
//! kept as histograms: quantiles cannot be added.
//!
//! Not here: when a span begins and ends (`store::desk`), what is shown of them (`statistics`).

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// What is counted, by the name that the operator reads. The order is that of the stored lists: new names go to the end.
pub const COUNTED: [&str; 14] = [
    "messages",
    "echoes",
    "delivered",
    "withheld",
    "retries",
    "dead_letters",
    "sends",
    "takeovers",
    "handbacks",
    "prevented",
    "dropped",
    "leaked",
    "would_withhold",
    "would_prevent",
];

/// What is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counted {
    /// A message of a customer's.
    Message,
    /// A message from the phone.
    Echo,
    /// An event that the bot took, other than a receipt.
    Delivered,
    /// A message that the bot was not shown.
    Withheld,
    /// An attempt that failed and is repeated.
    Retry,
    /// A message that was given up on.
    DeadLetter,
    /// A message of the bot's that was let through.
    Send,
    /// A person took the baton.
    Takeover,
    /// The bot got the baton back.
    Handback,
    /// A message of the bot's that was refused.
    Prevented,
    /// A message of the bot's that was dropped without the bot being told.
    Dropped,
    /// A message of the bot's that a customer has got over a person's.
    Leaked,
    /// A message that the bot was shown only because the policy observed.
    WouldWithhold,
    /// A message of the bot's that a customer has got only because the policy observed.
    WouldPrevent,
}

/// What takes time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timed {
    /// From the arrival of a message, or the end of the hold that withheld it, until the bot had taken it.
    TimeToBot,
    /// From a person's words, by Meta's clock, until the gate knew of them.
    EchoDelay,
    /// From the takeover until the bot's late message.
    Late,
    /// From a person's message until the next one of theirs.
    ReplyGap,
    /// From the customer's last message until a person's first answer.
    FirstAnswer,
}

/// Where the buckets of a histogram end, in milliseconds; a last one has what takes longer. Two to three buckets for
/// each doubling where answers usually lie, fewer where the difference matters to nobody.
const BUCKET_ENDS_MS: [u64; 26] = [
    25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1_200, 1_600, 2_400, 3_500, 5_000, 7_500, 10_000, 15_000, 20_000,
    30_000, 60_000, 120_000, 300_000, 900_000, 1_800_000, 3_600_000,
];

/// The same for what people take time for, up to [`crate::limits::PERSON_PAUSE_MAX`].
const PERSON_ENDS_MS: [u64; 24] = [
    5_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 240_000, 300_000, 420_000,
    600_000, 900_000, 1_200_000, 1_500_000, 1_800_000, 2_400_000, 2_700_000, 3_600_000, 4_500_000, 5_400_000,
    7_200_000,
];

impl Timed {
    /// Where the buckets of its histogram end.
    const fn ends(self) -> &'static [u64] {
        match self {
            Self::TimeToBot | Self::EchoDelay | Self::Late => &BUCKET_ENDS_MS,
            Self::ReplyGap | Self::FirstAnswer => &PERSON_ENDS_MS,
        }
    }
}

/// How often each thing happened, and how long some of them took.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Tallies(Vec<Vec<u64>>);

impl Tallies {
    /// Counts something once.
    pub fn count(&mut self, what: Counted) {
        self.add_at(0, what as usize, 1);
    }

    /// Counts something that took this long.
    pub fn time(&mut self, what: Timed, took: Millis) {
        let bucket = what.ends().partition_point(|end| *end <= took.as_millis());
        self.add_at(1 + what as usize, bucket, 1);
    }

    /// Adds what other tallies have.
    pub fn add(&mut self, other: &Self) {
        for (list, counts) in other.0.iter().enumerate() {
            for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                self.add_at(list, at, *count);
            }
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often this happened.
    #[must_use]
    pub fn of(&self, what: Counted) -> u64 {
        self.at(0, what as usize)
    }

    /// How often each of [`COUNTED`] happened.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        COUNTED.iter().enumerate().map(|(at, name)| (*name, self.at(0, at)))
    }

    /// How many of these were timed.
    #[must_use]
    pub fn timed(&self, what: Timed) -> u64 {
        self.0
            .get(1 + what as usize)
            .map_or(0, |counts| counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count)))
    }

    /// How long at most the quicker `percent` of them took, between the ends of a bucket as if evenly spread; `None`
    /// where there was none.
    #[must_use]
    pub fn quantile_ms(&self, what: Timed, percent: u64) -> Option<u64> {
        let counts = self.0.get(1 + what as usize)?;
        let total = self.timed(what);
        let wanted = total.saturating_mul(percent).div_ceil(100).max(1);
        let mut below = 0;
        for (at, count) in counts.iter().copied().enumerate() {
            if count > 0 && count >= wanted.saturating_sub(below) {
                let start = at.checked_sub(1).and_then(|before| what.ends().get(before)).copied().unwrap_or(0);
                let end = what.ends().get(at).copied().unwrap_or(2 * start);
                return Some(start + (end - start).saturating_mul(wanted - below) / count);
            }
            below = below.saturating_add(count);
        }
        None
    }

    /// The end of each bucket in milliseconds, `None` of the last; how many were as fast as that; and what they took
    /// altogether, as if each had taken the middle of its bucket.
    #[must_use]
    pub fn cumulative(&self, what: Timed) -> Vec<(Option<u64>, u64, u64)> {
        let (mut below, mut sum_ms, mut start) = (0_u64, 0_u64, 0_u64);
        let mut all = Vec::with_capacity(what.ends().len() + 1);
        for at in 0..=what.ends().len() {
            let (end, count) = (what.ends().get(at).copied(), self.at(1 + what as usize, at));
            let middle = u64::midpoint(start, end.unwrap_or(2 * start));
            below = below.saturating_add(count);
            sum_ms = sum_ms.saturating_add(count.saturating_mul(middle));
            all.push((end, below, sum_ms));
            start = end.unwrap_or(start);
        }
        all
    }

    fn at(&self, list: usize, at: usize) -> u64 {
        self.0.get(list).and_then(|counts| counts.get(at)).copied().unwrap_or(0)
    }

    fn add_at(&mut self, list: usize, at: usize, count: u64) {
        // What is read from storage, or from a newer version, has no say over how much memory this takes.
        if list > 5 || at > BUCKET_ENDS_MS.len() {
            return;
        }
        if self.0.len() <= list {
            self.0.resize_with(list + 1, Vec::new);
        }
        let Some(counts) = self.0.get_mut(list) else { return };
        if counts.len() <= at {
            counts.resize(at + 1, 0);
        }
        if let Some(known) = counts.get_mut(at) {
            *known = known.saturating_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallies_of_two_spans_add_up() {
        let (mut one, mut other) = (Tallies::default(), Tallies::default());
        one.count(Counted::Message);
        one.count(Counted::Leaked);
        other.count(Counted::Message);
        other.time(Timed::EchoDelay, Millis::new(70));
        one.add(&other);
        assert_eq!((one.of(Counted::Message), one.of(Counted::Leaked), one.of(Counted::Echo)), (2, 1, 0));
        assert_eq!((one.timed(Timed::EchoDelay), one.timed(Timed::Late)), (1, 0));
        let stored = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Tallies>(&stored).unwrap(), one);
        assert_eq!(one.counts().map(|(_, count)| count).sum::<u64>(), 3);
    }

    #[test]
    fn what_people_take_time_for_is_told_apart_by_minutes() {
        let mut tallies = Tallies::default();
        for minute in 1..=100 {
            tallies.time(Timed::ReplyGap, Millis::from_seconds(60 * minute));
        }
        tallies.time(Timed::FirstAnswer, Millis::from_seconds(7_199));
        for (percent, minutes) in [(50, 50), (90, 90)] {
            let found = tallies.quantile_ms(Timed::ReplyGap, percent).unwrap();
            assert!(found.abs_diff(minutes * 60_000) <= 6 * 60_000, "p{percent} is {found} ms");
        }
        assert!(tallies.quantile_ms(Timed::FirstAnswer, 90).is_some_and(|found| found <= 7_200_000));
        assert_eq!(PERSON_ENDS_MS.last(), Some(&crate::limits::PERSON_PAUSE_MAX.as_millis()));
        assert!(PERSON_ENDS_MS.is_sorted() && PERSON_ENDS_MS.len() <= BUCKET_ENDS_MS.len());
        let stored = serde_json::to_string(&tallies).unwrap();
        assert_eq!(serde_json::from_str::<Tallies>(&stored).unwrap(), tallies);
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_of_the_one_that_it_is_about() {
        let mut tallies = Tallies::default();
        assert_eq!(tallies.quantile_ms(Timed::TimeToBot, 50), None);
        for took in 1..=1_000 {
            tallies.time(Timed::TimeToBot, Millis::new(took));
        }
        for (percent, at) in [(50, 500), (95, 950), (100, 1_000)] {
            let found = tallies.quantile_ms(Timed::TimeToBot, percent).unwrap();
            assert!(found.abs_diff(at) <= at / 4, "p{percent} is {found}, and should be about {at}");
        }
        let mut slow = Tallies::default();
        slow.time(Timed::Late, Millis::from_seconds(100_000));
        assert!(slow.quantile_ms(Timed::Late, 95).is_some_and(|found| found >= 3_600_000));
    }
}
