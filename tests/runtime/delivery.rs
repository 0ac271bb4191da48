//! One delivery as the bot got it, and what its form must be.
//!
//! The signatures are made here anew, and not by the code under test: both over the raw bytes, with `Content-Length`
//! and no chunks, ASCII only, one event, and the gate's own headers.

use std::time::{Instant, SystemTime};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

const CLOCK_TOLERANCE_SECONDS: u64 = 60;

/// One request that the bot was sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub at: Instant,
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Delivery {
    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("a delivery without {name}: {:?}", self.headers))
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The id of the one message or status in it.
    pub fn wamid(&self) -> String {
        let value = &self.json()["entry"][0]["changes"][0]["value"];
        let item = if value["messages"].is_array() { &value["messages"][0] } else { &value["statuses"][0] };
        item["id"].as_str().unwrap_or_default().to_owned()
    }

    pub fn attempt(&self) -> u32 {
        self.header("x-baton-attempt").parse().unwrap()
    }

    pub fn token(&self) -> u64 {
        self.header("x-baton-token").parse().unwrap()
    }

    /// What is wrong with the form of this delivery, if anything.
    pub fn complaint(&self, secret: &str) -> Option<String> {
        let expect = |holds: bool, what: &str| {
            if holds {
                None
            } else {
                Some(format!("{what}: {:?} {}", self.headers, String::from_utf8_lossy(&self.body)))
            }
        };
        let id = self.find("webhook-id").unwrap_or_default();
        let timestamp = self.find("webhook-timestamp").unwrap_or_default();
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend_from_slice(&self.body);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let age = timestamp.parse().map_or(u64::MAX, |then: u64| now.abs_diff(then));
        let value: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let count = |list: &Value| list.as_array().map_or(0, Vec::len);
        let change = &value["entry"][0]["changes"][0]["value"];
        expect(self.line.starts_with("POST "), "not a POST")
            .or_else(|| expect(self.find("transfer-encoding").is_none(), "chunked"))
            .or_else(|| expect(self.find("content-length") == Some(&self.body.len().to_string()), "no length"))
            .or_else(|| expect(self.body.is_ascii() && !self.body.contains(&0x7f), "not plain ASCII"))
            .or_else(|| expect(self.find("content-type") == Some("application/json"), "not JSON"))
            .or_else(|| {
                let good = sign(secret, &self.body);
                expect(self.find("x-hub-signature-256") == Some(&good), "a wrong signature of Meta's kind")
            })
            .or_else(|| {
                let good = format!("v1,{}", Base64::encode_string(&mac(secret, &signed)));
                // While a secret is being changed there are two, and one that fits is enough.
                let signatures = self.find("webhook-signature").unwrap_or_default();
                expect(signatures.split(' ').any(|one| one == good), "a wrong Standard Webhooks signature")
            })
            .or_else(|| expect(id.starts_with("msg_"), "no webhook-id"))
            .or_else(|| expect(age <= CLOCK_TOLERANCE_SECONDS, "a webhook-timestamp that is not now"))
            .or_else(|| {
                let numbered = |name: &str| self.find(name).is_some_and(|text| text.parse::<u64>().is_ok());
                let told = self.find("x-baton-conversation").is_some_and(|text| !text.is_empty());
                // A receipt belongs to no turn, so it carries no token.
                let has_turn = count(&change["messages"]) > 0;
                let token = has_turn == numbered("x-baton-token");
                expect(told && numbered("x-baton-attempt") && token, "wrong headers of the gate's")
            })
            .or_else(|| {
                let one = count(&value["entry"]) == 1 && count(&value["entry"][0]["changes"]) == 1;
                expect(one && count(&change["messages"]) + count(&change["statuses"]) <= 1, "more than one event")
            })
    }
}

fn mac(secret: &str, bytes: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// The value of `X-Hub-Signature-256`, made here anew and not by the code under test.
pub fn sign(secret: &str, bytes: &[u8]) -> String {
    format!("sha256={}", base16ct::lower::encode_string(&mac(secret, bytes)))
}
