//! Why the tool ends, as its exit code and one sentence.
//!
//! Invariant: the codes are documented (docs/tool.md) and never change their meaning, because scripts ask for them.

use core::fmt;

/// All is as it should be.
pub(crate) const OK: u8 = 0;
/// What was asked about is not as it should be: a check failed, a scenario went otherwise, two policies differ.
pub(crate) const NOT_SO: u8 = 1;
/// The command line is not understood, or a file that it names cannot be used.
pub(crate) const USAGE: u8 = 2;
/// The gate, Meta, or a program that is needed cannot be reached.
pub(crate) const UNREACHABLE: u8 = 3;
/// Whoever was asked said no: a wrong token, a missing permission.
pub(crate) const REFUSED: u8 = 4;
/// Somebody ended it (as shells say it: 128 and the number of SIGINT).
pub(crate) const CANCELLED: u8 = 130;

/// A command that cannot go on. Each says what was wrong and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// Somebody ended a question.
    Cancelled,
    /// What was asked about is not as it should be.
    NotSo(String),
    /// Whoever was asked said no.
    Refused(String),
    /// Somebody or something cannot be reached.
    Unreachable(String),
    /// The command line or a file cannot be used.
    Usage(String),
}

impl Failure {
    /// The exit code.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Cancelled => CANCELLED,
            Self::NotSo(_) => NOT_SO,
            Self::Refused(_) => REFUSED,
            Self::Unreachable(_) => UNREACHABLE,
            Self::Usage(_) => USAGE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => {
                f.write_str("Ended. What was done until here stays; the same command goes on from there.")
            }
            Self::NotSo(words) | Self::Refused(words) | Self::Unreachable(words) | Self::Usage(words) => {
                f.write_str(words)
            }
        }
    }
}
