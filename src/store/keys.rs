//! Signing keys, and the secrets by which the command line speaks to a running gateway.
use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::engine::{Connection, values};
use super::{Digest, Store, StoreError};
use crate::base::Timestamp;

/// A signing key as it is kept. Its material is wiped after use and does not print.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub(crate) kid: String,
    /// The name in `alg`.
    pub(crate) algorithm: String,
    pub(crate) material: Zeroizing<Vec<u8>>,
    /// The material is encrypted.
    pub(crate) sealed: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) signs_from: Timestamp,
    pub(crate) believed_until: Option<Timestamp>,
}

impl fmt::Debug for KeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRow").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Store {
    /// All keys, oldest first.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let mut on = self.engine.reader().await?;
        let rows = on.rows("SELECT * FROM signing_keys ORDER BY created_at, kid", vec![]).await?;
        let key = |row: &super::engine::Row| {
            Ok(KeyRow {
                kid: row.text("kid")?,
                algorithm: row.text("algorithm")?,
                material: Zeroizing::new(row.bytes("material")?),
                sealed: row.int("sealed")? != 0,
                created_at: row.time("created_at")?,
                signs_from: row.time("signs_from")?,
                believed_until: row.maybe_time("believed_until")?,
            })
        };
        rows.iter().map(key).collect()
    }

    /// Keeps a key unless there is one of its algorithm: two processes that start at once end with one key. Whoever
    /// calls it reads `keys` afterwards.
    pub(crate) async fn add_first_key(&self, key: &KeyRow) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        let there = "SELECT kid FROM signing_keys WHERE algorithm = $1 AND believed_until IS NULL";
        if on.row(there, values![key.algorithm.as_str()]).await?.is_some() {
            return Ok(());
        }
        insert(&mut on, key).await?;
        on.commit().await
    }

    /// Adds the key that signs from its own time on. Those of its algorithm that were there are believed until
    /// `outlives` after that, and no shorter than any token that is out.
    ///
    /// `false`, and nothing is done, when `newest` is not the newest one any more: another process was faster.
    pub(crate) async fn rotate_key(
        &self,
        newest: Option<&str>,
        key: &KeyRow,
        outlives: Duration,
    ) -> Result<bool, StoreError> {
        let mut on = self.engine.begin().await?;
        let sql = "SELECT kid FROM signing_keys WHERE algorithm = $1 AND believed_until IS NULL \
            ORDER BY signs_from DESC, kid DESC";
        let found = on.row(sql, values![key.algorithm.as_str()]).await?.map(|row| row.text("kid")).transpose()?;
        let taken = on.row("SELECT kid FROM signing_keys WHERE kid = $1", values![key.kid.as_str()]).await?;
        if found.as_deref() != newest || taken.is_some() {
            return Ok(false);
        }
        let last = on.row("SELECT MAX(tokens_until) AS last FROM sessions", vec![]).await?;
        let last = last.map(|row| row.maybe_time("last")).transpose()?.flatten();
        let until = last.map_or(key.signs_from, |last| last.max(key.signs_from)).plus(outlives);
        let sql = "UPDATE signing_keys SET believed_until = $1 WHERE algorithm = $2 AND believed_until IS NULL";
        on.execute(sql, values![until, key.algorithm.as_str()]).await?;
        insert(&mut on, key).await?;
        on.commit().await?;
        Ok(true)
    }

    /// Forgets a key; whether there was one. Where it was to follow others of the algorithm that the store's keys sign with, the
    /// newest of them goes on as if it had never been: it would else end with nobody to follow it.
    pub(crate) async fn retire_key(
        &self,
        kid: &str,
        signs_with: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut on = self.engine.begin().await?;
        let gone = on.execute("DELETE FROM signing_keys WHERE kid = $1", values![kid]).await?;
        if let Some(algorithm) = signs_with {
            goes_on(&mut on, algorithm, now).await?;
        }
        on.commit().await?;
        Ok(gone > 0)
    }

    /// Puts the encrypted form of a key in the place of the plain one.
    pub(crate) async fn seal_key(&self, kid: &str, sealed: &[u8]) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        let sql = "UPDATE signing_keys SET material = $1, sealed = 1 WHERE kid = $2 AND sealed = 0";
        on.execute(sql, values![sealed, kid]).await?;
        on.commit().await
    }

    /// Keeps the hash of a secret that is good until `expires_at`.
    pub(crate) async fn add_control_secret(&self, hash: &Digest, expires_at: Timestamp) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        let sql = "INSERT INTO control_secrets (hash, expires_at) VALUES ($1, $2)";
        on.execute(sql, values![hash.as_slice(), expires_at]).await?;
        on.commit().await
    }

    pub(crate) async fn control_secret_is_good(&self, hash: &Digest, now: Timestamp) -> Result<bool, StoreError> {
        let mut on = self.engine.reader().await?;
        let sql = "SELECT expires_at FROM control_secrets WHERE hash = $1 AND expires_at > $2";
        Ok(on.row(sql, values![hash.as_slice(), now]).await?.is_some())
    }
}

/// Unless another key of the algorithm has no end, takes it from the newest that is still believed.
async fn goes_on(on: &mut Connection, algorithm: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT kid, believed_until FROM signing_keys \
        WHERE algorithm = $1 AND (believed_until IS NULL OR believed_until > $2) ORDER BY signs_from DESC, kid DESC";
    let rows = on.rows(sql, values![algorithm, now]).await?;
    let Some(newest) = rows.first() else { return Ok(()) };
    for row in &rows {
        if row.maybe_time("believed_until")?.is_none() {
            return Ok(());
        }
    }
    let sql = "UPDATE signing_keys SET believed_until = NULL WHERE kid = $1";
    on.execute(sql, values![newest.text("kid")?]).await.map(|_| ())
}

async fn insert(on: &mut Connection, key: &KeyRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO signing_keys \
        (kid, algorithm, material, sealed, created_at, signs_from, believed_until, state) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'active')";
    let (kid, algorithm) = (key.kid.as_str(), key.algorithm.as_str());
    let times = (key.created_at, key.signs_from, key.believed_until);
    let values = values![kid, algorithm, key.material.as_slice(), i64::from(key.sealed), times.0, times.1, times.2];
    on.execute(sql, values).await.map(|_| ())
}
