//! SQLite: one file, one writer, a few readers.
use std::fs::OpenOptions;
use std::ops::DerefMut as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{Connection as _, Pool, Row as _, SqliteConnection};
use tokio::time::{Instant, sleep};

use super::StoreError;
use super::connection::Connection;
use super::migrations::{self, Row};
use super::opening::{Opening, Todo};
use super::settings::Migrate;

/// Two pools on one file: SQLite has one writer at a time, and readers never wait for it (WAL).
#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    writer: Pool<sqlx::Sqlite>,
    readers: Pool<sqlx::Sqlite>,
    /// How a transaction begins.
    begin: &'static str,
}

impl Sqlite {
    /// `None` where there is no file, or none with tables, and none is to be made.
    pub(super) async fn open(path: &Path, opening: Opening<impl Fn()>) -> Result<Option<Self>, StoreError> {
        if !opening.make && !path.exists() {
            return Ok(None);
        }
        make_file(path)?;
        let options = options(path);
        let writer = pool(1).connect_lazy_with(options.clone());
        let is_there = prepare(&writer, path, opening).await;
        if let Ok(true) = is_there {
            let readers = pool(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
            return Ok(Some(Self { writer, readers, begin: TAKE_THE_LOCK }));
        }
        writer.close().await;
        is_there.map(|_| None)
    }

    /// Opens a file that is read and stays as it is, on a disk that cannot be written to as well: SQLite would make its companions
    /// even for a reader. `None` where it has some already, or is to be brought up to date before it can be read.
    pub(super) async fn open_kept(path: &Path) -> Result<Option<Self>, StoreError> {
        if beside(path, "-wal").exists() {
            return Ok(None);
        }
        let options = options(path).read_only(true).immutable(true);
        let writer = pool(1).connect_lazy_with(options.clone());
        let found = found(&writer, path).await?;
        if found.is_empty() {
            return Err(StoreError::Empty(path.to_owned()));
        }
        let is_older = migrations::are_wanted(MIGRATIONS, &found, Migrate::Auto)?;
        let readers = pool(READERS).connect_lazy_with(options);
        Ok((!is_older).then_some(Self { writer, readers, begin: "BEGIN" }))
    }

    pub(super) async fn reader(&self) -> Result<Connection<sqlx::Sqlite>, StoreError> {
        Ok(Connection::Reading(self.readers.acquire().await?))
    }

    /// `IMMEDIATE` takes the write lock at once: a transaction that reads first and asks for it later fails at once
    /// when another process has it, without the busy timeout.
    pub(super) async fn begin(&self) -> Result<Connection<sqlx::Sqlite>, StoreError> {
        Ok(Connection::Writing(self.writer.begin_with(self.begin).await?))
    }

    /// What SQLite finds wrong with the file, at most a hundred lines.
    pub(super) async fn damage(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("PRAGMA integrity_check(100)").fetch_all(&self.readers).await?;
        let lines = rows.iter().map(|row| Ok(row.try_get::<String, _>(0)?)).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Has the file hold everything by itself. `close` does it too, but cannot say that it failed.
    pub(super) async fn fold(&self) -> Result<(), StoreError> {
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.writer).await?;
        let (busy, log, folded): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if busy == 0 && log == folded { Ok(()) } else { Err(StoreError::Unfolded) }
    }

    /// Readers first: the last connection that closes folds the log into the file.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the file before SQLite does, so that it is never readable by others, not even for a moment. SQLite gives its
/// companions (`-wal`, `-shm`) the mode of the file.
fn make_file(path: &Path) -> Result<(), StoreError> {
    has_folder(path)?;
    let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|source| StoreError::File { path: path.to_owned(), source })
}

fn has_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(StoreError::NoFolder(folder.to_owned())),
        None => Ok(()),
    }
}

/// The changes that a file has seen; `None` without a file. Nothing is written: SQLite would make its companions even for a
/// reader, so a file that has none is read as one that nobody changes.
pub(super) async fn look(path: &Path) -> Result<Option<Vec<i64>>, StoreError> {
    has_folder(path)?;
    if !path.exists() {
        return Ok(None);
    }
    let opened = OpenOptions::new().read(true).write(true).open(path);
    opened.map(drop).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    let options = options(path).read_only(true).immutable(!beside(path, "-wal").exists());
    let looked = async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let applied = applied(&mut connection).await?;
        connection.close().await?;
        Ok(applied)
    };
    match looked.await {
        Ok(applied) => Ok(Some(applied)),
        Err(StoreError::Unavailable(error)) => Err(named(error, path)),
        Err(error) => Err(error),
    }
}

/// One of SQLite's companions of a file.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn named(source: sqlx::Error, path: &Path) -> StoreError {
    match code(&source) {
        Some(NOT_A_DATABASE) => StoreError::NotAStore { path: path.to_owned(), source },
        _ => StoreError::Unavailable(source),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        // In WAL only FULL writes through to the disk at each commit; NORMAL may lose the last ones with the power.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(WAIT_FOR_LOCK)
        // As the other engines have it.
        .pragma("case_sensitive_like", "ON")
}

/// When the disk is full SQLite undoes a transaction by itself. sqlx then fails to undo it too, takes it for open from
/// there on, and would begin no other: such a connection is closed, and a new one made, before it is used again.
fn pool(connections: u32) -> PoolOptions<sqlx::Sqlite> {
    PoolOptions::new()
        .before_acquire(|connection: &mut SqliteConnection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        .max_connections(connections)
        .acquire_timeout(WAIT_FOR_CONNECTION)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Says whether there are tables. Where there are none and none are to be made the file stays as it is.
async fn prepare(writer: &Pool<sqlx::Sqlite>, path: &Path, opening: Opening<impl Fn()>) -> Result<bool, StoreError> {
    if !opening.make && opening.todo(MIGRATIONS, &found(writer, path).await?)? == Todo::NotThere {
        return Ok(false);
    }
    write_ahead(writer).await.map_err(|error| named(error, path))?;
    tables(writer, opening).await
}

/// The changes that the tables of a file have seen.
async fn found(pool: &Pool<sqlx::Sqlite>, path: &Path) -> Result<Vec<i64>, StoreError> {
    let found = match pool.acquire().await {
        Ok(mut connection) => applied(connection.deref_mut()).await,
        Err(error) => Err(error.into()),
    };
    match found {
        Err(StoreError::Unavailable(error)) => Err(named(error, path)),
        found => found,
    }
}

/// Changes the file to write-ahead logging, which it then keeps. The change needs the file for itself, and SQLite does
/// not wait for that: with several processes at a first start all but one are told that it is busy.
async fn write_ahead(writer: &Pool<sqlx::Sqlite>) -> Result<(), sqlx::Error> {
    let started = Instant::now();
    loop {
        match sqlx::query("PRAGMA journal_mode = WAL").execute(writer).await {
            Err(error) if code(&error) == Some(BUSY) && started.elapsed() < WAIT_FOR_LOCK => sleep(RETRY).await,
            other => return other.map(|_| ()),
        }
    }
}

/// SQLite's own number for what went wrong, without the details in its upper bits.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Brings the tables up to date within one transaction: of two processes that start at once the second waits, and
/// finds the work done. (SQLite's lock in the migrator itself does nothing.)
async fn tables(writer: &Pool<sqlx::Sqlite>, opening: Opening<impl Fn()>) -> Result<bool, StoreError> {
    let mut transaction = writer.begin_with(TAKE_THE_LOCK).await?;
    let applied = applied(transaction.deref_mut()).await?;
    let todo = opening.todo(MIGRATIONS, &applied)?;
    if todo == Todo::Changes {
        (opening.tell)();
        migrations::run(MIGRATIONS, transaction.deref_mut()).await?;
    }
    transaction.commit().await?;
    Ok(todo != Todo::NotThere)
}

/// The changes that the tables have seen.
async fn applied(on: &mut SqliteConnection) -> Result<Vec<i64>, StoreError> {
    let there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    match sqlx::query(there).fetch_optional(&mut *on).await? {
        Some(_) => migrations::applied(&sqlx::query(migrations::APPLIED).fetch_all(on).await?),
        None => Ok(vec![]),
    }
}

pub(super) const MIGRATIONS: &[Row] = &[
    (1, "people and sessions", include_str!("migrations/sqlite/0001_people_and_sessions.sql")),
    (4, "invites", include_str!("migrations/sqlite/0004_invites.sql")),
    (5, "service tokens", include_str!("migrations/sqlite/0005_service_tokens.sql")),
    (12, "keys take turns", include_str!("migrations/sqlite/0012_keys_take_turns.sql")),
    (13, "tokens without a session", include_str!("migrations/sqlite/0013_tokens_without_a_session.sql")),
    (14, "imports", include_str!("migrations/sqlite/0014_imports.sql")),
    (15, "familiar networks", include_str!("migrations/sqlite/0015_familiar_networks.sql")),
    (16, "browser sessions", include_str!("migrations/sqlite/0016_browser_sessions.sql")),
    (19, "observations", include_str!("migrations/sqlite/0019_observations.sql")),
    (30, "links", include_str!("migrations/sqlite/0030_links.sql")),
    (31, "second factors", include_str!("migrations/sqlite/0031_second_factors.sql")),
    (32, "passkeys", include_str!("migrations/sqlite/0032_passkeys.sql")),
    (33, "challenges are counted", include_str!("migrations/sqlite/0033_challenges_are_counted.sql")),
    (34, "tokens from", include_str!("migrations/sqlite/0034_tokens_from.sql")),
];

const TAKE_THE_LOCK: &str = "BEGIN IMMEDIATE";
/// Reads are short; more threads than this wait for the same disk.
const READERS: u32 = 4;
/// For a lock that another process (the command line) holds.
const WAIT_FOR_LOCK: Duration = Duration::from_secs(5);
/// For a connection of our own: longer than a lock may take, so that the clearer error is told.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(6);
const RETRY: Duration = Duration::from_millis(10);
/// SQLITE_BUSY and SQLITE_NOTADB.
const BUSY: i32 = 5;
const NOT_A_DATABASE: i32 = 26;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Settings, Store};
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn nobody_else_may_read_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Store::open(&Settings::Sqlite { path }).await.unwrap();
        store.forget_expired(crate::base::Timestamp::from_seconds(1)).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 3, "{files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[tokio::test]
    async fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/store.db");
        let error = Store::open(&Settings::Sqlite { path }).await.unwrap_err();
        assert!(matches!(&error, StoreError::NoFolder(named) if named.ends_with("no")), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_is_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "not a database, but long enough to be looked at as one".repeat(20)).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&Settings::Sqlite { path: path.clone() }).await.unwrap_err();
        assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[tokio::test]
    async fn a_store_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::Sqlite { path: folder.path().join("store.db") };
        let store = Store::open(&settings).await.unwrap();
        let mut on = store.engine.begin().await.unwrap();
        let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
            VALUES (9, 'later', 1, $1, 0)";
        on.execute(later, super::super::engine::values![[0_u8; 48].as_slice()]).await.unwrap();
        on.commit().await.unwrap();
        store.close().await;
        let error = Store::open(&settings).await.unwrap_err();
        assert!(matches!(error, StoreError::Newer(9)), "{error:?}");
        assert!(error.to_string().contains("newer version of authgate"), "{error}");
    }

    #[tokio::test]
    async fn processes_that_start_at_once_all_find_the_tables() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let settings = Settings::Sqlite { path: folder.path().join("store.db") };
            let opened = (0..8).map(|_| {
                let settings = settings.clone();
                tokio::spawn(async move { Store::open(&settings).await })
            });
            for store in opened.collect::<Vec<_>>() {
                store.await.unwrap().unwrap().ping().await.unwrap();
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn commands_may_come_and_go_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::Sqlite { path: folder.path().join("store.db") };
        let until = crate::base::Timestamp::from_seconds(9);
        let commands = (0..6_u8).map(|command| {
            let settings = settings.clone();
            tokio::spawn(async move {
                for turn in 0..8 {
                    let store = Store::open(&settings).await.unwrap();
                    store.add_control_secret(&[command * 8 + turn; 32], until).await.unwrap();
                    store.close().await;
                }
            })
        });
        for command in commands.collect::<Vec<_>>() {
            command.await.unwrap();
        }
        let store = Store::open(&settings).await.unwrap();
        assert_eq!(store.forget_expired(until).await.unwrap(), 48);
    }

    #[tokio::test]
    async fn a_commit_is_there_for_whoever_opens_the_file_next() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::Sqlite { path: folder.path().join("store.db") };
        let store = Store::open(&settings).await.unwrap();
        let until = crate::base::Timestamp::from_seconds(9);
        store.add_control_secret(&[7; 32], until).await.unwrap();
        // Not closed: the first one may be gone without a word.
        let other = Store::open(&settings).await.unwrap();
        let mode = other.engine.reader().await.unwrap().row("PRAGMA journal_mode", vec![]).await.unwrap().unwrap();
        assert_eq!(mode.text("journal_mode").unwrap(), "wal");
        assert!(other.control_secret_is_good(&[7; 32], crate::base::Timestamp::from_seconds(8)).await.unwrap());
    }
}
