//! What the simulator and the model have found, each as the shortest story that shows it.
//!
//! Invariant: every story failed before it was mended. The watch looks on here as everywhere; what it would not say by
//! itself is said besides.

use std::sync::Arc;

use baton::conversation::operator::Act;
use baton::conversation::turn::Hold;
use baton::graph::send::Sending;
use baton::ids::{EventId, ObjectName};
use baton::outbox::outcome::Outcome;
use baton::outbox::{Reason, State};
use baton::policy::{Broadcast, Mode, OnHandback};
use baton::time::Millis;

use crate::broken::Fault;
use crate::flow::Flow;
use crate::outgoing::{Outgoing, Post, Taken};
use crate::search::{Named, config_policy, echo, edit, ghost, named, text, withdrawn_echo};
use crate::world::{Cut, Delivery, Meaning, Setting, World};

const FAILED: Outcome = Outcome::Retryable { status: 500 };

/// A world, and what it is run with.
struct Story {
    world: World,
    setting: Setting,
}

impl Story {
    fn new() -> Self {
        let setting = Setting { policy: config_policy(), fault: Fault::None };
        Self { world: World::with_bot(crate::model::BEGINNING), setting }
    }

    fn gets(&mut self, delivery: &Arc<Delivery>) -> &mut Self {
        assert!(self.world.deliver(&self.setting, delivery, Cut::Nowhere));
        self
    }

    fn bot_answers(&mut self, outcome: Outcome) -> &mut Self {
        let flight = self.world.flights.remove(0);
        self.world.finish(&self.setting, &flight, outcome, Cut::Nowhere);
        self
    }

    /// Time passes, with every alarm in time.
    fn pass(&mut self, seconds: u64) -> &mut Self {
        let until = self.world.now.after(Millis::from_seconds(seconds));
        while let Some((at, name)) = self.world.next_alarm().filter(|(at, _)| *at <= until) {
            self.world.now = self.world.now.max(at);
            self.world.ring(&self.setting, &name, Cut::Nowhere);
        }
        self.world.now = until;
        self
    }

    fn was_broadcast(&mut self, echo: &str) -> &mut Self {
        let name = named(Named::Number);
        self.world.broadcast(&self.setting, &name, &EventId::named(echo));
        self
    }

    fn entry(&self, name: &ObjectName, id: &str) -> (State, Option<Reason>) {
        let entry = self.world.objects[name].storage.entry(&EventId::named(id)).unwrap();
        (entry.state, entry.reason)
    }

    fn fate(&self, id: &str) -> (State, Option<Reason>) {
        self.entry(&self.world.home(&named(Named::Number)), id)
    }

    fn hold(&self) -> Option<Hold> {
        let home = self.world.home(&named(Named::Number));
        self.world.objects[&home].storage.load(None).turn.hold().cloned()
    }

    /// The bot posts a message, which gets as far as it may.
    fn bot_posts(&mut self, names: &[Named], says: &str) -> &mut Self {
        self.bot_posts_with(names, Sending { digest: says.to_owned(), kind: "text".to_owned(), ..Sending::default() })
    }

    fn bot_posts_with(&mut self, names: &[Named], sending: Sending) -> &mut Self {
        let names = names.iter().map(|name| named(*name)).collect();
        self.world.post(&Arc::new(Post { names, sending, heard: None, always: false }));
        let at = self.world.sends.len() - 1;
        while self.world.sends.get(at).is_some_and(|send| !send.is_out())
            && self.world.step_send(&self.setting, at, Cut::Nowhere)
        {}
        self
    }

    /// The Graph API answers the oldest message, and the conversations are told.
    fn graph_answers(&mut self, taken: Taken) -> &mut Self {
        self.world.graph_answers(0, taken);
        let sends = self.world.sends.len();
        while self.world.sends.len() == sends && self.world.step_send(&self.setting, 0, Cut::Nowhere) {}
        self
    }

    /// Meta reports the message that was sent last but so many.
    fn meta_reports(&mut self, name: Named, before_last: usize) -> &mut Self {
        let (message, _, sent_at) = self.world.watch.reached_last(before_last + 1).pop().unwrap();
        self.world.report(&self.setting, &named(name), &message, sent_at, Cut::Nowhere);
        self
    }

    /// The owner changes the policy's mode.
    fn changes_mode(&mut self, mode: Mode) {
        self.setting.policy.mode = mode;
        self.world.watch.switch();
    }

    fn leaked(&self) -> u32 {
        let home = self.world.home(&named(Named::Number));
        self.world.objects[&home].storage.load(None).collisions.leaked
    }

    /// Everything comes to rest, and the watch has nothing to say.
    fn ends(&mut self) {
        self.world.settle(&self.setting);
        assert_eq!(self.world.watch.broken, None);
    }
}

/// Two deliveries of one name as one.
fn together(first: &Delivery, second: &Delivery) -> Arc<Delivery> {
    let mut both = first.clone();
    both.events.extend_from_slice(&second.events);
    both.bodies.extend_from_slice(&second.bodies);
    both.meanings.extend_from_slice(&second.meanings);
    Arc::new(both)
}

/// The lease could slide no further, and only the customer's waiting kept the hold: it was over with the answer.
#[test]
fn a_person_who_answers_after_the_longest_hold_is_not_talked_over() {
    let number = Named::Number;
    let mut story = Story::new();
    story.gets(&echo(number, "e1")).pass(50).gets(&echo(number, "e2")).pass(50).gets(&echo(number, "e3")).pass(15);
    story.gets(&text(number, "m1", 1)).pass(30).gets(&echo(number, "e4"));
    story.gets(&text(number, "m2", 2)).pass(5);
    assert!(story.hold().is_some() && story.world.flights.is_empty());
    story.ends();
}

/// Each of the two had taken the other for the person's last words.
#[test]
fn two_broadcasts_in_a_row_leave_the_customer_unanswered_and_not_alone() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.broadcast = Some(Broadcast { recipients: 3, window: Millis::from_seconds(60) });
    story.gets(&echo(number, "e1")).gets(&text(number, "m1", 1)).gets(&echo(number, "b1")).gets(&echo(number, "b2"));
    story.was_broadcast("b1").was_broadcast("b2").pass(95);
    assert_eq!(story.world.flights.len(), 1, "the bot has what nobody answered");
    story.ends();
}

/// What is withdrawn is as if it had never been said; what a rule keeps for a person is not.
#[test]
fn a_takeover_that_is_undone_leaves_nobody_waiting_unseen() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.stale_after = Some(Millis::from_seconds(10));
    story.pass(20).gets(&echo(number, "e1")).gets(&text(number, "m1", 1)).gets(&withdrawn_echo(number, "r1", "e1"));
    assert_eq!(story.fate("m1"), (State::Withheld, Some(Reason::Stale)));
    story.ends();
}

/// The ghost was under way when the person spoke; what it announced came after their words.
#[test]
fn the_real_message_behind_a_ghost_is_not_answered_before_it_comes() {
    let number = Named::Number;
    let mut story = Story::new();
    story.gets(&ghost(number, "m1")).pass(10).gets(&echo(number, "e1")).gets(&text(number, "m1", 1)).pass(95);
    assert_eq!(story.world.flights.len(), 2, "first the ghost, then the message");
    story.ends();
}

#[test]
fn the_real_message_does_not_go_beside_its_ghost() {
    let number = Named::Number;
    let mut story = Story::new();
    story.gets(&ghost(number, "m1")).pass(10).gets(&text(number, "m1", 1));
    assert_eq!(story.world.flights.len(), 1, "the ghost is under way");
    story.pass(20);
    assert_eq!(story.world.flights.len(), 2, "and counts as lost by now");
    story.ends();
}

/// Nobody need answer an edit, but whoever asks for a person waits for one.
#[test]
fn a_customer_who_asks_for_a_person_by_an_edit_is_not_left_alone() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy = baton::policy::Policy {
        take_phrases: crate::policies::document(false).take_phrases,
        ..story.setting.policy.clone()
    };
    story.gets(&text(number, "m1", 1)).bot_answers(Outcome::Accepted).gets(&text(number, "m2", 2));
    let mut asks = Delivery::clone(&edit(number, "x1", "m1", 3));
    asks.events[0].facts.text = Some(crate::people::ASKS.to_owned());
    asks.meanings = vec![Meaning::AsksForPerson];
    story.gets(&Arc::new(asks)).bot_answers(FAILED).pass(95);
    assert_eq!(story.fate("m2").1, Some(Reason::HandedBack));
    story.ends();
}

/// The attempt had begun under one name, a person held under the other.
#[test]
fn an_attempt_that_fails_over_another_names_hold_leaves_a_customer_who_waits() {
    let mut story = Story::new();
    story.gets(&echo(Named::Number, "e1")).pass(1).gets(&text(Named::User, "m1", 1));
    story.gets(&withdrawn_echo(Named::Both, "r1", "none")).bot_answers(FAILED);
    assert_eq!(story.fate("m1"), (State::Withheld, Some(Reason::TakenOver)));
    story.pass(100);
    assert_eq!(story.fate("m1").1, Some(Reason::HandedBack));
    story.ends();
}

/// As before, and the hold ends while the attempt is still under way.
#[test]
fn an_attempt_that_outlasts_another_names_hold_is_tried_again() {
    let mut story = Story::new();
    story.gets(&echo(Named::Number, "e1")).pass(50).gets(&text(Named::User, "m1", 1));
    story.gets(&withdrawn_echo(Named::Both, "r1", "none")).pass(12).bot_answers(FAILED);
    assert!(matches!(story.fate("m1"), (State::Waiting(_), _)));
    story.ends();
}

/// It was tried for longer than bodies are kept, then a person took over, and the body was forgotten.
#[test]
fn a_message_that_was_tried_for_days_still_says_something_after_a_hold() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.keep_bodies = Millis::from_seconds(86_400);
    story.setting.policy.lease = Millis::from_seconds(43_200);
    story.setting.policy.max_hold = Millis::from_seconds(43_200);
    story.setting.policy.on_handback = OnHandback::All;
    story.setting.policy.retry_schedule = [0, 100_000].map(Millis::from_seconds).to_vec();
    story.gets(&text(number, "m0", 0)).bot_answers(Outcome::Accepted).pass(80_000);
    story.gets(&text(number, "m1", 1)).bot_answers(FAILED).pass(80_000).gets(&echo(number, "e1")).pass(44_000);
    assert_eq!(story.world.flights.len(), 1);
    assert!(story.world.flights[0].body.is_some());
    story.ends();
}

/// The signpost remembered the ghost, and took the message that it announced for a repetition.
#[test]
fn the_real_message_behind_a_ghost_is_not_lost_at_a_signpost() {
    let mut story = Story::new();
    story.gets(&text(Named::User, "m0", 0)).gets(&ghost(Named::Number, "m1")).gets(&text(Named::Both, "m2", 2));
    assert_eq!(story.world.home(&named(Named::Number)), named(Named::User));
    story.gets(&text(Named::Number, "m1", 1));
    story.ends();
    assert_eq!(story.fate("m1").0, State::Delivered);
}

/// The one object knew the ghost, the other what it announced.
#[test]
fn the_real_message_behind_a_ghost_is_not_lost_where_two_names_meet() {
    let mut story = Story::new();
    story.setting.policy.on_handback = OnHandback::All;
    story.gets(&ghost(Named::User, "m1")).gets(&echo(Named::Number, "e1")).gets(&text(Named::Number, "m1", 1));
    story.gets(&text(Named::Both, "m2", 2));
    let home = &story.world.objects[&named(Named::User)].storage;
    assert_eq!(home.entry(&EventId::named("m1")).unwrap().class, baton::webhook::event::Class::Turn);
    story.world.settle(&story.setting);
    assert_eq!(story.fate("m1").0, State::Delivered);
}

/// The number's object had handed over, and the answer was still under way: a message under the number found a home
/// that did not know yet that a person held.
#[test]
fn a_hold_that_is_under_way_to_its_home_is_kept() {
    let mut story = Story::new();
    story.gets(&text(Named::User, "m0", 0)).gets(&echo(Named::Number, "e1"));
    story.world.flows.push(Flow::new(text(Named::Both, "m1", 1)));
    while !story.world.flows[0].hands_over() {
        story.world.step_flow(&story.setting, 0, Cut::Nowhere);
    }
    story.gets(&text(Named::Number, "m2", 2));
    assert_eq!(story.fate("m2"), (State::Withheld, Some(Reason::HeldByHuman)));
    story.ends();
}

/// As before, and it is the bot that finds the home: it was let through over the hold.
#[test]
fn a_send_by_the_number_is_silent_while_its_hold_is_under_way_to_its_home() {
    let mut story = Story::new();
    story.gets(&text(Named::User, "m0", 0)).gets(&echo(Named::Number, "e1"));
    story.world.flows.push(Flow::new(text(Named::Both, "m1", 1)));
    while !story.world.flows[0].hands_over() {
        story.world.step_flow(&story.setting, 0, Cut::Nowhere);
    }
    story.bot_posts(&[Named::Number], "hello");
    assert!(story.world.sends.is_empty(), "it goes nowhere");
    story.ends();
}

/// As before with what the bot had said: the home did not know of it yet, and let it through again.
#[test]
fn a_send_is_recognised_while_its_first_is_under_way_to_its_home() {
    let mut story = Story::new();
    story.gets(&text(Named::User, "m0", 0)).bot_posts(&[Named::Number], "hello").graph_answers(Taken::Accepted);
    story.world.flows.push(Flow::new(echo(Named::Both, "e1")));
    while !story.world.flows[0].hands_over() {
        story.world.step_flow(&story.setting, 0, Cut::Nowhere);
    }
    story.bot_posts(&[Named::Number], "hello");
    assert!(story.world.sends.is_empty(), "it goes nowhere");
    story.ends();
}

/// The customer asked again while the first answer was under way, and the second took its place in the memory: Meta's
/// report of the first was taken for a leak.
#[test]
fn an_answer_that_is_given_twice_at_once_has_not_leaked() {
    let number = Named::Number;
    let mut story = Story::new();
    story.gets(&text(number, "m1", 1)).bot_posts(&[number], "the menu").pass(1).gets(&text(number, "m2", 1)).pass(1);
    story.bot_posts(&[number], "the menu").gets(&echo(number, "e1"));
    story.graph_answers(Taken::Accepted).graph_answers(Taken::Accepted);
    story.meta_reports(number, 1).meta_reports(number, 0);
    assert_eq!(story.leaked(), 0);
    story.ends();
}

/// The one name knew by which way it had gone, the other took it for a leak, and so it stayed.
#[test]
fn what_was_sent_under_one_name_has_not_leaked_under_the_other() {
    let mut story = Story::new();
    story.gets(&echo(Named::Number, "e1")).gets(&text(Named::User, "m1", 1));
    story.bot_posts(&[Named::User], "hello").graph_answers(Taken::Accepted).meta_reports(Named::Number, 0);
    assert_eq!(story.leaked(), 1, "nobody can know yet");
    story.gets(&text(Named::Both, "m2", 2));
    assert_eq!(story.leaked(), 0);
    story.ends();
}

/// As before with a message of the shop's.
#[test]
fn what_the_shop_sent_has_not_leaked_under_another_name() {
    let mut story = Story::new();
    story.gets(&echo(Named::Number, "e1")).gets(&text(Named::User, "m1", 1));
    let (message, now) = (EventId::named("e2"), story.world.now);
    story.world.report(&story.setting, &named(Named::Number), &message, now, Cut::Nowhere);
    story.gets(&echo(Named::User, "e2"));
    assert_eq!(story.leaked(), 1, "nobody can know yet");
    story.gets(&text(Named::Both, "m2", 2));
    assert_eq!(story.leaked(), 0);
    story.ends();
}

/// A message of which nothing was ever heard stood for each that leaked, for as long as it was remembered.
#[test]
fn a_leak_is_seen_days_after_a_message_was_lost() {
    let number = Named::Number;
    let mut story = Story::new();
    story.gets(&text(number, "m1", 1)).bot_posts(&[number], "hello").graph_answers(Taken::LostUnsent);
    story.bot_answers(Outcome::Accepted).pass(2 * 86_400).gets(&echo(number, "e1"));
    let now = story.world.now;
    story.world.watch.reaches_beside(&named(number), now);
    story.meta_reports(number, 0);
    assert_eq!(story.leaked(), 1);
    story.ends();
}

/// Meta's report had said what became of it, and the hold's end in the same transaction was not written.
#[test]
fn a_lost_answer_does_not_undo_what_time_has_brought() {
    let number = Named::Number;
    let mut story = Story::new();
    story.bot_posts(&[number], "hello").gets(&echo(number, "e1")).pass(50).gets(&echo(number, "e2")).pass(30);
    story.world.graph_answers(0, Taken::Lost);
    story.meta_reports(number, 0);
    story.world.now = story.world.now.after(Millis::from_seconds(60));
    story.world.step_send(&story.setting, 0, Cut::Nowhere);
    assert!(story.hold().is_none());
    story.ends();
}

/// The other name had nothing to say of it, and yet what the bot had got before the takeover might not be answered.
#[test]
fn a_takeover_that_is_undone_leaves_the_answer_to_the_bot_where_names_meet() {
    let mut story = Story::new();
    story.gets(&text(Named::Number, "m0", 0)).bot_answers(Outcome::Accepted);
    story.gets(&text(Named::User, "m1", 1)).gets(&echo(Named::User, "e1")).bot_answers(Outcome::Accepted);
    let token = story.world.watch.heard().pop().map(|heard| heard.token);
    story.gets(&withdrawn_echo(Named::Both, "r1", "e1"));
    story.bot_posts_with(&[Named::User], Sending { digest: "hello".to_owned(), token, ..Sending::default() });
    assert!(story.world.sends.first().is_some_and(Outgoing::is_out));
    story.ends();
}

/// As before, and there had been a takeover under the other name as well, an older one by the count of turns.
#[test]
fn a_takeover_that_is_undone_leaves_the_answer_to_the_bot_where_two_counts_of_turns_meet() {
    let mut story = Story::new();
    story.gets(&echo(Named::Number, "e0")).pass(70).gets(&echo(Named::User, "e1")).pass(70);
    story.gets(&text(Named::User, "m1", 1)).gets(&echo(Named::User, "e2")).bot_answers(Outcome::Accepted);
    let token = story.world.watch.heard().pop().map(|heard| heard.token);
    story.gets(&withdrawn_echo(Named::Both, "r2", "e2"));
    story.bot_posts_with(&[Named::User], Sending { digest: "hello".to_owned(), token, ..Sending::default() });
    assert!(story.world.sends.first().is_some_and(Outgoing::is_out));
    story.ends();
}

/// A rule kept the message for a person; the other name's takeover was withdrawn, and the wait began anew.
#[test]
fn a_takeover_that_is_undone_does_not_make_a_customer_of_two_names_wait_longer() {
    let mut story = Story::new();
    story.setting.policy.stale_after = Some(Millis::from_seconds(10));
    story.pass(20).gets(&text(Named::User, "m1", 1)).pass(5).gets(&echo(Named::Number, "e1")).pass(5);
    story.gets(&withdrawn_echo(Named::Both, "r0", "none")).pass(5).gets(&withdrawn_echo(Named::Number, "r1", "e1"));
    assert!(story.hold().is_none());
    story.ends();
}

/// The answer was lost, Meta's report said that it was sent, and it went out again.
#[test]
fn a_send_that_is_known_only_by_metas_report_does_not_go_out_again() {
    let number = Named::Number;
    let mut story = Story::new();
    story.bot_posts(&[number], "hello").graph_answers(Taken::Lost).gets(&echo(number, "e1")).meta_reports(number, 0);
    story.gets(&withdrawn_echo(number, "r1", "e1")).bot_posts(&[number], "hello");
    assert!(story.world.sends.is_empty(), "it goes nowhere");
    story.ends();
}

/// Two of the same words began in one millisecond, as they may where everything passes. The second's end came after
/// Meta's report of another message had been taken for it, and was written over the first's.
#[test]
fn two_equal_sends_in_one_millisecond_are_told_apart() {
    let number = Named::Number;
    let mut story = Story::new();
    story.changes_mode(Mode::Observe);
    story.gets(&echo(number, "e1")).pass(2).bot_posts(&[number], "hello").bot_posts(&[number], "hello");
    story.graph_answers(Taken::Accepted).pass(80);
    let now = story.world.now;
    story.world.watch.reaches_beside(&named(number), now);
    story.meta_reports(number, 0).graph_answers(Taken::Accepted);
    let leaked = story.leaked();
    story.meta_reports(number, 2);
    assert_eq!(story.leaked(), leaked);
    story.ends();
}

/// The end was told to the customer's home before that had taken over what was let through under the other name: it was
/// lost, and the message counted as a leak once Meta's report of another had been taken for it.
#[test]
fn an_end_that_overtakes_where_names_meet_is_kept() {
    let mut story = Story::new();
    story.gets(&text(Named::User, "m0", 0)).gets(&echo(Named::User, "e1")).pass(2);
    story.bot_posts(&[Named::Number], "hello");
    story.world.flows.push(Flow::new(text(Named::Both, "m1", 1)));
    while !story.world.flows[0].hands_over() {
        story.world.step_flow(&story.setting, 0, Cut::Nowhere);
    }
    story.graph_answers(Taken::Accepted);
    while !story.world.flows.is_empty() {
        story.world.step_flow(&story.setting, 0, Cut::Nowhere);
    }
    story.pass(80);
    let now = story.world.now;
    story.world.watch.reaches_beside(&named(Named::User), now);
    story.meta_reports(Named::User, 0).meta_reports(Named::User, 1);
    assert_eq!(story.leaked(), 1);
    story.ends();
}

/// What had passed while the policy observed was withheld after words that answered it, and those turned out to be a
/// broadcast: nobody was warned, and the lease's end gave the customer to nobody.
#[test]
fn a_broadcast_is_no_answer_to_what_had_passed_while_the_policy_observed() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.broadcast = Some(Broadcast { recipients: 2, window: Millis::from_seconds(60) });
    story.changes_mode(Mode::Observe);
    story.gets(&echo(number, "e1")).gets(&text(number, "m1", 1)).gets(&echo(number, "e2"));
    story.changes_mode(Mode::Enforce);
    story.bot_answers(FAILED).was_broadcast("e2");
    assert_eq!(story.fate("m1"), (State::Withheld, Some(Reason::TakenOver)));
    assert!(story.hold().is_some());
    story.ends();
}

/// A stale message waited for a person. Two broadcasts in a row were taken back, the first with what had waited before:
/// the hold was over then, and the customer was forgotten.
#[test]
fn what_a_rule_keeps_for_a_person_is_not_forgotten_with_two_broadcasts() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.stale_after = Some(Millis::from_seconds(10));
    story.setting.policy.broadcast = Some(Broadcast { recipients: 2, window: Millis::from_seconds(60) });
    story.gets(&echo(number, "e1")).gets(&text(number, "m1", 0)).gets(&echo(number, "e2"));
    story.pass(20).gets(&text(number, "m2", 1)).was_broadcast("e2").was_broadcast("e1");
    assert_eq!(story.fate("m2"), (State::Withheld, Some(Reason::Stale)));
    assert!(story.hold().is_none());
    story.ends();
}

/// A rule kept the message for a person in the millisecond in which a person took over under the other name. The takeover
/// was withdrawn, and the wait began anew.
#[test]
fn what_a_rule_keeps_for_a_person_waits_as_long_as_ever_where_a_takeover_is_undone() {
    let mut story = Story::new();
    story.setting.policy.stale_after = Some(Millis::from_seconds(10));
    story.pass(20).gets(&echo(Named::Number, "e1")).gets(&text(Named::User, "m1", 1)).pass(5);
    story.gets(&withdrawn_echo(Named::Both, "r1", "e1"));
    assert!(story.hold().is_none());
    story.ends();
}

/// As before with one name, where whether the wait was older than the hold was asked of a clock that may be set back.
#[test]
fn what_a_rule_keeps_for_a_person_during_a_hold_waits_since_it_came() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.stale_after = Some(Millis::from_seconds(10));
    story.pass(20).gets(&echo(number, "e1")).pass(5).gets(&text(number, "m1", 1)).pass(5);
    story.gets(&withdrawn_echo(number, "r1", "e1"));
    assert!(story.hold().is_none());
    story.ends();
}

/// The owner was warned of what was the bot's again with the withdrawn takeover. What a rule kept for a person came after
/// that, and nobody was warned of it.
#[test]
fn what_a_rule_keeps_for_a_person_after_a_warning_has_one_of_its_own_where_the_takeover_is_undone() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.stale_after = Some(Millis::from_seconds(10));
    story.gets(&echo(number, "e1")).pass(5).gets(&text(number, "m1", 1)).pass(35);
    story.gets(&together(&text(number, "m2", 2), &withdrawn_echo(number, "r1", "e1")));
    assert_eq!(story.fate("m2"), (State::Withheld, Some(Reason::Stale)));
    assert!(story.hold().is_none());
    story.ends();
}

/// Under one name the customer waited for somebody who held, under the other for what a rule kept for a person. The
/// takeover was withdrawn, and they were forgotten.
#[test]
fn what_a_rule_keeps_for_a_person_is_not_forgotten_where_names_meet() {
    let mut story = Story::new();
    story.setting.policy.stale_after = Some(Millis::from_seconds(10));
    story.gets(&echo(Named::User, "e1")).pass(5).gets(&text(Named::User, "m1", 1)).pass(10);
    story.gets(&text(Named::Number, "m2", 2));
    assert_eq!(story.entry(&named(Named::Number), "m2"), (State::Withheld, Some(Reason::Stale)));
    story.gets(&withdrawn_echo(Named::Both, "r1", "e1"));
    assert!(story.hold().is_none());
    story.ends();
}

/// A takeover withheld the one message, and the other came during the hold. The takeover turned out to be a broadcast
/// after the operator had had the baton kept, and the wait for the first was forgotten.
#[test]
fn what_a_broadcast_withheld_waits_since_then_where_the_operator_keeps_the_baton() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.broadcast = Some(Broadcast { recipients: 2, window: Millis::from_seconds(60) });
    story.setting.policy.burst.wait = Millis::from_seconds(3);
    story.gets(&text(number, "m1", 1)).gets(&echo(number, "e1")).pass(3).gets(&text(number, "m2", 2));
    story.world.operate(&story.setting, &named(number), Act::Take, Cut::Nowhere);
    story.was_broadcast("e1");
    assert!(story.hold().is_some());
    story.ends();
}

/// The clock was set back between a message and the takeover that withheld it: by the time at which it was withheld it
/// seemed older than everything of the hold, and its words were forgotten before it was handed back.
#[test]
fn a_clock_that_is_set_back_makes_nobody_forget_what_a_long_hold_withholds() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.keep_bodies = Millis::from_seconds(86_400);
    story.setting.policy.on_handback = OnHandback::All;
    story.setting.policy.burst.wait = Millis::from_seconds(3);
    story.gets(&text(number, "m0", 0)).pass(3).bot_answers(Outcome::Accepted);
    story.pass(60).gets(&text(number, "m1", 1));
    story.world.now = story.world.now.before(Millis::from_seconds(30));
    story.gets(&echo(number, "e1"));
    let until = story.world.now.after(Millis::from_seconds(3 * 86_400));
    story.world.operate(&story.setting, &named(number), Act::Pause(until), Cut::Nowhere);
    story.pass(3 * 86_400);
    assert_eq!(story.world.flights.len(), 1);
    assert!(story.world.flights[0].body.is_some());
    story.ends();
}

/// What had passed while the policy observed was withheld after words that answered it, when the customer waited for
/// something else already. Those words turned out to be a broadcast, and the wait began anew.
#[test]
fn a_broadcast_does_not_make_a_customer_wait_longer_who_waits_for_something_else() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.broadcast = Some(Broadcast { recipients: 2, window: Millis::from_seconds(60) });
    story.changes_mode(Mode::Observe);
    story.gets(&echo(number, "e1")).gets(&text(number, "m1", 1)).gets(&echo(number, "e2"));
    story.changes_mode(Mode::Enforce);
    story.gets(&text(number, "m2", 2)).pass(5).bot_answers(FAILED).pass(5).was_broadcast("e2");
    assert!(story.hold().is_some());
    story.ends();
}

/// As before, where the clock was set back: of what was withheld the one that seemed to be the first was not, and the
/// hold was over before its time.
#[test]
fn a_broadcast_ends_no_hold_before_its_time_where_the_clock_was_set_back() {
    let number = Named::Number;
    let mut story = Story::new();
    story.setting.policy.broadcast = Some(Broadcast { recipients: 2, window: Millis::from_seconds(60) });
    story.gets(&echo(number, "e0")).pass(40).gets(&text(number, "m1", 1));
    story.world.operate(&story.setting, &named(number), Act::Take, Cut::Nowhere);
    story.world.now = story.world.now.before(Millis::from_seconds(30));
    story.gets(&text(number, "m2", 2)).gets(&echo(number, "e1")).was_broadcast("e1");
    story.ends();
}

/// Two holds were one, and the other name's message was unanswered. What a broadcast left behind counted it as answered,
/// and it was given to nobody.
#[test]
fn a_broadcast_does_not_answer_what_came_under_another_name() {
    let (number, user) = (Named::Number, Named::User);
    let mut story = Story::new();
    story.setting.policy.on_handback = OnHandback::Unanswered;
    story.setting.policy.broadcast = Some(Broadcast { recipients: 3, window: Millis::from_seconds(60) });
    story.gets(&echo(number, "e1")).gets(&text(number, "m1", 1)).pass(1);
    story.gets(&echo(user, "e2")).gets(&text(user, "m2", 2)).pass(1).gets(&echo(user, "e3")).gets(&echo(user, "e4"));
    story.gets(&text(Named::Both, "m3", 3));
    let home = story.world.home(&named(user));
    story.world.broadcast(&story.setting, &home, &EventId::named("e4"));
    story.ends();
    assert_eq!(story.fate("m1").0, State::Delivered);
}
