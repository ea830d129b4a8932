//! A gateway's tokens beside the bare key, so that a test can sign anything.
mod chance;
mod claims;
mod form;
mod life;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::base::{Email, Role, Scope, SessionId, TokenId, UserId, Username};
use crate::token::{Algorithm, Dialect, KeyRing, KeySettings, Person, Settings, StoredKey, Subject};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_123);

fn settings() -> Settings {
    Settings {
        access_ttl: Duration::from_secs(900),
        issuer: "http://gw".to_owned(),
        audience: "gw".to_owned(),
        subject: Subject::Id,
        algorithm: Algorithm::Hs256,
        leeway: Duration::from_secs(5),
        revoke: crate::token::Revoke::Now,
        secret: None,
        keys: KeySettings::default(),
        dialect: Dialect::default(),
        claims: vec![],
    }
}

struct Bench {
    tokens: Tokens,
    key: StoredKey,
}

impl Bench {
    fn new(algorithm: Algorithm) -> Self {
        Self::with(algorithm, &settings())
    }

    fn with(algorithm: Algorithm, settings: &Settings) -> Self {
        let key = StoredKey::generate(algorithm, NOW).unwrap();
        let tokens = Tokens::new(KeyRing::new(&key, &[]).unwrap(), settings);
        Self { tokens, key }
    }

    fn header(&self) -> Value {
        json!({"alg": self.key.algorithm.name(), "typ": "at+jwt", "kid": self.key.kid})
    }

    fn claims(&self) -> Value {
        json!({
            "iss": "http://gw", "aud": "gw", "sub": UserId::new(NOW).to_string(), "jti": TokenId::new(NOW).to_string(),
            "sid": SessionId::new(NOW).to_string(), "iat": NOW.seconds(), "nbf": NOW.seconds(), "exp": NOW.seconds() + 900,
            "auth_time": NOW.seconds() - 60, "amr": ["pwd"], "roles": ["user", "admin"], "scope": "read write",
            "preferred_username": "ann", "email": "ann@example.com", "name": "Änn",
        })
    }

    /// The usual payload with more in front, as text: also what no JSON writer would write.
    fn more_claims(&self, text: &str) -> String {
        self.claims().to_string().replacen('{', &format!("{{{text},"), 1)
    }

    /// HS256 only: signs any two texts.
    fn sign(&self, header: &str, payload: &str) -> String {
        sign(&self.key.material, header.as_bytes(), payload.as_bytes())
    }

    fn verdict(&self, token: &str) -> Result<Identity, TokenError> {
        self.tokens.verify(token, NOW)
    }

    fn with_header(&self, header: &str) -> Result<Identity, TokenError> {
        self.verdict(&self.sign(header, &self.claims().to_string()))
    }

    fn with_payload(&self, payload: &str) -> Result<Identity, TokenError> {
        self.verdict(&self.sign(&self.header().to_string(), payload))
    }

    /// The usual claims with some changed; `null` takes one out.
    fn with_claims(&self, changes: &Value) -> Result<Identity, TokenError> {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        self.with_payload(&claims.to_string())
    }
}

fn sign(secret: &[u8], header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn issue(tokens: &Tokens) -> String {
    let (name, email) = (Username::parse("ann").unwrap(), Email::parse("ann@example.com").unwrap());
    let (roles, scopes) =
        ([Role::parse("admin").unwrap()], [Scope::parse("read").unwrap(), Scope::parse("write").unwrap()]);
    let person = Person {
        id: UserId::new(NOW),
        username: Some(&name),
        email: Some(&email),
        name: Some("Änn \"A\" Example"),
        roles: &roles,
        scopes: &scopes,
        attributes: &std::collections::BTreeMap::new(),
    };
    tokens.issue(&person, SessionId::new(NOW), NOW, &["pwd"], NOW).unwrap().token
}
