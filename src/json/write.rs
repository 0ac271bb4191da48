//! Writes JSON: rows, what objects say to each other, and what the gate answers.
//!
//! Why not `serde_json::to_string`: what it does for each field of each struct is made once for each type of field, with
//! the ways in which numbers and texts of JSON pass through it, and with it comes the printing of floating point numbers.
//! Here a field is written by code that stands here once.
//!
//! Invariant: what is written is what `serde_json::to_string` would write, byte for byte. `tests` holds it against that.
//!
//! Deliberately not here: floating point numbers and bytes, of which nothing of ours has any, and other forms than the
//! one without white space.

use core::fmt::Display;
use std::io::Write as _;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::value::RawValue;

use super::Unreadable;

/// How `serde_json` hands over a value whose text is to stand as it is.
const AS_IT_STANDS: [&str; 2] = ["$serde_json::private::Number", super::RAW_VALUE];

/// How long most of what is written is at least.
const LENGTH: usize = 128;

/// Writes a value.
///
/// # Errors
///
/// [`Unreadable`] where it has a floating point number in it, or bytes.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, Unreadable> {
    let mut writer = Writer { text: Vec::with_capacity(LENGTH), is_raw: false };
    value.serialize(&mut writer)?;
    String::from_utf8(writer.text).map_err(|_| Unreadable)
}

/// As [`write()`], to stand in what is written later.
///
/// # Errors
///
/// As [`write()`].
pub fn write_raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Unreadable> {
    RawValue::from_string(write(value)?).map_err(|_| Unreadable)
}

/// What would be said of a value that cannot be written is dropped where it begins.
impl Error for Unreadable {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// What is written so far. What knows nothing of the type that is written stands here, and is there once.
struct Writer {
    text: Vec<u8>,
    /// Whether the next text is JSON already.
    is_raw: bool,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn quoted(&mut self, text: &str) {
        if self.is_raw {
            self.push(text);
            return;
        }
        self.text.push(b'"');
        let (text, mut written) = (text.as_bytes(), 0);
        for (at, byte) in text.iter().enumerate() {
            let escape = match byte {
                b'"' | b'\\' => *byte,
                b' '.. => continue,
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                _ => b'u',
            };
            self.text.extend_from_slice(text.get(written..at).unwrap_or_default());
            self.text.extend_from_slice(&[b'\\', escape]);
            written = at + 1;
            if escape == b'u' {
                self.displayed(format_args!("{byte:04x}"));
            }
        }
        self.text.extend_from_slice(text.get(written..).unwrap_or_default());
        self.text.push(b'"');
    }

    fn displayed(&mut self, what: impl Display) {
        // A list of bytes takes whatever is written.
        let _ = write!(self.text, "{what}");
    }

    fn unsigned(&mut self, number: u64) {
        self.displayed(number);
    }

    fn signed(&mut self, number: i64) {
        self.displayed(number);
    }

    /// A list or an object opens.
    fn open(&mut self, bracket: u8) -> Parts<'_> {
        self.text.push(bracket);
        Parts { writer: self, is_first: true, end: if bracket == b'[' { "]" } else { "}" } }
    }

    /// An object with the name of a variant opens, and in it the variant's content.
    fn open_variant(&mut self, variant: &str, bracket: u8) -> Parts<'_> {
        self.variant(variant);
        let parts = self.open(bracket);
        Parts { end: if bracket == b'[' { "]}" } else { "}}" }, ..parts }
    }

    fn variant(&mut self, variant: &str) {
        self.text.push(b'{');
        self.quoted(variant);
        self.text.push(b':');
    }
}

/// The parts of a list or an object that is open.
struct Parts<'a> {
    writer: &'a mut Writer,
    is_first: bool,
    /// What closes it.
    end: &'static str,
}

impl Parts<'_> {
    fn separate(&mut self) {
        if !core::mem::take(&mut self.is_first) {
            self.writer.text.push(b',');
        }
    }

    fn name(&mut self, key: &str) {
        if !self.writer.is_raw {
            self.separate();
            self.writer.quoted(key);
            self.writer.text.push(b':');
        }
    }

    fn close(self) {
        self.writer.is_raw = false;
        self.writer.push(self.end);
    }
}

/// Methods that write a number as the longest of its kind.
macro_rules! wider {
    ($wide:ident => $($method:ident $number:ident)*) => {
        $(fn $method(self, number: $number) -> Result<(), Unreadable> {
            self.$wide(number.into())
        })*
    };
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Unreadable;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Unreadable> {
        self.push(if value { "true" } else { "false" });
        Ok(())
    }

    wider! { serialize_i64 => serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 }
    wider! { serialize_u64 => serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 }

    fn serialize_i64(self, number: i64) -> Result<(), Unreadable> {
        self.signed(number);
        Ok(())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Unreadable> {
        self.unsigned(number);
        Ok(())
    }

    fn serialize_f32(self, _: f32) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn serialize_char(self, value: char) -> Result<(), Unreadable> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Unreadable> {
        self.quoted(text);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn serialize_none(self) -> Result<(), Unreadable> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unreadable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unreadable> {
        self.push("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unreadable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Unreadable> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unreadable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unreadable> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.text.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Unreadable> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Unreadable> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Unreadable> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Unreadable> {
        Ok(self.open_variant(variant, b'['))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Unreadable> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, Unreadable> {
        if AS_IT_STANDS.contains(&name) {
            self.is_raw = true;
            return Ok(Parts { writer: self, is_first: true, end: "" });
        }
        Ok(self.open(b'{'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Unreadable> {
        Ok(self.open_variant(variant, b'{'))
    }
}

/// Kinds of lists: each names the method for a part of it in its own way.
macro_rules! lists {
    ($($kind:ident $method:ident)*) => {
        $(impl $kind for Parts<'_> {
            type Ok = ();
            type Error = Unreadable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unreadable> {
                self.separate();
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), Unreadable> {
                self.close();
                Ok(())
            }
        })*
    };
}

lists! { SerializeSeq serialize_element SerializeTuple serialize_element SerializeTupleStruct serialize_field
SerializeTupleVariant serialize_field }

/// Kinds of objects whose keys are the names of fields.
macro_rules! structs {
    ($($kind:ident)*) => {
        $(impl $kind for Parts<'_> {
            type Ok = ();
            type Error = Unreadable;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Unreadable> {
                self.name(key);
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), Unreadable> {
                self.close();
                Ok(())
            }
        })*
    };
}

structs! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Unreadable;

    /// A key that is a number is written as a text.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unreadable> {
        self.separate();
        let start = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.text.get(start) != Some(&b'"') {
            self.writer.text.insert(start, b'"');
            self.writer.text.push(b'"');
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unreadable> {
        self.writer.text.push(b':');
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Unreadable> {
        self.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::Value;

    use super::*;

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Two(i8, char);

    #[derive(Serialize)]
    enum Way {
        Unit,
        Wrapped(Option<u32>),
        Pair(i64, String),
        Named { at: Vec<Way>, none: Option<bool> },
    }

    #[derive(Serialize)]
    struct Whole {
        ways: Vec<(String, Way)>,
        empty: (Vec<u8>, BTreeMap<String, u8>, Unit, ()),
        numbers: BTreeMap<u16, i16>,
        two: Two,
        body: Box<RawValue>,
        tree: Value,
        last: u64,
    }

    #[test]
    fn every_kind_of_value_is_written_as_serde_json_writes_it() {
        let raw = "{\"z\" : 1.50, \"a\":[1e3, \"\\u0041\"]}";
        let whole = Whole {
            ways: vec![
                ("a".to_owned(), Way::Unit),
                ("b\n".to_owned(), Way::Wrapped(None)),
                ("\u{0}\u{8}\u{c}\r\t\u{1f}\u{7f}\"\\/ü😀".to_owned(), Way::Pair(i64::MIN, String::new())),
                (String::new(), Way::Named { at: vec![Way::Wrapped(Some(9)), Way::Unit], none: None }),
            ],
            empty: (vec![], BTreeMap::new(), Unit, ()),
            numbers: BTreeMap::from([(1, -1), (200, 2)]),
            two: Two(-5, '\n'),
            body: RawValue::from_string(raw.to_owned()).unwrap(),
            tree: serde_json::from_str("{\"b\":[1,-2,true,null,{}],\"a\":{\"\":\"x\"}}").unwrap(),
            last: u64::MAX,
        };
        assert_eq!(write(&whole).unwrap(), serde_json::to_string(&whole).unwrap());
        assert_eq!(write("x").unwrap(), "\"x\"");
        assert_eq!((write(&1.5_f64), write(&1.5_f32)), (Err(Unreadable), Err(Unreadable)));
    }

    proptest! {
        #[test]
        fn whatever_there_is_is_written_as_serde_json_writes_it(
            texts in proptest::collection::vec((any::<String>(), any::<i64>(), any::<Option<u64>>()), 0..4),
            keys in proptest::collection::btree_map(any::<String>(), any::<bool>(), 0..4),
        ) {
            prop_assert_eq!(write(&(&texts, &keys)).unwrap(), serde_json::to_string(&(&texts, &keys)).unwrap());
        }
    }
}
