//! Sessions and the tokens that stand for them: where every kind of sign-in ends.
use super::refresh_token::RefreshToken;
use super::{Accounts, SignedIn, Source};
use crate::base::{SessionId, Timestamp};
use crate::store::{Live, NewSession, StoreError};
use crate::token::{Person, SignError};

/// How somebody proved who they are (RFC 8176).
pub(super) type Proof = &'static [&'static str];
pub(super) const PASSWORD_ONLY: Proof = &["pwd"];

impl Accounts {
    /// A session to be written, and its first refresh token. Each sign-in begins one of its own, whatever token came
    /// with the request: nobody can be made to sign in to a session that somebody else knows.
    pub(super) fn new_session(&self, amr: Proof, source: &Source<'_>, now: Timestamp) -> (NewSession, RefreshToken) {
        let refresh = RefreshToken::new();
        let session = NewSession {
            id: SessionId::new(now),
            refresh: refresh.digest(),
            now,
            expires_at: now.plus(self.people.settings.refresh_ttl),
            tokens_until: self.tokens_until(now),
            amr,
            ip: source.ip,
            user_agent: source.kept_user_agent(),
        };
        (session, refresh)
    }

    /// Until when a token made now may be believed.
    pub(super) fn tokens_until(&self, now: Timestamp) -> Timestamp {
        now.plus(self.tokens.access_ttl()).plus(self.tokens.leeway())
    }

    /// The tokens of a session. `now` was asked before the person was read from the store, so that a token that says
    /// what was true earlier is older than the revocation that came with the change.
    pub(super) fn sign(&self, live: Live, refresh: RefreshToken, now: Timestamp) -> Result<SignedIn, SignError> {
        let Live { user, session } = live;
        let scopes = self.people.settings.scopes_of(&user);
        let person = Person {
            id: user.id,
            username: user.username.as_ref(),
            email: user.email.as_ref(),
            name: user.name.as_deref(),
            roles: &user.roles,
            scopes: &scopes,
        };
        let amr: Vec<&str> = session.amr.iter().map(String::as_str).collect();
        let issued = self.tokens.issue(&person, session.id, session.auth_time, &amr, now)?;
        Ok(SignedIn {
            session: session.id,
            access_token: issued.token,
            expires_in: self.tokens.access_ttl(),
            refresh_token: refresh.into_secret(),
            scopes,
            user: *user,
        })
    }

    /// Takes back a session whose first token could not be signed.
    pub(super) async fn undo(&self, session: SessionId) -> Result<(), StoreError> {
        self.people.store.end_session(session, self.people.clock.now()).await.map(|_| ())
    }
}
