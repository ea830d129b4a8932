//! How often: a bucket that is told the time.
//!
//! Each key has a bucket that holds `count` drops and gains one every `per / count`. Of a bucket only one number is
//! kept: when it will be full again (the generic cell rate algorithm).
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::Timestamp;

/// So many in so long, from "20/m".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) per: Duration,
}

impl Rate {
    /// The same time, so many times as often.
    pub(crate) fn times(self, factor: u32) -> Self {
        Self { count: self.count.saturating_mul(factor), per: self.per }
    }
}

/// Too often; one more is welcome after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too often; again in {retry_after:?}")]
pub(crate) struct Limited {
    pub(crate) retry_after: Duration,
}

/// Where a request comes from, as limits count it: one IPv4 address, or one IPv6 /64, which is what one subscriber is
/// given. What came without an address (a unix socket) is one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(Option<IpAddr>);

impl Network {
    pub(crate) fn of(ip: Option<IpAddr>) -> Self {
        Self(ip.map(|ip| match ip.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        }))
    }
}

/// Buckets by key, of one kind: a bounded table.
///
/// Only a bucket that is full again is forgotten, since forgetting it changes nothing. When none is, strangers share one
/// more bucket: a flood of new keys can make newcomers wait, and never gives an old key a fresh start.
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    table: Mutex<Table<K>>,
    most: usize,
}

#[derive(Debug)]
struct Table<K> {
    buckets: HashMap<K, Bucket>,
    strangers: Bucket,
    swept_at: Timestamp,
}

impl<K: Eq + Hash> Limiter<K> {
    /// For at most so many keys at once.
    pub(crate) fn new(most: usize) -> Self {
        let start = Timestamp::from_millis(0);
        let table = Table { buckets: HashMap::new(), strangers: Bucket::default(), swept_at: start };
        Self { table: Mutex::new(table), most }
    }

    /// Takes one drop, or says how long to wait and takes none.
    pub(crate) fn take(&self, key: K, rate: Rate, now: Timestamp) -> Result<(), Limited> {
        let mut table = self.table();
        if let Some(bucket) = table.buckets.get_mut(&key) {
            return bucket.take(rate, now);
        }
        if table.buckets.len() >= self.most {
            table.sweep(now);
        }
        if table.buckets.len() >= self.most {
            return table.strangers.take(rate.times(STRANGERS), now);
        }
        table.buckets.entry(key).or_default().take(rate, now)
    }

    #[cfg(test)]
    /// Would `take` be refused? Takes nothing.
    pub(crate) fn check(&self, key: &K, rate: Rate, now: Timestamp) -> Result<(), Limited> {
        let table = self.table();
        match table.buckets.get(key) {
            Some(bucket) => bucket.clone().take(rate, now),
            None if table.buckets.len() >= self.most => table.strangers.clone().take(rate.times(STRANGERS), now),
            None => Ok(()),
        }
    }

    /// Puts back what was taken for something that turned out to be right.
    pub(crate) fn give_back(&self, key: &K, rate: Rate) {
        if let Some(bucket) = self.table().buckets.get_mut(key) {
            bucket.full_at = bucket.full_at.saturating_sub(interval(rate));
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<K>> {
        // A panic while it was held cannot leave a table that is worse than a stale one.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Table<K> {
    /// At most once a second: with a table full of busy keys a sweep frees nothing and looks at all of them.
    fn sweep(&mut self, now: Timestamp) {
        let never_since = now < self.swept_at;
        if never_since || now.since(self.swept_at) >= Duration::from_secs(1) {
            self.swept_at = now;
            self.buckets.retain(|_, bucket| bucket.full_at > micros_at(now));
        }
    }
}

/// When it is full again, in microseconds since 1970: fine enough for a thousand in a second.
#[derive(Debug, Clone, Default)]
struct Bucket {
    full_at: u64,
}

impl Bucket {
    fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), Limited> {
        let (now, per) = (micros_at(now), micros(rate.per));
        // Never further ahead than an empty bucket: the clock may have been put back, or the rate been changed.
        self.full_at = self.full_at.clamp(now, now.saturating_add(per));
        let after = self.full_at.saturating_add(interval(rate));
        let ahead = after - now;
        if ahead > per {
            return Err(Limited { retry_after: Duration::from_micros(ahead - per) });
        }
        self.full_at = after;
        Ok(())
    }
}

fn interval(rate: Rate) -> u64 {
    micros(rate.per) / u64::from(rate.count.max(1))
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

fn micros_at(now: Timestamp) -> u64 {
    now.millis().saturating_mul(1000)
}

/// All strangers together may come so many times as often as one.
const STRANGERS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn one_subscriber_is_one_network() {
        let network = |text: &str| Network::of(Some(text.parse().unwrap()));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_ne!(network("192.0.2.1"), Network::of(None));
    }
}
