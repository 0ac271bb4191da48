//! What the owner may configure: one document, parsed whole.
//!
//! The document is a JSON object: the table `[vars.BATON_POLICY]` of `wrangler.toml`, or the text under the
//! key `policy` in KV. A key that is left out has its default.
//!
//! Invariant: a [`Policy`] that exists is valid. A document is refused as a whole, with every mistake in it
//! and how to mend it, so that a half-understood policy never decides over a message.
//!
//! Not here: secrets and addresses (`settings`), bounds that nobody may change (`limits`).

use core::fmt;

use serde_json::{Map, Value};

use crate::time::Millis;

/// The keys of a policy document, in the order of the documentation.
const KEYS: [&str; 2] = ["lease_seconds", "retry_schedule_seconds"];

/// Shortest and longest lease. Below a second a hold is over before the echo's own delay; beyond a week it
/// is a bot that never comes back.
const LEASE_SECONDS: core::ops::RangeInclusive<u64> = 1..=7 * 86_400;

/// Most attempts at one entry, and the longest wait between two: with the default schedule the last of ten
/// attempts comes after 3 days and 3.6 hours.
const ATTEMPTS_MAX: usize = 50;
const RETRY_WAIT_SECONDS_MAX: u64 = 2 * 86_400;

/// How a conversation is to be conducted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// How long a person keeps the baton after their last message from the phone.
    pub lease: Millis,
    /// How long to wait before each attempt at an entry; its length is the number of attempts.
    pub retry_schedule: Vec<Millis>,
}

impl Default for Policy {
    /// Half an hour for the person; the retry schedule of the Standard Webhooks specification.
    fn default() -> Self {
        let schedule = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        Self {
            lease: Millis::from_seconds(1_800),
            retry_schedule: schedule.into_iter().map(Millis::from_seconds).collect(),
        }
    }
}

/// One mistake in a policy document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyError {
    /// Where: a key, or a key and an index.
    pub path: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl Policy {
    /// Reads a policy document.
    ///
    /// # Errors
    ///
    /// Every mistake of the document, in the order of its keys.
    pub fn parse(document: &str) -> Result<Self, Vec<PolicyError>> {
        let mut reader = Reader::default();
        let document = match serde_json::from_str(document) {
            Ok(Value::Object(document)) => document,
            Ok(_) => {
                return Err(vec![mistake("policy", "must be a JSON object, for example {\"lease_seconds\": 1800}")]);
            }
            Err(error) => return Err(vec![mistake("policy", format!("is not JSON: {error}"))]),
        };
        let default = Self::default();
        let policy = Self {
            lease: reader.lease(&document).unwrap_or(default.lease),
            retry_schedule: reader.retry_schedule(&document).unwrap_or(default.retry_schedule),
        };
        reader.unknown_keys(&document);
        if reader.mistakes.is_empty() { Ok(policy) } else { Err(reader.mistakes) }
    }
}

fn mistake(path: impl Into<String>, reason: impl Into<String>) -> PolicyError {
    PolicyError { path: path.into(), reason: reason.into() }
}

/// Collects the mistakes while the document is read.
#[derive(Default)]
struct Reader {
    mistakes: Vec<PolicyError>,
}

impl Reader {
    fn lease(&mut self, document: &Map<String, Value>) -> Option<Millis> {
        let seconds = self.seconds("lease_seconds", document.get("lease_seconds")?, LEASE_SECONDS)?;
        Some(Millis::from_seconds(seconds))
    }

    fn retry_schedule(&mut self, document: &Map<String, Value>) -> Option<Vec<Millis>> {
        const KEY: &str = "retry_schedule_seconds";
        let value = document.get(KEY)?;
        let Some(waits) = value.as_array().filter(|waits| (1..=ATTEMPTS_MAX).contains(&waits.len())) else {
            let reason = format!("must be a list of 1 to {ATTEMPTS_MAX} waits in seconds, for example [0, 5, 300]");
            self.mistakes.push(mistake(KEY, reason));
            return None;
        };
        // All waits are read before the first bad one decides, so that every mistake is told at once.
        let read = |(at, wait)| self.seconds(&format!("{KEY}[{at}]"), wait, 0..=RETRY_WAIT_SECONDS_MAX);
        let waits: Vec<Option<u64>> = waits.iter().enumerate().map(read).collect();
        waits.into_iter().map(|seconds| seconds.map(Millis::from_seconds)).collect()
    }

    fn seconds(&mut self, path: &str, value: &Value, range: core::ops::RangeInclusive<u64>) -> Option<u64> {
        let seconds = value.as_u64().filter(|seconds| range.contains(seconds));
        if seconds.is_none() {
            let reason = format!("must be a whole number of seconds from {} to {}", range.start(), range.end());
            self.mistakes.push(mistake(path, reason));
        }
        seconds
    }

    fn unknown_keys(&mut self, document: &Map<String, Value>) {
        for key in document.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let shown: String = key.chars().take(64).collect();
            self.mistakes.push(mistake(shown, format!("is not a key of the policy; the keys are {}", KEYS.join(", "))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(Policy::parse("{}"), Ok(Policy::default()));
        let policy = Policy::parse(r#"{"lease_seconds": 60, "retry_schedule_seconds": [0, 1]}"#).unwrap();
        assert_eq!(policy.lease, Millis::from_seconds(60));
        assert_eq!(policy.retry_schedule, [Millis::new(0), Millis::new(1_000)]);
    }

    #[test]
    fn a_document_is_refused_with_every_mistake_in_it() {
        let check = |document: &str, paths: &[&str]| {
            let mistakes = Policy::parse(document).unwrap_err();
            assert_eq!(mistakes.iter().map(|mistake| mistake.path.as_str()).collect::<Vec<_>>(), paths, "{document}");
        };
        check("", &["policy"]);
        check("[]", &["policy"]);
        check(r#"{"lease_seconds": 0}"#, &["lease_seconds"]);
        check(r#"{"lease_seconds": 604801}"#, &["lease_seconds"]);
        check(r#"{"lease_seconds": "60"}"#, &["lease_seconds"]);
        check(r#"{"lease_seconds": 1.5}"#, &["lease_seconds"]);
        check(r#"{"retry_schedule_seconds": []}"#, &["retry_schedule_seconds"]);
        check(
            r#"{"retry_schedule_seconds": [0, -1, "x"]}"#,
            &["retry_schedule_seconds[1]", "retry_schedule_seconds[2]"],
        );
        check(
            r#"{"lease_secs": 5, "lease_seconds": -1, "retry_schedule_seconds": 5}"#,
            &["lease_seconds", "retry_schedule_seconds", "lease_secs"],
        );
    }
}
