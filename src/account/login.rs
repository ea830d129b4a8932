//! Signing in.
use std::time::Duration;

use super::limits::{Attempt, Who};
use super::session::{PASSWORD_ONLY, Proof};
use super::trail::Entry;
use super::{Accounts, Identifier, SignedIn, Source};
use crate::base::{Email, Network, Secret, Username};
use crate::limit::Limited;
use crate::observe::Action;
use crate::password::HashError;
use crate::store::{Started, StoreError, User};
use crate::token::SignError;

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// An unknown name, a wrong password, no password: all the same.
    #[error("the name or the password is not right")]
    WrongCredentials,
    /// Said only after a right password.
    #[error("the account is disabled")]
    Disabled,
    /// Said only after a right password.
    #[error("the e-mail address is not verified")]
    Unverified,
    /// Said only after a right password: tokens name people by what this one has not.
    #[error("the person has no {0}, which [tokens] subject names people by: give them one with `authgate user edit`")]
    Nameless(&'static str),
    /// The password was right; the rest is sent with the challenge.
    #[error("a second factor is needed")]
    SecondFactor { challenge: Secret, methods: Vec<&'static str> },
    /// Used, over, tried too often, or never made.
    #[error("the challenge is not good")]
    ChallengeOver,
    #[error("the code is not right")]
    WrongCode,
    /// Whatever is wrong with it.
    #[error("the passkey is not good")]
    WrongPasskey,
    /// Said whether or not the name exists and the password was right.
    #[error("too many attempts")]
    Limited { retry_after: Duration },
    #[error("too many passwords are being hashed")]
    Busy { retry_after: Duration },
    #[error("cannot sign a token")]
    Signing(#[source] SignError),
    #[error("cannot read the account")]
    Unavailable(#[source] StoreError),
}

impl Accounts {
    /// Signs in by name and password.
    pub(crate) async fn login(
        &self,
        name: &str,
        password: &Secret,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        let (user, outcome) = match self.named(name).await {
            Ok(user) => {
                let mut outcome = self.login_as(user.as_ref(), name, password, source).await;
                if self.old.is_some() && user.is_none() && matches!(outcome, Err(LoginError::WrongCredentials)) {
                    outcome = self.ask_old_login(name, password, source).await;
                }
                (user, outcome)
            }
            Err(error) => (None, Err(LoginError::Unavailable(error))),
        };
        let known = user.as_ref().or(outcome.as_ref().ok().map(|done| &done.user));
        let entry = Entry::new(Action::SignedIn, source).about(known);
        match &outcome {
            Ok(done) => entry.session(done.session).record(&self.people),
            Err(error) => entry.refused(Some(error.code())).record(&self.people),
        }
        outcome
    }

    /// The order matters: what is too long is never hashed, what is too often is not even compared, and known, unknown
    /// and disabled names take the same way until the password is known to be right.
    pub(super) async fn login_as(
        &self,
        user: Option<&User>,
        name: &str,
        password: &Secret,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        let (people, settings) = (&self.people, &self.people.settings);
        let now = people.clock.now();
        let given = people.policy.given(password);
        let attempt = Attempt { who: Who::of(user.map(|user| user.id), name), network: Network::of(source.ip), now };
        let admitted = self.admit(attempt).await?;
        let given = given.ok_or(LoginError::WrongCredentials)?;
        let kept = user.and_then(|user| user.password_hash.as_ref());
        let matched = people.hasher.verify(&given, kept).await?;
        let user = user.filter(|_| matched).ok_or(LoginError::WrongCredentials)?;
        if user.disabled {
            return Err(LoginError::Disabled);
        }
        self.limits.login_was_right(&admitted, settings).await;
        let rehashed = match kept.filter(|kept| people.hasher.needs_rehash(kept)) {
            // When the pool is full the old hash stays for now.
            Some(_) => people.hasher.hash(&given).await.ok(),
            None => None,
        };
        self.verified(user, source).await?;
        self.second_factor_of(user).await?;
        self.begin(user, rehashed.as_ref(), PASSWORD_ONLY, source).await
    }

    /// Whether the address was verified, where it must be. Somebody whose address was not is sent a link again; who has
    /// none was added by the operator.
    pub(super) async fn verified(&self, user: &User, source: &Source<'_>) -> Result<(), LoginError> {
        let Some(email) = user.email.clone().filter(|_| self.people.settings.verify_email && !user.email_verified)
        else {
            return Ok(());
        };
        if self.limits.letter_to(&email, self.people.clock.now()).await.is_ok() {
            let (accounts, user, source) = (self.clone(), user.clone(), source.kept());
            // When too much is being written the next attempt sends one.
            let sent = self.later(async move { accounts.send_address_link(&user, &email, &source.lent()).await });
            drop(sent);
        }
        Err(LoginError::Unverified)
    }

    pub(super) async fn begin(
        &self,
        user: &User,
        rehashed: Option<&Secret>,
        how: Proof,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        if let Some(what) = self.people.settings.lacks(user.username.is_some(), user.email.is_some()) {
            let error = LoginError::Nameless(what);
            tracing::warn!(%error, user = %user.id, "somebody with a right password cannot be given a token");
            return Err(error);
        }
        let now = self.people.clock.now();
        let (session, key) = self.new_session(how, source, now);
        match self.people.store.start_session(user, &session, rehashed).await? {
            Started::Begun(live) => match self.hand_out(live, key, now) {
                Ok(done) => Ok(done),
                Err(error) => {
                    self.undo(session.id).await?;
                    Err(LoginError::Signing(error))
                }
            },
            Started::PasswordChanged => Err(LoginError::WrongCredentials),
            Started::Disabled => Err(LoginError::Disabled),
        }
    }

    /// Whom a name means, by what people sign in with. A text that cannot be a name is nobody's.
    pub(super) async fn named(&self, name: &str) -> Result<Option<User>, StoreError> {
        let by_email = match self.people.settings.identifier {
            Identifier::Username => false,
            Identifier::Email => true,
            Identifier::Either => name.contains('@'),
        };
        if by_email {
            let Ok(email) = Email::parse(name) else { return Ok(None) };
            return self.people.store.user_by_email(&email).await;
        }
        let Ok(username) = Username::parse(name) else { return Ok(None) };
        self.people.store.user_by_username(&username).await
    }
}

impl LoginError {
    /// The word for the audit trail.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "invalid_credentials",
            Self::Disabled | Self::Nameless(_) => "account_disabled",
            Self::Unverified => "email_unverified",
            Self::SecondFactor { .. } => "mfa_required",
            Self::ChallengeOver => "invalid_challenge",
            Self::WrongCode => "invalid_code",
            Self::WrongPasskey => "invalid_passkey",
            Self::Limited { .. } => "too_many_attempts",
            Self::Busy { .. } => "busy",
            Self::Signing(_) => "internal",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<Limited> for LoginError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

impl From<HashError> for LoginError {
    fn from(HashError::Busy { retry_after }: HashError) -> Self {
        Self::Busy { retry_after }
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, from, passwords, secret};
    use super::*;
    use crate::password::{Argon2Cost, Hasher, Policy, Settings as PasswordSettings};

    async fn attempt(house: &House, name: &str, password: &str, ip: &str) -> Result<SignedIn, LoginError> {
        house.accounts.login(name, &secret(password), &from(ip)).await
    }

    #[tokio::test]
    async fn unknown_names_and_wrong_passwords_are_told_apart_by_nothing() {
        let house = House::new().await;
        house.register("ann").await;
        let long = "x".repeat(1025);
        for (name, password) in [
            ("ann", "wrong"),
            ("bob", PASSWORD),
            ("' OR 1=1--", PASSWORD),
            ("", ""),
            ("ann", &long),
            ("ann ", PASSWORD),
        ] {
            let refused = attempt(&house, name, password, "192.0.2.1").await;
            assert!(matches!(refused, Err(LoginError::WrongCredentials)), "{name:?}");
        }
        assert!(attempt(&house, "Ann", PASSWORD, "192.0.2.1").await.is_ok());
        let by_address = attempt(&house, "ann@example.com", PASSWORD, "192.0.2.1").await;
        assert!(matches!(by_address, Err(LoginError::WrongCredentials)), "people sign in by username here");
    }

    #[tokio::test]
    async fn another_programs_hash_signs_in_and_becomes_ours() {
        let house = House::new().await;
        let people = house.people();
        // Made by bcrypt 4.0.1 of Python.
        let hash = secret("$2b$10$xl2Hx1pyGIv4GM8tR3jycezDRH0UMKlf.BR/I5L6Pl0JSicoCSIZC");
        assert_eq!(people.hasher.inspect(&hash), Ok("bcrypt"));
        let new = crate::store::NewUser {
            username: Some(Username::parse("ann").unwrap()),
            password_hash: Some(hash.clone()),
            ..Default::default()
        };
        people.store.create_user(&new, people.clock.now()).await.unwrap();
        assert!(attempt(&house, "ann", PASSWORD, "192.0.2.1").await.is_err());
        let kept = async || people.find("ann").await.unwrap().unwrap().password_hash.unwrap();
        assert_eq!(kept().await.expose(), hash.expose(), "a wrong password changes nothing");
        for _ in 0..2 {
            attempt(&house, "ann", "correct horse battery staple", "192.0.2.1").await.unwrap();
            assert!(kept().await.expose().starts_with("$argon2id$"));
        }
    }

    #[tokio::test]
    async fn every_attempt_that_is_let_in_is_hashed_once_and_no_other() {
        let house = House::with(|settings| settings.login_per_account.count = 3).await;
        let ann = house.register("ann").await;
        house.people().disable(ann.user.id, &Source::default()).await.unwrap();
        let hashed = || house.people().hasher.runs();
        for (name, password) in [("ann", "wrong"), ("ann", PASSWORD), ("nobody", "wrong"), ("no name", "wrong")] {
            let before = hashed();
            assert!(attempt(&house, name, password, "192.0.2.1").await.is_err());
            assert_eq!(hashed() - before, 1, "{name}");
        }
        let before = hashed();
        let long = "x".repeat(1025);
        for password in [long.as_str(), "wrong", PASSWORD] {
            assert!(attempt(&house, "ann", password, "192.0.2.1").await.is_err());
        }
        assert_eq!(hashed(), before, "too long, and then too often");
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_no_hash_lets_nobody_in() {
        let house = House::new().await;
        let ann = house.register("ann").await.user.id;
        for (ip, kept) in ["", "nonsense", "$argon2id$v=19$m=2147483648,t=1,p=1$c2FsdHNhbHQ$aGFzaA"].iter().enumerate()
        {
            house.people().store.set_password(ann, &secret(kept), &house.clock).await.unwrap();
            let refused = attempt(&house, "ann", PASSWORD, &format!("192.0.2.{ip}")).await;
            assert!(matches!(refused, Err(LoginError::WrongCredentials)), "{kept}");
        }
    }

    #[tokio::test]
    async fn the_identifier_says_what_is_a_name() {
        for (identifier, by_name, by_address) in
            [(Identifier::Username, true, false), (Identifier::Email, false, true), (Identifier::Either, true, true)]
        {
            let house = House::with(|settings| settings.identifier = identifier).await;
            house.register("ann").await;
            assert_eq!(attempt(&house, "ANN", PASSWORD, "192.0.2.1").await.is_ok(), by_name);
            assert_eq!(attempt(&house, "Ann@Example.com", PASSWORD, "192.0.2.1").await.is_ok(), by_address);
        }
    }

    #[tokio::test]
    async fn that_an_account_is_disabled_is_told_to_its_owner_only() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        house.people().disable(ann.user.id, &Source::default()).await.unwrap();
        let stranger = attempt(&house, "ann", "wrong", "192.0.2.1").await;
        assert!(matches!(stranger, Err(LoginError::WrongCredentials)));
        let owner = attempt(&house, "ann", PASSWORD, "192.0.2.1").await;
        assert!(matches!(owner, Err(LoginError::Disabled)));
    }

    #[tokio::test]
    async fn after_too_many_attempts_the_right_password_is_not_told_either() {
        let house = House::with(|settings| settings.login_per_ip.count = 1000).await;
        house.register("ann").await;
        for name in ["ann", "nobody"] {
            for count in 0..30 {
                let refused = attempt(&house, name, "wrong", "192.0.2.1").await.unwrap_err();
                assert_eq!(matches!(refused, LoginError::Limited { .. }), count >= 5, "{name} {count}");
            }
            let limited = attempt(&house, name, PASSWORD, "192.0.2.1").await;
            assert!(matches!(limited, Err(LoginError::Limited { .. })));
        }
        assert!(attempt(&house, "ann", PASSWORD, "192.0.2.2").await.is_ok(), "from elsewhere its owner comes in");
        house.clock.advance(MINUTE);
        assert!(attempt(&house, "ann", PASSWORD, "192.0.2.1").await.is_ok());
    }

    #[tokio::test]
    async fn all_names_of_an_account_share_its_bucket() {
        let house = House::with(|settings| settings.identifier = Identifier::Either).await;
        house.register("ann").await;
        for name in ["ann", "Ann", "ann@example.com", "ANN@example.com", "aNN"] {
            assert!(matches!(attempt(&house, name, "wrong", "192.0.2.1").await, Err(LoginError::WrongCredentials)));
        }
        let limited = attempt(&house, "ann@EXAMPLE.com", "wrong", "192.0.2.1").await;
        assert!(matches!(limited, Err(LoginError::Limited { .. })));
    }

    #[tokio::test]
    async fn many_sources_together_are_limited_too() {
        let house = House::new().await;
        house.register("ann").await;
        let mut compared = 0;
        for source in 0..30 {
            for _ in 0..5 {
                let refused = attempt(&house, "ann", "wrong", &format!("198.51.100.{source}")).await;
                compared += u32::from(matches!(refused, Err(LoginError::WrongCredentials)));
            }
        }
        assert!((50..55).contains(&compared), "{compared}");
    }

    #[tokio::test]
    async fn one_source_is_limited_whatever_names_it_tries() {
        let house = House::new().await;
        for count in 0..25 {
            let refused = attempt(&house, &format!("user{count}"), "wrong", "192.0.2.1").await.unwrap_err();
            assert_eq!(matches!(refused, LoginError::Limited { .. }), count >= 20, "{count}");
        }
    }

    #[tokio::test]
    async fn right_passwords_do_not_count_against_the_account() {
        let house = House::new().await;
        house.register("ann").await;
        for _ in 0..15 {
            assert!(attempt(&house, "ann", PASSWORD, "192.0.2.1").await.is_ok());
        }
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_made_anew() {
        let house = House::new().await;
        let ann = house.register("ann").await;
        let other = PasswordSettings { cost: Argon2Cost { memory_kib: 32, iterations: 1, lanes: 1 }, ..passwords() };
        let password = Policy::new(&other).given(&secret(PASSWORD)).unwrap();
        let old = Hasher::new(&other).hash(&password).await.unwrap();
        let store = &house.people().store;
        store.set_password(ann.user.id, &old, &house.clock).await.unwrap();
        assert!(attempt(&house, "ann", PASSWORD, "192.0.2.1").await.is_ok());
        let kept = store.user(ann.user.id).await.unwrap().unwrap().password_hash.unwrap();
        assert!(!house.people().hasher.needs_rehash(&kept));
        assert!(attempt(&house, "ann", PASSWORD, "192.0.2.1").await.is_ok());
    }
}
