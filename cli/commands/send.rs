//! `baton send FILE…`: any payload, signed as Meta signs.
//!
//! Invariant: the file's bytes are sent as they are; the signature is over them. What became of the events in it is the
//! gate's own record, asked for where there is a token to ask with.

use baton::ids::{Bsuid, Phone};
use baton::time::Millis;
use baton::webhook::event::Scope;
use serde_json::{Value, json};

use super::explain::path_of;
use super::{file, text_of};
use crate::args::{GateOptions, SendOptions};
use crate::exit::{self, Failure};
use crate::gate::Gate;
use crate::host::Host;
use crate::output::Output;

/// Events of one file whose fate is asked for: a request each, and Meta seldom puts more into a delivery.
const ASKED_MAX: usize = 50;
/// How long an event may be on its way to the bot before it is shown as that.
const SETTLES_WITHIN: Millis = Millis::from_seconds(3);
/// Between two looks.
const LOOK_AGAIN: Millis = Millis::new(200);

/// Sends all of them.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &SendOptions,
) -> Result<u8, Failure> {
    if !options.path.starts_with('/') {
        return Err(Failure::Usage("--path begins with a slash, as in /webhook.".to_owned()));
    }
    let gate = Gate::find(host, gate)?;
    let secret = gate.app_secret(&options.path)?;
    // All of them are read first: a name that is wrong is said before anything was sent.
    let bodies: Vec<String> = options.files.iter().map(|path| file(host, path)).collect::<Result<_, _>>()?;
    let total = u64::from(options.times) * u64::try_from(bodies.len()).unwrap_or(u64::MAX);
    let bar = output.progress("Sending", Some(total).filter(|total| *total > 1));
    let (mut sent, mut is_accepted) = (0, true);
    let mut documents = Vec::new();
    for (path, body) in options.files.iter().zip(&bodies) {
        let (mut status, mut detail) = (0, String::new());
        for _ in 0..options.times {
            let answer = gate.deliver(&options.path, body.as_bytes(), &secret)?;
            let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            (status, detail) = (answer.status, text_of(&told, "detail").to_owned());
            sent += 1;
            bar.at(sent);
            if status != 200 {
                break;
            }
        }
        is_accepted &= status == 200;
        let events = if status == 200 { fates(host, &gate, body)? } else { Vec::new() };
        documents.push(json!({ "file": path, "status": status, "detail": detail, "events": events }));
    }
    bar.done("");
    output.result(&json!({ "sent": sent, "files": documents }), |_| {
        let mut lines: Vec<String> = documents.iter().flat_map(lines).collect();
        if gate.secret("ADMIN_TOKEN").is_none() {
            lines.push("With ADMIN_TOKEN it would also be said what became of each event.".to_owned());
        }
        lines.join("\n")
    });
    Ok(if is_accepted { exit::OK } else { exit::NOT_SO })
}

/// What became of the events of a payload that name a customer.
fn fates(host: &dyn Host, gate: &Gate<'_>, body: &str) -> Result<Vec<Value>, Failure> {
    if gate.secret("ADMIN_TOKEN").is_none() {
        return Ok(Vec::new());
    }
    let mut fates = Vec::new();
    // What the gate has accepted this can read: it is the same code.
    for event in baton::webhook::read(body.as_bytes()).unwrap_or_default().iter().take(ASKED_MAX) {
        let (class, id) = (event.class.name(), event.id.as_str());
        let Scope::Customer(line, customer) = &event.scope else {
            fates.push(json!({ "id": id, "class": class, "explanation": "It belongs to no customer." }));
            continue;
        };
        let name = customer.phone().map(Phone::as_str).or(customer.bsuid().map(Bsuid::as_str));
        let path = path_of(id, Some(line.as_str()), name);
        let explained = settled(host, gate, &path)?;
        let sentence = match &explained {
            Some(explained) => text_of(explained, "explanation"),
            None => "The gate keeps no record of it by itself.",
        };
        let state =
            explained.as_ref().and_then(|explained| explained.get("event")).map(|event| text_of(event, "state"));
        fates.push(json!({ "id": id, "class": class, "state": state, "explanation": sentence }));
    }
    Ok(fates)
}

/// The explanation of an event, once it is no longer on its way or has been for a while.
fn settled(host: &dyn Host, gate: &Gate<'_>, path: &str) -> Result<Option<Value>, Failure> {
    let end = host.now().after(SETTLES_WITHIN);
    loop {
        let explained = gate.find_document(path)?;
        let state =
            explained.as_ref().and_then(|explained| explained.get("event")).map(|event| text_of(event, "state"));
        if state != Some("in_flight") || host.now() >= end {
            return Ok(explained);
        }
        host.sleep(LOOK_AGAIN);
    }
}

fn lines(document: &Value) -> Vec<String> {
    let path = text_of(document, "file");
    let mut lines = vec![match super::number_of(document, "status") {
        Some(200) => format!("{path}: the gate has accepted it (200)."),
        status => {
            format!("{path}: the gate refuses it ({}). {}", status.unwrap_or_default(), text_of(document, "detail"))
        }
    }];
    for event in super::list_of(document, "events") {
        lines.push(format!("  {} ({})", text_of(event, "id"), text_of(event, "class")));
        lines.push(format!("    {}", text_of(event, "explanation")));
    }
    lines
}
