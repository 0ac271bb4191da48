//! A policy that only observes, on the real runtime: everything passes, the report counts what would not have, and data
//! points break nothing.

use std::time::Duration;

use baton::ids::{EventId, LineId};
use baton::outbox::trace::Trace;
use serde_json::{Value, json};

use crate::bot::{Bot, status};
use crate::client::{Person, eventually};
use crate::common::meta::LINE;
use crate::gate::{APP_SECRET, Gate, Options};

const LIMIT: Duration = Duration::from_secs(20);

fn report(gate: &Gate) -> Value {
    gate.desk(&format!("/api/v1/observation?line={LINE}&days=1"))
}

#[test]
fn everything_passes_and_the_report_says_what_would_not_have() {
    let bot = Bot::start(APP_SECRET);
    let policy =
        json!({ "mode": "observe", "analytics": true, "human_first_seconds": 60, "retry_schedule_seconds": [0, 1] });
    let mut gate = Gate::start(&bot, Options::with_policy(policy).var("WITH_ANALYTICS", "true"));
    let person = Person::new();
    let first = gate.asks(person.both());
    bot.wait_for(1, &first, LIMIT);
    gate.echo(person.both());
    let second = gate.asks(person.both());
    bot.wait_for(1, &second, LIMIT);
    gate.echo(person.both());
    gate.wait_for_state(&person.phone, &second, "delivered", LIMIT);

    let event = gate.event(&person.phone, &second);
    assert_eq!(event.would_withhold.as_deref(), Some("held_by_human"));
    assert!(
        event.explanation.contains("with mode = \"enforce\" the bot would not have got it"),
        "{}",
        event.explanation
    );
    let seen = eventually(LIMIT, "the desk has counted it", || {
        let seen = report(&gate);
        (seen["would_be_withheld"] == 1 && seen["reply_gap_seconds"]["count"] == 1).then_some(seen)
    });
    assert_eq!((&seen["mode"], &seen["conversations_with_a_person"]), (&json!("observe"), &json!(1)));
    assert_eq!((&seen["first_answer_seconds"]["count"], &seen["suggestions"]), (&json!(1), &json!([])));
    assert_eq!(seen["missing"].as_array().map(Vec::len), Some(2), "{seen}");

    // Enforced again on the same storage: what has passed does not come again, and silence is back.
    gate.restart_with(Options::with_policy(json!({ "lease_seconds": 600 })));
    let before = bot.deliveries(&second).len();
    let third = gate.asks(person.both());
    assert_eq!(gate.fate(&person.phone, &third), ("withheld".to_owned(), Some("held_by_human".to_owned())));
    assert_eq!(bot.deliveries(&second).len(), before);
    assert_eq!(report(&gate)["mode"], "enforce");
}

#[test]
fn a_trace_leads_from_the_log_to_every_attempt_at_the_bot() {
    let bot = Bot::start(APP_SECRET);
    let gate = Gate::start(&bot, Options::with_policy(json!({ "retry_schedule_seconds": [0, 1] })));
    let person = Person::new();
    let failed = std::sync::atomic::AtomicBool::new(false);
    let id = crate::client::wamid();
    bot.on(
        &id,
        move |_| if failed.swap(true, std::sync::atomic::Ordering::Relaxed) { status(200) } else { status(500) },
    );
    gate.text(person.both(), &id, "is anybody there at all?");
    gate.wait_for_state(&person.phone, &id, "delivered", LIMIT);
    let trace = Trace::new(LineId::parse(LINE).as_ref(), &EventId::named(&id));
    let parents: Vec<String> = bot.deliveries(&id).iter().map(|got| got.header("traceparent").to_owned()).collect();
    assert_eq!(parents.len(), 2);
    assert!(parents.iter().all(|parent| parent.contains(trace.as_str())) && parents[0] != parents[1], "{parents:?}");
    assert_eq!(gate.event(&person.phone, &id).trace, trace.as_str());
    eventually(LIMIT, "the log has the trace", || (gate.told("attempt_failed", trace.as_str()) == 1).then_some(()));
}
