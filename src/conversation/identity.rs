//! One customer, several names, one home.
//!
//! Meta names a customer by phone number, by business-scoped user id, or by both. An object is named after
//! the user id where that is known, else after the phone number, so one customer may reach two objects. The
//! first event that carries both names brings the two together: the object of the user id asks the object of
//! the phone number, once in the customer's life.
//!
//! | the phone's object | the user id's object | answer | afterwards |
//! |---|---|---|---|
//! | nothing ever happened | anything | [`LinkAnswer::Yours`] | home is the user id's; the phone's points there |
//! | has a history | nothing ever happened | [`LinkAnswer::Mine`] | home is the phone's; the user id's points there |
//! | has a history | has a history | [`LinkAnswer::Merge`] | home is the user id's, which takes over turn and outbox |
//!
//! Invariant: an object that points elsewhere accepts nothing and sends nothing, for ever. Of the objects that
//! one customer's names reach, at most one is at home once they are linked; and a person's hold under either
//! name holds under both.
//!
//! Why state stays where it is in two cases of three: moving is where things are lost. In the third, what is
//! handed over also stays behind, untouched, so that asking again after a crash gives the same answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::memory::{Cause, Change as TurnChange, Echoes};
use super::turn::{Holder, Turn};
use super::{Change, Context, Conversation, Output};
use crate::ids::{EventId, ObjectName};
use crate::outbox::{Entry, Reason};

/// Names that one home remembers to have been linked with. A customer's number changes once in years.
const LINKED_MAX: usize = 16;

/// Whether a conversation is at home in this object.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    /// First this other name must be linked.
    LinkFirst(ObjectName),
    /// They go there.
    Moved(ObjectName),
}

impl Place {
    /// Where events go that name the customer by this object's name and also by `phone`.
    #[must_use]
    pub fn route(&self, phone: Option<&ObjectName>) -> Route {
        match (self, phone) {
            (Self::Elsewhere(home), _) => Route::Moved(home.clone()),
            (Self::Home(linked), Some(phone)) if !linked.contains(phone) => Route::LinkFirst(phone.clone()),
            (Self::Home(_), _) => Route::Here,
        }
    }

    /// Whether the conversation lives in another object.
    #[must_use]
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Elsewhere(_))
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

/// What the phone's object answers when the user id's object asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkAnswer {
    /// The asking object takes this over.
    Merge(Handover),
    /// The conversation lives in the phone's object.
    Mine,
    /// The conversation lives in the asking object.
    Yours,
}

/// What is handed over from one object to another.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Handover {
    /// Whose turn it was.
    pub turn: Turn,
    /// The echoes that were remembered.
    pub echoes: Echoes,
    /// The entries that were open.
    pub entries: Vec<Entry>,
}

impl Conversation {
    /// The phone's object is asked by the user id's object `by`, which has a history of its own or not.
    pub fn asked_to_link(&mut self, by: &ObjectName, by_has_history: bool) -> (LinkAnswer, Output) {
        let mut output = Output::default();
        let asked_before = matches!(&self.place, Place::Elsewhere(home) if home == by);
        let answer = match &self.place {
            // The number belongs to somebody else by now; whoever asks last has it.
            Place::Elsewhere(_) if !asked_before => LinkAnswer::Yours,
            Place::Home(_) if self.is_fresh() => LinkAnswer::Yours,
            Place::Home(_) if !by_has_history => LinkAnswer::Mine,
            Place::Elsewhere(_) | Place::Home(_) => LinkAnswer::Merge(Handover {
                turn: self.turn,
                echoes: self.echoes.clone(),
                entries: self.outbox.clone(),
            }),
        };
        if answer != LinkAnswer::Mine && !asked_before {
            self.place = Place::Elsewhere(by.clone());
            output.save = true;
        }
        output.wake_at = self.wake_at();
        (answer, output)
    }

    /// The user id's object has the answer of the object `phone`. `known` holds those handed-over entries
    /// that are known here already.
    pub fn linked(
        &mut self,
        phone: &ObjectName,
        answer: &LinkAnswer,
        known: &BTreeMap<EventId, Entry>,
        context: Context<'_>,
    ) -> Output {
        let mut output = Output::default();
        if self.place.route(Some(phone)) != Route::LinkFirst(phone.clone()) {
            // Two events asked at the same time, and the other was faster.
            output.wake_at = self.wake_at();
            return output;
        }
        output.save = true;
        match answer {
            LinkAnswer::Mine if self.is_fresh() => self.place = Place::Elsewhere(phone.clone()),
            // Something happened here while the answer was under way: it must be asked for again.
            LinkAnswer::Mine => output.save = false,
            LinkAnswer::Yours => self.place.add(phone.clone()),
            LinkAnswer::Merge(handover) => {
                self.place.add(phone.clone());
                self.take_over(handover, known, context, &mut output);
            }
        }
        self.start_next(context, &mut output);
        output.wake_at = self.wake_at();
        output
    }

    /// Takes over another object's turn and open entries. A hold of either is a hold of both.
    fn take_over(
        &mut self,
        handover: &Handover,
        known: &BTreeMap<EventId, Entry>,
        context: Context<'_>,
        output: &mut Output,
    ) {
        for (id, at) in handover.echoes.iter() {
            let spilled = (!self.echoes.contains(id)).then(|| self.echoes.remember(id.clone(), *at)).flatten();
            self.spill(spilled, output);
        }
        let held_before = self.turn.holder != Holder::Automation;
        let leases = [self.turn.lease_until(), handover.turn.lease_until()];
        let lease_until = leases.into_iter().flatten().max().filter(|until| *until > context.now);
        self.turn.token = self.turn.token.max(handover.turn.token);
        if let Some(lease_until_ms) = lease_until {
            self.turn.holder = Holder::Human { lease_until_ms };
            if !held_before {
                self.turn.token = self.turn.token.next();
                self.record(TurnChange::Takeover, Cause::Merged, context, output);
            }
            self.withhold_waiting(output);
        }
        for (at, entry) in handover.entries.iter().enumerate().filter(|(_, entry)| !known.contains_key(&entry.id)) {
            output.changes.push(Change::Put { entry: self.adopt(entry), event: Some(at), replaces: false });
        }
        if lease_until.is_none() {
            // Nobody took the baton: what is open here goes on under the merged conversation's turn, also what is
            // in flight, which would otherwise look taken over should it fail.
            for entry in self.outbox.iter_mut().filter(|entry| entry.token != self.turn.token) {
                entry.token = self.turn.token;
                output.changes.push(Change::Update(entry.clone()));
            }
        }
        self.forget_later(context, output);
    }

    /// Makes an entry of the other object this one's. An attempt that the other has in flight ends there; here
    /// it counts as lost in its time, and is repeated under the same `webhook-id`.
    fn adopt(&mut self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        entry.token = self.turn.token;
        if entry.class.is_turn_bound() && self.turn.holder != Holder::Automation {
            entry.withhold(Reason::TakenOver);
            return entry;
        }
        let behind = self.outbox.partition_point(|open| open.seq <= entry.seq);
        self.outbox.insert(behind, entry.clone());
        entry
    }
}
