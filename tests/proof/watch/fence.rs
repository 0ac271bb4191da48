//! Every message of the bot's: whether it may go out, that it goes out once, and what is remembered of it.
//!
//! | promise | a message |
//! |---|---|
//! | silent sends | is not let through while a person holds, unless the policy names it or only observes |
//! | no late answer | is not let through where it answers what the bot got before a person took over |
//! | sent once | is let through again only where the first was not sent, is old, or the customer has spoken since |
//! | answers pass | is stopped only for a hold that lasts, a takeover since, or a repetition |
//! | turn stays | leaves the turn as it is |
//! | leaks known | that came beside the gate while a person held is written down; no other stays written down |
//! | counted | that was stopped or leaked is counted once, also where names meet |
//!
//! Invariant: who holds is what the inputs say (`turn`), and what the bot was given is `heard`. Of the gate's own memory
//! of sends nothing is believed.
//!
//! Not here: that the counts and the leaks are right once all has come to rest (`rest`).
//!
//! Why a message that came beside the gate may go unseen while another is open: Meta reports a message by an id, and the
//! gate cannot tell whose it is until it has the answers to its own.

use baton::conversation::Answer;
use baton::conversation::collisions::{CollisionOutcome, Conflict};
use baton::conversation::fence::{Refusal, Verdict};
use baton::conversation::turn::Turn;
use baton::graph::send::Sending;
use baton::ids::{EventId, ObjectName};
use baton::limits::{REMEMBER_SENDS_FOR, SENDS_MAX};
use baton::policy::Policy;
use baton::policy::fence::FenceMode;
use baton::time::{Millis, UnixMillis};
use baton::webhook::event::Class;

use super::heard::{Age, Given};
use super::{Commit, Promise, Watch};
use crate::outgoing::{End, Outgoing, Post, answer_of};
use crate::world::Did;

/// Meta's timestamps have whole seconds.
const STEP: Millis = Millis::from_seconds(1);

/// What is known of the bot's messages.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Sends {
    /// Whether the bot sends at all in this world.
    pub is_watched: bool,
    pub(super) given: Vec<Given>,
    let_through: Vec<Let>,
    /// What has reached the customer.
    messages: Vec<Message>,
    pub(super) prevented: u32,
    pub(super) dropped: u32,
    pub(super) observed: u32,
    /// What was written down as leaked, and where.
    pub(super) leaked: Vec<(EventId, u8)>,
    /// What the one name took for a leak, and the other had let through so long before the two met that it may have
    /// forgotten it.
    pub(super) forgotten: Vec<EventId>,
}

/// A message that one conversation has let through.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Let {
    digest: String,
    object: u8,
    begun: UnixMillis,
    state: LetState,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum LetState {
    Accepted(EventId),
    NotSent,
    /// Under way, or nobody knows.
    Open,
    /// It was not sent, and the customer's home was told so before it had heard of it from the other name: it may count as
    /// one of which nobody knows, as it would had its end been lost.
    Overtaken,
}

/// A message that the customer has got.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Message {
    id: EventId,
    name: ObjectName,
    at: UnixMillis,
    is_beside: bool,
    is_reported: bool,
}

impl Watch {
    /// A message of the bot's reaches the customer by the gate. Its id.
    pub fn reaches(&mut self, send: &Outgoing, at: UnixMillis) -> EventId {
        self.reached(&send.post.names[0], at, false)
    }

    /// A message of the bot's reaches the customer beside the gate. Its id.
    pub fn reaches_beside(&mut self, name: &ObjectName, at: UnixMillis) -> EventId {
        self.reached(name, at, true)
    }

    fn reached(&mut self, name: &ObjectName, at: UnixMillis, is_beside: bool) -> EventId {
        let id = EventId::named(&format!("b{}-{}", self.sends.messages.len(), name.as_str()));
        let name = name.clone();
        self.sends.messages.push(Message { id: id.clone(), name, at, is_beside, is_reported: false });
        id
    }

    /// What Meta has not reported yet, as if it had by now: its id, a name of the customer's, and when it was sent.
    pub fn unreported(&mut self) -> Vec<(EventId, ObjectName, UnixMillis)> {
        let new = self.sends.messages.iter_mut().filter(|message| !message.is_reported);
        new.map(|message| {
            message.is_reported = true;
            (message.id.clone(), message.name.clone(), message.at)
        })
        .collect()
    }

    /// Whether Meta has anything to report.
    pub fn has_unreported(&self) -> bool {
        self.sends.messages.iter().any(|message| !message.is_reported)
    }

    /// The last messages that have reached the customer, to be reported once more.
    pub fn reached_last(&self, count: usize) -> Vec<(EventId, ObjectName, UnixMillis)> {
        let last = self.sends.messages.iter().rev().take(count);
        last.map(|message| (message.id.clone(), message.name.clone(), message.at)).collect()
    }

    /// Notes that Meta reports a message by itself.
    pub fn is_reported(&mut self, id: &EventId) {
        for message in self.sends.messages.iter_mut().filter(|message| message.id == *id) {
            message.is_reported = true;
        }
    }

    /// Nothing but time changes the turn where the bot sends.
    pub(super) fn turn_stays(&mut self, commit: &Commit<'_>) {
        if !matches!(commit.did, Did::Asks { .. } | Did::Reports { .. } | Did::Settles { .. }) {
            return;
        }
        let steps = commit.transitions();
        let by_time = !steps.is_empty() && steps.iter().all(|step| step.event.is_none());
        // What is withheld only now changes who waits, should the last words turn out to be none.
        let bare = |turn: &Turn| {
            let mut turn = turn.clone();
            turn.hold_mut().into_iter().for_each(|hold| hold.last_words.clear());
            turn
        };
        let stays = bare(&commit.before.turn) == bare(&commit.after.turn);
        self.check(stays || by_time, Promise::TurnStays, || "a message of the bot's changed the turn".to_owned());
    }

    /// Follows what becomes of the bot's messages.
    pub(super) fn judge(&mut self, commit: &Commit<'_>) {
        if !self.sends.is_watched {
            return;
        }
        let group = self.group_of(commit.name);
        if matches!(commit.did, Did::Accepted { .. } | Did::Reports { .. }) {
            let object = self.name(commit.name);
            let leaked = commit.after.collisions.iter().filter_map(|collision| collision.message.as_ref());
            for message in leaked.filter(|message| !commit.before.collisions.has_leaked(message)) {
                self.notes.count("leak: noticed");
                self.sends.leaked.push((message.clone(), object));
            }
        }
        match commit.did {
            Did::Asks { post, via } => self.asked(group, post, via, commit),
            Did::Settles { digest, begun_at, end, let_by } => self.settled(group, (digest, let_by), *begun_at, end),
            Did::Reports { message, sent_at } => self.reported(group, message, *sent_at, commit),
            Did::Accepted { delivery, left } => {
                for event in left.iter().map(|at| &delivery.events[*at]) {
                    if event.class == Class::Echo {
                        self.explained(group, &event.id);
                    }
                }
                let news = matches!(commit.output.answer, Answer::Accepted { new: 1, duplicates: 0 });
                if let [event] = delivery.events.as_slice()
                    && news
                    && let Some(message) = baton::webhook::event::sent_message(&event.id)
                {
                    self.reported(group, &message, event.sent_at.unwrap_or(commit.now), commit);
                }
            }
            Did::Linked { .. } => {
                // The one name may know what the other took for a leak.
                let all: Vec<EventId> = self.sends.leaked.iter().map(|(id, _)| id.clone()).collect();
                for id in all {
                    if !self.is_explained(group, &id, UnixMillis::default()) {
                        continue;
                    }
                    let is_forgotten = !self.is_explained(group, &id, commit.now);
                    if self.explained(group, &id) && is_forgotten {
                        self.sends.forgotten.push(id);
                    }
                }
            }
            _ => {}
        }
    }

    fn group_at(&self, object: u8) -> usize {
        usize::from(self.names[usize::from(object)].1)
    }

    fn asked(&mut self, group: usize, post: &Post, via: &[ObjectName], commit: &Commit<'_>) {
        let Answer::Send(verdict) = &commit.output.answer else {
            return self.violated(Promise::AnswersPass, "the bot asks, and is not answered");
        };
        let groups: Vec<usize> = via.iter().map(|name| self.group_of(name)).chain([group]).collect();
        match verdict {
            Verdict::Go(begun) => self.goes(&groups, post, *begun, commit),
            Verdict::Drop(refusal) | Verdict::Refuse(refusal) => self.stopped(group, post, verdict, refusal, commit),
            Verdict::Again(answer) => self.repeated(group, post, Some(answer), commit),
            Verdict::Unknown => {
                self.notes.count("send: repeated, unknown");
                self.repeated(group, post, None, commit);
            }
            Verdict::Wait => {
                self.notes.count("send: waits for the same");
                self.repeated(group, post, None, commit);
            }
        }
    }

    /// A message is let through.
    fn goes(&mut self, groups: &[usize], post: &Post, begun: UnixMillis, commit: &Commit<'_>) {
        let (now, policy, digest) = (commit.now, commit.policy, &post.sending.digest);
        let observes = policy.fence.mode == FenceMode::Observe || policy.observes();
        let holds = groups.iter().any(|group| self.holds_at(*group, now));
        self.check(!holds || post.always || observes, Promise::SilentSends, || {
            format!("a message goes out by {} while a person holds", commit.name.as_str())
        });
        let age = self.age_of(post, commit);
        self.check(age != Some(Age::Late) || post.always || observes, Promise::NoLateAnswer, || {
            format!("{} is answered, and a person has taken over since", shown(post))
        });
        let first = self.first_of(groups, digest, now, policy).filter(|_| !policy.observes());
        self.check(first.is_none(), Promise::SentOnce, || format!("{digest} goes out again: {first:?}"));
        let object = self.name(commit.name);
        let others = || self.sends.let_through.iter().filter(|it| it.digest == *digest);
        let is_taken = |it: &Let| it.object == object && it.begun == begun && it.state != LetState::NotSent;
        // Of those that began at once, also under a name that was linked since, each has a millisecond of its own.
        let at_once = |it: &Let| groups.contains(&self.group_at(it.object)) && it.begun.since(now) < begun.since(now);
        let own = begun.since(now).as_millis() <= others().filter(|it| now <= it.begun && at_once(it)).count() as u64;
        let is_own = now <= begun && own && !others().any(is_taken);
        self.check(is_own, Promise::Counted, || "a message begins at another time".to_owned());
        let is_only_observed = commit.output.collision.as_ref().is_some_and(|it| it.would_prevent);
        self.notes.count(match () {
            () if is_only_observed => "observe: would prevent",
            () if holds && observes && !post.always => "send: let through, observed",
            () if holds => "send: let through, always",
            () => "send: let through",
        });
        if commit.output.collision.is_some() {
            self.sends.observed += 1;
        }
        let is_counted = commit.output.collision.as_ref().is_some_and(|it| it.outcome == CollisionOutcome::Leaked);
        let meets = holds && !post.always && self.holds_at(groups[groups.len() - 1], now);
        self.check(is_counted || !meets, Promise::Counted, || "a message leaks and is not counted".to_owned());
        self.check(!is_counted || observes, Promise::Counted, || "a message leaks by the gate".to_owned());
        self.check(!is_counted || is_only_observed == policy.observes(), Promise::AllPasses, || {
            "a message that passes because the policy observes does not say so".to_owned()
        });
        self.sends.let_through.push(Let { digest: digest.clone(), object, begun, state: LetState::Open });
        if self.sends.let_through.len() > SENDS_MAX {
            self.sends.let_through.remove(0);
        }
    }

    /// A message is stopped.
    fn stopped(&mut self, group: usize, post: &Post, verdict: &Verdict, refusal: &Refusal, commit: &Commit<'_>) {
        let (now, policy) = (commit.now, commit.policy);
        self.check(!policy.observes(), Promise::AllPasses, || "a message is stopped".to_owned());
        let is_drop = matches!(verdict, Verdict::Drop(_));
        let (mode, outcome) = match verdict {
            Verdict::Drop(_) => (FenceMode::AcceptAndDrop, CollisionOutcome::Dropped),
            _ => (FenceMode::Refuse, CollisionOutcome::Prevented),
        };
        *(if is_drop { &mut self.sends.dropped } else { &mut self.sends.prevented }) += 1;
        let is_counted = commit.output.collision.as_ref().is_some_and(|it| it.outcome == outcome);
        self.check(is_counted && policy.fence.mode == mode, Promise::Counted, || format!("{refusal:?} is not counted"));
        self.check(!post.always, Promise::AnswersPass, || "what always passes is stopped".to_owned());
        match refusal.conflict {
            Conflict::HeldByHuman => {
                self.notes.count(if is_drop { "send: dropped" } else { "send: refused" });
                let holds = self.groups[group].release(policy).is_some_and(|at| now < at);
                self.check(holds, Promise::AnswersPass, || "a message is stopped for nobody's hold".to_owned());
            }
            Conflict::OlderToken => {
                self.notes.count(if is_drop { "send: dropped, late" } else { "send: refused, late" });
                let age = self.age_of(post, commit);
                self.check(matches!(age, Some(Age::Late | Age::Unsure)), Promise::AnswersPass, || {
                    format!("{} may not be answered, and nobody has taken over since: {age:?}", shown(post))
                });
            }
        }
    }

    /// A message is taken for a repetition.
    fn repeated(&mut self, group: usize, post: &Post, answer: Option<&str>, commit: &Commit<'_>) {
        let of_this = |sent: &&Let| sent.digest == post.sending.digest && self.group_at(sent.object) == group;
        let before: Vec<Let> = self.sends.let_through.iter().filter(of_this).cloned().collect();
        if answer.is_some() {
            self.notes.count("send: repeated, answered again");
        }
        if self.sends.let_through.len() >= SENDS_MAX {
            return;
        }
        let is_same = |sent: &Let| match (&sent.state, answer) {
            (LetState::Accepted(id), Some(answer)) => answer_of(id) == answer,
            (LetState::Accepted(_) | LetState::Open | LetState::Overtaken, None) => true,
            (LetState::NotSent, _) | (LetState::Open | LetState::Overtaken, Some(_)) => false,
        };
        self.check(before.iter().any(is_same), Promise::AnswersPass, || {
            format!("{} is no repetition: {before:?} {answer:?}", post.sending.digest)
        });
        let said = commit.storage.last_said();
        let last = before.iter().filter(|sent| sent.state != LetState::NotSent).map(|sent| sent.begun).max();
        self.check(said.is_none_or(|said| Some(said) <= last), Promise::AnswersPass, || {
            format!("{} is no repetition, as the customer has spoken since", post.sending.digest)
        });
    }

    /// What makes a message a repetition that may not go out.
    fn first_of(&self, groups: &[usize], digest: &str, now: UnixMillis, policy: &Policy) -> Option<Let> {
        let window = policy.fence.duplicate_send;
        let turns = self.events.values().filter(|seen| seen.class == Class::Turn);
        let said = turns.map(|seen| seen.accepted_at).max();
        let is_it = |sent: &&Let| {
            let is_here = sent.digest == digest && groups.contains(&self.group_at(sent.object));
            let is_recent = window > Millis::default()
                && now < sent.begun.after(window)
                && said.is_none_or(|said| said <= sent.begun);
            is_here && is_recent && !matches!(sent.state, LetState::NotSent | LetState::Overtaken)
        };
        self.sends.let_through.iter().find(is_it).cloned()
    }

    /// What became of a message is written down.
    fn settled(&mut self, group: usize, (digest, let_by): (&str, &ObjectName), begun_at: UnixMillis, end: &End) {
        let object = self.name(let_by);
        let is_met = self.group_at(object) == group;
        let is_it = |sent: &&mut Let| sent.digest == digest && sent.object == object && sent.begun == begun_at;
        let open = |sent: &&mut Let| sent.state == LetState::Open;
        let Some(sent) = self.sends.let_through.iter_mut().filter(is_it).find(open) else { return };
        sent.state = match end {
            End::Accepted(id) => LetState::Accepted(id.clone()),
            End::NotSent if is_met => LetState::NotSent,
            End::NotSent => LetState::Overtaken,
            End::Unknown => LetState::Open,
        };
        self.notes.count(match end {
            End::Accepted(_) => "send: accepted",
            End::NotSent => "send: not sent after all",
            End::Unknown => "send: outcome unknown",
        });
        if let End::Accepted(id) = end {
            self.explained(group, id);
        }
    }

    /// What was taken for a leak turns out to be none. Whether it was.
    fn explained(&mut self, group: usize, message: &EventId) -> bool {
        let names = &self.names;
        let is_it = |(id, object): &(EventId, u8)| id == message && usize::from(names[usize::from(*object)].1) == group;
        let before = self.sends.leaked.len();
        self.sends.leaked.retain(|leaked| !is_it(leaked));
        let was_leaked = self.sends.leaked.len() < before;
        if was_leaked {
            self.notes.count("leak: taken back");
        }
        was_leaked
    }

    /// Whether a message is the shop's own, or came by the gate, as far as this group knows.
    /// `at` is when it was taken for a leak: what was sent a day before that is forgotten by then.
    pub(super) fn is_explained(&self, group: usize, id: &EventId, at: UnixMillis) -> bool {
        let is_here = |name: &u8| self.group_at(*name) == group;
        let is_echo = |seen: &super::Seen| seen.class == Class::Echo && seen.names.iter().any(is_here);
        let by_gate = |sent: &Let| {
            sent.state == LetState::Accepted(id.clone())
                && is_here(&sent.object)
                && at < sent.begun.after(REMEMBER_SENDS_FOR)
        };
        self.events.get(id).is_some_and(is_echo) || self.sends.let_through.iter().any(by_gate)
    }

    /// Meta reports a message as sent.
    fn reported(&mut self, group: usize, message: &EventId, sent_at: UnixMillis, commit: &Commit<'_>) {
        self.notes.count("send: reported by Meta");
        let is_beside = |known: &Message| known.id == *message && known.is_beside;
        if !self.sends.messages.iter().any(is_beside) || commit.after.place.is_elsewhere() {
            return;
        }
        let is_recent = |sent: &Let| commit.now < sent.begun.after(REMEMBER_SENDS_FOR.times(2));
        let may_be_open = |sent: &Let| matches!(sent.state, LetState::Open | LetState::Overtaken);
        let is_open = |sent: &Let| may_be_open(sent) && is_recent(sent);
        let Some(hold) = &self.groups[group].hold else { return };
        let counts = !hold.joined && sent_at.after(STEP) > hold.since;
        if counts && !self.sends.let_through.iter().any(is_open) {
            let is_known = commit.after.collisions.has_leaked(message);
            self.check(is_known, Promise::LeaksKnown, || format!("{} leaks unseen", message.as_str()));
        }
    }

    /// A person holds in this group, as far as can be known under it.
    fn holds_at(&self, group: usize, now: UnixMillis) -> bool {
        let state = &self.groups[group];
        state.hold.as_ref().is_some_and(|hold| !state.under_way || now < hold.lease_until)
    }
}

fn shown(post: &Post) -> String {
    let Sending { digest, answers, token, .. } = &post.sending;
    let heard = post.heard.as_ref().map_or("", |heard| heard.id.as_str());
    format!("{heard} ({digest}, by {token:?}, in reply: {})", answers.is_some())
}
