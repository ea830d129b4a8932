//! The local copy of browser sessions that go on: a request that shows a cookie asks no store.
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::base::{Secret, SessionId, Timestamp};
use crate::store::{Digest, StoreError};

/// Access tokens of sessions, by the digest of the cookie that stands for them. Whether a token is still believed is asked
/// on every request, as for one that a client shows itself; so a session that ends is over here at once.
pub(crate) struct Browsers {
    known: Cache<Digest, Known>,
    /// For those who ask the store about one cookie at the same time, so that one of them does; and when it did not answer last.
    turns: [Mutex<Option<Instant>>; TURNS],
}

/// What stands behind a cookie.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    Live(Arc<Held>),
    /// Not the store's, or not any more; asked again after a while.
    Nobody {
        until: Timestamp,
    },
}

impl Known {
    pub(crate) fn held(self) -> Option<Arc<Held>> {
        match self {
            Self::Live(held) => Some(held),
            Self::Nobody { .. } => None,
        }
    }
}

/// A session that goes on, and a token that says who it is.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) token: Secret,
    pub(crate) session: SessionId,
    pub(crate) made_at: Timestamp,
    /// The store is asked again from here on, which also keeps the session alive.
    pub(crate) renew_at: Timestamp,
    /// Unless it is used, the session ends here.
    pub(crate) ends_at: Timestamp,
}

/// Asks the store about a cookie, and makes a token for its session.
pub(crate) trait Resume: fmt::Debug + Send + Sync {
    /// `None`: there is no such session, or it has ended.
    fn resume<'a>(
        &'a self,
        cookie: &'a Digest,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Held>, StoreError>> + Send + 'a>>;
}

impl Default for Browsers {
    fn default() -> Self {
        Self { known: Cache::new(MOST), turns: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Browsers {
    pub(crate) fn find(&self, cookie: &Digest) -> Option<Known> {
        self.known.get(cookie)
    }

    pub(crate) fn keep(&self, cookie: &Digest, held: Option<Held>, now: Timestamp) -> Known {
        let known = match held {
            Some(held) => Known::Live(Arc::new(held)),
            None => Known::Nobody { until: now.plus(ASK_AGAIN) },
        };
        self.known.insert(*cookie, known.clone());
        known
    }

    /// The store is asked when the cookie comes next.
    pub(crate) fn forget(&self, cookie: &Digest) {
        self.known.remove(cookie);
    }

    /// Whoever holds this may ask the store; the others wait, and find what was kept. `None`: while this one waited, the store
    /// did not answer somebody else. To ask it again, one after the other, would add up their waits.
    pub(crate) async fn turn(&self, cookie: &Digest) -> Option<Turn<'_>> {
        let came = Instant::now();
        let [first, ..] = cookie;
        let at = usize::from(*first) % TURNS;
        #[expect(clippy::indexing_slicing, reason = "a remainder is smaller")]
        let turn = self.turns[at].lock().await;
        if turn.is_some_and(|failed| failed >= came) { None } else { Some(Turn(turn)) }
    }
}

/// Leave to ask the store.
pub(crate) struct Turn<'a>(MutexGuard<'a, Option<Instant>>);

impl Turn<'_> {
    /// It did not answer: those who wait now do not ask.
    pub(crate) fn failed(mut self) {
        *self.0 = Some(Instant::now());
    }
}

impl fmt::Debug for Browsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Browsers({} sessions)", self.known.len())
    }
}

/// At some 800 bytes for a token: 13 MB.
const MOST: usize = 16 * 1024;
const TURNS: usize = 64;
/// So long a cookie that means nobody is not asked about again.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_times_as_many_cookies_as_fit_do_not_grow_the_copy() {
        let browsers = Browsers::default();
        for at in 0..10 * MOST as u64 {
            let mut cookie = [0; 32];
            cookie[..8].copy_from_slice(&at.to_le_bytes());
            browsers.keep(&cookie, None, Timestamp::from_seconds(1));
        }
        assert!(browsers.known.len() <= MOST);
    }
}
