//! What the operator does to a conversation from the desk: take the baton, give it back, keep the bot out for a while.
//!
//! | act | the bot holds | a person holds |
//! |---|---|---|
//! | take | the baton goes to the staff, for the lease | the lease slides as by a person's words |
//! | release | nothing | the hold ends as by the owner's phrase |
//! | pause | the baton goes to the staff, until that time | the hold lasts at least until then |
//!
//! Invariant: an act of the operator's is no word to the customer. It answers nothing, so what was unanswered before it
//! is unanswered after it, the owner is warned of it, and the end of the hold gives it to the bot. What was under way to
//! the bot counts as unanswered too: the fence stops what the bot would say to it.
//!
//! Why a pause may be longer than `max_hold_seconds`: that bound is for holds that somebody has forgotten. A pause has
//! an end that somebody has named, and [`PAUSE_MAX`] is the bound of that.
//!
//! Not here: how long a hold lasts and what its end gives back (`release`), who the operator is (`edge::access`).

use serde::{Deserialize, Serialize};

use super::memory::{Cause, Change as TurnChange};
use super::release::{Give, asks};
use super::{Answer, Context, Conversation, Output};
use crate::limits::PAUSE_MAX;
use crate::time::UnixMillis;

/// What the operator does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The bot is kept out until then; a time beyond [`PAUSE_MAX`] counts as that, and one that is over as none.
    Pause(UnixMillis),
    /// The baton goes back to the bot.
    Release,
    /// The staff take the baton, or keep it.
    Take,
}

impl Conversation {
    /// The operator does something.
    pub(super) fn operate(&mut self, act: Act, context: Context<'_>, output: &mut Output) {
        let before = self.turn.clone();
        match act {
            Act::Pause(until) if until > context.now => {
                let until = until.min(context.now.after(PAUSE_MAX));
                let taken = self.turn.pause(context.now, context.policy, until);
                self.kept_by_operator(taken.then_some(Cause::Paused), context, output);
            }
            Act::Pause(_) => {}
            Act::Release => self.hand_back(Give::AsConfigured, Cause::Operator, None, context, output),
            Act::Take => {
                let taken = self.turn.take(context.now, context.policy, None);
                self.kept_by_operator(taken.then_some(Cause::Operator), context, output);
            }
        }
        let changed = self.turn != before;
        output.save |= changed;
        output.answer = Answer::Operated(changed);
    }

    /// The operator has kept the baton with the staff, or taken it, for this cause.
    fn kept_by_operator(&mut self, taken: Option<Cause>, context: Context<'_>, output: &mut Output) {
        if let Some(hold) = self.turn.hold_mut() {
            hold.by_operator = true;
        }
        let Some(cause) = taken else { return };
        self.record(TurnChange::Takeover, cause, None, context, output);
        self.withhold_waiting(context, output);
        self.waits_where_unanswered(context, output);
    }

    /// Notes that the customer waits, where something of theirs is unanswered: withheld by this hold, or on its way to a
    /// bot that may not answer it any more.
    pub(super) fn waits_where_unanswered(&mut self, context: Context<'_>, output: &mut Output) {
        // What is under way to the bot may be answered by it where the policy only observes.
        let under_way = if context.policy.observes() { &[][..] } else { &self.outbox };
        let answered_seq = self.turn.hold().map_or(0, |hold| hold.answered_seq);
        if under_way.iter().chain(&self.held).any(|entry| entry.seq > answered_seq && asks(entry)) {
            self.waits(false, context, output);
        }
    }
}
