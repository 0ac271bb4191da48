//! `baton explain WAMID`: why a message was or was not answered.
//!
//! Invariant: the sentence is the gate's own. Beside it stands what the gate has recorded of the message and of the
//! conversation it belongs to, in the order of time.

use baton::time::UnixMillis;
use serde_json::{Value, json};

use super::{count, list_of, number_of, text_of};
use crate::args::{ExplainOptions, GateOptions};
use crate::clock::Clock;
use crate::exit::{self, Failure};
use crate::gate::{Gate, document, escaped};
use crate::host::Host;
use crate::output::Output;

/// Explains it.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &ExplainOptions,
) -> Result<u8, Failure> {
    let gate = Gate::find(host, gate)?;
    let path = path_of(&options.wamid, options.line.as_deref(), options.customer.as_deref());
    let answer = gate.answer("GET", &path, None)?;
    let explained = match answer.status {
        404 => {
            return Err(Failure::NotSo(
                "The gate knows no such message: it never came, or is older than the gate remembers, or belongs to a \
             customer whom its id does not name (--customer)."
                    .to_owned(),
            ));
        }
        422 => return Err(Failure::Usage("This id does not say whose message it is: name the --customer.".to_owned())),
        _ => document(&answer)?,
    };
    // The record shows what happened around it. Without it there is still the sentence.
    let record = format!(
        "/api/v1/conversations/{}/{}",
        escaped(text_of(&explained, "line")),
        escaped(text_of(&explained, "customer"))
    );
    let record = gate.find_document(&record)?.unwrap_or_default();
    let journal = list_of(&record, "journal");
    let mut shown = explained.clone();
    if let Some(entries) = shown.as_object_mut() {
        entries.insert("journal".to_owned(), json!(journal));
    }
    let clock = Clock::of(host);
    output.result(&shown, |_| lines(clock, &explained, journal).join("\n"));
    Ok(exit::OK)
}

/// The address of a message's explanation.
pub(super) fn path_of(wamid: &str, line: Option<&str>, customer: Option<&str>) -> String {
    let mut path = format!("/api/v1/explain/{}", escaped(wamid));
    let mut separator = "?";
    for (name, value) in [("line=", line), ("customer=", customer)] {
        if let Some(value) = value {
            path.extend([separator, name, &escaped(value)]);
            separator = "&";
        }
    }
    path
}

fn lines(clock: Clock, explained: &Value, journal: &[Value]) -> Vec<String> {
    let mut lines = vec![text_of(explained, "explanation").to_owned(), String::new()];
    lines.push(format!("  line {}, customer {}", text_of(explained, "line"), text_of(explained, "customer")));
    let event = explained.get("event").filter(|event| event.is_object());
    if let Some(event) = event {
        let mut facts = vec![format!("{}, {}", text_of(event, "class"), text_of(event, "state").replace('_', " "))];
        for (key, name) in [("reason", "because "), ("rule", "rule "), ("bot", "bot ")] {
            facts.extend(Some(text_of(event, key)).filter(|text| !text.is_empty()).map(|text| format!("{name}{text}")));
        }
        facts.extend(number_of(event, "attempts").filter(|many| *many > 0).map(|many| count(many, "attempt")));
        lines.push(format!("  {}", facts.join(", ")));
    }
    if let Some(send) = explained.get("send").filter(|send| send.is_object()) {
        lines.push(format!("  a message of the bot's ({}), {}", text_of(send, "kind"), text_of(send, "state")));
    }
    for trace in [Some(explained), event, explained.get("send")].into_iter().flatten() {
        for key in ["trace", "trace_id"] {
            let trace = text_of(trace, key);
            if !trace.is_empty() {
                lines.push(format!("  trace {trace}"));
            }
        }
    }
    let history = history(explained, journal);
    if !history.is_empty() {
        lines.push(String::new());
    }
    lines.extend(history.into_iter().map(|(at, what)| format!("  {}  {what}", clock.date_and_time(at))));
    lines
}

/// What happened to the message, and to the turn around it.
fn history(explained: &Value, journal: &[Value]) -> Vec<(UnixMillis, String)> {
    let mut history = Vec::new();
    let mut add = |document: &Value, key: &str, what: &str| {
        if let Some(at) = number_of(document, key) {
            history.push((UnixMillis::new(at), what.to_owned()));
        }
    };
    if let Some(event) = explained.get("event") {
        add(event, "sent_at_ms", "written, by Meta's clock");
        add(event, "accepted_at_ms", "accepted by the gate");
        add(event, "due_at_ms", "the next attempt is due");
    }
    if let Some(send) = explained.get("send") {
        add(send, "at_ms", "the bot's message was let through");
    }
    for one in journal {
        let what = format!("{} ({})", text_of(one, "transition"), text_of(one, "cause").replace('_', " "));
        add(one, "at_ms", &what);
    }
    history.sort_by_key(|(at, _)| *at);
    history
}
