//! `baton simulate SCENARIO`: plays customer and phone against a gate, and checks what the gate does.
//!
//! Invariant: nothing is printed that was not observed, and a step whose expectation is not met within its time ends the
//! play. What happened is asked of the gate's own record, because nobody sees the bot behind somebody else's gate.
//!
//! The customer is made up for each play and is nobody else's: a number of a range that is never assigned. Whatever comes
//! of the play, they are erased afterwards, unless the play is cut off by a signal or `--keep` was said.
//!
//! Not here: what a scenario may say (`scenario`), Meta's webhooks (`meta`), how steps are checked (`play`).

mod meta;
mod play;
mod timeline;

use serde_json::{Value, json};

use self::meta::Meta;
use self::play::{Callback, Ended, Play};
use self::timeline::Timeline;
use super::{confirm, file};
use crate::args::{GateOptions, SimulateOptions};
use crate::exit::{self, Failure};
use crate::gate::Gate;
use crate::host::Host;
use crate::output::Output;
use crate::scenario::Scenario;
use crate::text;

/// Plays it.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &SimulateOptions,
) -> Result<u8, Failure> {
    let scenario = read(host, &options.file)?;
    if options.check {
        let document = json!({ "title": scenario.title, "steps": scenario.steps.len() });
        output.result(&document, |_| format!("{} can be played.", options.file));
        return Ok(exit::OK);
    }
    let gate = Gate::find(host, gate)?;
    let path = options.app.as_ref().map_or_else(|| "/webhook".to_owned(), |app| format!("/webhook/{app}"));
    let secret = gate.app_secret(&path)?;
    if !gate.is_local() {
        let question = format!(
            "The bot behind {} will get messages of a customer who does not exist, and will answer a made-up number. Play?",
            gate.origin()
        );
        confirm(host, &question, options.yes)?;
    }
    let line = gate.line(options.line.line.as_deref())?;
    let policy = gate.ask("GET", &format!("/api/v1/policy?line={line}"), None)?;
    let timeline = Timeline::new(host, output);
    timeline.heading(&scenario.title, &differences(&scenario, &policy));
    let meta = Meta::new(host, &line, &options.account)?;
    let customer = meta.phone().to_owned();
    let callback = Callback { gate: &gate, path, secret };
    let mut play = Play::new(host, &callback, &timeline, meta, options.unseen);
    let ended = play.all(&scenario);
    let summary = play.summary();
    let erased = if options.keep { None } else { Some(erase(&gate, &line, &customer)) };
    let difference = match ended {
        Ok(()) => None,
        Err(Ended::Differs(sentence)) => Some(sentence),
        Err(Ended::Failed(failure)) => return Err(failure),
    };
    match &difference {
        None => timeline.passed(&format!("As expected: {summary}.")),
        Some(sentence) => timeline.differed(sentence),
    }
    say_of_customer(output, &customer, erased.as_ref());
    let document = json!({
        "title": scenario.title,
        "as_expected": difference.is_none(),
        "difference": difference,
        "line": line,
        "customer": customer,
        "erased": matches!(erased, Some(Ok(()))),
        "events": timeline.taken(),
    });
    if output.is_json() {
        output.result(&document, |_| String::new());
    }
    Ok(if difference.is_none() { exit::OK } else { exit::NOT_SO })
}

/// Reads a scenario's file.
fn read(host: &dyn Host, path: &str) -> Result<Scenario, Failure> {
    let name = std::path::Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path);
    let json = text::toml_as_json(&file(host, path)?).map_err(|reason| Failure::Usage(format!("{name} {reason}")))?;
    let value: Value = serde_json::from_str(&json).unwrap_or_default();
    Scenario::read(&value).map_err(|mistake| Failure::Usage(format!("{name}{mistake}")))
}

/// In which keys the gate's policy is not the one that the scenario was written for.
fn differences(scenario: &Scenario, policy: &Value) -> Vec<String> {
    // Of a line: what the general document and its own come to.
    let document = policy.get("effective").or_else(|| policy.get("document"));
    let own = |key: &str| document.and_then(|document| document.get(key));
    let differs = scenario.policy.iter().filter(|(key, value)| own(key) != Some(value));
    let sentence = |(key, value): (&String, &Value)| match own(key) {
        Some(own) => format!("The scenario was written for {key} = {value}; here it is {own}."),
        None => format!("The scenario was written for {key} = {value}; here it is the default."),
    };
    differs.map(sentence).collect()
}

/// Forgets the made-up customer.
fn erase(gate: &Gate<'_>, line: &str, customer: &str) -> Result<(), Failure> {
    gate.ask("DELETE", &format!("/api/v1/conversations/{line}/{customer}"), None).map(|_| ())
}

fn say_of_customer(output: &Output<'_>, customer: &str, erased: Option<&Result<(), Failure>>) {
    match erased {
        None => output.tell(&format!("The made-up customer {customer} stays in the gate (--keep).")),
        Some(Ok(())) => {}
        Some(Err(failure)) => {
            output.tell(&format!(
                "The made-up customer {customer} could not be erased: {failure} `baton erase` does it."
            ));
        }
    }
}
