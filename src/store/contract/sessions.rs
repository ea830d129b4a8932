//! Sign-ins, how they go on and how they end.
use std::time::Duration;

use super::*;
use crate::base::{Clock, Secret, Timestamp};

pub(super) async fn a_refresh_token_rotates_once_and_repeats_within_its_grace(store: Store) {
    let begun = signed_in(&store, "ann", 1, at(0)).await;
    let Rotation::Rotated(live) = store.rotate(&turn(1, 2, at(100))).await.unwrap() else { panic!() };
    assert_eq!(live.session.id, begun.session.id);
    assert_eq!((live.session.auth_time, live.session.last_seen_at), (at(0), at(100)));
    assert_eq!(live.session.expires_at, at(100).plus(DAY));
    for (second, other) in [(100, 3), (105, 4), (110, 5)] {
        let Rotation::Repeated { nonce, live } = store.rotate(&turn(1, other, at(second))).await.unwrap() else {
            panic!()
        };
        assert_eq!(nonce, [2; 32]);
        assert_eq!(live.session.tokens_until, at(second).plus(GRACE));
        assert_eq!(live.session.expires_at, at(100).plus(DAY));
    }
    assert!(matches!(store.rotate(&turn(3, 6, at(110))).await.unwrap(), Rotation::Dead));
    assert!(matches!(store.rotate(&turn(2, 7, at(111))).await.unwrap(), Rotation::Rotated(_)));
}

pub(super) async fn a_refresh_token_that_comes_late_ends_the_session(store: Store) {
    let begun = signed_in(&store, "ann", 1, at(0)).await;
    store.rotate(&turn(1, 2, at(100))).await.unwrap();
    let Rotation::Reused { live, revoked } = store.rotate(&turn(1, 3, at(111))).await.unwrap() else { panic!() };
    assert_eq!((live.session.id, revoked.session), (begun.session.id, begun.session.id));
    assert_eq!(revoked.not_before, Revocation::FOR_EVER);
    assert!(revoked.expires_at > at(100).plus(GRACE));
    assert!(matches!(store.rotate(&turn(2, 4, at(111))).await.unwrap(), Rotation::Dead));
    assert!(matches!(store.rotate(&turn(1, 5, at(111))).await.unwrap(), Rotation::Dead));
    assert!(store.live_session(begun.session.id, at(111)).await.unwrap().is_none());
    assert_eq!(store.revocations_since(0, 9).await.unwrap().len(), 1);
}

pub(super) async fn of_many_rotations_at_once_one_makes_the_successor(store: Store) {
    signed_in(&store, "ann", 1, at(0)).await;
    let tasks: Vec<_> = (10..40)
        .map(|successor| {
            let store = store.clone();
            tokio::spawn(async move { store.rotate(&turn(1, successor, at(100))).await.unwrap() })
        })
        .collect();
    let (mut rotated, mut nonces) = (0, vec![]);
    for task in tasks {
        match task.await.unwrap() {
            Rotation::Rotated(_) => rotated += 1,
            Rotation::Repeated { nonce, .. } => nonces.push(nonce),
            Rotation::Reused { .. } | Rotation::Ahead | Rotation::Dead => panic!("the session goes on"),
        }
    }
    nonces.dedup();
    assert_eq!((rotated, nonces.len()), (1, 1));
}

pub(super) async fn ended_expired_and_disabled_sessions_do_not_rotate(store: Store) {
    let clock = Clock::system();
    let ended = signed_in(&store, "ann", 1, at(0)).await;
    let (session, revoked) = store.end_session(ended.session.id, at(5)).await.unwrap().unwrap();
    assert_eq!((session.id, revoked.session), (ended.session.id, ended.session.id));
    assert!(store.end_session(ended.session.id, at(5)).await.unwrap().is_none());
    assert!(matches!(store.rotate(&turn(1, 2, at(6))).await.unwrap(), Rotation::Dead));
    assert_eq!(store.session_of_refresh(&[1; 32]).await.unwrap(), Some(ended.session.id));

    signed_in(&store, "bob", 3, at(0)).await;
    assert!(matches!(store.rotate(&turn(3, 4, at(0).plus(DAY))).await.unwrap(), Rotation::Dead));

    let disabled = signed_in(&store, "cy", 5, at(0)).await.user.id;
    assert!(store.set_disabled(disabled, true, &clock).await.unwrap().is_some());
    assert!(matches!(store.rotate(&turn(5, 6, at(6))).await.unwrap(), Rotation::Dead));
    assert!(store.set_disabled(disabled, false, &clock).await.unwrap().unwrap().sessions.is_empty());
    assert!(matches!(store.rotate(&turn(5, 6, at(7))).await.unwrap(), Rotation::Dead), "enabling opens no old session");
    assert!(matches!(store.rotate(&turn(99, 6, at(7))).await.unwrap(), Rotation::Dead));
}

pub(super) async fn a_browsers_session_is_visited_by_its_cookie_until_it_ends(store: Store) {
    let (ann, clock) = (signed_in(&store, "ann", 1, at(0)).await, Clock::system());
    let second = Duration::from_secs(1);
    let visit = |cookie: u8, now| {
        let (idle, max) = (60 * second, 150 * second);
        Visit { cookie: [cookie; 32], now, idle, max, tokens_until: now.plus(GRACE) }
    };
    let browser = |cookie: u8, now: Timestamp| NewSession {
        key: SessionKey::Cookie([cookie; 32]),
        expires_at: now.plus(60 * second),
        ..session(0, now)
    };
    let begun = store.start_session(&ann.user, &browser(2, at(0)), None).await.unwrap();
    let Started::Begun(begun) = begun else { panic!("{begun:?}") };
    assert!(begun.session.by_cookie && !ann.session.by_cookie);
    let live = store.visit(&visit(2, at(50))).await.unwrap().unwrap();
    assert_eq!((live.session.id, live.user.id), (begun.session.id, ann.user.id));
    assert_eq!((live.session.last_seen_at, live.session.expires_at), (at(50), at(110)));
    assert_eq!(live.session.tokens_until, at(50).plus(GRACE));
    let seen = store.look(&[2; 32], at(60)).await.unwrap().unwrap();
    assert_eq!((seen.session.last_seen_at, seen.session.expires_at), (at(50), at(110)), "only looked at");
    assert!(
        store.look(&[2; 32], at(110)).await.unwrap().is_none() && store.look(&[9; 32], at(1)).await.unwrap().is_none()
    );
    let late = store.visit(&visit(2, at(105))).await.unwrap().unwrap();
    assert_eq!(late.session.expires_at, at(150), "no use makes it longer than its end");
    assert!(store.visit(&visit(2, at(150))).await.unwrap().is_none());
    assert!(store.visit(&visit(9, at(1))).await.unwrap().is_none(), "nobody's");
    assert!(store.visit(&visit(1, at(1))).await.unwrap().is_none(), "a refresh token is no cookie");
    assert!(matches!(store.rotate(&turn(2, 3, at(1))).await.unwrap(), Rotation::Dead), "and a cookie none of those");
    for cookie in [4, 5, 6] {
        store.start_session(&ann.user, &browser(cookie, clock.now()), None).await.unwrap();
    }
    assert!(store.visit(&visit(4, clock.now().plus(60 * second))).await.unwrap().is_none(), "not used for too long");
    let five = store.visit(&visit(5, clock.now())).await.unwrap().unwrap().session.id;
    store.end_session(five, clock.now()).await.unwrap().unwrap();
    assert!(store.visit(&visit(5, clock.now())).await.unwrap().is_none());
    store.set_disabled(ann.user.id, true, &clock).await.unwrap();
    assert!(store.visit(&visit(6, clock.now())).await.unwrap().is_none());
}

pub(super) async fn a_password_changed_meanwhile_opens_nothing(store: Store) {
    let clock = Clock::system();
    let before = signed_in(&store, "ann", 1, clock.now()).await;
    let fresh = session(2, clock.now());
    let rehashed = Secret::new("$argon2id$again".to_owned());
    let begun = store.start_session(&before.user, &fresh, Some(&rehashed)).await.unwrap();
    assert!(matches!(begun, Started::Begun(_)), "hashing anew is not a change");
    assert_eq!(store.user(before.user.id).await.unwrap().unwrap().password_hash.unwrap().expose(), "$argon2id$again");
    std::thread::sleep(Duration::from_millis(2));
    let hash = Secret::new("$argon2id$2".to_owned());
    let revoked = store.set_password(before.user.id, &hash, &clock).await.unwrap().unwrap();
    assert_eq!(revoked.sessions.len(), 2);
    let late = store.start_session(&before.user, &session(3, clock.now()), None).await.unwrap();
    assert!(matches!(late, Started::PasswordChanged));
    let user = store.user(before.user.id).await.unwrap().unwrap();
    assert_eq!(user.password_hash.as_ref().unwrap().expose(), "$argon2id$2");
    store.set_disabled(user.id, true, &clock).await.unwrap();
    let disabled = store.start_session(&user, &session(3, clock.now()), None).await.unwrap();
    assert!(matches!(disabled, Started::Disabled));
}

pub(super) async fn ending_sessions_may_spare_one(store: Store) {
    let now = at(0);
    let first = signed_in(&store, "ann", 1, now).await;
    let second = session(2, at(1));
    store.start_session(&first.user, &second, None).await.unwrap();
    store.start_session(&first.user, &session(3, at(2)), None).await.unwrap();
    assert_eq!(store.live_sessions(first.user.id, at(3)).await.unwrap().len(), 3);
    let revoked = store.end_sessions(first.user.id, Some(second.id), at(3)).await.unwrap();
    assert_eq!(revoked.sessions.len(), 2);
    let left = store.live_sessions(first.user.id, at(3)).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(left[0].ip, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(
        (left[0].amr.as_slice(), left[0].user_agent.as_deref()),
        (["pwd".to_owned()].as_slice(), Some("curl/8"))
    );
}

pub(super) async fn everybodys_sessions_are_listed_in_pages(store: Store) {
    for (number, name) in ["ann", "bob", "cy"].into_iter().enumerate() {
        signed_in(&store, name, u8::try_from(number).unwrap() + 1, at(number as u64)).await;
    }
    let first = store.all_live_sessions(at(9), None, 2).await.unwrap();
    let rest = store.all_live_sessions(at(9), Some(first[1].id), 2).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert!(first[0].id > first[1].id && first[1].id > rest[0].id);
    store.end_session(first[0].id, at(9)).await.unwrap();
    assert_eq!(store.all_live_sessions(at(9), None, 9).await.unwrap().len(), 2);
}
