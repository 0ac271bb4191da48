//! Small letters of every script.
//!
//! Why not `str::to_lowercase`: the standard library has a table with a row for each of 1,400 letters, which does not
//! compress. Most letters stand in rows of their own script, and each is as far from its small letter as the next.
//!
//! Invariant: every letter becomes what `char::to_lowercase` makes of it; `build.rs` asks that for the table, and a test
//! for each letter there is.
//!
//! Deliberately not here: other forms than small letters, and languages with rules of their own.

/// Letters with a small letter: the first and the last, how far apart they stand, and how far their small letters are.
/// Written by `build.rs`.
const ROWS: &[(char, char, u32, i32)] = &include!(concat!(env!("OUT_DIR"), "/letters.rs"));

/// The text in small letters.
#[must_use]
pub fn small(text: &str) -> String {
    let mut small = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut is_in_word = false;
    while let Some(letter) = rest.next() {
        match letter {
            // The one letter that becomes two characters.
            '\u{130}' => small.push_str("i\u{307}"),
            // Sigma has a small letter of its own for the end of a word.
            'Σ' if is_in_word && !rest.clone().next().is_some_and(char::is_alphabetic) => small.push('ς'),
            _ => small.push(small_letter(letter)),
        }
        is_in_word = letter.is_alphabetic();
    }
    small
}

fn small_letter(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    let row = ROWS.get(ROWS.partition_point(|(_, last, ..)| *last < letter));
    let place = |first: char| u32::from(letter).checked_sub(first.into());
    let row = row.filter(|(first, _, step, _)| place(*first).is_some_and(|place| place.is_multiple_of(*step)));
    row.and_then(|(.., by)| u32::from(letter).checked_add_signed(*by)).and_then(char::from_u32).unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_becomes_what_the_standard_library_makes_of_it() {
        for letter in '\0'..=char::MAX {
            assert_eq!(small(&letter.to_string()), letter.to_string().to_lowercase(), "{letter:?}");
        }
        for text in
            ["", "ΟΔΟΣ", "ΟΔΟΣ ΣΣ.", "Σ", "ΣΑΣ", "ÁÉÍ ñandú", "İSTANBUL", "STRASSE ẞ", "ДА нет", "ꙀⰀ𐐀", "日本 A"]
        {
            assert_eq!(small(text), text.to_lowercase(), "{text}");
        }
    }
}
