//! The bot's last sends, as a conversation remembers them.
//!
//! Invariant: the list is bounded and holds no word of what was said: a send is known by a digest, and of the Graph
//! API's answer only what repeats it is kept, for as long as it may be repeated.
//!
//! Why they stand in the conversation's own row: a send is written when it is let through and when it has ended, and
//! one row each time is all that this costs (`docs/decisions/0011-the-fence-remembers.md`).
//!
//! Not here: what is let through (`fence`).

use serde::{Deserialize, Serialize};

use crate::ids::EventId;
use crate::limits::{SEND_LOST_AFTER, SENDS_MAX};
use crate::time::{Millis, UnixMillis};

/// What lies between the times of two sends that began at once.
const TOLD_APART_BY: Millis = Millis::new(1);

/// The bot's last sends, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Sends(Vec<Send>);

/// A message of the bot's that was let through.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Send {
    /// A digest of what it says.
    pub digest: String,
    /// Meta's `type`; empty where only its end is known here.
    pub kind: String,
    /// When it was let through.
    pub begun_at_ms: UnixMillis,
    /// What became of it.
    pub state: SendState,
}

/// What became of a send.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SendState {
    /// The Graph API has taken it.
    Accepted {
        /// The id that it gave it.
        id: EventId,
        /// Its answer, as long as that may be given again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// It is on its way.
    InFlight,
    /// It may have been sent or not.
    Unknown,
}

impl Send {
    /// Whether it says this and began then.
    fn is(&self, digest: &str, begun_at: UnixMillis) -> bool {
        self.digest == digest && self.begun_at_ms == begun_at
    }

    /// Whether it is not known what became of it.
    const fn is_open(&self) -> bool {
        !matches!(self.state, SendState::Accepted { .. })
    }

    /// What became of it by `now`: what has been under way for too long is lost.
    #[must_use]
    pub fn state_at(&self, now: UnixMillis) -> &SendState {
        let is_lost = self.state == SendState::InFlight && self.begun_at_ms.after(SEND_LOST_AFTER) <= now;
        if is_lost { &SendState::Unknown } else { &self.state }
    }
}

impl Sends {
    /// Writes down that a send begins, and says as of when. One of the same digest that is still open stays beside it:
    /// it may have been sent.
    ///
    /// A send's end names it by digest and time. Of two that begin in one millisecond, as they may where repetitions
    /// pass, the second is written down a millisecond later: the end of one must not overwrite the other's.
    pub(super) fn begin(&mut self, mut send: Send) -> UnixMillis {
        while self.place_of(&send.digest, send.begun_at_ms).is_some() {
            send.begun_at_ms = send.begun_at_ms.after(TOLD_APART_BY);
        }
        let begun_at = send.begun_at_ms;
        self.insert(send);
        begun_at
    }

    /// Whether a send of this digest is remembered.
    #[must_use]
    pub fn has(&self, digest: &str) -> bool {
        self.last_of(digest).is_some()
    }

    /// The last send of this digest.
    pub(super) fn last_of(&self, digest: &str) -> Option<&Send> {
        self.0.iter().rev().find(|send| send.digest == digest)
    }

    /// The send of this digest that began then; of two, the one that is open.
    fn place_of(&self, digest: &str, begun_at: UnixMillis) -> Option<usize> {
        let is_it = |send: &Send| send.is(digest, begun_at);
        let open = self.0.iter().position(|send| is_it(send) && send.is_open());
        open.or_else(|| self.0.iter().position(is_it))
    }

    /// The send of this digest that began then, while it is open.
    pub(super) fn open_of(&mut self, digest: &str, begun_at: UnixMillis) -> Option<&mut Send> {
        self.0.iter_mut().find(|send| send.is_open() && send.is(digest, begun_at))
    }

    /// Writes down that the Graph API has taken a send, whatever Meta's reports were taken for before.
    ///
    /// One that is not known here was let through under another name, which has not handed over yet what it remembers.
    pub(super) fn accept(&mut self, digest: &str, begun_at_ms: UnixMillis, id: EventId, answer: Option<String>) {
        let state = SendState::Accepted { id, answer };
        match self.place_of(digest, begun_at_ms).and_then(|at| self.0.get_mut(at)) {
            Some(send) => send.state = state,
            None => self.insert(Send { digest: digest.to_owned(), kind: String::new(), begun_at_ms, state }),
        }
    }

    /// Forgets a send: it was not sent. Whether there was one.
    pub(super) fn remove(&mut self, digest: &str, begun_at: UnixMillis) -> bool {
        self.place_of(digest, begun_at).map(|at| self.0.remove(at)).is_some()
    }

    /// Whether this message came by the gate.
    #[must_use]
    pub fn contains(&self, message: &EventId) -> bool {
        self.accepted(message).is_some()
    }

    /// The send to which the Graph API has given this id.
    #[must_use]
    pub fn accepted(&self, message: &EventId) -> Option<&Send> {
        self.0.iter().find(|send| matches!(&send.state, SendState::Accepted { id, .. } if id == message))
    }

    /// The oldest send of which it is not known what became of it, under way or lost, of those that began since then.
    pub(super) fn open_mut(&mut self, since: UnixMillis) -> Option<&mut Send> {
        self.0.iter_mut().find(|send| send.is_open() && send.begun_at_ms >= since)
    }

    /// Lets go of answers that are not given again.
    pub(super) fn let_go_of_answers(&mut self, begun_before: UnixMillis) {
        for send in self.0.iter_mut().filter(|send| send.begun_at_ms < begun_before) {
            if let SendState::Accepted { answer, .. } = &mut send.state {
                *answer = None;
            }
        }
    }

    /// Forgets what began before `before`.
    pub(super) fn forget(&mut self, before: UnixMillis) {
        self.0.retain(|send| send.begun_at_ms >= before);
    }

    /// Takes over what was remembered under another name of the customer's. What is still open there may have its end
    /// here already.
    pub(super) fn take_over(&mut self, other: &Self) {
        for send in &other.0 {
            let has_ended = self.0.iter().any(|own| !own.is_open() && own.is(&send.digest, send.begun_at_ms));
            if !(send.is_open() && has_ended) {
                self.insert(send.clone());
            }
        }
    }

    /// Puts a send where its time belongs.
    fn insert(&mut self, send: Send) {
        let behind = self.0.partition_point(|own| own.begun_at_ms <= send.begun_at_ms);
        self.0.insert(behind, send);
        if self.0.len() > SENDS_MAX {
            self.0.remove(0);
        }
    }

    /// The sends, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Send> {
        self.0.iter()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
