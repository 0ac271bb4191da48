//! `baton doctor`: is everything as it should be, at the gate and at Meta, and what is to be done where it is not.
//!
//! | file | what lives there |
//! |---|---|
//! | `line` | every line that can be said |
//! | `facts` | what was learned |
//! | `learn` | asking the gate and Meta |
//! | `judge`, `meta` | from facts to lines |
//!
//! Invariant: it changes nothing, and shows no secret, no text and no customer.

mod facts;
mod judge;
pub(crate) mod learn;
mod line;
pub(crate) mod meta;

pub(crate) use facts::Handshake;
pub(crate) use judge::{VERSION, is_sound};
pub(crate) use learn::Known;
pub(crate) use line::{Line, State};

use baton::secret::Secret;

use super::setup::state::Remembered;
use crate::args::{DoctorOptions, GateOptions};
use crate::exit::{self, Failure};
use crate::gate::Gate;
use crate::graph::Caller;
use crate::host::Host;
use crate::output::Output;
use line::Finding;

/// Looks at everything.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &DoctorOptions,
) -> Result<u8, Failure> {
    if options.lines {
        let all: Vec<Line> = Finding::ALL.iter().map(|finding| finding.shown()).collect();
        output.result(&all, |all| shown(all));
        return Ok(exit::OK);
    }
    let is_local = gate.local;
    let gate = Gate::find(host, gate)?;
    // A local gate is nobody's set-up.
    let remembered = if is_local { Remembered::default() } else { Remembered::read(host)? };
    let mut caller = Caller::at(options.meta.graph.as_deref())?;
    caller.app = options.meta.app.clone().or(remembered.app);
    caller.app_secret = gate.secret("META_APP_SECRET");
    caller.token = gate.secret("META_ACCESS_TOKEN");
    let known = Known {
        admin_token: gate.secret("ADMIN_TOKEN"),
        app_secret: caller.app_secret.clone(),
        verify_token: gate.secret("META_VERIFY_TOKEN"),
        lines: remembered.lines,
        is_local,
    };
    let lines = examine(host, output, &gate, &known, &caller);
    output.result(&lines, |lines| text(lines));
    Ok(if is_sound(&lines) { exit::OK } else { exit::NOT_SO })
}

/// Asks everybody, and gives the lines.
pub(crate) fn examine(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &Gate<'_>,
    known: &Known,
    caller: &Caller,
) -> Vec<Line> {
    let waiting = (!output.is_json()).then(|| host.progress("Asking the gate and Meta …", None));
    let facts = learn::facts(host, gate, known, caller);
    if let Some(waiting) = waiting {
        waiting.done("");
    }
    judge::judge(&facts)
}

/// The report for people.
pub(crate) fn text(lines: &[Line]) -> String {
    let count = |state: State| lines.iter().filter(|line| line.state == state).count();
    let summary = match (count(State::Broken), count(State::Note)) {
        (0, 0) => "Nothing is wrong.".to_owned(),
        (0, notes) => format!("Nothing is broken; worth a look: {notes}."),
        (broken, _) => format!("To mend: {broken}."),
    };
    format!("{}\n{summary}", shown(lines))
}

/// Each line, with what to do below it.
fn shown(lines: &[Line]) -> String {
    let shown = lines.iter().map(|line| {
        let remedy = if line.remedy.is_empty() { String::new() } else { format!("\n    {}", line.remedy) };
        format!("{} {}{remedy}", line.state.mark(), line.told)
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// A secret of the environment.
pub(crate) fn from_environment(host: &dyn Host, name: &str) -> Option<Secret> {
    host.variable(name).and_then(Secret::new)
}
