//! Asking the old login about somebody whom nobody knows here.
use std::fmt;
use std::pin::Pin;

use super::session::PASSWORD_ONLY;
use super::trail::Entry;
use super::{Accounts, Identifier, LoginError, SignedIn, Source};
use crate::base::{Email, Secret, Username};
use crate::observe::Action;
use crate::store::{Created, NewUser};

/// Where people signed in before, and may be asked about once.
pub(crate) trait OldLogin: fmt::Debug + Send + Sync {
    /// Whether they may sign in there. No answer, and one that comes too late, is a no.
    fn knows<'a>(&'a self, name: &'a str, password: &'a Secret) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
}

/// The old login's address, and how it wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MigrateFrom {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) username_field: String,
    pub(crate) password_field: String,
}

impl Accounts {
    /// After the usual work for a name that nobody has here: on a yes from the old login the person is kept, with a hash of our own, and
    /// the old login is never asked about them again.
    pub(super) async fn ask_old_login(
        &self,
        name: &str,
        password: &Secret,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        let people = &self.people;
        let (Some(old), Some(given)) = (&self.old, people.policy.given(password)) else {
            return Err(LoginError::WrongCredentials);
        };
        let new = self.somebody_called(name).ok_or(LoginError::WrongCredentials)?;
        if let Some(what) = people.settings.lacks(new.username.is_some(), new.email.is_some()) {
            tracing::warn!(
                "the old login of [accounts] migrate_from is not asked: [tokens] subject names people by their {what}, which it does not tell"
            );
            return Err(LoginError::WrongCredentials);
        }
        // In the one spelling that is kept: a login that tells ANN from ann would let the one of them in as the other.
        let kept =
            new.username.as_ref().map(Username::as_str).or(new.email.as_ref().map(Email::as_str)).unwrap_or_default();
        if !old.knows(kept, password).await {
            if kept != name {
                tracing::warn!(
                    "the old login was asked about a name in the spelling that is kept here, which is not the one that was typed, and said no: \
                     whoever it knows by capital letters cannot come over by themselves, so import them"
                );
            }
            return Err(LoginError::WrongCredentials);
        }
        let new = NewUser { password_hash: Some(people.hasher.hash(&given).await?), ..new };
        match people.store.create_user(&new, people.clock.now()).await? {
            Created::Made(user) => {
                Entry::new(Action::UserAdded, source)
                    .about(Some(&user))
                    .detail("known to the old login")
                    .record(people);
                self.verified(&user, source).await?;
                self.begin(&user, None, PASSWORD_ONLY, source).await
            }
            // Somebody was quicker: they are asked for like anybody else.
            Created::NameTaken | Created::EmailTaken | Created::NotInvited => {
                let user = self.named(name).await?;
                self.login_as(user.as_ref(), name, password, source).await
            }
        }
    }

    /// `None`: what cannot be a name here is not asked about.
    fn somebody_called(&self, name: &str) -> Option<NewUser> {
        let by_email = match self.people.settings.identifier {
            Identifier::Username => false,
            Identifier::Email => true,
            Identifier::Either => name.contains('@'),
        };
        let roles = self.people.settings.default_roles.clone();
        if by_email {
            return Some(NewUser { email: Some(Email::parse(name).ok()?), roles, ..NewUser::default() });
        }
        Some(NewUser { username: Some(Username::parse_new(name).ok()?), roles, ..NewUser::default() })
    }
}
