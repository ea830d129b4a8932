//! The cookie of a browser session: an opaque id, never a token. The token that it stands for is held here, so that from
//! there on it is judged like any other.
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};

use super::find::Double;
use super::{Authenticator, AuthnError};
use crate::base::{Secret, Timestamp};
use crate::shared::{Browsers, Held, Known, Resume};
use crate::store::Digest;
use crate::token::Identity;
use crate::wire::{Cors, Door, Inbound, OwnCookie, Shown, is_from_elsewhere};

/// What is needed to know a session by its cookie.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    pub(super) copy: Arc<Browsers>,
    pub(super) store: Arc<dyn Resume>,
    pub(super) door: Arc<Door>,
}

/// Who a session is, and what is held of it.
type Session = (Arc<Identity>, Arc<Held>);

/// It was taken off when the request was admitted.
pub(super) fn session_in(inbound: &Inbound) -> Result<Option<&Secret>, Double> {
    match inbound.own_cookie(OwnCookie::Session) {
        Shown::Nothing => Ok(None),
        Shown::One(cookie) => Ok(Some(cookie)),
        Shown::Several => Err(Double),
    }
}

/// An access token in the cookie of Flask-JWT-Extended; none where the file does not ask for it.
pub(super) fn token_in(inbound: &Inbound) -> Result<Option<&Secret>, Double> {
    match inbound.own_cookie(OwnCookie::Access) {
        Shown::One(cookie) if cookie.expose().is_empty() => Ok(None),
        Shown::Nothing => Ok(None),
        Shown::One(cookie) => Ok(Some(cookie)),
        Shown::Several => Err(Double),
    }
}

impl Authenticator {
    /// Who a cookie stands for. Browsers send cookies along with requests that other sites cause, so one that could
    /// change something is taken only from our own pages, and those of origins that the operator lends cookies to.
    pub(super) async fn by_cookie(
        &self,
        inbound: &Inbound,
        cookie: &Secret,
        cors: Option<&Cors>,
        now: Timestamp,
    ) -> Result<Session, AuthnError> {
        let Some(sessions) = &self.sessions else { return Err(AuthnError::SessionEnded) };
        if !is_well_formed(cookie) {
            return Err(AuthnError::Invalid);
        }
        let known = self.session_of(sessions, &cookie.digest(), now).await?;
        let is_lent = || cors.is_some_and(|cors| cors.lends_cookies(inbound.headers()));
        if could_change_something(inbound) && is_from_elsewhere(inbound, &sessions.door) && !is_lent() {
            return Err(AuthnError::ForeignOrigin);
        }
        Ok(known)
    }

    /// Lets the store be asked about a session again, of which what is held here says too little: a second factor that was
    /// added makes no token dead. Not oftener than a few times a second. Whether it will be asked.
    pub(crate) fn look_again(&self, inbound: &Inbound, held: &Held, now: Timestamp) -> bool {
        let (Some(sessions), Ok(Some(cookie))) = (&self.sessions, session_in(inbound)) else { return false };
        let is_due = held.made_at.plus(AGAIN_AFTER) <= now;
        if is_due {
            sessions.copy.forget(&cookie.digest());
        }
        is_due
    }

    async fn session_of(&self, sessions: &Sessions, cookie: &Digest, now: Timestamp) -> Result<Session, AuthnError> {
        match self.in_copy(sessions, cookie, now) {
            Some(known) => known,
            None => Box::pin(self.in_turn(sessions, cookie, now)).await,
        }
    }

    /// Asks the store, unless somebody else just did.
    async fn in_turn(&self, sessions: &Sessions, cookie: &Digest, now: Timestamp) -> Result<Session, AuthnError> {
        let turn = sessions.copy.turn(cookie).await;
        if let Some(known) = self.in_copy(sessions, cookie, now) {
            return known;
        }
        let Some(turn) = turn else { return self.without_store(sessions, cookie, now) };
        let Some(outcome) = self.asked(sessions, cookie, now).await else {
            turn.failed();
            return self.without_store(sessions, cookie, now);
        };
        if outcome.as_ref().err() != Some(&AuthnError::SessionEnded) {
            return outcome;
        }
        // A change of this very moment made the token dead while it was made: the next one is not.
        self.asked(sessions, cookie, now).await.unwrap_or(outcome)
    }

    /// What is known without the store, if it needs no renewal.
    fn in_copy(&self, sessions: &Sessions, cookie: &Digest, now: Timestamp) -> Option<Result<Session, AuthnError>> {
        match sessions.copy.find(cookie)? {
            // A token that is dead says nothing about the session: a new role ends tokens, and the session goes on.
            Known::Live(held) if now < held.renew_at && now < held.ends_at => self.judge(held, now).ok().map(Ok),
            Known::Nobody { until } if now < until => Some(Err(AuthnError::SessionEnded)),
            Known::Live(_) | Known::Nobody { .. } => None,
        }
    }

    /// `None`: the store does not answer.
    async fn asked(&self, sessions: &Sessions, cookie: &Digest, now: Timestamp) -> Option<Result<Session, AuthnError>> {
        match sessions.store.resume(cookie).await {
            Ok(held) => {
                let held = sessions.copy.keep(cookie, held, now).held().ok_or(AuthnError::SessionEnded);
                Some(held.and_then(|held| self.judge(held, now)))
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot ask about a browser's session");
                None
            }
        }
    }

    /// While the store is away, what is held is believed as long as its token.
    fn without_store(&self, sessions: &Sessions, cookie: &Digest, now: Timestamp) -> Result<Session, AuthnError> {
        let held = sessions.copy.find(cookie).and_then(Known::held).ok_or(AuthnError::Unavailable)?;
        self.judge(held, now)
    }

    /// The same verification as for a token that a client shows. A browser's session is over when it ends, whatever
    /// `[tokens] revoke` says about tokens.
    fn judge(&self, held: Arc<Held>, now: Timestamp) -> Result<Session, AuthnError> {
        let identity = self.verify(held.token.expose(), now.max(held.made_at))?;
        if self.revocations.is_revoked(held.session, identity.issued_at()) {
            return Err(AuthnError::SessionEnded);
        }
        Ok((identity, held))
    }
}

/// 256 random bits, as we write them.
fn is_well_formed(cookie: &Secret) -> bool {
    let text = cookie.expose();
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A WebSocket begins with a `GET`, and is no less than a `POST`. A proxy that asks about one keeps `Upgrade` to itself.
pub(super) fn could_change_something(inbound: &Inbound) -> bool {
    let safe = matches!(*inbound.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !safe || [UPGRADE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION].iter().any(|name| inbound.headers().contains_key(name))
}

/// Who adds something on one page and opens another one is slower.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
