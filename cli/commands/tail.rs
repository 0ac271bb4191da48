//! `baton tail`: who takes and hands back, as it happens.
//!
//! Invariant: a change is shown once, whether a stream brought it or the list that is read after a break; and nothing is
//! shown that the gate did not say. It ends with Ctrl-C, or where the gate refuses the token.
//!
//! Where the host has no streams the lists are read every [`POLL`]; what came and went between two looks is not seen.

use std::collections::BTreeMap;

use baton::time::{Millis, UnixMillis};
use serde_json::{Value, json};

use super::{list_of, number_of, text_of};
use crate::args::{GateOptions, TailOptions};
use crate::clock::Clock;
use crate::exit::Failure;
use crate::gate::{Gate, Line};
use crate::host::{Heard, Host, NO_STREAMS};
use crate::output::Output;

/// Between two looks where there are no streams.
const POLL: Millis = Millis::from_seconds(2);
/// The first wait before streams are opened again, and the longest: each is twice the one before.
const WAIT_FIRST: Millis = Millis::from_seconds(1);
const WAIT_MAX: Millis = Millis::from_seconds(60);
/// Conversations whose standing is remembered: 200 bytes each. Who waits and who is held come first in the lists, so
/// that what is forgotten is what nothing happens to.
const KNOWN_MAX: usize = 50_000;
/// Conversations of a line that are read after a break.
const LISTED: u64 = 200;

/// Shows what happens until somebody ends it.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output<'_>,
    gate: &GateOptions,
    options: &TailOptions,
) -> Result<u8, Failure> {
    let gate = Gate::find(host, gate)?;
    let lines = lines_of(&gate, options.line.as_deref())?;
    let token = gate.required("ADMIN_TOKEN")?;
    let token = String::from_utf8_lossy(token.expose()).into_owned();
    let mut watch = Watch { output, clock: Clock::of(host), known: BTreeMap::new() };
    // How things stand now is where it begins: only what changes from here on is shown.
    watch.look(&gate, &lines, host.now(), false)?;
    let names: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
    output.tell(&format!("Watching line {} of {}. Ctrl-C ends it.", names.join(", "), gate.origin()));
    let urls = streams(&gate, &lines);
    let mut wait = WAIT_FIRST;
    loop {
        let mut failure = None;
        let ended = host.follow(&urls, &token, &mut |heard| match heard {
            Heard::Opened => {
                // What happened while no stream was open is in the lists.
                failure = watch.look(&gate, &lines, host.now(), true).err();
                wait = WAIT_FIRST;
                failure.is_none()
            }
            Heard::Text(text) => {
                watch.message(text, host.now());
                true
            }
        });
        let reason = match (ended, failure) {
            (_, Some(Failure::Unreachable(reason))) => reason,
            (_, Some(failure)) => return Err(failure),
            (Err(reason), None) if reason == NO_STREAMS => return poll(host, &gate, &lines, &mut watch),
            (Err(reason), None) => reason,
            (Ok(()), None) => "it has ended".to_owned(),
        };
        output.tell(&format!("The stream is broken ({reason}). Once more in {} s …", wait.as_seconds()));
        host.sleep(wait);
        // A token that is refused by now will be refused for ever.
        match watch.look(&gate, &lines, host.now(), true) {
            Ok(()) | Err(Failure::Unreachable(_)) => {}
            Err(failure) => return Err(failure),
        }
        wait = wait.times(2).min(WAIT_MAX);
    }
}

/// Reads the lists again and again.
fn poll(host: &dyn Host, gate: &Gate<'_>, lines: &[Line], watch: &mut Watch<'_>) -> Result<u8, Failure> {
    let mut wait = POLL;
    loop {
        host.sleep(wait);
        match watch.look(gate, lines, host.now(), true) {
            Ok(()) => wait = POLL,
            Err(Failure::Unreachable(reason)) => {
                wait = wait.times(2).min(WAIT_MAX);
                watch.output.tell(&format!("{reason} Once more in {} s …", wait.as_seconds()));
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn lines_of(gate: &Gate<'_>, named: Option<&str>) -> Result<Vec<Line>, Failure> {
    let mut lines = gate.lines()?;
    if let Some(named) = named {
        let id = gate.line(Some(named))?;
        lines.retain(|line| line.id == id);
        if lines.is_empty() {
            // Nobody has written there yet; its desk has as many parts as every other.
            lines.push(Line { id, shards: 1 });
        }
    }
    if lines.is_empty() {
        return Err(Failure::Usage("The gate knows no line yet: name one with --line.".to_owned()));
    }
    Ok(lines)
}

/// The addresses of the live streams: one for each part of each line's desk.
fn streams(gate: &Gate<'_>, lines: &[Line]) -> Vec<String> {
    let origin = gate.origin().replacen("http", "ws", 1);
    let of_line = |line: &Line| {
        let (origin, id) = (origin.clone(), line.id.clone());
        (0..line.shards).map(move |shard| format!("{origin}/api/v1/live?line={id}&shard={shard}"))
    };
    lines.iter().flat_map(of_line).collect()
}

/// What was seen last of each conversation.
struct Watch<'a> {
    output: &'a Output<'a>,
    clock: Clock,
    known: BTreeMap<String, Standing>,
}

/// How a conversation stands, as far as a change of it is news.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Standing {
    is_human: bool,
    is_paused: bool,
    is_waiting: bool,
    dead_letters: u64,
    token: u64,
    /// As of when.
    at_ms: u64,
}

impl Watch<'_> {
    /// Reads how things stand, and shows what is new where `shows`.
    fn look(&mut self, gate: &Gate<'_>, lines: &[Line], now: UnixMillis, shows: bool) -> Result<(), Failure> {
        for line in lines {
            let page = gate.ask("GET", &format!("/api/v1/conversations?line={}&limit={LISTED}", line.id), None)?;
            let mut met: Vec<&Value> = list_of(&page, "conversations").iter().collect();
            met.sort_by_key(|conversation| number_of(conversation, "at_ms"));
            for conversation in met {
                self.conversation(conversation, now, shows);
            }
        }
        Ok(())
    }

    /// A message of a stream; what is not understood is left out.
    fn message(&mut self, text: &str, now: UnixMillis) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        match text_of(&message, "type") {
            "conversation" => {
                if let Some(conversation) = message.get("conversation") {
                    self.conversation(conversation, now, true);
                }
            }
            "gone" => {
                let id = text_of(&message, "conversation");
                self.known.remove(id);
                self.show(now.as_millis(), "", id, "gone", "Nothing is stored of this conversation any more.");
            }
            "alert" => {
                if let Some(alert) = message.get("alert") {
                    self.alert(alert, now);
                }
            }
            _ => {}
        }
    }

    fn alert(&self, alert: &Value, now: UnixMillis) {
        let closed = number_of(alert, "closed_at_ms");
        let at = closed.or(number_of(alert, "opened_at_ms")).unwrap_or(now.as_millis());
        let what = format!("{} {}", if closed.is_some() { "over:" } else { "alert:" }, text_of(alert, "kind"));
        let what = what.replace('_', " ");
        self.show(at, text_of(alert, "line"), text_of(alert, "customer"), &what, text_of(alert, "explanation"));
    }

    fn conversation(&mut self, conversation: &Value, now: UnixMillis, shows: bool) {
        let truth = |key| conversation.get(key).and_then(Value::as_bool).unwrap_or_default();
        let is = Standing {
            is_human: text_of(conversation, "holder") == "human",
            is_paused: truth("paused"),
            is_waiting: number_of(conversation, "waiting_since_ms").is_some(),
            dead_letters: number_of(conversation, "dead_letters").unwrap_or_default(),
            token: number_of(conversation, "token").unwrap_or_default(),
            at_ms: number_of(conversation, "at_ms").unwrap_or(now.as_millis()),
        };
        let id = text_of(conversation, "conversation");
        let was = self.known.get(id);
        if was.is_some_and(|was| was.at_ms > is.at_ms) {
            // A list that was read before the stream said more.
            return;
        }
        let changes = changes(was, &is);
        if self.known.len() >= KNOWN_MAX && was.is_none() {
            self.known.clear();
        }
        self.known.insert(id.to_owned(), is.clone());
        if !shows {
            return;
        }
        let (line, customer) = (text_of(conversation, "line"), number_or_name(conversation));
        for what in changes {
            self.show(is.at_ms, line, customer, what, text_of(conversation, "explanation"));
        }
    }

    fn show(&self, at_ms: u64, line: &str, customer: &str, what: &str, why: &str) {
        let document = json!({ "at_ms": at_ms, "line": line, "customer": customer, "what": what, "why": why });
        self.output.item(&document, |_| {
            let time = self.clock.time(UnixMillis::new(at_ms));
            format!("{time}  {line:<16} {customer:<16} {what:<16} {why}")
        });
    }
}

/// The customer's phone number where one is known, because that is what the shop's phone shows.
fn number_or_name(conversation: &Value) -> &str {
    let mut names = list_of(conversation, "names").iter().filter_map(Value::as_str);
    let is_number = |name: &&str| name.bytes().all(|byte| byte.is_ascii_digit());
    names.find(is_number).unwrap_or_else(|| text_of(conversation, "customer"))
}

/// What is new, in the words of docs/tool.md.
fn changes(was: Option<&Standing>, is: &Standing) -> Vec<&'static str> {
    let before = was.cloned().unwrap_or_default();
    let mut changes = Vec::new();
    match (before.is_human, is.is_human) {
        (false, true) if is.is_paused => changes.push("paused"),
        (false, true) => changes.push("taken"),
        (true, false) => changes.push("handed back"),
        (true, true) if is.is_paused && !before.is_paused => changes.push("paused"),
        // The baton went and came back between two looks.
        (false, false) if was.is_some() && is.token > before.token => changes.push("handed back"),
        (true, true) if is.token > before.token => changes.push("taken"),
        (false, false) | (true, true) => {}
    }
    match (before.is_waiting, is.is_waiting) {
        (false, true) => changes.push("waiting"),
        (true, false) if is.is_human => changes.push("answered"),
        (true | false, false) | (true, true) => {}
    }
    if is.dead_letters > before.dead_letters {
        changes.push("dead letter");
    } else if is.dead_letters < before.dead_letters {
        changes.push("replayed");
    }
    if was.is_none() && changes.is_empty() {
        changes.push("first seen");
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_has_its_word_and_nothing_else_is_news() {
        let bot = Standing { token: 1, ..Standing::default() };
        let person = Standing { is_human: true, token: 2, ..Standing::default() };
        let waiting = Standing { is_waiting: true, ..person.clone() };
        let paused = Standing { is_paused: true, ..person.clone() };
        let again = Standing { token: 3, ..bot.clone() };
        let dead = Standing { dead_letters: 1, ..bot.clone() };
        for (was, is, expected) in [
            (None, &bot, &["first seen"][..]),
            (None, &person, &["taken"]),
            (None, &waiting, &["taken", "waiting"]),
            (Some(&bot), &bot, &[]),
            (Some(&bot), &person, &["taken"]),
            (Some(&bot), &paused, &["paused"]),
            (Some(&person), &paused, &["paused"]),
            (Some(&person), &waiting, &["waiting"]),
            (Some(&waiting), &waiting, &[]),
            (Some(&waiting), &person, &["answered"]),
            (Some(&waiting), &again, &["handed back"]),
            (Some(&bot), &again, &["handed back"]),
            (Some(&bot), &dead, &["dead letter"]),
            (Some(&dead), &bot, &["replayed"]),
        ] {
            assert_eq!(changes(was, is), expected, "{was:?} to {is:?}");
        }
    }
}
