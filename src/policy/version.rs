//! A document as one of a row of versions, and where the one in force comes from.
//!
//! Invariant: [`Source::of`] says `desk` only of the newest version, and of what may still be on its way only for as long
//! as it may.
//!
//! Not here: where the versions are kept (`store::office`), how one is put in force (`edge::policies`).

use crate::limits::IN_FORCE_WITHIN;
use crate::time::UnixMillis;

/// A version of the policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version {
    /// When it was written.
    pub at: UnixMillis,
    /// The document.
    pub document: String,
    /// Its number, from 1.
    pub number: u32,
}

/// Where the document in force comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// `BATON_POLICY`.
    Deployment,
    /// The newest version.
    Desk,
    /// Somebody has written another document into KV.
    Kv,
}

impl Source {
    /// Where it comes from, by what KV holds. For a while after a change KV may still show what was there before.
    #[must_use]
    pub fn of(held: Option<&str>, newest: Option<&Version>, now: UnixMillis) -> Self {
        let is_desk =
            |newest: &Version| held == Some(newest.document.as_str()) || now < newest.at.after(IN_FORCE_WITHIN);
        match held {
            _ if newest.is_some_and(is_desk) => Self::Desk,
            Some(_) => Self::Kv,
            None => Self::Deployment,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Desk => "desk",
            Self::Kv => "kv",
        }
    }
}

/// What became of a change of the policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Somebody has written this version since.
    Newer(u32),
    /// It is the newest version now.
    Written(Version),
}
