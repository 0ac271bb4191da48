//! Reads JSON that this program has written: rows, and what its objects say to each other. `write` writes it.
//!
//! Why not `serde_json::from_str`: what it makes of a mistake (a sentence with line and column, and for that the printing
//! of every kind of value), and that it takes an array of the fields where a struct is wanted, is made once for each type
//! and is a thirtieth of the compressed Worker. Nobody reads those sentences: what was written here is either whole or
//! lost. This reader says so and no more, and is the faster for it.
//!
//! Invariant: what [`write()`] or `serde_json::to_string` has written is read as `serde_json::from_str` would read it.
//! `tests` holds it against that.
//!
//! Deliberately not here: floating point numbers, of which nothing of ours has any, and whether the text of a `RawValue`
//! is JSON, which it was when it was written. What others have written is read by `serde_json` (`webhook::json`, `policy`).

mod text;
mod write;

use core::fmt;
use std::borrow::Cow;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use text::Reader;
pub use write::{write, write_raw};

/// How `serde_json` asks for the text of a value as it stands.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// The text is not what was wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable JSON")
    }
}

impl core::error::Error for Unreadable {}

/// What derived code would say is dropped where it begins, and so is never made.
impl Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a value.
///
/// # Errors
///
/// [`Unreadable`].
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader)?;
    if reader.is_at_end() { Ok(value) } else { Err(Unreadable) }
}

/// Methods that read a whole number, or none of what is read here.
macro_rules! plain {
    ($body:expr => $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
            $body(self, visitor)
        })*
    };
}

fn number<'de, V: Visitor<'de>>(reader: &mut Reader<'de>, visitor: V) -> Result<V::Value, Unreadable> {
    let text = reader.number()?;
    if text.starts_with('-') {
        visitor.visit_i64(text.parse().map_err(|_| Unreadable)?)
    } else {
        visitor.visit_u64(text.parse().map_err(|_| Unreadable)?)
    }
}

fn string<'de, V: Visitor<'de>>(reader: &mut Reader<'de>, visitor: V) -> Result<V::Value, Unreadable> {
    match reader.string()? {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

fn nothing<'de, V: Visitor<'de>>(_: &mut Reader<'de>, _: V) -> Result<V::Value, Unreadable> {
    Err(Unreadable)
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unreadable;

    plain! { number => deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
    deserialize_u32 deserialize_u64 }

    plain! { string => deserialize_char deserialize_str deserialize_string deserialize_identifier }

    plain! { nothing => deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf }

    /// A value of SQL: a whole number, a text, or nothing.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.next() {
            b'"' => string(self, visitor),
            b'n' => self.deserialize_unit(visitor),
            _ => number(self, visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let is_true = self.word("true");
        if is_true || self.word("false") { visitor.visit_bool(is_true) } else { Err(Unreadable) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.word("null") { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.word("null") { visitor.visit_unit() } else { Err(Unreadable) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if name == RAW_VALUE {
            visitor.visit_map(Raw { reader: self, is_named: false })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.take(b'[')?;
        let value = visitor.visit_seq(Parts { reader: &mut *self, is_first: true })?;
        self.take(b']').map(|()| value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.take(b'{')?;
        let value = visitor.visit_map(Parts { reader: &mut *self, is_first: true })?;
        self.take(b'}').map(|()| value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let has_content = self.has(b'{');
        let value = visitor.visit_enum(Variant { reader: &mut *self, has_content })?;
        if has_content {
            self.take(b'}')?;
        }
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.skip()?;
        visitor.visit_unit()
    }
}

/// The parts of a list or an object.
struct Parts<'a, 'de> {
    reader: &'a mut Reader<'de>,
    is_first: bool,
}

impl Parts<'_, '_> {
    /// Whether there is another part before this closing bracket.
    fn goes_on(&mut self, end: u8) -> Result<bool, Unreadable> {
        let is_first = core::mem::take(&mut self.is_first);
        if self.reader.next() == end {
            return Ok(false);
        }
        if !is_first {
            self.reader.take(b',')?;
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Unreadable;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        if self.goes_on(b']')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = Unreadable;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        if self.goes_on(b'}')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Unreadable> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant: its name, or an object with its name and its content.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    has_content: bool,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Unreadable> {
        let name = seed.deserialize(&mut *self.reader)?;
        if self.has_content {
            self.reader.take(b':')?;
        }
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        if !self.has_content || self.reader.word("null") { Ok(()) } else { Err(Unreadable) }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Unreadable> {
        if self.has_content { seed.deserialize(self.reader) } else { Err(Unreadable) }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unreadable> {
        if self.has_content { self.reader.deserialize_seq(visitor) } else { Err(Unreadable) }
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        if self.has_content { self.reader.deserialize_map(visitor) } else { Err(Unreadable) }
    }
}

/// The text of a value, as `serde_json` takes it: under its own key, as a string.
struct Raw<'a, 'de> {
    reader: &'a mut Reader<'de>,
    is_named: bool,
}

impl<'de> MapAccess<'de> for Raw<'_, 'de> {
    type Error = Unreadable;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        if core::mem::replace(&mut self.is_named, true) {
            return Ok(None);
        }
        seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(RAW_VALUE)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Unreadable> {
        seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(self.reader.skip()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
    enum Way {
        Unit,
        Wrapped(Option<u32>),
        Pair(i64, String),
        Named {
            at: Vec<Way>,
            #[serde(default)]
            flag: bool,
        },
    }

    #[derive(Debug, Deserialize, Serialize)]
    struct Whole {
        ways: Vec<(String, Way)>,
        body: Box<RawValue>,
    }

    #[test]
    fn what_was_written_is_read_and_a_struct_is_never_an_array() {
        let ways = vec![
            ("a".to_owned(), Way::Unit),
            ("b".to_owned(), Way::Wrapped(None)),
            ("c\n".to_owned(), Way::Pair(-7, "ü".to_owned())),
            ("d".to_owned(), Way::Named { at: vec![Way::Wrapped(Some(9)), Way::Unit], flag: true }),
        ];
        let body = RawValue::from_string("{\"z\" : 1.50, \"a\":[1e3]}".to_owned()).unwrap();
        let text = serde_json::to_string(&Whole { ways, body }).unwrap();
        let whole: Whole = read(&text).unwrap();
        assert_eq!(serde_json::to_string(&whole).unwrap(), text);
        assert_eq!(whole.body.get(), "{\"z\" : 1.50, \"a\":[1e3]}");
        assert_eq!(
            read::<Way>("{\"Named\":{\"at\":[],\"more\":[{}]}}").unwrap(),
            Way::Named { at: vec![], flag: false }
        );
        for bad in [
            "[[],1]",
            "{\"ways\":[]}",
            "{\"ways\":[],\"body\":1} x",
            "",
            "{\"ways\":[],\"body\":}",
            "{\"ways\":[,],\"body\":1}",
        ] {
            assert!(read::<Whole>(bad).is_err(), "{bad}");
        }
        assert!(read::<Way>("{\"Named\":[[],true]}").is_err());
    }

    /// What is spelt in other ways than `serde_json` writes it, but is the same JSON.
    #[test]
    fn other_spellings_are_read_as_serde_json_reads_them() {
        for text in [
            " { \"ways\" : [ [ \"\\u0061\\ud83d\\ude00\\/\" , \"Unit\" ] ] , \"body\" : { \"a\" : [ \"\\\"]\" ] } , \"x\" : -1.5e3 } \n",
            "{\"x\":{\"y\":[{},[],null,true,\"\\\\\"]},\"ways\":[[\"\",{\"Unit\":null}]],\"body\":\"\\u00e9\"}",
        ] {
            let (one, other): (Whole, Whole) = (read(text).unwrap(), serde_json::from_str(text).unwrap());
            assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        }
        for bad in ["\"\\ud83d\"", "\"\\ude00\"", "\"\\x\"", "\"\\u00\"", "\"", "1", "nul"] {
            assert!(read::<String>(bad).is_err() && serde_json::from_str::<String>(bad).is_err(), "{bad}");
        }
        for bad in ["1.0", "-", "256", "-1", "1-1", "\"1\"", "1 1"] {
            assert!(read::<u8>(bad).is_err() && serde_json::from_str::<u8>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(
            texts in proptest::collection::vec((".{0,8}", any::<i64>(), any::<Option<u64>>(), any::<bool>()), 0..4),
        ) {
            let text = serde_json::to_string(&texts).unwrap();
            prop_assert_eq!(read::<Vec<(String, i64, Option<u64>, bool)>>(&text).unwrap(), texts.clone());
            let raw: Vec<Box<RawValue>> = read(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&raw).unwrap(), text.clone());
            // What is cut off is never taken for whole.
            for cut in (0..text.len()).filter_map(|end| text.get(..end)) {
                prop_assert!(read::<Vec<(String, i64, Option<u64>, bool)>>(cut).is_err());
                prop_assert!(read::<Vec<Box<RawValue>>>(cut).is_err());
            }
        }
    }
}
