//! A door for benches and fuzz targets. It promises nothing to anybody else and may change with every commit.
pub mod fuzz;
mod pipeline;
mod way;

use std::time::Duration;

pub use pipeline::PipelineBench;
pub use way::WayBench;

use crate::base::{Role, SessionId, Timestamp, UserId, Username};
use crate::token::{Algorithm, Dialect, Identity, KeyRing, KeySettings, Person, Settings, StoredKey, Subject, Tokens};

/// A gateway's tokens with a key made for the run.
#[derive(Debug)]
pub struct TokenBench {
    tokens: Tokens,
    person: UserId,
    session: SessionId,
    username: Username,
    roles: [Role; 2],
    now: Timestamp,
}

impl TokenBench {
    /// For one of ES256, `EdDSA`, RS256, PS256 and HS256.
    pub fn new(algorithm: &str) -> Option<Self> {
        let (algorithm, now) = (Algorithm::parse(algorithm)?, Timestamp::from_seconds(1_790_000_000));
        let key = StoredKey::generate(algorithm, now).ok()?;
        let settings = Settings {
            access_ttl: Duration::from_secs(900),
            issuer: "https://app.example.com".to_owned(),
            audience: "authgate".to_owned(),
            subject: Subject::Id,
            algorithm,
            leeway: Duration::from_secs(5),
            revoke: crate::token::Revoke::Now,
            secret: None,
            keys: KeySettings::default(),
            dialect: Dialect::default(),
            claims: vec![],
        };
        Some(Self {
            tokens: Tokens::new(KeyRing::new(&key, &[]).ok()?, &settings),
            person: UserId::new(now),
            session: SessionId::new(now),
            username: Username::parse("ann").ok()?,
            roles: [Role::parse("user").ok()?, Role::parse("admin").ok()?],
            now,
        })
    }

    /// Signs a token of the usual size.
    pub fn sign(&self) -> Option<String> {
        let person = Person {
            id: self.person,
            username: Some(&self.username),
            email: None,
            name: Some("Ann Example"),
            roles: &self.roles,
            scopes: &[],
            attributes: &std::collections::BTreeMap::new(),
        };
        self.tokens.issue(&person, self.session, self.now, &["pwd"], self.now).ok().map(|issued| issued.token)
    }

    fn identity(&self) -> Option<Identity> {
        self.tokens.verify(&self.sign()?, self.now).ok()
    }

    /// Verifies a token as every request does that is not in a cache.
    pub fn verify(&self, token: &str) -> bool {
        self.tokens.verify(token, self.now).is_ok()
    }
}
