//! A shop that is about to get a gate: a folder with `wrangler.toml`, a bot, Meta's stand-in, and wrangler as a small script
//! on the path, which writes down what it is told and pretends to deploy the stand-in of a gate.
//!
//! Invariant: none of the planted secrets may be in what the tool prints, in the arguments of a program, or in a file of the
//! folder; [`Shop::holds_no_secret`] looks for all of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};

use crate::gate::{Gate, State};
use crate::meta::{ACCESS_TOKEN, APP, Meta};

/// Planted: none of them may be in anything that the tool prints or sends elsewhere.
pub const APP_SECRET: &str = "planted-app-secret-77aa";
pub const VERIFY_TOKEN: &str = "planted-word-31d0";
pub const ADMIN_TOKEN: &str = "planted-operator-token-5b1c";
/// The bot's own verify token, which Meta asks it for.
pub const BOT_WORD: &str = "planted word of the bot";

/// What the tool left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The one document on standard output, of a tool that was told `--json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The shop.
pub struct Shop {
    folder: PathBuf,
    pub meta: Meta,
    pub gate: Gate,
    pub bot: Gate,
}

/// What plays wrangler. It deploys by making the gate's secrets count, and keeps each bulk of secrets in a file of its own.
const NPX: &str = r#"#!/bin/sh
desk="$(dirname "$0")"
echo "$*" >> "$desk/calls"
case "$2 $3" in
  "whoami --json") cat "$desk/whoami" 2>/dev/null || exit 1 ;;
  "login "*) echo '{"loggedIn":true,"accounts":[{"id":"acc1","name":"Shop"}]}' > "$desk/whoami" ;;
  "deploy "*)
    [ -e "$desk/broken" ] && { echo "Authentication error" >&2; exit 1; }
    echo "Uploaded baton"
    echo "{\"type\":\"deploy\",\"version\":1,\"worker_name\":\"baton\",\"targets\":[$(cat "$desk/targets")]}" >> "$WRANGLER_OUTPUT_FILE_PATH"
    echo "account $CLOUDFLARE_ACCOUNT_ID" >> "$desk/calls" ;;
  "secret list")
    [ -e "$desk/secrets" ] || exit 1
    printf '['; tr ',{}' '\n' < "$desk/secrets" | sed -n 's/^"\([A-Z_]*\)":.*/{"name":"\1","type":"secret_text"}/p' | paste -sd, - ; printf ']' ;;
  "secret bulk") cat >> "$desk/secrets"; echo >> "$desk/secrets" ;;
  *) exit 9 ;;
esac
"#;

impl Shop {
    /// Somebody is signed in at Cloudflare; nothing is deployed.
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("shop-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("bin")).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(root.join("wrangler.toml"), folder.join("wrangler.toml")).unwrap();
        let bot = Gate::start(State::sound(APP_SECRET, BOT_WORD, "the bot has no operator"));
        let meta = Meta::start(APP_SECRET, &bot.webhook());
        let gate =
            Gate::start(State { app_secret: None, verify_token: None, admin_token: None, ..State::sound("", "", "") });
        let shop = Self { folder, meta, gate, bot };
        shop.write("bin/npx", NPX);
        fs::set_permissions(shop.folder.join("bin/npx"), fs::Permissions::from_mode(0o755)).unwrap();
        shop.write("bin/whoami", r#"{"loggedIn":true,"accounts":[{"id":"acc1","name":"Shop"}]}"#);
        shop.write("bin/targets", &format!("\"{}\"", shop.gate.url));
        shop
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.folder.join(name)).unwrap();
    }

    /// The text of a file; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    pub fn remembered(&self) -> Value {
        serde_json::from_str(&self.text(".baton/setup.json")).unwrap_or_default()
    }

    /// What wrangler was told to do, without looking around.
    pub fn wrangler_did(&self) -> Vec<String> {
        let calls = self.text("bin/calls");
        let acts = calls
            .lines()
            .filter(|line| !line.contains("whoami") && !line.contains("list") && !line.starts_with("account"));
        acts.map(str::to_owned).collect()
    }

    /// The secrets as wrangler got them, the last of each name.
    pub fn secrets(&self) -> Map<String, Value> {
        let mut all = Map::new();
        for line in self.text("bin/secrets").lines() {
            all.extend(serde_json::from_str::<Map<String, Value>>(line).unwrap());
        }
        all
    }

    /// Has the gate learn the secrets as they come, as Cloudflare would.
    pub fn watch(&self) -> Watch {
        Watch::start(self.folder.join("bin/secrets"), self.gate.shared())
    }

    /// The tool, with nothing in its environment but what is given.
    pub fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
        let path = format!("{}:{}", self.folder.join("bin").display(), std::env::var("PATH").unwrap());
        command.args(arguments).current_dir(&self.folder).env_clear().env("PATH", path).env("NO_COLOR", "1");
        command.env("TERM", "xterm").env("BATON_GRAPH", &self.meta.url);
        command.envs(variables.iter().copied());
        command
    }

    /// Runs the tool; nobody is at the terminal.
    pub fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let output = self.command(arguments, variables).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the tool prints text");
        let ran =
            Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        self.holds_no_secret(&ran.stdout);
        self.holds_no_secret(&ran.stderr);
        ran
    }

    /// Sets up with `--yes`, and everything in the environment.
    pub fn set_up(&self, arguments: &[&str]) -> Ran {
        let watch = self.watch();
        let arguments: Vec<&str> = ["setup", "--yes", "--json"].iter().chain(arguments).copied().collect();
        let ran = self.run(&arguments, &known());
        watch.end();
        ran
    }

    /// None of the planted secrets is in a text, in wrangler's arguments, or in what the tool wrote.
    pub fn holds_no_secret(&self, text: &str) {
        let written = [self.text("bin/calls"), self.text(".baton/setup.json"), self.text("wrangler.toml")];
        for text in written.iter().map(String::as_str).chain([text]) {
            for secret in [APP_SECRET, VERIFY_TOKEN, ADMIN_TOKEN, BOT_WORD, ACCESS_TOKEN] {
                assert!(!text.contains(secret), "{secret} shows: {text}");
            }
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Everything that a set-up without questions needs.
pub fn known() -> Vec<(&'static str, &'static str)> {
    vec![
        ("META_APP_ID", APP),
        ("META_APP_SECRET", APP_SECRET),
        ("META_ACCESS_TOKEN", ACCESS_TOKEN),
        ("META_VERIFY_TOKEN", VERIFY_TOKEN),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ]
}

/// Looks at wrangler's secrets until it is told to end.
pub struct Watch {
    end: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Watch {
    fn start(file: PathBuf, gate: std::sync::Arc<std::sync::Mutex<State>>) -> Self {
        let end = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let told = std::sync::Arc::clone(&end);
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                for line in fs::read_to_string(&file).unwrap_or_default().lines() {
                    // A line that is being written is read again.
                    let Ok(Value::Object(secrets)) = serde_json::from_str(line) else { continue };
                    let own = |name: &str| secrets.get(name).and_then(Value::as_str).map(str::to_owned);
                    let mut gate = gate.lock().unwrap();
                    gate.app_secret = own("META_APP_SECRET").or(gate.app_secret.take());
                    gate.verify_token = own("META_VERIFY_TOKEN").or(gate.verify_token.take());
                    gate.admin_token = own("ADMIN_TOKEN").or(gate.admin_token.take());
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        });
        Self { end, thread }
    }

    pub fn end(self) {
        self.end.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}
