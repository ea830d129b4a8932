//! Ids: 48 bits of time and 80 random bits, written as 26 letters and digits that sort by age.
use std::fmt;

use super::Timestamp;

/// A 128-bit id in Crockford's base 32 (the ULID text form).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ulid(u128);

impl Ulid {
    /// A new id made at `now`; the random part comes from the operating system.
    pub(crate) fn new(now: Timestamp) -> Self {
        let mut bytes = [0_u8; 16];
        if let Some(random) = bytes.get_mut(6..) {
            random.copy_from_slice(&random_bytes::<10>());
        }
        Self((u128::from(now.millis()) << 80) | (u128::from_be_bytes(bytes) & RANDOM_PART))
    }

    /// An id from a time and 80 bits that the caller made.
    pub(crate) const fn from_parts(now: Timestamp, random: u128) -> Self {
        Self(((now.millis() as u128) << 80) | (random & RANDOM_PART))
    }

    /// Reads the one spelling we write: 26 characters, upper case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH || !text.starts_with(|first| ('0'..='7').contains(&first)) {
            return None;
        }
        text.bytes()
            .try_fold(0_u128, |value, byte| {
                let digit = DIGITS.get(usize::from(byte)).filter(|&&digit| digit != NO_DIGIT)?;
                Some((value << 5) | u128::from(*digit))
            })
            .map(Self)
    }

    /// When it was made.
    pub(crate) fn made_at(self) -> Timestamp {
        Timestamp::from_millis(u64::try_from(self.0 >> 80).unwrap_or(u64::MAX))
    }

    /// The 26 characters, without an allocation.
    pub(crate) fn text(self) -> [u8; LENGTH] {
        let mut out = [b'0'; LENGTH];
        let mut rest = self.0;
        for slot in out.iter_mut().rev() {
            *slot = ALPHABET.get((rest & 31) as usize).copied().unwrap_or(b'0');
            rest >>= 5;
        }
        out
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Different things have different types: a `UserId` is not a `SessionId`.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(Ulid);

        impl $name {
            pub(crate) fn new(now: Timestamp) -> Self {
                Self(Ulid::new(now))
            }

            pub(crate) fn parse(text: &str) -> Option<Self> {
                Ulid::parse(text).map(Self)
            }

            /// When it was made.
            #[allow(dead_code, reason = "not asked of every kind")]
            pub(crate) fn made_at(self) -> Timestamp {
                self.0.made_at()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// A person, for ever; never given out again.
    UserId
);
id!(
    /// One sign-in on one device: the family of its refresh tokens.
    SessionId
);
id!(
    /// One access token (`jti`, RFC 7519, section 4.1.7). Its time part is when it was issued, to the millisecond.
    TokenId
);

id!(
    /// One passkey of a person.
    PasskeyId
);

/// Random bytes from the operating system's generator.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the generator was seeded at start, and aborts rather than fail later");
    bytes
}

const LENGTH: usize = 26;
const RANDOM_PART: u128 = (1 << 80) - 1;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What each byte stands for.
const DIGITS: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut digit: u8 = 0;
    while digit < 32 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: a wrong index does not build")]
        {
            table[ALPHABET[digit as usize] as usize] = digit;
        }
        digit += 1;
    }
    table
};
const NO_DIGIT: u8 = u8::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_knows_its_time() {
        let now = Timestamp::from_millis(1_790_000_000_123);
        let id = Ulid::new(now);
        assert_eq!(Ulid::parse(&id.to_string()), Some(id));
        assert_eq!(id.made_at(), now);
    }

    #[test]
    fn only_one_spelling_is_read() {
        let id = Ulid::new(Timestamp::from_seconds(1)).to_string();
        for wrong in [id.to_lowercase(), format!("{id}0"), id.replace('0', "O"), String::new(), "8".repeat(26)] {
            assert_eq!(Ulid::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_hundred_thousand_ids_are_all_different() {
        let now = Timestamp::from_seconds(1);
        let ids: std::collections::HashSet<_> = (0..100_000).map(|_| Ulid::new(now)).collect();
        assert_eq!(ids.len(), 100_000);
    }
}
