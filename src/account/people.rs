//! What an operator does with other people's accounts. Needs the store and the hasher, no signing keys.
use std::sync::Arc;
use std::time::Duration;

use super::fields::{Names, Wanted, check_attributes, display_name};
use super::trail::Entry;
use super::{FieldError, Identifier, Settings, Source};
use crate::base::{Clock, Email, Role, Scope, Secret, SessionId, UserId, Username};
use crate::observe::{Action, Audit};
use crate::password::{HashError, Hasher, Password, Policy, WeakPassword};
use crate::shared::{Revocations, ServiceTokens};
use crate::store::{
    Attributes, Changed, Created, Ended, NewUser, Session, Store, StoreError, User, UserChange, UserFilter,
};

/// The people of one store.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) store: Store,
    pub(crate) hasher: Hasher,
    pub(crate) policy: Policy,
    /// Of this process; a command that only writes gives an empty one.
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) services: Arc<ServiceTokens>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) audit: Audit,
}

/// A person whom an operator adds. The default roles are given besides those named here.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewPerson {
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) roles: Vec<Role>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) attributes: Attributes,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AddError {
    #[error("some fields are wrong")]
    Invalid(Vec<FieldError>),
    #[error("there is a user of that name")]
    NameTaken,
    #[error("there is a user of that e-mail address")]
    EmailTaken,
    #[error("too many passwords are being hashed")]
    Busy { retry_after: Duration },
    #[error("cannot write the account")]
    Unavailable(#[source] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum EditError {
    #[error("there is no such user")]
    Unknown,
    #[error("some fields are wrong")]
    Invalid(Vec<FieldError>),
    #[error("there is a user of that name")]
    NameTaken,
    #[error("there is a user of that e-mail address")]
    EmailTaken,
    #[error("cannot write the account")]
    Unavailable(#[source] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SetPasswordError {
    #[error("there is no such user")]
    Unknown,
    #[error("the password {0}")]
    Weak(WeakPassword),
    #[error("too many passwords are being hashed")]
    Busy { retry_after: Duration },
    #[error("cannot write the account")]
    Unavailable(#[source] StoreError),
}

impl People {
    /// By id, e-mail address or username.
    pub(crate) async fn find(&self, text: &str) -> Result<Option<User>, StoreError> {
        if let Some(id) = UserId::parse(text) {
            return self.store.user(id).await;
        }
        if let Ok(email) = Email::parse(text) {
            return self.store.user_by_email(&email).await;
        }
        match Username::parse(text) {
            Ok(name) => self.store.user_by_username(&name).await,
            Err(_) => Ok(None),
        }
    }

    /// Up to `limit` people, oldest first, from the one that follows `after`.
    pub(crate) async fn list(
        &self,
        filter: &UserFilter,
        limit: u32,
        after: Option<UserId>,
    ) -> Result<Vec<User>, StoreError> {
        self.store.users(filter, limit, after).await
    }

    pub(crate) async fn add(&self, person: &NewPerson, source: &Source<'_>) -> Result<User, AddError> {
        let wanted = Wanted {
            username: person.username.as_deref(),
            email: person.email.as_deref(),
            name: person.name.as_deref(),
        };
        let checked = self.check(&wanted, person.password.as_ref(), self.identifier_of_added());
        let (names, password) = checked.map_err(AddError::Invalid)?;
        check_attributes(&person.attributes).map_err(|error| AddError::Invalid(vec![error]))?;
        let password_hash = match &password {
            Some(password) => Some(self.hasher.hash(password).await?),
            None => None,
        };
        let mut roles = person.roles.clone();
        roles.extend(self.settings.default_roles.iter().filter(|role| !person.roles.contains(role)).cloned());
        let new = NewUser {
            username: names.username,
            email: names.email,
            // The operator wrote it.
            email_verified: true,
            name: names.name,
            password_hash,
            roles,
            scopes: person.scopes.clone(),
            attributes: person.attributes.clone(),
        };
        match self.store.create_user(&new, self.clock.now()).await.map_err(AddError::Unavailable)? {
            Created::Made(user) => {
                Entry::new(Action::UserAdded, source).about(Some(&user)).record(self);
                Ok(user)
            }
            Created::NameTaken => Err(AddError::NameTaken),
            Created::EmailTaken | Created::NotInvited => Err(AddError::EmailTaken),
        }
    }

    /// Changes what is known about a person; access tokens from before are dead, sessions go on.
    pub(crate) async fn edit(&self, id: UserId, change: &UserChange, source: &Source<'_>) -> Result<User, EditError> {
        let mut errors = vec![];
        // An empty name is a wish too: to have none.
        let name = change.name.as_deref().map(|name| display_name(Some(name), &mut errors).unwrap_or_default());
        if change.attributes.values().any(|value| !value.is_empty())
            && let Some(user) = self.store.user(id).await.map_err(EditError::Unavailable)?
        {
            let mut all = user.attributes;
            all.extend(change.attributes.clone());
            all.retain(|_, value| !value.is_empty());
            errors.extend(check_attributes(&all).err());
        }
        if !errors.is_empty() {
            return Err(EditError::Invalid(errors));
        }
        let email_verified = change.email.is_some().then_some(true);
        let change = UserChange { name, email_verified, ..change.clone() };
        match self.store.change_user(id, &change, &self.clock).await.map_err(EditError::Unavailable)? {
            Changed::Done { user, revoked } => {
                self.revocations.announce_ended(&revoked);
                let words = in_words(&change);
                Entry::new(Action::UserEdited, source).about(Some(&user)).detail(&words).record(self);
                Ok(*user)
            }
            Changed::NameTaken => Err(EditError::NameTaken),
            Changed::EmailTaken => Err(EditError::EmailTaken),
            Changed::Unknown => Err(EditError::Unknown),
        }
    }

    /// Sets a password and ends the sessions that the old one began.
    pub(crate) async fn set_password(
        &self,
        id: UserId,
        password: &Secret,
        source: &Source<'_>,
    ) -> Result<(), SetPasswordError> {
        let user = self.store.user(id).await?.ok_or(SetPasswordError::Unknown)?;
        let password = self.new_password_of(&user, password).map_err(SetPasswordError::Weak)?;
        let hash = self.hasher.hash(&password).await?;
        let revoked = self.store.set_password(id, &hash, &self.clock).await?.ok_or(SetPasswordError::Unknown)?;
        self.revocations.announce_ended(&revoked);
        Entry::new(Action::PasswordChanged, source).about(Some(&user)).detail("by the operator").record(self);
        Ok(())
    }

    /// Ends a person's sessions and lets them begin none; `false` when there is no such person.
    pub(crate) async fn disable(&self, id: UserId, source: &Source<'_>) -> Result<bool, StoreError> {
        let revoked = self.store.set_disabled(id, true, &self.clock).await?;
        self.changed(id, revoked, Action::UserDisabled, source).await
    }

    /// Lets a person sign in again; sessions from before stay ended.
    pub(crate) async fn enable(&self, id: UserId, source: &Source<'_>) -> Result<bool, StoreError> {
        let revoked = self.store.set_disabled(id, false, &self.clock).await?;
        self.changed(id, revoked, Action::UserEnabled, source).await
    }

    /// Deletes a person for good. Their id is never given out again.
    pub(crate) async fn delete(&self, id: UserId, source: &Source<'_>) -> Result<bool, StoreError> {
        let user = self.store.user(id).await?;
        let Some(revoked) = self.store.delete_user(id, &self.clock).await? else { return Ok(false) };
        self.revocations.announce_ended(&revoked);
        Entry::new(Action::UserDeleted, source).about(user.as_ref()).record(self);
        Ok(true)
    }

    /// Where somebody is signed in, newest first: one person, or everybody.
    pub(crate) async fn sessions(&self, of: Option<UserId>) -> Result<Vec<Session>, StoreError> {
        let now = self.clock.now();
        if let Some(user) = of {
            return self.store.live_sessions(user, now).await;
        }
        let mut found: Vec<Session> = vec![];
        loop {
            let page = self.store.all_live_sessions(now, found.last().map(|last| last.id), PAGE).await?;
            if page.is_empty() {
                return Ok(found);
            }
            found.extend(page);
        }
    }

    /// Ends one session, whoever's it is; `false` when it does not go on.
    pub(crate) async fn end_session(&self, id: SessionId, source: &Source<'_>) -> Result<bool, StoreError> {
        let Some((session, revoked)) = self.store.end_session_of_another(id, self.clock.now()).await? else {
            return Ok(false);
        };
        self.revocations.announce(&[revoked]);
        let user = self.store.user(session.user).await?;
        let entry = Entry::new(Action::SessionEnded, source).about(user.as_ref()).session(id);
        entry.detail("by the operator").record(self);
        Ok(true)
    }

    /// Signs a person out everywhere. Says how many sessions that ended.
    pub(crate) async fn sign_out(&self, user: &User, source: &Source<'_>) -> Result<usize, StoreError> {
        let revoked = self.store.end_sessions(user.id, None, self.clock.now()).await?;
        self.revocations.announce_ended(&revoked);
        Entry::new(Action::SignedOut, source).about(Some(user)).detail("by the operator").record(self);
        Ok(revoked.sessions.len())
    }

    async fn changed(
        &self,
        id: UserId,
        revoked: Option<Ended>,
        action: Action,
        source: &Source<'_>,
    ) -> Result<bool, StoreError> {
        let Some(revoked) = revoked else { return Ok(false) };
        self.revocations.announce_ended(&revoked);
        let user = self.store.user(id).await?;
        Entry::new(action, source).about(user.as_ref()).record(self);
        Ok(true)
    }

    /// Whether somebody who is here already may have this password.
    pub(super) fn new_password_of(&self, user: &User, password: &Secret) -> Result<Password, WeakPassword> {
        self.policy.check_new(password, &Wanted::of(user).in_password())
    }

    /// What somebody whom the operator adds must be called by. An address alone will do: the setting may follow.
    const fn identifier_of_added(&self) -> Identifier {
        match self.settings.identifier {
            Identifier::Email => Identifier::Email,
            Identifier::Username | Identifier::Either => Identifier::Either,
        }
    }

    /// Names and a new password, checked together, so that everything that is wrong is told at once.
    pub(super) fn check(
        &self,
        wanted: &Wanted<'_>,
        password: Option<&Secret>,
        identifier: Identifier,
    ) -> Result<(Names, Option<Password>), Vec<FieldError>> {
        let mut errors = vec![];
        let names = wanted.check(identifier, self.settings.subject, &mut errors);
        let password = match password.map(|text| self.policy.check_new(text, &wanted.in_password())) {
            Some(Ok(password)) => Some(password),
            Some(Err(weak)) => {
                errors.push(FieldError::weak("password", &weak));
                None
            }
            None => None,
        };
        if errors.is_empty() { Ok((names, password)) } else { Err(errors) }
    }
}

/// So many sessions are read from the store at a time.
const PAGE: u32 = 500;

/// What was changed, for the audit trail: names of roles and scopes, no values of anything else.
fn in_words(change: &UserChange) -> String {
    let mut words: Vec<String> = vec![];
    words.extend(change.add_roles.iter().map(|role| format!("role {role} added")));
    words.extend(change.remove_roles.iter().map(|role| format!("role {role} removed")));
    words.extend(change.add_scopes.iter().map(|scope| format!("scope {scope} added")));
    words.extend(change.remove_scopes.iter().map(|scope| format!("scope {scope} removed")));
    words.extend(change.username.is_some().then(|| "username set".to_owned()));
    words.extend(change.email.is_some().then(|| "e-mail address set".to_owned()));
    words.extend(change.name.is_some().then(|| "name set".to_owned()));
    words.extend(change.attributes.keys().map(|key| format!("attribute {key} set")));
    words.join(", ")
}

impl From<HashError> for AddError {
    fn from(HashError::Busy { retry_after }: HashError) -> Self {
        Self::Busy { retry_after }
    }
}

impl From<HashError> for SetPasswordError {
    fn from(HashError::Busy { retry_after }: HashError) -> Self {
        Self::Busy { retry_after }
    }
}

impl From<StoreError> for SetPasswordError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, PASSWORD, role, scope, secret};
    use super::super::{LoginError, RefreshError};
    use super::*;

    const OPERATOR: Source<'static> = Source {
        ip: None,
        user_agent: None,
        request_id: None,
        languages: None,
        client: crate::account::Client::Program,
    };

    #[tokio::test]
    async fn an_operator_adds_finds_and_lists_people() {
        let house = House::new().await;
        let new = NewPerson {
            username: Some("Ann".to_owned()),
            email: Some("ann@example.com".to_owned()),
            password: Some(secret(PASSWORD)),
            roles: vec![role("admin")],
            scopes: vec![scope("own")],
            ..NewPerson::default()
        };
        let ann = house.people().add(&new, &OPERATOR).await.unwrap();
        assert_eq!(ann.roles, [role("admin"), role("user")]);
        for text in ["ann", "ANN", "Ann@example.com", &ann.id.to_string()] {
            assert_eq!(house.people().find(text).await.unwrap().unwrap().id, ann.id, "{text}");
        }
        assert!(house.people().find("nobody").await.unwrap().is_none());
        assert!(matches!(house.people().add(&new, &OPERATOR).await, Err(AddError::NameTaken)));
        let same_address = NewPerson { username: Some("bob".to_owned()), ..new.clone() };
        assert!(matches!(house.people().add(&same_address, &OPERATOR).await, Err(AddError::EmailTaken)));
        let wrong = NewPerson { username: Some("root".to_owned()), password: Some(secret("x")), ..new };
        let Err(AddError::Invalid(errors)) = house.people().add(&wrong, &OPERATOR).await else { panic!() };
        assert_eq!(errors.len(), 2);
        assert_eq!(house.people().list(&UserFilter::default(), 10, None).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_operator_adds_somebody_by_the_address_alone_whatever_people_sign_in_with() {
        for (identifier, signs_in) in
            [(Identifier::Username, false), (Identifier::Email, true), (Identifier::Either, true)]
        {
            let house = House::with(|settings| settings.identifier = identifier).await;
            let email = Some("ann@example.com".to_owned());
            let new = NewPerson { email, password: Some(secret(PASSWORD)), ..NewPerson::default() };
            let ann = house.people().add(&new, &OPERATOR).await.unwrap();
            let told = house.people().can_name_themselves(ann.username.as_ref(), ann.email.as_ref());
            let done = house.accounts.login("ann@example.com", &secret(PASSWORD), &OPERATOR).await;
            assert_eq!((told, done.is_ok()), (signs_in, signs_in), "{identifier:?}");
        }
        let house = House::with(|settings| settings.identifier = Identifier::Email).await;
        let nameless = NewPerson { username: Some("bob".to_owned()), ..NewPerson::default() };
        assert!(matches!(house.people().add(&nameless, &OPERATOR).await, Err(AddError::Invalid(_))));
    }

    #[tokio::test]
    async fn who_has_no_password_cannot_sign_in_by_one() {
        let house = House::new().await;
        let new = NewPerson { username: Some("ann".to_owned()), ..NewPerson::default() };
        house.people().add(&new, &OPERATOR).await.unwrap();
        let refused = house.accounts.login("ann", &secret(""), &OPERATOR).await;
        assert!(matches!(refused, Err(LoginError::WrongCredentials)));
    }

    #[tokio::test]
    async fn an_edit_says_what_was_wrong_and_what_was_done() {
        let house = House::new().await;
        let (ann, _) = (house.register("ann").await.user, house.register("bob").await);
        let name = |text: &str| UserChange { name: Some(text.to_owned()), ..UserChange::default() };
        let named = house.people().edit(ann.id, &name(" Ann B. "), &OPERATOR).await.unwrap();
        assert_eq!(named.name.as_deref(), Some("Ann B."));
        assert_eq!(house.people().edit(ann.id, &name(""), &OPERATOR).await.unwrap().name, None);
        let wrong = house.people().edit(ann.id, &name("a\u{1b}[2J"), &OPERATOR).await;
        assert!(matches!(wrong, Err(EditError::Invalid(_))));
        let address = UserChange { email: Some(Email::parse("bob@example.com").unwrap()), ..UserChange::default() };
        assert!(matches!(house.people().edit(ann.id, &address, &OPERATOR).await, Err(EditError::EmailTaken)));
        let nobody = UserId::new(house.clock.now());
        assert!(matches!(house.people().edit(nobody, &name("x"), &OPERATOR).await, Err(EditError::Unknown)));
        let change = UserChange { add_roles: vec![role("admin")], remove_scopes: vec![scope("own")], ..address };
        assert_eq!(in_words(&change), "role admin added, scope own removed, e-mail address set");
    }

    #[tokio::test]
    async fn a_new_password_ends_what_the_old_one_began() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        house.clock.advance(Duration::from_millis(2));
        let weak = house.people().set_password(ann.user.id, &secret("short"), &OPERATOR).await;
        assert!(matches!(weak, Err(SetPasswordError::Weak(_))));
        assert!(!house.is_dead(&ann).await);
        house.people().set_password(ann.user.id, &secret("another horse"), &OPERATOR).await.unwrap();
        assert!(house.is_dead(&ann).await);
        let old = house.accounts.refresh(ann.refresh(), &OPERATOR).await;
        assert!(matches!(old, Err(RefreshError::Invalid)));
        let old = house.accounts.login("ann", &secret(PASSWORD), &OPERATOR).await;
        assert!(matches!(old, Err(LoginError::WrongCredentials)));
        assert!(house.accounts.login("ann", &secret("another horse"), &OPERATOR).await.is_ok());
        let nobody = UserId::new(house.clock.now());
        let unknown = house.people().set_password(nobody, &secret("another horse"), &OPERATOR).await;
        assert!(matches!(unknown, Err(SetPasswordError::Unknown)));
    }

    #[tokio::test]
    async fn disabling_ends_sessions_and_enabling_revives_none() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        assert!(house.people().disable(ann.user.id, &OPERATOR).await.unwrap());
        assert!(house.is_dead(&ann).await && !house.is_live(ann.session).await);
        assert!(house.people().enable(ann.user.id, &OPERATOR).await.unwrap());
        assert!(house.is_dead(&ann).await && !house.is_live(ann.session).await);
        assert!(house.accounts.login("ann", &secret(PASSWORD), &OPERATOR).await.is_ok());
        assert!(!house.people().disable(UserId::new(house.clock.now()), &OPERATOR).await.unwrap());
    }

    #[tokio::test]
    async fn who_is_deleted_is_gone_and_a_namesake_is_somebody_else() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        assert!(house.people().delete(ann.user.id, &OPERATOR).await.unwrap());
        assert!(!house.people().delete(ann.user.id, &OPERATOR).await.unwrap());
        assert!(house.is_dead(&ann).await);
        let other = house.register("ann").await;
        assert_ne!(other.user.id, ann.user.id);
        assert!(!house.is_dead(&other).await);
    }
}
