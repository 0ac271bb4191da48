//! The work of `baton setup`, once everything is known: shown as a whole, agreed to, and done step by step.
//!
//! Invariant: what was in force at Meta is written down before the first change there. Meta comes last, so a gate that does
//! not work never gets a shop's messages.

use baton::secret::Secret;
use serde_json::{Value, json};

use super::apply::{self, Expected};
use super::cloudflare::Cloudflare;
use super::config;
use super::dialogue::Dialogue;
use super::plan::{Place, Step, by_hand, steps};
use super::state::Remembered;
use super::{Wanted, number_of, questions, subscription_of};
use crate::commands::doctor::learn::{handshake, in_force, probe};
use crate::commands::doctor::meta::{is_same, webhook};
use crate::commands::doctor::{self, Handshake, Known, VERSION};
use crate::exit::{self, Failure};
use crate::gate::Gate;
use crate::graph::InForce;
use crate::host::Request;
use baton::time::Millis;

/// Stands for the gate's address before there is one.
const NOT_YET: &str = "https://the-gate.invalid";

/// The secrets that the gate needs, as far as they are to be written.
struct Secrets {
    app_secret: Option<Secret>,
    verify_token: Option<Secret>,
    admin_token: Option<Secret>,
}

/// Does it all, and looks at it with `baton doctor`.
pub(super) fn run(
    dialogue: &Dialogue<'_>,
    mut wanted: Wanted,
    mut remembered: Remembered,
    cloudflare: &Cloudflare<'_>,
) -> Result<u8, Failure> {
    let planned = remembered.gate.clone().unwrap_or_else(|| NOT_YET.to_owned());
    let at_meta = meta_steps(dialogue, &wanted, &webhook(&planned))?.steps;
    let must_deploy = must_deploy(dialogue, &wanted, &remembered);
    let secrets = secrets(dialogue, &wanted, &remembered, cloudflare, &at_meta)?;
    let plan = plan(&wanted, must_deploy, &secrets, &at_meta);
    show(dialogue, &wanted, &plan)?;

    if !wanted.config.changes().is_empty() {
        dialogue.say("→ Writing wrangler.toml");
        let written = dialogue.host.write(config::FILE, &wanted.config.text());
        written.map_err(|reason| Failure::Usage(format!("wrangler.toml cannot be written: {reason}")))?;
    }
    remembered.app.clone_from(&wanted.caller.app);
    remembered.cloudflare.clone_from(&cloudflare.account);
    let origin = if must_deploy { deploy(dialogue, &mut wanted, cloudflare)? } else { planned };
    remembered.gate = Some(origin.clone());
    remembered.write(dialogue.host)?;
    write_secrets(dialogue, &secrets, cloudflare)?;
    dialogue.say("→ Waiting until the gate answers, and making the handshake and a signed delivery as Meta will");
    let app_secret = wanted.caller.app_secret.clone().ok_or(Failure::Cancelled)?;
    let verify_token =
        secrets.verify_token.clone().or_else(|| doctor::from_environment(dialogue.host, "META_VERIFY_TOKEN"));
    let must_shake = at_meta.iter().any(|step| step.handshake_at().is_some());
    let expected = Expected {
        app_secret: &app_secret,
        verify_token: verify_token.as_ref().filter(|_| must_shake || secrets.verify_token.is_some()),
        within: wanted.wait,
    };
    apply::wait(dialogue, &origin, &expected)?;
    dialogue.say("✓ The gate is ready.");
    let ticked = at_meta_now(dialogue, &wanted, &mut remembered, &origin, verify_token.as_ref())?;

    let gate = Gate::at(dialogue.host, &origin, false)?;
    let known = Known {
        admin_token: secrets.admin_token.or_else(|| doctor::from_environment(dialogue.host, "ADMIN_TOKEN")),
        app_secret: Some(app_secret),
        verify_token,
        lines: remembered.lines.clone(),
        is_local: false,
    };
    let lines = doctor::examine(dialogue.host, dialogue.output, &gate, &known, &wanted.caller);
    let is_sound = doctor::is_sound(&lines);
    let document = json!({
        "gate": origin,
        "callback": wanted.way.name(),
        "lines": remembered.lines,
        "done": plan,
        "tick_by_hand": ticked,
        "doctor": lines,
    });
    dialogue.output.result(&document, |_| {
        format!("\n{}\n\nThe desk: {origin}/desk/\nTo look again at any time: baton doctor", doctor::text(&lines))
    });
    Ok(if is_sound { exit::OK } else { exit::NOT_SO })
}

/// What has to change at Meta.
#[derive(Default)]
struct AtMeta {
    steps: Vec<Step>,
    /// The fields that must be ticked by hand.
    by_hand: Vec<&'static str>,
    /// What is in force, for each number.
    found: Vec<InForce>,
}

/// What has to change at Meta for all numbers.
fn meta_steps(dialogue: &Dialogue<'_>, wanted: &Wanted, ours: &str) -> Result<AtMeta, Failure> {
    let subscription = subscription_of(dialogue, &wanted.caller)?;
    let mut all = AtMeta::default();
    for of in &wanted.lines {
        let number = number_of(dialogue, &wanted.caller, &of.line)?;
        let now = in_force(dialogue.host, &wanted.caller, Some(&of.account), &number, subscription.clone());
        let words = || {
            Failure::Refused(format!("Meta does not tell which apps get the webhooks of the account {}.", of.account))
        };
        let now = now.ok_or_else(words)?;
        for step in steps(wanted.way, Place { line: &of.line, account: &of.account }, &now, ours) {
            if !all.steps.contains(&step) {
                all.steps.push(step);
            }
        }
        all.by_hand = by_hand(wanted.way, &now, ours);
        all.found.push(now);
    }
    Ok(all)
}

/// Whether what is deployed is not what this folder would deploy.
fn must_deploy(dialogue: &Dialogue<'_>, wanted: &Wanted, remembered: &Remembered) -> bool {
    let Some(origin) = remembered.gate.as_ref().filter(|_| wanted.config.changes().is_empty()) else { return true };
    let url = format!("{origin}/health");
    let request = Request { method: "GET", url, timeout: Millis::from_seconds(10), ..Request::default() };
    let Ok(answer) = dialogue.host.http(&request) else { return true };
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    // One that lacks secrets is deployed all the same.
    answer.status != 503 && told.get("version").and_then(Value::as_str) != Some(VERSION)
}

/// Which secrets are to be written. A verify token counts for nothing once a callback is saved, so a new one does no harm.
fn secrets(
    dialogue: &Dialogue<'_>,
    wanted: &Wanted,
    remembered: &Remembered,
    cloudflare: &Cloudflare<'_>,
    at_meta: &[Step],
) -> Result<Secrets, Failure> {
    let host = dialogue.host;
    let set = if remembered.gate.is_some() { cloudflare.secrets()? } else { Vec::new() };
    let is_set = |name: &str| set.iter().any(|known| known == name);
    let ours = remembered.gate.as_deref().map(webhook);
    let app_secret = wanted.caller.app_secret.clone();
    let is_other = |secret: &Secret| {
        ours.as_deref().and_then(|ours| probe(host, ours, secret)).is_some_and(|status| status == 401)
    };
    let app_secret = app_secret.filter(|secret| !is_set("META_APP_SECRET") || is_other(secret));
    let word = doctor::from_environment(host, "META_VERIFY_TOKEN");
    let is_right = |word: &Secret| ours.as_deref().is_some_and(|ours| handshake(host, ours, word) == Handshake::Right);
    let must_shake = at_meta.iter().any(|step| step.handshake_at().is_some());
    let verify_token = if is_set("META_VERIFY_TOKEN") && (!must_shake || word.as_ref().is_some_and(is_right)) {
        None
    } else {
        Some(questions::made(dialogue, "META_VERIFY_TOKEN")?)
    };
    let admin_token = if is_set("ADMIN_TOKEN") { None } else { Some(questions::made(dialogue, "ADMIN_TOKEN")?) };
    Ok(Secrets { app_secret, verify_token, admin_token })
}

impl Secrets {
    fn named(&self) -> Vec<(&'static str, &Secret)> {
        let all = [
            ("META_APP_SECRET", &self.app_secret),
            ("META_VERIFY_TOKEN", &self.verify_token),
            ("ADMIN_TOKEN", &self.admin_token),
        ];
        all.into_iter().filter_map(|(name, secret)| Some((name, secret.as_ref()?))).collect()
    }
}

/// What will be done, in sentences.
fn plan(wanted: &Wanted, must_deploy: bool, secrets: &Secrets, at_meta: &[Step]) -> Vec<String> {
    let mut plan = Vec::new();
    if !wanted.config.changes().is_empty() {
        plan.push("Change wrangler.toml".to_owned());
    }
    if must_deploy {
        plan.push("Cloudflare: deploy the Worker (npx wrangler deploy)".to_owned());
    }
    let names: Vec<&str> = secrets.named().iter().map(|(name, _)| *name).collect();
    if !names.is_empty() {
        plan.push(format!("Cloudflare: write the secrets {} (npx wrangler secret bulk)", names.join(", ")));
    }
    plan.extend(at_meta.iter().map(|step| step.shown().replace("the-gate.invalid", "the gate")));
    plan
}

fn show(dialogue: &Dialogue<'_>, wanted: &Wanted, plan: &[String]) -> Result<(), Failure> {
    if plan.is_empty() {
        dialogue.say("✓ Everything is set up already; nothing is to be changed.");
        return Ok(());
    }
    dialogue.say("\nThis is what will be done:");
    for (at, step) in plan.iter().enumerate() {
        dialogue.say(&format!("  {}. {step}", at + 1));
        if step == "Change wrangler.toml" {
            for line in wanted.config.changes() {
                dialogue.say(&format!("       {line}"));
            }
        }
    }
    if dialogue.confirm("Go on?", true)? { Ok(()) } else { Err(Failure::Cancelled) }
}

fn deploy(dialogue: &Dialogue<'_>, wanted: &mut Wanted, cloudflare: &Cloudflare<'_>) -> Result<String, Failure> {
    dialogue.say("→ npx wrangler deploy (the first time it compiles the Worker: some minutes)");
    let found = cloudflare.deploy()?;
    let words = "wrangler has deployed, but to no address of its own. Give the Worker one (`workers_dev = true` or a custom \
                 domain in wrangler.toml), or name it with --gate https://… and run this again.";
    let address = wanted.address.take().or(found).ok_or_else(|| Failure::NotSo(words.to_owned()))?;
    let origin = Gate::at(dialogue.host, &address, false)?.origin();
    dialogue.say(&format!("✓ The gate is deployed at {origin}"));
    Ok(origin)
}

fn write_secrets(dialogue: &Dialogue<'_>, secrets: &Secrets, cloudflare: &Cloudflare<'_>) -> Result<(), Failure> {
    let named = secrets.named();
    if named.is_empty() {
        return Ok(());
    }
    if let Some(token) = &secrets.admin_token
        && doctor::from_environment(dialogue.host, "ADMIN_TOKEN").is_none()
    {
        let shown = String::from_utf8_lossy(token.expose()).into_owned();
        let words = format!(
            "Your ADMIN_TOKEN, which opens the desk and is shown only this once; keep it where you keep passwords:\n    {shown}"
        );
        // For a program it is no part of the result, but somebody must get it.
        if dialogue.output.is_json() { dialogue.output.tell(&words) } else { dialogue.say(&words) }
    }
    dialogue.say("→ npx wrangler secret bulk");
    cloudflare.write_secrets(&named)
}

/// Points Meta at the gate; gives the fields that are to be ticked by hand.
fn at_meta_now(
    dialogue: &Dialogue<'_>,
    wanted: &Wanted,
    remembered: &mut Remembered,
    origin: &str,
    word: Option<&Secret>,
) -> Result<Vec<&'static str>, Failure> {
    let ours = webhook(origin);
    let app = wanted.caller.app.clone().unwrap_or_default();
    let AtMeta { steps, by_hand: fields, found } = meta_steps(dialogue, wanted, &ours)?;
    for (of, now) in wanted.lines.iter().zip(&found) {
        remembered.keep(&app, of, now, &|callback| is_same(callback, &ours));
    }
    remembered.lines.clone_from(&wanted.lines);
    remembered.callback = Some(wanted.way.name().to_owned());
    remembered.write(dialogue.host)?;
    for step in &steps {
        dialogue.say(&format!("→ {}", step.shown()));
        apply::step_patiently(dialogue, &wanted.caller, step, word).map_err(|trouble| apply::failed(step, &trouble))?;
    }
    if !fields.is_empty() {
        dialogue.say(&format!(
            "! Tick these fields by hand, WhatsApp > Configuration > Webhook fields: {}. The app's callback is somebody \
             else's, and Meta takes fields from a program only together with that callback's verify token.",
            fields.join(", ")
        ));
    }
    Ok(fields)
}
