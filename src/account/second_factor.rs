//! A second factor: adding one, showing it, taking it away.
use std::time::Duration;

use qrcode::QrCode;
use qrcode::render::svg;
use zeroize::Zeroizing;

use super::totp;
use super::trail::Entry;
use super::{Accounts, LoginError, People, SignedIn, Source};
use crate::base::{Network, Secret, SessionId, UserId, random_bytes};
use crate::limit::Limited;
use crate::observe::Action;
use crate::password::HashError;
use crate::store::{Oneself, OwnError, Session, StoreError, Totp, User, Waiting};
use crate::token::{KeyError, Seal};

/// A key to be put into a device, in three forms.
#[derive(Debug)]
pub(crate) struct NewTotp {
    /// To be typed.
    pub(crate) key: Secret,
    /// `otpauth://totp/…`
    pub(crate) uri: Secret,
    /// The same as a picture: SVG.
    pub(crate) picture: Secret,
}

/// What somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Factors {
    pub(crate) totp: bool,
    pub(crate) recovery_codes: i64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum FactorError {
    #[error("the password is not right")]
    WrongPassword,
    #[error("signed in too long ago to do that without the password")]
    LoginTooOld(Duration),
    #[error("this session has not shown the second factor that there is")]
    NotShown,
    #[error("the session has ended")]
    Ended,
    #[error("the code is not right")]
    WrongCode,
    #[error("there is a second factor already")]
    Exists,
    #[error("there is no second factor")]
    Missing,
    #[error("too many attempts")]
    Limited { retry_after: Duration },
    #[error("too many passwords are being hashed")]
    Busy { retry_after: Duration },
    #[error("cannot encrypt or decrypt the key")]
    Sealed(#[source] KeyError),
    #[error("cannot draw the key")]
    Picture,
    #[error("cannot read or write the account")]
    Unavailable(#[source] StoreError),
}

impl Accounts {
    pub(crate) async fn factors(&self, user: UserId) -> Result<Factors, StoreError> {
        self.people.factors(user).await
    }

    /// Makes a key, which counts from when a code of it was shown.
    pub(crate) async fn begin_totp(
        &self,
        user: &User,
        session: SessionId,
        password: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<NewTotp, FactorError> {
        let who = self.prove(user, session, password, source).await?;
        let key = Zeroizing::new(random_bytes::<{ totp::KEY_BYTES }>());
        let site = self.letters.site_name();
        let uri = totp::uri(key.as_slice(), site, user.label().unwrap_or("account"));
        let code = QrCode::new(uri.as_bytes()).map_err(|_| FactorError::Picture)?;
        let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
        let (kept, sealed) = match self.seal()? {
            Some(seal) => (seal.seal_factor(user.id, key.as_slice()).map_err(FactorError::Sealed)?, true),
            None => (key.to_vec(), false),
        };
        if !self.people.store.begin_totp(&who, &Zeroizing::new(kept), sealed, self.people.clock.now()).await? {
            return Err(FactorError::Exists);
        }
        let typed = Secret::new(totp::base32(key.as_slice()));
        Ok(NewTotp { key: typed, uri: Secret::new(uri), picture: Secret::new(picture) })
    }

    /// From a right code on the key is asked for at each sign-in. The recovery codes are told here and never again.
    pub(crate) async fn confirm_totp(
        &self,
        user: &User,
        session: SessionId,
        code: &Secret,
        source: &Source<'_>,
    ) -> Result<Vec<Secret>, FactorError> {
        let people = &self.people;
        let (network, now) = (Network::of(source.ip), people.clock.now());
        self.limits.code(user.id, network, &people.settings, now).await?;
        let totp = people.store.totp(user.id).await?.ok_or(FactorError::Missing)?;
        if totp.confirmed {
            return Err(FactorError::Exists);
        }
        let key = self.open(user.id, &totp)?;
        let step = totp::step_of(&key, code, totp.last_step, now).ok_or(FactorError::WrongCode)?;
        self.limits.code_was_right(user.id, network, &people.settings).await;
        let (codes, hashes) = new_codes();
        let who = Oneself::by_session(user, session);
        if !people.store.confirm_totp(&who, (&totp, step), &hashes, now).await? {
            // This key was confirmed in the meantime, by the same form that was sent twice, or another one was begun: the code
            // is none of that one.
            let confirmed = people.store.totp(user.id).await?.is_some_and(|totp| totp.confirmed);
            return Err(if confirmed { FactorError::Exists } else { FactorError::WrongCode });
        }
        Entry::new(Action::SecondFactorAdded, source).about(Some(user)).session(session).record(people);
        Ok(codes)
    }

    /// Makes new recovery codes; those of before are no longer good.
    pub(crate) async fn new_recovery_codes(
        &self,
        user: &User,
        session: SessionId,
        password: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<Vec<Secret>, FactorError> {
        let who = self.prove(user, session, password, source).await?;
        if !self.factors(user.id).await?.totp {
            return Err(FactorError::Missing);
        }
        let (codes, hashes) = new_codes();
        self.people.store.replace_recovery_codes(&who, &hashes, self.people.clock.now()).await?;
        Entry::new(Action::RecoveryCodesMade, source).about(Some(user)).session(session).record(&self.people);
        Ok(codes)
    }

    pub(crate) async fn remove_totp(
        &self,
        user: &User,
        session: SessionId,
        password: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<(), FactorError> {
        let who = self.prove(user, session, password, source).await?;
        if !self.people.store.remove_own_totp(&who, self.people.clock.now()).await? {
            return Err(FactorError::Missing);
        }
        Entry::new(Action::SecondFactorRemoved, source).about(Some(user)).session(session).record(&self.people);
        Ok(())
    }

    /// After a right password: whether the sign-in has to wait for a second factor.
    pub(super) async fn second_factor_of(&self, user: &User) -> Result<(), LoginError> {
        let (store, now) = (&self.people.store, self.people.clock.now());
        if !store.totp(user.id).await?.is_some_and(|totp| totp.confirmed) {
            return Ok(());
        }
        let challenge = Secret::random(PREFIX);
        let expires_at = now.plus(CHALLENGE_LIFE);
        let password_set_at = user.password_set_at;
        store.add_waiting(&Waiting { hash: challenge.digest(), user: user.id, password_set_at, expires_at }).await?;
        let mut methods = vec!["totp", "recovery_code"];
        if !store.passkeys(user.id).await?.is_empty() {
            methods.push("passkey");
        }
        Err(LoginError::SecondFactor { challenge, methods })
    }

    /// Ends a sign-in that waits, with a code of the device or a recovery code.
    pub(crate) async fn sign_in_with_code(
        &self,
        challenge: &Secret,
        code: &Secret,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        let (user, outcome) = match self.waiting(challenge).await {
            Ok((user, waiting)) => {
                let outcome = self.try_code(&user, &waiting, code, source).await;
                (Some(user), outcome)
            }
            Err(error) => (None, Err(error)),
        };
        let entry = Entry::new(Action::SignedIn, source).about(user.as_ref()).detail("second factor");
        match &outcome {
            Ok(done) => entry.session(done.session).record(&self.people),
            Err(error) => entry.refused(Some(error.code())).record(&self.people),
        }
        outcome
    }

    pub(super) async fn waiting(&self, challenge: &Secret) -> Result<(User, Waiting), LoginError> {
        let (store, now) = (&self.people.store, self.people.clock.now());
        let waiting = store.try_waiting(&challenge.digest(), now).await?.ok_or(LoginError::ChallengeOver)?;
        let user = store.user(waiting.user).await?;
        let user = user.filter(|user| user.password_set_at == waiting.password_set_at);
        Ok((user.ok_or(LoginError::ChallengeOver)?, waiting))
    }

    async fn try_code(
        &self,
        user: &User,
        waiting: &Waiting,
        code: &Secret,
        source: &Source<'_>,
    ) -> Result<SignedIn, LoginError> {
        let people = &self.people;
        let network = Network::of(source.ip);
        self.limits.code(user.id, network, &people.settings, people.clock.now()).await?;
        if !self.takes_code(user, code, source).await? {
            return Err(LoginError::WrongCode);
        }
        self.limits.code_was_right(user.id, network, &people.settings).await;
        if !people.store.end_waiting(&waiting.hash).await? {
            return Err(LoginError::ChallengeOver);
        }
        self.begin(user, None, WITH_CODE, source).await
    }

    /// Uses the code up, if it is one.
    async fn takes_code(&self, user: &User, code: &Secret, source: &Source<'_>) -> Result<bool, LoginError> {
        let people = &self.people;
        let Some(totp) = people.store.totp(user.id).await?.filter(|totp| totp.confirmed) else { return Ok(false) };
        let key = self.open(user.id, &totp).map_err(|error| {
            tracing::error!(error = %crate::observe::Chain(&error), "a second factor cannot be read");
            LoginError::WrongCode
        })?;
        if let Some(step) = totp::step_of(&key, code, totp.last_step, people.clock.now()) {
            return Ok(people.store.use_totp_step(user.id, step).await?);
        }
        let used = people.store.use_recovery_code(user.id, &written_alike(code).digest()).await?;
        if used {
            Entry::new(Action::RecoveryCodeUsed, source).about(Some(user)).record(people);
        }
        Ok(used)
    }

    /// Whoever changes how somebody signs in shows the password, or signed in a moment ago: a token that was left lying
    /// about does not suffice. Where there is a second factor the session has shown it: one from before it there was, of
    /// somebody who knows the password, does not take it away. The store asks again when it makes the change.
    pub(super) async fn prove(
        &self,
        user: &User,
        session: SessionId,
        password: Option<&Secret>,
        source: &Source<'_>,
    ) -> Result<Oneself, FactorError> {
        let live = self.with_what_there_is(user, session).await?;
        let Some(password) = password else {
            let fresh = self.is_fresh(&live);
            return if fresh { Ok(Oneself::by_session(user, session)) } else { Err(FactorError::LoginTooOld(FRESH)) };
        };
        let known = self.knows_password::<FactorError>(user, password, source).await?;
        if known { Ok(Oneself::by_password(user, session)) } else { Err(FactorError::WrongPassword) }
    }

    /// The session, which has shown the second factor where there is one.
    pub(super) async fn with_what_there_is(&self, user: &User, session: SessionId) -> Result<Session, FactorError> {
        let (store, now) = (&self.people.store, self.people.clock.now());
        let live = store.live_session(session, now).await?.ok_or(FactorError::Ended)?;
        let shown = live.session.amr.iter().any(|word| word == "mfa");
        if !shown && store.totp(user.id).await?.is_some_and(|totp| totp.confirmed) {
            return Err(FactorError::NotShown);
        }
        Ok(*live.session)
    }

    /// Whether this sign-in stands for the password still.
    pub(crate) fn is_fresh(&self, session: &Session) -> bool {
        session.auth_time.plus(FRESH) > self.people.clock.now()
    }

    fn seal(&self) -> Result<Option<Seal>, FactorError> {
        let secret = self.tokens.settings().keys.encrypt_with.as_ref();
        secret.map(Seal::new).transpose().map_err(FactorError::Sealed)
    }

    fn open(&self, user: UserId, totp: &Totp) -> Result<Zeroizing<Vec<u8>>, FactorError> {
        if !totp.sealed {
            return Ok(totp.key.clone());
        }
        let missing = || FactorError::Sealed(KeyError::NoSecret { kid: "of a second factor".to_owned() });
        self.seal()?.ok_or_else(missing)?.open_factor(user, &totp.key).map_err(FactorError::Sealed)
    }
}

impl People {
    pub(crate) async fn factors(&self, user: UserId) -> Result<Factors, StoreError> {
        let totp = self.store.totp(user).await?.is_some_and(|totp| totp.confirmed);
        Ok(Factors { totp, recovery_codes: self.store.recovery_codes_left(user).await? })
    }

    /// How many passkeys somebody has.
    pub(crate) async fn count_passkeys(&self, user: UserId) -> Result<usize, StoreError> {
        Ok(self.store.passkeys(user).await?.len())
    }

    /// Takes all but the password away from somebody who lost it: the app, the recovery codes and the passkeys. Whether there
    /// was anything.
    pub(crate) async fn reset_second_factor(&self, user: &User, source: &Source<'_>) -> Result<bool, StoreError> {
        let totp = self.store.remove_totp(user.id).await?;
        let passkeys = self.store.remove_passkeys(user.id).await?;
        self.record_taken((totp, passkeys), user, "by the operator", source);
        Ok(totp || passkeys)
    }

    /// Writes down what was taken away from somebody beside the password.
    pub(super) fn record_taken(&self, (totp, passkeys): (bool, bool), user: &User, why: &str, source: &Source<'_>) {
        let taken = [(totp, Action::SecondFactorRemoved), (passkeys, Action::PasskeyRemoved)];
        for (_, action) in taken.into_iter().filter(|(gone, _)| *gone) {
            Entry::new(action, source).about(Some(user)).detail(why).record(self);
        }
    }
}

/// Ten codes of 80 bits, `ABCD-EFGH-IJKL-MNOP`, and what is kept of them.
fn new_codes() -> (Vec<Secret>, Vec<[u8; 32]>) {
    let code = |_| {
        let letters: Vec<char> = totp::base32(&random_bytes::<10>()).chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        Secret::new(groups.join("-"))
    };
    let codes: Vec<_> = (0..CODES).map(code).collect();
    let hashes = codes.iter().map(Secret::digest).collect();
    (codes, hashes)
}

/// Small letters and blanks are as good.
fn written_alike(code: &Secret) -> Secret {
    let letters: Vec<char> = code.expose().chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    Secret::new(groups.join("-").to_ascii_uppercase())
}

impl From<Limited> for FactorError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

impl From<HashError> for FactorError {
    fn from(HashError::Busy { retry_after }: HashError) -> Self {
        Self::Busy { retry_after }
    }
}

impl From<OwnError> for FactorError {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::SessionEnded => Self::Ended,
            OwnError::PasswordChanged => Self::WrongPassword,
            OwnError::Store(error) => Self::Unavailable(error),
        }
    }
}

impl From<StoreError> for FactorError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

const WITH_CODE: &[&str] = &["pwd", "otp", "mfa"];
/// Tells a challenge from everything else that is random.
const PREFIX: &str = "agc_";
/// To find the device.
const CHALLENGE_LIFE: Duration = Duration::from_secs(5 * 60);
/// So long a sign-in stands for the password.
const FRESH: Duration = Duration::from_secs(10 * 60);
const CODES: usize = 10;

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::{House, MINUTE, PASSWORD, from, secret};
    use super::*;

    /// A code of the key that stands in the store, which is not encrypted here.
    async fn code(house: &House, user: UserId, off: i64) -> Secret {
        let totp = house.people().store.totp(user).await.unwrap().unwrap();
        let step = i64::try_from(house.clock.now().seconds() / 30).unwrap();
        Secret::new(totp::code_at(&totp.key, step + off))
    }

    async fn enrolled(house: &House) -> (SignedIn, Vec<Secret>) {
        let (ann, source) = (house.register("ann").await, from("192.0.2.1"));
        house.accounts.begin_totp(&ann.user, ann.session, None, &source).await.unwrap();
        let code = code(house, ann.user.id, 0).await;
        let codes = house.accounts.confirm_totp(&ann.user, ann.session, &code, &source).await.unwrap();
        (ann, codes)
    }

    async fn challenge(house: &House) -> Secret {
        let refused = house.accounts.login("ann", &secret(PASSWORD), &from("192.0.2.1")).await;
        let Err(LoginError::SecondFactor { challenge, .. }) = refused else { panic!("{refused:?}") };
        challenge
    }

    #[tokio::test]
    async fn a_challenge_is_over_after_five_minutes_with_a_new_password_and_after_five_tries() {
        let house = House::with(|settings| settings.login_per_account.count = 100).await;
        let (ann, codes) = enrolled(&house).await;
        let show = async |challenge: &Secret, code: &Secret| {
            house.accounts.sign_in_with_code(challenge, code, &from("192.0.2.1")).await
        };
        let late = challenge(&house).await;
        house.clock.advance(5 * MINUTE);
        assert!(matches!(show(&late, &codes[0]).await, Err(LoginError::ChallengeOver)));
        let guessed = challenge(&house).await;
        for _ in 0..5 {
            assert!(matches!(show(&guessed, &secret("000000")).await, Err(LoginError::WrongCode)));
        }
        assert!(matches!(show(&guessed, &codes[0]).await, Err(LoginError::ChallengeOver)));
        let stale = challenge(&house).await;
        house.clock.advance(Duration::from_millis(5));
        house.people().set_password(ann.user.id, &secret(PASSWORD), &Source::default()).await.unwrap();
        assert!(matches!(show(&stale, &codes[0]).await, Err(LoginError::ChallengeOver)));
        let good = challenge(&house).await;
        let small = secret(&codes[0].expose().to_ascii_lowercase().replace('-', " "));
        let done = show(&good, &small).await.unwrap();
        assert!(house.identity(&done).showed_second_factor() && !house.identity(&ann).showed_second_factor());
        assert!(matches!(show(&good, &codes[1]).await, Err(LoginError::ChallengeOver)), "good once");
    }

    /// Whoever knows the password signed in before there was a second factor, and took it away again.
    #[tokio::test]
    async fn a_session_from_before_the_second_factor_does_not_take_it_away() {
        let house = House::new().await;
        let (ann, source) = (house.register("ann").await, from("192.0.2.1"));
        let thief = house.accounts.login("ann", &secret(PASSWORD), &source).await.unwrap();
        house.accounts.begin_totp(&ann.user, ann.session, None, &source).await.unwrap();
        let code = code(&house, ann.user.id, 0).await;
        house.accounts.confirm_totp(&ann.user, ann.session, &code, &source).await.unwrap();
        let (user, password) = (house.people().find("ann").await.unwrap().unwrap(), secret(PASSWORD));
        for shown in [None, Some(&password)] {
            let removed = house.accounts.remove_totp(&user, thief.session, shown, &source).await;
            assert!(matches!(removed, Err(FactorError::NotShown)), "{removed:?}");
            let codes = house.accounts.new_recovery_codes(&user, thief.session, shown, &source).await;
            assert!(matches!(codes, Err(FactorError::NotShown)), "{codes:?}");
        }
        house.accounts.new_recovery_codes(&user, ann.session, Some(&password), &source).await.unwrap();
        house.accounts.remove_totp(&user, ann.session, Some(&password), &source).await.unwrap();
        house.accounts.begin_totp(&user, thief.session, Some(&password), &source).await.unwrap();
    }

    #[tokio::test]
    async fn codes_are_counted_for_the_person_whatever_the_challenge() {
        let house = House::with(|settings| settings.login_per_account.count = 3).await;
        enrolled(&house).await;
        let (mut wrong, mut limited) = (0, 0);
        for turn in 0..20 {
            let challenge = challenge(&house).await;
            let source = from(if turn % 2 == 0 { "192.0.2.1" } else { "192.0.2.2" });
            match house.accounts.sign_in_with_code(&challenge, &secret("000000"), &source).await {
                Err(LoginError::WrongCode) => wrong += 1,
                Err(LoginError::Limited { .. }) => limited += 1,
                other => panic!("{other:?}"),
            }
            house.clock.advance(MINUTE);
        }
        assert!((12..=16).contains(&wrong) && limited >= 4, "{wrong} {limited}");
    }

    #[tokio::test]
    async fn an_old_sign_in_needs_the_password_to_change_how_one_signs_in() {
        let house = House::new().await;
        let (ann, source) = (house.register("ann").await, from("192.0.2.1"));
        house.clock.advance(11 * MINUTE);
        let begin = async |password: Option<&Secret>| {
            house.accounts.begin_totp(&ann.user, ann.session, password, &source).await.map(|_| ())
        };
        assert!(matches!(begin(None).await, Err(FactorError::LoginTooOld(_))));
        assert!(matches!(begin(Some(&secret("wrong"))).await, Err(FactorError::WrongPassword)));
        begin(Some(&secret(PASSWORD))).await.unwrap();
        let refused = house.accounts.remove_totp(&ann.user, ann.session, None, &source).await;
        assert!(matches!(refused, Err(FactorError::LoginTooOld(_))));
        assert!(
            house.accounts.login("ann", &secret(PASSWORD), &source).await.is_ok(),
            "not asked for before it was shown"
        );
    }
}
