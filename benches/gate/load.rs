//! Sends webhooks, so many at once or so many a second, and measures until each is acknowledged.
//!
//! Invariant: a webhook that comes at a set time has waited since that time, also where it could only be sent later. A
//! sender that stands still would otherwise hide what waits behind it.
//!
//! Deliberately not here: whether what was sent has arrived (`receiver`).

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::http::Connection;
use super::webhooks::Webhook;

/// How webhooks come.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many are under way at any time.
    AtOnce(usize),
    /// So many begin each second, whatever became of those before.
    PerSecond(u32),
}

/// Connections over which webhooks come that begin at set times: at 200 a second, each may take 320 ms before one waits.
const CONNECTIONS: usize = 64;

/// What became of webhooks.
pub struct Acknowledged {
    /// Until each was answered, in order of length.
    pub waited: Vec<Duration>,
    /// Webhooks that were not answered with the status that was wanted.
    pub wrong: usize,
}

/// Sends all of them and waits for every answer, which must have this status.
pub fn send(to: SocketAddr, all: &[Webhook], pace: Pace, status: u16) -> Acknowledged {
    let (connections, every) = match pace {
        Pace::AtOnce(count) => (count, None),
        Pace::PerSecond(count) => (CONNECTIONS, Some(Duration::from_secs(1) / count)),
    };
    let (next, answers, mistakes) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..connections.min(all.len()) {
            scope.spawn(|| {
                let (mut connection, mut own) = (None, Vec::new());
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(webhook) = all.get(at) else { break };
                    let due = every.zip(u32::try_from(at).ok()).map(|(every, at)| begun + every * at);
                    let since = due.unwrap_or_else(Instant::now);
                    thread::sleep(since.saturating_duration_since(Instant::now()));
                    let is_right = ask(&mut connection, to, webhook) == Some(status);
                    own.push(since.elapsed());
                    mistakes.fetch_add(usize::from(!is_right), Ordering::Relaxed);
                }
                answers.lock().unwrap().extend(own);
            });
        }
    });
    let mut waited = answers.into_inner().unwrap();
    waited.sort_unstable();
    Acknowledged { waited, wrong: mistakes.into_inner() }
}

/// The status of the answer; `None`, and a new connection the next time, where none came.
fn ask(connection: &mut Option<Connection>, to: SocketAddr, webhook: &Webhook) -> Option<u16> {
    if connection.is_none() {
        *connection = Connection::open(to).ok();
    }
    let answered = connection.as_mut().and_then(|open| open.ask(&webhook.request).ok());
    if answered.is_none() {
        *connection = None;
    }
    answered
}
