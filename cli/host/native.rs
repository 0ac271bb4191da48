//! The machine itself: sockets, the terminal, files and processes.
//!
//! Invariant: every request has a time limit, follows no redirect and is read up to a bound.

mod stream;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use dialoguer::theme::ColorfulTheme;
use indicatif::{ProgressBar, ProgressStyle};

use super::{ANSWER_BYTES_MAX, Answer, AskError, Heard, Host, Program, Progress, Question, Ran, Request};

/// How often a spinner turns.
const SPIN: Duration = Duration::from_millis(120);

/// The machine that the tool runs on.
#[derive(Debug, Default)]
pub(crate) struct Native;

impl Host for Native {
    fn http(&self, request: &Request) -> Result<Answer, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_millis(request.timeout.as_millis())))
            .build()
            .into();
        let mut builder = ureq::http::Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let wrong = |error: &dyn core::fmt::Display| error.to_string();
        let answer = if request.body.is_empty() && request.method != "POST" && request.method != "PUT" {
            agent.run(builder.body(()).map_err(|error| wrong(&error))?)
        } else {
            agent.run(builder.body(request.body.as_slice()).map_err(|error| wrong(&error))?)
        };
        let mut answer = answer.map_err(|error| wrong(&error))?;
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let headers = headers.collect();
        let mut body = Vec::new();
        let reader = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).reader();
        reader.take(ANSWER_BYTES_MAX).read_to_end(&mut body).map_err(|error| wrong(&error))?;
        Ok(Answer { status: answer.status().as_u16(), headers, body })
    }

    fn run(&self, program: &Program) -> Result<Ran, String> {
        let (name, arguments) = program.command.split_first().ok_or("there is no program to run")?;
        let mut command = Command::new(name);
        command.args(arguments).envs(program.variables.iter().map(|(name, value)| (name, value)));
        let output = if program.attached { Stdio::inherit } else { Stdio::piped };
        let input = match (&program.stdin, program.attached) {
            (Some(_), _) => Stdio::piped(),
            (None, true) => Stdio::inherit(),
            (None, false) => Stdio::null(),
        };
        let mut child =
            command.stdin(input).stdout(output()).stderr(output()).spawn().map_err(|error| error.to_string())?;
        if let (Some(text), Some(mut stdin)) = (&program.stdin, child.stdin.take()) {
            // A program that ends before it has read everything says so by its code.
            let _ = stdin.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) })
    }

    fn ask(&self, question: Question<'_>) -> Result<String, AskError> {
        if !self.is_interactive() {
            return Err(AskError::Nobody);
        }
        let theme = ColorfulTheme::default();
        let answer = match question {
            Question::Choice { text, choices, default } => {
                let select = dialoguer::Select::with_theme(&theme).with_prompt(text).items(choices).default(default);
                select.interact_opt().map(|choice| choice.map(|choice| choice.to_string()))
            }
            Question::Confirm { text, default } => {
                let confirm = dialoguer::Confirm::with_theme(&theme).with_prompt(text).default(default);
                confirm.interact_opt().map(|yes| yes.map(|yes| if yes { "yes" } else { "no" }.to_owned()))
            }
            Question::Secret { text } => {
                let password = dialoguer::Password::with_theme(&theme).with_prompt(text).allow_empty_password(true);
                password.interact().map(Some)
            }
            Question::Text { text, default } => {
                let input = dialoguer::Input::<String>::with_theme(&theme).with_prompt(text).allow_empty(true);
                let input = if let Some(default) = default { input.default(default.to_owned()) } else { input };
                input.interact_text().map(Some)
            }
        };
        answer.ok().flatten().ok_or(AskError::Cancelled)
    }

    fn is_interactive(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    fn follow(&self, urls: &[String], token: &str, on_heard: &mut dyn FnMut(Heard<'_>) -> bool) -> Result<(), String> {
        stream::follow(urls, token, on_heard)
    }

    fn print(&self, text: &str) {
        // Whoever closes the pipe has read enough.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn tell(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    fn progress(&self, text: &str, total: Option<u64>) -> Box<dyn Progress> {
        let bar = if let Some(total) = total {
            ProgressBar::new(total).with_style(
                ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        } else {
            ProgressBar::new_spinner()
        };
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(SPIN);
        Box::new(Bar(bar))
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn read(&self, path: &str) -> Result<Option<String>, String> {
        if path == "-" {
            return std::io::read_to_string(std::io::stdin()).map(Some).map_err(|error| error.to_string());
        }
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn write(&self, path: &str, text: &str) -> Result<(), String> {
        if let Some(folder) = std::path::Path::new(path).parent() {
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        }
        std::fs::write(path, text).map_err(|error| error.to_string())
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), String> {
        getrandom::fill(bytes).map_err(|error| error.to_string())
    }
}

struct Bar(ProgressBar);

impl Progress for Bar {
    fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    fn done(&self, words: &str) {
        self.0.finish_and_clear();
        if !words.is_empty() {
            Native.tell(words);
        }
    }
}
