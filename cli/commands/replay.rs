//! `baton replay`: dead letters on their way again.
//!
//! Invariant: it ends. What is sent again and dies once more is a new dead letter, so as many rounds are made as the
//! dead letters that there were need, and no more.

use baton::limits::REPLAYED_AT_ONCE;
use baton::time::UnixMillis;
use serde_json::{Value, json};

use super::{count, list_of, number_of, text_of};
use crate::args::{GateOptions, ReplayOptions};
use crate::clock;
use crate::exit::{self, Failure};
use crate::gate::{Gate, escaped};
use crate::host::Host;
use crate::output::Output;

/// Dead letters of a page.
const PAGE: u64 = 200;

/// Replays what is named.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &ReplayOptions,
) -> Result<u8, Failure> {
    let since = match &options.since {
        None => UnixMillis::default(),
        Some(text) => clock::since(text, host.now())
            .ok_or_else(|| Failure::Usage("--since takes 2h, 3d, 2026-11-22 or 2026-11-22T18:30Z (UTC).".to_owned()))?,
    };
    let gate = Gate::find(host, gate)?;
    let line = gate.line(options.line.line.as_deref())?;
    if options.dry_run {
        let conversation = match &options.customer {
            None => None,
            Some(customer) => Some(conversation_of(&gate, &line, customer)?),
        };
        let letters = letters(output, &gate, &line, since)?;
        let wanted = letters.iter().filter(|letter| {
            conversation.as_deref().is_none_or(|id| text_of(letter, "conversation") == id)
                && options.id.as_deref().is_none_or(|id| text_of(letter, "id") == id)
        });
        let number = u64::try_from(wanted.count()).unwrap_or(u64::MAX);
        output.result(&json!({ "dead_letters": number }), |_| {
            format!("{} would be sent again.", count(number, "dead letter"))
        });
        return Ok(exit::OK);
    }
    let replayed = match (&options.customer, &options.id) {
        (Some(customer), Some(id)) => {
            let order = json!({ "line": line, "customer": customer, "id": id });
            replayed(&gate.ask("POST", "/api/v1/dead-letters/replay", Some(&order))?)
        }
        (Some(customer), None) => {
            let path = format!("/api/v1/conversations/{line}/{}/replay", escaped(customer));
            replayed(&gate.ask("POST", &path, None)?)
        }
        (None, _) => all(output, &gate, &line, options.since.is_some().then_some(since))?,
    };
    output.result(&json!({ "replayed": replayed }), |_| match replayed {
        0 => "There was no dead letter to send again.".to_owned(),
        1 => "1 dead letter is on its way again.".to_owned(),
        number => format!("{number} dead letters are on their way again."),
    });
    Ok(exit::OK)
}

/// The id of a customer's conversation, who may have several names; empty where there is none.
fn conversation_of(gate: &Gate<'_>, line: &str, customer: &str) -> Result<String, Failure> {
    let record = gate.find_document(&format!("/api/v1/conversations/{line}/{}", escaped(customer)))?;
    Ok(record.map(|record| text_of(&record, "conversation").to_owned()).unwrap_or_default())
}

fn replayed(answer: &Value) -> u64 {
    number_of(answer, "replayed").unwrap_or_default()
}

/// All dead letters of a line, or those since a time.
fn all(output: &Output<'_>, gate: &Gate<'_>, line: &str, since: Option<UnixMillis>) -> Result<u64, Failure> {
    let total = letters(output, gate, line, since.unwrap_or_default())?.len();
    let order = match since {
        None => json!({ "line": line, "all": true }),
        Some(since) => json!({ "line": line, "since_ms": since.as_millis() }),
    };
    let bar = output.progress("Sending again", u64::try_from(total).ok());
    let mut done = 0;
    for _ in 0..total.div_ceil(REPLAYED_AT_ONCE) {
        let answer = gate.ask("POST", "/api/v1/dead-letters/replay", Some(&order))?;
        done += replayed(&answer);
        bar.at(done);
        if answer.get("is_complete").and_then(Value::as_bool) == Some(true) {
            break;
        }
    }
    bar.done("");
    Ok(done)
}

/// The dead letters of a line, page by page.
fn letters(output: &Output<'_>, gate: &Gate<'_>, line: &str, since: UnixMillis) -> Result<Vec<Value>, Failure> {
    let bar = output.progress("Reading the dead letters", None);
    let mut letters: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut path = format!("/api/v1/dead-letters?line={line}&limit={PAGE}&since_ms={}", since.as_millis());
        if !cursor.is_empty() {
            path.extend(["&cursor=", &escaped(&cursor)]);
        }
        let page = gate.ask("GET", &path, None)?;
        let found = list_of(&page, "dead_letters");
        letters.extend(found.iter().cloned());
        bar.at(u64::try_from(letters.len()).unwrap_or(u64::MAX));
        let next = text_of(&page, "next_cursor");
        // A page that brings nothing, or leads to itself, is the last.
        if found.is_empty() || next.is_empty() || next == cursor {
            bar.done("");
            return Ok(letters);
        }
        next.clone_into(&mut cursor);
    }
}
