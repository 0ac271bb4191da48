//! What a bot sends while a person holds the conversation does not reach the Graph API, whatever it is and however the
//! customer is named; and what does reach it was let through by the turn or by a word of the policy.
//!
//! Invariant: a refusal is in the operator's view, with what stood against it, as often as there was one.
//!
//! Not here: repetitions and lost answers (`sends`), bots that go past the gate (`leaks`), races (`race`).

use std::sync::LazyLock;
use std::time::Duration;

use baton::command::{HolderName, Shown};
use baton::conversation::collisions::Conflict;
use serde_json::{Value, json};

use crate::client::{Answer, Person, bot_text, eventually, wamid};
use crate::common::meta::{ACCOUNT, LINE, both, bsuid, phone};
use crate::graph::{Place, Reaction, place};

pub const HELD: (u16, u64) = (400, 990_001);
const LIMIT: Duration = Duration::from_secs(20);

/// A message of the bot's that names the customer as told, in words that no other test uses.
fn message(names: Value) -> Value {
    let mut message = bot_text("");
    message.as_object_mut().unwrap().remove("to");
    for (key, name) in names.as_object().unwrap() {
        message[key] = name.clone();
    }
    message
}

/// A template to this customer.
pub fn template(to: &str, name: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": to, "type": "template",
        "template": { "name": name, "language": { "code": "es" } } })
}

fn words(message: &Value) -> String {
    message["text"]["body"].as_str().unwrap().to_owned()
}

/// Fails unless this is the refusal of a message while a person holds.
pub fn assert_held(answer: &Answer, what: &str) {
    assert_eq!(answer.graph_error(), HELD, "{what}: {answer:?}");
    assert_eq!(answer.header("x-baton-refused"), Some("held_by_human"), "{what}");
}

#[test]
fn while_nobody_holds_a_message_goes_out_as_it_is_and_its_fate_is_written_down() {
    let place = place();
    let person = Person::new();
    let asked = place.gate.asks(person.both());
    let token = place.bot.wait_for(1, &asked, LIMIT)[0].token().to_string();
    let mut message = bot_text(&person.phone);
    message["context"] = json!({ "message_id": asked });
    let answer = place.gate.send_with(&message, &[("x-baton-token", &token)]);
    let id = answer.sent_id();
    assert!(answer.header("x-baton-refused").is_none());
    let [at_graph] = &place.graph.asked(&words(&message))[..] else { panic!("it went out not once") };
    assert_eq!(at_graph.json(), message);
    let sent = eventually(LIMIT, "the send is settled", || {
        let shown = place.gate.shown(&person.phone);
        shown.sends.into_iter().find(|send| send.state == "accepted")
    });
    assert_eq!((sent.kind.as_str(), sent.id.map(|id| id.as_str().to_owned())), ("text", Some(id)));
}

#[test]
fn while_a_person_holds_no_message_of_any_kind_reaches_the_graph_api() {
    let place = place();
    let person = Person::new();
    let to = person.phone.as_str();
    let echo = place.gate.echo(person.both());
    let of_kind = |kind: &str, more: Value| {
        let mut message = json!({ "messaging_product": "whatsapp", "to": to, "type": kind });
        message[kind] = more;
        message
    };
    let kinds = [
        bot_text(to),
        template(to, "spring_sale"),
        of_kind("image", json!({ "id": "1" })),
        of_kind("reaction", json!({ "message_id": "wamid.x", "emoji": "" })),
        of_kind("interactive", json!({ "type": "button", "body": { "text": "?" } })),
        of_kind("contacts", json!([])),
        of_kind("a_kind_of_tomorrow", json!({})),
        json!({ "to": to, "text": { "body": "without a type" } }),
        json!({ "to": to, "status": "read", "message_id": "wamid.x", "type": "text", "text": { "body": "both" } }),
    ];
    for message in &kinds {
        assert_held(&place.gate.send(message), &message.to_string());
    }
    let json = [("content-type", "application/json")];
    for path in ["/messages", "/marketing_messages", "/Messages", "/messages/", "/messages?debug=all"] {
        for start in ["", "/v23.0", "/graph", "/graph/v23.0"] {
            let target = format!("{start}/{LINE}{path}");
            let answer = place.gate.call("POST", &target, &json, bot_text(to).to_string().as_bytes());
            assert_held(&answer, &target);
        }
    }
    assert!(place.graph.asked(to).is_empty(), "{:?}", place.graph.asked(to));

    let shown = place.gate.shown(to);
    assert_eq!(usize::try_from(shown.collision_counts.prevented).unwrap(), kinds.len() + 20);
    assert_eq!((shown.collision_counts.leaked, shown.collision_counts.dropped), (0, 0));
    assert!(shown.sends.is_empty(), "{shown:?}");
    for (collision, kind) in shown.collisions.iter().zip(["text", "template", "image", "reaction", "interactive"]) {
        assert_eq!((&*collision.outcome, collision.reason), ("prevented", Conflict::HeldByHuman));
        assert_eq!(collision.kind, kind);
        assert_eq!(collision.taken_by.as_ref().map(baton::ids::EventId::as_str), Some(echo.as_str()));
        assert!(!collision.explanation.is_empty());
    }

    let other = Person::new();
    assert_eq!(place.gate.send(&bot_text(&other.phone)).status, 200, "another customer's conversation is open");
}

#[test]
fn a_hold_that_was_taken_under_one_name_stands_under_every_name() {
    let place = place();
    for taken in [Person::both, Person::by_phone, Person::by_bsuid] {
        let person = Person::new();
        // The customer's own message says that both names are one person.
        place.gate.asks(person.both());
        place.gate.echo(taken(&person));
        let (phone, bsuid) = (person.phone.as_str(), person.bsuid.as_str());
        let (area, number) = (&phone[1..4], &phone[4..]);
        for names in [
            json!({ "to": phone }),
            json!({ "to": format!("+{phone}") }),
            json!({ "to": format!("+1 ({area}) {number}") }),
            json!({ "to": phone.parse::<u64>().unwrap() }),
            json!({ "recipient": bsuid }),
            json!({ "to": "", "recipient": bsuid }),
            json!({ "to": bsuid }),
            json!({ "to": phone, "recipient": bsuid }),
        ] {
            let message = message(names.clone());
            assert_held(&place.gate.send(&message), &names.to_string());
            assert!(place.graph.asked(&words(&message)).is_empty(), "{names}");
        }
    }
    // Where nobody has said so yet, a message with both names is refused because of either.
    for taken in [Person::by_phone, Person::by_bsuid] {
        let person = Person::new();
        place.gate.echo(taken(&person));
        assert_held(&place.gate.send(&message(json!({ "to": person.phone, "recipient": person.bsuid }))), "both names");
    }
}

#[test]
fn a_number_that_belongs_to_somebody_else_by_now_is_looked_for_with_its_new_owner() {
    let place = place();
    let (before, after) = (Person::new(), Person::new());
    let now_with = both(&before.phone, &after.bsuid);
    place.gate.asks(before.both());
    let to_number = || place.gate.send(&message(json!({ "to": before.phone })));
    assert_eq!(to_number().status, 200);
    place.gate.asks(now_with);
    assert_eq!(to_number().status, 200);
    place.gate.echo(bsuid(&after.bsuid));
    assert_held(&to_number(), "the number of a customer whom a person holds");
    assert_held(&place.gate.send(&message(json!({ "recipient": after.bsuid }))), "the same customer");
    let of_before = place.gate.send(&message(json!({ "recipient": before.bsuid })));
    assert_eq!(of_before.status, 200, "whom the number belonged to is somebody else: {of_before:?}");
}

#[test]
fn a_hold_is_found_also_where_the_names_are_linked_after_the_bot_has_used_them() {
    let place = place();
    for taken in [Person::both, Person::by_phone, Person::by_bsuid] {
        let person = Person::new();
        // Two customers, as far as anybody knows, and the bot has written to both.
        place.gate.asks(person.by_phone());
        place.gate.asks(person.by_bsuid());
        let names = [json!({ "to": person.phone }), json!({ "recipient": person.bsuid })];
        for names in &names {
            assert_eq!(place.gate.send(&message(names.clone())).status, 200);
        }
        place.gate.asks(person.both());
        place.gate.echo(taken(&person));
        for names in &names {
            assert_held(&place.gate.send(&message(names.clone())), &names.to_string());
        }
    }
}

#[test]
fn brazilian_and_mexican_numbers_are_one_customer_in_either_form() {
    let place = place();
    let serial = || Person::new().phone[4..].to_owned();
    let forms = |serial: &str| {
        [
            (format!("55119{}{serial}", 8), format!("5511{}{serial}", 8)),
            (format!("521155{serial}"), format!("52155{serial}")),
        ]
    };
    for which in 0..2 {
        for turned in [false, true] {
            let (long, short) = forms(&serial())[which].clone();
            let (held, sent_to) = if turned { (short, long) } else { (long, short) };
            place.gate.echo(phone(&held));
            let text = bot_text(&sent_to);
            assert_held(&place.gate.send(&text), &format!("held as {held}, sent to {sent_to}"));
            assert!(place.graph.asked(&words(&text)).is_empty());
        }
    }
}

#[test]
fn accept_and_drop_tells_the_bot_that_it_was_sent_and_sends_nothing() {
    let place = Place::start(json!({ "fence": "accept_and_drop" }));
    let person = Person::new();
    place.gate.echo(person.both());
    let text = bot_text(&person.phone);
    let (first, second) = (place.gate.send(&text), place.gate.send(&bot_text(&person.phone)));
    assert!(first.sent_id().starts_with("wamid.baton.dropped."), "{first:?}");
    assert_ne!(first.sent_id(), second.sent_id());
    assert_eq!(first.header("x-baton-refused"), Some("held_by_human"));
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(body["contacts"][0]["wa_id"], person.phone.as_str());
    assert!(place.graph.asked("").is_empty());
    let shown = place.gate.shown(&person.phone);
    assert_eq!((shown.collision_counts.dropped, shown.collision_counts.prevented), (2, 0));
    assert!(shown.sends.is_empty());
}

#[test]
fn observe_lets_everything_out_and_counts_it() {
    let place = Place::start(json!({ "fence": "observe" }));
    let person = Person::new();
    place.gate.echo(person.both());
    let text = bot_text(&person.phone);
    let id = place.gate.send(&text).sent_id();
    assert_eq!(place.graph.asked(&words(&text)).len(), 1);
    let shown = place.gate.shown(&person.phone);
    assert_eq!((shown.collision_counts.leaked, shown.collision_counts.prevented), (1, 0));
    assert_eq!(shown.collisions[0].outcome, "leaked");
    assert_eq!(shown.holder, HolderName::Human, "the hold is as it was");
    let sent = eventually(LIMIT, "the send is settled", || {
        place.gate.shown(&person.phone).sends.into_iter().find(|send| send.state == "accepted")
    });
    assert_eq!(sent.id.unwrap().as_str(), id);
}

/// A gate whose holds are short.
fn short() -> &'static Place {
    static PLACE: LazyLock<Place> = LazyLock::new(|| {
        Place::start(json!({ "lease_seconds": 2, "hand_back_after_seconds": 3, "warn_after_seconds": 1 }))
    });
    &PLACE
}

#[test]
fn what_answers_an_older_turn_is_refused_after_the_handback_and_what_answers_the_new_one_is_not() {
    let Place { bot, graph, gate } = short();
    let person = Person::new();
    let old = gate.asks(person.both());
    let old_token = bot.wait_for(1, &old, LIMIT)[0].token().to_string();
    gate.echo(person.both());
    gate.wait_for_holder(&person.phone, HolderName::Automation, LIMIT);
    let new = gate.asks(person.both());
    let new_token = bot.wait_for(1, &new, LIMIT)[0].token().to_string();
    let reply_to = |id: &str| {
        let mut text = bot_text(&person.phone);
        text["context"] = json!({ "message_id": id });
        text
    };
    let plain = || bot_text(&person.phone);
    for (text, token) in [
        (plain(), Some(&old_token)),
        (reply_to(&old), None),
        (reply_to(&old), Some(&new_token)),
        (reply_to(&new), Some(&old_token)),
    ] {
        let headers: Vec<(&str, &str)> = token.map(|token| ("x-baton-token", token.as_str())).into_iter().collect();
        let answer = gate.send_with(&text, &headers);
        assert_eq!(answer.graph_error(), HELD, "{text} {token:?}");
        assert_eq!(answer.header("x-baton-refused"), Some("older_token"));
        assert!(graph.asked(&words(&text)).is_empty());
    }
    let shown = gate.shown(&person.phone);
    assert_eq!(shown.collision_counts.prevented, 4);
    assert!(shown.collisions.iter().all(|one| one.reason == Conflict::OlderToken && one.late_ms.as_millis() > 0));
    for (text, token) in [
        (plain(), None),
        (plain(), Some(&new_token)),
        (reply_to(&new), None),
        (reply_to(&new), Some(&new_token)),
        (reply_to(&wamid()), None),
    ] {
        let headers: Vec<(&str, &str)> = token.map(|token| ("x-baton-token", token.as_str())).into_iter().collect();
        assert_eq!(gate.send_with(&text, &headers).status, 200, "{text} {token:?}");
        assert_eq!(graph.asked(&words(&text)).len(), 1);
    }
}

/// What a hold is, without what the bot does meanwhile.
fn hold(shown: &Shown) -> Value {
    json!([shown.holder == HolderName::Human, shown.lease_until_ms, shown.token, shown.journal, shown.waiting_since_ms])
}

#[test]
fn what_the_policy_always_lets_through_passes_and_changes_nothing_about_the_hold() {
    let place = place();
    let person = Person::new();
    let to = person.phone.as_str();
    place.gate.echo(person.both());
    place.gate.asks(person.both());
    let before = hold(&place.gate.shown(to));
    let category = |name: &str, category: &str| {
        let list = json!({ "data": [{ "name": name, "category": category, "language": "es", "id": "1" },
            { "name": format!("{name}_2"), "category": "MARKETING", "language": "es", "id": "2" }] });
        place.graph.on(&format!("message_templates?name={name}"), move |_| Reaction::json(200, &list));
    };
    category("login_code", "AUTHENTICATION");
    category("summer_sale", "MARKETING");
    place.graph.on("message_templates?name=not_known", |_| Reaction::error(500, 1));
    let mut marked = bot_text(to);
    marked["biz_opaque_callback_data"] = json!("code:17");
    let mut badly_marked = bot_text(to);
    badly_marked["biz_opaque_callback_data"] = json!("decode:17");
    for (message, passes) in [
        (template(to, "order_ready"), true),
        (template(to, "reorder_ready"), false),
        (template(to, "login_code"), true),
        (template(to, "summer_sale"), false),
        (template(to, "not_known"), false),
        (marked, true),
        (badly_marked, false),
    ] {
        let answer = place.gate.send(&message);
        if passes {
            assert_eq!(answer.status, 200, "{message}: {answer:?}");
        } else {
            assert_held(&answer, &message.to_string());
        }
    }
    // The same template to others: its category is known by now.
    for _ in 0..5 {
        let other = Person::new();
        place.gate.echo(other.both());
        assert_eq!(place.gate.send(&template(&other.phone, "login_code")).status, 200);
    }
    let [look_up] = &place.graph.asked("message_templates?name=login_code")[..] else { panic!("not asked for once") };
    assert_eq!(look_up.target, format!("/v23.0/{ACCOUNT}/message_templates?name=login_code&fields=name%2Ccategory"));
    assert!(look_up.header("authorization").is_some());
    assert!(place.graph.asked("message_templates?name=order_ready").is_empty(), "its name is enough");
    let shown = place.gate.shown(to);
    assert_eq!(hold(&shown), before);
    assert_eq!((shown.collision_counts.prevented, shown.sends.len()), (4, 3));
    assert_held(&place.gate.send(&bot_text(to)), "a message that nothing lets through");
}
