//! Writes the table of time zones that the opening hours of a policy may name, and that of small letters.
//!
//! The whole IANA database with a library that reads it would be a quarter of the compressed Worker
//! (docs/decisions/0002), and most of it is history. A gate looks at the present, so all it needs is when each
//! zone's clocks change from now on. The library is asked for that here, where its size does not matter.
//!
//! Invariant: every name of the database is in the table, links included, with every change between [`FROM`]
//! and [`UNTIL`]. `src/policy/zones.rs` reads the table, and its test compares the two hour by hour.
//!
//! The table is text. The first line is `FROM` in minutes since the Unix epoch. Every other line is
//! `names|offset wait offset wait offset …`: the zones that have these changes, the first offset from UTC in
//! minutes, and after each wait in minutes the next offset.
//!
//! The table of letters is what `src/policy/letters.rs` includes, and is made of what the standard library knows.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The table begins before any message that the gate can see.
const FROM: &str = "2025-01-01T00:00:00Z";

/// The table ends later than laws about clocks last; from then on the last offset stays.
const UNTIL: &str = "2060-01-01T00:00:00Z";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let (from, until): (Timestamp, Timestamp) = (FROM.parse()?, UNTIL.parse()?);
    let database = TimeZoneDatabase::bundled();
    let mut zones: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in database.available() {
        let name = name.as_str();
        zones.entry(changes(&database.get(name)?, from, until)?).or_default().push(name.to_owned());
    }
    let mut table = format!("{}\n", minutes(from.as_second())?);
    for (changes, names) in &zones {
        writeln!(table, "{}|{changes}", names.join(" "))?;
    }
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?;
    std::fs::write(Path::new(&folder).join("zones.txt"), table)?;
    std::fs::write(Path::new(&folder).join("letters.rs"), letters())?;
    Ok(())
}

/// Letters that have one small letter, in rows: the first and the last, how far apart they stand, and how far their small
/// letters are.
fn letters() -> String {
    let mut rows: Vec<(char, char, u32, i64)> = Vec::new();
    for letter in '\u{80}'..=char::MAX {
        let mut small = letter.to_lowercase();
        let (Some(one), None) = (small.next(), small.next()) else { continue };
        let by = i64::from(u32::from(one)) - i64::from(u32::from(letter));
        let after = |last: char| u32::from(letter) - u32::from(last);
        match rows.last_mut() {
            _ if by == 0 => {}
            // Capital and small letters often take turns.
            Some((first, last, step, of_row))
                if *of_row == by && (after(*last) == *step || (first == last && after(*last) <= 2)) =>
            {
                *step = after(*last);
                *last = letter;
            }
            _ => rows.push((letter, letter, 1, by)),
        }
    }
    let row = |(first, last, step, by): (char, char, u32, i64)| {
        format!("('{}', '{}', {step}, {by}), ", first.escape_unicode(), last.escape_unicode())
    };
    format!("[{}]", rows.into_iter().map(row).collect::<String>())
}

/// The changes of one zone as the table has them.
fn changes(zone: &TimeZone, from: Timestamp, until: Timestamp) -> Result<String, Box<dyn Error>> {
    let mut last = (from.as_second(), zone.to_offset(from).seconds());
    let mut text = minutes(last.1.into())?.to_string();
    for change in zone.following(from).take_while(|change| change.timestamp() < until) {
        let next = (change.timestamp().as_second(), change.offset().seconds());
        // A zone may change its abbreviation and nothing else.
        if next.1 != last.1 {
            write!(text, " {} {}", minutes(next.0 - last.0)?, minutes(next.1.into())?)?;
            last = next;
        }
    }
    Ok(text)
}

/// Whole minutes, which is what every offset and every change has had since 1972.
fn minutes(seconds: i64) -> Result<i64, Box<dyn Error>> {
    if seconds % 60 == 0 { Ok(seconds / 60) } else { Err(format!("{seconds} s are no whole minutes").into()) }
}
