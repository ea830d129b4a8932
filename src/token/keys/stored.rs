//! One key as the store keeps it.
use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::ThumbprintHash;
use zeroize::Zeroizing;

use super::secret;
use super::verifying::public_jwk;
use crate::base::{Secret, Timestamp, random_bytes};
use crate::token::Algorithm;

/// A key to sign with, or one that signed before and still verifies.
#[derive(Clone)]
pub(crate) struct StoredKey {
    /// Its name in tokens and in the key set; says nothing about a secret.
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    /// PKCS#8 in DER; for HS256 the secret's own bytes. Wiped when dropped.
    pub(crate) material: Zeroizing<Vec<u8>>,
    pub(crate) half: Half,
    pub(crate) created_at: Timestamp,
    /// From here on it may sign; it is published and believed before.
    pub(crate) signs_from: Timestamp,
    /// When its last token is dead; `None` as long as no other key has taken its place.
    pub(crate) believed_until: Option<Timestamp>,
}

/// Which half of a key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Private,
    /// It can be believed and cannot sign. Its material is the bare public key.
    Public,
}

impl StoredKey {
    /// Makes a new key with the operating system's randomness. RSA takes about a tenth of a second.
    pub(crate) fn generate(algorithm: Algorithm, now: Timestamp) -> Result<Self, KeyError> {
        let material = match algorithm {
            Algorithm::Hs256 => Some(Zeroizing::new(random_bytes::<SECRET_BYTES>().to_vec())),
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1())
                .ok()
                .map(|document| wiped(document.as_ref())),
            Algorithm::EdDsa => Ed25519KeyPair::generate()
                .and_then(|pair| pair.to_pkcs8v1())
                .ok()
                .map(|document| wiped(document.as_ref())),
            Algorithm::Rs256 | Algorithm::Ps256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| AsDer::<Pkcs8V1Der<'static>>::as_der(&pair))
                .ok()
                .map(|document| wiped(document.as_ref())),
        };
        Self::named(algorithm, material.ok_or(KeyError::NotMade)?, Half::Private, now).map_err(of_new)
    }

    /// The secret of HS256 as the operator gave it: the same text always gives the same `kid`.
    pub(crate) fn shared_secret(secret: &Secret, now: Timestamp) -> Result<Self, KeyError> {
        Self::named(Algorithm::Hs256, wiped(secret.expose().as_bytes()), Half::Private, now).map_err(of_new)
    }

    /// Gives a key its name. One that does not fit its algorithm has none.
    pub(super) fn named(
        algorithm: Algorithm,
        material: Zeroizing<Vec<u8>>,
        half: Half,
        now: Timestamp,
    ) -> Result<Self, UnfitKey> {
        let kid = kid(algorithm, &material, half)?;
        Ok(Self { kid, algorithm, material, half, created_at: now, signs_from: now, believed_until: None })
    }
}

fn of_new(why: UnfitKey) -> KeyError {
    KeyError::Unfit { kid: "(new)".to_owned(), why }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({} {})", self.algorithm.name(), self.kid)
    }
}

/// Why there is no key, or why one is not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("no key could be made")]
    NotMade,
    #[error("there is no key for the algorithm that the settings ask for")]
    Missing,
    #[error("the key {kid} cannot be used: {why}")]
    Unfit { kid: String, why: UnfitKey },
    #[error("two different keys have the name {kid}")]
    SameName { kid: String },
    #[error("the key {kid} is encrypted in the store, and `encrypt_with` of [keys] is not set")]
    NoSecret { kid: String },
    #[error("the key {kid} cannot be decrypted: `encrypt_with` of [keys] is not what it was encrypted with")]
    WrongSecret { kid: String },
}

/// What is wrong with a key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnfitKey {
    #[error("the secret has {bytes} bytes; HS256 needs 32 or more")]
    ShortSecret { bytes: usize },
    #[error("the secret is blank")]
    BlankSecret,
    #[error("the secret is a few characters again and again")]
    RepetitiveSecret,
    /// A public key as secret would let everybody sign who can read it.
    #[error("the secret is a key file, not a secret")]
    KeyFileAsSecret,
    #[error("it is not a private key for {algorithm}: {reason}")]
    NotForAlgorithm { algorithm: &'static str, reason: String },
    #[error("its name is empty, too long, or has characters other than visible ASCII")]
    Name,
    #[error("it is a public key: it can be believed and cannot sign")]
    PublicOnly,
    #[error("it is encrypted with a passphrase; write it without one: openssl pkey -in FILE -out NEW")]
    Passphrase,
    #[error("the file holds more than one key; put each into a file of its own")]
    SeveralKeys,
    #[error("the file holds no key in PEM form (-----BEGIN PRIVATE KEY-----)")]
    NotPem,
    #[error("its PEM form is broken: is the file whole?")]
    BrokenPem,
    #[error("it is of no kind that signs here: P-256, Ed25519 and RSA with 2048 to 8192 bits do")]
    UnknownKind,
}

/// RFC 7638 for keys with a public half. A thumbprint of a secret would let a guess be checked, but so does any token signed with
/// it; the two hashes here only make sure that the name is no key for anything else.
fn kid(algorithm: Algorithm, material: &[u8], half: Half) -> Result<String, UnfitKey> {
    match algorithm {
        Algorithm::Hs256 => {
            secret::check(material)?;
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, material), SECRET_LABEL);
            let mut context = digest::Context::new(&digest::SHA256);
            context.update(SECRET_LABEL);
            context.update(tag.as_ref());
            let name: Vec<u8> = context.finish().as_ref().iter().copied().take(SECRET_NAME_BYTES).collect();
            Ok(URL_SAFE_NO_PAD.encode(name))
        }
        Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Rs256 | Algorithm::Ps256 => {
            let jwk = public_jwk(algorithm, material, half)?;
            jwk.thumbprint(ThumbprintHash::SHA256)
                .map_err(|error| UnfitKey::NotForAlgorithm { algorithm: algorithm.name(), reason: error.to_string() })
        }
    }
}

pub(super) fn wiped(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.to_vec())
}

const SECRET_BYTES: usize = 32;
const SECRET_NAME_BYTES: usize = 16;
const SECRET_LABEL: &[u8] = b"authgate HS256 key name";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_every_algorithm_can_be_made_and_has_its_own_name() {
        let mut names = Vec::new();
        for algorithm in Algorithm::ALL {
            let key = StoredKey::generate(algorithm, Timestamp::from_seconds(1)).unwrap();
            assert!(!names.contains(&key.kid));
            names.push(key.kid);
        }
    }

    #[test]
    fn a_name_is_the_thumbprint_of_rfc_7638() {
        // The example key of RFC 8037, appendix A.1 to A.3, as PKCS#8.
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let mut material =
            vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        material.extend(seed);
        assert_eq!(
            kid(Algorithm::EdDsa, &material, Half::Private).unwrap(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn the_same_secret_has_the_same_name_and_the_name_is_no_part_of_it() {
        let secret =
            |text: &str| StoredKey::shared_secret(&Secret::new(text.to_owned()), Timestamp::from_seconds(1)).unwrap();
        let text = "correct horse battery staple, and more";
        assert_eq!(secret(text).kid, secret(text).kid);
        assert_ne!(secret(text).kid, secret("correct horse battery staple, and most").kid);
        assert!(!text.contains(&secret(text).kid));
    }

    #[test]
    fn a_key_does_not_print() {
        let key = StoredKey::generate(Algorithm::Hs256, Timestamp::from_seconds(1)).unwrap();
        assert_eq!(format!("{key:?}"), format!("StoredKey(HS256 {})", key.kid));
    }
}
