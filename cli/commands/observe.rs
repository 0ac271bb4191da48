//! `baton observe`: what the gate has seen of a line, and which times it suggests.
//!
//! Invariant: figures are the gate's; this only lays them out. A quantile of nothing is said to be of nothing.

use baton::time::{Millis, UnixMillis};
use serde_json::Value;

use super::{count, list_of, number_of, text_of};
use crate::args::{GateOptions, ObserveOptions};
use crate::clock::{Clock, span};
use crate::exit::{self, Failure};
use crate::gate::Gate;
use crate::host::Host;
use crate::output::Output;

/// Shows the report.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &ObserveOptions,
) -> Result<u8, Failure> {
    let gate = Gate::find(host, gate)?;
    let line = gate.line(options.line.line.as_deref())?;
    let report = gate.ask("GET", &format!("/api/v1/observation?line={line}&days={}", options.days), None)?;
    let clock = Clock::of(host);
    output.result(&report, |report| lines(clock, report).join("\n"));
    Ok(exit::OK)
}

fn lines(clock: Clock, report: &Value) -> Vec<String> {
    let at = |key| number_of(report, key).map(|at| clock.date_and_time(UnixMillis::new(at))).unwrap_or_default();
    let mut lines = vec![
        format!("Line {}, {} to {}", text_of(report, "line"), at("from_ms"), at("to_ms")),
        match text_of(report, "mode") {
            "observe" => {
                "The gate only observes: everything passes, and what it would have done is recorded.".to_owned()
            }
            _ => "The gate is in force.".to_owned(),
        },
        String::new(),
    ];
    for (key, words) in [
        ("conversations_with_a_person", "conversations with a person of the shop"),
        ("would_be_withheld", "messages kept, or to be kept, from the bot"),
        ("would_be_prevented", "replies of the bot's stopped, or to be stopped"),
    ] {
        lines.extend(number_of(report, key).map(|number| format!("{number:>8}  {words}")));
    }
    lines.push(String::new());
    for (key, words) in [
        ("reply_gap_seconds", "Between two messages of the person's"),
        ("first_answer_seconds", "Until the person's first answer"),
    ] {
        lines.extend(report.get(key).map(|quantiles| format!("{words}: {}", quantiles_of(quantiles))));
    }
    let suggestions = list_of(report, "suggestions");
    lines.push(String::new());
    if suggestions.is_empty() {
        lines.push("There is nothing to suggest yet.".to_owned());
    } else {
        lines.push("Suggested for the policy:".to_owned());
    }
    for suggestion in suggestions {
        let value = suggestion.get("value").map(Value::to_string).unwrap_or_default();
        lines.push(format!("  {} = {value}", text_of(suggestion, "key")));
        lines.push(format!("    {}", text_of(suggestion, "why")));
    }
    lines
}

fn quantiles_of(quantiles: &Value) -> String {
    let seconds = |key| number_of(quantiles, key).map(|seconds| span(Millis::from_seconds(seconds)));
    match (number_of(quantiles, "count").unwrap_or_default(), seconds("p50"), seconds("p90")) {
        (0, _, _) => "nothing was seen".to_owned(),
        (number, Some(half), Some(most)) => {
            format!("half within {half}, nine of ten within {most} ({})", count(number, "case"))
        }
        (number, _, _) => count(number, "case"),
    }
}
