//! The steps of a play, each checked against the gate's record.
//!
//! Invariant: waiting ends. A step has [`STEP_LIMIT`], and where the bot thinks or a hold runs out, the time of that more.
//!
//! What the bot does is seen as far as it passes the gate: that it took a message, that a send of its was let through, and
//! that one was refused. What it says is never seen, because the gate keeps no texts of sends.

use baton::secret::Secret;
use baton::time::{Millis, UnixMillis};
use serde_json::Value;

use super::super::{count, list_of, number_of, text_of};
use super::meta::Meta;
use super::timeline::Timeline;
use crate::clock::span;
use crate::exit::Failure;
use crate::gate::Gate;
use crate::host::Host;
use crate::scenario::{Act, Fate, Reply, Scenario};

/// How long a step may take beyond what it waits for.
const STEP_LIMIT: Millis = Millis::from_seconds(10);
/// Between two steps, as people write.
const PAUSE: Millis = Millis::from_seconds(1);
/// Between two looks at the record.
const POLL: Millis = Millis::new(200);

/// Where Meta's side of the play goes.
pub(super) struct Callback<'a> {
    pub(super) gate: &'a Gate<'a>,
    pub(super) path: String,
    /// What Meta signs with there.
    pub(super) secret: Secret,
}

/// Why a play ends before its end.
pub(super) enum Ended {
    /// What happened is not what the scenario expects.
    Differs(String),
    /// It cannot go on.
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A play under way.
pub(super) struct Play<'a> {
    host: &'a dyn Host,
    callback: &'a Callback<'a>,
    timeline: &'a Timeline<'a>,
    meta: Meta,
    /// Whether the bot's answers do not pass the gate.
    is_unseen: bool,
    /// Steps in which the bot answered, and in which it was refused.
    answers: usize,
    refused: usize,
    /// Messages that were withheld when they came.
    withheld: Vec<String>,
    /// How long the bot may think, and what there was before it began.
    thinking: (Millis, Seen),
}

/// What the record had of the bot's: sends that the Graph API has taken, and those refused because of a person. A bot may
/// answer one message with several sends, so what counts in a step is what came since it began.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    sends: usize,
    refused: usize,
}

impl Seen {
    fn of(record: &Value) -> Self {
        let sends = list_of(record, "sends").iter().filter(|send| text_of(send, "state") == "accepted").count();
        Self { sends, refused: prevented(record).len() }
    }
}

impl<'a> Play<'a> {
    pub(super) fn new(
        host: &'a dyn Host,
        callback: &'a Callback<'a>,
        timeline: &'a Timeline<'a>,
        meta: Meta,
        is_unseen: bool,
    ) -> Self {
        let (withheld, thinking) = (Vec::new(), Default::default());
        Self { host, callback, timeline, meta, is_unseen, answers: 0, refused: 0, withheld, thinking }
    }

    /// All steps, one after the other.
    pub(super) fn all(&mut self, scenario: &Scenario) -> Result<(), Ended> {
        for (index, step) in scenario.steps.iter().enumerate() {
            let is_reply = matches!(step.act, Act::BotReply { .. });
            let pause = if index == 0 || is_reply { Millis::default() } else { PAUSE };
            self.host.sleep(step.pause.unwrap_or(pause));
            match &step.act {
                Act::Customer { says, expect, thinks } => self.customer_writes(says, *expect, *thinks)?,
                Act::Phone { says, expects_hold } => self.phone_writes(says, *expects_hold)?,
                Act::BotReply { expect } => self.wait_for_reply(*expect)?,
                Act::Handback { expects_answer } => self.wait_for_handback(*expects_answer)?,
            }
        }
        Ok(())
    }

    /// What came of it, in a sentence without its stop.
    pub(super) fn summary(&self) -> String {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let answered = format!("the bot answered {}", count(number(self.answers), "message"));
        match self.refused {
            0 => answered,
            1 => format!("a late reply of the bot's was refused; {answered}"),
            many => format!("{many} late replies of the bot's were refused; {answered}"),
        }
    }

    fn customer_writes(&mut self, says: &str, expect: Option<Fate>, thinks: Option<Millis>) -> Result<(), Ended> {
        let (id, body) = self.meta.customer_text(self.host, says)?;
        let seen = self.seen()?;
        self.timeline.customer(says);
        self.deliver(&body)?;
        let (event, record) = self.until("the gate to decide about the message", Millis::default(), |record| {
            let event = event(&record, &id)?.clone();
            ["withheld", "delivered", "dead"].contains(&text_of(&event, "state")).then_some((event, record))
        })?;
        let reason = text_of(&event, "reason").replace('_', " ");
        match text_of(&event, "state") {
            "dead" => Err(Ended::Differs(format!(
                "The gate gave up delivering the message after {} ({reason}).",
                count(number_of(&event, "attempts").unwrap_or_default(), "attempt")
            ))),
            "withheld" if expect == Some(Fate::BotAnswers) || thinks.is_some() => Err(Ended::Differs(format!(
                "The bot should have got the message, but the gate withheld it ({reason})."
            ))),
            "withheld" => {
                self.timeline.gate(&format!("withheld from the bot: {}", self.why(&event, &record)));
                self.withheld.push(id);
                Ok(())
            }
            _ if expect == Some(Fate::Withheld) => Err(Ended::Differs(
                "The message should have been withheld from the bot, but the gate delivered it.".to_owned(),
            )),
            _ => {
                self.timeline.gate("passed on to the bot: no person holds this conversation");
                if expect == Some(Fate::BotAnswers) {
                    return self.bot_answers(thinks.unwrap_or_default(), seen);
                }
                if let Some(thinks) = thinks {
                    self.thinking = (thinks, seen);
                }
                Ok(())
            }
        }
    }

    fn phone_writes(&mut self, says: &str, expects_hold: bool) -> Result<(), Ended> {
        let body = self.meta.phone_text(self.host, says)?;
        self.timeline.phone(says);
        self.deliver(&body)?;
        if !expects_hold {
            return Ok(());
        }
        let record = self.until("the gate to see that a person has answered", Millis::default(), |record| {
            (text_of(&record, "holder") == "human").then_some(record)
        })?;
        let end = number_of(&record, "lease_until_ms").map(|end| self.timeline.end(UnixMillis::new(end)));
        let end = end.map(|end| format!(" until {end}")).unwrap_or_default();
        self.timeline.gate(&format!("a person has answered: the bot is kept out{end}"));
        Ok(())
    }

    fn wait_for_reply(&mut self, expect: Option<Reply>) -> Result<(), Ended> {
        let (thinks, seen) = self.thinking;
        let found = self.until("a reply of the bot's to pass the gate or to be refused", thinks, |record| {
            match prevented(&record).get(seen.refused) {
                Some(collision) => Some(Some((*collision).clone())),
                None => (Seen::of(&record).sends > seen.sends).then_some(None),
            }
        })?;
        match (found, expect) {
            (None, Some(Reply::Refused)) => Err(Ended::Differs(
                "The bot's reply should have been refused, but it passed the gate: the bot replied before the person did, \
                 or the fence lets it through."
                    .to_owned(),
            )),
            (None, _) => {
                self.answered();
                Ok(())
            }
            (Some(_), Some(Reply::Answers)) => Err(Ended::Differs(
                "The bot should have answered, but its reply was refused: a person holds the conversation.".to_owned(),
            )),
            (Some(collision), _) => {
                self.refused += 1;
                self.timeline.gate(&format!("bot's late reply refused: {}", because(&collision)));
                Ok(())
            }
        }
    }

    fn wait_for_handback(&mut self, expects_answer: bool) -> Result<(), Ended> {
        let before = self.record()?.unwrap_or_default();
        let seen = Seen::of(&before);
        let ends = ["lease_until_ms", "hands_back_at_ms"].map(|key| number_of(&before, key).unwrap_or_default());
        let end = ends.into_iter().max().unwrap_or_default();
        let longest = UnixMillis::new(end).since(self.host.now());
        if longest > STEP_LIMIT.times(6) {
            self.timeline.gate(&format!("the hold may last another {}", span(longest)));
        }
        let (withheld, timeline) = (self.withheld.clone(), self.timeline);
        let (mut is_silent, mut is_warned) = (true, false);
        let after = self.until("the hold to end", longest, |record| {
            if !is_warned && list_of(&record, "journal").iter().any(|one| text_of(one, "transition") == "warning") {
                is_warned = true;
                timeline.gate("the owner is warned: a customer waits for a person");
            }
            let is_held = text_of(&record, "holder") == "human";
            // Of one record: what the holder was and what became of the messages are of the same moment.
            is_silent &= !(is_held && withheld.iter().any(|id| is_delivered(&record, id)));
            (!is_held).then_some(record)
        })?;
        if !is_silent {
            return Err(Ended::Differs(
                "A withheld message reached the bot while the shop held the conversation.".to_owned(),
            ));
        }
        let handback = list_of(&after, "journal").iter().rfind(|one| text_of(one, "transition") == "handback");
        let cause = handback.map(|one| text_of(one, "cause")).unwrap_or_default();
        let cause = match cause {
            "" => String::new(),
            "held_longest" => ": the person has held for as long as anybody may".to_owned(),
            "lease_expired" => ": the hold has run out, and the person had the last word".to_owned(),
            "unanswered" => ": nobody has answered, so the bot gets the message".to_owned(),
            other => format!(": {}", other.replace('_', " ")),
        };
        self.timeline.gate(&format!("handed back to the bot{cause}"));
        if !expects_answer {
            return Ok(());
        }
        let withheld = self.withheld.clone();
        self.until("the bot to get what nobody has answered", Millis::default(), |record| {
            withheld.iter().any(|id| is_delivered(&record, id)).then_some(())
        })?;
        self.bot_answers(Millis::default(), seen)
    }

    /// Waits until another send of the bot's has passed the gate.
    fn bot_answers(&mut self, thinks: Millis, seen: Seen) -> Result<(), Ended> {
        if self.is_unseen {
            self.answers += 1;
            self.timeline.bot("took it (what it answers does not pass this gate)");
            return Ok(());
        }
        let found = self.until(
            "the bot's answer to pass the gate (a bot that sends past the gate is not seen: --unseen)",
            thinks,
            |record| match prevented(&record).get(seen.refused) {
                Some(collision) => Some(Err(because(collision))),
                None => (Seen::of(&record).sends > seen.sends).then_some(Ok(())),
            },
        )?;
        found
            .map_err(|why| Ended::Differs(format!("The bot should have answered, but its reply was refused: {why}")))?;
        self.answered();
        Ok(())
    }

    fn answered(&mut self) {
        self.answers += 1;
        self.timeline.bot("answers, and the gate lets it through");
    }

    fn deliver(&self, body: &str) -> Result<(), Ended> {
        let answer = self.callback.gate.deliver(&self.callback.path, body.as_bytes(), &self.callback.secret)?;
        if answer.status == 200 {
            return Ok(());
        }
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let sentence = format!("The gate refuses the webhook ({}). {}", answer.status, text_of(&told, "detail"));
        // A signature that does not fit is the caller's mistake, and no news of the gate's.
        Err(if answer.status == 401 { Ended::Failed(Failure::Refused(sentence)) } else { Ended::Differs(sentence) })
    }

    fn seen(&self) -> Result<Seen, Ended> {
        Ok(self.record()?.map(|record| Seen::of(&record)).unwrap_or_default())
    }

    /// The gate's record of this conversation, where it knows one yet.
    fn record(&self) -> Result<Option<Value>, Ended> {
        let path = format!("/api/v1/conversations/{}/{}", self.meta.line(), self.meta.phone());
        Ok(self.callback.gate.find_document(&path)?)
    }

    /// Looks at the record again and again until there is something in it.
    fn until<T>(&self, what: &str, more: Millis, mut look: impl FnMut(Value) -> Option<T>) -> Result<T, Ended> {
        let limit = STEP_LIMIT.plus(more);
        let end = self.host.now().after(limit);
        loop {
            if let Some(found) = self.record()?.and_then(&mut look) {
                return Ok(found);
            }
            if self.host.now() > end {
                return Err(Ended::Differs(format!("Waited {} for {what}, in vain.", span(limit))));
            }
            self.host.sleep(POLL);
        }
    }

    fn why(&self, event: &Value, record: &Value) -> String {
        match (text_of(event, "reason"), number_of(record, "lease_until_ms")) {
            ("held_by_human", Some(end)) => {
                format!("the shop holds until {}", self.timeline.end(UnixMillis::new(end)))
            }
            ("held_by_human", None) => "the shop holds the conversation".to_owned(),
            (reason, _) => reason.replace('_', " "),
        }
    }
}

fn event<'a>(record: &'a Value, id: &str) -> Option<&'a Value> {
    list_of(record, "events").iter().find(|event| text_of(event, "id") == id)
}

fn is_delivered(record: &Value, id: &str) -> bool {
    event(record, id).is_some_and(|event| text_of(event, "state") == "delivered")
}

/// The bot's sends that were refused because of a person.
fn prevented(record: &Value) -> Vec<&Value> {
    list_of(record, "collisions").iter().filter(|collision| text_of(collision, "outcome") == "prevented").collect()
}

/// Why a reply was too late, and how late, in the gate's own words: `…: the shop had answered 4 s earlier.`
fn because(collision: &Value) -> String {
    let explanation = text_of(collision, "explanation");
    let reason = explanation.split_once(": ").map_or(explanation, |(_, reason)| reason);
    reason.trim_end_matches('.').to_owned()
}
