//! Every attempt that starts: once, in order, with a growing number, under a token that never falls, and never over
//! a person.
//!
//! Invariant: what counts as known is what the gate was told in time by the object in which the conversation lives.
//! The end of an attempt that came after it was given up as lost is unknown, as the promise has it, and so is that of
//! an attempt which was under way while the conversation moved.

use baton::conversation::Change;
use baton::ids::{BotName, EventId, ObjectName};
use baton::limits::{ATTEMPT_LOST_AFTER, BURST_EXTENSION_MAX};
use baton::outbox::outcome::Outcome;
use baton::outbox::{Entry, Reason, State};
use baton::policy::Policy;
use baton::time::{Millis, UnixMillis};
use baton::webhook::event::Class;

use super::{Commit, Promise, Watch};
use crate::storage::{Body, Storage};
use crate::world::{Did, Flight};

/// What the bot was sent under one `webhook-id`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Sent {
    number: u32,
    body: Option<Body>,
    /// Whether the gate knows that the bot has it.
    pub(super) known: bool,
    /// Whether the bot ever took it.
    pub(super) taken: bool,
}

/// An attempt whose end is awaited.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Flying {
    id: EventId,
    is_ghost: bool,
    lane: Lane,
    started: UnixMillis,
}

/// What waits for each other: the talk with one bot, or the receipts, of one object.
type Lane = (u8, Kind);

/// What kind of lane it is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Kind {
    Receipts,
    Talk(Option<BotName>),
}

fn lane(entry: &Entry) -> Kind {
    if entry.class.is_turn_bound() { Kind::Talk(entry.note.bot.clone()) } else { Kind::Receipts }
}

impl Watch {
    /// The token of a conversation never falls, and grows with every change of holder.
    pub(super) fn fence(&mut self, commit: &Commit<'_>) {
        let (before, after) = (&commit.before.turn, &commit.after.turn);
        self.check(after.token >= before.token, Promise::Fencing, || "the token fell".to_owned());
        let changed = before.hold().is_some() != after.hold().is_some();
        self.check(!changed || after.token > before.token, Promise::Fencing, || {
            "the holder changed and the token did not grow".to_owned()
        });
        // Who is woken after an attempt's time gives it up for lost, whatever the clock says afterwards.
        let object = self.name(commit.name);
        let is_lost =
            |flying: &Flying| flying.lane.0 == object && flying.started.after(ATTEMPT_LOST_AFTER) <= commit.now;
        self.flying.retain(|flying| !is_lost(flying));
        if let Did::Finished { flight, outcome, is_late: false } = commit.did {
            let (id, is_ghost) = (&flight.attempt.id, flight.attempt.class == Class::Ghost);
            let at_home = !commit.after.place.is_elsewhere();
            self.flying.retain(|flying| flying.id != *id || flying.is_ghost != is_ghost);
            let sent = self.sent.get_mut(&(id.clone(), is_ghost));
            if let Some(sent) = sent.filter(|sent| sent.number == flight.attempt.number.number()) {
                sent.known |= at_home && *outcome == Outcome::Accepted;
            }
        }
        if let Did::Finished { flight, outcome: Outcome::Accepted, .. } = commit.did {
            let key = (flight.attempt.id.clone(), flight.attempt.class == Class::Ghost);
            self.sent.entry(key).and_modify(|sent| sent.taken = true);
        }
    }

    /// What is accepted later is behind what was accepted earlier.
    pub(super) fn number(&mut self, commit: &Commit<'_>) {
        let at = usize::from(self.name(commit.name));
        for change in &commit.output.changes {
            if let Change::Put { entry, .. } | Change::Update(entry) = change {
                self.count(entry);
            }
            let Change::Put { entry, replaces, .. } = change else { continue };
            if entry.class == Class::Echo {
                continue;
            }
            if *replaces {
                // The real message is here: whatever becomes of the ghost's attempt, nobody waits for it.
                self.flying.retain(|flying| flying.id != entry.id || !flying.is_ghost);
            }
            let (_, _, last) = &mut self.names[at];
            let grows = entry.seq > *last || *replaces || matches!(commit.did, Did::Linked { .. });
            *last = entry.seq.max(*last);
            self.check(grows, Promise::InOrder, || format!("{} has a place of before", entry.id.as_str()));
        }
    }

    fn count(&mut self, entry: &Entry) {
        let what = match (entry.state, entry.reason) {
            (State::Dead, _) => "dead letter",
            (State::Withheld, Some(Reason::Applied)) => "amendment applied",
            (State::Withheld, Some(Reason::ForPerson)) => "rule: for a person",
            (State::Withheld, Some(Reason::Ignored)) => "rule: for nobody",
            (State::Withheld, Some(Reason::Merged)) => "text gathered",
            (State::Withheld, Some(Reason::Stale)) => "too old for the bot",
            (State::Withheld, Some(Reason::Withdrawn)) => "withdrawn",
            (State::Waiting(_), Some(Reason::HumanFirst)) => "waits for a person first",
            _ => return,
        };
        self.notes.count(what);
    }

    /// The Worker itself has made an attempt at a receipt, before anything was stored.
    pub fn sent_straight(&mut self, id: &EventId, body: Option<&Body>, outcome: Option<Outcome>) {
        let taken = outcome == Some(Outcome::Accepted);
        let sent = Sent { number: 1, body: body.cloned(), known: false, taken };
        self.sent.entry((id.clone(), false)).and_modify(|sent| sent.taken |= taken).or_insert(sent);
    }

    /// An attempt starts.
    pub fn started(&mut self, flight: &Flight, storage: &Storage, now: UnixMillis) {
        if self.broken.is_some() {
            return;
        }
        let (attempt, id) = (&flight.attempt, flight.attempt.id.as_str().to_owned());
        let object = self.name(&flight.object);
        let Some(entry) = storage.entry(&attempt.id).cloned() else {
            return self.violated(Promise::NothingLost, format!("{id} is sent and not stored"));
        };
        if attempt.bot.is_some() {
            self.notes.count("attempt at another bot");
        }
        self.given(flight);
        if attempt.class.is_turn_bound() {
            if !self.observes {
                self.keeps_silence(flight, now);
            }
            let group = self.group_of(&flight.object);
            let last = core::mem::replace(&mut self.groups[group].token_sent, attempt.token.number());
            self.check(last <= attempt.token.number(), Promise::Fencing, || format!("{id} has an older token"));
        }
        self.check(flight.body.is_some(), Promise::NothingLost, || format!("{id} is sent without its body"));
        let earlier = storage.rows.values().map(|row| &row.entry).find(|other| {
            let is_before = (other.seq, &other.id) < (entry.seq, &entry.id);
            other.state.is_open() && is_before && lane(other) == lane(&entry)
        });
        // A receipt that the Worker has tried is in no order with the others.
        let earlier = earlier.filter(|_| attempt.class.is_turn_bound());
        self.check(earlier.is_none(), Promise::InOrder, || {
            format!("{id} overtakes {}", earlier.map_or("", |other| other.id.as_str()))
        });
        let lane = (object, lane(&entry));
        let is_at_once = |flying: &&Flying| flying.lane == lane && now < flying.started.after(ATTEMPT_LOST_AFTER);
        let at_once = self.flying.iter().find(is_at_once).map(|flying| flying.id.clone());
        self.check(at_once.is_none(), Promise::InOrder, || {
            format!("{id} starts while {} is under way", at_once.as_ref().map_or("", EventId::as_str))
        });
        let key = (attempt.id.clone(), attempt.class == Class::Ghost);
        let number = attempt.number.number();
        let before = self.sent.get(&key).cloned();
        if let Some(before) = &before {
            self.check(number > before.number, Promise::Once, || format!("{id} has attempt {number} twice"));
            self.check(!before.known, Promise::Once, || format!("the bot has taken {id} and gets it again"));
            self.check(before.body == flight.body, Promise::Once, || format!("{id} is repeated with another body"));
        }
        let taken = before.is_some_and(|before| before.taken);
        self.flying.push(Flying { id: key.0.clone(), is_ghost: key.1, lane, started: now });
        self.sent.insert(key, Sent { number, body: flight.body.clone(), known: false, taken });
    }

    /// Whether the bot ever took this.
    pub(super) fn was_taken(&self, entry: &Entry) -> bool {
        self.sent.get(&(entry.id.clone(), entry.class == Class::Ghost)).is_some_and(|sent| sent.taken)
    }

    /// Nothing that is due waits for anything but its own lane, and what is not due yet has an alarm.
    pub fn goes_on(
        &mut self,
        name: &ObjectName,
        storage: &Storage,
        alarm: Option<UnixMillis>,
        policy: &Policy,
        now: UnixMillis,
    ) {
        if self.broken.is_some() || storage.elsewhere().is_some() {
            return;
        }
        let mut heads: Vec<&Entry> = Vec::new();
        for entry in storage.rows.values().map(|row| &row.entry).filter(|entry| entry.state.is_open()) {
            let is_under_way = |entry: &Entry| matches!(entry.state, State::InFlight(_));
            match heads.iter_mut().find(|head| lane(head) == lane(entry)) {
                // What is under way is what the lane waits for, wherever it stands.
                Some(head) if is_under_way(entry) && !is_under_way(head) => *head = entry,
                Some(head) if is_under_way(head) => {}
                Some(head) if (entry.seq, &entry.id) < (head.seq, &head.id) => *head = entry,
                Some(_) => {}
                None => heads.push(entry),
            }
        }
        for head in heads {
            let gathers = policy.burst.wait > Millis::default()
                && head.attempts.number() == 0
                && matches!(head.reason, Some(Reason::Burst | Reason::HumanFirst));
            let by = match head.state {
                State::Waiting(due) if gathers => due.after(BURST_EXTENSION_MAX),
                State::Waiting(at) | State::InFlight(at) => at,
                State::Dead | State::Delivered | State::Withheld => continue,
            };
            let id = head.id.as_str();
            self.check(by > now, Promise::InOrder, || format!("{id} is due and does not start in {}", name.as_str()));
            self.check(alarm.is_some_and(|alarm| alarm <= by), Promise::NothingLost, || format!("no alarm for {id}"));
        }
    }
}
