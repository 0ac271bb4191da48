//! One gate on the real runtime, as `npm start -- --no-demo` runs it.
//!
//! Invariant: no process of a gate outlives this test program, however it ends. The gate's parent process holds one
//! end of an IPC channel whose other end is ours: when we stop, crash or are killed, the channel closes, and
//! `dev/start.mjs` takes that for the order to end. That also makes it safe to keep a gate in a static.
//!
//! Not here: what is sent to a gate (`client`).

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::planted;

pub const APP_SECRET: &str = "app secret of the runtime tests";
pub const PREVIOUS_APP_SECRET: &str = "app secret before the rotation";
pub const VERIFY_TOKEN: &str = "word of the shop";
pub const ADMIN_TOKEN: &str = "token of the operator";

/// A gate starts in two to four seconds; after a change of the sources it is built first, which takes a minute, and
/// sources that are being edited may not compile for a moment.
const START_LIMIT: Duration = Duration::from_mins(4);
const START_ATTEMPTS: usize = 3;
const STOP_LIMIT: Duration = Duration::from_secs(15);
const LEFTOVER_AGE: Duration = Duration::from_hours(1);

/// How a gate is started. What is not said is a sound configuration of the tests' own.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The policy; an empty one has the gate's defaults.
    pub policy: Option<Value>,
    /// The port; any free one where there is none.
    pub port: Option<u16>,
    /// Secrets and variables that differ. An empty value leaves one out.
    pub vars: Vec<(&'static str, String)>,
}

impl Options {
    pub fn with_policy(policy: Value) -> Self {
        Self { policy: Some(policy), ..Self::default() }
    }

    pub fn var(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    /// The same without a binding of wrangler.toml.
    pub fn without(self, binding: &str) -> Self {
        self.var("WITHOUT_BINDINGS", binding)
    }

    /// The policy document. The samples carry a fixed time, so a message is never stale unless the test says when.
    fn document(&self) -> Value {
        let mut policy = self.policy.clone().unwrap_or_else(|| json!({}));
        if let Some(keys) = policy.as_object_mut() {
            keys.entry("stale_after_seconds").or_insert(json!(0));
        }
        policy
    }
}

/// A running gate. Dropping it ends it, and removes its storage unless a test is failing.
pub struct Gate {
    bot_url: String,
    options: Options,
    running: Option<Running>,
    state: PathBuf,
    /// The address, as in `http://127.0.0.1:8787`.
    pub url: String,
}

struct Running {
    child: Child,
    /// Our end of the IPC channel.
    tether: UnixStream,
    output: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    /// Starts a gate in front of this bot.
    pub fn start(bot: &Bot, options: Options) -> Self {
        Self::start_for(&bot.url(), options)
    }

    /// Starts a gate in front of whatever has this address.
    pub fn start_for(bot_url: &str, options: Options) -> Self {
        let state = fresh_folder();
        let mut gate = Self { bot_url: bot_url.to_owned(), options, running: None, state, url: String::new() };
        gate.run();
        gate
    }

    /// Starts a gate on what a released version left behind, as if it had been left just now.
    pub fn start_on(fixture: &Path, bot: &Bot, options: Options) -> Self {
        let state = fresh_folder();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut restore = Command::new(root.join("node_modules/.bin/node"));
        restore.arg(root.join("dev/storage.mjs")).arg("restore").args([fixture, &state]);
        assert!(restore.status().unwrap().success(), "{} cannot be restored", fixture.display());
        let mut gate = Self { bot_url: bot.url(), options, running: None, state, url: String::new() };
        gate.run();
        gate
    }

    /// Stops the gate as an operator does, and starts it again on the same storage.
    pub fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// Where the gate keeps its storage.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Starts the gate again on the same storage, with these options.
    pub fn restart_with(&mut self, options: Options) {
        self.stop();
        self.options = options;
        self.run();
    }

    /// Kills every process of the gate at one moment, the runtime first: nothing gets a chance to tidy up.
    pub fn kill(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let root = running.child.id();
        let groups = groups_of(root);
        assert!(groups.len() > 1, "the runtime has a process group of its own, but only {groups:?} were found");
        signal("KILL", &groups);
        running.child.wait().unwrap();
        wait_until_gone(&groups);
    }

    /// Ends the gate in good order; every process of it is gone afterwards.
    pub fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let groups = groups_of(running.child.id());
        drop(running.tether);
        let limit = Instant::now() + STOP_LIMIT;
        while running.child.try_wait().unwrap().is_none() {
            if Instant::now() > limit {
                signal("KILL", &groups);
            }
            thread::sleep(Duration::from_millis(10));
        }
        if !thread::panicking() {
            wait_until_gone(&groups);
            let found = planted::found_in(&self.runtime_log());
            assert!(found.is_none(), "the log shows what is nobody's business: {found:?}");
        }
    }

    fn run(&mut self) {
        let mut reports = Vec::new();
        for _ in 0..START_ATTEMPTS {
            match self.try_run() {
                Ok(()) => return,
                Err(report) => reports.push(report),
            }
        }
        panic!("the gate does not start:\n{}", reports.join("\n--\n"));
    }

    fn try_run(&mut self) -> Result<(), String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let node = root.join("node_modules/.bin/node");
        assert!(node.exists() && root.join(".dev.vars").exists(), "the set-up has not been run: run `npm test` once");
        let (tether, theirs) = UnixStream::pair().unwrap();
        let mut command = Command::new(node);
        command
            .arg(root.join("dev/start.mjs"))
            .args(["--no-demo", "--no-play", "--bot", &self.bot_url])
            .args(["--port", &self.options.port.unwrap_or(0).to_string()])
            .arg("--state")
            .arg(&self.state)
            // Node takes its standard input for the IPC channel to its parent.
            .env("NODE_CHANNEL_FD", "0")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .current_dir(root)
            .process_group(0);
        let policy = self.state.join("policy.json");
        fs::write(&policy, self.options.document().to_string()).unwrap();
        command.arg("--policy").arg(policy);
        // The developer's own .dev.vars must not decide over a test.
        let own = [
            ("META_APP_SECRET", APP_SECRET),
            ("META_APP_SECRET_PREVIOUS", ""),
            ("META_VERIFY_TOKEN", VERIFY_TOKEN),
            ("BOT_SECRET", ""),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ];
        for (name, value) in own {
            command.env(format!("BATON_VAR_{name}"), value);
            planted::plant(value);
        }
        for (name, value) in &self.options.vars {
            if ["SECRET", "TOKEN", "KEY"].iter().any(|word| name.contains(word)) {
                planted::plant(value);
            }
            command.env(format!("BATON_VAR_{name}"), value);
        }
        let mut child = command.spawn().unwrap();
        // The command keeps a copy of the other end of the channel, which would keep it open for ever.
        drop(command);
        let output = Arc::new(Mutex::new(Vec::new()));
        let lines = collect(&mut child, &output);
        self.running = Some(Running { child, tether, output: Arc::clone(&output) });
        let limit = Instant::now() + START_LIMIT;
        loop {
            match lines.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(url) = line.strip_prefix("ready ") {
                        url.clone_into(&mut self.url);
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {
                    self.stop();
                    return Err(output.lock().unwrap().join("\n"));
                }
            }
        }
    }

    /// The processes of the runtime itself, where there is a /proc to tell them by.
    pub fn runtime_processes(&self) -> Vec<u32> {
        let Some(running) = &self.running else { return Vec::new() };
        let groups = groups_of(running.child.id());
        let is_runtime =
            |id: u32| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "workerd");
        let all = processes().into_iter().filter(|process| groups.contains(&process.group) && !process.ended);
        all.map(|process| process.id).filter(|id| is_runtime(*id)).collect()
    }

    /// What the runtime printed.
    pub fn runtime_log(&self) -> String {
        fs::read_to_string(self.state.join("wrangler.log")).unwrap_or_default()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if thread::panicking() {
            let output = self.running.as_ref().map(|running| running.output.lock().unwrap().join("\n"));
            println!("the gate printed:\n{}", output.unwrap_or_default());
            println!("its runtime printed:\n{}", self.runtime_log());
        }
        self.stop();
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.state);
        }
    }
}

/// The gate and the bot of all tests that tell their events apart by customer and need no faults of the whole bot.
pub struct Common {
    pub bot: Bot,
    pub gate: Gate,
}

/// Long enough that no hold ends while a test looks at it; retries come within seconds.
pub fn common() -> &'static Common {
    static COMMON: LazyLock<Common> = LazyLock::new(|| {
        let bot = Bot::start(APP_SECRET);
        let policy = json!({ "lease_seconds": 600, "retry_schedule_seconds": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
        let options = Options::with_policy(policy).var("META_APP_SECRET_PREVIOUS", PREVIOUS_APP_SECRET);
        let gate = Gate::start(&bot, options);
        Common { bot, gate }
    });
    &COMMON
}

/// A folder of its own for each gate, inside cargo's folder for tests.
fn fresh_folder() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gates");
    fs::create_dir_all(&base).unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    if number == 0 {
        remove_leftovers(&base);
    }
    let folder = base.join(format!("{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Storage of gates in statics, which are never dropped, and of tests that failed a while ago.
fn remove_leftovers(base: &Path) {
    let now = SystemTime::now();
    for entry in fs::read_dir(base).unwrap().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age > LEFTOVER_AGE) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Keeps everything that the child prints, and passes the lines of its standard output on.
fn collect(child: &mut Child, output: &Arc<Mutex<Vec<String>>>) -> Receiver<String> {
    let (sender, lines) = channel();
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let kept = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            kept.lock().unwrap().push(line.clone());
            // Nobody waits for lines once the gate is ready, but the pipe must be emptied all the same.
            let _ = sender.send(line);
        }
    });
    let kept = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            kept.lock().unwrap().push(line);
        }
    });
    lines
}

struct Process {
    id: u32,
    parent: u32,
    group: u32,
    ended: bool,
}

/// Every process of this machine: from /proc where there is one, because small systems come without `ps`.
fn processes() -> Vec<Process> {
    let Ok(folder) = fs::read_dir("/proc") else { return processes_by_ps() };
    let read = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name of the program stands in parentheses and may hold anything, so what counts is behind the last one.
        let mut words = stat.rsplit_once(')')?.1.split_whitespace();
        let ended = words.next()?.starts_with('Z');
        Some(Process { id, parent: words.next()?.parse().ok()?, group: words.next()?.parse().ok()?, ended })
    };
    folder.flatten().filter_map(read).collect()
}

fn processes_by_ps() -> Vec<Process> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid=,pgid=,stat="]).output().unwrap();
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let mut number = || words.next()?.parse().ok();
        let (id, parent, group) = (number()?, number()?, number()?);
        Some(Process { id, parent, group, ended: words.next()?.starts_with('Z') })
    };
    String::from_utf8_lossy(&listed.stdout).lines().filter_map(read).collect()
}

/// The process groups of a process and of all that descend from it; the groups of the descendants come first.
fn groups_of(root: u32) -> Vec<u32> {
    let all = processes();
    let mut family = BTreeSet::from([root]);
    loop {
        let before = family.len();
        family.extend(
            all.iter().filter(|process| family.contains(&process.parent)).map(|process| process.id).collect::<Vec<_>>(),
        );
        if family.len() == before {
            break;
        }
    }
    let mut groups: BTreeSet<u32> =
        all.iter().filter(|process| family.contains(&process.id)).map(|process| process.group).collect();
    groups.remove(&root);
    groups.into_iter().chain([root]).collect()
}

/// The processes of the other groups are not our children, so their end can only be looked for.
fn wait_until_gone(groups: &[u32]) {
    let limit = Instant::now() + STOP_LIMIT;
    while processes().iter().any(|process| groups.contains(&process.group) && !process.ended) {
        assert!(Instant::now() < limit, "processes of the groups {groups:?} are still there");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to whole groups in one call. Groups that are gone are no error.
fn signal(name: &str, groups: &[u32]) {
    let groups: Vec<String> = groups.iter().map(|group| format!("-{group}")).collect();
    // The shell's own `kill`: small systems come without the program of that name.
    let line = format!("kill -s {name} -- {}", groups.join(" "));
    let _ = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
}
