//! The desk: what the operator looks at, line by line.
//!
//! | file | what |
//! |---|---|
//! | [`ask`] | what a desk is asked, and its name |
//! | [`report`] | what a conversation tells the desk of its line |
//! | [`tallies`] | counts and delays that add up |
//! | [`watch`] | the line as a whole: is the bot up, does the gate still hear the phone |
//! | [`incident`] | what the owner is told, once, and that it is over |
//! | [`observation`] | what a period says about the policy's times |
//! | [`points`] | data points for Workers Analytics Engine |
//! | [`page`] | pages of lists, and one list of the parts of several |
//! | [`statistics`] | counts over time as the operator reads them, and as Prometheus does |
//!
//! Invariant: nothing here is on the way of an event. A conversation reports after it has answered, and what the desk
//! does not learn of it learns with the next report: a report says how things stand, not what has changed about them.
//!
//! Not here: SQL (`store::desk`), who may look (`access`).

pub mod ask;
pub mod incident;
pub mod observation;
pub mod page;
pub mod points;
pub mod report;
pub mod statistics;
pub mod tallies;
pub mod watch;
