//! What happens to an account that many sources try at once.
use std::sync::atomic::Ordering;

use super::super::{LoginError, SignedIn, Source};
use super::fixture::{House, PASSWORD, from, secret};

async fn attempt(house: &House, name: &str, password: &str, ip: &str) -> Result<SignedIn, LoginError> {
    house.accounts.login(name, &secret(password), &from(ip)).await
}

/// From thirty places, until nothing more is compared.
async fn besiege(house: &House, name: &str) {
    let mut refused = vec![];
    for source in 0..60 {
        let outcome = attempt(house, name, "wrong", &format!("198.51.100.{source}")).await;
        refused.push(matches!(outcome, Err(LoginError::Limited { .. })));
    }
    assert!(refused.ends_with(&[true; 5]));
}

#[tokio::test]
async fn while_many_sources_try_a_name_its_owner_comes_in_from_where_they_signed_in_lately() {
    let mut house = House::new().await;
    house.register("ann").await;
    attempt(&house, "ann", PASSWORD, "192.0.2.1").await.unwrap();
    attempt(&house, "ann", PASSWORD, "2001:db8:1:2::1").await.unwrap();
    for restarted in [false, true] {
        if restarted {
            house.forget_counts();
        }
        besiege(&house, "ann").await;
        for home in ["192.0.2.1", "2001:db8:1:2::99"] {
            assert!(attempt(&house, "ann", PASSWORD, home).await.is_ok(), "{home}");
        }
        let elsewhere = attempt(&house, "ann", PASSWORD, "192.0.2.2").await;
        assert!(matches!(elsewhere, Err(LoginError::Limited { .. })), "from a place that nobody knows");
    }
}

#[tokio::test]
async fn at_home_too_guessing_is_slowed_down_and_a_right_password_makes_no_room_for_strangers() {
    let house = House::new().await;
    house.register("ann").await;
    attempt(&house, "ann", PASSWORD, "192.0.2.1").await.unwrap();
    besiege(&house, "ann").await;
    for _ in 0..3 {
        attempt(&house, "ann", PASSWORD, "192.0.2.1").await.unwrap();
        let stranger = attempt(&house, "ann", "wrong", "203.0.113.9").await;
        assert!(matches!(stranger, Err(LoginError::Limited { .. })));
    }
    for count in 0..8 {
        let refused = attempt(&house, "ann", "wrong", "192.0.2.1").await.unwrap_err();
        assert_eq!(matches!(refused, LoginError::Limited { .. }), count >= 5, "{count}");
    }
}

#[tokio::test]
async fn a_throttled_name_is_the_same_work_whoever_has_it() {
    let house = House::with(|settings| settings.login_per_ip.count = 1000).await;
    house.register("ann").await;
    let bob = house.register("bob").await;
    house.people().disable(bob.user.id, &Source::default()).await.unwrap();
    let work = async |name: &str, ip: &str| {
        let before = (house.people().hasher.runs(), house.asked.load(Ordering::Relaxed));
        let refused = attempt(&house, name, PASSWORD, ip).await.unwrap_err();
        let after = (house.people().hasher.runs(), house.asked.load(Ordering::Relaxed));
        (refused.to_string(), after.0 - before.0, after.1 - before.1)
    };
    for ip in ["198.51.100.250", "198.51.100.59"] {
        for name in ["ann", "bob", "nobody"] {
            besiege(&house, name).await;
        }
        let [ann, bob, nobody] = [work("ann", ip).await, work("bob", ip).await, work("nobody", ip).await];
        assert!(ann == bob && bob == nobody, "{ann:?} {bob:?} {nobody:?}");
        assert_eq!(ann.1, 0, "nothing is hashed");
    }
}
