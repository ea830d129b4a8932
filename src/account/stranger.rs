//! Refresh tokens that another holder of the key made: Flask-JWT-Extended and SimpleJWT keep no list of theirs and take one again and
//! again until it ends. Here the first use begins a session, known by the token's own id, and that session can be ended.
use super::refresh_token::RefreshToken;
use super::session::Key;
use super::trail::Entry;
use super::{Accounts, RefreshError, SignedIn, Source};
use crate::base::{Email, Secret, SessionId, Timestamp, UserId, Username};
use crate::observe::Action;
use crate::store::{Digest, Live, NewSession, SessionKey, Started, StoreError, User};
use crate::token::{Identity, Subject};

impl Accounts {
    /// A new access token for a refresh token that was verified. The refresh token stays good; it is handed back.
    pub(crate) async fn refresh_stranger(
        &self,
        presented: &Secret,
        identity: &Identity,
        source: &Source<'_>,
    ) -> Result<SignedIn, RefreshError> {
        let outcome = self.renew_stranger(presented, identity, source).await;
        let entry = Entry::new(Action::Refreshed, source).detail("by a token made elsewhere");
        match &outcome {
            Ok(done) => entry.about(Some(&done.user)).session(done.session).record(&self.people),
            Err(RefreshError::Signing(_) | RefreshError::Unavailable(_)) => {
                entry.refused(Some("unavailable")).record(&self.people);
            }
            Err(RefreshError::Invalid | RefreshError::Reused | RefreshError::Ended) => {
                entry.refused(Some("invalid_refresh_token")).record(&self.people);
            }
        }
        outcome
    }

    /// Ends such a token and the session that it began.
    pub(crate) async fn end_stranger_refresh(
        &self,
        identity: &Identity,
        source: &Source<'_>,
    ) -> Result<(), StoreError> {
        let begun = self.people.store.session_of_refresh(&key_of(identity)).await?;
        if let Some(session) = begun {
            self.logout(Some(session), None, source).await?;
        }
        self.logout_stranger(identity, source).await
    }

    async fn renew_stranger(
        &self,
        presented: &Secret,
        identity: &Identity,
        source: &Source<'_>,
    ) -> Result<SignedIn, RefreshError> {
        let people = &self.people;
        // Asked before the store reads the person.
        let now = people.clock.now();
        if people.revocations.is_stranger_revoked(identity.sub(), identity.token_id(), identity.issued_at()) {
            return Err(RefreshError::Ended);
        }
        let live = match self.begun(identity, now).await? {
            Some(live) => live,
            None => match self.begin_stranger(identity, source, now).await {
                Ok(live) => live,
                // Of two that come at once the other one began it; or the store is away, and says so again.
                Err(RefreshError::Unavailable(error)) => {
                    let unavailable = RefreshError::Unavailable(error);
                    self.begun(identity, now).await?.ok_or(unavailable)?
                }
                Err(error) => return Err(error),
            },
        };
        let handed_back = Key::Refresh(RefreshToken::made_elsewhere(presented.clone()));
        Ok(self.hand_out(live, handed_back, now)?)
    }

    /// The session that an earlier use began. One that ended is not begun again.
    async fn begun(&self, identity: &Identity, now: Timestamp) -> Result<Option<Live>, RefreshError> {
        let (store, key) = (&self.people.store, key_of(identity));
        if store.session_of_refresh(&key).await.map_err(RefreshError::Unavailable)?.is_none() {
            return Ok(None);
        }
        let live = store.live_refresh(&key, now).await.map_err(RefreshError::Unavailable)?;
        live.ok_or(RefreshError::Ended).map(Some)
    }

    async fn begin_stranger(
        &self,
        identity: &Identity,
        source: &Source<'_>,
        now: Timestamp,
    ) -> Result<Live, RefreshError> {
        let store = &self.people.store;
        let user = self.called(identity.sub()).await.map_err(RefreshError::Unavailable)?;
        let user = user.ok_or(RefreshError::Invalid)?;
        // Kept until the token ends by itself, or one that was ended would begin a session again.
        let expires_at = identity.expires_at().plus(self.tokens.leeway());
        let session = NewSession {
            id: SessionId::new(now),
            key: SessionKey::Refresh(key_of(identity)),
            // When a password was shown, for all that is known.
            now: identity.issued_at(),
            expires_at,
            tokens_until: expires_at.plus(self.tokens.access_ttl()).plus(self.tokens.leeway()),
            amr: &[],
            ip: source.ip,
            user_agent: source.kept_user_agent(),
        };
        match store.start_session(&user, &session, None).await.map_err(RefreshError::Unavailable)? {
            Started::Begun(live) => Ok(live),
            Started::PasswordChanged | Started::Disabled => Err(RefreshError::Ended),
        }
    }

    /// Whom `sub` names, by what the operator says it holds.
    async fn called(&self, sub: &str) -> Result<Option<User>, StoreError> {
        let store = &self.people.store;
        match self.tokens.settings().subject {
            Subject::Id => match UserId::parse(sub) {
                Some(id) => store.user(id).await,
                None => Ok(None),
            },
            Subject::Username => match Username::parse(sub) {
                Ok(name) => store.user_by_username(&name).await,
                Err(_) => Ok(None),
            },
            Subject::Email => match Email::parse(sub) {
                Ok(email) => store.user_by_email(&email).await,
                Err(_) => Ok(None),
            },
        }
    }
}

/// What the store knows it by: its own id and not its text, which may be spelled in several ways.
fn key_of(identity: &Identity) -> Digest {
    Secret::new(format!("made elsewhere {} {}", identity.token_id(), identity.sub())).digest()
}
