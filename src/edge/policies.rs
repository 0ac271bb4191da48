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
//! A line has versions of its own, of the keys in which it differs, and all of this is done for them by themselves.
//!
//! Invariant: what is put in force was a policy under this deployment's own bots a moment before; a line's, over the
//! general document that was in force then.

use core::time::Duration;

use worker::{Delay, Env, Request, Response};

use super::inforce::Whose;
use super::{answer, body, clock, env, inforce, office};
use crate::api::documents::{self, PolicyChange};
use crate::api::{PolicyRoute, Query};
use crate::command::office::{Ask, Reply};
use crate::ids::LineId;
use crate::json;
use crate::limits::{IN_FORCE_WITHIN, KV_WRITE_AGAIN, PUBLISH_ROUNDS_MAX};
use crate::policy::version::{Source, Version};
use crate::policy::{PolicyError, overlay};
use crate::problem::{Mistake, Problem};
use crate::settings::Settings;

/// Answers what is asked of the policy.
pub(super) async fn handle(
    asked: PolicyRoute,
    query: &Query,
    request: &mut Request,
    env: &Env,
    settings: &Settings,
) -> Result<Response, Problem> {
    let whose = &whose(query, env, settings).await?;
    // Read in one place: each that waits is a KB of the Worker.
    let has_body = !matches!(asked, PolicyRoute::Show | PolicyRoute::Versions);
    let body = if has_body { body::text(request, "a JSON object").await? } else { String::new() };
    let change = match asked {
        PolicyRoute::Check => {
            let document = documents::policy_check(&body)?;
            let mistakes = whose.parse(&document).err().unwrap_or_default();
            let mistakes = json::write(&Mistake::all(&mistakes)).map_err(|_| Problem::NotStored)?;
            return answer::raw(&format!(r#"{{"mistakes":{mistakes}}}"#));
        }
        PolicyRoute::Put => documents::policy_change(&body)?,
        PolicyRoute::Rollback => {
            let number = documents::rollback(&body)?;
            let Version { document, .. } = version(env, whose, Some(number)).await?.ok_or(Problem::NotFound)?;
            PolicyChange { base: None, document, note: Some(format!("back to version {number}")) }
        }
        PolicyRoute::Show => return show(env, whose).await,
        PolicyRoute::Versions => {
            return match office::ask_of(env, whose.line.as_ref(), &Ask::Versions).await? {
                Reply::Shown(shown) => answer::raw(&shown),
                Reply::Attempt(_) | Reply::Newer(_) | Reply::Undone | Reply::Version(_) => Err(Problem::NotStored),
            };
        }
    };
    put(change, env, whose).await
}

/// Whose policy is asked for: that of the line which is named, or the general one.
pub(super) async fn whose<'s>(query: &Query, env: &Env, settings: &'s Settings) -> Result<Whose<'s>, Problem> {
    const WANTED: Problem = Problem::Unfit {
        name: "line",
        wanted: "one of LINES in wrangler.toml: a line that is not there has the general policy",
    };
    let line = query.text("line").map(|_| query.line()).transpose()?;
    if line.as_ref().is_some_and(|line| settings.own(line).is_none()) {
        return Err(WANTED);
    }
    Ok(inforce::whose(env, settings, line, clock::now()).await)
}

/// Puts a document in force as a new version.
async fn put(change: PolicyChange, env: &Env, whose: &Whose<'_>) -> Result<Response, Problem> {
    let PolicyChange { base, document, note } = change;
    let (policy, line) = (whose.parse(&document).map_err(Problem::Policy)?, whose.line.as_ref());
    if !env::has_config(env) {
        return Err(Problem::NoBinding(env::CONFIG));
    }
    let written = match office::ask_of(env, line, &Ask::Write { base, document, note }).await? {
        Reply::Version(Some(written)) => written,
        Reply::Newer(version) => return Err(Problem::NewerPolicy { version }),
        Reply::Attempt(_) | Reply::Undone | Reply::Version(None) | Reply::Shown(_) => {
            return Err(Problem::NotStored);
        }
    };
    if publish(env, line, &written.document).await.is_err() {
        office::ask_of(env, line, &Ask::Undo(written.number)).await?;
        return Err(Problem::NotStored);
    }
    // This isolate needs no KV to know.
    inforce::adopt(whose, &written.document, policy, clock::now());
    settle(env, whose, written.number).await?;
    shown(whose, written.number, Source::Desk, &written.document)
}

/// Puts a document into KV. A second change within a second is refused there (Cloudflare, Workers KV limits, 2026), and
/// goes through a moment later.
async fn publish(env: &Env, line: Option<&LineId>, document: &str) -> Result<(), ()> {
    if inforce::publish(env, line, document).await.is_ok() {
        return Ok(());
    }
    Delay::from(Duration::from_millis(KV_WRITE_AGAIN.as_millis())).await;
    inforce::publish(env, line, document).await
}

/// Sees to it that what is in KV is the newest version, after `put` was put there.
async fn settle(env: &Env, whose: &Whose<'_>, mut put: u32) -> Result<(), Problem> {
    for _ in 0..PUBLISH_ROUNDS_MAX {
        let newest = version(env, whose, None).await?.filter(|newest| newest.number >= put);
        // Somebody took the version back: they were told that nothing has changed, and so is this caller.
        let newest = newest.ok_or(Problem::NotStored)?;
        if newest.number == put {
            return Ok(());
        }
        inforce::forget(whose.line.as_ref());
        publish(env, whose.line.as_ref(), &newest.document).await.map_err(|()| Problem::NotStored)?;
        put = newest.number;
    }
    // Others are still changing it, and each of them looks after itself.
    Ok(())
}

/// What is in force.
pub(super) struct State {
    document: String,
    number: u32,
    /// Where it comes from.
    pub(super) source: Source,
    /// What is wrong with the document that would be in force without it.
    pub(super) mistakes: Vec<PolicyError>,
}

/// Finds out what is in force.
pub(super) async fn state(env: &Env, whose: &Whose<'_>) -> Result<State, Problem> {
    let line = whose.line.as_ref();
    let of_deployment = || inforce::of_deployment(env, whose.settings, line);
    let newest = version(env, whose, None).await?;
    let number = newest.as_ref().map_or(0, |newest| newest.number);
    let held = inforce::held(env, line).await.map_err(|()| Problem::NotStored)?;
    let source = Source::of(held.as_deref(), newest.as_ref(), clock::now());
    let chosen = match source {
        Source::Deployment => None,
        Source::Desk => newest.map(|newest| newest.document),
        Source::Kv => held.map(|held| held.to_string()),
    };
    let parse = |document: &str| whose.parse(document).err().unwrap_or_default();
    let chosen = chosen.unwrap_or_else(of_deployment);
    let mistakes = parse(&chosen);
    if mistakes.is_empty() {
        return Ok(State { document: chosen, number, source, mistakes });
    }
    // A document with a mistake is not in force: the last good one is, where there ever was one.
    let is_good = |document: &String| parse(document).is_empty();
    let last_good = match source {
        Source::Deployment => None,
        Source::Desk | Source::Kv => inforce::last_good(env, line).await.filter(is_good),
    };
    let (source, document) = match last_good {
        Some(document) => (Source::Kv, document),
        // What a line's variable says may have a mistake as well: then it has the general policy.
        None => (Source::Deployment, Some(of_deployment()).filter(is_good).unwrap_or_else(|| "{}".to_owned())),
    };
    Ok(State { document, number, source, mistakes })
}

/// Shows what is in force.
async fn show(env: &Env, whose: &Whose<'_>) -> Result<Response, Problem> {
    let State { document, number, source, .. } = state(env, whose).await?;
    shown(whose, number, source, &document)
}

async fn version(env: &Env, whose: &Whose<'_>, number: Option<u32>) -> Result<Option<Version>, Problem> {
    match office::ask_of(env, whose.line.as_ref(), &Ask::Version(number)).await? {
        Reply::Version(version) => Ok(version),
        Reply::Attempt(_) | Reply::Newer(_) | Reply::Undone | Reply::Shown(_) => Err(Problem::NotStored),
    }
}

fn shown(whose: &Whose<'_>, version: u32, source: Source, document: &str) -> Result<Response, Problem> {
    let (source, within) = (source.name(), IN_FORCE_WITHIN.as_millis());
    let of_line = whose.below().and_then(|(line, general)| {
        let effective = overlay::effective(general, document)?;
        Some(format!(r#","line":"{}","effective":{effective}"#, line.as_str()))
    });
    let of_line = of_line.unwrap_or_default();
    answer::raw(&format!(
        r#"{{"version":{version},"source":"{source}","document":{document},"in_force_within_ms":{within}{of_line}}}"#
    ))
}
