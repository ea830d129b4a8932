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
mod dialect;
mod identity;
mod issue;
mod verify;
mod inspect;
mod own_claims;
#[cfg(test)]
mod vectors;

pub(crate) use dialect::{Dialect, Format};
pub(crate) use identity::{Identity, Machine, SERVICE_TOKEN_PREFIX};
pub(crate) use issue::{Person, SignError};
pub(crate) use keys::{
    Half, KeyError, KeyRing, LineUp, PUBLISHED_BEFORE, Seal, StoredKey, next_change, next_key_due, weakness,
};
pub(crate) use own_claims::{MOST_CLAIMS, OwnClaim};
pub(crate) use settings::{Algorithm, KeySettings, Revoke, Settings, Subject};
pub(crate) use verify::TokenError;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

/// Signs access tokens and reads them again.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Swapped whole when a key comes or goes; asked without a lock.
    keys: ArcSwap<KeyRing>,
    /// How often the keys were swapped: what was verified before is verified again.
    turn: AtomicU64,
    settings: Settings,
}

impl Tokens {
    pub(crate) fn new(keys: KeyRing, settings: &Settings) -> Self {
        Self { keys: ArcSwap::from_pointee(keys), turn: AtomicU64::new(0), settings: settings.clone() }
    }

    /// The public keys as a JWK Set (RFC 7517, section 5), ready to send.
    pub(crate) fn jwks(&self) -> String {
        self.keys.load().jwks().to_owned()
    }

    /// Puts other keys in force, from the next token on.
    pub(crate) fn change_keys(&self, keys: KeyRing) {
        self.keys.store(Arc::new(keys));
        // After the keys: who reads the new number has the new keys.
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// Which keys are in force, as a number that changes with them.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
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

    pub(crate) fn keys(&self) -> Arc<KeyRing> {
        self.keys.load_full()
    }
}
