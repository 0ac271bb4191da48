//! Where the conversations of phone numbers live, as far as this isolate has just learnt it.
//!
//! Most bots name a customer by phone number, and most conversations live under the business-scoped user id: without
//! this, every message of a bot's would ask the phone number's object only to be sent on by it.
//!
//! Invariant: what is remembered is [`HOME_FRESH_FOR`] old at most. A name that points elsewhere does so for ever, unless
//! the phone number goes to another person, who then is a customer of their own: no number does that within a minute of
//! being in use. A home that has moved since says where to.
//!
//! Not here: Meta's events. They ask the object itself, because they are what links names.

use core::cell::RefCell;

use crate::ids::ObjectName;
use crate::limits::{HOME_FRESH_FOR, HOMES_MAX};
use crate::time::UnixMillis;

struct Known {
    name: ObjectName,
    home: ObjectName,
    until: UnixMillis,
}

thread_local! {
    /// In the order of the names.
    static HOMES: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Where the conversation of this name lives, as far as that is known.
pub(super) fn of(name: &ObjectName, now: UnixMillis) -> Option<ObjectName> {
    HOMES.with_borrow(|homes| {
        let known = homes.get(place(homes, name))?;
        (known.name == *name && now < known.until).then(|| known.home.clone())
    })
}

/// Remembers where the conversation of this name lives.
pub(super) fn remember(name: &ObjectName, home: &ObjectName, now: UnixMillis) {
    if name == home {
        return;
    }
    let known = Known { name: name.clone(), home: home.clone(), until: now.after(HOME_FRESH_FOR) };
    HOMES.with_borrow_mut(|homes| {
        let at = place(homes, name);
        if let Some(before) = homes.get_mut(at).filter(|before| before.name == *name) {
            *before = known;
            return;
        }
        homes.insert(at, known);
        if homes.len() > HOMES_MAX {
            // All of it is looked through once for every so many new names, and not for each of them.
            homes.retain(|known| now < known.until);
            homes.truncate(HOMES_MAX / 2);
        }
    });
}

/// Where this name stands, or would stand.
fn place(homes: &[Known], name: &ObjectName) -> usize {
    homes.partition_point(|known| known.name < *name)
}

/// Forgets this name, and which names lead to it: its conversation was erased. Another isolate may remember them for
/// [`HOME_FRESH_FOR`]: a message of the bot's that comes there links the names anew, and nothing else comes back.
pub(super) fn forget(name: &ObjectName) {
    HOMES.with_borrow_mut(|homes| homes.retain(|known| known.home != *name && known.name != *name));
}
