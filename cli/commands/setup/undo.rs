//! `baton setup --undo`: gives Meta back the callbacks that were in force before.
//!
//! Invariant: only what still points at this gate is changed; what somebody has changed since stays as it is. The Worker
//! stays deployed, because messages that it owes the bot are in it.

use super::dialogue::{Dialogue, Wrong};
use super::plan::{Place, Step, back};
use super::state::{Former, Remembered};
use super::{apply, number_of, questions, subscription_of};
use crate::args::SetupOptions;
use crate::commands::doctor::learn::in_force;
use crate::commands::doctor::meta::{is_same, webhook};
use crate::exit::{self, Failure};
use crate::graph::{Caller, Trouble};

/// What is said at the end.
const AFTERWARDS: &str = "The Worker stays deployed, and still owes the bot what it has not delivered. When nothing is \
                          waiting at the desk any more, remove it with `npx wrangler delete`. If the bot sends through \
                          the gate, give it back https://graph.facebook.com.";

/// Goes back.
pub(super) fn run(
    dialogue: &Dialogue<'_>,
    options: &SetupOptions,
    mut remembered: Remembered,
    mut caller: Caller,
) -> Result<u8, Failure> {
    let none = || Failure::NotSo("There is nothing to undo: no set-up is remembered in .baton/setup.json.".to_owned());
    let gate = remembered.gate.clone().filter(|_| !remembered.lines.is_empty()).ok_or_else(none)?;
    questions::app(dialogue, options, &remembered, &mut caller)?;
    questions::token(dialogue, &mut caller)?;
    let ours = webhook(&gate);
    let steps = all_steps(dialogue, &remembered, &caller, &ours)?;
    if steps.is_empty() {
        dialogue.say("Nothing at Meta points at this gate any more, so there is nothing to change.");
    } else {
        dialogue.say("This is what will be done:");
        for (at, step) in steps.iter().enumerate() {
            dialogue.say(&format!("  {}. {}", at + 1, step.shown()));
        }
        if !dialogue.confirm("Go on?", true)? {
            return Err(Failure::Cancelled);
        }
    }
    let mut made = Vec::new();
    for step in &steps {
        dialogue.say(&format!("→ {}", step.shown()));
        one(dialogue, &caller, step)?;
        made.push(step.shown());
    }
    remembered.former = Former::default();
    remembered.lines.clear();
    remembered.callback = None;
    remembered.write(dialogue.host)?;
    let document = serde_json::json!({ "undone": made, "gate": gate });
    dialogue.output.result(&document, |_| format!("✓ Done. {AFTERWARDS}"));
    Ok(exit::OK)
}

fn all_steps(
    dialogue: &Dialogue<'_>,
    remembered: &Remembered,
    caller: &Caller,
    ours: &str,
) -> Result<Vec<Step>, Failure> {
    let app = caller.app.clone().unwrap_or_default();
    let subscription = subscription_of(dialogue, caller)?;
    let mut steps: Vec<Step> = Vec::new();
    for of in &remembered.lines {
        let number = number_of(dialogue, caller, &of.line)?;
        let now = in_force(dialogue.host, caller, Some(&of.account), &number, subscription.clone());
        let now = now.unwrap_or_default();
        let before = remembered.before(&app, of);
        let points_here = now.app.as_ref().is_some_and(|own| is_same(&own.callback, ours));
        if before.app.is_none() && points_here {
            dialogue.say(
                "! Which callback the app had before this gate is not known: set it by hand, WhatsApp > Configuration.",
            );
        }
        for step in back(Place { line: &of.line, account: &of.account }, &before, &now, ours) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    Ok(steps)
}

fn one(dialogue: &Dialogue<'_>, caller: &Caller, step: &Step) -> Result<(), Failure> {
    let Some(callback) = step.handshake_at() else {
        return apply::step(dialogue, caller, step, None).map_err(|trouble| apply::failed(step, &trouble));
    };
    questions::former_word(dialogue, callback, &mut |word| {
        apply::step(dialogue, caller, step, Some(word)).map_err(|trouble| {
            let words = "The former callback did not pass Meta's handshake: is the word right, and the bot running?";
            if trouble == Trouble::CallbackRefused {
                Wrong::Answer(words.to_owned())
            } else {
                Wrong::Stop(apply::failed(step, &trouble))
            }
        })
    })
}
