//! Meta's wire: the raw bytes of a delivery in, typed events out. No state, no clock.
//!
//! | file | what |
//! |---|---|
//! | [`signature`] | `X-Hub-Signature-256`: reading, checking, making |
//! | [`handshake`] | `GET /webhook`: Meta asks whether we are who we say |
//! | [`event`] | what an event is: class, id, scope, time, new names |
//! | [`facts`] | what an item says, as far as rules and phrases look at it |
//! | [`rewrite`] | a message that was edited, or gathered with others, before the bot got it |
//! | `json` | JSON objects read as borrowed keys and raw values, without a tree |
//! | `names` | whom an item names, and which contact belongs to it |
//! | `classify` | which class a change and its items belong to, by Meta's `field` |
//! | `envelope` | one event put back into an envelope of its own |
//!
//! Invariant: [`read`] never fails because of what one event holds. A piece that cannot be read becomes an
//! event of class `unknown` and its neighbours stay what they are; only a body that is no webhook at all is
//! [`Unreadable`]. One bad event must not make Meta send its whole batch again for a week.
//!
//! Not here: what an event does to a conversation (`conversation`), and whether the body is authentic
//! (the caller checks [`signature`] over the same bytes first).

mod classify;
mod envelope;
pub mod event;
pub mod facts;
pub mod handshake;
pub(crate) mod json;
mod names;
pub mod rewrite;
pub mod signature;

use core::fmt;

use crate::limits::{CONTACTS_PER_DELIVERY_MAX, EVENTS_PER_DELIVERY_MAX, REBUILT_BYTES_MAX};
use event::Event;
use json::Object;

/// Why a signed body is not a webhook of Meta's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreadable {
    /// It is not a JSON object in UTF-8.
    NotJson,
    /// It has no `entry` list.
    NoEntries,
    /// It would become more events, or more bytes, than one delivery may.
    TooMany,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "the body is not a JSON object",
            Self::NoEntries => "the body has no list `entry`",
            Self::TooMany => "the body holds more events than one delivery may",
        })
    }
}

/// JSON with every character outside printable ASCII as `\uXXXX`, as Meta writes it.
#[must_use]
pub fn ascii_only(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    envelope::ascii(&mut escaped, json);
    escaped
}

/// Splits a delivery into its events, in the order in which Meta wrote them.
///
/// # Errors
///
/// [`Unreadable`] where the body as a whole is no webhook.
pub fn read(body: &[u8]) -> Result<Vec<Event<'_>>, Unreadable> {
    let text = core::str::from_utf8(body).map_err(|_| Unreadable::NotJson)?;
    let delivery = Object::parse(text).ok_or(Unreadable::NotJson)?;
    let entries = delivery.items("entry").ok_or(Unreadable::NoEntries)?;

    let mut events = Vec::new();
    let mut bytes = 0_usize;
    let mut contacts_left = CONTACTS_PER_DELIVERY_MAX;
    for entry in entries {
        for event in classify::entry(&delivery, entry, &mut contacts_left) {
            bytes = bytes.saturating_add(event.body_bytes());
            if events.len() == EVENTS_PER_DELIVERY_MAX || bytes > REBUILT_BYTES_MAX {
                return Err(Unreadable::TooMany);
            }
            events.push(event);
        }
    }
    names::complete(&mut events);
    Ok(events)
}
