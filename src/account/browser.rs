//! Browsers: sessions that are known by a cookie and renewed as they are used.
use std::pin::Pin;
use std::time::Duration;

use super::Accounts;
use crate::base::{Secret, Timestamp};
use crate::shared::{Held, Resume};
use crate::store::{Begun, Digest, Live, StoreError, Visit};

/// What a new session is known by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Client {
    /// A program: an access token and a refresh token.
    #[default]
    Program,
    /// A browser: a cookie.
    Browser,
}

impl Accounts {
    /// How long a browser keeps a new cookie.
    pub(crate) fn cookie_age(&self) -> Duration {
        self.people.settings.session_max
    }

    /// How long one keeps tokens: as long as they can be renewed.
    pub(crate) fn refresh_age(&self) -> Duration {
        self.people.settings.refresh_ttl
    }

    pub(super) fn session_idle(&self) -> Duration {
        self.people.settings.session_idle.min(self.people.settings.session_max)
    }

    /// Long before the token or the session would end; not oftener than needed, since each time the store is written.
    fn renew_after(&self) -> Duration {
        (self.tokens.access_ttl() / 2).min(self.session_idle() / 4).min(AT_LEAST)
    }

    fn renewed(&self, live: Live, now: Timestamp) -> Option<Held> {
        let (session, ends_at) = (live.session.id, live.session.expires_at);
        let made_at = live.session.issues_at(now);
        match self.sign(live, now) {
            Ok((token, _)) => {
                let (token, renew_at) = (Secret::new(token), now.plus(self.renew_after()));
                Some(Held { token, session, made_at, renew_at, ends_at })
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot sign a token for a session");
                None
            }
        }
    }
}

impl Resume for Accounts {
    fn resume<'a>(
        &'a self,
        cookie: &'a Digest,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Held>, StoreError>> + Send + 'a>> {
        Box::pin(async move {
            // Asked before the store reads the person.
            let now = self.people.clock.now();
            let visit = Visit {
                cookie: *cookie,
                now,
                idle: self.session_idle(),
                max: self.people.settings.session_max,
                tokens_until: self.tokens_until(now),
            };
            // That somebody was seen is nothing to be told of: whoever leaves may still leave after it.
            let visited = Begun::default().watch(self.people.store.visit(&visit)).await?;
            Ok(visited.and_then(|live| self.renewed(live, now)))
        })
    }
}

/// A session that is used is seen by the store at least so often.
const AT_LEAST: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, role, secret};
    use super::super::{SignedIn, Source};
    use super::*;
    use crate::store::UserChange;

    const BROWSER: Source<'static> =
        Source { ip: None, user_agent: None, request_id: None, languages: None, client: Client::Browser };

    async fn sign_in(house: &House) -> (SignedIn, Digest) {
        house.register("ann").await;
        let signed_in = house.accounts.login("ann", &secret(PASSWORD), &BROWSER).await.unwrap();
        let cookie = signed_in.cookie.as_ref().unwrap().digest();
        (signed_in, cookie)
    }

    async fn resume(house: &House, cookie: &Digest) -> Option<Held> {
        house.accounts.resume(cookie).await.unwrap()
    }

    #[tokio::test]
    async fn a_browser_gets_a_cookie_and_no_refresh_token() {
        let house = House::new().await;
        let (signed_in, cookie) = sign_in(&house).await;
        assert!(signed_in.refresh_token.is_none());
        let begun = Begun::default();
        let held = begun.watch(resume(&house, &cookie)).await.unwrap();
        assert_eq!(held.session, signed_in.session);
        assert!(!begun.is_true());
        let identity = house.accounts.tokens.verify(held.token.expose(), house.clock.now()).unwrap();
        assert_eq!((identity.user(), identity.session()), (Some(signed_in.user.id), Some(signed_in.session)));
        assert!(resume(&house, &[7; 32]).await.is_none());
    }

    #[tokio::test]
    async fn a_session_ends_when_it_is_not_used_and_at_its_end_in_any_case() {
        let house = House::new().await;
        let (_, cookie) = sign_in(&house).await;
        for _ in 0..4 {
            house.clock.advance(59 * MINUTE);
            assert!(resume(&house, &cookie).await.is_some(), "using it keeps it");
        }
        house.clock.advance(4 * MINUTE);
        assert!(resume(&house, &cookie).await.is_none(), "four hours are over");
        let again = house.accounts.login("ann", &secret(PASSWORD), &BROWSER).await.unwrap();
        house.clock.advance(60 * MINUTE);
        assert!(resume(&house, &again.cookie.unwrap().digest()).await.is_none());
    }

    #[tokio::test]
    async fn what_ends_a_session_ends_its_cookie_and_a_new_role_is_in_the_next_token() {
        let house = House::new().await;
        let (signed_in, cookie) = sign_in(&house).await;
        let change = UserChange { add_roles: vec![role("admin")], ..UserChange::default() };
        house.people().edit(signed_in.user.id, &change, &Source::default()).await.unwrap();
        assert!(house.is_dead(&signed_in).await);
        let held = resume(&house, &cookie).await.unwrap();
        let identity = house.accounts.tokens.verify(held.token.expose(), house.clock.now()).unwrap();
        assert!(identity.roles().contains(&role("admin")));
        assert!(!house.people().revocations.is_revoked(held.session, identity.issued_at()), "in that very moment");
        house.people().disable(signed_in.user.id, &Source::default()).await.unwrap();
        assert!(resume(&house, &cookie).await.is_none());
    }
}
