//! Promise 5, as far as it goes without the bot: every hold ends by itself, from an alarm.

use baton::conversation::memory::{Cause, Change};
use baton::conversation::turn::Holder;

use crate::common::meta::{delivery, echo, phone};
use crate::object::Object;

#[test]
fn a_hold_ends_from_an_alarm_without_a_further_message() {
    let mut object = Object::new("{}");
    object.receive(&delivery("smb_message_echoes", echo(phone("15550109999"), "e1", "hi")));
    let until = object.conversation().turn.lease_until().unwrap();
    assert_eq!(until.as_millis() - object.now.as_millis(), 1_800_000, "half an hour by default");
    assert_eq!(object.wake_at, Some(until), "the alarm is the lease's end");
    object.pass(1_799);
    assert_ne!(object.conversation().turn.holder, Holder::Automation);
    object.pass(1);
    let conversation = object.conversation();
    assert_eq!(conversation.turn.holder, Holder::Automation);
    let journal: Vec<_> =
        conversation.journal.iter().map(|line| (line.transition, line.cause, line.token.number())).collect();
    assert_eq!(journal, [(Change::Takeover, Cause::Echo, 1), (Change::Handback, Cause::LeaseExpired, 2)]);
}

#[test]
fn an_alarm_that_comes_late_or_too_early_does_no_harm() {
    let mut object = Object::new("{}");
    object.receive(&delivery("smb_message_echoes", echo(phone("15550109999"), "e1", "hi")));
    let until = object.wake_at;
    object.wake();
    assert_eq!(object.wake_at, until, "too early: it is set again");
    // Late by a day, and the alarm of the platform is not needed for a message to find the hold ended.
    object.now = object.now.after(baton::time::Millis::from_seconds(86_400));
    object.receive(&delivery("messages", crate::common::meta::text(phone("15550109999"), "m1", "hello?")));
    assert_eq!(object.attempt.as_ref().unwrap().0.id.as_str(), "m1");
}
