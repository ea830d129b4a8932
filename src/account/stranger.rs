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
            None => {
                let otherwise = match self.begin_stranger(identity, source).await {
                    Ok(()) => RefreshError::Ended,
                    // Of two that come at once the other one began it; or the store is away, and says so again.
                    Err(unavailable @ RefreshError::Unavailable(_)) => unavailable,
                    Err(error) => return Err(error),
                };
                self.begun(identity, now).await?.ok_or(otherwise)?
            }
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
        let live = store.use_refresh(&key, now, self.tokens_until(now)).await.map_err(RefreshError::Unavailable)?;
        live.ok_or(RefreshError::Ended).map(Some)
    }

    async fn begin_stranger(&self, identity: &Identity, source: &Source<'_>) -> Result<(), RefreshError> {
        let store = &self.people.store;
        let user = self.called(identity.sub()).await.map_err(RefreshError::Unavailable)?;
        let user = user.ok_or(RefreshError::Invalid)?;
        // Also where the note of it is gone, with a clock that was ahead or a store that was put back. Who came from elsewhere with
        // their password has tokens from before that, and keeps them.
        if user.password_changed_at().is_some_and(|changed_at| identity.issued_at() < changed_at) {
            return Err(RefreshError::Ended);
        }
        // Kept until the token ends by itself, or one that was ended would begin a session again.
        let expires_at = identity.expires_at().plus(self.tokens.leeway());
        let session = NewSession {
            id: SessionId::new(self.people.clock.now()),
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
            Started::Begun(_) => self.still_good(identity, session.id, source).await,
            Started::PasswordChanged | Started::Disabled => Err(RefreshError::Ended),
        }
    }

    /// Another node may have ended the token a moment ago, of which this one has not heard. Whatever ends it from now on ends its
    /// session as well.
    async fn still_good(
        &self,
        identity: &Identity,
        session: SessionId,
        source: &Source<'_>,
    ) -> Result<(), RefreshError> {
        let store = &self.people.store;
        let ended = store.is_token_ended(identity.sub(), identity.token_id(), identity.issued_at()).await;
        if !ended.map_err(RefreshError::Unavailable)? {
            return Ok(());
        }
        self.logout(Some(session), None, source).await.map_err(RefreshError::Unavailable)?;
        Err(RefreshError::Ended)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_lc_rs::hmac;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::super::tests::fixture::{House, secret};
    use super::*;
    use crate::base::Clock;
    use crate::store::{ImportedUser, NewUser};
    use crate::token::{Algorithm, Dialect, Format, KeyRing, Settings, StoredKey, Tokens};

    const SHARED: &str = "a secret that the backend has as well";

    /// The house, speaking as Flask-JWT-Extended does, with people called by their usernames.
    async fn house() -> House {
        let mut house = House::new().await;
        let key = StoredKey::shared_secret(&secret(SHARED), house.clock.now()).unwrap();
        let dialect = Dialect { format: Format::FlaskJwtExtended, states_issuer: false, states_audience: false };
        let (subject, algorithm) = (Subject::Username, Algorithm::Hs256);
        let settings = Settings { subject, algorithm, dialect, ..house.accounts.tokens.settings().clone() };
        house.accounts.tokens = Arc::new(Tokens::new(KeyRing::new(&key, &[]).unwrap(), &settings));
        house
    }

    /// A refresh token of the backend's that was made so many days ago and lives for three hundred.
    async fn shows(house: &House, sub: &str, days_ago: u64) -> Result<SignedIn, RefreshError> {
        let now = house.clock.now().seconds();
        let issued = now - days_ago * DAY;
        let claims = json!({
            "sub": sub, "type": "refresh", "jti": format!("{sub}-{days_ago}"), "iat": issued, "exp": issued + 300 * DAY,
        });
        let parts = [json!({"alg": "HS256", "typ": "JWT"}), claims];
        let message = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SHARED.as_bytes()), message.as_bytes());
        let token = secret(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)));
        let identity = house.accounts.tokens.verify_refresh(token.expose(), house.clock.now()).unwrap();
        house.accounts.refresh_stranger(&token, &identity, &Source::default()).await
    }

    #[tokio::test]
    async fn a_refresh_token_from_before_a_new_password_begins_nothing_even_when_the_note_of_it_is_gone() {
        let house = house().await;
        let (store, clock) = (house.people().store.clone(), Clock::system());
        let import = store.begin_import("csv", clock.now()).await.unwrap();
        let user = NewUser { username: Some(Username::parse("ida").unwrap()), ..NewUser::default() };
        let long_ago = Timestamp::from_seconds(1_500_000_000);
        let ida = ImportedUser { user, created_at: Some(long_ago), ..ImportedUser::default() };
        assert_eq!(store.import_users(import, &[ida]).await.unwrap(), [true]);
        house.register("ann").await;
        for name in ["ann", "ida"] {
            assert!(shows(&house, name, 20).await.is_ok(), "from before {name} was known here");
            let user = store.user_by_username(&Username::parse(name).unwrap()).await.unwrap().unwrap();
            // What ends tokens is kept by the store alone: the memory of this process hears nothing of it.
            store.set_password(user.id, &secret("$argon2id$2"), &clock).await.unwrap().unwrap();
            assert!(matches!(shows(&house, name, 10).await, Err(RefreshError::Ended)), "{name}: from before");
        }
        house.clock.advance(std::time::Duration::from_secs(DAY));
        assert!(shows(&house, "ann", 0).await.is_ok(), "from after");
    }

    #[tokio::test]
    async fn a_token_that_another_node_ended_a_moment_ago_begins_no_session() {
        let house = house().await;
        house.register("ann").await;
        let store = house.people().store.clone();
        let user = store.user_by_username(&Username::parse("ann").unwrap()).await.unwrap().unwrap();
        let sessions = || async { store.live_sessions(user.id, house.clock.now()).await.unwrap().len() };
        let before = sessions().await;
        // The memory of this process hears nothing of it, as in the quarter of a second before it asks the store again.
        store.revoke_token("ann-5", house.clock.now().plus(std::time::Duration::from_secs(DAY))).await.unwrap();
        assert!(matches!(shows(&house, "ann", 5).await, Err(RefreshError::Ended)));
        assert_eq!(sessions().await, before);
        assert!(shows(&house, "ann", 4).await.is_ok(), "another one of theirs");
        assert_eq!(sessions().await, before + 1);
    }

    const DAY: u64 = 24 * 3600;
}
