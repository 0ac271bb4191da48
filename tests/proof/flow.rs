//! The way of a delivery from object to object, step by step: accept, ask the other name, link, go where the
//! conversation lives.
//!
//! Invariant: each step is one transaction of one object, and between two steps anything may happen: another
//! delivery, an alarm, a crash. A flow that is cut off leaves its delivery without a 200, and Meta repeats it.

use std::sync::Arc;

use baton::conversation::identity::{Asker, LinkAnswer, Place};
use baton::conversation::{Answer, Arrival, Incoming, Input, Output};
use baton::ids::ObjectName;
use baton::limits::HOPS_MAX;

use crate::broken::Fault;
use crate::storage::Body;
use crate::watch::Promise;
use crate::world::{Crashed, Cut, Delivery, Did, How, Setting, World};

/// A delivery on its way.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Flow {
    pub delivery: Arc<Delivery>,
    /// The events that are still to be accepted.
    left: Vec<usize>,
    /// The object at which it is, and below it those that wait for it.
    stack: Vec<Frame>,
    stage: Stage,
    /// The object that has just pointed here.
    signpost: Option<ObjectName>,
    steps: usize,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Frame {
    name: ObjectName,
    /// The other names that the object is told.
    aliases: Vec<ObjectName>,
    /// The name under which it was looked for.
    origin: ObjectName,
}

/// What is next.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Stage {
    /// The events arrive.
    Arrive,
    /// The other object is asked.
    Ask { other: ObjectName, by: Asker },
    /// The other object has answered.
    Answered { other: ObjectName, answer: LinkAnswer, bodies: Vec<Option<Body>> },
    /// The other object turns out to point here.
    Via { other: ObjectName },
}

impl Flow {
    pub fn new(delivery: Arc<Delivery>) -> Self {
        let name = delivery.name.clone();
        let frame = Frame { origin: name.clone(), name, aliases: delivery.aliases.clone() };
        let left = (0..delivery.events.len()).collect();
        Self { delivery, left, stack: vec![frame], stage: Stage::Arrive, signpost: None, steps: 0 }
    }

    /// Whether the flow is lost when this object is.
    pub fn passes(&self, name: &ObjectName) -> bool {
        self.stack.iter().any(|frame| frame.name == *name)
    }

    /// Whether two objects are in the middle of a talk.
    pub const fn is_linking(&self) -> bool {
        !matches!(self.stage, Stage::Arrive)
    }

    /// Whether an answer is under way that hands a conversation over.
    pub const fn hands_over(&self) -> bool {
        matches!(self.stage, Stage::Answered { answer: LinkAnswer::Merge(_), .. })
    }

    /// The object whose answer that is.
    pub const fn handed_by(&self) -> Option<&ObjectName> {
        match &self.stage {
            Stage::Answered { other, answer: LinkAnswer::Merge(_), .. } => Some(other),
            _ => None,
        }
    }

    /// The object that acts next.
    pub fn actor(&self) -> &ObjectName {
        match &self.stage {
            Stage::Ask { other, .. } => other,
            Stage::Arrive | Stage::Answered { .. } | Stage::Via { .. } => &self.top().name,
        }
    }

    fn top(&self) -> &Frame {
        self.stack.last().unwrap()
    }
}

impl World {
    /// A delivery arrives and is taken all the way. Whether Meta was told 200.
    pub fn deliver(&mut self, setting: &Setting, delivery: &Arc<Delivery>, cut: Cut) -> bool {
        let mut flow = Flow::new(Arc::clone(delivery));
        loop {
            match self.step(setting, flow, cut) {
                Step::Done => return true,
                Step::Failed => return false,
                Step::Goes(next) => flow = *next,
            }
        }
    }

    /// One step of a flow that is taken out of the world's list, and put back where it goes on.
    pub fn step_flow(&mut self, setting: &Setting, at: usize, cut: Cut) -> bool {
        let flow = self.flows.remove(at);
        match self.step(setting, flow, cut) {
            Step::Done => true,
            Step::Failed => false,
            Step::Goes(flow) => {
                self.flows.insert(at.min(self.flows.len()), *flow);
                false
            }
        }
    }

    /// The Worker, or the object that asks, is gone in the middle.
    pub fn drop_flow(&mut self, at: usize) {
        let flow = self.flows.remove(at);
        self.unacknowledged.push(flow.delivery);
    }

    fn step(&mut self, setting: &Setting, mut flow: Flow, cut: Cut) -> Step {
        flow.steps += 1;
        if flow.steps > 8 * HOPS_MAX {
            self.watch.violated(Promise::NothingLost, "a delivery finds no home");
            return Step::Failed;
        }
        let delivery = Arc::clone(&flow.delivery);
        match self.act(setting, &mut flow, cut) {
            Ok(false) => Step::Goes(Box::new(flow)),
            Ok(true) => {
                self.watch.acknowledged(&delivery, &self.objects);
                self.unacknowledged.retain(|other| !Arc::ptr_eq(other, &delivery) && *other != delivery);
                Step::Done
            }
            Err(Crashed) => {
                self.unacknowledged.push(delivery);
                Step::Failed
            }
        }
    }

    /// Carries out the next transaction of a flow. Whether Meta may be told 200.
    fn act(&mut self, setting: &Setting, flow: &mut Flow, cut: Cut) -> Result<bool, Crashed> {
        let name = flow.top().name.clone();
        match core::mem::replace(&mut flow.stage, Stage::Arrive) {
            Stage::Arrive => return self.arrive(setting, flow, &name, cut),
            Stage::Ask { other, by } => {
                let (answer, bodies) = self.ask(setting, &by, &other, cut)?;
                flow.stage = Stage::Answered { other, answer, bodies };
            }
            Stage::Answered { other, answer, bodies } => self.link(setting, &name, &other, (&answer, &bodies), cut)?,
            Stage::Via { other } => {
                let did = Did::LinkedVia { other: &other };
                self.transact(setting, &name, &[], (&did, cut), |conversation, _, context| {
                    conversation.linked_via(&other, context.policy)
                })?;
            }
        }
        Ok(false)
    }

    fn arrive(&mut self, setting: &Setting, flow: &mut Flow, name: &ObjectName, cut: Cut) -> Result<bool, Crashed> {
        let delivery = Arc::clone(&flow.delivery);
        let is_own = flow.stack.len() == 1;
        let left: &[usize] = if is_own { &flow.left } else { &[] };
        let is_whole = left.len() == delivery.events.len();
        let some: Vec<Incoming> =
            if is_whole { Vec::new() } else { left.iter().map(|at| delivery.events[*at].clone()).collect() };
        let some_bodies: Vec<Option<Body>> =
            if is_whole { Vec::new() } else { left.iter().map(|at| delivery.bodies[*at].clone()).collect() };
        let (events, bodies) = if is_whole { (&delivery.events, &delivery.bodies) } else { (&some, &some_bodies) };
        let mut aliases = flow.top().aliases.clone();
        // Before the other names, which may only point at it.
        aliases
            .splice(0..0, flow.signpost.iter().filter(|_| is_own && setting.fault != Fault::ForgetsSignposts).cloned());
        let customer = Some(&delivery.customer);
        let did = Did::Accepted { delivery: &delivery, left };
        let answer = self
            .transact(setting, name, bodies, (&did, cut), |conversation, storage, context| {
                let known = &storage.known(events.iter().flat_map(Incoming::ids));
                let line = Some(&delivery.line);
                let last_said = storage.last_said();
                let arrival = Arrival { events, known, here: name, aliases: &aliases, customer, line, last_said };
                setting.fault.apply(conversation, &Input::Accept(arrival), context)
            })?
            .answer;
        match answer {
            Answer::Accepted { .. } if is_own => return Ok(true),
            Answer::Accepted { .. } => {
                flow.stack.pop();
            }
            Answer::Moved { to, known } if is_own => {
                let is_new = |at: &usize| !known.contains(at);
                flow.left = (0..).zip(&flow.left).filter(|(at, _)| is_new(at)).map(|(_, event)| *event).collect();
                if flow.left.is_empty() {
                    return Ok(true);
                }
                // The signpost is one of the customer's names, and the home may not have heard of it yet: the answer that
                // hands a conversation over may still be under way.
                flow.signpost = Some(core::mem::replace(&mut flow.stack[0].name, to));
            }
            Answer::Moved { to, .. } => {
                let other = flow.stack.pop().map_or_else(|| name.clone(), |frame| frame.origin);
                if to == flow.top().name {
                    flow.stage = Stage::Via { other };
                } else {
                    // The name points at a third, which is the one to be linked with.
                    flow.signpost.take_if(|signpost| *signpost == other);
                    if let Some(frame) = flow.stack.last_mut() {
                        frame.aliases.retain(|alias| *alias != other);
                        frame.aliases.push(to);
                    }
                }
            }
            Answer::LinkFirst(other) => {
                let by = self.storage(name).load(None).asker(name);
                flow.stage = Stage::Ask { other, by };
            }
            Answer::LinkVia(other) => {
                let aliases = vec![name.clone()];
                flow.stack.push(Frame { name: other.clone(), aliases, origin: other });
            }
            Answer::Operated(_) | Answer::Replayed(_) | Answer::Send(_) => unreachable!("nothing was replayed"),
        }
        Ok(false)
    }

    /// An object asks another of the customer's where the conversation lives, and takes in the answer at once.
    pub fn link_first(&mut self, setting: &Setting, name: &ObjectName, other: &ObjectName) -> Result<(), Crashed> {
        let by = self.storage(name).load(None).asker(name);
        let (answer, bodies) = self.ask(setting, &by, other, Cut::Nowhere)?;
        self.link(setting, name, other, (&answer, &bodies), Cut::Nowhere)
    }

    /// An object is asked by another of the customer's.
    fn ask(
        &mut self,
        setting: &Setting,
        by: &Asker,
        other: &ObjectName,
        cut: Cut,
    ) -> Result<(LinkAnswer, Vec<Option<Body>>), Crashed> {
        // What the watch is told depends on the answer, which is the same before and after.
        let (answer, _) = self.storage(other).load(None).asked_to_link(by, &setting.policy);
        let did = Did::Asked { handed_over: matches!(answer, LinkAnswer::Merge(_)) };
        let mut bodies = Vec::new();
        self.transact(setting, other, &[], (&did, cut), |conversation, storage, context| {
            let (answer, output) = conversation.asked_to_link(by, context.policy);
            if let LinkAnswer::Merge(handover) = &answer {
                bodies = handover.entries.iter().map(|entry| storage.body(&entry.id).cloned()).collect();
            }
            output
        })?;
        Ok((answer, bodies))
    }

    fn link(
        &mut self,
        setting: &Setting,
        name: &ObjectName,
        asked: &ObjectName,
        (answer, bodies): (&LinkAnswer, &[Option<Body>]),
        cut: Cut,
    ) -> Result<(), Crashed> {
        let mut took = "link: overtaken";
        let how = match answer {
            LinkAnswer::Merge(_) => How::Merged,
            LinkAnswer::Mine => How::LivesThere,
            LinkAnswer::Yours => How::LivesHere,
        };
        let did = Did::Linked { asked, how };
        self.transact(setting, name, bodies, (&did, cut), |conversation, storage, context| {
            let is_linked = |place: &Place| matches!(place, Place::Home(linked) if linked.contains(asked));
            let before = is_linked(&conversation.place);
            let entries = match answer {
                LinkAnswer::Merge(handover) => handover.entries.as_slice(),
                LinkAnswer::Mine | LinkAnswer::Yours => &[],
            };
            let known = storage.known(entries.iter().map(|entry| &entry.id));
            let output: Output = conversation.linked(asked, answer, &known, context);
            if !before && (is_linked(&conversation.place) || conversation.place.is_elsewhere()) {
                took = match how {
                    How::Merged => "link: merged",
                    How::LivesThere => "link: lives there",
                    How::LivesHere => "link: lives here",
                };
            }
            output
        })?;
        self.watch.notes.count(took);
        Ok(())
    }
}

enum Step {
    Done,
    Failed,
    Goes(Box<Flow>),
}
