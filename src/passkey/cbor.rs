//! CBOR as authenticators write it (CTAP2, section 8): lengths are told, nothing is tagged, nothing is deep.

/// A value; bytes and texts are where they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// `true`, `false`, `null`: nothing that we ask for.
    Simple(u8),
}

impl<'a> Value<'a> {
    /// The first value, and what follows it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut reader = Reader { rest: bytes, items: MOST_ITEMS };
        let value = reader.value(MOST_DEEP)?;
        Some((value, reader.rest))
    }

    /// What stands under a number in a map.
    pub(super) fn at(&self, key: i64) -> Option<&Self> {
        self.entry(|name| *name == Self::Int(key))
    }

    /// What stands under a word in a map.
    pub(super) fn named(&self, key: &str) -> Option<&Self> {
        self.entry(|name| *name == Value::Text(key))
    }

    pub(super) fn int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    fn entry(&self, is: impl Fn(&Self) -> bool) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| is(name)).map(|(_, value)| value)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// How many more values there may be.
    items: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, deep: usize) -> Option<Value<'a>> {
        self.items = self.items.checked_sub(1)?;
        let first = *self.take(1)?.first()?;
        let (major, minor) = (first >> 5, first & 0x1f);
        if major == SIMPLE {
            return matches!(minor, FALSE..=NULL).then_some(Value::Simple(minor));
        }
        let number = self.number(minor)?;
        match major {
            0 => i64::try_from(number).ok().map(Value::Int),
            1 => i64::try_from(number).ok().map(|number| Value::Int(-1 - number)),
            2 => self.take(usize::try_from(number).ok()?).map(Value::Bytes),
            3 => std::str::from_utf8(self.take(usize::try_from(number).ok()?)?).ok().map(Value::Text),
            4 => {
                let deep = deep.checked_sub(1)?;
                (0..number).map(|_| self.value(deep)).collect::<Option<_>>().map(Value::List)
            }
            5 => self.map(number, deep.checked_sub(1)?),
            _ => None,
        }
    }

    /// A key that stands there twice could be read in two ways.
    fn map(&mut self, many: u64, deep: usize) -> Option<Value<'a>> {
        let mut entries: Vec<(Value<'_>, Value<'_>)> = Vec::new();
        for _ in 0..many {
            let (key, value) = (self.value(deep)?, self.value(deep)?);
            if entries.iter().any(|(other, _)| *other == key) {
                return None;
            }
            entries.push((key, value));
        }
        Some(Value::Map(entries))
    }

    fn number(&mut self, minor: u8) -> Option<u64> {
        let many = match minor {
            0..24 => return Some(u64::from(minor)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        Some(self.take(many)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take(&mut self, many: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(many)?;
        self.rest = rest;
        Some(taken)
    }
}

const SIMPLE: u8 = 7;
const FALSE: u8 = 20;
const NULL: u8 = 22;
/// An attestation is a map that holds a map that holds a list of certificates.
const MOST_DEEP: usize = 4;
const MOST_ITEMS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hex: &str) -> Option<Value<'static>> {
        let digits: Vec<u8> = hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let (value, rest) = Value::read(bytes.leak())?;
        rest.is_empty().then_some(value)
    }

    #[test]
    fn values_are_those_of_rfc_8949() {
        // Appendix A.
        for (hex, value) in [
            ("00", Value::Int(0)),
            ("1818", Value::Int(24)),
            ("1903e8", Value::Int(1000)),
            ("1b000000e8d4a51000", Value::Int(1_000_000_000_000)),
            ("20", Value::Int(-1)),
            ("3863", Value::Int(-100)),
            ("4401020304", Value::Bytes(&[1, 2, 3, 4])),
            ("6449455446", Value::Text("IETF")),
            ("83010203", Value::List(vec![Value::Int(1), Value::Int(2), Value::Int(3)])),
            ("a201020304", Value::Map(vec![(Value::Int(1), Value::Int(2)), (Value::Int(3), Value::Int(4))])),
            ("f5", Value::Simple(21)),
        ] {
            assert_eq!(read(hex), Some(value), "{hex}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_or_without_end_is_not_read() {
        for hex in [
            "",
            "18",                 // its number is missing
            "44010203",           // too short
            "5f42010243030405ff", // no length
            "9fff",
            "c074",               // a tag
            "f97e00",             // a float
            "a201020103",         // a key twice
            "62c328",             // no UTF-8
            "1bffffffffffffffff", // more than we count to
            "9b00000000ffffffff", // four thousand million values
            "818181818180",       // too deep
        ] {
            assert_eq!(read(hex), None, "{hex}");
        }
        let many = [&[0x98, 0xff][..], &[0; 255]].concat();
        assert_eq!(Value::read(&many), None, "too many");
    }
}
