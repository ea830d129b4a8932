use std::time::Duration;

use super::{Dialect, OwnClaim, StoredKey};
use crate::base::Secret;

/// What the operator says about tokens and keys.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) access_ttl: Duration,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) subject: Subject,
    pub(crate) algorithm: Algorithm,
    pub(crate) leeway: Duration,
    pub(crate) revoke: Revoke,
    /// The shared secret of HS256; at least 32 bytes. Without it one is made and kept in the store.
    pub(crate) secret: Option<Secret>,
    pub(crate) keys: KeySettings,
    pub(crate) dialect: Dialect,
    /// Beside those that every token has.
    pub(crate) claims: Vec<OwnClaim>,
}

impl Settings {
    /// Whether keys are made here, and take turns: neither the operator's nor a shared secret.
    pub(crate) fn takes_turns(&self) -> bool {
        self.keys.files.is_empty() && (self.secret.is_none() || self.algorithm != Algorithm::Hs256)
    }
}

/// Where keys come from and how long each signs.
#[derive(Debug, Clone)]
pub(crate) struct KeySettings {
    /// The operator's own, in the order of the file: the first one signs, the others are believed.
    pub(crate) files: Vec<StoredKey>,
    /// So long a key made here signs before the next one does.
    pub(crate) rotate_every: Duration,
    /// What private keys are encrypted with in the store.
    pub(crate) encrypt_with: Option<Secret>,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self { files: Vec::new(), rotate_every: Duration::from_secs(90 * 24 * 3600), encrypt_with: None }
    }
}

/// When the tokens of a session that ended stop working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revoke {
    /// With the next request.
    Now,
    /// When their time is over.
    AtExpiry,
}

/// What `sub` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Id,
    Username,
    Email,
}

/// How we sign (RFC 7518, section 3.1; RFC 8037 for EdDSA with Ed25519).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// The name in `alg` and in the file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) const ALL: [Self; 5] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Ps256, Self::Hs256];
}
