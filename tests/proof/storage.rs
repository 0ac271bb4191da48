//! A double of an object's storage: what `store` keeps in SQL, kept in memory.
//!
//! Invariant: what is loaded is what SQL would load, that is the conversation's own row, the open entries, and the
//! entries that the present hold withheld; nothing that was not written survives. `faithful` holds it against the
//! real SQL.
//!
//! Why a double at all: a million events through SQLite take an hour, and a model's state must be cloned and compared.
//!
//! Not here: when something is written, and what is lost in a crash (`world`).

use std::collections::BTreeMap;

use baton::conversation::{Change, Conversation, Output, Rewrite};
use baton::ids::{EventId, ObjectName};
use baton::outbox::{Entry, State};
use baton::time::UnixMillis;
use baton::webhook::event::Class;

/// The body of an event, as far as the gate changes bodies: by its words, each of which has a number.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Body {
    /// A message without a content that could be exchanged.
    Bare(u32),
    /// An edit, with what the message is to say from then on.
    Edit(Box<Self>),
    /// A message that says something else than text.
    Media(u32),
    /// A text; several where texts were gathered.
    Text(Vec<u32>),
}

/// An entry and its body.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Row {
    pub entry: Entry,
    pub body: Option<Body>,
}

/// Why an output cannot be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unwritable(pub &'static str);

/// What one object has stored.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Storage {
    /// The conversation's own row: everything but its entries.
    row: Option<Conversation>,
    pub rows: BTreeMap<EventId, Row>,
}

impl Storage {
    /// Loads the conversation; `last_seq` is the largest of all entries, where the object still remembers it.
    pub fn load(&self, last_seq: Option<u64>) -> Conversation {
        let mut conversation = self.row.clone().unwrap_or_default();
        let token = conversation.turn.hold().map(|_| conversation.turn.token);
        let mut entries: Vec<&Entry> = self.rows.values().map(|row| &row.entry).collect();
        entries.retain(|entry| {
            let is_held = entry.state == State::Withheld && Some(entry.token) == token;
            entry.state.is_open() || (is_held && entry.reason.is_some_and(baton::outbox::Reason::ends_with_hold))
        });
        entries.sort_by(|one, other| (one.seq, &one.id).cmp(&(other.seq, &other.id)));
        let (open, held) = entries.into_iter().cloned().partition(|entry| entry.state.is_open());
        (conversation.outbox, conversation.held) = (open, held);
        conversation.last_seq = last_seq.unwrap_or_else(|| self.last_seq());
        conversation
    }

    /// The conversation's own row, without the entries.
    pub fn row(&self) -> Option<&Conversation> {
        self.row.as_ref()
    }

    /// Where the conversation lives; `None` where it is at home here.
    pub fn elsewhere(&self) -> Option<&ObjectName> {
        match &self.row.as_ref()?.place {
            baton::conversation::identity::Place::Elsewhere(home) => Some(home),
            baton::conversation::identity::Place::Home(_) => None,
        }
    }

    fn last_seq(&self) -> u64 {
        self.rows.values().map(|row| row.entry.seq).max().unwrap_or_default()
    }

    pub fn entry(&self, id: &EventId) -> Option<&Entry> {
        self.rows.get(id).map(|row| &row.entry)
    }

    /// Those of the ids that are stored.
    pub fn known<'i>(&self, ids: impl IntoIterator<Item = &'i EventId>) -> BTreeMap<EventId, Entry> {
        let found = ids.into_iter().filter_map(|id| self.entry(id).map(|entry| (id.clone(), entry.clone())));
        found.collect()
    }

    pub fn body(&self, id: &EventId) -> Option<&Body> {
        self.rows.get(id)?.body.as_ref()
    }

    /// When the oldest event was accepted.
    pub fn oldest(&self) -> Option<UnixMillis> {
        self.rows.values().map(|row| row.entry.accepted_at).min()
    }

    /// When the customer's last message was accepted.
    pub fn last_said(&self) -> Option<UnixMillis> {
        let said = self.rows.values().map(|row| &row.entry).filter(|entry| entry.class == Class::Turn);
        said.map(|entry| entry.accepted_at).max()
    }

    /// The dead letters whose bodies are still there.
    pub fn dead(&self) -> Vec<Entry> {
        let dead = self.rows.values().filter(|row| row.entry.state == State::Dead && row.body.is_some());
        let mut dead: Vec<Entry> = dead.map(|row| row.entry.clone()).collect();
        dead.sort_by(|one, other| (one.seq, &one.id).cmp(&(other.seq, &other.id)));
        dead
    }

    /// Writes what an output says, as a whole, and gives back the conversation's own row as it was. `bodies[n]` is the
    /// body of the input's event `n`.
    pub fn write(
        &mut self,
        mut conversation: Conversation,
        output: &Output,
        bodies: &[Option<Body>],
    ) -> Result<Conversation, Unwritable> {
        for change in &output.changes {
            match change {
                Change::Put { entry, event, replaces } => {
                    if !replaces && self.rows.contains_key(&entry.id) {
                        return Err(Unwritable("an entry was put over another that it does not replace"));
                    }
                    let body = event.filter(|_| !entry.is_done_with_body());
                    let body = body.and_then(|at| bodies.get(at).cloned().flatten());
                    self.rows.insert(entry.id.clone(), Row { entry: entry.clone(), body });
                }
                Change::Rewrite { id, how } => self.rewrite(id, how, bodies)?,
                Change::Update(entry) => {
                    let Some(row) = self.rows.get_mut(&entry.id) else {
                        return Err(Unwritable("an entry was updated that is not stored"));
                    };
                    // An update writes neither class nor seq nor the times of arrival, so these must be the same.
                    let same = (entry.class, entry.seq, entry.accepted_at, entry.sent_at);
                    if same != (row.entry.class, row.entry.seq, row.entry.accepted_at, row.entry.sent_at) {
                        return Err(Unwritable("an update changes what an update does not write"));
                    }
                    row.entry = entry.clone();
                    if entry.is_done_with_body() {
                        row.body = None;
                    }
                }
                Change::Forget { events_before, bodies_before } => {
                    let closed = |row: &Row| !row.entry.state.is_open();
                    let settled = |row: &Row| row.entry.settled_at.unwrap_or(row.entry.accepted_at);
                    self.rows.retain(|_, row| !closed(row) || settled(row) >= *events_before);
                    for row in self.rows.values_mut().filter(|row| settled(row) < *bodies_before) {
                        if closed(row) {
                            row.body = None;
                        }
                    }
                }
            }
        }
        (conversation.outbox, conversation.held, conversation.last_seq) = (Vec::new(), Vec::new(), 0);
        let before = self.row.take().unwrap_or_default();
        if !output.save && before != conversation {
            return Err(Unwritable("the conversation's own row has changed and is not written"));
        }
        if output.save || before != Conversation::default() {
            self.row = Some(conversation);
        }
        Ok(before)
    }

    fn rewrite(&mut self, id: &EventId, how: &Rewrite, bodies: &[Option<Body>]) -> Result<(), Unwritable> {
        let rewritten = match how {
            Rewrite::Edited { event } => {
                let edit = bodies.get(*event).cloned().flatten();
                match (self.body(id), edit) {
                    (Some(Body::Text(_) | Body::Media(_)), Some(Body::Edit(body))) => *body,
                    _ => return Ok(()),
                }
            }
            Rewrite::Merged(ids) => {
                let mut words = Vec::new();
                for id in ids {
                    match self.body(id) {
                        Some(Body::Text(text)) => words.extend(text),
                        Some(_) => return Err(Unwritable("what is no text was gathered")),
                        None => return Err(Unwritable("a text without a body was gathered")),
                    }
                }
                Body::Text(words)
            }
        };
        if let Some(row) = self.rows.get_mut(id) {
            row.body = Some(rewritten);
        }
        Ok(())
    }
}
