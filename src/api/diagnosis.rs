//! How the gate is, as its operator's tool asks it: what it can reach, which secrets are in use, which policy, bots and
//! lines it has.
//!
//! Invariant: of a secret it says whether it is set and which of two is in use, and never what it is, not even by a
//! digest; of a bot's address it shows the host. Nothing of a customer's is here at all.
//!
//! Not here: how it is found out (`edge::diagnosis`).

use crate::ids::{AccountId, LineId};
use crate::json;
use crate::outbox::destination::BotUrl;
use crate::policy::version::Source;
use crate::policy::{Mode, PolicyError};
use crate::problem::Mistake;
use crate::secret::Which;
use crate::secret::rotating::InUse;
use crate::settings::Settings;
use crate::settings::secrets::Named;
use crate::time::UnixMillis;

/// One part of the gate that was tried.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it, or worth saying.
    pub detail: Option<&'static str>,
    /// Whether it does its work.
    pub ok: bool,
    /// How long it took.
    pub ms: u64,
}

/// How the gate is.
pub struct Diagnosis<'d> {
    /// Whether data points are written: the policy wants them, and there is a dataset for them.
    pub analytics: bool,
    /// The parts that were tried.
    pub checks: Vec<Check>,
    /// How each secret of the settings is used, in their order.
    pub in_use: Vec<InUse>,
    /// The lines, and when something last came of each.
    pub lines: Vec<(LineId, Option<UnixMillis>)>,
    /// The mode of the policy in force.
    pub mode: Mode,
    /// The time.
    pub now: UnixMillis,
    /// Where the policy in force comes from, and what is wrong with a document that therefore is not; `None` where that
    /// could not be found out.
    pub policy: Option<(Source, Vec<PolicyError>)>,
    /// The settings.
    pub settings: &'d Settings,
}

impl Diagnosis<'_> {
    /// The document. Written by hand, because readers and writers of trees are code for which the Worker has no room.
    #[must_use]
    pub fn json(&self) -> String {
        let settings = self.settings;
        let mut json = String::new();
        field(&mut json, "{", "version", &text(Some(env!("CARGO_PKG_VERSION"))));
        field(&mut json, ",", "now_ms", &self.now.as_millis().to_string());
        begin(&mut json, "checks");
        for checked in &self.checks {
            check(&mut json, checked);
        }
        end(&mut json);
        begin(&mut json, "secrets");
        for (named, in_use) in settings.secrets().iter().zip(&self.in_use) {
            secret(&mut json, named, in_use);
        }
        end(&mut json);
        let source = self.policy.as_ref().map(|(source, _)| source.name());
        let mistakes = self.policy.as_ref().map_or(&[][..], |(_, mistakes)| mistakes);
        json.push_str(r#","policy":"#);
        field(&mut json, "{", "source", &text(source));
        let mistakes = json::write(&Mistake::all(mistakes)).unwrap_or_default();
        field(&mut json, ",", "mistakes", &mistakes);
        field(&mut json, ",", "mode", &text(Some(self.mode.name())));
        json.push('}');
        begin(&mut json, "bots");
        bot(&mut json, None, &settings.bot_url);
        for (name, one) in &settings.bots {
            bot(&mut json, Some(name.as_str()), &one.url);
        }
        end(&mut json);
        begin(&mut json, "lines");
        for (line, last) in &self.lines {
            let account = settings.lines.account(line).map(AccountId::as_str);
            let app = settings.lines.app(line).map(AccountId::as_str);
            field(&mut json, "{", "line", &text(Some(line.as_str())));
            field(&mut json, ",", "account", &text(account));
            field(&mut json, ",", "app", &text(app));
            field(&mut json, ",", "last_event_ms", &at(*last));
            json.push_str("},");
        }
        end(&mut json);
        field(&mut json, ",", "jurisdiction", &text(settings.jurisdiction));
        field(&mut json, ",", "access", flag(settings.access.is_some()));
        field(&mut json, ",", "alerts", flag(settings.alerts.is_some() || settings.alerts_slack.is_some()));
        field(&mut json, ",", "desk_shards", &settings.desk_shards.to_string());
        field(&mut json, ",", "analytics", flag(self.analytics));
        field(&mut json, ",", "graph_key", flag(settings.graph_key.is_some()));
        json.push('}');
        json
    }
}

fn check(json: &mut String, check: &Check) {
    field(json, "{", "name", &text(Some(check.name)));
    field(json, ",", "ok", flag(check.ok));
    field(json, ",", "ms", &check.ms.to_string());
    if check.detail.is_some() {
        field(json, ",", "detail", &text(check.detail));
    }
    json.push_str("},");
}

fn secret(json: &mut String, named: &Named<'_>, in_use: &InUse) {
    let has_previous = named.secret.is_some_and(|secret| secret.previous.is_some());
    field(json, "{", "name", &text(Some(&named.name)));
    field(json, ",", "set", flag(named.is_set()));
    field(json, ",", "from", &text(named.from));
    field(json, ",", "previous_set", flag(has_previous));
    field(json, ",", "in_use", &text(in_use.which.map(Which::name)));
    field(json, ",", "since_ms", &at(in_use.since));
    field(json, ",", "previous_last_used_ms", &at(in_use.previous_last));
    json.push_str("},");
}

fn bot(json: &mut String, name: Option<&str>, url: &BotUrl) {
    field(json, "{", "name", &text(name));
    field(json, ",", "host", &text(Some(url.host())));
    json.push_str("},");
}

/// Begins a list under a name.
fn begin(json: &mut String, name: &str) {
    field(json, ",", name, "[");
}

/// Ends a list, each of whose items has a comma behind it.
fn end(json: &mut String) {
    if json.ends_with(',') {
        json.pop();
    }
    json.push(']');
}

/// Adds what is JSON already under a name.
fn field(json: &mut String, before: &str, name: &str, value: &str) {
    for part in [before, "\"", name, "\":", value] {
        json.push_str(part);
    }
}

const fn flag(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}

fn text(text: Option<&str>) -> String {
    json::write(&text).unwrap_or_default()
}

fn at(at: Option<UnixMillis>) -> String {
    at.map_or_else(|| "null".to_owned(), |at| at.as_millis().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::Policy;

    #[test]
    fn the_document_is_json_that_names_everything_and_shows_no_secret() {
        let settings = Settings::read(|name| {
            let value = match name {
                "META_APP_SECRET" => "app-hush",
                "META_APP_SECRET_PREVIOUS" => "app-before-hush",
                "META_VERIFY_TOKEN" => "word-hush",
                "ADMIN_TOKEN" => "operator-hush-hush",
                "BOT_URL" => "https://bot.example.com/hush/webhook",
                "BOTS" => r#"{"sales": "https://sales.example.com:8443/hush"}"#,
                "LINES" => r#"{"300": {"account": "200", "app": "100"}, "301": {}}"#,
                "JURISDICTION" => "eu",
                "DESK_SHARDS" => "2",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap();
        let unused = vec![InUse::default(); settings.secrets().len()];
        let mut in_use = unused;
        in_use[0] = InUse {
            which: Some(Which::Previous),
            since: Some(UnixMillis::new(5)),
            previous_last: Some(UnixMillis::new(7)),
        };
        let diagnosis = Diagnosis {
            analytics: true,
            mode: Mode::Observe,
            checks: vec![
                Check { name: "kv", detail: None, ok: true, ms: 3 },
                Check { name: "desk", detail: Some("did not answer within 5 s"), ok: false, ms: 5_000 },
            ],
            in_use,
            lines: vec![
                (LineId::parse("300").unwrap(), Some(UnixMillis::new(9))),
                (LineId::parse("301").unwrap(), None),
            ],
            now: UnixMillis::new(11),
            policy: Some((Source::Kv, Policy::parse(r#"{"leese": 1}"#, &[]).unwrap_err())),
            settings: &settings,
        };
        let shown = diagnosis.json();
        assert!(!shown.contains("hush"), "{shown}");
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!((&shown["now_ms"], &shown["policy"]["source"]), (&json!(11), &json!("kv")));
        assert_eq!(shown["policy"]["mistakes"][0]["path"], "leese");
        assert_eq!(
            shown["checks"][1],
            json!({ "name": "desk", "ok": false, "ms": 5000, "detail": "did not answer within 5 s" })
        );
        assert_eq!(shown["checks"][0], json!({ "name": "kv", "ok": true, "ms": 3 }));
        let app = json!({ "name": "META_APP_SECRET", "set": true, "from": null, "previous_set": true,
            "in_use": "previous", "since_ms": 5, "previous_last_used_ms": 7 });
        assert_eq!(shown["secrets"][0], app);
        let bot = shown["secrets"].as_array().unwrap().iter().find(|one| one["name"] == "BOT_SECRET_SALES").unwrap();
        assert_eq!(
            (&bot["set"], &bot["from"], &bot["in_use"]),
            (&json!(false), &json!("META_APP_SECRET"), &Value::Null)
        );
        assert_eq!(
            shown["bots"],
            json!([{ "name": null, "host": "bot.example.com" }, { "name": "sales", "host": "sales.example.com" }])
        );
        assert_eq!(
            shown["lines"],
            json!([{ "line": "300", "account": "200", "app": "100", "last_event_ms": 9 },
                { "line": "301", "account": null, "app": null, "last_event_ms": null }])
        );
        assert_eq!(shown["policy"]["mode"], "observe");
        assert_eq!((&shown["jurisdiction"], &shown["desk_shards"]), (&json!("eu"), &json!(2)));
        for (name, expected) in [("access", false), ("alerts", false), ("analytics", true), ("graph_key", false)] {
            assert_eq!(shown[name], expected, "{name}");
        }
    }
}
