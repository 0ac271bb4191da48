//! Reading a document value by value, with every mistake written down beside its path.
//!
//! Invariant: whoever reads a value gets it in its own type and within its bounds, or gets `None` and a
//! mistake has been written down. So a document without a mistake has been read completely.
//!
//! Not here: which keys there are and what they mean. Each part of the policy reads its own.

use core::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::PolicyError;
use crate::ids::BotName;
use crate::limits::{POLICY_LIST_MAX, POLICY_TEXT_CHARS_MAX};
use crate::time::Millis;

/// Characters of an unknown key that a mistake repeats.
const KEY_SHOWN_CHARS_MAX: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) path: String,
    pub(super) value: &'a Value,
}

/// An object whose keys are known.
#[derive(Debug)]
pub(super) struct Table<'a> {
    entries: &'a Map<String, Value>,
    path: String,
}

/// Collects the mistakes while a document is read.
#[derive(Debug)]
pub(super) struct Reader<'b> {
    /// The bots that rules may name.
    pub(super) bots: &'b [BotName],
    pub(super) mistakes: Vec<PolicyError>,
    /// Regular expressions that were read.
    pub(super) regexes: usize,
}

impl<'a> Table<'a> {
    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<At<'a>> {
        self.entries.get(key).map(|value| At { path: self.path(key), value })
    }

    /// The path of a key, whether it is there or not.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'b> Reader<'b> {
    pub(super) const fn new(bots: &'b [BotName]) -> Self {
        Self { bots, mistakes: Vec::new(), regexes: 0 }
    }

    /// Writes a mistake down.
    pub(super) fn wrong(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.mistakes.push(PolicyError { path: path.into(), reason: reason.into() });
    }

    /// An object that has these keys and no other; `example` is what one looks like.
    pub(super) fn table<'a>(&mut self, at: &At<'a>, keys: &[&str], example: &str) -> Option<Table<'a>> {
        let Value::Object(entries) = at.value else {
            let path = if at.path.is_empty() { "policy" } else { &at.path };
            self.wrong(path, format!("must be an object, for example {example}"));
            return None;
        };
        let table = Table { entries, path: at.path.clone() };
        for key in entries.keys().filter(|key| !keys.contains(&key.as_str())) {
            let shown: String = key.chars().take(KEY_SHOWN_CHARS_MAX).collect();
            // A key without a name would be told as a mistake at no place.
            let shown = if shown.is_empty() { "\"\"".to_owned() } else { shown };
            self.wrong(table.path(&shown), format!("is not a key here; the keys are {}", keys.join(", ")));
        }
        Some(table)
    }

    /// The value under a key that must be there; `hint` says what it is.
    pub(super) fn required<'a>(&mut self, table: &Table<'a>, key: &str, hint: &str) -> Option<At<'a>> {
        let at = table.get(key);
        if at.is_none() {
            self.wrong(table.path(key), format!("is missing; {hint}"));
        }
        at
    }

    /// A whole number.
    pub(super) fn number(&mut self, at: &At<'_>, range: &RangeInclusive<u64>, unit: &str) -> Option<u64> {
        let number = at.value.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            let reason = format!("must be a whole number{unit} from {} to {}", range.start(), range.end());
            self.wrong(&at.path, reason);
        }
        number
    }

    /// A time in seconds.
    pub(super) fn seconds(&mut self, at: &At<'_>, range: &RangeInclusive<u64>) -> Option<Millis> {
        self.number(at, range, " of seconds").map(Millis::from_seconds)
    }

    /// True or false.
    pub(super) fn flag(&mut self, at: &At<'_>) -> Option<bool> {
        let flag = at.value.as_bool();
        if flag.is_none() {
            self.wrong(&at.path, "must be true or false");
        }
        flag
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&mut self, at: &At<'_>, choices: &[(&str, T)]) -> Option<T> {
        let word = at.value.as_str();
        let chosen = choices.iter().find(|(name, _)| word == Some(name)).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.wrong(&at.path, format!("must be one of {}", names.join(", ")));
        }
        chosen
    }

    /// A text that is neither blank nor too long.
    pub(super) fn text<'a>(&mut self, at: &At<'a>) -> Option<&'a str> {
        let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= POLICY_TEXT_CHARS_MAX;
        let text = at.value.as_str().filter(fits);
        if text.is_none() {
            self.wrong(&at.path, format!("must be a text of 1 to {POLICY_TEXT_CHARS_MAX} characters, not only spaces"));
        }
        text
    }

    /// A text that `read` understands; `expected` says what that would be.
    pub(super) fn parsed<T>(&mut self, at: &At<'_>, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let parsed = at.value.as_str().and_then(read);
        if parsed.is_none() {
            self.wrong(&at.path, format!("must be {expected}"));
        }
        parsed
    }

    /// The items of a list, which may be empty.
    pub(super) fn list<'a>(&mut self, at: &At<'a>, longest: usize) -> Vec<At<'a>> {
        let items = at.value.as_array().filter(|items| items.len() <= longest);
        if items.is_none() {
            self.wrong(&at.path, format!("must be a list of at most {longest}"));
        }
        let item = |(index, value)| At { path: format!("{}[{index}]", at.path), value };
        items.into_iter().flatten().enumerate().map(item).collect()
    }

    /// Every item of a list, each read by `read`. All are read before the first bad one decides, so that every
    /// mistake is told at once.
    pub(super) fn each<T>(&mut self, at: &At<'_>, read: impl Fn(&mut Self, &At<'_>) -> Option<T>) -> Vec<T> {
        let items = self.list(at, POLICY_LIST_MAX);
        items.iter().filter_map(|item| read(self, item)).collect()
    }

    /// One value, or a list of several; an empty list would match nothing.
    pub(super) fn some<T>(&mut self, at: &At<'_>, read: impl Fn(&mut Self, &At<'_>) -> Option<T>) -> Vec<T> {
        match at.value {
            Value::Array(items) if items.is_empty() => {
                self.wrong(&at.path, "is an empty list, which matches nothing; leave the key out");
                Vec::new()
            }
            Value::Array(_) => self.each(at, read),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                read(self, at).into_iter().collect()
            }
        }
    }
}

/// The keys of a document, each with its default. A value is `None` where a mistake was written down.
pub(super) struct Keys<'r, 'b, 'a> {
    pub(super) reader: &'r mut Reader<'b>,
    pub(super) table: &'r Table<'a>,
}

impl<'b> Keys<'_, 'b, '_> {
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        default: T,
        read: impl FnOnce(&mut Reader<'b>, &At<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.table.get(key) {
            Some(at) => read(self.reader, &at),
            None => Some(default),
        }
    }

    pub(super) fn seconds(&mut self, key: &str, range: &RangeInclusive<u64>, default: Millis) -> Option<Millis> {
        self.read(key, default, |reader, at| reader.seconds(at, range))
    }

    pub(super) fn list<T>(&mut self, key: &str, read: impl Fn(&mut Reader<'b>, &At<'_>) -> Option<T>) -> Vec<T> {
        self.table.get(key).map_or_else(Vec::new, |at| self.reader.each(&at, read))
    }
}
