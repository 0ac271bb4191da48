//! What a bot posts to the Graph API by way of the gate, where it posts it, and what the Graph API answers: any bytes as
//! each of these.
//!
//! Invariant: nothing panics; a message that is read has a customer, and objects to ask; what it says is the same in
//! whatever order its keys stand; and nothing that is kept of it is longer than its bound.
//!
//! Not here: whether a message may be sent ([`crate::conversation`]).

use baton::conversation::fence::SendEnd;
use baton::graph::answer::{GraphError, template_category};
use baton::graph::send::{Post, changes_callback, phone_in_wamid};
use baton::graph::target::{Kind, Lines, Target as Path, has_token};
use baton::ids::{Customer, EventId, LineId, ObjectName};
use baton::limits::{CALLBACK_DATA_CHARS_MAX, KIND_CHARS_MAX, TEMPLATE_NAME_CHARS_MAX};
use serde_json::Value;

use crate::{Seed, Target, as_text, seeds};

/// Most characters of a phone number.
const PHONE_CHARS_MAX: usize = 15;

/// This target.
pub const TARGET: Target = Target { name: "graph", run, seeds, words, describe: as_text };

/// Runs the target. A text whose first line begins with a slash is a path, with a query behind a question mark.
pub fn run(bytes: &[u8]) {
    let text = as_text(bytes);
    posted(bytes);
    asked_for(&text);
    let _ = changes_callback(bytes);
    if let Some(phone) = phone_in_wamid(&EventId::named(&text)) {
        assert!(phone.as_str().len() <= PHONE_CHARS_MAX, "a number is one that can be called");
    }
    for status in [200, 299, 302, 400, 429, 500, 503] {
        let end = SendEnd::of_answer(status, Some(&text));
        let is_accepted = matches!(end, SendEnd::Accepted { .. });
        assert!(!is_accepted || status < 300, "an error takes nothing");
        let silent = SendEnd::of_answer(status, None);
        assert!(matches!(silent, SendEnd::Unknown) || (300..500).contains(&status), "silence says nothing");
    }
    let _ = template_category(&text, "code_1");
}

fn posted(bytes: &[u8]) {
    let Some(line) = LineId::parse("300000000000001") else { return };
    for token in [None, Some("7"), Some(" x")] {
        let post = Post::read(bytes, token);
        if token == Some(" x") {
            assert!(matches!(post, Err(GraphError::Token | GraphError::NotJson)), "a token is a number");
        }
        let Ok(Post::Message(customer, sending)) = post else { continue };
        assert!(!ObjectName::all_of(&line, &customer).is_empty(), "a message has somebody to ask");
        assert_eq!(sending.token.is_some(), token.is_some());
        assert!(sending.kind.chars().count() <= KIND_CHARS_MAX);
        let is_short = |text: &Option<String>, most| text.as_ref().is_none_or(|text| text.chars().count() <= most);
        assert!(is_short(&sending.template, TEMPLATE_NAME_CHARS_MAX));
        assert!(is_short(&sending.callback_data, CALLBACK_DATA_CHARS_MAX));
        same_in_another_order(bytes, token, &customer, &sending.digest);
    }
}

/// The same message with its keys the other way round is the same message.
fn same_in_another_order(bytes: &[u8], token: Option<&str>, customer: &Customer, digest: &str) {
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { panic!("a message is JSON") };
    match Post::read(reversed(&json).as_bytes(), token) {
        Ok(Post::Message(other, sending)) => {
            assert_eq!((&other, sending.digest.as_str()), (customer, digest));
        }
        other => panic!("{other:?} in another order"),
    }
}

/// JSON with the keys of every object from the last to the first.
fn reversed(json: &Value) -> String {
    match json {
        Value::Object(object) => {
            let pairs =
                object.iter().rev().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), reversed(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => json.to_string(),
    }
}

fn asked_for(text: &str) {
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let mut lines = Lines::default();
    if let Some(line) = LineId::parse("300000000000001") {
        lines.add(line, None, None);
    }
    for method in ["GET", "POST", "DELETE"] {
        let Ok(target) = Path::parse(method, path, query, &lines) else { continue };
        let is_plain = |character: char| character.is_ascii_graphic();
        assert!(target.path.chars().all(is_plain), "{:?} goes on as it is", target.path);
        assert!(
            !target.path.split('/').any(|segment| matches!(segment, "." | "..")),
            "{:?} leads elsewhere",
            target.path
        );
        assert!(target.path.starts_with(&target.version));
        assert!(!matches!(target.kind, Kind::Send(_)) || method != "GET", "a message is posted");
    }
    let _ = has_token(None, query);
}

fn seeds() -> Vec<Seed> {
    let to = r#""messaging_product":"whatsapp","to":"34600111222""#;
    let cases = [
        ("text", format!(r#"{{{to},"type":"text","text":{{"body":"caf\u00e9","preview_url":false}}}}"#)),
        ("reply", format!(r#"{{{to},"context":{{"message_id":"wamid.1"}},"text":{{"body":"x"}}}}"#)),
        (
            "template",
            format!(r#"{{{to},"type":"template","template":{{"name":"code_1","language":{{"code":"es"}}}}}}"#),
        ),
        ("marked", format!(r#"{{{to},"biz_opaque_callback_data":"order:17","text":{{"body":"x"}}}}"#)),
        ("by_user_id", r#"{"recipient":"ES.1","type":"text","text":{"body":"x"}}"#.to_owned()),
        ("group", r#"{"recipient_type":"group","to":"Y2FwaV9ncm91cA"}"#.to_owned()),
        ("read", r#"{"status":"read","message_id":"wamid.1","typing_indicator":{"type":"text"}}"#.to_owned()),
        ("callback", r#"{"webhook_configuration":{"override_callback_uri":"https://bot.example.com"}}"#.to_owned()),
        ("wamid", "wamid.HBgLMTU1NTAxMDk5OTkVAgARGBI2Nzc2MTI4Mjg3RUYyQ0I4RUEA".to_owned()),
        ("accepted", r#"{"messages":[{"id":"wamid.9"}]}"#.to_owned()),
        ("error", r#"{"error":{"code":131026,"message":"x"}}"#.to_owned()),
        ("category", r#"{"data":[{"name":"code_1","category":"UTILITY"}]}"#.to_owned()),
        ("path", "/v23.0/300000000000001/messages".to_owned()),
        ("path_with_query", "/graph/v23.0/oauth/access_token?grant_type=client_credentials&access_token=x".to_owned()),
        ("path_elsewhere", "/v23.0/300000000000002/../messages".to_owned()),
    ];
    cases.map(|(name, text)| Seed { name: name.to_owned(), bytes: text.into_bytes() }).into()
}

fn words() -> Vec<String> {
    seeds::words(&seeds())
}
