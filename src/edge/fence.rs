//! What a conversation's object does for the bot's sends: it is asked, and it is told.
//!
//! Invariant: a question about a message is answered in the transaction that writes the answer down (`object`); one
//! about a read receipt is answered by a look, and writes nothing.

use std::rc::Rc;

use super::object::{Failure, Inner, Jobs};
use super::{calls, clock};
use crate::command::Reply;
use crate::conversation::fence::{Asked, SendEnd};
use crate::conversation::identity::Place;
use crate::conversation::{Answer, Context, Input};
use crate::graph::send::Sending;
use crate::ids::{EventId, ObjectName};
use crate::limits::HOPS_MAX;
use crate::store::{schema, table::Table};
use crate::time::UnixMillis;

impl Inner {
    /// Says whether the bot may send a message, after the name that led here has been linked where it must be.
    pub(super) async fn may_send(
        self: &Rc<Self>,
        sending: &Sending,
        mut via: Option<ObjectName>,
    ) -> Result<(Reply, Jobs), Failure> {
        for _ in 0..HOPS_MAX {
            let (answer, jobs) = self
                .transact(&[], |conversation, table, context| {
                    let known = table.known(&sending.answers)?;
                    let answered = known.values().next();
                    let last_said = if conversation.sends.has(&sending.digest) { table.last_said()? } else { None };
                    let asked = Asked { sending, answered, last_said, here: &self.name, via: via.as_ref() };
                    let output = conversation.apply(&Input::Send(asked), context);
                    Ok((output.answer.clone(), output))
                })
                .await?;
            match answer {
                Answer::Send(verdict) => return Ok((Reply::Send(verdict), jobs)),
                Answer::Moved { to, known } => return Ok((Reply::Moved { to, known }, jobs)),
                Answer::LinkFirst(other) => {
                    let jobs = self.ask_to_link(&other).await?;
                    self.deliver_meanwhile(jobs);
                }
                Answer::LinkVia(other) => via = self.link_via(&other, None).await?.or(via),
                Answer::Accepted { .. } | Answer::Operated(_) | Answer::Replayed(_) => {
                    return Err(Failure::Runtime(calls::lost()));
                }
            }
        }
        Err(Failure::Runtime(calls::lost()))
    }

    /// Notes how a send ended.
    pub(super) async fn settle(
        &self,
        digest: &str,
        begun_at: UnixMillis,
        end: &SendEnd,
    ) -> Result<(Reply, Jobs), Failure> {
        self.at_home(|conversation, _, context| {
            Ok((Reply::Finished, conversation.apply(&Input::Settle { begun_at, digest, end }, context)))
        })
        .await
    }

    /// Takes in that Meta reports a message as sent.
    pub(super) async fn sent(&self, message: &EventId, sent_at: Option<UnixMillis>) -> Result<(Reply, Jobs), Failure> {
        self.at_home(|conversation, table, context| {
            let is_known = conversation.turn.hold().is_some() && !table.known([message])?.is_empty();
            let input = Input::Sent { id: message, sent_at, is_known };
            Ok((Reply::Finished, conversation.apply(&input, context)))
        })
        .await
    }

    /// Says whether a read receipt stays here.
    pub(super) async fn keeps_read_receipt(&self, message: &EventId) -> Result<Reply, Failure> {
        let (_, policy) = self.configuration().await?;
        if !schema::exists(&self.sql)? {
            return Ok(Reply::Read { stays: false });
        }
        let table = Table::open(&self.sql, false)?;
        let conversation = table.load(None)?;
        if let Place::Elsewhere(to) = conversation.place {
            return Ok(Reply::Moved { to, known: Vec::new() });
        }
        let is_known = !table.known([message])?.is_empty();
        let context = Context { now: clock::now(), policy: &policy, draw: 0 };
        Ok(Reply::Read { stays: conversation.keeps_read_receipt(is_known, context) })
    }
}
