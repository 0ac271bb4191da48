//! Meta's side of a play: a made-up customer, ids of messages, and the webhooks that WhatsApp sends in Coexistence mode.
//!
//! Invariant: characters outside ASCII travel as `\uXXXX`, as from Meta (`webhook::ascii_only`); an id carries the
//! customer's number, as Meta's do, so that `baton explain` needs nothing else.
//!
//! The format: <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks> (2026-11).

use base64ct::{Base64, Encoding as _};
use baton::webhook::ascii_only;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::host::Host;

/// The number that the shop shows; made up like everything here.
const SHOP: &str = "15550100001";
/// How the customer calls themselves, so that an operator who meets them on the desk knows.
const NAME: &str = "Laura (simulated)";

/// A customer's message, or one of the business's, as the id tells it: a mark, and how many hex digits follow.
const OF_CUSTOMER: (u8, u8) = (0x12, 20);
const OF_BUSINESS: (u8, u8) = (0x11, 18);

/// Meta, for one customer of one line.
pub(super) struct Meta {
    line: String,
    account: String,
    phone: String,
    user_id: String,
}

impl Meta {
    /// Makes a customer up whom nobody has written with: of the range 555-0, which is never assigned.
    ///
    /// # Errors
    ///
    /// [`Failure::Unreachable`] where the system gives no random numbers.
    pub(super) fn new(host: &dyn Host, line: &str, account: &str) -> Result<Self, Failure> {
        let (seven, nine) = (drawn(host)? % 1_000_000, drawn(host)? % 1_000_000_000);
        let phone = format!("15550{seven:06}");
        let user_id = format!("US.{phone}{nine:09}");
        Ok(Self { line: line.to_owned(), account: account.to_owned(), phone, user_id })
    }

    /// The line.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    /// The customer's number.
    pub(super) fn phone(&self) -> &str {
        &self.phone
    }

    /// A text of the customer's: its id, and the webhook.
    pub(super) fn customer_text(&self, host: &dyn Host, text: &str) -> Result<(String, String), Failure> {
        let id = self.wamid(host, OF_CUSTOMER)?;
        let message = json!({
            "from": self.phone, "from_user_id": self.user_id, "id": id, "timestamp": second(host),
            "type": "text", "text": { "body": text },
        });
        let body = self.webhook("messages", &json!({ "contacts": [self.contact()], "messages": [message] }));
        Ok((id, body))
    }

    /// What a person of the shop typed on the phone, mirrored by Meta: the echo.
    pub(super) fn phone_text(&self, host: &dyn Host, text: &str) -> Result<String, Failure> {
        let echo = json!({
            "from": SHOP, "to": self.phone, "to_user_id": self.user_id, "id": self.wamid(host, OF_BUSINESS)?,
            "timestamp": second(host), "type": "text", "text": { "body": text },
        });
        Ok(self.webhook("smb_message_echoes", &json!({ "contacts": [self.contact()], "message_echoes": [echo] })))
    }

    fn contact(&self) -> Value {
        json!({ "profile": { "name": NAME }, "wa_id": self.phone, "user_id": self.user_id })
    }

    fn webhook(&self, field: &str, content: &Value) -> String {
        let mut value = content.clone();
        if let Some(value) = value.as_object_mut() {
            value.insert("messaging_product".to_owned(), json!("whatsapp"));
            let metadata = json!({ "display_phone_number": SHOP, "phone_number_id": self.line });
            value.insert("metadata".to_owned(), metadata);
        }
        let changes = json!([{ "value": value, "field": field }]);
        let entry = json!([{ "id": self.account, "changes": changes }]);
        ascii_only(&json!({ "object": "whatsapp_business_account", "entry": entry }).to_string())
    }

    /// A new id, as Meta's look from inside.
    fn wamid(&self, host: &dyn Host, (mark, digits): (u8, u8)) -> Result<String, Failure> {
        let serial = format!("{:016X}{:08X}", drawn(host)?, drawn(host)? & 0xffff_ffff);
        let serial: String = serial.chars().take(usize::from(digits)).collect();
        let mut bytes = vec![0x1c, 0x18, u8::try_from(self.phone.len()).unwrap_or(u8::MAX)];
        bytes.extend_from_slice(self.phone.as_bytes());
        bytes.extend_from_slice(&[0x15, 0x02, 0x00, mark, 0x18, digits]);
        bytes.extend_from_slice(serial.as_bytes());
        bytes.push(0);
        Ok(format!("wamid.{}", Base64::encode_string(&bytes)))
    }
}

fn second(host: &dyn Host) -> String {
    host.now().as_seconds().to_string()
}

fn drawn(host: &dyn Host) -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    host.random(&mut bytes)
        .map_err(|reason| Failure::Unreachable(format!("The system gives no random numbers: {reason}.")))?;
    Ok(u64::from_le_bytes(bytes))
}
