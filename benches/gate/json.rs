//! Every figure of every turn, for whoever wants to reckon or draw with them.
//!
//! Invariant: what is printed is made of these figures and no others; units stand in the names.

use serde_json::{Value, json};

use super::bars::{Bar, Found, Verdict};
use super::figures::Spread;

/// All of it as one document.
pub fn document(found: &Found, bars: &[Bar]) -> Value {
    json!({
        "turns": found.turns.iter().map(|turn| json!({
            "workload": turn.workload.name(),
            "subject": turn.kind.name(),
            "round": turn.round + 1,
            "webhooks": turn.webhooks,
            "webhooks_per_second": turn.per_second,
            "p50_ms": turn.p50_ms,
            "p99_ms": turn.p99_ms,
            "cpu_ms_per_webhook": turn.cpu_ms,
            "peak_mib": turn.peak_mib,
            "wrong_answers": turn.wrong,
            "ids": turn.ids,
            "ids_missing": turn.amiss.missing,
            "ids_doubled": turn.amiss.doubled,
        })).collect::<Vec<_>>(),
        "stored": found.kept.iter().map(|kept| json!({
            "workload": kept.workload.name(),
            "subject": kept.kind.name(),
            "objects": kept.stored.objects,
            "rows": kept.stored.rows,
            "bytes": kept.stored.bytes,
        })).collect::<Vec<_>>(),
        "start": found.starts.as_ref().map(|starts| json!({ "baton_ms": starts.baton_ms, "floor_ms": starts.floor_ms })),
        "gzip_kib": found.gzip_kib,
        "growth": found.growth.iter().flat_map(|growth| &growth.grown).map(|grown| json!({
            "conversations": grown.conversations,
            "cpu_ms_per_webhook": spread(grown.cpu_ms),
            "cpu_ms_per_new_conversation": grown.made_cpu_ms,
            "ids": grown.delivered.ids,
            "ids_missing": grown.delivered.amiss.missing,
            "ids_doubled": grown.delivered.amiss.doubled,
            "wrong_answers": grown.delivered.wrong,
        })).collect::<Vec<_>>(),
        "memory": found.growth.iter().flat_map(|growth| &growth.steps).map(|step| json!({
            "conversations_made": step.made,
            "resident_mib_before": step.before_mib,
            "resident_mib_awake": step.awake_mib,
            "resident_mib_idle": step.idle_mib,
        })).collect::<Vec<_>>(),
        "files": found.growth.as_ref().map(|growth| json!({
            "conversations": growth.conversations,
            "objects": growth.objects,
            "bytes": growth.bytes,
        })),
        "bars": bars.iter().map(|bar| json!({
            "bar": bar.name,
            "wanted": bar.wanted,
            "measured": bar.figure,
            "passes": match bar.verdict {
                Verdict::Pass => Some(true),
                Verdict::Fail => Some(false),
                Verdict::NotMeasured | Verdict::Stated => None,
            },
        })).collect::<Vec<_>>(),
    })
}

fn spread(spread: Spread) -> Value {
    json!({ "median": spread.median, "min": spread.min, "max": spread.max })
}
