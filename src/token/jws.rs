//! The form of a signed token: three parts of base64url, and a header that may say three things.
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr_iter;
use serde::Deserialize;

use super::json::{Text, present};

/// A token cut into its parts; nothing of it is believed yet.
pub(super) struct Jws<'t> {
    /// What the signature covers: header and payload with the dot between them (RFC 7515, section 5.2).
    pub(super) message: &'t str,
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
}

impl<'t> Jws<'t> {
    /// Cuts a token; refuses what is too long before it looks at anything else.
    pub(super) fn split(token: &'t str) -> Result<Self, Malformed> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Malformed::TooLong);
        }
        // A third dot stays in the signature, and base64url has no dot.
        let mut dots = memchr_iter(b'.', token.as_bytes());
        let (first, second) = dots.next().zip(dots.next()).ok_or(Malformed::Parts)?;
        let part = |range: Range<usize>| token.get(range).ok_or(Malformed::Parts);
        let (message, header) = (part(0..second)?, part(0..first)?);
        Ok(Self { message, header, payload: part(first + 1..second)?, signature: part(second + 1..token.len())? })
    }

    /// The header as it was sent.
    pub(super) const fn spelled_header(&self) -> &'t str {
        self.header
    }

    /// The header's bytes, for [`Header::parse`].
    pub(super) fn header(&self) -> Result<Vec<u8>, Malformed> {
        decode(self.header)
    }

    /// The payload's bytes. Only for a token whose signature is right.
    pub(super) fn payload(&self) -> Result<Vec<u8>, Malformed> {
        decode(self.payload)
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, Malformed> {
        decode(self.signature)
    }
}

/// A header: `alg`, `typ` and `kid`, each a string and each at most once. Anything else (`crit`, `jwk`, `jku`, `zip`, `b64`, …)
/// would change what the token means or bring its own key, and is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header<'h> {
    #[serde(borrow)]
    pub(super) alg: Text<'h>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) typ: Option<Text<'h>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) kid: Option<Text<'h>>,
}

impl<'h> Header<'h> {
    pub(super) fn parse(bytes: &'h [u8]) -> Result<Self, Malformed> {
        // serde would read an array of three strings into the struct as well.
        if !bytes.starts_with(b"{") {
            return Err(Malformed::Header);
        }
        serde_json::from_slice(bytes).map_err(|_| Malformed::Header)
    }
}

/// Why a text is not a token at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("longer than 8 KiB")]
    TooLong,
    #[error("not three parts with dots between them")]
    Parts,
    #[error("not base64url without padding")]
    Base64,
    #[error("its header is not one JSON object of alg, typ and kid")]
    Header,
}

/// Strict: one spelling for each value, so no padding, no other alphabet, and no bits left over in the last character.
fn decode(part: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed::Base64)
}

/// The longest token we read or make. Browsers, proxies and backends take header lines of 8 KiB.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What `typ` must be (RFC 9068, section 2.1): nothing else that we sign may stand in for an access token.
pub(super) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// What other stacks write, if they write one (RFC 7519, section 5.1).
pub(super) const PLAIN_TYPE: &str = "JWT";
