//! Every link between the documents leads to a file and to a heading that are there, and every page is in the contents.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::common::book::{Page, page_at, pages, root};

/// Documents outside docs/ that people read.
const OTHERS: [&str; 5] = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "tests/README.md", "docs/README.md"];

/// The targets of links and pictures of a page, with their lines.
fn targets(page: &Page) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    for (number, line) in page.prose() {
        // Between backticks nothing is a link.
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
        for rest in plain.split("](").skip(1) {
            targets.push((number, rest.split(')').next().unwrap_or_default().to_owned()));
        }
    }
    targets
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &Page) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = Vec::new();
    for (_, line) in page.prose() {
        let Some(heading) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim()) else { continue };
        let slug: String = heading
            .to_lowercase()
            .chars()
            .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'))
            .map(|character| if character == ' ' { '-' } else { character })
            .collect();
        let count = seen.entry(slug.clone()).or_default();
        anchors.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    anchors
}

/// A path with `..` taken out.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            Component::Normal(_) | Component::Prefix(_) | Component::RootDir => plain.push(part),
        }
    }
    plain
}

fn mistake(page: &Page, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() {
        PathBuf::from(&page.path)
    } else {
        plain(&Path::new(&page.path).parent().unwrap().join(file))
    };
    if !root().join(&path).exists() {
        return Some(format!("there is no {}", path.display()));
    }
    let anchor = anchor?;
    let other = page_at(path.to_str().unwrap());
    (!anchors(&other).iter().any(|known| known == anchor)).then(|| format!("{} has no heading {anchor}", other.path))
}

#[test]
fn book_every_link_leads_to_a_file_and_a_heading() {
    let mut all = pages();
    all.extend(OTHERS.map(page_at));
    let mut mistakes = Vec::new();
    let mut count = 0;
    for page in &all {
        for (line, target) in targets(page) {
            count += 1;
            mistakes.extend(mistake(page, &target).map(|reason| format!("{}:{line}: {reason}", page.path)));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(count > 50, "{count} links");
    let readme = page_at("README.md");
    assert!(mistake(&readme, "docs/none.md").is_some() && mistake(&readme, "docs/policy.md#none").is_some());
}

#[test]
fn book_every_page_is_in_the_contents() {
    let contents = page_at("docs/README.md");
    let linked: Vec<String> = targets(&contents).into_iter().map(|(_, target)| target).collect();
    for page in pages() {
        let Some(name) = page.path.strip_prefix("docs/") else { continue };
        // Records of decisions have a folder and not a page each in the contents.
        let is_there =
            name == "README.md" || name.starts_with("decisions/") || linked.iter().any(|target| target == name);
        assert!(is_there, "docs/README.md does not lead to {name}");
    }
}
