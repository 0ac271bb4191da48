//! Command lines in the documents: each program, script, option and test that is named exists.
//!
//! The tool's own are read by the tool itself, which is asked for help at their end: it reads all that stands before. What
//! curl and wrangler are told is tried on the runtime (`tests/runtime/book.rs`).
//!
//! Not here: programs of others. Those that are named are in a list with what they are for.

use std::path::Path;
use std::process;

use serde_json::Value;

use crate::common::book::shell::{self, Command, commands};
use crate::common::book::{Page, pages, root};

/// Commands that are not looked at here, by how they begin, and why.
const ELSEWHERE: [(&str, &str); 13] = [
    ("apt-get install ", "the system's"),
    ("brew install ", "the system's"),
    ("cd ", "the shell's"),
    ("cp .dev.vars.example .dev.vars", "the archive's, which runtime/release.rs tries"),
    ("git clone ", "git's"),
    ("mv package my-gate", "the archive's, which runtime/release.rs tries"),
    ("npm install -g ./baton-", "the archive's, which runtime/release.rs tries"),
    ("npm pack", "npm's"),
    ("baton new ", "the archive's, which runtime/release.rs tries"),
    ("openssl rand -hex 32", "OpenSSL's"),
    ("rustup ", "Rust's"),
    ("sha256sum -c SHA256SUMS", "the archive's, which runtime/release.rs tries"),
    ("tar xzf baton-", "the archive's, which runtime/release.rs tries"),
];

/// Checks every command of a text.
pub(super) fn check(text: &str) -> Result<(), String> {
    check_as(text, false)
}

/// The same, where a sentence may only name a command, without all that must stand behind it.
fn check_as(text: &str, is_mention: bool) -> Result<(), String> {
    let one = |command: &Command| one(command, is_mention).map_err(|reason| format!("{}: {reason}", command.line()));
    commands(text).iter().try_for_each(one)
}

/// Commands in the running text, between backticks, are checked as those of blocks are.
#[test]
fn book_every_command_in_the_text_names_what_exists() {
    let mut mistakes = Vec::new();
    let mut count = 0;
    for page in pages() {
        for (line, span) in page.spans() {
            let programs = ["npm", "npx", "cargo", "curl", "baton"];
            let mut words = span.split_whitespace();
            let is_command = words.next().is_some_and(|first| programs.contains(&first)) && words.next().is_some();
            if !is_command {
                continue;
            }
            count += 1;
            if let Err(reason) = check_as(&span, true) {
                mistakes.push(format!("{}:{line}: {reason}", page.path));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(count > 30, "{count} commands");
}

/// Commands of docs/release.md, which tests/runtime/release.rs runs in the order of the page.
const OF_RELEASE: [&str; 6] = [
    "sha256sum -c SHA256SUMS",
    concat!("tar xzf baton-", env!("CARGO_PKG_VERSION"), ".tgz"),
    "mv package my-gate",
    concat!("npm install -g ./baton-", env!("CARGO_PKG_VERSION"), ".tgz"),
    "baton new my-gate",
    "cp .dev.vars.example .dev.vars",
];

fn one(command: &Command, is_mention: bool) -> Result<(), String> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    if ELSEWHERE.iter().any(|(known, _)| format!("{} ", command.line()).starts_with(known)) {
        return Ok(());
    }
    match words.as_slice() {
        // Only variables; wrangler and curl, which the runtime tests try; files of the repository.
        [] | ["npx", "wrangler", ..] | ["curl", _, ..] => Ok(()),
        _ if OF_RELEASE.contains(&command.line().as_str()) => Ok(()),
        ["node", file] if root().join(file).exists() => Ok(()),
        ["npm", rest @ ..] => npm(rest, is_mention),
        ["npx", "baton", rest @ ..] | ["baton", rest @ ..] => tool(rest, is_mention),
        ["cargo", rest @ ..] => cargo(rest),
        // Programs of a recipe, which a test runs (`runtime/recipes.rs`), and the packages that they need.
        ["node" | "python", file] if Path::new(file).extension().is_some() => is_shown(file),
        ["pip", "install", packages @ ..] => packages.iter().try_for_each(|name| is_python_package(name)),
        _ => Err("tests/native/book/commands.rs does not know this program".to_owned()),
    }
}

fn npm(words: &[&str], is_mention: bool) -> Result<(), String> {
    let (own, given) = match words.iter().position(|word| *word == "--") {
        Some(at) => words.split_at(at),
        None => (words, &[][..]),
    };
    let own: Vec<&str> = own.iter().copied().filter(|word| *word != "-s").collect();
    let given: Vec<&str> = given.iter().skip(1).copied().collect();
    let script = match own.as_slice() {
        ["run"] if is_mention => return Ok(()),
        ["start"] => "start",
        ["test"] => "test",
        ["run", script] => script,
        ["ci" | "install"] => return Ok(()),
        ["install", packages @ ..] => return packages.iter().try_for_each(|name| is_node_package(name)),
        _ => return Err("npm has start, test, run, ci and install here".to_owned()),
    };
    if package()["scripts"].get(script).is_none() {
        return Err(format!("package.json has no script {script}"));
    }
    match script {
        "baton" => tool(&given, is_mention),
        "start" => options("dev/options.mjs", &given),
        "bench" => options("dev/bench-options.mjs", &given),
        "fuzz" => options("dev/fuzz.mjs", &given),
        "test" => Ok(()),
        _ if given.is_empty() => Ok(()),
        _ => Err("takes no options".to_owned()),
    }
}

fn package() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("package.json")).unwrap()).unwrap()
}

/// Whether a script of ours knows these options.
fn options(file: &str, given: &[&str]) -> Result<(), String> {
    let source = std::fs::read_to_string(root().join(file)).unwrap();
    let unknown = given.iter().filter_map(|word| word.strip_prefix("--")).find(|name| {
        let name = name.split('=').next().unwrap_or_default();
        !source.contains(&format!("--{name} ")) && !source.contains(&format!("\"--{name}\""))
    });
    unknown.map_or(Ok(()), |name| Err(format!("{file} knows no --{name}")))
}

/// The tool's own command line, read by the tool: asked for help at its end, it complains of all that it does not know
/// before it helps. What must be there stands in the line of the help that shows the usage.
fn tool(words: &[&str], is_mention: bool) -> Result<(), String> {
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_baton"));
    let is_help = words.first() == Some(&"help");
    let done = command.args(words).args((!is_help).then_some("--help")).env_remove("BATON_GATE").output().unwrap();
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
        // A sentence has a word in capitals where a value stands.
        if is_mention && complaint.starts_with("error: invalid value") {
            return Ok(());
        }
        return Err(complaint.lines().next().unwrap_or_default().to_owned());
    }
    let help = String::from_utf8_lossy(&done.stdout).into_owned();
    if is_mention || words.iter().any(|word| ["--help", "--version", "-h", "-V", "help"].contains(word)) {
        return Ok(());
    }
    let usage = help.lines().find_map(|line| line.trim().strip_prefix("Usage: ")).ok_or("has no usage")?;
    if usage.contains("<COMMAND>") {
        return Err("names no command".to_owned());
    }
    // What is left of the line once the names of the commands are taken away.
    let names = usage.split_whitespace().skip(1).take_while(|word| word.starts_with(char::is_alphabetic)).count();
    let takes_value = |word: &str| help.contains(&format!("{word} <"));
    let mut values = 0;
    let mut given = words.iter().filter(|word| **word != "--json" && **word != "--local").skip(names).peekable();
    while let Some(word) = given.next() {
        match word.strip_prefix("--") {
            Some(_) if takes_value(word) && !word.contains('=') => drop(given.next()),
            Some(_) => {}
            None => values += 1,
        }
    }
    let has = |option: &str| words.iter().any(|word| word.split('=').next() == Some(option));
    let mut wanted = 0;
    let mut parts = usage.split_whitespace().peekable();
    while let Some(part) = parts.next() {
        if part.starts_with("--") {
            if !has(part) {
                return Err(format!("lacks {part}"));
            }
            parts.next();
        } else if part.contains('|') {
            // One of several; the value of its last option is a word of its own.
            let is_there = part.split(['<', '|', '>']).any(|one| one.starts_with("--") && has(one));
            wanted += usize::from(!is_there);
            parts.next_if(|next| next.ends_with(">>"));
        } else if part.starts_with('<') {
            wanted += 1;
        }
    }
    if values < wanted { Err(format!("lacks something: {usage}")) } else { Ok(()) }
}

fn cargo(words: &[&str]) -> Result<(), String> {
    match words {
        ["install", "--path", "."]
        | ["doc" | "fmt" | "build", ..]
        | ["update", "--workspace", "--manifest-path", "fuzz/Cargo.toml"] => Ok(()),
        ["test", rest @ ..] => tests(rest),
        _ => Err("tests/native/book/commands.rs does not know this command of cargo's".to_owned()),
    }
}

/// `cargo test`: the test program exists, and has a test that the filter finds.
fn tests(words: &[&str]) -> Result<(), String> {
    let (own, passed) = match words.iter().position(|word| *word == "--") {
        Some(at) => words.split_at(at),
        None => (words, &[][..]),
    };
    let mut own: Vec<&str> = own.iter().copied().filter(|word| *word != "--locked").collect();
    let Some(at) = own.iter().position(|word| *word == "--test") else {
        return own.is_empty().then_some(()).ok_or_else(|| "which test program?".to_owned());
    };
    own.remove(at);
    let program = if at < own.len() { own.remove(at) } else { return Err("which test program?".to_owned()) };
    if own.len() > 1 {
        return Err("cargo takes one filter; further ones stand behind --".to_owned());
    }
    let names = names_of_tests(&root().join("tests").join(program));
    if names.is_empty() {
        return Err(format!("there is no test program {program}"));
    }
    let filters = own.into_iter().chain(passed.iter().skip(1).copied().filter(|word| !word.starts_with("--")));
    for filter in filters {
        if !names.iter().any(|name| name.contains(filter)) {
            return Err(format!("no test of {program} has {filter} in its name"));
        }
    }
    Ok(())
}

/// The names of the tests in a folder, as cargo shows them.
fn names_of_tests(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return names };
    for path in entries.flatten().map(|entry| entry.path()) {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = if stem == "mod" || stem == "main" { String::new() } else { format!("{stem}::") };
        if path.is_dir() {
            names.extend(names_of_tests(&path).into_iter().map(|name| format!("{module}{name}")));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let tests = text.split("#[test]").skip(1).filter_map(|rest| rest.split("fn ").nth(1));
            names.extend(tests.map(|rest| format!("{module}{}", rest.split('(').next().unwrap_or_default())));
        }
    }
    names
}

/// A program that a page of the documents shows, by its file's name.
fn is_shown(file: &str) -> Result<(), String> {
    let is_there = pages().iter().flat_map(Page::blocks).any(|block| block.kind == file);
    is_there.then_some(()).ok_or_else(|| format!("no page shows {file}"))
}

fn is_node_package(name: &str) -> Result<(), String> {
    let is_there = package()["devDependencies"].get(name).is_some();
    is_there.then_some(()).ok_or_else(|| format!("{name} is not among the packages that are tried here"))
}

fn is_python_package(name: &str) -> Result<(), String> {
    let all = std::fs::read_to_string(root().join("tests/runtime/sdk/requirements.txt")).unwrap();
    let is_there = all.lines().any(|line| line.split("==").next().is_some_and(|known| known == name));
    is_there.then_some(()).ok_or_else(|| format!("{name} is not among the packages that are tried here"))
}

/// The words of the shell that these tests rely on.
#[test]
fn book_commands_are_taken_apart_as_a_shell_does() {
    let of = |text: &str| -> Vec<String> { shell::commands(text).iter().map(shell::Command::line).collect() };
    assert_eq!(of("a 'b c' \"d\" # e\n\nf \\\n  g | h && i; j"), ["a b c d", "f g", "h", "i", "j"]);
    let set = shell::commands("x=\"1 2\"\ny=3 curl $x");
    assert_eq!(set[0].variables, [("x".to_owned(), "1 2".to_owned())]);
    assert_eq!((set[1].line().as_str(), set[1].variables.len()), ("curl $x", 1));
}
