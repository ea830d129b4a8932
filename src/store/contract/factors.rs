//! Second factors and passkeys.
use super::*;
use crate::base::{Network, PasskeyId};

pub(super) async fn a_second_factor_counts_once_shown_and_no_code_is_good_twice(store: Store) {
    let live = signed_in(&store, "ann", 1, at(0)).await;
    let (ann, session) = (live.user.id, live.session.id);
    let who = Oneself::by_session(&live.user, session);
    assert!(store.totp(ann).await.unwrap().is_none());
    assert!(store.begin_totp(&who, b"one", false, at(0)).await.unwrap());
    assert!(store.begin_totp(&who, b"two", true, at(0)).await.unwrap(), "one that was not confirmed is replaced");
    let totp = store.totp(ann).await.unwrap().unwrap();
    assert_eq!((totp.key.as_slice(), totp.sealed, totp.confirmed, totp.last_step), (b"two".as_slice(), true, false, 0));
    assert!(store.begin_totp(&who, b"three", true, at(0)).await.unwrap(), "in another tab");
    let other = store.totp(ann).await.unwrap().unwrap();
    assert!(!store.confirm_totp(&who, (&totp, 6), &[[3; 32]], at(1)).await.unwrap(), "not the key that was read");
    assert!(!store.totp(ann).await.unwrap().unwrap().confirmed && store.recovery_codes_left(ann).await.unwrap() == 0);
    assert!(store.confirm_totp(&who, (&other, 7), &[[1; 32], [2; 32]], at(1)).await.unwrap());
    assert!(!store.confirm_totp(&who, (&other, 8), &[[3; 32]], at(1)).await.unwrap());
    assert!(!store.begin_totp(&who, b"three", false, at(1)).await.unwrap());
    let again = store.live_session(session, at(2)).await.unwrap().unwrap();
    assert_eq!(again.session.amr, ["pwd", "otp", "mfa"], "the session has shown it");
    for (step, good) in [(7, false), (9, true), (9, false), (8, false), (10, true)] {
        assert_eq!(store.use_totp_step(ann, step).await.unwrap(), good, "{step}");
    }
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 2);
    for (code, good) in [(3, false), (1, true), (1, false)] {
        assert_eq!(store.use_recovery_code(ann, &[code; 32]).await.unwrap(), good, "{code}");
    }
    store.replace_recovery_codes(&who, &[[4; 32], [5; 32], [6; 32]], at(2)).await.unwrap();
    assert!(!store.use_recovery_code(ann, &[2; 32]).await.unwrap());
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 3);
    assert!(store.remove_totp(ann).await.unwrap() && !store.remove_totp(ann).await.unwrap());
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 0);
}

pub(super) async fn a_code_counts_beside_what_the_session_showed_before(store: Store) {
    let bob = signed_in(&store, "bob", 1, at(0)).await.user;
    let by_passkey = NewSession { amr: &["hwk", "mfa"], ..session(2, at(0)) };
    let Started::Begun(live) = store.start_session(&bob, &by_passkey, None).await.unwrap() else { panic!() };
    let who = Oneself::by_session(&bob, live.session.id);
    assert!(store.begin_totp(&who, b"one", false, at(0)).await.unwrap());
    let totp = store.totp(bob.id).await.unwrap().unwrap();
    assert!(store.confirm_totp(&who, (&totp, 7), &[], at(1)).await.unwrap());
    let again = store.live_session(live.session.id, at(2)).await.unwrap().unwrap();
    assert_eq!(again.session.amr, ["hwk", "mfa", "otp"], "no password was shown");
}

pub(super) async fn a_sign_in_waits_for_a_few_tries_and_ends_once(store: Store) {
    let live = signed_in(&store, "ann", 1, at(0)).await;
    let user = live.user.id;
    let waiting = |hash: u8| Waiting { hash: [hash; 32], user, password_set_at: at(0), expires_at: at(60) };
    for hash in [1, 2] {
        store.add_waiting(&waiting(hash)).await.unwrap();
    }
    for _ in 0..5 {
        assert_eq!(store.try_waiting(&[1; 32], at(59)).await.unwrap(), Some(waiting(1)));
    }
    assert_eq!(store.try_waiting(&[1; 32], at(59)).await.unwrap(), None, "tried too often");
    assert_eq!(store.try_waiting(&[2; 32], at(60)).await.unwrap(), None, "over");
    assert_eq!(store.try_waiting(&[3; 32], at(0)).await.unwrap(), None, "never made");
    assert!(store.end_waiting(&[2; 32]).await.unwrap() && !store.end_waiting(&[2; 32]).await.unwrap());
    assert!(store.forget_expired(at(61)).await.unwrap() > 0);
    assert_eq!(store.try_waiting(&[1; 32], at(0)).await.unwrap(), None);
}

pub(super) async fn a_passkey_is_one_persons_and_its_counter_goes_on(store: Store) {
    let (anns, bobs) = (signed_in(&store, "ann", 1, at(0)).await, signed_in(&store, "bob", 2, at(0)).await);
    let (ann, bob) = (anns.user.id, bobs.user.id);
    let as_ann = Oneself::by_session(&anns.user, anns.session.id);
    let as_bob = Oneself::by_session(&bobs.user, bobs.session.id);
    let passkey = |user, credential: &[u8]| Passkey {
        id: PasskeyId::new(at(1)),
        user,
        credential: credential.to_vec(),
        key: vec![7; 700],
        counter: 0,
        name: "Blåser 🔑".to_owned(),
        created_at: at(1),
        last_used_at: None,
    };
    let long = passkey(ann, &[9; 1023]);
    assert_eq!(store.add_passkey(&as_ann, &long).await.unwrap(), AddedPasskey::Added);
    assert_eq!(store.passkey(&long.credential).await.unwrap().as_ref(), Some(&long));
    assert_eq!(store.passkey(&[9; 1022]).await.unwrap(), None);
    assert_eq!(store.add_passkey(&as_bob, &passkey(bob, &[9; 1023])).await.unwrap(), AddedPasskey::Exists);
    for (counter, good) in [(0, true), (0, true), (5, true), (5, false), (4, false), (0, false), (u32::MAX, true)] {
        assert_eq!(store.use_passkey(long.id, counter, at(2)).await.unwrap(), good, "{counter}");
    }
    assert!(!store.rename_passkey(&as_bob, long.id, "mine", at(2)).await.unwrap());
    assert!(store.rename_passkey(&as_ann, long.id, "key", at(2)).await.unwrap());
    let used = Passkey { counter: u32::MAX, name: "key".to_owned(), last_used_at: Some(at(2)), ..long.clone() };
    assert_eq!(store.passkeys(ann).await.unwrap(), [used]);
    for number in 1..20 {
        assert_eq!(store.add_passkey(&as_ann, &passkey(ann, &[number])).await.unwrap(), AddedPasskey::Added);
    }
    assert_eq!(store.add_passkey(&as_ann, &passkey(ann, &[20])).await.unwrap(), AddedPasskey::TooMany);
    for (who, gone) in [(&as_bob, false), (&as_ann, true), (&as_ann, false)] {
        assert_eq!(store.remove_passkey(who, long.id, at(2)).await.unwrap(), gone);
    }
    assert!(!store.use_passkey(long.id, 9, at(3)).await.unwrap(), "gone");
    assert_eq!(store.add_passkey(&as_bob, &passkey(bob, &[30])).await.unwrap(), AddedPasskey::Added);
    assert!(store.remove_passkeys(ann).await.unwrap() && !store.remove_passkeys(ann).await.unwrap());
    assert_eq!((store.passkeys(ann).await.unwrap().len(), store.passkeys(bob).await.unwrap().len()), (0, 1));
}

pub(super) async fn a_challenge_is_signed_once_in_time_and_for_its_purpose(store: Store) {
    let live = signed_in(&store, "ann", 1, at(0)).await;
    let (ann, bob) = (live.user.id, signed_in(&store, "bob", 2, at(0)).await.user.id);
    let who = Oneself::by_session(&live.user, live.session.id);
    for hash in [1, 3] {
        assert!(store.add_passkey_challenge(&[hash; 32], at(0), at(60)).await.unwrap());
    }
    assert!(store.add_own_passkey_challenge(&who, &[2; 32], at(0), at(60)).await.unwrap());
    for (hash, user, now, good) in [
        (1, Some(ann), 0, false),
        (1, None, 60, false),
        (1, None, 59, true),
        (1, None, 59, false),
        (2, None, 0, false),
        (2, Some(bob), 0, false),
        (2, Some(ann), 0, true),
        (4, None, 0, false),
    ] {
        let taken = store.take_passkey_challenge(&[hash; 32], user, at(now)).await.unwrap();
        assert_eq!(taken, good, "{hash} {user:?} {now}");
    }
    assert!(store.forget_expired(at(61)).await.unwrap() > 0);
    assert!(!store.take_passkey_challenge(&[3; 32], None, at(0)).await.unwrap());
}

pub(super) async fn only_challenges_of_ones_own_kind_that_still_wait_leave_no_room(store: Store) {
    let ann = signed_in(&store, "ann", 1, at(0)).await;
    let add =
        async |number: u8, now, until| store.add_passkey_challenge(&[number; 32], at(now), at(until)).await.unwrap();
    let most = u8::try_from(passkeys::MOST_WAITING).unwrap();
    for number in 0..most {
        assert!(add(number, 0, 60).await, "{number}");
    }
    assert!(!add(200, 59, 119).await, "as many as may wait");
    let who = Oneself::by_session(&ann.user, ann.session.id);
    let own = store.add_own_passkey_challenge(&who, &[200; 32], at(59), at(119)).await.unwrap();
    assert!(own, "whoever is not known stands in nobody's way");
    assert!(add(201, 60, 120).await, "those that are over do not count, forgotten or not");
    assert_eq!(store.forget_challenges(at(60)).await.unwrap(), u64::from(most));
    assert!(store.take_passkey_challenge(&[200; 32], Some(ann.user.id), at(60)).await.unwrap());
}

pub(super) async fn where_somebody_signed_in_lately_is_familiar(store: Store) {
    let from = |number: u8| Some(format!("192.0.2.{number}").parse().unwrap());
    let sign_in = async |user: &User, ip, second| {
        let new = NewSession { ip, ..session(u8::try_from(second % 200 + 2).unwrap(), at(second)) };
        assert!(matches!(store.start_session(user, &new, None).await.unwrap(), Started::Begun(_)));
    };
    let ann = *signed_in(&store, "ann", 1, at(0)).await.user;
    let knows = async |who: &str, ip, second| store.is_familiar(who, Network::of(ip), at(second)).await.unwrap();
    let id = ann.id.to_string();
    sign_in(&ann, from(1), 1).await;
    assert!(knows(&id, from(1), 2).await && !knows(&id, from(2), 2).await && !knows("nobody", from(1), 2).await);
    for number in 2..=17 {
        sign_in(&ann, from(number), number.into()).await;
        sign_in(&ann, from(2), u64::from(number) + 50).await;
    }
    for (number, familiar) in [(1, false), (2, true), (3, true), (17, true), (18, false)] {
        assert_eq!(knows(&id, from(number), 99).await, familiar, "{number}");
    }
    let days = |days: u64| days * 24 * 3600;
    assert!(knows(&id, from(17), days(90)).await && !knows(&id, from(17), days(91)).await);
    store.forget_expired(at(days(90) + 18)).await.unwrap();
    assert!(knows(&id, from(2), 99).await && !knows(&id, from(17), 99).await, "and then they are deleted");
}
