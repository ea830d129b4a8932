//! What is counted, and what is forgotten.
use super::*;

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
