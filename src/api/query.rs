//! What stands behind the `?` of an address.
//!
//! Invariant: a value that is given out is of the form that was asked for; one that is not is a
//! [`Problem::Parameter`], never a guess. Parameters that nobody asks for are left alone.

use url::form_urlencoded;

use crate::ids::LineId;
use crate::limits::OBSERVED_DAYS_MAX;
use crate::problem::Problem;
use crate::time::UnixMillis;

/// Days that are looked back over, where the caller does not say.
const DAYS: u64 = 7;
/// Items of a page, where the caller does not say.
const PAGE_ITEMS: usize = 50;
/// Most items of a page.
const PAGE_ITEMS_MAX: usize = 200;
/// Latest time that is understood: the end of the year 9999.
const AT_MAX: u64 = 253_402_300_799_000;

/// The parameters of a request.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what stands behind the `?`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A parameter as it was given; `None` where it was left out.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The line, which most lists need.
    ///
    /// # Errors
    ///
    /// [`Problem::Parameter`] where it is left out or is none.
    pub fn line(&self) -> Result<LineId, Problem> {
        const WANTED: Problem = Problem::Parameter {
            name: "line",
            wanted: "the phone_number_id of a business number, as GET /api/v1/lines lists them",
        };
        self.text("line").and_then(line).ok_or(WANTED)
    }

    /// A parameter that is one of these words.
    ///
    /// # Errors
    ///
    /// [`Problem::Parameter`] where it is another.
    pub fn one_of<T: Copy>(
        &self,
        name: &'static str,
        wanted: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.map(Some).ok_or(Problem::Parameter { name, wanted })
    }

    /// A parameter that is `true` or `false`.
    ///
    /// # Errors
    ///
    /// [`Problem::Parameter`] where it is neither.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, Problem> {
        self.one_of(name, "`true` or `false`", &[("true", true), ("false", false)])
    }

    /// A time in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Problem::Parameter`] where it is none.
    pub fn at(&self, name: &'static str) -> Result<Option<UnixMillis>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        number(text)
            .and_then(at)
            .map(Some)
            .ok_or(Problem::Parameter { name, wanted: "a time in milliseconds since 1970" })
    }

    /// How many days are looked back over.
    ///
    /// # Errors
    ///
    /// [`Problem::Parameter`] where it is no number from 1 to 30.
    pub fn days(&self) -> Result<u64, Problem> {
        let Some(text) = self.text("days") else { return Ok(DAYS) };
        let days = number(text).filter(|days| (1..=OBSERVED_DAYS_MAX).contains(days));
        days.ok_or(Problem::Parameter { name: "days", wanted: "a number from 1 to 30" })
    }

    /// How many items a page has.
    ///
    /// # Errors
    ///
    /// [`Problem::Parameter`] where it is no number from 1 to 200.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.text("limit") else { return Ok(PAGE_ITEMS) };
        let limit = number(text).and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.filter(|limit| (1..=PAGE_ITEMS_MAX).contains(limit));
        limit.ok_or(Problem::Parameter { name: "limit", wanted: "a number from 1 to 200" })
    }
}

/// A time in milliseconds since 1970, as far as times are understood.
#[must_use]
pub fn at(millis: u64) -> Option<UnixMillis> {
    (millis <= AT_MAX).then(|| UnixMillis::new(millis))
}

/// A business number as its id is written everywhere: digits.
#[must_use]
pub fn line(text: &str) -> Option<LineId> {
    let digits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    LineId::parse(text).filter(|_| digits)
}

/// Digits and nothing else: `parse` would take a sign.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_what_was_asked_for_or_a_problem_that_names_it() {
        let query = Query::parse("line=106540352242922&limit=7&waiting=true&since_ms=5&q=a%20b&empty=");
        assert_eq!(query.line().unwrap().as_str(), "106540352242922");
        assert_eq!((query.limit(), query.flag("waiting"), query.days()), (Ok(7), Ok(Some(true)), Ok(7)));
        assert_eq!((query.at("since_ms"), query.at("until_ms")), (Ok(Some(UnixMillis::new(5))), Ok(None)));
        assert_eq!((query.text("q"), query.text("empty")), (Some("a b"), Some("")));
        for bad in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=+1",
            "waiting=1",
            "since_ms=1e3",
            "since_ms=253402300799001",
            "days=0",
            "days=31",
            "days=",
            "limit=",
            "waiting=",
            "since_ms=",
        ] {
            let query = Query::parse(bad);
            let all = [
                query.days().is_err(),
                query.limit().is_err(),
                query.flag("waiting").is_err(),
                query.at("since_ms").is_err(),
            ];
            assert_eq!(all.into_iter().filter(|refused| *refused).count(), 1, "{bad}");
            assert!(query.line().is_err());
        }
    }
}
