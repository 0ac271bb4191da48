//! What all that concerns one event is found by, from the webhook to the bot: W3C Trace Context (Recommendation of
//! 2021-11-23).
//!
//! Invariant: a trace is derived and stored nowhere. Whoever knows the business number and the event's id knows it, the
//! Worker, the object, the desk and the command line alike; nobody reads either off it.
//!
//! Not here: sending it (`request`), the bot's own spans, which are the bot's.

use crate::ids::{AttemptNumber, EventId, LineId, ObjectName, digest};

/// The trace of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace(String);

impl Trace {
    /// The trace of an event on a line; a message's id is its wamid.
    #[must_use]
    pub fn new(line: Option<&LineId>, id: &EventId) -> Self {
        Self(digest(&[b"trace", line.map_or("", LineId::as_str).as_bytes(), id.as_str().as_bytes()]))
    }

    /// The trace of an event of this object's.
    #[must_use]
    pub fn of(object: &ObjectName, id: &EventId) -> Self {
        Self::new(object.line_of_conversation().as_ref(), id)
    }

    /// 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The header `traceparent` of an attempt at the event: each attempt is a span of its own.
    #[must_use]
    pub fn parent(&self, attempt: AttemptNumber) -> String {
        let span = digest(&[b"span", self.0.as_bytes(), &attempt.number().to_be_bytes()]);
        format!("00-{}-{}-01", self.0, span.get(..16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Phone;

    #[test]
    fn a_trace_is_known_to_whoever_knows_the_line_and_the_message_and_each_attempt_is_a_span_of_its_own() {
        let line = |text: &str| LineId::parse(text).unwrap();
        let id = EventId::named("wamid.HBgLMTU1");
        let trace = Trace::new(Some(&line("300")), &id);
        let conversation = ObjectName::phone(&line("300"), &Phone::parse("15550109999").unwrap());
        assert_eq!(Trace::of(&conversation, &id), trace, "under whatever name the customer is met");
        for other in [Trace::new(Some(&line("301")), &id), Trace::new(Some(&line("300")), &EventId::named("wamid.B"))] {
            assert_ne!(other, trace);
        }
        let parents = [1, 2].map(|number| trace.parent(AttemptNumber::new(number)));
        assert_ne!(parents[0], parents[1]);
        for parent in parents {
            let parts: Vec<&str> = parent.split('-').collect();
            assert_eq!((parts[0], parts[1], parts[2].len(), parts[3]), ("00", trace.as_str(), 16, "01"));
            assert!(trace.as_str().len() == 32 && parent.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
        }
    }

    /// As `docs/observability.md` shows it, for whoever derives it elsewhere.
    #[test]
    fn the_trace_of_the_documentation_is_right() {
        let trace = Trace::new(LineId::parse("106540352242922").as_ref(), &EventId::named("wamid.EXAMPLE"));
        let manual = include_str!("../../docs/observability.md");
        assert!(manual.contains(trace.as_str()), "{}", trace.as_str());
    }
}
