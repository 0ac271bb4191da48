//! `baton erase CUSTOMER`: everything that is stored of a customer.
//!
//! Invariant: nothing is erased before the customer's name was typed again or `--yes` was said; and what is shown
//! afterwards is what the gate answers, field by field.

use serde_json::Value;

use super::nobody_to_ask;
use crate::args::{EraseOptions, GateOptions};
use crate::exit::{self, Failure};
use crate::gate::{Gate, escaped};
use crate::host::{AskError, Host, Question};
use crate::output::Output;

/// Erases the customer.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &EraseOptions,
) -> Result<u8, Failure> {
    let gate = Gate::find(host, gate)?;
    let line = gate.line(options.line.line.as_deref())?;
    if !options.yes {
        ask(host, &options.customer, &line, &gate.origin())?;
    }
    let path = format!("/api/v1/conversations/{line}/{}", escaped(&options.customer));
    let proof = gate.ask("DELETE", &path, None)?;
    output.result(&proof, |proof| shown(&options.customer, proof));
    // Where the gate still finds something, erasing was not all that was asked for.
    let remains = proof.get("remaining").is_some_and(is_something);
    Ok(if remains { exit::NOT_SO } else { exit::OK })
}

fn ask(host: &dyn Host, customer: &str, line: &str, origin: &str) -> Result<(), Failure> {
    let question =
        format!("All that {origin} stores of {customer} on line {line} is erased for good. Type {customer} to go on:");
    match host.ask(Question::Text { text: &question, default: None }) {
        Ok(typed) if typed.trim() == customer => Ok(()),
        Ok(_) => Err(Failure::Usage("That is another customer: nothing was erased.".to_owned())),
        Err(AskError::Cancelled) => Err(Failure::Cancelled),
        Err(AskError::Nobody) => Err(nobody_to_ask("Erase this customer?")),
    }
}

/// The gate's proof, whatever it has.
fn shown(customer: &str, proof: &Value) -> String {
    let mut lines = vec![match proof.get("erased").and_then(Value::as_u64) {
        Some(0) => format!("Nothing was stored of {customer}."),
        Some(_) | None => format!("{customer} is erased. What the gate says of it:"),
    }];
    fields(&mut lines, "", proof);
    lines.join("\n")
}

/// One line for each value, named by the keys that lead to it.
fn fields(lines: &mut Vec<String>, path: &str, value: &Value) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                fields(lines, &path, value);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_object) => {
            for (number, value) in values.iter().enumerate() {
                fields(lines, &format!("{path}[{number}]"), value);
            }
        }
        Value::String(text) => lines.push(format!("  {path}: {text}")),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) => lines.push(format!("  {path}: {value}")),
    }
}

/// Whether there is anything in a value: a number above nought, a list with entries, a table with such a value.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(entries) => entries.values().any(is_something),
    }
}
