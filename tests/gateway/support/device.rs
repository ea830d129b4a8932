//! A device made of software: it makes a passkey (EdDSA) and shows it, as a browser would say it; and one that shows six digits.
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// One that asks who holds it, with one key.
#[derive(Debug)]
pub(crate) struct Device {
    key: Ed25519KeyPair,
    origin: String,
    /// How often its key was shown.
    pub(crate) counter: u32,
}

impl Device {
    pub(crate) fn new(port: u16) -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        Self { key, origin: format!("http://localhost:{port}"), counter: 0 }
    }

    /// The first bytes of its key: nobody else has these.
    fn id(&self) -> &[u8] {
        &self.key.public_key().as_ref()[..16]
    }

    /// What a browser says when a key was made for what a site asked.
    pub(crate) fn makes(&self, asked: &Value) -> Value {
        let mut data = self.head(0x45);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&[0, 16]);
        data.extend_from_slice(self.id());
        // {1: OKP, 3: EdDSA, -1: Ed25519, -2: the key}
        data.extend_from_slice(&[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20]);
        data.extend_from_slice(self.key.public_key().as_ref());
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend_from_slice(&data);
        json!({ "name": "key", "credential": { "rawId": text(self.id()), "response": {
            "clientDataJSON": text(&self.client_data("webauthn.create", asked)),
            "attestationObject": text(&attestation),
        }}})
    }

    /// What a browser says when the key is shown, by its owner.
    pub(crate) fn shows(&mut self, asked: &Value, owner: &str) -> Value {
        self.counter += 1;
        let (data, client) = (self.head(0x05), self.client_data("webauthn.get", asked));
        let signature = self.key.sign(&[&data, digest(&SHA256, &client).as_ref()].concat());
        json!({ "credential": { "rawId": text(self.id()), "response": {
            "clientDataJSON": text(&client),
            "authenticatorData": text(&data),
            "signature": text(signature.as_ref()),
            "userHandle": text(owner.as_bytes()),
        }}})
    }

    fn head(&self, flags: u8) -> Vec<u8> {
        let mut head = digest(&SHA256, b"localhost").as_ref().to_vec();
        head.push(flags);
        head.extend_from_slice(&self.counter.to_be_bytes());
        head
    }

    fn client_data(&self, purpose: &str, asked: &Value) -> Vec<u8> {
        let challenge = &asked["publicKey"]["challenge"];
        json!({ "type": purpose, "challenge": challenge, "origin": self.origin }).to_string().into_bytes()
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The code of now (RFC 6238), from the key in base32.
pub(crate) fn code_of(secret: &str) -> String {
    let (mut key, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in secret.bytes() {
        let five = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|one| *one == letter).unwrap();
        held = held << 5 | u32::try_from(five).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            key.push((held >> bits & 0xff) as u8);
        }
    }
    let step = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let four = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", four % 1_000_000)
}
