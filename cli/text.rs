//! Documents as text: TOML and JSON, in the order in which they were written.
//!
//! Invariant: what is read from TOML and written as JSON says the same, key by key and in the same order, because the
//! gate keeps a policy as its owner wrote it. Every mistake says where it is.

use serde_json::Value;
use toml_edit::{DocumentMut, Item, TableLike, Value as Toml};

/// Reads TOML as JSON text.
///
/// # Errors
///
/// What is no TOML, and in which line.
pub(crate) fn toml_as_json(text: &str) -> Result<String, String> {
    let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("is not TOML: {} (line {line})", error.message().lines().next().unwrap_or_default())
    })?;
    let mut json = String::new();
    table(&mut json, document.as_table());
    Ok(json)
}

fn table(json: &mut String, entries: &dyn TableLike) {
    json.push('{');
    let mut is_first = true;
    for (key, item) in entries.iter().filter(|(_, item)| !item.is_none()) {
        separate(json, &mut is_first);
        json.push_str(&Value::from(key).to_string());
        json.push(':');
        written(json, item);
    }
    json.push('}');
}

fn written(json: &mut String, item: &Item) {
    match item {
        Item::None => json.push_str("null"),
        Item::Table(entries) => table(json, entries),
        Item::Value(one) => value(json, one),
        Item::ArrayOfTables(tables) => {
            let mut is_first = true;
            json.push('[');
            for entries in tables {
                separate(json, &mut is_first);
                table(json, entries);
            }
            json.push(']');
        }
    }
}

fn value(json: &mut String, value: &Toml) {
    match value {
        Toml::Array(values) => {
            let mut is_first = true;
            json.push('[');
            for one in values {
                separate(json, &mut is_first);
                self::value(json, one);
            }
            json.push(']');
        }
        Toml::Boolean(truth) => json.push_str(if *truth.value() { "true" } else { "false" }),
        // JSON has no dates, and no key takes one: as a table it is refused wherever it stands.
        Toml::Datetime(at) => json.push_str(&serde_json::json!({ "date": at.value().to_string() }).to_string()),
        // What JSON has no word for becomes null, which no key takes.
        Toml::Float(number) => json.push_str(&Value::from(*number.value()).to_string()),
        Toml::InlineTable(entries) => table(json, entries),
        Toml::Integer(number) => json.push_str(&number.value().to_string()),
        Toml::String(text) => json.push_str(&Value::from(text.value().as_str()).to_string()),
    }
}

fn separate(json: &mut String, is_first: &mut bool) {
    if !core::mem::take(is_first) {
        json.push(',');
    }
}

/// The text of a value within JSON text, as it stands there; `path` are the keys that lead to it.
pub(crate) fn part_of(json: &str, path: &[&str]) -> Option<String> {
    let mut part = json.to_owned();
    for key in path {
        // Keys may stand there more than once; like every other reader this takes the last.
        let mut entries: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(&part).ok()?;
        entries.remove(*key)?.get().clone_into(&mut part);
    }
    Some(part)
}

/// JSON text with an indented line for each value, in its own order.
pub(crate) fn pretty(json: &str) -> String {
    let (mut out, mut depth, mut in_text, mut is_escaped) = (String::new(), 0_usize, false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_text {
            out.push(character);
            in_text = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        match character {
            '"' => {
                in_text = true;
                out.push('"');
            }
            '{' | '[' => {
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                out.push(character);
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    indent(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                indent(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                indent(&mut out, depth);
            }
            ':' => out.push_str(": "),
            blank if blank.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

/// JSON as a TOML document, with tables as sections. `null` has no word in TOML and is left out.
pub(crate) fn json_as_toml(json: &Value) -> String {
    let mut document = DocumentMut::new();
    for (key, value) in json.as_object().into_iter().flatten() {
        if let Some(value) = toml(value) {
            document.insert(key, Item::Value(value));
        }
    }
    for (_, item) in document.as_table_mut().iter_mut() {
        if item.is_inline_table() {
            item.make_item_a_table();
        }
    }
    document.to_string()
}

/// An inline table can be made a section; [`Item`] has no such word for values.
trait MakeTable {
    fn make_item_a_table(&mut self);
}

impl MakeTable for Item {
    fn make_item_a_table(&mut self) {
        if let Ok(table) = core::mem::take(self).into_table() {
            *self = Self::Table(table);
        }
    }
}

fn toml(json: &Value) -> Option<Toml> {
    Some(match json {
        Value::Null => return None,
        Value::Bool(truth) => Toml::from(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Toml::from(whole),
            None => Toml::from(number.as_f64()?),
        },
        Value::String(text) => Toml::from(text.as_str()),
        Value::Array(values) => Toml::Array(values.iter().filter_map(toml).collect()),
        Value::Object(entries) => {
            Toml::InlineTable(entries.iter().filter_map(|(key, value)| Some((key.as_str(), toml(value)?))).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOML: &str = "z = 1\na = [0, 2.5]\n[hours]\nmonday = [\"09:00-18:00\"]\n\n[[rules]]\nname = \"b\"\nwhen = { kind = \"te\\\"xt\" }\n[[rules]]\nname = \"a\"\nsince = 2026-11-22\n";

    #[test]
    fn toml_is_json_in_the_order_in_which_it_was_written() {
        let json = toml_as_json(TOML).unwrap();
        assert_eq!(
            json,
            r#"{"z":1,"a":[0,2.5],"hours":{"monday":["09:00-18:00"]},"rules":[{"name":"b","when":{"kind":"te\"xt"}},{"name":"a","since":{"date":"2026-11-22"}}]}"#
        );
        assert_eq!(part_of(&json, &["hours", "monday"]).as_deref(), Some(r#"["09:00-18:00"]"#));
        assert_eq!(part_of(&json, &["rules", "name"]), None);
    }

    #[test]
    fn a_mistake_says_in_which_line_it_is() {
        for (text, line) in [("a = \n", 1), ("a = 1\nb == 2\n", 2), ("a = 1\na = 2", 2)] {
            let told = toml_as_json(text).unwrap_err();
            assert!(told.starts_with("is not TOML: ") && told.ends_with(&format!("(line {line})")), "{told}");
        }
    }

    #[test]
    fn json_becomes_toml_that_says_the_same() {
        let document = json!({
            "lease_seconds": 900, "burst": {"mode": "separate"}, "half": 0.5, "no": null,
            "rules": [{"name": "a b", "when": {"text": ["x", {"prefix": "¿y"}]}, "then": "human"}],
        });
        let text = json_as_toml(&document);
        let mut again: Value = serde_json::from_str(&toml_as_json(&text).unwrap()).unwrap();
        again["no"] = Value::Null;
        assert_eq!(again, document, "{text}");
        assert!(text.contains("[burst]\n"), "{text}");
    }

    #[test]
    fn json_is_laid_out_without_a_change() {
        for document in [json!({}), json!([]), json!({"z": [1, {"a": "b,{\"}:\\"}], "y": [], "x": {}}), json!("a b")] {
            let text = document.to_string();
            assert_eq!(serde_json::from_str::<Value>(&pretty(&text)).unwrap(), document);
            assert_eq!(pretty(&pretty(&text)), pretty(&text));
        }
        assert_eq!(pretty(r#"{"b":[1],"a":{ }}"#), "{\n  \"b\": [\n    1\n  ],\n  \"a\": {}\n}");
    }
}
