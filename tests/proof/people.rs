//! What customers write and what persons of the shop do: deliveries of Meta's, drawn at random.
//!
//! Invariant: the same draws give the same deliveries. Ids are given once; only a repetition and the real message behind
//! a ghost bear an id that was seen before. Every name and number is invented.

use std::sync::Arc;

use baton::conversation::Incoming;
use baton::ids::{Bsuid, Customer, EventId, LineId, ObjectName, Phone};
use baton::outbox::Tried;
use baton::time::{Millis, UnixMillis};
use baton::webhook::event::Class;
use baton::webhook::facts::{Amendment, Facts};

use crate::chance::Chance;
use crate::storage::Body;
use crate::world::{Delivery, Meaning};

/// How a customer is named by Meta.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Named {
    Both,
    Bsuid,
    Phone,
}

/// The texts that mean something by the policy.
pub const HANDS_BACK: &str = "#bot";
pub const ASKS: &str = "a person, please";
pub const AUTOMATIC: &str = "We are closed today.";

/// The texts that the rules, where there are any, send to others than the bot at first.
pub const FOR_PERSON: &str = "an order";
pub const FOR_NOBODY: &str = "ok";
pub const FOR_SALES: &str = "an offer";
const TEXTS: [&str; 8] = ["hello", "hello", "and?", "how much", "thanks", FOR_PERSON, FOR_NOBODY, FOR_SALES];

/// A customer of one line, with the ids of what was said.
#[derive(Clone, Debug)]
pub struct Person {
    pub line: LineId,
    phone: Phone,
    bsuid: Bsuid,
    /// How Meta names them, as a habit; by number only means always.
    habit: Named,
    number: u32,
    renamed: u32,
    change: Option<(EventId, Phone, Bsuid)>,
    said: Vec<EventId>,
    echoes: Vec<EventId>,
    /// Reported as sent, by these deliveries.
    reported: Vec<(EventId, Arc<Delivery>)>,
    /// Announced under these names; the real message bears the same.
    ghosts: Vec<(EventId, Named)>,
}

/// One event, before it is part of a delivery.
pub type Said = (Incoming, Option<Body>, Meaning);

impl Person {
    pub fn new(line: &str, number: u32, habit: Named) -> Self {
        let (phone, bsuid) = names(number, 0);
        let line = LineId::parse(line).unwrap();
        Self {
            line,
            phone,
            bsuid,
            habit,
            number,
            renamed: 0,
            change: None,
            said: Vec::new(),
            echoes: Vec::new(),
            reported: Vec::new(),
            ghosts: Vec::new(),
        }
    }

    fn customer(&self, named: Named) -> Customer {
        match named {
            Named::Both => Customer::Both(self.phone.clone(), self.bsuid.clone()),
            Named::Bsuid => Customer::Bsuid(self.bsuid.clone()),
            Named::Phone => Customer::Phone(self.phone.clone()),
        }
    }

    /// The name under which the line knows the conversation first.
    pub fn name(&self) -> ObjectName {
        ObjectName::conversation(&self.line, &self.customer(self.habit))
    }

    /// The objects of the customer's names.
    pub fn names_of(&self, named: Named) -> Vec<ObjectName> {
        ObjectName::all_of(&self.line, &self.customer(named))
    }

    /// The delivery by which Meta reports a message as sent: the same again where it repeats itself.
    pub fn report_of(
        &mut self,
        chance: &mut Chance,
        now: UnixMillis,
        message: &EventId,
        sent_at: UnixMillis,
    ) -> Arc<Delivery> {
        if let Some((_, delivery)) = self.reported.iter().find(|(known, _)| known == message) {
            return Arc::clone(delivery);
        }
        let (mut event, body) = self.event(chance, now, Class::Receipt, "");
        event.id = EventId::named(&format!("{}#sent", message.as_str()));
        event.sent_at = Some(sent_at);
        let named = self.named(chance);
        let delivery = self.delivery(vec![(event, body, Meaning::Words)], named, None);
        self.reported.push((message.clone(), Arc::clone(&delivery)));
        delivery
    }

    /// Puts events into a delivery, addressed as the Worker addresses them.
    pub fn delivery(&self, said: Vec<Said>, named: Named, renamed: Option<&Customer>) -> Arc<Delivery> {
        let customer = self.customer(named);
        let name = ObjectName::conversation(&self.line, &customer);
        let both = core::iter::once(&customer).chain(renamed);
        let mut aliases: Vec<_> = both.flat_map(|names| ObjectName::all_of(&self.line, names)).collect();
        aliases.retain(|alias| *alias != name);
        let mut delivery = Delivery {
            name,
            aliases,
            customer,
            line: self.line.clone(),
            events: Vec::new(),
            bodies: Vec::new(),
            meanings: Vec::new(),
        };
        for (event, body, meaning) in said {
            delivery.bodies.push(body.filter(|_| event.class.keeps_body()));
            delivery.events.push(event);
            delivery.meanings.push(meaning);
        }
        Arc::new(delivery)
    }

    /// How Meta names the customer this time.
    pub fn named(&self, chance: &mut Chance) -> Named {
        let is_habit = self.habit == Named::Phone || chance.percent(60);
        if is_habit { self.habit } else { chance.pick(&[Named::Both, Named::Bsuid, Named::Phone]) }
    }

    /// A delivery of one to four events.
    pub fn draw(&mut self, chance: &mut Chance, now: UnixMillis) -> Arc<Delivery> {
        let named = self.named(chance);
        if self.renamed == 0 && chance.percent(1) {
            return self.rename(chance, now, named);
        }
        let count = if chance.percent(85) { 1 } else { 2 + chance.below(3) };
        let said = (0..count).map(|_| self.say(chance, now, named)).collect();
        self.delivery(said, named, None)
    }

    /// The customer has a new number, a new user id, or both.
    fn rename(&mut self, chance: &mut Chance, now: UnixMillis, named: Named) -> Arc<Delivery> {
        self.renamed += 1;
        let (phone, bsuid) = names(self.number, self.renamed);
        // Who was only ever named by number has a new number; everybody else has both names anew, as Meta has it.
        let (named, new) = match self.habit {
            Named::Phone => (named, Customer::Phone(phone.clone())),
            Named::Both | Named::Bsuid => (Named::Both, Customer::Both(phone.clone(), bsuid.clone())),
        };
        let event = self.event(chance, now, Class::Identity, "system");
        let event_id = event.0.id.clone();
        let delivery = self.delivery(vec![(event.0, event.1, Meaning::Words)], named, Some(&new));
        self.change = Some((event_id, phone, bsuid));
        delivery
    }

    /// The event by which Meta has said that the names change, until it is told 200: no event bears the new names before.
    pub fn change(&self) -> Option<&EventId> {
        self.change.as_ref().map(|(event, ..)| event)
    }

    /// From here on the new names are used.
    pub fn changed(&mut self) {
        if let Some((_, phone, bsuid)) = self.change.take() {
            (self.phone, self.bsuid) = (phone, bsuid);
        }
    }

    fn say(&mut self, chance: &mut Chance, now: UnixMillis, named: Named) -> Said {
        match chance.below(100) {
            0..=11 => self.echo(chance, now),
            12..=13 => self.echo_note(chance, now),
            14..=27 => {
                let status = chance.pick(&["sent", "delivered", "read"]);
                let (mut event, body) = self.event(chance, now, Class::Receipt, "");
                event.id = EventId::named(&format!("{}#{status}", event.id.as_str()));
                (event, body, Meaning::Words)
            }
            28 => {
                let class = chance.pick(&[Class::AppsOwn, Class::Contact, Class::Routing, Class::Sync, Class::Unknown]);
                let (event, body) = self.event(chance, now, class, "add");
                (event, body, Meaning::Words)
            }
            29..=32 => {
                let (event, body) = self.event(chance, now, Class::Ghost, "unsupported");
                self.ghosts.push((event.id.clone(), named));
                (event, body, Meaning::Words)
            }
            33..=38 if self.ghosts.iter().any(|(_, announced)| *announced == named) => {
                // The real message behind a ghost.
                let ghost = self.ghosts.iter().position(|(_, announced)| *announced == named).unwrap();
                let (ghost, _) = self.ghosts.swap_remove(ghost);
                let (mut event, body, meaning) = self.text(chance, now);
                event.id = ghost;
                (event, body, meaning)
            }
            39..=45 if !self.said.is_empty() => self.amend(chance, now),
            46..=51 => {
                let (event, body) = self.event(chance, now, Class::Turn, "reaction");
                (event, body, Meaning::Words)
            }
            52..=58 => {
                let (event, body) = self.event(chance, now, Class::Turn, "image");
                self.said.push(event.id.clone());
                (event, body, Meaning::Words)
            }
            _ => {
                let said = self.text(chance, now);
                self.said.push(said.0.id.clone());
                said
            }
        }
    }

    /// Something that the customer writes.
    pub fn text(&self, chance: &mut Chance, now: UnixMillis) -> Said {
        let (mut event, body) = self.event(chance, now, Class::Turn, "text");
        let asks = chance.percent(3);
        if asks {
            event.facts.text = Some(ASKS.to_owned());
        }
        (event, body, if asks { Meaning::AsksForPerson } else { Meaning::Words })
    }

    /// An edit or a withdrawal of something that the customer said.
    fn amend(&self, chance: &mut Chance, now: UnixMillis) -> Said {
        let recent = self.said.len().min(6);
        let original = self.said[self.said.len() - 1 - chance.index(recent)].clone();
        if chance.percent(50) {
            let (mut event, body) = self.event(chance, now, Class::Turn, "revoke");
            event.facts.amends = Some(Amendment::Revoke(original));
            return (event, body, Meaning::Words);
        }
        let (mut event, body) = self.event(chance, now, Class::Turn, "edit");
        event.facts.amends = Some(Amendment::Edit(original));
        let asks = chance.percent(10);
        event.facts.text = Some(if asks { ASKS.to_owned() } else { "edited".to_owned() });
        (event, body, if asks { Meaning::AsksForPerson } else { Meaning::Words })
    }

    fn echo(&mut self, chance: &mut Chance, now: UnixMillis) -> Said {
        let meaning = match chance.below(10) {
            0 => Meaning::Automation,
            1 => Meaning::HandsBack,
            _ => Meaning::Words,
        };
        let text = match meaning {
            Meaning::Automation => AUTOMATIC,
            Meaning::HandsBack => HANDS_BACK,
            Meaning::AsksForPerson | Meaning::Words => "I am on it",
        };
        let event = self.echo_of(chance, now, text, None);
        (event, None, meaning)
    }

    /// Something that a person of the shop sent, perhaps to many at once.
    pub fn echo_of(&mut self, chance: &mut Chance, now: UnixMillis, text: &str, content: Option<u64>) -> Incoming {
        let (mut event, _) = self.event(chance, now, Class::Echo, "text");
        event.facts.text = Some(text.to_owned());
        event.facts.content = Some(format!("{}", content.unwrap_or_else(|| chance.draw())));
        self.echoes.push(event.id.clone());
        event
    }

    fn echo_note(&self, chance: &mut Chance, now: UnixMillis) -> Said {
        let is_revoke = chance.percent(70);
        let (mut event, _) = self.event(chance, now, Class::EchoNote, if is_revoke { "revoke" } else { "edit" });
        if let Some(last) = self.echoes.last() {
            let last = last.clone();
            event.facts.amends = Some(if is_revoke { Amendment::Revoke(last) } else { Amendment::Edit(last) });
        }
        (event, None, Meaning::Words)
    }

    fn event(&self, chance: &mut Chance, now: UnixMillis, class: Class, kind: &str) -> (Incoming, Option<Body>) {
        let word = chance.draw32();
        let delay = if chance.percent(4) { 3_600 } else { chance.below(20) };
        let body = match kind {
            "text" => Body::Text(vec![word]),
            "image" => Body::Media(word),
            "edit" if chance.percent(70) => Body::Edit(Box::new(Body::Text(vec![word]))),
            "edit" => Body::Edit(Box::new(Body::Media(word))),
            _ => Body::Bare(word),
        };
        let text = (kind == "text").then(|| chance.pick(&TEXTS).to_owned());
        let event = Incoming {
            id: EventId::named(&format!("c{}-{:012x}", self.number, chance.draw() >> 16)),
            class,
            sent_at: Some(now.before(Millis::from_seconds(delay))),
            tried: None::<Tried>,
            facts: Facts { kind: kind.to_owned(), text, ..Facts::default() },
        };
        (event, Some(body))
    }
}

/// A customer's names before and after they have changed.
fn names(number: u32, renamed: u32) -> (Phone, Bsuid) {
    let phone = Phone::parse(&format!("1555{}{number:05}", (renamed * 3 + 4) % 10)).unwrap();
    // Names that are not in the order in which they were given, so that either object may be the one that asks.
    let bsuid = Bsuid::parse(&format!("US.{}{number:05}", (renamed * 7 + 3) % 10)).unwrap();
    (phone, bsuid)
}
