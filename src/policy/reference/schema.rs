//! The policy as a JSON Schema (draft 2020-12), for editors and programs that write one.
//!
//! Invariant: whatever the parser takes is valid by the schema. The other way round it is looser: it knows nothing of
//! contradictions between times, of regular expressions, of the words in a phrase and of time zones.
//!
//! Not here: where it is published. A test writes it into `web/public/api/v1/`, from where it is served beside the
//! description of the API.

use serde_json::{Map, Value, json};

use super::{Form, Key, keys};
use crate::limits::{POLICY_LIST_MAX, POLICY_TEXT_CHARS_MAX, REGEX_CHARS_MAX};

/// The schema of a policy document.
#[must_use]
pub fn schema() -> Value {
    let keys: Vec<Key> = keys::outer().into_iter().flat_map(|section| section.keys).collect();
    let mut schema = table(&keys);
    let head = [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("$id", json!("urn:baton:policy")),
        ("title", json!("Policy of Baton")),
        ("description", json!("Whose turn it is, and how long. docs/policy.md explains every key.")),
        ("$defs", definitions()),
    ];
    if let Some(entries) = schema.as_object_mut() {
        entries.extend(head.map(|(key, value)| (key.to_owned(), value)));
    }
    schema
}

/// The schema as it is published.
#[must_use]
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

fn definitions() -> Value {
    json!({
        "text": {
            "type": "string",
            "minLength": 1,
            "maxLength": POLICY_TEXT_CHARS_MAX,
            // Not only spaces; U+FEFF counts as one in ECMAScript and in no other place.
            "pattern": r"[\S\uFEFF]"
        },
        "expression": {
            "type": "string",
            "minLength": 1,
            "maxLength": REGEX_CHARS_MAX,
            "description": "A regular expression of Rust's regex-lite."
        }
    })
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
    let table = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    // Rules are the one object whose keys depend on each other.
    let has_words = required.contains(&"then");
    let table = with(table, "required", (!required.is_empty()).then(|| json!(required)));
    with(table, "allOf", has_words.then(together))
}

/// Which keys of a rule go with which `then`.
fn together() -> Value {
    let is = |words: &[&str]| json!({ "properties": { "then": { "enum": words } }, "required": ["then"] });
    json!([
        {
            "if": is(&["human_first"]),
            "then": { "required": ["human_first_seconds"] },
            "else": { "properties": { "human_first_seconds": false } }
        },
        { "if": is(&["human", "ignore"]), "then": { "properties": { "bot": false } } }
    ])
}

fn property(key: &Key) -> Value {
    let property = with(value(&key.form), "description", Some(json!(capitalised(key.sentence))));
    let property = with(property, "default", key.default.clone());
    with(property, "examples", (!key.examples.is_empty()).then(|| json!(key.examples)))
}

/// An object with one entry more, if there is one.
fn with(mut object: Value, key: &str, value: Option<Value>) -> Value {
    if let (Some(entries), Some(value)) = (object.as_object_mut(), value) {
        entries.insert(key.to_owned(), value);
    }
    object
}

fn value(form: &Form) -> Value {
    match form {
        Form::Flag => json!({ "type": "boolean" }),
        Form::List { of, lengths } => {
            let list = json!({ "type": "array", "items": value(of), "maxItems": lengths.end() });
            with(list, "minItems", (*lengths.start() > 0).then(|| json!(lengths.start())))
        }
        Form::OneOrSome(of) => {
            let some = json!({ "type": "array", "items": value(of), "minItems": 1, "maxItems": POLICY_LIST_MAX });
            json!({ "anyOf": [value(of), some] })
        }
        Form::Number { range, or_zero } => {
            let within = json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() });
            if *or_zero { json!({ "anyOf": [{ "const": 0 }, within] }) } else { within }
        }
        Form::Pattern(forms) => pattern(forms),
        Form::Phrase | Form::Text => json!({ "$ref": "#/$defs/text" }),
        Form::Shaped(shape) => json!({ "type": "string", "pattern": shape.pattern }),
        Form::Table(keys) => table(keys),
        Form::Word(words) => json!({ "type": "string", "enum": words }),
    }
}

/// A text, or an object with exactly one way to compare.
fn pattern(forms: &[&str]) -> Value {
    let definition = |form: &str| if form == "regex" { "#/$defs/expression" } else { "#/$defs/text" };
    let properties: Map<String, Value> =
        forms.iter().map(|form| ((*form).to_owned(), json!({ "$ref": definition(form) }))).collect();
    let object = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1
    });
    json!({ "anyOf": [{ "$ref": "#/$defs/text" }, object] })
}

/// A sentence of the reference as one that stands alone.
fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}
