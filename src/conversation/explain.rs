//! Why an event stands where it stands, in one sentence.
//!
//! Invariant: every state and every reason has a sentence, and none of them quotes what anybody wrote. The sentence
//! says what happened, because of what, by which rule and when; times are UTC.
//!
//! Not here: finding the event (`store`), showing the sentence (`command`).

use core::fmt::Write as _;

use super::Conversation;
use super::collisions::{Collision, CollisionOutcome, Conflict};
use super::memory::{Cause, Change, Echo, EchoEffect, Transition};
use super::turn::Holder;
use crate::ids::EventId;
use crate::outbox::{Entry, Reason, State};
use crate::policy::Policy;
use crate::time::{Millis, UnixMillis};
use crate::webhook::event::Class;

impl Conversation {
    /// Why this event stands where it stands.
    #[must_use]
    pub fn explain(&self, entry: &Entry) -> String {
        let arrived = entry.accepted_at;
        let mut sentence = match entry.state {
            State::Delivered => delivered(entry),
            State::InFlight(_) => format!("It is on its way to {}, attempt {}", bot(entry), entry.attempts.number()),
            State::Waiting(due) => format!("{}; it goes to {} at {due}", self.why_waiting(entry), bot(entry)),
            State::Withheld => self.why_withheld(entry),
            State::Dead => format!("{}; it is kept and can be sent again", why_dead(entry)),
        };
        if let Some(reason) = entry.note.would_withhold {
            // Writing into a String cannot fail.
            let _ = write!(
                sentence,
                "; with mode = \"enforce\" the bot would not have got it: {}",
                self.why_not(reason, entry)
            );
        }
        if let Some(rule) = &entry.note.rule {
            // Writing into a String cannot fail.
            let _ = write!(sentence, ", by the rule \"{}\"", rule.as_str());
        }
        let _ = write!(sentence, " (it arrived at {arrived}");
        if let Some(settled_at) = entry.settled_at.filter(|at| *at != arrived) {
            let _ = write!(sentence, ", this was decided at {settled_at}");
        }
        sentence.push_str(").");
        sentence
    }

    /// What this echo did.
    #[must_use]
    pub fn explain_echo(&self, echo: &Echo) -> String {
        let did = match echo.effect {
            EchoEffect::Automation => "is one of the app's own texts (automation_texts), so it took nothing",
            EchoEffect::Broadcast => "went to many customers at once, so it counts as a broadcast and took nothing",
            EchoEffect::HandedBack => "is a phrase of handback_phrases and handed the baton back",
            EchoEffect::Kept => "was written on the phone and kept the baton with the person",
            EchoEffect::Took => "was written on the phone and took the baton for the person",
        };
        format!("This message of the shop's {did} (it arrived at {}).", echo.at_ms)
    }

    fn why_waiting(&self, entry: &Entry) -> String {
        match entry.reason {
            None if entry.class == Class::Ghost => "It waits for the real message that follows it".to_owned(),
            None => "It is next, or waits behind the one that is".to_owned(),
            Some(Reason::Burst) => "It waits until the customer has finished typing".to_owned(),
            Some(Reason::HandedBack) => format!("It came to the bot when {}", self.how_hold_ended(entry)),
            Some(Reason::HumanFirst) => "It waits so that a person may answer first".to_owned(),
            Some(Reason::Replayed) => "An operator sent it on its way again".to_owned(),
            Some(reason) => format!("Attempt {} failed ({})", entry.attempts.number(), why_failed(reason)),
        }
    }

    /// Why a message that passed would have been withheld.
    fn why_not(&self, reason: Reason, entry: &Entry) -> String {
        match Some(reason) {
            Some(Reason::AskedForPerson) => "the customer asked for a person with it".to_owned(),
            Some(Reason::ForPerson) => "it is a person's to answer".to_owned(),
            Some(Reason::HeldByHuman) => format!("a person held the baton: {}", self.who_took_it(entry)),
            Some(Reason::Ignored) => "nobody need answer it".to_owned(),
            Some(Reason::Stale) => "it was too old on arrival (stale_after_seconds)".to_owned(),
            Some(Reason::TakenOver) => {
                format!("a person took the baton before the bot had it: {}", self.who_took_it(entry))
            }
            // Nothing else is written down as what would have been.
            _ => reason.to_string(),
        }
    }

    fn why_withheld(&self, entry: &Entry) -> String {
        let holder = || self.who_took_it(entry);
        match entry.reason {
            Some(Reason::Applied) => {
                "It changed a message that the bot had not got, and was applied to that".to_owned()
            }
            Some(Reason::AskedForPerson) => "The customer asked for a person with it, so it was withheld".to_owned(),
            Some(Reason::ForPerson) => "It is a person's to answer and was withheld from the bot".to_owned(),
            Some(Reason::HeldByHuman) => format!("It was withheld because a person held the baton: {}", holder()),
            Some(Reason::Ignored) => "It was withheld, and nobody need answer it".to_owned(),
            Some(Reason::Merged) => "Its text went to the bot as part of the customer's next message".to_owned(),
            Some(Reason::Moved) => {
                "The conversation moved under the customer's other name and took it along".to_owned()
            }
            Some(Reason::Stale) => {
                "It was too old on arrival to wake the bot (stale_after_seconds) and was withheld".to_owned()
            }
            Some(Reason::TakenOver) => {
                format!("It was withheld because a person took the baton before the bot had it: {}", holder())
            }
            Some(Reason::Withdrawn) => "The customer withdrew it before the bot had it".to_owned(),
            _ if entry.class == Class::Echo => {
                "This message of the shop's came from the phone; what it did is too long ago to be remembered"
                    .to_owned()
            }
            _ => format!("Events of its class ({}) are not for the bot", entry.class.name()),
        }
    }

    /// The last takeover up to the turn which withheld the entry. An attempt that was under way when a person took the
    /// baton may fail only after they have handed it back.
    fn who_took_it(&self, entry: &Entry) -> String {
        let began = |step: &&Transition| step.transition == Change::Takeover && step.token <= entry.token;
        match self.journal.iter().rev().find(began) {
            None => "the takeover is too long ago to be in the journal".to_owned(),
            Some(step) => {
                format!("{} at {}", beginning_of_hold(step.cause), step.at_ms)
            }
        }
    }

    /// The handback after which the entry was the bot's again.
    fn how_hold_ended(&self, entry: &Entry) -> String {
        let ended = |step: &&Transition| step.transition == Change::Handback && step.token == entry.token;
        match self.journal.iter().rev().find(ended) {
            None => "a person's hold ended".to_owned(),
            Some(step) => format!("{} at {}", end_of_hold(step.cause), step.at_ms),
        }
    }

    /// Who holds and why, until when, and who waits.
    #[must_use]
    pub fn explain_turn(&self, now: UnixMillis, policy: &Policy) -> String {
        let last = |change: Change| self.journal.iter().rev().find(|step| step.transition == change);
        let mut sentence = match &self.turn.holder {
            Holder::Automation => match last(Change::Handback) {
                None => "The bot holds the conversation".to_owned(),
                Some(step) => {
                    format!("The bot has held the conversation since {}, when {}", step.at_ms, end_of_hold(step.cause))
                }
            },
            Holder::Human(hold) => {
                let why = last(Change::Takeover).map_or("a person took it", |step| beginning_of_hold(step.cause));
                format!("A person has held the conversation since {}: {why}", hold.since_ms)
            }
        };
        // Writing into a String cannot fail.
        let _ = match (self.turn.hold(), self.release_at(policy)) {
            (Some(_), Some(at)) if at <= now => write!(sentence, "; the bot gets it back in a moment"),
            (Some(hold), Some(at)) if hold.paused => {
                write!(
                    sentence,
                    "; the operator keeps the bot out until {}, and it gets it back at {at}",
                    hold.lease_until_ms
                )
            }
            (Some(_), Some(at)) => write!(sentence, "; the bot gets it back at {at} if nobody writes"),
            (None, _) | (_, None) => Ok(()),
        };
        if let Some(waiting) = &self.waiting {
            let warned = if waiting.warned { ", and the owner was warned of it" } else { "" };
            let _ = write!(sentence, "; the customer has waited for a person since {}{warned}", waiting.since_ms);
        }
        if self.turn.hold().is_some() && policy.observes() {
            sentence.push_str("; mode is \"observe\", so the bot gets everything meanwhile, and may answer");
        }
        sentence.push('.');
        sentence
    }

    /// The sentence about a message of the bot's that the Graph API has given this id.
    #[must_use]
    pub fn explain_send(&self, id: &EventId) -> Option<String> {
        if let Some(send) = self.sends.accepted(id) {
            let when = send.begun_at_ms;
            return Some(format!("This message of the bot's was let through at {when}, and the Graph API took it."));
        }
        let leaked = self.collisions.iter().find(|collision| collision.message.as_ref() == Some(id));
        leaked.map(|collision| collision.explain(None))
    }

    /// The sentence about the event of this id: an echo's, or that of `entry`.
    #[must_use]
    pub fn explain_event(&self, id: &EventId, entry: Option<&Entry>) -> Option<String> {
        let echo = self.echoes.get(id).map(|echo| self.explain_echo(echo));
        echo.or_else(|| entry.map(|entry| self.explain(entry)))
    }
}

impl Collision {
    /// What happened, and when. `lease_until` is when the person's lease ends, where they hold.
    #[must_use]
    pub fn explain(&self, lease_until: Option<UnixMillis>) -> String {
        let late = span(self.late_ms);
        let what = match (self.outcome, &self.message) {
            (CollisionOutcome::Prevented, _) => "The bot's late reply was refused",
            (CollisionOutcome::Dropped, _) => "The bot's late reply was dropped (accept_and_drop)",
            (CollisionOutcome::Leaked, None) if self.would_prevent => {
                "The bot's late reply was let through because mode is \"observe\", and would have been prevented"
            }
            (CollisionOutcome::Leaked, None) => "The bot's late reply was let through (observe)",
            (CollisionOutcome::Leaked, Some(_)) => "The bot spoke to the customer past the gate",
        };
        let because = match (self.reason, &self.taken_by) {
            (Conflict::HeldByHuman, Some(_)) => format!("the shop had answered {late} earlier"),
            // At the customer's word, or at the operator's.
            (Conflict::HeldByHuman, None) => format!("a person had been put in charge {late} earlier"),
            (Conflict::OlderToken, _) => {
                format!("it answers what came before a person took over {late} earlier, who has handed back since")
            }
        };
        // Writing into a String cannot fail.
        let mut sentence = format!("{what}: {because}");
        if let Some(until) = lease_until {
            let _ = write!(sentence, " and holds the conversation until {until}");
        }
        sentence.push('.');
        sentence
    }
}

/// A span as people say it.
fn span(span: Millis) -> String {
    match span.as_seconds() {
        0 => "less than a second".to_owned(),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

fn beginning_of_hold(cause: Cause) -> &'static str {
    match cause {
        Cause::CustomerAsked => "the customer had asked for one",
        Cause::Merged => "one held it under the customer's other name",
        Cause::Operator => "the operator had taken it",
        Cause::Paused => "the operator had paused the bot",
        Cause::Broadcast
        | Cause::Echo
        | Cause::HeldLongest
        | Cause::LeaseExpired
        | Cause::Phrase
        | Cause::Revoked
        | Cause::Unanswered => "somebody had written from the phone",
    }
}

fn end_of_hold(cause: Cause) -> &'static str {
    match cause {
        Cause::Broadcast => "what had taken the baton turned out to be a broadcast",
        Cause::HeldLongest => "the person had held for as long as max_hold_seconds",
        Cause::LeaseExpired => "the person's lease ended",
        Cause::Operator => "the operator handed the baton back",
        Cause::Paused => "the operator's pause ended",
        Cause::Phrase => "the person handed the baton back",
        Cause::Revoked => "the person withdrew what had taken the baton",
        Cause::Unanswered => "the customer had waited for the person too long",
        Cause::CustomerAsked | Cause::Echo | Cause::Merged => "the hold ended",
    }
}

fn bot(entry: &Entry) -> String {
    entry.note.bot.as_ref().map_or_else(|| "the bot".to_owned(), |bot| format!("the bot \"{}\"", bot.as_str()))
}

fn delivered(entry: &Entry) -> String {
    format!("It was delivered to {} with attempt {}", bot(entry), entry.attempts.number())
}

fn why_dead(entry: &Entry) -> String {
    match entry.reason {
        Some(Reason::OutboxFull) => "The conversation owed the bot too much already".to_owned(),
        Some(Reason::Status(410)) => format!("{} wants no more events (status 410)", bot(entry)),
        Some(reason) => format!("Attempt {} was the last ({})", entry.attempts.number(), why_failed(reason)),
        None => "It was given up on".to_owned(),
    }
}

/// Why an attempt failed. What is no failure of an attempt is told by its name.
fn why_failed(reason: Reason) -> String {
    if let Reason::Status(status) = reason {
        return format!("the bot answered {status}");
    }
    let known = FAILURES.iter().find(|(failure, _)| *failure == reason);
    known.map_or_else(|| reason.to_string(), |(_, words)| (*words).to_owned())
}

const FAILURES: [(Reason, &str); 5] = [
    (Reason::ConnectionLost, "the connection broke; whether the bot has it is not known"),
    (Reason::Interrupted, "the gate was stopped meanwhile; whether the bot has it is not known"),
    (Reason::NoSuchBot, "no bot of that name is configured"),
    (Reason::TimedOut, "the bot did not answer in time; whether it has it is not known"),
    (Reason::Unsendable, "there was nothing to send any more"),
];
