//! What the bot says in an episode: answers to what it got, the same again, templates, messages beside the gate, and all
//! that may happen to them on their way.
//!
//! | customers | their bot |
//! |---|---|
//! | the first four | sends through the gate |
//! | the next four | the same, with a Graph API that loses more answers |
//! | the last four | sends half of its messages beside the gate |
//!
//! Invariant: as everywhere, nothing is done to an object but by its world.

use std::sync::Arc;

use baton::graph::send::Sending;
use baton::time::{Millis, UnixMillis};

use crate::outgoing::{Post, Taken};
use crate::people::Named;
use crate::simulator::Episode;
use crate::trouble::REPEATED_FOR;
use crate::world::{Cut, Meaning};

/// The name of a template, and a mark, that some policies let always pass.
pub const TEMPLATE: &str = "code_1";
pub const MARK: &str = "order:17";

/// Different things that a bot says: few, so that it repeats itself.
const SAYS: u64 = 5;

impl Episode {
    /// The bot posts a message, or sends one beside the gate.
    pub(super) fn bot_says(&mut self, at: usize, by: Option<Named>) {
        let says = self.chance.below(SAYS);
        let Self { chance, customers, setting, now, .. } = self;
        let customer = &mut customers[at];
        let by = by.unwrap_or_else(|| customer.person.named(chance));
        let mut names = customer.person.names_of(by);
        names.reverse();
        if let Some(post) = customer.said.clone().filter(|_| chance.percent(30)) {
            self.notes.count("send: posted again");
            self.note(at, || format!("  the bot posts {:?} again", post.sending.digest));
            return self.posts(at, &post);
        }
        if at >= 8 && chance.percent(50) {
            customer.world.watch.reaches_beside(&names[0], *now);
            self.notes.count("send: beside the gate");
            self.events += 1;
            return;
        }
        let heard = customer.world.watch.heard();
        let heard = match chance.below(10) {
            0..=1 => None,
            2..=3 if !heard.is_empty() => Some(heard[chance.index(heard.len())].clone()),
            _ => heard.last().cloned(),
        };
        let (with_token, with_context) = chance.pick(&[(true, true), (true, false), (false, true), (false, false)]);
        let kind = chance.pick(&["text", "text", "text", "text", "text", "text", "image", "marked", "template"]);
        let always = &setting.policy.fence.always;
        let passes = match kind {
            "template" => !always.templates.is_empty(),
            "marked" => !always.callback_prefixes.is_empty(),
            _ => false,
        };
        let sending = Sending {
            digest: format!("{kind} {says}"),
            kind: if kind == "marked" { "text" } else { kind }.to_owned(),
            answers: heard.as_ref().filter(|_| with_context).map(|heard| heard.id.clone()),
            token: heard.as_ref().filter(|_| with_token).map(|heard| heard.token),
            template: (kind == "template").then(|| TEMPLATE.to_owned()),
            category: None,
            callback_data: (kind == "marked").then(|| MARK.to_owned()),
            asked_at_ms: None,
        };
        let post = Arc::new(Post { names, sending, heard, always: passes });
        self.notes.count("send: posted");
        self.note(at, || format!("  the bot posts {:?} {:?} by {:?}", post.sending.digest, post.heard, post.names));
        self.posts(at, &post);
    }

    fn posts(&mut self, at: usize, post: &Arc<Post>) {
        self.events += 1;
        self.customers[at].said = Some(Arc::clone(post));
        self.customers[at].world.post(post);
        while self.chance.percent(70) {
            self.send_on(at);
        }
    }

    /// A message of the bot's gets one step further.
    pub(super) fn send_on(&mut self, at: usize) {
        let sends = self.customers[at].world.sends.len();
        if sends == 0 {
            return;
        }
        let which = self.chance.index(sends);
        let (cut, is_dropped) = (self.cut(), self.chance.percent(2));
        let world = &mut self.customers[at].world;
        let is_out = world.sends[which].is_out();
        if is_dropped {
            self.notes.count(if is_out {
                "crash: the Worker's, after a send"
            } else {
                "crash: the Worker's, before one"
            });
            let send = world.sends.remove(which);
            if is_out && self.chance.percent(50) {
                self.customers[at].world.watch.reaches(&send, self.now);
            }
        } else if is_out {
            let taken = match self.chance.below(100) {
                0..=7 => Taken::Refused,
                8..=11 => Taken::Lost,
                12..=15 => Taken::LostUnsent,
                16..=35 if (4..8).contains(&at) => Taken::Lost,
                _ => Taken::Accepted,
            };
            world.graph_answers(which, taken);
            self.note(at, || format!("  the Graph API has a message: {taken:?}"));
        } else {
            world.step_send(&self.setting, which, cut);
            self.note(at, || format!("  message {which} goes on, cut off {cut:?}"));
        }
    }

    /// Meta reports a message as sent: to the conversation alone, or as a receipt that is stored.
    pub(super) fn meta_reports(&mut self, at: usize) {
        let Self { chance, customers, now, .. } = self;
        let customer = &mut customers[at];
        let last = customer.world.watch.reached_last(5);
        if last.is_empty() {
            return;
        }
        let (message, _, sent_at) = last[chance.index(last.len())].clone();
        if sent_at.after(REPEATED_FOR) <= *now {
            return;
        }
        let sent_at = UnixMillis::from_seconds(sent_at.as_seconds());
        customer.world.watch.is_reported(&message);
        let delivery = customer.person.report_of(chance, *now, &message, sent_at);
        if chance.percent(30) {
            self.notes.count("send: reported by a stored receipt");
            return self.send(at, &delivery);
        }
        let cut = self.cut();
        self.note(at, || format!("  Meta reports {} to {}, cut off {cut:?}", message.as_str(), delivery.name.as_str()));
        self.customers[at].world.report(&self.setting, &delivery.name, &message, sent_at, cut);
    }

    /// Meta reports a message of the shop's as sent, perhaps before it shows it.
    pub(super) fn meta_reports_echo(&mut self, at: usize) {
        let Self { chance, customers, now, .. } = self;
        let customer = &mut customers[at];
        let event = customer.person.echo_of(chance, *now, "I am on it", None);
        let named = customer.person.named(chance);
        let name = customer.person.names_of(named)[0].clone();
        let message = event.id.clone();
        let delivery = customer.person.delivery(vec![(event, None, Meaning::Words)], named, None);
        self.notes.count("send: the shop's own, reported first");
        let now = self.now;
        self.customers[at].world.report(&self.setting, &name, &message, now, Cut::Nowhere);
        self.customers[at].delayed.push(delivery);
    }

    /// No call takes longer than a minute: what is with the Graph API by then is given up.
    pub(super) fn sends_time_out(&mut self, at: usize, passed: Millis) {
        if passed < baton::limits::SEND_TIMEOUT {
            return;
        }
        let world = &mut self.customers[at].world;
        for which in 0..world.sends.len() {
            if world.sends[which].is_out() {
                world.graph_answers(which, if self.chance.percent(50) { Taken::Lost } else { Taken::LostUnsent });
            }
        }
    }
}
