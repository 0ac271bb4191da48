//! What the gate reads off an item: within bounds, alike for what is alike, and nobody's names mixed with another's.

use baton::ids::{self, EventId};
use baton::limits::{CONTACT_CHARS_MAX, CONTACTS_PER_DELIVERY_MAX, ID_CHARS_MAX, KIND_CHARS_MAX, TEXT_CHARS_MAX};
use baton::webhook;
use baton::webhook::event::{Class, Scope};
use baton::webhook::facts::{Amendment, Facts};
use serde_json::{Value, json};

use crate::common::meta::{Customer, LINE, batch, both, bsuid, delivery, echo, message, phone, text};

const PHONE: &str = "15550109999";
const OLD: &str = "US.1";
const NEW: &str = "US.2";

/// What an event of a delivery is, without its envelope.
struct Read {
    class: Class,
    /// The customer's names, as `phone+user id`.
    customer: String,
    facts: Facts,
    /// The names from here on.
    renamed: String,
}

fn read(delivery: &Value) -> Vec<Read> {
    let names = |customer: Option<&ids::Customer>| {
        let phone = customer.and_then(ids::Customer::phone).map_or("", |phone| phone.as_str());
        let bsuid = customer.and_then(ids::Customer::bsuid).map_or("", |bsuid| bsuid.as_str());
        format!("{phone}+{bsuid}")
    };
    let body = delivery.to_string();
    let events = webhook::read(body.as_bytes()).unwrap().into_iter().map(|event| {
        let (customer, renamed) = (names(event.scope.customer()), names(event.renamed.as_ref()));
        assert!(serde_json::from_str::<Value>(&event.body()).is_ok());
        Read { class: event.class, customer, facts: event.facts, renamed }
    });
    events.collect()
}

fn only(field: &str, value: Value) -> Read {
    let mut events = read(&delivery(field, value));
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn no_fact_is_longer_than_its_bound_and_none_is_cut_within_a_character() {
    let long = "é😀".repeat(10_000);
    let said = |kind: &str, more: Value| only("messages", message(phone(PHONE), "m", kind, more)).facts;
    let first = |count: usize| Some(long.chars().take(count).collect::<String>());

    assert_eq!(said("text", json!({ "text": { "body": long } })).text, first(TEXT_CHARS_MAX));
    let reply = json!({ "interactive": { "list_reply": { "id": long, "title": long } } });
    let reply = said("interactive", reply);
    assert_eq!((reply.text, reply.reply_id), (first(TEXT_CHARS_MAX), first(ID_CHARS_MAX)));
    assert_eq!(Some(said(&long, json!({})).kind), first(KIND_CHARS_MAX));
    let contact =
        json!({ "type": "contact", "action": "add", "contact": { "full_name": long, "phone_number": PHONE } });
    let contact = only("smb_app_state_sync", json!({ "state_sync": [contact] })).facts;
    assert_eq!(contact.contact, first(CONTACT_CHARS_MAX));

    let exactly = "x".repeat(TEXT_CHARS_MAX);
    assert_eq!(said("text", json!({ "text": { "body": exactly } })).text, Some(exactly));
}

#[test]
fn a_fact_of_an_unexpected_shape_is_not_there() {
    for (kind, more) in [
        ("text", json!({})),
        ("text", json!({ "text": "hello" })),
        ("text", json!({ "text": { "body": 7 } })),
        ("text", json!({ "text": { "body": "" } })),
        ("image", json!({ "image": { "caption": ["x"] } })),
        ("audio", json!({ "audio": { "caption": "audio has none" } })),
        ("button", json!({ "button": null })),
        ("interactive", json!({ "interactive": { "button_reply": [], "list_reply": {} } })),
        ("interactive", json!({ "interactive": { "nfm_reply": { "body": "Sent" } } })),
        ("text", json!({ "referral": {} })),
        ("text", json!({ "referral": "ad" })),
        ("revoke", json!({ "revoke": { "original_message_id": "" } })),
        ("revoke", json!({ "revoke": "m0" })),
        ("text", json!({ "revoke": { "original_message_id": "m0" } })),
    ] {
        let read = only("messages", message(phone(PHONE), "m", kind, more.clone()));
        // The contact beside the message is as it should be.
        let expected = Facts { kind: kind.to_owned(), profile: read.facts.profile.clone(), ..Facts::default() };
        assert!(read.class == Class::Turn && read.facts == expected, "{kind} {more}");
    }
}

#[test]
fn an_edit_amends_only_where_it_brings_a_content_that_can_take_the_place_of_another() {
    let edit = |original: Value, message: Value| json!({ "original_message_id": original, "message": message });
    let new_text = json!({ "type": "text", "text": { "body": "new" } });
    let long = "m".repeat(ID_CHARS_MAX + 1);
    for (edit, said, amends) in [
        (edit(json!("m0"), new_text.clone()), Some("new"), Some(EventId::named("m0"))),
        (
            edit(json!("m0"), json!({ "type": "video", "video": { "caption": "c" } })),
            Some("c"),
            Some(EventId::named("m0")),
        ),
        (edit(json!("m0"), json!({ "type": "video", "video": {} })), None, Some(EventId::named("m0"))),
        // The id is that under which the original was accepted.
        (edit(json!(long), new_text.clone()), Some("new"), Some(EventId::named(&long))),
        (edit(json!(""), new_text.clone()), Some("new"), None),
        (edit(json!(null), new_text.clone()), Some("new"), None),
        (edit(json!("m0"), json!({ "type": "text" })), None, None),
        (edit(json!("m0"), json!({ "type": "text", "text": "new" })), None, None),
        (edit(json!("m0"), json!({ "text": { "body": "new" } })), None, None),
        (edit(json!("m0"), json!("new")), None, None),
        // An edit must not write over the sender, and an edit of an edit is none.
        (edit(json!("m0"), json!({ "type": "from", "from": {} })), None, None),
        (edit(json!("m0"), json!({ "type": "edit", "edit": edit(json!("m1"), new_text.clone()) })), None, None),
        (json!("edit"), None, None),
        (json!(null), None, None),
    ] {
        let amends = amends.map(Amendment::Edit);
        let mut note = echo(phone(PHONE), "e", "");
        note["message_echoes"][0]["type"] = json!("edit");
        note["message_echoes"][0]["edit"] = edit.clone();
        for (class, read) in [
            (Class::Turn, only("messages", message(phone(PHONE), "m", "edit", json!({ "edit": edit })))),
            (Class::EchoNote, only("smb_message_echoes", note)),
        ] {
            assert_eq!(read.class, class);
            assert_eq!((read.facts.kind.as_str(), read.facts.text.as_deref()), ("edit", said), "{edit}");
            assert!(read.facts.amends == amends, "{edit}");
        }
    }
}

#[test]
fn what_the_shop_sends_to_many_has_the_same_content_for_each_of_them() {
    let content = |to: &str, kind: &str, of_kind: Value| {
        let mut value = echo(phone(to), &format!("to{to}"), "");
        let item = value["message_echoes"][0].as_object_mut().unwrap();
        item.remove("text");
        item.insert("type".to_owned(), json!(kind));
        item.insert("timestamp".to_owned(), json!(to));
        item.insert(kind.to_owned(), of_kind);
        only("smb_message_echoes", value).facts.content
    };
    let medium =
        |id: &str, sha256: &str, caption: &str| json!({ "id": id, "url": id, "sha256": sha256, "caption": caption });
    let sale = content("15550100101", "text", json!({ "body": "Sale: 20 % off é" }));
    assert!(sale.is_some());
    assert_eq!(sale, content("15550100102", "text", json!({ "body": "Sale: 20 % off é", "preview_url": true })));
    let poster = content("15550100101", "image", medium("1", "abc", "Sale"));
    assert!(poster.is_some());
    assert_eq!(poster, content("15550100102", "image", medium("2", "abc", "Sale")));
    // Beyond what rules look at there may be a difference still.
    let long = "x".repeat(TEXT_CHARS_MAX);
    let different = [
        sale,
        poster,
        content("15550100101", "image", medium("1", "abd", "Sale")),
        content("15550100101", "image", medium("1", "abc", "")),
        content("15550100101", "image", medium("1", "", "Sale")),
        content("15550100101", "video", medium("1", "", "Sale")),
        content("15550100101", "audio", medium("1", "abc", "")),
        content("15550100101", "text", json!({ "body": "Sale" })),
        content("15550100101", "text", json!({ "body": long.clone() + "1" })),
        content("15550100101", "text", json!({ "body": long + "2" })),
    ];
    let distinct: std::collections::BTreeSet<_> = different.iter().flatten().collect();
    assert_eq!(distinct.len(), different.len());
    for (kind, nothing) in [
        ("image", medium("1", "", "")),
        ("location", json!({ "latitude": 1, "longitude": 2 })),
        ("text", json!({})),
        ("text", json!(null)),
    ] {
        assert_eq!(content("15550100101", kind, nothing.clone()), None, "{kind} {nothing}");
    }
}

#[test]
fn a_change_of_names_goes_to_the_conversation_of_before_and_names_what_is_new() {
    let number = |more: Value| {
        let mut system = json!({ "type": "user_changed_number", "wa_id": "15550108888", "user_id": NEW });
        for (key, value) in more.as_object().unwrap() {
            system[key] = value.clone();
        }
        system
    };
    let id = json!({ "type": "user_changed_user_id", "user_id": NEW, "previous_user_id": OLD });
    for (from, contact, system, customer, renamed) in [
        (phone(PHONE), json!({}), number(json!({ "previous_user_id": OLD })), "15550109999+US.1", "15550108888+US.2"),
        (phone(PHONE), json!({}), number(json!({})), "15550109999+", "15550108888+US.2"),
        (
            phone(PHONE),
            json!({}),
            number(json!({ "wa_id": null, "new_wa_id": "+15550108888", "user_id": "" })),
            "15550109999+",
            "15550108888+",
        ),
        (bsuid(OLD), json!({}), number(json!({})), "+US.1", "15550108888+US.2"),
        // The contact, and the sender, may already be named anew.
        (
            phone(PHONE),
            json!({ "wa_id": "15550108888", "user_id": NEW }),
            number(json!({})),
            "15550109999+",
            "15550108888+US.2",
        ),
        (phone(PHONE), json!({ "user_id": NEW }), number(json!({})), "15550109999+", "15550108888+US.2"),
        (
            phone(PHONE),
            json!({ "wa_id": PHONE, "user_id": NEW }),
            number(json!({})),
            "15550109999+",
            "15550108888+US.2",
        ),
        (phone(PHONE), json!({ "user_id": "US.9" }), number(json!({})), "15550109999+", "15550108888+US.2"),
        (
            phone(PHONE),
            json!({ "wa_id": PHONE, "user_id": OLD }),
            number(json!({})),
            "15550109999+US.1",
            "15550108888+US.2",
        ),
        (
            both(PHONE, NEW),
            json!({}),
            number(json!({ "previous_user_id": OLD })),
            "15550109999+US.1",
            "15550108888+US.2",
        ),
        (both(PHONE, NEW), json!({}), number(json!({})), "15550109999+", "15550108888+US.2"),
        (phone("15550108888"), json!({}), number(json!({ "previous_user_id": OLD })), "+US.1", "15550108888+US.2"),
        (bsuid(NEW), json!({}), number(json!({})), "+US.2", "15550108888+US.2"),
        (phone(PHONE), json!({}), id.clone(), "15550109999+US.1", "+US.2"),
        (both(PHONE, NEW), json!({ "wa_id": PHONE, "user_id": NEW }), id.clone(), "15550109999+US.1", "+US.2"),
        (Customer { phone: None, bsuid: None }, json!({}), id, "+US.1", "+US.2"),
        // Nothing new.
        (phone(PHONE), json!({}), json!({ "type": "user_changed_number" }), "15550109999+", "+"),
        (phone(PHONE), json!({}), json!({ "type": "user_changed_number", "wa_id": PHONE }), "15550109999+", "+"),
        (
            both(PHONE, OLD),
            json!({}),
            json!({ "type": "user_changed_number", "wa_id": "no number" }),
            "15550109999+US.1",
            "+",
        ),
        (
            phone(PHONE),
            json!({}),
            json!({ "type": "user_changed_user_id", "user_id": OLD, "previous_user_id": OLD }),
            "15550109999+US.1",
            "+",
        ),
        (
            phone(PHONE),
            json!({ "wa_id": PHONE, "user_id": OLD }),
            json!({ "type": "user_changed_number", "wa_id": PHONE }),
            "15550109999+US.1",
            "+",
        ),
        (
            phone(PHONE),
            json!({}),
            json!({ "type": "customer_identity_changed", "wa_id": "15550108888" }),
            "15550109999+",
            "+",
        ),
        (phone(PHONE), json!({}), json!({ "wa_id": "15550108888" }), "15550109999+", "+"),
    ] {
        let mut value = message(from, "m", "system", json!({ "system": system }));
        value["contacts"] = json!([contact]);
        let read = only("messages", value);
        assert_eq!(read.class, Class::Identity);
        assert_eq!((read.customer.as_str(), read.renamed.as_str()), (customer, renamed), "{from:?} {contact} {system}");
    }
}

#[test]
fn a_change_of_names_is_not_moved_by_a_neighbour_who_has_the_new_ones() {
    let system = json!({ "system": { "type": "user_changed_user_id", "user_id": NEW } });
    let change = message(phone(PHONE), "m1", "system", system);
    let next = text(both(PHONE, NEW), "m2", "hello");
    let events = read(&batch(vec![(LINE, "messages", change), (LINE, "messages", next)]));
    assert_eq!([&*events[0].customer, &*events[1].customer], ["15550109999+", "15550109999+US.2"]);
    assert_eq!(events[0].renamed, "+US.2");

    let system = json!({ "system": { "type": "user_changed_number", "wa_id": "15550108888" } });
    let change = message(phone(PHONE), "m1", "system", system);
    let before = text(both(PHONE, OLD), "m0", "hello");
    let events = read(&batch(vec![(LINE, "messages", before), (LINE, "messages", change)]));
    assert_eq!(events[1].customer, "15550109999+US.1", "the names of before are completed as everybody's");
}

#[test]
fn an_entry_of_the_address_book_is_the_customers_whom_it_names_and_what_names_nobody_stays_in_the_whole() {
    let entry = |action: &str, contact: Value| json!({ "type": "contact", "action": action, "contact": contact });
    let mut nameless = entry("add", json!({ "phone_number": PHONE }));
    nameless["type"] = json!("label");
    for (entry, expected) in [
        (
            entry("add", json!({ "phone_number": "+15550109999", "full_name": "A B", "first_name": "A" })),
            Some(("15550109999+", Some("A B"))),
        ),
        (
            entry("add", json!({ "user_id": OLD, "full_name": "", "first_name": "A", "username": "a" })),
            Some(("+US.1", Some("A"))),
        ),
        (
            entry("add", json!({ "phone_number": PHONE, "user_id": OLD, "username": "a" })),
            Some(("15550109999+US.1", Some("a"))),
        ),
        (entry("add", json!({ "phone_number": PHONE })), Some(("15550109999+", None))),
        (entry("remove", json!({ "phone_number": PHONE, "full_name": "A B" })), Some(("15550109999+", None))),
        (entry("rename", json!({ "phone_number": PHONE })), None),
        (entry("add", json!({ "phone_number": "555 0109", "full_name": "A B" })), None),
        (entry("add", json!({ "full_name": "A B" })), None),
        (entry("add", json!("A B")), None),
        (nameless, None),
        (json!({}), None),
        (json!(null), None),
        (json!([]), None),
    ] {
        let read = read(&delivery("smb_app_state_sync", json!({ "state_sync": [entry] })));
        assert_eq!(read.len(), 1, "{entry}");
        match expected {
            Some((customer, name)) => {
                assert_eq!((read[0].class, read[0].customer.as_str()), (Class::Contact, customer), "{entry}");
                assert_eq!(
                    (&read[0].facts.kind, read[0].facts.contact.as_deref()),
                    (&entry["action"].as_str().unwrap().to_owned(), name)
                );
            }
            None => assert!(read[0].class == Class::Sync && read[0].facts.is_empty(), "{entry}"),
        }
    }
}

#[test]
fn an_address_book_is_split_as_far_as_one_delivery_may_be_and_nothing_of_it_is_lost() {
    let book = |count: usize| {
        let entry = |number: usize| {
            let contact = json!({ "phone_number": format!("1555{number:07}") });
            json!({ "type": "contact", "action": "add", "contact": contact })
        };
        json!({ "state_sync": (0..count).map(entry).collect::<Vec<_>>() })
    };
    let classes = |changes: Vec<Value>| -> Vec<(Class, usize)> {
        let changes = changes.into_iter().map(|value| (LINE, "smb_app_state_sync", value)).collect();
        let events = read(&batch(changes));
        let count = |class| events.iter().filter(|event| event.class == class).count();
        [Class::Contact, Class::Sync].map(|class| (class, count(class))).to_vec()
    };
    let most = CONTACTS_PER_DELIVERY_MAX;
    for (changes, contacts, wholes) in [
        (vec![0], 0, 1),
        (vec![most], most, 0),
        (vec![most + 1], 0, 1),
        (vec![most, 1], most, 1),
        (vec![most + 1, 1], 1, 1),
        (vec![2_500], 0, 1),
    ] {
        let books = changes.iter().map(|count| book(*count)).collect();
        assert_eq!(classes(books), [(Class::Contact, contacts), (Class::Sync, wholes)], "{changes:?}");
    }
    let mut mixed = book(2);
    mixed["state_sync"].as_array_mut().unwrap().insert(1, json!({ "type": "novelty" }));
    assert_eq!(classes(vec![mixed]), [(Class::Contact, 2), (Class::Sync, 1)]);
    let mut stray = book(2);
    stray["messages"] = text(phone(PHONE), "m", "hello")["messages"].clone();
    assert_eq!(classes(vec![stray]), [(Class::Contact, 2), (Class::Sync, 1)]);
}

#[test]
fn an_entry_of_the_address_book_completes_the_names_of_its_neighbours_and_they_its_own() {
    let entry = |contact: Value| {
        let entry = json!({ "type": "contact", "action": "add", "contact": contact });
        (LINE, "smb_app_state_sync", json!({ "state_sync": [entry] }))
    };
    let by_phone = (LINE, "smb_message_echoes", echo(phone(PHONE), "e", "hi"));
    let by_both = (LINE, "messages", text(both(PHONE, OLD), "m", "hello"));
    for changes in [
        vec![entry(json!({ "phone_number": PHONE, "user_id": OLD })), by_phone],
        vec![entry(json!({ "phone_number": PHONE })), by_both],
    ] {
        let customers: Vec<_> = read(&batch(changes)).into_iter().map(|event| event.customer).collect();
        assert_eq!(customers, ["15550109999+US.1"; 2]);
    }
}

#[test]
fn an_entry_of_the_address_book_without_a_line_belongs_to_the_account() {
    let entry = json!({ "type": "contact", "action": "add", "contact": { "phone_number": PHONE } });
    let mut delivery = delivery("smb_app_state_sync", json!({ "state_sync": [entry] }));
    delivery["entry"][0]["changes"][0]["value"].as_object_mut().unwrap().remove("metadata");
    let body = delivery.to_string();
    let events = webhook::read(body.as_bytes()).unwrap();
    assert!(events.len() == 1 && events[0].class == Class::Sync && matches!(events[0].scope, Scope::Account(_)));
}
