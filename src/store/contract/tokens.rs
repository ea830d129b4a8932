//! Keys, and tokens that no session stands behind.
use std::time::Duration;

use zeroize::Zeroizing;

use super::*;
use crate::base::{Clock, LONGEST_MADE_ELSEWHERE, Scope, Secret};

pub(super) async fn the_first_key_of_an_algorithm_stays_the_first(store: Store) {
    for (kid, algorithm) in [("a", "ES256"), ("b", "ES256"), ("c", "HS256")] {
        store.add_first_key(&key(kid, algorithm)).await.unwrap();
    }
    let keys = store.keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(keys[0].material.as_slice(), b"a");
    assert!(!format!("{keys:?}").contains("97"), "the material does not print");
}

pub(super) async fn keys_take_turns_and_the_old_one_outlives_its_tokens(store: Store) {
    let minute = Duration::from_secs(60);
    signed_in(&store, "ann", 1, at(0)).await;
    store.add_first_key(&key("a", "ES256")).await.unwrap();
    store.add_first_key(&key("other", "EdDSA")).await.unwrap();
    let next = KeyRow { signs_from: at(1000), ..key("b", "ES256") };
    assert!(!store.rotate_key(Some("x"), &next, minute).await.unwrap(), "another was faster");
    assert!(!store.rotate_key(None, &next, minute).await.unwrap());
    assert!(store.rotate_key(Some("a"), &next, minute).await.unwrap());
    assert!(!store.rotate_key(Some("b"), &next, minute).await.unwrap(), "it is there already");
    let keys = store.keys().await.unwrap();
    let until: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.signs_from, key.believed_until)).collect();
    assert_eq!(until, [("a", at(0), Some(at(1060))), ("b", at(1000), None), ("other", at(0), None)]);
    assert!(!keys.iter().any(|key| key.sealed));
    store.seal_key("b", b"sealed").await.unwrap();
    store.seal_key("b", b"sealed twice").await.unwrap();
    store.add_first_key(&key("c", "ES256")).await.unwrap();
    let b = store.keys().await.unwrap().into_iter().find(|key| key.kid == "b").unwrap();
    assert!(b.sealed && b.material.as_slice() == b"sealed");
    store.forget_expired(at(1060)).await.unwrap();
    assert!(store.retire_key("other", Some("ES256"), at(1060)).await.unwrap());
    assert!(!store.retire_key("other", Some("ES256"), at(1060)).await.unwrap());
    assert_eq!(store.keys().await.unwrap().iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["b"]);
}

pub(super) async fn a_key_whose_follower_is_retired_before_its_turn_goes_on(store: Store) {
    let minute = Duration::from_secs(60);
    let ends = async || -> Vec<_> {
        let keys = store.keys().await.unwrap();
        keys.into_iter().map(|key| (key.kid, key.believed_until)).collect()
    };
    store.add_first_key(&key("a", "ES256")).await.unwrap();
    for (kid, newest, from) in [("b", "a", 1000), ("c", "b", 2000), ("d", "c", 2500)] {
        let next = KeyRow { signs_from: at(from), ..key(kid, "ES256") };
        assert!(store.rotate_key(Some(newest), &next, minute).await.unwrap());
    }
    let [a, b] = [1060, 2060].map(|second| Some(at(second)));
    // One that ends anyway changes nothing for the others.
    assert!(store.retire_key("c", Some("ES256"), at(1500)).await.unwrap());
    assert_eq!(ends().await, [("a".to_owned(), a), ("b".to_owned(), b), ("d".to_owned(), None)]);
    assert!(store.retire_key("d", Some("ES256"), at(1500)).await.unwrap());
    assert_eq!(ends().await, [("a".to_owned(), a), ("b".to_owned(), None)]);
    let next = KeyRow { signs_from: at(1600), ..key("e", "ES256") };
    assert!(store.rotate_key(Some("b"), &next, minute).await.unwrap(), "the next one takes its turn");
    // Where keys of another kind sign, nothing is brought back.
    assert!(store.retire_key("e", None, at(1500)).await.unwrap());
    assert_eq!(ends().await, [("a".to_owned(), a), ("b".to_owned(), Some(at(1660)))]);
}

pub(super) async fn a_service_token_reads_back_and_every_change_moves_the_mark(store: Store) {
    let made = |number: u8, end: u64| ServiceToken {
        id: crate::base::TokenId::new(at(number.into())),
        hash: [number; 32],
        name: "backup".to_owned(),
        scopes: vec![Scope::parse("files:read").unwrap()],
        created_at: at(0),
        expires_at: at(end),
        revoked_at: None,
    };
    let (one, two) = (made(1, 50), made(2, 100));
    let mut marks = vec![store.service_token_mark().await.unwrap()];
    for token in [&one, &two] {
        store.add_service_token(token).await.unwrap();
        marks.push(store.service_token_mark().await.unwrap());
    }
    assert_eq!(store.service_tokens().await.unwrap(), [one.clone(), two.clone()]);
    assert!(store.add_service_token(&two).await.is_err());
    assert!(store.revoke_service_token(two.id, at(9)).await.unwrap());
    assert!(!store.revoke_service_token(two.id, at(10)).await.unwrap());
    marks.push(store.service_token_mark().await.unwrap());
    assert_eq!(store.service_tokens().await.unwrap()[1].revoked_at, Some(at(9)));
    assert_eq!(store.forget_expired(at(60)).await.unwrap(), 1);
    marks.push(store.service_token_mark().await.unwrap());
    let all = marks.len();
    marks.dedup();
    assert_eq!(marks.len(), all);
}

pub(super) async fn tokens_without_a_session_end_by_any_name_of_their_person(store: Store) {
    let one = store.revoke_token("One", at(50)).await.unwrap();
    assert_eq!(store.token_revocations_since(0, 9).await.unwrap(), [(1, one)]);
    // Of two for one subject the later one counts; letters count as they are written.
    store.revoke_token("one", at(50)).await.unwrap();
    let again = store.revoke_token("One", at(60)).await.unwrap();
    let kept = store.token_revocations_since(0, 9).await.unwrap();
    assert_eq!(kept.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(kept[1].1, again);
    for (sub, token, ended) in
        [("ann", "One", true), ("ann", "one", true), ("ann", "ONE", false), ("one", "two", false)]
    {
        assert_eq!(store.is_token_ended(sub, token, at(40)).await.unwrap(), ended, "{sub} {token}");
    }
    let Created::Made(ann) = store.create_user(&somebody("ann"), at(1)).await.unwrap() else { panic!() };
    let id = ann.id;
    store.set_disabled(id, true, &Clock::system()).await.unwrap();
    let about_ann = store.token_revocations_since(3, 9).await.unwrap();
    assert!(about_ann.iter().any(|(_, revoked)| revoked.subject == TokenRevocation::of_person(&id.to_string())));
    assert!(about_ann.iter().any(|(_, revoked)| revoked.subject == TokenRevocation::of_person("ann")));
    assert!(about_ann.iter().all(|(_, revoked)| revoked.not_before == Revocation::FOR_EVER));
    // An id is never given out again, a name may be.
    let ended = store.delete_user(id, &Clock::system()).await.unwrap().unwrap().strangers;
    let for_ever = |revoked: &TokenRevocation| revoked.not_before == Revocation::FOR_EVER;
    assert_eq!(ended.iter().map(for_ever).collect::<Vec<_>>(), [true, false, false], "{ended:?}");
    assert!(store.token_revocations_since(3, 9).await.unwrap().into_iter().map(|(_, revoked)| revoked).eq(ended));
    assert_eq!(store.forget_expired(at(60)).await.unwrap(), 2);
}

pub(super) async fn a_password_that_its_owner_changes_ends_tokens_without_a_session(store: Store) {
    let clock = Clock::system();
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    let (begun, hash) = (clock.now(), Secret::new("$argon2id$2".to_owned()));
    let who = Oneself::by_password(&live.user, live.session.id);
    store.replace_password(&who, &hash, &clock).await.unwrap();
    let revoked = store.token_revocations_since(0, 9).await.unwrap();
    for name in [live.user.id.to_string().as_str(), "ann", "ann@example.com"] {
        let subject = TokenRevocation::of_person(name);
        let found = revoked.iter().find(|(_, revoked)| revoked.subject == subject).map(|(_, revoked)| revoked);
        assert!(found.is_some_and(|found| found.not_before > begun && found.not_before != Revocation::FOR_EVER));
    }
    assert!(store.is_token_ended("ann", "any", begun).await.unwrap());
    assert!(!store.is_token_ended("ann", "any", clock.now().plus(Duration::from_secs(9))).await.unwrap());
    let stale = store.replace_password(&who, &hash, &clock).await;
    assert!(
        matches!(stale, Err(OwnError::PasswordChanged))
            && store.token_revocations_since(3, 9).await.unwrap().is_empty()
    );
    // The last such token was made a moment before and lives as long as any: not thirty days, but a year.
    store.forget_expired(begun.plus(LONGEST_MADE_ELSEWHERE)).await.unwrap();
    assert_eq!(store.token_revocations_since(0, 9).await.unwrap(), revoked);
}

/// Nodes have clocks of their own.
pub(super) async fn what_ends_tokens_is_later_than_the_newest_by_whatever_clock(store: Store) {
    let (clock, step) = (Clock::system(), Duration::from_millis(1));
    let ahead = clock.now().plus(GRACE);
    let live = signed_in(&store, "ann", 1, ahead).await;
    let admin = UserChange { add_roles: vec![Role::parse("admin").unwrap()], ..UserChange::default() };
    let end = async || {
        let changed = store.change_user(live.user.id, &admin, &clock).await.unwrap();
        let Changed::Done { revoked, .. } = changed else { panic!("{changed:?}") };
        revoked.sessions[0].not_before
    };
    assert_eq!(end().await, ahead.plus(step), "and not a moment after our own now");
    // The next one is issued then, also by a clock that is not there yet.
    let now = clock.now();
    let too_early = Turn { issued_by: ahead, ..turn(1, 9, now) };
    assert!(matches!(store.rotate(&too_early).await.unwrap(), Rotation::Ahead), "and the token stays good");
    let in_time = Turn { issued_by: ahead.plus(step), ..turn(1, 2, now) };
    let Rotation::Rotated(next) = store.rotate(&in_time).await.unwrap() else { panic!() };
    assert!(matches!(store.rotate(&too_early).await.unwrap(), Rotation::Ahead), "a repeat writes nothing either");
    assert_eq!((next.session.issues_at(now), next.session.last_seen_at), (ahead.plus(step), ahead.plus(step)));
    assert_eq!(next.session.tokens_until, ahead.plus(step).plus(GRACE));
    assert_eq!(end().await, ahead.plus(2 * step));
    assert_eq!(end().await, ahead.plus(2 * step), "none was issued since");
    let later = ahead.plus(GRACE);
    let used = store.use_refresh(&[2; 32], later, later.plus(GRACE)).await.unwrap().unwrap();
    assert_eq!((used.session.issues_at(later), used.session.tokens_until), (later, later.plus(GRACE)));
    assert_eq!(end().await, later.plus(step));
    store.end_session(live.session.id, now).await.unwrap();
    assert!(store.use_refresh(&[2; 32], later, later).await.unwrap().is_none());
}

/// Numbers are given out in the order in which rows can be seen: a higher one is never seen before a lower one.
pub(super) async fn whoever_follows_the_revocations_misses_none(store: Store) {
    const MANY: u8 = 40;
    let mut sessions = vec![];
    for number in 0..MANY {
        sessions.push(signed_in(&store, &format!("user{number}"), number, at(0)).await.session.id);
    }
    let ending: Vec<_> = sessions
        .into_iter()
        .map(|id| {
            let store = store.clone();
            tokio::spawn(async move { store.end_session(id, at(1)).await.unwrap().unwrap() })
        })
        .collect();
    let (mut seen, mut read_to) = (0, 0);
    while !ending.iter().all(tokio::task::JoinHandle::is_finished) {
        seen += follow(&store, &mut read_to).await;
    }
    seen += follow(&store, &mut read_to).await;
    assert_eq!(seen, usize::from(MANY));
}

fn key(kid: &str, algorithm: &str) -> KeyRow {
    KeyRow {
        kid: kid.to_owned(),
        algorithm: algorithm.to_owned(),
        material: Zeroizing::new(kid.as_bytes().to_vec()),
        sealed: false,
        created_at: at(0),
        signs_from: at(0),
        believed_until: None,
    }
}

async fn follow(store: &Store, read_to: &mut i64) -> usize {
    let page = store.revocations_since(*read_to, 100).await.unwrap();
    *read_to = page.last().map_or(*read_to, |(seq, _)| *seq);
    page.len()
}
