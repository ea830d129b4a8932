//! What people change about themselves.
use std::time::Duration;

use super::fields::{Wanted, display_name};
use super::letters::told;
use super::limits::{Attempt, Who};
use super::trail::Entry;
use super::{Accounts, FactorError, FieldError, Identifier, LetterError, Source};
use crate::base::{Email, Network, Secret, SessionId, Username};
use crate::limit::Limited;
use crate::mail::Subject;
use crate::observe::Action;
use crate::password::HashError;
use crate::store::{Changed, Oneself, OwnError, StoreError, User, UserChange};

/// What somebody wants to be called from now on; what is left out stays.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish<'a> {
    pub(crate) username: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    /// Empty: none.
    pub(crate) name: Option<&'a str>,
}

/// Somebody after a change.
#[derive(Debug)]
pub(crate) struct ChangedSelf {
    pub(crate) user: User,
    /// The address that becomes theirs when they follow the link.
    pub(crate) pending: Option<Email>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("not proved who it is")]
    NotProved(#[from] FactorError),
    #[error("some fields are wrong")]
    Invalid(Vec<FieldError>),
    #[error("there is a user of that name or address")]
    UserExists,
    #[error("too many changes from there")]
    Limited { retry_after: Duration },
    #[error("too many letters are being written")]
    Busy { retry_after: Duration },
    #[error("the account is gone")]
    Gone,
    #[error("cannot write the account")]
    Unavailable(#[source] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangePasswordError {
    #[error("the current password is not right")]
    WrongCredentials,
    #[error("the session has ended")]
    Ended,
    #[error("the new password is too weak")]
    Weak(FieldError),
    #[error("the new password is the old one")]
    Same,
    #[error("too many attempts")]
    Limited { retry_after: Duration },
    #[error("too many passwords are being hashed")]
    Busy { retry_after: Duration },
    #[error("cannot write the account")]
    Unavailable(#[source] StoreError),
}

impl Accounts {
    /// Changes names. A new username or address ends the access tokens that are out, since they say the old one; the
    /// session goes on. What somebody signs in with, or is reset by, is changed by whoever shows the password or signed
    /// in a moment ago. Whether a name is taken is told behind the limit for registrations. With `verify_email` an
    /// address becomes theirs when they follow the link that is sent there. The address of before is told where letters leave
    /// and it is known to be theirs, or need not be.
    pub(crate) async fn change(
        &self,
        user: &User,
        session: SessionId,
        wish: &Wish<'_>,
        password: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<ChangedSelf, ChangeError> {
        let mut change = self.wanted_change(user, wish).map_err(ChangeError::Invalid)?;
        let (people, now) = (&self.people, self.people.clock.now());
        let who = if self.is_way_in(&change) {
            self.prove(user, session, password, source).await?
        } else {
            Oneself::by_session(user, session)
        };
        if change.username.is_some() || change.email.is_some() {
            self.limits.register(Network::of(source.ip), &people.settings, now).await?;
        }
        let before = user.email.clone().filter(|_| change.email.is_some() && self.is_told(user));
        let pending = if people.settings.verify_email { change.email.take() } else { None };
        // Nobody's mailbox is filled by taking its address and leaving it. Refused, and not left unsaid: whoever used the
        // letters up with `forgot_password` would keep the owner from hearing of a thief. As long as somebody does, the owner
        // waits for the next letter that is free; the address stays as it is, and so does the account.
        for email in before.iter().chain(&pending) {
            self.limits.letter_to(email, now).await?;
        }
        let (token, link) = pending.as_ref().map(|email| self.address_link(user, email)).unzip();
        let place = if before.is_some() || pending.is_some() { Some(self.place()?) } else { None };
        match people.store.change_own(&who, &change, link.as_ref(), &people.clock).await? {
            Changed::Done { user, revoked } => {
                people.revocations.announce_ended(&revoked);
                Entry::new(Action::UserEdited, source).about(Some(&user)).detail("by themselves").record(people);
                if let Some(place) = place {
                    let (accounts, user, source) = (self.clone(), user.clone(), source.kept());
                    let new = pending.clone().zip(token);
                    place.then(async move {
                        accounts.tell_of_address(&user, before.as_ref(), new.as_ref(), &source.lent()).await;
                    });
                }
                Ok(ChangedSelf { user: *user, pending })
            }
            Changed::NameTaken | Changed::EmailTaken => Err(ChangeError::UserExists),
            Changed::Unknown => Err(ChangeError::Gone),
        }
    }

    /// Whether whoever makes this change could come in by it: by the name, or by a link to the address.
    fn is_way_in(&self, change: &UserChange) -> bool {
        let by_name = self.people.settings.identifier != Identifier::Email;
        change.email.is_some() || (by_name && change.username.is_some())
    }

    /// Whether the address of before hears of a new one: not when it had to be proved and never was.
    fn is_told(&self, user: &User) -> bool {
        self.letters.mailer().delivers() && (user.email_verified || !self.people.settings.verify_email)
    }

    /// After the answer: the owner of the old address may be somebody else than who changes it, and whether somebody has
    /// the new one is told to that address alone. Then nobody hears of the link, which would do nothing.
    async fn tell_of_address(
        &self,
        user: &User,
        before: Option<&Email>,
        new: Option<&(Email, Secret)>,
        source: &Source<'_>,
    ) {
        if let Some(before) = before {
            self.letters.send(before, Subject::AddressChanged, "", source);
        }
        let Some((email, token)) = new else { return };
        match told(self.people.store.user_by_email(email).await) {
            Some(None) => self.mail_address_link(user, email, token, source),
            Some(Some(_)) => drop(self.letters.send(email, Subject::AccountExists, "/password/forgot", source)),
            None => {}
        }
    }

    /// Only what is different: sending everything back unchanged ends nobody's tokens.
    fn wanted_change(&self, user: &User, wish: &Wish<'_>) -> Result<UserChange, Vec<FieldError>> {
        let (username, email) = (user.username.as_ref().map(Username::as_str), user.email.as_ref().map(Email::as_str));
        let mut errors = vec![];
        let settings = &self.people.settings;
        let different = |wish: &&str, known: Option<&str>| known.is_none_or(|known| !known.eq_ignore_ascii_case(wish));
        let new_name = wish.username.filter(|wish| different(wish, username));
        let new_email = wish.email.filter(|wish| different(wish, email));
        let wanted = Wanted { username: new_name, email: new_email, name: None };
        let names = wanted.read(&mut errors);
        if new_email.is_some() {
            wanted.check_domain(&settings.allowed_domains, &mut errors);
        }
        if settings.migrate_from.is_some() {
            // It may be the name of somebody who has not moved yet, who would never come in.
            let fixed = [
                ("username", "reserved", new_name, settings.identifier != Identifier::Email),
                ("email", "invalid", new_email, settings.identifier != Identifier::Username),
            ];
            let fixed = fixed.into_iter().filter(|(_, _, wish, comes_by)| *comes_by && wish.is_some());
            errors.extend(fixed.map(|(field, code, ..)| FieldError::new(field, code, FIXED.to_owned())));
        }
        let name = wish.name.map(|name| display_name(Some(name), &mut errors).unwrap_or_default());
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(UserChange { username: names.username, email: names.email, name, ..UserChange::default() })
    }

    /// Sets a new password for somebody who knows the old one. Their other sessions end.
    pub(crate) async fn change_password(
        &self,
        user: &User,
        session: SessionId,
        current: &Secret,
        new: &Secret,
        source: &Source<'_>,
    ) -> Result<(), ChangePasswordError> {
        let outcome = self.try_change_password(user, session, current, new, source).await;
        let entry = Entry::new(Action::PasswordChanged, source).about(Some(user)).session(session);
        match &outcome {
            Ok(()) => entry.record(&self.people),
            Err(error) => entry.refused(Some(error.code())).record(&self.people),
        }
        outcome
    }

    async fn try_change_password(
        &self,
        user: &User,
        session: SessionId,
        current: &Secret,
        new: &Secret,
        source: &Source<'_>,
    ) -> Result<(), ChangePasswordError> {
        let people = &self.people;
        if !self.knows_password::<ChangePasswordError>(user, current, source).await? {
            return Err(ChangePasswordError::WrongCredentials);
        }
        let weak = |why| ChangePasswordError::Weak(FieldError::weak("new_password", &why));
        let new = people.new_password_of(user, new).map_err(weak)?;
        if people.hasher.verify(&new, user.password_hash.as_ref()).await? {
            return Err(ChangePasswordError::Same);
        }
        let hash = people.hasher.hash(&new).await?;
        let who = Oneself::by_password(user, session);
        people.revocations.announce_ended(&people.store.replace_password(&who, &hash, &people.clock).await?);
        Ok(())
    }

    /// Whether this is the password of somebody who is signed in.
    ///
    /// Attempts count like sign-ins: whoever holds a token alone cannot guess the password here either.
    pub(super) async fn knows_password<E: From<Limited> + From<HashError>>(
        &self,
        user: &User,
        password: &Secret,
        source: &Source<'_>,
    ) -> Result<bool, E> {
        let people = &self.people;
        let given = people.policy.given(password);
        let who = Who::of(Some(user.id), "");
        let attempt = Attempt { who, network: Network::of(source.ip), now: people.clock.now() };
        let admitted = self.admit(attempt).await?;
        let Some(given) = given else { return Ok(false) };
        let known = people.hasher.verify(&given, user.password_hash.as_ref()).await?;
        if known {
            self.limits.login_was_right(&admitted, &people.settings).await;
        }
        Ok(known)
    }
}

const FIXED: &str = "cannot be changed while people still move here; ask the operator";

impl ChangePasswordError {
    /// The word for the audit trail.
    const fn code(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "invalid_credentials",
            Self::Ended => "session_ended",
            Self::Weak(_) => "weak_password",
            Self::Same => "same_password",
            Self::Limited { .. } => "too_many_attempts",
            Self::Busy { .. } => "busy",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<LetterError> for ChangeError {
    fn from(error: LetterError) -> Self {
        match error {
            LetterError::Invalid(field) => Self::Invalid(vec![field]),
            LetterError::Limited { retry_after } => Self::Limited { retry_after },
            LetterError::Busy { retry_after } => Self::Busy { retry_after },
        }
    }
}

impl From<Limited> for ChangeError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

impl From<OwnError> for ChangeError {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Store(error) => Self::Unavailable(error),
            OwnError::SessionEnded | OwnError::PasswordChanged => Self::NotProved(error.into()),
        }
    }
}

impl From<Limited> for ChangePasswordError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

impl From<HashError> for ChangePasswordError {
    fn from(HashError::Busy { retry_after }: HashError) -> Self {
        Self::Busy { retry_after }
    }
}

impl From<OwnError> for ChangePasswordError {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::SessionEnded => Self::Ended,
            OwnError::PasswordChanged => Self::WrongCredentials,
            OwnError::Store(error) => Self::Unavailable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, from, secret};
    use super::*;

    #[tokio::test]
    async fn a_password_cannot_be_guessed_by_changing_it() {
        let house = House::with(|settings| settings.login_per_account.count = 5).await;
        let ann = house.register("ann").await;
        for count in 0..8 {
            let wrong = house
                .accounts
                .change_password(
                    &ann.user,
                    ann.session,
                    &secret("wrong"),
                    &secret("another good one"),
                    &from("192.0.2.1"),
                )
                .await;
            assert_eq!(matches!(wrong, Err(ChangePasswordError::Limited { .. })), count >= 5, "{count}");
        }
        let right = house
            .accounts
            .change_password(&ann.user, ann.session, &secret(PASSWORD), &secret("another good one"), &from("192.0.2.1"))
            .await;
        assert!(matches!(right, Err(ChangePasswordError::Limited { .. })));
    }

    #[tokio::test]
    async fn a_password_that_was_changed_meanwhile_opens_nothing() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let user = house.people().find("ann").await.unwrap().unwrap();
        house.clock.advance(Duration::from_millis(5));
        house.people().set_password(ann.user.id, &secret("by the operator 1"), &Source::default()).await.unwrap();
        let late = house
            .accounts
            .change_password(&user, ann.session, &secret(PASSWORD), &secret("another good one"), &Source::default())
            .await;
        assert!(matches!(late, Err(ChangePasswordError::Ended)), "with the session");
        let bob = house.register("bob").await;
        house.clock.advance(Duration::from_millis(5));
        for (new, good) in [("another good one", true), ("another good two", false)] {
            let (current, new) = (secret(PASSWORD), secret(new));
            let changed =
                house.accounts.change_password(&bob.user, bob.session, &current, &new, &Source::default()).await;
            assert_eq!(changed.is_ok(), good, "{changed:?}");
            assert!(good || matches!(changed, Err(ChangePasswordError::WrongCredentials)), "{changed:?}");
        }
    }

    #[tokio::test]
    async fn what_is_sent_back_unchanged_changes_nothing() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let wish = Wish { username: Some("ANN"), email: Some("Ann@example.com"), name: Some("Ann") };
        house.accounts.change(&ann.user, ann.session, &wish, None, &Source::default()).await.unwrap();
        assert!(!house.is_dead(&ann).await);
        let wish = Wish { email: Some("other@example.com"), ..Wish::default() };
        let changed = house.accounts.change(&ann.user, ann.session, &wish, None, &Source::default()).await.unwrap();
        assert_eq!(changed.user.email.unwrap().as_str(), "other@example.com");
        assert!(house.is_dead(&ann).await && house.is_live(ann.session).await);
    }

    #[tokio::test]
    async fn where_no_letter_can_be_written_nothing_is_changed() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let strict = house.verifying();
        let places: Vec<_> = std::iter::from_fn(|| strict.accounts.place().ok()).collect();
        let wish = Wish { email: Some("other@example.com"), name: Some("Ann"), ..Wish::default() };
        let refused = strict.accounts.change(&ann.user, ann.session, &wish, None, &Source::default()).await;
        assert!(matches!(refused, Err(ChangeError::Busy { .. })));
        assert_eq!(strict.people().find("ann").await.unwrap().unwrap().name, None);
        drop(places);
        strict.accounts.change(&ann.user, ann.session, &wish, None, &Source::default()).await.unwrap();
        assert_eq!(strict.people().find("ann").await.unwrap().unwrap().name.as_deref(), Some("Ann"));
        strict.mailed_token().await;
    }

    #[tokio::test]
    async fn an_old_sign_in_needs_the_password_for_what_one_comes_in_by() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        house.clock.advance(11 * MINUTE);
        let change = async |wish: &Wish<'_>, password: Option<&str>| {
            let password = password.map(secret);
            house.accounts.change(&ann.user, ann.session, wish, password.as_ref(), &from("192.0.2.1")).await
        };
        let (email, username) = (Some("other@example.com"), Some("anna"));
        for wish in [Wish { email, ..Wish::default() }, Wish { username, ..Wish::default() }] {
            let old = change(&wish, None).await;
            assert!(matches!(old, Err(ChangeError::NotProved(FactorError::LoginTooOld(_)))), "{wish:?}");
            let wrong = change(&wish, Some("wrong")).await;
            assert!(matches!(wrong, Err(ChangeError::NotProved(FactorError::WrongPassword))), "{wish:?}");
        }
        let same = Wish { username: Some("ANN"), email: Some("Ann@example.com"), name: Some("Ann") };
        assert_eq!(change(&same, None).await.unwrap().user.name.as_deref(), Some("Ann"));
        let changed = change(&Wish { email, username, name: None }, Some(PASSWORD)).await.unwrap().user;
        assert_eq!((changed.label(), changed.email.as_ref().map(Email::as_str)), (username, email));
        assert!(house.letter().await.subject.contains("Another e-mail address"), "to the one of before");
    }

    #[tokio::test]
    async fn a_name_that_nobody_signs_in_with_is_changed_as_ever() {
        let house = House::with(|settings| settings.identifier = Identifier::Email).await;
        let ann = house.register("ann").await;
        house.clock.advance(11 * MINUTE);
        let wish = Wish { username: Some("anna"), ..Wish::default() };
        house.accounts.change(&ann.user, ann.session, &wish, None, &Source::default()).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_that_was_never_proved_where_it_must_be_hears_of_nothing() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let strict = house.verifying();
        let wish = Wish { email: Some("other@example.com"), ..Wish::default() };
        strict.accounts.change(&ann.user, ann.session, &wish, None, &Source::default()).await.unwrap();
        assert_eq!(strict.letter().await.to.as_str(), "other@example.com");
    }
}
