//! JSON read strictly: an object whose members stand once each, integers that are integers, text that is text.
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

/// Asks whether `bytes` are one JSON object with nothing after it, not nested deeply, in which no name stands twice, however
/// it is spelled and wherever it stands: which of the two counts is what readers disagree about.
pub(super) fn is_plain_object(bytes: &[u8]) -> bool {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    (&mut reader).deserialize_map(Object { depth: 0 }).is_ok() && reader.end().is_ok()
}

/// A string, borrowed from the input where it holds no escape.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<'t>(Cow<'t, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 't, 't> Deserialize<'de> for Text<'t> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        reader.deserialize_str(Read)
    }
}

/// A NumericDate (RFC 7519, section 2) in whole seconds, no larger than every JSON reader can hold exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seconds(pub(super) u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("whole seconds since 1970")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
                if seconds <= MAX_EXACT { Ok(Seconds(seconds)) } else { Err(E::custom("too large")) }
            }
        }
        reader.deserialize_u64(Read)
    }
}

/// For a member that may be missing: when it is there it has its type, and `null` is not "missing".
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// The names of one object, however they are spelled.
#[derive(Default)]
pub(super) struct Names<'t> {
    few: SmallVec<[Text<'t>; FEW]>,
    more: BTreeSet<Text<'t>>,
}

impl<'t> Names<'t> {
    /// Refuses a name that stood there before.
    pub(super) fn add<E: de::Error>(&mut self, name: Text<'t>) -> Result<(), E> {
        let known = self.few.contains(&name);
        let new = if self.few.len() < FEW && !known {
            self.few.push(name);
            true
        } else {
            !known && self.more.insert(name)
        };
        if new { Ok(()) } else { Err(twice()) }
    }
}

/// Which of the two counts is what readers disagree about.
pub(super) fn twice<E: de::Error>() -> E {
    E::custom("a name stands twice")
}

/// Walks over an object and all it holds.
struct Object {
    depth: u8,
}

impl<'de> Visitor<'de> for Object {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = Names::default();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            names.add(name)?;
            map.next_value_seed(Anything { depth: self.depth + 1 })?;
        }
        Ok(())
    }
}

/// Walks over any value.
#[derive(Clone, Copy)]
pub(super) struct Anything {
    depth: u8,
}

impl Anything {
    /// In an object that is in none itself.
    pub(super) const IN_OUTERMOST: Self = Self { depth: 1 };
}

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if self.depth > MAX_DEPTH {
            return Err(de::Error::custom("nested too deeply"));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Object { depth: self.depth }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self { depth: self.depth + 1 })?.is_some() {}
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        IgnoredAny.visit_str(text).map(drop)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// So many names are compared one by one: what people write has fewer.
const FEW: usize = 24;

/// 2^53: the last integer that a reader with 64-bit floats holds exactly.
const MAX_EXACT: u64 = 1 << 53;

/// Claims are flat; a list or an object inside one is common, ten of them inside each other are not.
const MAX_DEPTH: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_object_has_each_name_once_and_nothing_after_it() {
        // So many names, and one of them again.
        let crowd = |names: usize, again: usize| {
            let member = |name: usize| format!("\"{name}\":0");
            let members: Vec<_> = (1..=names).chain(std::iter::once(again)).map(member).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(is_plain_object(crowd(30, 31).as_bytes()));
        for right in ["{}", r#"{"a":1,"b":[{"a":null},{"a":-1.5e3}],"c":"é\n"}"#, " {\"a\" : true} "] {
            assert!(is_plain_object(right.as_bytes()), "{right}");
        }
        for wrong in [
            "",
            "[]",
            "null",
            "\"a\"",
            "1",
            "{",
            "{}{}",
            "{} x",
            "{}\0",
            "\u{feff}{}",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            &crowd(30, 30),
            &crowd(30, 29),
            &crowd(30, 3),
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            r#"{"a":NaN}"#,
            r#"{"a":1,}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":01}"#,
            r#"{'a':1}"#,
        ] {
            assert!(!is_plain_object(wrong.as_bytes()), "{wrong}");
        }
        assert!(!is_plain_object(b"{\"a\":\"\xff\"}"));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_plain_object(nested(8).as_bytes()));
        assert!(!is_plain_object(nested(9).as_bytes()));
        assert!(!is_plain_object(nested(100_000).as_bytes()));
    }

    #[test]
    fn seconds_are_whole_and_exact() {
        assert_eq!(serde_json::from_str::<Seconds>("1790000000").unwrap(), Seconds(1_790_000_000));
        for wrong in ["1.0", "1e3", "-1", "\"1\"", "null", "true", "[1]", "9007199254740993", "18446744073709551616"] {
            assert!(serde_json::from_str::<Seconds>(wrong).is_err(), "{wrong}");
        }
    }
}
