//! What a person of the shop does: speak from the phone, hand the baton back, withdraw what they wrote.
//!
//! Invariant: a person's own new words always take the baton, or keep it, in the transaction in which they arrive.
//! Only what is told apart with certainty does not: the app's own texts that the owner has named, and the owner's
//! phrases for handing back. What is only probably no person's, the same words to many customers, takes the baton
//! first and gives it back once the other customers are known (`broadcast`): silence too much is mended, a bot that
//! talks over a person is not.

use super::memory::{Cause, Change as TurnChange, EchoEffect};
use super::release::{Give, Waiting, asks};
use super::turn::Words;
use super::{Context, Conversation, Incoming, Output, Tallied};
use crate::ids::EventId;
use crate::limits::PERSON_PAUSE_MAX;
use crate::time::{Millis, UnixMillis};
use crate::webhook::facts::Amendment;

impl Conversation {
    /// Something was sent from the phone.
    pub(super) fn echo(
        &mut self,
        event: &Incoming,
        last_said: Option<UnixMillis>,
        context: Context<'_>,
        output: &mut Output,
    ) {
        output.save = true;
        output.echoes.push(event.sent_at.map(|sent_at| context.now.since(sent_at)));
        // Meta may report a message of the shop's as sent before it shows it.
        self.collisions.retract(&event.id);
        let text = event.facts.text.as_deref();
        let effect = if text.is_some_and(|text| context.policy.is_automation(text)) {
            EchoEffect::Automation
        } else if text.is_some_and(|text| context.policy.hands_back(text)) {
            self.hand_back(Give::AsConfigured, Cause::Phrase, Some(&event.id), context, output);
            EchoEffect::HandedBack
        } else {
            self.measure(last_said, context, output);
            self.person_speaks(event, context, output)
        };
        let spilled = self.echoes.remember(event.id.clone(), context.now, effect);
        self.spill(spilled, output);
    }

    /// How long the person has taken: since their own last message, also where the lease has ended in between, and since the
    /// customer's last where these are the first words of a hold.
    fn measure(&self, last_said: Option<UnixMillis>, context: Context<'_>, output: &mut Output) {
        let now = context.now;
        let last_words = self.echoes.last_words();
        let is_same_talk = |took: &Millis| *took < PERSON_PAUSE_MAX;
        output.reply_gaps.extend(last_words.map(|at| now.since(at)).filter(is_same_talk));
        let is_first = self.turn.hold().is_none_or(|hold| hold.messages == 0);
        let asked = last_said.filter(|said| is_first && last_words.is_none_or(|words| *said > words));
        output.first_answers.extend(asked.map(|said| now.since(said)).filter(is_same_talk));
    }

    /// A person has spoken: they hold the baton from here on, and nothing that waits for the bot goes out.
    fn person_speaks(&mut self, event: &Incoming, context: Context<'_>, output: &mut Output) -> EchoEffect {
        let answered_seq = self.turn.hold().map_or(0, |hold| hold.answered_seq);
        let words =
            Words { echo: event.id.clone(), answered_seq, waiting: self.waiting.take(), withheld_since_ms: None };
        let taken = self.turn.take(context.now, context.policy, Some(&event.id));
        if let Some(hold) = self.turn.hold_mut() {
            hold.messages = hold.messages.saturating_add(1);
            hold.answered_seq = self.last_seq;
            hold.remember_words(words);
            if let Some(text) = event.facts.text.as_deref().filter(|_| context.policy.share_human_text) {
                hold.remember_text(text);
            }
        }
        if context.policy.broadcast.is_some()
            && let Some(content) = &event.facts.content
        {
            output.tally.push(Tallied { echo: event.id.clone(), content: content.clone() });
        }
        if !taken {
            return EchoEffect::Kept;
        }
        self.record(TurnChange::Takeover, Cause::Echo, Some(&event.id), context, output);
        self.withhold_waiting(context, output);
        if self.held.iter().any(asks)
            && let Some(words) = self.turn.hold_mut().and_then(|hold| hold.last_words.last_mut())
        {
            words.waiting.get_or_insert(Waiting::begin(context.now));
        }
        EchoEffect::Took
    }

    /// A customer has asked for a person with this message.
    pub(super) fn asked_for_person(&mut self, event: &Incoming, context: Context<'_>, output: &mut Output) {
        // What the customer wrote before is as unanswered as this: the hold starts with nothing answered.
        // A hold that is there already is prolonged by the person's own words only.
        if self.turn.hold().is_none() && self.turn.take(context.now, context.policy, None) {
            self.record(TurnChange::Takeover, Cause::CustomerAsked, Some(&event.id), context, output);
            self.withhold_waiting(context, output);
            if !context.policy.observes() {
                // Whatever they waited for before, this is a wait of its own, with a warning of its own.
                self.waiting = None;
            }
        }
        if context.policy.observes() {
            // The bot has it, and may answer.
            return;
        }
        // Whoever asks for a person waits for one, also where they ask by editing what they wrote before.
        self.waits(false, context, output);
    }

    /// A person has edited or withdrawn what they wrote. Withdrawing the very message that took the baton gives it
    /// back, where the person has said nothing else since.
    pub(super) fn echo_note(&mut self, event: &Incoming, context: Context<'_>, output: &mut Output) {
        if let Some(Amendment::Revoke(original)) = &event.facts.amends
            && context.policy.revoke_undoes
        {
            self.undo_takeover(original, Cause::Revoked, context, output);
        }
    }

    /// What a person wrote has turned out to be a broadcast, and no word to this customer.
    pub(super) fn was_broadcast(&mut self, echo: &EventId, context: Context<'_>, output: &mut Output) {
        if !self.echoes.mark_broadcast(echo) {
            return;
        }
        output.save = true;
        if self.undo_takeover(echo, Cause::Broadcast, context, output) {
            return;
        }
        // The person holds all the same; but the customer is as unanswered as before.
        if let Some(before) = self.turn.hold_mut().and_then(|hold| hold.unsay(echo)) {
            if let Some(hold) = self.turn.hold_mut() {
                hold.answered_seq = hold.answered_seq.min(before.answered_seq);
            }
            // What a rule has kept for a person since waits on, whatever becomes of the hold.
            let waits_again = Waiting::resumed(before.waiting, self.waiting);
            self.waiting = Waiting::earlier(waits_again, before.withheld_since_ms.map(Waiting::begin));
            if self.turn.hold().is_some_and(|hold| hold.by_operator) {
                // It may have been this that took the baton, which the operator has had kept since.
                self.waits_where_unanswered(context, output);
            }
        }
    }

    /// Gives the baton back as if it had never been taken, where this echo took it and the person has said nothing
    /// else since, nor the operator had it kept. Returns whether it did.
    fn undo_takeover(&mut self, echo: &EventId, cause: Cause, context: Context<'_>, output: &mut Output) -> bool {
        let alone =
            |hold: &&super::turn::Hold| !hold.by_operator && hold.taken_by.as_ref() == Some(echo) && hold.messages == 1;
        let Some(hold) = self.turn.hold().filter(alone) else { return false };
        let waited_before = hold.last_words.iter().find(|words| words.echo == *echo).and_then(|words| words.waiting);
        // What a rule keeps for a person is none of the bot's: for that the customer waits on as if nothing had been undone.
        let waits_on = [waited_before, self.waiting].into_iter().flatten().filter_map(Waiting::by_rule_alone);
        let waits_on = waits_on.min_by_key(|waiting| waiting.since_ms);
        self.hand_back(Give::Everything, cause, Some(echo), context, output);
        self.waiting = waits_on;
        true
    }
}
