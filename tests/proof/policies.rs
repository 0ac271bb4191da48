//! The policies of the simulator, as a seed draws them.
//!
//! Invariant: each is one that an owner could write down; what has no key in a document is not drawn.

use baton::ids::BotName;
use baton::policy::fence::FencePolicy;
use baton::policy::{Broadcast, Burst, BurstMode, OnHandback, Policy};
use baton::time::Millis;

use crate::chance::Chance;
use crate::{bot, people};

/// The phrases of an owner, and with them rules that send messages to whom they belong.
pub fn document(with_rules: bool) -> Policy {
    let rules = serde_json::json!([
        { "name": "orders", "when": { "text": people::FOR_PERSON }, "then": "human" },
        { "name": "noise", "when": { "text": people::FOR_NOBODY }, "then": "ignore" },
        { "name": "sales", "when": { "text": people::FOR_SALES }, "then": "bot", "bot": "sales" },
        { "name": "first", "when": { "kind": "image" }, "then": "human_first", "human_first_seconds": 15 },
    ]);
    let document = serde_json::json!({
        "automation_texts": [people::AUTOMATIC],
        "handback_phrases": [people::HANDS_BACK],
        "rules": if with_rules { rules } else { serde_json::json!([]) },
        "take_phrases": [people::ASKS],
    });
    Policy::parse(&document.to_string(), &[BotName::parse("sales").unwrap()]).unwrap()
}

/// What becomes of the bot's messages.
pub fn fence(mode: &str, templates_pass: bool, marks_pass: bool, duplicate_seconds: u64) -> FencePolicy {
    let some = |text, is_there: bool| if is_there { vec![text] } else { Vec::new() };
    let document = serde_json::json!({
        "fence": mode,
        "always_send_templates": some(bot::TEMPLATE, templates_pass),
        "always_send_callback_prefixes": some(bot::MARK, marks_pass),
        "duplicate_send_seconds": duplicate_seconds,
    });
    Policy::parse(&document.to_string(), &[]).unwrap().fence
}

/// A policy, as the seed draws it.
pub fn draw(chance: &mut Chance) -> Policy {
    let policy = document(chance.percent(50));
    let seconds = Millis::from_seconds;
    let schedules: [&[u64]; 4] = [&[0, 5], &[0, 5, 300, 1_800], &[0, 0, 0], &[0, 5, 5, 60, 7_200]];
    let lease = chance.pick(&[60, 600, 1_800]);
    let (warn, hand_back) = chance.pick(&[(30, 120), (600, 1_800), (60, 600)]);
    let mode_of_fence = chance.pick(&["refuse", "refuse", "refuse", "accept_and_drop", "observe"]);
    let mode = chance.pick(&[BurstMode::MergeText, BurstMode::Separate]);
    Policy {
        broadcast: chance.pick(&[None, Some(Broadcast { recipients: 3, window: seconds(60) })]),
        burst: Burst { mode, wait: seconds(chance.pick(&[0, 0, 3, 10])) },
        hand_back_after: seconds(hand_back),
        keep_bodies: seconds(chance.pick(&[2, 7, 30]) * 86_400),
        lease: seconds(lease),
        max_hold: seconds(lease * chance.pick(&[1, 3, 24])),
        on_handback: chance.pick(&[OnHandback::All, OnHandback::None, OnHandback::Unanswered, OnHandback::Unanswered]),
        fence: fence(mode_of_fence, chance.percent(50), chance.percent(50), chance.pick(&[0, 60, 60, 600])),
        retry_schedule: chance.pick(&schedules).iter().copied().map(seconds).collect(),
        revoke_undoes: chance.percent(80),
        share_human_text: chance.percent(20),
        stale_after: chance.pick(&[None, Some(seconds(300)), Some(seconds(1_800))]),
        warn_after: seconds(warn),
        human_first: seconds(chance.pick(&[0, 0, 0, 20])),
        ..policy
    }
}
