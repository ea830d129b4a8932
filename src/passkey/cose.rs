//! Public keys as authenticators write them (RFC 9052, section 7; RFC 9053): three algorithms and nothing else.
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use super::cbor::Value;

/// A key that was looked at.
#[derive(Debug)]
pub(super) enum PublicKey<'a> {
    Parsed(ParsedPublicKey),
    Rsa { n: &'a [u8], e: &'a [u8] },
}

impl<'a> PublicKey<'a> {
    /// `None` for another algorithm, a key that does not fit its own, and a point that is not on the curve.
    pub(super) fn of(key: &Value<'a>) -> Option<Self> {
        let bytes = |at: i64, length: usize| key.at(at).and_then(Value::bytes).filter(|bytes| bytes.len() == length);
        let is = |at: i64, number: i64| key.at(at).and_then(Value::int) == Some(number);
        match key.at(ALG)?.int()? {
            ES256 if is(KTY, EC2) && is(CRV, P256) => {
                let point = [&[UNCOMPRESSED], bytes(X, 32)?, bytes(Y, 32)?].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok().map(Self::Parsed)
            }
            EDDSA if is(KTY, OKP) && is(CRV, CURVE_25519) => {
                ParsedPublicKey::new(&ED25519, bytes(X, 32)?).ok().map(Self::Parsed)
            }
            RS256 if is(KTY, RSA) => {
                let (n, e) = (key.at(N)?.bytes()?, key.at(E)?.bytes()?);
                let fit = (256..=512).contains(&n.len())
                    && n.first().is_some_and(|first| *first >= 0x80)
                    && (1..=4).contains(&e.len())
                    && e.first() != Some(&0)
                    && e.last().is_some_and(|last| last & 1 == 1)
                    && e != [1];
                fit.then_some(Self::Rsa { n, e })
            }
            _ => None,
        }
    }

    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Parsed(key) => key.verify_sig(message, signature).is_ok(),
            Self::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}

pub(super) const ES256: i64 = -7;
pub(super) const EDDSA: i64 = -8;
pub(super) const RS256: i64 = -257;

const KTY: i64 = 1;
const ALG: i64 = 3;
const CRV: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const N: i64 = -1;
const E: i64 = -2;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const CURVE_25519: i64 = 6;
const UNCOMPRESSED: u8 = 4;
