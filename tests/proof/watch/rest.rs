//! Where every accepted event is: at any time in one place, and when all has come to rest in a final one.
//!
//! Invariant: an event of which Meta was told 200 is a row or an echo of one of the customer's objects for eight days.
//! Once the bot is healthy, time has passed and every alarm has rung, it is delivered, withheld for a reason that is
//! kept, or dead and kept for a person.

use std::collections::BTreeMap;

use baton::ids::{EventId, ObjectName};
use baton::limits::REMEMBER_EVENTS_FOR;
use baton::outbox::{Entry, Reason, State};
use baton::policy::Policy;
use baton::time::UnixMillis;
use baton::webhook::event::Class;

use super::{Promise, Watch};
use crate::world::Object;

/// Where an event is.
pub(super) enum Whereabouts<'a> {
    /// Among the echoes of a conversation.
    Echo,
    /// An entry, and the object in which it is.
    Row(&'a Entry, &'a ObjectName),
}

/// Finds an event, first where a conversation lives, then in what the signposts have left behind.
/// A ghost counts for itself, and not for the real message behind it.
pub(super) fn whereabouts<'a>(
    id: &EventId,
    class: Class,
    objects: &'a BTreeMap<ObjectName, Object>,
) -> Option<Whereabouts<'a>> {
    let at_home = |object: &Object| object.storage.elsewhere().is_none();
    let homes = objects.iter().filter(|(_, object)| at_home(object));
    let signposts = objects.iter().filter(|(_, object)| !at_home(object));
    homes.chain(signposts).find_map(|(name, object)| {
        let is_echo = object.storage.row().is_some_and(|row| row.echoes.contains(id));
        let is_it = |entry: &&Entry| !entry.is_superseded_by(class);
        let row = object.storage.entry(id).filter(is_it).map(|entry| Whereabouts::Row(entry, name));
        if is_echo { Some(Whereabouts::Echo) } else { row }
    })
}

impl Watch {
    /// Every acknowledged event is somewhere.
    pub fn all_there(&mut self, objects: &BTreeMap<ObjectName, Object>, now: UnixMillis) {
        let remembered = |at: UnixMillis| now < at.after(REMEMBER_EVENTS_FOR);
        let lost = self.events.iter().find(|(id, seen)| {
            seen.acknowledged && remembered(seen.accepted_at) && whereabouts(id, seen.class, objects).is_none()
        });
        if let Some((id, _)) = lost {
            let what = format!("{} is nowhere", id.as_str());
            self.violated(Promise::NothingLost, what);
        }
    }

    /// All has come to rest.
    pub fn at_rest(&mut self, objects: &BTreeMap<ObjectName, Object>, policy: &Policy, now: UnixMillis) {
        if self.broken.is_some() {
            return;
        }
        self.all_there(objects, now);
        let mut wrong = None;
        for (id, seen) in &self.events {
            if seen.class == Class::Echo || now >= seen.accepted_at.after(REMEMBER_EVENTS_FOR) {
                continue;
            }
            let Some(Whereabouts::Row(entry, at)) = whereabouts(id, seen.class, objects) else { continue };
            let is_signpost = objects[at].storage.elsewhere().is_some();
            let body_is_kept = objects[at].storage.body(id).is_some();
            let is_recent = now < seen.accepted_at.after(policy.keep_bodies);
            let problem = match (entry.state, entry.reason) {
                (State::InFlight(_) | State::Waiting(_), _) => Some("is still open"),
                (State::Delivered, _) if !self.was_taken(entry) => Some("counts as delivered, and no bot took it"),
                (State::Withheld, None) => Some("is withheld without a reason"),
                (State::Withheld, Some(Reason::Moved)) if is_signpost => Some("moved, and never arrived"),
                (State::Withheld, Some(reason)) if reason.is_for_person() && is_recent && !body_is_kept => {
                    Some("is for a person and has no body")
                }
                (State::Dead, _) if is_recent && !body_is_kept => Some("is dead and has no body"),
                (State::Withheld, Some(Reason::Merged)) => {
                    let into = entry.note.part_of.as_ref().and_then(|into| whereabouts(into, Class::Turn, objects));
                    into.is_none().then_some("went into a message that is nowhere")
                }
                (State::Dead | State::Delivered | State::Withheld, _) => None,
            };
            wrong = wrong.or_else(|| {
                problem.map(|problem| format!("{} {problem}: {entry:?} at {now:?} in {}", id.as_str(), at.as_str()))
            });
        }
        if let Some(what) = wrong {
            self.violated(Promise::NothingLost, what);
        }
        self.nobody_waits();
        self.sends_at_rest(objects);
    }

    /// All has come to rest: what is written down is what happened.
    fn sends_at_rest(&mut self, objects: &BTreeMap<ObjectName, Object>) {
        if !self.sends.is_watched {
            return;
        }
        let (mut prevented, mut dropped, mut leaked, mut remembered) = (0, 0, 0, 0);
        for (name, object) in objects.iter().filter(|(_, object)| object.storage.elsewhere().is_none()) {
            let group = self.group_of(name);
            let Some(row) = object.storage.row() else { continue };
            prevented += row.collisions.prevented;
            dropped += row.collisions.dropped;
            leaked += row.collisions.leaked + row.collisions.would_prevent;
            remembered += row.collisions.iter().count();
            let mut leaks = row.collisions.iter().filter_map(|it| Some((it.message.as_ref()?, it.at_ms)));
            let is_wrong = |id: &EventId, at| self.is_explained(group, id, at) && !self.sends.forgotten.contains(id);
            let wrong = leaks.find(|(id, at)| is_wrong(id, *at)).map(|(id, _)| id.clone());
            self.check(wrong.is_none(), Promise::LeaksKnown, || {
                format!("{} has not leaked", wrong.as_ref().map_or("", EventId::as_str))
            });
        }
        let (own, here) = ((self.sends.prevented, self.sends.dropped), (prevented, dropped));
        self.check(own == here, Promise::Counted, || format!("prevented and dropped: {here:?} and not {own:?}"));
        // What is beyond the last ones is counted only, and cannot be taken back.
        if u32::try_from(remembered) == Ok(prevented + dropped + leaked) {
            let ids: Vec<String> = self.sends.leaked.iter().map(|(id, _)| id.as_str().to_owned()).collect();
            let own = self.sends.observed + u32::try_from(self.sends.leaked.len()).unwrap();
            let own = own..=own + u32::try_from(self.sends.forgotten.len()).unwrap();
            self.check(own.contains(&leaked), Promise::Counted, || {
                format!("leaked: {leaked} and not {own:?}: {ids:?}")
            });
        }
    }
}
