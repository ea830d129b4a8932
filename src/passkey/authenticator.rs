//! A device made of software, for tests: it makes keys and shows them, and may be told to do so wrongly.
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};

use super::{Made, Shown, cose};

pub(crate) struct Authenticator {
    key: Key,
    pub(crate) id: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) site: String,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl Authenticator {
    /// One that is right for a site.
    pub(crate) fn new(algorithm: i64, origin: &str) -> Self {
        let key = match algorithm {
            cose::ES256 => Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            cose::EDDSA => Key::EdDsa(Ed25519KeyPair::generate().unwrap()),
            _ => Key::Rs256(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap()),
        };
        let site = url_host(origin);
        let id = crate::base::random_bytes::<16>().to_vec();
        Self { key, id, origin: origin.to_owned(), site, flags: 0x05, counter: 0 }
    }

    pub(crate) fn make(&self, challenge: &str) -> Made {
        let mut data = self.head(0x40);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&self.cose());
        Made { client_data: self.client_data("webauthn.create", challenge), attestation: attestation(&data) }
    }

    pub(crate) fn show(&self, challenge: &str) -> Shown {
        let authenticator_data = self.head(0);
        let client_data = self.client_data("webauthn.get", challenge);
        let signed = [&authenticator_data, digest(&SHA256, &client_data).as_ref()].concat();
        Shown { client_data, authenticator_data, signature: self.sign(&signed) }
    }

    pub(crate) fn client_data(&self, purpose: &str, challenge: &str) -> Vec<u8> {
        let said = serde_json::json!({
            "type": purpose, "challenge": challenge, "origin": self.origin, "crossOrigin": false, "other": { "a": 1 },
        });
        said.to_string().into_bytes()
    }

    pub(crate) fn cose(&self) -> Vec<u8> {
        let bytes = |out: &mut Vec<u8>, label: u8, bytes: &[u8]| {
            out.extend_from_slice(&[label, 0x59]);
            out.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
            out.extend_from_slice(bytes);
        };
        let mut out;
        match &self.key {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                out = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01];
                bytes(&mut out, 0x21, &point[1..33]);
                bytes(&mut out, 0x22, &point[33..]);
            }
            Key::EdDsa(key) => {
                out = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06];
                bytes(&mut out, 0x21, key.public_key().as_ref());
            }
            Key::Rs256(key) => {
                out = vec![0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00];
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                bytes(&mut out, 0x20, n.big_endian_without_leading_zero());
                bytes(&mut out, 0x21, e.big_endian_without_leading_zero());
            }
        }
        out
    }

    fn head(&self, flags: u8) -> Vec<u8> {
        let mut head = digest(&SHA256, self.site.as_bytes()).as_ref().to_vec();
        head.push(self.flags | flags);
        head.extend_from_slice(&self.counter.to_be_bytes());
        head
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// `{"fmt": "none", "attStmt": {}, "authData": data}`
pub(super) fn attestation(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0xa3];
    for (word, value) in [("fmt", &b"\x64none"[..]), ("attStmt", b"\xa0")] {
        out.push(0x60 | u8::try_from(word.len()).unwrap());
        out.extend_from_slice(word.as_bytes());
        out.extend_from_slice(value);
    }
    out.extend_from_slice(b"\x68authData\x59");
    out.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    out.extend_from_slice(data);
    out
}

fn url_host(origin: &str) -> String {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    authority.split(':').next().unwrap_or_default().to_owned()
}
