//! What is stored of a conversation, as rows without a database: the changes of each output, taken at their word.
//!
//! Invariant: a change says the truth about the rows that are there (what it replaces, updates and rewrites), and the
//! rows say what the core thinks: after each step a conversation that is loaded anew equals the one in memory.
//!
//! The conversation's own row goes through the store's own writing and reading, in a database that knows two
//! statements.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use baton::conversation::{Change, Conversation, Incoming, Output, Rewrite};
use baton::ids::{AttemptNumber, EventId};
use baton::outbox::{Entry, Reason, State};
use baton::store::table::{Table, load};
use baton::store::{Sql, StoreError, Value};
use baton::time::UnixMillis;
use baton::webhook::event::Class;

/// First integer that a row cannot hold exactly (`store::rows`).
const EXACT_END: u64 = 1 << 53;

#[derive(Default)]
pub(super) struct Shelf {
    entries: BTreeMap<EventId, Entry>,
    bodies: BTreeSet<EventId>,
    row: OneRow,
}

impl Shelf {
    pub(super) fn has(&self, id: &EventId) -> bool {
        self.entries.contains_key(id)
    }

    pub(super) fn has_body(&self, id: &EventId) -> bool {
        self.bodies.contains(id)
    }

    pub(super) fn is_in_use(&self) -> bool {
        !self.entries.is_empty()
    }

    pub(super) fn entry(&self, id: &EventId) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(super) fn last_said(&self) -> Option<UnixMillis> {
        let said = self.entries.values().filter(|entry| entry.class == Class::Turn);
        said.map(|entry| entry.accepted_at).max()
    }

    /// The entries that the conversation wants to see of these events.
    pub(super) fn known(&self, events: &[Incoming]) -> BTreeMap<EventId, Entry> {
        let entry = |id: &EventId| self.entries.get(id).map(|entry| (id.clone(), entry.clone()));
        events.iter().flat_map(Incoming::ids).filter_map(entry).collect()
    }

    pub(super) fn dead(&self) -> Vec<Entry> {
        let has_body = |entry: &&Entry| entry.state == State::Dead && self.bodies.contains(&entry.id);
        sorted(self.entries.values().filter(has_body))
    }

    pub(super) fn oldest(&self) -> Option<UnixMillis> {
        self.entries.values().map(|entry| entry.accepted_at).min()
    }

    /// Writes what an output says.
    pub(super) fn write(&mut self, conversation: &Conversation, output: &Output) {
        let untried = |entry: &Entry| entry.attempts == AttemptNumber::default();
        let seen: BTreeSet<_> =
            self.entries.values().filter(|entry| !untried(entry)).map(|entry| entry.id.clone()).collect();
        for change in &output.changes {
            match change {
                Change::Put { entry, event, replaces } => {
                    assert_eq!(*replaces, self.has(&entry.id), "whether {entry:?} replaces another");
                    self.bodies.remove(&entry.id);
                    if event.is_some() && !entry.is_done_with_body() {
                        self.bodies.insert(entry.id.clone());
                    }
                    self.entries.insert(entry.id.clone(), entry.clone());
                }
                Change::Update(entry) => {
                    let Some(before) = self.entries.get(&entry.id) else { panic!("{entry:?} is not there") };
                    assert!(before.state != State::Delivered, "{before:?} has come to its end");
                    assert_eq!((before.class, before.seq), (entry.class, entry.seq), "what no update writes");
                    assert_eq!((before.sent_at, before.accepted_at), (entry.sent_at, entry.accepted_at));
                    if entry.is_done_with_body() {
                        self.bodies.remove(&entry.id);
                    }
                    self.entries.insert(entry.id.clone(), entry.clone());
                }
                Change::Rewrite { id, how } => {
                    assert!(self.has(id) && !seen.contains(id), "the bytes of what was tried never change");
                    if let Rewrite::Merged(ids) = how {
                        assert!(ids.len() > 1 && ids.last() == Some(id));
                        assert!(ids.iter().all(|id| self.bodies.contains(id)), "what is merged has a text");
                    }
                }
                Change::Forget { events_before, bodies_before } => self.forget(*events_before, *bodies_before),
            }
        }
        self.row.save(conversation, output);
    }

    fn forget(&mut self, events_before: UnixMillis, bodies_before: UnixMillis) {
        let settled = |entry: &Entry| entry.settled_at.unwrap_or(entry.accepted_at);
        self.entries.retain(|_, entry| entry.state.is_open() || settled(entry) >= events_before);
        let keeps = |entry: &Entry| entry.state.is_open() || settled(entry) >= bodies_before;
        self.bodies.retain(|id| self.entries.get(id).is_some_and(keeps));
    }

    /// What is loaded next time is what the core thinks it is.
    pub(super) fn check(&self, conversation: &Conversation) {
        let open = self.entries.values().filter(|entry| entry.state.is_open());
        assert_eq!(conversation.outbox, sorted(open), "the open entries");
        let token = conversation.turn.hold().map(|_| conversation.turn.token);
        let is_held = |entry: &&Entry| {
            let ends = entry.state == State::Withheld && entry.reason.is_some_and(Reason::ends_with_hold);
            ends && Some(entry.token) == token
        };
        assert_eq!(conversation.held, sorted(self.entries.values().filter(is_held)), "the entries of the hold");
        for entry in self.entries.values() {
            let at = match entry.state {
                State::InFlight(at) | State::Waiting(at) => Some(at),
                State::Dead | State::Delivered | State::Withheld => entry.settled_at,
            };
            let at = at.expect("each entry has a time").as_millis();
            assert!(at.max(entry.seq) < EXACT_END, "a row can hold {entry:?}");
            assert!(entry.seq <= conversation.last_seq, "no entry is behind the last");
        }
        self.row.check(conversation);
    }
}

fn sorted<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = entries.cloned().collect();
    entries.sort_by(|one, other| (one.seq, &one.id).cmp(&(other.seq, &other.id)));
    entries
}

/// A database that holds the conversation's own row.
#[derive(Default)]
struct OneRow(RefCell<Option<Value>>);

impl OneRow {
    fn save(&mut self, conversation: &Conversation, output: &Output) {
        let Ok(mut table) = Table::open(self, true) else { panic!("the table is there") };
        let own = Output { save: output.save, ..Output::default() };
        table.save(conversation, &own, &[]).expect("the row can be written");
    }

    fn check(&self, conversation: &Conversation) {
        let stored = load(self, Some(conversation.last_seq)).expect("the row can be read");
        let (outbox, held) = (conversation.outbox.clone(), conversation.held.clone());
        assert_eq!(Conversation { outbox, held, ..stored }, *conversation, "the conversation's own row");
    }
}

impl Sql for OneRow {
    fn query(&self, statement: &'static str, mut values: Vec<Value>) -> Result<Vec<Vec<Value>>, StoreError> {
        if statement.starts_with("INSERT OR REPLACE INTO event (id, part, body) VALUES ('', 0, ?)") {
            self.0.replace(values.pop());
        } else if statement.starts_with("SELECT body FROM event WHERE id = ''") {
            return Ok(self.0.borrow().iter().map(|row| vec![row.clone()]).collect());
        }
        Ok(Vec::new())
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        work()
    }
}
