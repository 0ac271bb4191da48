//! Which secrets this isolate has seen in use, and the way from there to the office.
//!
//! Invariant: nobody waits for it. A use is noted in memory, and told to the office after the answer, at most once in
//! [`SECRET_USE_TOLD_EVERY`] for each of the two secrets of a name: a busy gate writes as many rows as an idle one. What
//! is shown of a secret is therefore at most that old.
//!
//! Where the office cannot be reached a use is told a minute later, and not with every request: it may have enough to do.

use core::cell::RefCell;

use worker::Env;

use super::{clock, office};
use crate::command::office::Ask;
use crate::limits::{SECRET_USE_TOLD_AGAIN, SECRET_USE_TOLD_EVERY};
use crate::secret::{Rotating, Secret, Which};
use crate::time::UnixMillis;

struct Seen {
    name: String,
    which: Which,
    at: UnixMillis,
    /// The secret's digest, until the office has been told.
    untold: Option<String>,
}

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

/// Notes that this one of the secrets of a name was used.
pub(super) fn note(name: &str, secrets: &Rotating, which: Which) {
    let now = clock::now();
    SEEN.with_borrow_mut(|all| {
        let known = all.iter_mut().find(|seen| seen.which == which && seen.name == name);
        if known.as_ref().is_some_and(|seen| now < seen.at.after(SECRET_USE_TOLD_EVERY)) {
            return;
        }
        let untold = secrets.get(which).map(Secret::digest);
        match known {
            Some(seen) => (seen.at, seen.untold) = (now, untold),
            None => all.push(Seen { name: name.to_owned(), which, at: now, untold }),
        }
    });
}

/// Whether the office is to be told something.
pub(super) fn is_due() -> bool {
    SEEN.with_borrow(|all| all.iter().any(|seen| seen.untold.is_some()))
}

/// Tells the office what it has not been told.
pub(super) async fn tell(env: Env) {
    let untold = SEEN.with_borrow_mut(|all| {
        let take = |seen: &mut Seen| Some((seen.name.clone(), seen.untold.take()?));
        all.iter_mut().filter_map(take).collect::<Vec<_>>()
    });
    if untold.is_empty() {
        return;
    }
    if office::ask(&env, &Ask::Used(untold)).await.is_err() {
        // All of them, and not only those: to tell one more than is needed costs a row.
        let at = clock::now().before(SECRET_USE_TOLD_EVERY).after(SECRET_USE_TOLD_AGAIN);
        SEEN.with_borrow_mut(|all| {
            for seen in all {
                seen.at = at;
            }
        });
    }
}
