//! What the targets start from: the samples of `tests/payloads`, and the words in them.
//!
//! Invariant: nothing is stored twice. The samples are read where they are, so a sample that is added is a seed.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::Seed;

/// Longest text that is a word for the fuzzer: libFuzzer takes 64 bytes, quotes and escapes included.
const WORD_BYTES_MAX: usize = 40;

/// The samples of Meta's webhooks, as deliveries; the one that stands for two is two.
pub(crate) fn samples() -> Vec<Seed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/payloads");
    let files = std::fs::read_dir(folder).expect("the samples are beside the targets");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    let mut seeds = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&file).expect("a sample can be read");
        let json: Value = serde_json::from_slice(&bytes).expect("a sample is JSON");
        // Compact: blanks are bytes that the fuzzer would waste its time on.
        let deliveries = json.get("deliveries").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![json]);
        for (at, delivery) in deliveries.iter().enumerate() {
            let name = if at == 0 { name.clone() } else { format!("{name}_{at}") };
            seeds.push(Seed { name, bytes: delivery.to_string().into_bytes() });
        }
    }
    seeds
}

/// The keys and the short texts of JSON seeds, as they are written.
pub(crate) fn words(seeds: &[Seed]) -> Vec<String> {
    let mut words = BTreeSet::new();
    for seed in seeds {
        if let Ok(json) = serde_json::from_slice::<Value>(&seed.bytes) {
            collect(&json, &mut words);
        }
    }
    words.into_iter().collect()
}

fn collect(json: &Value, words: &mut BTreeSet<String>) {
    let fits = |word: &String| word.len() <= WORD_BYTES_MAX && word.is_ascii();
    match json {
        Value::Object(object) => {
            for (key, value) in object {
                words.extend(Some(format!("{}:", Value::from(key.as_str()))).filter(fits));
                collect(value, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) => words.extend(Some(json.to_string()).filter(fits)),
        Value::Null => {}
    }
}
