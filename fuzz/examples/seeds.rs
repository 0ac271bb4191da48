//! Writes the seeds and the words of every target into a folder, as libFuzzer wants them: `seeds FOLDER`.
//!
//! Invariant: the folder is written anew, so a sample that is gone from the repository is no seed any more.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use baton_fuzz::{TARGETS, Target};

fn main() -> std::io::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).map(PathBuf::from).expect("usage: seeds FOLDER");
    for target in TARGETS {
        write(&folder, target)?;
    }
    Ok(())
}

fn write(folder: &Path, target: Target) -> std::io::Result<()> {
    let seeds = folder.join(target.name);
    if seeds.exists() {
        std::fs::remove_dir_all(&seeds)?;
    }
    std::fs::create_dir_all(&seeds)?;
    for seed in (target.seeds)() {
        std::fs::write(seeds.join(&seed.name), &seed.bytes)?;
    }
    let dictionary = folder.join(format!("{}.dict", target.name));
    let words = (target.words)();
    if words.is_empty() {
        // libFuzzer takes an empty dictionary for a mistake.
        return if dictionary.exists() { std::fs::remove_file(dictionary) } else { Ok(()) };
    }
    let mut lines = String::new();
    for word in words {
        let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
        // Writing into a String cannot fail.
        let _ = writeln!(lines, "\"{escaped}\"");
    }
    std::fs::write(dictionary, lines)
}
