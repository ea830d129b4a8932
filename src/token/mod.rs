//! What we sign: access tokens and the keys behind them.
//!
//! A token is a JWS in compact form (RFC 7515, section 3.1) with the claims of RFC 9068. Signing is jsonwebtoken's work. Reading
//! is ours: the library takes more than we want (an unknown `crit`, an `iss` of any type, an empty secret), so every part
//! is read strictly here and only the signature is left to aws-lc, with keys that were prepared once.
mod settings;
mod keys;
mod jws;
mod json;
mod claims;
mod identity;
mod issue;
mod verify;
mod inspect;
#[cfg(test)]
mod vectors;

pub(crate) use identity::{Identity, Machine, SERVICE_TOKEN_PREFIX};
pub(crate) use issue::{Person, SignError};
pub(crate) use keys::{KeyError, KeyRing, StoredKey};
pub(crate) use settings::{Algorithm, Revoke, Settings, Subject};
pub(crate) use verify::TokenError;

use std::time::Duration;

/// Signs access tokens and reads them again.
#[derive(Debug)]
pub(crate) struct Tokens {
    keys: KeyRing,
    settings: Settings,
}

impl Tokens {
    pub(crate) fn new(keys: KeyRing, settings: &Settings) -> Self {
        Self { keys, settings: settings.clone() }
    }

    /// The public keys as a JWK Set (RFC 7517, section 5), ready to send.
    pub(crate) fn jwks(&self) -> &str {
        self.keys.jwks()
    }

    /// How long a new token lives.
    pub(crate) fn access_ttl(&self) -> Duration {
        self.settings.access_ttl
    }

    /// Whether a session's tokens end with it.
    pub(crate) fn revoke(&self) -> Revoke {
        self.settings.revoke
    }

    /// What stands in `iss`.
    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What stands in `aud`.
    pub(crate) fn audience(&self) -> &str {
        &self.settings.audience
    }

    /// How far clocks may differ.
    pub(crate) fn leeway(&self) -> Duration {
        self.settings.leeway
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }
}
