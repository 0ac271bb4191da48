//! What is measured apart from the rounds: how long the Worker takes to start, how large it is, and what conversations
//! cost that are already there.
//!
//! Invariant: start-up is compared with the floor's, start by start, so that the runtime's own is not counted. A webhook
//! is measured over the same conversations each time, however many there are beside them, and while nothing else of the
//! process is at work.
//!
//! Deliberately not here: what Cloudflare's own start-up adds. It is not on this machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::figures::Spread;
use super::load;
use super::receiver::Amiss;
use super::rounds::{Bench, SETTLED_WITHIN, each};
use super::subject::{Folder, Kind, ROOT, Subject};
use super::workloads::{AT_ONCE, WARM, new_message};

/// Messages over the 50 conversations, and how often they are measured.
const MESSAGES: usize = 1_000;
const TIMES: usize = 3;
/// New conversations that are prepared at a time.
const STEP: usize = 5_000;
/// Alarms ring after 20 s (`ATTEMPT_LOST_AFTER`), and an object leaves memory after 10 s without work.
const IDLE_AFTER: Duration = Duration::from_secs(32);
const IDLE_WITHIN: Duration = Duration::from_mins(3);
/// A process that uses less than this much of a second is idle.
const IDLE_MS: f64 = 30.0;

/// Starts of a Worker, until the first answer.
#[derive(Clone, Debug)]
pub struct Starts {
    pub baton_ms: Vec<f64>,
    pub floor_ms: Vec<f64>,
}

impl Starts {
    /// What Baton takes longer than the floor.
    pub fn beyond_floor(&self) -> Option<Spread> {
        Spread::of(self.baton_ms.iter().zip(&self.floor_ms).map(|(baton, floor)| baton - floor))
    }
}

/// Starts both so many times, in turns.
pub fn starts(bench: &Bench, times: usize) -> Starts {
    let start = |kind| {
        let folder = Folder::make(bench.medium);
        Subject::start(kind, folder.path(), bench.receiver.address, None).started.as_secs_f64() * 1_000.0
    };
    // The first of each finds nothing of it in the machine's memory.
    let _ = (start(Kind::Floor), start(Kind::Baton));
    let (floor_ms, baton_ms) = (0..times).map(|_| (start(Kind::Floor), start(Kind::Baton))).unzip();
    Starts { baton_ms, floor_ms }
}

/// The Worker as it is uploaded, compressed, in KiB; `None` on a machine without gzip.
pub fn gzip_kib() -> Option<f64> {
    let compressed = |name| {
        let file = fs::File::open(Path::new(ROOT).join("build").join(name)).ok()?;
        let output = Command::new("gzip").args(["-6", "-c"]).stdin(file).output().ok()?;
        output.status.success().then_some(output.stdout.len())
    };
    Some((each(compressed("index.js")?) + each(compressed("index_bg.wasm")?)) / 1_024.0)
}

/// How Baton does with so many conversations.
#[derive(Clone, Debug)]
pub struct Grown {
    pub conversations: usize,
    /// CPU of a message in one that was there before.
    pub cpu_ms: Spread,
    /// CPU of the first message of a new one, its alarm included.
    pub made_cpu_ms: f64,
    /// Memory that is resident: before the first conversation, after making these, and once all are idle, where that was
    /// waited for.
    pub before_mib: f64,
    pub working_mib: f64,
    pub idle_mib: Option<f64>,
    /// Ids that had to arrive since the last of these.
    pub ids: usize,
    pub amiss: Amiss,
}

/// What is left of all of them in files.
#[derive(Clone, Copy, Debug)]
pub struct InFiles {
    pub conversations: usize,
    pub objects: usize,
    pub bytes: u64,
}

/// Makes conversations up to each of these numbers, and looks what a message costs then.
pub fn growth(bench: &mut Bench, sizes: &[usize], waits: bool) -> (Vec<Grown>, InFiles) {
    let folder = Folder::make(bench.medium);
    let subject = Subject::start(Kind::Baton, folder.path(), bench.receiver.address, None);
    let idle = |subject: &Subject| {
        if waits {
            idle(subject);
        }
    };
    let (mut grown, mut conversations) = (Vec::new(), WARM);
    let mut from = bench.maker.ids();
    let mut amiss = warm(bench, &subject, MESSAGES);
    idle(&subject);
    let before_mib = subject.resident_mib();
    for size in sizes {
        let (cpu, made) = (subject.cpu_ms(), size.saturating_sub(conversations));
        while conversations < *size {
            let step = STEP.min(size - conversations);
            amiss = amiss + deliver(bench, &subject, step, |_| None);
            conversations += step;
        }
        let working_mib = subject.resident_mib();
        idle(&subject);
        let (idle_mib, made_cpu_ms) =
            (waits.then(|| subject.resident_mib()), (subject.cpu_ms() - cpu) / each(made.max(1)));
        // The conversations that are measured come back into memory first.
        amiss = amiss + warm(bench, &subject, 2 * WARM);
        let count = (MESSAGES / bench.less).max(WARM);
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let cpu = subject.cpu_ms();
            amiss = amiss + warm(bench, &subject, count);
            times.push((subject.cpu_ms() - cpu) / each(count));
        }
        let Some(cpu_ms) = Spread::of(times) else { continue };
        let ids = bench.maker.ids() - from;
        grown.push(Grown { conversations, cpu_ms, made_cpu_ms, before_mib, working_mib, idle_mib, ids, amiss });
        (from, amiss) = (bench.maker.ids(), Amiss::default());
    }
    let stored = subject.end();
    (grown, InFiles { conversations, objects: stored.objects, bytes: stored.bytes })
}

/// So many messages in the conversations that are measured.
fn warm(bench: &mut Bench, to: &Subject, count: usize) -> Amiss {
    deliver(bench, to, count, |at| Some(at % WARM))
}

/// Has so many messages arrive, of these customers or of new ones.
fn deliver(bench: &mut Bench, to: &Subject, count: usize, of: impl Fn(usize) -> Option<usize>) -> Amiss {
    let load = bench.maker.load(|maker| {
        let message = |at| match of(at) {
            Some(customer) => maker.message(customer),
            None => new_message(maker),
        };
        (0..count).map(message).collect()
    });
    load::send(to.address, &load.webhooks, AT_ONCE, 200);
    bench.wait_for(&load);
    thread::sleep(SETTLED_WITHIN);
    bench.receiver.amiss(load.ids)
}

/// Waits until the alarms have rung, the objects have left memory and the process does nothing more.
fn idle(subject: &Subject) {
    let begun = Instant::now();
    thread::sleep(IDLE_AFTER);
    while begun.elapsed() < IDLE_WITHIN {
        let cpu = subject.cpu_ms();
        thread::sleep(Duration::from_secs(1));
        if subject.cpu_ms() - cpu < IDLE_MS {
            return;
        }
    }
}
