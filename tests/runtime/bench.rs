//! `npm run bench` works: everything that it measures, once and as little of it as there is. What the figures are is
//! nobody's promise here.

use crate::measurement::options::Options;
use crate::measurement::run;

/// A line of the table for each bar of the project, by how it begins.
const BARS: [&str; 19] = [
    "warm: throughput ÷ the peer's",
    "cold: throughput ÷ the peer's",
    "batch: throughput ÷ the peer's",
    "warm: the peer's CPU ÷ Baton's",
    "cold: the peer's CPU ÷ Baton's",
    "batch: the peer's CPU ÷ Baton's",
    "refused: throughput ÷ the floor's",
    "acknowledged in the burst, p50",
    "acknowledged in the burst, p99",
    "CPU to verify 3 MB",
    "rows of a message, an echo, a duplicate",
    "object requests before a message is known",
    "price of 1,000 webhooks",
    "Worker, compressed",
    "start-up, beyond the floor's",
    "CPU of a message, with more conversations",
    "memory of a conversation",
    "files of 80 conversations",
    "ids that arrive, each once",
];

#[test]
fn a_measurement_has_a_figure_for_every_bar_and_every_id_arrives_once() {
    let file = std::env::temp_dir().join(format!("baton-bench-{}.json", std::process::id()));
    let options = Options { json: Some(file.clone()), ..Options::least() };
    let mut shown = String::new();
    let is_right = run(&options, &mut |text| {
        println!("{text}");
        shown += text;
        shown.push('\n');
    });
    assert!(is_right, "{shown}");
    for name in BARS {
        let line = shown.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {shown}"));
        assert!(!line.ends_with("not measured"), "{line}");
    }
    let widest = shown.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns: {shown}");
    let figures: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(figures["bars"].as_array().map(Vec::len), Some(BARS.len()), "{figures}");
    // Nine workloads of three subjects, of which the peer has no fence.
    assert_eq!(figures["turns"].as_array().map(Vec::len), Some(9 * 3 - 1), "{figures}");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn an_option_that_makes_no_sense_is_one_line_and_nothing_is_built() {
    for (words, told) in [
        (vec!["--quik"], "Unknown option \"--quik\""),
        (vec!["--rounds", "none"], "--rounds takes a whole number"),
        (vec!["--only", "warm,hot"], "not \"hot\""),
        (vec!["--quick", "--full"], "exclude each other"),
        (vec!["--of", "peer"], "--profile"),
    ] {
        let output = crate::shipping::node(&[vec!["dev/run.mjs", "bench"], words.clone()].concat());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{words:?}: {complaint}");
        assert!(complaint.contains(told) && complaint.trim().lines().count() == 1, "{words:?}: {complaint}");
    }
}
