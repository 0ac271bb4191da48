//! The tool explains itself.

use super::tool::{Folder, run};

/// Commands of a help text, with those below them.
fn commands(path: &[String]) -> Vec<Vec<String>> {
    let folder = Folder::new();
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let help = run(&folder, &arguments, "");
    assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{arguments:?}");
    for line in help.stdout.lines() {
        assert!(line.chars().count() <= 80, "{arguments:?} is wider than a terminal: {line}");
    }
    let mut all = vec![path.to_vec()];
    let below =
        help.stdout.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    for name in below.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        all.extend(commands(&[path, &[name.to_owned()]].concat()));
    }
    all
}

#[test]
fn every_command_has_a_help_that_fits_a_terminal_of_80_columns_and_stands_in_the_manual() {
    let all = commands(&[]);
    assert!(all.len() >= 17, "{all:?}");
    let manual = include_str!("../../docs/tool.md");
    for path in all.iter().filter(|path| !path.is_empty()) {
        let named = format!("baton {}", path.join(" "));
        assert!(manual.contains(&named), "docs/tool.md does not explain `{named}`");
    }
}

/// As people run it in a clone: nothing but the tool's own on standard output, and its exit code.
#[test]
fn npm_run_baton_builds_and_runs_the_tool() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new().with("own.json", r#"{"lease_seconds": 0}"#);
    let file = folder.path().join("own.json");
    let mut command = std::process::Command::new(root.join("node_modules/.bin/node"));
    command.arg(root.join("dev/run.mjs")).args(["baton", "--json", "policy", "check"]).arg(&file);
    // From another folder, and with a folder for what is built that is not the usual one.
    command.current_dir(folder.path()).env("CARGO_TARGET_DIR", target());
    let ran = super::tool::finish(command, "");
    assert_eq!((ran.code, &ran.json()["mistakes"][0]["path"]), (1, &serde_json::json!("lease_seconds")), "{ran:?}");
}

/// Where this test program was built: the dependencies are there already.
fn target() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

#[test]
fn completions_are_printed_for_every_shell() {
    for (shell, sign) in [
        ("bash", "_baton()"),
        ("elvish", "edit:completion"),
        ("fish", "complete -c baton"),
        ("powershell", "Register-ArgumentCompleter"),
        ("zsh", "#compdef baton"),
    ] {
        let ran = run(&Folder::new(), &["completions", shell], "");
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.stdout.contains(sign) && ran.stdout.contains("simulate"), "{shell}: {}", ran.stdout);
    }
}

#[test]
fn what_is_not_understood_ends_with_2_and_says_so_on_standard_error() {
    for arguments in [
        &["sned"][..],
        &["send"],
        &["replay"],
        &["replay", "1", "--all"],
        &["replay", "--all", "--id", "x"],
        &["observe", "--days", "0"],
        &["send", "x", "--times", "0"],
        &["completions", "tcsh"],
        &["tail", "--gate", "https://a.example", "--local"],
    ] {
        let ran = run(&Folder::new(), arguments, "");
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.stdout.is_empty() && ran.stderr.contains("error:") || arguments.len() == 1, "{ran:?}");
    }
}
