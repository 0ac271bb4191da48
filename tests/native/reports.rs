//! How often a line's desk hears of what happens: as often as the costs say (`cli/counts.rs`), and never of a receipt.
//!
//! The conversation and its reports are the gate's own; when a report leaves is the shell's (`src/edge/report.rs`), and is
//! done here as it is there.

use baton::command::CarriedEvent;
use baton::conversation::fence::{Asked, SendEnd, Verdict};
use baton::conversation::{Answer, Arrival, Context, Conversation, Incoming, Input, Output};
use baton::desk::report::{Report, Standing};
use baton::graph::send::{Post, Sending};
use baton::ids::{EventId, LineId};
use baton::outbox::Tried;
use baton::outbox::outcome::Outcome;
use baton::store::StoreError;
use baton::store::table::Table;
use baton::webhook;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::common::meta::{Customer, LINE, delivery, echo, status, text};
use crate::counts;
use crate::object::{Object, carried};
use crate::sqlite::Sqlite;

const CUSTOMER: Customer<'static> = Customer { phone: Some("15550109999"), bsuid: Some("US.1") };

/// An object with what its shell keeps for the desk.
struct Shell {
    object: Object,
    pending: Option<Report>,
    told: Option<Standing>,
    reports: u64,
}

impl Shell {
    fn new() -> Self {
        Self { object: Object::new("{}"), pending: None, told: None, reports: 0 }
    }

    /// A transaction, and what it leaves to be reported.
    fn transact<T>(
        &mut self,
        bodies: &[Option<&str>],
        work: impl FnOnce(&mut Conversation, &Table<'_, Sqlite>, Context<'_>) -> Result<(T, Output), StoreError>,
    ) -> T {
        let name = self.object.name.clone();
        let (answer, report) = self
            .object
            .transact(bodies, |conversation, table, context| {
                let (answer, output) = work(conversation, table, context)?;
                let report = Report::of(&name, conversation, &output, context);
                Ok(((answer, report), output))
            })
            .unwrap();
        let told = self.told.as_ref().filter(|_| self.pending.is_none());
        if let Some(report) = report.filter(|report| !report.is_old_news(told)) {
            match self.pending.as_mut() {
                Some(before) => before.add(report),
                None => self.pending = Some(report),
            }
        }
        answer
    }

    fn report(&mut self, all: bool) {
        if self.pending.as_ref().is_some_and(|report| all || report.is_urgent()) {
            self.told = self.pending.take().unwrap().standing;
            self.reports += 1;
        }
    }

    fn receive(&mut self, delivery: &Value, tried: Option<Tried>) {
        let body = delivery.to_string();
        let events = webhook::read(body.as_bytes()).unwrap();
        let customer = events.iter().find_map(|event| event.scope.customer().cloned());
        let events: Vec<CarriedEvent> = events.iter().map(|event| CarriedEvent { tried, ..carried(event) }).collect();
        let incoming: Vec<Incoming> = events.iter().map(CarriedEvent::incoming).collect();
        let bodies: Vec<Option<&str>> = events.iter().map(|event| event.body.as_deref().map(RawValue::get)).collect();
        let (here, line) = (self.object.name.clone(), LineId::parse(LINE));
        self.transact(&bodies, |conversation, table, context| {
            let known = table.known(incoming.iter().flat_map(Incoming::ids))?;
            let (events, known, last_said) = (&incoming[..], &known, table.last_said()?);
            let (aliases, customer, line) = (&[][..], customer.as_ref(), line.as_ref());
            let arrival = Arrival { events, known, here: &here, aliases, customer, line, last_said };
            Ok(((), conversation.apply(&Input::Accept(arrival), context)))
        });
        let is_idle = self.object.attempt.is_none() && self.object.receipt.is_none();
        self.report(is_idle);
    }

    /// Attempts end with this, one after the other, as long as there are any.
    fn bot_answers(&mut self, outcome: Outcome) {
        while let Some((attempt, _)) = self.object.attempt.take().or_else(|| self.object.receipt.take()) {
            self.transact(&[], |conversation, _, context| {
                let input = Input::Finish { id: &attempt.id, number: attempt.number, outcome };
                Ok(((), conversation.apply(&input, context)))
            });
        }
        self.report(true);
    }

    /// The end of an attempt that the Worker had begun is told.
    fn finish_last(&mut self) {
        let entry = self.object.conversation().outbox.last().cloned().unwrap();
        self.transact(&[], |conversation, _, context| {
            let input = Input::Finish { id: &entry.id, number: entry.attempts, outcome: Outcome::Accepted };
            Ok(((), conversation.apply(&input, context)))
        });
        self.report(true);
    }

    fn pass(&mut self, seconds: u64) {
        let until = self.object.now.after(baton::time::Millis::from_seconds(seconds));
        while let Some(at) = self.object.wake_at.filter(|at| *at <= until) {
            self.object.now = self.object.now.max(at);
            self.object.wake_at = None;
            self.transact(&[], |conversation, _, context| {
                Ok(((), conversation.apply(&Input::Wake { oldest: None }, context)))
            });
            self.bot_answers(Outcome::Accepted);
        }
        self.object.now = until;
    }

    /// The bot posts a message; where it may, it goes out.
    fn bot_says(&mut self, words: &str) -> bool {
        let sending = &sending(words);
        let here = &self.object.name.clone();
        let answer = self.transact(&[], |conversation, _, context| {
            let asked = Asked { sending, answered: None, last_said: None, here, via: None };
            let output = conversation.apply(&Input::Send(asked), context);
            Ok((output.answer.clone(), output))
        });
        self.report(true);
        let Answer::Send(Verdict::Go(begun_at)) = answer else { return false };
        let (digest, end) = (&sending.digest, &SendEnd::Accepted { id: EventId::named(words), answer: None });
        self.transact(&[], |conversation, _, context| {
            Ok(((), conversation.apply(&Input::Settle { begun_at, digest, end }, context)))
        });
        self.report(true);
        true
    }

    /// How often the desk hears of `work`.
    fn hears(&mut self, work: impl FnOnce(&mut Self)) -> u64 {
        let before = self.reports;
        work(self);
        self.reports - before
    }
}

fn sending(words: &str) -> Sending {
    let body = json!({ "to": "15550109999", "type": "text", "text": { "body": words } });
    match Post::read(body.to_string().as_bytes(), None) {
        Ok(Post::Message(_, sending)) => *sending,
        other => panic!("{other:?}"),
    }
}

fn message(shell: &mut Shell, wamid: &str) {
    shell.receive(&delivery("messages", text(CUSTOMER, wamid, "hello")), None);
    shell.bot_answers(Outcome::Accepted);
}

fn shop_says(shell: &mut Shell, wamid: &str) {
    shell.receive(&delivery("smb_message_echoes", echo(CUSTOMER, wamid, "let me")), None);
}

#[test]
fn a_desk_hears_of_each_event_as_often_as_the_costs_say() {
    let mut shell = Shell::new();
    assert_eq!(shell.hears(|shell| message(shell, "m1")), counts::FIRST_MESSAGE.desk);
    assert_eq!(shell.hears(|shell| message(shell, "m2")), counts::MESSAGE.desk);
    assert_eq!(shell.hears(|shell| message(shell, "m2")), counts::REPEATED.desk);
    assert_eq!(shell.hears(|shell| assert!(shell.bot_says("yes"))), counts::SEND.desk);
    shell.pass(60);
    assert_eq!(shell.hears(|shell| shop_says(shell, "e1")), counts::ECHO.desk);
    assert_eq!(shell.hears(|shell| message(shell, "m3")), counts::WAITING.desk);
    assert_eq!(shell.hears(|shell| message(shell, "m4")), counts::WITHHELD.desk);
    assert_eq!(shell.hears(|shell| assert!(!shell.bot_says("late"))), counts::REFUSED.desk);
    assert_eq!(shell.hears(|shell| shell.pass(600)), counts::WARNING.desk);
    // The first message of it starts with the handback and is told with it; the other is told when it has been taken.
    assert!((counts::HANDBACK.desk..=2).contains(&shell.hears(|shell| shell.pass(1_300))));
}

/// Three of four events are receipts. A bot that is slow, or that refuses every one of them, is nothing to the desk.
#[test]
fn a_desk_hears_of_no_receipt_whatever_the_bot_does_with_it() {
    let mut shell = Shell::new();
    message(&mut shell, "m1");
    for (number, what) in ["sent", "delivered", "read"].into_iter().enumerate() {
        let receipt = delivery("messages", status(CUSTOMER, "wamid.answer", what));
        let heard = shell.hears(|shell| {
            shell.receive(&receipt, Some(Tried::UnderWay));
            shell.finish_last();
        });
        assert_eq!(heard, counts::LATE_RECEIPT.desk, "{what}");
        let refused = delivery("messages", status(CUSTOMER, &format!("wamid.{number}"), what));
        let heard = shell.hears(|shell| {
            shell.receive(&refused, Some(Tried::Ended(Outcome::Rejected { status: 400 })));
        });
        assert_eq!(heard, 0, "{what}, refused");
    }
}
