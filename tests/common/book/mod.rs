//! The documents as the tests read them: pages, fenced blocks, and commands in running text.
//!
//! A fenced block says what it is behind its backticks: a language, and a word more where there are several kinds of it
//! (`json policy`, `js bot.mjs`). What cannot be checked has a mark above it that says why:
//!
//! ```text
//! <!-- unchecked: a drawing -->
//! ```
//!
//! Invariant: every fenced block of every page is a [`Block`]; one that is not closed is an error.

pub mod shell;

use std::path::{Path, PathBuf};

/// One document.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path from the root of the repository.
    pub path: String,
    pub text: String,
}

/// One fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    pub page: String,
    /// The line of its first backtick, from 1.
    pub line: usize,
    /// The first word behind the backticks.
    pub language: String,
    /// The second, if any.
    pub kind: String,
    pub text: String,
    /// Why nobody checks it.
    pub unchecked: Option<String>,
}

impl Block {
    /// Where it is, as an editor understands it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and everything under docs/, in the order of their names.
pub fn pages() -> Vec<Page> {
    let mut files = vec![root().join("README.md")];
    collect(&root().join("docs"), &mut files);
    files.into_iter().map(page).collect()
}

/// One document by its path.
pub fn page_at(path: &str) -> Page {
    page(root().join(path))
}

fn page(file: PathBuf) -> Page {
    let path = file.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    Page { path, text: std::fs::read_to_string(file).unwrap() }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            files.push(path);
        }
    }
}

impl Page {
    /// The fenced blocks, also those within a list.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open: Option<(Block, usize)> = None;
        let mut mark = None;
        for (index, line) in self.text.lines().enumerate() {
            let (indent, bare) = (line.len() - line.trim_start().len(), line.trim());
            match (&mut open, bare.strip_prefix("```")) {
                (Some(_), Some("")) => blocks.extend(open.take().map(|(block, _)| block)),
                (Some((block, indent)), _) => {
                    block.text.push_str(line.get(*indent..).unwrap_or_else(|| line.trim_start()));
                    block.text.push('\n');
                }
                (None, Some(info)) => {
                    let mut words = info.split_whitespace().map(str::to_owned);
                    let block = Block {
                        page: self.path.clone(),
                        line: index + 1,
                        language: words.next().unwrap_or_default(),
                        kind: words.next().unwrap_or_default(),
                        text: String::new(),
                        unchecked: mark.take(),
                    };
                    open = Some((block, indent));
                }
                (None, None) => {
                    let words = bare.strip_prefix("<!-- unchecked: ").and_then(|rest| rest.strip_suffix(" -->"));
                    mark = words.map(str::to_owned);
                }
            }
        }
        assert!(open.is_none(), "{}: a block is not closed: {open:?}", self.path);
        blocks
    }

    /// The text without fenced blocks, line by line with the lines' numbers.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut is_open = false;
        let mut lines = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                is_open = !is_open;
            } else if !is_open {
                lines.push((index + 1, line));
            }
        }
        lines
    }

    /// What stands between backticks in the running text, with the lines' numbers.
    pub fn spans(&self) -> Vec<(usize, String)> {
        let of_line = |(number, line): (usize, &str)| {
            let spans: Vec<_> = line.split('`').skip(1).step_by(2).map(|span| (number, span.to_owned())).collect();
            spans
        };
        self.prose().into_iter().flat_map(of_line).collect()
    }
}
