//! Meta's side: deliveries as the Cloud API writes them.

use serde_json::{Value, json};

pub const LINE: &str = "300000000000001";
pub const ACCOUNT: &str = "200000000000001";
pub const APP: &str = "100000000000001";
pub const SHOP: &str = "15550100001";

/// A customer's phone number and user id; either may be left out.
#[derive(Clone, Copy, Debug)]
pub struct Customer<'a> {
    pub phone: Option<&'a str>,
    pub bsuid: Option<&'a str>,
}

/// A customer who is named by phone number only.
pub fn phone(phone: &str) -> Customer<'_> {
    Customer { phone: Some(phone), bsuid: None }
}

/// A customer who is named by user id only.
pub fn bsuid(bsuid: &str) -> Customer<'_> {
    Customer { phone: None, bsuid: Some(bsuid) }
}

/// A customer who is named both ways.
pub fn both<'a>(phone: &'a str, bsuid: &'a str) -> Customer<'a> {
    Customer { phone: Some(phone), bsuid: Some(bsuid) }
}

/// A delivery with one change.
pub fn delivery(field: &str, value: Value) -> Value {
    batch(vec![(LINE, field, value)])
}

/// A delivery with a change for each line, field and value.
pub fn batch(changes: Vec<(&str, &str, Value)>) -> Value {
    let change = |(line, field, mut value): (&str, &str, Value)| {
        value["messaging_product"] = json!("whatsapp");
        value["metadata"] = json!({ "display_phone_number": SHOP, "phone_number_id": line });
        json!({ "value": value, "field": field })
    };
    let changes: Vec<Value> = changes.into_iter().map(change).collect();
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": ACCOUNT, "changes": changes }] })
}

/// The value of `messages` with one text message.
pub fn text(customer: Customer<'_>, wamid: &str, text: &str) -> Value {
    message(customer, wamid, "text", json!({ "text": { "body": text } }))
}

/// The value of `messages` with one message of any type.
pub fn message(customer: Customer<'_>, wamid: &str, kind: &str, more: Value) -> Value {
    let mut message = json!({ "id": wamid, "timestamp": "1793700000", "type": kind });
    name(&mut message, customer, "from", "from_user_id");
    extend(&mut message, more);
    json!({ "contacts": [contact(customer)], "messages": [message] })
}

/// The value of `messages` with the ghost that precedes a real message.
pub fn ghost(customer: Customer<'_>, wamid: &str) -> Value {
    let errors = json!([{ "code": 131_060, "title": "This message is unavailable." }]);
    message(customer, wamid, "unsupported", json!({ "unsupported": { "type": "unknown" }, "errors": errors }))
}

/// The value of `smb_message_echoes` with one text that a person wrote from the phone.
pub fn echo(customer: Customer<'_>, wamid: &str, text: &str) -> Value {
    let mut echo = json!({
        "from": SHOP, "id": wamid, "timestamp": "1793700020", "type": "text", "text": { "body": text }
    });
    name(&mut echo, customer, "to", "to_user_id");
    json!({ "message_echoes": [echo] })
}

/// The value of `messages` with one status.
pub fn status(customer: Customer<'_>, wamid: &str, status: &str) -> Value {
    let mut status = json!({ "id": wamid, "status": status, "timestamp": "1793700010" });
    name(&mut status, customer, "recipient_id", "recipient_user_id");
    json!({ "contacts": [contact(customer)], "statuses": [status] })
}

/// The value of `messages` with a change of the words of an earlier message.
pub fn edit(customer: Customer<'_>, wamid: &str, original: &str, text: &str) -> Value {
    let now = json!({ "type": "text", "text": { "body": text } });
    message(customer, wamid, "edit", json!({ "edit": { "original_message_id": original, "message": now } }))
}

/// The value of `messages` with the withdrawal of an earlier message.
pub fn revoke(customer: Customer<'_>, wamid: &str, original: &str) -> Value {
    message(customer, wamid, "revoke", json!({ "revoke": { "original_message_id": original } }))
}

/// The value of `smb_message_echoes` with the withdrawal of what a person wrote from the phone.
pub fn echo_revoke(customer: Customer<'_>, wamid: &str, original: &str) -> Value {
    let mut value = echo(customer, wamid, "");
    let item = value["message_echoes"][0].as_object_mut().unwrap();
    item.remove("text");
    item.insert("type".to_owned(), json!("revoke"));
    item.insert("revoke".to_owned(), json!({ "original_message_id": original }));
    value
}

/// The value of `smb_app_state_sync` with one entry of the phone's address book, added or removed.
pub fn address_book(customer: Customer<'_>, action: &str, name: &str) -> Value {
    let mut contact = json!({ "full_name": name, "first_name": name });
    self::name(&mut contact, customer, "phone_number", "user_id");
    let item =
        json!({ "type": "contact", "contact": contact, "action": action, "metadata": { "timestamp": "1793700030" } });
    json!({ "state_sync": [item] })
}

/// The value of `messages` with the status of a message that was sent at this second.
pub fn status_at(customer: Customer<'_>, wamid: &str, status: &str, second: u64) -> Value {
    let mut value = self::status(customer, wamid, status);
    value["statuses"][0]["timestamp"] = json!(second.to_string());
    value
}

/// The value of `messages` with the news that a customer, named as before, has these names from here on.
pub fn changed_number(before: Customer<'_>, wamid: &str, after: Customer<'_>) -> Value {
    let mut system = json!({ "type": "user_changed_number", "body": "User changed their number" });
    name(&mut system, after, "wa_id", "user_id");
    if let Some(bsuid) = before.bsuid {
        system["previous_user_id"] = json!(bsuid);
    }
    message(before, wamid, "system", json!({ "system": system }))
}

fn contact(customer: Customer<'_>) -> Value {
    let mut contact = json!({ "profile": { "name": "Renée 😀" } });
    name(&mut contact, customer, "wa_id", "user_id");
    contact
}

fn name(object: &mut Value, customer: Customer<'_>, phone_key: &str, bsuid_key: &str) {
    if let Some(phone) = customer.phone {
        object[phone_key] = json!(phone);
    }
    if let Some(bsuid) = customer.bsuid {
        object[bsuid_key] = json!(bsuid);
    }
}

fn extend(object: &mut Value, more: Value) {
    for (key, value) in more.as_object().unwrap() {
        object[key] = value.clone();
    }
}
