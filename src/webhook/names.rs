//! Whom an item names, and which entry of `contacts` belongs to it.
//!
//! A customer has a phone number, a business-scoped user id, or both; either may be missing, empty, or only
//! in `contacts` (Meta, "Business-scoped user IDs", 2026-05-28). Some bots drop a message without its contact.
//!
//! Invariant: a contact that contradicts an item's names never belongs to it, so nobody's message is
//! attributed to somebody else; and the names that a change of identity brings are never mixed with those that
//! it ends.

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

/// A change of a customer's names, as a `system` message reports it.
#[derive(Debug)]
pub(super) struct Change {
    /// The names until now; the event goes to the conversation that has them.
    pub(super) before: Names,
    /// The names that are named as those from here on; what has not changed may be missing.
    pub(super) after: Names,
}

impl Change {
    /// Reads the change that a message reports; `None` where no name is new.
    ///
    /// Meta named the type `customer_changed_number` and the new number `new_wa_id` before (webhook versions
    /// up to 11), and has the old user id beside the new one, while the old number is the sender.
    pub(super) fn of(message: &Object<'_>) -> Option<Self> {
        let system = message.object("system")?;
        let kind = system.text("type")?;
        let is_of_number = match kind.as_ref() {
            "user_changed_number" | "customer_changed_number" => true,
            "user_changed_user_id" => false,
            _ => return None,
        };
        let mut after = Names::of(&system, "wa_id", "user_id");
        after.complete(&Names::of(&system, "new_wa_id", "user_id"));

        let sender = Names::of(message, "from", "from_user_id");
        let mut before = Names { phone: None, bsuid: previous_user_id(&system) };
        // A sender by a name that is new is not known to have had it before; with no other name, it has to do.
        let bsuid = sender.bsuid.clone().filter(|bsuid| after.bsuid.as_ref() != Some(bsuid));
        let phone = sender.phone.clone().filter(|phone| !is_of_number || after.phone.as_ref() != Some(phone));
        before.complete(&Names { phone, bsuid });
        if before.phone.is_none() && before.bsuid.is_none() {
            before = sender;
        }
        let change = Self { before, after };
        change.renamed().is_some().then_some(change)
    }

    /// The customer from here on; `None` where no name is new.
    pub(super) fn renamed(&self) -> Option<Customer> {
        let Names { phone, bsuid } = &self.after;
        let is_new =
            (phone.is_some() && *phone != self.before.phone) || (bsuid.is_some() && *bsuid != self.before.bsuid);
        is_new.then(|| Customer::from_names(phone.clone(), bsuid.clone())).flatten()
    }

    /// Whether the contact tells more about the customer of before, and nothing of what is new.
    pub(super) fn is_of_before(&self, contact: &Contact<'_>) -> bool {
        self.before.shares_one_with(&contact.names) && !self.after.shares_one_with(&contact.names)
    }
}

/// The user id that a `system` message says has ended.
pub(super) fn previous_user_id(system: &Object<'_>) -> Option<Bsuid> {
    system.text("previous_user_id").and_then(|id| Bsuid::parse(&id))
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
/// both names: their events then go to one object, in the order in which Meta wrote them. An event that
/// reports a change of names stays with the names of before, whatever its neighbours say by now.
pub(super) fn complete(events: &mut [Event<'_>]) {
    let mut known: BTreeMap<(LineId, Phone), Bsuid> = BTreeMap::new();
    for event in &*events {
        if let Scope::Customer(line, Customer::Both(phone, bsuid)) = &event.scope {
            known.insert((line.clone(), phone.clone()), bsuid.clone());
        }
    }
    for event in events {
        let Scope::Customer(line, Customer::Phone(phone)) = &event.scope else { continue };
        let bsuid = known.get(&(line.clone(), phone.clone()));
        let is_new = |bsuid: &&Bsuid| event.renamed.as_ref().and_then(Customer::bsuid) == Some(bsuid);
        if let Some(bsuid) = bsuid.filter(|bsuid| !is_new(bsuid)) {
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
