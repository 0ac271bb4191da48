//! The operator has the gate probe a bot: is it there, which secret does it take, and does it look at signatures at all?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::bot::{Bot, Reaction, status};
use crate::client::Answer;
use crate::delivery::{Delivery, sign};
use crate::gate::{ADMIN_TOKEN, Gate, Options};

/// What every probe is, and nothing else that a bot gets.
const PROBE: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;

fn probe(gate: &Gate, query: &str) -> Answer {
    let path = format!("/api/v1/diagnosis/bot{query}");
    gate.request("POST", &path, &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))])
}

/// A bot that takes what is signed with one of these secrets.
fn verifies(secrets: &'static [&'static str]) -> impl FnMut(&Delivery) -> Reaction + Send {
    move |delivery| {
        assert_eq!((delivery.text(), delivery.header("x-baton-probe")), (PROBE, "1"));
        let signature = delivery.header("x-hub-signature-256");
        let takes = secrets.iter().any(|secret| sign(secret, &delivery.body) == signature);
        status(if takes { 200 } else { 401 })
    }
}

#[test]
fn a_probe_says_what_the_bot_does_with_signatures_by_two_requests_at_most() {
    let bot = Bot::start("new secret of the bot");
    let with = |previous: &str| {
        let bots = json!({ "sales": bot.url() });
        let options = Options::default().var("BOTS", bots.to_string()).var("BOT_SECRET", "new secret of the bot");
        options.var("BOT_SECRET_PREVIOUS", previous)
    };
    let told = |gate: &Gate, script: Box<dyn FnMut(&Delivery) -> Reaction + Send>, requests: usize| {
        let (mut script, count) = (script, Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        bot.behave();
        bot.on(r#""entry":[]"#, move |delivery| {
            counted.fetch_add(1, Ordering::SeqCst);
            script(delivery)
        });
        let answer = probe(gate, "?bot=sales");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(count.load(Ordering::SeqCst), requests, "{answer:?}");
        let mut told: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(told.as_object_mut().unwrap().remove("ms").unwrap().is_u64());
        told
    };
    let reached = |status: u16, signed_with: Option<&str>, refuses: Option<bool>| json!({ "reached": true, "status": status, "signed_with": signed_with, "refuses_wrong_signature": refuses });
    let mut gate = Gate::start(&bot, with(""));
    let current = verifies(&["new secret of the bot"]);
    assert_eq!(told(&gate, Box::new(current), 2), reached(200, Some("current"), Some(true)));
    assert_eq!(
        told(&gate, Box::new(|_| status(200)), 2),
        reached(200, Some("current"), Some(false)),
        "it looks at none"
    );
    assert_eq!(told(&gate, Box::new(|_| status(401)), 2), reached(401, None, None), "it takes none");
    assert_eq!(told(&gate, Box::new(|_| status(500)), 2), reached(500, Some("current"), None), "it is broken");
    let reset = told(&gate, Box::new(|_| Reaction::Reset), 1);
    assert_eq!((&reset["reached"], &reset["reason"]), (&json!(false), &json!("connection_lost")));
    assert_eq!(probe(&gate, "?bot=nobody").status, 422);
    assert_eq!(probe(&gate, "?bot=No%20Name").status, 422);
    gate.restart_with(with("old secret of the bot"));
    let previous = verifies(&["old secret of the bot"]);
    assert_eq!(told(&gate, Box::new(previous), 2), reached(200, Some("previous"), Some(true)));
    let both = verifies(&["new secret of the bot", "old secret of the bot"]);
    assert_eq!(told(&gate, Box::new(both), 2), reached(200, Some("current"), Some(true)));
    assert_eq!(told(&gate, Box::new(|_| status(403)), 2), reached(403, None, Some(true)));
    bot.behave();
    let answer = probe(&gate, "");
    assert_eq!(answer.status, 200, "the bot at BOT_URL: {answer:?}");
}
