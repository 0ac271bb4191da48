//! Keeps one subject busy while a profile of it is taken.
//!
//! Invariant: what is profiled is what is measured: the same Worker with the same load. Baton's module has the names of
//! its functions beside the code that is released, and not another code.
//!
//! Deliberately not here: reading the profile (`benches/profile.mjs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::load;
use super::rounds::Bench;
use super::subject::{Folder, Kind, ROOT, Subject, free_address};
use super::workloads::Workload;

/// Webhooks are prepared for so long at a time; the subject is idle meanwhile, and that is not counted.
const STEPS_PER_ROUND: usize = 4;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes a profile of so many seconds. Returns whether that went well.
pub fn take(bench: &mut Bench, kind: Kind, workload: Workload, seconds: u32, say: &mut dyn FnMut(&str)) -> bool {
    let (folder, inspector) = (Folder::make(bench.medium), free_address());
    let subject = Subject::start(kind, folder.path(), bench.receiver.address, Some(inspector));
    let count = workload.webhooks(STEPS_PER_ROUND);
    for load in workload.first(&mut bench.maker, count) {
        load::send(subject.address, &load.webhooks, workload.pace(), workload.wanted(kind));
    }
    let file = file(kind, workload);
    // Named by the set-up; whoever runs this program by hand has one in the PATH.
    let node = std::env::var_os("NODE").unwrap_or_else(|| "node".into());
    let profiler = Command::new(node)
        .arg(Path::new(ROOT).join("benches/profile.mjs"))
        .args([inspector.to_string(), seconds.to_string()])
        .arg(&file)
        .stdin(Stdio::null())
        .spawn();
    let mut profiler = Profiler(profiler.unwrap());
    let is_done = loop {
        let load = workload.load(&mut bench.maker, count);
        load::send(subject.address, &load.webhooks, workload.pace(), workload.wanted(kind));
        if let Some(status) = profiler.0.try_wait().unwrap() {
            break status.success();
        }
        thread::sleep(LOOK_EVERY);
    };
    say(&format!("{seconds} s of {} with {}: {}", kind.name(), workload.name(), file.display()));
    is_done
}

/// Ends with this process's interest in it.
struct Profiler(Child);

impl Drop for Profiler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn file(kind: Kind, workload: Workload) -> PathBuf {
    let folder = Path::new(ROOT).join("target").join("profiles");
    fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{}-{}.cpuprofile", kind.name().to_lowercase(), workload.name()))
}
