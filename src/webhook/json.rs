//! JSON read as far as the gate needs it: keys and raw values, borrowed from the body.
//!
//! Invariant: nothing is interpreted that is not asked for, so what the gate does not know travels on byte
//! for byte; and no list or object grows beyond its limit, whatever the body holds.
//!
//! Why no `serde_json::Value`: a tree costs five times the time and ten times the memory of this on a 3 MB
//! body, it loses the original bytes, and one field of an unexpected type would fail the whole batch.
//!
//! Where a key stands twice the last one counts, as in every JavaScript bot downstream.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits::{EVENTS_PER_DELIVERY_MAX, KEYS_PER_OBJECT_MAX, SENT_AT_SECONDS_MAX};
use crate::time::UnixMillis;

/// A JSON object: its keys in order, each with the original text of its value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads an object; `None` where the text is something else or has too many keys.
    #[must_use]
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The value of a key.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// Whether the key is there with something in it: `null`, `""`, `[]` and `{}` are nothing.
    #[must_use]
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !matches!(value.get(), "null" | "\"\"" | "[]" | "{}"))
    }

    /// The text of a key that holds a string.
    #[must_use]
    pub(crate) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        text(self.get(key)?)
    }

    /// The object of a key that holds an object.
    #[must_use]
    pub(super) fn object(&self, key: &str) -> Option<Self> {
        Self::parse(self.get(key)?.get())
    }

    /// The values of a key that holds a list.
    #[must_use]
    pub(super) fn items(&self, key: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str::<Items<'a>>(self.get(key)?.get()).ok().map(|items| items.0)
    }

    /// The time of a key that holds Unix seconds, written as a string or as an integer: Meta uses both. A time beyond
    /// [`SENT_AT_SECONDS_MAX`] is none.
    #[must_use]
    pub(super) fn seconds(&self, key: &str) -> Option<UnixMillis> {
        let raw = self.get(key)?.get();
        let digits = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = digits.parse().ok().filter(|seconds| plain && *seconds <= SENT_AT_SECONDS_MAX);
        seconds.map(UnixMillis::from_seconds)
    }

    /// The object with this value under the key: where the former one stands, else at the end.
    #[must_use]
    pub(super) fn with(mut self, key: &'a str, value: &'a RawValue) -> Self {
        match self.0.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, former)) => *former = value,
            None => self.0.push((Cow::Borrowed(key), value)),
        }
        self
    }

    /// The object without a key.
    #[must_use]
    pub(super) fn without(mut self, key: &str) -> Self {
        self.0.retain(|(name, _)| name != key);
        self
    }

    /// The keys and values, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }
}

/// The text of a value that is a string, borrowed where it has no escapes.
#[must_use]
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

struct Text<'a>(Cow<'a, str>);

struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl<'de> Visitor<'de> for AsText {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(AsText)
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsItems;
        impl<'de> Visitor<'de> for AsItems {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() == EVENTS_PER_DELIVERY_MAX {
                        return Err(Error::custom("the list is too long"));
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(AsItems)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsObject;
        impl<'de> Visitor<'de> for AsObject {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::new();
                while let Some((Text(key), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    if keys.len() == KEYS_PER_OBJECT_MAX {
                        return Err(Error::custom("the object has too many keys"));
                    }
                    keys.push((key, value));
                }
                Ok(Object(keys))
            }
        }
        deserializer.deserialize_map(AsObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_key_and_borrowed_where_they_can_be() {
        let object = Object::parse(r#"{"a":"x","b":"\u00e9","c":[1,{}],"d":{"e":null},"a":"y"}"#).unwrap();
        assert!(matches!(object.text("a"), Some(Cow::Borrowed("y"))), "the last of two equal keys counts");
        assert_eq!(object.text("b").as_deref(), Some("é"));
        assert_eq!(object.items("c").unwrap().len(), 2);
        assert!(object.object("d").is_some() && object.object("c").is_none());
        assert!(!object.object("d").unwrap().has("e"));
    }

    #[test]
    fn a_key_that_is_set_keeps_its_place_and_one_that_is_new_comes_last() {
        let one: Box<RawValue> = serde_json::from_str("1").unwrap();
        let keys = |object: &Object<'_>| -> Vec<_> {
            object.iter().map(|(key, value)| format!("{key}={}", value.get())).collect()
        };
        let object = Object::parse(r#"{"a":0,"b":0,"a":0}"#).unwrap();
        assert_eq!(keys(&object.clone().with("a", &one)), ["a=0", "b=0", "a=1"], "the last of two equal keys counts");
        assert_eq!(keys(&object.clone().with("c", &one)), ["a=0", "b=0", "a=0", "c=1"]);
        assert_eq!(keys(&object.without("a")), ["b=0"]);
    }

    #[test]
    fn times_are_read_as_string_and_as_integer_and_nothing_else() {
        for (json, seconds) in [
            (r#"{"t":"1793700000"}"#, Some(1_793_700_000)),
            (r#"{"t":1793700000}"#, Some(1_793_700_000)),
            (r#"{"t":-1}"#, None),
            (r#"{"t":1.5}"#, None),
            (r#"{"t":"+5"}"#, None),
            (r#"{"t":""}"#, None),
            (r#"{"t":253402300799}"#, Some(SENT_AT_SECONDS_MAX)),
            (r#"{"t":"253402300800"}"#, None),
            (r#"{"t":"99999999999999999999"}"#, None),
            (r#"{"t":null}"#, None),
        ] {
            assert_eq!(Object::parse(json).unwrap().seconds("t"), seconds.map(UnixMillis::from_seconds), "{json}");
        }
    }

    #[test]
    fn lists_and_objects_end_at_their_limit() {
        let list = |len: usize| format!("{{\"l\":[{}]}}", vec!["1"; len].join(","));
        assert!(Object::parse(&list(EVENTS_PER_DELIVERY_MAX)).unwrap().items("l").is_some());
        assert!(Object::parse(&list(EVENTS_PER_DELIVERY_MAX + 1)).unwrap().items("l").is_none());
        let keys = |len: usize| format!("{{{}}}", vec!["\"k\":1"; len].join(","));
        assert!(Object::parse(&keys(KEYS_PER_OBJECT_MAX)).is_some());
        assert!(Object::parse(&keys(KEYS_PER_OBJECT_MAX + 1)).is_none());
    }
}
