//! How often: a bucket that is told the time.
//!
//! Each key has a bucket that holds `count` drops and gains one every `per / count`. Of a bucket only one number is
//! kept: when it will be full again (the generic cell rate algorithm).
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::Timestamp;
use crate::shared::Bucket as JointBucket;

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

    /// The bucket from which all nodes together take, of one kind and for the one whom `parts` name.
    pub(crate) fn joint(self, kind: &str, parts: &[&str]) -> JointBucket {
        let mut name = Context::new(&SHA256);
        for part in parts {
            name.update(&part.len().to_be_bytes());
            name.update(part.as_bytes());
        }
        let name = URL_SAFE_NO_PAD.encode(name.finish());
        let every = Duration::from_micros(interval(self));
        JointBucket { key: format!("authgate:{kind}:{name}"), every, full_in: self.per }
    }
}

/// Too often; one more is welcome after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too often; again in {retry_after:?}")]
pub(crate) struct Limited {
    pub(crate) retry_after: Duration,
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
mod tests;
