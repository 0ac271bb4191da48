//! What the tool prints: lines for people, or JSON for programs.
//!
//! Invariant: with `--json` standard output holds JSON and nothing else, one document for each command that ends and one
//! a line for each that goes on. What is for the person who waits goes to standard error.

use serde::Serialize;

use crate::exit::Failure;
use crate::host::{Host, Progress};

/// Where a command prints.
pub(crate) struct Output<'a> {
    host: &'a dyn Host,
    json: bool,
}

impl<'a> Output<'a> {
    pub(crate) fn new(host: &'a dyn Host, json: bool) -> Self {
        Self { host, json }
    }

    /// Whether programs read this.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// A result: the JSON of `document`, or the lines that `lines` makes of it.
    pub(crate) fn result<T: Serialize>(&self, document: &T, lines: impl FnOnce(&T) -> String) {
        if self.json {
            self.host.print(&serde_json::to_string(document).unwrap_or_default());
        } else {
            self.host.print(lines(document).trim_end());
        }
    }

    /// A line for people only.
    pub(crate) fn say(&self, line: &str) {
        if !self.json {
            self.host.print(line);
        }
    }

    /// A remark to whoever waits, beside what was asked for.
    pub(crate) fn tell(&self, line: &str) {
        self.host.tell(line);
    }

    /// One of many documents as they come: its JSON on a line of its own, or its line for people.
    pub(crate) fn item<T: Serialize>(&self, document: &T, line: impl FnOnce(&T) -> String) {
        self.result(document, line);
    }

    /// Shows something long to whoever waits; nothing with `--json`, nor without a terminal.
    pub(crate) fn progress(&self, text: &str, total: Option<u64>) -> Box<dyn Progress> {
        if self.json || !self.host.is_interactive() { Box::new(Unseen) } else { self.host.progress(text, total) }
    }

    /// Why the command ends without a result.
    pub(crate) fn failed(&self, failure: &Failure) {
        if self.json {
            let document = serde_json::json!({ "error": failure.to_string(), "code": failure.code() });
            self.host.print(&document.to_string());
        } else {
            self.host.tell(&failure.to_string());
        }
    }
}

/// Something long that nobody watches.
struct Unseen;

impl Progress for Unseen {
    fn at(&self, _done: u64) {}

    fn done(&self, _words: &str) {}
}
