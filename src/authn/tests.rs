use std::time::Duration;

use super::*;
use crate::base::{SessionId, UserId, Username};
use crate::store::Revocation;
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
        cache.keep(&format!("{token}{at}"), 0, &identity);
    }
    assert!(Arc::strong_count(&identity) <= 8 * 1024 + 1);
    cache.keep(&"x".repeat(2000), 0, &identity);
    assert!(cache.find(&"x".repeat(2000), 0).is_none());
}
