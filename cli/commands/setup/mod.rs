//! `baton setup`: from a Meta app and a Cloudflare account to a gate at work, and back.
//!
//! | file | what lives there |
//! |---|---|
//! | `options` | what the command line says |
//! | `dialogue`, `questions` | what is asked, and whether an answer will do |
//! | `config` | `wrangler.toml` |
//! | `cloudflare` | wrangler: deployment and secrets |
//! | `plan` | what has to change at Meta, and the way back, without any network |
//! | `apply` | doing it |
//! | `state` | what is remembered between runs |
//! | `undo` | the way back |
//!
//! Invariant: nothing is changed before everything is known and shown. Each change is made only where something differs, so
//! the command can be repeated, and goes on from wherever it ended. No secret is written into a file or an argument.

mod apply;
mod cloudflare;
mod config;
mod dialogue;
mod plan;
mod questions;
pub(crate) mod state;
mod undo;
mod work;

use baton::time::Millis;

use crate::args::{GateOptions, SetupOptions, Way};
use crate::exit::Failure;
use crate::graph::{Call, Caller, Number, Subscription};
use crate::host::Host;
use crate::output::Output;
use cloudflare::Cloudflare;
use config::Config;
use dialogue::Dialogue;
use state::{LineOf, Remembered};

/// Everything that was asked for.
struct Wanted {
    caller: Caller,
    lines: Vec<LineOf>,
    way: Way,
    config: Config,
    /// The address that `--gate` names, for a Worker that has none of its own.
    address: Option<String>,
    /// How long a deployment may take until it answers.
    wait: Millis,
}

/// Sets a gate up.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &SetupOptions,
) -> Result<u8, Failure> {
    let dialogue = Dialogue::new(host, output, options.yes)?;
    let remembered = Remembered::read(host)?;
    let caller = Caller::at(options.meta.graph.as_deref())?;
    if options.undo {
        return undo::run(&dialogue, options, remembered, caller);
    }
    let wanted = ask(&dialogue, gate, options, &remembered, caller)?;
    let cloudflare = sign_in(&dialogue, &remembered)?;
    work::run(&dialogue, wanted, remembered, &cloudflare)
}

fn ask(
    dialogue: &Dialogue<'_>,
    gate: &GateOptions,
    options: &SetupOptions,
    remembered: &Remembered,
    mut caller: Caller,
) -> Result<Wanted, Failure> {
    let read = dialogue.host.read(config::FILE).ok().flatten();
    let missing = || Failure::Usage("There is no wrangler.toml here: run this in Baton's folder.".to_owned());
    let mut config = Config::read(&read.ok_or_else(missing)?).map_err(Failure::Usage)?;
    questions::app(dialogue, options, remembered, &mut caller)?;
    let token = questions::token(dialogue, &mut caller)?;
    let mut lines = remembered.lines.clone();
    if lines.is_empty() || options.line.is_some() {
        let chosen = questions::number(dialogue, options, &token, &caller)?;
        lines.retain(|of| of.line != chosen.line);
        lines.push(chosen);
    }
    let own = remembered.gate.as_deref().map(crate::commands::doctor::meta::webhook);
    let is_own = |address: &str| own.as_deref().is_some_and(|own| crate::commands::doctor::meta::is_same(own, address));
    let known = config.bot().map(str::to_owned);
    if let (None, Some(_)) = (&options.bot, &known) {
        dialogue.say("✓ The bot's address stays as it stands in wrangler.toml (another one: --bot URL).");
    } else {
        let proposed = today(dialogue, &caller, lines.last())?.filter(|address| !is_own(address));
        let bot = questions::bot(dialogue, options.bot.clone(), proposed.as_deref(), &is_own, &caller)?;
        config.set_bot(&bot);
    }
    let app = caller.app.clone().unwrap_or_default();
    for of in &lines {
        config.add_line(&config::Wanted { line: &of.line, account: &of.account, app: &app });
    }
    let way = questions::way(dialogue, options, remembered)?;
    Ok(Wanted { caller, lines, way, config, address: gate.gate.clone(), wait: Millis::from_seconds(options.wait) })
}

/// The callback that is in force for a number today: as a rule that is the bot's.
fn today(dialogue: &Dialogue<'_>, caller: &Caller, of: Option<&LineOf>) -> Result<Option<String>, Failure> {
    let Some(of) = of else { return Ok(None) };
    let number = number_of(dialogue, caller, &of.line)?;
    let subscription = subscription_of(dialogue, caller)?;
    let account = Some(of.account.as_str());
    let now = crate::commands::doctor::learn::in_force(dialogue.host, caller, account, &number, subscription);
    Ok(now.and_then(|now| now.callback().map(str::to_owned)))
}

fn number_of(dialogue: &Dialogue<'_>, caller: &Caller, line: &str) -> Result<Number, Failure> {
    let answer = caller.ask(dialogue.host, &Call::number(line));
    answer
        .map(|answer| Number::read(&answer))
        .map_err(|trouble| Failure::Refused(format!("The number {line}: {trouble}.")))
}

fn subscription_of(dialogue: &Dialogue<'_>, caller: &Caller) -> Result<Option<Subscription>, Failure> {
    let app = caller.app.clone().unwrap_or_default();
    let answer = caller.ask(dialogue.host, &Call::subscriptions(&app));
    answer
        .map(|answer| Subscription::read(&answer))
        .map_err(|trouble| Failure::Refused(format!("The app's webhooks: {trouble}.")))
}

/// Wrangler, signed in, for one account.
fn sign_in<'a>(dialogue: &Dialogue<'a>, remembered: &Remembered) -> Result<Cloudflare<'a>, Failure> {
    let host = dialogue.host;
    let attached = !dialogue.output.is_json();
    let mut cloudflare = Cloudflare::new(host, attached, remembered.cloudflare.clone());
    dialogue.say("→ Cloudflare: npx wrangler whoami");
    let accounts = match cloudflare.accounts()? {
        Some(accounts) => accounts,
        None if dialogue.is_attended() => {
            dialogue.say("→ Nobody is signed in at Cloudflare: npx wrangler login opens your browser");
            cloudflare.login()?;
            cloudflare.accounts()?.unwrap_or_default()
        }
        None => {
            let words = "Nobody is signed in at Cloudflare: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.";
            return Err(Failure::Refused(words.to_owned()));
        }
    };
    let is_given = cloudflare.account.is_some() || host.variable("CLOUDFLARE_ACCOUNT_ID").is_some();
    if accounts.len() > 1 && !is_given {
        if !dialogue.is_attended() {
            let words = "There are several accounts at Cloudflare: choose one with CLOUDFLARE_ACCOUNT_ID.";
            return Err(Failure::Usage(words.to_owned()));
        }
        let names: Vec<String> = accounts.iter().map(|account| account.name.clone()).collect();
        let at = dialogue.choice("Which account at Cloudflare?", &names, 0)?;
        cloudflare.account = accounts.get(at).map(|account| account.id.clone());
    }
    Ok(cloudflare)
}
