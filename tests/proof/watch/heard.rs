//! What the bot was given, and whether a person has taken over since.
//!
//! Invariant: what was given under a hold's beginning is late once that hold has ended, and as good as new where it was
//! undone. A takeover is what `turn` believes.
//!
//! Why some of it is unsure: where two talks have met, which tokens of the one outdate those of the other is a matter of
//! judgement, what was under way when a hold began may be the bot's again after it, and what passed during a hold because
//! the policy only observed may have been answered by the person since. Of these nothing is said.

use baton::outbox::State;
use baton::webhook::event::Class;

use super::{Commit, Watch};
use crate::outgoing::{Heard, Post};
use crate::world::Flight;

/// What the bot was given, at most this much of it.
const HEARD_MAX: usize = 6;

/// What is known of something that the bot was given.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Given {
    pub(super) heard: Heard,
    object: u8,
    by_token: Age,
    by_context: Age,
}

/// How old an answer to it would be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Age {
    /// A person holds since.
    Held,
    /// A person holds since, and has met another name's turns: what was given before the hold is late after it, and may be
    /// refused where it is undone.
    HeldAndMet,
    /// A person has held since.
    Late,
    /// Nobody has.
    New,
    /// A person may have held since, or not.
    Unsure,
}

impl Watch {
    /// The bot is given something.
    pub(super) fn given(&mut self, flight: &Flight) {
        if !self.sends.is_watched || flight.attempt.class != Class::Turn {
            return;
        }
        let object = self.name(&flight.object);
        let (id, token) = (flight.attempt.id.clone(), flight.attempt.token);
        for given in self.sends.given.iter_mut().filter(|given| given.heard.id == id) {
            given.by_context = Age::Unsure;
        }
        let heard = Heard { id, token, object: flight.object.clone() };
        self.sends.given.retain(|given| given.heard != heard);
        let group = self.group_of(&flight.object);
        let passed = self.observes && self.groups[group].hold.is_some();
        let age = if passed { Age::Unsure } else { Age::New };
        self.sends.given.push(Given { heard, object, by_token: age, by_context: age });
        if self.sends.given.len() > HEARD_MAX {
            self.sends.given.remove(0);
        }
    }

    /// What the bot was given last, the newest last.
    pub fn heard(&self) -> Vec<Heard> {
        self.sends.given.iter().map(|given| given.heard.clone()).collect()
    }

    fn given_in(&mut self, group: usize) -> impl Iterator<Item = &mut Given> {
        let names = &self.names;
        self.sends.given.iter_mut().filter(move |given| usize::from(names[usize::from(given.object)].1) == group)
    }

    /// A person holds from here on.
    pub(super) fn given_before_hold(&mut self, group: usize) {
        self.groups[group].was_taken = true;
        for given in self.given_in(group) {
            for age in [&mut given.by_token, &mut given.by_context] {
                *age = if *age == Age::New { Age::Held } else { *age };
            }
        }
    }

    /// The hold has ended, or was undone.
    pub(super) fn given_after_hold(&mut self, group: usize, is_undone: bool, commit: &Commit<'_>) {
        let state_of = |given: &Given| {
            let entry = commit.storage.entry(&given.heard.id).filter(|entry| entry.class == Class::Turn);
            entry.map(|entry| entry.state)
        };
        for given in self.given_in(group) {
            let is_done = matches!(state_of(given), Some(State::Delivered));
            let context = if is_done { Age::Late } else { Age::Unsure };
            for (age, late) in [(&mut given.by_token, Age::Late), (&mut given.by_context, context)] {
                *age = match *age {
                    Age::Held if is_undone => Age::New,
                    Age::HeldAndMet if is_undone => Age::Unsure,
                    Age::Held | Age::HeldAndMet => late,
                    age => age,
                };
            }
        }
    }

    /// Two talks have met. Where a person has taken over in both, each has counted its turns apart.
    pub(super) fn given_where_names_meet(&mut self, group: usize, both_taken: bool) {
        let is_held = self.groups[group].hold.is_some();
        for given in self.given_in(group) {
            given.by_context = Age::Unsure;
            given.by_token = match given.by_token {
                Age::Late => Age::Late,
                Age::Held if is_held && !both_taken => Age::Held,
                Age::Held | Age::HeldAndMet if is_held => Age::HeldAndMet,
                Age::Held | Age::HeldAndMet | Age::New | Age::Unsure => Age::Unsure,
            };
        }
    }

    /// How old an answer the message is, by what it says itself: late where one of the two is, new where both are.
    pub(super) fn age_of(&self, post: &Post, commit: &Commit<'_>) -> Option<Age> {
        let heard = post.heard.as_ref()?;
        let own = self.names.iter().position(|(name, ..)| name == commit.name)?;
        let given = self.sends.given.iter().find(|given| given.heard == *heard);
        // Names that nothing has brought together yet are two customers to the gate.
        let is_here = |given: &&Given| self.names[usize::from(given.object)].1 == self.names[own].1;
        let Some(given) = given.filter(is_here) else { return Some(Age::Unsure) };
        let is_stored = commit.storage.entry(&heard.id).is_some_and(|entry| entry.class == Class::Turn);
        let by_token = post.sending.token.map(|_| given.by_token);
        let by_context = post.sending.answers.as_ref().filter(|_| is_stored).map(|_| given.by_context);
        match (by_token, by_context) {
            (None, None) => None,
            (Some(Age::Late), _) | (_, Some(Age::Late)) => Some(Age::Late),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(one), Some(other)) if one == other => Some(one),
            _ => Some(Age::Unsure),
        }
    }
}
