//! The book of operations has a line for every alert, every event of the log and every reason of Meta's for a
//! disconnection.

use baton::desk::incident::Kind;

use crate::common::book::{page_at, root};

/// The first cells of the tables under a heading, word by word.
fn cells(heading: &str) -> Vec<String> {
    let page = page_at("docs/operations.md").text;
    let under = page.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let first = |line: &str| line.strip_prefix("| ").map(|rest| rest.split(" | ").next().unwrap().to_owned());
    let words = under
        .lines()
        .filter_map(first)
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    words.collect()
}

#[test]
fn book_every_alert_has_its_line() {
    let mut told = cells("Alerts");
    told.sort_unstable();
    let mut known: Vec<&str> = Kind::ALL.map(Kind::name).to_vec();
    known.sort_unstable();
    assert_eq!(told, known, "docs/operations.md, \"Alerts\"");
}

/// The names stand in `edge/log.rs`, which is compiled for the runtime only, so that its text is read.
#[test]
fn book_every_event_of_the_log_has_its_line() {
    let source = std::fs::read_to_string(root().join("src/edge/log.rs")).unwrap();
    let body = source.split("pub(super) fn log(").nth(1).unwrap();
    let is_name = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut known: Vec<&str> = body.split('"').skip(1).step_by(2).filter(is_name).collect();
    known.sort_unstable();
    known.dedup();
    let mut told = cells("The log");
    told.sort_unstable();
    assert!(known.len() > 15, "{known:?}");
    assert_eq!(told, known, "docs/operations.md, \"The log\"");
}
