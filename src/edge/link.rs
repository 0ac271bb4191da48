//! Two objects of one customer find out where the conversation lives.
//!
//! The object with the greater name asks (`conversation::identity` says why); one with the smaller name has the other
//! ask. Invariant: nothing is locked while an answer is under way. What the answer meets when it arrives is looked at
//! then, and one that has been overtaken changes nothing. A lock here would outlive a call that the runtime has cut
//! off, and with it the customer's conversation.

use serde_json::value::RawValue;

use super::calls;
use super::object::{Failure, Inner, Jobs};
use crate::command::{Command, LinkReply, Reply};
use crate::conversation::identity::{Asker, LinkAnswer};
use crate::ids::{Customer, ObjectName};
use crate::store::table::Table;

impl Inner {
    /// Asks the object of another of the customer's names where the conversation lives, and takes in the answer.
    pub(super) async fn ask_to_link(&self, other: &ObjectName) -> Result<Jobs, Failure> {
        let by = Table::open(&self.sql, false)?.load(None)?.asker(&self.name);
        let command = Command::Link { by };
        let erasures = self.erasures.get();
        let reply = calls::call(&self.env, other, &command).await.map_err(Failure::Runtime)?;
        self.unless_erased_since(erasures)?;
        let Reply::Linked(reply) = reply else { return Err(Failure::Runtime(calls::lost())) };
        let (answer, bodies) = reply.open();
        let bodies: Vec<Option<&str>> = bodies.iter().map(|body| body.as_deref().map(RawValue::get)).collect();
        let ((), jobs) = self
            .transact(&bodies, |conversation, table, context| {
                let entries = match &answer {
                    LinkAnswer::Merge(handover) => handover.entries.as_slice(),
                    LinkAnswer::Mine | LinkAnswer::Yours => &[],
                };
                let known = table.known(entries.iter().map(|entry| &entry.id))?;
                Ok(((), conversation.linked(other, &answer, &known, context)))
            })
            .await?;
        Ok(jobs)
    }

    /// Answers the object of another of the customer's names.
    pub(super) async fn link(&self, by: &Asker) -> Result<Reply, Failure> {
        let (reply, _) = self
            .transact(&[], |conversation, table, context| {
                let (answer, output) = conversation.asked_to_link(by, context.policy);
                let bodies = match &answer {
                    LinkAnswer::Merge(handover) => {
                        handover.entries.iter().map(|entry| table.raw_body(&entry.id)).collect::<Result<_, _>>()?
                    }
                    LinkAnswer::Mine | LinkAnswer::Yours => Vec::new(),
                };
                Ok((LinkReply::new(answer, bodies), output))
            })
            .await?;
        Ok(Reply::Linked(reply))
    }

    /// Has the object of another of the customer's names ask this one. Afterwards this one points there, or that one
    /// points here, which is then noted. Where that one points to a third, it is the third that has to be linked.
    pub(super) async fn link_via(
        &self,
        other: &ObjectName,
        customer: Option<&Customer>,
    ) -> Result<Option<ObjectName>, Failure> {
        let aliases = vec![self.name.clone()];
        let command = Command::Accept { events: Vec::new(), aliases, customer: customer.cloned() };
        let erasures = self.erasures.get();
        let reply = calls::call(&self.env, other, &command).await.map_err(Failure::Runtime)?;
        self.unless_erased_since(erasures)?;
        match reply {
            Reply::Moved { to, .. } if to != self.name => Ok(Some(to)),
            Reply::Moved { .. } => {
                self.transact(&[], |conversation, _, context| Ok(((), conversation.linked_via(other, context.policy))))
                    .await?;
                Ok(None)
            }
            Reply::Accepted { .. } => Ok(None),
            Reply::Erased(_)
            | Reply::Finished
            | Reply::Linked(_)
            | Reply::Read { .. }
            | Reply::Replayed(_)
            | Reply::Send(_)
            | Reply::Shown(_) => Err(Failure::Runtime(calls::lost())),
        }
    }

    /// Gives up on an answer that was asked for before everything was erased here: it would bring back what the customer
    /// was called, and what they wrote. Whoever waits for it is told that it failed; of a delivery of Meta's, what comes
    /// again then is new.
    fn unless_erased_since(&self, erasures: u32) -> Result<(), Failure> {
        let erased = || Failure::Runtime(worker::Error::RustError("the customer was erased meanwhile".to_owned()));
        if self.erasures.get() == erasures { Ok(()) } else { Err(erased()) }
    }
}
