//! The micro-benchmarks, natively and as Wasm: `npm run bench:micro` runs both and shows them side by side;
//! `cargo bench --bench micro` runs the native half.
//!
//! `micro repeat BYTES TIMES` verifies so many bytes so many times and measures nothing: that is for a runtime whose clock
//! stands still while a Worker computes (`worker.js`).
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a benchmark has no public interface")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "as a test")]

mod cases;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};

/// Enough for a median within some percent of itself, and half a minute for all cases.
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED_FOR: Duration = Duration::from_secs(2);
const SAMPLES: usize = 30;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [command, bytes, times] = words.as_slice()
        && command == "repeat"
    {
        return repeat(bytes.parse().unwrap(), times.parse().unwrap());
    }
    let mut criterion = Criterion::default()
        .warm_up_time(WARM_UP)
        .measurement_time(MEASURED_FOR)
        .sample_size(SAMPLES)
        .configure_from_args();
    let mut group = criterion.benchmark_group("micro");
    for mut case in cases::all() {
        assert_eq!(case.run(), case.expected, "{}", case.name);
        if case.bytes > 0 {
            group.throughput(Throughput::Bytes(case.bytes as u64));
        }
        group.bench_function(case.name.clone(), |bencher| bencher.iter(|| case.run()));
    }
    group.finish();
    criterion.final_summary();
}

fn repeat(bytes: usize, times: usize) {
    let mut case = cases::verification_of(bytes);
    for _ in 0..times {
        assert_eq!(black_box(case.run()), case.expected);
    }
}
