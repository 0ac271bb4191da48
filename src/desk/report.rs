//! What a conversation tells the desk of its line: how it stands, and what was counted since the report before.
//!
//! Invariant: a report is complete. One that is lost is made good by the next, but for what was counted in between, and
//! reports that could not be delivered add up to one ([`Report::add`]).
//!
//! Why it is made in the conversation's transaction and not at the desk: there it costs nothing but the text.
//!
//! Not here: receipts. They are three of four events, and how the bot takes them says nothing about the talk; a bot that
//! refuses them all would have its line's desk hear of each attempt.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::tallies::{Counted, Tallies, Timed};
use crate::command::shown::ShownCollision;
use crate::conversation::collisions::{Collision, CollisionOutcome};
use crate::conversation::fence::Verdict;
use crate::conversation::memory::{Cause, Change as TurnChange};
use crate::conversation::turn::Holder;
use crate::conversation::{Alert, Answer, Change, Context, Conversation, Output};
use crate::ids::{BotName, LineId, ObjectName};
use crate::json;
use crate::limits::{REPORTED_COLLISIONS_MAX, REPORTED_DEAD_LETTERS_MAX};
use crate::outbox::{Entry, Reason, State};
use crate::time::UnixMillis;

/// What a conversation, or the object of an account, tells the desk.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Report {
    /// The conversation's public id.
    pub id: String,
    /// The object that reports.
    pub name: Option<ObjectName>,
    /// When it was made.
    pub at_ms: UnixMillis,
    /// How the conversation stands; `None` of an account's object, and of one that has given way to another.
    pub standing: Option<Standing>,
    /// When the object's alarm rings.
    #[serde(default)]
    pub wake_at_ms: Option<UnixMillis>,
    /// What was counted.
    pub tallies: Tallies,
    /// Why the last failed attempt failed, and whether one has succeeded since.
    pub bot: Option<BotSeen>,
    /// Collisions, each as the operator is shown it.
    #[serde(default)]
    pub collisions: Vec<Box<RawValue>>,
    /// The dead letters that there are now; `None` where that has not changed.
    #[serde(default)]
    pub dead: Option<Vec<Box<RawValue>>>,
    /// What the owner is to be told.
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

/// What the attempts of a report say of the bot.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct BotSeen {
    /// Attempts that failed since the last that succeeded.
    pub failures: u32,
    /// Whether any succeeded.
    pub succeeded: bool,
    /// How the last that failed did so, in one word; empty where none has.
    #[serde(default)]
    pub how: String,
}

/// How a conversation stands, as the operator is shown it in lists.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Standing {
    /// The business number.
    pub line: LineId,
    /// The customer, by the name under which the conversation lives.
    pub customer: String,
    /// Every name of the customer's that leads to the conversation.
    pub names: Vec<String>,
    /// The name that the customer has given themselves.
    pub profile: Option<String>,
    /// `human` or `automation`.
    pub holder: String,
    /// Since when that side holds, where that is known.
    pub since_ms: Option<UnixMillis>,
    /// When a person's lease ends.
    pub lease_until_ms: Option<UnixMillis>,
    /// Whether the operator keeps the bot out.
    pub paused: bool,
    /// Why the last transition happened.
    pub cause: Option<Cause>,
    /// Since when the customer waits.
    pub waiting_since_ms: Option<UnixMillis>,
    /// When the bot gets what is unanswered.
    pub hands_back_at_ms: Option<UnixMillis>,
    /// When a person last spoke, as far as that is remembered.
    #[serde(default)]
    pub person_at_ms: Option<UnixMillis>,
    /// The fencing token.
    pub token: u64,
    /// Who holds and why, in one sentence.
    pub explanation: String,
}

impl Report {
    /// What an input's output is worth reporting; `None` where nothing is.
    #[must_use]
    pub fn of(name: &ObjectName, conversation: &Conversation, output: &Output, context: Context<'_>) -> Option<Self> {
        let is_about_all = name.line_of_conversation().is_none();
        if !(output.is_to_be_written() || matches!(output.answer, Answer::Send(_))) || is_about_receipts(output) {
            return None;
        }
        let mut report = Self {
            id: name.public_id(),
            name: Some(name.clone()),
            at_ms: context.now,
            wake_at_ms: output.wake_at,
            alerts: output.alerts.clone(),
            ..Self::default()
        };
        if is_about_all {
            return (!report.alerts.is_empty()).then_some(report);
        }
        report.standing = standing(name, conversation, output, context);
        let held_until = conversation.turn.hold().is_none().then(|| conversation.holds_since()).flatten();
        report.count(output, held_until, context.now);
        if let Some(collision) = &output.collision {
            report.collisions.extend(shown(collision));
        }
        Some(report)
    }

    /// Whether it says nothing that a desk to which the conversation has stood like this does not know.
    #[must_use]
    pub fn is_old_news(&self, told: Option<&Standing>) -> bool {
        self.tallies.is_empty()
            && self.bot.is_none()
            && self.collisions.is_empty()
            && self.dead.is_none()
            && self.alerts.is_empty()
            && self.standing.as_ref() == told
    }

    /// Whether the operator should see it at once, and not with the end of what is under way.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        let turns = [Counted::Takeover, Counted::Handback, Counted::Withheld, Counted::DeadLetter];
        self.standing.is_none()
            || self.dead.is_some()
            || !self.alerts.is_empty()
            || !self.collisions.is_empty()
            || turns.into_iter().any(|counted| self.tallies.of(counted) > 0)
    }

    /// Adds a later report of the same object.
    pub fn add(&mut self, later: Self) {
        self.tallies.add(&later.tallies);
        self.bot = match (self.bot.take(), later.bot) {
            (Some(before), Some(later)) if !later.succeeded => Some(BotSeen {
                failures: before.failures.saturating_add(later.failures),
                succeeded: before.succeeded,
                how: later.how,
            }),
            (before, later) => later.or(before),
        };
        self.collisions.extend(later.collisions);
        let surplus = self.collisions.len().saturating_sub(REPORTED_COLLISIONS_MAX);
        self.collisions.drain(..surplus);
        self.dead = later.dead.or(self.dead.take());
        for alert in later.alerts {
            if !self.alerts.contains(&alert) {
                self.alerts.push(alert);
            }
        }
        self.at_ms = later.at_ms;
        self.wake_at_ms = later.wake_at_ms;
        let profile = self.standing.take().and_then(|before| before.profile);
        self.standing = later.standing.map(|standing| Standing { profile: standing.profile.or(profile), ..standing });
    }

    /// Whether dead letters have come or gone with this output, so that the report should bring those that there are.
    #[must_use]
    pub fn concerns_dead_letters(output: &Output) -> bool {
        let died = |change: &Change| match change {
            Change::Put { entry, .. } | Change::Update(entry) => {
                entry.state == State::Dead || entry.reason == Some(Reason::Replayed)
            }
            Change::Forget { .. } => true,
            Change::Rewrite { .. } => false,
        };
        output.changes.iter().any(died)
    }

    /// The dead letters that there are now, the newest of them.
    pub fn bring_dead_letters(&mut self, conversation: &Conversation, dead: &[Entry]) {
        let shown = |entry: &Entry| {
            let letter = ShownLetter {
                id: entry.id.as_str(),
                class: entry.class.name(),
                reason: entry.reason.map(|reason| reason.to_string()),
                attempts: entry.attempts.number(),
                bot: entry.note.bot.as_ref().map(BotName::as_str),
                died_at_ms: entry.settled_at.unwrap_or(entry.accepted_at),
                accepted_at_ms: entry.accepted_at,
                explanation: conversation.explain(entry),
            };
            json::write_raw(&letter).ok()
        };
        // Some bots refuse every receipt, which nobody need send again.
        let mut talk: Vec<&Entry> = dead.iter().filter(|entry| entry.class.is_turn_bound()).collect();
        talk.drain(..talk.len().saturating_sub(REPORTED_DEAD_LETTERS_MAX));
        self.dead = Some(talk.into_iter().filter_map(shown).collect());
    }

    fn count(&mut self, output: &Output, held_until: Option<UnixMillis>, now: UnixMillis) {
        for change in &output.changes {
            match change {
                Change::Put { entry, replaces: false, .. } if entry.class.is_turn_bound() => {
                    self.tallies.count(Counted::Message);
                    self.count_entry(entry, held_until, now);
                }
                Change::Put { entry, .. } | Change::Update(entry) => self.count_entry(entry, held_until, now),
                Change::Forget { .. } | Change::Rewrite { .. } => {}
            }
        }
        for _ in 0..output.would_withhold {
            self.tallies.count(Counted::WouldWithhold);
        }
        for delay in &output.echoes {
            self.tallies.count(Counted::Echo);
            if let Some(delay) = delay {
                self.tallies.time(Timed::EchoDelay, *delay);
            }
        }
        for (what, all) in [(Timed::ReplyGap, &output.reply_gaps), (Timed::FirstAnswer, &output.first_answers)] {
            for took in all {
                self.tallies.time(what, *took);
            }
        }
        for step in &output.transitions {
            match step.transition {
                TurnChange::Handback => self.tallies.count(Counted::Handback),
                TurnChange::Takeover => self.tallies.count(Counted::Takeover),
                TurnChange::Warning => {}
            }
        }
        if let Some(collision) = &output.collision {
            self.tallies.time(Timed::Late, collision.late_ms);
            self.tallies.count(match collision.outcome {
                CollisionOutcome::Leaked if collision.would_prevent => Counted::WouldPrevent,
                CollisionOutcome::Dropped => Counted::Dropped,
                CollisionOutcome::Leaked => Counted::Leaked,
                CollisionOutcome::Prevented => Counted::Prevented,
            });
        }
        if matches!(output.answer, Answer::Send(Verdict::Go(_))) {
            self.tallies.count(Counted::Send);
        }
    }

    /// What an entry's new state counts for. Only what has just come to its state is new.
    fn count_entry(&mut self, entry: &Entry, held_until: Option<UnixMillis>, now: UnixMillis) {
        let failure = entry.reason.filter(|reason| reason.is_failure());
        if entry.class.is_receipt() {
            return;
        }
        match entry.state {
            State::Delivered if entry.settled_at == Some(now) => {
                self.tallies.count(Counted::Delivered);
                if entry.class.is_turn_bound() {
                    // What a hold withheld was the bot's to have from the end of the hold on.
                    let from = held_until.unwrap_or_default().max(entry.accepted_at);
                    self.tallies.time(Timed::TimeToBot, now.since(from));
                }
                self.bot = Some(BotSeen { failures: 0, succeeded: true, how: String::new() });
            }
            State::Withheld if entry.settled_at == Some(now) && entry.class.is_turn_bound() => {
                self.tallies.count(Counted::Withheld);
            }
            State::Dead => {
                self.tallies.count(Counted::DeadLetter);
                self.failed(entry, failure);
            }
            State::Waiting(_) if failure.is_some() => {
                self.tallies.count(Counted::Retry);
                self.failed(entry, failure);
            }
            State::Delivered | State::InFlight(_) | State::Waiting(_) | State::Withheld => {}
        }
    }

    /// An attempt failed. Some bots refuse every receipt, which says nothing about how they are.
    fn failed(&mut self, entry: &Entry, failure: Option<Reason>) {
        let Some(reason) = failure.filter(|_| entry.class.is_turn_bound()) else { return };
        let seen = self.bot.get_or_insert_default();
        seen.failures = seen.failures.saturating_add(1);
        seen.how = reason.to_string();
    }
}

/// Whether all that has happened is that receipts moved on.
fn is_about_receipts(output: &Output) -> bool {
    let is_receipt = |change: &Change| match change {
        Change::Put { entry, .. } | Change::Update(entry) => entry.class.is_receipt(),
        Change::Forget { .. } | Change::Rewrite { .. } => false,
    };
    let is_more = output.save || output.collision.is_some() || !output.alerts.is_empty();
    !is_more && !output.changes.is_empty() && output.changes.iter().all(is_receipt)
}

/// A dead letter as the operator is shown it; whose it is the desk adds.
#[derive(Serialize)]
struct ShownLetter<'a> {
    id: &'a str,
    class: &'a str,
    reason: Option<String>,
    attempts: u32,
    bot: Option<&'a str>,
    died_at_ms: UnixMillis,
    accepted_at_ms: UnixMillis,
    explanation: String,
}

/// How a conversation stands; `None` of one that has given way to another.
fn standing(name: &ObjectName, conversation: &Conversation, output: &Output, context: Context<'_>) -> Option<Standing> {
    let line = name.line_of_conversation()?;
    let linked = conversation.place.linked_names()?;
    let customer = name.customer_part().unwrap_or_default();
    let names = core::iter::once(name).chain(linked).filter_map(ObjectName::customer_part).map(str::to_owned).collect();
    let last = conversation.journal.iter().rev().find(|step| step.transition != TurnChange::Warning);
    let hold = conversation.turn.hold();
    Some(Standing {
        line,
        customer: customer.to_owned(),
        names,
        profile: output.profile.clone(),
        holder: match conversation.turn.holder {
            Holder::Automation => "automation".to_owned(),
            Holder::Human(_) => "human".to_owned(),
        },
        since_ms: conversation.holds_since(),
        lease_until_ms: conversation.turn.lease_until(),
        paused: hold.is_some_and(|hold| hold.paused),
        cause: last.map(|step| step.cause),
        waiting_since_ms: conversation.waiting.map(|waiting| waiting.since_ms),
        hands_back_at_ms: conversation.release_at(context.policy),
        person_at_ms: conversation.echoes.last_spoken(),
        token: conversation.turn.token.number(),
        explanation: conversation.explain_turn(context.now, context.policy),
    })
}

/// A collision as the operator is shown it.
fn shown(collision: &Collision) -> Option<Box<RawValue>> {
    let shown = ShownCollision::new(collision);
    json::write_raw(&shown).ok()
}
