//! `baton policy …`: the policy as a file, and the one in force.
//!
//! Invariant: a document goes to the gate as its owner wrote it, key by key; what it would change is shown before, and a
//! change is refused where somebody else has changed the policy meanwhile.
//!
//! | file | what |
//! |---|---|
//! | `document` | a policy in a file, and checking it without a gate |
//! | `compare` | in which keys two policies differ |

mod compare;
mod document;

use baton::time::UnixMillis;
use serde_json::{Value, json};

use self::compare::{Change, changes};
use self::document::Written;
use super::{confirm, list_of, number_of, text_of};
use crate::args::{
    GateOptions, PolicyCommand, PolicyFileOptions, PolicyLine, PolicyPullOptions, PolicyPushOptions,
    PolicyRollbackOptions,
};
use crate::clock::Clock;
use crate::exit::{self, Failure};
use crate::gate::{self, Gate};
use crate::host::{Answer, Host};
use crate::output::Output;
use crate::text;

/// Does what is asked of the policy.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    command: &PolicyCommand,
) -> Result<u8, Failure> {
    let find = || Gate::find(host, gate);
    match command {
        PolicyCommand::Check(options) => document::check(host, output, options),
        PolicyCommand::Diff(options) => diff(host, output, &find()?, options),
        PolicyCommand::Pull(options) => pull(host, output, &find()?, options),
        PolicyCommand::Push(options) => push(host, output, &find()?, options),
        PolicyCommand::Rollback(options) => rollback(host, output, &find()?, options),
        PolicyCommand::Schema => {
            host.print(document::SCHEMA.trim_end());
            Ok(exit::OK)
        }
        PolicyCommand::Versions(line) => versions(host, output, &find()?, line),
    }
}

/// A policy as the gate has it.
struct InForce {
    version: u64,
    source: String,
    /// The document, in its own order.
    json: String,
}

/// Where the gate keeps a policy: the general one, or a line's.
fn path(gate: &Gate<'_>, what: &str, line: &PolicyLine) -> Result<String, Failure> {
    match line.line.as_deref() {
        None => Ok(format!("/api/v1/policy{what}")),
        Some(line) => Ok(format!("/api/v1/policy{what}?line={}", gate.line(Some(line))?)),
    }
}

fn in_force(gate: &Gate<'_>, line: &PolicyLine) -> Result<InForce, Failure> {
    let answer = gate.answer("GET", &path(gate, "", line)?, None)?;
    read(&answer)
}

/// Reads a policy that the gate answers with. Its document keeps its order, which a [`Value`] would not.
fn read(answer: &Answer) -> Result<InForce, Failure> {
    let shown = gate::document(answer)?;
    let text = String::from_utf8_lossy(&answer.body);
    let json = text::part_of(&text, &["document"]).unwrap_or_else(|| "{}".to_owned());
    Ok(InForce {
        version: number_of(&shown, "version").unwrap_or_default(),
        source: text_of(&shown, "source").to_owned(),
        json,
    })
}

fn diff(host: &dyn Host, output: &Output<'_>, gate: &Gate<'_>, options: &PolicyFileOptions) -> Result<u8, Failure> {
    let written = Written::read(host, &options.file, options.line.line.as_deref())?;
    let changes = changes(&value(&in_force(gate, &options.line)?.json), &value(&written.json));
    output.result(&json!({ "changes": changes }), |_| compare::lines(&changes));
    Ok(if changes.is_empty() { exit::OK } else { exit::NOT_SO })
}

fn push(host: &dyn Host, output: &Output<'_>, gate: &Gate<'_>, options: &PolicyPushOptions) -> Result<u8, Failure> {
    let (file, line) = (&options.what.file, &options.what.line);
    let written = Written::read(host, file, line.line.as_deref())?;
    // The gate itself says what is wrong: it knows its bots.
    let body = format!("{{\"document\":{}}}", written.json);
    let checked = gate::document(&gate.answer("POST", &path(gate, "/check", line)?, Some(body))?)?;
    let mistakes = list_of(&checked, "mistakes");
    if !mistakes.is_empty() {
        return Ok(document::mistaken(output, file, mistakes));
    }
    let before = in_force(gate, line)?;
    let changes = changes(&value(&before.json), &value(&written.json));
    if changes.is_empty() && before.source == "desk" {
        output.result(&json!({ "version": before.version, "changes": changes }), |_| {
            format!("The gate has this policy already (version {}).", before.version)
        });
        return Ok(exit::OK);
    }
    output.say(&compare::lines(&changes));
    let whose = line.line.as_deref().map(|line| format!(" of line {line}")).unwrap_or_default();
    confirm(host, &format!("Put this policy{whose} in force at {}?", gate.origin()), options.yes)?;
    let note = options.note.as_deref().map(|note| format!(",\"note\":{}", json!(note))).unwrap_or_default();
    let body = format!("{{\"document\":{},\"base_version\":{}{note}}}", written.json, before.version);
    put(output, &gate.answer("PUT", &path(gate, "", line)?, Some(body))?, file, &changes)
}

fn rollback(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &Gate<'_>,
    options: &PolicyRollbackOptions,
) -> Result<u8, Failure> {
    let line = &options.line;
    let all = gate.answer("GET", &path(gate, "/versions", line)?, None)?;
    let kept = gate::document(&all)?;
    let found =
        list_of(&kept, "versions").iter().find(|one| number_of(one, "version") == Some(u64::from(options.number)));
    let missing = || Failure::Usage(format!("The gate keeps no version {}; `baton policy versions`.", options.number));
    let document = found.and_then(|one| one.get("document")).ok_or_else(missing)?;
    let changes = changes(&value(&in_force(gate, line)?.json), document);
    output.say(&compare::lines(&changes));
    confirm(host, &format!("Put version {} in force again at {}?", options.number, gate.origin()), options.yes)?;
    let body = json!({ "version": options.number }).to_string();
    let answer = gate.answer("POST", &path(gate, "/rollback", line)?, Some(body))?;
    put(output, &answer, &format!("version {}", options.number), &changes)
}

/// Says what the gate answers to a change.
fn put(output: &Output<'_>, answer: &Answer, what: &str, changes: &[Change]) -> Result<u8, Failure> {
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        409 => Err(Failure::NotSo(
            "Somebody has changed the policy meanwhile, so nothing was changed: look at the difference again."
                .to_owned(),
        )),
        422 => Ok(document::mistaken(output, what, list_of(&told, "mistakes"))),
        _ => {
            let policy = read(answer)?;
            let within = number_of(&told, "in_force_within_ms").unwrap_or_default() / 1_000;
            output.result(&json!({ "version": policy.version, "changes": changes }), |_| {
                format!("Version {} is in force, within {within} s everywhere.", policy.version)
            });
            Ok(exit::OK)
        }
    }
}

fn pull(host: &dyn Host, output: &Output<'_>, gate: &Gate<'_>, options: &PolicyPullOptions) -> Result<u8, Failure> {
    let policy = in_force(gate, &options.line)?;
    let pretty = text::pretty(&policy.json);
    let Some(path) = &options.file else {
        host.print(&pretty);
        return Ok(exit::OK);
    };
    let is_toml = std::path::Path::new(path).extension().is_some_and(|ending| ending == "toml");
    let written = if is_toml { text::json_as_toml(&value(&policy.json)) } else { format!("{pretty}\n") };
    let there = host.read(path).map_err(|reason| Failure::Usage(format!("{path} cannot be read: {reason}.")))?;
    if there.is_some_and(|there| there != written) {
        confirm(host, &format!("{path} is there and says something else. Write over it?"), options.yes)?;
    }
    host.write(path, &written).map_err(|reason| Failure::Usage(format!("{path} cannot be written: {reason}.")))?;
    let document = json!({ "file": path, "version": policy.version, "source": policy.source });
    output.result(&document, |_| {
        format!("{path} has the policy in force (version {}, from the {}).", policy.version, policy.source)
    });
    Ok(exit::OK)
}

fn versions(host: &dyn Host, output: &Output<'_>, gate: &Gate<'_>, line: &PolicyLine) -> Result<u8, Failure> {
    let kept = gate.ask("GET", &path(gate, "/versions", line)?, None)?;
    let clock = Clock::of(host);
    output.result(&kept, |kept| {
        let versions = list_of(kept, "versions");
        if versions.is_empty() {
            return "No version was ever written to the gate: the one in wrangler.toml is in force.".to_owned();
        }
        let line = |one: &Value| {
            let at = number_of(one, "at_ms").map(|at| clock.date_and_time(UnixMillis::new(at))).unwrap_or_default();
            let number = number_of(one, "version").unwrap_or_default();
            format!("{number:>5}  {at}  {}", text_of(one, "note")).trim_end().to_owned()
        };
        versions.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(exit::OK)
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}
