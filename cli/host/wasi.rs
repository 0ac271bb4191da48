//! Node, for people without Rust: the tool as WASI, whose surroundings are asked for line by line.
//!
//! A request is one line on standard output, which begins with [`MARK`] and is JSON with one key, its kind; the answer
//! is one line of JSON on standard input (`cli/node/host.mjs` gives it). What clap prints by itself has no mark and is
//! passed on as it is.
//!
//! Invariant: one request at a time, and each is answered, so that the lines of both sides cannot get mixed up. Bytes
//! travel as base64, everything else as text. Where the other side is gone, every request fails.
//!
//! Not here: live streams. Who follows one is told so, and asks again and again instead.

use std::io::{BufRead as _, Write as _};

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};

use super::{ANSWER_BYTES_MAX, Answer, AskError, Heard, Host, NO_STREAMS, Program, Progress, Question, Ran, Request};

/// What a request begins with; nothing that is printed for people does.
const MARK: char = '\u{1}';

/// Why there is no answer from Node itself.
const GONE: &str = "the tool's own surroundings do not answer";

/// Node around this module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wasi;

/// Asks Node for something, and gives its answer, or the reason that it names.
fn ask(request: &Value) -> Result<Value, String> {
    let mut output = std::io::stdout().lock();
    let sent = writeln!(output, "{MARK}{request}").and_then(|()| output.flush());
    sent.map_err(|_| GONE.to_owned())?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|_| GONE.to_owned())?;
    let answer: Value = serde_json::from_str(&line).map_err(|_| GONE.to_owned())?;
    match answer.get("error").and_then(Value::as_str) {
        Some(reason) => Err(reason.to_owned()),
        None => Ok(answer),
    }
}

/// The text under a key of an answer.
fn text(answer: &Value, key: &str) -> String {
    answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The number under a key of an answer.
fn number<T: TryFrom<i64>>(answer: &Value, key: &str) -> Option<T> {
    answer.get(key).and_then(Value::as_i64).and_then(|number| T::try_from(number).ok())
}

impl Host for Wasi {
    fn http(&self, request: &Request) -> Result<Answer, String> {
        let answer = ask(&json!({ "http": {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "body": Base64::encode_string(&request.body),
            "timeout_ms": request.timeout.as_millis(),
            "bytes_max": ANSWER_BYTES_MAX,
        } }))?;
        let headers: Vec<(String, String)> =
            serde_json::from_value(answer.get("headers").cloned().unwrap_or_default()).map_err(|_| GONE.to_owned())?;
        let body = Base64::decode_vec(&text(&answer, "body")).map_err(|_| GONE.to_owned())?;
        Ok(Answer { status: number(&answer, "status").ok_or(GONE)?, headers, body })
    }

    fn run(&self, program: &Program) -> Result<Ran, String> {
        let answer = ask(&json!({ "run": {
            "command": program.command,
            "stdin": program.stdin,
            "variables": program.variables,
            "attached": program.attached,
        } }))?;
        let code = number(&answer, "code").ok_or(GONE)?;
        Ok(Ran { code, stdout: text(&answer, "stdout"), stderr: text(&answer, "stderr") })
    }

    fn ask(&self, question: Question<'_>) -> Result<String, AskError> {
        let question = match question {
            Question::Choice { text, choices, default } => {
                json!({ "kind": "choice", "text": text, "choices": choices, "default": default })
            }
            Question::Confirm { text, default } => json!({ "kind": "confirm", "text": text, "default": default }),
            Question::Secret { text } => json!({ "kind": "secret", "text": text }),
            Question::Text { text, default } => json!({ "kind": "text", "text": text, "default": default }),
        };
        match ask(&json!({ "ask": question })) {
            Ok(answer) => Ok(text(&answer, "answer")),
            Err(reason) if reason == "nobody" => Err(AskError::Nobody),
            Err(_) => Err(AskError::Cancelled),
        }
    }

    fn is_interactive(&self) -> bool {
        ask(&json!({ "interactive": true })).is_ok_and(|answer| answer.get("answer") == Some(&Value::Bool(true)))
    }

    fn follow(&self, _: &[String], _: &str, _: &mut dyn FnMut(Heard<'_>) -> bool) -> Result<(), String> {
        Err(NO_STREAMS.to_owned())
    }

    fn print(&self, text: &str) {
        // Whoever closes the pipe has read enough.
        let _ = ask(&json!({ "print": text }));
    }

    fn tell(&self, text: &str) {
        let _ = ask(&json!({ "tell": text }));
    }

    fn progress(&self, text: &str, total: Option<u64>) -> Box<dyn Progress> {
        let _ = ask(&json!({ "progress": { "text": text, "total": total, "at": 0 } }));
        Box::new(Bar { text: text.to_owned(), total })
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn read(&self, path: &str) -> Result<Option<String>, String> {
        let answer = ask(&json!({ "read_file": path }))?;
        Ok(answer.get("text").and_then(Value::as_str).map(str::to_owned))
    }

    fn write(&self, path: &str, text: &str) -> Result<(), String> {
        ask(&json!({ "write_file": { "path": path, "text": text } })).map(|_| ())
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), String> {
        let answer = ask(&json!({ "random": bytes.len() }))?;
        let drawn = Base64::decode_vec(&text(&answer, "bytes")).map_err(|_| GONE.to_owned())?;
        if drawn.len() != bytes.len() {
            return Err(GONE.to_owned());
        }
        bytes.copy_from_slice(&drawn);
        Ok(())
    }
}

struct Bar {
    text: String,
    total: Option<u64>,
}

impl Progress for Bar {
    fn at(&self, done: u64) {
        let _ = ask(&json!({ "progress": { "text": self.text, "total": self.total, "at": done } }));
    }

    fn done(&self, words: &str) {
        let _ = ask(&json!({ "progress": { "text": self.text, "total": self.total, "done": words } }));
    }
}
