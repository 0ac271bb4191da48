//! Whom an item names, and which entry of `contacts` belongs to it.
//!
//! A customer has a phone number, a business-scoped user id, or both; either may be missing, empty, or only
//! in `contacts` (Meta, "Business-scoped user IDs", 2026-05-28). Some bots drop a message without its contact.
//!
//! Invariant: a contact that contradicts an item's names never belongs to it, so nobody's message is
//! attributed to somebody else.

use serde_json::value::RawValue;

use std::collections::BTreeMap;

use super::event::{Event, Scope};
use super::json::Object;
use crate::ids::{Bsuid, Customer, LineId, Phone};

/// The names of one customer.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) phone: Option<Phone>,
    pub(super) bsuid: Option<Bsuid>,
}

impl Names {
    /// Reads the names under two keys; what is missing, empty or malformed is not there.
    pub(super) fn of(object: &Object<'_>, phone_key: &str, bsuid_key: &str) -> Self {
        Self {
            phone: object.text(phone_key).and_then(|text| Phone::parse(&text)),
            bsuid: object.text(bsuid_key).and_then(|text| Bsuid::parse(&text)),
        }
    }

    /// Adds the names that are missing.
    pub(super) fn complete(&mut self, other: &Self) {
        if self.phone.is_none() {
            self.phone.clone_from(&other.phone);
        }
        if self.bsuid.is_none() {
            self.bsuid.clone_from(&other.bsuid);
        }
    }

    fn shares_one_with(&self, other: &Self) -> bool {
        (self.bsuid.is_some() && self.bsuid == other.bsuid) || (self.phone.is_some() && self.phone == other.phone)
    }

    fn contradicts(&self, other: &Self) -> bool {
        let differ = |both: Option<bool>| both == Some(false);
        differ(self.bsuid.as_ref().zip(other.bsuid.as_ref()).map(|(one, two)| one == two))
            || differ(self.phone.as_ref().zip(other.phone.as_ref()).map(|(one, two)| one == two))
    }
}

/// One entry of a value's `contacts`.
#[derive(Debug)]
pub(super) struct Contact<'a> {
    pub(super) raw: &'a RawValue,
    pub(super) names: Names,
}

impl<'a> Contact<'a> {
    /// The contacts of a value.
    pub(super) fn list(value: &Object<'a>) -> Vec<Self> {
        let raw_contacts = value.items("contacts").unwrap_or_default();
        let read = |raw: &'a RawValue| Self {
            raw,
            names: Object::parse(raw.get()).map(|contact| Names::of(&contact, "wa_id", "user_id")).unwrap_or_default(),
        };
        raw_contacts.into_iter().map(read).collect()
    }

    /// The contact that belongs to the item at `position` of `count`: the one that shares a name with it; else
    /// the one at the same place, where there are as many contacts as items, or the only one.
    pub(super) fn of<'c>(contacts: &'c [Self], names: &Names, position: usize, count: usize) -> Option<&'c Self> {
        let sharing = contacts.iter().find(|contact| contact.names.shares_one_with(names));
        let placed = || match contacts {
            [only] => Some(only),
            _ if contacts.len() == count => contacts.get(position),
            _ => None,
        };
        sharing.or_else(placed).filter(|contact| !contact.names.contradicts(names))
    }
}

/// Completes the names of customers whom some events of a delivery name by phone number only, and others by
/// both names: their events then go to one object, in the order in which Meta wrote them.
pub(super) fn complete(events: &mut [Event<'_>]) {
    let mut known: BTreeMap<(LineId, Phone), Bsuid> = BTreeMap::new();
    for event in &*events {
        if let Scope::Customer(line, Customer::Both(phone, bsuid)) = &event.scope {
            known.insert((line.clone(), phone.clone()), bsuid.clone());
        }
    }
    for event in events {
        let Scope::Customer(line, Customer::Phone(phone)) = &event.scope else { continue };
        if let Some(bsuid) = known.get(&(line.clone(), phone.clone())) {
            event.scope = Scope::Customer(line.clone(), Customer::Both(phone.clone(), bsuid.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_belongs_to_the_item_that_it_shares_a_name_with() {
        let json = r#"{"contacts":[
            {"wa_id":"1","user_id":"US.1"}, {"user_id":"US.2"}, {"wa_id":"3"}
        ]}"#;
        let value = Object::parse(json).unwrap();
        let contacts = Contact::list(&value);
        let names = |phone: &str, bsuid: &str| Names { phone: Phone::parse(phone), bsuid: Bsuid::parse(bsuid) };
        let check = |names: &Names, position: usize, count: usize, expected: Option<usize>| {
            let found = Contact::of(&contacts, names, position, count).map(|contact| contact.raw.get());
            assert_eq!(found, expected.map(|at| contacts[at].raw.get()), "{names:?} {position}/{count}");
        };
        check(&names("3", ""), 0, 3, Some(2));
        check(&names("", "US.1"), 2, 3, Some(0));
        // No shared name: the place decides, unless the names contradict each other.
        check(&names("", ""), 1, 3, Some(1));
        check(&names("9", ""), 1, 3, Some(1));
        check(&names("9", ""), 0, 3, None);
        check(&names("9", ""), 1, 2, None);
        // The names agree in one and contradict each other in the other.
        check(&names("1", "US.9"), 0, 3, None);
    }
}
