//! A secret is silent: it does not print, is not compared with `==`, and is wiped.
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Text that must not reach a log, an error or a person's screen.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A new one: a prefix that scanners know, and 256 random bits.
    pub(crate) fn random(prefix: &str) -> Self {
        let bytes = super::random_bytes::<32>();
        Self::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The text itself. Every call of this is a place to look at.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Its SHA-256: what is kept of a secret that only has to be recognised.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        let mut bytes = [0_u8; 32];
        bytes.copy_from_slice(digest.as_ref());
        bytes
    }

    /// Compares in a time that depends on the lengths only.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

/// Read from a body, it is wiped from then on, also when the rest of the body turns out to be wrong.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_and_compares() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret.matches("hunter2"));
        assert!(!secret.matches("hunter3"));
        assert!(!secret.matches("hunter"));
    }

    #[test]
    fn a_hundred_thousand_secrets_are_all_different_and_of_256_bits() {
        let secrets: std::collections::HashSet<_> =
            (0..100_000).map(|_| Secret::random("").expose().to_owned()).collect();
        assert_eq!(secrets.len(), 100_000);
        assert!(secrets.iter().all(|secret| secret.len() == 43), "32 bytes in base64");
    }
}
