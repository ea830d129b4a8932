//! Somebody who changes what is their own.
use std::time::Duration;

use super::*;
use crate::base::{Clock, PasskeyId, Secret, SessionId};

pub(super) async fn what_somebody_asked_for_is_done_while_they_are_who_they_were(store: Store) {
    let clock = Clock::movable();
    let (ann, bob) = (signed_in(&store, "ann", 1, clock.now()).await, signed_in(&store, "bob", 2, clock.now()).await);
    let before = Oneself::by_password(&ann.user, ann.session.id);
    clock.advance(Duration::from_secs(1));
    assert_eq!(every_change(&store, &before, 3, &clock).await, ["done"; CHANGES]);
    // The last of them was another password, which the session outlives.
    let there = as_it_is(&store, &ann).await;
    assert_eq!(every_change(&store, &before, 4, &clock).await, ["another password"; CHANGES]);
    let anothers = Oneself::by_session(&ann.user, bob.session.id);
    assert_eq!(every_change(&store, &anothers, 5, &clock).await, ["over"; CHANGES]);
    assert_eq!(as_it_is(&store, &ann).await, there);
    let by_session = Oneself::by_session(&ann.user, ann.session.id);
    assert_eq!(every_change(&store, &by_session, 6, &clock).await, ["done"; CHANGES]);
    store.end_session(ann.session.id, clock.now()).await.unwrap().unwrap();
    let there = as_it_is(&store, &ann).await;
    let now = store.user(ann.user.id).await.unwrap().unwrap();
    for (number, who) in [(7, by_session), (8, Oneself::by_password(&now, ann.session.id))] {
        assert_eq!(every_change(&store, &who, number, &clock).await, ["over"; CHANGES]);
    }
    assert_eq!(as_it_is(&store, &ann).await, there);
    clock.advance(DAY);
    let late = Oneself::by_session(&bob.user, bob.session.id);
    assert_eq!(every_change(&store, &late, 9, &clock).await, ["over"; CHANGES]);
    assert!(store.live_session(bob.session.id, at(0)).await.unwrap().is_some(), "it was not ended, it expired");
}

const CHANGES: usize = 12;

/// What becomes of each change that somebody can ask for.
async fn every_change(store: &Store, who: &Oneself, number: u8, clock: &Clock) -> [&'static str; CHANGES] {
    clock.advance(Duration::from_secs(1));
    let (now, user) = (clock.now(), store.user(who.user).await.unwrap().unwrap());
    let elsewhere = session(number + 100, now);
    store.start_session(&user, &elsewhere, None).await.unwrap();
    let named = UserChange { name: Some(format!("Ann {number}")), ..UserChange::default() };
    let key = [number; 20];
    let passkey = Passkey {
        id: PasskeyId::new(now),
        user: user.id,
        credential: vec![number; 16],
        key: vec![7; 77],
        counter: 0,
        name: "key".to_owned(),
        created_at: now,
        last_used_at: None,
    };
    let changed = word(store.change_own(who, &named, None, clock).await);
    let begun = word(store.begin_totp(who, &key, false, now).await);
    let unread = Totp { key: key.to_vec().into(), sealed: false, confirmed: false, last_step: 0 };
    let confirmed = word(store.confirm_totp(who, (&unread, 1), &[[number; 32]], now).await);
    let coded = word(store.replace_recovery_codes(who, &[[number; 32]], now).await);
    let removed = word(store.remove_own_totp(who, now).await);
    let challenged = word(store.add_own_passkey_challenge(who, &[number; 32], now, now.plus(GRACE)).await);
    let added = word(store.add_passkey(who, &passkey).await);
    let renamed = word(store.rename_passkey(who, passkey.id, "another", now).await);
    let taken = word(store.remove_passkey(who, passkey.id, now).await);
    let ended = word(store.end_own_session(who, elsewhere.id, now).await);
    let alone = word(store.end_own_sessions(who, Some(who.session), now).await);
    let hash = Secret::new(format!("$argon2id${number}"));
    let replaced = word(store.replace_password(who, &hash, clock).await);
    [changed, begun, confirmed, coded, removed, challenged, added, renamed, taken, ended, alone, replaced]
}

fn word<T>(done: Result<T, OwnError>) -> &'static str {
    match done {
        Ok(_) => "done",
        Err(OwnError::SessionEnded) => "over",
        Err(OwnError::PasswordChanged) => "another password",
        Err(OwnError::Store(error)) => panic!("{error:?}"),
    }
}

/// All that the changes above could have changed, but for the sessions that they begin themselves.
async fn as_it_is(store: &Store, live: &Live) -> String {
    let id = live.user.id;
    let user = User { last_login_at: None, ..store.user(id).await.unwrap().unwrap() };
    let (totp, codes) = (store.totp(id).await.unwrap(), store.recovery_codes_left(id).await.unwrap());
    format!("{user:?} {:?} {totp:?} {codes} {:?}", user.password_set_at, store.passkeys(id).await.unwrap())
}

/// Sessions of others are not among one's own.
pub(super) async fn somebody_ends_own_sessions_only(store: Store) {
    let (ann, bob) = (signed_in(&store, "ann", 1, at(0)).await, signed_in(&store, "bob", 2, at(0)).await);
    let who = Oneself::by_session(&ann.user, ann.session.id);
    assert!(store.end_own_session(&who, bob.session.id, at(1)).await.unwrap().is_none());
    assert!(store.end_own_session(&who, SessionId::new(at(0)), at(1)).await.unwrap().is_none());
    assert_eq!(store.end_own_session(&who, ann.session.id, at(1)).await.unwrap().unwrap().session, ann.session.id);
    assert!(matches!(store.end_own_session(&who, ann.session.id, at(1)).await, Err(OwnError::SessionEnded)));
    assert!(store.live_session(bob.session.id, at(1)).await.unwrap().is_some());
}
