//! `GET /webhook` and `POST /webhook`, and the same at `/webhook/<APP>` for an app of its own path.
//!
//! What an app has signed is believed of its own lines only (`settings::apps`): the rest of a delivery is left out, with a
//! line in the log, and what is believed of it goes on.
//!
//! Invariant: Meta is told 200 only after every event of the delivery is stored. Meta takes nothing but 200
//! for an answer and otherwise repeats the whole delivery for up to 7 days (webhooks overview, 2026), which
//! costs nothing here, because every event is accepted once.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use base64ct::{Base64, Encoding};
use futures_util::future::join;
use serde_json::value::RawValue;
use worker::{Context, Env, web_sys};

use super::calls::Address;
use super::head::Head;
use super::log::{Occurrence, log};
use super::{answer, calls, clock, inforce, receipts, together, uses, verify};
use crate::command::CarriedEvent;
use crate::ids::{EventId, LineId};
use crate::json;
use crate::limits::{CONVERSATIONS_AT_ONCE, RECEIPTS_STRAIGHT_MAX, REFUSALS_TOLD_EVERY, WEBHOOK_BODY_BYTES_MAX};
use crate::problem::Problem;
use crate::settings::Settings;
use crate::settings::apps::App;
use crate::settings::secrets::{META_APP_SECRET, META_VERIFY_TOKEN};
use crate::time::UnixMillis;
use crate::webhook::event::{Class, Event};
use crate::webhook::facts::Facts;
use crate::webhook::signature::Signature;
use crate::webhook::{self, Unreadable, handshake as core_handshake};

/// Answers Meta's handshake: 200 with the challenge, 403 otherwise.
pub(super) fn handshake(head: &Head, settings: &Settings, app: Option<&App>) -> Result<web_sys::Response, Problem> {
    let (name, token) = settings.secret_at(app, META_VERIFY_TOKEN).map_err(Problem::NotConfigured)?;
    let query = head.url().split_once('?').map(|(_, query)| query).unwrap_or_default();
    let challenge = core_handshake::answer(query, token);
    let (challenge, which) = challenge.map_err(Problem::Handshake)?;
    uses::note(&name, token, which);
    answer::text(&challenge)
}

/// Takes a delivery.
///
/// 1. A body that is announced or turns out too large: 413.
/// 2. A signature that is missing, malformed or not made with the app's secret: 401, and nothing is stored.
/// 3. Split into events, of which those of other apps' lines are left out; a signed body that is no webhook is kept as it is.
/// 4. Receipts go to the bot straight; those that it does not take in time go the way of all events.
/// 5. Stored, each event in its conversation's object, all objects at the same time: else 500.
/// 6. 200.
pub(super) async fn delivery(
    head: &Head,
    request: &web_sys::Request,
    env: &Env,
    context: &Context,
    settings: &Rc<Settings>,
    app: Option<&App>,
) -> Result<web_sys::Response, Problem> {
    let taken = take(head, request, env, context, settings, app).await;
    if let Err(problem) = &taken {
        tell_of_refusal(problem.status());
    }
    taken
}

/// Writes a line about a refused delivery, at most one a second for each status: whoever sends many wants to be seen in
/// neither the log nor the bill.
fn tell_of_refusal(status: u16) {
    thread_local! {
        static TOLD: RefCell<Vec<(u16, UnixMillis, usize)>> = const { RefCell::new(Vec::new()) };
    }
    let now = clock::now();
    let count = TOLD.with_borrow_mut(|told| {
        let Some((_, at, untold)) = told.iter_mut().find(|(known, ..)| *known == status) else {
            told.push((status, now, 0));
            return Some(1);
        };
        *untold = untold.saturating_add(1);
        (now >= at.after(REFUSALS_TOLD_EVERY)).then(|| {
            *at = now;
            core::mem::take(untold)
        })
    });
    if let Some(count) = count {
        log(&Occurrence::DeliveryRefused { status, count });
    }
}

async fn take(
    head: &Head,
    request: &web_sys::Request,
    env: &Env,
    context: &Context,
    settings: &Rc<Settings>,
    app: Option<&App>,
) -> Result<web_sys::Response, Problem> {
    let (name, secrets) = settings.secret_at(app, META_APP_SECRET).map_err(Problem::NotConfigured)?;
    if head.announced().is_some_and(|bytes| bytes > WEBHOOK_BODY_BYTES_MAX) {
        return Err(Problem::BodyTooLarge);
    }
    // A delivery without a signature is refused before its body is read.
    let signature = Signature::parse(head.signature()).map_err(Problem::Signature)?;
    let (body, which) = verify::read(head, request, &signature, secrets).await?;
    uses::note(&name, secrets, which);

    let (batches, receipts) = match webhook::read(&body) {
        Ok(mut events) => {
            leave_out_others(&mut events, settings, app);
            leave_out_contacts(&mut events, env, settings).await;
            sort(&events)?
        }
        Err(why) => {
            log(&Occurrence::Unreadable { bytes: body.len() });
            (quarantine(&body, why, app)?, Vec::new())
        }
    };
    // Messages are stored while the receipts are under way; neither waits for the other.
    let stored = join(store_all(batches, env), async {
        let late = receipts::send_all(receipts, settings, env, context).await;
        together(late.into_iter().map(|late| receipts::store(late, env, context)), usize::MAX).await
    });
    let (messages, receipts) = stored.await;
    if let Some(failed) = messages.into_iter().chain(receipts).find_map(Result::err) {
        log(&Occurrence::NotStored { error: &failed });
        return Err(Problem::NotStored);
    }
    answer::text("ok")
}

/// Leaves out what is of no line of the app that has signed the delivery: nobody else's events are made by it.
fn leave_out_others(events: &mut Vec<Event<'_>>, settings: &Settings, app: Option<&App>) {
    let all = events.len();
    events.retain(|event| settings.believes(app, &event.scope));
    let count = all.saturating_sub(events.len());
    if count > 0 {
        log(&Occurrence::NotBelieved { count });
    }
}

/// Leaves out the phone's address book where no rule of its line looks at it: it may have thousands of entries.
async fn leave_out_contacts(events: &mut Vec<Event<'_>>, env: &Env, settings: &Settings) {
    let mut lines: Vec<Option<LineId>> = Vec::new();
    for event in events.iter().filter(|event| event.class == Class::Contact) {
        let line = event.scope.line().cloned();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    for line in lines {
        if !inforce::policy(env, settings, line.as_ref(), clock::now()).await.looks_at_contacts() {
            events.retain(|event| event.class != Class::Contact || event.scope.line() != line.as_ref());
        }
    }
}

/// Has every event accepted by its object.
async fn store_all(batches: Batches, env: &Env) -> Vec<worker::Result<()>> {
    let store =
        |(to, events): (Address, Vec<CarriedEvent>)| async move { calls::accept(env, to, events).await.map(|_| ()) };
    together(batches.into_iter().map(store), CONVERSATIONS_AT_ONCE).await
}

/// Events by where they go.
type Batches = BTreeMap<Address, Vec<CarriedEvent>>;

/// The events by the object that they go to, in their order, and the receipts that go to the bot straight.
fn sort(events: &[Event<'_>]) -> Result<(Batches, Vec<(Address, CarriedEvent)>), Problem> {
    let is_receipt = |event: &&Event<'_>| event.class == Class::Receipt;
    let straight = events.iter().filter(is_receipt).count() <= RECEIPTS_STRAIGHT_MAX;
    let (mut batches, mut receipts) = (Batches::new(), Vec::new());
    for event in events {
        let body = event.class.keeps_body().then(|| RawValue::from_string(event.body())).transpose();
        let body = body.map_err(|_| Problem::NotStored)?;
        let (id, sent_at_ms) = (event.id.clone(), event.sent_at);
        let facts = event.facts.clone();
        let carried = CarriedEvent { id, class: event.class, sent_at_ms, body, tried: None, facts };
        let address = Address::of(event);
        if straight && is_receipt(&event) {
            receipts.push((address, carried));
        } else {
            batches.entry(address).or_default().push(carried);
        }
    }
    Ok((batches, receipts))
}

/// A signed body that is no webhook, as one event that is kept for a person to look at.
fn quarantine(body: &[u8], why: Unreadable, app: Option<&App>) -> Result<Batches, Problem> {
    #[derive(serde::Serialize)]
    struct Quarantined<'a> {
        unreadable: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
    }
    let text = core::str::from_utf8(body).ok();
    let base64 = text.is_none().then(|| Base64::encode_string(body));
    let kept = json::write_raw(&Quarantined { unreadable: why.to_string(), text, base64 });
    let kept = kept.map_err(|_| Problem::NotStored)?;
    let event = CarriedEvent {
        id: EventId::of_bytes(body),
        class: Class::Unknown,
        sent_at_ms: None,
        body: Some(kept),
        tried: None,
        facts: Facts::default(),
    };
    let mut batches = Batches::new();
    batches.insert(Address::unreadable(app), vec![event]);
    Ok(batches)
}
