//! One event in an envelope of its own, as Meta would have sent it alone.
//!
//! Bots read only the first message of the first change of the first entry, so every message gets a delivery
//! of its own. Everything around it stays as Meta wrote it, keys in their order, unknown keys included; of
//! the lists of events only the one item remains, and of `contacts` the item's own.
//!
//! Invariant: the item's bytes are the original bytes, except that characters outside printable ASCII become
//! `\uXXXX`. Meta signs that form, and one popular bot library hashes an escaped copy of what it received
//! (whatsapp-api-js); to a JSON reader both forms are the same text. Such characters can stand only inside
//! strings of valid JSON, so replacing them everywhere is safe.

use crate::json;
use core::fmt::Write as _;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::json::Object;

/// Lists of a change's value whose items are events of their own.
pub(super) const EVENT_LISTS: [&str; 4] = ["message_echoes", "messages", ADDRESS_BOOK, "statuses"];

/// The list that holds entries of the phone's address book.
pub(super) const ADDRESS_BOOK: &str = "state_sync";

/// Keys that are written anew around an item. Of equal ones only the last is written, which is the one that was read:
/// with the item in each of them, four levels of a hundred equal keys would be a hundred million items.
const REPLACED: [&str; 8] =
    ["changes", "contacts", "entry", "message_echoes", "messages", ADDRESS_BOOK, "statuses", "value"];

/// What surrounds an item: the delivery, its entry, its change and its value. Shared by all items of a change.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    pub(super) delivery: Rc<Object<'a>>,
    pub(super) entry: Rc<Object<'a>>,
    pub(super) change: Rc<Object<'a>>,
    pub(super) value: Rc<Object<'a>>,
}

/// The part of a delivery that one event is.
#[derive(Clone, Debug)]
pub(super) enum Envelope<'a> {
    /// One change, as it is.
    Change { delivery: Rc<Object<'a>>, entry: Rc<Object<'a>>, change: &'a RawValue },
    /// One entry, as it is: it has no changes that could be told apart.
    Entry { delivery: Rc<Object<'a>>, entry: &'a RawValue },
    /// One item of one of the [`EVENT_LISTS`], with the contact that belongs to it.
    Item { frame: Frame<'a>, list: &'static str, item: &'a RawValue, contact: Option<&'a RawValue> },
}

impl Envelope<'_> {
    /// The envelope as ASCII-only JSON.
    pub(super) fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.bytes());
        match self {
            Self::Entry { delivery, entry } => {
                around(&mut json, delivery, |json, key, _| list_of_one(json, key == "entry", entry));
            }
            Self::Change { delivery, entry, change } => around(&mut json, delivery, |json, key, _| {
                wrapped(json, key == "entry", |json| {
                    around(json, entry, |json, key, _| list_of_one(json, key == "changes", change));
                })
            }),
            Self::Item { frame, list, item, contact } => around(&mut json, &frame.delivery, |json, key, _| {
                wrapped(json, key == "entry", |json| {
                    around(json, &frame.entry, |json, key, _| {
                        wrapped(json, key == "changes", |json| {
                            around(json, &frame.change, |json, key, _| {
                                if key != "value" {
                                    return Place::Keep;
                                }
                                around(json, &frame.value, |json, key, _| value_key(json, key, list, item, *contact));
                                Place::Done
                            });
                        })
                    });
                })
            }),
        }
        json
    }

    /// About how many bytes [`Envelope::to_json`] has.
    pub(super) fn bytes(&self) -> usize {
        let size = |object: &Object<'_>, without: &[&str]| -> usize {
            object
                .iter()
                .filter(|(key, _)| !without.contains(key))
                .map(|(key, value)| key.len() + value.get().len() + 4)
                .sum::<usize>()
        };
        match self {
            Self::Entry { delivery, entry } => size(delivery, &["entry"]) + entry.get().len() + 16,
            Self::Change { delivery, entry, change } => {
                size(delivery, &["entry"]) + size(entry, &["changes"]) + change.get().len() + 32
            }
            Self::Item { frame, item, contact, .. } => {
                let contacts = match contact {
                    Some(contact) => contact.get().len(),
                    None => frame.value.get("contacts").map_or(0, |all| all.get().len()),
                };
                size(&frame.delivery, &["entry"])
                    + size(&frame.entry, &["changes"])
                    + size(&frame.change, &["value"])
                    + size(&frame.value, &["contacts", "message_echoes", "messages", ADDRESS_BOOK, "statuses"])
                    + contacts
                    + item.get().len()
                    + 64
            }
        }
    }
}

/// An object as JSON of its own: keys in their order, the bytes of the values as they are.
pub(super) fn alone(object: &Object<'_>) -> Option<Box<RawValue>> {
    let mut json = String::new();
    self::object(&mut json, object, |_, _, _| Place::Keep);
    RawValue::from_string(json).ok()
}

/// What becomes of a key while an object is written again.
#[derive(Eq, PartialEq)]
enum Place {
    /// The value has been written.
    Done,
    /// The value stays as it is.
    Keep,
    /// The key is left out.
    Omit,
}

fn value_key(json: &mut String, key: &str, list: &str, item: &RawValue, contact: Option<&RawValue>) -> Place {
    if key == list {
        return list_of_one(json, true, item);
    }
    match contact {
        Some(contact) if key == "contacts" => list_of_one(json, true, contact),
        _ if EVENT_LISTS.contains(&key) => Place::Omit,
        _ => Place::Keep,
    }
}

/// Writes an object that surrounds the item.
fn around(json: &mut String, outer: &Object<'_>, mut write: impl FnMut(&mut String, &str, &RawValue) -> Place) {
    object(json, outer, |json, key, value| {
        let is_last = || outer.get(key).is_some_and(|last| core::ptr::eq(last, value));
        if REPLACED.contains(&key) && !is_last() { Place::Omit } else { write(json, key, value) }
    });
}

/// Writes an object's keys in their order. `write` writes the value itself, or says what to do with it.
fn object(json: &mut String, object: &Object<'_>, mut write: impl FnMut(&mut String, &str, &RawValue) -> Place) {
    json.push('{');
    let mut first = true;
    for (key, value) in object.iter() {
        let start = json.len();
        if !first {
            json.push(',');
        }
        quoted(json, key);
        json.push(':');
        match write(json, key, value) {
            Place::Done => first = false,
            Place::Keep => {
                ascii(json, value.get());
                first = false;
            }
            Place::Omit => json.truncate(start),
        }
    }
    json.push('}');
}

fn list_of_one(json: &mut String, here: bool, item: &RawValue) -> Place {
    wrapped(json, here, |json| ascii(json, item.get()))
}

fn wrapped(json: &mut String, here: bool, write: impl FnOnce(&mut String)) -> Place {
    if !here {
        return Place::Keep;
    }
    json.push('[');
    write(json);
    json.push(']');
    Place::Done
}

/// Writes a key. Keys were unescaped while they were read; `serde_json` escapes what must be.
fn quoted(json: &mut String, key: &str) {
    match json::write(key) {
        Ok(text) => ascii(json, &text),
        Err(_) => json.push_str("\"\""),
    }
}

/// Appends JSON text with everything outside printable ASCII escaped: lower-case hex, pairs of surrogates
/// above the basic plane, 0x7f included.
pub(crate) fn ascii(json: &mut String, text: &str) {
    let mut units = [0_u16; 2];
    let mut plain = text;
    // Of a character beyond ASCII every byte is, so bytes need not be put together to find one.
    while let Some(at) = plain.bytes().position(|byte| byte >= 0x7f) {
        let (before, rest) = plain.split_at(at);
        json.push_str(before);
        let mut characters = rest.chars();
        if let Some(character) = characters.next() {
            for unit in character.encode_utf16(&mut units) {
                // Writing into a String cannot fail.
                let _ = write!(json, "\\u{unit:04x}");
            }
        }
        plain = characters.as_str();
    }
    json.push_str(plain);
}

#[cfg(test)]
mod tests {
    use super::ascii;

    #[test]
    fn everything_outside_printable_ascii_is_escaped_in_lower_case() {
        for (text, escaped) in [
            ("\"plain /<>%@ \\u00E9\"", "\"plain /<>%@ \\u00E9\""),
            ("\"é\"", "\"\\u00e9\""),
            ("\"😀\"", "\"\\ud83d\\ude00\""),
            ("\"\u{7f}\u{2028}ñ\"", "\"\\u007f\\u2028\\u00f1\""),
            ("", ""),
        ] {
            let mut json = String::new();
            ascii(&mut json, text);
            assert_eq!(json, escaped);
        }
    }
}
