//! What a play prints, one row an event: the time, who, and what; as `npm start` prints it.
//!
//! Invariant: a row is printed once and never changed, so that a log file shows what the terminal showed. With `--json`
//! the rows are kept, and are a part of the one document that is printed at the end.

use std::cell::RefCell;

use baton::time::UnixMillis;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::host::Host;
use crate::output::Output;

const WHO_WIDTH: usize = 9;
const TEXT_WIDTH: usize = 76;

/// Where the rows go.
pub(super) struct Timeline<'a> {
    host: &'a dyn Host,
    output: &'a Output<'a>,
    clock: Clock,
    rows: RefCell<Vec<Value>>,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(host: &'a dyn Host, output: &'a Output<'a>) -> Self {
        Self { host, output, clock: Clock::of(host), rows: RefCell::default() }
    }

    /// What is played, and how the surroundings differ from what it was written for.
    pub(super) fn heading(&self, title: &str, sentences: &[String]) {
        self.output.say("");
        self.output.say(title);
        for sentence in sentences {
            self.output.say(sentence);
        }
        self.output.say("");
    }

    pub(super) fn customer(&self, text: &str) {
        self.row("customer", &format!("“{text}”"));
    }

    pub(super) fn phone(&self, text: &str) {
        self.row("phone", &format!("“{text}”"));
    }

    pub(super) fn bot(&self, sentence: &str) {
        self.row("bot", sentence);
    }

    pub(super) fn gate(&self, sentence: &str) {
        self.row("gate", sentence);
    }

    pub(super) fn passed(&self, sentence: &str) {
        self.output.say(&format!("\n✓ {sentence}"));
    }

    pub(super) fn differed(&self, sentence: &str) {
        self.output.say(&format!("\n✗ This is not what the scenario expects.\n  {sentence}"));
    }

    /// The end of a hold.
    pub(super) fn end(&self, at: UnixMillis) -> String {
        self.clock.end(at, self.host.now())
    }

    /// The rows of this play.
    pub(super) fn taken(&self) -> Vec<Value> {
        self.rows.take()
    }

    fn row(&self, who: &str, text: &str) {
        let now = self.host.now();
        self.rows.borrow_mut().push(json!({ "at_ms": now, "who": who, "what": text }));
        let time = self.clock.time(now);
        let indent = " ".repeat(2 + time.len() + 2 + WHO_WIDTH);
        let mut lines = wrapped(text).into_iter();
        self.output.say(&format!("  {time}  {who:<WHO_WIDTH$}{}", lines.next().unwrap_or_default()));
        for line in lines {
            self.output.say(&format!("{indent}{line}"));
        }
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|last| last.chars().count() + 1 + word.chars().count() <= TEXT_WIDTH) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
