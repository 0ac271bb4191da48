//! The gate's logs tell what happened and to whom nothing: no phone number, user id, wamid, text or secret.

use std::time::Duration;

use serde_json::json;

use crate::bot::{Bot, status};
use crate::client::{Person, eventually, wamid};
use crate::common::meta::{delivery, text};
use crate::delivery::sign;
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, Options, VERIFY_TOKEN};
use crate::planted;

#[test]
fn the_logs_name_what_happened_and_nobody() {
    const TEXT: &str = "a word that nobody else says";
    let bot = Bot::start(APP_SECRET);
    let gate = Gate::start(&bot, Options::with_policy(json!({ "retry_schedule_seconds": [0, 1] })));
    let (person, id) = (Person::new(), wamid());
    bot.on(&id, |_| status(500));
    let body = delivery("messages", text(person.both(), &id, TEXT)).to_string();
    assert_eq!(gate.post(body.as_bytes(), Some(&sign("another app's secret", body.as_bytes()))).status, 401);
    assert_eq!(gate.post(body.as_bytes(), Some(&sign(APP_SECRET, body.as_bytes()))).status, 200);
    let unreadable = format!("{TEXT} {}", person.phone);
    assert_eq!(gate.post(unreadable.as_bytes(), Some(&sign(APP_SECRET, unreadable.as_bytes()))).status, 200);
    gate.get(&format!("/api/v1/conversations/{}/{}", crate::common::meta::LINE, person.phone));
    gate.wait_for_state(&person.phone, &id, "dead", Duration::from_secs(20));

    let log = eventually(Duration::from_secs(10), "the log has a line for each occurrence", || {
        let log = std::fs::read_to_string(gate.state().join("wrangler.log")).ok()?;
        let told = ["attempt_failed", "delivery_refused", "unreadable"].iter().all(|event| log.contains(event));
        told.then_some(log)
    });
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("\"event\"")).collect();
    for line in lines {
        for secret in [TEXT, &person.phone, &person.bsuid, &id, APP_SECRET, VERIFY_TOKEN, ADMIN_TOKEN] {
            assert!(!line.contains(secret), "the log shows {secret:?}: {line}");
        }
    }
}

/// When a gate stops, its log is searched for all that this process has told any gate.
#[test]
fn the_search_of_every_gates_log_would_notice() {
    let bot = Bot::start(APP_SECRET);
    let mut gate = Gate::start(&bot, Options::default());
    let (person, id) = (Person::new(), wamid());
    let text_of_this_test = "something that only this test has said";
    gate.text(person.both(), &id, text_of_this_test);
    bot.wait_for(1, &id, Duration::from_secs(20));
    let line = |shown: &str| format!("{{\"event\":\"attempt_failed\",\"reason\":\"{shown}\"}}");
    for planted in [&*person.phone, &person.bsuid, &id, text_of_this_test, APP_SECRET, VERIFY_TOKEN, ADMIN_TOKEN] {
        let found = planted::found_in(&format!("an innocent line\n{}\n", line(planted)));
        assert!(found.is_some_and(|(_, told)| told.contains(planted)), "{planted} would not be noticed");
    }
    assert_eq!(planted::found_in(&line("status_500")), None);
    // A gate whose log does show something fails where it stops.
    let log = gate.state().join("wrangler.log");
    let before = std::fs::read_to_string(&log).unwrap();
    // At the beginning, because wrangler may still write where it has left off.
    std::fs::write(&log, format!("{}\n{before}", line(&person.phone))).unwrap();
    let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gate.stop()));
    std::fs::write(&log, before).unwrap();
    assert!(stopped.is_err(), "the search does not look at the log");
}
