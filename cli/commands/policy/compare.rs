//! In which keys two policies differ.
//!
//! Invariant: two documents without a difference here say the same, and every difference is shown once, at the deepest
//! key that both have as a table, or as a list of the same length.

use serde::Serialize;
use serde_json::Value;

/// One key that differs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Change {
    key: String,
    /// `None` where it was not there: the gate's default was in force.
    before: Option<Value>,
    /// `None` where it is not there: the gate's default will be in force.
    after: Option<Value>,
}

/// All of them, by key.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&mut changes, "", Some(before), Some(after));
    changes
}

fn compare(changes: &mut Vec<Change>, key: &str, before: Option<&Value>, after: Option<&Value>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
            keys.sort();
            keys.dedup();
            for name in keys {
                let path = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                compare(changes, &path, old.get(name), new.get(name));
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (number, (old, new)) in old.iter().zip(new).enumerate() {
                compare(changes, &format!("{key}[{number}]"), Some(old), Some(new));
            }
        }
        (before, after) => {
            changes.push(Change { key: key.to_owned(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// A line each.
pub(super) fn lines(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "There is no difference.".to_owned();
    }
    let line = |Change { key, before, after }: &Change| match (before, after) {
        (None, Some(after)) => format!("+ {key}: {after}"),
        (Some(before), None) => format!("- {key}: {before}"),
        (before, after) => format!("~ {key}: {} → {}", shown(before.as_ref()), shown(after.as_ref())),
    };
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn shown(value: Option<&Value>) -> String {
    value.map(Value::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_is_one_line_at_its_deepest_key() {
        let before = json!({"a": 1, "b": {"c": [1, 2], "d": "x"}, "rules": [{"name": "a"}], "gone": true});
        let after = json!({"a": 1, "b": {"c": [1, 3], "d": "x"}, "rules": [{"name": "b"}, {"name": "a"}], "new": null});
        assert_eq!(
            lines(&changes(&before, &after)),
            "~ b.c[1]: 2 → 3\n- gone: true\n+ new: null\n~ rules: [{\"name\":\"a\"}] → [{\"name\":\"b\"},{\"name\":\"a\"}]"
        );
        assert_eq!(lines(&changes(&before, &before)), "There is no difference.");
    }
}
