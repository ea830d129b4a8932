//! The name of one request, in logs on both sides of the gateway.
use std::fmt;

use http::HeaderValue;

use crate::base::{Timestamp, Ulid, quick_random};

/// 26 letters and digits that sort by time, or what a trusted proxy gave.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// A new one. Guessing one gains nothing, so no system call is spent on it.
    pub(crate) fn make(now: Timestamp) -> Self {
        let random = (u128::from(quick_random()) << 64) | u128::from(quick_random());
        let text = Ulid::from_parts(now, random).text();
        Self(HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("0")))
    }

    /// What somebody trusted gave, if it can stand in a log and in a field: 1 to 128 of `[A-Za-z0-9._-]`.
    pub(super) fn given(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let fits = (1..=128).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        fits.then(|| Self(value.clone()))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// For the fields that carry it.
    pub(crate) const fn value(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_26_characters_and_different() {
        let now = Timestamp::from_seconds(1_790_000_000);
        let (one, other) = (RequestId::make(now), RequestId::make(now));
        assert_eq!(one.as_str().len(), 26);
        assert_ne!(one, other);
        assert_eq!(Ulid::parse(one.as_str()).unwrap().made_at(), now);
    }

    #[test]
    fn a_given_id_is_kept_only_when_it_is_harmless() {
        let given = |text: &'static [u8]| RequestId::given(&HeaderValue::from_bytes(text).unwrap());
        assert_eq!(given(b"4bf92f35-77b3.A_1").unwrap().as_str(), "4bf92f35-77b3.A_1");
        for wrong in [&b""[..], b"a b", b"a\"b", b"\xc3\xa9", b"a,b", &[b'a'; 129]] {
            assert_eq!(given(wrong), None);
        }
    }
}
