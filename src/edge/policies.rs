//! The policy and its versions, as the operator changes them.
//!
//! The office has the history and decides which version is the newest; KV is where every isolate reads what is in force.
//! A change goes to the office first, so that whatever is in force has a version, and then to KV. How the two stay one:
//!
//! - Where KV refuses, the version is taken back and the caller told that nothing has changed.
//! - Whoever has put a document into KV asks the office again, and where a newer one has come meanwhile puts that. So
//!   after two changes at once the last to arrive in KV is the newest version.
//! - Where this code ends in between, KV holds another document than the newest version. `GET /policy` says so (`kv`),
//!   and sending the same change again puts it in force.
//!
//! Invariant: what is put in force was a policy under this deployment's own bots a moment before.

use core::time::Duration;

use worker::{Delay, Env, Request, Response};

use super::{answer, body, clock, env, office};
use crate::api::PolicyRoute;
use crate::api::documents::{self, PolicyChange};
use crate::command::office::{Ask, Reply};
use crate::limits::{IN_FORCE_WITHIN, KV_WRITE_AGAIN, PUBLISH_ROUNDS_MAX};
use crate::policy::Policy;
use crate::policy::version::{Source, Version};
use crate::problem::{Mistake, Problem};
use crate::settings::Settings;

/// Answers what is asked of the policy.
pub(super) async fn handle(
    asked: PolicyRoute,
    request: &mut Request,
    env: &Env,
    settings: &Settings,
) -> Result<Response, Problem> {
    // Read in one place: each that waits is a KB of the Worker.
    let has_body = !matches!(asked, PolicyRoute::Show | PolicyRoute::Versions);
    let body = if has_body { body::text(request, "a JSON object").await? } else { String::new() };
    let change = match asked {
        PolicyRoute::Check => {
            let document = documents::policy_check(&body)?;
            let mistakes = Policy::parse(&document, &settings.bot_names()).err().unwrap_or_default();
            let mistakes = serde_json::to_string(&Mistake::all(&mistakes)).map_err(|_| Problem::NotStored)?;
            return answer::raw(&format!(r#"{{"mistakes":{mistakes}}}"#));
        }
        PolicyRoute::Put => documents::policy_change(&body)?,
        PolicyRoute::Rollback => {
            let number = documents::rollback(&body)?;
            let Version { document, .. } = version(env, Some(number)).await?.ok_or(Problem::NotFound)?;
            PolicyChange { base: None, document, note: Some(format!("back to version {number}")) }
        }
        PolicyRoute::Show => return show(env, settings).await,
        PolicyRoute::Versions => {
            return match office::ask(env, &Ask::Versions).await? {
                Reply::Versions(shown) => answer::raw(&shown),
                Reply::Attempt(_) | Reply::Newer(_) | Reply::Undone | Reply::Version(_) => Err(Problem::NotStored),
            };
        }
    };
    put(change, env, settings).await
}

/// Puts a document in force as a new version.
async fn put(change: PolicyChange, env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let PolicyChange { base, document, note } = change;
    let policy = Policy::parse(&document, &settings.bot_names()).map_err(Problem::Policy)?;
    if !env::has_config(env) {
        return Err(Problem::NoBinding(env::CONFIG));
    }
    let written = match office::ask(env, &Ask::Write { base, document, note }).await? {
        Reply::Version(Some(written)) => written,
        Reply::Newer(version) => return Err(Problem::NewerPolicy { version }),
        Reply::Attempt(_) | Reply::Undone | Reply::Version(None) | Reply::Versions(_) => {
            return Err(Problem::NotStored);
        }
    };
    if publish(env, &written.document).await.is_err() {
        office::ask(env, &Ask::Undo(written.number)).await?;
        return Err(Problem::NotStored);
    }
    // This isolate needs no KV to know.
    env::adopt(&written.document, policy, clock::now());
    settle(env, written.number).await?;
    shown(written.number, Source::Desk, &written.document)
}

/// Puts a document into KV. A second change within a second is refused there (Cloudflare, Workers KV limits, 2026), and
/// goes through a moment later.
async fn publish(env: &Env, document: &str) -> Result<(), ()> {
    if env::publish(env, document).await.is_ok() {
        return Ok(());
    }
    Delay::from(Duration::from_millis(KV_WRITE_AGAIN.as_millis())).await;
    env::publish(env, document).await
}

/// Sees to it that what is in KV is the newest version, after `put` was put there.
async fn settle(env: &Env, mut put: u32) -> Result<(), Problem> {
    for _ in 0..PUBLISH_ROUNDS_MAX {
        let newest = version(env, None).await?.filter(|newest| newest.number >= put);
        // Somebody took the version back: they were told that nothing has changed, and so is this caller.
        let newest = newest.ok_or(Problem::NotStored)?;
        if newest.number == put {
            return Ok(());
        }
        env::forget();
        publish(env, &newest.document).await.map_err(|()| Problem::NotStored)?;
        put = newest.number;
    }
    // Others are still changing it, and each of them looks after itself.
    Ok(())
}

/// Shows what is in force.
async fn show(env: &Env, settings: &Settings) -> Result<Response, Problem> {
    let newest = version(env, None).await?;
    let number = newest.as_ref().map_or(0, |newest| newest.number);
    let held = env::held(env).await.map_err(|()| Problem::NotStored)?;
    let source = Source::of(held.as_deref(), newest.as_ref(), clock::now());
    let chosen = match source {
        Source::Deployment => None,
        Source::Desk => newest.map(|newest| newest.document),
        Source::Kv => held,
    };
    let is_policy = |document: &String| Policy::parse(document, &settings.bot_names()).is_ok();
    if let Some(document) = chosen.as_ref().filter(|document| is_policy(document)) {
        return shown(number, source, document);
    }
    // A document with a mistake is not in force: the last good one is, where there ever was one.
    let last_good = if chosen.is_some() { env::last_good(env).await.filter(is_policy) } else { None };
    match last_good {
        Some(document) => shown(number, Source::Kv, &document),
        None => shown(number, Source::Deployment, &env::of_deployment(env)),
    }
}

async fn version(env: &Env, number: Option<u32>) -> Result<Option<Version>, Problem> {
    match office::ask(env, &Ask::Version(number)).await? {
        Reply::Version(version) => Ok(version),
        Reply::Attempt(_) | Reply::Newer(_) | Reply::Undone | Reply::Versions(_) => Err(Problem::NotStored),
    }
}

fn shown(version: u32, source: Source, document: &str) -> Result<Response, Problem> {
    let (source, within) = (source.name(), IN_FORCE_WITHIN.as_millis());
    answer::raw(&format!(
        r#"{{"version":{version},"source":"{source}","document":{document},"in_force_within_ms":{within}}}"#
    ))
}
