//! What is printed: the figures of a workload as soon as it is done, and the bars at the end.
//!
//! Invariant: lines of at most 100 columns, the same on a terminal and in a log.
//!
//! Deliberately not here: raw figures (`json`), and colours (`main`).

use super::bars::{Bar, Found, Verdict, count};
use super::figures::{Spread, readable};
use super::options::Options;
use super::rounds::Turn;
use super::subject::{Kind, Medium};
use super::workloads::Workload;

/// What was asked for, and the head of the figures.
pub fn head(options: &Options) -> String {
    let rounds = if options.rounds == 1 { "one round".to_owned() } else { format!("{} rounds", options.rounds) };
    let medium = match options.medium {
        Medium::Memory => "objects in memory",
        Medium::Disk => "objects on the disk",
    };
    format!(
        "Baton beside a floor and a peer on workerd: {rounds}, {medium}.\nMedians, and the least and the most of all rounds in parentheses.\n\n{}",
        columns(["", "", "webhooks/s", "p50 ms", "p99 ms", "CPU ms a webhook", "MiB", "objects", "rows"])
    )
}

/// The figures of a workload, a line for each subject.
pub fn workload(found: &Found, workload: Workload) -> String {
    let lines = Kind::ALL.into_iter().filter(|kind| workload.is_for(*kind)).filter_map(|kind| {
        let of = |figure: fn(&Turn) -> f64| found.spread(workload, kind, figure);
        let median = |spread: Option<Spread>| spread.map_or_else(String::new, |spread| readable(spread.median));
        let kept = found.kept.iter().find(|kept| kept.workload == workload && kept.kind == kind)?.stored;
        let shown = |number: usize| if number == 0 { "–".to_owned() } else { count(number) };
        Some(columns([
            if kind == Kind::Floor { workload.name() } else { "" },
            kind.name(),
            &of(|turn| turn.per_second)?.to_string(),
            &median(of(|turn| turn.p50_ms)),
            &median(of(|turn| turn.p99_ms)),
            &of(|turn| turn.cpu_ms)?.to_string(),
            &of(|turn| turn.peak_mib).map_or_else(String::new, |spread| format!("{:.0}", spread.max)),
            &shown(kept.objects),
            &shown(kept.rows),
        ]))
    });
    let lines: Vec<String> = lines.collect();
    lines.join("\n")
}

fn columns(cells: [&str; 9]) -> String {
    let [workload, subject, throughput, p50, p99, cpu, memory, objects, rows] = cells;
    let line = format!(
        "{workload:<10} {subject:<5} {throughput:>21} {p50:>7} {p99:>7} {cpu:>19} {memory:>4} {objects:>7} {rows:>7}"
    );
    line.trim_end().to_owned()
}

/// The bars.
pub fn bars(bars: &[Bar]) -> String {
    let line = |[name, wanted, figure, verdict]: [&str; 4]| {
        format!("{name:<42} {wanted:>9}   {figure:<29} {verdict}").trim_end().to_owned()
    };
    let mut lines = vec![line(["bar", "wanted", "measured", ""])];
    lines.extend(bars.iter().map(|bar| {
        let verdict = match bar.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::NotMeasured => "not measured",
            Verdict::Stated => "",
        };
        line([&bar.name, &bar.wanted, &bar.figure, verdict])
    }));
    lines.join("\n")
}

/// What was wrong with a workload, so that it can be looked for.
pub fn trouble(turn: &Turn) -> String {
    let (workload, kind, round) = (turn.workload.name(), turn.kind.name(), turn.round + 1);
    let (wrong, missing, doubled) = (turn.wrong, turn.amiss.missing, turn.amiss.doubled);
    format!("{workload} of {kind}, round {round}: {missing} ids missing, {doubled} doubled, {wrong} wrong answers")
}
