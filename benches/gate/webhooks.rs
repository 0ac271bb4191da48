//! The webhooks of a measurement: signed, each with ids of its own, as bytes that only need to be written to a socket.
//!
//! Invariant: what is made here has the shape of what Meta sends (`tests/payloads` has samples), and every id that must
//! arrive at the bot has a number of its own behind [`MARK`], once in its body. A customer has a number and a user id, as
//! every customer has since 2026.
//!
//! Deliberately not here: pictures, buttons and the like. To the gate they are a text with more keys.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::http::find;

/// The secret of the Meta app.
pub const APP_SECRET: &str = "the app secret of a measurement";
/// The line that everything comes to, and its account.
pub const LINE: &str = "300000000000001";
/// See [`LINE`].
pub const ACCOUNT: &str = "200000000000001";
/// What stands before the number in every id.
pub const MARK: &[u8] = b"QzBNCH";
const DIGITS: usize = 10;
const METADATA: &str = r#""metadata":{"display_phone_number":"15550100001","phone_number_id":"300000000000001"}"#;
/// What becomes of an answer of the bot's, as Meta reports it.
const STATUSES: [&str; 3] = ["sent", "delivered", "read"];

/// A request as it goes over the wire.
#[derive(Clone)]
pub struct Webhook {
    pub request: Vec<u8>,
}

/// Requests, and the ids in them that must arrive at the other side.
pub struct Load {
    pub webhooks: Vec<Webhook>,
    pub ids: Range<usize>,
}

/// Gives everything an id of its own, and customers who have never written before.
pub struct Maker {
    next: usize,
    customers: usize,
    now: u64,
}

impl Maker {
    /// Customers that it hands out come after so many that belong to somebody else.
    pub fn new(customers: usize) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        Self { next: 0, customers, now }
    }

    /// How many ids there are.
    pub const fn ids(&self) -> usize {
        self.next
    }

    /// Somebody who has never written.
    pub const fn new_customer(&mut self) -> usize {
        self.customers += 1;
        self.customers - 1
    }

    /// Notes the ids that are made meanwhile.
    pub fn load(&mut self, make: impl FnOnce(&mut Self) -> Vec<Webhook>) -> Load {
        let from = self.next;
        let webhooks = make(self);
        Load { webhooks, ids: from..self.next }
    }

    fn mark(&mut self) -> String {
        self.next += 1;
        format!("{}{:0DIGITS$}", String::from_utf8_lossy(MARK), self.next - 1)
    }

    fn wamid(&mut self) -> String {
        format!("wamid.HBgLMTU1NTAxMDk5OTkVAgASGB{}NTlFNAA=", self.mark())
    }

    /// One message of this customer's.
    pub fn message(&mut self, customer: usize) -> Webhook {
        let change = self.change(customer);
        signed(&delivery(&change))
    }

    /// So many messages in one webhook, of one customer each.
    pub fn batch(&mut self, customers: Range<usize>) -> Webhook {
        let changes: Vec<String> = customers.map(|customer| self.change(customer)).collect();
        signed(&delivery(&changes.join(",")))
    }

    /// The reports of what became of one answer of the bot's, which did not go out by the gate.
    pub fn receipts(&mut self, customer: usize) -> [Webhook; 3] {
        let ((phone, user), now) = (names(customer), self.now);
        let answer = format!("wamid.HBgLMTU1NTAxMDk5OTkVAgARGBI{:0DIGITS$}QUE0NwA=", self.next);
        STATUSES.map(|status| {
            let mark = self.mark();
            signed(&delivery(&format!(
                r#"{{"value":{{"messaging_product":"whatsapp",{METADATA},"statuses":[{{"id":"{answer}","status":"{status}","timestamp":"{now}","recipient_id":"{phone}","recipient_user_id":"{user}","biz_opaque_callback_data":"{mark}"}}]}},"field":"messages"}}"#
            )))
        })
    }

    /// A part of the phone's history, of about so many bytes. It is not for the bot, and none of its ids may arrive.
    pub fn history(&mut self, bytes: usize) -> Webhook {
        let ((phone, user), now) = (names(self.new_customer()), self.now);
        let mut messages = String::with_capacity(bytes + 1_024);
        for number in 0.. {
            let comma = if messages.is_empty() { "" } else { "," };
            let _ = write!(
                messages,
                r#"{comma}{{"from":"{phone}","from_user_id":"{user}","id":"wamid.HBgLMTU1NTAxMDk5OTkVAgASGBI{number:0DIGITS$}NTlFNAA=","timestamp":"{now}","type":"text","text":{{"body":"Do you have the blue dress in size M? I could come by on Saturday."}},"history_context":{{"status":"READ"}}}}"#
            );
            if messages.len() >= bytes {
                break;
            }
        }
        signed(&delivery(&format!(
            r#"{{"value":{{"messaging_product":"whatsapp",{METADATA},"history":[{{"metadata":{{"phase":0,"chunk_order":1,"progress":50}},"threads":[{{"id":"{phone}","messages":[{messages}]}}]}}]}},"field":"history"}}"#
        )))
    }

    /// A message of the bot's to this customer, to be sent through the gate.
    pub fn send(&mut self, customer: usize) -> Webhook {
        let ((phone, _), mark) = (names(customer), self.mark());
        let body = format!(
            r#"{{"messaging_product":"whatsapp","to":"{phone}","type":"text","text":{{"body":"Yes, in S, M and L. {mark}"}}}}"#
        );
        post(&format!("/v23.0/{LINE}/messages"), "authorization: Bearer token of the bot", &body)
    }

    fn change(&mut self, customer: usize) -> String {
        let ((phone, user), id, now) = (names(customer), self.wamid(), self.now);
        format!(
            r#"{{"value":{{"messaging_product":"whatsapp",{METADATA},"contacts":[{{"profile":{{"name":"Test Person"}},"wa_id":"{phone}","user_id":"{user}"}}],"messages":[{{"from":"{phone}","from_user_id":"{user}","id":"{id}","timestamp":"{now}","type":"text","text":{{"body":"Do you have the blue dress in size M?"}}}}]}},"field":"messages"}}"#
        )
    }
}

/// The names of a customer: the number and the user id.
fn names(customer: usize) -> (String, String) {
    (format!("1555{customer:07}"), format!("US.{:020}", customer + 1))
}

fn delivery(changes: &str) -> String {
    format!(r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{ACCOUNT}","changes":[{changes}]}}]}}"#)
}

fn signed(body: &str) -> Webhook {
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = base16ct::lower::encode_string(&mac.finalize().into_bytes());
    post("/webhook", &format!("x-hub-signature-256: sha256={signature}"), body)
}

fn post(path: &str, header: &str, body: &str) -> Webhook {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: gate\r\ncontent-type: application/json\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    Webhook { request: request.into_bytes() }
}

/// The same with a signature that is well formed and wrong.
pub fn forged(webhook: &Webhook) -> Webhook {
    let at = find(&webhook.request, b"sha256=").unwrap() + 7;
    let mut request = webhook.request.clone();
    request[at..at + 64].reverse();
    Webhook { request }
}

/// The number in an id, where the text behind the mark begins.
pub fn number_at(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text.get(..DIGITS)?).ok()?.parse().ok()
}
