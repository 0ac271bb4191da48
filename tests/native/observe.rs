//! A policy that only observes lets everything pass, says what would have been withheld, and is left at any moment without
//! anything being lost or given twice.

use baton::command::shown::ShownCollision;
use baton::conversation::Alert;
use baton::conversation::collisions::{CollisionOutcome, Conflict};
use baton::conversation::fence::{SendEnd, Verdict};
use baton::conversation::operator::Act;
use baton::graph::send::{Post, Sending};
use baton::ids::EventId;
use baton::outbox::outcome::Outcome;
use baton::outbox::{Entry, Reason};
use baton::policy::Mode;
use baton::store::table::known;
use serde_json::json;

use crate::common::meta::{Customer, delivery, echo, revoke, text};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

fn asks(object: &mut Object, id: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, id, "hello")));
}

fn says(object: &mut Object, id: &str) {
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, id, "let me")));
}

fn reply(words: &str) -> Sending {
    let body = json!({ "to": "15550109999", "type": "text", "text": { "body": words } });
    let Ok(Post::Message(_, sending)) = Post::read(body.to_string().as_bytes(), None) else { panic!("{body}") };
    *sending
}

fn entry(object: &Object, id: &str) -> Entry {
    let id = EventId::named(id);
    known(&object.sql, [&id]).unwrap().remove(&id).expect("it is stored")
}

fn would(object: &Object, id: &str) -> Option<String> {
    entry(object, id).note.would_withhold.map(|reason| reason.to_string())
}

#[test]
fn everything_goes_to_the_bot_at_once_and_each_message_says_why_it_would_not_have() {
    let policy = json!({
        "mode": "observe", "human_first_seconds": 60, "burst_seconds": 10, "burst": "merge_text",
        "take_phrases": ["agent"],
        "rules": [
            {"name": "orders", "when": {"text": "order"}, "then": "human"},
            {"name": "spam", "when": {"text": "spam"}, "then": "ignore"},
        ],
    });
    for (words, held, expected) in [
        ("hello", false, None),
        ("hello", true, Some("held_by_human")),
        ("order", false, Some("for_person")),
        ("spam", false, Some("ignored")),
        ("agent", false, Some("asked_for_person")),
        ("agent", true, Some("asked_for_person")),
    ] {
        let mut object = Object::new(&policy.to_string());
        if held {
            says(&mut object, "e");
        }
        object.receive(&delivery("messages", text(CUSTOMER, "m", words)));
        let (attempt, _) = object.attempt.clone().expect("the bot gets it at once");
        assert_eq!(attempt.id, EventId::named("m"), "{words} {held}");
        object.bot_answers(Outcome::Accepted);
        assert_eq!(would(&object, "m").as_deref(), expected, "{words} {held}");
        let sentence = object.explain("m");
        assert_eq!(sentence.contains("; with mode = \"enforce\" the bot would not have got it"), expected.is_some());
        assert!(sentence.starts_with("It was delivered") && sentence.ends_with(")."), "{sentence}");
        // Nobody waits for the gate, so nobody is warned, and the end of the hold gives nothing twice.
        assert_eq!(object.bot_gets_ids(100_000), Vec::<String>::new(), "{words} {held}");
        assert!(!object.alerts.contains(&Alert::CustomerUnanswered) && object.conversation().turn.hold().is_none());
    }
}

#[test]
fn the_turn_goes_on_as_if_it_were_enforced_and_what_waits_at_a_takeover_goes_on_its_way() {
    let mut object = Object::new(r#"{"mode": "observe"}"#);
    asks(&mut object, "m1");
    object.bot_answers(Outcome::Retryable { status: 500 });
    says(&mut object, "e");
    let conversation = object.conversation();
    assert!(conversation.turn.hold().is_some() && conversation.journal.iter().count() == 1);
    assert!(conversation.explain_turn(object.now, &object.policy).contains("mode is \"observe\""));
    assert_eq!(would(&object, "m1").as_deref(), Some("taken_over"));
    assert_eq!(object.bot_gets_ids(10), ["m1"]);
    assert!(object.explain("m1").contains("a person took the baton before the bot had it: somebody had written"));
}

#[test]
fn a_message_that_waits_for_a_person_or_for_more_words_waits_no_longer() {
    for enforced in [r#"{"human_first_seconds": 3000}"#, r#"{"burst_seconds": 60, "burst": "merge_text"}"#] {
        let mut object = Object::new(enforced);
        asks(&mut object, "m1");
        asks(&mut object, "m2");
        assert_eq!(object.attempt, None, "{enforced}");
        object.policy.mode = Mode::Observe;
        asks(&mut object, "m3");
        assert_eq!(object.bot_gets_ids(1), ["m1", "m2", "m3"], "{enforced}");
    }
}

#[test]
fn what_was_withheld_stays_withheld_and_is_handed_back_and_what_has_passed_is_not() {
    let mut object = Object::new(r#"{"lease_seconds": 100, "warn_after_seconds": 10, "hand_back_after_seconds": 200}"#);
    says(&mut object, "e");
    asks(&mut object, "m1");
    assert_eq!(entry(&object, "m1").reason, Some(Reason::HeldByHuman));
    object.policy.mode = Mode::Observe;
    asks(&mut object, "m2");
    assert_eq!(object.bot_gets_ids(1), ["m2"]);
    object.pass(20);
    assert!(object.alerts.contains(&Alert::CustomerUnanswered), "the first one still waits");
    object.policy.mode = Mode::Enforce;
    asks(&mut object, "m3");
    assert_eq!(object.bot_gets_ids(1_000), ["m1", "m3"]);
    assert_eq!(object.conversation().turn.hold(), None);
}

#[test]
fn what_is_still_to_be_tried_again_when_the_policy_is_enforced_is_withheld_and_handed_back_once() {
    let mut object = Object::new(r#"{"mode": "observe", "lease_seconds": 100}"#);
    says(&mut object, "e");
    asks(&mut object, "m");
    object.bot_answers(Outcome::Retryable { status: 500 });
    object.policy.mode = Mode::Enforce;
    object.pass(10);
    assert_eq!((object.attempt.clone(), entry(&object, "m").reason), (None, Some(Reason::TakenOver)));
    object.operate(Act::Release);
    assert_eq!(object.bot_gets_ids(100_000), ["m"]);
}

#[test]
fn every_send_goes_out_and_what_would_have_been_prevented_is_counted_as_that() {
    for fence in ["refuse", "accept_and_drop", "observe"] {
        let mut object = Object::new(&json!({"mode": "observe", "fence": fence}).to_string());
        asks(&mut object, "m");
        object.bot_answers(Outcome::Accepted);
        says(&mut object, "e");
        // The same again is no repetition: without the gate it would go out twice.
        for id in ["b1", "b2"] {
            let Verdict::Go(begun_at) = object.asks_to_send(&reply("hi")) else { panic!("it goes out") };
            object.settle(&reply("hi"), begun_at, &SendEnd::Accepted { id: EventId::named(id), answer: None });
            object.was_sent(id, Some(object.now));
        }
        let collisions = object.conversation().collisions;
        assert_eq!(
            [collisions.would_prevent, collisions.leaked, collisions.prevented, collisions.dropped],
            [2, 0, 0, 0]
        );
        let collision = collisions.iter().next().unwrap();
        assert_eq!((collision.outcome, collision.reason), (CollisionOutcome::Leaked, Conflict::HeldByHuman));
        let shown = ShownCollision::new(collision);
        assert_eq!(shown.outcome, "would_prevent");
        assert!(shown.explanation.contains("would have been prevented"), "{}", shown.explanation);
        assert!(object.alerts.is_empty(), "{:?}", object.alerts);
        // Enforced again, the fence is there at once, and remembers what went out.
        object.policy.mode = Mode::Enforce;
        let verdict = object.asks_to_send(&reply("something else"));
        assert_eq!(matches!(verdict, Verdict::Go(_)), fence == "observe", "{fence}: {verdict:?}");
    }
}

#[test]
fn a_message_that_is_changed_while_it_is_on_its_way_goes_out_as_it_came_and_the_change_follows() {
    let mut object = Object::new(r#"{"mode": "observe"}"#);
    asks(&mut object, "m1");
    asks(&mut object, "m2");
    object.receive(&delivery("messages", revoke(CUSTOMER, "r", "m2")));
    assert_eq!(object.bot_gets_ids(1), ["m1", "m2", "r"]);
}

#[test]
fn the_pauses_of_a_person_are_measured_within_a_talk_and_the_first_answer_once() {
    use baton::conversation::{Arrival, Context, Input};
    use baton::desk::report::Report;
    use baton::desk::tallies::{Tallies, Timed};

    let mut object = Object::new(r#"{"lease_seconds": 60}"#);
    let measured = |object: &mut Object, delivery: &serde_json::Value| -> Tallies {
        let body = delivery.to_string();
        let events: Vec<_> =
            baton::webhook::read(body.as_bytes()).unwrap().iter().map(crate::object::carried).collect();
        let incoming: Vec<_> = events.iter().map(baton::command::CarriedEvent::incoming).collect();
        let name = object.name.clone();
        let bodies: Vec<Option<&str>> =
            events.iter().map(|event| event.body.as_deref().map(serde_json::value::RawValue::get)).collect();
        object
            .transact(&bodies, |conversation, table, context: Context<'_>| {
                let known = &table.known(incoming.iter().flat_map(baton::conversation::Incoming::ids))?;
                let last_said = table.last_said()?;
                let arrival = Arrival {
                    events: &incoming,
                    known,
                    here: &name,
                    aliases: &[],
                    customer: None,
                    line: None,
                    last_said,
                };
                let output = conversation.apply(&Input::Accept(arrival), context);
                let report = Report::of(&name, conversation, &output, context);
                Ok((report.map(|report| report.tallies).unwrap_or_default(), output))
            })
            .unwrap()
    };
    let shop = |id: &str| delivery("smb_message_echoes", echo(CUSTOMER, id, "let me"));
    let customer = |id: &str| delivery("messages", text(CUSTOMER, id, "hello"));
    let mut steps = Vec::new();
    for (seconds, what, expected) in [
        (0, customer("m1"), (0, 0)),
        // The first answer, of what was asked 30 seconds ago.
        (30, shop("e1"), (0, 1)),
        (40, shop("e2"), (1, 0)),
        // The lease has ended in between: it was too short.
        (600, shop("e3"), (1, 0)),
        (10, customer("m2"), (0, 0)),
        (10, shop("e4"), (1, 0)),
        // Much later somebody writes of their own accord.
        (20_000, shop("e5"), (0, 0)),
        (20_000, customer("m3"), (0, 0)),
        (20_000, shop("e6"), (0, 0)),
    ] {
        object.pass(seconds);
        let tallies = measured(&mut object, &what);
        if object.attempt.is_some() {
            object.bot_answers(Outcome::Accepted);
        }
        let found = (tallies.timed(Timed::ReplyGap), tallies.timed(Timed::FirstAnswer));
        steps.push((seconds, found));
        assert_eq!(found, expected, "{steps:?}");
    }
}

#[test]
fn a_data_point_says_what_happened_in_words_of_the_gate_and_names_nobody() {
    use baton::conversation::{Context, Conversation, Input};
    use baton::desk::points::{self, POINTS_MAX};

    let mut object = Object::new(r#"{"retry_schedule_seconds": [0]}"#);
    let points_of = |object: &mut Object,
                     what: &dyn Fn(&mut Conversation, Context<'_>) -> baton::conversation::Output| {
        let now = object.now;
        object
            .transact(&[], |conversation, _, context| {
                let output = what(conversation, context);
                let points = points::of(&output, now);
                Ok((
                    points.into_iter().map(|it| (it.event, it.detail, it.took.as_millis())).collect::<Vec<_>>(),
                    output,
                ))
            })
            .unwrap()
    };
    asks(&mut object, "m1");
    object.pass(2);
    let (attempt, _) = object.attempt.take().unwrap();
    let finish = |conversation: &mut Conversation, context: Context<'_>| {
        let input =
            Input::Finish { id: &attempt.id, number: attempt.number, outcome: Outcome::Rejected { status: 410 } };
        conversation.apply(&input, context)
    };
    assert_eq!(points_of(&mut object, &finish), [("dead_letter", "status_410".to_owned(), 2_000)]);
    let take = |conversation: &mut Conversation, context: Context<'_>| {
        conversation.apply(&Input::Operator(Act::Take), context)
    };
    assert_eq!(points_of(&mut object, &take), [("takeover", "operator".to_owned(), 0)]);
    let release = |conversation: &mut Conversation, context: Context<'_>| {
        conversation.apply(&Input::Operator(Act::Release), context)
    };
    assert_eq!(points_of(&mut object, &release), [("handback", "operator".to_owned(), 0)]);
    // However much one input brings about.
    for number in 0..2 * POINTS_MAX {
        asks(&mut object, &format!("n{number}"));
    }
    assert_eq!(points_of(&mut object, &take).len(), POINTS_MAX);
}
