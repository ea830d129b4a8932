//! What the secret of HS256 must be.
use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};

use super::stored::UnfitKey;

/// Refuses secrets that can be guessed, and those that are somebody's public key.
pub(super) fn check(secret: &[u8]) -> Result<(), UnfitKey> {
    if is_key_file(secret) {
        return Err(UnfitKey::KeyFileAsSecret);
    }
    if secret.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(UnfitKey::BlankSecret);
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(UnfitKey::ShortSecret { bytes: secret.len() });
    }
    if different_bytes(secret) < MIN_DIFFERENT_BYTES {
        return Err(UnfitKey::RepetitiveSecret);
    }
    Ok(())
}

/// The same of a secret in the file, in a few words: whoever checks the file hears what the start would say.
pub(crate) fn weakness(secret: &str) -> Option<&'static str> {
    let why = check(secret.as_bytes()).err()?;
    Some(if why == UnfitKey::KeyFileAsSecret {
        "a key file is no shared secret"
    } else if why == UnfitKey::BlankSecret {
        "blank"
    } else if why == UnfitKey::RepetitiveSecret {
        "a few characters again and again"
    } else {
        "shorter than 32 bytes"
    })
}

/// A PEM file anywhere in it, a public key in DER, or a JWK.
fn is_key_file(secret: &[u8]) -> bool {
    let holds = |marker: &[u8]| secret.windows(marker.len()).any(|window| window == marker);
    // A bare point or a bare Ed25519 key is 65 or 32 bytes of anything: only what has a frame can be told from a secret.
    let framed = secret.first() == Some(&DER_SEQUENCE);
    holds(b"-----BEGIN")
        || holds(b"\"kty\"")
        || (framed
            && (RsaPublicKey::from_der(secret).is_ok()
                || ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, secret).is_ok()
                || (secret.len() != ED25519_BYTES && ParsedPublicKey::new(&ED25519, secret).is_ok())))
}

fn different_bytes(secret: &[u8]) -> usize {
    let mut sorted = zeroize::Zeroizing::new(secret.to_vec());
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

/// RFC 7518, section 3.2: at least as long as the hash.
const MIN_SECRET_BYTES: usize = 32;

/// Thirty-two random hexadecimal digits have fewer than six different ones less than once in a billion times.
const MIN_DIFFERENT_BYTES: usize = 6;

/// Also the digit `0`, so it proves nothing by itself.
const DER_SEQUENCE: u8 = 0x30;
const ED25519_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    #[test]
    fn a_weak_secret_is_refused_with_its_reason() {
        for (secret, reason) in [
            ("", UnfitKey::BlankSecret),
            (&" ".repeat(64), UnfitKey::BlankSecret),
            (&"\n\t ".repeat(20), UnfitKey::BlankSecret),
            ("0123456789abcdef0123456789abcde", UnfitKey::ShortSecret { bytes: 31 }),
            ("change-me", UnfitKey::ShortSecret { bytes: 9 }),
            (&"a".repeat(64), UnfitKey::RepetitiveSecret),
            (&"abc".repeat(30), UnfitKey::RepetitiveSecret),
            ("-----BEGIN PUBLIC KEY-----\nMFkw", UnfitKey::KeyFileAsSecret),
            ("\u{feff}  # my key\n -----BEGIN RSA PUBLIC KEY-----\nMFkwABCDEFGH", UnfitKey::KeyFileAsSecret),
            (r#"{"kty":"EC","crv":"P-256","x":"aaaaaaaaaaaaaaaaaa"}"#, UnfitKey::KeyFileAsSecret),
        ] {
            assert_eq!(check(secret.as_bytes()), Err(reason), "{secret:?}");
        }
        assert_eq!(check(b"0123456789abcdef0123456789abcdef"), Ok(()));
    }

    #[test]
    fn a_public_key_in_der_is_no_secret() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        assert_eq!(check(spki.as_ref()), Err(UnfitKey::KeyFileAsSecret));
        let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        assert_eq!(check(rsa.public_key().as_ref()), Err(UnfitKey::KeyFileAsSecret));
    }
}
