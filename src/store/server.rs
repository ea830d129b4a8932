//! What the engines on a server have in common: how long is waited for them, and for how many connections.
use std::future::Future;
use std::time::Duration;

use sqlx::Database;
use sqlx::pool::PoolOptions;
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
    match timeout(STATEMENT_TIMEOUT + GRACE, statement).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(StoreError::Slow),
    }
}

/// For another writer, on this node or another.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server should speak first: it knows why.
const GRACE: Duration = Duration::from_secs(1);
/// Whoever signs in while the server is away hears of it after this long.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(3);
/// So that a balancer in front of several servers gets its say now and then.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
