//! Renewing tokens.
use super::refresh_token::RefreshToken;
use super::session::Key;
use super::trail::Entry;
use super::{Accounts, SignedIn, Source};
use crate::base::{Secret, SessionId, random_bytes};
use crate::observe::Action;
use crate::store::{Rotation, StoreError, Turn, User};
use crate::token::SignError;

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefreshError {
    /// Unknown, expired, of a session that ended, or of somebody who is disabled.
    #[error("the refresh token is not valid")]
    Invalid,
    /// It was used before, longer ago than the grace; its session is ended.
    #[error("the refresh token was used before")]
    Reused,
    /// The session that it stands for, or its person's access, was ended.
    #[error("the session has ended")]
    Ended,
    #[error("cannot sign a token")]
    Signing(#[source] SignError),
    #[error("cannot read the session")]
    Unavailable(#[source] StoreError),
}

impl From<SignError> for RefreshError {
    /// Whoever has not what tokens name people by signs in again, and hears of it there.
    fn from(error: SignError) -> Self {
        match error {
            SignError::NoSubject(_) => {
                tracing::warn!(%error, "a session is not renewed: `authgate user edit` gives the person one");
                Self::Invalid
            }
            SignError::Ahead => {
                tracing::warn!(%error, "a session is not renewed: the person has to sign in anew");
                Self::Invalid
            }
            SignError::TooLong { .. } | SignError::Key(_) => Self::Signing(error),
        }
    }
}

impl Accounts {
    /// Exchanges a refresh token for a new pair. The same token again within the grace (two tabs, an answer that was
    /// lost) gets the same successor; later it is taken for theft and ends the session.
    pub(crate) async fn refresh(&self, presented: &Secret, source: &Source<'_>) -> Result<SignedIn, RefreshError> {
        let outcome = match RefreshToken::parse(presented) {
            Some(presented) => self.renew(&presented, source).await,
            None => Err(RefreshError::Invalid),
        };
        let entry = Entry::new(Action::Refreshed, source);
        match &outcome {
            Ok(done) => entry.about(Some(&done.user)).session(done.session).record(&self.people),
            Err(RefreshError::Invalid | RefreshError::Ended) => {
                entry.refused(Some("invalid_refresh_token")).record(&self.people)
            }
            // Written down where the person is known.
            Err(RefreshError::Reused) => {}
            Err(RefreshError::Signing(_) | RefreshError::Unavailable(_)) => {
                entry.refused(Some("unavailable")).record(&self.people);
            }
        }
        outcome
    }

    /// Whose refresh token this is, if it may still be used.
    pub(crate) async fn person_of_refresh(&self, token: &Secret) -> Result<Option<(User, SessionId)>, StoreError> {
        let Some(token) = RefreshToken::parse(token) else { return Ok(None) };
        let live = self.people.store.live_refresh(&token.digest(), self.people.clock.now()).await?;
        Ok(live.map(|live| (*live.user, live.session.id)))
    }

    async fn renew(&self, presented: &RefreshToken, source: &Source<'_>) -> Result<SignedIn, RefreshError> {
        // Asked before the store reads the person.
        let now = self.people.clock.now();
        let nonce = random_bytes();
        let successor = presented.successor(&nonce);
        let turn = Turn {
            presented: presented.digest(),
            successor: successor.digest(),
            nonce,
            now,
            grace: self.people.settings.refresh_grace,
            expires_at: now.plus(self.people.settings.refresh_ttl),
            tokens_until: self.tokens_until(now),
            issued_by: self.issued_by(now),
        };
        let (live, successor) = match self.people.store.rotate(&turn).await.map_err(RefreshError::Unavailable)? {
            Rotation::Rotated(live) => (live, successor),
            Rotation::Repeated { nonce, live } => (live, presented.successor(&nonce)),
            Rotation::Reused { live, revoked } => {
                self.people.revocations.announce(&[revoked]);
                let entry = Entry::new(Action::RefreshReused, source).about(Some(&live.user));
                entry.session(live.session.id).refused(Some("refresh_token_reused")).record(&self.people);
                return Err(RefreshError::Reused);
            }
            Rotation::Ahead => return Err(SignError::Ahead.into()),
            Rotation::Dead => return Err(RefreshError::Invalid),
        };
        Ok(self.hand_out(live, Key::Refresh(successor), now)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::super::tests::fixture::{House, MINUTE, PASSWORD, role, secret};
    use super::*;
    use crate::base::{Clock, Role, Scope};
    use crate::store::UserChange;

    async fn refresh(house: &House, token: &Secret) -> Result<SignedIn, RefreshError> {
        house.accounts.refresh(token, &Source::default()).await
    }

    #[tokio::test]
    async fn tokens_are_renewed_and_the_session_goes_on() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let login = house.identity(&ann).auth_time();
        house.clock.advance(20 * MINUTE);
        let next = refresh(&house, ann.refresh()).await.unwrap();
        assert_eq!((next.session, next.user.id), (ann.session, ann.user.id));
        assert_ne!(next.refresh().expose(), ann.refresh().expose());
        assert_eq!(house.identity(&next).auth_time(), login, "renewing is no new sign-in");
        assert!(refresh(&house, next.refresh()).await.is_ok());
    }

    #[tokio::test]
    async fn the_same_token_again_gets_the_same_answer_and_later_ends_the_session() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let first = refresh(&house, ann.refresh()).await.unwrap();
        house.clock.advance(Duration::from_secs(9));
        let again = refresh(&house, ann.refresh()).await.unwrap();
        assert_eq!(first.refresh().expose(), again.refresh().expose());
        house.clock.advance(Duration::from_secs(2));
        assert!(matches!(refresh(&house, ann.refresh()).await, Err(RefreshError::Reused)));
        for token in [ann.refresh(), first.refresh()] {
            assert!(matches!(refresh(&house, token).await, Err(RefreshError::Invalid)));
        }
        assert!(house.is_dead(&first).await && house.is_dead(&ann).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn fifty_at_once_twenty_times_over_make_one_lineage() {
        let house = House::new().await;
        let mut current = house.register("ann").await.refresh().clone();
        for round in 0..20 {
            let tasks: Vec<_> = (0..50)
                .map(|_| {
                    let (accounts, token) = (house.accounts.clone(), current.clone());
                    tokio::spawn(async move { accounts.refresh(&token, &Source::default()).await })
                })
                .collect();
            let mut successors = HashSet::new();
            for task in tasks {
                let done = task.await.unwrap().unwrap();
                successors.insert(done.refresh().expose().to_owned());
            }
            assert_eq!(successors.len(), 1, "round {round}");
            current = Secret::new(successors.into_iter().next().unwrap());
        }
    }

    #[tokio::test]
    async fn what_was_not_made_here_is_invalid() {
        let house = House::new().await;
        house.register("ann").await;
        for text in ["", "agr_", "x", &format!("agr_{}", "A".repeat(43)), &format!("agr_{}", "A".repeat(10_000))] {
            assert!(matches!(refresh(&house, &secret(text)).await, Err(RefreshError::Invalid)));
        }
    }

    /// Signing is not the first to notice: the token would be used up by then, and showing it again be taken for theft.
    #[tokio::test]
    async fn a_clock_that_is_ahead_costs_no_refresh_token() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let change = UserChange { add_roles: vec![role("admin")], ..UserChange::default() };
        let ahead = Clock::movable();
        ahead.advance(Duration::from_secs(30));
        house.people().store.change_user(ann.user.id, &change, &ahead).await.unwrap();
        assert!(matches!(refresh(&house, ann.refresh()).await, Err(RefreshError::Invalid)), "leeway is 5 seconds");
        house.clock.advance(Duration::from_secs(25));
        let next = refresh(&house, ann.refresh()).await.unwrap();
        assert!(refresh(&house, next.refresh()).await.is_ok());
    }

    #[tokio::test]
    async fn a_session_that_is_not_used_ends_by_itself() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        house.clock.advance(23 * 60 * MINUTE);
        let next = refresh(&house, ann.refresh()).await.unwrap();
        house.clock.advance(23 * 60 * MINUTE);
        assert!(house.is_live(ann.session).await, "using it keeps it");
        house.clock.advance(60 * MINUTE);
        assert!(matches!(refresh(&house, next.refresh()).await, Err(RefreshError::Invalid)));
    }

    #[tokio::test]
    async fn a_new_role_is_in_the_next_token_and_the_old_token_is_dead() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let change = UserChange {
            add_roles: vec![role("admin")],
            add_scopes: vec![Scope::parse("own").unwrap(), Scope::parse("users:read").unwrap()],
            ..UserChange::default()
        };
        house.people().edit(ann.user.id, &change, &Source::default()).await.unwrap();
        assert!(house.is_dead(&ann).await);
        let next = refresh(&house, ann.refresh()).await.unwrap();
        assert!(!house.is_dead(&next).await, "also in the very moment of the change");
        let identity = house.identity(&next);
        assert_eq!(identity.roles().iter().map(Role::as_str).collect::<Vec<_>>(), ["user", "admin"]);
        let scopes: Vec<_> = identity.scopes().iter().map(Scope::as_str).collect();
        assert_eq!(scopes, ["own", "users:read", "users:write"]);
        assert_eq!(next.scopes, identity.scopes());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn while_roles_change_no_token_with_old_roles_outlives_the_change() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let mut token = ann.refresh().clone();
        for round in 0..20 {
            let (accounts, presented) = (house.accounts.clone(), token.clone());
            let other = house.accounts.clone();
            let renewing = tokio::spawn(async move { accounts.refresh(&presented, &Source::default()).await.unwrap() });
            let signing = tokio::spawn(async move {
                let source = Source { ip: Some([10, 0, 0, round].into()), ..Source::default() };
                other.login("ann", &secret(PASSWORD), &source).await.unwrap()
            });
            let change = UserChange { add_roles: vec![role(&format!("r{round}"))], ..UserChange::default() };
            let now = house.people().edit(ann.user.id, &change, &Source::default()).await.unwrap();
            for done in [renewing.await.unwrap(), signing.await.unwrap()] {
                let old = house.identity(&done).roles().len() < now.roles.len();
                assert!(!old || house.is_dead(&done).await, "round {round}");
                if done.session == ann.session {
                    token = done.refresh().clone();
                }
            }
        }
    }
}
