//! The operator's API as data: which request means what. Text in, types out.
//!
//! | file | what |
//! |---|---|
//! | [`diagnosis`] | how the gate is, as a document |
//! | [`documents`] | what the bodies about session and policy say |
//! | [`route`] | method and path → what is asked |
//! | [`query`] | what stands behind the `?` |
//!
//! Invariant: a route that exists names only lines, customers and messages of a form that the gate could have met, and
//! every parameter lies within its bounds. What does not is a problem with a sentence that says what was expected.
//!
//! The description that operators read is `web/public/api/v1/openapi.json`; a published contract tester holds the two
//! against each other (`tests/runtime/contract.rs`).
//!
//! Not here: who may ask (`access`), what is answered (`desk`, `edge::api`).

pub mod diagnosis;
pub mod documents;
pub mod query;
pub mod route;

pub use query::Query;
pub use route::{ConversationRoute, DeskRoute, Method, PolicyRoute, Route, SessionRoute, Target};
