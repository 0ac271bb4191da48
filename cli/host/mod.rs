//! The surroundings of the tool: network, terminal, files, programs, clock and chance.
//!
//! Invariant: commands reach the world through [`Host`] only, so that the same command runs on the machine itself
//! (`native`) and under Node (`wasi`). Every call ends: requests and programs have a time limit.
//!
//! Not here: what is said over the network (`gate`, `graph`), and what is printed (`output`).

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod wasi;

use std::time::Duration;

use baton::time::{Millis, UnixMillis};

/// The host of this build.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn here() -> impl Host {
    native::Native
}

/// The host of this build.
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
pub(crate) fn here() -> impl Host {
    wasi::Wasi
}

/// A request over HTTP. Redirects are not followed: a token would go with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The address, with its query.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent; empty for nothing.
    pub body: Vec<u8>,
    /// How long to wait for the whole answer.
    pub timeout: Millis,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// At most [`ANSWER_BYTES_MAX`] of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Most that is read of an answer: pages of lists and a policy's versions are below a megabyte.
pub(crate) const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A program to run, for example wrangler.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    /// Its name and arguments.
    pub command: Vec<String>,
    /// What it reads; a secret goes here and never into the arguments, which every process can see.
    pub stdin: Option<String>,
    /// Variables beside those of the tool.
    pub variables: Vec<(String, String)>,
    /// Whether its output goes to the terminal while it runs, and its questions too.
    pub attached: bool,
}

/// What a program left behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    pub code: i32,
    /// Empty where it was attached.
    pub stdout: String,
    /// Empty where it was attached.
    pub stderr: String,
}

/// A question to the person at the terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<'a> {
    /// One of some; the answer is the choice's number as text, from 0.
    Choice { text: &'a str, choices: &'a [&'a str], default: usize },
    /// Yes or no; the answer is `yes` or `no`.
    Confirm { text: &'a str, default: bool },
    /// A line that is not shown while it is typed.
    Secret { text: &'a str },
    /// A line.
    Text { text: &'a str, default: Option<&'a str> },
}

/// Why there is no answer to a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AskError {
    /// Somebody pressed Ctrl-C or closed the terminal.
    Cancelled,
    /// There is nobody to ask: this is no terminal.
    Nobody,
}

/// What is heard of live streams, which are `WebSocket`s.
#[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "the host of WASI has no streams"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard<'a> {
    /// All of them are open.
    Opened,
    /// One of them says this.
    Text(&'a str),
}

/// Something long, shown while it lasts.
pub(crate) trait Progress {
    /// So much of it is done.
    fn at(&self, done: u64);
    /// It is over, and this came of it.
    fn done(&self, words: &str);
}

/// The surroundings of the tool.
pub(crate) trait Host {
    /// Asks a server.
    ///
    /// # Errors
    ///
    /// Why there is no answer, without the address's query, which may hold a token.
    fn http(&self, request: &Request) -> Result<Answer, String>;

    /// Runs a program to its end.
    ///
    /// # Errors
    ///
    /// Why it could not be started.
    fn run(&self, program: &Program) -> Result<Ran, String>;

    /// Asks the person at the terminal.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    fn ask(&self, question: Question<'_>) -> Result<String, AskError>;

    /// Whether somebody is there to answer questions.
    fn is_interactive(&self) -> bool;

    /// Follows live streams, all at once, until `on_heard` says `false` or one of them ends.
    ///
    /// # Errors
    ///
    /// Why one ended or could not be opened; [`NO_STREAMS`] where this host has none.
    fn follow(&self, urls: &[String], token: &str, on_heard: &mut dyn FnMut(Heard<'_>) -> bool) -> Result<(), String>;

    /// Prints lines to standard output.
    fn print(&self, text: &str);

    /// Prints lines to standard error.
    fn tell(&self, text: &str);

    /// Shows something long; `total` where its length is known.
    fn progress(&self, text: &str, total: Option<u64>) -> Box<dyn Progress>;

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file, or of standard input where the path is `-`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    fn read(&self, path: &str) -> Result<Option<String>, String>;

    /// Writes a file anew, and the folders above it.
    ///
    /// # Errors
    ///
    /// Why it cannot be written.
    fn write(&self, path: &str, text: &str) -> Result<(), String>;

    /// The clock, which is the same for every host.
    #[expect(clippy::disallowed_methods, reason = "this is where the tool's clock is")]
    fn now(&self) -> UnixMillis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Waits.
    fn sleep(&self, span: Millis) {
        std::thread::sleep(Duration::from_millis(span.as_millis()));
    }

    /// Fills with what nobody can guess.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn random(&self, bytes: &mut [u8]) -> Result<(), String>;
}

/// A host without live streams.
pub(crate) const NO_STREAMS: &str = "this edition of the tool has no live streams";
