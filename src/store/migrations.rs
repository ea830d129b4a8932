//! Numbered changes of the tables, run in their order. Each engine has its own texts with the same numbers.
use std::borrow::Cow;

use sqlx::migrate::{Migrate as Runs, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{ColumnIndex, Decode, SqlStr, Type};

use super::StoreError;
use super::settings::Migrate;

/// Number, name and text.
pub(super) type Row = (i64, &'static str, &'static str);

/// The version of the tables that a list leads to.
pub(super) fn version(list: &[Row]) -> i64 {
    list.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

/// Whether there is something to run; an error when it may not be.
pub(super) fn are_wanted(list: &[Row], applied: &[i64], migrate: Migrate) -> Result<bool, StoreError> {
    if let Some(newer) = applied.iter().find(|applied| !list.iter().any(|(known, ..)| known == *applied)) {
        return Err(StoreError::Newer(*newer));
    }
    let wanted = list.iter().map(|(known, ..)| *known).find(|known| !applied.contains(known));
    match (wanted, migrate) {
        (Some(wanted), Migrate::Manual) => Err(StoreError::Older(wanted)),
        (Some(_), Migrate::Auto) => Ok(true),
        (None, Migrate::Auto | Migrate::Manual) => Ok(false),
    }
}

/// Runs what was not run before. The caller sees to it that nobody else does the same.
pub(super) async fn run<C: Runs>(list: &'static [Row], on: &mut C) -> Result<(), StoreError> {
    let all = list.iter().map(|&(version, name, sql)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, SqlStr::from_static(sql), false)
    });
    let mut migrator = Migrator::with_migrations(all.collect());
    match migrator.set_locking(false).run_direct(None, on, false).await {
        Ok(()) => Ok(()),
        // Applied here and unknown to this program: a later one did it.
        Err(MigrateError::VersionMissing(version)) => Err(StoreError::Newer(version)),
        Err(MigrateError::Dirty(version)) => Err(StoreError::HalfMigrated(version)),
        Err(error) => Err(StoreError::Migrate(error)),
    }
}

/// The numbers that `APPLIED` gave.
pub(super) fn applied<'r, R>(rows: &'r [R]) -> Result<Vec<i64>, StoreError>
where
    R: sqlx::Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    rows.iter().map(|row| Ok(row.try_get("version")?)).collect()
}

pub(super) const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";
