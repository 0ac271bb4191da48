//! The policy document: its keys, what each may be, and which times contradict each other.
//!
//! Invariant: every key is read, and a document is a policy only if nothing in it is wrong. A key that is left
//! out has its value of [`Policy::default`], which is sound by itself.
//!
//! Not here: what lies within opening hours, rules, texts and the fence. Each reads itself.

use core::ops::RangeInclusive;

use serde_json::Value;

use super::fence::FencePolicy;
use super::hours::OpeningHours;
use super::read::{At, Keys, Reader};
use super::rules::{self, HUMAN_FIRST_SECONDS_MAX};
use super::text::{AUTOMATION_FORMS, Phrase, TextPattern};
use super::{Broadcast, Burst, BurstMode, Mode, OnHandback, Policy, PolicyError};
use crate::ids::BotName;
use crate::limits::POLICY_BYTES_MAX;
use crate::time::Millis;

/// The keys of a policy document, in the order of the documentation.
pub(super) const KEYS: [&str; 29] = [
    "mode",
    "lease_seconds",
    "max_hold_seconds",
    "warn_after_seconds",
    "hand_back_after_seconds",
    "on_handback",
    "share_human_text",
    "revoke_undoes",
    "handback_phrases",
    "take_phrases",
    "automation_texts",
    "broadcast_window_seconds",
    "broadcast_recipients",
    "opening_hours",
    "human_first_seconds",
    "rules",
    "burst_seconds",
    "burst",
    "stale_after_seconds",
    "retry_schedule_seconds",
    "retention_days",
    "fence",
    "always_send_templates",
    "always_send_categories",
    "always_send_callback_prefixes",
    "duplicate_send_seconds",
    "bot_read_receipts",
    "callback_changes",
    "analytics",
];

/// What `on_handback`, `mode` and `burst` may be.
pub(super) const ON_HANDBACK: [(&str, OnHandback); 3] =
    [("unanswered", OnHandback::Unanswered), ("none", OnHandback::None), ("all", OnHandback::All)];
/// See [`ON_HANDBACK`].
pub(super) const MODE: [(&str, Mode); 2] = [("enforce", Mode::Enforce), ("observe", Mode::Observe)];
/// See [`ON_HANDBACK`].
pub(super) const BURST: [(&str, BurstMode); 2] =
    [("separate", BurstMode::Separate), ("merge_text", BurstMode::MergeText)];

pub(super) const DAY_SECONDS: u64 = 86_400;

/// Shortest and longest lease and hold. Below a second a hold is over before the echo's own delay; beyond a week it
/// is a bot that never comes back.
pub(super) const HOLD_SECONDS: RangeInclusive<u64> = 1..=7 * DAY_SECONDS;

/// How long a customer may wait before the baton goes back. WhatsApp lets a business answer freely for 24 hours
/// after the customer's last message (Meta, "Send messages", 2026); handed back later, the bot could not speak.
pub(super) const HAND_BACK_AFTER_SECONDS: RangeInclusive<u64> = 2..=DAY_SECONDS;

/// When the owner is warned: any time before the longest wait for the handback.
pub(super) const WARN_AFTER_SECONDS: RangeInclusive<u64> = 1..=DAY_SECONDS - 1;

/// How long a burst may be waited for: who writes on after a minute of silence has begun anew, and the customer
/// has seen nothing happen for that minute.
pub(super) const BURST_SECONDS: RangeInclusive<u64> = 0..=60;

/// How old a message may be on arrival; Meta repeats a delivery for up to 7 days (webhooks overview, 2026).
pub(super) const STALE_AFTER_SECONDS: RangeInclusive<u64> = 0..=7 * DAY_SECONDS;

/// Within which time equal texts are one broadcast: a list of 256 is sent within seconds, and after an hour the
/// same words are a habit.
pub(super) const BROADCAST_WINDOW_SECONDS: RangeInclusive<u64> = 1..=3_600;

/// How many customers make a broadcast. One is an answer, and WhatsApp's broadcast lists end at 256.
pub(super) const BROADCAST_RECIPIENTS: RangeInclusive<u64> = 2..=256;

/// How long bodies are kept: a day at least, so that a morning can look at the day before.
pub(super) const RETENTION_DAYS: RangeInclusive<u64> = 1..=30;

/// Most attempts at one entry, and the longest wait between two: with the default schedule the last of ten
/// attempts comes after 3 days and 3.6 hours.
pub(super) const ATTEMPTS_MAX: usize = 50;
pub(super) const RETRY_WAIT_SECONDS: RangeInclusive<u64> = 0..=2 * DAY_SECONDS;

/// Reads a policy document; `bots` are those that its rules may name.
pub(super) fn read(document: &str, bots: &[BotName]) -> Result<Policy, Vec<PolicyError>> {
    read_value(value(document), bots)
}

/// Reads a policy from what was read as JSON, or says why it was not.
pub(super) fn read_value(value: Result<Value, String>, bots: &[BotName]) -> Result<Policy, Vec<PolicyError>> {
    let mut reader = Reader::new(bots);
    match value {
        Ok(value) => {
            if let Some(policy) = policy(&mut reader, &value) {
                return Ok(policy);
            }
        }
        Err(reason) => reader.wrong("policy", reason),
    }
    Err(reader.mistakes)
}

pub(super) fn value(document: &str) -> Result<Value, String> {
    if document.len() > POLICY_BYTES_MAX {
        return Err(format!("is longer than {POLICY_BYTES_MAX} bytes"));
    }
    serde_json::from_str(document).map_err(|error| format!("is not JSON: {error}"))
}

fn policy(reader: &mut Reader<'_>, value: &Value) -> Option<Policy> {
    let default = Policy::default();
    let root = At { path: String::new(), value };
    let table = reader.table(&root, &KEYS, "{\"lease_seconds\": 1800}")?;
    let mut keys = Keys { reader, table: &table };

    let in_force = keys.read("mode", default.mode, |reader, at| reader.choice(at, &MODE));
    let lease = keys.seconds("lease_seconds", &HOLD_SECONDS, default.lease);
    let max_hold = keys.seconds("max_hold_seconds", &HOLD_SECONDS, default.max_hold);
    let warn_after = keys.seconds("warn_after_seconds", &WARN_AFTER_SECONDS, default.warn_after);
    let hand_back_after = keys.seconds("hand_back_after_seconds", &HAND_BACK_AFTER_SECONDS, default.hand_back_after);
    let on_handback = keys.read("on_handback", default.on_handback, |reader, at| reader.choice(at, &ON_HANDBACK));
    let share_human_text = keys.read("share_human_text", default.share_human_text, Reader::flag);
    let revoke_undoes = keys.read("revoke_undoes", default.revoke_undoes, Reader::flag);
    let handback_phrases = keys.list("handback_phrases", Phrase::read);
    let take_phrases = keys.list("take_phrases", Phrase::read);
    let automation_texts = keys.list("automation_texts", |reader, at| TextPattern::read(reader, at, &AUTOMATION_FORMS));
    let never = Broadcast { recipients: 0, window: Millis::default() };
    let Broadcast { recipients, window } = default.broadcast.unwrap_or(never);
    let window = keys.seconds("broadcast_window_seconds", &BROADCAST_WINDOW_SECONDS, window);
    let recipients = keys.read("broadcast_recipients", recipients, self::recipients);
    let opening_hours = keys.read("opening_hours", None, |reader, at| OpeningHours::read(reader, at).map(Some));
    let human_first = keys.seconds("human_first_seconds", &(0..=HUMAN_FIRST_SECONDS_MAX), default.human_first);
    // Hours with a mistake are there all the same, and no reason for more mistakes.
    let has_hours = table.get("opening_hours").is_some();
    let rules = table.get("rules").map_or_else(Vec::new, |at| rules::read(keys.reader, &at, has_hours));
    let wait = keys.seconds("burst_seconds", &BURST_SECONDS, default.burst.wait);
    let mode = keys.read("burst", default.burst.mode, |reader, at| reader.choice(at, &BURST));
    let stale_after =
        keys.seconds("stale_after_seconds", &STALE_AFTER_SECONDS, default.stale_after.unwrap_or_default());
    let retry_schedule = keys.read("retry_schedule_seconds", default.retry_schedule, retry_schedule);
    let keep_bodies = keys.read("retention_days", default.keep_bodies, |reader, at| {
        reader.number(at, &RETENTION_DAYS, "").map(|days| Millis::from_seconds(days * DAY_SECONDS))
    });

    let fence = FencePolicy::read(&mut keys);
    let analytics = keys.read("analytics", default.analytics, Reader::flag);

    contradictions(keys.reader, lease, max_hold, (warn_after, hand_back_after), keep_bodies);
    let broadcast = Broadcast { recipients: recipients?, window: window? };
    let policy = Policy {
        analytics: analytics?,
        automation_texts,
        broadcast: Some(broadcast).filter(|broadcast| broadcast.recipients > 0),
        burst: Burst { mode: mode?, wait: wait? },
        fence: fence?,
        hand_back_after: hand_back_after?,
        handback_phrases,
        human_first: human_first?,
        keep_bodies: keep_bodies?,
        lease: lease?,
        max_hold: max_hold?,
        mode: in_force?,
        on_handback: on_handback?,
        opening_hours: opening_hours?,
        retry_schedule: retry_schedule?,
        revoke_undoes: revoke_undoes?,
        rules,
        share_human_text: share_human_text?,
        stale_after: Some(stale_after?).filter(|age| *age > Millis::default()),
        take_phrases,
        warn_after: warn_after?,
    };
    reader.mistakes.is_empty().then_some(policy)
}

/// How many customers make a broadcast; 0 for never.
fn recipients(reader: &mut Reader<'_>, at: &At<'_>) -> Option<usize> {
    let number = match at.value.as_u64() {
        Some(0) => 0,
        _ => reader.number(at, &BROADCAST_RECIPIENTS, ", which is 0 for never or lies")?,
    };
    usize::try_from(number).ok()
}

fn retry_schedule(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<Millis>> {
    if at.value.as_array().is_none_or(|waits| !(1..=ATTEMPTS_MAX).contains(&waits.len())) {
        let reason = format!("must be a list of 1 to {ATTEMPTS_MAX} waits in seconds, for example [0, 5, 300]");
        reader.wrong(&at.path, reason);
        return None;
    }
    Some(reader.each(at, |reader, at| reader.seconds(at, &RETRY_WAIT_SECONDS)))
}

/// Times that are each sound and cannot be kept together. A time with a mistake of its own is left out.
fn contradictions(
    reader: &mut Reader<'_>,
    lease: Option<Millis>,
    max_hold: Option<Millis>,
    (warn_after, hand_back_after): (Option<Millis>, Option<Millis>),
    keep_bodies: Option<Millis>,
) {
    let seconds = |time: Millis| time.as_millis() / 1_000;
    if let (Some(lease), Some(max_hold)) = (lease, max_hold)
        && lease > max_hold
    {
        let reason = format!("must not be longer than max_hold_seconds, which is {}", seconds(max_hold));
        reader.wrong("lease_seconds", reason);
    }
    if let (Some(warn_after), Some(hand_back_after)) = (warn_after, hand_back_after)
        && warn_after >= hand_back_after
    {
        let limit = seconds(hand_back_after);
        let reason = format!("must be shorter than hand_back_after_seconds, which is {limit}: the warning comes first");
        reader.wrong("warn_after_seconds", reason);
    }
    if let (Some(max_hold), Some(hand_back_after), Some(keep_bodies)) = (max_hold, hand_back_after, keep_bodies)
        && seconds(max_hold) + seconds(hand_back_after) >= seconds(keep_bodies)
    {
        let reason = format!(
            "must, together with hand_back_after_seconds ({}), be shorter than retention_days ({} seconds): what is \
             handed back must still be kept",
            seconds(hand_back_after),
            seconds(keep_bodies),
        );
        reader.wrong("max_hold_seconds", reason);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(document: &str) -> Vec<String> {
        read(document, &[]).map_or_else(|told| told.into_iter().map(|mistake| mistake.path).collect(), |_| Vec::new())
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(read("{}", &[]), Ok(Policy::default()));
        let policy = read(r#"{"lease_seconds": 60, "retry_schedule_seconds": [0, 1]}"#, &[]).unwrap();
        let expected = Policy {
            lease: Millis::from_seconds(60),
            retry_schedule: vec![Millis::new(0), Millis::new(1_000)],
            ..Policy::default()
        };
        assert_eq!(policy, expected);
    }

    #[test]
    fn every_key_has_its_effect() {
        let document = json!({
            "lease_seconds": 100, "max_hold_seconds": 200, "warn_after_seconds": 10, "hand_back_after_seconds": 20,
            "on_handback": "all", "share_human_text": true, "revoke_undoes": false,
            "broadcast_window_seconds": 30, "broadcast_recipients": 2, "human_first_seconds": 40,
            "burst_seconds": 3, "burst": "merge_text", "stale_after_seconds": 0, "retention_days": 1,
            "handback_phrases": [], "take_phrases": [], "automation_texts": [], "rules": [],
            "mode": "observe", "analytics": true,
        });
        let expected = Policy {
            analytics: true,
            broadcast: Some(Broadcast { recipients: 2, window: Millis::from_seconds(30) }),
            burst: Burst { mode: BurstMode::MergeText, wait: Millis::from_seconds(3) },
            hand_back_after: Millis::from_seconds(20),
            human_first: Millis::from_seconds(40),
            keep_bodies: Millis::from_seconds(86_400),
            lease: Millis::from_seconds(100),
            max_hold: Millis::from_seconds(200),
            mode: Mode::Observe,
            on_handback: OnHandback::All,
            revoke_undoes: false,
            share_human_text: true,
            stale_after: None,
            warn_after: Millis::from_seconds(10),
            ..Policy::default()
        };
        assert_eq!(read(&document.to_string(), &[]), Ok(expected));
        assert_eq!(read(r#"{"broadcast_recipients": 0}"#, &[]).unwrap().broadcast, None);
        let lists = json!({
            "handback_phrases": ["a"], "take_phrases": ["a", "b"], "automation_texts": ["a", {"prefix": "b"}, "c"],
            "opening_hours": {"time_zone": "UTC", "every_day": ["09:00-17:00"]}, "rules": [{"name": "a", "then": "bot"}],
        });
        let policy = read(&lists.to_string(), &[]).unwrap();
        let counts = [policy.handback_phrases.len(), policy.take_phrases.len(), policy.automation_texts.len()];
        assert_eq!((counts, policy.rules.len(), policy.opening_hours.is_some()), ([1, 2, 3], 1, true));
    }

    #[test]
    fn numbers_are_taken_up_to_their_bounds_and_not_one_beyond() {
        // Of each key the least and the greatest number, and what else must change for them to make sense.
        let rest = [("lease_seconds", 1), ("max_hold_seconds", 1), ("warn_after_seconds", 1), ("retention_days", 30)];
        for (key, least, most) in [
            ("lease_seconds", 1, 604_800),
            ("max_hold_seconds", 1, 604_800),
            ("warn_after_seconds", 1, 86_399),
            ("hand_back_after_seconds", 2, 86_400),
            ("broadcast_window_seconds", 1, 3_600),
            ("broadcast_recipients", 2, 256),
            ("human_first_seconds", 0, 3_600),
            ("burst_seconds", 0, 60),
            ("stale_after_seconds", 0, 604_800),
            ("retention_days", 1, 30),
        ] {
            let with = |number: i64| {
                let mut document: serde_json::Map<String, Value> =
                    rest.iter().map(|(key, number)| ((*key).to_owned(), json!(number))).collect();
                match key {
                    "lease_seconds" => document.insert("max_hold_seconds".to_owned(), json!(604_800)),
                    "warn_after_seconds" => document.insert("hand_back_after_seconds".to_owned(), json!(86_400)),
                    _ => None,
                };
                document.insert(key.to_owned(), json!(number));
                paths(&Value::Object(document).to_string())
            };
            assert_eq!((with(least), with(most)), (vec![], vec![]), "{key}");
            assert_eq!(with(most + 1), [key], "{key}");
            // Zero recipients mean never.
            let below = if key == "broadcast_recipients" { 1 } else { least - 1 };
            assert_eq!(with(below), [key], "{key}");
        }
    }

    #[test]
    fn a_document_is_refused_with_every_mistake_in_it() {
        for (document, expected) in [
            ("", &["policy"][..]),
            ("{", &["policy"]),
            ("[]", &["policy"]),
            ("null", &["policy"]),
            (r#"{"lease_seconds": "60"}"#, &["lease_seconds"]),
            (r#"{"lease_seconds": 1.5}"#, &["lease_seconds"]),
            (r#"{"lease_seconds": null}"#, &["lease_seconds"]),
            (r#"{"share_human_text": "yes", "revoke_undoes": 1}"#, &["share_human_text", "revoke_undoes"]),
            (r#"{"on_handback": "some", "burst": "merge"}"#, &["on_handback", "burst"]),
            (
                r#"{"broadcast_recipients": -1, "broadcast_window_seconds": 0}"#,
                &["broadcast_window_seconds", "broadcast_recipients"],
            ),
            (
                r#"{"handback_phrases": "bot", "take_phrases": ["ok", "?!", 5]}"#,
                &["handback_phrases", "take_phrases[1]", "take_phrases[2]"],
            ),
            (
                r#"{"automation_texts": [{"contains": "a"}, {"regex": "("}, ""]}"#,
                &["automation_texts[0].contains", "automation_texts[1].regex", "automation_texts[2]"],
            ),
            (r#"{"retry_schedule_seconds": []}"#, &["retry_schedule_seconds"]),
            (
                r#"{"retry_schedule_seconds": [0, -1, "x", 172801]}"#,
                &["retry_schedule_seconds[1]", "retry_schedule_seconds[2]", "retry_schedule_seconds[3]"],
            ),
            (r#"{"": 5, "rules": [{"": 5, "name": "a", "then": "bot"}]}"#, &["\"\"", "rules[0].\"\""]),
            (
                r#"{"lease_secs": 5, "lease_seconds": -1, "retry_schedule_seconds": 5}"#,
                &["lease_secs", "lease_seconds", "retry_schedule_seconds"],
            ),
            (
                r#"{"opening_hours": {"time_zone": "Mars"}, "rules": [{"name": "a", "then": "bot", "when": {"opening_hours": "inside"}}]}"#,
                &["opening_hours.time_zone"],
            ),
            (
                r#"{"rules": [{"name": "a", "then": "bot", "bot": "sales"}, {"then": "human"}]}"#,
                &["rules[0].bot", "rules[1].name"],
            ),
        ] {
            assert_eq!(paths(document), expected, "{document}");
        }
    }

    #[test]
    fn times_that_contradict_each_other_are_told() {
        for (document, expected) in [
            (r#"{"lease_seconds": 43200}"#, &[][..]),
            (r#"{"lease_seconds": 43201}"#, &["lease_seconds"]),
            (r#"{"max_hold_seconds": 1799}"#, &["lease_seconds"]),
            (r#"{"warn_after_seconds": 1799}"#, &[]),
            (r#"{"warn_after_seconds": 1800}"#, &["warn_after_seconds"]),
            (r#"{"hand_back_after_seconds": 600}"#, &["warn_after_seconds"]),
            // Seven days are kept unless the document says otherwise.
            (r#"{"max_hold_seconds": 602999}"#, &[]),
            (r#"{"max_hold_seconds": 603000}"#, &["max_hold_seconds"]),
            (r#"{"max_hold_seconds": 603000, "retention_days": 8}"#, &[]),
            (r#"{"max_hold_seconds": 86400, "retention_days": 1}"#, &["max_hold_seconds"]),
            (
                r#"{"lease_seconds": 9, "max_hold_seconds": 8, "warn_after_seconds": 7, "hand_back_after_seconds": 6}"#,
                &["lease_seconds", "warn_after_seconds"],
            ),
            // A time with a mistake of its own contradicts nothing.
            (r#"{"lease_seconds": 50000, "max_hold_seconds": "8"}"#, &["max_hold_seconds"]),
        ] {
            assert_eq!(paths(document), expected, "{document}");
        }
    }

    #[test]
    fn a_document_may_be_as_long_as_the_limit_says() {
        let document = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
        assert_eq!(paths(&document(POLICY_BYTES_MAX)), Vec::<String>::new());
        assert_eq!(paths(&document(POLICY_BYTES_MAX + 1)), ["policy"]);
    }

    #[test]
    fn there_may_be_as_many_regular_expressions_as_the_limit_says() {
        let document = |count: usize| {
            let texts: Vec<Value> = (0..count).map(|_| json!({"regex": "a"})).collect();
            let (first, rest) = texts.split_at(5);
            let rule = json!({"name": "a", "when": {"text": rest}, "then": "bot"});
            json!({"automation_texts": first, "rules": [rule]}).to_string()
        };
        assert_eq!(paths(&document(crate::limits::REGEXES_MAX)), Vec::<String>::new());
        assert_eq!(paths(&document(crate::limits::REGEXES_MAX + 1)), ["rules[0].when.text[15].regex"]);
    }
}
