//! One workload after the other, on every subject in turns, and what came of each turn.
//!
//! Invariant: the subjects take turns within a round (A B, then B A), each on a runtime that this workload has to itself,
//! and nothing else of the measurement runs meanwhile. The CPU of a turn is all that the process used from the first
//! request until it was quiet again, its alarms included.
//!
//! Deliberately not here: what the figures mean (`bars`).

use std::thread;
use std::time::{Duration, Instant};

use super::figures::within;
use super::load::{self, Acknowledged};
use super::options::Options;
use super::receiver::{Amiss, Receiver};
use super::subject::{Folder, Kind, Medium, Stored, Subject};
use super::webhooks::{Load, Maker};
use super::workloads::{WARM, Workload};

/// Room for the ids of a run: `--full` has about 800,000.
const IDS_MAX: usize = 2_000_000;
/// How long the last id may take to arrive.
const ARRIVED_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// What is done after an answer, such as the report to the desk, belongs to it.
pub const SETTLED_WITHIN: Duration = Duration::from_millis(300);

/// What came of one turn.
#[derive(Clone, Debug)]
pub struct Turn {
    pub workload: Workload,
    pub kind: Kind,
    pub round: usize,
    pub webhooks: usize,
    /// Webhooks a second, until the last of their ids had arrived.
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// CPU of a webhook, user and system.
    pub cpu_ms: f64,
    pub peak_mib: f64,
    /// Answers that were wrong or did not come.
    pub wrong: usize,
    /// Ids that had to arrive.
    pub ids: usize,
    pub amiss: Amiss,
}

impl Turn {
    /// Whether everything was answered as it should be and arrived once.
    pub fn is_right(&self) -> bool {
        self.wrong == 0 && self.amiss == Amiss::default()
    }
}

/// What a subject has stored at the end of a workload.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    pub workload: Workload,
    pub kind: Kind,
    pub stored: Stored,
}

/// What sends and receives, and how much.
pub struct Bench {
    pub receiver: Receiver,
    pub maker: Maker,
    pub rounds: usize,
    /// Of the webhooks of a workload, one of so many is sent.
    pub less: usize,
    /// Whether the alarms that ring after a turn are waited for, and counted with it.
    pub waits: bool,
    pub medium: Medium,
}

impl Bench {
    pub fn new(options: &Options) -> Self {
        let Options { rounds, less, waits, medium, .. } = *options;
        Self { receiver: Receiver::start(IDS_MAX), maker: Maker::new(10 * WARM), rounds, less, waits, medium }
    }

    /// Every round of this workload.
    pub fn workload(&mut self, workload: Workload) -> (Vec<Turn>, Vec<Kept>) {
        let folder = Folder::make(self.medium);
        let kinds = Kind::ALL.into_iter().filter(|kind| workload.is_for(*kind));
        let start = |kind| Subject::start(kind, folder.path(), self.receiver.address, None);
        let subjects: Vec<Subject> = kinds.map(start).collect();
        let count = workload.webhooks(self.less);
        for subject in &subjects {
            for load in workload.first(&mut self.maker, count) {
                load::send(subject.address, &load.webhooks, workload.pace(), workload.wanted(subject.kind));
                if workload.arrives(subject.kind) {
                    self.wait_for(&load);
                }
            }
        }
        let mut turns = Vec::new();
        for round in 0..self.rounds {
            let mut order: Vec<&Subject> = subjects.iter().collect();
            if round % 2 == 1 {
                order.reverse();
            }
            turns.extend(order.into_iter().map(|subject| self.turn(workload, subject, round, count)));
        }
        let kept = subjects.into_iter().map(|subject| Kept { workload, kind: subject.kind, stored: subject.end() });
        (turns, kept.collect())
    }

    fn turn(&mut self, workload: Workload, subject: &Subject, round: usize, count: usize) -> Turn {
        let (pace, wanted, arrives) = (workload.pace(), workload.wanted(subject.kind), workload.arrives(subject.kind));
        let load = workload.load(&mut self.maker, count);
        let all = || {
            let acknowledged = load::send(subject.address, &load.webhooks, pace, wanted);
            if arrives {
                self.wait_for(&load);
            }
            acknowledged
        };
        if workload == Workload::Duplicates {
            all();
            thread::sleep(SETTLED_WITHIN);
        }
        let (cpu, begun) = (subject.cpu_ms(), Instant::now());
        let Acknowledged { waited, wrong } = all();
        let took = begun.elapsed();
        let afterwards = workload.afterwards(subject.kind).filter(|_| self.waits);
        thread::sleep(SETTLED_WITHIN + afterwards.unwrap_or_default());
        let cpu = subject.cpu_ms() - cpu;
        let webhooks = load.webhooks.len();
        let ms = |part| within(&waited, part).unwrap_or_default().as_secs_f64() * 1_000.0;
        Turn {
            workload,
            kind: subject.kind,
            round,
            webhooks,
            per_second: each(webhooks) / took.as_secs_f64(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            cpu_ms: cpu / each(webhooks),
            peak_mib: subject.peak_mib(),
            wrong,
            ids: if arrives { load.ids.len() } else { 0 },
            amiss: if arrives { self.receiver.amiss(load.ids) } else { self.astray(&load) },
        }
    }

    /// Waits until every id has arrived, or too long.
    pub fn wait_for(&self, load: &Load) {
        let begun = Instant::now();
        while self.receiver.amiss(load.ids.clone()).missing > 0 && begun.elapsed() < ARRIVED_WITHIN {
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Ids of which none should have come: each that did is one too many.
    fn astray(&self, load: &Load) -> Amiss {
        let missing = self.receiver.amiss(load.ids.clone()).missing;
        Amiss { missing: 0, doubled: load.ids.len() - missing }
    }
}

/// A count as a number that can be divided by.
#[allow(clippy::cast_precision_loss)]
pub const fn each(count: usize) -> f64 {
    count as f64
}
