//! What the owner may configure of the fence: what becomes of the bot's sends.
//!
//! Invariant: by default nothing of the bot's passes while a person holds. Whatever passes then was named in the
//! document, by a template's name, by its category, or by the mark that the bot sets on it.
//!
//! Not here: the decision over a send (`conversation::fence`).

use super::read::Keys;
use super::text::{AUTOMATION_FORMS, TextPattern};
use crate::time::Millis;

/// How long the same send counts as a repetition: a minute, in which a bot that was delivered to twice has answered
/// twice. An hour is the most: whoever says the same after that means it.
const DUPLICATE_SEND_SECONDS_DEFAULT: u64 = 60;
pub(super) const DUPLICATE_SEND_SECONDS_MAX: u64 = 3_600;

/// The words of the keys that are the fence's, and what each means; of a category, Meta's own word.
pub(super) const FENCE: [(&str, FenceMode); 3] =
    [("refuse", FenceMode::Refuse), ("accept_and_drop", FenceMode::AcceptAndDrop), ("observe", FenceMode::Observe)];
/// See [`FENCE`].
pub(super) const CATEGORIES: [(&str, &str); 3] =
    [("authentication", "AUTHENTICATION"), ("marketing", "MARKETING"), ("utility", "UTILITY")];
/// See [`FENCE`].
pub(super) const BOT_READ_RECEIPTS: [(&str, bool); 2] = [("hold", true), ("pass", false)];
/// See [`FENCE`].
pub(super) const CALLBACK_CHANGES: [(&str, bool); 2] = [("refuse", false), ("allow", true)];

/// What becomes of the bot's sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FencePolicy {
    /// What becomes of a send that conflicts with a person's turn.
    pub mode: FenceMode,
    /// What passes in spite of a conflict.
    pub always: AlwaysSend,
    /// For how long the same send gets the first one's answer again.
    pub duplicate_send: Millis,
    /// Whether the bot's read receipts and typing indicators stay here while a person holds.
    pub holds_read_receipts: bool,
    /// Whether a bot may change where Meta delivers webhooks to.
    pub allows_callback_changes: bool,
}

/// What becomes of a send that conflicts with a person's turn.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FenceMode {
    /// The bot is told 200, and nothing is sent.
    AcceptAndDrop,
    /// It is sent, and counted as leaked.
    Observe,
    /// The bot is told an error.
    #[default]
    Refuse,
}

/// What passes in spite of a conflict.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AlwaysSend {
    /// Templates by name.
    pub templates: Vec<TextPattern>,
    /// Templates by Meta's category of them, in capital letters.
    pub categories: Vec<&'static str>,
    /// What is marked with a `biz_opaque_callback_data` that begins like this.
    pub callback_prefixes: Vec<String>,
}

impl Default for FencePolicy {
    fn default() -> Self {
        Self {
            mode: FenceMode::default(),
            always: AlwaysSend::default(),
            duplicate_send: Millis::from_seconds(DUPLICATE_SEND_SECONDS_DEFAULT),
            holds_read_receipts: true,
            allows_callback_changes: false,
        }
    }
}

impl AlwaysSend {
    /// Whether a template passes.
    #[must_use]
    pub fn has_template(&self, name: &str, category: Option<&str>) -> bool {
        let of_category = |category| self.categories.contains(&category);
        self.templates.iter().any(|pattern| pattern.matches(name)) || category.is_some_and(of_category)
    }

    /// Whether what bears this mark passes.
    #[must_use]
    pub fn has_mark(&self, callback_data: &str) -> bool {
        self.callback_prefixes.iter().any(|prefix| callback_data.starts_with(prefix))
    }
}

impl FencePolicy {
    /// Reads the keys of a document that are the fence's; `None` where a mistake was written down.
    pub(super) fn read(keys: &mut Keys<'_, '_, '_>) -> Option<Self> {
        let default = Self::default();
        let mode = keys.read("fence", default.mode, |reader, at| reader.choice(at, &FENCE));
        let templates =
            keys.list("always_send_templates", |reader, at| TextPattern::read(reader, at, &AUTOMATION_FORMS));
        let categories = keys.list("always_send_categories", |reader, at| reader.choice(at, &CATEGORIES));
        let callback_prefixes =
            keys.list("always_send_callback_prefixes", |reader, at| reader.text(at).map(str::to_owned));
        let most = 0..=DUPLICATE_SEND_SECONDS_MAX;
        let duplicate_send = keys.seconds("duplicate_send_seconds", &most, default.duplicate_send);
        let holds_read_receipts = keys
            .read("bot_read_receipts", default.holds_read_receipts, |reader, at| reader.choice(at, &BOT_READ_RECEIPTS));
        let allows_callback_changes = keys.read("callback_changes", default.allows_callback_changes, |reader, at| {
            reader.choice(at, &CALLBACK_CHANGES)
        });
        Some(Self {
            mode: mode?,
            always: AlwaysSend { templates, categories, callback_prefixes },
            duplicate_send: duplicate_send?,
            holds_read_receipts: holds_read_receipts?,
            allows_callback_changes: allows_callback_changes?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;

    fn fence(document: &str) -> FencePolicy {
        Policy::parse(document, &[]).unwrap().fence
    }

    #[test]
    fn nothing_passes_unless_the_document_names_it() {
        let nothing = fence("{}").always;
        assert!(!nothing.has_template("order_shipped", Some("UTILITY")) && !nothing.has_mark("order:1"));

        let some = fence(
            r#"{"always_send_templates": [{"prefix": "order_"}, "otp"], "always_send_categories": ["authentication"],
                "always_send_callback_prefixes": ["order:", "code:"]}"#,
        )
        .always;
        for (name, category, passes) in [
            ("order_shipped", None, true),
            ("ORDER_shipped", None, true),
            ("otp", None, true),
            ("otp_2", None, false),
            ("border_shipped", None, false),
            ("any", Some("AUTHENTICATION"), true),
            ("any", Some("UTILITY"), false),
            ("any", Some("authentication"), false),
            ("", None, false),
        ] {
            assert_eq!(some.has_template(name, category), passes, "{name} {category:?}");
        }
        for (mark, passes) in
            [("order:17", true), ("code:", true), ("Order:17", false), ("reorder:", false), ("", false)]
        {
            assert_eq!(some.has_mark(mark), passes, "{mark}");
        }
    }

    #[test]
    fn every_choice_means_what_it_says_and_anything_else_is_a_mistake() {
        assert_eq!(fence("{}"), FencePolicy::default());
        assert_eq!(fence(r#"{"fence": "accept_and_drop"}"#).mode, FenceMode::AcceptAndDrop);
        assert_eq!(fence(r#"{"fence": "observe"}"#).mode, FenceMode::Observe);
        assert_eq!(fence(r#"{"fence": "refuse"}"#).mode, FenceMode::Refuse);
        assert!(!fence(r#"{"bot_read_receipts": "pass"}"#).holds_read_receipts);
        assert!(fence(r#"{"callback_changes": "allow"}"#).allows_callback_changes);
        assert_eq!(fence(r#"{"duplicate_send_seconds": 0}"#).duplicate_send, Millis::default());
        for (document, path) in [
            (r#"{"fence": "drop"}"#, "fence"),
            (r#"{"always_send_templates": "otp"}"#, "always_send_templates"),
            (r#"{"always_send_templates": [{"contains": "o"}]}"#, "always_send_templates[0].contains"),
            (r#"{"always_send_categories": ["service"]}"#, "always_send_categories[0]"),
            (r#"{"always_send_callback_prefixes": [""]}"#, "always_send_callback_prefixes[0]"),
            (r#"{"duplicate_send_seconds": 3601}"#, "duplicate_send_seconds"),
            (r#"{"bot_read_receipts": true}"#, "bot_read_receipts"),
            (r#"{"callback_changes": "yes"}"#, "callback_changes"),
        ] {
            let mistakes = Policy::parse(document, &[]).unwrap_err();
            assert_eq!(mistakes.first().map(|mistake| mistake.path.as_str()), Some(path), "{document}");
        }
    }
}
