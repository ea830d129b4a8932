//! Signing up.
use std::time::Duration;

use super::fields::Wanted;
use super::invites::Invited;
use super::letters::told;
use super::session::PASSWORD_ONLY;
use super::trail::Entry;
use super::{Accounts, FieldError, LetterError, Registration, SignedIn, Source};
use crate::base::{Email, Network, Secret};
use crate::limit::Limited;
use crate::mail::Subject;
use crate::observe::Action;
use crate::password::HashError;
use crate::store::{Created, NewUser, StoreError, User};
use crate::token::SignError;

/// What somebody sends to make an account. Roles are not among it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignUp<'a> {
    pub(crate) username: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) password: &'a Secret,
    pub(crate) invite: Option<&'a Secret>,
}

/// Why there is no new account.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error("registration is closed")]
    Closed,
    #[error("registration needs an invitation")]
    NotInvited,
    #[error("the invitation is not valid")]
    BadInvite,
    #[error("some fields are wrong")]
    Invalid(Vec<FieldError>),
    #[error("there is a user of that name or address")]
    UserExists,
    #[error("too many registrations from there, or letters to that address")]
    Limited { retry_after: Duration },
    #[error("too many passwords are being hashed")]
    Busy { retry_after: Duration },
    #[error("cannot sign a token")]
    Signing(#[source] SignError),
    #[error("cannot write the account")]
    Unavailable(#[source] StoreError),
}

impl Accounts {
    /// Makes an account and signs in to it. That a name is taken is told, behind the limit for registrations. With
    /// `verify_email` the answer is always `None`, and a letter tells the owner of the address what came of it.
    pub(crate) async fn register(
        &self,
        wish: &SignUp<'_>,
        source: &Source<'_>,
    ) -> Result<Option<SignedIn>, RegisterError> {
        let outcome = self.try_register(wish, source).await;
        let entry = Entry::new(Action::Registered, source);
        match &outcome {
            Ok(Some(done)) => entry.about(Some(&done.user)).session(done.session).record(&self.people),
            // Written down where it is done.
            Ok(None) => {}
            Err(error) => entry.refused(Some(error.code())).record(&self.people),
        }
        outcome
    }

    async fn try_register(&self, wish: &SignUp<'_>, source: &Source<'_>) -> Result<Option<SignedIn>, RegisterError> {
        let (people, settings) = (&self.people, &self.people.settings);
        if settings.registration == Registration::Closed {
            return Err(RegisterError::Closed);
        }
        let wanted = Wanted { username: wish.username, email: wish.email, name: wish.name };
        if settings.registration == Registration::Invite && wish.invite.is_none() {
            return Err(RegisterError::NotInvited);
        }
        let (names, password) = people.check_sign_up(&wanted, wish.password).map_err(RegisterError::Invalid)?;
        self.limits.register(Network::of(source.ip), settings, people.clock.now()).await?;
        let to_verify = names.email.clone().filter(|_| settings.verify_email);
        if let Some(email) = &to_verify {
            self.limits.letter_to(email, people.clock.now()).await?;
        }
        let invited = people.invited(wish.invite, names.email.as_ref()).await?;
        let password_hash = Some(people.hasher.hash(&password).await?);
        let new = NewUser {
            username: names.username,
            email: names.email,
            name: names.name,
            password_hash,
            roles: invited.as_ref().map_or_else(|| settings.default_roles.clone(), |invited| invited.roles.clone()),
            ..NewUser::default()
        };
        if let Some(email) = to_verify {
            self.register_unverified(&new, email, invited.as_ref(), source).await?;
            return Ok(None);
        }
        self.register_signed_in(&new, invited.as_ref(), source).await.map(Some)
    }

    async fn register_signed_in(
        &self,
        new: &NewUser,
        invited: Option<&Invited>,
        source: &Source<'_>,
    ) -> Result<SignedIn, RegisterError> {
        // Asked after the hashing, which may have had to wait.
        let now = self.people.clock.now();
        let (session, key) = self.new_session(PASSWORD_ONLY, source, now);
        match self.people.store.create_user_signed_in(new, &session, invited.map(Invited::hash)).await? {
            Created::Made(live) => self.hand_out(live, key, now).map_err(RegisterError::Signing),
            Created::NameTaken | Created::EmailTaken => Err(RegisterError::UserExists),
            Created::NotInvited => Err(RegisterError::BadInvite),
        }
    }

    /// The account stands before the answer, so that whoever signs in next hears what is missing. What came of it is
    /// told to the address alone, after the answer.
    async fn register_unverified(
        &self,
        new: &NewUser,
        email: Email,
        invited: Option<&Invited>,
        source: &Source<'_>,
    ) -> Result<(), RegisterError> {
        let (people, place) = (&self.people, self.place()?);
        let made = people.store.create_user_unseen(new, invited.map(Invited::hash), people.clock.now()).await?;
        let (accounts, source) = (self.clone(), source.kept());
        place.then(async move { accounts.tell_of_sign_up(made, &email, &source.lent()).await });
        Ok(())
    }

    async fn tell_of_sign_up(&self, made: Created<User>, email: &Email, source: &Source<'_>) {
        let entry = Entry::new(Action::Registered, source);
        match made {
            Created::Made(user) => {
                entry.about(Some(&user)).record(&self.people);
                self.send_address_link(&user, email, source).await;
            }
            Created::EmailTaken | Created::NameTaken => {
                // The name may be taken by the owner of the address.
                let theirs = told(self.people.store.user_by_email(email).await).flatten().is_some();
                let (about, path) = if theirs {
                    (Subject::AccountExists, "/password/forgot")
                } else {
                    (Subject::NameTaken, "/register")
                };
                self.letters.send(email, about, path, source);
                entry.refused(Some("user_exists")).record(&self.people);
            }
            Created::NotInvited => entry.refused(Some("invalid_invite")).record(&self.people),
        }
    }
}

impl RegisterError {
    /// The word for the audit trail.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Closed | Self::NotInvited => "registration_closed",
            Self::BadInvite => "invalid_invite",
            Self::Invalid(_) => "invalid_fields",
            Self::UserExists => "user_exists",
            Self::Limited { .. } => "too_many_attempts",
            Self::Busy { .. } => "busy",
            Self::Signing(_) => "internal",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<LetterError> for RegisterError {
    fn from(error: LetterError) -> Self {
        match error {
            LetterError::Invalid(field) => Self::Invalid(vec![field]),
            LetterError::Limited { retry_after } => Self::Limited { retry_after },
            LetterError::Busy { retry_after } => Self::Busy { retry_after },
        }
    }
}

impl From<Limited> for RegisterError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

impl From<HashError> for RegisterError {
    fn from(HashError::Busy { retry_after }: HashError) -> Self {
        Self::Busy { retry_after }
    }
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Identifier;
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, from, secret};
    use super::*;
    use crate::base::Role;

    fn named<'a>(username: &'a str, password: &'a Secret) -> SignUp<'a> {
        SignUp { username: Some(username), email: None, name: None, password, invite: None }
    }

    #[tokio::test]
    async fn who_registers_is_signed_in_with_the_default_roles() {
        let house = House::new().await;
        let password = secret(PASSWORD);
        let wish = SignUp { email: Some("Ann@Example.com"), name: Some("Ann É."), ..named("Ann", &password) };
        let done = house.accounts.register(&wish, &from("192.0.2.1")).await.unwrap().unwrap();
        let identity = house.identity(&done);
        assert_eq!(identity.username().unwrap().as_str(), "ann");
        assert_eq!(identity.email().unwrap().as_str(), "ann@example.com");
        assert_eq!(identity.name(), Some("Ann É."));
        assert_eq!(identity.roles().iter().map(Role::as_str).collect::<Vec<_>>(), ["user"]);
        assert_eq!((identity.user(), identity.session()), (Some(done.user.id), Some(done.session)));
        assert_eq!(done.expires_in, 15 * MINUTE);
        let session = &house.accounts.sessions(done.user.id).await.unwrap()[0];
        assert_eq!((session.ip, session.user_agent.as_deref()), (Some("192.0.2.1".parse().unwrap()), Some("test")));
        let shown = format!("{done:?}");
        assert!(!shown.contains("agr_") && !shown.contains(&done.access_token), "{shown}");
        let again = house.accounts.login("ANN", &password, &Source::default()).await.unwrap();
        assert_eq!(again.user.id, done.user.id);
        assert_ne!(again.session, done.session);
    }

    #[tokio::test]
    async fn with_an_address_to_verify_the_account_stands_before_the_answer() {
        let house = House::with(|settings| settings.verify_email = true).await;
        let password = secret(PASSWORD);
        let wish = SignUp { email: Some("ann@example.com"), ..named("ann", &password) };
        assert!(house.accounts.register(&wish, &from("192.0.2.1")).await.unwrap().is_none());
        // Nothing that waits for its turn had one.
        assert!(house.people().find("ann").await.unwrap().is_some());
        let again = SignUp { username: Some("anna"), ..wish };
        assert!(house.accounts.register(&again, &from("192.0.2.1")).await.unwrap().is_none());
        let all = house.people().list(&crate::store::UserFilter::default(), 9, None).await.unwrap();
        assert_eq!(all.len(), 1, "nothing is left of the one that was only written for its time");
    }

    #[tokio::test]
    async fn a_name_is_taken_in_any_case() {
        let house = House::new().await;
        house.register("alice").await;
        let password = secret(PASSWORD);
        for name in ["alice", "Alice"] {
            let taken = house.accounts.register(&named(name, &password), &Source::default()).await;
            assert!(matches!(taken, Err(RegisterError::UserExists)));
        }
        let wish = SignUp { email: Some("ALICE@example.com"), ..named("other", &password) };
        assert!(matches!(house.accounts.register(&wish, &Source::default()).await, Err(RegisterError::UserExists)));
    }

    #[tokio::test]
    async fn wrong_fields_are_told_together_and_nothing_is_kept() {
        let house = House::new().await;
        let password = secret("short");
        let wish = SignUp { email: Some("no address"), ..named("al ice", &password) };
        let Err(RegisterError::Invalid(errors)) = house.accounts.register(&wish, &Source::default()).await else {
            panic!()
        };
        let told: Vec<_> = errors.iter().map(|error| (error.field, error.code)).collect();
        assert_eq!(told, [("username", "invalid"), ("email", "invalid"), ("password", "weak_password")]);
        let long = secret(&"x".repeat(1025));
        let refused = house.accounts.register(&named("alice", &long), &Source::default()).await;
        assert!(matches!(refused, Err(RegisterError::Invalid(_))));
        assert!(house.people().find("alice").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_closed_house_takes_nobody() {
        let house = House::with(|settings| settings.registration = Registration::Closed).await;
        let password = secret(PASSWORD);
        let refused = house.accounts.register(&named("ann", &password), &Source::default()).await;
        assert!(matches!(refused, Err(RegisterError::Closed)));
    }

    #[tokio::test]
    async fn one_source_registers_so_often_and_taken_names_count() {
        let house = House::with(|settings| settings.identifier = Identifier::Either).await;
        let password = secret(PASSWORD);
        for _ in 0..10 {
            let done = house.accounts.register(&named("ann", &password), &from("2001:db8::1")).await;
            assert!(!matches!(done, Err(RegisterError::Limited { .. })));
        }
        let limited = house.accounts.register(&named("ann", &password), &from("2001:db8::2")).await;
        let Err(RegisterError::Limited { retry_after }) = limited else { panic!() };
        assert!(retry_after > 5 * MINUTE && retry_after <= 6 * MINUTE);
        assert!(house.accounts.register(&named("bob", &password), &from("192.0.2.1")).await.is_ok());
        house.clock.advance(6 * MINUTE);
        assert!(house.accounts.register(&named("cy", &password), &from("2001:db8::2")).await.is_ok());
    }
}
