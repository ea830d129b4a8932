//! The half of a key that verifies, parsed once.
use std::fmt::Display;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair, VerificationAlgorithm,
};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};

use super::secret;
use super::stored::{Half, UnfitKey};
use crate::token::Algorithm;

/// Verifies signatures of one algorithm. aws-lc parses a public key for each call unless it is kept parsed; kept, an RSA check
/// costs a fifth less (measured: 13.8 instead of 17.7 microseconds).
pub(in crate::token) enum VerifyingKey {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl VerifyingKey {
    /// Takes the verifying half out of a private key, or refuses what is not a fit key for the algorithm.
    pub(super) fn of(algorithm: Algorithm, material: &[u8], half: Half) -> Result<Self, UnfitKey> {
        match algorithm {
            Algorithm::Hs256 => {
                secret::check(material)?;
                Ok(Self::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, material))))
            }
            Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Rs256 | Algorithm::Ps256 => {
                Self::public(algorithm, &public_half(algorithm, material, half)?)
            }
        }
    }

    /// A public key in the encoding that is usual for it: a point (X9.62), 32 bytes (Ed25519), `RSAPublicKey` (PKCS #1).
    pub(in crate::token) fn public(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, UnfitKey> {
        let verification: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::EdDsa => &ED25519,
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Hs256 => return Err(unfit(algorithm, "a secret is no public key")),
        };
        ParsedPublicKey::new(verification, bytes).map(Self::Public).map_err(|error| unfit(algorithm, error))
    }

    /// Whether `signature` is one over `message`. Compares secrets' tags in constant time.
    pub(in crate::token) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyingKey(..)")
    }
}

/// What the key set shows of a private key (RFC 7517, section 4): its public half and what it is for, without a name yet.
pub(super) fn public_jwk(algorithm: Algorithm, material: &[u8], half: Half) -> Result<Jwk, UnfitKey> {
    let public = public_half(algorithm, material, half)?;
    let key = match algorithm {
        Algorithm::Es256 => DecodingKey::from_ec_der(&public),
        Algorithm::EdDsa => DecodingKey::from_ed_der(&public),
        Algorithm::Rs256 | Algorithm::Ps256 => DecodingKey::from_rsa_der(&public),
        Algorithm::Hs256 => return Err(unfit(algorithm, "a secret is never shown")),
    };
    let mut jwk = Jwk::from_decoding_key(&key, Some(in_library(algorithm))).map_err(|error| unfit(algorithm, error))?;
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

/// The same algorithm in the words of jsonwebtoken.
pub(super) const fn in_library(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

pub(super) fn unfit(algorithm: Algorithm, reason: impl Display) -> UnfitKey {
    UnfitKey::NotForAlgorithm { algorithm: algorithm.name(), reason: reason.to_string() }
}

/// Parsing checks what must hold: the curve, that both halves belong together, and that RSA has 2048 to 8192 bits.
fn public_half(algorithm: Algorithm, material: &[u8], half: Half) -> Result<Vec<u8>, UnfitKey> {
    if half == Half::Public {
        return VerifyingKey::public(algorithm, material).map(|_| material.to_vec());
    }
    match algorithm {
        Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, material)
            .map(|pair| pair.public_key().as_ref().to_vec()),
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(material).map(|pair| pair.public_key().as_ref().to_vec()),
        Algorithm::Rs256 | Algorithm::Ps256 => {
            RsaKeyPair::from_pkcs8(material).map(|pair| pair.public_key().as_ref().to_vec())
        }
        Algorithm::Hs256 => return Err(unfit(algorithm, "a secret has no public half")),
    }
    .map_err(|error| unfit(algorithm, error))
}
