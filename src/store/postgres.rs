//! PostgreSQL: one pool; whoever writes holds an advisory lock, on whatever node.
use std::ops::DerefMut as _;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgListener};
use sqlx::{Connection as _, PgConnection, Pool};

use tokio::time::sleep;

use super::StoreError;
use super::migrations::{self, Row};
use super::opening::{Opening, Todo};
use super::server::{self, LOCK_TIMEOUT, Lent, STATEMENT_TIMEOUT, Speaks, Takes, pool, soon};

#[derive(Debug, Clone)]
pub(super) struct Postgres {
    pool: Pool<sqlx::Postgres>,
}

impl Postgres {
    /// `None` where there are no tables, and none are to be made.
    pub(super) async fn open(
        options: &PgConnectOptions,
        most: u32,
        opening: Opening<impl Fn()>,
    ) -> Result<Option<Self>, StoreError> {
        let pool = prepared(pool(most)).connect_lazy_with(options.clone());
        let are_there = tables(&pool, opening).await;
        if let Ok(true) = are_there {
            return Ok(Some(Self { pool }));
        }
        server::close(&pool).await;
        are_there.map(|_| None)
    }

    pub(super) async fn reader(&self) -> Result<Lent<sqlx::Postgres>, StoreError> {
        Lent::reading(&self.pool).await
    }

    /// The lock goes with the end of the transaction, after it can be seen by others: so revocations are numbered in
    /// the order in which they are seen, and nobody who follows them misses one.
    pub(super) async fn begin(&self, takes: Takes) -> Result<Lent<sqlx::Postgres>, StoreError> {
        Lent::writing(&self.pool, TAKE_THE_LOCK, takes).await
    }

    /// Hears of revocations as they are committed, on a connection of its own, which is made again when it was lost.
    pub(super) async fn hear_revocations(&self, tell: impl Fn()) {
        while !self.pool.is_closed() {
            if let Ok(mut listener) = self.listener().await {
                // What was committed while nobody listened.
                tell();
                while listener.recv().await.is_ok() {
                    tell();
                }
            }
            sleep(LISTEN_AGAIN).await;
        }
    }

    async fn listener(&self) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    pub(super) async fn close(&self) {
        server::close(&self.pool).await;
    }
}

impl Speaks for sqlx::Postgres {
    const BEGIN_LONG: &'static str =
        "BEGIN; SET LOCAL statement_timeout = '1h'; SET LOCAL idle_in_transaction_session_timeout = '1h'";

    async fn say(on: &mut Self::Connection, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(on).await.map(|_| ())
    }
}

/// What a connection is told once. What a transaction reads is what is true when it reads, whatever the server's own setting is:
/// it has waited for the writers before it. A node that went away in the middle of a transaction holds the lock no longer than
/// the server waits for it.
fn prepared(pool: PoolOptions<sqlx::Postgres>) -> PoolOptions<sqlx::Postgres> {
    pool.after_connect(|connection, _| {
        Box::pin(async move {
            let wait = |name: &str, wait: Duration| format!("SET {name} = {};", wait.as_millis());
            let told = [
                "SET default_transaction_isolation = 'read committed';".to_owned(),
                wait("statement_timeout", STATEMENT_TIMEOUT),
                wait("lock_timeout", LOCK_TIMEOUT),
                wait("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT),
            ];
            sqlx::raw_sql(sqlx::AssertSqlSafe(told.concat())).execute(connection).await.map(|_| ())
        })
    })
}

/// The changes that the tables have seen, asked over a connection of its own.
pub(super) async fn look(options: &PgConnectOptions) -> Result<Vec<i64>, StoreError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let applied = applied(&mut connection).await;
    connection.close().await.ok();
    applied
}

async fn applied(on: &mut PgConnection) -> Result<Vec<i64>, StoreError> {
    let there = "SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL";
    match soon(sqlx::query(there).fetch_optional(&mut *on)).await? {
        Some(_) => migrations::applied(&soon(sqlx::query(migrations::APPLIED).fetch_all(on)).await?),
        None => Ok(vec![]),
    }
}

/// Brings the tables up to date within one transaction, in which nobody else writes. Says whether there are any.
async fn tables(pool: &Pool<sqlx::Postgres>, opening: Opening<impl Fn()>) -> Result<bool, StoreError> {
    let applied = applied(Lent::reading(pool).await?.raw()?).await?;
    match opening.todo(MIGRATIONS, &applied)? {
        Todo::Nothing => return Ok(true),
        Todo::NotThere => return Ok(false),
        Todo::Changes => {}
    }
    let mut transaction = pool.begin().await?;
    // Changing a large table takes its time, and so does waiting for another node that does it.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(transaction.deref_mut()).await?;
    sqlx::query("SET LOCAL lock_timeout = 0").execute(transaction.deref_mut()).await?;
    sqlx::query(TAKE_THE_LOCK).execute(transaction.deref_mut()).await?;
    (opening.tell)();
    migrations::run(MIGRATIONS, transaction.deref_mut()).await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) const MIGRATIONS: &[Row] = &[
    (1, "people and sessions", include_str!("migrations/postgres/0001_people_and_sessions.sql")),
    (4, "invites", include_str!("migrations/postgres/0004_invites.sql")),
    (5, "service tokens", include_str!("migrations/postgres/0005_service_tokens.sql")),
    (12, "keys take turns", include_str!("migrations/postgres/0012_keys_take_turns.sql")),
    (13, "tokens without a session", include_str!("migrations/postgres/0013_tokens_without_a_session.sql")),
    (14, "imports", include_str!("migrations/postgres/0014_imports.sql")),
    (15, "familiar networks", include_str!("migrations/postgres/0015_familiar_networks.sql")),
    (16, "browser sessions", include_str!("migrations/postgres/0016_browser_sessions.sql")),
    (19, "observations", include_str!("migrations/postgres/0019_observations.sql")),
    (30, "links", include_str!("migrations/postgres/0030_links.sql")),
    (31, "second factors", include_str!("migrations/postgres/0031_second_factors.sql")),
    (32, "passkeys", include_str!("migrations/postgres/0032_passkeys.sql")),
    (33, "challenges are counted", include_str!("migrations/postgres/0033_challenges_are_counted.sql")),
    (34, "tokens from", include_str!("migrations/postgres/0034_tokens_from.sql")),
];

/// A number that nobody else in this database is likely to use: "authgate" in ASCII.
const TAKE_THE_LOCK: &str = "SELECT pg_advisory_xact_lock(7022365310085690469)";
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
const CHANNEL: &str = "authgate_revocations";
