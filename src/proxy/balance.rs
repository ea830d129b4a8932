//! Whose turn it is among the addresses of an upstream, and which of them are left out for a while.
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::Balance;
use crate::base::quick_random;

/// Who asks, for upstreams that keep somebody at one address.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asker<'a> {
    pub(super) client: Option<IpAddr>,
    pub(super) user: Option<&'a str>,
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing speaks against it.
    Well,
    /// The last request that went there failed.
    Failing,
    /// Too many failed: it is not asked for a while.
    LeftOut,
    /// It fails its health check.
    Ill,
}

/// The addresses of one upstream, by number.
#[derive(Debug)]
pub(super) struct Addresses {
    fitness: Vec<Fitness>,
    balance: Balance,
    eject_after: usize,
    eject_for: Duration,
    born: Instant,
    turn: AtomicUsize,
    checked: AtomicBool,
}

#[derive(Debug, Default)]
struct Fitness {
    in_flight: AtomicUsize,
    /// Failures in a row.
    failures: AtomicUsize,
    /// Left out until then, in milliseconds since `born`; 0: never was.
    out_until: AtomicU64,
    /// Its health check fails: left out until it does no more.
    ill: AtomicBool,
}

impl Addresses {
    pub(super) fn new(count: usize, balance: Balance, eject_after: usize, eject_for: Duration) -> Self {
        let fitness = (0..count).map(|_| Fitness::default()).collect();
        let (turn, checked) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { fitness, balance, eject_after, eject_for, born: Instant::now(), turn, checked }
    }

    /// The address for a request. Where all are left out because of what requests met, all are tried: one of them may be
    /// well again. `None`: each fails its health check.
    pub(super) fn pick(&self, asker: Asker<'_>) -> Option<usize> {
        if self.fitness.len() < 2 {
            return (!self.is_ill(0)).then_some(0);
        }
        let now = self.now();
        let key = match self.balance {
            Balance::LeastRequests | Balance::RoundRobin => None,
            Balance::ClientIp => Some(hash(&asker.client)),
            Balance::User => Some(asker.user.map_or_else(|| hash(&asker.client), |user| hash(&user))),
        };
        if let Some(key) = key {
            // Each address has a number for each key and the highest wins (rendezvous hashing): when one is left out,
            // only those who were there go elsewhere.
            let place = |at: &usize| hash(&(key, *at));
            return self.fit(now).max_by_key(place).or_else(|| self.well().max_by_key(place));
        }
        let chance = quick_random();
        let warm = || self.fit(now).filter(|at| self.is_warm(*at, now, chance));
        match warm().count() {
            0 => match self.well().count() {
                0 => None,
                count => Some(self.choose(|| self.well(), count, chance)),
            },
            count => Some(self.choose(warm, count, chance)),
        }
    }

    fn choose<I: Iterator<Item = usize>>(&self, among: impl Fn() -> I, count: usize, chance: u64) -> usize {
        let chance = usize::try_from(chance >> 33).unwrap_or(0);
        if self.balance == Balance::RoundRobin {
            return among().nth(self.turn.fetch_add(1, Ordering::Relaxed) % count).unwrap_or(0);
        }
        let one = chance % count;
        // A second one, and never the first again where there is another.
        let other = (one + 1 + (chance >> 8) % (count - 1).max(1)) % count;
        let two = [one, other].map(|nth| among().nth(nth).unwrap_or(0));
        two.into_iter().min_by_key(|at| self.load(*at)).unwrap_or(0)
    }

    /// The others in the order in which they are tried after `first`: those that are left out last.
    pub(super) fn after(&self, first: usize) -> Vec<usize> {
        let (now, count) = (self.now(), self.fitness.len());
        let mut others: Vec<_> = (1..count).map(|step| (first + step) % count).collect();
        others.sort_by_key(|at| self.is_out(*at, now));
        others
    }

    pub(super) fn begin(&self, at: usize) {
        if let Some(fitness) = self.fitness.get(at) {
            fitness.in_flight.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn end(&self, at: usize) {
        if let Some(fitness) = self.fitness.get(at) {
            fitness.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// It answered, whatever the answer is.
    pub(super) fn worked(&self, at: usize) {
        if let Some(fitness) = self.fitness.get(at)
            && fitness.failures.load(Ordering::Relaxed) > 0
        {
            fitness.failures.store(0, Ordering::Relaxed);
        }
    }

    /// It could not be reached, or gave no answer that makes sense; whether it is left out from now on.
    pub(super) fn failed(&self, at: usize) -> bool {
        let Some(fitness) = self.fitness.get(at) else { return false };
        if fitness.failures.fetch_add(1, Ordering::Relaxed) + 1 < self.eject_after || self.fitness.len() < 2 {
            return false;
        }
        fitness.failures.store(0, Ordering::Relaxed);
        fitness.out_until.store(self.now() + millis(self.eject_for), Ordering::Relaxed);
        true
    }

    /// Its health check fails; whether that is news.
    pub(super) fn fell_ill(&self, at: usize) -> bool {
        self.fitness.get(at).is_some_and(|fitness| !fitness.ill.swap(true, Ordering::Relaxed))
    }

    /// Its health check is passed; whether that is news. It comes back as one that was left out for failures does.
    pub(super) fn recovered(&self, at: usize) -> bool {
        let Some(fitness) = self.fitness.get(at).filter(|fitness| fitness.ill.load(Ordering::Relaxed)) else {
            return false;
        };
        fitness.failures.store(0, Ordering::Relaxed);
        fitness.out_until.store(self.now(), Ordering::Relaxed);
        fitness.ill.swap(false, Ordering::Relaxed)
    }

    pub(super) fn is_any_well(&self) -> bool {
        self.well().next().is_some()
    }

    /// What is known of an address from requests and checks.
    pub(super) fn standing(&self, at: usize) -> Standing {
        match self.fitness.get(at) {
            Some(fitness) if fitness.ill.load(Ordering::Relaxed) => Standing::Ill,
            Some(_) if self.is_out(at, self.now()) => Standing::LeftOut,
            Some(fitness) if fitness.failures.load(Ordering::Relaxed) > 0 => Standing::Failing,
            Some(_) | None => Standing::Well,
        }
    }

    /// Whether nobody began to check before.
    pub(super) fn begin_checks(&self) -> bool {
        !self.checked.swap(true, Ordering::Relaxed)
    }

    fn well(&self) -> impl Iterator<Item = usize> {
        (0..self.fitness.len()).filter(|at| !self.is_ill(*at))
    }

    fn is_ill(&self, at: usize) -> bool {
        self.fitness.get(at).is_none_or(|fitness| fitness.ill.load(Ordering::Relaxed))
    }

    fn fit(&self, now: u64) -> impl Iterator<Item = usize> {
        (0..self.fitness.len()).filter(move |at| !self.is_out(*at, now))
    }

    fn is_out(&self, at: usize, now: u64) -> bool {
        self.is_ill(at) || self.fitness.get(at).is_none_or(|fitness| now < fitness.out_until.load(Ordering::Relaxed))
    }

    /// An address that comes back takes its share step by step, over as long a time as it was left out.
    fn is_warm(&self, at: usize, now: u64, chance: u64) -> bool {
        let back_at = self.fitness.get(at).map_or(0, |fitness| fitness.out_until.load(Ordering::Relaxed));
        let slow = millis(self.eject_for);
        back_at == 0 || now >= back_at + slow || (chance & 0xff) * slow < now.saturating_sub(back_at) * 0x100
    }

    fn load(&self, at: usize) -> usize {
        self.fitness.get(at).map_or(usize::MAX, |fitness| fitness.in_flight.load(Ordering::Relaxed))
    }

    fn now(&self) -> u64 {
        millis(self.born.elapsed()).saturating_add(1)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const OUT: Duration = Duration::from_secs(10);

    fn picks(addresses: &Addresses, asker: Asker<'_>) -> Vec<usize> {
        let mut counts = vec![0; addresses.fitness.len()];
        (0..300).for_each(|_| counts[addresses.pick(asker).unwrap()] += 1);
        counts
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_fails_in_a_row_is_left_out_and_comes_back_step_by_step() {
        for balance in [Balance::LeastRequests, Balance::RoundRobin] {
            let addresses = Addresses::new(3, balance, 2, OUT);
            assert!(picks(&addresses, Asker::default()).iter().all(|count| *count > 50));
            assert!(!addresses.failed(1));
            addresses.worked(1);
            assert!(!addresses.failed(1) && addresses.failed(1));
            assert_eq!(picks(&addresses, Asker::default())[1], 0);
            assert_eq!(addresses.after(0), [2, 1]);
            advance(OUT + OUT / 10).await;
            assert!((1..50).contains(&picks(&addresses, Asker::default())[1]), "{balance:?}");
            advance(OUT).await;
            assert!(picks(&addresses, Asker::default())[1] > 50);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_left_out_all_are_tried_and_one_alone_always_is() {
        let both = Addresses::new(2, Balance::RoundRobin, 1, OUT);
        assert!(both.failed(0) && both.failed(1));
        assert_eq!(picks(&both, Asker::default()), [150, 150]);
        let alone = Addresses::new(1, Balance::RoundRobin, 1, OUT);
        assert!(!alone.failed(0));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_its_check_is_left_out_and_where_all_do_there_is_none() {
        for balance in [Balance::LeastRequests, Balance::RoundRobin, Balance::ClientIp] {
            let addresses = Addresses::new(2, balance, 1, OUT);
            assert!(addresses.fell_ill(0) && !addresses.fell_ill(0) && addresses.is_any_well());
            assert_eq!(picks(&addresses, Asker::default()), [0, 300]);
            // What requests meet does not count against the last one.
            assert!(addresses.failed(1));
            assert_eq!(picks(&addresses, Asker::default()), [0, 300]);
            assert!(addresses.fell_ill(1) && !addresses.is_any_well());
            assert_eq!(addresses.pick(Asker::default()), None);
            assert!(addresses.recovered(0) && !addresses.recovered(0));
            assert_eq!(picks(&addresses, Asker::default()), [300, 0]);
        }
        let alone = Addresses::new(1, Balance::RoundRobin, 1, OUT);
        assert!(alone.fell_ill(0));
        assert_eq!(alone.pick(Asker::default()), None);
    }

    #[tokio::test]
    async fn a_client_or_a_person_stays_at_one_address_while_it_is_there() {
        for balance in [Balance::ClientIp, Balance::User] {
            let addresses = Addresses::new(3, balance, 1, OUT);
            let names: Vec<_> =
                (0..60).map(|number: u8| (format!("user-{number}"), IpAddr::from([10, 0, 0, number]))).collect();
            let all = || {
                names.iter().map(|(user, ip)| addresses.pick(Asker { client: Some(*ip), user: Some(user) }).unwrap())
            };
            let before: Vec<_> = all().collect();
            assert_eq!(before, all().collect::<Vec<_>>());
            assert!((0..3).all(|at| before.contains(&at)));
            addresses.failed(0);
            assert!(before.iter().zip(all()).all(|(was, is)| if *was == 0 { is != 0 } else { *was == is }));
        }
    }
}
