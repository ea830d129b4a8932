use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::base::{SessionId, UserId, Username};
use crate::shared::Held;
use crate::store::{Revocation, StoreError};
use crate::token::{Algorithm, Dialect, KeyRing, KeySettings, Person, Settings, StoredKey, Subject};

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn tokens() -> Arc<Tokens> {
    let settings = Settings {
        access_ttl: Duration::from_secs(900),
        issuer: "https://app.example.com".to_owned(),
        audience: "authgate".to_owned(),
        subject: Subject::Id,
        algorithm: Algorithm::EdDsa,
        leeway: Duration::from_secs(5),
        revoke: Revoke::Now,
        secret: None,
        keys: KeySettings::default(),
        dialect: Dialect::default(),
        claims: vec![],
    };
    let key = StoredKey::generate(Algorithm::EdDsa, NOW).unwrap();
    Arc::new(Tokens::new(KeyRing::new(&key, &[]).unwrap(), &settings))
}

fn token(tokens: &Tokens, session: SessionId) -> String {
    let name = Username::parse("ann").unwrap();
    let person = Person {
        id: UserId::new(NOW),
        username: Some(&name),
        email: None,
        name: None,
        roles: &[],
        scopes: &[],
        attributes: &std::collections::BTreeMap::new(),
    };
    tokens.issue(&person, session, NOW, &["pwd"], NOW).unwrap().token
}

#[test]
fn a_known_token_is_the_same_identity_and_no_second_signature_check() {
    let tokens = tokens();
    let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::default());
    let token = token(&tokens, SessionId::new(NOW));
    let first = authenticator.verify(&token, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &authenticator.verify(&token, NOW).unwrap()));
}

#[test]
fn a_known_token_expires_all_the_same() {
    let tokens = tokens();
    let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::default());
    let token = token(&tokens, SessionId::new(NOW));
    authenticator.verify(&token, NOW).unwrap();
    let later = NOW.plus(Duration::from_secs(906));
    assert_eq!(authenticator.verify(&token, later).unwrap_err(), AuthnError::Expired);
    let fresh = Authenticator::new(tokens, Arc::default());
    assert_eq!(fresh.verify(&token, later).unwrap_err(), AuthnError::Expired);
}

#[test]
fn a_known_token_of_an_ended_session_is_refused() {
    let (tokens, revocations, session) = (tokens(), Arc::<Revocations>::default(), SessionId::new(NOW));
    let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::clone(&revocations));
    let token = token(&tokens, session);
    authenticator.verify(&token, NOW).unwrap();
    let expires_at = NOW.plus(Duration::from_secs(3600));
    revocations.apply(&[Revocation { session, not_before: Revocation::FOR_EVER, expires_at }]);
    assert_eq!(authenticator.verify(&token, NOW).unwrap_err(), AuthnError::SessionEnded);
}

#[test]
fn whoever_had_a_signature_checked_stands_behind_the_others_and_what_ends_meanwhile_counts() {
    let (tokens, revocations, session) = (tokens(), Arc::<Revocations>::default(), SessionId::new(NOW));
    let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::clone(&revocations));
    let (token, other) = (token(&tokens, SessionId::new(NOW)), token(&tokens, session));
    let mut nobody_waits = Context::from_waker(Waker::noop());
    let mut turn = |asked: Pin<&mut dyn Future<Output = _>>| asked.poll(&mut nobody_waits);

    let mut first = pin!(authenticator.verify_by_turns(&token, NOW));
    assert!(turn(first.as_mut()).is_pending());
    assert!(matches!(turn(first.as_mut()), Poll::Ready(Ok(_))));
    let again = pin!(authenticator.verify_by_turns(&token, NOW));
    assert!(matches!(turn(again), Poll::Ready(Ok(_))), "a known one waits for nobody");

    let mut ending = pin!(authenticator.verify_by_turns(&other, NOW));
    assert!(turn(ending.as_mut()).is_pending());
    let expires_at = NOW.plus(Duration::from_secs(3600));
    revocations.apply(&[Revocation { session, not_before: Revocation::FOR_EVER, expires_at }]);
    assert!(matches!(turn(ending.as_mut()), Poll::Ready(Err(AuthnError::SessionEnded))));
}

#[test]
fn a_token_that_differs_in_one_character_is_another_token() {
    let tokens = tokens();
    let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::default());
    let token = token(&tokens, SessionId::new(NOW));
    authenticator.verify(&token, NOW).unwrap();
    let mut other = token.into_bytes();
    let last = other.len() - 2;
    other[last] = if other[last] == b'A' { b'B' } else { b'A' };
    let other = String::from_utf8(other).unwrap();
    assert_eq!(authenticator.verify(&other, NOW).unwrap_err(), AuthnError::Invalid);
}

#[test]
fn a_known_token_is_refused_once_its_key_is_gone() {
    let tokens = tokens();
    let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::default());
    let token = token(&tokens, SessionId::new(NOW));
    authenticator.verify(&token, NOW).unwrap();
    let other = StoredKey::generate(Algorithm::EdDsa, NOW).unwrap();
    tokens.change_keys(KeyRing::new(&other, &[]).unwrap());
    assert_eq!(authenticator.verify(&token, NOW).unwrap_err(), AuthnError::Invalid);
}

#[test]
fn ten_times_as_many_tokens_as_fit_do_not_grow_the_cache() {
    let tokens = tokens();
    let cache = Verified::new();
    let token = token(&tokens, SessionId::new(NOW));
    let identity = Arc::new(tokens.verify(&token, NOW).unwrap());
    for at in 0..81_920 {
        cache.keep(format!("{token}{at}").as_bytes(), 0, &identity);
    }
    assert!(Arc::strong_count(&identity) <= 8 * 1024 + 1);
    cache.keep(&[b'x'; 2000], 0, &identity);
    assert!(cache.find(&[b'x'; 2000], 0).is_none());
}

/// A store that makes tokens for one session, is away, or knows nobody; and how often it was asked.
#[derive(Debug)]
struct Desk {
    tokens: Arc<Tokens>,
    session: SessionId,
    says: Mutex<Says>,
    asked: AtomicU32,
}

#[derive(Debug, Clone, Copy)]
enum Says {
    Somebody,
    Nobody,
    Nothing,
}

impl Resume for Desk {
    fn resume<'a>(
        &'a self,
        _cookie: &'a [u8; 32],
    ) -> Pin<Box<dyn Future<Output = Result<Option<Held>, StoreError>> + Send + 'a>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            let says = *self.says.lock().unwrap();
            match says {
                Says::Somebody => Ok(Some(Held {
                    token: Secret::new(token(&self.tokens, self.session)),
                    session: self.session,
                    made_at: NOW,
                    renew_at: NOW.plus(Duration::from_secs(60)),
                    ends_at: NOW.plus(Duration::from_secs(3600)),
                })),
                Says::Nobody => Ok(None),
                Says::Nothing => Err(StoreError::Slow),
            }
        })
    }
}

struct Front {
    authenticator: Authenticator,
    revocations: Arc<Revocations>,
    desk: Arc<Desk>,
    door: Arc<Door>,
}

impl Front {
    fn new() -> Self {
        let (tokens, revocations) = (tokens(), Arc::<Revocations>::default());
        let session = SessionId::new(NOW);
        let says = Mutex::new(Says::Somebody);
        let desk = Arc::new(Desk { tokens: Arc::clone(&tokens), session, says, asked: AtomicU32::new(0) });
        let door = Arc::new(Door::new(&crate::wire::Settings {
            trusted_proxies: Vec::new(),
            trusts_unix: false,
            own_identity_names: Vec::new(),
            public_url: None,
            auth_prefix: crate::wire::AuthPrefix("/auth".to_owned()),
            well_known: true,
            cors: Default::default(),
            allow_in_path: Default::default(),
            query_token: None,
            cookies: crate::wire::OwnCookies::default(),
        }));
        let resume: Arc<dyn Resume> = Arc::clone(&desk) as Arc<dyn Resume>;
        let authenticator = Authenticator::new(tokens, Arc::clone(&revocations)).and_browsers(
            Arc::default(),
            resume,
            Arc::clone(&door),
        );
        Self { authenticator, revocations, desk, door }
    }

    async fn asks(&self, now: Timestamp) -> Result<Caller, AuthnError> {
        let mut headers = http::HeaderMap::new();
        let cookie = format!("authgate={}", "A".repeat(43));
        headers.insert("cookie", http::HeaderValue::try_from(cookie).unwrap());
        let inbound = Inbound::hypothetical(http::Method::GET, "/app", headers, None, &self.door).unwrap();
        self.authenticator.identify(&inbound, Asks::Somebody, now).await
    }

    fn asked(&self) -> u32 {
        self.desk.asked.load(Ordering::Relaxed)
    }

    fn says(&self, says: Says) {
        *self.desk.says.lock().unwrap() = says;
    }

    fn revoke(&self, not_before: Timestamp) {
        let expires_at = NOW.plus(Duration::from_secs(3600));
        self.revocations.apply(&[Revocation { session: self.desk.session, not_before, expires_at }]);
    }
}

#[tokio::test]
async fn fifty_requests_of_one_browser_ask_the_store_once() {
    let front = Front::new();
    let all = (0..50).map(|_| front.asks(NOW));
    for known in futures_of(all).await {
        assert!(known.unwrap().identity().is_some());
    }
    assert_eq!(front.asked(), 1);
    front.asks(NOW.plus(Duration::from_secs(59))).await.unwrap();
    assert_eq!(front.asked(), 1);
    front.asks(NOW.plus(Duration::from_secs(60))).await.unwrap();
    assert_eq!(front.asked(), 2, "renewed");
}

#[tokio::test]
async fn an_ended_session_is_over_at_once_and_nobody_is_not_asked_about_again_and_again() {
    let front = Front::new();
    front.asks(NOW).await.unwrap();
    front.revoke(Revocation::FOR_EVER);
    front.says(Says::Nobody);
    for _ in 0..10 {
        assert_eq!(front.asks(NOW).await.unwrap_err(), AuthnError::SessionEnded);
    }
    assert!(front.asked() <= 3, "{}", front.asked());
}

#[tokio::test]
async fn a_new_role_ends_the_token_and_not_the_session() {
    let front = Front::new();
    front.asks(NOW).await.unwrap();
    front.revoke(NOW);
    front.asks(NOW).await.unwrap();
    assert_eq!(front.asked(), 1, "made at that moment or later");
    front.revoke(NOW.plus(Duration::from_secs(1)));
    assert_eq!(front.asks(NOW).await.unwrap_err(), AuthnError::SessionEnded);
    assert_eq!(front.asked(), 3, "asked again, since the next token may be a good one");
}

#[tokio::test]
async fn while_the_store_is_away_who_was_known_stays_known_as_long_as_the_token() {
    let front = Front::new();
    front.says(Says::Nothing);
    assert_eq!(front.asks(NOW).await.unwrap_err(), AuthnError::Unavailable);
    front.says(Says::Somebody);
    front.asks(NOW).await.unwrap();
    front.says(Says::Nothing);
    front.asks(NOW.plus(Duration::from_secs(800))).await.unwrap();
    assert!(front.asks(NOW.plus(Duration::from_secs(910))).await.is_err());
    front.revoke(Revocation::FOR_EVER);
    assert_eq!(front.asks(NOW).await.unwrap_err(), AuthnError::SessionEnded);
}

/// All at once, on one thread.
async fn futures_of<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(Box::pin).map(Some).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if let Some(pending) = future
                && let Poll::Ready(value) = pending.as_mut().poll(cx)
            {
                (*done, *future) = (Some(value), None);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
