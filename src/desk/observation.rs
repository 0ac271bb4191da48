//! What a period says about the policy's times: how much would have been withheld or prevented, how fast the shop's people
//! write, and which lease and which head start would fit them.
//!
//! | suggested | from | because |
//! |---|---|---|
//! | `lease_seconds` | nine of ten pauses between two messages of a person's | the bot should not speak into a person's pause |
//! | `human_first_seconds` | half of the first answers of a person's | every customer whom nobody answers waits as long for the bot |
//!
//! Invariant: nothing is suggested from fewer than [`OBSERVATIONS_MIN`] observations, nor anything that the policy would
//! refuse. Everything here is numbers and fixed words, so it is written as text without a detour.
//!
//! Not here: measuring (`conversation::person`), counting (`tallies`), which period (`api::query`).

use core::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::statistics::Span;
use super::tallies::{Counted, Tallies, Timed};
use crate::ids::LineId;
use crate::limits::OBSERVATIONS_MIN;
use crate::time::{Millis, UnixMillis};

/// Longest head start of a person's that a policy may give, as `policy::document` has it.
const HUMAN_FIRST_SECONDS_MAX: u64 = 3_600;

/// What one part of a desk has seen in a period.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Observed {
    /// What was counted.
    pub tallies: Tallies,
    /// Conversations in which a person spoke.
    pub conversations: u64,
}

/// Where a period of so many days begins: on the hour, because that is how finely a desk remembers.
#[must_use]
pub fn since(days: u64, now: UnixMillis) -> UnixMillis {
    Span::Day.bucket_of(now.before(Millis::from_seconds(days.saturating_mul(86_400))))
}

/// The report of a line as JSON, from what the parts of its desk have seen. `mode` is the policy's, in one word, and
/// `max_hold` the longest hold that it allows.
#[must_use]
pub fn json(
    line: &LineId,
    (from, to): (UnixMillis, UnixMillis),
    (mode, max_hold): (&str, Millis),
    parts: &[Observed],
) -> String {
    let (mut tallies, mut conversations) = (Tallies::default(), 0_u64);
    for part in parts {
        tallies.add(&part.tallies);
        conversations = conversations.saturating_add(part.conversations);
    }
    let sum = |all: &[Counted]| all.iter().fold(0_u64, |sum, what| sum.saturating_add(tallies.of(*what)));
    let mut out = String::new();
    // Writing into a String cannot fail, here and below.
    let _ = write!(
        out,
        "{{\"line\":\"{}\",\"from_ms\":{},\"to_ms\":{},\"mode\":\"{mode}\",\
         \"conversations_with_a_person\":{conversations},\"would_be_withheld\":{},\"would_be_prevented\":{}",
        line.as_str(),
        from.as_millis(),
        to.as_millis(),
        sum(&[Counted::WouldWithhold, Counted::Withheld]),
        sum(&[Counted::WouldPrevent, Counted::Prevented, Counted::Dropped]),
    );
    for (name, what) in [("reply_gap_seconds", Timed::ReplyGap), ("first_answer_seconds", Timed::FirstAnswer)] {
        let quantile = |percent| match tallies.quantile_ms(what, percent) {
            Some(ms) => ms.div_ceil(1_000).to_string(),
            None => "null".to_owned(),
        };
        let (count, p50, p90) = (tallies.timed(what), quantile(50), quantile(90));
        let _ = write!(out, ",\"{name}\":{{\"count\":{count},\"p50\":{p50},\"p90\":{p90}}}");
    }
    let (mut suggestions, mut missing) = (String::new(), String::new());
    for suggestion in [lease(&tallies, max_hold), human_first(&tallies)] {
        let list = if suggestion.value.is_some() { &mut suggestions } else { &mut missing };
        suggestion.write(list);
    }
    let _ = write!(out, ",\"suggestions\":[{suggestions}],\"missing\":[{missing}]}}");
    out
}

/// A time that would fit, or why none can be named.
struct Suggestion {
    key: &'static str,
    value: Option<u64>,
    why: String,
}

impl Suggestion {
    fn write(&self, list: &mut String) {
        let comma = if list.is_empty() { "" } else { "," };
        let _ = write!(list, "{comma}{{\"key\":\"{}\"", self.key);
        if let Some(value) = self.value {
            let _ = write!(list, ",\"value\":{value}");
        }
        let _ = write!(list, ",\"why\":\"{}\"}}", self.why);
    }
}

/// What is said where too little was seen.
fn too_few(key: &'static str, what: &str, count: u64) -> Suggestion {
    let why = format!("{count} {what} were seen, and {OBSERVATIONS_MIN} are needed.");
    Suggestion { key, value: None, why }
}

fn lease(tallies: &Tallies, max_hold: Millis) -> Suggestion {
    const KEY: &str = "lease_seconds";
    let count = tallies.timed(Timed::ReplyGap);
    let Some(p90) = tallies.quantile_ms(Timed::ReplyGap, 90).filter(|_| count >= OBSERVATIONS_MIN) else {
        return too_few(KEY, "pauses between two messages of a person's", count);
    };
    // In whole minutes, because nobody sets a lease by the second.
    let fits = p90.div_ceil(60_000).max(1) * 60;
    let longest = max_hold.as_seconds();
    let why = if fits > longest {
        format!(
            "Nine of ten of {count} pauses between two messages of a person's were up to {fits} s; max_hold_seconds allows {longest}."
        )
    } else {
        format!(
            "Nine of ten of {count} pauses between two messages of a person's were shorter: the bot does not speak into them."
        )
    };
    Suggestion { key: KEY, value: Some(fits.min(longest)), why }
}

fn human_first(tallies: &Tallies) -> Suggestion {
    const KEY: &str = "human_first_seconds";
    let count = tallies.timed(Timed::FirstAnswer);
    let Some(p50) = tallies.quantile_ms(Timed::FirstAnswer, 50).filter(|_| count >= OBSERVATIONS_MIN) else {
        return too_few(KEY, "first answers of a person's", count);
    };
    let fits = p50.div_ceil(5_000).max(1) * 5;
    if fits > HUMAN_FIRST_SECONDS_MAX {
        let why = format!(
            "Half of {count} first answers of a person's took longer than {HUMAN_FIRST_SECONDS_MAX} s, the longest that a customer may be kept waiting for one."
        );
        return Suggestion { key: KEY, value: None, why };
    }
    let why = format!(
        "Half of {count} first answers of a person's came sooner; every customer whom nobody answers waits as long for the bot, and 0 lets it answer at once."
    );
    Suggestion { key: KEY, value: Some(fits), why }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The report of tallies in which so many pauses and first answers took so many seconds.
    fn report(gaps: &[(u64, u64)], answers: &[(u64, u64)], policy: (&str, u64)) -> Value {
        let mut one = Observed { conversations: 3, ..Observed::default() };
        let mut other = Observed { conversations: 4, ..Observed::default() };
        for (what, all) in [(Timed::ReplyGap, gaps), (Timed::FirstAnswer, answers)] {
            for (times, seconds) in all {
                for time in 0..*times {
                    let part = if time % 2 == 0 { &mut one } else { &mut other };
                    part.tallies.time(what, Millis::from_seconds(*seconds));
                }
            }
        }
        for what in [Counted::WouldWithhold, Counted::WouldPrevent, Counted::Prevented, Counted::Leaked] {
            other.tallies.count(what);
        }
        let line = LineId::parse("300").unwrap();
        let period = (UnixMillis::from_seconds(3_600), UnixMillis::from_seconds(9_000));
        serde_json::from_str(&super::json(&line, period, (policy.0, Millis::from_seconds(policy.1)), &[one, other]))
            .unwrap()
    }

    fn suggested(report: &Value, key: &str) -> Option<u64> {
        let is_it = |it: &&Value| it["key"] == key;
        let found = report["suggestions"].as_array().unwrap().iter().find(is_it);
        let missing = report["missing"].as_array().unwrap().iter().find(is_it);
        assert_eq!(found.is_some(), missing.is_none(), "{report}");
        let why = found.or(missing).and_then(|it| it["why"].as_str()).unwrap();
        assert!(why.ends_with('.'), "{why}");
        found.and_then(|it| it["value"].as_u64())
    }

    #[test]
    fn the_parts_of_a_desk_make_one_report_and_without_observations_there_are_no_times() {
        let nothing = report(&[], &[], ("enforce", 43_200));
        let expected = json!({
            "line": "300", "from_ms": 3_600_000, "to_ms": 9_000_000, "mode": "enforce",
            "conversations_with_a_person": 7, "would_be_withheld": 1, "would_be_prevented": 2,
            "reply_gap_seconds": {"count": 0, "p50": null, "p90": null},
            "first_answer_seconds": {"count": 0, "p50": null, "p90": null},
            "suggestions": [],
            "missing": [
                {"key": "lease_seconds", "why": "0 pauses between two messages of a person's were seen, and 30 are needed."},
                {"key": "human_first_seconds", "why": "0 first answers of a person's were seen, and 30 are needed."},
            ],
        });
        assert_eq!(nothing, expected);
        assert_eq!(report(&[], &[], ("observe", 43_200))["mode"], "observe");
    }

    #[test]
    fn a_time_is_suggested_from_enough_observations_and_only_as_the_policy_takes_it() {
        for (gaps, max_hold, expected) in [
            (&[(29, 300)][..], 43_200, None),
            (&[(30, 290)], 43_200, Some(300)),
            (&[(27, 30), (3, 7_000)], 43_200, Some(60)),
            (&[(20, 30), (20, 1_700)], 43_200, Some(1_800)),
            (&[(40, 1_700)], 600, Some(600)),
            (&[(40, 1)], 43_200, Some(60)),
            (&[(40, 7_199)], 43_200, Some(7_200)),
        ] {
            let found = suggested(&report(gaps, &[], ("enforce", max_hold)), "lease_seconds");
            // A histogram knows a time to within its bucket.
            let near = |found: u64, wanted: u64| found.abs_diff(wanted) <= 60.max(wanted / 10);
            assert!(
                found.zip(expected).map_or(found == expected, |(found, wanted)| near(found, wanted)),
                "{gaps:?}: {found:?}"
            );
            assert!((1..=max_hold).contains(&found.unwrap_or(1)), "{found:?}");
        }
        for (answers, expected) in [
            (&[(29, 40)][..], None),
            (&[(30, 12)], Some(15)),
            (&[(40, 1)], Some(5)),
            (&[(15, 20), (16, 5_000)], Some(3_600)),
            (&[(40, 5_000)], None),
        ] {
            let found = suggested(&report(&[], answers, ("enforce", 43_200)), "human_first_seconds");
            if expected == Some(3_600) {
                assert!(found.is_none_or(|found| found <= 3_600), "{answers:?}: {found:?}");
            } else {
                assert_eq!(found, expected, "{answers:?}");
            }
            assert!(found.unwrap_or(0) <= HUMAN_FIRST_SECONDS_MAX, "{found:?}");
        }
    }

    #[test]
    fn a_period_begins_on_the_hour() {
        let now = UnixMillis::from_seconds(1_793_700_100);
        assert_eq!(since(7, now).as_millis() % 3_600_000, 0);
        assert!(now.since(since(7, now)) >= Millis::from_seconds(7 * 86_400));
    }
}
