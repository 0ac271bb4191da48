//! The gate's logs tell what happened and to whom nothing: no phone number, user id, wamid, text or secret.

use std::time::Duration;

use serde_json::json;

use crate::bot::{Bot, status};
use crate::client::{Person, eventually, wamid};
use crate::common::meta::{delivery, text};
use crate::delivery::sign;
use crate::gate::{ADMIN_TOKEN, APP_SECRET, Gate, Options, VERIFY_TOKEN};

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
