//! The policy in force: the deployment's, and each line's over it.
//!
//! It may change in KV at any time and is read again after a while. The general document stands under the key `policy`,
//! and what a line changes of it under `policy/<line>`, for the lines that `LINES` names; without these keys the variables
//! `BATON_POLICY` and `LINES.<line>.policy` are in force.
//!
//! Invariant: what is in force was read as a whole and has no mistake. A document with one leaves the last good one in
//! force, also for an isolate that begins only then; where there is none, what the deployment says, and for a line at
//! last the general policy. A document is only ever its own line's trouble: no line waits for, or falls back to, what
//! another's says.
//!
//! Not here: which documents there were (`policies`), what a document says (`policy`).

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join;
use worker::Env;

use super::env;
use super::log::{Occurrence, log};
use crate::ids::LineId;
use crate::limits::POLICY_FRESH_FOR;
use crate::policy::{Policy, PolicyError};
use crate::settings::{Settings, SettingsError};
use crate::time::UnixMillis;

/// The key of the general policy in KV; a line's is behind a slash.
const POLICY_KEY: &str = "policy";

/// The key under which the gate itself keeps the last document that was a policy; a line's is behind a slash.
const LAST_GOOD_KEY: &str = "policy.last_good";

/// What a line changes of the general policy where it changes nothing.
const NOTHING: &str = "{}";

/// A policy in force.
#[derive(Clone)]
struct Known {
    /// The document in force.
    document: Rc<str>,
    /// Of a line, the general document that it stands over.
    general: Option<Rc<str>>,
    /// What was in KV when it was taken in.
    held: Option<Rc<str>>,
    /// Whether what would be in force has a mistake.
    is_refused: bool,
    policy: Rc<Policy>,
    read_at: UnixMillis,
}

thread_local! {
    static GENERAL: RefCell<Option<Known>> = const { RefCell::new(None) };
    /// Of the lines of `LINES` only, which are as many as `LINES_MAX`.
    static LINES: RefCell<Vec<(LineId, Known)>> = const { RefCell::new(Vec::new()) };
}

/// Whose policy is meant, and what its documents are read with.
pub(super) struct Whose<'s> {
    pub(super) settings: &'s Settings,
    /// The line; `None` for all of them.
    pub(super) line: Option<LineId>,
    /// The general document in force.
    general: Rc<str>,
}

impl Whose<'_> {
    /// Reads a document as it would be in force.
    pub(super) fn parse(&self, document: &str) -> Result<Policy, Vec<PolicyError>> {
        parse(self.settings, self.line.as_ref(), &self.general, document)
    }

    /// The general document, where this is a line.
    pub(super) fn below(&self) -> Option<(&LineId, &str)> {
        Some((self.line.as_ref()?, &self.general))
    }
}

/// Whose policy this is: that of a line of `LINES`, or the general one.
pub(super) async fn whose<'s>(env: &Env, settings: &'s Settings, line: Option<LineId>, now: UnixMillis) -> Whose<'s> {
    let general = self::general(env, settings, now).await.document;
    Whose { settings, line, general }
}

/// The policy in force at `now` for a line; the general one for none, and for a line that `LINES` does not name.
pub(super) async fn policy(env: &Env, settings: &Settings, line: Option<&LineId>, now: UnixMillis) -> Rc<Policy> {
    match line.filter(|line| settings.own(line).is_some()) {
        None => general(env, settings, now).await.policy,
        Some(line) => of_line(env, settings, line, now).await.policy,
    }
}

/// What keeps single lines and apps from being as they are configured, in sentences.
pub(super) async fn degraded(env: &Env, settings: &Settings, now: UnixMillis) -> Vec<String> {
    let mut degraded: Vec<String> = settings.degraded.iter().map(ToString::to_string).collect();
    let mut add = |setting: Option<String>| {
        degraded.extend(setting.map(|setting| SettingsError::LinePolicy(setting).to_string()));
    };
    add(general(env, settings, now).await.refused(None));
    // One after the other: a read of KV takes a few milliseconds, and what is known is not read.
    for own in &settings.own {
        add(of_line(env, settings, &own.line, now).await.refused(Some(&own.line)));
    }
    degraded
}

/// The document in KV.
pub(super) async fn held(env: &Env, line: Option<&LineId>) -> Result<Option<Rc<str>>, ()> {
    env::kv_text(env, &key(POLICY_KEY, line)).await.map(|text| text.map(Rc::from))
}

/// The last document in KV that was a policy.
pub(super) async fn last_good(env: &Env, line: Option<&LineId>) -> Option<String> {
    env::kv_text(env, &key(LAST_GOOD_KEY, line)).await.ok().flatten()
}

/// The document of the deployment.
pub(super) fn of_deployment(env: &Env, settings: &Settings, line: Option<&LineId>) -> String {
    let document = match line {
        None => env::read(env, "BATON_POLICY").filter(|text| !text.trim().is_empty()),
        Some(line) => settings.own(line).and_then(|own| own.policy.clone()),
    };
    document.unwrap_or_else(|| NOTHING.to_owned())
}

/// Puts a good document into KV.
pub(super) async fn publish(env: &Env, line: Option<&LineId>, document: &str) -> Result<(), ()> {
    env::kv_put(env, &key(POLICY_KEY, line), document).await?;
    // The isolates that meet it do the same, so nothing is lost where this fails.
    let _ = env::kv_put(env, &key(LAST_GOOD_KEY, line), document).await;
    Ok(())
}

/// Takes a document that has just gone into KV for what is there: KV itself may still show what was there before.
pub(super) fn adopt(whose: &Whose<'_>, document: &str, policy: Policy, now: UnixMillis) {
    remember(
        whose.line.as_ref(),
        Some(Known {
            document: document.into(),
            general: whose.line.as_ref().map(|_| Rc::clone(&whose.general)),
            held: Some(document.into()),
            is_refused: false,
            policy: Rc::new(policy),
            read_at: now,
        }),
    );
}

/// Forgets which document this isolate has read, and asks KV before the next is used.
pub(super) fn forget(line: Option<&LineId>) {
    remember(line, None);
}

impl Known {
    fn is_fresh(&self, now: UnixMillis) -> bool {
        now < self.read_at.after(POLICY_FRESH_FOR)
    }

    /// The setting with a mistake, where there is one.
    fn refused(&self, line: Option<&LineId>) -> Option<String> {
        self.is_refused.then(|| setting(line, self.held.is_some()))
    }
}

async fn general(env: &Env, settings: &Settings, now: UnixMillis) -> Known {
    let known = GENERAL.with_borrow(Clone::clone);
    match known {
        Some(known) if known.is_fresh(now) => known,
        known => {
            let held = held(env, None).await;
            let known = match (known, held) {
                (Some(known), Ok(held)) if known.held == held => known,
                // KV is out of reach; the next request but a few will ask again.
                (Some(known), Err(())) => known,
                (known, held) => take_in(env, settings, (None, None), held.ok().flatten(), known).await,
            };
            let known = Known { read_at: now, ..known };
            remember(None, Some(known.clone()));
            known
        }
    }
}

async fn of_line(env: &Env, settings: &Settings, line: &LineId, now: UnixMillis) -> Known {
    let known =
        LINES.with_borrow(|lines| lines.iter().find(|(known, _)| known == line).map(|(_, known)| known.clone()));
    let fresh = known.as_ref().filter(|known| known.is_fresh(now)).map(|known| known.held.clone());
    let is_fresh = fresh.is_some();
    let held = async {
        match fresh {
            Some(held) => Ok(held),
            None => held(env, Some(line)).await,
        }
    };
    // Neither waits for the other.
    let (general, held) = join(general(env, settings, now), held).await;
    let is_over = |known: &Known| known.general.as_deref() == Some(&*general.document);
    let known = match (known, held) {
        (Some(known), Ok(_)) if is_fresh && is_over(&known) => return known,
        (Some(known), Ok(held)) if known.held == held && is_over(&known) => known,
        (Some(known), Err(())) => known,
        (known, held) => take_in(env, settings, (Some(line), Some(&general)), held.ok().flatten(), known).await,
    };
    let known = Known { read_at: now, ..known };
    remember(Some(line), Some(known.clone()));
    known
}

fn remember(line: Option<&LineId>, known: Option<Known>) {
    match line {
        None => GENERAL.set(known),
        Some(line) => LINES.with_borrow_mut(|lines| {
            lines.retain(|(other, _)| other != line);
            lines.extend(known.map(|known| (line.clone(), known)));
        }),
    }
}

/// The policy of a document that this isolate has not met: its own, or where it has a mistake the last good one. That
/// one is in memory, or in KV for an isolate that has just begun.
async fn take_in(
    env: &Env,
    settings: &Settings,
    (line, general): (Option<&LineId>, Option<&Known>),
    held: Option<Rc<str>>,
    known: Option<Known>,
) -> Known {
    let below = general.map(|general| Rc::clone(&general.document));
    let taken = |document: &str, policy: Rc<Policy>, is_refused| Known {
        document: document.into(),
        general: below.clone(),
        held: held.clone(),
        is_refused,
        policy,
        read_at: UnixMillis::default(),
    };
    let parse = |document: &str| match general {
        Some(general) if document == NOTHING => Ok(Rc::clone(&general.policy)),
        _ => parse(settings, line, below.as_deref().unwrap_or_default(), document).map(Rc::new),
    };
    let deployed = of_deployment(env, settings, line);
    let document = held.as_deref().unwrap_or(&deployed);
    let mistakes = match parse(document) {
        Ok(policy) => {
            if held.is_some() {
                keep_good(env, line, document).await;
            }
            return taken(document, policy, false);
        }
        Err(mistakes) => mistakes,
    };
    let first = mistakes.first().map(|mistake| mistake.path.as_str()).unwrap_or_default();
    let named = line.map(|_| setting(line, held.is_some()));
    log(&Occurrence::PolicyRefused { setting: named.as_deref(), mistakes: mistakes.len(), first });
    if let Some(known) = known {
        return taken(&known.document, known.policy, true);
    }
    let last_good = if held.is_some() { last_good(env, line).await } else { None };
    for document in last_good.iter().chain([&deployed]) {
        if let Ok(policy) = parse(document) {
            return taken(document, policy, true);
        }
    }
    // What is left of a line without any document is the general policy; the general one of the deployment is always good.
    let policy = general.map_or_else(|| Rc::new(settings.policy.clone()), |general| Rc::clone(&general.policy));
    taken(NOTHING, policy, true)
}

/// Keeps a document for the day on which a bad one follows it. Where this fails, an isolate that begins on that day takes
/// what the deployment says.
async fn keep_good(env: &Env, line: Option<&LineId>, document: &str) {
    let key = key(LAST_GOOD_KEY, line);
    if env::kv_text(env, &key).await.is_ok_and(|last| last.as_deref() != Some(document)) {
        let _ = env::kv_put(env, &key, document).await;
    }
}

fn parse(
    settings: &Settings,
    line: Option<&LineId>,
    general: &str,
    document: &str,
) -> Result<Policy, Vec<PolicyError>> {
    match line {
        None => Policy::parse(document, &settings.bot_names()),
        Some(line) => settings.policy_of(line, general, document),
    }
}

/// Where a document stands: a key of KV, or a variable.
fn setting(line: Option<&LineId>, is_held: bool) -> String {
    match (line, is_held) {
        (_, true) => format!("the key {} of the KV namespace CONFIG", key(POLICY_KEY, line)),
        (Some(line), false) => format!("LINES.{}.policy", line.as_str()),
        (None, false) => "BATON_POLICY".to_owned(),
    }
}

fn key(key: &str, line: Option<&LineId>) -> String {
    line.map_or_else(|| key.to_owned(), |line| format!("{key}/{}", line.as_str()))
}
