//! What is handed to somebody and is good once.
use super::*;
use crate::base::{Clock, Email, Role, Secret};

pub(super) async fn an_invitation_is_used_once_and_not_by_a_failure(store: Store) {
    let roles = vec![Role::parse("staff").unwrap()];
    let email = Some(Email::parse("ann@example.com").unwrap());
    let invite = Invite { hash: [7; 32], email, roles, created_at: at(0), expires_at: at(100) };
    store.add_invite(&invite).await.unwrap();
    assert_eq!(store.invite(&[7; 32], at(99)).await.unwrap(), Some(invite));
    assert!(store.invite(&[7; 32], at(100)).await.unwrap().is_none(), "it is over");
    assert!(store.invite(&[8; 32], at(1)).await.unwrap().is_none());
    store.create_user(&somebody("bob"), at(0)).await.unwrap();
    let taken = store.create_user_signed_in(&somebody("bob"), &session(1, at(1)), Some(&[7; 32])).await.unwrap();
    assert!(matches!(taken, Created::NameTaken));
    let made = store.create_user_signed_in(&somebody("ann"), &session(1, at(1)), Some(&[7; 32])).await.unwrap();
    assert!(matches!(made, Created::Made(_)));
    let again = store.create_user_signed_in(&somebody("cy"), &session(2, at(2)), Some(&[7; 32])).await.unwrap();
    assert!(matches!(again, Created::NotInvited));
}

pub(super) async fn a_link_is_good_once_and_only_for_the_address_it_was_sent_to(store: Store) {
    let clock = Clock::system();
    let long = clock.now().plus(DAY);
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    for hash in [1, 2] {
        let link = Link { expires_at: long, ..link(hash, &live.user, Purpose::Password, "ann@example.com") };
        store.add_link(&link).await.unwrap();
    }
    let other = Link { expires_at: long, ..link(3, &live.user, Purpose::Password, "old@example.com") };
    store.add_link(&other).await.unwrap();
    store.add_link(&link(4, &live.user, Purpose::Password, "ann@example.com")).await.unwrap();
    let email = Link { expires_at: long, ..link(5, &live.user, Purpose::Email, "ann@example.com") };
    store.add_link(&email).await.unwrap();
    let new = Secret::new("$argon2id$2".to_owned());
    for hash in [3, 4, 5, 6] {
        assert!(store.person_of_link(&[hash; 32], clock.now()).await.unwrap().is_none(), "{hash}");
        assert!(store.reset_password(&[hash; 32], &new, &clock).await.unwrap().is_none(), "{hash}");
    }
    assert_eq!(store.person_of_link(&[1; 32], clock.now()).await.unwrap().unwrap().id, live.user.id);
    let revoked = store.reset_password(&[1; 32], &new, &clock).await.unwrap().unwrap().ended;
    assert_eq!((revoked.sessions.len(), revoked.sessions[0].session), (1, live.session.id));
    let ann = store.user(live.user.id).await.unwrap().unwrap();
    assert!(ann.email_verified && ann.password_hash.unwrap().expose() == new.expose());
    for hash in [1, 2] {
        assert!(store.reset_password(&[hash; 32], &new, &clock).await.unwrap().is_none(), "one password, no link left");
    }
    store.add_link(&Link { hash: [7; 32], expires_at: long, ..other }).await.unwrap();
    store.set_password(ann.id, &new, &clock).await.unwrap();
    assert!(store.person_of_link(&[7; 32], clock.now()).await.unwrap().is_none());
    assert!(store.forget_expired(clock.now()).await.unwrap() == 0);
}

pub(super) async fn an_address_becomes_a_persons_by_its_link(store: Store) {
    let clock = Clock::system();
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    store.create_user(&somebody("bob"), clock.now()).await.unwrap();
    let long = clock.now().plus(DAY);
    for (hash, email) in [(1, "ann@example.com"), (2, "new@example.com"), (3, "bob@example.com")] {
        store.add_link(&Link { expires_at: long, ..link(hash, &live.user, Purpose::Email, email) }).await.unwrap();
    }
    assert!(matches!(store.follow_email_link(&[3; 32], &clock).await.unwrap(), Some(Changed::EmailTaken)));
    let Some(Changed::Done { user, revoked }) = store.follow_email_link(&[2; 32], &clock).await.unwrap() else {
        panic!()
    };
    assert!(user.email_verified && user.email.unwrap().as_str() == "new@example.com" && revoked.sessions.len() == 1);
    assert!(store.follow_email_link(&[1; 32], &clock).await.unwrap().is_none(), "one link followed, none left");
    let same = Link { expires_at: long, ..link(4, &live.user, Purpose::Email, "new@example.com") };
    store.add_link(&same).await.unwrap();
    let Some(Changed::Done { revoked, .. }) = store.follow_email_link(&[4; 32], &clock).await.unwrap() else {
        panic!()
    };
    assert!(revoked.sessions.is_empty(), "what tokens say stays true");
    store.set_disabled(live.user.id, true, &clock).await.unwrap();
    store.add_link(&same).await.unwrap();
    assert!(store.follow_email_link(&[4; 32], &clock).await.unwrap().is_none());
}

pub(super) async fn what_shuts_others_out_shuts_out_the_address_they_asked_for(store: Store) {
    let clock = Clock::system();
    let id = signed_in(&store, "ann", 1, clock.now()).await.user.id;
    for (number, way) in WAYS.into_iter().enumerate() {
        let hash = |which: u8| u8::try_from(number * 2).unwrap() + 100 + which;
        let user = store.user(id).await.unwrap().unwrap();
        let current = user.email.clone().unwrap();
        for (which, email) in [(0, "thief@example.com"), (1, current.as_str())] {
            let link = link(hash(which), &user, Purpose::Email, email);
            store.add_link(&Link { expires_at: clock.now().plus(DAY), ..link }).await.unwrap();
        }
        others_are_shut_out(&store, way, &user, hash(0)).await;
        assert!(store.follow_email_link(&[hash(0); 32], &clock).await.unwrap().is_none(), "{way}");
        if way != "edited" {
            let own = store.follow_email_link(&[hash(1); 32], &clock).await.unwrap();
            assert!(matches!(own, Some(Changed::Done { .. })), "{way}: one's own address is confirmed as ever");
        }
    }
}

pub(super) async fn what_shuts_others_out_ends_what_they_began(store: Store) {
    let clock = Clock::system();
    let id = signed_in(&store, "ann", 1, clock.now()).await.user.id;
    for (number, way) in WAYS.into_iter().enumerate() {
        let hash = u8::try_from(number * 3).unwrap() + 100;
        let (user, now) = (store.user(id).await.unwrap().unwrap(), clock.now());
        let begun = session(hash + 2, now);
        store.start_session(&user, &begun, None).await.unwrap();
        let who = Oneself::by_session(&user, begun.id);
        assert!(store.begin_totp(&who, &[hash; 20], false, now).await.unwrap());
        assert!(store.add_own_passkey_challenge(&who, &[hash; 32], now, now.plus(DAY)).await.unwrap());
        others_are_shut_out(&store, way, &user, hash).await;
        let there = way == "edited";
        assert_eq!(store.totp(id).await.unwrap().is_some(), there, "{way}");
        assert_eq!(store.take_passkey_challenge(&[hash; 32], Some(id), clock.now()).await.unwrap(), there, "{way}");
    }
    let now = clock.now();
    let ann = store.user(id).await.unwrap().unwrap();
    let last = session(99, now);
    store.start_session(&ann, &last, None).await.unwrap();
    let (who, totp) = (Oneself::by_session(&ann, last.id), store.totp(id).await.unwrap().unwrap());
    assert!(store.confirm_totp(&who, (&totp, 1), &[], now).await.unwrap());
    store.end_sessions(id, None, now).await.unwrap();
    assert!(store.totp(id).await.unwrap().is_some(), "what is confirmed stays");
}

const WAYS: [&str; 9] =
    ["set", "replaced", "reset", "sessions", "one session", "by another", "used twice", "disabled", "edited"];

/// In one of the ways in which whoever else has come in is out; an edited address does not end what has to do with none.
async fn others_are_shut_out(store: &Store, way: &str, user: &User, number: u8) {
    let (id, clock, new) = (user.id, Clock::system(), Secret::new("$argon2id$2".to_owned()));
    match way {
        "set" => drop(store.set_password(id, &new, &clock).await.unwrap().unwrap()),
        "replaced" => {
            let here = session(2, clock.now());
            store.start_session(user, &here, None).await.unwrap();
            let who = Oneself::by_password(user, here.id);
            drop(store.replace_password(&who, &new, &clock).await.unwrap());
        }
        "reset" => {
            let link = link(9, user, Purpose::Password, user.email.as_ref().unwrap().as_str());
            store.add_link(&Link { expires_at: clock.now().plus(DAY), ..link }).await.unwrap();
            drop(store.reset_password(&[9; 32], &new, &clock).await.unwrap().unwrap());
        }
        "sessions" => drop(store.end_sessions(id, None, clock.now()).await.unwrap()),
        "one session" | "by another" | "used twice" => one_session_ends(store, way, user, number).await,
        "disabled" => {
            store.set_disabled(id, true, &clock).await.unwrap().unwrap();
            store.set_disabled(id, false, &clock).await.unwrap().unwrap();
        }
        _ => {
            let email = Some(Email::parse("ann@example.net").unwrap());
            store.change_user(id, &UserChange { email, ..UserChange::default() }, &clock).await.unwrap();
        }
    }
}

/// Whatever comes after the wish finds its link, and before it there is no wish.
pub(super) async fn the_link_to_an_address_comes_with_the_wish_or_not_at_all(store: Store) {
    let clock = Clock::system();
    let (live, bob) = (signed_in(&store, "ann", 1, clock.now()).await, somebody("bob"));
    store.create_user(&bob, clock.now()).await.unwrap();
    let who = Oneself::by_session(&live.user, live.session.id);
    let wish = async |hash: u8, change: &UserChange| {
        let link = link(hash, &live.user, Purpose::Email, "new@example.com");
        let link = Link { expires_at: clock.now().plus(DAY), ..link };
        store.change_own(&who, change, Some(&link), &clock).await
    };
    let taken = UserChange { username: bob.username, ..UserChange::default() };
    assert!(matches!(wish(1, &taken).await.unwrap(), Changed::NameTaken));
    assert!(store.follow_email_link(&[1; 32], &clock).await.unwrap().is_none());
    assert!(matches!(wish(2, &UserChange::default()).await.unwrap(), Changed::Done { .. }));
    let other = NewSession { now: clock.now(), ..session(2, clock.now()) };
    store.start_session(&live.user, &other, None).await.unwrap();
    let elsewhere = Oneself::by_session(&live.user, other.id);
    store.end_own_sessions(&elsewhere, Some(other.id), clock.now()).await.unwrap();
    assert!(store.follow_email_link(&[2; 32], &clock).await.unwrap().is_none());
    assert!(matches!(wish(3, &UserChange::default()).await, Err(OwnError::SessionEnded)));
    assert!(store.follow_email_link(&[3; 32], &clock).await.unwrap().is_none());
}

/// Some other session of theirs, in one of three ways.
async fn one_session_ends(store: &Store, way: &str, user: &User, refresh: u8) {
    let now = Clock::system().now();
    let (one, two) = (session(refresh, now), session(refresh + 1, now));
    for new in [&one, &two] {
        store.start_session(user, new, None).await.unwrap();
    }
    if way == "one session" {
        let who = Oneself::by_session(user, two.id);
        store.end_own_session(&who, one.id, now).await.unwrap().unwrap();
    } else if way == "by another" {
        store.end_session_of_another(one.id, now).await.unwrap().unwrap();
    } else {
        store.rotate(&turn(refresh, 250, now)).await.unwrap();
        let late = store.rotate(&turn(refresh, 251, now.plus(2 * GRACE))).await.unwrap();
        assert!(matches!(late, Rotation::Reused { .. }), "{late:?}");
    }
}

/// Whoever signs out goes on in another session, or comes back.
pub(super) async fn signing_out_leaves_the_address_that_was_asked_for(store: Store) {
    let clock = Clock::system();
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    for (hash, by_list) in [(1, false), (2, true)] {
        let new = session(hash + 10, clock.now());
        let Started::Begun(begun) = store.start_session(&live.user, &new, None).await.unwrap() else { panic!() };
        let email = format!("new{hash}@example.com");
        let link = Link { expires_at: clock.now().plus(DAY), ..link(hash, &begun.user, Purpose::Email, &email) };
        store.add_link(&link).await.unwrap();
        if by_list {
            let who = Oneself::by_session(&begun.user, new.id);
            store.end_own_session(&who, new.id, clock.now()).await.unwrap().unwrap();
        } else {
            store.end_session(new.id, clock.now()).await.unwrap().unwrap();
        }
        let followed = store.follow_email_link(&[hash; 32], &clock).await.unwrap();
        assert!(matches!(followed, Some(Changed::Done { .. })), "{by_list}");
    }
}

fn link(hash: u8, user: &User, purpose: Purpose, email: &str) -> Link {
    let email = Email::parse(email).unwrap();
    Link { hash: [hash; 32], user: user.id, purpose, email, expires_at: at(60) }
}
