//! What stands at a store's address, found out without changing anything there: nothing is migrated, and no file is made.
use sqlx::Error;

use super::migrations::{Row, version};
use super::settings::Options;
use super::{Migrate, Settings, StoreError, mysql, postgres, sqlite};

/// The tables that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// SQLite: the first `authgate run` makes the file.
    NoFile,
    /// None yet.
    Empty,
    /// As this program wants them; their version.
    Current(i64),
    /// Older ones, which whoever opens the store brings up to date.
    Older { found: i64, wanted: i64 },
}

/// Connects, and asks which tables there are. How long is waited the caller says.
pub(crate) async fn look(settings: &Settings, migrate: Migrate) -> Result<Tables, StoreError> {
    let (list, applied) = match settings {
        Settings::Sqlite { path } => match sqlite::look(path).await? {
            Some(applied) => (sqlite::MIGRATIONS, applied),
            None => return Ok(Tables::NoFile),
        },
        Settings::Server(server) => match &server.options {
            Options::Postgres(options) => (postgres::MIGRATIONS, postgres::look(options).await?),
            Options::Mysql(options) => (mysql::MIGRATIONS, mysql::look(options).await?),
        },
    };
    judge(list, &applied, migrate)
}

fn judge(list: &[Row], applied: &[i64], migrate: Migrate) -> Result<Tables, StoreError> {
    let wanted = version(list);
    Ok(match (super::migrations::are_wanted(list, applied, migrate)?, applied.iter().max()) {
        (_, None) => Tables::Empty,
        (true, Some(&found)) => Tables::Older { found, wanted },
        (false, Some(_)) => Tables::Current(wanted),
    })
}

impl StoreError {
    /// Whether a server does not take the name or the password (SQLSTATE class 28).
    pub(crate) fn refuses_login(&self) -> bool {
        let Self::Unavailable(Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code.starts_with("28"))
    }

    /// What the engine itself says, where it said something.
    pub(crate) fn said(&self) -> Option<&str> {
        let Self::Unavailable(Error::Database(error)) = self else { return None };
        Some(error.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[Row] = &[(1, "one", ""), (4, "four", "")];

    #[test]
    fn tables_are_judged_by_the_changes_they_have_seen() {
        assert_eq!(judge(LIST, &[1, 4], Migrate::Manual).unwrap(), Tables::Current(4));
        assert_eq!(judge(LIST, &[1], Migrate::Auto).unwrap(), Tables::Older { found: 1, wanted: 4 });
        assert_eq!(judge(LIST, &[], Migrate::Auto).unwrap(), Tables::Empty);
        assert!(matches!(judge(LIST, &[1], Migrate::Manual), Err(StoreError::Older(4))));
        assert!(matches!(judge(LIST, &[1, 4, 5], Migrate::Auto), Err(StoreError::Newer(5))));
    }

    #[tokio::test]
    async fn a_look_changes_no_file_and_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let settings = Settings::Sqlite { path: path.clone() };
        let names = || {
            let files = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(look(&settings, Migrate::Auto).await.unwrap(), Tables::NoFile);
        assert!(names().is_empty());
        let wanted = version(sqlite::MIGRATIONS);
        let store = super::super::Store::open(&settings).await.unwrap();
        assert_eq!(look(&settings, Migrate::Auto).await.unwrap(), Tables::Current(wanted), "while it is open");
        store.close().await;
        let before = std::fs::read(&path).unwrap();
        assert_eq!(look(&settings, Migrate::Auto).await.unwrap(), Tables::Current(wanted));
        assert_eq!(names(), ["store.db"]);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::write(&path, "").unwrap();
        assert_eq!(look(&settings, Migrate::Auto).await.unwrap(), Tables::Empty);
        assert_eq!(names(), ["store.db"]);
        std::fs::write(&path, "no store, but a text as long as one".repeat(200)).unwrap();
        assert!(matches!(look(&settings, Migrate::Auto).await, Err(StoreError::NotAStore { .. })));
        let elsewhere = Settings::Sqlite { path: folder.path().join("no/store.db") };
        assert!(matches!(look(&elsewhere, Migrate::Auto).await, Err(StoreError::NoFolder(_))));
    }
}
