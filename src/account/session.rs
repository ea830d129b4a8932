//! Sessions and the tokens that stand for them: where every kind of sign-in ends.
use std::time::Duration;

use super::refresh_token::RefreshToken;
use super::{Accounts, Client, SignedIn, Source};
use crate::base::{Scope, Secret, SessionId, Timestamp};
use crate::store::{Live, NewSession, SessionKey, StoreError};
use crate::token::{Person, SignError};

/// How somebody proved who they are (RFC 8176).
pub(super) type Proof = &'static [&'static str];
pub(super) const PASSWORD_ONLY: Proof = &["pwd"];

/// What a client is given for a session, once: the store keeps a digest.
#[derive(Debug)]
pub(super) enum Key {
    Refresh(RefreshToken),
    Cookie(Secret),
}

impl Accounts {
    /// A session to be written, and what it is known by. Each sign-in begins one of its own, whatever token or cookie
    /// came with the request: nobody can be made to sign in to a session that somebody else knows.
    pub(super) fn new_session(&self, amr: Proof, source: &Source<'_>, now: Timestamp) -> (NewSession, Key) {
        let (key, kept, lives) = match source.client {
            Client::Program => {
                let token = RefreshToken::new();
                let kept = SessionKey::Refresh(token.digest());
                (Key::Refresh(token), kept, self.people.settings.refresh_ttl)
            }
            Client::Browser => {
                let cookie = Secret::random("");
                let kept = SessionKey::Cookie(cookie.digest());
                (Key::Cookie(cookie), kept, self.session_idle())
            }
        };
        let session = NewSession {
            id: SessionId::new(now),
            key: kept,
            now,
            expires_at: now.plus(lives),
            tokens_until: self.tokens_until(now),
            amr,
            ip: source.ip,
            user_agent: source.kept_user_agent(),
        };
        (session, key)
    }

    /// Until when a token made now may be believed.
    pub(super) fn tokens_until(&self, now: Timestamp) -> Timestamp {
        now.plus(self.tokens.access_ttl()).plus(self.tokens.leeway())
    }

    /// A token that was issued later than this nobody would believe yet.
    pub(super) fn issued_by(&self, now: Timestamp) -> Timestamp {
        now.plus(self.tokens.leeway()).plus(A_SECOND)
    }

    /// What a client gets for a session. `now` was asked before the person was read from the store, so that a token that
    /// says what was true earlier is older than the revocation that came with the change.
    pub(super) fn hand_out(&self, live: Live, key: Key, now: Timestamp) -> Result<SignedIn, SignError> {
        let (user, session) = (live.user.clone(), live.session.id);
        let (access_token, scopes) = self.sign(live, now)?;
        let (refresh_token, cookie) = match key {
            Key::Refresh(token) => (Some(token.into_secret()), None),
            Key::Cookie(cookie) => (None, Some(cookie)),
        };
        let expires_in = self.tokens.access_ttl();
        Ok(SignedIn { user: *user, session, access_token, expires_in, refresh_token, cookie, scopes })
    }

    /// An access token, and the scopes that stand in it.
    pub(super) fn sign(&self, live: Live, now: Timestamp) -> Result<(String, Vec<Scope>), SignError> {
        let Live { user, session } = live;
        let issued_at = session.issues_at(now);
        // Whoever signs in anew has a session in which nothing was ended.
        if issued_at > self.issued_by(now) {
            return Err(SignError::Ahead);
        }
        let scopes = self.people.settings.scopes_of(&user);
        let person = Person {
            id: user.id,
            username: user.username.as_ref(),
            email: user.email.as_ref(),
            name: user.name.as_deref(),
            roles: &user.roles,
            scopes: &scopes,
            attributes: &user.attributes,
        };
        let amr: Vec<&str> = session.amr.iter().map(String::as_str).collect();
        let issued = self.tokens.issue(&person, session.id, session.auth_time, &amr, issued_at)?;
        Ok((issued.token, scopes))
    }

    /// Takes back a session whose first token could not be signed.
    pub(super) async fn undo(&self, session: SessionId) -> Result<(), StoreError> {
        self.people.store.end_session(session, self.people.clock.now()).await.map(|_| ())
    }
}

/// For clocks that agree too: a token is issued a moment after what ended the ones before it.
const A_SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
impl SignedIn {
    /// What a program got.
    pub(super) fn refresh(&self) -> &Secret {
        self.refresh_token.as_ref().unwrap()
    }
}
