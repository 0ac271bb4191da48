//! The bot's sends that met a person's turn: how many, and the last ones.
//!
//! Invariant: the list is bounded, and what falls out of it stays counted. It holds no word of what was said.
//!
//! Not here: what is let through (`fence`), the sentences (`explain`).

use serde::{Deserialize, Serialize};

use crate::ids::EventId;
use crate::limits::COLLISIONS_MAX;
use crate::time::{Millis, UnixMillis};

/// What stands against a message of the bot's.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// A person holds the baton.
    HeldByHuman,
    /// A person has had the baton since the bot got what it answers.
    OlderToken,
}

impl Conflict {
    /// The conflict in one word, as in `x-baton-refused`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeldByHuman => "held_by_human",
            Self::OlderToken => "older_token",
        }
    }
}

/// A message of the bot's met a person's turn.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Collision {
    /// When.
    pub at_ms: UnixMillis,
    /// What became of it.
    pub outcome: CollisionOutcome,
    /// Whether it passed only because the policy observed. It stands beside the outcome, which is then
    /// [`CollisionOutcome::Leaked`], because an earlier version would refuse a row with an outcome that it does not know.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub would_prevent: bool,
    /// What stood against it.
    pub reason: Conflict,
    /// How late the bot was: the time since the person took the baton.
    pub late_ms: Millis,
    /// Meta's `type`; empty for a message that did not come by the gate.
    pub kind: String,
    /// The message of the shop's that took the baton, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<EventId>,
    /// The bot's message, where it did not come by the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<EventId>,
}

impl Collision {
    /// The outcome in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        if self.would_prevent { "would_prevent" } else { self.outcome.name() }
    }
}

/// What became of a message of the bot's that met a person's turn.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CollisionOutcome {
    /// It was not sent, and the bot was told that it was.
    Dropped,
    /// The customer has got it.
    Leaked,
    /// It was not sent, and the bot was told so.
    Prevented,
}

impl CollisionOutcome {
    /// The outcome in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Leaked => "leaked",
            Self::Prevented => "prevented",
        }
    }
}

/// The bot's sends that met a person's turn: how many, and the last ones.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Collisions {
    /// How many were refused.
    #[serde(default)]
    pub prevented: u32,
    /// How many were dropped without the bot being told.
    #[serde(default)]
    pub dropped: u32,
    /// How many the customer has got.
    #[serde(default)]
    pub leaked: u32,
    /// How many the customer has got only because the policy observed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub would_prevent: u32,
    last: Vec<Collision>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "this is how serde asks")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Collisions {
    /// Writes a collision down.
    pub(super) fn record(&mut self, collision: Collision) {
        let count = self.count_mut(&collision);
        *count = count.saturating_add(1);
        self.last.push(collision);
        if self.last.len() > COLLISIONS_MAX {
            self.last.remove(0);
        }
    }

    const fn count_mut(&mut self, collision: &Collision) -> &mut u32 {
        match collision.outcome {
            CollisionOutcome::Leaked if collision.would_prevent => &mut self.would_prevent,
            CollisionOutcome::Dropped => &mut self.dropped,
            CollisionOutcome::Leaked => &mut self.leaked,
            CollisionOutcome::Prevented => &mut self.prevented,
        }
    }

    /// Whether this message is written down as leaked.
    #[must_use]
    pub fn has_leaked(&self, message: &EventId) -> bool {
        self.last.iter().any(|collision| collision.message.as_ref() == Some(message))
    }

    /// Takes back that a message leaked: it was the shop's own after all, or came by the gate.
    pub(super) fn retract(&mut self, message: &EventId) {
        self.retract_all(|leaked| leaked == message);
    }

    /// Takes back every leak for which there is an explanation by now.
    pub(super) fn retract_all(&mut self, is_explained: impl Fn(&EventId) -> bool) {
        let before = self.last.len();
        self.last.retain(|collision| !collision.message.as_ref().is_some_and(&is_explained));
        let retracted = u32::try_from(before.saturating_sub(self.last.len())).unwrap_or(u32::MAX);
        self.leaked = self.leaked.saturating_sub(retracted);
    }

    /// Forgets what happened before `before`; it stays counted.
    pub(super) fn forget(&mut self, before: UnixMillis) {
        self.last.retain(|collision| collision.at_ms >= before);
    }

    /// Takes over what was remembered under another name of the customer's.
    pub(super) fn take_over(&mut self, other: &Self) {
        for collision in &other.last {
            let behind = self.last.partition_point(|own| own.at_ms <= collision.at_ms);
            self.last.insert(behind, collision.clone());
        }
        while self.last.len() > COLLISIONS_MAX {
            self.last.remove(0);
        }
        self.prevented = self.prevented.saturating_add(other.prevented);
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.leaked = self.leaked.saturating_add(other.leaked);
        self.would_prevent = self.would_prevent.saturating_add(other.would_prevent);
    }

    /// The last collisions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Collision> {
        self.last.iter()
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
