//! What a bot posts to `/{line}/messages`: a message, or a read receipt.
//!
//! Invariant: a message that was read has a customer, in the one form in which conversations are named; one whose
//! customer cannot be read is refused here, because the Graph API might read it. Nothing of a message's content is
//! kept: two sends are compared by a digest.
//!
//! The form is Meta's ("Messages", Cloud API reference, 2026): `to` is a phone number and wins where `recipient`, a
//! business-scoped user id, is there as well; both are looked at.

use core::fmt;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::GraphError;
use crate::ids::{Bsuid, Customer, EventId, FencingToken, Phone, digest};
use crate::json;
use crate::limits::{CALLBACK_DATA_CHARS_MAX, KIND_CHARS_MAX, TEMPLATE_NAME_CHARS_MAX};
use crate::time::UnixMillis;

/// Keys that name the recipient or the form, and no part of what is said. The conversation is compared by itself.
const NOT_CONTENT: [&str; 4] = ["messaging_product", "recipient", "recipient_type", "to"];

/// What a bot posts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Post {
    /// A message to a group: none of a customer's conversation, and none of the fence's.
    Group,
    /// A message to a customer.
    Message(Customer, Box<Sending>),
    /// A read receipt for a customer's message, with a typing indicator or without.
    Read(EventId),
}

/// What a conversation must know of a message to say whether it may be sent.
#[derive(Clone, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Sending {
    /// A digest of what it says.
    pub digest: String,
    /// Meta's `type`.
    pub kind: String,
    /// The message of the customer's that it answers, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<EventId>,
    /// The fencing token under which the bot got what it answers, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<FencingToken>,
    /// The template's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The template's category, where somebody has asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The bot's own mark on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_data: Option<String>,
    /// When the bot asked; it may have waited since for the end of the same message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_at_ms: Option<UnixMillis>,
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("kind", &self.kind).field("token", &self.token).finish_non_exhaustive()
    }
}

impl Post {
    /// Reads what a bot posts. `token` is the header `x-baton-token`.
    ///
    /// # Errors
    ///
    /// [`GraphError`] where this is no message that the gate understands.
    pub fn read(body: &[u8], token: Option<&str>) -> Result<Self, GraphError> {
        let Some(Value::Object(body)) = value(body) else { return Err(GraphError::NotJson) };
        let token = token.map(|token| token.trim().parse().map(FencingToken::new).map_err(|_| GraphError::Token));
        let token = token.transpose()?;
        let filled = |key: &str| body.get(key).filter(|value| !is_nothing(value));
        if filled("status").is_some() && !["recipient", "to", "type"].into_iter().any(|key| filled(key).is_some()) {
            let id = text(&body, "message_id").ok_or(GraphError::Recipient)?;
            return Ok(Self::Read(EventId::named(id)));
        }
        let (to, recipient) = (filled("to").map(plain), filled("recipient").map(plain));
        let customer = match (to, recipient) {
            (Some(Some(to)), None) => match Customer::parse(&to) {
                // What a group is called is neither a phone number nor a user id.
                None if text(&body, "recipient_type") == Some("group") => return Ok(Self::Group),
                // Some write a user id where the phone number belongs.
                customer => customer,
            },
            (Some(Some(to)), Some(Some(recipient))) => match (Phone::parse(&to), Bsuid::parse(&recipient)) {
                (Some(phone), Some(bsuid)) => Some(Customer::Both(phone, bsuid)),
                _ => None,
            },
            (None, Some(Some(recipient))) => Bsuid::parse(&recipient).map(Customer::Bsuid),
            (Some(None), _) | (_, Some(None)) | (None, None) => None,
        };
        let sending = Box::new(Sending::of(body, token));
        Ok(Self::Message(customer.ok_or(GraphError::Recipient)?, sending))
    }
}

impl Sending {
    fn of(body: Map<String, Value>, token: Option<FencingToken>) -> Self {
        let kind: String = text(&body, "type").unwrap_or("text").chars().take(KIND_CHARS_MAX).collect();
        let inner = |key: &str, name: &str| body.get(key)?.as_object().and_then(|inner| text(inner, name));
        let template = inner("template", "name").filter(|name| kind == "template" && is_name(name));
        let answers = inner("context", "message_id").map(EventId::named);
        let template = template.map(str::to_owned);
        let mark = text(&body, "biz_opaque_callback_data");
        let callback_data = mark.map(|data| data.chars().take(CALLBACK_DATA_CHARS_MAX).collect());
        let digest = content_digest(body);
        Self { digest, kind, answers, token, template, category: None, callback_data, asked_at_ms: None }
    }
}

/// The customer's phone number that a wamid of today bears: base64 of a short binary list whose first item it is. Meta
/// documents nothing of the kind, so this is a hint that somebody else must confirm.
#[must_use]
pub fn phone_in_wamid(message: &EventId) -> Option<Phone> {
    const LIST_WITH_TEXT: [u8; 2] = [0x1c, 0x18];
    let text = message.as_str().strip_prefix("wamid.")?.trim_end_matches('=');
    // Some write a wamid without the signs that fill its last group of four.
    let filled = text.len().next_multiple_of(4);
    let bytes = Base64::decode_vec(&format!("{text:=<filled$}")).ok()?;
    let (length, rest) = bytes.strip_prefix(&LIST_WITH_TEXT)?.split_first()?;
    let phone = rest.get(..usize::from(*length))?;
    Phone::parse(core::str::from_utf8(phone).ok()?)
}

/// Whether the settings of a line that a bot posts change where Meta delivers webhooks to.
///
/// # Errors
///
/// [`GraphError::NotJson`].
pub fn changes_callback(body: &[u8]) -> Result<bool, GraphError> {
    let Some(Value::Object(body)) = value(body) else { return Err(GraphError::NotJson) };
    Ok(body.contains_key("webhook_configuration"))
}

/// A digest of what is said: equal for bodies that say the same, whatever the order of their keys. A number counts as it
/// is written.
fn content_digest(body: Map<String, Value>) -> String {
    let mut content = Map::new();
    // To put in what is content is less code than to take out what is not: nothing else takes anything out of a map.
    for (key, value) in body {
        if !NOT_CONTENT.contains(&key.as_str()) {
            content.insert(key, value);
        }
    }
    // The keys of a map are in the order of the alphabet.
    digest(&[b"send", json::write(&content).unwrap_or_default().as_bytes()])
}

/// The text of a key, where there is something in it.
fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A recipient without what people write into a phone number to read it better, which Meta leaves out as well. A
/// number is taken for the text of its digits.
fn plain(recipient: &Value) -> Option<String> {
    let text = match recipient {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let is_ornament = |character: char| character.is_whitespace() || "()-".contains(character);
    // The hyphens of a user id are part of it.
    Some(if text.trim_start().starts_with(|first: char| first.is_ascii_alphabetic()) {
        text.trim().to_owned()
    } else {
        text.chars().filter(|character| !is_ornament(*character)).collect()
    })
}

/// Names of templates are small letters, digits and `_` (Meta, "Templates", 2026).
fn is_name(name: &str) -> bool {
    name.len() <= TEMPLATE_NAME_CHARS_MAX && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A body as JSON. By way of a text: `from_slice` would be a second copy of everything that reads JSON.
fn value(body: &[u8]) -> Option<Value> {
    core::str::from_utf8(body).ok().and_then(|text| serde_json::from_str(text).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<Post, GraphError> {
        Post::read(body.to_string().as_bytes(), None)
    }

    fn sending(body: &Value) -> Sending {
        match read(body) {
            Ok(Post::Message(_, sending)) => *sending,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_customer_is_found_however_a_bot_writes_them() {
        let phone = |digits| Customer::Phone(Phone::parse(digits).unwrap());
        let bsuid = |id| Customer::Bsuid(Bsuid::parse(id).unwrap());
        let both = Customer::from_names(Phone::parse("34600111222"), Bsuid::parse("ES.1"));
        for (body, expected) in [
            (json!({"to": "34600111222"}), Some(phone("34600111222"))),
            (json!({"to": "+34 600 (111) 2-22"}), Some(phone("34600111222"))),
            (json!({"to": 34_600_111_222_u64}), Some(phone("34600111222"))),
            (json!({"to": "34600111222", "recipient_type": "group"}), Some(phone("34600111222"))),
            (json!({"to": "", "recipient": "ES.1"}), Some(bsuid("ES.1"))),
            (json!({"to": null, "recipient": "ES.ENT.1"}), Some(bsuid("ES.ENT.1"))),
            (json!({"to": "ES.1"}), Some(bsuid("ES.1"))),
            (json!({"to": "34600111222", "recipient": "ES.1"}), both),
            (json!({"to": "34600111222", "recipient": "?"}), None),
            (json!({"to": "?", "recipient": "ES.1"}), None),
            (json!({"to": "me"}), None),
            (json!({"to": ["34600111222"]}), None),
            (json!({"to": 1.5}), None),
            (json!({"text": {"body": "x"}}), None),
            (json!({"status": "read", "to": "34600111222"}), Some(phone("34600111222"))),
        ] {
            match (read(&body), expected) {
                (Ok(Post::Message(customer, _)), Some(expected)) => assert_eq!(customer, expected, "{body}"),
                (Err(GraphError::Recipient), None) => {}
                (other, expected) => panic!("{body}: {other:?} and not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_read_receipt_a_group_and_nonsense_are_told_apart() {
        let id = EventId::named("wamid.1");
        let read_receipt = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1"});
        assert_eq!(read(&read_receipt), Ok(Post::Read(id.clone())));
        let typing = json!({"status": "read", "message_id": "wamid.1", "typing_indicator": {"type": "text"}});
        assert_eq!(read(&typing), Ok(Post::Read(id)));
        assert_eq!(read(&json!({"status": "read"})), Err(GraphError::Recipient));
        assert_eq!(read(&json!({"recipient_type": "group", "to": "Y2FwaV9ncm91cA"})), Ok(Post::Group));
        for body in ["", "[]", "to=34600111222", "{", "null"] {
            assert_eq!(Post::read(body.as_bytes(), None), Err(GraphError::NotJson), "{body}");
        }
        let body = json!({"to": "34600111222"}).to_string();
        for token in ["", "x", "-1", "1.0"] {
            assert_eq!(Post::read(body.as_bytes(), Some(token)), Err(GraphError::Token), "{token}");
        }
    }

    #[test]
    fn a_message_to_a_customer_is_fenced_also_where_it_calls_itself_a_groups() {
        for body in [
            json!({"recipient_type": "group", "to": "34600111222"}),
            json!({"recipient_type": "group", "to": "ES.1"}),
            json!({"recipient_type": "group", "to": "Y2FwaV9ncm91cA", "recipient": "ES.1"}),
            json!({"recipient_type": "group", "recipient": "ES.1"}),
            json!({"recipient_type": "group", "to": ["34600111222"]}),
        ] {
            assert_ne!(read(&body), Ok(Post::Group), "{body}");
        }
    }

    #[test]
    fn what_is_compared_and_asked_for_is_found() {
        let body = json!({
            "to": "34600111222", "type": "template", "template": {"name": "order_shipped", "language": {"code": "es"}},
            "context": {"message_id": "wamid.9"}, "biz_opaque_callback_data": "order:17",
        });
        let found = sending(&body);
        assert_eq!((found.kind.as_str(), found.template.as_deref()), ("template", Some("order_shipped")));
        assert_eq!(
            (found.answers, found.callback_data.as_deref()),
            (Some(EventId::named("wamid.9")), Some("order:17"))
        );
        // A name beside another type is no template.
        let text = json!({"to": "1", "type": "text", "template": {"name": "order_shipped"}});
        assert_eq!((sending(&text).kind.as_str(), sending(&text).template), ("text", None));
        assert_eq!(sending(&json!({"to": "1"})).kind, "text");
        match Post::read(body.to_string().as_bytes(), Some(" 7 ")) {
            Ok(Post::Message(_, sending)) => assert_eq!(sending.token, Some(FencingToken::new(7))),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_words_have_the_same_digest_and_others_another() {
        let digest = |body: &str| match Post::read(body.as_bytes(), None) {
            Ok(Post::Message(_, sending)) => sending.digest,
            other => panic!("{other:?}"),
        };
        let one = digest(r#"{"to":"1","type":"text","text":{"body":"caf\u00e9","preview_url":false}}"#);
        let same = r#"{ "type": "text", "text": {"preview_url": false, "body": "café"}, "messaging_product": "whatsapp", "recipient": "ES.1" }"#;
        assert_eq!(digest(same), one);
        for other in [
            r#"{"to":"1","type":"text","text":{"body":"cafe","preview_url":false}}"#,
            r#"{"to":"1","type":"text","text":{"body":"café","preview_url":true}}"#,
            r#"{"to":"1","type":"text","text":{"body":"café","preview_url":false},"context":{"message_id":"wamid.1"}}"#,
        ] {
            assert_ne!(digest(other), one, "{other}");
        }
    }

    #[test]
    fn a_wamid_of_today_names_its_customer_and_any_other_nobody() {
        for (wamid, phone) in [
            ("wamid.HBgLMTU1NTAxMDk5OTkVAgARGBI2Nzc2MTI4Mjg3RUYyQ0I4RUEA", Some("15550109999")),
            ("wamid.HBgLMTU1NTAxMDk5OTkVAgASGBQzQTAwMTZDRjVFRDY4RTVBNTM0OQA=", Some("15550109999")),
            ("wamid.HBgL", None),
            ("wamid.HBj/MTU1NTAxMDk5OTk", None),
            ("wamid.", None),
            ("wamid.é", None),
            ("HBgLMTU1NTAxMDk5OTkVAgARGBI2Nzc2MTI4Mjg3RUYyQ0I4RUEA", None),
            ("wamid.AAAAMTU1NTAxMDk5OTkVAgARGBI2Nzc2MTI4Mjg3RUYyQ0I4RUEA", None),
        ] {
            assert_eq!(phone_in_wamid(&EventId::named(wamid)), phone.and_then(Phone::parse), "{wamid}");
        }
    }

    #[test]
    fn a_line_whose_callback_would_change_is_recognised() {
        for (body, expected) in [
            (r#"{"webhook_configuration": {"override_callback_uri": "https://bot.example.com"}}"#, Ok(true)),
            (r#"{"\u0077ebhook_configuration": ""}"#, Ok(true)),
            (r#"{"pin": "123456"}"#, Ok(false)),
            ("pin=123456&webhook_configuration=x", Err(GraphError::NotJson)),
        ] {
            assert_eq!(changes_callback(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn debug_shows_nothing_that_a_bot_writes() {
        let shown = format!("{:?}", sending(&json!({"to": "34600111222", "biz_opaque_callback_data": "secret"})));
        assert!(!shown.contains("secret") && !shown.contains("34600111222"), "{shown}");
    }
}
