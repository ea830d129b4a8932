//! What SQLite hands out: a connection that reads, or a transaction that may write. And a query with its values, for any
//! engine.
use std::fmt;
use std::ops::DerefMut as _;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Transaction};

/// Dropped without a commit, a transaction is undone.
pub(super) enum Connection<DB: Database> {
    Reading(PoolConnection<DB>),
    Writing(Transaction<'static, DB>),
}

impl<DB: Database> Connection<DB> {
    pub(super) fn raw(&mut self) -> &mut DB::Connection {
        match self {
            Self::Reading(connection) => connection.deref_mut(),
            Self::Writing(transaction) => transaction.deref_mut(),
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Reading(_) => Ok(()),
            Self::Writing(transaction) => transaction.commit().await,
        }
    }
}

impl<DB: Database> fmt::Debug for Connection<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reading(_) => "Reading",
            Self::Writing(_) => "Writing",
        })
    }
}

/// A query with its values, for any engine.
macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query($sql), |query, value| match value {
            $crate::store::engine::Value::Int(value) => query.bind(value),
            $crate::store::engine::Value::Text(value) => query.bind(value),
            $crate::store::engine::Value::Bytes(value) => query.bind(value),
        })
    };
}
pub(super) use bound;
