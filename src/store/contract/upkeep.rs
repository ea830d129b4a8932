//! What is counted, what is forgotten, and what is put back.
use super::*;
use crate::base::Clock;

pub(super) async fn control_secrets_end(store: Store) {
    store.add_control_secret(&[1; 32], at(10)).await.unwrap();
    assert!(store.control_secret_is_good(&[1; 32], at(9)).await.unwrap());
    assert!(!store.control_secret_is_good(&[1; 32], at(10)).await.unwrap());
    assert!(!store.control_secret_is_good(&[2; 32], at(9)).await.unwrap());
}

pub(super) async fn what_is_over_is_forgotten_and_the_rest_kept(store: Store) {
    let ended = signed_in(&store, "ann", 1, at(0)).await;
    let kept = signed_in(&store, "bob", 2, at(0)).await;
    store.end_session(ended.session.id, at(5)).await.unwrap();
    store.add_control_secret(&[1; 32], at(5)).await.unwrap();
    assert_eq!(store.forget_expired(at(6)).await.unwrap(), 1, "the secret; tokens of the ended session may live");
    assert_eq!(store.forget_expired(at(11)).await.unwrap(), 1, "the session with its refresh token");
    assert_eq!(store.revocations_since(0, 9).await.unwrap().len(), 1);
    assert_eq!(store.forget_expired(at(11 + 600)).await.unwrap(), 1, "the revocation");
    assert!(store.live_session(kept.session.id, at(700)).await.unwrap().is_some());
    let next = store.end_session(kept.session.id, at(700)).await.unwrap().unwrap();
    let since = store.revocations_since(1, 9).await.unwrap();
    assert_eq!(since, [(2, next.1)], "numbers are not given out twice");
}

pub(super) async fn observations_of_one_kind_are_one_row(store: Store) {
    let seen = |refusal: Option<&str>, many: i64, second: u64| Observation {
        route: format!("app.example.com/{}", "long/".repeat(300)),
        refusal: refusal.map(str::to_owned),
        backend_refused: false,
        many,
        method: "GET".to_owned(),
        path: format!("/app/{second}"),
        status: 200,
        first_at: at(second),
        last_at: at(second),
    };
    let refused = Some("login_required");
    store.add_observations(&[seen(refused, 2, 1), seen(None, 9, 1)]).await.unwrap();
    store.add_observations(&[seen(refused, 3, 5)]).await.unwrap();
    let both = Observation { first_at: at(1), ..seen(refused, 5, 5) };
    assert_eq!(store.observations().await.unwrap(), [seen(None, 9, 1), both]);
    assert_eq!(store.forget_expired(at(5).plus(DAY * 89)).await.unwrap(), 0);
    assert_eq!(store.forget_expired(at(2).plus(DAY * 90)).await.unwrap(), 1);
    assert_eq!(store.forget_observations().await.unwrap(), 1);
    assert!(store.observations().await.unwrap().is_empty());
}

pub(super) async fn what_was_out_before_a_restore_is_revoked(store: Store) {
    let (clock, (backup, _folder)) = (Clock::system(), on_sqlite().await);
    let (ann, bob) = (signed_in(&store, "ann", 1, clock.now()).await, signed_in(&store, "bob", 2, clock.now()).await);
    let dan = signed_in(&store, "dan", 4, clock.now()).await;
    store.copy_to(&backup, Onto::Empty, |_| {}).await.unwrap();
    let carl = signed_in(&store, "carl", 3, clock.now()).await;
    store.end_session(bob.session.id, clock.now()).await.unwrap();
    let admin = UserChange { add_roles: vec![Role::parse("admin").unwrap()], ..UserChange::default() };
    store.change_user(ann.user.id, &admin, &clock).await.unwrap();
    store.delete_user(dan.user.id, &clock).await.unwrap();
    let read_to = store.revocations_since(0, 99).await.unwrap().last().unwrap().0;
    let strangers_to = store.token_revocations_since(0, 99).await.unwrap().last().unwrap().0;

    let before = clock.now();
    backup.copy_to(&store, Onto::Anything { by: &clock }, |_| {}).await.unwrap();
    let after = clock.now();

    let news = store.revocations_since(read_to, 99).await.unwrap();
    let of = |session: SessionId| {
        news.iter().filter(|(_, revoked)| revoked.session == session).map(|(_, revoked)| revoked.not_before).max()
    };
    assert_eq!(of(carl.session.id), Some(Revocation::FOR_EVER), "nobody knows the session any more");
    assert_eq!(of(bob.session.id), Some(Revocation::FOR_EVER), "it was ended");
    let of_ann = of(ann.session.id).unwrap();
    assert!(before < of_ann && of_ann <= after.plus(Duration::from_millis(1)), "tokens end, the session goes on");
    let goes_on = store.live_session(ann.session.id, after).await.unwrap().unwrap().session;
    assert_eq!(goes_on.issues_at(before), of_ann, "its next token is no older than what ended the last one");
    assert!(store.live_session(bob.session.id, after).await.unwrap().is_none());

    let news = store.token_revocations_since(strangers_to, 99).await.unwrap();
    let of = |name: &str| {
        let subject = TokenRevocation::of_person(name);
        news.iter().find(|(_, revoked)| revoked.subject == subject).map(|(_, revoked)| revoked.not_before)
    };
    let is_now =
        |moment: Option<Timestamp>| moment.is_some_and(|moment| before < moment && moment <= of_ann.plus(GRACE));
    assert!(is_now(of("carl")) && is_now(of("ann")), "tokens without a session say what is not true: {news:?}");
    assert_eq!(of(&carl.user.id.to_string()), Some(Revocation::FOR_EVER));
    assert!(is_now(of(&dan.user.id.to_string())), "he is back");
    assert_eq!(of("bob"), None, "he is who he was");
}
