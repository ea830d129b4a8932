use super::*;
use crate::base::Clock;
use crate::servers::{Kind, Server};
use crate::shared::{Counts, Redis, RedisAddress, Revocations, Taken};

const FIVE: Rate = Rate { count: 5, per: Duration::from_secs(60) };

fn at(second: u64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + second)
}

#[test]
fn five_in_a_minute_are_five_at_once_and_then_one_every_twelve_seconds() {
    let limiter = Limiter::new(10);
    for _ in 0..5 {
        assert_eq!(limiter.take("ann", FIVE, at(0)), Ok(()));
    }
    let refused = Err(Limited { retry_after: Duration::from_secs(12) });
    assert_eq!(limiter.take("ann", FIVE, at(0)), refused);
    assert_eq!(limiter.check(&"ann", FIVE, at(0)), refused);
    assert_eq!(limiter.take("bob", FIVE, at(0)), Ok(()));
    assert_eq!(limiter.check(&"ann", FIVE, at(12)), Ok(()));
    assert_eq!(limiter.take("ann", FIVE, at(12)), Ok(()));
    assert!(limiter.take("ann", FIVE, at(13)).is_err());
    for _ in 0..5 {
        assert_eq!(limiter.take("ann", FIVE, at(100)), Ok(()));
    }
}

#[test]
fn asking_while_limited_does_not_make_it_longer() {
    let limiter = Limiter::new(10);
    for _ in 0..50 {
        let _: Result<(), Limited> = limiter.take("ann", FIVE, at(0));
    }
    assert_eq!(limiter.take("ann", FIVE, at(12)), Ok(()));
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    let limiter = Limiter::new(10);
    for _ in 0..100 {
        assert_eq!(limiter.take("ann", FIVE, at(0)), Ok(()));
        limiter.give_back(&"ann", FIVE);
    }
    for _ in 0..5 {
        assert_eq!(limiter.take("ann", FIVE, at(0)), Ok(()), "no more than a full bucket");
    }
    assert!(limiter.take("ann", FIVE, at(0)).is_err());
}

#[test]
fn a_million_keys_stay_within_bounds_and_never_reset_an_attacker() {
    let limiter = Limiter::new(1000);
    for _ in 0..5 {
        limiter.take(0, FIVE, at(0)).unwrap();
    }
    let mut let_in = 0;
    for key in 1..1_000_000 {
        let_in += u32::from(limiter.take(key, FIVE, at(key / 100_000)).is_ok());
    }
    assert!(limiter.table().buckets.len() <= 1000);
    assert!(let_in < 1200, "{let_in} strangers were let in");
    assert!(limiter.take(0, FIVE, at(10)).is_err());
    assert!(limiter.check(&0, FIVE, at(10)).is_err());
    assert_eq!(limiter.take(5_000_000, FIVE, at(90)), Ok(()), "when the flood is over there is room again");
}

#[test]
fn a_clock_that_is_put_back_locks_nobody_out() {
    let limiter = Limiter::new(10);
    for _ in 0..5 {
        limiter.take("ann", FIVE, at(100_000)).unwrap();
    }
    let Err(limited) = limiter.take("ann", FIVE, at(0)) else { panic!() };
    assert_eq!(limited.retry_after, Duration::from_secs(12));
    assert_eq!(limiter.take("ann", FIVE, at(60)), Ok(()), "{limited}");
}

/// The sentences that a bucket must prove, wherever it is kept, while time goes on by itself.
async fn keeps_the_contract(
    take: impl AsyncFn(&str, Rate) -> Result<(), Limited>,
    give_back: impl AsyncFn(&str, Rate),
) {
    for _ in 0..5 {
        take("ann", FIVE).await.unwrap();
    }
    for _ in 0..20 {
        let wait = take("ann", FIVE).await.unwrap_err().retry_after.as_secs_f64();
        assert!((6.0..=12.0).contains(&wait), "asking does not make it longer: {wait}");
    }
    take("bob", FIVE).await.unwrap();
    give_back("ann", FIVE).await;
    take("ann", FIVE).await.unwrap();
    take("ann", FIVE).await.unwrap_err();
    for _ in 0..9 {
        give_back("bob", FIVE).await;
        give_back("nobody", FIVE).await;
    }
    for _ in 0..5 {
        take("bob", FIVE).await.unwrap();
    }
    take("bob", FIVE).await.expect_err("no more than a full bucket");
    let quick = Rate { count: 2, per: Duration::from_millis(1000) };
    let begun = tokio::time::Instant::now();
    let mut waited = 0;
    for _ in 0..4 {
        while let Err(Limited { retry_after }) = take("cy", quick).await {
            assert!(retry_after <= quick.per / 2, "{retry_after:?}");
            waited += 1;
            tokio::time::sleep(retry_after).await;
        }
    }
    assert!(waited >= 2 && begun.elapsed() >= quick.per - Duration::from_millis(10), "{:?}", begun.elapsed());
    let slower = Rate { count: 1, per: Duration::from_secs(10) };
    let wait = take("ann", slower).await.unwrap_err().retry_after;
    assert!(wait <= slower.per, "a changed rate locks nobody out for longer than its own time: {wait:?}");
}

#[tokio::test]
async fn a_bucket_of_this_node_keeps_the_contract() {
    let (limiter, clock) = (Limiter::new(10), Clock::system());
    keeps_the_contract(
        async |key, rate| limiter.take(key.to_owned(), rate, clock.now()),
        async |key, rate| limiter.give_back(&key.to_owned(), rate),
    )
    .await;
}

#[tokio::test]
async fn a_bucket_of_all_nodes_keeps_the_contract() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let address = RedisAddress::parse(&server.database("0")).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let mut nodes = vec![];
    for _ in 0..2 {
        let node = Redis::at(&address).unwrap();
        let (_, outbox) = tokio::sync::mpsc::channel(1);
        let revocations = std::sync::Arc::new(Revocations::default());
        drop(tokio::spawn(std::sync::Arc::clone(&node).follow(outbox, revocations, stop.clone())));
        while !node.is_here() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        nodes.push(node);
    }
    // Asked in turn: what one takes is gone for the other.
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let node = || &nodes[turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % nodes.len()];
    keeps_the_contract(
        async |key, rate| match node().take(&[rate.joint("test", &[key])]).await {
            Taken::All => Ok(()),
            Taken::Empty { nth, retry_after } => {
                assert_eq!(nth, 0);
                Err(Limited { retry_after })
            }
            Taken::Away => panic!("it is away"),
        },
        async |key, rate| node().give_back(&[rate.joint("test", &[key])]).await,
    )
    .await;
    let [one, other] = [FIVE.joint("test", &["one"]), FIVE.times(2).joint("test", &["other"])];
    for _ in 0..5 {
        assert_eq!(nodes[0].take(&[other.clone(), one.clone()]).await, Taken::All);
    }
    for _ in 0..5 {
        let taken = nodes[1].take(&[other.clone(), one.clone()]).await;
        assert!(matches!(taken, Taken::Empty { nth: 1, .. }), "{taken:?}");
    }
    let taken = nodes[0].take(&[other, one]).await;
    assert!(matches!(taken, Taken::Empty { nth: 0, .. }), "what stood before the empty one was taken from: {taken:?}");
    stop.cancel();
}

#[test]
fn a_joint_bucket_tells_nothing_of_whom_it_is_about_and_no_two_share_one() {
    let keys: std::collections::BTreeSet<_> =
        [["ab", "c"], ["a", "bc"], ["abc", ""]].iter().map(|parts| FIVE.joint("test", parts).key).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| !key.contains("abc") && key.len() < 80));
    assert_ne!(FIVE.joint("one", &["a"]), FIVE.joint("two", &["a"]));
}
