//! Which class an item belongs to, by Meta's `field` and by what the item holds.
//!
//! Invariant: every entry of a delivery becomes at least one event, so that nothing is acknowledged to Meta
//! without a trace. What has an unexpected shape becomes `unknown`; it never fails.
//!
//! Facts: Meta's webhook reference (fields and payloads, 2025-12 to 2026-08), and the shapes seen in real
//! traffic that differ from it. `tests/payloads/` has a sample of each.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::envelope::{ADDRESS_BOOK, EVENT_LISTS, Envelope, Frame};
use super::event::{Class, Event, STATUS_MARK, Scope};
use super::facts::Facts;
use super::json::Object;
use super::names::{self, Contact, Names};
use crate::ids::{AccountId, Customer, EventId, LineId, digest};
use crate::time::UnixMillis;

/// "This message is unavailable": mostly the first of two deliveries, the second with the real message.
const MESSAGE_UNAVAILABLE: &str = "131060";

/// The `object` of a WhatsApp delivery.
const WHATSAPP: &str = "whatsapp_business_account";

/// The events of one entry. `contacts_left` is how many entries of an address book may still become events of
/// their own.
pub(super) fn entry<'a>(delivery: &Object<'a>, raw: &'a RawValue, contacts_left: &mut usize) -> Vec<Event<'a>> {
    let delivery = Rc::new(delivery.clone());
    let entry = Object::parse(raw.get()).map(Rc::new);
    let account = entry.as_ref().and_then(|entry| entry.text("id")).and_then(|id| AccountId::parse(&id));
    let changes = entry.as_ref().and_then(|entry| entry.items("changes")).unwrap_or_default();
    let (Some(entry), Some(WHATSAPP), false) = (entry, delivery.text("object").as_deref(), changes.is_empty()) else {
        return vec![Event {
            class: Class::Unknown,
            id: EventId::of_bytes(raw.get().as_bytes()),
            scope: account.map_or(Scope::Unaddressed, Scope::Account),
            sent_at: None,
            facts: Facts::default(),
            renamed: None,
            envelope: Envelope::Entry { delivery, entry: raw },
        }];
    };
    let read = |raw| Change::read(&delivery, &entry, account.as_ref(), raw).events(contacts_left);
    changes.into_iter().flat_map(read).collect()
}

/// Tells what one item of a change is.
type Read<'a> = fn(&Change<'a>, &Item<'a, '_>) -> (Class, EventId, Scope);

/// A list of events under one key; `None` where there is none, or none that can be read.
struct List<'a> {
    name: &'static str,
    events: Option<Vec<Event<'a>>>,
}

/// One change of an entry, opened.
struct Change<'a> {
    raw: &'a RawValue,
    field: Cow<'a, str>,
    frame: Frame<'a>,
    contacts: Vec<Contact<'a>>,
    line: Option<LineId>,
    account: Option<AccountId>,
}

impl<'a> Change<'a> {
    fn read(delivery: &Rc<Object<'a>>, entry: &Rc<Object<'a>>, account: Option<&AccountId>, raw: &'a RawValue) -> Self {
        let change = Object::parse(raw.get()).unwrap_or_default();
        let value = change.object("value").unwrap_or_default();
        // `messaging_handovers` has no metadata; its number stands under `recipient`.
        let line = ["metadata", "recipient"]
            .into_iter()
            .find_map(|key| value.object(key)?.text("phone_number_id"))
            .and_then(|id| LineId::parse(&id));
        Self {
            raw,
            field: change.text("field").unwrap_or_default(),
            contacts: Contact::list(&value),
            line,
            account: account.cloned(),
            frame: Frame {
                delivery: Rc::clone(delivery),
                entry: Rc::clone(entry),
                change: Rc::new(change),
                value: Rc::new(value),
            },
        }
    }

    fn events(self, contacts_left: &mut usize) -> Vec<Event<'a>> {
        match self.field.as_ref() {
            "messages" => self.messages(),
            // Meta's test panel and one self-hosted product show the same payload as `message_echoes`.
            "smb_message_echoes" | "message_echoes" => {
                self.complete([self.items("message_echoes", Self::echo)], Class::Unknown)
            }
            "smb_app_state_sync" => self.address_book(contacts_left),
            "history" => vec![self.whole(Class::Sync)],
            "standby" | "messaging_handovers" => vec![self.whole(Class::Routing)],
            "calls"
            | "group_lifecycle_update"
            | "group_participants_update"
            | "group_settings_update"
            | "group_status_update" => vec![self.whole(Class::AppsOwn)],
            field if is_account_field(field) => vec![self.whole(Class::Account)],
            _ => vec![self.whole(Class::Unknown)],
        }
    }

    fn messages(&self) -> Vec<Event<'a>> {
        // Errors of the line or the account come without a message to belong to.
        let empty = if self.frame.value.has("errors") { Class::Account } else { Class::Unknown };
        self.complete([self.items("messages", Self::message), self.items("statuses", Self::receipt)], empty)
    }

    /// The events of the lists that were read, and the change as a whole where it holds a list that was not:
    /// one that does not belong under this field, is none, or is too long. A change without events is one event.
    fn complete<const READ: usize>(&self, read: [List<'a>; READ], empty: Class) -> Vec<Event<'a>> {
        let known = |list: &&str| read.iter().any(|read| read.name == *list && read.events.is_some());
        let is_left = EVENT_LISTS.iter().any(|list| !known(list) && self.frame.value.has(list));
        let mut events: Vec<_> = read.into_iter().filter_map(|list| list.events).flatten().collect();
        if is_left {
            events.push(self.whole(Class::Unknown));
        } else if events.is_empty() {
            events.push(self.whole(empty));
        }
        events
    }

    fn items(&self, list: &'static str, read: Read<'a>) -> List<'a> {
        let Some(raw_items) = self.frame.value.items(list) else { return List { name: list, events: None } };
        let count = raw_items.len();
        let event = |(position, raw): (usize, &'a RawValue)| {
            let object = Object::parse(raw.get()).unwrap_or_default();
            let sent_at = object.seconds("timestamp");
            let change = if list == "messages" { names::Change::of(&object) } else { None };
            let names = change.as_ref().map_or_else(|| Item::names(&object, list), |change| change.before.clone());
            let contact = Contact::of(&self.contacts, &names, position, count);
            let envelope = Envelope::Item {
                frame: self.frame.clone(),
                list,
                item: raw,
                contact: contact.map(|contact| contact.raw),
            };
            let item = Item { raw, object, names, contact, change };
            let (class, id, scope) = read(self, &item);
            let facts = match class {
                Class::Echo | Class::Turn => {
                    let words = Facts::of_words(&item.object, class == Class::Echo);
                    match item.contact.and_then(|contact| Object::parse(contact.raw.get())) {
                        Some(contact) => words.by(&contact),
                        None => words,
                    }
                }
                Class::EchoNote | Class::Ghost | Class::Identity => Facts::of_words(&item.object, false),
                Class::Account
                | Class::AppsOwn
                | Class::Contact
                | Class::Receipt
                | Class::Routing
                | Class::Sync
                | Class::Unknown => Facts::default(),
            };
            let renamed = item.change.filter(|_| class == Class::Identity).and_then(|change| change.renamed());
            Event { class, id, scope, sent_at, facts, renamed, envelope }
        };
        List { name: list, events: Some(raw_items.into_iter().enumerate().map(event).collect()) }
    }

    /// An event for each entry of the phone's address book that names a customer, and the change as a whole where
    /// it holds anything else, or more entries than one delivery may be split into.
    fn address_book(&self, contacts_left: &mut usize) -> Vec<Event<'a>> {
        let entries = self.frame.value.items(ADDRESS_BOOK).filter(|entries| entries.len() <= *contacts_left);
        let entries = entries.unwrap_or_default();
        *contacts_left = contacts_left.saturating_sub(entries.len());
        let mut events: Vec<_> = entries.iter().filter_map(|raw| self.contact(raw)).collect();
        let is_left = EVENT_LISTS.iter().any(|list| *list != ADDRESS_BOOK && self.frame.value.has(list));
        if is_left || events.is_empty() || events.len() < entries.len() {
            events.push(self.whole(Class::Sync));
        }
        events
    }

    fn contact(&self, raw: &'a RawValue) -> Option<Event<'a>> {
        let entry = Object::parse(raw.get())?;
        let contact = entry.object("contact").filter(|_| entry.text("type").as_deref() == Some("contact"))?;
        Some(Event {
            class: Class::Contact,
            id: EventId::of_bytes(raw.get().as_bytes()),
            scope: self.customer_scope(&Names::of(&contact, "phone_number", "user_id"), None)?,
            sent_at: entry.object("metadata").and_then(|metadata| metadata.seconds("timestamp")),
            facts: Facts::of_contact(&entry.text("action")?, &contact)?,
            renamed: None,
            envelope: Envelope::Item { frame: self.frame.clone(), list: ADDRESS_BOOK, item: raw, contact: None },
        })
    }

    fn message(&self, item: &Item<'a, '_>) -> (Class, EventId, Scope) {
        let id = item.id();
        if item.object.has("group_id") {
            return (Class::AppsOwn, id, self.shared_scope());
        }
        let class = match item.object.text("type").as_deref() {
            Some("system") => Class::Identity,
            Some("unsupported") if item.has_error(MESSAGE_UNAVAILABLE) => Class::Ghost,
            Some(_) => Class::Turn,
            None => return (Class::Unknown, id, self.shared_scope()),
        };
        // After a change of names Meta's contact may have the new ones, which belong to nobody yet.
        let contact = match &item.change {
            Some(change) => item.contact.filter(|contact| change.is_of_before(contact)),
            None => item.contact,
        };
        match self.customer_scope(&item.names, contact) {
            Some(scope) => (class, id, scope),
            None => (Class::Unknown, id, self.shared_scope()),
        }
    }

    fn echo(&self, item: &Item<'a, '_>) -> (Class, EventId, Scope) {
        let class = match item.object.text("type").as_deref() {
            Some("edit" | "revoke" | "unsupported") => Class::EchoNote,
            _ if item.object.has("errors") => Class::EchoNote,
            Some(_) => Class::Echo,
            None => Class::Unknown,
        };
        match self.customer_scope(&item.names, item.contact) {
            Some(scope) => (class, item.id(), scope),
            None => (Class::Unknown, item.id(), self.shared_scope()),
        }
    }

    fn receipt(&self, item: &Item<'a, '_>) -> (Class, EventId, Scope) {
        let part = |key| item.object.text(key).unwrap_or_default();
        let (wamid, status) = (part("id"), part("status"));
        // A group's receipts are one object per member under the same wamid and status.
        let (member, member_id) = (part("recipient_participant_id"), part("recipient_participant_user_id"));
        let id = if wamid.is_empty() || status.is_empty() {
            EventId::of_bytes(item.raw.get().as_bytes())
        } else if member.is_empty() && member_id.is_empty() {
            EventId::named(&format!("{wamid}{STATUS_MARK}{status}"))
        } else {
            EventId::named(&format!("{wamid}{STATUS_MARK}{status}{STATUS_MARK}{member}{member_id}"))
        };
        let scope =
            if part("recipient_type") == "group" { None } else { self.customer_scope(&item.names, item.contact) };
        (Class::Receipt, id, scope.unwrap_or_else(|| self.shared_scope()))
    }

    /// The change as one event.
    fn whole(&self, class: Class) -> Event<'a> {
        let value = &self.frame.value;
        let customer = if class == Class::Routing { self.routing_customer() } else { None };
        let scope = customer.and_then(|names| self.customer_scope(&names, None));
        let entry = &self.frame.entry;
        let entry_key = |key| entry.get(key).map_or(&b""[..], |raw| raw.get().as_bytes());
        Event {
            class,
            id: EventId::named(&format!(
                "sha256.{}",
                digest(&[entry_key("id"), entry_key("time"), self.raw.get().as_bytes()])
            )),
            scope: scope.unwrap_or_else(|| self.shared_scope()),
            sent_at: entry.seconds("time").or_else(|| first_time(value)),
            facts: if class == Class::Account { Facts::of_account(value) } else { Facts::default() },
            renamed: None,
            envelope: Envelope::Change {
                delivery: Rc::clone(&self.frame.delivery),
                entry: Rc::clone(entry),
                change: self.raw,
            },
        }
    }

    /// The customer whom a routing event is about.
    fn routing_customer(&self) -> Option<Names> {
        let value = &self.frame.value;
        if let Some(sender) = value.object("sender") {
            return Some(Names::of(&sender, "phone_number", "user_id"));
        }
        let standby = value.object("standby")?;
        let first = |list: &str| standby.items(list)?.first().and_then(|raw| Object::parse(raw.get()));
        let mut names = if let Some(message) = first("messages") {
            Names::of(&message, "from", "from_user_id")
        } else if let Some(status) = first("statuses") {
            Names::of(&status, "recipient_id", "recipient_user_id")
        } else {
            // A standby echo repeats the request that was sent: the customer is in `message`, not beside it.
            Names::of(&first("message_echoes")?.object("message")?, "to", "recipient")
        };
        if let [contact] = Contact::list(&standby).as_slice() {
            names.complete(&contact.names);
        }
        Some(names)
    }

    fn customer_scope(&self, names: &Names, contact: Option<&Contact<'a>>) -> Option<Scope> {
        let mut names = names.clone();
        if let Some(contact) = contact {
            names.complete(&contact.names);
        }
        Some(Scope::Customer(self.line.clone()?, Customer::from_names(names.phone, names.bsuid)?))
    }

    /// The scope of what belongs to no customer.
    fn shared_scope(&self) -> Scope {
        match (&self.line, &self.account) {
            (Some(line), _) => Scope::Line(line.clone()),
            (None, Some(account)) => Scope::Account(account.clone()),
            (None, None) => Scope::Unaddressed,
        }
    }
}

fn is_account_field(field: &str) -> bool {
    const FAMILIES: [&str; 5] = ["account_", "business_", "message_template_", "phone_number_", "template_"];
    const OTHERS: [&str; 7] = [
        "automatic_events",
        "consumer_profile",
        "flows",
        "partner_solutions",
        "payment_configuration_update",
        "security",
        "user_preferences",
    ];
    OTHERS.contains(&field) || FAMILIES.iter().any(|family| field.starts_with(family))
}

/// The time of a change that is one event: its own, or that of the first item of its list.
fn first_time(value: &Object<'_>) -> Option<UnixMillis> {
    let list = |lists: &Object<'_>| {
        ["calls", "groups", "message_echoes", "messages", "statuses", "user_preferences"]
            .into_iter()
            .find_map(|key| lists.items(key)?.first().and_then(|raw| Object::parse(raw.get())?.seconds("timestamp")))
    };
    value.seconds("timestamp").or_else(|| list(value)).or_else(|| list(&value.object("standby")?))
}

/// One item of a list of events, opened.
struct Item<'a, 'c> {
    raw: &'a RawValue,
    object: Object<'a>,
    names: Names,
    contact: Option<&'c Contact<'a>>,
    change: Option<names::Change>,
}

impl Item<'_, '_> {
    /// The names that an item of this list carries.
    fn names(object: &Object<'_>, list: &str) -> Names {
        match list {
            "message_echoes" => Names::of(object, "to", "to_user_id"),
            "statuses" => Names::of(object, "recipient_id", "recipient_user_id"),
            _ => {
                let mut names = Names::of(object, "from", "from_user_id");
                if let Some(system) = object.object("system") {
                    names.complete(&Names { phone: None, bsuid: names::previous_user_id(&system) });
                }
                names
            }
        }
    }

    fn id(&self) -> EventId {
        match self.object.text("id") {
            Some(wamid) if !wamid.is_empty() => EventId::named(&wamid),
            _ => EventId::of_bytes(self.raw.get().as_bytes()),
        }
    }

    /// Whether one of the item's `errors` has this code.
    fn has_error(&self, code: &str) -> bool {
        let errors = self.object.items("errors").unwrap_or_default();
        let is_it = |raw: &RawValue| {
            let found = Object::parse(raw.get()).and_then(|error| error.get("code"));
            found.is_some_and(|found| found.get().trim_matches('"') == code)
        };
        errors.into_iter().any(is_it)
    }
}
