//! Signing out.
use std::time::Duration;

use super::refresh_token::RefreshToken;
use super::trail::Entry;
use super::{Accounts, Source};
use crate::base::{Secret, SessionId};
use crate::observe::Action;
use crate::store::{Oneself, OwnError, Revocation, StoreError, User};
use crate::token::Identity;

impl Accounts {
    /// Ends the session of an access token and the one of a refresh token; mostly they are the same. Both may be missing
    /// or unknown: who is not signed in is signed out.
    pub(crate) async fn logout(
        &self,
        session: Option<SessionId>,
        refresh: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<(), StoreError> {
        let of_refresh = match refresh.and_then(RefreshToken::parse) {
            Some(token) => self.people.store.session_of_refresh(&token.digest()).await?,
            None => None,
        };
        for id in session.into_iter().chain(of_refresh.filter(|&id| Some(id) != session)) {
            self.end(id, source).await?;
        }
        Ok(())
    }

    /// Ends one token that another holder of the key made: it has no session to end.
    pub(crate) async fn logout_stranger(&self, identity: &Identity, source: &Source<'_>) -> Result<(), StoreError> {
        let until = identity.expires_at().plus(self.tokens.leeway()).plus(OUTLIVES);
        let revoked = self.people.store.revoke_token(identity.token_id(), until).await?;
        self.people.revocations.announce_stranger(&revoked);
        Entry::new(Action::SignedOut, source).detail("a token made elsewhere").record(&self.people);
        Ok(())
    }

    /// Ends all sessions of a person, or spares the one that asks. Says how many.
    pub(crate) async fn logout_all(
        &self,
        user: &User,
        current: SessionId,
        spared: bool,
        source: &Source<'_>,
    ) -> Result<usize, OwnError> {
        let people = &self.people;
        let who = Oneself::by_session(user, current);
        let except = spared.then_some(current);
        let revoked = people.store.end_own_sessions(&who, except, people.clock.now()).await?;
        people.revocations.announce_ended(&revoked);
        let words = if spared { "all other sessions" } else { "all sessions" };
        Entry::new(Action::SignedOut, source).about(Some(user)).detail(words).record(people);
        Ok(revoked.sessions.len())
    }

    /// Ends one of a person's own sessions, in this or another one; `false` when they have none of that id.
    pub(crate) async fn end_session(
        &self,
        user: &User,
        current: SessionId,
        id: SessionId,
        source: &Source<'_>,
    ) -> Result<bool, OwnError> {
        let people = &self.people;
        let who = Oneself::by_session(user, current);
        let ended = people.store.end_own_session(&who, id, people.clock.now()).await?;
        let Some(revoked) = ended else { return Ok(false) };
        people.revocations.announce(&[revoked]);
        Entry::new(Action::SessionEnded, source).about(Some(user)).session(id).record(people);
        Ok(true)
    }

    async fn end(&self, id: SessionId, source: &Source<'_>) -> Result<(), StoreError> {
        let (people, now) = (&self.people, self.people.clock.now());
        let Some((session, revoked)) = people.store.end_session(id, now).await? else {
            // Ended before, or not in this store (one put back from a backup): its tokens die here all the same.
            let (not_before, expires_at) = (Revocation::FOR_EVER, self.tokens_until(now));
            people.revocations.announce(&[Revocation { session: id, not_before, expires_at }]);
            return Ok(());
        };
        people.revocations.announce(&[revoked]);
        let person = people.store.user(session.user).await?;
        Entry::new(Action::SignedOut, source).about(person.as_ref()).session(id).record(people);
        Ok(())
    }
}

/// In case the leeway for clocks is widened by a reload in the meantime.
const OUTLIVES: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::super::RefreshError;
    use super::super::tests::fixture::{House, PASSWORD, secret};
    use super::*;
    use crate::base::Timestamp;

    async fn sign_in(house: &House) -> super::super::SignedIn {
        house.accounts.login("ann", &secret(PASSWORD), &Source::default()).await.unwrap()
    }

    #[tokio::test]
    async fn signing_out_ends_the_session_at_once_and_no_other() {
        let house = House::new().await;
        let (first, second) = (house.register("ann").await, sign_in(&house).await);
        house.accounts.logout(Some(first.session), Some(first.refresh()), &Source::default()).await.unwrap();
        assert!(house.is_dead(&first).await && !house.is_dead(&second).await);
        let refused = house.accounts.refresh(first.refresh(), &Source::default()).await;
        assert!(matches!(refused, Err(RefreshError::Invalid)));
        assert!(house.accounts.profile(first.session).await.unwrap().is_none());
        assert!(house.accounts.refresh(second.refresh(), &Source::default()).await.is_ok());
    }

    #[tokio::test]
    async fn a_refresh_token_alone_signs_out_even_when_it_was_used() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        house.accounts.refresh(ann.refresh(), &Source::default()).await.unwrap();
        house.accounts.logout(None, Some(ann.refresh()), &Source::default()).await.unwrap();
        assert!(house.is_dead(&ann).await);
    }

    #[tokio::test]
    async fn who_is_not_signed_in_is_signed_out() {
        let house = House::new().await;
        let accounts = &house.accounts;
        accounts.logout(None, None, &Source::default()).await.unwrap();
        accounts.logout(None, Some(&secret("nonsense")), &Source::default()).await.unwrap();
        let unknown = SessionId::new(house.clock.now());
        accounts.logout(Some(unknown), None, &Source::default()).await.unwrap();
        assert!(house.people().revocations.is_revoked(unknown, Timestamp::from_seconds(1)));
    }

    #[tokio::test]
    async fn signing_out_everywhere_may_spare_the_session_that_asks() {
        let house = House::new().await;
        let (first, second, third) = (house.register("ann").await, sign_in(&house).await, sign_in(&house).await);
        let ended = house.accounts.logout_all(&first.user, second.session, true, &Source::default()).await.unwrap();
        assert_eq!(ended, 2);
        assert!(house.is_dead(&first).await && !house.is_dead(&second).await && house.is_dead(&third).await);
        assert_eq!(house.accounts.logout_all(&first.user, second.session, false, &Source::default()).await.unwrap(), 1);
        assert!(house.is_dead(&second).await);
        let late = house.accounts.logout_all(&first.user, second.session, false, &Source::default()).await;
        assert!(matches!(late, Err(OwnError::SessionEnded)), "whoever is signed out signs nobody out");
    }

    #[tokio::test]
    async fn a_session_is_ended_however_many_newer_ones_there_are() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let here = sign_in(&house).await;
        let (store, now) = (&house.people().store, house.clock.now());
        for _ in 0..1000 {
            let (new, _) = house.accounts.new_session(&["pwd"], &Source::default(), now.plus(OUTLIVES));
            store.start_session(&ann.user, &new, None).await.unwrap();
        }
        assert!(house.accounts.sessions(ann.user.id).await.unwrap().iter().all(|own| own.id != ann.session));
        assert!(house.accounts.end_session(&here.user, here.session, ann.session, &Source::default()).await.unwrap());
        assert!(house.is_dead(&ann).await);
    }

    #[tokio::test]
    async fn people_end_their_own_sessions_only() {
        let house = House::new().await;
        let (ann, bob) = (house.register("ann").await, house.register("bob").await);
        let end = async |own: &super::super::SignedIn, id| {
            house.accounts.end_session(&own.user, own.session, id, &Source::default()).await
        };
        assert!(!end(&bob, ann.session).await.unwrap());
        assert!(!house.is_dead(&ann).await);
        assert!(end(&ann, ann.session).await.unwrap());
        assert!(house.is_dead(&ann).await);
        assert!(matches!(end(&ann, ann.session).await, Err(OwnError::SessionEnded)));
    }
}
