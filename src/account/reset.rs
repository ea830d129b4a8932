//! A forgotten password: a link to the address, and a new password by it.
use std::time::Duration;

use super::letters::told;
use super::trail::Entry;
use super::{Accounts, FieldError, LetterError, Source};
use crate::base::{Email, Network, Secret};
use crate::limit::Limited;
use crate::mail::Subject;
use crate::observe::Action;
use crate::password::HashError;
use crate::store::{Changed, StoreError, User};

/// Why a link did nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// Unknown, used, over, of somebody who is disabled, or for an address that is no longer theirs.
    #[error("the link is not good")]
    Invalid,
    #[error("the new password is too weak")]
    Weak(FieldError),
    #[error("too many attempts from there")]
    Limited { retry_after: Duration },
    #[error("too many passwords are being hashed")]
    Busy { retry_after: Duration },
    #[error("cannot write the account")]
    Unavailable(#[source] StoreError),
}

impl Accounts {
    /// Mails a link to whoever has an account with this address. Everything that depends on whether there is one happens
    /// after the answer.
    pub(crate) async fn forgot_password(&self, address: &str, source: &Source<'_>) -> Result<(), LetterError> {
        let wrong = |error: crate::base::NameError| FieldError::new("email", "invalid", error.to_string());
        let email = Email::parse(address).map_err(|error| LetterError::Invalid(wrong(error)))?;
        let (people, network) = (&self.people, Network::of(source.ip));
        self.limits.letter_from(network, &people.settings, people.clock.now()).await?;
        self.limits.letter_to(&email, people.clock.now()).await?;
        let (accounts, source) = (self.clone(), source.kept());
        self.later(async move { accounts.send_password_link(&email, &source.lent()).await })
    }

    async fn send_password_link(&self, email: &Email, source: &Source<'_>) {
        let entry = Entry::new(Action::PasswordLinkSent, source);
        let found = told(self.people.store.user_by_email(email).await).flatten();
        let Some(user) = found.filter(|user| !user.disabled) else {
            return entry.refused(Some("invalid_credentials")).record(&self.people);
        };
        let (token, link) = self.password_link(&user, email);
        if told(self.people.store.add_link(&link).await).is_some() {
            let path = format!("/password/reset?token={}", token.expose());
            if self.letters.send(email, Subject::NewPassword, &path, source) {
                entry.about(Some(&user)).record(&self.people);
            }
        }
    }

    /// Sets a new password by a link. All sessions end: whoever forgot the password may have been robbed of it.
    pub(crate) async fn reset_password(
        &self,
        token: &Secret,
        new: &Secret,
        source: &Source<'_>,
    ) -> Result<(), LinkError> {
        let (user, outcome) = match self.person_of_link(token, source).await {
            Ok(user) => {
                let outcome = self.try_reset(&user, token, new, source).await;
                (Some(user), outcome)
            }
            Err(error) => (None, Err(error)),
        };
        let entry = Entry::new(Action::PasswordChanged, source).about(user.as_ref()).detail("by a link");
        entry.refused(outcome.as_ref().err().map(LinkError::code)).record(&self.people);
        outcome
    }

    /// Attempts count for their source: nobody guesses 256 bits, and nobody keeps the hasher busy.
    async fn person_of_link(&self, token: &Secret, source: &Source<'_>) -> Result<User, LinkError> {
        let (people, now) = (&self.people, self.people.clock.now());
        self.limits.link(Network::of(source.ip), &people.settings, now).await?;
        people.store.person_of_link(&token.digest(), now).await?.ok_or(LinkError::Invalid)
    }

    /// A password that is refused does not use the link up.
    async fn try_reset(&self, user: &User, token: &Secret, new: &Secret, source: &Source<'_>) -> Result<(), LinkError> {
        let people = &self.people;
        let weak = |why| LinkError::Weak(FieldError::weak("new_password", &why));
        let new = people.new_password_of(user, new).map_err(weak)?;
        let hash = people.hasher.hash(&new).await?;
        let reset = people.store.reset_password(&token.digest(), &hash, &people.clock).await?;
        let reset = reset.ok_or(LinkError::Invalid)?;
        people.revocations.announce_ended(&reset.ended);
        people.record_taken((reset.totp, reset.passkeys), user, UNPROVED, source);
        Ok(())
    }

    /// Makes an address a person's own, by the link that was sent there.
    pub(crate) async fn verify_email(&self, token: &Secret, source: &Source<'_>) -> Result<(), LinkError> {
        let outcome = self.try_verify_email(token, source).await;
        let entry = Entry::new(Action::AddressVerified, source).about(outcome.as_ref().ok());
        entry.refused(outcome.as_ref().err().map(LinkError::code)).record(&self.people);
        outcome.map(|_| ())
    }

    async fn try_verify_email(&self, token: &Secret, source: &Source<'_>) -> Result<User, LinkError> {
        let people = &self.people;
        self.limits.link(Network::of(source.ip), &people.settings, people.clock.now()).await?;
        match people.store.follow_email_link(&token.digest(), &people.clock).await? {
            Some(Changed::Done { user, revoked }) => {
                people.revocations.announce_ended(&revoked);
                Ok(*user)
            }
            // Somebody else has the address by now.
            Some(Changed::EmailTaken | Changed::NameTaken | Changed::Unknown) | None => Err(LinkError::Invalid),
        }
    }
}

/// Why a second factor is taken away.
const UNPROVED: &str = "from before the address was proved";

impl LinkError {
    /// The word for the audit trail.
    const fn code(&self) -> &'static str {
        match self {
            Self::Invalid => "invalid_token",
            Self::Weak(_) => "weak_password",
            Self::Limited { .. } => "too_many_attempts",
            Self::Busy { .. } => "busy",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<Limited> for LinkError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

impl From<HashError> for LinkError {
    fn from(HashError::Busy { retry_after }: HashError) -> Self {
        Self::Busy { retry_after }
    }
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, from, secret};
    use super::super::{LoginError, SignUp, Wish};
    use super::*;

    const NEW: &str = "another good one";

    async fn reset(house: &House, token: &Secret, new: &str) -> Result<(), LinkError> {
        house.accounts.reset_password(token, &secret(new), &from("192.0.2.1")).await
    }

    #[tokio::test]
    async fn a_link_replaces_a_forgotten_password_once_and_ends_the_sessions() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        house.accounts.forgot_password("Ann@Example.com", &from("192.0.2.1")).await.unwrap();
        let token = house.mailed_token().await;
        assert!(matches!(reset(&house, &token, "short").await, Err(LinkError::Weak(_))));
        reset(&house, &token, NEW).await.unwrap();
        assert!(house.is_dead(&ann).await && !house.is_live(ann.session).await);
        assert!(matches!(reset(&house, &token, NEW).await, Err(LinkError::Invalid)));
        assert!(house.accounts.login("ann", &secret(NEW), &from("192.0.2.1")).await.unwrap().user.email_verified);
        let old = house.accounts.login("ann", &secret(PASSWORD), &from("192.0.2.1")).await;
        assert!(matches!(old, Err(LoginError::WrongCredentials)));
    }

    #[tokio::test]
    async fn a_link_is_over_after_an_hour_with_a_new_password_and_for_the_disabled() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let link = async || {
            house.accounts.forgot_password("ann@example.com", &from("192.0.2.1")).await.unwrap();
            house.mailed_token().await
        };
        let token = link().await;
        house.clock.advance(61 * MINUTE);
        assert!(matches!(reset(&house, &token, NEW).await, Err(LinkError::Invalid)));
        let token = link().await;
        house.people().set_password(ann.user.id, &secret("by the operator 1"), &Source::default()).await.unwrap();
        assert!(matches!(reset(&house, &token, NEW).await, Err(LinkError::Invalid)));
        let token = link().await;
        house.people().disable(ann.user.id, &Source::default()).await.unwrap();
        assert!(matches!(reset(&house, &token, NEW).await, Err(LinkError::Invalid)));
        assert!(matches!(reset(&house, &secret("agl_x"), NEW).await, Err(LinkError::Invalid)));
    }

    #[tokio::test]
    async fn letters_are_counted_alike_for_addresses_that_somebody_has_and_others() {
        let house = House::with(|settings| settings.register_per_ip.count = 1000).await;
        house.register("ann").await;
        for address in ["ann@example.com", "nobody@example.com"] {
            for turn in 0..6 {
                let asked = house.accounts.forgot_password(address, &from(&format!("192.0.2.{turn}"))).await;
                assert_eq!(asked.is_ok(), turn < 5, "{address} {turn}");
            }
        }
        assert!(matches!(
            house.accounts.forgot_password("no address", &from("192.0.2.1")).await,
            Err(LetterError::Invalid(_))
        ));
    }

    #[tokio::test]
    async fn nobody_comes_in_before_the_address_is_verified() {
        let house = House::with(|settings| settings.verify_email = true).await;
        let password = secret(PASSWORD);
        let ann = SignUp {
            username: Some("ann"),
            email: Some("ann@example.com"),
            name: None,
            password: &password,
            invite: None,
        };
        assert!(house.accounts.register(&ann, &from("192.0.2.1")).await.unwrap().is_none());
        let first = house.mailed_token().await;
        let login = async |word: &str| house.accounts.login("ann", &secret(word), &from("192.0.2.1")).await;
        assert!(matches!(login("wrong").await, Err(LoginError::WrongCredentials)));
        assert!(matches!(login(PASSWORD).await, Err(LoginError::Unverified)));
        let again = house.mailed_token().await;
        house.accounts.verify_email(&again, &from("192.0.2.1")).await.unwrap();
        assert!(login(PASSWORD).await.unwrap().user.email_verified);
        let used = house.accounts.verify_email(&first, &from("192.0.2.1")).await;
        assert!(matches!(used, Err(LinkError::Invalid)));
        // The same answer, and the truth to the address alone.
        let taken = SignUp { username: Some("ann2"), ..ann };
        assert!(house.accounts.register(&taken, &from("192.0.2.1")).await.unwrap().is_none());
        assert!(house.letter().await.text.expose().contains("https://app.example.com/auth/password/forgot"));
        let named = SignUp { email: Some("other@example.com"), ..ann };
        assert!(house.accounts.register(&named, &from("192.0.2.1")).await.unwrap().is_none());
        assert!(house.letter().await.subject.contains("another name"));
        let none = SignUp { username: Some("bob"), email: None, ..ann };
        let refused = house.accounts.register(&none, &from("192.0.2.1")).await;
        assert!(matches!(refused, Err(super::super::RegisterError::Invalid(_))));
    }

    #[tokio::test]
    async fn a_new_address_is_used_from_when_its_link_is_followed() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let bob = house.register("bob").await;
        let strict = house.verifying();
        let wish = |email| Wish { email: Some(email), ..Wish::default() };
        let changed = strict
            .accounts
            .change(&ann.user, ann.session, &wish("new@example.com"), None, &from("192.0.2.1"))
            .await
            .unwrap();
        assert_eq!(changed.user.email.unwrap().as_str(), "ann@example.com");
        assert_eq!(changed.pending.unwrap().as_str(), "new@example.com");
        strict.accounts.verify_email(&strict.mailed_token().await, &from("192.0.2.1")).await.unwrap();
        let now = strict.people().find("ann").await.unwrap().unwrap();
        assert!(now.email_verified && now.email.unwrap().as_str() == "new@example.com");
        assert!(strict.is_dead(&ann).await && strict.is_live(ann.session).await);
        strict
            .accounts
            .change(&bob.user, bob.session, &wish("new@example.com"), None, &from("192.0.2.1"))
            .await
            .unwrap();
        assert!(strict.letter().await.subject.contains("have an account"));
    }
}
