//! The dialogue: a question, its answer, and whether the answer will do.
//!
//! Invariant: each answer is checked before the next question, and a wrong one is asked for again with what was wrong.
//! Where nobody is to be asked, a missing or wrong answer ends the command instead, and says how to give it.

use crate::exit::Failure;
use crate::graph::Trouble;
use crate::host::{AskError, Host, Question};
use crate::output::Output;

/// Why an answer will not do.
pub(crate) enum Wrong {
    /// It can be given again.
    Answer(String),
    /// Another answer would not help.
    Stop(Failure),
}

impl From<Trouble> for Wrong {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreachable(_) | Trouble::Limited => Self::Stop(Failure::Unreachable(format!("{trouble}."))),
            Trouble::CallbackRefused
            | Trouble::Expired
            | Trouble::NoSuchThing
            | Trouble::NoToken
            | Trouble::NotPermitted
            | Trouble::NotSubscribed
            | Trouble::TokenInvalid
            | Trouble::Unclear { .. } => Self::Answer(format!("{trouble}.")),
        }
    }
}

/// Something to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The question.
    pub text: &'a str,
    /// Where the answer is found, in one line.
    pub hint: &'a str,
    /// How it is given where nobody is asked.
    pub option: &'a str,
    /// Whether it is shown while it is typed.
    pub is_secret: bool,
}

/// Whoever sets the gate up.
pub(crate) struct Dialogue<'a> {
    pub host: &'a dyn Host,
    pub output: &'a Output<'a>,
    is_attended: bool,
}

impl<'a> Dialogue<'a> {
    /// Nobody is asked where `unattended` says so or programs read the output.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where somebody is to be asked and nobody is there.
    pub(crate) fn new(host: &'a dyn Host, output: &'a Output<'a>, unattended: bool) -> Result<Self, Failure> {
        let is_attended = !unattended && !output.is_json() && host.is_interactive();
        if !is_attended && !unattended {
            let words = "Nobody is there to be asked: this is no terminal, or --json was given. With --yes all answers come \
                         from options and the environment.";
            return Err(Failure::Usage(words.to_owned()));
        }
        Ok(Self { host, output, is_attended })
    }

    /// Whether somebody answers.
    pub(crate) const fn is_attended(&self) -> bool {
        self.is_attended
    }

    /// A line for the person.
    pub(crate) fn say(&self, line: &str) {
        self.output.say(line);
    }

    /// An answer that `check` accepts: first `given`, then `default` where nobody is there, else what is typed.
    ///
    /// # Errors
    ///
    /// [`Failure`], also of the check.
    pub(crate) fn answer<T>(
        &self,
        asked: &Asked<'_>,
        given: Option<String>,
        default: Option<&str>,
        check: &mut dyn FnMut(&str) -> Result<T, Wrong>,
    ) -> Result<T, Failure> {
        let mut given = given;
        let mut is_first = true;
        loop {
            let (answer, was_typed) = match given.take() {
                Some(given) => (given, false),
                None if self.is_attended => {
                    if is_first {
                        self.say(asked.hint);
                    }
                    is_first = false;
                    (self.typed(asked, default)?, true)
                }
                None => {
                    let missing = || Failure::Usage(format!("{} is needed: give it as {}.", asked.text, asked.option));
                    (default.map(str::to_owned).ok_or_else(missing)?, false)
                }
            };
            match check(answer.trim()) {
                Ok(right) => return Ok(right),
                Err(Wrong::Stop(failure)) => return Err(failure),
                Err(Wrong::Answer(words)) if was_typed || self.is_attended => self.say(&format!("✗ {words}")),
                Err(Wrong::Answer(words)) => {
                    return Err(Failure::Usage(format!("{} ({}): {words}", asked.text, asked.option)));
                }
            }
        }
    }

    fn typed(&self, asked: &Asked<'_>, default: Option<&str>) -> Result<String, Failure> {
        let question = if asked.is_secret {
            Question::Secret { text: asked.text }
        } else {
            Question::Text { text: asked.text, default }
        };
        self.host.ask(question).map_err(ended)
    }

    /// One of some, by its number.
    ///
    /// # Errors
    ///
    /// [`Failure::Cancelled`]
    pub(crate) fn choice(&self, text: &str, choices: &[String], default: usize) -> Result<usize, Failure> {
        if !self.is_attended {
            return Ok(default);
        }
        let shown: Vec<&str> = choices.iter().map(String::as_str).collect();
        let answer = self.host.ask(Question::Choice { text, choices: &shown, default }).map_err(ended)?;
        Ok(answer.parse().unwrap_or(default))
    }

    /// Yes or no; yes where nobody is asked, who has said so with `--yes`.
    ///
    /// # Errors
    ///
    /// [`Failure::Cancelled`]
    pub(crate) fn confirm(&self, text: &str, default: bool) -> Result<bool, Failure> {
        if !self.is_attended {
            return Ok(true);
        }
        Ok(self.host.ask(Question::Confirm { text, default }).map_err(ended)? == "yes")
    }
}

fn ended(error: AskError) -> Failure {
    match error {
        AskError::Cancelled => Failure::Cancelled,
        AskError::Nobody => Failure::Usage("Nobody is there to be asked: this is no terminal.".to_owned()),
    }
}
