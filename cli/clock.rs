//! Times as the person at the terminal reads and writes them.
//!
//! Invariant: a time is shown by the clock of the machine where that can be found out, and else as UTC with a `Z`
//! behind it. What is written without a zone is UTC, as in the gate's own sentences.
//!
//! Rust's standard library knows no time zones. The difference to UTC is asked of the system's `date` once, so a
//! command that runs over the change to summer time shows the old hour until it ends.

use baton::time::{Millis, UnixMillis};

use crate::host::{Host, Program};

const DAY_SECONDS: i64 = 86_400;

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Seconds ahead of UTC; `None` where that is not known.
    ahead: Option<i64>,
}

impl Clock {
    /// Asks the machine.
    pub(crate) fn of(host: &dyn Host) -> Self {
        let command = ["date", "+%z"].map(str::to_owned).to_vec();
        let ran = host.run(&Program { command, ..Program::default() }).ok().filter(|ran| ran.code == 0);
        Self { ahead: ran.and_then(|ran| ahead(ran.stdout.trim())) }
    }

    /// Hours, minutes and seconds.
    pub(crate) fn time(self, at: UnixMillis) -> String {
        let (_, second) = self.day_and_second(at);
        let shown = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
        if self.ahead.is_some() { shown } else { shown + "Z" }
    }

    /// The date before the time.
    pub(crate) fn date_and_time(self, at: UnixMillis) -> String {
        let (year, month, day) = civil(self.day_and_second(at).0);
        format!("{year:04}-{month:02}-{day:02} {}", self.time(at))
    }

    /// The end of a hold: with the date where that is another day than `now`.
    pub(crate) fn end(self, at: UnixMillis, now: UnixMillis) -> String {
        if self.day_and_second(at).0 == self.day_and_second(now).0 { self.time(at) } else { self.date_and_time(at) }
    }

    fn day_and_second(self, at: UnixMillis) -> (i64, i64) {
        let seconds = i64::try_from(at.as_seconds()).unwrap_or(i64::MAX).saturating_add(self.ahead.unwrap_or_default());
        (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS))
    }
}

/// `+0530` as seconds.
fn ahead(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    Some(sign * (number / 100 * 3_600 + number % 100 * 60))
}

/// Year, month and day of a day since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2021).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The day since 1970 of a date, where there is such a date.
fn day_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let shifted = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let found = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468;
    (civil(found) == (year, month, day)).then_some(found)
}

/// When a person means by `30m`, `2h`, `3d`, `2026-11-22`, `2026-11-22T18:30Z` or `2026-11-22T18:30:05Z`.
pub(crate) fn since(text: &str, now: UnixMillis) -> Option<UnixMillis> {
    let split = text.len().checked_sub(1).and_then(|end| text.split_at_checked(end));
    if let Some((Ok(count), unit)) = split.map(|(count, unit)| (count.parse::<u32>(), unit)) {
        let unit = match unit {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3_600),
            "d" => Some(86_400),
            _ => None,
        };
        if let Some(seconds) = unit {
            return Some(now.before(Millis::from_seconds(u64::from(count) * seconds)));
        }
    }
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let number = |text: &str, digits: usize| {
        text.parse::<i64>().ok().filter(|_| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = date.split('-');
    let day = day_of(number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?)?;
    let mut clock = time.strip_suffix('Z').unwrap_or(time).split(':');
    let (hour, minute) = (number(clock.next()?, 2)?, number(clock.next()?, 2)?);
    let second = clock.next().map_or(Some(0), |second| number(second, 2))?;
    if parts.next().is_some() || clock.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    u64::try_from(day * DAY_SECONDS + hour * 3_600 + minute * 60 + second).ok().map(UnixMillis::from_seconds)
}

/// A span as a person says it: `4.5 s`, `30 min`, `2 h 10 min`.
pub(crate) fn span(span: Millis) -> String {
    let seconds = (span.as_millis() + 500) / 1_000;
    let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::from_seconds(1_795_392_000);

    #[test]
    fn a_time_is_shown_by_the_clock_of_the_machine_or_says_that_it_is_utc() {
        for (zone, time, date) in [
            ("+0000", "00:00:00", "2026-11-23 00:00:00"),
            ("+0530", "05:30:00", "2026-11-23 05:30:00"),
            ("-0800", "16:00:00", "2026-11-22 16:00:00"),
            ("", "00:00:00Z", "2026-11-23 00:00:00Z"),
            ("CET", "00:00:00Z", "2026-11-23 00:00:00Z"),
            ("+é12", "00:00:00Z", "2026-11-23 00:00:00Z"),
        ] {
            let clock = Clock { ahead: ahead(zone) };
            assert_eq!((clock.time(NOW).as_str(), clock.date_and_time(NOW).as_str()), (time, date), "{zone:?}");
        }
        let utc = Clock { ahead: Some(0) };
        assert_eq!(utc.end(NOW.after(Millis::from_seconds(60)), NOW), "00:01:00");
        assert_eq!(utc.end(NOW.after(Millis::from_seconds(90_000)), NOW), "2026-11-24 01:00:00");
    }

    #[test]
    fn a_time_is_understood_as_people_write_it_and_nothing_else_is() {
        let seconds = |at: UnixMillis| at.as_seconds();
        for (text, expected) in [
            ("90s", Some(seconds(NOW) - 90)),
            ("30m", Some(seconds(NOW) - 1_800)),
            ("2h", Some(seconds(NOW) - 7_200)),
            ("3d", Some(seconds(NOW) - 259_200)),
            ("2026-11-23", Some(seconds(NOW))),
            ("2026-11-22T18:30Z", Some(seconds(NOW) - 19_800)),
            ("2026-11-22 18:30:05", Some(seconds(NOW) - 19_795)),
            ("2024-02-29", Some(1_709_164_800)),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-11-22T24:00", None),
            ("2026-11-22T18:30:05:01", None),
            ("26-11-22", None),
            ("2026-11-+2", None),
            ("yesterday", None),
            ("1w", None),
            ("-1h", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(since(text, NOW).map(seconds), expected, "{text:?}");
        }
    }

    #[test]
    fn spans_are_said_in_whole_units() {
        for (seconds, expected) in [(0, "0 s"), (80, "1 min 20 s"), (1_800, "30 min"), (5_400, "1 h 30 min")] {
            assert_eq!(span(Millis::from_seconds(seconds)), expected);
        }
    }
}
