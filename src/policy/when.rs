//! What must hold of a message for a rule to match.
//!
//! Invariant: all conditions must hold, and of a condition's list any one. What is not known of a message (a
//! hidden number, a message without text) never meets a condition.
//!
//! Customers and markers are personal data: a marker is written into the name of a contact, and may be one. Their
//! `Debug` shows neither.
//!
//! Not here: what follows when a rule matches (`rules`).

use core::fmt;

use super::read::{At, Reader};
use super::text::{FORMS, Said, TextPattern, fold};
use crate::ids::{Bsuid, Customer, LineId, Phone};
use crate::limits::PHONE_DIGITS_MAX;

pub(super) const KEYS: [&str; 9] =
    ["kind", "text", "customer", "country", "contact", "reply_id", "referral", "line", "opening_hours"];
const EXAMPLE: &str = "{\"kind\": [\"image\", \"document\"], \"country\": \"55\"}";

/// What `opening_hours` may be as a condition.
pub(super) const OPENING_HOURS: [(&str, bool); 2] = [("inside", true), ("outside", false)];

/// Longest name of a kind; Meta's longest today is `interactive`.
pub(super) const KIND_CHARS_MAX: usize = 32;

/// Longest calling code with the area code that parts countries of one code, such as +1 809.
pub(super) const COUNTRY_DIGITS_MAX: usize = 6;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The customer's business-scoped user id.
    pub bsuid: Option<&'a str>,
    /// The customer's name in the phone's address book, where it bears a marker.
    pub contact: Option<&'a str>,
    /// The message's type, as Meta names it.
    pub kind: &'a str,
    /// The business number.
    pub line: Option<&'a str>,
    /// The customer's phone number.
    pub phone: Option<&'a str>,
    /// Whether the message came by way of a click-to-WhatsApp advertisement.
    pub referral: bool,
    /// The id of the button or the list row that was chosen.
    pub reply_id: Option<&'a str>,
    /// What the message says.
    pub text: Option<&'a str>,
}

/// The conditions of a rule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct When(Vec<Condition>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Condition {
    Contact(Vec<Marker>),
    Country(Vec<String>),
    Customer(Vec<Customer>),
    Kind(Vec<String>),
    Line(Vec<LineId>),
    /// Inside the opening hours, or outside.
    Open(bool),
    Referral(bool),
    ReplyId(Vec<ReplyId>),
    Text(Vec<TextPattern>),
}

/// A part of a contact's name, folded.
#[derive(Clone, Eq, PartialEq)]
struct Marker(String);

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker(redacted)")
    }
}

/// An id that the bot gave to a button or a list row; case and spaces are its own.
#[derive(Clone, Debug, Eq, PartialEq)]
enum ReplyId {
    Equals(String),
    Prefix(String),
}

/// A message as conditions see it; what several of them need is prepared once.
#[derive(Debug)]
pub(super) struct View<'a> {
    contact: Option<Said<'a>>,
    /// `None` where there are no opening hours.
    is_open: Option<bool>,
    subject: &'a Subject<'a>,
    text: Option<Said<'a>>,
}

impl<'a> View<'a> {
    pub(super) fn new(subject: &'a Subject<'a>, is_open: Option<bool>) -> Self {
        Self { contact: subject.contact.map(Said::new), is_open, subject, text: subject.text.map(Said::new) }
    }
}

impl When {
    /// Whether there is no condition.
    pub(super) fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all conditions hold.
    pub(super) fn matches(&self, view: &View<'_>) -> bool {
        self.0.iter().all(|condition| condition.holds(view))
    }

    /// Whether a condition looks at the phone's address book.
    pub(super) fn looks_at_contacts(&self) -> bool {
        self.0.iter().any(|condition| matches!(condition, Condition::Contact(_)))
    }

    /// Whether a condition looks for a marker that this contact's name bears.
    pub(super) fn marks(&self, contact: &str) -> bool {
        let contact = Said::new(contact);
        let marks =
            |condition: &Condition| matches!(condition, Condition::Contact(markers) if bears(&contact, markers));
        self.0.iter().any(marks)
    }

    /// Reads the conditions. One with a mistake is left out; the document is refused anyway.
    pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, has_hours: bool) -> Self {
        let Some(table) = reader.table(at, &KEYS, EXAMPLE) else { return Self::default() };
        let read = |key: &&str| table.get(key).and_then(|at| Condition::read(reader, key, &at, has_hours));
        Self(KEYS.iter().filter_map(read).collect())
    }
}

impl Condition {
    fn holds(&self, view: &View<'_>) -> bool {
        let subject = view.subject;
        match self {
            Self::Contact(markers) => view.contact.as_ref().is_some_and(|contact| bears(contact, markers)),
            Self::Country(codes) => {
                let phone = subject.phone.map(digits).unwrap_or_default();
                codes.iter().any(|code| phone.starts_with(code.as_str()))
            }
            Self::Customer(customers) => {
                let phone = subject.phone.map(digits);
                customers.iter().any(|customer| {
                    let is_phone = |own: &Phone| Some(own.as_str()) == phone;
                    let is_bsuid = |own: &Bsuid| Some(own.as_str()) == subject.bsuid;
                    customer.phone().is_some_and(is_phone) || customer.bsuid().is_some_and(is_bsuid)
                })
            }
            Self::Kind(kinds) => kinds.iter().any(|kind| kind == subject.kind),
            Self::Line(lines) => lines.iter().any(|line| Some(line.as_str()) == subject.line),
            Self::Open(inside) => view.is_open == Some(*inside),
            Self::Referral(expected) => subject.referral == *expected,
            Self::ReplyId(ids) => subject.reply_id.is_some_and(|id| ids.iter().any(|expected| expected.matches(id))),
            Self::Text(patterns) => {
                view.text.as_ref().is_some_and(|said| patterns.iter().any(|pattern| pattern.is_in(said)))
            }
        }
    }

    fn read(reader: &mut Reader<'_>, key: &str, at: &At<'_>, has_hours: bool) -> Option<Self> {
        const KIND: &str = "a type of message as Meta names it, in small letters, for example \"image\"";
        const CODE: &str = "a calling code in quotes, for example \"55\" or \"+351\"";
        const CUSTOMER: &str =
            "a phone number with its country's calling code and nothing but digits after an optional +, or a user id";
        Some(match key {
            "contact" => Self::Contact(reader.some(at, |reader, at| Some(Marker(fold(reader.text(at)?))))),
            "country" => Self::Country(reader.some(at, |reader, at| reader.parsed(at, CODE, country))),
            "customer" => Self::Customer(reader.some(at, |reader, at| reader.parsed(at, CUSTOMER, customer))),
            "kind" => Self::Kind(reader.some(at, |reader, at| reader.parsed(at, KIND, kind))),
            "line" => Self::Line(
                reader.some(at, |reader, at| reader.parsed(at, "a phone_number_id in quotes", LineId::parse)),
            ),
            "referral" => Self::Referral(reader.flag(at)?),
            "reply_id" => Self::ReplyId(reader.some(at, ReplyId::read)),
            "text" => Self::Text(reader.some(at, |reader, at| TextPattern::read(reader, at, &FORMS))),
            _ => {
                let inside = reader.choice(at, &OPENING_HOURS)?;
                if !has_hours {
                    reader.wrong(&at.path, "needs opening_hours in the policy, and there are none");
                }
                Self::Open(inside)
            }
        })
    }
}

impl ReplyId {
    fn matches(&self, id: &str) -> bool {
        match self {
            Self::Equals(whole) => id == whole,
            Self::Prefix(start) => id.starts_with(start.as_str()),
        }
    }

    fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Self> {
        if at.value.is_string() {
            return reader.text(at).map(|id| Self::Equals(id.to_owned()));
        }
        let table = reader.table(at, &["prefix"], "{\"prefix\": \"order-\"}, or a text, which is the whole id")?;
        let prefix = reader.required(&table, "prefix", "it is how the ids begin")?;
        reader.text(&prefix).map(|start| Self::Prefix(start.to_owned()))
    }
}

fn bears(contact: &Said<'_>, markers: &[Marker]) -> bool {
    markers.iter().any(|marker| contact.folded().contains(marker.0.as_str()))
}

/// A phone number as it is compared: without the `+`.
fn digits(phone: &str) -> &str {
    phone.strip_prefix('+').unwrap_or(phone)
}

fn kind(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let fits = (1..=KIND_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain);
    fits.then(|| text.to_owned())
}

fn country(text: &str) -> Option<String> {
    number(text).filter(|digits| digits.len() <= COUNTRY_DIGITS_MAX).map(str::to_owned)
}

/// No calling code begins with 0: such a number is a national one, and would never match.
fn customer(text: &str) -> Option<Customer> {
    Customer::parse(text).filter(|customer| customer.phone().is_none() || number(text).is_some())
}

fn number(text: &str) -> Option<&str> {
    let digits = digits(text);
    let plain = (1..=PHONE_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && !digits.starts_with('0')).then_some(digits)
}
