//! Promise 1 at the moment of sending: the bot does not speak over a person, does not say the same twice, and what it
//! said in spite of that is seen.

use baton::conversation::Alert;
use baton::conversation::collisions::{CollisionOutcome, Conflict};
use baton::conversation::fence::{SendEnd, Verdict};
use baton::conversation::sends::SendState;
use baton::graph::send::{Post, Sending};
use baton::ids::{EventId, FencingToken};
use baton::outbox::outcome::Outcome;
use baton::time::UnixMillis;
use serde_json::{Value, json};

use crate::common::meta::{Customer, delivery, echo, message, status, text};
use crate::cost::{of, rows_of};
use crate::counts::{REFUSED, SEND, UNKNOWN_SENT};
use crate::object::Object;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

/// A message as a bot posts it.
fn sending(body: &Value) -> Sending {
    match Post::read(body.to_string().as_bytes(), None) {
        Ok(Post::Message(_, sending)) => *sending,
        other => panic!("{other:?}"),
    }
}

fn reply(words: &str) -> Sending {
    sending(&json!({ "to": "15550109999", "type": "text", "text": { "body": words } }))
}

fn template(name: &str) -> Sending {
    sending(&json!({ "to": "15550109999", "type": "template", "template": { "name": name } }))
}

fn customer_says(object: &mut Object, wamid: &str) {
    object.receive(&delivery("messages", text(CUSTOMER, wamid, "hello")));
}

fn shop_says(object: &mut Object, wamid: &str) {
    object.receive(&delivery("smb_message_echoes", echo(CUSTOMER, wamid, "let me")));
}

/// Lets a message through, and the Graph API take it as `id`.
fn sends(object: &mut Object, sending: &Sending, id: &str) {
    let verdict = object.asks_to_send(sending);
    let Verdict::Go(begun_at) = verdict else { panic!("{verdict:?}") };
    object.settle(sending, begun_at, &accepted(id));
}

fn accepted(id: &str) -> SendEnd {
    SendEnd::Accepted { id: EventId::named(id), answer: Some(format!("{{\"messages\":[{{\"id\":\"{id}\"}}]}}")) }
}

/// What stands against a message; `None` where it goes out.
fn conflict(verdict: &Verdict) -> Option<Conflict> {
    match verdict {
        Verdict::Refuse(refusal) | Verdict::Drop(refusal) => Some(refusal.conflict),
        Verdict::Go(_) => None,
        Verdict::Again(_) | Verdict::Unknown | Verdict::Wait => panic!("{verdict:?}"),
    }
}

fn counts(object: &Object) -> [u32; 3] {
    let collisions = object.conversation().collisions;
    [collisions.prevented, collisions.dropped, collisions.leaked]
}

#[test]
fn a_late_reply_is_refused_and_the_reason_says_since_when() {
    let mut object = Object::new("{}");
    customer_says(&mut object, "m1");
    assert_eq!(conflict(&object.asks_to_send(&reply("on time"))), None);
    object.pass(2);
    shop_says(&mut object, "e1");
    object.pass(4);
    let Verdict::Refuse(refusal) = object.asks_to_send(&reply("too late")) else { panic!("it goes out") };
    assert_eq!(refusal.conflict, Conflict::HeldByHuman);
    assert_eq!(
        refusal.details,
        "The bot's late reply was refused: the shop had answered 4 s earlier and holds the conversation until \
         2026-11-03 10:31:42 UTC."
    );
    let conversation = object.conversation();
    let collision = conversation.collisions.iter().next().unwrap();
    assert_eq!((collision.outcome, collision.late_ms.as_millis()), (CollisionOutcome::Prevented, 4_000));
    assert_eq!(collision.taken_by, Some(EventId::named("e1")));
    assert_eq!(conversation.sends.iter().count(), 1, "only what went out is a send");
    object.pass(1_800);
    assert_eq!(conflict(&object.asks_to_send(&reply("too late"))), None, "the hold is over");
}

#[test]
fn a_hold_that_is_over_refuses_nothing_even_where_its_alarm_is_late() {
    let mut object = Object::new(r#"{"lease_seconds": 60}"#);
    shop_says(&mut object, "e1");
    object.now = UnixMillis::new(object.now.as_millis() + 60_000);
    assert_eq!(conflict(&object.asks_to_send(&reply("good morning"))), None);
    assert!(object.conversation().turn.hold().is_none());
}

#[test]
fn what_answers_an_older_turn_is_refused_by_its_token_or_by_what_it_quotes() {
    let mut object = Object::new(r#"{"lease_seconds": 60}"#);
    customer_says(&mut object, "m1");
    object.bot_answers(Outcome::Accepted);
    object.pass(60);
    shop_says(&mut object, "e1");
    object.pass(61);
    customer_says(&mut object, "m2");
    let quoting = |wamid: &str| {
        sending(&json!({ "to": "15550109999", "context": { "message_id": wamid }, "text": { "body": wamid } }))
    };
    let under = |token: u64| Sending { token: Some(FencingToken::new(token)), ..reply(&format!("under {token}")) };
    for (sending, expected) in [
        (under(0), Some(Conflict::OlderToken)),
        (under(1), Some(Conflict::OlderToken)),
        (under(2), None),
        (quoting("m1"), Some(Conflict::OlderToken)),
        (quoting("m2"), None),
        (quoting("of nobody"), None),
        // What the shop itself wrote is no turn of the bot's.
        (quoting("e1"), None),
        (reply("unmarked"), None),
        (Sending { token: Some(FencingToken::new(2)), ..quoting("m1") }, Some(Conflict::OlderToken)),
    ] {
        assert_eq!(conflict(&object.asks_to_send(&sending)), expected, "{:?} {:?}", sending.token, sending.digest);
    }
    let conversation = object.conversation();
    let last = conversation.collisions.iter().last().unwrap();
    assert_eq!(last.late_ms.as_millis(), 61_000, "since the person took over");
    assert!(last.explain(None).contains("it answers what came before a person took over 61 s earlier"), "{last:?}");
}

#[test]
fn a_hold_that_was_undone_outdates_nothing() {
    for undone in ["revoked", "broadcast"] {
        let mut object = Object::new("{}");
        customer_says(&mut object, "m1");
        object.bot_answers(Outcome::Accepted);
        shop_says(&mut object, "e1");
        let under_first = Sending { token: Some(FencingToken::new(0)), ..reply("answer") };
        assert_eq!(conflict(&object.asks_to_send(&under_first)), Some(Conflict::HeldByHuman));
        if undone == "broadcast" {
            object.broadcast("e1");
        } else {
            let revoke = json!({ "message_echoes": [{ "from": "15550100001", "to": "15550109999", "id": "e2",
                "timestamp": "1793700030", "type": "revoke", "revoke": { "original_message_id": "e1" } }] });
            object.receive(&delivery("smb_message_echoes", revoke));
        }
        assert_eq!(conflict(&object.asks_to_send(&under_first)), None, "{undone}: the customer is owed the answer");
    }
}

#[test]
fn what_becomes_of_a_conflict_is_the_owners_choice_and_is_counted() {
    for (fence, goes, expected) in
        [("refuse", false, [1, 0, 0]), ("accept_and_drop", false, [0, 1, 0]), ("observe", true, [0, 0, 1])]
    {
        let mut object = Object::new(&format!(r#"{{"fence": "{fence}"}}"#));
        shop_says(&mut object, "e1");
        let verdict = object.asks_to_send(&reply("late"));
        assert_eq!(matches!(verdict, Verdict::Go(_)), goes, "{fence}");
        assert_eq!(matches!(verdict, Verdict::Drop(_)), fence == "accept_and_drop");
        assert_eq!(counts(&object), expected, "{fence}");
        assert!(object.alerts.is_empty(), "what the owner has chosen is no alert");
    }
}

#[test]
fn what_the_policy_names_passes_and_changes_nothing_about_the_hold() {
    let mut object = Object::new(
        r#"{"always_send_templates": [{"prefix": "order_"}], "always_send_categories": ["authentication"],
            "always_send_callback_prefixes": ["code:"]}"#,
    );
    customer_says(&mut object, "m1");
    shop_says(&mut object, "e1");
    let before = object.conversation().turn;
    let marked = |mark: &str| {
        let body = json!({ "to": "15550109999", "text": { "body": mark }, "biz_opaque_callback_data": mark });
        sending(&body)
    };
    let of_category =
        |category: &str| Sending { category: Some(category.to_owned()), ..template(&format!("any_{category}")) };
    for (sending, passes) in [
        (template("order_shipped"), true),
        (template("newsletter"), false),
        (of_category("AUTHENTICATION"), true),
        (of_category("MARKETING"), false),
        (marked("code:1"), true),
        (marked("1"), false),
        (reply("order_shipped"), false),
    ] {
        assert_eq!(conflict(&object.asks_to_send(&sending)).is_none(), passes, "{:?}", sending.template);
    }
    assert_eq!(object.conversation().turn, before);
    assert_eq!(counts(&object), [4, 0, 0]);
    // Nor does it take the baton where the bot holds.
    object.pass(4_000);
    sends(&mut object, &template("order_paid"), "b1");
    assert!(object.conversation().turn.hold().is_none());
}

#[test]
fn the_same_message_gets_the_first_ones_answer_and_goes_out_once() {
    let mut object = Object::new(r#"{"duplicate_send_seconds": 60}"#);
    customer_says(&mut object, "m1");
    let Verdict::Go(begun_at) = object.asks_to_send(&reply("hello")) else { panic!("refused") };
    assert_eq!(object.asks_to_send(&reply("hello")), Verdict::Wait, "the first is on its way");
    assert!(matches!(object.asks_to_send(&reply("hello!")), Verdict::Go(_)), "other words");
    object.pass(1);
    object.settle(&reply("hello"), begun_at, &accepted("b1"));
    let answer = r#"{"messages":[{"id":"b1"}]}"#.to_owned();
    assert_eq!(object.asks_to_send(&reply("hello")), Verdict::Again(answer.clone()));
    shop_says(&mut object, "e1");
    assert_eq!(object.asks_to_send(&reply("hello")), Verdict::Again(answer), "it went out, whoever holds now");
    object.pass(58);
    assert!(matches!(object.asks_to_send(&reply("hello")), Verdict::Again(_)));
    object.pass(1);
    assert_eq!(conflict(&object.asks_to_send(&reply("hello"))), Some(Conflict::HeldByHuman), "it is news by now");
}

#[test]
fn a_customer_who_asks_again_is_answered_again() {
    let mut object = Object::new("{}");
    customer_says(&mut object, "m1");
    sends(&mut object, &reply("the menu"), "b1");
    object.pass(5);
    customer_says(&mut object, "m2");
    sends(&mut object, &reply("the menu"), "b2");
    assert!(matches!(object.asks_to_send(&reply("the menu")), Verdict::Again(_)));
    // A receipt is nothing that the customer says.
    object.pass(1);
    object.receive(&delivery("messages", status(CUSTOMER, "b2", "read")));
    assert!(matches!(object.asks_to_send(&reply("the menu")), Verdict::Again(_)));
}

#[test]
fn what_the_graph_api_refused_may_be_sent_again_and_what_is_unknown_may_not() {
    let mut object = Object::new(r#"{"duplicate_send_seconds": 60}"#);
    let Verdict::Go(first) = object.asks_to_send(&reply("a")) else { panic!("refused") };
    object.settle(&reply("a"), first, &SendEnd::NotSent);
    let Verdict::Go(second) = object.asks_to_send(&reply("a")) else { panic!("refused") };
    object.settle(&reply("a"), second, &SendEnd::Unknown);
    assert_eq!(object.asks_to_send(&reply("a")), Verdict::Unknown);
    object.pass(59);
    assert_eq!(object.asks_to_send(&reply("a")), Verdict::Unknown);
    object.pass(1);
    assert!(matches!(object.asks_to_send(&reply("a")), Verdict::Go(_)), "the bot means it");
    // The gate was killed, and nobody tells what became of this one.
    object.pass(75);
    let conversation = object.conversation();
    let send = conversation.sends.iter().last().unwrap();
    assert_eq!(*send.state_at(object.now), SendState::Unknown);
    let without = Object::new(r#"{"duplicate_send_seconds": 0}"#);
    let mut object = without;
    for _ in 0..3 {
        assert!(matches!(object.asks_to_send(&reply("a")), Verdict::Go(_)), "nothing is a repetition");
    }
}

#[test]
fn what_an_answer_says_of_a_message_is_read_from_its_status_and_its_body() {
    let taken = r#"{"messages":[{"id":"wamid.1"}]}"#;
    let error = r#"{"error":{"code":131000,"message":"(#131000) Something went wrong"}}"#;
    for (status, body, expected) in [
        (200, Some(taken), "accepted"),
        (201, Some(taken), "accepted"),
        (200, Some(r#"{"success":true}"#), "unknown"),
        (200, None, "unknown"),
        (302, Some(""), "not sent"),
        (400, Some(error), "not sent"),
        (429, None, "not sent"),
        (500, Some(error), "not sent"),
        (500, Some("<html>"), "unknown"),
        (502, None, "unknown"),
    ] {
        let end = match SendEnd::of_answer(status, body) {
            SendEnd::Accepted { .. } => "accepted",
            SendEnd::NotSent => "not sent",
            SendEnd::Unknown => "unknown",
        };
        assert_eq!(end, expected, "{status} {body:?}");
    }
}

#[test]
fn a_leak_is_what_neither_the_shop_nor_the_gate_has_sent() {
    let mut object = Object::new("{}");
    customer_says(&mut object, "m1");
    sends(&mut object, &reply("before"), "ours");
    object.was_sent("early", Some(object.now));
    assert_eq!(counts(&object), [0, 0, 0], "nobody held then");
    object.pass(10);
    let before = object.now;
    shop_says(&mut object, "e1");
    object.pass(3);
    let now = Some(object.now);
    object.was_sent("ours", now);
    object.was_sent("e1", now);
    object.was_sent("sent before the hold", Some(UnixMillis::new(before.as_millis() - 1_000)));
    assert_eq!(counts(&object), [0, 0, 0]);
    object.was_sent("leaked", now);
    object.was_sent("leaked", now);
    assert_eq!(counts(&object), [0, 0, 1], "once, however often Meta reports it");
    assert_eq!(object.alerts, [Alert::Leak]);
    // The same by a receipt that is stored.
    let mut late = status(CUSTOMER, "leaked too", "sent");
    late["statuses"][0]["timestamp"] = json!(object.now.as_seconds().to_string());
    object.receive(&delivery("messages", late));
    assert_eq!(counts(&object), [0, 0, 2]);
    let conversation = object.conversation();
    let told = conversation.collisions.iter().next().unwrap().explain(None);
    assert_eq!(told, "The bot spoke to the customer past the gate: the shop had answered 3 s earlier.");
}

#[test]
fn what_looked_like_a_leak_is_taken_back_once_it_is_explained() {
    let mut object = Object::new(r#"{"fence": "observe"}"#);
    shop_says(&mut object, "e1");
    object.pass(2);
    let now = Some(object.now);
    object.was_sent("e2", now);
    assert_eq!(counts(&object), [0, 0, 1]);
    shop_says(&mut object, "e2");
    assert_eq!(counts(&object), [0, 0, 0], "the shop's own message was reported before it was shown");

    let Verdict::Go(begun_at) = object.asks_to_send(&reply("late")) else { panic!("refused") };
    assert_eq!(counts(&object), [0, 0, 1], "observed");
    object.was_sent("b1", now);
    object.settle(&reply("late"), begun_at, &accepted("b1"));
    assert_eq!(counts(&object), [0, 0, 1], "Meta was faster than its own answer");

    let Verdict::Go(begun_at) = object.asks_to_send(&reply("later")) else { panic!("refused") };
    object.settle(&reply("later"), begun_at, &SendEnd::Unknown);
    object.was_sent("b2", now);
    let conversation = object.conversation();
    assert!(conversation.sends.contains(&EventId::named("b2")), "now it is known what became of it");
}

#[test]
fn a_read_receipt_stays_here_while_a_person_holds_and_for_a_known_message_only() {
    let stays = |policy: &str, held: bool, known: bool| {
        let mut object = Object::new(policy);
        customer_says(&mut object, "m1");
        if held {
            shop_says(&mut object, "e1");
        }
        let now = object.now;
        object.transact(&[], |conversation, _, context| {
            assert_eq!(context.now, now);
            Ok((conversation.keeps_read_receipt(known, context), baton::conversation::Output::default()))
        })
    };
    for (policy, held, known, expected) in [
        ("{}", true, true, true),
        ("{}", true, false, false),
        ("{}", false, true, false),
        (r#"{"bot_read_receipts": "pass"}"#, true, true, false),
    ] {
        assert_eq!(stays(policy, held, known).unwrap(), expected, "{policy} {held} {known}");
    }
}

#[test]
fn everything_that_is_remembered_is_bounded_and_forgotten_one_day() {
    let mut object = Object::new(r#"{"lease_seconds": 60}"#);
    for number in 0..100 {
        sends(&mut object, &reply(&format!("{number}")), &format!("b{number}"));
    }
    shop_says(&mut object, "e1");
    for number in 0..100 {
        object.asks_to_send(&reply(&format!("late {number}")));
    }
    let conversation = object.conversation();
    assert_eq!((conversation.sends.iter().count(), conversation.collisions.iter().count()), (32, 32));
    assert_eq!(counts(&object), [100, 0, 0], "what is forgotten stays counted");
    object.pass(12 * 86_400);
    let conversation = object.conversation();
    assert_eq!((conversation.sends.iter().count(), conversation.collisions.iter().count()), (0, 0));
    assert_eq!(object.wake_at, None, "nothing is left to wake up for");
}

/// `docs/fence.md` and `docs/costs.md` say what a send costs.
#[test]
fn a_send_costs_two_rows_a_refusal_one_and_a_repetition_none() {
    let mut object = Object::new("{}");
    customer_says(&mut object, "m1");
    object.bot_answers(Outcome::Accepted);
    let rows = |object: &mut Object, work: &mut dyn FnMut(&mut Object)| {
        let before = rows_of(object);
        work(object);
        rows_of(object) - before
    };
    assert_eq!(rows(&mut object, &mut |object| sends(object, &reply("a"), "b1")), of(SEND));
    assert_eq!(rows(&mut object, &mut |object| drop(object.asks_to_send(&reply("a")))), 0);
    shop_says(&mut object, "e1");
    assert_eq!(rows(&mut object, &mut |object| drop(object.asks_to_send(&reply("b")))), of(REFUSED));
    assert_eq!(rows(&mut object, &mut |object| object.was_sent("b1", None)), of(UNKNOWN_SENT));
    let mut nobody = Object::new("{}");
    assert_eq!(rows(&mut nobody, &mut |object| sends(object, &reply("news"), "b1")), 2 + 3, "a table, and an alarm");
}

#[test]
fn any_kind_of_message_is_fenced() {
    let mut object = Object::new("{}");
    object.receive(&delivery("messages", message(CUSTOMER, "m1", "image", json!({ "image": { "id": "1" } }))));
    shop_says(&mut object, "e1");
    for kind in ["text", "image", "template", "interactive", "reaction", "location", "contacts", "novelty"] {
        let body = json!({ "recipient": "US.1", "type": kind, kind: { "id": "1" } });
        assert_eq!(conflict(&object.asks_to_send(&sending(&body))), Some(Conflict::HeldByHuman), "{kind}");
    }
}
