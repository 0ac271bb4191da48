//! The shell: the only place that names the runtime. It decodes, calls the core, and does what it says.
//!
//! | file | what |
//! |---|---|
//! | `router` | path and method → handler; the operator's view of a conversation |
//! | `api` | the operator's API: who asks what, and which handler answers |
//! | `access` | who asks: token, session, Cloudflare Access |
//! | `certs` | the keys of a team of Cloudflare Access |
//! | `office` | the Durable Object of failed attempts, the policy's versions and the use of secrets |
//! | `uses` | which secrets this isolate has seen in use |
//! | `diagnosis` | how the gate is: its parts, secrets, policy, bots, lines |
//! | `probe` | whether a bot answers, and looks at signatures |
//! | `classes`, `jurisdiction` | the classes of objects, in the jurisdiction that they are kept in |
//! | `operate` | what the operator asks of one conversation |
//! | `erase` | a customer is erased, with a proof |
//! | `policies` | the policy's versions |
//! | `webhook` | `GET` and `POST /webhook` |
//! | `verify` | a delivery's body, read and checked against its signature |
//! | `receipts` | receipts that go straight to the bot |
//! | `graph` | the Graph API behind the gate: what is carried |
//! | `exchange` | a request there, the answer back |
//! | `send` | a message of the bot's on its way through the fence |
//! | `templates` | the category of a template |
//! | `homes` | where the conversations of phone numbers live |
//! | `head` | what a request says before its body |
//! | `body` | bodies as far as a limit |
//! | `answer` | answers as text, JSON and problem details |
//! | `calls` | the Worker's calls to objects, from one name of a customer to the next |
//! | `object` | the Durable Object of a conversation: one transaction per command, alarms, attempts |
//! | `report` | a conversation reports to the desk of its line |
//! | `batch` | reports of several conversations on their way to a desk |
//! | `desk` | the Durable Object of a desk: reports in, lists out, live streams, alarms |
//! | `desks` | what the Worker asks of desks |
//! | `alerts` | an alert on its way to the owner's addresses |
//! | `fence` | what the object does for the bot's sends |
//! | `acts` | what the object does for the operator |
//! | `broadcast` | echoes counted over the customers of a line |
//! | `link` | two objects of one customer find out where the conversation lives |
//! | `bot` | one attempt as a `fetch` |
//! | `host` | what crosses the border to the runtime in one piece |
//! | `outbound` | requests that leave the isolate |
//! | `sql` | the object's SQLite behind [`crate::store::Sql`], transactions included |
//! | `env` | settings from the environment, texts of KV |
//! | `inforce` | the policy in force, of the deployment and of each line |
//! | `clock` | the one reader of the clock, the one source of randomness |
//! | `log` | one JSON line per occurrence, from a closed list |
//!
//! Invariant: no rule of the protocol stands here. Where a handler has an `if`, it is about HTTP or about the
//! runtime. Every failure ends in an answer; a panic would take down every object of the isolate.
//!
//! `tests/runtime/` covers this room by behaviour, on the runtime itself.

mod access;
mod acts;
mod alerts;
mod analytics;
mod answer;
mod api;
mod batch;
mod body;
mod bot;
mod broadcast;
mod calls;
mod certs;
mod classes;
mod clock;
mod desk;
mod desks;
mod diagnosis;
mod env;
mod erase;
mod exchange;
mod fence;
mod graph;
mod head;
mod homes;
mod host;
mod inforce;
mod jurisdiction;
mod link;
mod log;
mod object;
mod office;
mod operate;
mod outbound;
mod policies;
mod probe;
mod receipts;
mod report;
mod router;
mod send;
mod sql;
mod templates;
mod uses;
mod verify;
mod webhook;

use core::cell::{OnceCell, RefCell};
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use worker::js_sys::futures::{future_to_promise, spawn_local};
use worker::wasm_bindgen::JsValue;
use worker::{Context, Env, Result, event, web_sys};

use crate::json;

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> Result<web_sys::Response> {
    router::handle(request, env, context).await
}

impl From<json::Unreadable> for worker::Error {
    fn from(error: json::Unreadable) -> Self {
        Self::RustError(error.to_string())
    }
}

/// Does work of an object's while the caller already has its answer. An object stays awake for what it has begun
/// (Cloudflare, Durable Object state, `waitUntil`, 2026).
fn meanwhile(work: impl Future<Output = ()> + 'static) {
    let work: Work<'static> = Box::pin(work);
    spawn_local(work);
}

/// What `work` comes to, where it need not wait for anything; else a promise of it. Boxed, so that what turns a future
/// into a promise is there once for all of them.
fn at_once(work: impl Future<Output = JsValue> + 'static) -> JsValue {
    let mut work: Pin<Box<dyn Future<Output = JsValue>>> = Box::pin(work);
    match work.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => future_to_promise(async move { Ok(work.await) }).into(),
    }
}

/// As [`meanwhile`], of the Worker.
fn afterwards(context: &Context, work: impl Future<Output = ()> + 'static) {
    let work: Work<'static> = Box::pin(work);
    context.wait_until(work);
}

/// Work of which nothing is known but that it ends.
type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Does several things, `at_once` of them at the same time, and gives what came of them in their order. What waits for all
/// of them knows nothing of what they are, and so is in the Worker once.
async fn together<T>(parts: impl ExactSizeIterator<Item: Future<Output = T>>, at_once: usize) -> Vec<T> {
    let results: Vec<OnceCell<T>> = (0..parts.len()).map(|_| OnceCell::new()).collect();
    let mut all = parts.zip(&results).map(|(part, result)| -> Work<'_> {
        Box::pin(async move {
            // Each is set once, here.
            let _ = result.set(part.await);
        })
    });
    finish(&mut all, at_once).await;
    results.into_iter().filter_map(OnceCell::into_inner).collect()
}

async fn finish(all: &mut dyn Iterator<Item = Work<'_>>, at_once: usize) {
    let mut under_way: FuturesUnordered<_> = (&mut *all).take(at_once).collect();
    while under_way.next().await.is_some() {
        under_way.extend(all.next());
    }
}

/// Does jobs at the same time, and those that come of each when it ends, until none is left.
async fn until_none_is_left<J, W: Future<Output = Vec<J>>>(jobs: Vec<J>, work: impl Fn(J) -> W) {
    let (left, work) = (&RefCell::new(jobs), &work);
    let mut under_way = FuturesUnordered::new();
    loop {
        under_way.extend(left.take().into_iter().map(|job| -> Work<'_> {
            Box::pin(async move {
                let more = work(job).await;
                left.borrow_mut().extend(more);
            })
        }));
        if under_way.next().await.is_none() {
            return;
        }
    }
}
