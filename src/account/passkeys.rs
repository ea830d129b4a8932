//! Passkeys: a person adds some, names them, takes them away, and signs in with one.
use std::time::Duration;

use super::limits::{Attempt, Who};
use super::trail::Entry;
use super::{Accounts, FactorError, LoginError, SignedIn, Source};
use crate::base::{Network, PasskeyId, Secret, SessionId, UserId};
use crate::limit::Limited;
use crate::observe::Action;
use crate::passkey::{Made, Shown, Site, Unfit, challenge_of, to_base64};
use crate::store::{AddedPasskey, MOST_PASSKEYS, Oneself, OwnError, Passkey, StoreError, User};

/// What a device is asked to make.
#[derive(Debug)]
pub(crate) struct NewPasskey {
    pub(crate) challenge: Secret,
    /// Those that the person has: one device needs one.
    pub(crate) have: Vec<Passkey>,
}

/// A passkey that somebody shows.
#[derive(Debug)]
pub(crate) struct ShownPasskey {
    /// What the device calls it.
    pub(crate) credential: Vec<u8>,
    /// Whose it is, as the device says.
    pub(crate) owner: Vec<u8>,
    pub(crate) shown: Shown,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PasskeyError {
    #[error("not proved who it is")]
    NotProved(#[from] FactorError),
    #[error("too many challenges")]
    Limited { retry_after: Duration },
    #[error("the passkey is not good")]
    Unfit(#[source] Unfit),
    /// Used, over, or another person's.
    #[error("the challenge is not good")]
    ChallengeOver,
    #[error("the passkey is somebody's already")]
    Exists,
    #[error("there are too many passkeys")]
    TooMany,
    #[error("there is no such passkey")]
    Missing,
    #[error("that is no name")]
    Name,
    #[error("cannot read or write the account")]
    Unavailable(#[from] StoreError),
}

impl Accounts {
    /// What passkeys of this house are made for.
    pub(crate) fn passkey_site(&self) -> Site {
        Site { origin: self.letters.site().to_owned(), id: self.letters.site_name().to_owned() }
    }

    pub(crate) async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.people.store.passkeys(user).await
    }

    pub(crate) async fn begin_passkey(
        &self,
        user: &User,
        session: SessionId,
        password: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<NewPasskey, PasskeyError> {
        let who = self.prove(user, session, password, source).await?;
        let (people, now) = (&self.people, self.people.clock.now());
        let have = people.store.passkeys(user.id).await?;
        // Asked again when it is added. No device is made to keep one that is not taken.
        if have.len() >= MOST_PASSKEYS {
            return Err(PasskeyError::TooMany);
        }
        self.limits.passkey(Network::of(source.ip), &people.settings, now).await?;
        let (challenge, end) = (Secret::random(""), now.plus(CHALLENGE_LIFE));
        if !people.store.add_own_passkey_challenge(&who, &challenge.digest(), now, end).await? {
            return Err(TOO_MANY_WAIT.into());
        }
        Ok(NewPasskey { challenge, have })
    }

    /// Keeps a passkey that was made for a challenge of this person.
    pub(crate) async fn add_passkey(
        &self,
        user: &User,
        session: SessionId,
        made: &Made,
        name: &str,
        source: &Source<'_>,
    ) -> Result<Passkey, PasskeyError> {
        let (people, now) = (&self.people, self.people.clock.now());
        let name = named(name)?;
        // There may be a second factor since they began.
        self.with_what_there_is(user, session).await?;
        let challenge = challenge_of(&made.client_data).map(Secret::new).map_err(PasskeyError::Unfit)?;
        if !people.store.take_passkey_challenge(&challenge.digest(), Some(user.id), now).await? {
            return Err(PasskeyError::ChallengeOver);
        }
        let who = Oneself::by_session(user, session);
        let new = made.verify(&self.passkey_site(), challenge.expose()).map_err(PasskeyError::Unfit)?;
        let passkey = Passkey {
            id: PasskeyId::new(now),
            user: user.id,
            credential: new.id,
            key: new.key,
            counter: new.counter,
            name,
            created_at: now,
            last_used_at: None,
        };
        match people.store.add_passkey(&who, &passkey).await? {
            AddedPasskey::Added => {}
            AddedPasskey::Exists => return Err(PasskeyError::Exists),
            AddedPasskey::TooMany => return Err(PasskeyError::TooMany),
        }
        Entry::new(Action::PasskeyAdded, source).about(Some(user)).session(session).record(people);
        Ok(passkey)
    }

    pub(crate) async fn rename_passkey(
        &self,
        user: &User,
        session: SessionId,
        id: PasskeyId,
        name: &str,
    ) -> Result<(), PasskeyError> {
        let who = Oneself::by_session(user, session);
        let renamed = self.people.store.rename_passkey(&who, id, &named(name)?, self.people.clock.now()).await?;
        if renamed { Ok(()) } else { Err(PasskeyError::Missing) }
    }

    pub(crate) async fn remove_passkey(
        &self,
        user: &User,
        session: SessionId,
        id: PasskeyId,
        password: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<(), PasskeyError> {
        let who = self.prove(user, session, password, source).await?;
        if !self.people.store.remove_passkey(&who, id, self.people.clock.now()).await? {
            return Err(PasskeyError::Missing);
        }
        Entry::new(Action::PasskeyRemoved, source).about(Some(user)).session(session).record(&self.people);
        Ok(())
    }

    /// What somebody who signs in has a device sign.
    pub(crate) async fn begin_passkey_login(&self, source: &Source<'_>) -> Result<Secret, LoginError> {
        let (people, now) = (&self.people, self.people.clock.now());
        self.limits.passkey(Network::of(source.ip), &people.settings, now).await?;
        let (challenge, end) = (Secret::random(""), now.plus(CHALLENGE_LIFE));
        let kept = people.store.add_passkey_challenge(&challenge.digest(), now, end).await?;
        if kept { Ok(challenge) } else { Err(TOO_MANY_WAIT.into()) }
    }

    /// Signs in by a passkey alone, or ends a sign-in that waits for a second factor after the password.
    pub(crate) async fn sign_in_with_passkey(
        &self,
        presented: &ShownPasskey,
        waiting: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        let (user, outcome) = match self.owner_of(presented).await {
            Ok(Some((passkey, user))) => {
                let outcome = self.try_passkey(Some((&passkey, &user)), presented, waiting, source).await;
                (Some(user), outcome)
            }
            Ok(None) => (None, self.try_passkey(None, presented, waiting, source).await),
            Err(error) => (None, Err(error.into())),
        };
        let entry = Entry::new(Action::SignedIn, source).about(user.as_ref()).detail("passkey");
        match &outcome {
            Ok(done) => entry.session(done.session).record(&self.people),
            Err(error) => entry.refused(Some(error.code())).record(&self.people),
        }
        outcome
    }

    async fn owner_of(&self, presented: &ShownPasskey) -> Result<Option<(Passkey, User)>, StoreError> {
        let store = &self.people.store;
        let Some(passkey) = store.passkey(&presented.credential).await? else { return Ok(None) };
        Ok(store.user(passkey.user).await?.map(|user| (passkey, user)))
    }

    /// Counted like a password, and the challenge is used up whatever comes of it.
    async fn try_passkey(
        &self,
        known: Option<(&Passkey, &User)>,
        presented: &ShownPasskey,
        waiting: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        let (people, now) = (&self.people, self.people.clock.now());
        let who = Who::of(known.map(|(_, user)| user.id), &to_base64(&presented.credential));
        let admitted = self.admit(Attempt { who, network: Network::of(source.ip), now }).await?;
        let challenge = challenge_of(&presented.shown.client_data).map_err(|error| unfit(&error))?;
        let challenge = Secret::new(challenge);
        if !people.store.take_passkey_challenge(&challenge.digest(), None, now).await? {
            return Err(LoginError::WrongPasskey);
        }
        let (passkey, user) = known.ok_or(LoginError::WrongPasskey)?;
        if presented.owner != user.id.to_string().as_bytes() {
            return Err(LoginError::WrongPasskey);
        }
        let site = self.passkey_site();
        let counter = presented.shown.verify(&site, challenge.expose(), &passkey.key).map_err(|error| unfit(&error))?;
        if !people.store.use_passkey(passkey.id, counter, now).await? {
            tracing::warn!(user = %user.id, "the counter of a passkey did not go on: there may be a copy of it");
            return Err(LoginError::WrongPasskey);
        }
        if user.disabled {
            return Err(LoginError::Disabled);
        }
        self.limits.login_was_right(&admitted, &people.settings).await;
        self.verified(user, source).await?;
        let Some(waiting) = waiting else { return self.begin(user, None, ALONE, source).await };
        let (waits, waiting) = self.waiting(waiting).await?;
        if waits.id != user.id || !people.store.end_waiting(&waiting.hash).await? {
            return Err(LoginError::ChallengeOver);
        }
        self.begin(user, None, AFTER_PASSWORD, source).await
    }
}

impl From<Limited> for PasskeyError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

impl From<OwnError> for PasskeyError {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Store(error) => Self::Unavailable(error),
            OwnError::SessionEnded | OwnError::PasswordChanged => Self::NotProved(error.into()),
        }
    }
}

/// Why is for the operator.
fn unfit(error: &Unfit) -> LoginError {
    tracing::info!(%error, "a passkey was refused");
    LoginError::WrongPasskey
}

fn named(name: &str) -> Result<String, PasskeyError> {
    let name = name.trim();
    let fits = (1..=MOST_LETTERS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(PasskeyError::Name) }
}

/// A key that was proved to be there, by a device that verified the person (RFC 8176).
const ALONE: &[&str] = &["hwk", "mfa"];
const AFTER_PASSWORD: &[&str] = &["pwd", "hwk", "mfa"];
/// As long as a browser lets its dialogue stand open.
const CHALLENGE_LIFE: Duration = Duration::from_secs(5 * 60);
const TOO_MANY_WAIT: Limited = Limited { retry_after: CHALLENGE_LIFE };
const MOST_LETTERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, from, secret};
    use super::*;
    use crate::passkey::{ALGORITHMS, Authenticator};

    const HERE: &str = "https://app.example.com";

    fn presented(device: &Authenticator, owner: UserId, challenge: &Secret) -> ShownPasskey {
        let shown = device.show(challenge.expose());
        ShownPasskey { credential: device.id.clone(), owner: owner.to_string().into_bytes(), shown }
    }

    async fn enrolled(house: &House, name: &str) -> (SignedIn, Authenticator) {
        let (ann, source) = (house.register(name).await, from("192.0.2.1"));
        let device = Authenticator::new(ALGORITHMS[1], HERE);
        let new = house.accounts.begin_passkey(&ann.user, ann.session, None, &source).await.unwrap();
        let made = device.make(new.challenge.expose());
        house.accounts.add_passkey(&ann.user, ann.session, &made, " key ", &source).await.unwrap();
        (ann, device)
    }

    async fn sign_in(house: &House, device: &Authenticator, owner: UserId) -> Result<SignedIn, LoginError> {
        let source = from("192.0.2.1");
        let challenge = house.accounts.begin_passkey_login(&source).await.unwrap();
        house.accounts.sign_in_with_passkey(&presented(device, owner, &challenge), None, &source).await
    }

    #[tokio::test]
    async fn a_passkey_signs_in_alone_and_counts_as_two_factors() {
        let house = House::new().await;
        let (ann, mut device) = enrolled(&house, "ann").await;
        let done = sign_in(&house, &device, ann.user.id).await.unwrap();
        assert!(house.identity(&done).showed_second_factor() && !house.identity(&ann).showed_second_factor());
        assert_eq!(done.user.id, ann.user.id);
        device.counter = 3;
        sign_in(&house, &device, ann.user.id).await.unwrap();
        for counter in [3, 2, 0] {
            device.counter = counter;
            let refused = sign_in(&house, &device, ann.user.id).await;
            assert!(matches!(refused, Err(LoginError::WrongPasskey)), "a copy: {counter}");
        }
        let kept = house.accounts.passkeys(ann.user.id).await.unwrap();
        assert_eq!((kept[0].name.as_str(), kept[0].counter, kept[0].last_used_at.is_some()), ("key", 3, true));
        house.accounts.remove_passkey(&ann.user, ann.session, kept[0].id, None, &from("192.0.2.1")).await.unwrap();
        device.counter = 9;
        assert!(matches!(sign_in(&house, &device, ann.user.id).await, Err(LoginError::WrongPasskey)), "removed");
    }

    #[tokio::test]
    async fn the_operator_takes_passkeys_away_from_somebody_who_lost_them() {
        let house = House::new().await;
        let ((ann, device), (bob, others)) = (enrolled(&house, "ann").await, enrolled(&house, "bob").await);
        let operator = Source::default();
        assert_eq!(house.people().count_passkeys(ann.user.id).await.unwrap(), 1);
        assert!(house.people().reset_second_factor(&ann.user, &operator).await.unwrap());
        assert!(!house.people().reset_second_factor(&ann.user, &operator).await.unwrap(), "nothing is left");
        assert!(matches!(sign_in(&house, &device, ann.user.id).await, Err(LoginError::WrongPasskey)));
        sign_in(&house, &others, bob.user.id).await.unwrap();
    }

    #[tokio::test]
    async fn a_challenge_is_good_once_and_soon_and_for_what_it_was_made() {
        let house = House::new().await;
        let ((ann, device), source) = (enrolled(&house, "ann").await, from("192.0.2.1"));
        let show = async |challenge: &Secret| {
            house.accounts.sign_in_with_passkey(&presented(&device, ann.user.id, challenge), None, &source).await
        };
        let challenge = house.accounts.begin_passkey_login(&source).await.unwrap();
        assert!(show(&challenge).await.is_ok());
        assert!(matches!(show(&challenge).await, Err(LoginError::WrongPasskey)), "twice");
        let late = house.accounts.begin_passkey_login(&source).await.unwrap();
        house.clock.advance(5 * MINUTE);
        assert!(matches!(show(&late).await, Err(LoginError::WrongPasskey)), "late");
        assert!(matches!(show(&secret("bm9uZQ")).await, Err(LoginError::WrongPasskey)), "never made");
        let to_add = house.accounts.begin_passkey(&ann.user, ann.session, None, &source).await.unwrap().challenge;
        assert!(matches!(show(&to_add).await, Err(LoginError::WrongPasskey)), "made to add one");
        let bob = house.register("bob").await;
        let other = Authenticator::new(ALGORITHMS[0], HERE);
        let stolen = other.make(to_add.expose());
        let refused = house.accounts.add_passkey(&bob.user, bob.session, &stolen, "x", &source).await;
        assert!(matches!(refused, Err(PasskeyError::ChallengeOver)), "another person's");
        let to_show = house.accounts.begin_passkey_login(&source).await.unwrap();
        let refused =
            house.accounts.add_passkey(&bob.user, bob.session, &other.make(to_show.expose()), "x", &source).await;
        assert!(matches!(refused, Err(PasskeyError::ChallengeOver)), "made to sign in");
    }

    #[tokio::test]
    async fn nobody_signs_in_as_somebody_else_or_when_disabled_or_without_end() {
        let house = House::new().await;
        let (ann, device) = enrolled(&house, "ann").await;
        let (bob, others) = enrolled(&house, "bob").await;
        assert!(matches!(sign_in(&house, &device, bob.user.id).await, Err(LoginError::WrongPasskey)), "whose it is");
        let mut borrowed = Authenticator::new(ALGORITHMS[1], HERE);
        borrowed.id.clone_from(&others.id);
        let mut limited = 0;
        for _ in 0..10 {
            match sign_in(&house, &borrowed, bob.user.id).await {
                Err(LoginError::WrongPasskey) => {}
                Err(LoginError::Limited { .. }) => limited += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(limited, 5, "as many as passwords");
        house.clock.advance(5 * MINUTE);
        let again = house.accounts.begin_passkey(&bob.user, bob.session, None, &from("192.0.2.1")).await.unwrap();
        let made = device.make(again.challenge.expose());
        let refused = house.accounts.add_passkey(&bob.user, bob.session, &made, "x", &from("192.0.2.1")).await;
        assert!(matches!(refused, Err(PasskeyError::Exists)), "ann's own");
        house.clock.advance(11 * MINUTE);
        let late = house.accounts.begin_passkey(&bob.user, bob.session, None, &from("192.0.2.1")).await;
        assert!(matches!(late, Err(PasskeyError::NotProved(FactorError::LoginTooOld(_)))));
        house.people().disable(ann.user.id, &Source::default()).await.unwrap();
        assert!(matches!(sign_in(&house, &device, ann.user.id).await, Err(LoginError::Disabled)));
        assert!(sign_in(&house, &others, bob.user.id).await.is_ok());
    }

    #[tokio::test]
    async fn no_device_is_asked_for_one_that_is_too_many() {
        let house = House::new().await;
        let ((ann, _), store) = (enrolled(&house, "ann").await, &house.people().store);
        let begin = async || house.accounts.begin_passkey(&ann.user, ann.session, None, &from("192.0.2.1")).await;
        let first = store.passkeys(ann.user.id).await.unwrap().remove(0);
        let who = Oneself::by_session(&ann.user, ann.session);
        for number in 1..20 {
            begin().await.unwrap();
            let id = PasskeyId::new(house.clock.now());
            let created_at = house.clock.now();
            let new = Passkey { id, credential: vec![number], created_at, ..first.clone() };
            store.add_passkey(&who, &new).await.unwrap();
            house.clock.advance(Duration::from_secs(5));
        }
        assert!(matches!(begin().await, Err(PasskeyError::TooMany)));
    }

    #[tokio::test]
    async fn after_a_password_it_may_stand_for_the_code() {
        let house = House::new().await;
        let ((ann, device), source) = (enrolled(&house, "ann").await, from("192.0.2.1"));
        house.accounts.begin_totp(&ann.user, ann.session, None, &source).await.unwrap();
        let totp = house.people().store.totp(ann.user.id).await.unwrap().unwrap();
        let step = i64::try_from(house.clock.now().seconds() / 30).unwrap();
        let code = Secret::new(super::super::totp::code_at(&totp.key, step));
        let thief = house.accounts.login("ann", &secret(PASSWORD), &source).await.unwrap();
        let begun = house.accounts.begin_passkey(&ann.user, thief.session, None, &source).await.unwrap();
        house.accounts.confirm_totp(&ann.user, ann.session, &code, &source).await.unwrap();
        let made = device.make(begun.challenge.expose());
        let late = house.accounts.add_passkey(&ann.user, thief.session, &made, "x", &source).await;
        assert!(matches!(late, Err(PasskeyError::NotProved(FactorError::NotShown))), "{late:?}");
        let refused = house.accounts.login("ann", &secret(PASSWORD), &source).await;
        let Err(LoginError::SecondFactor { challenge: waiting, methods }) = refused else { panic!("{refused:?}") };
        assert_eq!(methods, ["totp", "recovery_code", "passkey"]);
        let (bob, others) = enrolled(&house, "bob").await;
        let show = async |device: &Authenticator, owner: UserId| {
            let challenge = house.accounts.begin_passkey_login(&source).await.unwrap();
            let presented = presented(device, owner, &challenge);
            house.accounts.sign_in_with_passkey(&presented, Some(&waiting), &source).await
        };
        assert!(matches!(show(&others, bob.user.id).await, Err(LoginError::ChallengeOver)), "another person's");
        let done = show(&device, ann.user.id).await.unwrap();
        assert!(house.identity(&done).showed_second_factor());
        assert!(matches!(show(&device, ann.user.id).await, Err(LoginError::ChallengeOver)), "good once");
    }
}
