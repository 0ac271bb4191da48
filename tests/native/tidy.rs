//! The house is as `src/lib.rs` and ARCHITECTURE.md say: imports, sizes, file heads, names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which rooms a room may import, apart from itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("limits", &["time"]),
    ("ids", &["limits"]),
    ("secret", &[]),
    ("webhook", &["ids", "limits", "secret", "time"]),
    ("policy", &["time"]),
    ("outbox", &["ids", "limits", "policy", "secret", "time", "webhook"]),
    ("conversation", &["ids", "limits", "outbox", "policy", "time", "webhook"]),
    ("store", &["conversation", "ids", "limits", "outbox", "time", "webhook"]),
    ("settings", &["outbox", "policy", "secret", "webhook"]),
    ("command", &["conversation", "ids", "outbox", "time", "webhook"]),
    ("problem", &["settings", "webhook"]),
    (
        "edge",
        &[
            "command",
            "conversation",
            "ids",
            "limits",
            "outbox",
            "policy",
            "problem",
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
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, files) } else { files.push(path) }
        }
    }
    let folder = root().join("src");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
        (name, std::fs::read_to_string(&path).unwrap())
    };
    files.into_iter().map(read).collect()
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
        assert!(text.starts_with("//! "), "src/{file} opens without saying what it is");
        let lines = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines().count();
        assert!(lines <= LINES_MAX, "src/{file} has {lines} lines");
    }
}

#[test]
fn every_room_and_file_has_its_place_on_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (file, _) in sources() {
        let name = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let shown = name.rsplit('/').next().unwrap();
        assert!(
            map.contains(&format!("`{shown}")) || map.contains(&format!("{shown}.rs")),
            "ARCHITECTURE.md has no place for {file}"
        );
    }
}

/// The names that a shop's freelancer relies on stand in the code, the configuration and the README alike.
#[test]
fn every_setting_is_documented() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let (readme, settings) = (read("README.md"), read("src/settings.rs"));
    for name in [
        "META_APP_SECRET",
        "META_APP_SECRET_PREVIOUS",
        "META_VERIFY_TOKEN",
        "BOT_SECRET",
        "ADMIN_TOKEN",
        "BOT_URL",
        "GRAPH_URL",
        "BATON_POLICY",
        "lease_seconds",
        "retry_schedule_seconds",
    ] {
        assert!(readme.contains(name), "README.md does not explain {name}");
        assert!(settings.contains(name) || read("src/policy.rs").contains(name), "nothing reads {name}");
    }
    let wrangler = read("wrangler.toml");
    for name in ["CONVERSATION", "CONFIG", "BOT_URL", "GRAPH_URL", "BATON_POLICY", "global_fetch_strictly_public"] {
        assert!(wrangler.contains(name), "wrangler.toml lacks {name}");
    }
    assert!(!wrangler.lines().any(|line| line.trim_start().starts_with("id")), "the KV namespace is made by wrangler");
}
