//! What happens in an episode besides deliveries: repetitions, broadcasts, the bot's answers, crashes, and time.
//!
//! Invariant: whatever the episode draws here, nothing is done to an object but by its world.

use std::sync::Arc;

use baton::conversation::Incoming;
use baton::conversation::broadcast::{Recipient, Tally};
use baton::conversation::operator::Act;
use baton::ids::ObjectName;
use baton::outbox::outcome::{Loss, Outcome};
use baton::time::Millis;
use baton::webhook::event::Class;

use crate::flow::Flow;
use crate::people::Named;
use crate::simulator::{Customer, Episode};
use crate::world::{Cut, Delivery, Flight, Meaning};

/// How long Meta repeats a delivery (webhooks overview, 2026).
pub(super) const REPEATED_FOR: Millis = Millis::from_seconds(7 * 86_400);

impl Episode {
    /// Meta repeats: what it has no 200 for, or what it has one for.
    pub(super) fn repeat(&mut self, at: usize) {
        let Customer { world, sent, .. } = &mut self.customers[at];
        let delivery = match world.unacknowledged.pop() {
            Some(delivery) => delivery,
            None if sent.is_empty() => return,
            None => Arc::clone(&sent[self.chance.index(sent.len())]),
        };
        let is_given_up = |event: &Incoming| event.sent_at.is_some_and(|at| at.after(REPEATED_FOR) <= self.now);
        if delivery.events.iter().any(is_given_up) {
            return;
        }
        self.notes.count("delivery: repeated");
        self.send(at, &delivery);
    }

    /// A person sends the same words to several customers.
    pub(super) fn broadcast(&mut self) {
        let content = self.chance.draw();
        for _ in 0..3 + self.chance.below(3) {
            let at = self.chance.index(self.customers.len());
            let person = &mut self.customers[at].person;
            let event = person.echo_of(&mut self.chance, self.now, "Today only!", Some(content));
            let named = person.named(&mut self.chance);
            let delivery = person.delivery(vec![(event, None, Meaning::Words)], named, None);
            self.customers[at].sent.push_back(Arc::clone(&delivery));
            self.send(at, &delivery);
            self.count_broadcasts(at);
        }
    }

    /// The line counts the echoes, and tells the conversations what was a broadcast.
    pub(super) fn count_broadcasts(&mut self, at: usize) {
        let tallied = core::mem::take(&mut self.customers[at].world.tally);
        let Some(rule) = self.setting.policy.broadcast else { return };
        for tallied in tallied {
            let conversation = self.customers[at].person.name();
            let recipient = Recipient { conversation, echo: tallied.echo, at: self.now };
            for told in self.tallies[at % 2].count(&tallied.content, recipient, rule) {
                self.tell_broadcast(&told);
            }
        }
        if self.chance.below(2_000) == 0 {
            // Only the memory of one object knows the count.
            self.tallies[at % 2] = Tally::default();
        }
    }

    pub(super) fn tell_broadcast(&mut self, told: &Recipient) {
        if self.chance.percent(5) {
            return;
        }
        for at in 0..self.customers.len() {
            let knows = self.customers[at].world.watch.events.contains_key(&told.echo);
            if knows {
                self.note(at, || format!("  {} was a broadcast", told.echo.as_str()));
                let names: Vec<ObjectName> = self.customers[at].world.homes();
                for name in names {
                    self.customers[at].world.broadcast(&self.setting, &name, &told.echo);
                }
            }
        }
    }

    /// One step of a delivery that others have overtaken.
    pub(super) fn go_on(&mut self, at: usize) {
        let flows = self.customers[at].world.flows.len();
        if flows == 0 {
            return;
        }
        let flow = self.chance.index(flows);
        let (cut, is_dropped) = (self.cut(), self.chance.percent(5));
        let world = &mut self.customers[at].world;
        if world.flows[flow].is_linking() {
            self.notes.count("flow: step between two objects");
        }
        if is_dropped {
            self.notes.count("crash: between two objects");
            world.drop_flow(flow);
        } else {
            world.step_flow(&self.setting, flow, cut);
        }
        self.note(at, || format!("  flow {flow} goes on, dropped: {is_dropped}, cut off {cut:?}"));
        self.speak_while_handed_over(at);
    }

    /// Where names are about to be linked, a person speaks under the other name before, or others come in between.
    pub(super) fn link_slowly(&mut self, at: usize, delivery: &Arc<Delivery>) {
        let person = &mut self.customers[at].person;
        let names = [Named::Phone, Named::Bsuid].map(|named| (named, person.names_of(named)));
        let is_other =
            |(_, names): &&(Named, Vec<ObjectName>)| names.first().is_some_and(|name| *name != delivery.name);
        if let Some((named, _)) = names.iter().find(is_other)
            && self.chance.percent(40)
        {
            let event = person.echo_of(&mut self.chance, self.now, "I am on it", None);
            let echo = person.delivery(vec![(event, None, Meaning::Words)], *named, None);
            self.events += 1;
            self.note(at, || format!("  a person speaks under {}", echo.name.as_str()));
            self.customers[at].world.deliver(&self.setting, &echo, Cut::Nowhere);
        }
        self.customers[at].world.flows.push(Flow::new(Arc::clone(delivery)));
        while self.chance.percent(60) {
            self.go_on(at);
        }
    }

    /// While a conversation is handed over, something comes under the name that it had. Left to chance this is rare, and
    /// it is where names were lost before.
    fn speak_while_handed_over(&mut self, at: usize) {
        let Customer { world, person, .. } = &mut self.customers[at];
        let names = [Named::Phone, Named::Bsuid].map(|named| (named, person.names_of(named)));
        let handed_by = world.flows.iter().find_map(Flow::handed_by);
        let is_it = |(_, names): &&(Named, Vec<ObjectName>)| handed_by == names.first();
        let Some(by) = names.iter().find(is_it).map(|(named, _)| *named) else { return };
        self.notes.count("flow: spoken to while a conversation was handed over");
        let Customer { person, .. } = &mut self.customers[at];
        if self.chance.percent(50) {
            return self.bot_says(at, Some(by));
        }
        let said = person.text(&mut self.chance, self.now);
        let delivery = person.delivery(vec![said], by, None);
        self.send(at, &delivery);
    }

    pub(super) fn outcome(&mut self, class: Class) -> Outcome {
        if self.chance.percent(self.mood) {
            return Outcome::Accepted;
        }
        let status = self.chance.pick(&[500, 500, 500, 429, 503, 410, 404, 400]);
        let retry_after = self.chance.pick(&[None, Some("7"), Some("90"), Some("soon")]);
        match self.chance.below(10) {
            0..=1 => Outcome::Unknown(Loss::Timeout),
            2..=3 => Outcome::Unknown(Loss::Connection),
            _ => Outcome::of_answer(status, retry_after, class),
        }
    }

    pub(super) fn bot_answers(&mut self, at: usize) {
        let flights = self.customers[at].world.flights.len();
        if flights == 0 {
            return;
        }
        let flight = self.chance.index(flights);
        self.answer(at, flight);
    }

    pub(super) fn answer(&mut self, at: usize, flight: usize) {
        let flight = self.customers[at].world.flights.remove(flight);
        let outcome = self.outcome(flight.attempt.class);
        self.notes.count(match outcome {
            Outcome::Accepted => "outcome: accepted",
            Outcome::Rejected { .. } => "outcome: rejected",
            Outcome::Retryable { .. } => "outcome: retryable",
            Outcome::Throttled { .. } => "outcome: throttled",
            Outcome::NoSuchBot | Outcome::Unknown(_) | Outcome::Unsendable => "outcome: unknown",
        });
        let cut = self.cut();
        self.note(at, || {
            let (id, number) = (flight.attempt.id.as_str(), flight.attempt.number.number());
            format!("  the bot answers {id}, attempt {number}: {outcome:?}, cut off {cut:?}")
        });
        let world = &mut self.customers[at].world;
        if world.watch.is_held() && flight.attempt.class.is_turn_bound() {
            self.notes.count("takeover during an attempt");
        }
        world.finish(&self.setting, &flight, outcome, cut);
        if self.chance.percent(3) {
            self.customers[at].cut_off.push(flight);
        }
    }

    /// An object is killed, with attempts and links under way.
    pub(super) fn crash(&mut self, at: usize) {
        let world = &mut self.customers[at].world;
        let names: Vec<ObjectName> = world.objects.keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        let name = names[self.chance.index(names.len())].clone();
        let lost: Vec<Flight> = world.flights.iter().filter(|flight| flight.object == name).cloned().collect();
        self.customers[at].cut_off.extend(lost);
        if !self.customers[at].world.flights.is_empty() {
            self.notes.count("crash: during an attempt");
        }
        self.customers[at].world.crash(&name);
        self.note(at, || format!("  {} is killed", name.as_str()));
    }

    /// Something is heard of an attempt that was given up.
    pub(super) fn hear_late(&mut self, at: usize) {
        let Some(flight) = self.customers[at].cut_off.pop() else { return };
        let outcome = self.outcome(flight.attempt.class);
        self.note(at, || format!("  late: {} {outcome:?}", flight.attempt.id.as_str()));
        self.customers[at].world.finish(&self.setting, &flight, outcome, Cut::Nowhere);
    }

    pub(super) fn replay(&mut self, at: usize) {
        let names: Vec<ObjectName> = self.customers[at].world.homes();
        for name in names {
            if !self.customers[at].world.storage(&name).dead().is_empty() {
                self.notes.count("replay of dead letters");
                self.note(at, || "  dead letters are replayed".to_owned());
                self.customers[at].world.replay(&self.setting, &name);
            }
        }
    }

    /// The operator does something to a conversation.
    pub(super) fn operate(&mut self, at: usize) {
        let pause = self.chance.pick(&[0, 20, 600, 7_200, 86_400, 6 * 86_400]);
        let act = match self.chance.below(10) {
            0..=3 => Act::Take,
            4..=6 => Act::Release,
            _ => Act::Pause(self.now.after(Millis::from_seconds(pause))),
        };
        let cut = self.cut();
        let names: Vec<ObjectName> = self.customers[at].world.homes();
        if names.is_empty() {
            return;
        }
        // The operator means one name of the customer's, whatever else is known of them.
        let name = names[self.chance.index(names.len())].clone();
        self.note(at, || format!("  the operator: {act:?} at {}, cut off {cut:?}", name.as_str()));
        self.customers[at].world.operate(&self.setting, &name, act, cut);
    }

    /// Time passes, sometimes backwards; alarms ring, sometimes late.
    pub(super) fn pass_time(&mut self) {
        let millis = match self.chance.below(1_000) {
            0..=499 => self.chance.below(500),
            500..=799 => self.chance.below(10_000),
            800..=939 => self.chance.below(60_000),
            940..=989 => self.chance.below(1_800_000),
            990..=996 => self.chance.below(6 * 3_600_000),
            997..=998 => {
                self.notes.count("clock: back");
                self.now = self.now.before(Millis::new(self.chance.below(60_000)));
                0
            }
            _ => {
                self.notes.count("clock: far ahead");
                self.chance.below(3 * 86_400_000)
            }
        };
        if millis > 3 * 3_600_000 {
            // Meta repeats within hours what it has no 200 for.
            for customer in &mut self.customers {
                customer.world.repeat_all(&self.setting);
            }
        }
        let is_late = self.chance.percent(5);
        self.now = self.now.after(Millis::new(millis));
        if millis > 10_000 {
            // No attempt takes longer; those that are still under way are timed out, or lost.
            for at in 0..self.customers.len() {
                while !self.customers[at].world.flights.is_empty() && self.chance.percent(90) {
                    self.answer(at, 0);
                }
            }
        }
        for at in 0..self.customers.len() {
            self.sends_time_out(at, Millis::new(millis));
            self.customers[at].world.now = self.now;
            for _ in 0..20 {
                let next = self.customers[at].world.next_alarm().filter(|(due, _)| *due <= self.now);
                let Some((_, name)) = next else { break };
                if is_late {
                    self.notes.count("alarm: late");
                    break;
                }
                let cut = self.cut();
                self.note(at, || format!("  the alarm of {} rings, cut off {cut:?}", name.as_str()));
                self.customers[at].world.ring(&self.setting, &name, cut);
            }
        }
    }
}
