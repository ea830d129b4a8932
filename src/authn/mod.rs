//! Who is asking: a credential is found, verified, and held against the revocations.
mod bearer;

use std::sync::Arc;

use http::HeaderMap;

pub(crate) use bearer::{Unreadable, token_in};

use crate::authz::{Asks, Caller};
use crate::base::Timestamp;
use crate::shared::Revocations;
use crate::token::{Identity, TokenError, Tokens};

/// Reads and verifies what a request brings along.
#[derive(Debug, Clone)]
pub(crate) struct Authenticator {
    tokens: Arc<Tokens>,
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
    pub(crate) const fn new(tokens: Arc<Tokens>, revocations: Arc<Revocations>) -> Self {
        Self { tokens, revocations }
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
            Ok(identity) => Ok(Caller::Known(Arc::new(identity))),
            Err(AuthnError::Expired | AuthnError::SessionEnded) if asks == Asks::Anyone => Ok(Caller::Anonymous),
            Err(error) => Err(error),
        }
    }

    /// Verifies one access token and asks the revocations.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthnError> {
        let identity = self.tokens.verify(token, now).map_err(|error| match error {
            TokenError::Invalid => AuthnError::Invalid,
            TokenError::Expired => AuthnError::Expired,
        })?;
        let ended =
            identity.session().is_some_and(|session| self.revocations.is_revoked(session, identity.issued_at()));
        if ended { Err(AuthnError::SessionEnded) } else { Ok(identity) }
    }
}
