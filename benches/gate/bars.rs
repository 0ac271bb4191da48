//! The bars: what is wanted, what it came to, and whether that is enough.
//!
//! Invariant: every bar has its line, also where it was not measured in this run. A median decides; between what the
//! rounds lie stands beside it.
//!
//! Deliberately not here: measuring. Everything here is arithmetic on what the other modules have found.

use super::apart::{Grown, Growth, Starts};
use super::counts::{ECHO, MESSAGE, REPEATED, readable};
use super::figures::{Spread, differences, ratios};
use super::price;
use super::receiver::Amiss;
use super::rounds::{Kept, Turn, each};
use super::subject::Kind;
use super::workloads::Workload;

const RATIO_TO_PEER: f64 = 1.0;
const REFUSED_TO_FLOOR: f64 = 0.7;
const ACKNOWLEDGED_P50_MS: f64 = 50.0;
const ACKNOWLEDGED_P99_MS: f64 = 250.0;
const VERIFICATION_MS: f64 = 10.0;
const ROWS_MAX: [u64; 3] = [3, 2, 0];
const OBJECT_REQUESTS_MAX: u64 = 1;
const DOLLARS_PER_1000: f64 = 0.0045;
const GZIP_KIB: f64 = 400.0;
const START_MS: f64 = 50.0;
/// What counts as flat: measurements of one and the same size lie as far apart.
const FLAT: f64 = 1.25;

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub turns: Vec<Turn>,
    pub kept: Vec<Kept>,
    pub starts: Option<Starts>,
    pub gzip_kib: Option<f64>,
    pub growth: Option<Growth>,
}

/// What became of a bar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    Pass,
    Fail,
    NotMeasured,
    /// Said, and held against nothing.
    Stated,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Bar {
    pub name: String,
    pub wanted: String,
    pub figure: String,
    pub verdict: Verdict,
}

impl Found {
    /// A figure of every round.
    pub fn rounds(&self, workload: Workload, kind: Kind, figure: impl Fn(&Turn) -> f64) -> Vec<(usize, f64)> {
        let turns = self.turns.iter().filter(|turn| turn.workload == workload && turn.kind == kind);
        turns.map(|turn| (turn.round, figure(turn))).collect()
    }

    /// What a figure came to over all rounds.
    pub fn spread(&self, workload: Workload, kind: Kind, figure: impl Fn(&Turn) -> f64) -> Option<Spread> {
        Spread::of(self.rounds(workload, kind, figure).into_iter().map(|(_, value)| value))
    }

    /// Whether everything arrived that had to, once, and was answered as it had to be.
    pub fn is_right(&self) -> bool {
        self.amiss() == Amiss::default() && self.wrong() == 0
    }

    fn amiss(&self) -> Amiss {
        let turns = self.turns.iter().map(|turn| turn.amiss);
        turns.chain(self.grown().map(|grown| grown.delivered.amiss)).fold(Amiss::default(), |all, amiss| all + amiss)
    }

    fn wrong(&self) -> usize {
        let turns = self.turns.iter().map(|turn| turn.wrong);
        turns.chain(self.grown().map(|grown| grown.delivered.wrong)).sum()
    }

    fn grown(&self) -> impl DoubleEndedIterator<Item = &Grown> {
        self.growth.iter().flat_map(|growth| &growth.grown)
    }

    /// Every bar, in the order of the table.
    pub fn bars(&self) -> Vec<Bar> {
        let against_peer = [Workload::Warm, Workload::Cold, Workload::Batch];
        let waited = |figure: fn(&Turn) -> f64| self.spread(Workload::Burst, Kind::Baton, figure);
        let mut bars: Vec<Bar> = Vec::new();
        bars.extend(against_peer.map(|workload| self.throughput(workload, Kind::Peer, RATIO_TO_PEER)));
        bars.extend(against_peer.map(|workload| self.cpu(workload)));
        bars.push(self.throughput(Workload::Refused, Kind::Floor, REFUSED_TO_FLOOR));
        bars.push(at_most("acknowledged in the burst, p50", ACKNOWLEDGED_P50_MS, waited(|turn| turn.p50_ms)));
        bars.push(at_most("acknowledged in the burst, p99", ACKNOWLEDGED_P99_MS, waited(|turn| turn.p99_ms)));
        bars.push(at_most("CPU to verify 3 MB", VERIFICATION_MS, self.verification()));
        bars.extend(counted());
        let gzip = self.gzip_kib.map(|kib| (format!("{kib:.0} KiB"), kib <= GZIP_KIB));
        bars.push(Bar::of("Worker, compressed", format!("≤ {GZIP_KIB:.0} KiB"), gzip));
        let start = self.starts.as_ref().and_then(Starts::beyond_floor);
        bars.push(at_most("start-up, beyond the floor's", START_MS, start));
        bars.extend(self.growth());
        bars.push(self.arrived());
        bars
    }

    fn throughput(&self, workload: Workload, against: Kind, wanted: f64) -> Bar {
        let of = |kind| self.rounds(workload, kind, |turn| turn.per_second);
        let name = format!("{}: throughput ÷ the {}'s", workload.name(), against.name());
        at_least(&name, wanted, ratios(&of(Kind::Baton), &of(against)))
    }

    /// The peer's to Baton's, so that more is better as everywhere.
    fn cpu(&self, workload: Workload) -> Bar {
        let of = |kind| self.rounds(workload, kind, |turn| turn.cpu_ms);
        let name = format!("{}: the peer's CPU ÷ Baton's", workload.name());
        at_least(&name, RATIO_TO_PEER, ratios(&of(Kind::Peer), &of(Kind::Baton)))
    }

    /// The CPU of a large body that is refused, less what reading it costs the floor.
    fn verification(&self) -> Option<Spread> {
        let of = |kind| self.rounds(Workload::Forged, kind, |turn| turn.cpu_ms);
        differences(&of(Kind::Baton), &of(Kind::Floor))
    }

    fn growth(&self) -> [Bar; 3] {
        let ends = self.grown().next().zip(self.grown().next_back());
        let flat = ends.filter(|(least, most)| least.conversations < most.conversations).map(|(least, most)| {
            let ratio = most.cpu_ms.median / least.cpu_ms.median;
            (format!("{ratio:.2}, {} to {}", count(least.conversations), count(most.conversations)), ratio <= FLAT)
        });
        let memory = self.growth.as_ref().and_then(|growth| {
            let idle = growth.idle_kib().map(|kib| format!(", idle {kib:.0} KiB"));
            Some(format!("awake {:.0} KiB{}", growth.awake_kib()?, idle.unwrap_or_default()))
        });
        let files = self.growth.as_ref().map(|growth| {
            #[allow(clippy::cast_precision_loss)]
            let mib = growth.bytes as f64 / 1_024.0 / 1_024.0;
            format!("{mib:.0} MiB ({:.0} KiB each)", mib * 1_024.0 / each(growth.conversations))
        });
        let of = match &self.growth {
            Some(growth) => format!("files of {} conversations", count(growth.conversations)),
            None => "files of conversations".to_owned(),
        };
        [
            Bar::of("CPU of a message, with more conversations", format!("≤ {FLAT:.2}"), flat),
            Bar::stated("memory of a conversation", memory),
            Bar::stated(&of, files),
        ]
    }

    fn arrived(&self) -> Bar {
        let Amiss { missing, doubled } = self.amiss();
        let ids = self.turns.iter().map(|turn| turn.ids).chain(self.grown().map(|grown| grown.delivered.ids)).sum();
        let wrong = self.wrong();
        let figure = match (missing, doubled, wrong) {
            (0, 0, 0) => format!("all of {}", count(ids)),
            _ => format!("{missing} missing, {doubled} doubled, {wrong} wrong answers"),
        };
        let is_measured = !self.turns.is_empty() || self.grown().next().is_some();
        Bar::of("ids that arrive, each once", "all".to_owned(), is_measured.then(|| (figure, self.is_right())))
    }
}

/// What `cargo test --test native cost` asserts from counts, and needs no measurement.
fn counted() -> [Bar; 3] {
    let rows = [MESSAGE.rows, ECHO.rows, REPEATED.rows];
    let is_within = rows.iter().zip(ROWS_MAX).all(|(rows, most)| *rows <= most);
    let shown = |rows: [u64; 3]| rows.map(|rows| rows.to_string()).join(", ");
    let (webhooks, messages) = (price::of_webhooks(), price::of_messages());
    let price = format!("${webhooks:.4} (of messages ${messages:.4})");
    [
        Bar::of(
            "rows of a message, an echo, a duplicate",
            format!("≤ {}", shown(ROWS_MAX)),
            Some((shown(rows), is_within)),
        ),
        Bar::of(
            "object requests before a message is known",
            format!("≤ {OBJECT_REQUESTS_MAX}"),
            Some((MESSAGE.object.to_string(), MESSAGE.object <= OBJECT_REQUESTS_MAX)),
        ),
        Bar::of(
            "price of 1,000 webhooks",
            format!("≤ ${DOLLARS_PER_1000}"),
            Some((price, webhooks <= DOLLARS_PER_1000)),
        ),
    ]
}

impl Bar {
    fn of(name: &str, wanted: String, found: Option<(String, bool)>) -> Self {
        let (figure, verdict) = match found {
            None => (String::new(), Verdict::NotMeasured),
            Some((figure, true)) => (figure, Verdict::Pass),
            Some((figure, false)) => (figure, Verdict::Fail),
        };
        Self { name: name.to_owned(), wanted, figure, verdict }
    }

    fn stated(name: &str, figure: Option<String>) -> Self {
        let verdict = if figure.is_some() { Verdict::Stated } else { Verdict::NotMeasured };
        Self { name: name.to_owned(), wanted: String::new(), figure: figure.unwrap_or_default(), verdict }
    }
}

fn at_least(name: &str, wanted: f64, found: Option<Spread>) -> Bar {
    Bar::of(name, format!("≥ {wanted:.1}"), found.map(|found| (found.to_string(), found.median >= wanted)))
}

fn at_most(name: &str, wanted_ms: f64, found: Option<Spread>) -> Bar {
    let found = found.map(|found| (format!("{found} ms"), found.median <= wanted_ms));
    Bar::of(name, format!("≤ {wanted_ms} ms"), found)
}

/// A number with commas between its thousands.
pub fn count(number: usize) -> String {
    readable(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Amiss, Found, Kind, Turn, Verdict, Workload};

    fn turn(workload: Workload, kind: Kind, round: usize, per_second: f64, cpu_ms: f64) -> Turn {
        let amiss = Amiss::default();
        let (webhooks, ids) = (10, 10);
        Turn {
            workload,
            kind,
            round,
            webhooks,
            per_second,
            p50_ms: 50.0,
            p99_ms: 250.1,
            cpu_ms,
            peak_mib: 1.0,
            wrong: 0,
            ids,
            amiss,
        }
    }

    fn found() -> Found {
        let (warm, cold, burst) = (Workload::Warm, Workload::Cold, Workload::Burst);
        let turns = vec![
            turn(warm, Kind::Peer, 0, 100.0, 1.0),
            turn(warm, Kind::Baton, 0, 100.0, 2.0),
            turn(warm, Kind::Baton, 1, 300.0, 2.0),
            turn(warm, Kind::Peer, 1, 200.0, 1.0),
            turn(cold, Kind::Baton, 0, 99.0, 1.0),
            turn(cold, Kind::Peer, 0, 100.0, 1.0),
            turn(burst, Kind::Baton, 0, 200.0, 1.0),
            turn(Workload::Forged, Kind::Floor, 0, 1.0, 5.0),
            turn(Workload::Forged, Kind::Baton, 0, 1.0, 12.0),
        ];
        Found { turns, gzip_kib: Some(400.4), ..Found::default() }
    }

    #[test]
    fn each_bar_is_held_against_what_was_measured_and_no_bar_is_left_out() {
        let bars = found().bars();
        let of = |name: &str| {
            let bar = bars.iter().find(|bar| bar.name.starts_with(name)).unwrap_or_else(|| panic!("{name}: {bars:#?}"));
            (bar.figure.as_str(), bar.verdict)
        };
        assert_eq!(of("warm: throughput"), ("1.25 (1.00–1.50)", Verdict::Pass));
        assert_eq!(of("warm: the peer's CPU"), ("0.50 (0.50–0.50)", Verdict::Fail));
        assert_eq!(of("cold: throughput"), ("0.99 (0.99–0.99)", Verdict::Fail));
        assert_eq!(of("cold: the peer's CPU"), ("1.00 (1.00–1.00)", Verdict::Pass));
        assert_eq!(of("batch: throughput"), ("", Verdict::NotMeasured));
        assert_eq!(of("acknowledged in the burst, p50"), ("50.0 (50.0–50.0) ms", Verdict::Pass));
        assert_eq!(of("acknowledged in the burst, p99").1, Verdict::Fail);
        assert_eq!(of("CPU to verify"), ("7.00 (7.00–7.00) ms", Verdict::Pass));
        assert_eq!(of("rows").1, Verdict::Pass);
        assert_eq!(of("Worker"), ("400 KiB", Verdict::Fail));
        assert_eq!(of("start-up").1, Verdict::NotMeasured);
        assert_eq!(of("CPU of a message").1, Verdict::NotMeasured);
        assert_eq!(of("ids"), ("all of 90", Verdict::Pass));
        assert_eq!(Found::default().bars().len(), bars.len(), "a bar that was not measured has its line too");
    }

    #[test]
    fn a_lost_or_doubled_id_or_a_wrong_answer_is_a_wrong_result() {
        assert!(found().is_right());
        for (missing, doubled, wrong) in [(1, 0, 0), (0, 1, 0), (0, 0, 1)] {
            let mut found = found();
            found.turns[3].amiss = Amiss { missing, doubled };
            found.turns[3].wrong = wrong;
            assert!(!found.is_right());
            let told = format!("{missing} missing, {doubled} doubled, {wrong} wrong answers");
            assert!(found.bars().iter().any(|bar| bar.figure == told && bar.verdict == Verdict::Fail));
        }
    }
}
