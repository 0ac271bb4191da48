//! Opening hours: weekly ranges in an IANA time zone.
//!
//! A range is compared with what the shop's clock on the wall shows. Where clocks go forward the hour that is
//! left out is never open, and where they go back the hour that is shown twice is open twice.
//!
//! Invariant: there is at least one range, each is shorter than a day or a whole day, and its first minute
//! belongs to it and its last one does not. Ranges may overlap; the shop is open in any of them.
//!
//! Not here: holidays. A policy in KV can be changed for a day.

use super::read::{At, Reader};
use super::zones::{DAY_MINUTES, WEEK_MINUTES, Zone};
use crate::time::UnixMillis;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
pub(super) const KEYS: [&str; 9] =
    ["time_zone", "every_day", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const EXAMPLE: &str = "{\"time_zone\": \"Europe/Madrid\", \"monday\": [\"09:00-13:30\", \"16:00-20:00\"]}";
const ZONE: &str = "a name of the IANA time zone database, for example \"Europe/Madrid\"";
const RANGE: &str = "a range such as \"09:00-13:30\", from 00:00 to 24:00, whose end is not its start";

/// From one midnight to the next.
const DAY_STEP: usize = 24 * 60;

/// Ranges of one day; a shop that closes eleven times a day is open.
pub(super) const RANGES_PER_DAY_MAX: usize = 12;

/// When the shop is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpeningHours {
    ranges: Vec<Range>,
    zone: Zone,
}

/// Minutes of the week, from Monday 00:00. What begins on Sunday may end in the week after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Range {
    from: i64,
    until: i64,
}

impl OpeningHours {
    /// Whether the shop is open at `now`.
    #[must_use]
    pub fn is_open(&self, now: UnixMillis) -> bool {
        let minute = self.zone.minute_of_week(now);
        let holds = |range: &Range, minute: i64| (range.from..range.until).contains(&minute);
        self.ranges.iter().any(|range| holds(range, minute) || holds(range, minute + WEEK_MINUTES))
    }

    /// Reads the opening hours.
    pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Self> {
        let before = reader.mistakes.len();
        let table = reader.table(at, &KEYS, EXAMPLE)?;
        let zone = reader.required(&table, "time_zone", "write for example \"Europe/Madrid\"");
        let zone = zone.and_then(|at| reader.parsed(&at, ZONE, Zone::named));
        let every_day = table.get("every_day").map(|at| day(reader, &at));
        let mut ranges = Vec::new();
        for (midnight, name) in (0..WEEK_MINUTES).step_by(DAY_STEP).zip(DAYS) {
            let own = table.get(name).map(|at| day(reader, &at));
            let of_day = own.or_else(|| every_day.clone()).unwrap_or_default();
            ranges.extend(
                of_day.iter().map(|range| Range { from: midnight + range.from, until: midnight + range.until }),
            );
        }
        if ranges.is_empty() && reader.mistakes.len() == before {
            reader.wrong(&at.path, format!("has no range at all, so that the shop never opens; for example {EXAMPLE}"));
        }
        zone.map(|zone| Self { ranges, zone })
    }
}

/// The ranges of one day, in minutes from its midnight.
fn day(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Range> {
    let items = reader.list(at, RANGES_PER_DAY_MAX);
    items.iter().filter_map(|item| reader.parsed(item, RANGE, range)).collect()
}

fn range(text: &str) -> Option<Range> {
    let (from, until) = text.split_once('-')?;
    let (from, until) = (time_of_day(from)?, time_of_day(until)?);
    let is_start = from < DAY_MINUTES && from != until;
    let until = if until < from { until + DAY_MINUTES } else { until };
    is_start.then_some(Range { from, until })
}

/// Minutes since midnight of `HH:MM`, where 24:00 is the end of the day.
fn time_of_day(text: &str) -> Option<i64> {
    let is_plain = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let (hour, minute) =
        text.split_once(':').filter(|(hour, minute)| is_plain && hour.len() == 2 && minute.len() == 2)?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY_MINUTES).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Result<OpeningHours, Vec<String>> {
        let mut reader = Reader::new(&[]);
        let hours = OpeningHours::read(&mut reader, &At { path: "opening_hours".to_owned(), value });
        let told: Vec<String> = reader.mistakes.iter().map(ToString::to_string).collect();
        if told.is_empty() { Ok(hours.unwrap()) } else { Err(told) }
    }

    /// An instant as people write it.
    fn at(text: &str) -> UnixMillis {
        UnixMillis::new(text.parse::<jiff::Timestamp>().unwrap().as_millisecond().unsigned_abs())
    }

    fn check(hours: &Value, times: &[(&str, bool)]) {
        let hours = read(hours).unwrap();
        for (time, open) in times {
            assert_eq!(hours.is_open(at(time)), *open, "{time}");
        }
    }

    #[test]
    fn a_range_begins_with_its_first_minute_and_ends_before_its_last() {
        let hours = json!({"time_zone": "America/Sao_Paulo", "monday": ["09:00-12:00", "13:00-18:00"]});
        // Monday 2026-11-23; UTC-3 all year round, also in what was summer time before 2019.
        check(
            &hours,
            &[
                ("2026-11-23T08:59:59.999-03:00", false),
                ("2026-11-23T09:00:00-03:00", true),
                ("2026-11-23T11:59:59.999-03:00", true),
                ("2026-11-23T12:00:00-03:00", false),
                ("2026-11-23T13:00:00-03:00", true),
                ("2026-11-23T18:00:00-03:00", false),
                ("2026-11-24T10:00:00-03:00", false),
                ("2027-01-04T09:00:00-03:00", true),
                ("2027-07-05T08:59:59-03:00", false),
                ("2027-07-05T09:00:00-03:00", true),
            ],
        );
    }

    #[test]
    fn a_range_that_ends_before_it_starts_runs_past_midnight_also_from_sunday_to_monday() {
        let hours = json!({"time_zone": "Asia/Kolkata", "sunday": ["22:00-02:00"], "wednesday": ["22:00-00:00"],
            "friday": ["20:00-24:00"]});
        check(
            &hours,
            &[
                ("2026-11-22T21:59:59+05:30", false),
                ("2026-11-22T22:00:00+05:30", true),
                ("2026-11-22T23:59:59+05:30", true),
                ("2026-11-23T00:00:00+05:30", true),
                ("2026-11-23T01:59:59+05:30", true),
                ("2026-11-23T02:00:00+05:30", false),
                ("2026-11-22T01:00:00+05:30", false),
                ("2026-11-25T23:59:59+05:30", true),
                ("2026-11-26T00:00:00+05:30", false),
                ("2026-11-27T23:59:59+05:30", true),
                ("2026-11-28T00:00:00+05:30", false),
            ],
        );
    }

    #[test]
    fn clocks_that_go_forward_leave_an_hour_out_and_clocks_that_go_back_show_one_twice() {
        // Madrid: 2027-03-28 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. Both are Sundays.
        let night = json!({"time_zone": "Europe/Madrid", "sunday": ["02:00-03:00", "09:00-10:00"]});
        check(
            &night,
            &[
                ("2027-03-28T00:59:59Z", false),
                ("2027-03-28T01:00:00Z", false),
                ("2027-03-28T01:30:00Z", false),
                ("2027-03-28T06:59:59Z", false),
                ("2027-03-28T07:00:00Z", true),
                ("2026-10-24T23:59:59Z", false),
                ("2026-10-25T00:00:00Z", true),
                ("2026-10-25T00:59:59Z", true),
                ("2026-10-25T01:00:00Z", true),
                ("2026-10-25T01:59:59Z", true),
                ("2026-10-25T02:00:00Z", false),
                ("2026-10-25T08:00:00Z", true),
            ],
        );
        // A range whose end is left out ends when the clock has passed it.
        let until = json!({"time_zone": "Europe/Madrid", "sunday": ["01:00-02:30"]});
        check(&until, &[("2027-03-28T00:59:59Z", true), ("2027-03-28T01:00:00Z", false)]);
        // New York: 2027-03-14 02:00 becomes 03:00, 2026-11-01 02:00 becomes 01:00.
        let night = json!({"time_zone": "America/New_York", "sunday": ["01:00-03:00"]});
        check(
            &night,
            &[
                ("2027-03-14T05:59:59Z", false),
                ("2027-03-14T06:00:00Z", true),
                ("2027-03-14T06:59:59Z", true),
                ("2027-03-14T07:00:00Z", false),
                ("2026-11-01T04:59:59Z", false),
                ("2026-11-01T05:00:00Z", true),
                ("2026-11-01T06:00:00Z", true),
                ("2026-11-01T07:59:59Z", true),
                ("2026-11-01T08:00:00Z", false),
            ],
        );
    }

    #[test]
    fn the_south_has_its_summer_in_january() {
        let sydney = json!({"time_zone": "Australia/Sydney", "every_day": ["09:00-17:00"]});
        check(
            &sydney,
            &[
                ("2027-01-05T21:59:59Z", false),
                ("2027-01-05T22:00:00Z", true),
                ("2027-07-05T22:59:59Z", false),
                ("2027-07-05T23:00:00Z", true),
            ],
        );
        let santiago = json!({"time_zone": "America/Santiago", "every_day": ["09:00-17:00"]});
        check(
            &santiago,
            &[
                ("2027-01-05T11:59:59Z", false),
                ("2027-01-05T12:00:00Z", true),
                ("2027-07-05T12:59:59Z", false),
                ("2027-07-05T13:00:00Z", true),
            ],
        );
    }

    #[test]
    fn every_day_holds_for_the_days_that_are_not_named() {
        let hours =
            json!({"time_zone": "UTC", "every_day": ["09:00-17:00"], "saturday": ["10:00-12:00"], "sunday": []});
        check(
            &hours,
            &[
                ("2026-11-20T09:00:00Z", true),
                ("2026-11-21T09:00:00Z", false),
                ("2026-11-21T10:00:00Z", true),
                ("2026-11-22T10:00:00Z", false),
                ("2026-11-23T16:59:00Z", true),
            ],
        );
        let always = json!({"time_zone": "UTC", "every_day": ["00:00-24:00"]});
        check(&always, &[("2026-11-22T23:59:59Z", true), ("2026-11-23T00:00:00Z", true)]);
        let overlapping = json!({"time_zone": "UTC", "monday": ["09:00-13:00", "12:00-15:00"]});
        check(&overlapping, &[("2026-11-23T12:30:00Z", true), ("2026-11-23T14:59:00Z", true)]);
    }

    #[test]
    fn what_is_no_range_is_told_with_its_path() {
        for range in [
            "9:00-12:00",
            "09:00",
            "09:00-",
            "-12:00",
            "09:00 - 12:00",
            "09:00–12:00",
            "0900-1200",
            "09:60-12:00",
            "24:00-02:00",
            "09:00-24:01",
            "25:00-26:00",
            "09:00-09:00",
            "00:00-00:00",
            "+9:00-12:00",
            "09:00-12:00-13:00",
            "",
        ] {
            let told = read(&json!({"time_zone": "UTC", "monday": ["08:00-09:00", range]})).unwrap_err();
            assert_eq!(told.len(), 1, "{range}: {told:?}");
            assert!(told[0].starts_with("opening_hours.monday[1]: must be a range"), "{range}: {told:?}");
        }
        for (hours, told) in [
            (json!([]), "opening_hours: must be an object"),
            (json!({"monday": ["09:00-12:00"]}), "opening_hours.time_zone: is missing"),
            (json!({"time_zone": "Madrid", "monday": ["09:00-12:00"]}), "opening_hours.time_zone: must be a name"),
            (json!({"time_zone": "+02:00", "monday": ["09:00-12:00"]}), "opening_hours.time_zone: must be a name"),
            (json!({"time_zone": 2, "monday": ["09:00-12:00"]}), "opening_hours.time_zone: must be a name"),
            (json!({"time_zone": "UTC"}), "opening_hours: has no range at all"),
            (json!({"time_zone": "UTC", "sunday": []}), "opening_hours: has no range at all"),
            (
                json!({"time_zone": "UTC", "monday": "09:00-12:00"}),
                "opening_hours.monday: must be a list of at most 12",
            ),
            (json!({"time_zone": "UTC", "monday": [9]}), "opening_hours.monday[0]: must be a range"),
            (json!({"time_zone": "UTC", "monday": vec!["09:00-12:00"; 13]}), "opening_hours.monday: must be a list"),
            (json!({"time_zone": "UTC", "mon": ["09:00-12:00"]}), "opening_hours.mon: is not a key here"),
        ] {
            let mistakes = read(&hours).unwrap_err();
            assert_eq!(mistakes.len(), 1, "{hours}: {mistakes:?}");
            assert!(mistakes[0].starts_with(told), "{hours}: {mistakes:?}");
        }
        assert!(read(&json!({"time_zone": "UTC", "monday": vec!["09:00-12:00"; 12]})).is_ok());
    }
}
