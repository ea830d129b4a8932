//! Tokens as a forger makes them: any header, any claims, signed with the secret the fixture shares with us.
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::site::TEST_SECRET;

/// A good token taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Mint {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Mint {
    pub(crate) fn of(token: &str) -> Self {
        Self { header: part(token, 0), claims: part(token, 1) }
    }

    /// The same token with one claim changed; `Value::Null` takes it out.
    pub(crate) fn claim(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        change(&mut claims, name, value);
        sign(&self.header.to_string(), claims.to_string())
    }

    /// The same token with one header member changed; `Value::Null` takes it out.
    pub(crate) fn member(&self, name: &str, value: Value) -> String {
        let mut header = self.header.clone();
        change(&mut header, name, value);
        sign(&header.to_string(), self.claims.to_string())
    }

    /// The claims as text with `from` replaced, so that members can be doubled.
    pub(crate) fn claims_text(&self, from: &str, to: &str) -> String {
        let claims = self.claims.to_string();
        assert!(claims.contains(from), "{from} is not in {claims}");
        sign(&self.header.to_string(), claims.replacen(from, to, 1))
    }

    /// The header as text with `from` replaced.
    pub(crate) fn header_text(&self, from: &str, to: &str) -> String {
        let header = self.header.to_string();
        assert!(header.contains(from), "{from} is not in {header}");
        sign(&header.replacen(from, to, 1), self.claims.to_string())
    }

    pub(crate) fn resigned(&self) -> String {
        sign(&self.header.to_string(), self.claims.to_string())
    }

    pub(crate) fn now(&self) -> u64 {
        self.claims["iat"].as_u64().unwrap()
    }
}

/// A compact JWS with a right HMAC-SHA-256, whatever stands in it.
pub(crate) fn sign(header: &str, claims: impl AsRef<[u8]>) -> String {
    sign_with(TEST_SECRET.as_bytes(), header, claims)
}

pub(crate) fn sign_with(secret: &[u8], header: &str, claims: impl AsRef<[u8]>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The header (0) or the claims (1) of a token, unchecked.
pub(crate) fn part(token: &str, number: usize) -> Value {
    let text = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn change(object: &mut Value, name: &str, value: Value) {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.shift_remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}
