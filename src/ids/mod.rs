//! The names of things: lines, customers, events, conversations, tokens.
//!
//! Invariant: an id that exists has been parsed; its text is short and has only the characters that its
//! kind allows. Phone numbers, business-scoped user ids and wamids are personal data (a wamid contains a
//! phone number, base64 encoded), so their `Debug` never shows them.
//!
//! Not here: numbers that only grow (`numbers`); which object a customer's events go to when two names meet (`conversation::identity`).

mod numbers;

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::numbers::{AttemptNumber, FencingToken};
use crate::limits::{BOT_NAME_CHARS_MAX, BSUID_CHARS_MAX, ID_CHARS_MAX, PHONE_DIGITS_MAX, RULE_NAME_CHARS_MAX};

/// Implements a `Debug` that tells the kind of an id and nothing of its content.
macro_rules! redacted_debug {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )+};
}

redacted_debug!(Bsuid, EventId, ObjectName, Phone);

/// A business number: Meta's `phone_number_id`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct LineId(String);

impl LineId {
    /// Reads a line's id: 1 to [`ID_CHARS_MAX`] letters, digits, `-` and `_`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_plain(text).then(|| Self(text.to_owned()))
    }

    /// The id as Meta writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An account: the `entry[].id` of a delivery, which is a WhatsApp Business Account in most fields and a
/// business portfolio in some.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AccountId(String);

impl AccountId {
    /// Reads an account's id: 1 to [`ID_CHARS_MAX`] letters, digits, `-` and `_`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_plain(text).then(|| Self(text.to_owned()))
    }

    /// The id as Meta writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A customer's phone number, digits only.
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// Reads a phone number as Meta writes it: digits, with or without a leading `+`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let plain = (1..=PHONE_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| Self(digits.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits in the one form in which a conversation is named. Two countries have two forms of one mobile number,
    /// and WhatsApp knows a customer by either: in Brazil (55) the older has no 9 before its eight digits, of which the
    /// first is 6 to 9; in Mexico (52) the older has a 1 before its ten digits (Meta, "Phone numbers", 2026).
    fn canonical(&self) -> Cow<'_, str> {
        let digits = self.0.as_str();
        let brazilian =
            digits.strip_prefix("55").filter(|rest| rest.len() == 10).and_then(|rest| rest.split_at_checked(2));
        if let Some((area, number)) = brazilian.filter(|(_, number)| number.starts_with(['6', '7', '8', '9'])) {
            return Cow::Owned(format!("55{area}9{number}"));
        }
        match digits.strip_prefix("521").filter(|rest| rest.len() == 10) {
            Some(mexican) => Cow::Owned(format!("52{mexican}")),
            None => Cow::Borrowed(digits),
        }
    }
}

/// A business-scoped user id such as `US.1349…` (Meta, "Business-scoped user IDs", 2026-05-28). Opaque.
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Bsuid(String);

impl Bsuid {
    /// Reads a business-scoped user id: a country code, a dot, letters, digits and dots.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (country, rest) = text.split_once('.')?;
        let plain = text.len() <= BSUID_CHARS_MAX
            && (1..=3).contains(&country.len())
            && country.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        plain.then(|| Self(text.to_owned()))
    }

    /// The id as Meta writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A customer as one event names them: by phone number, by business-scoped user id, or by both.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Customer {
    /// Both names are known.
    Both(Phone, Bsuid),
    /// The phone number is hidden.
    Bsuid(Bsuid),
    /// An event of the older kind, or one that leaves the user id out.
    Phone(Phone),
}

impl Customer {
    /// The customer whom these names mean; `None` where there is no name at all.
    #[must_use]
    pub fn from_names(phone: Option<Phone>, bsuid: Option<Bsuid>) -> Option<Self> {
        match (phone, bsuid) {
            (Some(phone), Some(bsuid)) => Some(Self::Both(phone, bsuid)),
            (None, Some(bsuid)) => Some(Self::Bsuid(bsuid)),
            (Some(phone), None) => Some(Self::Phone(phone)),
            (None, None) => None,
        }
    }

    /// Reads the one name that an operator writes into an address: a phone number or a user id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Phone::parse(text).map(Self::Phone).or_else(|| Bsuid::parse(text).map(Self::Bsuid))
    }

    /// The phone number, where it is known.
    #[must_use]
    pub const fn phone(&self) -> Option<&Phone> {
        match self {
            Self::Both(phone, _) | Self::Phone(phone) => Some(phone),
            Self::Bsuid(_) => None,
        }
    }

    /// The business-scoped user id, where it is known.
    #[must_use]
    pub const fn bsuid(&self) -> Option<&Bsuid> {
        match self {
            Self::Both(_, bsuid) | Self::Bsuid(bsuid) => Some(bsuid),
            Self::Phone(_) => None,
        }
    }
}

/// The name of a Durable Object.
///
/// A customer's conversation is named after the business-scoped user id where that is known, else after the
/// phone number. Events without a customer go to an object of their line or account.
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ObjectName(String);

impl ObjectName {
    /// The conversation of `customer` on `line`.
    #[must_use]
    pub fn conversation(line: &LineId, customer: &Customer) -> Self {
        match customer {
            Customer::Both(_, bsuid) | Customer::Bsuid(bsuid) => Self(format!("customer/{}/{}", line.0, bsuid.0)),
            Customer::Phone(phone) => Self::phone(line, phone),
        }
    }

    /// The conversation that is named after a phone number.
    #[must_use]
    pub fn phone(line: &LineId, phone: &Phone) -> Self {
        Self(format!("customer/{}/{}", line.0, phone.canonical()))
    }

    /// The objects that these names of a customer lead to.
    #[must_use]
    pub fn all_of(line: &LineId, customer: &Customer) -> Vec<Self> {
        let bsuid = customer.bsuid().map(|bsuid| Self(format!("customer/{}/{}", line.0, bsuid.0)));
        let phone = customer.phone().map(|phone| Self::phone(line, phone));
        bsuid.into_iter().chain(phone).collect()
    }

    /// The object that counts to how many customers of a line the same words were sent.
    #[must_use]
    pub fn broadcasts(line: &LineId) -> Self {
        Self(format!("broadcasts/{}", line.0))
    }

    /// The line of a customer's conversation.
    #[must_use]
    pub fn line_of_conversation(&self) -> Option<LineId> {
        let (line, _) = self.0.strip_prefix("customer/")?.split_once('/')?;
        LineId::parse(line)
    }

    /// The line whose object this is: a customer's conversation on it, the line's own, or the one that counts its echoes.
    #[must_use]
    pub fn line_part(&self) -> Option<LineId> {
        let line = |prefix| self.0.strip_prefix(prefix).and_then(LineId::parse);
        self.line_of_conversation().or_else(|| line("line/")).or_else(|| line("broadcasts/"))
    }

    /// The customer of a conversation, by the name under which it lives: a phone number or a user id.
    #[must_use]
    pub fn customer_part(&self) -> Option<&str> {
        self.0.strip_prefix("customer/")?.split_once('/').map(|(_, customer)| customer)
    }

    /// The account whose events this object has.
    #[must_use]
    pub fn account_part(&self) -> Option<&str> {
        self.0.strip_prefix("account/")
    }

    /// The object for a line's events that belong to no customer.
    #[must_use]
    pub fn line(line: &LineId) -> Self {
        Self(format!("line/{}", line.0))
    }

    /// The object for an account's events.
    #[must_use]
    pub fn account(account: &AccountId) -> Self {
        Self(format!("account/{}", account.0))
    }

    /// The object for what is signed by Meta and names neither a line nor an account.
    #[must_use]
    pub fn unaddressed() -> Self {
        Self("unaddressed".to_owned())
    }

    /// The object for what was signed by an app of its own path and cannot be read.
    #[must_use]
    pub fn unaddressed_of(app: &AccountId) -> Self {
        Self(format!("unaddressed/{}", app.0))
    }

    /// The name that the runtime gives an object of itself: one that was given to it before.
    #[must_use]
    pub const fn from_runtime(name: String) -> Self {
        Self(name)
    }

    /// The name as the runtime is given it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name's digest: stable, and fit for logs and for the bot, because nobody can read a phone number
    /// off it without trying all of them.
    #[must_use]
    pub fn public_id(&self) -> String {
        digest(&[b"conversation", self.0.as_bytes()])
    }
}

/// The id under which an event is accepted once within its object.
///
/// A message's is its wamid. A receipt's is the wamid of the message that it is about, and its status. What
/// Meta gives no id gets the digest of its bytes.
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The id of something that Meta named; its digest where the name is empty or longer than
    /// [`ID_CHARS_MAX`].
    #[must_use]
    pub fn named(name: &str) -> Self {
        if (1..=ID_CHARS_MAX).contains(&name.len()) { Self(name.to_owned()) } else { Self::of_bytes(name.as_bytes()) }
    }

    /// A number that stands for the id in a list of many.
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        u128::from_be_bytes(half_of_sha256(&[self.0.as_bytes()]))
    }

    /// The id of something without a name.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(format!("sha256.{}", digest(&[bytes])))
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One of several bots, as the owner names it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct BotName(String);

impl BotName {
    /// Reads a bot's name: 1 to [`BOT_NAME_CHARS_MAX`] small letters, digits, `-` and `_`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let fits = (1..=BOT_NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A rule of the policy, as the owner names it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RuleName(String);

impl RuleName {
    /// Reads a rule's name: 1 to [`RULE_NAME_CHARS_MAX`] characters, none of them a control character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=RULE_NAME_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first 128 bits of SHA-256 over the parts, in hex; every part is preceded by its length, so that two
/// lists of parts never look alike.
#[must_use]
pub fn digest(parts: &[&[u8]]) -> String {
    base16ct::lower::encode_string(&half_of_sha256(parts))
}

fn half_of_sha256(parts: &[&[u8]]) -> [u8; 16] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        sha.update(part);
    }
    let full = sha.finalize();
    full.first_chunk::<16>().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_strictly() {
        for (text, phone, bsuid) in [
            ("15550109999", true, false),
            ("+15550109999", true, false),
            ("++15550109999", false, false),
            ("", false, false),
            ("US.10000000000000000001", false, true),
            ("US.ENT.20000000000000000001", false, true),
            ("US.", false, false),
            (".1", false, false),
            ("1555 0109999", false, false),
            ("US.1/../x", false, false),
        ] {
            assert_eq!(Phone::parse(text).is_some(), phone, "phone {text:?}");
            assert_eq!(Bsuid::parse(text).is_some(), bsuid, "bsuid {text:?}");
        }
        assert!(Phone::parse(&"1".repeat(PHONE_DIGITS_MAX)).is_some());
        assert!(Phone::parse(&"1".repeat(PHONE_DIGITS_MAX + 1)).is_none());
    }

    #[test]
    fn a_conversation_is_named_after_the_user_id_where_it_is_known() {
        let line = LineId::parse("300").unwrap();
        let phone = Phone::parse("1555").unwrap();
        let bsuid = Bsuid::parse("US.1").unwrap();
        let both = Customer::Both(phone.clone(), bsuid.clone());
        assert_eq!(ObjectName::conversation(&line, &both), ObjectName::conversation(&line, &Customer::Bsuid(bsuid)));
        assert_eq!(ObjectName::conversation(&line, &Customer::Phone(phone.clone())), ObjectName::phone(&line, &phone));
    }

    #[test]
    fn both_forms_of_a_brazilian_or_mexican_number_name_one_conversation() {
        let line = LineId::parse("300").unwrap();
        let name = |digits: &str| ObjectName::phone(&line, &Phone::parse(digits).unwrap());
        for (one, other, same) in [
            ("5511987654321", "551187654321", true),
            ("556196543210", "5561996543210", true),
            ("5215512345678", "525512345678", true),
            ("+5215512345678", "525512345678", true),
            // A landline in Brazil has eight digits, of which the first is 2 to 5.
            ("551134567890", "5511934567890", false),
            ("5511987654321", "5521987654321", false),
            ("52155123456", "525512345678", false),
            ("34600111222", "346900111222", false),
            ("5491123456789", "541123456789", false),
        ] {
            assert_eq!(name(one) == name(other), same, "{one} {other}");
        }
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let shown = format!(
            "{:?} {:?} {:?}",
            Customer::parse("15550109999"),
            EventId::named("wamid.HBgLMTU1"),
            ObjectName::phone(&LineId::parse("300").unwrap(), &Phone::parse("15550109999").unwrap()),
        );
        assert!(!shown.contains("15550109999") && !shown.contains("wamid."), "{shown}");
    }

    #[test]
    fn an_id_that_is_too_long_becomes_its_digest() {
        assert_eq!(EventId::named(&"a".repeat(ID_CHARS_MAX)).as_str().len(), ID_CHARS_MAX);
        assert!(EventId::named(&"a".repeat(ID_CHARS_MAX + 1)).as_str().starts_with("sha256."));
        assert!(EventId::named("").as_str().starts_with("sha256."));
    }
}
