//! One conversation: any sequence of events, outcomes, alarms and jumps of the clock through
//! [`Conversation::apply`], with a shell that stores what it is told and a bot that answers what the bytes say.
//!
//! Invariant, after every step: what stands at the head of `baton::conversation`, and what a row holds is what the
//! core thinks it is. At the end the bot accepts everything, time passes, and nothing is owed and nobody holds.
//!
//! | file | what |
//! |---|---|
//! | `steps` | what the bytes mean |
//! | `shelf` | the rows, without a database |
//!
//! Not here: SQL, crashes between two statements, and whole worlds of objects; `tests/native` has those. This target
//! is small so that it is fast: the order of steps that nobody thinks of is found by trying very many.

mod shelf;
mod steps;

use std::collections::BTreeSet;

use baton::conversation::fence::{Asked, SendEnd, Verdict};
use baton::conversation::{Answer, Arrival, Context, Conversation, Incoming, Input, Output};
use baton::graph::send::Sending;
use baton::ids::{AttemptNumber, EventId, FencingToken, LineId, ObjectName};
use baton::limits::{COLLISIONS_MAX, ECHOES_IN_ROW_MAX, JOURNAL_MAX, SENDS_MAX};
use baton::outbox::outcome::Outcome;
use baton::outbox::request::Attempt;
use baton::outbox::{Entry, State, Tried};
use baton::policy::Policy;
use baton::policy::fence::FenceMode;
use baton::time::{Millis, UnixMillis};
use baton::webhook::event::Class;

use crate::Target;
use shelf::Shelf;
use steps::Step;

const START: UnixMillis = UnixMillis::from_seconds(1_793_700_100);

/// Alarms and answers that bring any conversation to rest. 200 messages and a schedule of ten waits are 2,000.
const REST_STEPS_MAX: usize = 5_000;

/// This target.
pub const TARGET: Target = Target { name: "conversation", run, seeds: steps::seeds, words: Vec::new, describe };

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let (policy, steps) = steps::read(bytes);
    let mut shop = Shop::new(policy);
    for step in steps {
        shop.take(step);
    }
    shop.deliver();
    shop.rest();
}

fn describe(bytes: &[u8]) -> String {
    let (policy, steps) = steps::read(bytes);
    let steps: Vec<String> = steps.map(|step| format!("{step:?}")).collect();
    format!("{policy:#?}\n{}", steps.join("\n"))
}

/// A conversation, what is stored of it, and the world around it.
struct Shop {
    conversation: Conversation,
    policy: Policy,
    here: ObjectName,
    line: Option<LineId>,
    now: UnixMillis,
    wake_at: Option<UnixMillis>,
    shelf: Shelf,
    /// What was let through: what it says, and when it began.
    sends: Vec<(String, UnixMillis)>,
    /// Attempts whose outcome has not been told yet, whether or not it still counts.
    under_way: Vec<Attempt>,
    /// Receipts whose first attempt the Worker made.
    straight: BTreeSet<EventId>,
    /// Events of the delivery that is being put together, and the delivery before it.
    coming: Vec<Incoming>,
    last: Vec<Incoming>,
}

impl Shop {
    fn new(policy: Policy) -> Self {
        Self {
            conversation: Conversation::default(),
            policy,
            here: ObjectName::from_runtime("customer/300000000000001/15550109999".to_owned()),
            line: LineId::parse("300000000000001"),
            now: START,
            wake_at: None,
            shelf: Shelf::default(),
            sends: Vec::new(),
            under_way: Vec::new(),
            straight: BTreeSet::new(),
            coming: Vec::new(),
            last: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Event { event, more } => {
                self.coming.push(event.incoming(self.now));
                if more {
                    return;
                }
            }
            Step::Again => self.coming = self.last.clone(),
            // Anything else happens after what was on its way.
            _ => {}
        }
        self.deliver();
        match step {
            Step::Event { .. } | Step::Again => {}
            Step::Alarm => {
                self.now = self.wake_at.map_or(self.now, |at| at.max(self.now));
                self.wake();
            }
            Step::Broadcast { echo } => {
                let echo = steps::echo_id(echo);
                self.apply(&Input::Broadcast { echo: &echo });
            }
            Step::Crash => self.under_way.clear(),
            Step::Earlier { by } => self.now = self.now.before(by),
            Step::Finish { which, off, again, outcome } => self.finish(which, off, again, outcome),
            Step::Later { by } => self.now = self.now.after(by),
            Step::Post { says, answers, token } => self.post(says, answers, token),
            Step::Report { message, age } => {
                let id = steps::sent_id(message);
                let is_known = self.shelf.has(&id);
                self.apply(&Input::Sent { id: &id, sent_at: Some(self.now.before(age)), is_known });
            }
            Step::Settle { which, end } => self.settle(which, end),
            Step::Replay => {
                let dead = self.shelf.dead();
                self.apply(&Input::Replay { dead: &dead });
            }
            Step::Wake => self.wake(),
        }
    }

    /// The bot asks whether it may send a message. Odd sends of it are marked as what always passes.
    fn post(&mut self, says: u8, answers: u8, token: u8) {
        let is_marked = says & 0x80 != 0;
        let sending = Sending {
            digest: format!("says{}", says % 4),
            kind: "text".to_owned(),
            answers: (answers < 0x80).then(|| steps::message_id(answers)),
            token: (token < 0x80).then(|| FencingToken::new(u64::from(token))),
            callback_data: is_marked.then(|| format!("{}17", steps::MARK)),
            ..Sending::default()
        };
        let answered = sending.answers.as_ref().and_then(|id| self.shelf.entry(id)).cloned();
        let last_said = self.shelf.last_said();
        let here = self.here.clone();
        let asked = Asked { sending: &sending, answered: answered.as_ref(), last_said, here: &here, via: None };
        let output = self.apply(&Input::Send(asked));
        let Answer::Send(verdict) = output.answer else { panic!("{:?}", output.answer) };
        let Verdict::Go(begun_at) = verdict else { return };
        let fence = &self.policy.fence;
        let is_open = self.conversation.turn.hold().is_none() || is_marked || fence.mode == FenceMode::Observe;
        assert!(is_open, "it goes out while a person holds");
        assert!(self.conversation.sends.has(&sending.digest), "what goes out is written down");
        if fence.duplicate_send > Millis::default() && last_said.is_none_or(|said| said <= begun_at) {
            let context = Context { now: self.now, policy: &self.policy, draw: 0 };
            let again = self.conversation.clone().apply(&Input::Send(asked), context).answer;
            assert_eq!(again, Answer::Send(Verdict::Wait), "the same at once is a repetition");
        }
        self.sends.push((sending.digest, begun_at));
    }

    /// A message of the bot's comes to its end, or is told of it again.
    fn settle(&mut self, which: u8, end: u8) {
        let Some(at) = usize::from(which).checked_rem(self.sends.len()) else { return };
        let Some((digest, begun_at)) = self.sends.get(at).cloned() else { return };
        let id = steps::sent_id(end >> 2);
        let end = match end % 3 {
            0 => SendEnd::Accepted { id, answer: Some("{}".to_owned()) },
            1 => SendEnd::NotSent,
            _ => SendEnd::Unknown,
        };
        self.apply(&Input::Settle { begun_at, digest: &digest, end: &end });
    }

    /// The delivery that was put together arrives.
    fn deliver(&mut self) {
        if self.coming.is_empty() {
            return;
        }
        let events = core::mem::take(&mut self.coming);
        for event in &events {
            if event.tried.is_some() {
                self.straight.insert(event.id.clone());
            }
        }
        self.accept(&events);
        self.repeat(&events);
        self.last = events;
    }

    fn accept(&mut self, events: &[Incoming]) {
        let known = self.shelf.known(events);
        let (here, line) = (self.here.clone(), self.line.clone());
        let arrival = Arrival {
            events,
            known: &known,
            here: &here,
            aliases: &[],
            customer: None,
            line: line.as_ref(),
            last_said: None,
        };
        let output = self.apply(&Input::Accept(arrival));
        let Answer::Accepted { new, duplicates } = output.answer else { panic!("{:?}", output.answer) };
        assert_eq!(new + duplicates, events.len(), "each event is new or known");
        for event in events.iter().filter(|event| event.class != Class::Contact) {
            let is_kept = self.shelf.has(&event.id) || self.conversation.echoes.contains(&event.id);
            assert!(is_kept, "what was accepted is stored");
        }
    }

    /// The same delivery at once again changes nothing.
    fn repeat(&self, events: &[Incoming]) {
        let known = self.shelf.known(events);
        let arrival = Arrival {
            events,
            known: &known,
            here: &self.here,
            aliases: &[],
            customer: None,
            line: self.line.as_ref(),
            last_said: None,
        };
        let mut twin = self.conversation.clone();
        // A hold that was at its longest ends with the next thing that happens, whatever that is.
        let nobody = EventId::named("nobody");
        let nothing = Input::Finish { id: &nobody, number: AttemptNumber::default(), outcome: Outcome::Accepted };
        twin.apply(&nothing, self.context());
        let output = twin.apply(&Input::Accept(arrival), self.context());
        let contacts = events.iter().filter(|event| event.class == Class::Contact).count();
        assert_eq!(output.answer, Answer::Accepted { new: contacts, duplicates: events.len() - contacts });
        assert!(output.changes.is_empty() && output.attempts.is_empty() && output.tally.is_empty(), "{output:?}");
    }

    fn finish(&mut self, which: u8, off: i8, again: bool, outcome: Outcome) {
        let Some(at) = usize::from(which).checked_rem(self.under_way.len()) else { return };
        let Some(Attempt { id, number, .. }) = self.under_way.get(at).cloned() else { return };
        if off == 0 && !again {
            self.under_way.remove(at);
        }
        let number = AttemptNumber::new(number.number().saturating_add_signed(off.into()));
        self.apply(&Input::Finish { id: &id, number, outcome });
    }

    fn wake(&mut self) {
        let oldest = if self.conversation.forgets_at(self.now) { self.shelf.oldest() } else { None };
        self.apply(&Input::Wake { oldest });
    }

    fn context(&self) -> Context<'_> {
        Context { now: self.now, policy: &self.policy, draw: u32::MAX / 2 }
    }

    fn apply(&mut self, input: &Input<'_>) -> Output {
        let before = self.conversation.turn.clone();
        let context = Context { now: self.now, policy: &self.policy, draw: u32::MAX / 2 };
        let output = self.conversation.apply(input, context);
        self.shelf.write(&self.conversation, &output);
        self.shelf.check(&self.conversation);

        let turn = &self.conversation.turn;
        assert!(turn.token >= before.token, "the token never falls");
        let has_changed = turn.hold().is_some() != before.hold().is_some();
        assert!(!has_changed || turn.token > before.token, "another holder is another turn");
        self.check_lanes(&output);
        self.check_silence(&output, before.token);
        self.check_alarm(&output);
        assert!(self.conversation.echoes.iter().count() <= ECHOES_IN_ROW_MAX);
        assert!(self.conversation.journal.iter().count() <= JOURNAL_MAX);
        assert!(self.conversation.sends.iter().count() <= SENDS_MAX);
        assert!(self.conversation.collisions.iter().count() <= COLLISIONS_MAX);

        self.wake_at = output.wake_at;
        self.under_way.extend(output.attempts.iter().cloned());
        output
    }

    /// Of each lane at most one entry is in flight, and what starts is the oldest.
    fn check_lanes(&self, output: &Output) {
        let lane = |entry: &Entry| (entry.class.is_turn_bound(), entry.note.bot.clone());
        // The Worker makes the first attempt at a receipt by itself, and many at a time.
        let is_straight = |entry: &&Entry| entry.attempts == AttemptNumber::new(1) && self.straight.contains(&entry.id);
        let outbox: Vec<&Entry> = self.conversation.outbox.iter().filter(|entry| !is_straight(entry)).collect();
        let mut lanes = BTreeSet::new();
        for entry in outbox.iter().filter(|entry| matches!(entry.state, State::InFlight(_))) {
            assert!(lanes.insert(lane(entry)), "{entry:?} is the second of its lane in flight");
        }
        for attempt in &output.attempts {
            let entry = outbox.iter().find(|entry| entry.id == attempt.id);
            let oldest = outbox.iter().find(|other| entry.is_some_and(|entry| lane(entry) == lane(other)));
            assert_eq!(entry, oldest, "the oldest comes first");
        }
    }

    /// While a person holds, nothing of the talk waits and nothing of it starts.
    fn check_silence(&self, output: &Output, before: FencingToken) {
        let turn = &self.conversation.turn;
        for attempt in &output.attempts {
            let entry = self.conversation.outbox.iter().find(|entry| entry.id == attempt.id);
            let Some(entry) = entry else { panic!("an attempt at nothing") };
            assert!(matches!(entry.state, State::InFlight(_)) && entry.attempts == attempt.number);
            // What was withheld for longer than bodies are kept has none: its attempt ends as unsendable.
            let is_kept = entry.settled_at.unwrap_or(entry.accepted_at) >= self.now.before(self.policy.keep_bodies);
            assert!(!is_kept || self.shelf.has_body(&attempt.id), "there is something to send");
            if attempt.class.is_turn_bound() {
                assert!(turn.lets_through(attempt.token), "{attempt:?} in {turn:?}, before {before:?}");
            }
        }
        let is_waiting = |entry: &&Entry| entry.class.is_turn_bound() && matches!(entry.state, State::Waiting(_));
        if turn.hold().is_some() {
            assert!(self.conversation.outbox.iter().find(is_waiting).is_none(), "it waits while a person holds");
        } else {
            assert!(self.conversation.held.is_empty(), "it is held by nobody");
        }
    }

    /// Whatever time alone must do has an alarm that is not too late for it.
    fn check_alarm(&self, output: &Output) {
        let Conversation { turn, waiting, outbox, .. } = &self.conversation;
        let is_due_by = |at: UnixMillis| output.wake_at.is_some_and(|wake_at| wake_at <= at);
        if let Some(until) = turn.lease_until() {
            let patience = waiting.map(|waiting| waiting.since_ms.after(self.policy.hand_back_after));
            assert!(is_due_by(patience.map_or(until, |patience| patience.max(until))), "the hold has an end");
        }
        if let Some(waiting) = waiting.filter(|waiting| !waiting.warned) {
            assert!(is_due_by(waiting.since_ms.after(self.policy.warn_after)), "the owner is warned in time");
        }
        for entry in outbox {
            if let State::InFlight(lost_at) = entry.state {
                assert!(is_due_by(lost_at), "an attempt is lost in time");
            }
        }
        assert!(outbox.is_empty() || output.wake_at.is_some(), "what is owed has a time");
        assert!(!self.shelf.is_in_use() || output.wake_at.is_some(), "what is kept is forgotten one day");
    }

    /// From here on the bot takes everything and only time passes: everything comes to its end.
    fn rest(&mut self) {
        for _ in 0..REST_STEPS_MAX {
            if let Some(attempt) = self.under_way.pop() {
                self.apply(&Input::Finish { id: &attempt.id, number: attempt.number, outcome: Outcome::Accepted });
                continue;
            }
            let is_at_rest = self.conversation.turn.hold().is_none() && self.conversation.outbox.is_empty();
            if is_at_rest && self.conversation.waiting.is_none_or(|waiting| waiting.warned) {
                return;
            }
            let Some(at) = self.wake_at else { panic!("nobody wakes it") };
            self.now = self.now.max(at);
            self.wake();
        }
        panic!("it never comes to rest: {:?}", self.conversation);
    }
}

/// How an attempt at a receipt that went straight to the bot stands, by a byte.
fn tried(byte: u8) -> Option<Tried> {
    match byte % 4 {
        0 => Some(Tried::UnderWay),
        1 => Some(Tried::Ended(Outcome::Accepted)),
        2 => Some(Tried::Ended(Outcome::Retryable { status: 500 })),
        _ => None,
    }
}

/// A span by its unit and its count.
fn span(unit: u8, count: u8) -> Millis {
    const UNITS_MS: [u64; 6] = [1, 1_000, 60_000, 600_000, 3_600_000, 86_400_000];
    let unit = UNITS_MS[usize::from(unit) % UNITS_MS.len()];
    Millis::new(unit * u64::from(count))
}
