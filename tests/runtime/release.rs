//! A release is deployed and run on a machine that has only Node: unpacked in an empty folder, without cargo or rustup
//! in reach. What is done here is what `docs/release.md` says.
//!
//! Not here: what the gate and the tool do in detail; they are built of what all other tests test.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::bot::Bot;
use crate::client::{Person, eventually, is_acknowledged, wamid};
use crate::common::meta::{delivery, text};
use crate::gate::{ADMIN_TOKEN, APP_SECRET, VERIFY_TOKEN};

const LIMIT: Duration = Duration::from_secs(90);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("package.json")).unwrap()).unwrap()
}

/// The path of programs without those of Rust, and without the Node of the repository.
fn path_without_rust() -> String {
    let has = |folder: &Path, programs: &[&str]| programs.iter().any(|program| folder.join(program).exists());
    let path = std::env::var_os("PATH").unwrap();
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| !folder.ends_with("node_modules/.bin") && !has(folder, &["cargo", "rustc", "rustup"]))
        .collect();
    assert!(
        folders.iter().any(|folder| has(folder, &["npm"])),
        "npm must not be in one folder with cargo: {}",
        path.display()
    );
    std::env::join_paths(folders).unwrap().into_string().unwrap()
}

/// A program in a folder, on a machine without Rust.
fn program(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(folder).stdin(Stdio::null()).env("PATH", path_without_rust());
    command.env("CARGO_HOME", "/nowhere").env("RUSTUP_HOME", "/nowhere").env("NO_COLOR", "1");
    // What npm tells the scripts of the repository is nothing of a release's.
    for (name, _) in std::env::vars() {
        if name.starts_with("npm_") || name == "NODE_CHANNEL_FD" || name.starts_with("BATON_") {
            command.env_remove(name);
        }
    }
    command.env("npm_config_cache", npm_cache()).env("npm_config_prefer_offline", "true");
    command.env("WRANGLER_SEND_METRICS", "false").env("WRANGLER_HIDE_BANNER", "true");
    command
}

/// The set-up has filled it, so that nothing is fetched twice.
fn npm_cache() -> String {
    let asked = Command::new("npm").args(["config", "get", "cache"]).current_dir(root()).output().unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs it, and it must succeed.
fn runs(folder: &Path, words: &[&str]) -> String {
    let output = program(folder, words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", shown(&output));
    shown(&output)
}

/// Makes the archive; its bytes.
fn make() -> (PathBuf, Vec<u8>) {
    let node = root().join("node_modules/.bin/node");
    let made = Command::new(node).args(["dev/release.mjs", "--archive-only"]).current_dir(root()).output().unwrap();
    assert!(made.status.success(), "{}", shown(&made));
    println!("{}", shown(&made));
    let file = root().join(format!("dist/baton-{}.tgz", manifest()["version"].as_str().unwrap()));
    (file.clone(), fs::read(file).unwrap())
}

/// A release, unpacked and installed.
fn unpacked() -> &'static Path {
    static UNPACKED: LazyLock<PathBuf> = LazyLock::new(|| {
        let (file, bytes) = make();
        assert!(bytes == make().1, "the same sources have made other bytes");
        let name = file.file_name().unwrap().to_str().unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(&file, folder.join(name)).unwrap();
        fs::copy(root().join("dist/SHA256SUMS"), folder.join("SHA256SUMS")).unwrap();
        runs(&folder, &["sha256sum", "-c", "SHA256SUMS"]);
        runs(&folder, &["tar", "xzf", name]);
        runs(&folder, &["mv", "package", "my-gate"]);
        let own = folder.join("my-gate");
        runs(&own, &["sha256sum", "-c", "SHA256SUMS"]);
        runs(&own, &["npm", "ci"]);
        assert_eq!(program(&own, &["sh", "-c", "command -v cargo rustc rustup"]).output().unwrap().stdout, b"");
        own
    });
    &UNPACKED
}

#[test]
fn a_release_names_itself_in_the_documents_and_says_what_is_in_it() {
    let folder = unpacked();
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let version = manifest()["version"].as_str().unwrap().to_owned();
    assert!(readme.contains(&format!("tar xzf baton-{version}.tgz")), "docs/release.md names another version");
    for part in readme.split("## What is in it").nth(1).unwrap().lines().filter(|line| line.starts_with("| `")) {
        let name = part.split('`').nth(1).unwrap();
        assert!(folder.join(name).exists(), "{name} is missing");
    }
    let links = readme.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap());
    for link in links.filter(|link| !link.is_empty() && !link.starts_with("http")) {
        assert!(folder.join(link).exists(), "the README leads to {link}");
    }
    let compiled = fs::read(folder.join("bin/baton.wasm")).unwrap();
    let own = root().to_str().unwrap().as_bytes();
    assert!(!compiled.windows(own.len()).any(|window| window == own), "the tool names a folder of this machine");
    let licences = fs::read_to_string(folder.join("LICENSES.txt")).unwrap();
    for part in ["serde 1.", "clap 4.", "worker 0.", "preact ", "uplot "] {
        assert!(licences.contains(&format!("\n{part}")), "the licence of {part} is missing");
    }
}

#[test]
fn a_release_deploys_with_node_alone() {
    let told = runs(unpacked(), &["npx", "wrangler", "deploy", "--dry-run"]);
    for binding in ["env.CONVERSATION (Conversation)", "env.OFFICE (Office)", "env.DESK (Desk)", "env.CONFIG"] {
        assert!(told.contains(binding), "{binding} is missing in {told}");
    }
    assert!(told.contains("files from the assets directory"), "{told}");
}

/// `wrangler dev` in a folder; it ends when this does.
struct Dev {
    url: String,
    leash: std::process::Child,
    tether: Option<UnixStream>,
}

impl Dev {
    fn start(folder: &Path, bot: &Bot) -> Self {
        let (tether, theirs) = UnixStream::pair().unwrap();
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let (port, inspector) = (free(), free());
        let leash = root().join("dev/leash.mjs");
        let var = format!("BOT_URL:{}", bot.url());
        let mut command = program(folder, &["node", leash.to_str().unwrap(), "npx", "wrangler", "dev"]);
        command.args(["--ip", "127.0.0.1", "--port", &port, "--inspector-port", &inspector]);
        command.args(["--show-interactive-dev-session=false", "--var", "LOCAL_DEVELOPMENT:true", "--var", &var]);
        let log = fs::File::create(folder.join("wrangler.log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        // Node takes its standard input for the IPC channel to its parent (see `gate`).
        command.env("NODE_CHANNEL_FD", "0").stdin(Stdio::from(OwnedFd::from(theirs)));
        let leash = command.spawn().unwrap();
        drop(command);
        Self { url: format!("http://127.0.0.1:{port}"), leash, tether: Some(tether) }
    }

    /// Status and body of a page; `None` where there is no answer.
    fn page(&self, path: &str) -> Option<(u16, String)> {
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("{}{path}", self.url)).call().ok()?;
        Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // The leash ends the group, itself included.
        self.tether.take();
        let _ = self.leash.wait();
    }
}

#[test]
fn a_release_runs_as_a_gate_and_its_tool_works_with_node_alone() {
    let folder = unpacked();
    let secrets = format!(
        "META_APP_SECRET=\"{APP_SECRET}\"\nMETA_VERIFY_TOKEN=\"{VERIFY_TOKEN}\"\nADMIN_TOKEN=\"{ADMIN_TOKEN}\"\n"
    );
    fs::write(folder.join(".dev.vars"), secrets).unwrap();
    let (bot, person) = (Bot::start(APP_SECRET), Person::new());
    let gate = Dev::start(folder, &bot);
    let healthy = || gate.page("/health").filter(|(status, _)| *status == 200);
    let (_, health) = eventually(LIMIT, "the gate of the release answers on /health", healthy);
    assert!(health.contains("\"ok\""), "{health}");
    let (status, desk) = gate.page("/desk/").unwrap();
    assert!(status == 200 && desk.contains("<script"), "{status} {desk}");

    let question = |id: &str| {
        let mut value = text(person.both(), id, "do you have it in blue?");
        let now = crate::client::now_ms() / 1_000;
        value["messages"][0]["timestamp"] = json!(now.to_string());
        delivery("messages", value)
    };
    let id = wamid();
    assert!(is_acknowledged(&gate.url, &question(&id)));
    bot.wait_for(1, &id, LIMIT);

    let version = manifest()["version"].as_str().unwrap().to_owned();
    assert_eq!(runs(folder, &["npm", "run", "-s", "baton", "--", "--version"]).trim(), format!("baton {version}"));
    let sent = wamid();
    fs::write(folder.join("question.json"), question(&sent).to_string()).unwrap();
    let told = runs(folder, &["node", "bin/baton.mjs", "send", "question.json", "--gate", &gate.url]);
    assert!(told.contains("200"), "{told}");
    bot.wait_for(1, &sent, LIMIT);
    let checked =
        program(folder, &["node", "bin/baton.mjs", "doctor", "--json", "--gate", &gate.url]).output().unwrap();
    let checks: Vec<Value> = serde_json::from_slice(&checked.stdout).unwrap_or_else(|_| panic!("{}", shown(&checked)));
    let findings: Vec<&str> = checks.iter().filter_map(|check| check["finding"].as_str()).collect();
    assert!(checks.len() > 3 && !findings.contains(&"gate_unreachable"), "{}", shown(&checked));
    assert!(findings.contains(&"meta_left_out"), "nothing is asked of Meta without a token: {findings:?}");
    for (words, code) in [
        (vec!["setup"], 2),
        (vec!["sned"], 2),
        (vec!["send", "missing.json", "--gate", &gate.url], 2),
        (vec!["send", "/etc/hosts", "--gate", &gate.url], 2),
        (vec!["send", "../SHA256SUMS", "--gate", &gate.url], 2),
        (vec!["send", "question.json", "--gate", "http://127.0.0.1:1"], 3),
        (vec!["new"], 2),
    ] {
        let ended = program(folder, &["node", "bin/baton.mjs"]).args(&words).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{words:?}: {}", shown(&ended));
        assert!(!shown(&ended).contains("    at "), "a stack trace: {}", shown(&ended));
    }
}

#[test]
fn a_release_that_is_installed_makes_a_folder_for_whoever_asks() {
    let folder = unpacked().parent().unwrap();
    let archive = format!("./baton-{}.tgz", manifest()["version"].as_str().unwrap());
    let installed = folder.join("installed");
    fs::create_dir_all(&installed).unwrap();
    let install = program(folder, &["npm", "install", "-g", &archive]).env("npm_config_prefix", &installed).output();
    let install = install.unwrap();
    assert!(install.status.success(), "{}", shown(&install));
    let baton = installed.join("bin/baton");
    let baton = baton.to_str().unwrap();
    let told = runs(folder, &[baton, "new", "second"]);
    assert!(told.contains("npm ci"), "{told}");
    let own = folder.join("second");
    runs(&own, &["sha256sum", "-c", "SHA256SUMS"]);
    assert!(!own.join("node_modules").exists());
    let again = program(folder, &[baton, "new", "second"]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "a folder that is there is left alone: {}", shown(&again));
}

#[test]
fn the_tools_questions_under_node_show_no_secret_and_repeat_what_was_no_answer() {
    let script = "const { answer } = await import(process.argv[1]); \
        const ask = async (what) => console.log(`got ${JSON.stringify(await answer({ ask: what }))}`); \
        await ask({ kind: 'text', text: 'Name', default: 'gate' }); \
        await ask({ kind: 'choice', text: 'Which?', choices: ['one', 'two'], default: 0 }); \
        await ask({ kind: 'confirm', text: 'Sure?', default: false }); \
        await ask({ kind: 'secret', text: 'Word' }); \
        await ask({ kind: 'text', text: 'Last' });";
    let host = root().join("cli/node/host.mjs");
    let mut command = Command::new(root().join("node_modules/.bin/node"));
    command.args(["--input-type=module", "-e", script, host.to_str().unwrap()]);
    let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
    for (question, given, then) in [
        ("Name [gate]: ", "", r#"got {"answer":"gate"}"#),
        ("Number [1]: ", "7", "Which?"),
        ("Number [1]: ", "2", r#"got {"answer":"1"}"#),
        ("Sure? [y/N]: ", "perhaps", "Sure?"),
        ("[y/N]: ", "yes", r#"got {"answer":"yes"}"#),
    ] {
        terminal.exp_string(question).unwrap();
        terminal.send_line(given).unwrap();
        terminal.exp_string(then).unwrap();
    }
    terminal.exp_string("Word: ").unwrap();
    terminal.send_line("planted-secret").unwrap();
    let echoed = terminal.exp_string(r#"got {"answer":""#).unwrap();
    assert!(!echoed.contains("planted"), "the secret was shown while it was typed: {echoed:?}");
    terminal.exp_string("Last: ").unwrap();
    terminal.send_control('c').unwrap();
    terminal.exp_string(r#"got {"error":"cancelled"}"#).unwrap();
    terminal.exp_eof().unwrap();
}
