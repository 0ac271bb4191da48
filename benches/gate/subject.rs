//! What is measured: a Worker on a runtime of its own, and what that process has used.
//!
//! Invariant: every subject runs on the same `workerd`, with the same options, its objects on disk, and without anything
//! of Node's in the way. What it has used is what the kernel says of its process. However this process ends, the runtime
//! ends with it and its folder is removed: a shell that ignores signals waits between the two, and notices the closing of
//! its standard input.
//!
//! Deliberately not here: systems without `/proc` (dev/bench.mjs says so before anything is built).

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;

use super::config;
use super::http::Connection;

/// The root of the repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const START_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// What Linux counts a process's time in, on every machine that Rust supports.
const MS_PER_TICK: f64 = 10.0;
/// What refuses least early in every subject: it reaches the Worker and nothing else.
const FIRST_QUESTION: &[u8] = b"GET /nothing HTTP/1.1\r\nhost: gate\r\n\r\n";
/// Starts what it is told to, says its process id, ends it when told to, and removes the folder when left alone; and the
/// folder around it, when it is the last.
const GUARD: &str = r#"trap '' INT TERM HUP PIPE
folder=$1; shift
"$@" >"$folder/log" 2>"$folder/errors" </dev/null &
echo $!
read -r _
kill -KILL $!
wait
echo ended
read -r _
rm -rf -- "$folder"
rmdir -- "${folder%/*}"
"#;

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    Floor,
    Peer,
    Baton,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Floor, Self::Peer, Self::Baton];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Peer => "peer",
            Self::Baton => "Baton",
        }
    }
}

/// A Worker on a runtime of its own.
pub struct Subject {
    pub kind: Kind,
    pub address: SocketAddr,
    /// From starting the process to the first answer.
    pub started: Duration,
    folder: PathBuf,
    guard: Child,
    orders: Option<ChildStdin>,
    reports: BufReader<ChildStdout>,
    process: u32,
}

/// What is stored, over all objects.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stored {
    pub objects: usize,
    pub rows: usize,
    pub bytes: u64,
}

impl Subject {
    /// Starts the runtime in a folder of its own in this one, and waits until it answers.
    pub fn start(kind: Kind, within: &Path, receiver: SocketAddr, inspector: Option<SocketAddr>) -> Self {
        let folder = within.join(kind.name());
        fs::create_dir_all(folder.join("objects")).unwrap();
        for (from, to) in config::modules(kind, inspector.is_some()) {
            let from = Path::new(ROOT).join(from);
            fs::copy(&from, folder.join(to))
                .unwrap_or_else(|error| panic!("{}: {error}; run npm run build", from.display()));
        }
        let address = free_address();
        let file = folder.join("config.capnp");
        fs::write(&file, config::text(kind, address, receiver, &folder.join("objects"))).unwrap();
        let begun = Instant::now();
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&folder)
            .arg(Path::new(ROOT).join("node_modules/workerd/bin/workerd"))
            .args(["serve", "--experimental"])
            .args(inspector.map(|at| format!("--inspector-addr={at}")))
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (orders, mut reports) = (guard.stdin.take(), BufReader::new(guard.stdout.take().unwrap()));
        let process = line(&mut reports).parse().unwrap();
        let mut subject = Self { kind, address, started: Duration::ZERO, folder, guard, orders, reports, process };
        subject.wait(begun);
        subject
    }

    fn wait(&mut self, begun: Instant) {
        while begun.elapsed() < START_WITHIN {
            let answer = Connection::open(self.address).and_then(|mut connection| connection.ask(FIRST_QUESTION));
            if answer.is_ok() {
                self.started = begun.elapsed();
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        panic!("{} does not start: {}", self.kind.name(), self.said());
    }

    /// Milliseconds of user and system time that the process has used.
    pub fn cpu_ms(&self) -> f64 {
        let stat = self.proc("stat");
        // The name of the program, in parentheses, may contain anything.
        let mut fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11);
        let mut ticks = || fields.next().unwrap().parse::<f64>().unwrap();
        (ticks() + ticks()) * MS_PER_TICK
    }

    /// The most memory that was resident, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.memory_mib("VmHWM:")
    }

    /// Memory that is resident now, in MiB.
    pub fn resident_mib(&self) -> f64 {
        self.memory_mib("VmRSS:")
    }

    /// Files that the process may have open at a time.
    pub fn files_max(&self) -> usize {
        let limits = self.proc("limits");
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX)
    }

    fn memory_mib(&self, name: &str) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1_024.0
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process))
            .unwrap_or_else(|_| panic!("{} has ended: {}", self.kind.name(), self.said()))
    }

    /// What the Worker has said, as far as it is worth reading.
    pub fn said(&self) -> String {
        let said = ["log", "errors"].map(|file| fs::read_to_string(self.folder.join(file)).unwrap_or_default());
        said.concat().chars().take(2_000).collect()
    }

    /// Ends the runtime and counts what it has stored.
    pub fn end(mut self) -> Stored {
        self.tell_guard();
        assert_eq!(line(&mut self.reports), "ended");
        stored(&self.folder.join("objects"))
    }

    fn tell_guard(&mut self) {
        let _ = self.orders.as_mut().map(|orders| orders.write_all(b"end\n"));
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.guard.wait();
    }
}

/// Where objects are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Medium {
    /// In files that are in memory, where the system has such a folder.
    Memory,
    Disk,
}

impl Medium {
    fn parent(self) -> &'static Path {
        let memory = Some(Path::new("/dev/shm")).filter(|folder| self == Self::Memory && folder.is_dir());
        memory.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")))
    }
}

/// A folder for the subjects of one measurement, which is removed at the end, as are those of processes that are gone.
pub struct Folder(PathBuf);

impl Folder {
    pub fn make(medium: Medium) -> Self {
        let parent = medium.parent();
        for old in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = old.file_name().to_string_lossy().into_owned();
            let process = name.strip_prefix("baton-bench-").and_then(|rest| rest.split('-').next());
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _ = fs::remove_dir_all(old.path());
            }
        }
        let named = |number: u32| parent.join(format!("baton-bench-{}-{number}", std::process::id()));
        let path = (0..u32::MAX).map(named).find(|path| !path.exists()).unwrap();
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An address that nobody listens at.
pub fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

fn line(reports: &mut impl BufRead) -> String {
    let mut line = String::new();
    reports.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Counts objects, the rows of their own tables, and the bytes of all files.
fn stored(folder: &Path) -> Stored {
    let mut stored = Stored::default();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            let inner = self::stored(&path);
            stored.objects += inner.objects;
            stored.rows += inner.rows;
            stored.bytes += inner.bytes;
            continue;
        }
        stored.bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        // The alarms of all objects of a class are in a file of the runtime's own.
        let is_object = path.extension().is_some_and(|ending| ending == "sqlite")
            && path.file_stem().is_some_and(|name| name != "metadata");
        if is_object {
            stored.objects += 1;
            stored.rows += rows(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    stored
}

fn rows(file: &Path) -> rusqlite::Result<usize> {
    let database = Database::open(file)?;
    let mut names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    // `_cf_…` is the runtime's, `sqlite_…` SQLite's.
    let own = names.iter().filter(|name| !name.starts_with("_cf_") && !name.starts_with("sqlite_"));
    let count = |name: &String| {
        let text = format!("SELECT count(*) FROM \"{name}\"");
        database.query_row(&text, [], |row| row.get::<_, i64>(0)).map(|count| usize::try_from(count).unwrap())
    };
    own.map(count).sum()
}
