//! What must outlive a restart: users, sessions, refresh tokens, keys.
//!
//! Every query is written once, in the files named after what it is about. `engine` is the seam: a further engine is a
//! file beside `sqlite.rs`, a folder of migrations, and a line in each `match` of `engine.rs`; it is right when it
//! passes `contract/`.
mod begun;
mod cleaning;
mod connection;
mod copy;
#[cfg(test)]
mod contract;
mod engine;
mod familiar;
mod imports;
mod invites;
mod keys;
mod links;
mod look;
mod migrations;
mod mysql;
mod observations;
mod oneself;
mod opening;
mod passkeys;
mod people;
mod postgres;
mod replaced;
mod revocations;
mod second_factors;
mod server;
mod service_tokens;
mod sessions;
mod settings;
mod sqlite;
mod strangers;
mod types;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::Engine;

pub(crate) use begun::Begun;
pub(crate) use copy::{CopyError, CopyProgress, Count, Onto};
pub(crate) use imports::{Import, ImportedUser};
pub(crate) use invites::Invite;
pub(crate) use keys::KeyRow;
pub(crate) use links::{Link, Purpose};
pub(crate) use look::{Tables, look};
pub(crate) use observations::Observation;
pub(crate) use oneself::{Oneself, OwnError};
pub(crate) use opening::Opening;
pub(crate) use passkeys::{AddedPasskey, MOST_PASSKEYS, Passkey};
pub(crate) use people::{Changed, Created, UserChange, UserFilter};
pub(crate) use revocations::Revocation;
pub(crate) use second_factors::{Totp, Waiting};
pub(crate) use service_tokens::{ServiceToken, ServiceTokenMark};
pub(crate) use sessions::{Live, Rotation, Started, Turn, Visit};
pub(crate) use settings::{BadServer, Migrate, Server, Settings};
pub(crate) use strangers::{Ended, TokenRevocation};
pub(crate) use types::{Attributes, Digest, NewSession, NewUser, Session, SessionKey, User};

/// The store, whichever engine is behind it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    engine: Engine,
}

/// Hears how long an operation held the store: "read" or "write".
pub(crate) type Watch = Arc<dyn Fn(&'static str, Duration) + Send + Sync>;

impl Store {
    /// The same store, which tells how long each operation took.
    pub(crate) fn watched(self, watch: Watch) -> Self {
        Self { engine: self.engine.watched(watch) }
    }

    #[cfg(test)]
    pub(crate) async fn open(settings: &Settings) -> Result<Self, StoreError> {
        Self::open_as(settings, Migrate::Auto).await
    }

    /// Opens the store, and makes it if it is not there. Its tables are brought up to date, or else they are left as they are
    /// and refused when they are too old.
    pub(crate) async fn open_as(settings: &Settings, migrate: Migrate) -> Result<Self, StoreError> {
        Self::open_with(settings, Opening { migrate, make: true, tell: || {} }).await
    }

    /// Opens a store that is there already: a question must make none, neither a file nor tables on a server.
    pub(crate) async fn open_existing(settings: &Settings, migrate: Migrate) -> Result<Self, StoreError> {
        Self::open_with(settings, Opening { migrate, make: false, tell: || {} }).await
    }

    pub(crate) async fn open_with(settings: &Settings, opening: Opening<impl Fn()>) -> Result<Self, StoreError> {
        let engine = Engine::open(settings, opening).await?;
        engine.map(|engine| Self { engine }).ok_or_else(|| StoreError::NotThere(settings.to_string()))
    }

    /// Opens what `backup` made, and leaves it as it is. What is older than this program, or was not closed tidily, is copied to
    /// `scratch` and brought up to date there.
    pub(crate) async fn open_kept(path: &Path, scratch: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::NotThere(path.display().to_string()));
        }
        if let Some(engine) = Engine::open_kept(path).await? {
            return Ok(Self { engine });
        }
        for suffix in ["", "-wal"] {
            let (from, to) = (sqlite::beside(path, suffix), sqlite::beside(scratch, suffix));
            copy_file(&from, &to).map_err(|source| StoreError::File { path: to, source })?;
        }
        Self::open_as(&Settings::Sqlite { path: scratch.to_owned() }, Migrate::Auto).await
    }

    /// Does it answer?
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.engine.reader().await?.row("SELECT 1 AS one", vec![]).await.map(|_| ())
    }

    /// Has the file of a SQLite store hold everything without its log; a server looks after its own.
    pub(crate) async fn fold(&self) -> Result<(), StoreError> {
        self.engine.fold().await
    }

    /// Waits for what is under way and closes the files tidily.
    pub(crate) async fn close(&self) {
        self.engine.close().await;
    }
}

/// Into a new file that nobody else may read; what is not there is not copied.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = match File::open(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut to).map(|_| ())
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the folder {} is not there", .0.display())]
    NoFolder(PathBuf),
    #[error("there is no store at {0}; the first `authgate run` makes it")]
    NotThere(String),
    #[error("cannot make or open {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not a store of this gateway", path.display())]
    NotAStore { path: PathBuf, source: sqlx::Error },
    #[error("{} holds no store", .0.display())]
    Empty(PathBuf),
    #[error("the store was written by a newer version of authgate (its tables have version {0}, this one knows {KNOWN})", KNOWN = migrations::version(sqlite::MIGRATIONS))]
    Newer(i64),
    #[error(
        "the tables of the store are older than this version of authgate (change {0} is missing); run `authgate store migrate`"
    )]
    Older(i64),
    #[error("cannot bring the tables of the store up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// MySQL changes tables without a transaction.
    #[error(
        "change {0} of the tables was begun once and not ended: see \"A change of the tables that stopped half-way\" in \
        docs/SEVERAL-NODES.md"
    )]
    HalfMigrated(i64),
    #[error("somebody else changes the tables of the store; try again when that is done")]
    Migrating,
    /// It may work again later.
    #[error("the store does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// It did not say anything in time, and may work again later.
    #[error("the store did not answer in time")]
    Slow,
    /// Somebody else has the file open.
    #[error("the log of the store could not be folded into its file")]
    Unfolded,
    /// Something in it was not written by this gateway.
    #[error("the store holds a {0} that cannot be read")]
    Unreadable(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}
