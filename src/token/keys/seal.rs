//! Private keys encrypted for the store: AES-256-GCM (NIST SP 800-38D) under a key derived with HKDF (RFC 5869).
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use super::stored::KeyError;
use crate::base::{Secret, UserId};
use crate::token::Algorithm;

/// Encrypts keys and decrypts them again.
pub(crate) struct Seal(RandomizedNonceKey);

impl Seal {
    pub(crate) fn new(secret: &Secret) -> Result<Self, KeyError> {
        let prk = Salt::new(HKDF_SHA256, SALT).extract(secret.expose().as_bytes());
        let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
        let filled = prk.expand(&[INFO], HKDF_SHA256).and_then(|okm| okm.fill(key.as_mut_slice()));
        filled
            .and_then(|()| RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()))
            .map(Self)
            .map_err(|_| KeyError::NotMade)
    }

    /// A fresh nonce, then the sealed key. Bound to the name: a row cannot be passed off as another.
    pub(crate) fn seal(&self, kid: &str, algorithm: Algorithm, material: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.seal_bound(bound(kid, algorithm), material)
    }

    /// The same for somebody's second factor, bound to the person.
    pub(crate) fn seal_factor(&self, user: UserId, key: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.seal_bound(of_factor(user), key)
    }

    fn seal_bound(&self, to: Vec<u8>, material: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut sealed = Zeroizing::new(material.to_vec());
        let nonce = self.0.seal_in_place_append_tag(Aad::from(to), &mut *sealed).map_err(|_| KeyError::NotMade)?;
        Ok([nonce.as_ref().as_slice(), sealed.as_slice()].concat())
    }

    pub(crate) fn open(&self, kid: &str, algorithm: Algorithm, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.open_bound(bound(kid, algorithm), kid, sealed)
    }

    pub(crate) fn open_factor(&self, user: UserId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.open_bound(of_factor(user), "of a second factor", sealed)
    }

    fn open_bound(&self, to: Vec<u8>, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let wrong = || KeyError::WrongSecret { kid: name.to_owned() };
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(to), &mut body).map_err(|_| wrong())?.len();
        body.truncate(length);
        Ok(body)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

/// No algorithm of a signing key is called so.
fn of_factor(user: UserId) -> Vec<u8> {
    format!("TOTP {user}").into_bytes()
}

fn bound(kid: &str, algorithm: Algorithm) -> Vec<u8> {
    format!("{} {kid}", algorithm.name()).into_bytes()
}

const KEY_BYTES: usize = 32;
const SALT: &[u8] = b"authgate";
const INFO: &[u8] = b"private keys in the store, 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str) -> Seal {
        Seal::new(&Secret::new(secret.to_owned())).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_secret_and_name_only() {
        let (one, material) = (seal("one"), b"a private key".as_slice());
        let sealed = one.seal("kid", Algorithm::Es256, material).unwrap();
        assert!(!sealed.windows(material.len()).any(|window| window == material));
        assert_ne!(sealed, one.seal("kid", Algorithm::Es256, material).unwrap(), "a fresh nonce each time");
        assert_eq!(seal("one").open("kid", Algorithm::Es256, &sealed).unwrap().as_slice(), material);
        let wrong = KeyError::WrongSecret { kid: "kid".to_owned() };
        assert_eq!(seal("two").open("kid", Algorithm::Es256, &sealed).err(), Some(wrong));
        assert!(one.open("other", Algorithm::Es256, &sealed).is_err());
        assert!(one.open("kid", Algorithm::EdDsa, &sealed).is_err());
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        for broken in [changed.as_slice(), &sealed[..20], &sealed[..5], &[]] {
            assert!(one.open("kid", Algorithm::Es256, broken).is_err());
        }
    }
}
