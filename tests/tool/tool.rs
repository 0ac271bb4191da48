//! Running the tool: in a folder of its own, with secrets that must not show, and without what the developer's own
//! environment has.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

pub use crate::shop::{ADMIN_TOKEN, APP_SECRET, Ran};

/// A folder for one run, which goes with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("tool-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.join(name), text).unwrap();
        self
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The tool, ready to be run in this folder.
pub fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.args(arguments).current_dir(folder.path());
    command.env_remove("BATON_GATE").env("TZ", "UTC0").env("NO_COLOR", "1");
    command.env("ADMIN_TOKEN", ADMIN_TOKEN).env("META_APP_SECRET", APP_SECRET);
    command
}

/// The same command, which Ctrl-C ends: where a shell has started the tests in the background, all that they start
/// would ignore it. A system whose `env` cannot do that gets the command as it is.
pub fn interruptible(command: &Command) -> Command {
    const DEFAULT: &str = "--default-signal=INT";
    if !Command::new("env").args([DEFAULT, "true"]).output().is_ok_and(|ran| ran.status.success()) {
        let mut same = Command::new(command.get_program());
        like(&mut same, command);
        return same;
    }
    let mut wrapped = Command::new("env");
    wrapped.arg(DEFAULT).arg(command.get_program());
    like(&mut wrapped, command);
    wrapped
}

/// Gives a command another one's arguments, folder and environment.
fn like(command: &mut Command, other: &Command) {
    command.args(other.get_args());
    if let Some(folder) = other.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in other.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// Runs it to its end; nobody is at the terminal.
pub fn run(folder: &Folder, arguments: &[&str], input: &str) -> Ran {
    finish(command(folder, arguments), input)
}

/// Runs a command to its end.
pub fn finish(mut command: Command, input: &str) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the tool starts");
    // A tool that does not read its input may have ended by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the tool prints text");
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}
