//! What the bot of the model posts, and what may happen to it.
//!
//! Invariant: each message is posted once at most, and the first conversation is asked in the same step, because nothing
//! that matters lies between the two.

use std::sync::Arc;

use baton::graph::send::Sending;
use baton::ids::ObjectName;

use crate::bot;
use crate::model::{Action, Config, State};
use crate::outgoing::{Post, Taken};
use crate::world::{Cut, Setting, World};

/// Something that the bot posts.
#[derive(Clone, Debug)]
pub struct Says {
    /// The customer's names as the bot writes them, the phone number first.
    pub names: Vec<ObjectName>,
    pub what: &'static str,
    pub kind: Kind,
}

/// What kind of a message the bot posts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An answer that bears the token of what it answers.
    ByToken,
    /// An answer that names the message which it answers.
    InReply,
    /// A template that the policy lets always pass.
    Template,
    /// A message that does not go through the gate.
    Beside,
}

impl Config {
    /// What the bot may do next, and what may happen to what it has posted.
    pub fn actions_of_bot(&self, state: &State, actions: &mut Vec<Action>) {
        let world = &state.world;
        let may_crash = state.budget.crashes > 0;
        // A conversation that is cut off has let a message through, and nobody is told. Cut off earlier it was not asked,
        // and what it would have been told at the end is lost with a Worker as well.
        let cuts: &[Cut] = if may_crash { &[Cut::BeforeAttempts] } else { &[] };
        for (at, says) in self.posts.iter().enumerate().filter(|(at, _)| !state.posted[*at]) {
            let is_answer = matches!(says.kind, Kind::ByToken | Kind::InReply);
            if !is_answer || !world.watch.heard().is_empty() {
                actions.push(Action::Post(at, Cut::Nowhere));
                let is_asked = says.kind != Kind::Beside;
                actions.extend(cuts.iter().filter(|_| is_asked).map(|cut| Action::Post(at, *cut)));
            }
        }
        for (at, send) in world.sends.iter().enumerate() {
            if send.is_out() {
                actions.push(Action::Taken(at, Taken::Accepted));
                if state.budget.losses > 0 {
                    actions
                        .extend([Taken::Refused, Taken::Lost, Taken::LostUnsent].map(|taken| Action::Taken(at, taken)));
                }
            } else {
                actions.push(Action::Send(at, Cut::Nowhere));
                actions.extend(cuts.iter().filter(|_| send.asks()).map(|cut| Action::Send(at, *cut)));
            }
            if may_crash && !send.asks() {
                actions.push(Action::Gone(at));
            }
        }
        if world.watch.has_unreported() {
            actions.push(Action::Report);
        }
    }
}

impl Says {
    pub fn post(&self, world: &mut World, setting: &Setting, cut: Cut) {
        if self.kind == Kind::Beside {
            world.watch.reaches_beside(&self.names[0], world.now);
            return;
        }
        let heard = world.watch.heard().last().cloned().filter(|_| self.kind != Kind::Template);
        let sending = Sending {
            digest: self.what.to_owned(),
            kind: "text".to_owned(),
            answers: heard.as_ref().filter(|_| self.kind == Kind::InReply).map(|heard| heard.id.clone()),
            token: heard.as_ref().filter(|_| self.kind == Kind::ByToken).map(|heard| heard.token),
            template: (self.kind == Kind::Template).then(|| bot::TEMPLATE.to_owned()),
            ..Sending::default()
        };
        let always = self.kind == Kind::Template;
        world.post(&Arc::new(Post { names: self.names.clone(), sending, heard, always }));
        world.step_send(setting, world.sends.len() - 1, cut);
    }
}
