//! Keys as files hold them: PEM (RFC 7468) of PKCS#8, SEC1, PKCS#1 or a public key; and back.
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::stored::{Half, StoredKey, UnfitKey, wiped};
use super::verifying::unfit;
use crate::base::{Secret, Timestamp};
use crate::token::Algorithm;

impl StoredKey {
    /// Reads the one key of a file. An RSA key serves two algorithms: it gets `wanted` when that is one of them.
    pub(crate) fn from_pem(text: &str, wanted: Algorithm, now: Timestamp) -> Result<Self, UnfitKey> {
        let (label, der) = only_block(text)?;
        let (algorithm, material, half) = match label {
            "PRIVATE KEY" => pkcs8(wiped(&der), wanted).map(private)?,
            "EC PRIVATE KEY" => sec1(&der).map(private)?,
            "RSA PRIVATE KEY" => pkcs1(&der, wanted).map(private)?,
            "PUBLIC KEY" | "RSA PUBLIC KEY" => {
                let (algorithm, material) = public(&der, wanted)?;
                (algorithm, material, Half::Public)
            }
            "ENCRYPTED PRIVATE KEY" => return Err(UnfitKey::Passphrase),
            _ => return Err(UnfitKey::UnknownKind),
        };
        Self::named(algorithm, material, half, now)
    }

    /// The private key as PKCS#8 in PEM; `None` where there is none to show in that form.
    pub(crate) fn to_pem(&self) -> Option<Secret> {
        if self.half == Half::Public || self.algorithm == Algorithm::Hs256 {
            return None;
        }
        let body = Zeroizing::new(STANDARD.encode(&*self.material));
        let mut pem = String::with_capacity(body.len() + 96);
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        for line in body.as_bytes().chunks(LINE) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Some(Secret::new(pem))
    }
}

fn private((algorithm, material): (Algorithm, Zeroizing<Vec<u8>>)) -> (Algorithm, Zeroizing<Vec<u8>>, Half) {
    (algorithm, material, Half::Private)
}

/// Label and content of the key in a file. What stands around it is ignored (RFC 7468, section 2), and so are the
/// parameters that some tools write before an elliptic key.
fn only_block(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), UnfitKey> {
    let mut found = None;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once("-----").ok_or(UnfitKey::BrokenPem)?;
        let (body, after) = after.split_once(&format!("-----END {label}-----")).ok_or(UnfitKey::BrokenPem)?;
        rest = after;
        if label == "EC PARAMETERS" {
            continue;
        }
        if found.replace((label, body)).is_some() {
            return Err(UnfitKey::SeveralKeys);
        }
    }
    let (label, body) = found.ok_or(UnfitKey::NotPem)?;
    // The old form of a passphrase stands in headers inside (RFC 1421).
    if body.contains("ENCRYPTED") {
        return Err(UnfitKey::Passphrase);
    }
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let der = STANDARD.decode(body.as_bytes()).map_err(|_| UnfitKey::BrokenPem)?;
    Ok((label, Zeroizing::new(der)))
}

fn pkcs8(der: Zeroizing<Vec<u8>>, wanted: Algorithm) -> Result<(Algorithm, Zeroizing<Vec<u8>>), UnfitKey> {
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der) {
        let plain = pair.to_pkcs8v1().map_err(|error| unfit(Algorithm::Es256, error))?;
        return Ok((Algorithm::Es256, wiped(plain.as_ref())));
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8(&der) {
        let plain = pair.to_pkcs8v1().map_err(|error| unfit(Algorithm::EdDsa, error))?;
        return Ok((Algorithm::EdDsa, wiped(plain.as_ref())));
    }
    match RsaKeyPair::from_pkcs8(&der) {
        Ok(_) => Ok((of_rsa(wanted), der)),
        Err(error) if is_rsa(&der) => Err(unfit(of_rsa(wanted), error)),
        Err(_) => Err(UnfitKey::UnknownKind),
    }
}

fn sec1(der: &[u8]) -> Result<(Algorithm, Zeroizing<Vec<u8>>), UnfitKey> {
    let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
        .map_err(|error| unfit(Algorithm::Es256, error))?;
    let plain = pair.to_pkcs8v1().map_err(|error| unfit(Algorithm::Es256, error))?;
    Ok((Algorithm::Es256, wiped(plain.as_ref())))
}

fn pkcs1(der: &[u8], wanted: Algorithm) -> Result<(Algorithm, Zeroizing<Vec<u8>>), UnfitKey> {
    let algorithm = of_rsa(wanted);
    let pair = RsaKeyPair::from_der(der).map_err(|error| unfit(algorithm, error))?;
    let plain: Pkcs8V1Der<'static> = pair.as_der().map_err(|error| unfit(algorithm, error))?;
    Ok((algorithm, wiped(plain.as_ref())))
}

/// A public key in the encoding that is usual for it, taken out of its SubjectPublicKeyInfo.
fn public(der: &[u8], wanted: Algorithm) -> Result<(Algorithm, Zeroizing<Vec<u8>>), UnfitKey> {
    if let Some(point) = der.strip_prefix(P256_PREFIX).filter(|point| point.len() == P256_BYTES) {
        return Ok((Algorithm::Es256, wiped(point)));
    }
    if let Some(bytes) = der.strip_prefix(ED25519_PREFIX).filter(|bytes| bytes.len() == ED25519_BYTES) {
        return Ok((Algorithm::EdDsa, wiped(bytes)));
    }
    let key = RsaPublicKey::from_der(der).map_err(|_| UnfitKey::UnknownKind)?;
    if !has_2048_bits(key.as_ref()) {
        return Err(unfit(of_rsa(wanted), "fewer than 2048 bits"));
    }
    Ok((of_rsa(wanted), wiped(key.as_ref())))
}

/// Whether the modulus of an `RSAPublicKey` (RFC 8017, appendix A.1.1) is long enough: it is an INTEGER with a length in two
/// bytes and, where its first bit is set, a zero before it.
fn has_2048_bits(key: &[u8]) -> bool {
    let [0x30, 0x82, _, _, 0x02, 0x82, high, low, first, ..] = *key else { return false };
    let bytes = usize::from(high) << 8 | usize::from(low);
    bytes > 257 || bytes == 257 && first == 0
}

const fn of_rsa(wanted: Algorithm) -> Algorithm {
    match wanted {
        Algorithm::Ps256 => Algorithm::Ps256,
        Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Hs256 => Algorithm::Rs256,
    }
}

/// Holds the identifier of rsaEncryption (RFC 8017, appendix A.1): a key that was meant for RSA is told why it is not fit.
fn is_rsa(der: &[u8]) -> bool {
    der.windows(RSA_OID.len()).take(32).any(|window| window == RSA_OID)
}

const BEGIN: &str = "-----BEGIN ";
const LINE: usize = 64;
/// SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480, section 2).
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P256_BYTES: usize = 65;
/// The same of an Ed25519 key (RFC 8410, section 4).
const ED25519_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ED25519_BYTES: usize = 32;
const RSA_OID: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::KeyRing;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    #[test]
    fn a_key_that_was_written_reads_back_under_the_same_name() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256] {
            let key = StoredKey::generate(algorithm, NOW).unwrap();
            let pem = key.to_pem().unwrap();
            let read = StoredKey::from_pem(pem.expose(), algorithm, NOW).unwrap();
            assert_eq!((&read.kid, read.algorithm, read.half), (&key.kid, algorithm, Half::Private));
            assert!(KeyRing::new(&read, &[]).is_ok());
        }
        assert!(StoredKey::generate(Algorithm::Hs256, NOW).unwrap().to_pem().is_none());
    }

    #[test]
    fn what_is_no_single_usable_key_is_refused_with_its_reason() {
        let key = StoredKey::generate(Algorithm::Es256, NOW).unwrap();
        let pem = key.to_pem().unwrap();
        let pem = pem.expose();
        let half = pem.split_at_checked(pem.len() / 2).unwrap().0;
        for (text, why) in [
            ("", UnfitKey::NotPem),
            ("hello", UnfitKey::NotPem),
            (half, UnfitKey::BrokenPem),
            (&pem.replace("MI", "*I"), UnfitKey::BrokenPem),
            (&format!("{pem}{pem}"), UnfitKey::SeveralKeys),
            (&pem.replace("PRIVATE", "ENCRYPTED PRIVATE"), UnfitKey::Passphrase),
            (&pem.replace("PRIVATE KEY", "CERTIFICATE"), UnfitKey::UnknownKind),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
                UnfitKey::Passphrase,
            ),
            ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----", UnfitKey::UnknownKind),
            ("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----", UnfitKey::UnknownKind),
        ] {
            assert_eq!(StoredKey::from_pem(text, Algorithm::Es256, NOW).err(), Some(why), "{text}");
        }
    }
}
