//! What the tests share: the samples, Meta's side, an object on real SQLite.
pub mod book;
pub mod meta;

use std::path::Path;

/// A sample of Meta's webhooks.
pub struct Payload {
    /// The file's name without its ending.
    pub name: String,
    /// One delivery.
    pub body: String,
}

/// All samples, by name; the one that stands for two deliveries gives two.
pub fn payloads() -> Vec<Payload> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut payloads = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let body = std::fs::read_to_string(&file).unwrap();
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        match json.get("deliveries").and_then(serde_json::Value::as_array) {
            Some(deliveries) => {
                payloads.extend(deliveries.iter().map(|body| Payload { name: name.clone(), body: body.to_string() }));
            }
            None => payloads.push(Payload { name, body }),
        }
    }
    payloads
}
