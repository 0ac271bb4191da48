//! The Graph API as data: what a bot asks of it, and what the gate says in its place.
//!
//! | file | what |
//! |---|---|
//! | [`target`] | the address of a request: what it may do, and whether the gate carries it at all |
//! | [`send`] | a message, or a read receipt, that the bot posts |
//! | [`answer`] | the gate's own answers, in the Graph API's form |
//! | [`headers`] | which headers travel on |
//!
//! Invariant: what the gate cannot understand on the way of a message is refused, and what is no message is not
//! looked into. So nothing reaches a customer past the fence, and nothing else is changed on its way.
//!
//! Not here: whether a message may be sent (`conversation::fence`), sending it (`edge`).

pub mod answer;
pub mod headers;
pub mod send;
pub mod target;
