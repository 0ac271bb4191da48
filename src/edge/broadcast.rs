//! Echoes counted over the customers of a line: the same words to many are no person's answer to each.
//!
//! Invariant: counting waits for nobody and nobody waits for it. Where a count is lost the echo is a person's, which is
//! the safe side.
//!
//! Not here: when the same words are a broadcast (`conversation::broadcast`).

use std::rc::Rc;

use super::log::{Occurrence, log};
use super::object::{Failure, Inner, Jobs};
use super::{calls, meanwhile};
use crate::command::{Command, Reply};
use crate::conversation::broadcast::Recipient;
use crate::conversation::{Input, Tallied};
use crate::ids::{EventId, LineId, ObjectName};

impl Inner {
    /// Has echoes counted over the customers of the line while the caller already has its answer.
    pub(super) fn count_meanwhile(self: &Rc<Self>, line: Option<&LineId>, tally: Vec<Tallied>) {
        let Some(to) = line.map(ObjectName::broadcasts) else { return };
        for Tallied { echo, content } in tally {
            let (inner, to) = (Rc::clone(self), to.clone());
            meanwhile(async move {
                let command = Command::Count { conversation: inner.name.clone(), echo, content };
                // Where this fails the echo is a person's, which is the safe side.
                let _ = calls::call(&inner.env, &to, &command).await;
            });
        }
    }

    /// Counts an echo, and tells the conversations of what has turned out to be a broadcast.
    pub(super) async fn count(self: &Rc<Self>, content: &str, recipient: Recipient) -> Result<(), Failure> {
        let (_, policy) = self.configuration().await?;
        let Some(rule) = policy.broadcast else { return Ok(()) };
        let recognised = self.tally.borrow_mut().count(content, recipient, rule);
        for Recipient { conversation, echo, .. } in recognised {
            let inner = Rc::clone(self);
            meanwhile(async move {
                let told = calls::ask(&inner.env, conversation, &Command::Broadcast { echo }).await;
                let _ = told.inspect_err(|error| log(&Occurrence::NotStored { error }));
            });
        }
        Ok(())
    }

    /// Takes in that an echo was a broadcast.
    pub(super) async fn broadcast(&self, echo: &EventId) -> Result<(Reply, Jobs), Failure> {
        self.at_home(|conversation, _, context| {
            Ok((Reply::Finished, conversation.apply(&Input::Broadcast { echo }, context)))
        })
        .await
    }
}
