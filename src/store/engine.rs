//! The seam between the queries and the engine that runs them.
//!
//! Query texts use `$1`, `BIGINT` milliseconds, text and bytes only, which SQLite, PostgreSQL and (with `?` for `$1`)
//! MySQL read alike. What differs (opening, locking, migrations) stays in the engine's own file.
use std::fmt;
use std::path::Path;

use sqlx::{Row as _, SqlSafeStr};
use tokio::time::Instant;

use super::begun::Begun;
use super::connection::{self, bound};
use super::mysql::{self, MySql};
use super::postgres::Postgres;
use super::server::{Lent, Takes, within};
use super::settings::Options;
use super::sqlite::Sqlite;
use super::{Opening, Settings, StoreError, Watch};
use crate::base::{SessionId, Timestamp, UserId};

/// The engine that was opened, and who hears how long it is used.
#[derive(Clone)]
pub(super) struct Engine {
    kind: Kind,
    watch: Option<Watch>,
}

#[derive(Debug, Clone)]
enum Kind {
    Sqlite(Sqlite),
    Postgres(Postgres),
    MySql(MySql),
}

impl Engine {
    /// `None` where there is no store, and none is to be made.
    pub(super) async fn open(settings: &Settings, opening: Opening<impl Fn()>) -> Result<Option<Self>, StoreError> {
        let kind = match settings {
            Settings::Sqlite { path } => Sqlite::open(path, opening).await?.map(Kind::Sqlite),
            Settings::Server(server) => match &server.options {
                Options::Postgres(options) => {
                    Postgres::open(options, server.max_connections, opening).await?.map(Kind::Postgres)
                }
                Options::Mysql(options) => {
                    MySql::open(options, server.max_connections, opening).await?.map(Kind::MySql)
                }
            },
        };
        Ok(kind.map(|kind| Self { kind, watch: None }))
    }

    /// A SQLite file that stays as it is; `None` where it cannot be read so.
    pub(super) async fn open_kept(path: &Path) -> Result<Option<Self>, StoreError> {
        let kept = Sqlite::open_kept(path).await?;
        Ok(kept.map(|engine| Self { kind: Kind::Sqlite(engine), watch: None }))
    }

    pub(super) fn watched(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// A connection for one or a few reads; it never waits for a writer.
    pub(super) async fn reader(&self) -> Result<Connection, StoreError> {
        let use_ = self.starts("read");
        let on = match &self.kind {
            Kind::Sqlite(engine) => On::Sqlite(engine.reader().await?),
            Kind::Postgres(engine) => On::Postgres(engine.reader().await?),
            Kind::MySql(engine) => On::MySql(engine.reader().await?),
        };
        Ok(Connection { on, _use: use_ })
    }

    /// Begins a transaction that may write. What it reads stays true until it is committed, and no other writer can
    /// come between, on whatever node.
    pub(super) async fn begin(&self) -> Result<Connection, StoreError> {
        self.begin_what(Takes::Moments).await
    }

    /// The same for what goes over all rows of a table: its statements may take longer than a request would wait.
    pub(super) async fn begin_long(&self) -> Result<Connection, StoreError> {
        self.begin_what(Takes::Long).await
    }

    async fn begin_what(&self, takes: Takes) -> Result<Connection, StoreError> {
        let use_ = self.starts("write");
        let on = match &self.kind {
            Kind::Sqlite(engine) => On::Sqlite(engine.begin().await?),
            Kind::Postgres(engine) => On::Postgres(engine.begin(takes).await?),
            Kind::MySql(engine) => On::MySql(engine.begin(takes).await?),
        };
        Begun::note();
        Ok(Connection { on, _use: use_ })
    }

    pub(super) async fn hear_revocations(&self, tell: impl Fn()) {
        match &self.kind {
            Kind::Postgres(engine) => engine.hear_revocations(tell).await,
            Kind::Sqlite(_) | Kind::MySql(_) => std::future::pending().await,
        }
    }

    pub(super) async fn close(&self) {
        match &self.kind {
            Kind::Sqlite(engine) => engine.close().await,
            Kind::Postgres(engine) => engine.close().await,
            Kind::MySql(engine) => engine.close().await,
        }
    }

    pub(super) async fn fold(&self) -> Result<(), StoreError> {
        match &self.kind {
            Kind::Sqlite(engine) => engine.fold().await,
            Kind::Postgres(_) | Kind::MySql(_) => Ok(()),
        }
    }

    /// What the engine itself finds wrong with its files; a server looks after its own.
    pub(super) async fn damage(&self) -> Result<Vec<String>, StoreError> {
        match &self.kind {
            Kind::Sqlite(engine) => engine.damage().await,
            Kind::Postgres(_) | Kind::MySql(_) => Ok(Vec::new()),
        }
    }

    fn starts(&self, operation: &'static str) -> Use {
        Use { operation, since: Instant::now(), watch: self.watch.clone() }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// One use of the store, from asking for a connection to giving it back: what is told when it is dropped.
struct Use {
    operation: &'static str,
    since: Instant,
    watch: Option<Watch>,
}

impl Drop for Use {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch(self.operation, self.since.elapsed());
        }
    }
}

/// A connection that reads, or a transaction; dropped without a commit, the transaction is undone.
pub(super) struct Connection {
    on: On,
    _use: Use,
}

enum On {
    Sqlite(connection::Connection<sqlx::Sqlite>),
    Postgres(Lent<sqlx::Postgres>),
    MySql(Lent<sqlx::MySql>),
}

/// Runs one query on whichever engine it is.
macro_rules! run {
    ($on:expr, $sql:expr, $values:expr, $run:ident, $done:ident => [$sqlite:expr, $postgres:expr, $mysql:expr]) => {
        match &mut $on {
            On::Sqlite(on) => {
                let $done = bound!($sql, $values).$run(on.raw()).await?;
                Ok($sqlite)
            }
            On::Postgres(on) => {
                let $done = within(on.limit(), bound!($sql, $values).$run(on.raw()?)).await?;
                Ok($postgres)
            }
            On::MySql(on) => {
                let (sql, values) = mysql::translated($sql.into_sql_str().as_str(), &$values);
                let $done = within(on.limit(), bound!(sqlx::AssertSqlSafe(sql), values).$run(on.raw()?)).await?;
                Ok($mysql)
            }
        }
    };
}

impl Connection {
    /// Runs a statement; says how many rows it changed, or would have changed had they not been so already.
    pub(super) async fn execute(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<u64, StoreError> {
        run!(self.on, sql, values, execute, done => [done.rows_affected(), done.rows_affected(), done.rows_affected()])
    }

    pub(super) async fn row(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        run!(self.on, sql, values, fetch_optional, row => [row.map(Row::Sqlite), row.map(Row::Postgres), row.map(Row::MySql)])
    }

    pub(super) async fn rows(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        run!(self.on, sql, values, fetch_all, rows => [
            rows.into_iter().map(Row::Sqlite).collect(),
            rows.into_iter().map(Row::Postgres).collect(),
            rows.into_iter().map(Row::MySql).collect()
        ])
    }

    /// After this the change is on the disk, whatever happens to the process.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self.on {
            On::Sqlite(on) => Ok(on.commit().await?),
            On::Postgres(on) => on.commit().await,
            On::MySql(on) => on.commit().await,
        }
    }
}

/// A value on its way into a query. A missing one has a type too: some engines ask for it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// "($1, $2), ($3, $4)": the places of so many rows of so many values.
pub(super) fn places(rows: usize, columns: usize) -> String {
    let row = |at: usize| {
        let marks: Vec<_> = (1..=columns).map(|column| format!("${}", at * columns + column)).collect();
        format!("({})", marks.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// `values![a, b]` for the `$1` and `$2` of a query.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::engine::Value::from($value)),*] };
}
pub(super) use values;

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.as_i64()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::as_i64))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<UserId> for Value {
    fn from(value: UserId) -> Self {
        Self::Text(Some(value.to_string()))
    }
}

impl From<SessionId> for Value {
    fn from(value: SessionId) -> Self {
        Self::Text(Some(value.to_string()))
    }
}

impl From<Option<&[u8]>> for Value {
    fn from(value: Option<&[u8]>) -> Self {
        Self::Bytes(value.map(<[u8]>::to_vec))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

/// One row of an answer; its columns are asked for by name.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
    MySql(sqlx::mysql::MySqlRow),
}

macro_rules! column {
    ($($name:ident -> $kind:ty),* $(,)?) => {$(
        pub(super) fn $name(&self, column: &str) -> Result<$kind, StoreError> {
            match self {
                Self::Sqlite(row) => Ok(row.try_get(column)?),
                Self::Postgres(row) => Ok(row.try_get(column)?),
                Self::MySql(row) => Ok(row.try_get(column)?),
            }
        }
    )*};
}

impl Row {
    column!(
        int -> i64,
        maybe_int -> Option<i64>,
        text -> String,
        maybe_text -> Option<String>,
        bytes -> Vec<u8>,
        maybe_bytes -> Option<Vec<u8>>,
    );

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_i64)
    }

    pub(super) fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_int(column)?.map(Timestamp::from_i64))
    }

    pub(super) fn session_id(&self, column: &str) -> Result<SessionId, StoreError> {
        SessionId::parse(&self.text(column)?).ok_or(StoreError::Unreadable("session id"))
    }

    pub(super) fn user_id(&self, column: &str) -> Result<UserId, StoreError> {
        UserId::parse(&self.text(column)?).ok_or(StoreError::Unreadable("user id"))
    }
}
