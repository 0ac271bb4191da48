//! Numbers by which two of a kind are told apart, and the older one is fenced: the turn's, and the attempt's.
//!
//! Invariant: `next` is greater, and never wraps.

use serde::{Deserialize, Serialize};

/// Grows at every change of holder. An entry carries the token of the turn in which it was accepted, and the
/// two are compared before every attempt.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct FencingToken(u64);

impl FencingToken {
    /// The token with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The token of the next turn.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The token's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Which attempt at an entry this is, from 1. Fences two senders of the same entry.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct AttemptNumber(u32);

impl AttemptNumber {
    /// The attempt with this number; 0 means that none was made.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The attempt after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The attempt's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}
