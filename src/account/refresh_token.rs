//! Refresh tokens: 256 random bits, of which the store keeps the SHA-256 only.
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::{Secret, random_bytes};
use crate::store::Digest;

/// `agr_` and 43 characters. The prefix lets scanners find one that leaked.
#[derive(Debug)]
pub(super) struct RefreshToken(Secret);

impl RefreshToken {
    pub(super) fn new() -> Self {
        Self::from_bytes(&random_bytes::<32>())
    }

    /// Reads the one spelling we write; anything else was not made here.
    pub(super) fn parse(text: &Secret) -> Option<Self> {
        let body = text.expose().strip_prefix(PREFIX).filter(|body| body.len() == BODY_LENGTH)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
        (bytes.len() == 32).then(|| Self(text.clone()))
    }

    /// A token of another stack, to be handed back as it came.
    pub(super) fn made_elsewhere(text: Secret) -> Self {
        Self(text)
    }

    /// What the store knows it by. No salt: there is nothing to guess in 256 random bits.
    pub(super) fn digest(&self) -> Digest {
        fixed(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref())
    }

    /// The token that follows this one. It is computed, not kept: whoever shows this token again within the grace gets
    /// the same successor, and the store alone cannot be used to make one.
    pub(super) fn successor(&self, nonce: &Digest) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose().as_bytes());
        Self::from_bytes(&fixed(hmac::sign(&key, nonce).as_ref()))
    }

    pub(super) fn into_secret(self) -> Secret {
        self.0
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }
}

fn fixed(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 gives 32 bytes")
}

const PREFIX: &str = "agr_";
const BODY_LENGTH: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_in_one_spelling_only() {
        let token = RefreshToken::new();
        let text = token.0.expose().to_owned();
        assert_eq!(text.len(), 47);
        assert_eq!(RefreshToken::parse(&token.0).unwrap().digest(), token.digest());
        let body = text.strip_prefix("agr_").unwrap();
        for wrong in [body.to_owned(), format!("{text}="), format!("{text}A"), format!(" {text}"), String::new()] {
            assert!(RefreshToken::parse(&Secret::new(wrong.clone())).is_none(), "{wrong}");
        }
        assert!(RefreshToken::parse(&Secret::new(format!("agr_{}B", "A".repeat(42)))).is_none(), "unused bits set");
        assert!(RefreshToken::parse(&Secret::new(format!("agr_{}", "é".repeat(22)))).is_none());
    }

    #[test]
    fn a_successor_depends_on_the_token_and_on_the_nonce() {
        let (one, other) = (RefreshToken::new(), RefreshToken::new());
        assert_eq!(one.successor(&[1; 32]).digest(), one.successor(&[1; 32]).digest());
        assert_ne!(one.successor(&[1; 32]).digest(), one.successor(&[2; 32]).digest());
        assert_ne!(one.successor(&[1; 32]).digest(), other.successor(&[1; 32]).digest());
        assert!(RefreshToken::parse(&one.successor(&[1; 32]).into_secret()).is_some());
    }
}
