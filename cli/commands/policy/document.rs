//! A policy in a file, and `baton policy check`.
//!
//! Invariant: a file is judged by the parser that the gate itself uses, and every mistake is told with its path.

use baton::ids::BotName;
use baton::policy::Policy;
use serde_json::{Value, json};

use crate::args::PolicyCheckOptions;
use crate::exit::{self, Failure};
use crate::host::Host;
use crate::output::Output;
use crate::text;

/// The JSON Schema of policies, as the gate serves it.
pub(super) const SCHEMA: &str = include_str!("../../../web/public/api/v1/policy.schema.json");

/// Where the names of a deployment's bots are.
const DEPLOYMENT: &str = "wrangler.toml";

/// A policy as its owner wrote it.
pub(super) struct Written {
    /// The document, in its own order.
    pub(super) json: String,
    /// The bots that the same file names; `None` where it is no wrangler.toml.
    bots: Option<Vec<String>>,
    /// The general document beside that of a line, in a wrangler.toml.
    general: Option<String>,
}

impl Written {
    /// Reads a policy from a file: TOML, JSON, or the table of a wrangler.toml, of a line where one is named.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where the file cannot be read as one of these.
    pub(super) fn read(host: &dyn Host, path: &str, line: Option<&str>) -> Result<Self, Failure> {
        let text = super::super::file(host, path)?;
        // A JSON document begins with a brace, which nothing of TOML does.
        let is_json = text.trim_start().starts_with(['{', '[', '"']) && !is_header(&text);
        let json = if is_json {
            let checked: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&text);
            checked.map_err(|error| Failure::Usage(format!("{path} is not JSON: {error}.")))?;
            text
        } else {
            text::toml_as_json(&text).map_err(|reason| Failure::Usage(format!("{path} {reason}.")))?
        };
        let Some(vars) = text::part_of(&json, &["vars"]) else { return Ok(Self { json, bots: None, general: None }) };
        let keys: Vec<&str> = match line {
            None => vec!["BATON_POLICY"],
            Some(line) => vec!["LINES", line, "policy"],
        };
        let none = || Failure::Usage(format!("{path} has no table [vars.{}].", keys.join(".")));
        let json = part(&vars, &keys).ok_or_else(none)?;
        let general = line.map(|_| part(&vars, &["BATON_POLICY"]).unwrap_or_else(|| "{}".to_owned()));
        Ok(Self { json, bots: Some(bot_names(&vars)), general })
    }
}

/// Whether a text that begins with a bracket is TOML: a table's header stands alone in its line.
fn is_header(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default().trim_end();
    first.starts_with('[') && first.ends_with(']') && serde_json::from_str::<Value>(text).is_err()
}

/// A part of the variables; each table on the way may also be JSON in a text, as variables are.
fn part(json: &str, keys: &[&str]) -> Option<String> {
    let Some((key, rest)) = keys.split_first() else { return Some(json.to_owned()) };
    let part = text::part_of(json, &[key])?;
    let unwrapped = serde_json::from_str::<String>(&part).unwrap_or(part);
    self::part(&unwrapped, rest)
}

fn bot_names(vars: &str) -> Vec<String> {
    let bots = part(vars, &["BOTS"]).and_then(|bots| serde_json::from_str::<Value>(&bots).ok()).unwrap_or_default();
    bots.as_object().map(|bots| bots.keys().cloned().collect()).unwrap_or_default()
}

/// Says everything that is wrong with a policy, without a gate.
pub(super) fn check(host: &dyn Host, output: &Output<'_>, options: &PolicyCheckOptions) -> Result<u8, Failure> {
    let written = Written::read(host, &options.file, options.line.line.as_deref())?;
    let named = if options.bots.is_empty() {
        // The names of the deployment in whose folder this is, where the file itself has none.
        written.bots.unwrap_or_else(|| {
            let deployment = host.read(DEPLOYMENT).ok().flatten();
            let json = deployment.and_then(|text| text::toml_as_json(&text).ok());
            json.and_then(|json| text::part_of(&json, &["vars"])).map(|vars| bot_names(&vars)).unwrap_or_default()
        })
    } else {
        options.bots.clone()
    };
    let bots: Vec<BotName> = named.iter().filter_map(|name| BotName::parse(name)).collect();
    let read = match &written.general {
        None => Policy::parse(&written.json, &bots),
        // Which of the bots belong to other lines, the gate says at its start and at a push.
        Some(general) => Policy::of_line(general, &written.json, &bots, |_| true),
    };
    let mistakes = read.err().unwrap_or_default();
    let mistakes: Vec<Value> =
        mistakes.iter().map(|mistake| json!({ "path": mistake.path, "message": mistake.reason })).collect();
    if mistakes.is_empty() {
        output.result(&json!({ "mistakes": [] }), |_| format!("{} is a policy without a mistake.", options.file));
        return Ok(exit::OK);
    }
    Ok(mistaken(output, &options.file, &mistakes))
}

/// Shows the mistakes of a policy.
pub(super) fn mistaken(output: &Output<'_>, what: &str, mistakes: &[Value]) -> u8 {
    output.result(&json!({ "mistakes": mistakes }), |_| {
        let what = if what == "-" { "Standard input" } else { what };
        let many = super::super::count(u64::try_from(mistakes.len()).unwrap_or(u64::MAX), "mistake");
        let line = |mistake: &Value| {
            let (path, message) = (super::text_of(mistake, "path"), super::text_of(mistake, "message"));
            format!("  {path}: {message}")
        };
        let lines: Vec<String> = mistakes.iter().map(line).collect();
        format!("{what} has {many}:\n{}", lines.join("\n"))
    });
    exit::NOT_SO
}
