//! The fence: whether the bot may speak now, and what came of it.
//!
//! | the bot wants to send, and | `refuse` | `accept_and_drop` | `observe` |
//! |---|---|---|---|
//! | nobody holds, and nobody has taken over since it got what it answers | it goes out | it goes out | it goes out |
//! | a person holds | refused, prevented | dropped | it goes out, leaked |
//! | it got what it answers in an older turn | refused, prevented | dropped | it goes out, leaked |
//! | the policy lets it always pass | it goes out | it goes out | it goes out |
//!
//! With `mode = "observe"` every message goes out, whatever `fence` says, and what `refuse` or `accept_and_drop` would
//! have stopped is written down as would have been prevented.
//!
//! Before all that: the same message again within `duplicate_send_seconds` gets the first one's answer, provided that
//! the customer has said nothing since. A customer who asks for the menu twice gets it twice.
//!
//! Invariant: a send is let through in the transaction in which the turn is looked at, and is written down in it. From
//! the moment at which a person's message is acknowledged no send is let through but what the policy names. The Cloud
//! API has no key by which it recognises a repetition: a send of which it is not known whether it went out is written
//! down as unknown and never sent again by the gate.
//!
//! A bot that does not send through the gate cannot be fenced, only noticed: Meta reports every message that the number
//! has sent, and one that is neither the shop's echo nor came by the gate is the bot's (`Conversation::was_sent`).
//!
//! A name that leads here and that the conversation does not know has handed over what has not arrived yet, perhaps a
//! person's hold: it is linked before anything is let through ([`Asked::via`]).
//!
//! Not here: reading the bot's request (`graph`), the sentences (`explain`).

use serde::{Deserialize, Serialize};

use super::collisions::{Collision, CollisionOutcome, Conflict};
use super::memory::Change as TurnChange;
use super::sends::{Send, SendState};
use super::{Alert, Answer, Context, Conversation, Output};
use crate::graph::answer;
use crate::graph::send::Sending;
use crate::ids::{EventId, ObjectName};
use crate::limits::{REMEMBER_SENDS_FOR, SEND_LOST_AFTER};
use crate::outbox::Entry;
use crate::policy::fence::FenceMode;
use crate::time::{Millis, UnixMillis};

/// Meta's timestamps have whole seconds: what happened in the second in which a person took over may have been later.
const TIMESTAMP_STEP: Millis = Millis::from_seconds(1);

/// The bot asks whether it may send a message.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The message.
    pub sending: &'a Sending,
    /// The entry of the message of the customer's that it answers, where it says which and the conversation has it.
    pub answered: Option<&'a Entry>,
    /// When the customer's last message was accepted.
    pub last_said: Option<UnixMillis>,
    /// The name of the object at which the bot asks.
    pub here: &'a ObjectName,
    /// The name that led here, where it is another.
    pub via: Option<&'a ObjectName>,
}

/// What becomes of a message of the bot's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was sent already; this is what the Graph API answered.
    Again(String),
    /// It is not sent, and the bot is told that it was.
    Drop(Refusal),
    /// It is to be sent, and its end to be told with the time at which it began.
    Go(UnixMillis),
    /// It is not sent, and the bot is told so.
    Refuse(Refusal),
    /// It was handed on a short while ago, and what became of it is not known.
    Unknown,
    /// The same message is on its way; what becomes of it should be asked again in a moment.
    Wait,
}

/// Why a message is not sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// What stands against it.
    pub conflict: Conflict,
    /// What happened, in one sentence.
    pub details: String,
}

/// How a send ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SendEnd {
    /// The Graph API has taken it.
    Accepted {
        /// The id that it gave it.
        id: EventId,
        /// What it answered, where that is short enough to be kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// The Graph API has refused it: the bot may send it again.
    NotSent,
    /// There was no answer, or none that says anything.
    Unknown,
}

impl SendEnd {
    /// What an answer to a message says of it. `body` is `None` where it broke off, or is longer than what is kept.
    ///
    /// An error of something on the way to the Graph API, such as a gateway's 502, says nothing of the message.
    #[must_use]
    pub fn of_answer(status: u16, body: Option<&str>) -> Self {
        match (status, body) {
            (200..=299, Some(body)) => match answer::accepted_id(body) {
                Some(id) => Self::Accepted { id, answer: Some(body.to_owned()) },
                None => Self::Unknown,
            },
            (300..=499, _) => Self::NotSent,
            (500.., Some(body)) if answer::is_error(body) => Self::NotSent,
            _ => Self::Unknown,
        }
    }
}

impl Conversation {
    /// The bot asks whether it may send a message.
    pub(super) fn asked_to_send(&mut self, asked: &Asked<'_>, context: Context<'_>, output: &mut Output) {
        output.answer = Answer::Send(self.verdict(asked, context, output));
    }

    fn verdict(&mut self, asked: &Asked<'_>, context: Context<'_>, output: &mut Output) -> Verdict {
        let Context { now, policy, .. } = context;
        if let Some(repeated) = self.repeated(asked, context).filter(|_| !policy.observes()) {
            return repeated;
        }
        if let Some((conflict, taken_at)) = self.conflict(asked).filter(|_| !may_always_pass(asked.sending, context)) {
            let outcome = match policy.fence.mode {
                _ if policy.observes() => CollisionOutcome::Leaked,
                FenceMode::AcceptAndDrop => CollisionOutcome::Dropped,
                FenceMode::Observe => CollisionOutcome::Leaked,
                FenceMode::Refuse => CollisionOutcome::Prevented,
            };
            let collision = Collision {
                at_ms: now,
                outcome,
                would_prevent: policy.observes(),
                reason: conflict,
                late_ms: now.since(taken_at),
                kind: asked.sending.kind.clone(),
                taken_by: self.turn.hold().and_then(|hold| hold.taken_by.clone()),
                message: None,
            };
            let refusal = Refusal { conflict, details: collision.explain(self.turn.lease_until()) };
            self.collide(collision, context, output);
            match policy.fence.mode {
                _ if policy.observes() => {}
                FenceMode::AcceptAndDrop => return Verdict::Drop(refusal),
                FenceMode::Refuse => return Verdict::Refuse(refusal),
                FenceMode::Observe => {}
            }
        }
        let Sending { digest, kind, .. } = asked.sending;
        self.sends.let_go_of_answers(now.before(SEND_LOST_AFTER).before(policy.fence.duplicate_send));
        let begun_at = self.sends.begin(Send {
            digest: digest.clone(),
            kind: kind.clone(),
            begun_at_ms: now,
            state: SendState::InFlight,
        });
        output.save = true;
        self.forget_later(context, output);
        Verdict::Go(begun_at)
    }

    /// What became of the same message a short while ago, where the customer has said nothing since.
    fn repeated(&self, asked: &Asked<'_>, context: Context<'_>) -> Option<Verdict> {
        let window = context.policy.fence.duplicate_send;
        let first = self.sends.last_of(&asked.sending.digest).filter(|_| window > Millis::default())?;
        if asked.last_said.is_some_and(|said| said > first.begun_at_ms) {
            return None;
        }
        // A repetition that has waited for the first one's end was asked for in time, however long that took.
        let asked_at = asked.sending.asked_at_ms.map_or(context.now, |asked_at| context.now.min(asked_at));
        let is_recent = asked_at < first.begun_at_ms.after(window);
        match first.state_at(context.now) {
            SendState::InFlight => Some(Verdict::Wait),
            SendState::Unknown => is_recent.then_some(Verdict::Unknown),
            // Where only Meta's report has said that it was sent there is no answer to give again.
            SendState::Accepted { answer, .. } => {
                is_recent.then(|| answer.clone().map_or(Verdict::Unknown, Verdict::Again))
            }
        }
    }

    /// What stands against a message, and since when.
    fn conflict(&self, asked: &Asked<'_>) -> Option<(Conflict, UnixMillis)> {
        if let Some(hold) = self.turn.hold() {
            return Some((Conflict::HeldByHuman, hold.since_ms));
        }
        let answered = asked.answered.filter(|entry| entry.class.is_turn_bound()).map(|entry| entry.token);
        let token =
            asked.sending.token.into_iter().chain(answered).min().filter(|token| self.turn.has_outdated(*token))?;
        let takeovers = self.journal.iter().filter(|step| step.transition == TurnChange::Takeover);
        let since = takeovers.filter(|step| step.token > token).map(|step| step.at_ms).next();
        // Where the journal has forgotten the takeover, its oldest line is the nearest that is known.
        let oldest = || self.journal.iter().next().map(|step| step.at_ms);
        Some((Conflict::OlderToken, since.or_else(oldest).unwrap_or_default()))
    }

    fn collide(&mut self, collision: Collision, context: Context<'_>, output: &mut Output) {
        self.collisions.record(collision.clone());
        output.collision = Some(collision);
        output.save = true;
        self.forget_later(context, output);
    }

    /// A send has come to its end.
    pub(super) fn settle_send(
        &mut self,
        begun_at: UnixMillis,
        digest: &str,
        end: &SendEnd,
        context: Context<'_>,
        output: &mut Output,
    ) {
        match end {
            SendEnd::Unknown => {
                // Meta's report of it may have come first.
                let Some(send) = self.sends.open_of(digest, begun_at) else { return };
                send.state = SendState::Unknown;
            }
            SendEnd::NotSent if !self.sends.remove(digest, begun_at) => return,
            SendEnd::NotSent => {}
            SendEnd::Accepted { id, answer } => {
                let window = context.policy.fence.duplicate_send;
                // Somebody may have waited for it since the last moment of that time.
                let until = begun_at.after(window).after(SEND_LOST_AFTER);
                let is_repeatable = window > Millis::default() && context.now < until;
                let answer = answer.clone().filter(|_| is_repeatable);
                self.sends.accept(digest, begun_at, id.clone(), answer);
                self.collisions.retract(id);
                self.forget_later(context, output);
            }
        }
        output.save = true;
    }

    /// Meta reports that a message was sent to the customer. While a person holds, one that is neither the shop's nor
    /// came by the gate is the bot's, which does not send through the gate.
    pub(super) fn was_sent(
        &mut self,
        id: &EventId,
        sent_at: Option<UnixMillis>,
        is_known: bool,
        context: Context<'_>,
        output: &mut Output,
    ) {
        let Some(hold) = self.turn.hold() else { return };
        let is_explained = is_known || self.echoes.contains(id) || self.sends.contains(id);
        if is_explained || self.collisions.has_leaked(id) {
            return;
        }
        let sent_at = sent_at.unwrap_or(context.now);
        if sent_at.after(TIMESTAMP_STEP) <= hold.since_ms {
            return;
        }
        let collision = Collision {
            at_ms: context.now,
            outcome: CollisionOutcome::Leaked,
            would_prevent: false,
            reason: Conflict::HeldByHuman,
            late_ms: sent_at.since(hold.since_ms),
            kind: String::new(),
            taken_by: hold.taken_by.clone(),
            message: Some(id.clone()),
        };
        if let Some(open) = self.sends.open_mut(context.now.before(REMEMBER_SENDS_FOR)) {
            // It is the one of which nothing was known, or the Graph API's answer to it is still under way.
            if open.state_at(context.now) == &SendState::Unknown {
                open.state = SendState::Accepted { id: id.clone(), answer: None };
                output.save = true;
            }
            return;
        }
        self.collide(collision, context, output);
        if !context.policy.observes() {
            output.alerts.push(Alert::Leak);
        }
    }

    /// Whether the bot's read receipt for this message stays here. `is_known` says whether there is an entry of it.
    #[must_use]
    pub fn keeps_read_receipt(&self, is_known: bool, context: Context<'_>) -> bool {
        let holds = self.release_at(context.policy).is_some_and(|at| at > context.now);
        holds && is_known && context.policy.fence.holds_read_receipts && !context.policy.observes()
    }
}

/// Whether the policy lets a message pass whoever holds.
fn may_always_pass(sending: &Sending, context: Context<'_>) -> bool {
    let always = &context.policy.fence.always;
    let template = sending.template.as_deref();
    template.is_some_and(|name| always.has_template(name, sending.category.as_deref()))
        || sending.callback_data.as_deref().is_some_and(|data| always.has_mark(data))
}
