//! Time zones: which minute of the week a clock on the wall shows.
//!
//! Invariant: the zones are those of the IANA database as `build.rs` found them, links included. Nothing here
//! can fail for a zone that exists, and an instant always has exactly one local time.
//!
//! Not here: the rules by which clocks change. The table has the changes themselves, until 2060; after the
//! last one the offset stays.

use crate::time::UnixMillis;

/// Written by `build.rs`, which also says how it is to be read.
const TABLE: &str = include_str!(concat!(env!("OUT_DIR"), "/zones.txt"));

const MINUTE_MS: u64 = 60_000;
pub(super) const DAY_MINUTES: i64 = 24 * 60;
pub(super) const WEEK_MINUTES: i64 = 7 * DAY_MINUTES;

/// The Unix epoch was a Thursday, and weeks begin with Monday.
const EPOCH_MINUTE_OF_WEEK: i64 = 3 * DAY_MINUTES;

/// A time zone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Zone {
    /// From which minute since the epoch which offset from UTC holds, in minutes; ascending.
    changes: Vec<(i64, i64)>,
    /// The offset before the first change.
    first: i64,
}

impl Zone {
    /// The zone with this name of the IANA database; the case of its letters does not matter.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut lines = TABLE.lines();
        let mut minute: i64 = lines.next()?.parse().ok()?;
        let has_name = |names: &str| names.split(' ').any(|other| other.eq_ignore_ascii_case(name));
        let (_, numbers) = lines.filter_map(|line| line.split_once('|')).find(|(names, _)| has_name(names))?;
        let mut numbers = numbers.split(' ').map(str::parse::<i64>);
        let first = numbers.next()?.ok()?;
        let mut changes = Vec::new();
        while let Some(wait) = numbers.next() {
            minute += wait.ok()?;
            changes.push((minute, numbers.next()?.ok()?));
        }
        Some(Self { changes, first })
    }

    /// The minute of the week that clocks show at `now`, from Monday 00:00.
    pub(super) fn minute_of_week(&self, now: UnixMillis) -> i64 {
        // A quotient by 60,000 always fits.
        let minute = i64::try_from(now.as_millis() / MINUTE_MS).unwrap_or(i64::MAX);
        let past = self.changes.partition_point(|(from, _)| *from <= minute);
        let last = past.checked_sub(1).and_then(|at| self.changes.get(at));
        let offset = last.map_or(self.first, |(_, offset)| *offset);
        (minute + offset + EPOCH_MINUTE_OF_WEEK).rem_euclid(WEEK_MINUTES)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;
    use jiff::{Timestamp, ToSpan};

    use super::*;

    #[test]
    fn every_zone_of_the_database_shows_the_right_time_until_2060() {
        let database = TimeZoneDatabase::bundled();
        let (mut names, mut compared) = (0, 0_u64);
        for name in database.available() {
            names += 1;
            let zone = Zone::named(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the table"));
            let expected = database.get(name.as_str()).unwrap();
            // At each change and the minute before, and at noon of every 97th day.
            let from: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
            let until: Timestamp = "2060-01-01T00:00:00Z".parse().unwrap();
            let changes = expected.following(from).map(|change| change.timestamp()).take_while(|at| *at < until);
            let edges = changes.flat_map(|at| [at - 1.second(), at]);
            let days = (0..130).map(|day| from + (day * 97 * 24 + 12).hours());
            for at in edges.chain(days) {
                let shown = expected.to_datetime(at);
                let day = i64::from(shown.weekday().to_monday_zero_offset());
                let minute = day * DAY_MINUTES + i64::from(shown.hour()) * 60 + i64::from(shown.minute());
                let now = UnixMillis::from_seconds(at.as_second().unsigned_abs());
                assert_eq!(zone.minute_of_week(now), minute, "{name} at {at}");
                compared += 1;
            }
        }
        assert!(names > 590 && compared > 80_000, "{names} names, {compared} times");
    }

    #[test]
    fn links_and_any_case_are_names_and_nothing_else_is() {
        for (name, is_one) in [
            ("America/Sao_Paulo", true),
            ("america/sao_paulo", true),
            ("America/Buenos_Aires", true),
            ("Asia/Calcutta", true),
            ("UTC", true),
            ("America/SaoPaulo", false),
            ("Madrid", false),
            ("America", false),
            ("+02:00", false),
            ("", false),
            ("Europe/Madrid Europe/Paris", false),
            ("Europe/Madrid|60", false),
        ] {
            assert_eq!(Zone::named(name).is_some(), is_one, "{name:?}");
        }
    }

    #[test]
    fn the_ends_of_time_have_a_time_of_day_too() {
        let utc = Zone::named("UTC").unwrap();
        assert_eq!(utc.minute_of_week(UnixMillis::new(0)), 3 * DAY_MINUTES);
        assert!((0..WEEK_MINUTES).contains(&utc.minute_of_week(UnixMillis::new(u64::MAX))));
    }
}
