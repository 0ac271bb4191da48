//! How many wrong tokens an address may try.
//!
//! Invariant: from one network at most [`ATTEMPTS_MAX`] wrong tokens within [`ATTEMPTS_WINDOW`] are told that they are
//! wrong; from then on for that long nobody there is told anything, not even with the right one. Otherwise the answer
//! to the right token would be what tells it from the wrong ones.
//!
//! A right token leaves no trace, and takes none away. Whoever is blocked is not counted any further, so a flood of
//! guesses costs no rows.
//!
//! Not here: where the records are (`store::office`), what a right token is.

use core::net::Ipv6Addr;

use crate::limits::{ATTEMPTS_MAX, ATTEMPTS_WINDOW};
use crate::time::{Millis, UnixMillis};

/// What is known of a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record {
    /// Failed attempts.
    pub failures: u32,
    /// Until when they count.
    pub until: UnixMillis,
}

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The token is right.
    Admitted,
    /// Too many were wrong.
    Blocked {
        /// When to try again.
        retry_after: Millis,
    },
    /// The token is wrong.
    Refused,
}

/// Judges an attempt by what is known of its network; what is to be known of it from now on, where that changes.
#[must_use]
pub fn judge(record: Option<Record>, is_right: bool, now: UnixMillis) -> (Verdict, Option<Record>) {
    let record = record.filter(|record| now < record.until);
    let failures = record.map_or(0, |record| record.failures);
    if let Some(record) = record.filter(|_| failures >= ATTEMPTS_MAX) {
        return (Verdict::Blocked { retry_after: record.until.since(now) }, None);
    }
    if is_right {
        return (Verdict::Admitted, None);
    }
    let failures = failures.saturating_add(1);
    // The window begins with the first failure, and the wait with the last one.
    let ends = now.after(ATTEMPTS_WINDOW);
    let until = record.filter(|_| failures < ATTEMPTS_MAX).map_or(ends, |record| record.until);
    (Verdict::Refused, Some(Record { failures, until }))
}

/// The network of an address, as Cloudflare writes one into `CF-Connecting-IP` (Cloudflare, "HTTP headers", 2026): an
/// IPv4 address, or the first 64 bits of an IPv6 address, which is what one household or server has to itself. Without
/// an address it is the developer's own machine.
#[must_use]
pub fn network(address: Option<&str>) -> String {
    let Some(address) = address.map(str::trim).filter(|address| !address.is_empty()) else {
        return "local".to_owned();
    };
    address.parse().map_or_else(|_| address.to_owned(), network_of)
}

fn network_of(address: Ipv6Addr) -> String {
    match address.segments() {
        // An IPv4 address in the form of the other kind.
        [0, 0, 0, 0, 0, 0xffff, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            format!("{a}.{b}.{c}.{d}")
        }
        [a, b, c, d, ..] => format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis::from_seconds(1_793_700_100);

    /// Tries wrong tokens; what is known then, and the verdicts.
    fn fail(mut record: Option<Record>, times: u32, now: UnixMillis) -> (Option<Record>, Vec<Verdict>) {
        let mut verdicts = Vec::new();
        for _ in 0..times {
            let (verdict, next) = judge(record, false, now);
            record = next.or(record);
            verdicts.push(verdict);
        }
        (record, verdicts)
    }

    #[test]
    fn after_ten_wrong_tokens_in_five_minutes_no_token_is_told_anything_for_five_minutes() {
        let (record, verdicts) = fail(None, ATTEMPTS_MAX - 1, START);
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Refused));
        assert_eq!(judge(record, true, START), (Verdict::Admitted, None), "nobody is locked out by a few");
        let tenth = START.after(Millis::from_seconds(299));
        let (record, verdicts) = fail(record, 3, tenth);
        let blocked = Verdict::Blocked { retry_after: ATTEMPTS_WINDOW };
        assert_eq!(verdicts, [Verdict::Refused, blocked, blocked]);
        assert_eq!(judge(record, true, tenth), (blocked, None), "nor is the right one");
        let last = tenth.after(Millis::from_seconds(299));
        assert_eq!(judge(record, true, last).0, Verdict::Blocked { retry_after: Millis::from_seconds(1) });
        let over = tenth.after(ATTEMPTS_WINDOW);
        assert_eq!(judge(record, true, over), (Verdict::Admitted, None));
        assert_eq!(judge(record, false, over).1, Some(Record { failures: 1, until: over.after(ATTEMPTS_WINDOW) }));
    }

    #[test]
    fn failures_are_forgotten_five_minutes_after_the_first() {
        let (record, _) = fail(None, ATTEMPTS_MAX - 1, START);
        let (_, verdicts) = fail(record, ATTEMPTS_MAX, START.after(ATTEMPTS_WINDOW));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Refused));
    }

    #[test]
    fn an_address_stands_for_its_network() {
        for (address, expected) in [
            (Some("203.0.113.7"), "203.0.113.7"),
            (Some(" 203.0.113.7 "), "203.0.113.7"),
            (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
            (Some("2001:DB8:1:2::"), "2001:db8:1:2::/64"),
            (Some("2001:db8:1:2:ffff:ffff:ffff:ffff"), "2001:db8:1:2::/64"),
            (Some("2001:db8:1:3::1"), "2001:db8:1:3::/64"),
            (Some("::ffff:203.0.113.7"), "203.0.113.7"),
            (Some("::1"), "0:0:0:0::/64"),
            (Some("no address"), "no address"),
            (Some(""), "local"),
            (None, "local"),
        ] {
            assert_eq!(network(address), expected);
        }
    }
}
