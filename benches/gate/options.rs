//! What is to be measured, and how thoroughly.
//!
//! Invariant: options are the words of `npm run bench -- --help`; dev/bench-options.mjs has refused all others before
//! anything was built.

use std::path::PathBuf;

use super::subject::{Kind, Medium};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Options {
    pub rounds: usize,
    /// Of the webhooks of a workload, one of so many is sent.
    pub less: usize,
    /// Names of workloads; everything, where there is none.
    pub only: Vec<String>,
    /// How often Baton and the floor are started.
    pub starts: usize,
    /// Numbers of conversations at which is looked what a message costs.
    pub sizes: Vec<usize>,
    /// Whether alarms are waited for, which ring 20 s after a conversation's message.
    pub waits: bool,
    /// Whether the growing number of conversations is left to come to rest before it is measured.
    pub rests: bool,
    pub medium: Medium,
    /// Where all figures are written.
    pub json: Option<PathBuf>,
    /// Seconds of a profile that is taken instead, and of whom.
    pub profile: Option<u32>,
    pub of: Kind,
}

impl Options {
    /// What `npm run bench` does.
    pub fn usual() -> Self {
        Self {
            rounds: 5,
            less: 1,
            only: Vec::new(),
            starts: 9,
            sizes: vec![100, 1_000, 10_000],
            waits: true,
            rests: true,
            medium: Medium::Memory,
            json: None,
            profile: None,
            of: Kind::Baton,
        }
    }

    /// What it does with `--quick`.
    pub fn quick() -> Self {
        Self { rounds: 2, less: 4, starts: 5, sizes: vec![100, 1_000], rests: false, ..Self::usual() }
    }

    /// Everything once and as little of it as there is, to see that it works.
    pub fn least() -> Self {
        Self { rounds: 1, less: 100, starts: 1, sizes: vec![60, 80], waits: false, ..Self::quick() }
    }

    /// The words of the command line.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let is_quick = words.iter().any(|word| word == "--quick");
        let mut options = if is_quick { Self::quick() } else { Self::usual() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--rounds" => options.rounds = number(&value()?)?,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--disk" => options.medium = Medium::Disk,
                "--full" => options.sizes.push(100_000),
                "--conversations" => options.sizes = value()?.split(',').map(number).collect::<Result<_, _>>()?,
                "--json" => options.json = Some(value()?.into()),
                "--profile" => options.profile = Some(number(&value()?)?),
                "--of" => options.of = kind(&value()?)?,
                // Said already, and what `cargo bench` adds.
                "--quick" | "--bench" => {}
                _ => return Err(format!("{word} is no option; npm run bench -- --help lists them")),
            }
        }
        Ok(options)
    }

    /// Whether this workload is one of those that are wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn number<Number: std::str::FromStr>(text: &str) -> Result<Number, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn kind(name: &str) -> Result<Kind, String> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("{name} is nobody that is measured"))
}
