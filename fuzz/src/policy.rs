//! The policy: any text through [`Policy::parse`], and whatever is accepted through all that it decides.
//!
//! Invariant: a document is refused with at least one mistake that says where and why, or it is a policy that
//! answers every question. How long both may take is libFuzzer's to watch.

use baton::ids::BotName;
use baton::policy::Policy;
use baton::policy::when::Subject;
use baton::time::UnixMillis;
use serde_json::Value;

use crate::{Seed, Target, as_text, seeds};

const HOUR_MS: u64 = 3_600_000;
const WEEK_HOURS: u64 = 7 * 24;

/// Odd instants: the beginning and the end of time, either side of the hours that Europe leaves out and repeats in
/// 2026, and a leap day.
const INSTANTS: [u64; 8] =
    [0, 1, u64::MAX, 1_774_745_999_999, 1_774_746_000_000, 1_792_889_999_999, 1_792_890_000_000, 1_835_395_200_000];

/// Texts of the document that are asked about.
const TEXTS_MAX: usize = 12;

/// This target.
pub const TARGET: Target = Target { name: "policy", run, seeds, words, describe: as_text };

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let Ok(document) = core::str::from_utf8(bytes) else { return };
    let bots: Vec<BotName> = ["orders", "support"].into_iter().filter_map(BotName::parse).collect();
    match Policy::parse(document, &bots) {
        Ok(policy) => decides(&policy, document),
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused for nothing");
            for mistake in mistakes {
                assert!(!mistake.path.is_empty() && !mistake.reason.is_empty(), "{mistake:?}");
            }
        }
    }
}

fn decides(policy: &Policy, document: &str) {
    assert!(!policy.retry_schedule.is_empty(), "nothing would ever be sent");
    let mut texts = vec![String::new(), "Hola, ¿hay alguien? 😀".to_owned(), document.to_owned()];
    if let Ok(json) = serde_json::from_str(document) {
        collect(&json, &mut texts);
    }
    for (text, now) in texts.iter().zip(INSTANTS.into_iter().cycle().map(UnixMillis::new)) {
        let _ = (policy.is_automation(text), policy.hands_back(text), policy.asks_for_person(text));
        let _ = policy.is_marked(text);
        let text = Some(text.as_str());
        for (kind, referral, phone) in [("text", false, Some("5511987654321")), ("interactive", true, None)] {
            let subject = Subject {
                bsuid: Some("BR.1"),
                contact: text,
                kind,
                line: Some("300000000000001"),
                phone,
                referral,
                reply_id: text,
                text,
            };
            let decision = policy.decide(&subject, now);
            assert_eq!(decision, policy.decide(&subject, now), "the same twice");
        }
        let _ = policy.decide(&Subject::default(), now);
    }
    if let Some(hours) = &policy.opening_hours {
        for now in INSTANTS {
            let _ = hours.is_open(UnixMillis::new(now));
        }
        let start = INSTANTS[3];
        let open = (0..WEEK_HOURS).filter(|hour| hours.is_open(UnixMillis::new(start + hour * HOUR_MS)));
        let _ = open.count();
    }
}

/// The texts of a document: what its patterns may match.
fn collect(json: &Value, texts: &mut Vec<String>) {
    if texts.len() >= TEXTS_MAX {
        return;
    }
    match json {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(object) => object.values().for_each(|value| collect(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn seeds() -> Vec<Seed> {
    let cases = [
        ("empty", "{}"),
        ("no_object", "[]"),
        (
            "times",
            r#"{"lease_seconds":900,"max_hold_seconds":3600,"warn_after_seconds":60,"hand_back_after_seconds":120,"human_first_seconds":30,"burst_seconds":5,"stale_after_seconds":0,"retention_days":3}"#,
        ),
        ("schedule", r#"{"retry_schedule_seconds":[0,5,300]}"#),
        (
            "choices",
            r#"{"on_handback":"all","burst":"merge_text","share_human_text":true,"revoke_undoes":false,"broadcast_recipients":0,"broadcast_window_seconds":60}"#,
        ),
        (
            "words",
            r#"{"take_phrases":["asesor","hablar con una persona"],"handback_phrases":["gracias bot"],"automation_texts":["Hola",{"prefix":"Gracias"},{"regex":"^(fuera|away)"}]}"#,
        ),
        (
            "hours",
            r#"{"opening_hours":{"time_zone":"Europe/Lisbon","every_day":["09:00-12:00","13:00-24:00"],"saturday":["22:00-02:00"],"sunday":[]}}"#,
        ),
        (
            "rules",
            r##"{"opening_hours":{"time_zone":"America/Sao_Paulo","monday":["09:00-18:00"]},"rules":[{"name":"vip","when":{"contact":["#vip","🔇"],"opening_hours":"inside"},"then":"human"},{"name":"orders","when":{"text":{"regex":"pedido [0-9]+"},"kind":"text","line":"300000000000001"},"then":"bot","bot":"orders"},{"name":"wait","when":{"country":"55","referral":true,"reply_id":{"prefix":"order-"}},"then":"human_first","human_first_seconds":60},{"name":"rest","when":{"customer":"34600000000","text":[{"contains":"factura"},{"phrase":"mi factura"},{"equals":"no"}]},"then":"ignore"}]}"##,
        ),
        ("mistakes", r#"{"lease_seconds":-1,"lease":5,"retry_schedule_seconds":[0,"x"]}"#),
    ];
    cases.map(|(name, document)| Seed { name: name.to_owned(), bytes: document.as_bytes().to_vec() }).into()
}

fn words() -> Vec<String> {
    seeds::words(&seeds())
}
