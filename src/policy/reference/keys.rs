//! The keys of a policy document, section by section as `docs/policy.md` has them.
//!
//! Invariant: defaults are read out of [`Policy::default`], and bounds and words are those of the parser.
//!
//! Not here: the keys of rules, conditions and opening hours (`inner`).

use core::ops::RangeInclusive;

use serde_json::{Value, json};

use super::super::document::{
    ATTEMPTS_MAX, BROADCAST_RECIPIENTS, BROADCAST_WINDOW_SECONDS, BURST, BURST_SECONDS, DAY_SECONDS,
    HAND_BACK_AFTER_SECONDS, HOLD_SECONDS, MODE, ON_HANDBACK, RETENTION_DAYS, RETRY_WAIT_SECONDS, STALE_AFTER_SECONDS,
    WARN_AFTER_SECONDS,
};
use super::super::fence::{BOT_READ_RECEIPTS, CALLBACK_CHANGES, CATEGORIES, DUPLICATE_SEND_SECONDS_MAX, FENCE};
use super::super::rules::HUMAN_FIRST_SECONDS_MAX;
use super::super::text::AUTOMATION_FORMS;
use super::super::{Broadcast, Policy};
use super::inner;
use super::{Form, Key, Section};
use crate::limits::{POLICY_LIST_MAX, RULES_MAX};
use crate::time::Millis;

/// All keys.
#[must_use]
pub fn sections() -> Vec<Section> {
    let default = Policy::default();
    vec![
        Section { name: "holder", keys: holder(&default) },
        Section { name: "person", keys: person(&default) },
        Section { name: "bot", keys: bot(&default) },
        Section { name: "send", keys: send(&default) },
        Section { name: "rule", keys: inner::rule() },
        Section { name: "when", keys: inner::when() },
    ]
}

/// The sections whose keys stand in the document itself, and not within another key.
pub(super) fn outer() -> Vec<Section> {
    sections().into_iter().filter(|section| !["rule", "when"].contains(&section.name)).collect()
}

fn seconds(name: &'static str, range: RangeInclusive<u64>, default: Millis, sentence: &'static str) -> Key {
    Key::new(name, Form::number(range), sentence).default(default.as_millis() / 1_000)
}

fn flag(name: &'static str, default: bool, sentence: &'static str) -> Key {
    Key::new(name, Form::Flag, sentence).default(default)
}

/// A key that takes one of `choices`, of which `default` is the one that is in force without it.
fn choice<T: Copy + PartialEq>(
    name: &'static str,
    choices: &[(&'static str, T)],
    default: T,
    sentence: &'static str,
) -> Key {
    let word = choices.iter().find(|(_, meaning)| *meaning == default).map(|(word, _)| Value::from(*word));
    Key { default: word, ..Key::new(name, Form::words(choices), sentence) }
}

fn list(name: &'static str, of: Form, sentence: &'static str) -> Key {
    Key::new(name, Form::list(of, 0..=POLICY_LIST_MAX), sentence)
}

fn holder(default: &Policy) -> Vec<Key> {
    vec![
        choice(
            "mode",
            &MODE,
            default.mode,
            "whether the gate does what it decides, or lets everything pass and only writes its decisions down; see \
             [observe.md](observe.md)",
        ),
        seconds(
            "lease_seconds",
            HOLD_SECONDS,
            default.lease,
            "how long a person keeps the baton after their last message from the phone",
        ),
        seconds(
            "max_hold_seconds",
            HOLD_SECONDS,
            default.max_hold,
            "how long after it was taken the hold is not made longer by further messages; not less than \
             `lease_seconds`. A pause of the operator's is not bound by it",
        ),
        seconds(
            "warn_after_seconds",
            WARN_AFTER_SECONDS,
            default.warn_after,
            "how long a customer waits for the person before the owner is warned; less than `hand_back_after_seconds`",
        ),
        seconds(
            "hand_back_after_seconds",
            HAND_BACK_AFTER_SECONDS,
            default.hand_back_after,
            "how long a customer waits for the person before the baton goes back to the bot; never before the lease \
             has ended",
        ),
        choice(
            "on_handback",
            &ON_HANDBACK,
            default.on_handback,
            "what the bot then gets of what it missed: what came after the person's last words, nothing, or everything",
        ),
        flag(
            "share_human_text",
            default.share_human_text,
            "whether the bot is told at a handback what the person wrote",
        ),
        flag(
            "revoke_undoes",
            default.revoke_undoes,
            "whether a person who withdraws the message that took the baton gives it back, unless the operator has \
             taken or paused since",
        ),
        list("handback_phrases", Form::Phrase, "a person's own words that hand the baton back at once"),
        list("take_phrases", Form::Phrase, "a customer's words that ask for a person"),
    ]
}

fn person(default: &Policy) -> Vec<Key> {
    let never = Broadcast { recipients: 0, window: Millis::default() };
    let broadcast = default.broadcast.unwrap_or(never);
    vec![
        list(
            "automation_texts",
            Form::Pattern(&AUTOMATION_FORMS),
            "the app's own greeting, away message and quick texts; they never take the baton",
        ),
        Key::new(
            "broadcast_recipients",
            Form::Number { range: BROADCAST_RECIPIENTS, or_zero: true },
            "the same words to this many customers are a broadcast, which takes no baton; 0 for never",
        )
        .default(broadcast.recipients),
        seconds("broadcast_window_seconds", BROADCAST_WINDOW_SECONDS, broadcast.window, "within this time"),
    ]
}

fn bot(default: &Policy) -> Vec<Key> {
    let schedule: Vec<u64> = default.retry_schedule.iter().map(|wait| wait.as_millis() / 1_000).collect();
    vec![
        Key::new("rules", Form::list(Form::Table(inner::rule()), 0..=RULES_MAX), "whose a message is"),
        seconds(
            "human_first_seconds",
            0..=HUMAN_FIRST_SECONDS_MAX,
            default.human_first,
            "how long a message that no rule decides is held so that a person may answer first; outside the opening \
             hours it is not held",
        ),
        Key::new(
            "opening_hours",
            Form::Table(inner::opening_hours()),
            "when somebody is there; where there are none, always",
        ),
        seconds(
            "burst_seconds",
            BURST_SECONDS,
            default.burst.wait,
            "how long a customer must have been silent before their messages go to the bot",
        ),
        choice(
            "burst",
            &BURST,
            default.burst.mode,
            "whether these messages go one by one, or texts that follow each other as one",
        ),
        seconds(
            "stale_after_seconds",
            STALE_AFTER_SECONDS,
            default.stale_after.unwrap_or_default(),
            "how old a message may be on arrival before it no longer wakes the bot, for example after an outage; 0 \
             for any age",
        ),
        Key::new(
            "retry_schedule_seconds",
            Form::list(Form::number(RETRY_WAIT_SECONDS), 1..=ATTEMPTS_MAX),
            "how long to wait before each attempt at the bot; as many attempts as numbers",
        )
        .default(json!(schedule)),
        Key::new("retention_days", Form::number(RETENTION_DAYS), "how long the gate keeps what the bot did not get")
            .default(default.keep_bodies.as_millis() / 1_000 / DAY_SECONDS),
        flag(
            "analytics",
            default.analytics,
            "whether data points without personal data are written for Workers Analytics Engine; see \
             [observability.md](observability.md)",
        ),
    ]
}

fn send(default: &Policy) -> Vec<Key> {
    let fence = &default.fence;
    vec![
        choice(
            "fence",
            &FENCE,
            fence.mode,
            "what becomes of a message of the bot's while a person holds: the bot is told an error; the bot is told \
             that it was sent, and it is not; it is sent, and counted",
        ),
        list("always_send_templates", Form::Pattern(&AUTOMATION_FORMS), "templates that pass whoever holds, by name"),
        list(
            "always_send_categories",
            Form::words(&CATEGORIES),
            "templates that pass whoever holds, by Meta's category",
        ),
        list(
            "always_send_callback_prefixes",
            Form::Text,
            "messages that pass whoever holds: those whose `biz_opaque_callback_data` begins so",
        ),
        seconds(
            "duplicate_send_seconds",
            0..=DUPLICATE_SEND_SECONDS_MAX,
            fence.duplicate_send,
            "how long the same message to the same customer counts as a repetition, unless the customer has written \
             meanwhile; 0 for never",
        ),
        choice(
            "bot_read_receipts",
            &BOT_READ_RECEIPTS,
            fence.holds_read_receipts,
            "whether the bot's read receipts and typing indicators stay at the gate while a person holds, so that the \
             phone keeps its notification",
        ),
        choice(
            "callback_changes",
            &CALLBACK_CHANGES,
            fence.allows_callback_changes,
            "whether a bot may change where Meta delivers webhooks to",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::super::{document, hours, rules, when};
    use super::*;

    fn sorted(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    /// Whoever adds a key to the parser is told here that it has no place in the manual and the schema.
    #[test]
    fn every_key_that_the_parser_knows_is_in_the_reference_and_no_other() {
        let outer = sorted(outer().iter().flat_map(|section| &section.keys).map(|key| key.name));
        assert_eq!(outer, sorted(document::KEYS.into_iter()));
        for (keys, known) in [
            (inner::rule(), rules::KEYS.as_slice()),
            (inner::when(), &when::KEYS),
            (inner::opening_hours(), &hours::KEYS),
        ] {
            assert_eq!(sorted(keys.iter().map(|key| key.name)), sorted(known.iter().copied()));
        }
    }
}
