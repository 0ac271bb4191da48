//! What was found of a customer and removed, object by object: the proof of an erasure.
//!
//! Invariant: counts of rows and names of objects as digests; nothing of what was in the rows.
//!
//! Not here: removing it (`edge::acts`, `store::erase`), and the second look (`edge::erase`).

use core::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::ids::ObjectName;

/// The kinds of rows that a part of a desk has of a customer, as they are shown.
pub const DESK_ROWS: [&str; 4] = ["conversations", "dead_letters", "collisions", "alerts"];

/// What was found of a customer. Lists of numbers, which other messages have as well: each further form is another few KB
/// of the Worker.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Erasure {
    /// The objects of the customer's names.
    pub names: Vec<ObjectName>,
    /// The rows of each.
    pub rows: Vec<usize>,
    /// The rows of each part of the desk, as many numbers as [`DESK_ROWS`] has, one part after the other.
    pub desk: Vec<usize>,
}

impl Erasure {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.names.extend(other.names);
        self.rows.extend(other.rows);
        self.desk.extend(other.desk);
    }

    /// Every row of it.
    #[must_use]
    pub fn count(&self) -> usize {
        let mut count = 0_usize;
        for rows in self.rows.iter().chain(&self.desk) {
            count = count.saturating_add(*rows);
        }
        count
    }

    /// Whether nothing was found at all, not even an object that points elsewhere.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.names.is_empty() && self.count() == 0
    }

    /// The proof as the operator gets it; `remaining` is what a second look has found.
    #[must_use]
    pub fn proof(&self, remaining: usize) -> String {
        let mut json = format!(r#"{{"erased":{},"objects":["#, self.names.len());
        let mut comma = "";
        // Writing into a String cannot fail, here and below.
        for (name, rows) in self.names.iter().zip(&self.rows) {
            let _ = write!(json, r#"{comma}{{"object":"{}","rows":{rows}}}"#, name.public_id());
            comma = ",";
        }
        json.push_str(r#"],"desk":["#);
        comma = "";
        for (part, rows) in self.desk.chunks(DESK_ROWS.len()).enumerate() {
            if rows.iter().all(|rows| *rows == 0) {
                continue;
            }
            let _ = write!(json, r#"{comma}{{"part":{part}"#);
            for (name, rows) in DESK_ROWS.into_iter().zip(rows) {
                let _ = write!(json, r#","{name}":{rows}"#);
            }
            json.push('}');
            comma = ",";
        }
        let _ = write!(json, r#"],"remaining":{remaining}}}"#);
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Customer, LineId};

    #[test]
    fn the_proof_counts_rows_and_names_nobody() {
        let line = LineId::parse("300").unwrap();
        let name = |customer: &str| ObjectName::conversation(&line, &Customer::parse(customer).unwrap());
        let mut erasure = Erasure { names: vec![name("15550109999")], rows: vec![1], desk: Vec::new() };
        let desk = vec![0, 0, 0, 0, 1, 2, 3, 4];
        erasure.add(Erasure { names: vec![name("US.123")], rows: vec![7], desk });
        assert_eq!((erasure.count(), erasure.is_nothing(), Erasure::default().is_nothing()), (18, false, true));
        let proof = erasure.proof(0);
        assert!(!proof.contains("15550109999") && !proof.contains("US.123"), "{proof}");
        let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
        assert_eq!((&proof["erased"], &proof["remaining"]), (&serde_json::json!(2), &serde_json::json!(0)));
        assert_eq!(proof["objects"][1], serde_json::json!({ "object": name("US.123").public_id(), "rows": 7 }));
        let desk =
            serde_json::json!([{ "part": 1, "conversations": 1, "dead_letters": 2, "collisions": 3, "alerts": 4 }]);
        assert_eq!(proof["desk"], desk);
    }
}
