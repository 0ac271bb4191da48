//! What of a deployment a caller may ask about: all of it, or one line.
//!
//! Invariant: whoever came by the token of a line is let into what concerns that line, into lists that are cut down to
//! it, and into their own session; into nothing else, and what a line is told of another does not depend on whether
//! that other exists.
//!
//! The rule is one function, [`Scope::admits`], and it is asked in one place, `edge::access`. What an operation concerns
//! is the route's to say (`api::route`), so that an operation that is added cannot be forgotten here.
//!
//! Not here: which token opens which line (`settings::lines`), how a session carries it (`session`).

use crate::ids::LineId;

/// What a caller may ask about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Everything: the operator of the deployment.
    Deployment,
    /// One line: whoever has its token.
    Line(LineId),
}

/// What an operation concerns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Concern {
    /// The caller's own session.
    Caller,
    /// All lines at once.
    Deployment,
    /// Each line by itself: the handler leaves out those of which [`Scope::has`] says no.
    EachLine,
    /// One line.
    Line(LineId),
    /// The line that the body names, of which the handler asks again once it has read it.
    LineOfBody,
}

impl Scope {
    /// Whether an operation with this concern is within it.
    #[must_use]
    pub fn admits(&self, concern: &Concern) -> bool {
        match (self, concern) {
            (Self::Deployment, _) | (Self::Line(_), Concern::Caller | Concern::EachLine | Concern::LineOfBody) => true,
            (Self::Line(_), Concern::Deployment) => false,
            (Self::Line(own), Concern::Line(line)) => own == line,
        }
    }

    /// Whether a line is within it.
    #[must_use]
    pub fn has(&self, line: &LineId) -> bool {
        match self {
            Self::Deployment => true,
            Self::Line(own) => own == line,
        }
    }

    /// The one line, where it is one.
    #[must_use]
    pub const fn line(&self) -> Option<&LineId> {
        match self {
            Self::Deployment => None,
            Self::Line(line) => Some(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lines_token_opens_that_line_and_nothing_of_the_deployments_or_anothers() {
        let line = |id| LineId::parse(id).unwrap();
        let own = Scope::Line(line("300"));
        for (concern, admits) in [
            (Concern::Caller, true),
            (Concern::EachLine, true),
            (Concern::LineOfBody, true),
            (Concern::Line(line("300")), true),
            (Concern::Line(line("301")), false),
            (Concern::Line(line("30")), false),
            (Concern::Deployment, false),
        ] {
            assert_eq!(own.admits(&concern), admits, "{concern:?}");
            assert!(Scope::Deployment.admits(&concern), "{concern:?}");
        }
        assert!(own.has(&line("300")) && !own.has(&line("301")) && Scope::Deployment.has(&line("301")));
    }
}
