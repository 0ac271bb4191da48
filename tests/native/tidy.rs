//! The house is as `src/lib.rs` and ARCHITECTURE.md say: imports, sizes, file heads, names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use baton::policy::Policy;

/// Which rooms a room may import, apart from itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("limits", &["time"]),
    ("ids", &["limits"]),
    ("json", &[]),
    ("address", &[]),
    ("secret", &["time"]),
    ("access", &["ids", "limits", "secret", "time"]),
    ("webhook", &["ids", "json", "limits", "secret", "time"]),
    ("policy", &["ids", "json", "limits", "time"]),
    ("outbox", &["address", "ids", "json", "limits", "policy", "secret", "time", "webhook"]),
    ("graph", &["ids", "json", "limits", "secret", "time"]),
    ("conversation", &["graph", "ids", "limits", "outbox", "policy", "time", "webhook"]),
    ("desk", &["command", "conversation", "ids", "json", "limits", "outbox", "secret", "time"]),
    (
        "store",
        &["access", "conversation", "desk", "ids", "json", "limits", "outbox", "policy", "secret", "time", "webhook"],
    ),
    ("settings", &["access", "address", "graph", "ids", "json", "limits", "outbox", "policy", "secret", "webhook"]),
    ("command", &["access", "conversation", "graph", "ids", "json", "outbox", "policy", "time", "webhook"]),
    ("problem", &["json", "policy", "settings", "time", "webhook"]),
    (
        "api",
        &["access", "ids", "json", "limits", "outbox", "policy", "problem", "secret", "settings", "time", "webhook"],
    ),
    (
        "edge",
        &[
            "access",
            "address",
            "api",
            "command",
            "conversation",
            "desk",
            "graph",
            "ids",
            "json",
            "limits",
            "outbox",
            "policy",
            "problem",
            "secret",
            "settings",
            "store",
            "time",
            "webhook",
        ],
    ),
];

const LINES_MAX: usize = 450;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn sources() -> Vec<(String, String)> {
    files_of("src")
}

/// The files of a folder, by their path in it, with their text.
fn files_of(folder: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, files) } else { files.push(path) }
        }
    }
    let folder = root().join(folder);
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
        (name, std::fs::read_to_string(&path).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// What runs on the runtime's side of the border.
fn is_script(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending == "js")
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn imports_point_one_way() {
    let allowed: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    for (file, text) in sources().iter().filter(|(file, _)| file != "lib.rs") {
        let own = room(file);
        let may = allowed.get(own).unwrap_or_else(|| panic!("src/{file} is in a room that nobody planned"));
        // Comments may name any room.
        let code = text.lines().map(|line| line.split("//").next().unwrap());
        for import in code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>()) {
            let other: String =
                import.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect();
            assert!(other == own || may.contains(&other.as_str()), "src/{file} must not import {other}");
        }
    }
}

#[test]
fn only_the_shell_names_the_runtime() {
    for (file, text) in sources().iter().filter(|(file, _)| room(file) != "edge") {
        for name in ["worker::", "js_sys", "wasm_bindgen", "futures_util", "getrandom"] {
            assert!(!text.contains(name), "src/{file} names {name}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_fits_a_sitting() {
    for (file, text) in sources() {
        let begins = if is_script(&file) { "// " } else { "//! " };
        assert!(text.starts_with(begins), "src/{file} opens without saying what it is");
        let lines = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines().count();
        assert!(lines <= LINES_MAX, "src/{file} has {lines} lines");
    }
}

#[test]
fn what_measures_says_what_it_is_and_fits_a_sitting_too() {
    for (file, text) in files_of("benches") {
        assert!(text.starts_with("//"), "benches/{file} opens without saying what it is");
        assert!(text.lines().count() <= LINES_MAX, "benches/{file} is too long");
    }
}

/// The tool is a user of the crate: nothing of the gate knows of it.
#[test]
fn the_tool_is_kept_like_the_gate_and_the_gate_knows_nothing_of_it() {
    let tool = files_of("cli");
    let rust: Vec<_> =
        tool.iter().filter(|(file, _)| Path::new(file).extension().is_some_and(|ending| ending == "rs")).collect();
    assert!(rust.len() > 20, "{}", rust.len());
    for (file, text) in rust {
        assert!(text.starts_with("//! "), "cli/{file} opens without saying what it is");
        let lines = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines().count();
        assert!(lines <= LINES_MAX, "cli/{file} has {lines} lines");
        // What the machine itself has is reached through the host, so that the tool runs under Node too.
        if !file.starts_with("host/") && !file.contains("tests") {
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            for name in [
                "ureq::",
                "dialoguer::",
                "indicatif::",
                "tungstenite::",
                "std::fs",
                "std::net",
                "std::env",
                "std::thread",
            ] {
                assert!(!code.contains(name), "cli/{file} names {name}");
            }
        }
    }
    for (file, text) in sources() {
        for name in ["cli/", "cli::", "clap", "toml_edit", "dialoguer", "indicatif", "ureq", "tungstenite"] {
            let code = text.lines().map(|line| line.split("//").next().unwrap());
            assert!(!code.into_iter().any(|line| line.contains(name)), "src/{file} names {name}");
        }
    }
}

#[test]
fn every_room_and_file_has_its_place_on_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (file, _) in sources() {
        let name = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let shown = name.rsplit('/').next().unwrap();
        assert!(
            map.contains(&format!("`{shown}")) || (!is_script(&file) && map.contains(&format!("{shown}.rs"))),
            "ARCHITECTURE.md has no place for {file}"
        );
    }
}

fn document(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// The names that a shop's freelancer relies on stand in the code, the configuration and the README alike.
#[test]
fn every_setting_is_documented() {
    let readme = document("README.md");
    let settings: String =
        sources().into_iter().filter(|(file, _)| room(file) == "settings").map(|(_, text)| text).collect();
    for name in [
        "ACCESS_AUD",
        "ACCESS_TEAM",
        "ALERTS_SECRET",
        "ALERTS_SLACK_URL",
        "ALERTS_URL",
        "DESK_SHARDS",
        "JURISDICTION",
        "META_APP_SECRET",
        "META_APP_SECRET_PREVIOUS",
        "META_VERIFY_TOKEN",
        "BOT_SECRET",
        "BOT_SECRET_",
        "ADMIN_TOKEN",
        "BOT_URL",
        "BOTS",
        "GRAPH_KEY",
        "GRAPH_URL",
        "LINES",
        "BATON_POLICY",
    ] {
        assert!(readme.contains(&format!("`{name}")), "README.md does not explain {name}");
        assert!(settings.contains(&format!("\"{name}\"")), "nothing reads {name}");
    }
    let wrangler = document("wrangler.toml");
    for name in [
        "CONVERSATION",
        "OFFICE",
        "CONFIG",
        "ACCESS_AUD",
        "ACCESS_TEAM",
        "BOT_URL",
        "GRAPH_URL",
        "LINES",
        "BATON_POLICY",
        "global_fetch_strictly_public",
    ] {
        assert!(wrangler.contains(name), "wrangler.toml lacks {name}");
    }
    assert!(!wrangler.lines().any(|line| line.trim_start().starts_with("id")), "the KV namespace is made by wrangler");
}

/// Which keys there are is what a mistake about an unknown one says.
#[test]
fn every_key_of_the_policy_is_documented() {
    let manual = document("docs/policy.md");
    let unknown = r#"{
        "unknown": 0,
        "opening_hours": { "unknown": 0 },
        "automation_texts": [{ "unknown": 0 }],
        "rules": [{ "unknown": 0, "when": { "unknown": 0, "text": { "unknown": 0 }, "reply_id": { "unknown": 0 } } }]
    }"#;
    let mistakes = Policy::parse(unknown, &[]).unwrap_err();
    let levels: Vec<&str> =
        mistakes.iter().filter_map(|mistake| mistake.reason.split("the keys are ").nth(1)).collect();
    assert_eq!(levels.len(), 7, "{mistakes:?}");
    for key in levels.iter().flat_map(|keys| keys.split(", ")) {
        let shown = [format!("`{key}`"), format!("{{\"{key}\"")];
        assert!(shown.iter().any(|shown| manual.contains(shown)), "docs/policy.md does not explain {key}");
    }
}

/// The fuzz targets have a lock file of their own; they are to find what is wrong with what is deployed.
#[test]
fn the_fuzz_targets_are_built_from_what_the_gate_is_built_from() {
    let packages = |lock: &str| -> BTreeMap<String, Vec<String>> {
        let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for package in document(lock).split("[[package]]").skip(1) {
            let value = |key: &str| {
                let line = package.lines().find(|line| line.starts_with(key)).unwrap();
                line.split('"').nth(1).unwrap().to_owned()
            };
            packages.entry(value("name = ")).or_default().push(value("version = "));
        }
        packages
    };
    let (own, gate) = (packages("fuzz/Cargo.lock"), packages("Cargo.lock"));
    assert!(own.contains_key("libfuzzer-sys") && own.contains_key("baton"));
    for (name, versions) in own {
        let is_of_gate = |version| gate.get(&name).is_none_or(|of_gate| of_gate.contains(version));
        assert!(
            versions.iter().all(is_of_gate),
            "fuzz/Cargo.lock has {name} {versions:?}: cargo update --workspace --manifest-path fuzz/Cargo.toml, or --precise"
        );
    }
}
