//! Reads a scenario. docs/scenarios.md explains the format.
//!
//! Invariant: a scenario that is returned can be played; the first mistake in one is told with its step, in the words of
//! dev/scenario.mjs, which reads the same files for `npm start`. tests/scenarios has files for both, so that neither
//! understands what the other does not.
//!
//! Not here: playing it (`commands::simulate`), and judging the policy, which the gate does.

use baton::time::Millis;
use serde_json::{Map, Value};

/// Longest pause or thought.
const SECONDS_MAX: f64 = 3_600.0;

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub title: String,
    /// The policy for which it was written.
    pub policy: Map<String, Value>,
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What is waited before it, where it says so.
    pub pause: Option<Millis>,
    pub act: Act,
}

/// What a step does, and what is expected of it.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// The customer writes.
    Customer { says: String, expect: Option<Fate>, thinks: Option<Millis> },
    /// A person of the shop writes on the phone.
    Phone { says: String, expects_hold: bool },
    /// Until the bot has replied to what it was thinking about.
    BotReply { expect: Option<Reply> },
    /// Until the conversation is the bot's again.
    Handback { expects_answer: bool },
}

/// What becomes of a customer's message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    BotAnswers,
    Withheld,
}

/// What becomes of a reply of the bot's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Answers,
    Refused,
}

const KEYS: &[&str] = &["who", "says", "expect", "wait", "pause", "bot_thinks"];
const CUSTOMER: &[(&str, Fate)] = &[("bot answers", Fate::BotAnswers), ("withheld", Fate::Withheld)];
const REPLIES: &[(&str, Reply)] = &[("bot answers", Reply::Answers), ("bot refused", Reply::Refused)];

impl Scenario {
    /// Reads a scenario from TOML that was turned into JSON.
    ///
    /// # Errors
    ///
    /// The first mistake, as it follows the file's name: `: a scenario has a title`.
    pub(crate) fn read(json: &Value) -> Result<Self, String> {
        let Some(title) = json.get("title").and_then(Value::as_str) else {
            return Err(": a scenario has a title".to_owned());
        };
        let steps = json.get("step").and_then(Value::as_array).filter(|steps| !steps.is_empty());
        let Some(steps) = steps else { return Err(": a scenario has at least one [[step]]".to_owned()) };
        let policy = match json.get("policy") {
            None => Map::new(),
            Some(Value::Object(policy)) => policy.clone(),
            Some(_) => return Err(": policy is a table".to_owned()),
        };
        let mut thinks = false;
        let mut read = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let step = self::step(step, thinks).map_err(|mistake| format!(", step {}: {mistake}", index + 1))?;
            match step.act {
                Act::BotReply { .. } => thinks = false,
                Act::Customer { expect: None, thinks: Some(_), .. } => thinks = true,
                Act::Customer { .. } | Act::Handback { .. } | Act::Phone { .. } => {}
            }
            read.push(step);
        }
        if thinks {
            return Err(
                ": the bot still thinks at the end: a step with bot_thinks says expect = \"bot answers\", or a later \
                 one wait = \"bot reply\""
                    .to_owned(),
            );
        }
        Ok(Self { title: title.to_owned(), policy, steps: read })
    }
}

fn step(step: &Value, thinks: bool) -> Result<Step, String> {
    let Some(step) = step.as_object() else { return Err("a step is a table".to_owned()) };
    // In the order of the file, which serde_json does not keep: the first by name, as the other reader has it.
    if let Some(unknown) = step.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("\"{unknown}\" is not known"));
    }
    let text = |key: &str| step.get(key).map(|value| value.as_str().unwrap_or_default());
    let act = match (text("wait"), text("who")) {
        (Some(wait), _) => waiting(step, wait, text("expect"), thinks)?,
        (None, Some("customer")) => customer(step, text("expect"), thinks)?,
        (None, Some("phone")) => phone(step, text("expect"))?,
        (None, _) => return Err("who is \"customer\" or \"phone\"".to_owned()),
    };
    let pause = step.get("pause").map(seconds).transpose().map_err(|()| wrong_seconds("pause"))?;
    Ok(Step { pause, act })
}

fn waiting(step: &Map<String, Value>, wait: &str, expect: Option<&str>, thinks: bool) -> Result<Act, String> {
    if !["bot reply", "handback"].contains(&wait) {
        return Err("wait is \"bot reply\" or \"handback\"".to_owned());
    }
    if ["who", "says", "bot_thinks"].iter().any(|key| step.contains_key(*key)) {
        return Err(format!("wait = \"{wait}\" stands alone, or with expect and pause"));
    }
    if wait == "handback" {
        return match expect {
            None => Ok(Act::Handback { expects_answer: false }),
            Some("bot answers") => Ok(Act::Handback { expects_answer: true }),
            Some(_) => Err("expect of wait = \"handback\" is \"bot answers\"".to_owned()),
        };
    }
    if !thinks {
        return Err(
            "wait = \"bot reply\" comes after a step of the customer that has bot_thinks and no expect".to_owned()
        );
    }
    let expect =
        one_of(expect, REPLIES).map_err(|()| "expect of wait = \"bot reply\" is \"bot answers\" or \"bot refused\"")?;
    Ok(Act::BotReply { expect })
}

fn customer(step: &Map<String, Value>, expect: Option<&str>, thinks: bool) -> Result<Act, String> {
    let says = says(step)?;
    let expect = one_of(expect, CUSTOMER).map_err(|()| "expect of a customer is \"bot answers\" or \"withheld\"")?;
    let Some(thinking) = step.get("bot_thinks") else { return Ok(Act::Customer { says, expect, thinks: None }) };
    if expect == Some(Fate::Withheld) {
        return Err("bot_thinks belongs to a customer's message that the bot gets".to_owned());
    }
    if thinks {
        return Err("the bot thinks about one message at a time: wait for its reply first".to_owned());
    }
    let thinking = seconds(thinking).map_err(|()| wrong_seconds("bot_thinks"))?;
    Ok(Act::Customer { says, expect, thinks: Some(thinking) })
}

fn phone(step: &Map<String, Value>, expect: Option<&str>) -> Result<Act, String> {
    let says = says(step)?;
    if expect.is_some_and(|expect| expect != "shop holds") {
        return Err("expect of a phone is \"shop holds\"".to_owned());
    }
    if step.contains_key("bot_thinks") {
        return Err("bot_thinks belongs to a customer's message that the bot gets".to_owned());
    }
    Ok(Act::Phone { says, expects_hold: expect.is_some() })
}

fn says(step: &Map<String, Value>) -> Result<String, String> {
    let says = step.get("says").and_then(Value::as_str).filter(|says| !says.is_empty());
    says.map(str::to_owned).ok_or_else(|| "says is the text that is written".to_owned())
}

/// What a word stands for, where there is one; an error where it is none of these.
fn one_of<T: Copy>(word: Option<&str>, words: &[(&str, T)]) -> Result<Option<T>, ()> {
    let Some(word) = word else { return Ok(None) };
    words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| Some(*meaning)).ok_or(())
}

fn seconds(value: &Value) -> Result<Millis, ()> {
    let seconds = value.as_f64().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds)).ok_or(())?;
    // Between 0 and an hour, so that nothing is cut off.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 3,600,000 and not negative")]
    Ok(Millis::new((seconds * 1_000.0) as u64))
}

fn wrong_seconds(key: &str) -> String {
    format!("{key} is a number of seconds, 3600 at most")
}
