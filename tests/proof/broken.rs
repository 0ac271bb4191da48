//! Cores that break one promise each, to show that the model and the simulator would notice.
//!
//! Invariant: [`Fault::None`] is the real core and nothing else. Every other fault misbehaves around the same real
//! core, so that what is caught is the one thing that it does wrong.
//!
//! Not here: what notices them (`watch`), and the tables of what noticed what (`model`, `simulator`).

use std::collections::BTreeMap;

use baton::conversation::fence::Asked;
use baton::conversation::operator::Act;
use baton::conversation::sends::{SendState, Sends};
use baton::conversation::turn::Turn;
use baton::conversation::{Change, Context, Conversation, Incoming, Input, Output};
use baton::outbox::request::Attempt;
use baton::outbox::{Entry, Reason, State};
use baton::policy::fence::FenceMode;
use baton::policy::{Mode, Policy};
use baton::time::UnixMillis;
use baton::webhook::event::Class;

use crate::watch::Promise;

/// What is wrong with a core.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It takes the end of an attempt that was given up as lost for the end of the present one.
    BelievesLateOutcomes,
    /// It ends a pause where the longest hold would end.
    CutsPauses,
    /// It does not hear the operator who takes the baton.
    DeafToOperators,
    /// It does not hear a person who speaks while an attempt is under way.
    DeafDuringAttempts,
    /// What is unanswered stays withheld where the operator gives the baton back.
    DropsOnRelease,
    /// It does not write down what it withholds.
    DropsWithheld,
    /// It lets go of the count of what it has stopped.
    ForgetsCollisions,
    /// It does not remember what it has let through.
    ForgetsSends,
    /// It does not look at what a message of the bot's answers.
    ForgetsTokens,
    /// It does not tell a conversation's home which of the customer's names pointed there.
    ForgetsSignposts,
    /// What a person's hold withheld stays withheld for ever.
    ForgetsHeld,
    /// It does not write down what would have been withheld.
    ForgetsWhatWouldBe,
    /// It does not look whether an event is known.
    HidesKnown,
    /// It does not look who holds when the bot sends.
    LooksAway,
    /// It looks who holds before time has passed.
    LooksTooEarly,
    /// The bot gets at the end of a hold what the person has answered.
    ReplaysAnswered,
    /// It lets a message through again of which nobody knows whether it was sent.
    RepeatsUnknown,
    /// The youngest goes first.
    Reverses,
    /// It takes Meta's word that a message was sent for nothing.
    SeesNoLeaks,
    /// A message that was handed over may be asked for before it has arrived: it does not tell a home which name has led
    /// there.
    SendsPastSignposts,
    /// It asks for no alarm while a person holds.
    Sleeps,
    /// The bot gets what is withheld from it all the same.
    StartsWithheld,
    /// It stops what should only be observed.
    StopsWhileObserving,
    /// What passed while it was only observed stays with the turn of then, and is nobody's once the policy is enforced.
    StrandsWhatPassed,
    /// What waits for the bot goes on waiting where the operator takes the baton.
    TakesWithoutWithholding,
    /// A message that always passes takes the baton.
    TakesOnTemplates,
    /// The fencing token falls when the baton goes back.
    TokenFalls,
    /// Nobody is warned.
    WarnsNobody,
}

impl Fault {
    /// Every broken core, and the promise that it breaks.
    pub const ALL: [(Self, Promise); 28] = [
        (Self::BelievesLateOutcomes, Promise::Fencing),
        (Self::CutsPauses, Promise::Silence),
        (Self::DeafDuringAttempts, Promise::Silence),
        (Self::DeafToOperators, Promise::Silence),
        (Self::DropsOnRelease, Promise::NothingLost),
        (Self::DropsWithheld, Promise::NothingLost),
        (Self::ForgetsCollisions, Promise::Counted),
        (Self::ForgetsHeld, Promise::NothingLost),
        (Self::ForgetsSends, Promise::SentOnce),
        (Self::ForgetsSignposts, Promise::Silence),
        (Self::ForgetsTokens, Promise::NoLateAnswer),
        (Self::ForgetsWhatWouldBe, Promise::AllPasses),
        (Self::HidesKnown, Promise::Once),
        (Self::LooksAway, Promise::SilentSends),
        (Self::LooksTooEarly, Promise::AnswersPass),
        (Self::RepeatsUnknown, Promise::SentOnce),
        (Self::ReplaysAnswered, Promise::AsConfigured),
        (Self::Reverses, Promise::InOrder),
        (Self::SeesNoLeaks, Promise::LeaksKnown),
        (Self::SendsPastSignposts, Promise::SilentSends),
        (Self::Sleeps, Promise::NeverAlone),
        (Self::StartsWithheld, Promise::Silence),
        (Self::StopsWhileObserving, Promise::AllPasses),
        (Self::StrandsWhatPassed, Promise::NeverAlone),
        (Self::TakesOnTemplates, Promise::TurnStays),
        (Self::TakesWithoutWithholding, Promise::Silence),
        (Self::TokenFalls, Promise::Fencing),
        (Self::WarnsNobody, Promise::NeverAlone),
    ];

    /// Applies an input with this fault.
    pub fn apply(self, conversation: &mut Conversation, input: &Input<'_>, context: Context<'_>) -> Output {
        match self {
            // The others are faults of the shell (`flow`, `outgoing`).
            Self::None | Self::ForgetsSignposts | Self::SendsPastSignposts => conversation.apply(input, context),
            Self::BelievesLateOutcomes => believe(conversation, input, context),
            Self::DeafDuringAttempts => deafen(conversation, input, context),
            Self::CutsPauses | Self::DeafToOperators | Self::DropsOnRelease | Self::TakesWithoutWithholding => {
                match input {
                    Input::Operator(act) => self.operate(conversation, *act, context),
                    _ => conversation.apply(input, context),
                }
            }
            Self::DropsWithheld => {
                let mut output = conversation.apply(input, context);
                let is_held = |entry: &Entry| entry.reason == Some(Reason::HeldByHuman);
                output.changes.retain(|change| !matches!(change, Change::Put { entry, .. } if is_held(entry)));
                output
            }
            Self::ForgetsCollisions
            | Self::ForgetsSends
            | Self::ForgetsTokens
            | Self::LooksAway
            | Self::LooksTooEarly
            | Self::RepeatsUnknown
            | Self::TakesOnTemplates => match input {
                Input::Send(asked) => self.let_through(conversation, asked, context),
                _ => conversation.apply(input, context),
            },
            Self::SeesNoLeaks => match input {
                Input::Sent { id, sent_at, .. } => {
                    conversation.apply(&Input::Sent { id, sent_at: *sent_at, is_known: true }, context)
                }
                _ => conversation.apply(input, context),
            },
            Self::ForgetsHeld => {
                conversation.held.clear();
                conversation.apply(input, context)
            }
            Self::ForgetsWhatWouldBe | Self::StopsWhileObserving | Self::StrandsWhatPassed => {
                self.observe(conversation, input, context)
            }
            Self::HidesKnown => {
                let nothing = BTreeMap::new();
                match input {
                    Input::Accept(arrival) => {
                        let arrival = baton::conversation::Arrival { known: &nothing, ..*arrival };
                        let mut output = conversation.apply(&Input::Accept(arrival), context);
                        for change in &mut output.changes {
                            if let Change::Put { replaces, .. } = change {
                                *replaces = true;
                            }
                        }
                        output
                    }
                    _ => conversation.apply(input, context),
                }
            }
            Self::ReplaysAnswered => {
                let answered = conversation.turn.hold_mut().map(|hold| core::mem::take(&mut hold.answered_seq));
                let output = conversation.apply(input, context);
                if let (Some(hold), Some(answered)) = (conversation.turn.hold_mut(), answered) {
                    hold.answered_seq = hold.answered_seq.max(answered);
                }
                output
            }
            Self::Reverses => {
                conversation.outbox.reverse();
                conversation.apply(input, context)
            }
            Self::Sleeps => {
                let mut output = conversation.apply(input, context);
                output.wake_at = output.wake_at.filter(|_| conversation.turn.hold().is_none());
                output
            }
            Self::StartsWithheld => {
                let mut output = conversation.apply(input, context);
                let withheld = output.changes.iter().find_map(|change| match change {
                    Change::Put { entry, .. } if entry.state == State::Withheld && entry.class == Class::Turn => {
                        Some(entry.clone())
                    }
                    _ => None,
                });
                output.attempts.extend(withheld.map(|entry| attempt_at(&entry)));
                output
            }
            Self::TokenFalls => {
                let before = conversation.turn.clone();
                let output = conversation.apply(input, context);
                if before.hold().is_some() && conversation.turn.hold().is_none() {
                    conversation.turn = Turn::default();
                }
                output
            }
            Self::WarnsNobody => {
                let warned = conversation.waiting.as_mut().filter(|waiting| !waiting.warned);
                let is_new = warned.map(|waiting| waiting.warned = true).is_some();
                let mut output = conversation.apply(input, context);
                output.save |= is_new;
                output
            }
        }
    }
}

impl Fault {
    /// Whether it shows only where the operator acts.
    pub const fn is_operators(self) -> bool {
        matches!(self, Self::CutsPauses | Self::DeafToOperators | Self::DropsOnRelease | Self::TakesWithoutWithholding)
    }

    /// Whether it shows only where the policy observes.
    pub const fn is_observers(self) -> bool {
        matches!(self, Self::ForgetsWhatWouldBe | Self::StopsWhileObserving | Self::StrandsWhatPassed)
    }

    /// Something happens, and what is wrong is wrong only while the policy observes.
    fn observe(self, conversation: &mut Conversation, input: &Input<'_>, context: Context<'_>) -> Output {
        let enforced = Policy { mode: Mode::Enforce, ..context.policy.clone() };
        if !context.policy.observes() {
            return conversation.apply(input, context);
        }
        if self == Self::StopsWhileObserving {
            return conversation.apply(input, Context { policy: &enforced, ..context });
        }
        let before = conversation.turn.clone();
        let mut output = conversation.apply(input, context);
        let has_ended = before.hold().is_some() && conversation.turn.hold().is_none();
        for change in &mut output.changes {
            if let Change::Put { entry, .. } | Change::Update(entry) = change {
                match self {
                    Self::ForgetsWhatWouldBe => entry.note.would_withhold = None,
                    _ if has_ended => entry.token = before.token,
                    Self::StrandsWhatPassed => entry.token = conversation.turn.token,
                    _ => {}
                }
            }
        }
        output
    }

    /// The operator does something.
    fn operate(self, conversation: &mut Conversation, act: Act, context: Context<'_>) -> Output {
        let input = Input::Operator(act);
        match (self, act) {
            (Self::CutsPauses, Act::Pause(_)) => {
                let output = conversation.apply(&input, context);
                if let Some(hold) = conversation.turn.hold_mut() {
                    hold.lease_until_ms = hold.lease_until_ms.min(hold.since_ms.after(context.policy.max_hold));
                }
                let wake_at = conversation.release_at(context.policy);
                Output { wake_at: wake_at.into_iter().chain(output.wake_at).min(), ..output }
            }
            (Self::DeafToOperators, Act::Take) => conversation.apply(&Input::Wake { oldest: None }, context),
            (Self::DropsOnRelease, Act::Release) => {
                conversation.held.clear();
                conversation.apply(&input, context)
            }
            (Self::TakesWithoutWithholding, Act::Pause(_) | Act::Take) => {
                let waits = |entry: &Entry| matches!(entry.state, State::Waiting(_)) && entry.class.is_turn_bound();
                let (waiting, others) = core::mem::take(&mut conversation.outbox).into_iter().partition(waits);
                conversation.outbox = others;
                let output = conversation.apply(&input, context);
                conversation.outbox.extend::<Vec<Entry>>(waiting);
                output
            }
            _ => conversation.apply(&input, context),
        }
    }

    /// The bot asks whether it may send a message.
    fn let_through(self, conversation: &mut Conversation, asked: &Asked<'_>, context: Context<'_>) -> Output {
        let mut sending = asked.sending.clone();
        let mut asked = Asked { sending: asked.sending, ..*asked };
        let mut policy = context.policy.clone();
        let mut now = context.now;
        let counted = conversation.collisions.clone();
        match self {
            Self::ForgetsSends => conversation.sends = Sends::default(),
            Self::ForgetsTokens => {
                (sending.token, sending.answers) = (None, None);
                asked = Asked { sending: &sending, answered: None, ..asked };
            }
            Self::LooksAway => policy.fence.mode = FenceMode::Observe,
            Self::LooksTooEarly => {
                let over = conversation.turn.hold().filter(|hold| hold.lease_until_ms <= now);
                now = over.map_or(now, |hold| hold.since_ms);
            }
            Self::RepeatsUnknown => {
                let of_this = conversation.sends.iter().filter(|send| send.digest == sending.digest).last();
                if of_this.is_some_and(|send| send.state_at(now) == &SendState::Unknown) {
                    asked.last_said = Some(UnixMillis::new(u64::MAX));
                }
            }
            _ => {}
        }
        let mut output = conversation.apply(&Input::Send(asked), Context { now, policy: &policy, ..context });
        match self {
            Self::ForgetsCollisions => conversation.collisions = counted,
            Self::TakesOnTemplates if asked.sending.template.is_some() => {
                output.save |= conversation.turn.take(now, &policy, None);
            }
            _ => {}
        }
        output
    }
}

fn attempt_at(entry: &Entry) -> Attempt {
    Attempt {
        id: entry.id.clone(),
        class: entry.class,
        token: entry.token,
        number: entry.attempts.next(),
        bot: None,
        handback: None,
    }
}

fn believe(conversation: &mut Conversation, input: &Input<'_>, context: Context<'_>) -> Output {
    if let Input::Finish { id, outcome, .. } = input
        && let Some(entry) = conversation.outbox.iter_mut().find(|entry| entry.id == **id)
    {
        let number = entry.attempts;
        if matches!(entry.state, State::Waiting(_)) {
            entry.state = State::InFlight(context.now.after(baton::limits::ATTEMPT_LOST_AFTER));
        }
        return conversation.apply(&Input::Finish { id, number, outcome: *outcome }, context);
    }
    conversation.apply(input, context)
}

fn deafen(conversation: &mut Conversation, input: &Input<'_>, context: Context<'_>) -> Output {
    let is_under_way = |entry: &Entry| matches!(entry.state, State::InFlight(_));
    match input {
        Input::Accept(arrival) if conversation.outbox.iter().any(is_under_way) => {
            let note = |event: &Incoming| {
                let class = if event.class == Class::Echo { Class::EchoNote } else { event.class };
                Incoming { class, ..event.clone() }
            };
            let events: Vec<Incoming> = arrival.events.iter().map(note).collect();
            let arrival = baton::conversation::Arrival { events: &events, ..*arrival };
            conversation.apply(&Input::Accept(arrival), context)
        }
        _ => conversation.apply(input, context),
    }
}
