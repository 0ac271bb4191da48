//! The life of an outbox entry, whatever happens to it.

use baton::ids::{AttemptNumber, EventId, FencingToken};
use baton::limits::OVERLOAD_WAIT_MIN;
use baton::outbox::outcome::{Loss, Outcome};
use baton::outbox::{Entry, Note, Reason, State, retry};
use baton::time::{Millis, UnixMillis};
use baton::webhook::event::Class;
use proptest::prelude::*;

fn outcome() -> impl Strategy<Value = Outcome> {
    let answer = (0_u16..1_000, proptest::option::of("[0-9]{1,6}|[a-zA-Z ,:]{0,12}"), any::<bool>());
    prop_oneof![
        answer.prop_map(|(status, header, is_turn)| {
            let class = if is_turn { Class::Turn } else { Class::Receipt };
            Outcome::of_answer(status, header.as_deref(), class)
        }),
        Just(Outcome::Unknown(Loss::Connection)),
        Just(Outcome::Unknown(Loss::Interruption)),
        Just(Outcome::Unknown(Loss::Timeout)),
        Just(Outcome::Unsendable),
    ]
}

fn entry() -> Entry {
    Entry {
        id: EventId::named("wamid.A"),
        class: Class::Turn,
        seq: 0,
        token: FencingToken::default(),
        attempts: AttemptNumber::default(),
        state: State::Waiting(UnixMillis::new(0)),
        reason: None,
        sent_at: None,
        accepted_at: UnixMillis::new(0),
        settled_at: None,
        note: Note::default(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// An entry ends once, after no more attempts than the schedule has, and only by the outcome of the attempt
    /// that is in flight; it never waits for a time that has passed.
    #[test]
    fn an_entry_ends_once_and_by_its_own_attempt(
        schedule in proptest::collection::vec(0_u64..100_000, 1..8),
        steps in proptest::collection::vec((outcome(), 0_u32..10, any::<u32>()), 1..40),
    ) {
        let schedule: Vec<Millis> = schedule.into_iter().map(Millis::from_seconds).collect();
        let mut entry = entry();
        let mut now = UnixMillis::from_seconds(1_793_700_000);
        for (outcome, stale, draw) in steps {
            if let State::Waiting(due) = entry.state {
                now = now.max(due);
                entry.start(now);
            }
            let (before, attempts) = (entry.clone(), entry.attempts.number());
            prop_assert!(attempts as usize <= schedule.len());
            // An attempt that is not the one in flight.
            if stale != attempts {
                prop_assert!(!entry.finish(AttemptNumber::new(stale), outcome, now, &schedule, draw));
                prop_assert_eq!(&entry, &before);
            }
            let changed = entry.finish(entry.attempts, outcome, now, &schedule, draw);
            prop_assert_eq!(changed, before.state.is_open());
            if let State::Waiting(due) = entry.state {
                prop_assert!(due >= now);
                prop_assert!(entry.reason.is_some(), "what waits again says why");
            }
            prop_assert_eq!(entry.state == State::Delivered, outcome == Outcome::Accepted && changed || before.state == State::Delivered);
        }
    }

    /// A wait lies between four fifths of the schedule's and twice the longer of that and a minute.
    #[test]
    fn a_wait_stays_near_the_schedule(
        seconds in 0_u64..200_000, outcome in outcome(), draw in any::<u32>(), made in 1_u32..4,
    ) {
        let schedule = vec![Millis::from_seconds(seconds); 3];
        let wait = retry::wait(&schedule, AttemptNumber::new(made), outcome, draw);
        prop_assert_eq!(wait.is_some(), made < 3);
        if let Some(wait) = wait {
            let planned = Millis::from_seconds(seconds);
            prop_assert!(wait.as_millis() >= planned.as_millis() * 4 / 5);
            prop_assert!(wait <= planned.max(OVERLOAD_WAIT_MIN).times(2));
        }
    }

    /// What is stored as a reason is read as that reason.
    #[test]
    fn a_reason_survives_its_text(outcome in outcome()) {
        if let Some(reason) = outcome.reason() {
            prop_assert_eq!(Reason::parse(&reason.to_string()), Some(reason));
        }
    }
}
