//! What a conversation's object does for the operator: shows, explains, takes and gives back, replays, erases.
//!
//! Invariant: what changes the turn is done in the transaction of every other input (`object`); what only asks writes
//! nothing. An erasure empties the other names' objects before the home: should it be cut off, the home still knows them,
//! and to erase again is all that is needed.
//!
//! What is under way while an object is emptied finds a conversation in which nothing ever happened: the end of an
//! attempt or of a send that it does not know writes nothing, and an answer about where the conversation lives is not
//! taken in any more (`link`).

use serde::Serialize;
use serde_json::value::RawValue;

use super::object::{Failure, Inner, Jobs};
use super::{calls, clock, desks};
use crate::command::told::{Explained, ToldTurn};
use crate::command::{Command, Erasure, Reply, Shown};
use crate::conversation::identity::Place;
use crate::conversation::operator::Act;
use crate::conversation::{Answer, Context, Input, Output};
use crate::ids::{EventId, ObjectName};
use crate::json;
use crate::store::table::Table;
use crate::store::{self, StoreError, erase, schema};

impl Inner {
    /// Does what the operator does, unless nothing ever happened here.
    pub(super) async fn operate(&self, act: Act) -> Result<(Reply, Jobs), Failure> {
        self.at_home(|conversation, _, context| {
            if conversation.is_fresh() {
                return Ok((Reply::Shown(None), Output::default()));
            }
            let output = conversation.apply(&Input::Operator(act), context);
            let changed = output.answer == Answer::Operated(true);
            Ok((Reply::Shown(Some(raw(&ToldTurn::new(conversation, changed, context))?)), output))
        })
        .await
    }

    /// Sends dead letters on their way again.
    pub(super) async fn replay(&self, only: Option<&[EventId]>) -> Result<(Reply, Jobs), Failure> {
        self.at_home(|conversation, table, context| {
            let output = conversation.apply(&Input::Replay { dead: &table.dead(only)? }, context);
            let Answer::Replayed(replayed) = output.answer else { return Ok((Reply::Finished, output)) };
            Ok((Reply::Replayed(replayed), output))
        })
        .await
    }

    /// Shows the conversation.
    pub(super) async fn show(&self) -> Result<Reply, Failure> {
        let (_, policy) = self.configuration().await?;
        if !schema::exists(&self.sql)? {
            return Ok(Reply::Shown(None));
        }
        let conversation = Table::open(&self.sql, self.is_migrated())?.load(None)?;
        if let Place::Elsewhere(to) = conversation.place {
            return Ok(Reply::Moved { to, known: Vec::new() });
        }
        let entries = store::record(&self.sql)?;
        let context = Context { now: clock::now(), policy: &policy, draw: 0 };
        let shown = Shown::new(&self.name, &conversation, &entries, context);
        Ok(Reply::Shown(Some(raw(&shown)?)))
    }

    /// Says why a message was answered or not. What came under another name of the customer's before the names were
    /// linked is still there, and the home asks for it.
    pub(super) async fn explain(&self, id: &EventId) -> Result<Reply, Failure> {
        let (reply, place) = self.explained(id)?;
        let linked = match place {
            Place::Elsewhere(to) => return Ok(Reply::Moved { to, known: Vec::new() }),
            Place::Home(_) if matches!(reply, Reply::Shown(Some(_))) => return Ok(reply),
            Place::Home(linked) => linked,
        };
        for name in &linked {
            let command = Command::ExplainHere(id.clone());
            let reply = calls::call(&self.env, name, &command).await.map_err(Failure::Runtime)?;
            if matches!(reply, Reply::Shown(Some(_))) {
                return Ok(reply);
            }
        }
        Ok(Reply::Shown(None))
    }

    /// What is stored here of a message, and where the conversation lives.
    pub(super) fn explained(&self, id: &EventId) -> Result<(Reply, Place), Failure> {
        if !schema::exists(&self.sql)? {
            return Ok((Reply::Shown(None), Place::default()));
        }
        let table = Table::open(&self.sql, self.is_migrated())?;
        let (conversation, known) = (table.load(None)?, table.known([id])?);
        let explained = Explained::new(&self.name, &conversation, id, known.get(id));
        let reply = Reply::Shown(explained.as_ref().map(raw).transpose()?);
        Ok((reply, conversation.place))
    }

    /// Forgets everything of the customer, here and under the names that lead here; `names` are some of them.
    pub(super) async fn erase(&self, mut names: Vec<ObjectName>) -> Result<Reply, Failure> {
        match self.place()? {
            Some(Place::Elsewhere(to)) => return Ok(Reply::Moved { to, known: Vec::new() }),
            Some(Place::Home(linked)) => names.extend(linked),
            None => {}
        }
        names.push(self.name.clone());
        let mut erasure = Erasure::default();
        // One that is named twice is empty the second time, and this one leads nowhere.
        for name in names.iter().filter(|name| **name != self.name) {
            let command = Command::EraseName(names.clone());
            let reply = calls::call(&self.env, name, &command).await.map_err(Failure::Runtime)?;
            let Reply::Erased(there) = reply else { return Err(Failure::Runtime(calls::lost())) };
            erasure.add(there);
        }
        erasure.desk = self.desk_forgets(&names).await?;
        match self.place()? {
            // While the others were asked, the conversation has moved on: it is erased where it lives now.
            Some(Place::Elsewhere(to)) => return Ok(Reply::Moved { to, known: Vec::new() }),
            Some(Place::Home(_)) => erasure.add(self.empty_and_count().await?),
            None => {}
        }
        Ok(Reply::Erased(erasure))
    }

    /// Forgets what is here, where this name leads to one of these; else it is somebody else's by now.
    pub(super) async fn erase_name(&self, names: &[ObjectName]) -> Result<Reply, Failure> {
        match self.place()? {
            Some(Place::Elsewhere(home)) if names.contains(&home) => Ok(Reply::Erased(self.empty_and_count().await?)),
            Some(Place::Elsewhere(_) | Place::Home(_)) | None => Ok(Reply::Erased(Erasure::default())),
        }
    }

    /// Says how many rows there are here.
    pub(super) fn rows(&self) -> Result<Erasure, Failure> {
        Ok(Erasure { names: vec![self.name.clone()], rows: vec![erase::rows(&self.sql)?], desk: Vec::new() })
    }

    async fn empty_and_count(&self) -> Result<Erasure, Failure> {
        let rows = self.rows()?;
        self.empty().await?;
        Ok(rows)
    }

    /// Has the desk forget this conversation and these names of the customer.
    pub(super) async fn desk_forgets(&self, names: &[ObjectName]) -> Result<Vec<usize>, Failure> {
        let Some(line) = self.name.line_of_conversation() else { return Ok(Vec::new()) };
        desks::forget(&self.env, &line, names, false).await.map_err(|_| Failure::Runtime(calls::lost()))
    }

    /// Where the conversation lives; `None` where nothing ever happened.
    fn place(&self) -> Result<Option<Place>, Failure> {
        if !schema::exists(&self.sql)? {
            return Ok(None);
        }
        Ok(Some(Table::open(&self.sql, self.is_migrated())?.load(None)?.place))
    }
}

/// A document for the Worker to pass on.
fn raw(document: &impl Serialize) -> Result<Box<RawValue>, StoreError> {
    json::write_raw(document).map_err(|_| StoreError::Corrupt("conversation"))
}
