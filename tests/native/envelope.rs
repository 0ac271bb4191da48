//! Promise 6: the bot receives Meta's own envelope, one message a delivery, with the message's original bytes.

use baton::limits::EVENTS_PER_DELIVERY_MAX;
use baton::webhook::event::Class;
use baton::webhook::{self, Unreadable};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::meta::{LINE, batch, both, delivery, phone, text};
use crate::common::payloads;

const LISTS: [&str; 4] = ["messages", "statuses", "message_echoes", "state_sync"];

/// The items of the lists of a delivery, in the order in which the gate reads them.
fn items(delivery: &Value) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let of_change =
        |change: &Value| -> Vec<Value> { LISTS.iter().flat_map(|name| list(&change["value"][*name])).collect() };
    list(&delivery["entry"])
        .iter()
        .flat_map(|entry| list(&entry["changes"]))
        .flat_map(|change| of_change(&change))
        .collect()
}

#[test]
fn every_sample_is_split_and_rebuilt_without_losing_anything() {
    for payload in payloads() {
        let original: Value = serde_json::from_str(&payload.body).unwrap();
        let events = webhook::read(payload.body.as_bytes()).unwrap();
        let rebuilt: Vec<Value> = events.iter().map(|event| serde_json::from_str(&event.body()).unwrap()).collect();
        match rebuilt.as_slice() {
            [rebuilt] => assert_eq!(rebuilt, &original, "{}: what is alone stays as it is", payload.name),
            // Beside the entries of an address book that could be read, the whole keeps what could not.
            [read @ .., whole] if events.last().unwrap().class == Class::Sync => {
                assert_eq!(whole, &original, "{}", payload.name);
                assert!(read.iter().flat_map(items).all(|item| items(whole).contains(&item)), "{}", payload.name);
            }
            split => assert_eq!(split.iter().flat_map(items).collect::<Vec<_>>(), items(&original), "{}", payload.name),
        }
        for (event, rebuilt) in events.iter().zip(&rebuilt) {
            let body = event.body();
            assert!(body.bytes().all(|byte| byte.is_ascii() && byte != 0x7f), "{}", payload.name);
            assert!(event.body_bytes() * 6 >= body.len(), "{}: the estimate is too small", payload.name);
            assert_eq!(rebuilt["object"], original["object"]);
        }
    }
}

#[test]
fn a_message_keeps_its_bytes_its_contact_and_everything_that_the_gate_does_not_know() {
    // Odd spacing, an escaped slash, an unknown key, a number that JavaScript would round: all of it stays.
    let first = r#"{"id":"m1","from":"1","type":"text", "text":{"body":"a\/b é"},"future":{"n":12345678901234567890}}"#;
    let second = r#"{"from":"2","id":"m2","type":"text","text":{"body":"two"}}"#;
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"200","changes":[{{"field":"messages","value":{{
            "metadata":{{"phone_number_id":"300"}},"contacts":[{{"wa_id":"2","profile":{{"name":"Zwei"}}}},{{"wa_id":"1"}}],
            "novelty":[1, 2],"messages":[{first},{second}]}}}}]}}]}}"#
    );
    let events = webhook::read(body.as_bytes()).unwrap();
    assert_eq!(events.len(), 2);
    let one = events[0].body();
    assert!(one.contains(&first.replace('é', "\\u00e9")), "{one}");
    assert!(one.contains(r#""contacts":[{"wa_id":"1"}]"#) && one.contains(r#""novelty":[1, 2]"#), "{one}");
    assert!(one.contains(r#""id":"200""#) && !one.contains("m2"), "{one}");
    let two = events[1].body();
    assert!(two.contains(second) && two.contains(r#""contacts":[{"wa_id":"2","profile":{"name":"Zwei"}}]"#), "{two}");
}

#[test]
fn a_bad_item_never_spoils_its_neighbours() {
    let good = text(phone("15550109999"), "good", "hello");
    for bad in [
        json!(null),
        json!(7),
        json!("text"),
        json!([]),
        json!({}),
        json!({ "type": 5, "id": {}, "from": [], "timestamp": {} }),
    ] {
        let mut value = good.clone();
        value["messages"].as_array_mut().unwrap().insert(0, bad.clone());
        let body = delivery("messages", value).to_string();
        let events = webhook::read(body.as_bytes()).unwrap();
        let classes: Vec<_> = events.iter().map(|event| event.class.name()).collect();
        assert_eq!(classes, ["unknown", "turn"], "{bad}");
        assert_eq!(events[1].id.as_str(), "good");
    }
}

/// A list that stands where none belongs, or that cannot be read, is kept beside its readable neighbours.
#[test]
fn no_list_of_events_disappears_behind_another() {
    let message = text(phone("15550109999"), "m1", "hello");
    let too_long = json!(vec![json!({}); EVENTS_PER_DELIVERY_MAX + 1]);
    for (field, list, value, expected) in [
        ("messages", "statuses", json!({ "id": "not a list" }), vec!["turn", "unknown"]),
        ("messages", "statuses", too_long, vec!["turn", "unknown"]),
        ("messages", "message_echoes", json!([{ "id": "e1" }]), vec!["turn", "unknown"]),
        ("smb_message_echoes", "message_echoes", json!("not a list"), vec!["unknown"]),
        ("messages", "statuses", json!([]), vec!["turn"]),
        ("messages", "state_sync", json!([{ "type": "contact" }]), vec!["turn", "unknown"]),
        ("smb_app_state_sync", "state_sync", json!("not a list"), vec!["sync"]),
    ] {
        let mut with = message.clone();
        with[list] = value;
        let body = delivery(field, with).to_string();
        let events = webhook::read(body.as_bytes()).unwrap();
        let classes: Vec<_> = events.iter().map(|event| event.class.name()).collect();
        assert_eq!(classes, expected, "{field} {list}");
    }
    let mut echoes = crate::common::meta::echo(phone("15550109999"), "e1", "hi");
    echoes["messages"] = message["messages"].clone();
    let body = delivery("smb_message_echoes", echoes).to_string();
    let classes: Vec<_> = webhook::read(body.as_bytes()).unwrap().iter().map(|event| event.class.name()).collect();
    assert_eq!(classes, ["echo", "unknown"]);
}

#[test]
fn what_is_no_webhook_is_told_apart_from_what_is_an_odd_one() {
    let many = |count: usize| {
        let mut value = text(phone("15550109999"), "m", "x");
        let message = value["messages"][0].clone();
        value["messages"] = json!(vec![message; count]);
        delivery("messages", value).to_string()
    };
    // Values are skipped without recursion, so depth is no danger.
    let deep = format!("{{\"entry\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let fat = {
        // 2,000 messages that share a contact of 1 MB would be 2 GB once each has an envelope of its own.
        let mut value = text(phone("15550109999"), "m", "x");
        value["contacts"][0]["profile"]["name"] = json!("x".repeat(1_000_000));
        let message = value["messages"][0].clone();
        value["messages"] = json!(vec![message; 500]);
        delivery("messages", value).to_string()
    };
    for (body, expected) in [
        (b"".as_slice(), Err(Unreadable::NotJson)),
        (b"{", Err(Unreadable::NotJson)),
        (b"[]", Err(Unreadable::NotJson)),
        (b"\xff{}", Err(Unreadable::NotJson)),
        (deep.as_bytes(), Ok(1)),
        (b"{}", Err(Unreadable::NoEntries)),
        (b"{\"entry\":{}}", Err(Unreadable::NoEntries)),
        (b"{\"entry\":[]}", Ok(0)),
        (b"{\"entry\":[{}, 5, null]}", Ok(3)),
        (many(EVENTS_PER_DELIVERY_MAX).as_bytes(), Ok(EVENTS_PER_DELIVERY_MAX)),
        (fat.as_bytes(), Err(Unreadable::TooMany)),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
        assert_eq!(webhook::read(body).map(|events| events.len()), expected, "{shown}");
    }
}

#[test]
fn a_batch_of_a_thousand_updates_of_two_lines_is_read() {
    let changes = (0..500).flat_map(|number| {
        let customer = format!("1555010{number:04}");
        [LINE, "300000000000002"].map(|line| (line, "messages", text(phone(&customer), &format!("m{number}"), "hi")))
    });
    let body = batch(changes.collect()).to_string();
    let events = webhook::read(body.as_bytes()).unwrap();
    let objects: std::collections::BTreeSet<_> = events.iter().map(|event| event.scope.object_name()).collect();
    assert_eq!((events.len(), objects.len()), (1_000, 1_000));
}

#[test]
fn one_customer_of_a_delivery_is_one_customer() {
    let changes = vec![
        (LINE, "messages", text(phone("15550109999"), "m1", "by phone")),
        (LINE, "messages", text(both("15550109999", "US.1"), "m2", "by both")),
        ("300000000000002", "messages", text(phone("15550109999"), "m3", "to another number")),
    ];
    let body = batch(changes).to_string();
    let events = webhook::read(body.as_bytes()).unwrap();
    assert_eq!(events[0].scope, events[1].scope);
    assert_ne!(events[0].scope, events[2].scope);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = webhook::read(&body);
    }

    /// Samples with bytes cut out, doubled or replaced: the shapes that nobody documents.
    #[test]
    fn reading_a_damaged_sample_never_panics_and_what_is_read_can_be_rebuilt(
        sample in 0_usize..200, at in 0_usize..2_000, byte in any::<u8>(), cut in 0_usize..8,
    ) {
        let payloads = payloads();
        let mut body = payloads[sample % payloads.len()].body.clone().into_bytes();
        let at = at % body.len();
        let end = (at + cut).min(body.len());
        body.splice(at..end, [byte]);
        for event in webhook::read(&body).unwrap_or_default() {
            let rebuilt = event.body();
            prop_assert!(serde_json::from_str::<Value>(&rebuilt).is_ok(), "{}", rebuilt);
        }
    }

    /// Any text, in any message of any batch, reaches the bot as the same text and the same bytes but for escapes.
    #[test]
    fn split_and_rebuild_keep_every_character(texts in proptest::collection::vec("\\PC{0,40}|[é😀\u{7f}\u{2028}\"\\\\/]{0,9}", 1..6)) {
        let mut value = text(phone("15550109999"), "m", "");
        let message = value["messages"][0].clone();
        let messages = texts.iter().enumerate().map(|(at, text)| {
            let mut message = message.clone();
            message["id"] = json!(format!("m{at}"));
            message["text"]["body"] = json!(text);
            message
        });
        value["messages"] = Value::Array(messages.collect());
        let body = delivery("messages", value).to_string();
        let events = webhook::read(body.as_bytes()).unwrap();
        prop_assert_eq!(events.len(), texts.len());
        for (event, text) in events.iter().zip(&texts) {
            let rebuilt: Value = serde_json::from_str(&event.body()).unwrap();
            let message = &rebuilt["entry"][0]["changes"][0]["value"]["messages"][0];
            prop_assert_eq!(message["text"]["body"].as_str(), Some(text.as_str()));
            prop_assert!(event.body().is_ascii());
        }
    }
}

/// JSON may name a key twice. Were each of them written with the item in it, four levels of 100 keys would make an
/// envelope of gigabytes out of a body of a few kilobytes.
#[test]
fn a_key_that_stands_many_times_is_rebuilt_once() {
    let times = |count: usize, key: &str, value: &str| {
        let all = vec![format!("\"{key}\":[]"); count - 1].join(",");
        format!("{all},\"{key}\":{value}")
    };
    for count in [2, 100] {
        let item = r#"{"id":"m1","from":"1","type":"text","text":{"body":"hello"}}"#;
        let messages = times(count, "messages", &format!("[{item}]"));
        let contacts = times(count, "contacts", r#"[{"wa_id":"1"}]"#);
        let value =
            times(count, "value", &format!(r#"{{"metadata":{{"phone_number_id":"3"}},{contacts},{messages}}}"#));
        let changes = times(count, "changes", &format!(r#"[{{"field":"messages",{value}}}]"#));
        let entry = times(count, "entry", &format!(r#"[{{"id":"2",{changes}}}]"#));
        let body = format!(r#"{{"object":"whatsapp_business_account",{entry}}}"#);
        let events = webhook::read(body.as_bytes()).unwrap();
        let [event] = events.as_slice() else { panic!("{count}: {} events", events.len()) };
        assert_eq!((event.class, event.id.as_str()), (Class::Turn, "m1"));
        let expected = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"2","changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"3"}},"contacts":[{{"wa_id":"1"}}],"messages":[{item}]}}}}]}}]}}"#
        );
        assert_eq!(event.body(), expected);
        assert!(event.body().len() <= 2 * event.body_bytes(), "the estimate is not too small");
    }
}
