//! Who is asking: a credential is found, verified, and held against the revocations.
mod bearer;
mod cache;

use std::sync::Arc;

use http::HeaderMap;

pub(crate) use bearer::{Unreadable, token_in};

use crate::authz::{Asks, Caller};
use crate::base::Timestamp;
use crate::shared::Revocations;
use crate::token::{Identity, TokenError, Tokens};
use cache::Verified;

/// Reads and verifies what a request brings along.
#[derive(Debug, Clone)]
pub(crate) struct Authenticator {
    tokens: Arc<Tokens>,
    verified: Arc<Verified>,
    revocations: Arc<Revocations>,
}

/// Tried and failed: never the same as not having tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthnError {
    #[error("the token is not one of ours")]
    Invalid,
    #[error("the token has expired")]
    Expired,
    #[error("the session behind the token has ended")]
    SessionEnded,
}

impl Authenticator {
    pub(crate) fn new(tokens: Arc<Tokens>, revocations: Arc<Revocations>) -> Self {
        Self { tokens, verified: Arc::new(Verified::new()), revocations }
    }

    /// Who is asking, as far as `asks` wants to know.
    ///
    /// On an optional route an expired credential counts as none; a malformed one is refused everywhere but on
    /// routes that ask nobody.
    pub(crate) fn identify(&self, headers: &HeaderMap, asks: Asks, now: Timestamp) -> Result<Caller, AuthnError> {
        if asks == Asks::Nobody {
            return Ok(Caller::Anonymous);
        }
        let Some(token) = token_in(headers).map_err(|Unreadable| AuthnError::Invalid)? else {
            return Ok(Caller::Anonymous);
        };
        match self.verify(token, now) {
            Ok(identity) => Ok(Caller::Known(identity)),
            Err(AuthnError::Expired | AuthnError::SessionEnded) if asks == Asks::Anyone => Ok(Caller::Anonymous),
            Err(error) => Err(error),
        }
    }

    /// Verifies one access token, or finds it verified; its expiry and the revocations are asked every time.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, AuthnError> {
        let turn = self.tokens.turn();
        let identity = match self.verified.find(token, turn) {
            Some(known) if known.expires_at().plus(self.tokens.leeway()) > now => known,
            Some(_) => return Err(AuthnError::Expired),
            None => self.verify_anew(token, turn, now)?,
        };
        let ended =
            identity.session().is_some_and(|session| self.revocations.is_revoked(session, identity.issued_at()));
        if ended { Err(AuthnError::SessionEnded) } else { Ok(identity) }
    }

    fn verify_anew(&self, token: &str, turn: u64, now: Timestamp) -> Result<Arc<Identity>, AuthnError> {
        let identity = self.tokens.verify(token, now).map(Arc::new).map_err(|error| match error {
            TokenError::Invalid => AuthnError::Invalid,
            TokenError::Expired => AuthnError::Expired,
        })?;
        self.verified.keep(token, turn, &identity);
        Ok(identity)
    }
}

#[cfg(test)]
mod tests;
