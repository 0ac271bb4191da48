//! One customer, several names, one home.
//!
//! Meta names a customer by phone number, by business-scoped user id, or by both. An object is named after
//! the user id where that is known, else after the phone number, so one customer may reach two objects. The
//! first event that carries both names brings the two together, once in the customer's life. A change of number is
//! the same again: the event names the old and the new, and the new names are linked to where the conversation lives.
//!
//! Of two objects the one with the greater name asks, which of a phone number and a user id is the user id's:
//!
//! | the object that is asked | the object that asks | answer | afterwards |
//! |---|---|---|---|
//! | nothing ever happened | anything | [`LinkAnswer::Yours`] | home is the asking one; the asked one points there |
//! | has a history | nothing ever happened | [`LinkAnswer::Mine`] | home is the asked one; the asking one points there |
//! | has a history | has a history | [`LinkAnswer::Merge`] | home is the asking one, which takes over turn and entries |
//!
//! Why the names decide who asks: two objects that asked each other at the same time would each give way to the other,
//! and the conversation would live nowhere.
//!
//! Invariant: an object that points elsewhere accepts nothing and sends nothing, for ever. Of the objects that
//! one customer's names reach, at most one is at home once they are linked; and a person's hold under either
//! name holds under both.
//!
//! Why state stays where it is in two cases of three: moving is where things are lost. In the third, what is
//! handed over also stays behind, untouched, so that asking again after a crash gives the same answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::collisions::Collisions;
use super::memory::{Cause, Change as TurnChange, Echoes};
use super::release::{Waiting, asks};
use super::sends::Sends;
use super::turn::{Hold, Holder, Turn};
use super::{Change, Context, Conversation, Output};
use crate::ids::{EventId, ObjectName};
use crate::outbox::Entry;
use crate::policy::Policy;

/// Names that one home remembers to have been linked with. A customer's number changes once in years.
const LINKED_MAX: usize = 16;

/// Whether a conversation is at home in this object.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It lives in the object of another name.
    Elsewhere(ObjectName),
    /// It lives here, and these other names lead here.
    Home(Vec<ObjectName>),
}

impl Default for Place {
    fn default() -> Self {
        Self::Home(Vec::new())
    }
}

/// Where events are to go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// They stay.
    Here,
    /// First this object must ask the one of that name.
    LinkFirst(ObjectName),
    /// First the object of that name must ask this one.
    LinkVia(ObjectName),
    /// They go there.
    Moved(ObjectName),
}

impl Place {
    /// Where events go that arrive at `here` and name the customer also by `aliases`.
    #[must_use]
    pub fn route(&self, here: &ObjectName, aliases: &[ObjectName]) -> Route {
        let linked = match self {
            Self::Elsewhere(home) => return Route::Moved(home.clone()),
            Self::Home(linked) => linked,
        };
        match aliases.iter().find(|alias| *alias != here && !linked.contains(alias)) {
            None => Route::Here,
            Some(alias) if alias < here => Route::LinkFirst(alias.clone()),
            Some(alias) => Route::LinkVia(alias.clone()),
        }
    }

    /// Whether the conversation lives in another object.
    #[must_use]
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Elsewhere(_))
    }

    /// The other names that lead here; `None` where the conversation lives in another object.
    #[must_use]
    pub fn linked_names(&self) -> Option<&[ObjectName]> {
        match self {
            Self::Elsewhere(_) => None,
            Self::Home(linked) => Some(linked),
        }
    }

    /// The other names that lead here.
    #[must_use]
    pub fn linked(&self) -> &[ObjectName] {
        match self {
            Self::Elsewhere(_) => &[],
            Self::Home(linked) => linked,
        }
    }

    fn has_linked(&self, name: &ObjectName) -> bool {
        self.linked().contains(name)
    }

    fn add(&mut self, name: ObjectName) {
        if let Self::Home(linked) = self {
            linked.push(name);
            if linked.len() > LINKED_MAX {
                linked.remove(0);
            }
        }
    }
}

/// What the object that is asked answers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum LinkAnswer {
    /// The asking object takes this over.
    Merge(Box<Handover>),
    /// The conversation lives in the object that is asked.
    Mine,
    /// The conversation lives in the asking object.
    Yours,
}

/// Who asks where the conversation lives.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Asker {
    /// The object.
    pub name: ObjectName,
    /// Whether anything ever happened there.
    pub has_history: bool,
    /// The other names that lead there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<ObjectName>,
}

/// What is handed over from one object to another.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Handover {
    /// Whose turn it was.
    pub turn: Turn,
    /// Whether the customer was waiting for a person.
    pub waiting: Option<Waiting>,
    /// The customer's marked name in the phone's address book.
    pub contact: Option<String>,
    /// The names that led there.
    pub linked: Vec<ObjectName>,
    /// The echoes that were remembered.
    pub echoes: Echoes,
    /// The bot's last sends.
    pub sends: Sends,
    /// The bot's sends that met a person's turn.
    pub collisions: Collisions,
    /// The entries that were open, and those that the present hold had withheld.
    pub entries: Vec<Entry>,
}

impl Handover {
    /// The other conversation as it stands at this time.
    fn at(&self, context: Context<'_>, output: &mut Output) -> Conversation {
        let (outbox, held) = self.entries.iter().cloned().partition(|entry| entry.state.is_open());
        let mut other =
            Conversation { turn: self.turn.clone(), waiting: self.waiting, outbox, held, ..Conversation::default() };
        let mut passed = Output::default();
        other.pass_time(context, &mut passed);
        output.alerts.extend(passed.alerts);
        other
    }
}

impl Conversation {
    /// This object, as it asks another.
    #[must_use]
    pub fn asker(&self, name: &ObjectName) -> Asker {
        Asker { name: name.clone(), has_history: !self.is_fresh(), linked: self.place.linked().to_vec() }
    }

    /// This object is asked by the object of another of the customer's names.
    pub fn asked_to_link(&mut self, by: &Asker, policy: &Policy) -> (LinkAnswer, Output) {
        let mut output = Output::default();
        // Whoever asks may be the one that was given all this, or the one in which that one has ended since: where that
        // one had taken it over, the other would not ask.
        let asked_before =
            matches!(&self.place, Place::Elsewhere(home) if *home == by.name || by.linked.contains(home));
        let answer = match &self.place {
            // The number belongs to somebody else by now; whoever asks last has it.
            Place::Elsewhere(_) if !asked_before => LinkAnswer::Yours,
            Place::Home(_) if self.is_fresh() => LinkAnswer::Yours,
            Place::Home(_) if !by.has_history => LinkAnswer::Mine,
            Place::Elsewhere(_) | Place::Home(_) => LinkAnswer::Merge(Box::new(Handover {
                turn: self.turn.clone(),
                waiting: self.waiting,
                contact: self.contact.clone(),
                linked: match &self.place {
                    Place::Elsewhere(_) => self.linked_before.clone(),
                    Place::Home(linked) => linked.clone(),
                },
                echoes: self.echoes.clone(),
                sends: self.sends.clone(),
                collisions: self.collisions.clone(),
                entries: self.outbox.iter().chain(&self.held).cloned().collect(),
            })),
        };
        if answer != LinkAnswer::Mine && !matches!(&self.place, Place::Elsewhere(home) if *home == by.name) {
            if let Place::Home(linked) = core::mem::replace(&mut self.place, Place::Elsewhere(by.name.clone())) {
                self.linked_before = linked;
            }
            output.save = true;
        }
        output.wake_at = self.wake_at(policy);
        (answer, output)
    }

    /// This object has the answer of the object `asked`. `known` holds those handed-over entries that are known here
    /// already.
    pub fn linked(
        &mut self,
        asked: &ObjectName,
        answer: &LinkAnswer,
        known: &BTreeMap<EventId, Entry>,
        context: Context<'_>,
    ) -> Output {
        let mut output = Output::default();
        if self.place.is_elsewhere() || self.place.has_linked(asked) {
            // Two events asked at the same time, and the other was faster.
            output.wake_at = self.wake_at(context.policy);
            return output;
        }
        output.save = true;
        match answer {
            LinkAnswer::Mine if self.is_fresh() => self.place = Place::Elsewhere(asked.clone()),
            // Something happened here while the answer was under way: it must be asked for again.
            LinkAnswer::Mine => output.save = false,
            LinkAnswer::Yours => self.place.add(asked.clone()),
            LinkAnswer::Merge(handover) => {
                self.place.add(asked.clone());
                self.take_over(handover, known, context, &mut output);
            }
        }
        self.start_next(context, &mut output);
        output.wake_at = self.wake_at(context.policy);
        output
    }

    /// The object of this name points here: it was found to, or has just asked.
    pub fn linked_via(&mut self, name: &ObjectName, policy: &Policy) -> Output {
        let mut output = Output::default();
        if !self.place.is_elsewhere() && !self.place.has_linked(name) {
            self.place.add(name.clone());
            output.save = true;
        }
        output.wake_at = self.wake_at(policy);
        output
    }

    /// Takes over another object's turn and entries. A hold of either is a hold of both.
    fn take_over(
        &mut self,
        handover: &Handover,
        known: &BTreeMap<EventId, Entry>,
        context: Context<'_>,
        output: &mut Output,
    ) {
        for echo in handover.echoes.iter() {
            let spilled = (!self.echoes.contains(&echo.id)).then(|| self.echoes.adopt(echo.clone())).flatten();
            self.spill(spilled, output);
        }
        self.sends.take_over(&handover.sends);
        self.collisions.take_over(&handover.collisions);
        // What the one name took for a leak the other may know.
        self.collisions.retract_all(|message| self.echoes.contains(message) || self.sends.contains(message));
        if self.contact.is_none() {
            self.contact.clone_from(&handover.contact);
        }
        for name in &handover.linked {
            if !self.place.has_linked(name) {
                self.place.add(name.clone());
            }
        }
        // Time has passed for both: a hold that has run out is nobody's any more.
        self.pass_time(context, output);
        let other = handover.at(context, output);
        self.waiting = Waiting::earlier(self.waiting, other.waiting);
        let held_before = self.turn.hold().is_some();
        let token = self.turn.token.max(other.turn.token);
        let hold = joined(self.turn.hold(), other.turn.hold());
        // The two have counted their turns apart, and a token does not say by whom: what neither has outdated may be
        // answered.
        let answerable_from = self.turn.answerable_from().max(other.turn.answerable_from());
        self.turn.token = if hold.is_some() { token.next() } else { token };
        self.turn.answerable_from = Some(answerable_from).filter(|from| *from < self.turn.token);
        let answered_seq = hold.as_ref().map_or(u64::MAX, |hold| hold.answered_seq);
        if let Some(hold) = hold {
            self.turn.holder = Holder::Human(hold);
            if !held_before {
                self.record(TurnChange::Takeover, Cause::Merged, None, context, output);
            }
        }
        // What is open or held here goes on under the merged conversation's turn, also what is in flight, which
        // would otherwise look taken over should it fail.
        for entry in self.outbox.iter_mut().chain(&mut self.held).filter(|entry| entry.token != self.turn.token) {
            entry.token = self.turn.token;
            output.write(entry.clone());
        }
        for entry in other.outbox.iter().chain(&other.held) {
            let before = known.get(&entry.id);
            if before.is_none_or(|before| before.is_superseded_by(entry.class)) {
                let at = handover.entries.iter().position(|handed| handed.id == entry.id);
                self.adopt(entry, before, at, output);
            }
        }
        if self.turn.hold().is_some() {
            self.withhold_waiting(context, output);
            if self.held.iter().any(|entry| entry.seq > answered_seq && asks(entry)) {
                self.waits(false, context, output);
            }
        }
        self.forget_later(context, output);
    }

    /// Makes an entry of the other object this one's. An attempt that the other has in flight ends there; here
    /// it counts as lost in its time, and is repeated under the same `webhook-id`.
    fn adopt(&mut self, entry: &Entry, ghost: Option<&Entry>, at: Option<usize>, output: &mut Output) {
        // The real message behind a ghost that is known here takes its place; its attempts are counted on from there.
        let attempts = ghost.map_or(entry.attempts, |ghost| entry.attempts.max(ghost.attempts));
        let entry = Entry { token: self.turn.token, attempts, ..entry.clone() };
        self.outbox.retain(|open| open.id != entry.id);
        self.held.retain(|held| held.id != entry.id);
        self.last_seq = self.last_seq.max(entry.seq);
        output.changes.push(Change::Put { entry: entry.clone(), event: at, replaces: ghost.is_some() });
        if entry.state.is_open() {
            self.insert(entry);
        } else if self.turn.hold().is_some() {
            self.hold_back(entry);
        }
    }
}

/// One hold of two: as long as the longer, as little answered as the less answered.
fn joined(one: Option<&Hold>, other: Option<&Hold>) -> Option<Hold> {
    let (Some(one), Some(other)) = (one, other) else { return one.or(other).cloned() };
    let (first, last) = if one.since_ms <= other.since_ms { (one, other) } else { (other, one) };
    Some(Hold {
        since_ms: first.since_ms,
        lease_until_ms: first.lease_until_ms.max(last.lease_until_ms),
        taken_by: first.taken_by.clone(),
        messages: first.messages.saturating_add(last.messages),
        answered_seq: first.answered_seq.min(last.answered_seq),
        by_operator: first.by_operator || last.by_operator,
        paused: first.paused || last.paused,
        last_words: last.last_words.clone(),
        texts: first.texts.iter().chain(&last.texts).cloned().collect(),
    })
}
