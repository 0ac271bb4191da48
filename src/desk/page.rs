//! Pages of lists, and one list of the parts of several.
//!
//! Every list of the desk is ordered by a key: a rank, then an id. A page ends with a cursor, which is the key of its
//! last item, so the next page begins behind it whatever has come or gone in between.
//!
//! Invariant: an item whose key does not change while somebody pages through a list is shown exactly once. It holds
//! because the next page asks for keys greater than the last one shown, and each part of the desk answers with the
//! smallest of its own.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time::UnixMillis;

/// Beyond every time in milliseconds that a list meets; ranks count down from here where the newest comes first.
const FOREVER_MS: u64 = 10_000_000_000_000;

/// Where an item stands in its list.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Key(pub i64, pub String);

/// An item, its key, and its JSON, which is passed on unread.
#[derive(Debug, Deserialize, Serialize)]
pub struct Item(pub Key, pub Box<RawValue>);

impl Key {
    /// Before every item.
    #[must_use]
    pub const fn start() -> Self {
        Self(-1, String::new())
    }

    /// Reads a cursor; `None` where it is none.
    #[must_use]
    pub fn of_cursor(cursor: &str) -> Option<Self> {
        let bytes = base16ct::lower::decode_vec(cursor).ok()?;
        let (rank, id) = core::str::from_utf8(&bytes).ok()?.split_once(' ')?;
        Some(Self(rank.parse().ok()?, id.to_owned()))
    }

    /// The cursor of the page that ends with this item.
    #[must_use]
    pub fn cursor(&self) -> String {
        base16ct::lower::encode_string(format!("{} {}", self.0, self.1).as_bytes())
    }
}

/// The rank that puts the newest first.
#[must_use]
pub fn newest_first(at: UnixMillis) -> i64 {
    i64::try_from(FOREVER_MS.saturating_sub(at.as_millis())).unwrap_or(i64::MAX)
}

/// The rank of a conversation: who waits comes first, the longest before the others; then whom a person holds, then all
/// the others, each by who wrote last.
#[must_use]
pub fn rank(waiting_since: Option<UnixMillis>, is_human: bool, last: UnixMillis) -> i64 {
    const CLASS: i64 = 100_000_000_000_000;
    match waiting_since {
        Some(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX).min(CLASS - 1),
        None if is_human => CLASS + newest_first(last),
        None => 2 * CLASS + newest_first(last),
    }
}

/// The ranks below which a person holds or somebody waits, and below which somebody waits.
pub const HUMAN_BELOW: i64 = 200_000_000_000_000;
/// See [`HUMAN_BELOW`].
pub const WAITING_BELOW: i64 = 100_000_000_000_000;

/// The first `limit` items of all parts, and the cursor behind them, where there are more. Each part brings one item
/// more than `limit`, where it has as many.
#[must_use]
pub fn merge(mut parts: Vec<Vec<Item>>, limit: usize) -> (Vec<Item>, Option<String>) {
    // Each part is in order, so the next item of all is the smallest of the first ones. Sorting would be some KB more of
    // the Worker.
    for part in &mut parts {
        part.reverse();
    }
    let mut all: Vec<Item> = Vec::new();
    loop {
        let unshown = parts.iter_mut().filter(|part| !part.is_empty());
        let Some(next) = unshown.min_by(|one, other| next_key(one).cmp(&next_key(other))).and_then(Vec::pop) else {
            return (all, None);
        };
        if all.len() >= limit {
            let cursor = all.last().map(|last| last.0.cursor());
            return (all, cursor);
        }
        all.push(next);
    }
}

/// The key of the next item of a part that is in reverse.
fn next_key(part: &[Item]) -> Option<&Key> {
    part.last().map(|item| &item.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        for key in [Key(0, String::new()), Key(1_793_700_000_000, "ab c=/".to_owned()), Key(i64::MAX, "ü".to_owned())]
        {
            assert_eq!(Key::of_cursor(&key.cursor()), Some(key));
        }
        for bad in ["", "!", "AAAA", "eCB5"] {
            assert_eq!(Key::of_cursor(bad), None, "{bad}");
        }
    }

    #[test]
    fn who_waits_longest_comes_first_and_who_wrote_last_comes_next() {
        let at = UnixMillis::from_seconds;
        let ranks = [
            rank(Some(at(1_793_700_000)), true, at(1_793_700_900)),
            rank(Some(at(1_793_700_001)), false, at(1_793_700_800)),
            rank(None, true, at(1_793_700_900)),
            rank(None, true, at(1_793_700_100)),
            rank(None, false, at(1_793_700_950)),
            rank(None, false, at(1_700_000_000)),
        ];
        assert!(ranks.is_sorted(), "{ranks:?}");
        assert!(
            ranks[1] < WAITING_BELOW && ranks[2] >= WAITING_BELOW && ranks[3] < HUMAN_BELOW && ranks[4] >= HUMAN_BELOW
        );
    }

    #[test]
    fn the_parts_of_a_desk_make_one_list_without_gaps() {
        let item = |rank: i64| Item(Key(rank, "x".to_owned()), RawValue::from_string(rank.to_string()).unwrap());
        let all: Vec<i64> = (0..23).collect();
        let (mut shown, mut after) = (Vec::new(), Key::start());
        loop {
            let part = |odd: i64| {
                all.iter()
                    .filter(|rank| **rank % 2 == odd && Key(**rank, "x".into()) > after)
                    .take(6)
                    .map(|rank| item(*rank))
                    .collect()
            };
            let (items, cursor) = merge(vec![part(0), part(1)], 5);
            shown.extend(items.iter().map(|item| item.0.0));
            let Some(cursor) = cursor else { break };
            after = Key::of_cursor(&cursor).unwrap();
        }
        assert_eq!(shown, all);
    }
}
