//! What `baton doctor` has learned, before anything is made of it.
//!
//! Invariant: only statuses, ids of Meta's, hosts, times and names of settings; what people wrote and what is secret never
//! gets in here.

use baton::time::UnixMillis;
use serde::Deserialize;

use crate::graph::{InForce, Number, Subscription, Token, Trouble};

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// When it was asked, by this machine's clock.
    pub now: UnixMillis,
    pub gate: Gate,
    pub meta: Meta,
}

/// What was learned at the gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    /// Its address without a path.
    pub origin: String,
    /// Whether it is on this machine.
    pub is_local: bool,
    pub health: Health,
    pub handshake: Handshake,
    pub signature: Signature,
    pub inside: Inside,
    /// Each bot, by its name; the one at `BOT_URL` first.
    pub bots: Vec<(String, BotProbe)>,
}

/// `GET /health`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Health {
    Silent,
    /// It lacks something, in the gate's own words.
    NotReady(String),
    Ready,
}

/// The handshake, made as Meta makes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Handshake {
    /// The word is not known here, or the gate was not there.
    LeftOut,
    Refused(u16),
    Right,
}

/// The statuses of two harmless deliveries; `None` where it was not sent or not answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Signature {
    /// Signed with the app's secret.
    pub right: Option<u16>,
    /// Signed with something else.
    pub wrong: Option<u16>,
}

/// `GET /api/v1/diagnosis`.
#[derive(Clone, Debug)]
pub(crate) enum Inside {
    /// No token, or no gate.
    LeftOut,
    Refused,
    TooOld,
    Silent(String),
    Told(Box<Diagnosis>),
}

/// The gate's own report on itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Diagnosis {
    pub version: String,
    pub now_ms: u64,
    pub checks: Vec<Check>,
    pub secrets: Vec<SecretUse>,
    pub policy: PolicyState,
    pub bots: Vec<BotName>,
    pub lines: Vec<LineState>,
    pub alerts: serde_json::Value,
}

/// A part of the gate's storage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Check {
    pub name: String,
    pub ok: bool,
}

/// A secret of the gate's, by its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SecretUse {
    pub name: String,
    pub set: bool,
    pub previous_set: bool,
    pub in_use: Option<String>,
    pub since_ms: Option<u64>,
    pub previous_last_used_ms: Option<u64>,
}

/// The policy in force.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PolicyState {
    pub source: Option<String>,
    pub mistakes: Vec<Mistake>,
    pub mode: Option<String>,
}

/// A mistake in a policy that is not in force because of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Mistake {
    pub path: String,
    pub reason: String,
}

/// A bot that rules may name; the one at `BOT_URL` has no name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BotName {
    pub name: Option<String>,
    pub host: String,
}

/// A number that the gate knows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LineState {
    pub line: String,
    pub account: Option<String>,
    pub app: Option<String>,
    pub last_event_ms: Option<u64>,
}

/// `POST /api/v1/diagnosis/bot`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BotProbe {
    pub reached: bool,
    pub status: Option<u16>,
    pub refuses_wrong_signature: Option<bool>,
}

/// What Meta said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    /// `None` where there was no token to ask about.
    pub token: Option<Result<Token, Trouble>>,
    /// The app whose secret was asked with.
    pub app: Option<String>,
    /// The app's own subscription; `None` where the app's secret is not known.
    pub subscription: Option<Result<Option<Subscription>, Trouble>>,
    pub numbers: Vec<NumberFacts>,
    /// Numbers of other apps, about which this app's token and secret learn nothing.
    pub others: Vec<String>,
}

/// One number, as Meta has it.
#[derive(Clone, Debug)]
pub(crate) struct NumberFacts {
    pub line: String,
    pub account: Option<String>,
    pub number: Result<Number, Trouble>,
    /// Which callbacks are set; `None` where that could not be learned.
    pub in_force: Option<InForce>,
}
