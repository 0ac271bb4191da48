//! What would happen to events: the rules and the holder as they would decide, without anything happening.
//!
//! Invariant: what is said here is what `accept` would do, because it is `accept` that is asked; its output is thrown
//! away. Nothing is stored, nothing starts, and nobody is told.
//!
//! Each customer begins with a conversation of their own in which nothing has happened but, where that is asked for, a
//! person's words. Events of one customer follow each other, as they would.
//!
//! Not here: reading the delivery (`webhook`), what the caller is told (`command::shown`).

use std::collections::BTreeMap;

use super::memory::{Cause, Change as TurnChange};
use super::{Arrival, Change, Context, Conversation, Incoming, Output};
use crate::ids::{EventId, ObjectName};
use crate::outbox::Entry;
use crate::webhook::event::{Event, Scope};

/// What would become of one event.
#[derive(Debug)]
pub struct Tried {
    /// Its entry; `None` where it would have none, as an echo has.
    pub entry: Option<Entry>,
    /// Why it would stand where it would stand.
    pub explanation: String,
    /// Whether a person would hold then.
    pub is_held: bool,
}

/// What would become of these events, in their order. `is_held` says whether a person holds when they come.
#[must_use]
pub fn try_all(events: &[Event<'_>], is_held: bool, context: Context<'_>) -> Vec<Tried> {
    // Lists, because another kind of map is code that each of a Worker's starts pays for.
    let mut met: Vec<(ObjectName, Conversation)> = Vec::new();
    let mut known = BTreeMap::new();
    let try_one = |event: &Event<'_>| {
        let name = event.scope.object_name();
        let at = met.iter().position(|(met, _)| *met == name);
        let fresh = || if is_held { held(context) } else { Conversation::default() };
        let mut conversation = at.map_or_else(fresh, |at| met.swap_remove(at).1);
        let tried = conversation.try_event(event, &name, &mut known, context);
        met.push((name, conversation));
        tried
    };
    events.iter().map(try_one).collect()
}

/// A conversation that a person has just taken.
fn held(context: Context<'_>) -> Conversation {
    let mut conversation = Conversation::default();
    conversation.turn.take(context.now, context.policy, None);
    conversation.record(TurnChange::Takeover, Cause::Echo, None, context, &mut Output::default());
    conversation
}

impl Conversation {
    fn try_event(
        &mut self,
        event: &Event<'_>,
        here: &ObjectName,
        known: &mut BTreeMap<EventId, Entry>,
        context: Context<'_>,
    ) -> Tried {
        let incoming = [Incoming {
            id: event.id.clone(),
            class: event.class,
            sent_at: event.sent_at,
            tried: None,
            facts: event.facts.clone(),
        }];
        let line = match &event.scope {
            Scope::Customer(line, _) | Scope::Line(line) => Some(line),
            Scope::Account(_) | Scope::Unaddressed => None,
        };
        let mut output = Output::default();
        let customer = event.scope.customer();
        let arrival = Arrival { events: &incoming, known, here, aliases: &[], customer, line, last_said: None };
        // No further than that: what is due would start, and say less of the rules.
        self.accept(&arrival, context, &mut output);
        for change in &output.changes {
            if let Change::Put { entry, .. } | Change::Update(entry) = change {
                known.insert(entry.id.clone(), entry.clone());
            }
        }
        let entry = known.get(&event.id).cloned();
        let explanation = self.explain_event(&event.id, entry.as_ref()).unwrap_or_else(|| {
            "It is an entry of the phone's address book; only a marker in its name says something to the rules."
                .to_owned()
        });
        Tried { entry, explanation, is_held: self.turn.hold().is_some() }
    }
}
