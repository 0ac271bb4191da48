//! The tables of `docs/policy.md`, between the marks of their sections.
//!
//! Invariant: what stands outside the marks is left as it is, and a manual without the marks of a section is refused,
//! so that no table is lost.
//!
//! Not here: reading and writing the file. A test does both (`tests/native/reference.rs`).

use core::fmt::Write as _;

use serde_json::Value;

use super::{Form, Key, Section, sections};

/// The manual with its tables made anew.
///
/// # Errors
///
/// The name of a section whose marks are not there.
pub fn renewed(manual: &str) -> Result<String, &'static str> {
    let mut renewed = manual.to_owned();
    for section in sections() {
        let (begin, end) = marks(section.name);
        let (before, rest) = renewed.split_once(&begin).ok_or(section.name)?;
        let (_, after) = rest.split_once(&end).ok_or(section.name)?;
        renewed = format!("{before}{begin}\n{}{end}{after}", table(&section));
    }
    Ok(renewed)
}

/// What stands before and behind the table of a section.
fn marks(section: &str) -> (String, String) {
    (format!("<!-- made by `npm run reference`: {section} -->"), format!("<!-- end of {section} -->"))
}

fn table(section: &Section) -> String {
    let has_defaults = section.keys.iter().any(|key| key.default.is_some());
    let mut table = match section.name {
        "rule" => "| key of a rule | value | |\n|---|---|---|\n",
        "when" => "| condition | value | holds where |\n|---|---|---|\n",
        _ => "| key | default | range | |\n|---|---|---|---|\n",
    }
    .to_owned();
    for key in &section.keys {
        let default = if has_defaults { format!(" {} |", default(key)) } else { String::new() };
        // Writing into a String cannot fail.
        let _ = writeln!(table, "| `{}` |{default} {} | {} |", key.name, range(key), key.sentence);
    }
    table
}

fn default(key: &Key) -> String {
    match &key.default {
        None => "none".to_owned(),
        Some(Value::String(word)) => format!("`\"{word}\"`"),
        Some(Value::Array(items)) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

/// What a key may be, in a few words.
fn range(key: &Key) -> String {
    if key.examples.is_empty() || matches!(key.form, Form::Table(_)) {
        return form(&key.form);
    }
    let shown: Vec<String> = key.examples.iter().map(|example| format!("`{example}`")).collect();
    let shape =
        if let Form::Shaped(shape) = innermost(&key.form) { format!("{}: ", shape.says) } else { String::new() };
    format!("{shape}{}", shown.join(", "))
}

/// The form of one, where a key takes one or several.
fn innermost(form: &Form) -> &Form {
    if let Form::OneOrSome(of) = form { of } else { form }
}

fn form(form: &Form) -> String {
    match form {
        Form::Flag => "true, false".to_owned(),
        Form::List { of, lengths } => list(of, *lengths.start(), *lengths.end()),
        Form::OneOrSome(of) => self::form(of),
        Form::Number { range, or_zero } => {
            let zero = if *or_zero { "0, or " } else { "" };
            format!("{zero}{} to {}", range.start(), range.end())
        }
        Form::Pattern(_) => "a [pattern](#patterns)".to_owned(),
        Form::Phrase => "a [phrase](#phrases)".to_owned(),
        Form::Shaped(shape) => shape.says.to_owned(),
        Form::Table(keys) if keys.iter().any(|key| key.name == "time_zone") => "see [below](#opening-hours)".to_owned(),
        Form::Table(_) => "see below".to_owned(),
        Form::Text => "a text".to_owned(),
        Form::Word(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
    }
}

fn list(of: &Form, least: usize, most: usize) -> String {
    match of {
        Form::Pattern(forms) => {
            let forms: Vec<String> = forms.iter().map(|form| format!("`{form}`")).collect();
            format!("list of [patterns](#patterns): a text, {}", forms.join(", "))
        }
        Form::Phrase => "list of [phrases](#phrases)".to_owned(),
        Form::Text => "list of texts".to_owned(),
        Form::Table(_) => format!("up to {most} [rules](#rules)"),
        Form::Number { range, .. } => format!("{least} to {most} waits of {} to {}", range.start(), range.end()),
        Form::Flag | Form::List { .. } | Form::OneOrSome(_) | Form::Shaped(_) | Form::Word(_) => {
            format!("list of {}", form(of))
        }
    }
}
