//! The way of a message of the bot's: each conversation that its names lead to is asked, it goes to the Graph API, and
//! what became of it is told to each that let it through; in the order of effects of `edge/send.rs`.
//!
//! Invariant: each step is one transaction of one object, or one answer of the Graph API, and between two steps anything
//! may happen: an echo, an alarm, a crash of an object, the end of the Worker. What a conversation was told, or was not,
//! is all that is left of a message whose Worker is gone.
//!
//! Not here: what a bot says (`bot`), and whether it may (`watch`).

use std::sync::Arc;

use baton::conversation::fence::{Asked, SendEnd, Verdict};
use baton::conversation::{Answer, Context, Conversation, Input};
use baton::graph::send::Sending;
use baton::ids::{EventId, FencingToken, ObjectName};
use baton::limits::{HOPS_MAX, SEND_LOST_AFTER};
use baton::time::UnixMillis;

use crate::broken::Fault;
use crate::storage::Storage;
use crate::world::{Cut, Did, Setting, World};

/// A message that the bot posts.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Post {
    /// The customer's names as the bot has written them, the phone number first.
    pub names: Vec<ObjectName>,
    pub sending: Sending,
    /// What it answers.
    pub heard: Option<Heard>,
    /// Whether the owner lets it pass whoever holds.
    pub always: bool,
}

/// Something that the bot was given.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Heard {
    pub id: EventId,
    pub token: FencingToken,
    pub object: ObjectName,
}

/// A message on its way.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Outgoing {
    pub post: Arc<Post>,
    /// The names that need not be asked any more.
    asked: Vec<ObjectName>,
    /// The conversations that have let it through, and when.
    begun: Vec<(ObjectName, UnixMillis)>,
    stage: Stage,
    /// Until when it waits for the same message to come to its end.
    waits_until: Option<UnixMillis>,
}

/// What is next.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Stage {
    Ask(ObjectName),
    /// It was handed to the Graph API.
    Graph,
    /// What became of it is told.
    Settle(End),
}

/// How a message ended, as far as the Worker knows.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum End {
    Accepted(EventId),
    NotSent,
    Unknown,
}

impl End {
    fn told(&self) -> SendEnd {
        match self {
            Self::Accepted(id) => SendEnd::Accepted { id: id.clone(), answer: Some(answer_of(id)) },
            Self::NotSent => SendEnd::NotSent,
            Self::Unknown => SendEnd::Unknown,
        }
    }
}

/// What the Graph API answers for a message that it took under this id.
pub fn answer_of(id: &EventId) -> String {
    format!("accepted as {}", id.as_str())
}

/// How the Graph API takes a message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Taken {
    Accepted,
    Refused,
    /// It was sent, and the answer is lost.
    Lost,
    /// It never arrived, which nobody knows.
    LostUnsent,
}

impl Outgoing {
    pub fn new(post: &Arc<Post>) -> Self {
        let stage = Stage::Ask(post.names[0].clone());
        Self { post: Arc::clone(post), asked: Vec::new(), begun: Vec::new(), stage, waits_until: None }
    }

    /// Whether it is with the Graph API.
    pub const fn is_out(&self) -> bool {
        matches!(self.stage, Stage::Graph)
    }

    /// Whether a conversation is still to be asked.
    pub const fn asks(&self) -> bool {
        matches!(self.stage, Stage::Ask(_))
    }

    fn settle(&mut self, end: End) {
        self.stage = Stage::Settle(end);
    }
}

impl World {
    /// The bot posts a message.
    pub fn post(&mut self, post: &Arc<Post>) {
        self.sends.push(Outgoing::new(post));
    }

    /// The next step of a message, other than the Graph API's. Whether anything came of it.
    pub fn step_send(&mut self, setting: &Setting, at: usize, cut: Cut) -> bool {
        let mut send = self.sends.remove(at);
        let before = send.clone();
        match send.stage.clone() {
            Stage::Ask(name) => self.ask_to_send(setting, &mut send, &name, cut),
            Stage::Graph => {}
            Stage::Settle(end) => self.settle_send(setting, &mut send, &end, cut),
        }
        let (moved, is_over) = (send != before, send.begun.is_empty() && matches!(send.stage, Stage::Settle(_)));
        if !is_over {
            self.sends.insert(at.min(self.sends.len()), send);
        }
        moved || is_over
    }

    fn ask_to_send(&mut self, setting: &Setting, send: &mut Outgoing, name: &ObjectName, cut: Cut) {
        let post = Arc::clone(&send.post);
        let (home, via) = self.way(name);
        if !via.is_empty() {
            self.watch.notes.count("send: by a signpost");
        }
        // Where the answer is lost the Worker tells the others that nothing was sent, and this one is told nothing.
        let Some(verdict) = self.verdict(setting, &post, &home, via, cut) else { return send.settle(End::NotSent) };
        match verdict {
            Verdict::Wait if send.waits_until.is_none_or(|until| self.now < until) => {
                send.waits_until.get_or_insert(self.now.after(SEND_LOST_AFTER));
            }
            Verdict::Go(begun_at) => {
                send.asked.extend([name.clone(), home.clone()]);
                send.begun.push((home, begun_at));
                let next = post.names.iter().find(|name| !send.asked.contains(name)).cloned();
                (send.stage, send.waits_until) = (next.map_or(Stage::Graph, Stage::Ask), None);
                if send.is_out() {
                    self.watch.notes.count("send: handed to the Graph API");
                    if send.begun.len() > 1 {
                        self.watch.notes.count("send: let through by two");
                    }
                }
            }
            _ => send.settle(End::NotSent),
        }
    }

    /// Asks a conversation, which first links the signpost that led to it where it does not know it.
    fn verdict(
        &mut self,
        setting: &Setting,
        post: &Post,
        home: &ObjectName,
        mut via: Vec<ObjectName>,
        cut: Cut,
    ) -> Option<Verdict> {
        for _ in 0..HOPS_MAX {
            let did = Did::Asks { post, via: &via };
            let asked = self.transact(setting, home, &[], (&did, cut), |conversation, storage, context| {
                let sending = &post.sending;
                let known = storage.known(&sending.answers);
                let last_said = if conversation.sends.has(&sending.digest) { storage.last_said() } else { None };
                let answered = known.values().next();
                let via = via.last().filter(|_| setting.fault != Fault::SendsPastSignposts);
                let asked = Asked { sending, answered, last_said, here: home, via };
                setting.fault.apply(conversation, &Input::Send(asked), context)
            });
            match asked.ok()?.answer {
                Answer::Send(verdict) => return Some(verdict),
                Answer::LinkFirst(other) => {
                    self.watch.notes.count("send: links first");
                    self.link_first(setting, home, &other).ok()?;
                }
                Answer::LinkVia(other) => {
                    self.watch.notes.count("send: links first");
                    let (third, _) = self.way(&other);
                    if third == *home {
                        let did = Did::LinkedVia { other: &other };
                        let link = |conversation: &mut Conversation, _: &Storage, context: Context<'_>| {
                            conversation.linked_via(&other, context.policy)
                        };
                        self.transact(setting, home, &[], (&did, cut), link).ok()?;
                    } else {
                        via.push(third);
                    }
                }
                Answer::Accepted { .. } | Answer::Moved { .. } | Answer::Operated(_) | Answer::Replayed(_) => {
                    return None;
                }
            }
        }
        None
    }

    /// Where the conversation of this name lives, and the signposts on the way.
    fn way(&self, name: &ObjectName) -> (ObjectName, Vec<ObjectName>) {
        let (mut home, mut via) = (name.clone(), Vec::new());
        while let Some(next) = self.objects.get(&home).and_then(|object| object.storage.elsewhere()) {
            via.push(core::mem::replace(&mut home, next.clone()));
            if via.len() > HOPS_MAX {
                break;
            }
        }
        (home, via)
    }

    /// The Graph API takes a message, or not, and answers, or not.
    pub fn graph_answers(&mut self, at: usize, taken: Taken) {
        let send = &mut self.sends[at];
        let (end, is_sent) = match taken {
            Taken::Accepted => (None, true),
            Taken::Refused => (Some(End::NotSent), false),
            Taken::Lost => (Some(End::Unknown), true),
            Taken::LostUnsent => (Some(End::Unknown), false),
        };
        let id = is_sent.then(|| self.watch.reaches(send, self.now));
        send.settle(end.or(id.map(End::Accepted)).unwrap_or(End::Unknown));
    }

    fn settle_send(&mut self, setting: &Setting, send: &mut Outgoing, end: &End, cut: Cut) {
        let (name, begun_at) = send.begun.remove(0);
        let (digest, told) = (&send.post.sending.digest, end.told());
        let home = self.home(&name);
        let did = Did::Settles { digest, begun_at, end, let_by: &name };
        // Where this fails the message counts as unknown after a while.
        let _ = self.transact(setting, &home, &[], (&did, cut), |conversation, _, context| {
            setting.fault.apply(conversation, &Input::Settle { begun_at, digest, end: &told }, context)
        });
    }

    /// Meta reports to this name that a message was sent.
    pub fn report(&mut self, setting: &Setting, name: &ObjectName, message: &EventId, sent_at: UnixMillis, cut: Cut) {
        let home = self.home(name);
        let did = Did::Reports { message, sent_at };
        let _ = self.transact(setting, &home, &[], (&did, cut), |conversation, storage, context| {
            let is_known = conversation.turn.hold().is_some() && storage.entry(message).is_some();
            setting.fault.apply(conversation, &Input::Sent { id: message, sent_at: Some(sent_at), is_known }, context)
        });
    }

    /// Every message comes to its end, and Meta reports each that was sent.
    pub fn end_sends(&mut self, setting: &Setting) {
        while !self.sends.is_empty() && self.watch.broken.is_none() {
            let mut has_moved = false;
            for at in (0..self.sends.len()).rev() {
                if self.sends[at].is_out() {
                    self.graph_answers(at, Taken::Accepted);
                }
                has_moved |= self.step_send(setting, at, Cut::Nowhere);
            }
            if !has_moved {
                // What they wait for was lost with its Worker.
                self.now = self.now.after(SEND_LOST_AFTER);
            }
        }
        for (message, name, sent_at) in self.watch.unreported() {
            self.report(setting, &name, &message, sent_at, Cut::Nowhere);
        }
    }
}
