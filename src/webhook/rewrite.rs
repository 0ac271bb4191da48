//! A message that was changed before the bot got it: its own envelope with another content.
//!
//! Invariant: of the envelope, and of the message, only what changes is written anew; every other value keeps
//! its bytes and every key its place (blanks between the keys of the message itself are not kept). The result is
//! an envelope like those of `envelope`: one message, ASCII only.
//!
//! Not here: which messages are changed, and when (`conversation`).

use std::rc::Rc;

use serde_json::value::RawValue;

use super::envelope::{Envelope, Frame, alone};
use super::facts::{Edit, content};
use super::json::Object;
use crate::ids::EventId;

/// The list that the message stands in.
const LIST: &str = "messages";

/// The original's envelope with the content of the edit: the message keeps its id, its time and its sender,
/// and says what the edit says. `None` where one of them is not what it should be, or where the edit is of
/// another message.
#[must_use]
pub fn edited(original: &str, edit: &str) -> Option<String> {
    let original = Opened::read(original)?;
    let (former, _) = content(&original.message)?;
    let edit = Opened::read(edit)?;
    let edit = Edit::of(&edit.message)?;
    if edit.original != Some(EventId::named(&original.message.text("id")?)) {
        return None;
    }
    let mut message = original.message.clone();
    if former != edit.kind {
        message = message.without(&former);
    }
    message = message.with("type", edit.message.get("type")?).with(&edit.kind, edit.content);
    if let Some(context) = edit.message.get("context").filter(|_| edit.message.has("context")) {
        message = message.with("context", context);
    }
    original.with(&message)
}

/// The last envelope with the texts of all of them, one per line; `None` where one of them has no text.
#[must_use]
pub fn merged(envelopes: &[&str]) -> Option<String> {
    let messages: Option<Vec<_>> = envelopes.iter().map(|envelope| Opened::read(envelope)).collect();
    let messages = messages?;
    let last = messages.last()?;
    // The texts are joined as Meta escaped them: half a surrogate pair, which a text that was cut may end
    // with, cannot be unescaped, and must not cost the customer the other messages.
    let bodies: Option<Vec<_>> = messages.iter().map(Opened::body).collect();
    let body = RawValue::from_string(format!("\"{}\"", bodies?.join("\\n"))).ok()?;
    let text = alone(&last.message.object("text")?.with("body", &body))?;
    last.with(&last.message.clone().with("text", &text))
}

/// An envelope with one message, opened.
struct Opened<'a> {
    frame: Frame<'a>,
    message: Object<'a>,
}

impl<'a> Opened<'a> {
    fn read(envelope: &'a str) -> Option<Self> {
        let delivery = Object::parse(envelope)?;
        let entry = only(&delivery, "entry")?;
        let change = only(&entry, "changes")?;
        let value = change.object("value")?;
        let message = only(&value, LIST)?;
        let (delivery, entry) = (Rc::new(delivery), Rc::new(entry));
        Some(Self { frame: Frame { delivery, entry, change: Rc::new(change), value: Rc::new(value) }, message })
    }

    /// The escaped text of a text message, without its quotes.
    fn body(&self) -> Option<&'a str> {
        let (kind, content) = content(&self.message)?;
        let body = Object::parse(content.get())?.get("body").filter(|_| kind == "text")?;
        body.get().strip_prefix('"')?.strip_suffix('"')
    }

    /// The envelope with this message in the place of its own.
    fn with(&self, message: &Object<'_>) -> Option<String> {
        // Another key may be one too many for whoever reads the message again.
        let item = alone(message).filter(|item| Object::parse(item.get()).is_some())?;
        Some(Envelope::Item { frame: self.frame.clone(), list: LIST, item: &item, contact: None }.to_json())
    }
}

/// The only item of a list, where it is an object.
fn only<'a>(object: &Object<'a>, list: &str) -> Option<Object<'a>> {
    match object.items(list)?.as_slice() {
        [only] => Object::parse(only.get()),
        _ => None,
    }
}
