//! A secret that can be changed while it is in use: for a while two of them are good.
//!
//! Invariant: both are always tried, so the time of an answer does not tell which of them it was. What was made with
//! neither is refused. What the gate makes itself, it makes with the current one first.
//!
//! Why two and not a list: a change has one step before and one after it. Somebody who changes a secret a second time
//! before the first change is through has lost track, and so would everybody whom they tell.
//!
//! Not here: where they come from (`settings`), where it is written down which of the two was used (`store::office`).

use super::Secret;
use crate::time::UnixMillis;

/// The secrets of one name that are in force: the current one and, while it is being changed, the one before.
#[derive(Clone, Debug)]
pub struct Rotating {
    /// The current one, under its own name.
    pub current: Secret,
    /// The one before, under the same name with `_PREVIOUS` behind it.
    pub previous: Option<Secret>,
}

/// One of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// The current one.
    Current,
    /// The one before.
    Previous,
}

impl Which {
    /// Which it is, where both were tried.
    #[must_use]
    pub const fn of(current: bool, previous: bool) -> Option<Self> {
        match (current, previous) {
            (true, _) => Some(Self::Current),
            (false, true) => Some(Self::Previous),
            (false, false) => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Current => Self::Previous,
            Self::Previous => Self::Current,
        }
    }
}

impl From<Secret> for Rotating {
    /// A secret that is not being changed.
    fn from(current: Secret) -> Self {
        Self { current, previous: None }
    }
}

impl Rotating {
    /// The secret of this name and the one before it; `None` where there is no current one. `read` gives the text of a
    /// secret.
    #[must_use]
    pub fn read(name: &str, read: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let current = read(name).and_then(Secret::new)?;
        let previous = read(&previous_name(name)).and_then(Secret::new);
        Some(Self { current, previous })
    }

    /// The one that is meant; `None` for a previous one where there is none.
    #[must_use]
    pub const fn get(&self, which: Which) -> Option<&Secret> {
        match which {
            Which::Current => Some(&self.current),
            Which::Previous => self.previous.as_ref(),
        }
    }

    /// Which of them has made something, by a check that takes as long for a right one as for a wrong one.
    #[must_use]
    pub fn which(&self, has_made: impl Fn(&Secret) -> bool) -> Option<Which> {
        let current = has_made(&self.current);
        let previous = self.previous.as_ref().is_some_and(has_made);
        Which::of(current, previous)
    }

    /// Which of them was presented.
    #[must_use]
    pub fn matching(&self, presented: &[u8]) -> Option<Which> {
        self.which(|secret| secret.matches(presented))
    }
}

/// The name of the secret that is the one before that of this name.
#[must_use]
pub fn previous_name(name: &str) -> String {
    let mut previous = name.to_owned();
    previous.push_str("_PREVIOUS");
    previous
}

/// When a secret was first and last used, as far as that was written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Used {
    /// First.
    pub first: UnixMillis,
    /// Last.
    pub last: UnixMillis,
}

/// Which of two secrets is in use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InUse {
    /// The one that was used last; `None` where neither was yet.
    pub which: Option<Which>,
    /// Since when that one has been in use.
    pub since: Option<UnixMillis>,
    /// When the previous one was last used.
    pub previous_last: Option<UnixMillis>,
}

impl InUse {
    /// Which it is, by when each was used. Of two that were used at the same time it is the current one.
    #[must_use]
    pub fn of(current: Option<Used>, previous: Option<Used>) -> Self {
        let which = match (current, previous) {
            (Some(current), Some(previous)) if current.last < previous.last => Some((Which::Previous, previous)),
            (Some(current), _) => Some((Which::Current, current)),
            (None, Some(previous)) => Some((Which::Previous, previous)),
            (None, None) => None,
        };
        Self {
            which: which.map(|(which, _)| which),
            since: which.map(|(_, used)| used.first),
            previous_last: previous.map(|used| used.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_secrets_either_is_good_and_a_third_is_not() {
        let read = |name: &str| match name {
            "WORD" => Some("new".to_owned()),
            "WORD_PREVIOUS" => Some("old".to_owned()),
            "ONE" => Some("one".to_owned()),
            "ONE_PREVIOUS" | "NONE" => Some(String::new()),
            "NONE_PREVIOUS" => Some("left over".to_owned()),
            _ => None,
        };
        let both = Rotating::read("WORD", read).unwrap();
        for (presented, which) in
            [("new", Some(Which::Current)), ("old", Some(Which::Previous)), ("older", None), ("", None)]
        {
            assert_eq!(both.matching(presented.as_bytes()), which, "{presented}");
        }
        let one = Rotating::read("ONE", read).unwrap();
        assert_eq!((one.matching(b"one"), one.matching(b"")), (Some(Which::Current), None));
        assert!(Rotating::read("NONE", read).is_none(), "what is left over is no secret of its own");
    }

    #[test]
    fn in_use_is_what_was_used_last_since_it_was_used_first() {
        let used = |first, last| Some(Used { first: UnixMillis::new(first), last: UnixMillis::new(last) });
        let in_use = |which, since: Option<u64>, previous: Option<u64>| InUse {
            which,
            since: since.map(UnixMillis::new),
            previous_last: previous.map(UnixMillis::new),
        };
        for (current, previous, expected) in [
            (None, None, in_use(None, None, None)),
            (used(5, 9), None, in_use(Some(Which::Current), Some(5), None)),
            (None, used(1, 4), in_use(Some(Which::Previous), Some(1), Some(4))),
            (used(5, 9), used(1, 4), in_use(Some(Which::Current), Some(5), Some(4))),
            (used(5, 9), used(1, 9), in_use(Some(Which::Current), Some(5), Some(9))),
            (used(5, 9), used(1, 12), in_use(Some(Which::Previous), Some(1), Some(12))),
        ] {
            assert_eq!(InUse::of(current, previous), expected, "{current:?} {previous:?}");
        }
    }
}
