//! The keys of the policy as data: what each may be, its default, and what it is for in one sentence.
//!
//! From here come the tables of `docs/policy.md` ([`tables`]) and the JSON Schema that is published with the gate
//! ([`schema`]). Both are written by a test, and so is no part of the Worker: this room is not compiled for it.
//!
//! Invariant: every key that the parser knows is here, with the bounds and the words that the parser itself reads, and
//! whatever the parser takes is valid by the schema. The bounds are the parser's own constants, so that they cannot
//! part; that no key is missing, and what is taken, is tested (`tests/native/reference.rs`).
//!
//! Not here: what contradicts each other (a lease that is longer than the longest hold). A schema cannot say it; the
//! parser does.

mod inner;
mod keys;
pub mod schema;
pub mod tables;

use core::ops::RangeInclusive;

use serde_json::Value;

pub use keys::sections;

/// What a key may be.
#[derive(Clone, Debug)]
pub enum Form {
    /// True or false.
    Flag,
    /// A list of so many of these.
    List {
        /// What is in it.
        of: Box<Self>,
        /// How many.
        lengths: RangeInclusive<usize>,
    },
    /// One of these, or a list of them that is not empty.
    OneOrSome(Box<Self>),
    /// A whole number within bounds; where `or_zero`, also 0.
    Number {
        /// The bounds.
        range: RangeInclusive<u64>,
        /// Whether 0 is taken although it lies outside.
        or_zero: bool,
    },
    /// A text, or an object with exactly one of these ways to compare.
    Pattern(&'static [&'static str]),
    /// Words that mean something to the gate.
    Phrase,
    /// A text of a certain shape.
    Shaped(Shape),
    /// An object with these keys and no other.
    Table(Vec<Key>),
    /// A text that is not only spaces.
    Text,
    /// One of these words.
    Word(Vec<&'static str>),
}

/// A text that a regular expression describes, in the common part of the dialects of ECMAScript and of Rust.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The expression, for the whole text.
    pub pattern: String,
    /// What such a text is.
    pub says: &'static str,
}

/// One key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub form: Form,
    /// What is in force where it is left out; `None` for nothing.
    pub default: Option<Value>,
    /// Whether it must be there.
    pub is_required: bool,
    /// Values that show what it may be, where the form alone does not.
    pub examples: Vec<Value>,
    /// What it is for.
    pub sentence: &'static str,
}

/// Keys that belong together.
#[derive(Clone, Debug)]
pub struct Section {
    /// The name by which `docs/policy.md` marks the place of their table.
    pub name: &'static str,
    /// The keys, in the order of the table.
    pub keys: Vec<Key>,
}

impl Key {
    fn new(name: &'static str, form: Form, sentence: &'static str) -> Self {
        Self { name, form, default: None, is_required: false, examples: Vec::new(), sentence }
    }

    fn default(self, default: impl Into<Value>) -> Self {
        Self { default: Some(default.into()), ..self }
    }

    fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    fn examples(self, examples: impl IntoIterator<Item = Value>) -> Self {
        Self { examples: examples.into_iter().collect(), ..self }
    }
}

impl Form {
    fn number(range: RangeInclusive<u64>) -> Self {
        Self::Number { range, or_zero: false }
    }

    fn list(of: Self, lengths: RangeInclusive<usize>) -> Self {
        Self::List { of: Box::new(of), lengths }
    }

    fn some(of: Self) -> Self {
        Self::OneOrSome(Box::new(of))
    }

    fn shaped(pattern: impl Into<String>, says: &'static str) -> Self {
        Self::Shaped(Shape { pattern: pattern.into(), says })
    }

    /// The words of choices that the parser knows.
    fn words<T>(choices: &[(&'static str, T)]) -> Self {
        Self::Word(choices.iter().map(|(word, _)| *word).collect())
    }
}
