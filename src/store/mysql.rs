//! MySQL and MariaDB: one pool; whoever writes holds the one row of `writers`, on whatever node.
use std::ops::DerefMut as _;
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::pool::PoolOptions;
use sqlx::{Connection as _, MySqlConnection, Pool, Row as _};

use super::StoreError;
use super::engine::Value;
use super::migrations::{self, Row};
use super::opening::{Opening, Todo};
use super::server::{self, LOCK_TIMEOUT, Lent, STATEMENT_TIMEOUT, Speaks, Takes, pool, soon, within};

#[derive(Debug, Clone)]
pub(super) struct MySql {
    pool: Pool<sqlx::MySql>,
}

impl MySql {
    /// `None` where there are no tables, and none are to be made.
    pub(super) async fn open(
        options: &MySqlConnectOptions,
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

    pub(super) async fn reader(&self) -> Result<Lent<sqlx::MySql>, StoreError> {
        Lent::reading(&self.pool).await
    }

    /// The row is free again when the transaction can be seen by others: so revocations are numbered in the order in
    /// which they are seen, and nobody who follows them misses one.
    pub(super) async fn begin(&self, takes: Takes) -> Result<Lent<sqlx::MySql>, StoreError> {
        Lent::writing(&self.pool, TAKE_THE_ROW, takes).await
    }

    pub(super) async fn close(&self) {
        server::close(&self.pool).await;
    }
}

impl Speaks for sqlx::MySql {
    const BEGIN_LONG: &'static str = "SET SESSION wait_timeout = 3600; BEGIN";

    async fn say(on: &mut Self::Connection, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(on).await.map(|_| ())
    }
}

/// A query as MySQL reads it: `?` in the order of the text, each with its value.
pub(super) fn translated(sql: &str, values: &[Value]) -> (String, Vec<Value>) {
    let (mut text, mut ordered) = (String::with_capacity(sql.len()), Vec::with_capacity(values.len()));
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
        let (number, rest) = part.split_at_checked(digits).unwrap_or((part, ""));
        let value = number.parse::<usize>().ok().and_then(|number| values.get(number.checked_sub(1)?));
        text.push('?');
        text.push_str(rest);
        ordered.extend(value.cloned());
    }
    (text, ordered)
}

/// What a connection is told once. What a transaction reads is what is true when it reads, since it holds the row before;
/// a node that went away in the middle of a transaction holds it no longer than the server waits for it.
fn prepared(pool: PoolOptions<sqlx::MySql>) -> PoolOptions<sqlx::MySql> {
    // Less than the server waits for a quiet connection.
    pool.idle_timeout(STATEMENT_TIMEOUT).after_connect(|connection, _| {
        Box::pin(async move {
            let told = format!(
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                 SET SESSION innodb_lock_wait_timeout = {}, SESSION wait_timeout = {}",
                LOCK_TIMEOUT.as_secs(),
                STATEMENT_TIMEOUT.as_secs() * 3,
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(told)).execute(connection).await.map(|_| ())
        })
    })
}

/// The changes that the tables have seen, asked over a connection of its own.
pub(super) async fn look(options: &MySqlConnectOptions) -> Result<Vec<i64>, StoreError> {
    let mut connection = MySqlConnection::connect_with(options).await?;
    let applied = applied(&mut connection).await;
    connection.close().await.ok();
    applied
}

async fn applied(on: &mut MySqlConnection) -> Result<Vec<i64>, StoreError> {
    let there = "SELECT 1 FROM information_schema.tables \
        WHERE table_schema = DATABASE() AND table_name = '_sqlx_migrations'";
    match soon(sqlx::query(there).fetch_optional(&mut *on)).await? {
        Some(_) => migrations::applied(&soon(sqlx::query(migrations::APPLIED).fetch_all(on)).await?),
        None => Ok(vec![]),
    }
}

/// Brings the tables up to date. MySQL commits each change of a table by itself, so the lock is one of the connection,
/// which is given up with it. Says whether there are any.
async fn tables(pool: &Pool<sqlx::MySql>, opening: Opening<impl Fn()>) -> Result<bool, StoreError> {
    let applied = applied(Lent::reading(pool).await?.raw()?).await?;
    match opening.todo(MIGRATIONS, &applied)? {
        Todo::Nothing => return Ok(true),
        Todo::NotThere => return Ok(false),
        Todo::Changes => {}
    }
    let mut connection = pool.acquire().await?;
    let run = match take_turn(connection.deref_mut(), MIGRATION_WAIT).await {
        Ok(()) => {
            (opening.tell)();
            migrations::run(MIGRATIONS, connection.deref_mut()).await
        }
        Err(error) => Err(error),
    };
    connection.close().await?;
    run.map(|()| true)
}

/// The server says 1 where it gave the lock, 0 where another one kept it for all that time.
async fn take_turn(on: &mut MySqlConnection, wait: Duration) -> Result<(), StoreError> {
    let taken = "SELECT GET_LOCK(CONCAT('authgate ', DATABASE()), ?) AS taken";
    let row = within(wait, sqlx::query(taken).bind(wait.as_secs()).fetch_one(on)).await?;
    match row.try_get::<Option<i64>, _>("taken")? {
        Some(1) => Ok(()),
        _ => Err(StoreError::Migrating),
    }
}

pub(super) const MIGRATIONS: &[Row] = &[
    (1, "people and sessions", include_str!("migrations/mysql/0001_people_and_sessions.sql")),
    (4, "invites", include_str!("migrations/mysql/0004_invites.sql")),
    (5, "service tokens", include_str!("migrations/mysql/0005_service_tokens.sql")),
    (12, "keys take turns", include_str!("migrations/mysql/0012_keys_take_turns.sql")),
    (13, "tokens without a session", include_str!("migrations/mysql/0013_tokens_without_a_session.sql")),
    (14, "imports", include_str!("migrations/mysql/0014_imports.sql")),
    (15, "familiar networks", include_str!("migrations/mysql/0015_familiar_networks.sql")),
    (16, "browser sessions", include_str!("migrations/mysql/0016_browser_sessions.sql")),
    (19, "observations", include_str!("migrations/mysql/0019_observations.sql")),
    (30, "links", include_str!("migrations/mysql/0030_links.sql")),
    (31, "second factors", include_str!("migrations/mysql/0031_second_factors.sql")),
    (32, "passkeys", include_str!("migrations/mysql/0032_passkeys.sql")),
    (33, "challenges are counted", include_str!("migrations/mysql/0033_challenges_are_counted.sql")),
    (34, "tokens from", include_str!("migrations/mysql/0034_tokens_from.sql")),
];

const TAKE_THE_ROW: &str = "SELECT id FROM writers WHERE id = 1 FOR UPDATE";
/// For another node that changes the tables.
const MIGRATION_WAIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::super::engine::values;
    use super::*;
    use crate::servers::{Kind, Server};

    #[tokio::test]
    async fn whoever_does_not_get_its_turn_changes_no_table() {
        let Some(server) = Server::start(Kind::MySql) else { return };
        let options: MySqlConnectOptions = server.database("people").parse().unwrap();
        let mut first = MySqlConnection::connect_with(&options).await.unwrap();
        let mut second = MySqlConnection::connect_with(&options).await.unwrap();
        let wait = Duration::from_secs(1);
        take_turn(&mut first, wait).await.unwrap();
        let late = take_turn(&mut second, wait).await;
        assert!(matches!(late, Err(StoreError::Migrating)), "{late:?}");
        first.close().await.unwrap();
        take_turn(&mut second, wait).await.unwrap();
    }

    #[test]
    fn values_follow_their_marks_into_a_new_order() {
        let given: Vec<Value> = values![1, 2];
        let (text, values) = translated("A $2, $1 WHERE x = $2 AND y > $10", &given);
        assert_eq!(text, "A ?, ? WHERE x = ? AND y > ?");
        assert_eq!(format!("{values:?}"), "[Int(Some(2)), Int(Some(1)), Int(Some(2))]");
        assert_eq!(translated("SELECT 1", &[]).0, "SELECT 1");
    }
}
