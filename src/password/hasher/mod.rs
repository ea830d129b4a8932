//! Hashing in a place of its own: so many at once, so many waiting, and nobody else slowed down.
mod aside;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use self::aside::aside;
use super::argon::{self, Kept as Argon};
use super::kept::Kept;
use super::memory::Memory;
use super::{Argon2Cost, BadHash, Password, Settings};
use crate::base::Secret;

/// Hashes and verifies passwords. Cheap to clone; all clones share the places and the queue.
#[derive(Clone)]
pub(crate) struct Hasher(Arc<Shared>);

struct Shared {
    cost: Argon2Cost,
    /// What a kept hash may ask for at most.
    most: Argon2Cost,
    /// Verified against for people who do not exist: the same work, and never a match.
    decoy: Secret,
    places: Arc<Semaphore>,
    parallel: usize,
    queue: usize,
    waiting: AtomicUsize,
    memory: Arc<Memory>,
    runs: AtomicU64,
    /// How long a run takes, in microseconds: a moving average.
    average: AtomicU64,
    /// The same of runs at our own cost: what a name that nobody has takes.
    own_average: AtomicU64,
    on_done: Option<Observer>,
}

/// Hears how long each run took.
pub(crate) type Observer = Arc<dyn Fn(Duration) + Send + Sync>;

impl Hasher {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self::build(settings, None)
    }

    /// As [`Hasher::new`], and tells `on_done` how long each run took.
    pub(crate) fn observed(settings: &Settings, on_done: Observer) -> Self {
        Self::build(settings, Some(on_done))
    }

    /// Hashes a new password; the result is a PHC string for the store.
    pub(crate) async fn hash(&self, password: &Password) -> Result<Secret, HashError> {
        let (cost, password) = (self.0.cost, password.clone());
        self.run(move |shared| {
            let hash = || shared.memory.lend(argon::blocks(cost), |memory| argon::hash(password.bytes(), cost, memory));
            shared.timed(true, hash).0
        })
        .await
    }

    /// Asks whether a password is the one that `kept` was made of. Without a hash, or with one that cannot be read or costs too
    /// much, the work is the same and the answer is no: nobody can tell from the time who has an account. After a hash of other
    /// making that is done sooner, the work of our own follows.
    pub(crate) async fn verify(&self, password: &Password, kept: Option<&Secret>) -> Result<bool, HashError> {
        let real = kept.and_then(|kept| Kept::parse(kept.expose(), self.0.most).ok());
        let other = real.is_some() && kept.is_some_and(|kept| self.needs_rehash(kept));
        let is_real = real.is_some();
        let decoy = || Argon::parse(self.0.decoy.expose(), self.0.most).map(Kept::Argon);
        let (against, after) = match real {
            Some(real) if other => (Some(real), decoy()),
            Some(real) => (Some(real), None),
            None => (decoy(), None),
        };
        let (against, password) = (against.ok_or_else(|| self.busy())?, password.clone());
        let matched = self.run(move |shared| {
            let (matched, took) = shared.timed(!other, || against.matches(password.bytes(), &shared.memory));
            if let Some(decoy) = after.filter(|_| took < shared.usual()) {
                shared.timed(true, || decoy.matches(password.bytes(), &shared.memory));
            }
            matched
        });
        Ok(matched.await? && is_real)
    }

    /// Reads a hash that somebody wants to bring, and says what kind it is. One that is taken here can be verified later, at a cost
    /// that is bounded.
    pub(crate) fn inspect(&self, kept: &Secret) -> Result<&'static str, BadHash> {
        Kept::parse(kept.expose(), self.0.most).map(|kept| kept.scheme())
    }

    /// Whether a hash should be made anew at the next sign-in, because it is another program's or the settings ask for another cost.
    pub(crate) fn needs_rehash(&self, kept: &Secret) -> bool {
        Argon::parse(kept.expose(), self.0.most).is_none_or(|kept| !kept.is_made_with(self.0.cost))
    }

    /// How many wait for a place now.
    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    /// How many runs there have been, successful or not.
    pub(crate) fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }

    fn build(settings: &Settings, on_done: Option<Observer>) -> Self {
        let cost = settings.cost;
        let parallel = settings.parallel_hashes.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Shared {
            cost,
            most: Argon2Cost {
                memory_kib: cost.memory_kib.max(MOST.memory_kib),
                iterations: cost.iterations.max(MOST.iterations),
                lanes: cost.lanes.max(MOST.lanes),
            },
            decoy: argon::decoy(cost),
            places: Arc::new(Semaphore::new(parallel)),
            parallel,
            queue: settings.hash_queue,
            waiting: AtomicUsize::new(0),
            memory: Memory::new(argon::blocks(cost), MEMORY_STAYS),
            runs: AtomicU64::new(0),
            average: AtomicU64::new(FIRST_GUESS_MICROS),
            own_average: AtomicU64::new(FIRST_GUESS_MICROS),
            on_done,
        }))
    }

    /// Waits for a place and runs `job` away from the threads that serve requests, and behind them. The place is held until the run ends, even when
    /// nobody waits for it any more: a caller who gives up must not be able to start one run more than there are places.
    async fn run<T, F>(&self, job: F) -> Result<T, HashError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Option<T> + Send + 'static,
    {
        let place = self.place().await?;
        let shared = Arc::clone(&self.0);
        let run = tokio::task::spawn_blocking(move || {
            let result = aside(|| job(&shared));
            drop(place);
            result
        });
        // No memory, or the runtime is stopping: try again later, and never "yes".
        run.await.ok().flatten().ok_or_else(|| self.busy())
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, HashError> {
        let places = Arc::clone(&self.0.places);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return Ok(place);
        }
        let waiting = Waiting::take(&self.0).ok_or_else(|| self.busy())?;
        let place = places.acquire_owned().await.map_err(|_| self.busy())?;
        drop(waiting);
        Ok(place)
    }

    /// When the ones who wait now will have been served, as far as can be told.
    fn busy(&self) -> HashError {
        let ahead = self.waiting().saturating_add(1).div_ceil(self.0.parallel);
        let wait = Duration::from_micros(self.0.average.load(Ordering::Relaxed))
            .saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX));
        HashError::Busy { retry_after: Duration::from_secs(wait.as_secs().saturating_add(1)).min(LONGEST_RETRY) }
    }
}

impl Shared {
    /// One run, at our `own` cost or another, and how long it took.
    fn timed<T>(&self, own: bool, run: impl FnOnce() -> Option<T>) -> (Option<T>, Duration) {
        let started = Instant::now();
        let result = run();
        let took = started.elapsed();
        self.runs.fetch_add(1, Ordering::Relaxed);
        note(&self.average, took);
        if own {
            note(&self.own_average, took);
        }
        if let Some(on_done) = &self.on_done {
            on_done(took);
        }
        (result, took)
    }

    /// How long a name that nobody has takes.
    fn usual(&self) -> Duration {
        Duration::from_micros(self.own_average.load(Ordering::Relaxed))
    }
}

fn note(average: &AtomicU64, took: Duration) {
    let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    // Two runs that end together may lose one sample: it is an estimate.
    let before = average.load(Ordering::Relaxed);
    average.store((before / 8).saturating_mul(7).saturating_add(took / 8), Ordering::Relaxed);
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("cost", &self.0.cost).field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// Why a password was not hashed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HashError {
    /// Too many at once, or no memory for one more. `retry_after` is in whole seconds, at least one.
    #[error("too many passwords are being checked; try again in {} seconds", retry_after.as_secs())]
    Busy { retry_after: Duration },
}

/// One of the places in the queue, free again when this is dropped: also when the one who waited is gone.
struct Waiting<'s>(&'s AtomicUsize);

impl<'s> Waiting<'s> {
    fn take(shared: &'s Shared) -> Option<Self> {
        let queue = shared.queue;
        let taken =
            shared.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| (now < queue).then_some(now + 1));
        taken.ok().map(|_| Self(&shared.waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a kept hash may ask for: 1 GiB, 64 passes, 16 lanes, or what the settings ask for where that is more.
const MOST: Argon2Cost = Argon2Cost { memory_kib: 1024 * 1024, iterations: 64, lanes: 16 };

/// How long nobody must have signed in before memory goes back to the system.
const MEMORY_STAYS: Duration = Duration::from_secs(10);

/// Before the first run: about what the default cost takes.
const FIRST_GUESS_MICROS: u64 = 20_000;

/// A client that is told to wait longer is better told that something is wrong.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
