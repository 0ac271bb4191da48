//! How long to wait before the next attempt.
//!
//! The numbers are those of the Standard Webhooks specification and of Svix: a fixed schedule, spread by
//! ±20 %, at least a minute after a timeout or "too many requests", and `Retry-After` honoured between the
//! schedule's wait and twice that, so that a bot can slow the gate down but neither hurry it nor stop it.
//!
//! Randomness is an argument: the same draw gives the same wait.

use crate::ids::AttemptNumber;
use crate::limits::RETRY_JITTER_PERCENT;
use crate::outbox::outcome::Outcome;
use crate::time::Millis;

/// The wait after `made` attempts, the last of which ended in `outcome`; `None` where the schedule is at its
/// end. `schedule[n]` is the wait before attempt `n + 1`.
#[must_use]
pub fn wait(schedule: &[Millis], made: AttemptNumber, outcome: Outcome, draw: u32) -> Option<Millis> {
    let planned = *schedule.get(usize::try_from(made.number()).ok()?)?;
    let base = planned.max(outcome.wait_min());
    Some(match outcome {
        Outcome::Throttled { retry_after: Some(asked), .. } => asked.clamp(base, base.times(2)),
        Outcome::Accepted
        | Outcome::NoSuchBot
        | Outcome::Rejected { .. }
        | Outcome::Retryable { .. }
        | Outcome::Throttled { retry_after: None, .. }
        | Outcome::Unknown(_)
        | Outcome::Unsendable => spread(base, draw).max(outcome.wait_min()),
    })
}

/// `base` times 0.8 to 1.2, by where `draw` lies between 0 and its maximum.
fn spread(base: Millis, draw: u32) -> Millis {
    let percent = 100 - RETRY_JITTER_PERCENT + u64::from(draw) * 2 * RETRY_JITTER_PERCENT / u64::from(u32::MAX);
    Millis::new(base.as_millis().saturating_mul(percent) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::outcome::Loss;
    use crate::policy::Policy;

    #[test]
    fn waits_follow_the_schedule_within_a_fifth_and_end_with_it() {
        let schedule = Policy::default().retry_schedule;
        let failed = Outcome::Retryable { status: 500 };
        for made in 1..10 {
            let planned = schedule[made].as_millis();
            let wait = |draw| wait(&schedule, AttemptNumber::new(u32::try_from(made).unwrap()), failed, draw);
            assert_eq!(wait(0), Some(Millis::new(planned * 80 / 100)));
            assert_eq!(wait(u32::MAX), Some(Millis::new(planned * 120 / 100)));
        }
        assert_eq!(wait(&schedule, AttemptNumber::new(10), failed, 0), None);
    }

    #[test]
    fn an_overloaded_bot_is_left_alone_for_a_minute_and_longer_where_it_asks() {
        let schedule = [0, 5, 300].map(Millis::from_seconds);
        let seconds = |made, outcome, draw| {
            wait(&schedule, AttemptNumber::new(made), outcome, draw).map(|wait| wait.as_millis() / 1_000)
        };
        let throttled =
            |status, asked: Option<u64>| Outcome::Throttled { status, retry_after: asked.map(Millis::from_seconds) };
        for (made, outcome, draw, expected) in [
            (1, throttled(429, None), 0, 60),
            (1, Outcome::Unknown(Loss::Timeout), 0, 60),
            (1, Outcome::Unknown(Loss::Timeout), u32::MAX, 72),
            (1, Outcome::Unknown(Loss::Connection), u32::MAX, 6),
            (1, throttled(429, Some(1)), 0, 60),
            (1, throttled(429, Some(90)), 0, 90),
            (1, throttled(429, Some(9_000)), 0, 120),
            (1, throttled(503, Some(1)), 0, 5),
            (1, throttled(503, Some(8)), 0, 8),
            (2, throttled(429, Some(1)), 0, 300),
            (2, throttled(429, Some(9_000)), 0, 600),
        ] {
            assert_eq!(seconds(made, outcome, draw), Some(expected), "{made} {outcome:?} {draw}");
        }
    }
}
