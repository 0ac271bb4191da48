//! The keys within keys: of a rule, of its conditions, and of the opening hours.
//!
//! Invariant: as in `keys`. Where a value is read by a function and not by a bound, the shape here takes at least what
//! that function takes.
//!
//! Not here: which keys of a rule go together. The schema says it (`schema`), because it concerns several at once.

use serde_json::json;

use super::super::hours::RANGES_PER_DAY_MAX;
use super::super::rules::{HUMAN_FIRST_SECONDS_MAX, THEN};
use super::super::text::FORMS;
use super::super::when::{COUNTRY_DIGITS_MAX, KIND_CHARS_MAX, OPENING_HOURS};
use super::{Form, Key};
use crate::limits::{BOT_NAME_CHARS_MAX, ID_CHARS_MAX, PHONE_DIGITS_MAX, RULE_NAME_CHARS_MAX};

pub(super) fn rule() -> Vec<Key> {
    // Anything but control characters.
    let name = format!(r"^[^\u0000-\u001f\u007f-\u009f]{{1,{RULE_NAME_CHARS_MAX}}}$");
    let bot = format!("^[a-z0-9_-]{{1,{BOT_NAME_CHARS_MAX}}}$");
    vec![
        Key::new(
            "name",
            Form::shaped(name, "a name of up to 64 characters on one line"),
            "required; its own for each rule: explanations call the rule by it",
        )
        .required()
        .examples([json!("orders")]),
        Key::new(
            "when",
            Form::Table(when()),
            "conditions, which must **all** hold; without any the rule matches everything, and must be the last",
        ),
        Key::new("then", Form::words(&THEN), "required; what becomes of the message, see below").required(),
        Key::new(
            "human_first_seconds",
            Form::number(1..=HUMAN_FIRST_SECONDS_MAX),
            "with `\"human_first\"` only, and required there: how long the message is left to a person",
        ),
        Key::new(
            "bot",
            Form::shaped(bot, "the name of a bot in `[vars.BOTS]`"),
            "with `\"bot\"` and `\"human_first\"` only; without it the one at `BOT_URL`",
        )
        .examples([json!("sales")]),
    ]
}

pub(super) fn when() -> Vec<Key> {
    let kinds = [
        "text",
        "image",
        "audio",
        "video",
        "document",
        "sticker",
        "location",
        "contacts",
        "interactive",
        "button",
        "order",
        "reaction",
        "edit",
        "revoke",
        "system",
        "unsupported",
    ];
    let kind = Form::shaped(format!("^[a-z_]{{1,{KIND_CHARS_MAX}}}$"), "a type of message as Meta names it");
    let digits = PHONE_DIGITS_MAX - 1;
    let customer = Form::shaped(
        format!(r"^(\+?[1-9][0-9]{{0,{digits}}}|[A-Za-z]{{1,3}}\.[A-Za-z0-9.]+)$"),
        "a phone number with its country's calling code, or a user id",
    );
    let digits = COUNTRY_DIGITS_MAX - 1;
    let country = Form::shaped(format!(r"^\+?[1-9][0-9]{{0,{digits}}}$"), "a calling code in quotes");
    let line = Form::shaped(format!("^[A-Za-z0-9_-]{{1,{ID_CHARS_MAX}}}$"), "a `phone_number_id` in quotes");
    vec![
        Key::new(
            "kind",
            Form::some(kind),
            "the message is of this type; Meta may add others. A name that Meta does not have is no mistake and never \
             matches",
        )
        .examples(kinds.map(|kind| json!(kind))),
        Key::new(
            "text",
            Form::some(Form::Pattern(&FORMS)),
            "the text, the caption, or the title of what was chosen matches",
        ),
        Key::new("customer", Form::some(customer), "the customer has this number, as Meta writes it, or this user id")
            .examples([json!("34600000000"), json!("+34600000000"), json!("ES.1349")]),
        Key::new("country", Form::some(country), "the customer's number begins so").examples([
            json!("34"),
            json!("+351"),
            json!("1809"),
        ]),
        Key::new(
            "contact",
            Form::some(Form::Text),
            "the customer's name in the phone's address book contains this; the case of letters does not matter",
        )
        .examples([json!("#vip"), json!("🔇")]),
        Key::new(
            "reply_id",
            Form::some(Form::Pattern(&["prefix"])),
            "the button or list row that was chosen has this id, written exactly so",
        )
        .examples([json!("talk-to-us"), json!({ "prefix": "order-" })]),
        Key::new(
            "referral",
            Form::Flag,
            "the message came, or did not come, by way of a click-to-WhatsApp advertisement",
        ),
        Key::new("line", Form::some(line), "it was sent to the business number with this `phone_number_id`")
            .examples([json!("106540352242922")]),
        Key::new(
            "opening_hours",
            Form::words(&OPENING_HOURS),
            "it arrived inside, or outside, the opening hours, which must be in the policy",
        ),
    ]
}

pub(super) fn opening_hours() -> Vec<Key> {
    let time = "([01][0-9]|2[0-3]):[0-5][0-9]";
    let range = format!("^{time}-({time}|24:00)$");
    let day = |name, sentence| {
        let of = Form::shaped(range.clone(), "a range of the day's hours, `HH:MM-HH:MM`");
        Key::new(name, Form::list(of, 0..=RANGES_PER_DAY_MAX), sentence)
            .examples([json!(["09:00-13:30", "16:00-20:00"])])
    };
    vec![
        Key::new(
            "time_zone",
            Form::shaped("^[A-Za-z0-9/_+-]+$", "a name of the IANA time zone database"),
            "required; whose clock on the wall the ranges are read by",
        )
        .required()
        .examples([json!("Europe/Madrid")]),
        day("every_day", "the ranges of each day that is not named"),
        day("monday", "the ranges of this day; an empty list is a day on which the shop is closed"),
        day("tuesday", "see `monday`"),
        day("wednesday", "see `monday`"),
        day("thursday", "see `monday`"),
        day("friday", "see `monday`"),
        day("saturday", "see `monday`"),
        day("sunday", "see `monday`"),
    ]
}
