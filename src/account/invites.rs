//! Invitations: made by the operator, shown once, used once.
use std::time::Duration;

use super::fields::{Names, Wanted};
use super::trail::Entry;
use super::{FieldError, People, RegisterError, Source};
use crate::base::{Email, Role, Secret, Timestamp};
use crate::observe::Action;
use crate::password::Password;
use crate::store::{Digest, Invite, StoreError};

/// What an operator says about an invitation.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewInvite {
    /// Only for somebody who registers with this address.
    pub(crate) email: Option<Email>,
    /// Besides the default roles.
    pub(crate) roles: Vec<Role>,
    pub(crate) good_for: Duration,
}

/// An invitation that was found good; it is used up when the account is made.
#[derive(Debug)]
pub(super) struct Invited {
    hash: Digest,
    /// With the default ones.
    pub(super) roles: Vec<Role>,
}

impl Invited {
    pub(super) fn hash(&self) -> &Digest {
        &self.hash
    }
}

impl People {
    /// Makes an invitation. The token is told here and never again.
    pub(crate) async fn invite(&self, new: &NewInvite, source: &Source<'_>) -> Result<(Secret, Timestamp), StoreError> {
        let (now, token) = (self.clock.now(), Secret::random(PREFIX));
        let invite = Invite {
            hash: token.digest(),
            email: new.email.clone(),
            roles: new.roles.clone(),
            created_at: now,
            expires_at: now.plus(new.good_for),
        };
        self.store.add_invite(&invite).await?;
        Entry::new(Action::Invited, source).record(self);
        Ok((token, invite.expires_at))
    }

    /// The invitation behind a token, for whoever registers with this address. It is looked up by its hash: what the
    /// time of that tells is a hash that nobody can work with.
    pub(super) async fn invited(
        &self,
        token: Option<&Secret>,
        email: Option<&Email>,
    ) -> Result<Option<Invited>, RegisterError> {
        let Some(token) = token else { return Ok(None) };
        let found = self.store.invite(&token.digest(), self.clock.now()).await?;
        let invite = found.filter(|invite| invite.email.is_none() || invite.email.as_ref() == email);
        let invite = invite.ok_or(RegisterError::BadInvite)?;
        let mut roles = invite.roles;
        let usual = self.settings.default_roles.iter().filter(|role| !roles.contains(role)).cloned();
        roles.extend(usual.collect::<Vec<_>>());
        Ok(Some(Invited { hash: invite.hash, roles }))
    }

    /// As [`People::check`], with what is asked of those who make an account themselves.
    pub(super) fn check_sign_up(
        &self,
        wanted: &Wanted<'_>,
        password: &Secret,
    ) -> Result<(Names, Password), Vec<FieldError>> {
        let mut errors = vec![];
        wanted.check_domain(&self.settings.allowed_domains, &mut errors);
        if self.settings.verify_email && wanted.email.is_none() && errors.is_empty() {
            errors.push(FieldError::required("email"));
        }
        match self.check(wanted, Some(password), self.settings.identifier) {
            Ok((names, Some(password))) if errors.is_empty() => Ok((names, password)),
            Ok(_) => Err(errors),
            Err(mut more) => {
                errors.retain(|error| !more.iter().any(|other| other.field == error.field));
                more.extend(errors);
                Err(more)
            }
        }
    }
}

/// Lets scanners find one that leaked.
const PREFIX: &str = "agi_";

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, role, secret};
    use super::super::{Registration, SignUp, SignedIn};
    use super::*;

    async fn register(
        house: &House,
        name: &str,
        email: &str,
        invite: Option<&Secret>,
    ) -> Result<SignedIn, RegisterError> {
        let password = secret(PASSWORD);
        let wish = SignUp { username: Some(name), email: Some(email), name: None, password: &password, invite };
        house.accounts.register(&wish, &Source::default()).await.map(Option::unwrap)
    }

    #[tokio::test]
    async fn an_invitation_opens_once_and_gives_its_roles() {
        let house = House::with(|settings| settings.registration = Registration::Invite).await;
        let new = NewInvite { roles: vec![role("staff")], good_for: MINUTE, ..NewInvite::default() };
        let (token, _) = house.people().invite(&new, &Source::default()).await.unwrap();
        assert!(matches!(register(&house, "ann", "a@example.com", None).await, Err(RegisterError::NotInvited)));
        let wrong = secret("agi_wrong");
        assert!(matches!(register(&house, "ann", "a@example.com", Some(&wrong)).await, Err(RegisterError::BadInvite)));
        let ann = register(&house, "ann", "a@example.com", Some(&token)).await.unwrap();
        assert_eq!(ann.user.roles, [role("staff"), role("user")]);
        assert!(matches!(register(&house, "bob", "b@example.com", Some(&token)).await, Err(RegisterError::BadInvite)));
    }

    #[tokio::test]
    async fn an_invitation_may_be_for_one_address_and_ends() {
        let house = House::with(|settings| settings.registration = Registration::Invite).await;
        let email = Some(Email::parse("ann@example.com").unwrap());
        let new = NewInvite { email, good_for: MINUTE, ..NewInvite::default() };
        let (token, _) = house.people().invite(&new, &Source::default()).await.unwrap();
        assert!(matches!(
            register(&house, "eve", "eve@example.com", Some(&token)).await,
            Err(RegisterError::BadInvite)
        ));
        house.clock.advance(MINUTE);
        assert!(matches!(
            register(&house, "ann", "ann@example.com", Some(&token)).await,
            Err(RegisterError::BadInvite)
        ));
    }

    #[tokio::test]
    async fn only_addresses_of_the_allowed_domains_make_an_account() {
        let house = House::with(|settings| settings.allowed_domains = vec!["example.com".to_owned()]).await;
        for email in ["ann@example.org", "ann@sub.example.com", "ann@notexample.com", "nothing"] {
            let Err(RegisterError::Invalid(errors)) = register(&house, "ann", email, None).await else {
                panic!("{email}")
            };
            assert_eq!(errors.iter().map(|error| error.field).collect::<Vec<_>>(), ["email"], "{email}");
        }
        let password = secret(PASSWORD);
        let wish = SignUp { username: Some("ann"), email: None, name: None, password: &password, invite: None };
        let Err(RegisterError::Invalid(errors)) = house.accounts.register(&wish, &Source::default()).await else {
            panic!()
        };
        assert_eq!((errors[0].field, errors[0].code), ("email", "required"));
        assert!(register(&house, "ann", "Ann@Example.COM", None).await.is_ok());
    }
}
