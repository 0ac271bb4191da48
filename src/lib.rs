//! Baton: one conversation, one voice.
//!
//! A gate between Meta's WhatsApp webhooks and a shop's chatbot, for numbers that a person answers from the
//! phone and a bot answers through the Cloud API. Whoever holds the baton speaks.
//!
//! The crate is a pure core and a thin shell. Bytes become events (`webhook`), events meet the state of one
//! conversation (`conversation`), what is owed to the bot becomes entries and attempts (`outbox`), all of it is
//! written in one transaction (`store`), and only `edge` knows that there is a runtime.
//!
//! | room | what lives there | may import |
//! |---|---|---|
//! | [`time`], [`ids`], [`limits`], [`secret`], [`json`], [`address`] | instants without a clock, newtypes, bounds, redacted secrets, JSON of our own, addresses | each other |
//! | [`access`] | who may ask the operator's API: sessions, attempts, the assertions of Cloudflare Access | the row above |
//! | [`webhook`] | Meta's wire: signature, handshake, events, envelopes | the first row |
//! | [`policy`] | what the owner may configure | the first row |
//! | [`outbox`] | entries, attempts, outcomes, retries, the bot's address, the request | `webhook`, and above |
//! | [`graph`] | the Graph API as data: what a bot asks of it, and the gate's own answers | the first row |
//! | [`conversation`] | the protocol: turn, order, silence, the fence, identity | `graph`, `outbox`, `policy`, and above |
//! | [`store`] | the SQL of the objects | `access`, `conversation`, and above |
//! | [`settings`], [`command`], [`problem`] | the environment, what Worker and object say, public errors | `access`, `conversation`, and above |
//! | [`desk`] | what the operator looks at: reports, tallies, incidents, pages | `command`, and above |
//! | [`api`] | the operator's API as data: routes and parameters | `problem`, and above |
//! | `edge` | the runtime: router, object, SQL binding, fetch, clock, log | everything; nothing imports it |
//!
//! The tool in `cli/` is built from the same crate and uses what is public here; nothing here knows it.
//!
//! `tests/tidy.rs` holds this table against the code.

pub mod access;
pub mod address;
pub mod api;
pub mod command;
pub mod conversation;
pub mod desk;
pub mod graph;
pub mod ids;
pub mod json;
pub mod limits;
pub mod outbox;
pub mod policy;
pub mod problem;
pub mod secret;
pub mod settings;
pub mod store;
pub mod time;
pub mod webhook;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod edge;
