//! Who is asking: a credential is found, verified, and held against the revocations.
mod bearer;
mod cache;
mod cookie;
mod find;
mod double_submit;
mod query;

use std::sync::Arc;

pub(crate) use bearer::{Unreadable, token_in};
pub(crate) use find::Settings;

use crate::authz::{Asks, Caller};
use crate::base::{Secret, SessionId, Timestamp};
use crate::shared::{Browsers, Held, Resume, Revocations, ServiceTokens};
use crate::token::{Identity, Machine, Revoke, SERVICE_TOKEN_PREFIX, TokenError, Tokens};
use crate::wire::{Cors, Door, Inbound};
use cache::Verified;
use cookie::Sessions;
use find::Credential;

/// Reads and verifies what a request brings along.
#[derive(Debug, Clone)]
pub(crate) struct Authenticator {
    tokens: Arc<Tokens>,
    verified: Arc<Verified>,
    revocations: Arc<Revocations>,
    services: Arc<ServiceTokens>,
    settings: Settings,
    /// `None`: cookies mean nobody.
    sessions: Option<Sessions>,
}

/// Who asks, and the session that a cookie stood for.
#[derive(Debug)]
pub(crate) struct Recognised {
    pub(crate) caller: Caller,
    pub(crate) session: Option<Arc<Held>>,
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
    #[error("the request holds more than one credential")]
    Double,
    #[error("the field that goes with a token in a cookie is missing")]
    NoCsrf,
    #[error("the field that goes with a token in a cookie is not the token's")]
    OtherCsrf,
    #[error("a page of another site made the browser send its cookie")]
    ForeignOrigin,
    #[error("the store cannot be asked about the session")]
    Unavailable,
}

impl Authenticator {
    pub(crate) fn new(tokens: Arc<Tokens>, revocations: Arc<Revocations>) -> Self {
        Self {
            tokens,
            verified: Arc::new(Verified::new()),
            revocations,
            services: Arc::default(),
            settings: Settings::default(),
            sessions: None,
        }
    }

    /// The same, which knows the tokens of machines too.
    pub(crate) fn and_machines(self, services: Arc<ServiceTokens>) -> Self {
        Self { services, ..self }
    }

    /// The same, which looks for credentials where the operator says.
    pub(crate) fn looking(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// The same, which knows browsers by their cookies.
    pub(crate) fn and_browsers(self, copy: Arc<Browsers>, store: Arc<dyn Resume>, door: Arc<Door>) -> Self {
        Self { sessions: Some(Sessions { copy, store, door }), ..self }
    }

    /// Who is asking, as far as `asks` wants to know.
    ///
    /// On an optional route an expired credential counts as none; a malformed one is refused everywhere but on
    /// routes that ask nobody.
    pub(crate) async fn identify(&self, inbound: &Inbound, asks: Asks, now: Timestamp) -> Result<Caller, AuthnError> {
        self.recognise(inbound, asks, now).await.map(|recognised| recognised.caller)
    }

    /// The same, and by which session. Every origin that a route's `cors` names with credentials may ask the gateway itself.
    pub(crate) async fn recognise(
        &self,
        inbound: &Inbound,
        asks: Asks,
        now: Timestamp,
    ) -> Result<Recognised, AuthnError> {
        let cors = self.sessions.as_ref().map(|sessions| &sessions.door.cors);
        self.recognise_on(cors, inbound, asks, now).await
    }

    /// The same for a route, whose `cors` says which pages of other sites may use a cookie. Waits for nothing unless a cookie
    /// has to be asked about.
    pub(crate) async fn recognise_on(
        &self,
        cors: Option<&Cors>,
        inbound: &Inbound,
        asks: Asks,
        now: Timestamp,
    ) -> Result<Recognised, AuthnError> {
        let nobody = Recognised { caller: Caller::Anonymous, session: None };
        if asks == Asks::Nobody {
            return Ok(nobody);
        }
        let known = match self.settings.credential_in(inbound)? {
            Credential::Nothing => return Ok(nobody),
            Credential::Token(token) => self.verify_by_turns(token, now).await.map(|identity| (identity, None)),
            Credential::TokenInCookie(token) => self.verify_by_turns(token.expose(), now).await.and_then(|identity| {
                self.check_sent_along(inbound, identity.csrf())?;
                Ok((identity, None))
            }),
            Credential::Session(cookie) => {
                // On the heap: who comes with a token needs no room for it.
                Box::pin(self.by_cookie(inbound, cookie, cors, now))
                    .await
                    .map(|(identity, held)| (identity, Some(held)))
            }
        };
        match known {
            Ok((identity, session)) => Ok(Recognised { caller: Caller::Known(identity), session }),
            Err(AuthnError::Expired | AuthnError::SessionEnded) if asks == Asks::Anyone => Ok(nobody),
            Err(error) => Err(error),
        }
    }

    /// The session that a request would end: also that of a token which has expired, or was followed by another one.
    pub(crate) fn session_to_end(&self, inbound: &Inbound, now: Timestamp) -> Option<SessionId> {
        match self.settings.credential_in(inbound) {
            Ok(Credential::Token(token)) => self.tokens.session_of(std::str::from_utf8(token).ok()?, now),
            // A cookie is the session itself, or comes with a field that only its good token can tell.
            Ok(Credential::Nothing | Credential::TokenInCookie(_) | Credential::Session(_)) | Err(_) => None,
        }
    }

    /// As [`Self::verify`]. Whoever made us check a signature stands behind the other requests of this thread then: what they
    /// all have to say goes out together, and each backend is woken once for many of them.
    async fn verify_by_turns(&self, token: impl AsRef<[u8]>, now: Timestamp) -> Result<Arc<Identity>, AuthnError> {
        let token = token.as_ref();
        if let Some(known) = self.known(token, now) {
            return known;
        }
        let verified = self.verify_anew(token, now);
        tokio::task::yield_now().await;
        verified.and_then(|identity| self.not_ended(identity))
    }

    /// Verifies one access token, or finds it verified; its expiry and the revocations are asked every time.
    pub(crate) fn verify(&self, token: impl AsRef<[u8]>, now: Timestamp) -> Result<Arc<Identity>, AuthnError> {
        let token = token.as_ref();
        self.known(token, now)
            .unwrap_or_else(|| self.verify_anew(token, now).and_then(|identity| self.not_ended(identity)))
    }

    /// What can be told of a token without checking a signature: `None` if one has to be.
    fn known(&self, token: &[u8], now: Timestamp) -> Option<Result<Arc<Identity>, AuthnError>> {
        if token.starts_with(SERVICE_TOKEN_PREFIX.as_bytes()) {
            return Some(text(token).and_then(|token| self.machine(token, now)));
        }
        let identity = self.verified.find(token, self.tokens.turn())?;
        if identity.expires_at().plus(self.tokens.leeway()) <= now {
            return Some(Err(AuthnError::Expired));
        }
        Some(self.not_ended(identity))
    }

    fn not_ended(&self, identity: Arc<Identity>) -> Result<Arc<Identity>, AuthnError> {
        if self.tokens.revoke() == Revoke::AtExpiry {
            return Ok(identity);
        }
        let ended = match identity.session() {
            Some(session) => self.revocations.is_revoked(session, identity.issued_at()),
            // Made by another holder of the key.
            None => self.revocations.is_stranger_revoked(identity.sub(), identity.token_id(), identity.issued_at()),
        };
        if ended { Err(AuthnError::SessionEnded) } else { Ok(identity) }
    }

    fn verify_anew(&self, token: &[u8], now: Timestamp) -> Result<Arc<Identity>, AuthnError> {
        // Asked before anything is verified: what other keys verified meanwhile is not kept for these.
        let turn = self.tokens.turn();
        let identity = self.tokens.verify(text(token)?, now).map(Arc::new)?;
        self.verified.keep(token, turn, &identity);
        Ok(identity)
    }

    /// From memory: what is revoked is not there.
    fn machine(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, AuthnError> {
        let hash = Secret::new(token.to_owned()).digest();
        let kept = self.services.find(&hash).ok_or(AuthnError::Invalid)?;
        let machine = Machine {
            id: kept.id,
            hash: &kept.hash,
            name: &kept.name,
            scopes: &kept.scopes,
            issued_at: kept.created_at,
            expires_at: kept.expires_at,
        };
        Ok(Arc::new(Identity::of_machine(token, &machine, now)?))
    }
}

/// What is not even text was issued by nobody.
fn text(token: &[u8]) -> Result<&str, AuthnError> {
    std::str::from_utf8(token).map_err(|_| AuthnError::Invalid)
}

impl From<TokenError> for AuthnError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::Invalid,
            TokenError::Expired => Self::Expired,
        }
    }
}

#[cfg(test)]
mod tests;
