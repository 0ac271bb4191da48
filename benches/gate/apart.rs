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
const TIMES: usize = 5;
/// New conversations that are made before the runtime comes to rest, at most.
const STEP: usize = 5_000;
/// Files of a new conversation's two objects while they are awake: each has a database and its journal, and some have the
/// journal's index besides.
const FILES_EACH: usize = 6;
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
    /// What had to arrive since the last of these, and how it did.
    pub delivered: Delivered,
}

/// How messages arrived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delivered {
    pub ids: usize,
    pub amiss: Amiss,
    /// Answers that were wrong or did not come.
    pub wrong: usize,
}

impl Delivered {
    fn and(self, other: Self) -> Self {
        Self { ids: self.ids + other.ids, amiss: self.amiss + other.amiss, wrong: self.wrong + other.wrong }
    }
}

/// Memory that was resident around a step of new conversations.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub made: usize,
    pub before_mib: f64,
    pub awake_mib: f64,
    /// Once all were idle, where that was waited for.
    pub idle_mib: Option<f64>,
}

/// What became of all of them.
#[derive(Clone, Debug)]
pub struct Growth {
    pub grown: Vec<Grown>,
    pub steps: Vec<Step>,
    pub conversations: usize,
    /// What is left of them in files.
    pub objects: usize,
    pub bytes: u64,
}

impl Growth {
    /// KiB of a conversation while it is awake: of the largest step, which was the first of its size. What the runtime
    /// has had once it keeps, so that later steps need no more.
    pub fn awake_kib(&self) -> Option<f64> {
        let largest = self.largest_step()?;
        let step = self.steps.iter().find(|step| step.made == largest)?;
        Some((step.awake_mib - step.before_mib).max(0.0) * 1_024.0 / each(largest))
    }

    /// KiB of a conversation that is idle: what memory grew by from one step of the largest size to the last of that
    /// size, which were awake in the same memory one after the other.
    pub fn idle_kib(&self) -> Option<f64> {
        let largest = self.largest_step()?;
        let mut rests = self.steps.iter().filter(|step| step.made == largest).filter_map(|step| step.idle_mib);
        let (first, rest) = (rests.next()?, rests.collect::<Vec<_>>());
        Some((rest.last()? - first).max(0.0) * 1_024.0 / each(rest.len() * largest))
    }

    fn largest_step(&self) -> Option<usize> {
        self.steps.iter().map(|step| step.made).max()
    }
}

/// Makes conversations up to each of these numbers, and looks what a message costs then.
pub fn growth(bench: &mut Bench, sizes: &[usize], waits: bool) -> Growth {
    let folder = Folder::make(bench.medium);
    let subject = Subject::start(Kind::Baton, folder.path(), bench.receiver.address, None);
    let idle = |subject: &Subject| {
        if waits {
            idle(subject);
        }
    };
    // A file is kept back for each connection, with room to spare.
    let step_max = STEP.min(subject.files_max().saturating_sub(1_000) / FILES_EACH).max(1);
    let (mut grown, mut steps, mut conversations) = (Vec::new(), Vec::new(), WARM);
    let mut delivered = warm(bench, &subject, MESSAGES);
    idle(&subject);
    for size in sizes {
        let (cpu, made) = (subject.cpu_ms(), size.saturating_sub(conversations));
        while conversations < *size {
            let made = step_max.min(size - conversations);
            let before_mib = subject.resident_mib();
            delivered = delivered.and(deliver(bench, &subject, made, |_| None));
            let awake_mib = subject.resident_mib();
            idle(&subject);
            steps.push(Step { made, before_mib, awake_mib, idle_mib: waits.then(|| subject.resident_mib()) });
            conversations += made;
        }
        let made_cpu_ms = (subject.cpu_ms() - cpu) / each(made.max(1));
        let count = (MESSAGES / bench.less).max(WARM);
        // The conversations that are measured come back into memory first, and what the others have left behind is
        // collected.
        delivered = delivered.and(warm(bench, &subject, count));
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let cpu = subject.cpu_ms();
            delivered = delivered.and(warm(bench, &subject, count));
            times.push((subject.cpu_ms() - cpu) / each(count));
        }
        let Some(cpu_ms) = Spread::of(times) else { continue };
        let delivered = core::mem::take(&mut delivered);
        grown.push(Grown { conversations, cpu_ms, made_cpu_ms, delivered });
    }
    let stored = subject.end();
    Growth { grown, steps, conversations, objects: stored.objects, bytes: stored.bytes }
}

/// So many messages in the conversations that are measured.
fn warm(bench: &mut Bench, to: &Subject, count: usize) -> Delivered {
    deliver(bench, to, count, |at| Some(at % WARM))
}

/// Has so many messages arrive, of these customers or of new ones.
fn deliver(bench: &mut Bench, to: &Subject, count: usize, of: impl Fn(usize) -> Option<usize>) -> Delivered {
    let load = bench.maker.load(|maker| {
        let message = |at| match of(at) {
            Some(customer) => maker.message(customer),
            None => new_message(maker),
        };
        (0..count).map(message).collect()
    });
    let wrong = load::send(to.address, &load.webhooks, AT_ONCE, 200).wrong;
    bench.wait_for(&load);
    thread::sleep(SETTLED_WITHIN);
    Delivered { ids: load.ids.len(), amiss: bench.receiver.amiss(load.ids), wrong }
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
