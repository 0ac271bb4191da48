//! A message that was changed before the bot got it is still one message in Meta's own envelope.

use baton::limits::KEYS_PER_OBJECT_MAX;
use baton::webhook;
use baton::webhook::event::Class;
use baton::webhook::rewrite::{edited, merged};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::meta::{both, delivery, message, phone, text};
use crate::common::payloads;

const PHONE: &str = "15550109999";

/// The envelope that the gate makes of a delivery with one event.
fn envelope(delivery: &str) -> String {
    let events = webhook::read(delivery.as_bytes()).unwrap();
    assert_eq!(events.len(), 1);
    events[0].body()
}

fn sent(value: Value) -> String {
    envelope(&delivery("messages", value).to_string())
}

fn edit(wamid: &str, message_of_edit: Value) -> String {
    let edit = json!({ "original_message_id": wamid, "message": message_of_edit });
    sent(message(phone(PHONE), "the edit", "edit", json!({ "edit": edit })))
}

/// The id and the text of the one message that an envelope holds.
fn read(envelope: &str) -> (String, Option<String>) {
    assert!(envelope.is_ascii(), "{envelope}");
    let events = webhook::read(envelope.as_bytes()).unwrap();
    let [event] = events.as_slice() else { panic!("{envelope}") };
    assert_eq!((event.class, event.body().as_str()), (Class::Turn, envelope), "it is an envelope like any other");
    (event.id.as_str().to_owned(), event.facts.text.clone())
}

fn message_of(envelope: &str) -> Value {
    serde_json::from_str::<Value>(envelope).unwrap()["entry"][0]["changes"][0]["value"]["messages"][0].clone()
}

/// A text message as bytes, with what a re-serialization would change: blanks, escapes, a large number.
fn raw_text(id: &str, body: &str) -> String {
    let lines = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"2","odd":[1, 2],"changes":[{{"field":"messages",
        "value":{{"metadata":{{"phone_number_id": "3"}},"contacts":[{{"wa_id":"1"}}],"messages":[{{
        "from":"1","id":"{id}","timestamp":"1793700000","type":"text","text":{{"body":"{body}","n":1.0}},
        "future":{{"n": 12345678901234567890,"s":"a\/b"}}}}]}}}}]}}]}}"#
    );
    lines.lines().map(str::trim_start).collect()
}

#[test]
fn an_edited_message_says_what_the_edit_says_and_keeps_every_other_byte() {
    let original = raw_text("m1", "old\\u00e9");
    let new = edit("m1", json!({ "type": "text", "text": { "body": "new 😀 \"é\"\n" } }));
    let expected = original.replace(r#"{"body":"old\u00e9","n":1.0}"#, r#"{"body":"new \ud83d\ude00 \"\u00e9\"\n"}"#);
    assert_eq!(edited(&original, &new).unwrap(), expected);
    assert_eq!(read(&expected), ("m1".to_owned(), Some("new 😀 \"é\"\n".to_owned())));
}

#[test]
fn an_edit_may_change_the_type_and_the_context_and_nothing_else() {
    let image = json!({ "id": "4", "caption": "new" });
    let mut original = message(both(PHONE, "US.1"), "m1", "text", json!({ "text": { "body": "old" }, "future": 1 }));
    original["messages"][0]["context"] = json!({ "id": "m0" });
    let original = sent(original);
    for (brought, context) in [
        (json!({ "type": "image", "image": image }), json!({ "id": "m0" })),
        (json!({ "type": "image", "image": image, "context": { "id": "mX" } }), json!({ "id": "mX" })),
        (json!({ "type": "image", "image": image, "context": {}, "from": "1", "id": "mY" }), json!({ "id": "m0" })),
    ] {
        let result = edited(&original, &edit("m1", brought)).unwrap();
        assert_eq!(read(&result), ("m1".to_owned(), Some("new".to_owned())));
        let expected = json!({
            "id": "m1", "timestamp": "1793700000", "from": PHONE, "from_user_id": "US.1",
            "type": "image", "image": image, "context": context, "future": 1
        });
        assert_eq!(message_of(&result), expected);
    }
}

#[test]
fn the_samples_of_edits_apply_to_their_originals() {
    for (sample, kind, said) in
        [("messages_edit", "text", "edited text"), ("messages_edit_image_caption", "image", "Updated caption")]
    {
        let edit = payloads().into_iter().find(|payload| payload.name == sample).unwrap();
        let wamid = message_of(&edit.body)["edit"]["original_message_id"].as_str().unwrap().to_owned();
        let content = json!({ kind: { "body": "old", "caption": "old" } });
        let original = sent(message(phone(PHONE), &wamid, kind, content));
        let result = edited(&original, &envelope(&edit.body)).unwrap();
        assert_eq!(read(&result), (wamid, Some(said.to_owned())));
    }
}

#[test]
fn what_is_no_message_or_no_edit_of_it_is_left_alone() {
    let original = sent(text(phone(PHONE), "m1", "old"));
    let good = edit("m1", json!({ "type": "text", "text": { "body": "new" } }));
    assert!(edited(&original, &good).is_some());
    let two = original.replace(r#""messages":["#, r#""messages":[{},"#);
    for (original, edit) in [
        (original.as_str(), edit("another", json!({ "type": "text", "text": { "body": "new" } }))),
        (&original, edit("m1", json!({ "type": "text" }))),
        (&original, edit("m1", json!({ "type": "from", "from": { "body": "new" } }))),
        (&original, edit("m1", json!("new"))),
        (&original, original.clone()),
        (&original, String::new()),
        (&original, "{}".to_owned()),
        (&good, good.clone()),
        (&two, good.clone()),
        ("null", good.clone()),
        (&sent(message(phone(PHONE), "m1", "unsupported", json!({ "unsupported": {} }))), good.clone()),
        (&sent(message(phone(PHONE), "m1", "text", json!({}))), good.clone()),
    ] {
        assert_eq!(edited(original, &edit), None, "{original} {edit}");
    }
    // One key more than the gate reads would make the message unknown.
    let mut full = text(phone(PHONE), "m1", "old");
    for key in 0..KEYS_PER_OBJECT_MAX - full["messages"][0].as_object().unwrap().len() {
        full["messages"][0][format!("k{key}")] = json!(1);
    }
    let with_context = json!({ "type": "text", "text": { "body": "new" }, "context": { "id": "m0" } });
    assert_eq!(read(&sent(full.clone())).1.as_deref(), Some("old"));
    assert_eq!(edited(&sent(full), &edit("m1", with_context)), None);
}

#[test]
fn gathered_texts_are_the_last_message_with_the_lines_of_all_and_every_other_byte() {
    let (first, last) = (raw_text("m1", "a\\u00e9"), raw_text("m2", "b\\\\"));
    let expected = last.replace(r#""body":"b\\""#, r#""body":"a\u00e9\nb\\""#);
    assert_eq!(merged(&[&first, &last]).as_deref(), Some(expected.as_str()));
    assert_eq!(read(&expected), ("m2".to_owned(), Some("aé\nb\\".to_owned())));
    assert_eq!(merged(&[&first]).as_deref(), Some(first.as_str()), "one is itself");

    // Half a pair of surrogates is no text, but it travels.
    let half = raw_text("m1", "cut \\ud83d");
    assert!(merged(&[&half, &last]).unwrap().contains(r#""body":"cut \ud83d\nb\\""#));
}

#[test]
fn only_texts_are_gathered() {
    let good = sent(text(phone(PHONE), "m1", "a"));
    let image = sent(message(phone(PHONE), "m2", "image", json!({ "image": { "id": "1", "caption": "c" } })));
    let number = sent(message(phone(PHONE), "m3", "text", json!({ "text": { "body": 7 } })));
    for envelopes in [
        vec![],
        vec![good.as_str(), &image],
        vec![&image, &good],
        vec![&good, &number],
        vec![&good, ""],
        vec!["[]", &good],
        vec![&good, r#"{"object":"whatsapp_business_account","entry":[]}"#],
    ] {
        assert_eq!(merged(&envelopes), None, "{envelopes:?}");
    }
}

/// Any text: plain, with every escape that JSON has, beyond the basic plane, empty.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "\\PC{0,40}", "[é😀\u{7f}\u{2028}\"\\\\/\n\r\t\u{0}{}u]{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_survives_gathering(texts in proptest::collection::vec(any_text(), 1..6)) {
        let envelopes: Vec<_> =
            texts.iter().enumerate().map(|(at, said)| sent(text(phone(PHONE), &format!("m{at}"), said))).collect();
        let envelopes: Vec<_> = envelopes.iter().map(String::as_str).collect();
        let together = merged(&envelopes).unwrap();
        let joined = texts.join("\n");
        let (id, said) = read(&together);
        prop_assert_eq!(id, format!("m{}", texts.len() - 1));
        prop_assert_eq!(said, Some(joined.clone()).filter(|said| !said.is_empty()));
        prop_assert_eq!(&message_of(&together)["text"]["body"], &json!(joined));
    }

    #[test]
    fn every_text_survives_an_edit_and_the_last_edit_counts(texts in proptest::collection::vec(any_text(), 1..4)) {
        let mut now = sent(text(both(PHONE, "US.1"), "m1", "old"));
        for said in &texts {
            now = edited(&now, &edit("m1", json!({ "type": "text", "text": { "body": said } }))).unwrap();
            let expected = sent(text(both(PHONE, "US.1"), "m1", said));
            prop_assert_eq!(&now, &expected, "as if it had been written so");
            let said = Some(said.clone()).filter(|said| !said.is_empty());
            prop_assert_eq!(read(&now), ("m1".to_owned(), said));
        }
    }

    #[test]
    fn nothing_panics_and_what_is_made_is_one_message(
        texts in proptest::collection::vec("\\PC{0,20}", 2),
        at in 0_usize..600, byte in any::<u8>(), cut in 0_usize..6, which in 0..2,
    ) {
        let damage = |envelope: String| {
            let mut bytes = envelope.into_bytes();
            let at = at % bytes.len();
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, [byte]);
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let mut original = sent(text(phone(PHONE), "m1", &texts[0]));
        let mut other = edit("m1", json!({ "type": "text", "text": { "body": texts[1] } }));
        let mut next = sent(text(phone(PHONE), "m2", &texts[1]));
        if which == 0 {
            original = damage(original);
        } else {
            other = damage(other);
            next = damage(next);
        }
        for made in [edited(&original, &other), merged(&[&original, &next])].into_iter().flatten() {
            prop_assert!(made.is_ascii());
            prop_assert_eq!(webhook::read(made.as_bytes()).unwrap().len(), 1, "{}", made);
        }
        let _ = (edited(&texts[0], &texts[1]), merged(&[&texts[0], &texts[1]]));
    }
}
