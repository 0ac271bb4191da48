//! The operator has a customer erased, and gets a proof.
//!
//! Invariant: `remaining` is what was found by a second look, after everything was removed, in the objects of all names
//! that are known and in all parts that a desk may ever have had. It is not 0 where the customer, or the bot, has written
//! in between: what is there then is new, and to erase again removes it.
//!
//! What cannot be looked into is memory, which is bounded (`docs/privacy.md`): where a name leads, in other isolates; whom
//! the same words went to, in the object that counts a line's broadcasts; an attempt that is under way.

use core::time::Duration;

use worker::{Delay, Env, Response};

use super::log::{Occurrence, log};
use super::{answer, calls, desks, homes};
use crate::command::erasure::Erasure;
use crate::command::{Command, Reply};
use crate::ids::{LineId, ObjectName};
use crate::limits::{ERASE_LOOK_AGAIN_AFTER, ERASE_LOOKS_MAX, HOPS_MAX};
use crate::problem::Problem;

/// Has everything of a customer forgotten, wherever the conversation lives.
pub(super) async fn erase(line: &LineId, mut name: ObjectName, env: &Env) -> Result<Response, Problem> {
    let mut names = Vec::new();
    for _ in 0..HOPS_MAX {
        match call(env, &name, &Command::Erase(names.clone())).await? {
            Reply::Moved { to, .. } => names.push(core::mem::replace(&mut name, to)),
            Reply::Erased(erasure) => {
                names.push(name);
                return prove(line, names, &erasure, env).await;
            }
            Reply::Accepted { .. }
            | Reply::Finished
            | Reply::Linked(_)
            | Reply::Read { .. }
            | Reply::Replayed(_)
            | Reply::Send(_)
            | Reply::Shown(_) => break,
        }
    }
    Err(Problem::NotStored)
}

/// Looks again, and says what was found the first time and what the second.
async fn prove(line: &LineId, mut names: Vec<ObjectName>, erasure: &Erasure, env: &Env) -> Result<Response, Problem> {
    if erasure.is_nothing() {
        return Err(Problem::NotFound);
    }
    for name in &erasure.names {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names.iter().for_each(homes::forget);
    let mut remaining = 0;
    for look in 0..ERASE_LOOKS_MAX {
        if look > 0 {
            // A report that was under way is taken back as soon as it has arrived.
            Delay::from(Duration::from_millis(ERASE_LOOK_AGAIN_AFTER.as_millis())).await;
        }
        remaining = look_again(line, &names, env).await?;
        if remaining == 0 {
            break;
        }
    }
    answer::raw(&erasure.proof(remaining))
}

/// Rows that are there of a customer of these names.
async fn look_again(line: &LineId, names: &[ObjectName], env: &Env) -> Result<usize, Problem> {
    let mut found = Erasure { desk: desks::forget(env, line, names, true).await?, ..Erasure::default() };
    for name in names {
        let Reply::Erased(here) = call(env, name, &Command::Rows).await? else { return Err(Problem::NotStored) };
        found.add(here);
    }
    Ok(found.count())
}

async fn call(env: &Env, name: &ObjectName, command: &Command) -> Result<Reply, Problem> {
    let reply = calls::call(env, name, command).await;
    reply.inspect_err(|error| log(&Occurrence::NotStored { error })).map_err(|_| Problem::NotStored)
}
