//! What the engines on a server have in common: how long is waited for them, and for how many connections.
use std::fmt;
use std::future::Future;
use std::time::Duration;

use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{Database, Pool};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::StoreError;

/// A connection is asked whether it is alive before it is used: after the server was away the dead ones go unnoticed.
pub(super) fn pool<DB: Database>(most: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(most)
        .acquire_timeout(WAIT_FOR_CONNECTION)
        .test_before_acquire(true)
        .max_lifetime(MAX_LIFETIME)
}

/// A server may be gone without a word: then no statement is waited for longer than the server itself would take.
pub(super) async fn soon<T>(statement: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    within(STATEMENT_TIMEOUT, statement).await
}

pub(super) async fn within<T>(
    limit: Duration,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match timeout(limit + GRACE, statement).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(StoreError::Slow),
    }
}

/// An engine on a server: a sentence is sent and its end waited for.
pub(super) trait Speaks: Database {
    /// Begins a transaction whose statements may take `LONG`, and which may wait as long for the next one: another store may
    /// need it for a statement of its own.
    const BEGIN_LONG: &'static str;

    fn say(on: &mut Self::Connection, sql: &'static str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// A connection that reads, or a transaction; dropped without a commit, the transaction is undone.
///
/// It gives itself back. The pool asks every connection that comes back whether it is well, and waits for ever for what it
/// says: a server that fell silent in the middle would keep one place in the pool after the other.
pub(super) struct Lent<DB: Speaks> {
    /// Until it is given back.
    connection: Option<PoolConnection<DB>>,
    writes: bool,
    takes: Takes,
}

impl<DB: Speaks> Lent<DB> {
    pub(super) async fn reading(pool: &Pool<DB>) -> Result<Self, StoreError> {
        Ok(Self { connection: Some(pool.acquire().await?), writes: false, takes: Takes::Moments })
    }

    /// `lock` is what writers wait for.
    pub(super) async fn writing(pool: &Pool<DB>, lock: &'static str, takes: Takes) -> Result<Self, StoreError> {
        let mut lent = Self::reading(pool).await?;
        lent.writes = true;
        let begin = match takes {
            Takes::Moments => "BEGIN",
            Takes::Long => DB::BEGIN_LONG,
        };
        soon(DB::say(lent.raw()?, begin)).await?;
        soon(DB::say(lent.raw()?, lock)).await?;
        lent.takes = takes;
        Ok(lent)
    }

    /// What one statement may take.
    pub(super) fn limit(&self) -> Duration {
        match self.takes {
            Takes::Moments => STATEMENT_TIMEOUT,
            Takes::Long => LONG,
        }
    }

    pub(super) fn raw(&mut self) -> Result<&mut DB::Connection, StoreError> {
        self.connection.as_deref_mut().ok_or(StoreError::Unavailable(sqlx::Error::PoolClosed))
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        if self.writes {
            within(self.limit().min(COMMIT), DB::say(self.raw()?, "COMMIT")).await?;
            self.writes = false;
        }
        Ok(())
    }
}

impl<DB: Speaks> Drop for Lent<DB> {
    fn drop(&mut self) {
        let (Some(mut connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) else { return };
        let (undo, takes) = (self.writes, self.takes);
        runtime.spawn(timeout(GIVING_BACK, async move {
            if undo {
                connection.close_on_drop();
                if DB::say(&mut connection, "ROLLBACK").await.is_err() {
                    return;
                }
            }
            match takes {
                // What the pool does itself when it is dropped, but here the deadline holds for it.
                Takes::Moments => connection.return_to_pool().await,
                // It was told to be patient, and the next one to use it may not be.
                Takes::Long => drop(connection.close().await),
            }
        }));
    }
}

impl<DB: Speaks> fmt::Debug for Lent<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("writes", &self.writes).finish_non_exhaustive()
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// A request waits for it.
    Moments,
    /// The operator does, and all rows of a table may be in it.
    Long,
}

/// What is under way is waited for, but not for ever.
pub(super) async fn close<DB: Database>(pool: &Pool<DB>) {
    timeout(CLOSING, pool.close()).await.ok();
}

/// For another writer, on this node or another.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// One statement over all rows of a table.
const LONG: Duration = Duration::from_secs(3600);
/// All rows are there by then.
const COMMIT: Duration = Duration::from_secs(5 * 60);
/// The server should speak first: it knows why.
const GRACE: Duration = Duration::from_secs(1);
/// A connection that says nothing for so long after it was used is closed.
const GIVING_BACK: Duration = Duration::from_secs(5);
/// A gateway that is told to stop has waited for its requests already.
const CLOSING: Duration = Duration::from_secs(5);
/// Whoever signs in while the server is away hears of it after this long.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(3);
/// So that a balancer in front of several servers gets its say now and then.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
