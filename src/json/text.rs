//! The text of JSON, piece by piece: white space, strings, whole numbers, and values of which nobody wants to know what is
//! in them.
//!
//! Invariant: what is read is never read again, every piece is a slice of the text, and what is not JSON is an error where
//! it is met. Nothing here knows what the text is to become, and so all of it is in the Worker once.
//!
//! Deliberately not here: values of Rust (`json`), and whether a value that is skipped is JSON.

use std::borrow::Cow;

use super::Unreadable;

/// A text, and how much of it is read. What knows nothing of the type that is read stands here, and is there once.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
}

impl<'de> Reader<'de> {
    /// A text of which nothing is read yet.
    pub(super) const fn new(text: &'de str) -> Self {
        Self { text, at: 0 }
    }

    /// Whether all of it is read.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.next() == 0 && self.at == self.text.len()
    }

    fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte behind white space, which is not taken; 0 at the end.
    pub(super) fn next(&mut self) -> u8 {
        let space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.rest().iter().take_while(|byte| space(byte)).count();
        self.rest().first().copied().unwrap_or_default()
    }

    pub(super) fn has(&mut self, byte: u8) -> bool {
        let has = self.next() == byte && byte != 0;
        self.at += usize::from(has);
        has
    }

    pub(super) fn take(&mut self, byte: u8) -> Result<(), Unreadable> {
        if self.has(byte) { Ok(()) } else { Err(Unreadable) }
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        self.next();
        let has = self.rest().starts_with(word.as_bytes());
        self.at += if has { word.len() } else { 0 };
        has
    }

    /// The text from here on, as far as `len` bytes.
    fn piece(&mut self, len: usize) -> Result<&'de str, Unreadable> {
        let piece = self.text.get(self.at..self.at + len).ok_or(Unreadable)?;
        self.at += len;
        Ok(piece)
    }

    /// A string, borrowed where it has no escapes.
    pub(super) fn string(&mut self) -> Result<Cow<'de, str>, Unreadable> {
        self.take(b'"')?;
        let mut text = Cow::Borrowed(self.piece(plain(self.rest()))?);
        while !self.rest().starts_with(b"\"") {
            let escaped = self.escaped()?;
            let more = self.piece(plain(self.rest()))?;
            let text = text.to_mut();
            text.push(escaped);
            text.push_str(more);
        }
        self.at += 1;
        Ok(text)
    }

    /// What a backslash and what follows it stand for.
    fn escaped(&mut self) -> Result<char, Unreadable> {
        let escape = self.piece(2)?;
        Ok(match escape {
            "\\b" => '\u{8}',
            "\\f" => '\u{c}',
            "\\n" => '\n',
            "\\r" => '\r',
            "\\t" => '\t',
            "\\u" => return self.code_point(),
            "\\\"" | "\\\\" | "\\/" => escape.chars().next_back().ok_or(Unreadable)?,
            _ => return Err(Unreadable),
        })
    }

    /// The four digits behind `\u`, and where they are half of a character the other half.
    fn code_point(&mut self) -> Result<char, Unreadable> {
        let first = self.digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(Unreadable);
        }
        if self.piece(2)? != "\\u" {
            return Err(Unreadable);
        }
        let second = self.digits()?.checked_sub(0xdc00).filter(|low| *low < 0x400).ok_or(Unreadable)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second).ok_or(Unreadable)
    }

    fn digits(&mut self) -> Result<u32, Unreadable> {
        u32::from_str_radix(self.piece(4)?, 16).map_err(|_| Unreadable)
    }

    /// Goes past a value; its text.
    pub(super) fn skip(&mut self) -> Result<&'de str, Unreadable> {
        self.next();
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            match self.next() {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(Unreadable)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                0 | b',' | b':' => return Err(Unreadable),
                _ => {
                    let ends = |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                    self.at += self.rest().iter().take_while(|byte| !ends(byte)).count();
                }
            }
            if depth == 0 {
                return self.text.get(start..self.at).ok_or(Unreadable);
            }
        }
    }

    fn skip_string(&mut self) -> Result<(), Unreadable> {
        self.at += 1;
        loop {
            self.at += plain(self.rest());
            match self.rest().first() {
                Some(b'"') => break,
                Some(_) => self.at += 2,
                None => return Err(Unreadable),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// The text of a whole number.
    pub(super) fn number(&mut self) -> Result<&'de str, Unreadable> {
        self.next();
        let len = self.rest().iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        self.piece(len)
    }
}

/// How many bytes stand before the next quotation mark or backslash. Eight are looked at together: bodies are long.
fn plain(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let has = |word: u64, byte: u8| {
        let zero = word ^ (LOW * u64::from(byte));
        zero.wrapping_sub(LOW) & !zero & (LOW << 7) != 0
    };
    let is_plain = |chunk: &&[u8; 8]| {
        let word = u64::from_le_bytes(**chunk);
        !has(word, b'"') && !has(word, b'\\')
    };
    let len = bytes.as_chunks().0.iter().take_while(is_plain).count() * 8;
    len + bytes.get(len..).unwrap_or_default().iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count()
}
