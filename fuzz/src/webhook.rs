//! The body of a delivery: any bytes through [`baton::webhook::read`], and what is read back out.
//!
//! Invariant: reading ends within the bounds of `limits`, and an event in its envelope is the same event: read
//! again it is one event of the same class, id, scope and facts, and its envelope does not change any more.
//!
//! Three things may differ. A change that is kept whole beside what could be read of it is read again as both, itself
//! last. An id that is a digest of bytes changes with the bytes where something was escaped. And a customer who was
//! named fully by another event of the delivery is not when read alone.

use baton::ids::{Customer, ObjectName};
use baton::limits::{
    CONTACT_CHARS_MAX, CONTACTS_PER_DELIVERY_MAX, EVENTS_PER_DELIVERY_MAX, ID_CHARS_MAX, KIND_CHARS_MAX,
    PROFILE_CHARS_MAX, REBUILT_BYTES_MAX, TEXT_CHARS_MAX,
};
use baton::webhook::event::{Class, Event, Scope};
use baton::webhook::facts::{Amendment, Facts};
use baton::webhook::rewrite::{edited, merged};
use baton::webhook::{Unreadable, read};

use crate::{Target, as_text, seeds};

/// Events of one delivery that are rebuilt; reading all of two thousand again would be two thousand readings.
const REBUILT_MAX: usize = 12;

/// Events of one delivery that are rewritten, each with each.
const REWRITTEN_MAX: usize = 3;

/// One character outside ASCII becomes six, and two bytes of it make one character at least.
const ESCAPED_MAX: usize = 6;

/// Longest integer that a row can hold, in bits (`store::rows`).
const EXACT_BITS: u32 = 53;

/// This target.
pub const TARGET: Target = Target { name: "webhook", run, seeds: seeds::samples, words, describe: as_text };

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let Ok(events) = read(bytes) else { return };
    assert!(events.len() <= EVENTS_PER_DELIVERY_MAX);
    assert!(events.iter().map(Event::body_bytes).sum::<usize>() <= REBUILT_BYTES_MAX);
    assert!(events.iter().filter(|event| event.class == Class::Contact).count() <= CONTACTS_PER_DELIVERY_MAX);
    let is_plain = is_plain(bytes);
    let is_alone = events.len() == 1;
    // The last of them is the one that stands beside others.
    let first = events.iter().take(REBUILT_MAX);
    let rest = events.iter().skip(REBUILT_MAX).last();
    let bodies: Vec<String> = first.chain(rest).map(|event| rebuilt(event, is_plain, is_alone)).collect();
    for event in &events {
        bounded(event);
    }
    for one in bodies.iter().take(REWRITTEN_MAX) {
        for other in bodies.iter().take(REWRITTEN_MAX) {
            one_event(edited(one, other));
            one_event(merged(&[one, other]));
        }
    }
}

fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii() && *byte != 0x7f)
}

/// The event in its envelope, which is read again.
fn rebuilt(event: &Event<'_>, is_plain: bool, is_alone: bool) -> String {
    let body = event.body();
    assert!(self::is_plain(body.as_bytes()), "the envelope is ASCII");
    assert!(body.len() <= ESCAPED_MAX * event.body_bytes(), "{} are more than {}", body.len(), event.body_bytes());
    let again = match read(body.as_bytes()) {
        Ok(again) => again,
        // What was just within the bound may be beyond it once it is escaped.
        Err(Unreadable::TooMany) if !is_plain => return body,
        Err(error) => panic!("the envelope is no webhook: {error}"),
    };
    let may_be_beside_others = matches!(event.class, Class::Sync | Class::Unknown);
    assert!(again.len() == 1 || may_be_beside_others, "{:?} is {} events", event.class, again.len());
    let Some(same) = again.last() else { panic!("the event is none") };
    assert_eq!(same.class, event.class);
    let is_digest = event.id.as_str().starts_with("sha256.") && same.id.as_str().starts_with("sha256.");
    assert!(same.id == event.id || (is_digest && !is_plain), "{} and {}", same.id.as_str(), event.id.as_str());
    assert!(is_same_scope(&event.scope, &same.scope, is_alone), "{:?} and {:?}", event.scope, same.scope);
    assert!(same.facts == event.facts, "the facts are others");
    assert_eq!((same.sent_at, &same.renamed), (event.sent_at, &event.renamed));
    assert_eq!(same.body(), body, "the envelope is as it stays");
    body
}

/// Whether the event is whose it was. Beside others it may have learned of a name that it does not carry itself.
fn is_same_scope(scope: &Scope, alone: &Scope, is_alone: bool) -> bool {
    match (scope, alone) {
        (Scope::Customer(line, Customer::Both(phone, _)), Scope::Customer(own_line, Customer::Phone(own_phone))) => {
            !is_alone && line == own_line && phone == own_phone
        }
        _ => scope == alone,
    }
}

/// What an event brings is within its bounds.
fn bounded(event: &Event<'_>) {
    assert!((1..=ID_CHARS_MAX).contains(&event.id.as_str().len()));
    let Facts { amends, contact, content, kind, profile, referral: _, reply_id, text } = &event.facts;
    let fits = |text: &Option<String>, chars_max| text.as_ref().is_none_or(|text| text.chars().count() <= chars_max);
    assert!(kind.chars().count() <= KIND_CHARS_MAX);
    assert!(fits(contact, CONTACT_CHARS_MAX) && fits(reply_id, ID_CHARS_MAX) && fits(text, TEXT_CHARS_MAX));
    assert!(fits(profile, PROFILE_CHARS_MAX));
    assert!(fits(content, 32));
    if let Some(Amendment::Edit(id) | Amendment::Revoke(id)) = amends {
        assert!((1..=ID_CHARS_MAX).contains(&id.as_str().len()));
    }
    let is_storable = |at: baton::time::UnixMillis| at.as_millis() < 1 << EXACT_BITS;
    assert!(event.sent_at.is_none_or(is_storable), "a row cannot hold {:?}", event.sent_at);
    assert_eq!(Class::parse(event.class.name()), Some(event.class));
    let home = event.scope.object_name();
    let names: Vec<ObjectName> = event.aliases();
    assert!(names.len() <= 3 && !names.contains(&home), "other names are other objects");
}

/// What was rewritten is a message like any other.
fn one_event(rewritten: Option<String>) {
    let Some(body) = rewritten else { return };
    assert!(is_plain(body.as_bytes()));
    assert_eq!(read(body.as_bytes()).map(|events| events.len()), Ok(1), "{body}");
}

fn words() -> Vec<String> {
    seeds::words(&seeds::samples())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_read() {
        for crate::Seed { name, bytes } in seeds::samples() {
            assert!(read(&bytes).is_ok_and(|events| !events.is_empty()), "{name}");
        }
    }
}
