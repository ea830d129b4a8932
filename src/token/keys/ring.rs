//! The keys in use: one signs, all of them verify.
use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use super::stored::{Half, KeyError, StoredKey, UnfitKey};
use super::verifying::{VerifyingKey, in_library, public_jwk, unfit};
use crate::base::Timestamp;
use crate::token::Algorithm;
use crate::token::jws::{ACCESS_TOKEN_TYPE, Jws, PLAIN_TYPE};

/// Every key that may appear in a token, by its name. A key decides its algorithm; a token cannot.
#[derive(Debug)]
pub(crate) struct KeyRing {
    header: Header,
    /// The same with the `typ` that other stacks write.
    plain: Header,
    signing: EncodingKey,
    signs_since: Timestamp,
    keys: HashMap<String, RingKey>,
    jwks: String,
}

/// One key that verifies.
#[derive(Debug)]
pub(in crate::token) struct RingKey {
    pub(in crate::token) kid: String,
    pub(in crate::token) algorithm: Algorithm,
    pub(in crate::token) key: VerifyingKey,
    /// How the header of its tokens is written here, and how as other stacks do.
    spelled: [String; 2],
}

impl RingKey {
    fn of(stored: &StoredKey, key: VerifyingKey) -> Self {
        let spelled = [ACCESS_TOKEN_TYPE, PLAIN_TYPE].map(|typ| spell(&header(stored, typ)));
        Self { kid: stored.kid.clone(), algorithm: stored.algorithm, key, spelled }
    }
}

impl KeyRing {
    /// Prepares the keys: `signing` signs and verifies, `others` only verify. Every one must be fit, or none is used.
    pub(crate) fn new(signing: &StoredKey, others: &[StoredKey]) -> Result<Self, KeyError> {
        let mut keys: HashMap<String, RingKey> = HashMap::new();
        let mut shown = JwkSet::default();
        let mut taken: HashMap<&str, &StoredKey> = HashMap::new();
        for stored in std::iter::once(signing).chain(others) {
            if let Some(same) = taken.insert(&stored.kid, stored) {
                if same.algorithm == stored.algorithm && same.material == stored.material {
                    continue;
                }
                return Err(KeyError::SameName { kid: stored.kid.clone() });
            }
            let because = |why| KeyError::Unfit { kid: stored.kid.clone(), why };
            check_name(&stored.kid).map_err(because)?;
            let key = VerifyingKey::of(stored.algorithm, &stored.material, stored.half).map_err(because)?;
            if stored.algorithm != Algorithm::Hs256 {
                let mut jwk = public_jwk(stored.algorithm, &stored.material, stored.half).map_err(because)?;
                jwk.common.key_id = Some(stored.kid.clone());
                shown.keys.push(jwk);
            }
            keys.insert(stored.kid.clone(), RingKey::of(stored, key));
        }
        let ring = Self {
            header: header(signing, ACCESS_TOKEN_TYPE),
            plain: header(signing, PLAIN_TYPE),
            signing: signing_key(signing).map_err(|why| KeyError::Unfit { kid: signing.kid.clone(), why })?,
            signs_since: signing.signs_from,
            keys,
            jwks: serde_json::to_string(&shown).expect("a key set is strings under fixed names"),
        };
        ring.try_out().map_err(|why| KeyError::Unfit { kid: signing.kid.clone(), why })?;
        Ok(ring)
    }

    /// The name of the key that signs.
    pub(crate) fn signing_kid(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// Whether a ring of these keys would be this one.
    pub(crate) fn is_made_of(&self, signing: &StoredKey, others: &[StoredKey]) -> bool {
        let names: HashSet<&str> = std::iter::once(signing).chain(others).map(|key| key.kid.as_str()).collect();
        self.signing_kid() == signing.kid
            && self.keys.len() == names.len()
            && names.iter().all(|kid| self.keys.contains_key(*kid))
    }

    /// Since when the key that signs does so.
    pub(crate) fn signs_since(&self) -> Timestamp {
        self.signs_since
    }

    pub(crate) fn jwks(&self) -> &str {
        &self.jwks
    }

    /// Looks a name up. It is a key of a table and nothing else: no path, no query.
    pub(in crate::token) fn find(&self, kid: &str) -> Option<&RingKey> {
        self.keys.get(kid)
    }

    /// The key whose tokens have this header when they are made here, `plain` or not: no need to read what we write ourselves.
    pub(in crate::token) fn find_by_header(&self, spelled: &str, plain: bool) -> Option<&RingKey> {
        self.keys.values().find(|key| {
            let [native, other] = &key.spelled;
            spelled == if plain { other } else { native }
        })
    }

    pub(in crate::token) fn sign<C: Serialize>(&self, claims: &C) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
    }

    /// Signs as other stacks do.
    pub(in crate::token) fn sign_plain<C: Serialize>(&self, claims: &C) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&self.plain, claims, &self.signing)
    }

    /// Signs once and verifies it, so that a key that cannot sign is found at the start and not at the first sign-in.
    fn try_out(&self) -> Result<(), UnfitKey> {
        let Some(key) = self.find(self.signing_kid()) else { return Err(UnfitKey::Name) };
        let token = self.sign(&()).map_err(|error| unfit(key.algorithm, error))?;
        let verified = Jws::split(&token)
            .and_then(|jws| Ok(key.key.verifies(jws.message.as_bytes(), &jws.signature()?)))
            .map_err(|error| unfit(key.algorithm, error))?;
        if verified { Ok(()) } else { Err(unfit(key.algorithm, "it does not verify what it signed")) }
    }
}

/// What a name of a key may be: it stands in every token and in the log.
fn check_name(kid: &str) -> Result<(), UnfitKey> {
    let fits = (1..=MAX_NAME_BYTES).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(UnfitKey::Name) }
}

fn header(key: &StoredKey, typ: &str) -> Header {
    let mut header = Header::new(in_library(key.algorithm));
    header.typ = Some(typ.to_owned());
    header.kid = Some(key.kid.clone());
    header
}

fn spell(header: &Header) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(header).expect("a header is strings under fixed names"))
}

fn signing_key(key: &StoredKey) -> Result<EncodingKey, UnfitKey> {
    if key.half == Half::Public {
        return Err(UnfitKey::PublicOnly);
    }
    match key.algorithm {
        Algorithm::Hs256 => Ok(EncodingKey::from_secret(&key.material)),
        Algorithm::Es256 => Ok(EncodingKey::from_ec_der(&key.material)),
        Algorithm::EdDsa => Ok(EncodingKey::from_ed_der(&key.material)),
        // For RSA the library wants the inner PKCS #1 form, which it takes out of PEM only.
        Algorithm::Rs256 | Algorithm::Ps256 => {
            let body = Zeroizing::new(STANDARD.encode(&*key.material));
            let pem = Zeroizing::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", *body));
            EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| unfit(key.algorithm, error))
        }
    }
}

const MAX_NAME_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    };

    use super::*;

    /// A test key of 1024 bits: too short for anything else.
    const RSA_1024: &str = "MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAN4QHlPCl2QTiHgraC9XR4oQ6Ub7n8VNh/mZy9CXWJ195X+u\
        E55Cq0x1yuK+ieHnQuoYK5WYlEkQKrpjIOUB2fU/zPnjDY0lrQAI4Jfc7hZmOUhDc5PMKMRHF05D54nDwQsQ/1ZCpLYC+hg5fv590cSauh+LVdbtkuMD\
        7riDjxYbAgMBAAECgYBo5Lo+nIOAjU2AXhinjBXJ3PUkR4WP4HCjcYd575O3SRnYNvUjY6CgzF9aveBJqkDMbUBhOKKK5K0aP+rw4e/+7Hl0V3/JwoYl\
        H+hc5l//45v0Rbu8tfR0ms8viAXdih8kkKyXxPiYm2myf0P5QaVk0pkL335PJQiugMC1+Pb6CQJBAPmBsYeH44A9TTuWV8ezNhxIOpzeW6fB5Or6RLWV\
        Af2toW5RC3/2I81uWKAFhKQNrMkAoloSYEfaVobZsIJq4H0CQQDj15XJGcSV9v2un2DmC3sybsBRDQ7H0JPMg8I4oVN8TlGyWayqx6oVTwjExzasDg1I\
        rtNhn0y1rrp4zhbVnGx3AkAfyw3zJjawHZ+cyzCOSuDHQ9DsMk1dmBByfMeKl900FQ7v/rXHbXbsc3Yplepr+S4eQs1tStAn98N01YJva+0FAkBYDq08\
        UPIyh4gaIkz/+/X8UuOPL73DqjBFPbMl0ewDQf2/MXtTceGhZK9d5iSSMMgfjDn0I+4w1bwKDpSysEcXAkAcvahjdgUhaqsMvxYSM2IQ9SUqjPT0LQ96\
        iZTDejPCruOZyEBlL1b5cjJ4Mzjxo37xMWi3CcxdYM1+/sAxe5ej";

    fn stored(algorithm: Algorithm, material: &[u8]) -> StoredKey {
        let material = Zeroizing::new(material.to_vec());
        let at = Timestamp::from_seconds(1);
        let kid = "test".to_owned();
        StoredKey {
            kid,
            algorithm,
            material,
            half: Half::Private,
            created_at: at,
            signs_from: at,
            believed_until: None,
        }
    }

    #[test] // K04
    fn a_key_that_does_not_fit_its_algorithm_is_refused() {
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let private = p256.to_pkcs8v1().unwrap();
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(p256.public_key()).unwrap();
        let ed25519 = StoredKey::generate(Algorithm::EdDsa, Timestamp::from_seconds(1)).unwrap();
        let rsa_1024 = STANDARD.decode(RSA_1024).unwrap();
        for (what, key) in [
            ("RSA with 1024 bits", stored(Algorithm::Rs256, &rsa_1024)),
            ("RSA with 1024 bits", stored(Algorithm::Ps256, &rsa_1024)),
            ("P-384", stored(Algorithm::Es256, p384.as_ref())),
            ("Ed25519", stored(Algorithm::Es256, &ed25519.material)),
            ("Ed25519", stored(Algorithm::Rs256, &ed25519.material)),
            ("P-256", stored(Algorithm::EdDsa, private.as_ref())),
            ("a public key", stored(Algorithm::Es256, public.as_ref())),
            ("nothing", stored(Algorithm::Es256, &[])),
            ("half a key", stored(Algorithm::EdDsa, &ed25519.material[..20])),
            ("31 bytes", stored(Algorithm::Hs256, b"0123456789abcdef0123456789abcde")),
        ] {
            let refused = KeyRing::new(&key, &[]).unwrap_err();
            assert!(matches!(refused, KeyError::Unfit { .. }), "{what}: {refused}");
            let fit = StoredKey::generate(Algorithm::Es256, Timestamp::from_seconds(1)).unwrap();
            assert!(KeyRing::new(&fit, std::slice::from_ref(&key)).is_err(), "{what} among the others");
        }
        assert!(KeyRing::new(&stored(Algorithm::Es256, private.as_ref()), &[]).is_ok());
    }

    #[test]
    fn the_header_of_what_a_key_signs_is_known_by_its_spelling_and_no_other_is() {
        let key = StoredKey::generate(Algorithm::EdDsa, Timestamp::from_seconds(1)).unwrap();
        let older = StoredKey::generate(Algorithm::Es256, Timestamp::from_seconds(1)).unwrap();
        let ring = KeyRing::new(&key, std::slice::from_ref(&older)).unwrap();
        let found = |token: String, plain| {
            let header = Jws::split(&token).unwrap().spelled_header().to_owned();
            ring.find_by_header(&header, plain).map(|key| key.kid.clone())
        };
        assert_eq!(found(ring.sign(&()).unwrap(), false), Some(key.kid.clone()));
        assert_eq!(found(ring.sign(&()).unwrap(), true), None);
        assert_eq!(found(ring.sign_plain(&()).unwrap(), true), Some(key.kid));
        let before = KeyRing::new(&older, &[]).unwrap();
        assert_eq!(found(before.sign(&()).unwrap(), false), Some(older.kid));
        let stranger = StoredKey::generate(Algorithm::EdDsa, Timestamp::from_seconds(1)).unwrap();
        assert_eq!(found(KeyRing::new(&stranger, &[]).unwrap().sign(&()).unwrap(), false), None);
    }

    #[test]
    fn a_refused_key_says_why_and_not_what_it_is() {
        let key = stored(Algorithm::Hs256, b"hunter2");
        let refused = KeyRing::new(&key, &[]).unwrap_err();
        assert_eq!(refused.to_string(), "the key test cannot be used: the secret has 7 bytes; HS256 needs 32 or more");
    }

    #[test]
    fn two_keys_of_one_name_are_refused_unless_they_are_the_same() {
        let now = Timestamp::from_seconds(1);
        let (first, second) =
            (StoredKey::generate(Algorithm::Es256, now).unwrap(), StoredKey::generate(Algorithm::Es256, now).unwrap());
        assert!(KeyRing::new(&first, &[first.clone(), second.clone()]).is_ok());
        let same_name = StoredKey { kid: first.kid.clone(), ..second };
        assert_eq!(KeyRing::new(&first, &[same_name]).unwrap_err(), KeyError::SameName { kid: first.kid.clone() });
    }

    #[test]
    fn a_name_that_could_not_stand_in_a_log_is_refused() {
        for kid in ["", "a b", "a\r\nX: y", "é", &"k".repeat(129)] {
            let key = StoredKey::generate(Algorithm::Hs256, Timestamp::from_seconds(1)).unwrap();
            assert!(KeyRing::new(&StoredKey { kid: kid.to_owned(), ..key }, &[]).is_err(), "{kid:?}");
        }
    }
}
