//! What the protocol looks at in an item, beyond its class: what it says, and what it is about.
//!
//! Invariant: no fact is longer than its bound in `limits`, and what has an unexpected shape is a fact that
//! is not there, never a failure. Receipts, which are most of what Meta sends, are not looked into at all.
//!
//! Not here: whom an item names (`names`), and what a fact means (`policy`, `conversation`).

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::Object;
use crate::ids::{EventId, digest};
use crate::limits::{CONTACT_CHARS_MAX, ID_CHARS_MAX, KIND_CHARS_MAX, PROFILE_CHARS_MAX, TEXT_CHARS_MAX};

/// What an item says.
#[derive(Clone, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Facts {
    /// The earlier message that an `edit` or a `revoke` is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amends: Option<Amendment>,
    /// Of a contact of the phone's address book, its name; `None` where it was removed, or has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Of an echo, a digest of what was sent, equal for equal content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Meta's `type`; of a contact, whether there was an `add` or a `remove`; of an account, Meta's `event`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The name that the customer has given themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether a click-to-WhatsApp advertisement led here.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub referral: bool,
    /// The id of the button or the list row that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_id: Option<String>,
    /// The text, the caption, or the title of what was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A change to an earlier message.
#[derive(Clone, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Amendment {
    /// The message now says something else.
    Edit(EventId),
    /// The message was withdrawn.
    Revoke(EventId),
}

impl Facts {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The facts of something that was said: a message, or an echo. `digested` says whether equal content is to be
    /// recognised.
    pub(super) fn of_words(item: &Object<'_>, digested: bool) -> Self {
        let kind = item.text("type").unwrap_or_default();
        let said = match kind.as_ref() {
            "edit" => Edit::of(item).map(|edit| Said::of(&edit.kind, &edit.message)).unwrap_or_default(),
            kind => Said::of(kind, item),
        };
        Self {
            amends: amendment(&kind, item),
            contact: None,
            content: if digested { said.digest(&kind) } else { None },
            referral: item.object("referral").is_some_and(|referral| referral.iter().next().is_some()),
            reply_id: said.reply_id.map(|id| cut(id, ID_CHARS_MAX)),
            text: said.text.map(|text| cut(text, TEXT_CHARS_MAX)),
            kind: cut(kind, KIND_CHARS_MAX),
            profile: None,
        }
    }

    /// The facts of what happened to an account.
    pub(super) fn of_account(value: &Object<'_>) -> Self {
        Self {
            kind: value.text("event").map(|event| cut(event, KIND_CHARS_MAX)).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The same, said by a customer who calls themselves so in this entry of `contacts`.
    #[must_use]
    pub(super) fn by(self, contact: &Object<'_>) -> Self {
        let name =
            contact.object("profile").and_then(|profile| Some(cut(filled(&profile, "name")?, PROFILE_CHARS_MAX)));
        Self { profile: name, ..self }
    }

    /// The facts of an entry of the phone's address book; `None` where it was neither added nor removed.
    pub(super) fn of_contact(action: &str, contact: &Object<'_>) -> Option<Self> {
        let name = match action {
            "add" => ["full_name", "first_name", "username"].into_iter().find_map(|key| filled(contact, key)),
            "remove" => None,
            _ => return None,
        };
        let contact = name.map(|name| cut(name, CONTACT_CHARS_MAX));
        Some(Self { contact, kind: action.to_owned(), ..Self::default() })
    }
}

/// What a message says, before it is cut to its bounds.
#[derive(Default)]
struct Said<'a> {
    text: Option<Cow<'a, str>>,
    reply_id: Option<Cow<'a, str>>,
    /// Meta's digest of a medium.
    sha256: Option<Cow<'a, str>>,
}

impl<'a> Said<'a> {
    fn of(kind: &str, message: &Object<'a>) -> Self {
        let Some(content) = message.object(kind) else { return Self::default() };
        let (text, reply_id) = match kind {
            "text" => (filled(&content, "body"), None),
            "image" | "video" | "document" => (filled(&content, "caption"), None),
            "button" => (filled(&content, "text"), filled(&content, "payload")),
            "interactive" => {
                let chosen = ["button_reply", "list_reply"].into_iter().find_map(|key| content.object(key));
                let chosen = chosen.unwrap_or_default();
                (filled(&chosen, "title"), filled(&chosen, "id"))
            }
            _ => (None, None),
        };
        Self { text, reply_id, sha256: filled(&content, "sha256") }
    }

    /// A digest of the content, and of nothing that tells one recipient from another: the ids, the addresses
    /// and the times of a medium differ each time that it is sent. `None` where nothing is left to compare.
    fn digest(&self, kind: &str) -> Option<String> {
        if self.text.is_none() && self.sha256.is_none() {
            return None;
        }
        let text = self.text.as_deref().unwrap_or_default();
        let sha256 = self.sha256.as_deref().unwrap_or_default();
        Some(digest(&[kind.as_bytes(), text.as_bytes(), sha256.as_bytes()]))
    }
}

/// An item of type `edit`, opened; it exists only where it brings a content that can take the place of another.
pub(super) struct Edit<'a> {
    pub(super) original: Option<EventId>,
    pub(super) message: Object<'a>,
    pub(super) kind: Cow<'a, str>,
    pub(super) content: &'a RawValue,
}

impl<'a> Edit<'a> {
    pub(super) fn of(item: &Object<'a>) -> Option<Self> {
        let edit = item.object("edit").filter(|_| item.text("type").as_deref() == Some("edit"))?;
        let message = edit.object("message")?;
        let (kind, content) = content(&message)?;
        Some(Self { original: original(&edit), message, kind, content })
    }
}

/// A message's type, and the object that holds what it says. `None` for a message that says nothing by
/// itself, and where the type is the name of something else that a message has: an edit must not be able to
/// write over its sender.
pub(super) fn content<'a>(message: &Object<'a>) -> Option<(Cow<'a, str>, &'a RawValue)> {
    const NO_CONTENT: [&str; 4] = ["edit", "revoke", "system", "unsupported"];
    const ABOUT: [&str; 10] = [
        "context",
        "errors",
        "from",
        "from_parent_user_id",
        "from_user_id",
        "group_id",
        "id",
        "referral",
        "timestamp",
        "type",
    ];
    let kind =
        message.text("type").filter(|kind| !NO_CONTENT.contains(&kind.as_ref()) && !ABOUT.contains(&kind.as_ref()))?;
    let content = message.get(&kind).filter(|content| Object::parse(content.get()).is_some())?;
    Some((kind, content))
}

fn amendment(kind: &str, item: &Object<'_>) -> Option<Amendment> {
    match kind {
        "edit" => Edit::of(item)?.original.map(Amendment::Edit),
        "revoke" => original(&item.object("revoke")?).map(Amendment::Revoke),
        _ => None,
    }
}

/// The id under which the message came that an `edit` or a `revoke` is about.
fn original(amendment: &Object<'_>) -> Option<EventId> {
    filled(amendment, "original_message_id").map(|wamid| EventId::named(&wamid))
}

/// The text of a key that holds a string with something in it.
fn filled<'a>(object: &Object<'a>, key: &str) -> Option<Cow<'a, str>> {
    object.text(key).filter(|text| !text.is_empty())
}

/// The first characters of a text.
fn cut(text: Cow<'_, str>, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text.into_owned(),
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts(redacted)")
    }
}

impl fmt::Debug for Amendment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Amendment(redacted)")
    }
}
