//! Signing keys, and the secrets by which the command line speaks to a running gateway.
use std::fmt;

use zeroize::Zeroizing;

use super::engine::values;
use super::{Digest, Store, StoreError};
use crate::base::Timestamp;

/// A signing key as it is kept. Its material is wiped after use and does not print.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub(crate) kid: String,
    /// The name in `alg`.
    pub(crate) algorithm: String,
    pub(crate) material: Zeroizing<Vec<u8>>,
    pub(crate) created_at: Timestamp,
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
                created_at: row.time("created_at")?,
            })
        };
        rows.iter().map(key).collect()
    }

    /// Keeps a key unless there is one of its algorithm: two processes that start at once end with one key. Whoever
    /// calls it reads `keys` afterwards.
    pub(crate) async fn add_first_key(&self, key: &KeyRow) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        let there = "SELECT kid FROM signing_keys WHERE algorithm = $1";
        if on.row(there, values![key.algorithm.as_str()]).await?.is_some() {
            return Ok(());
        }
        let sql = "INSERT INTO signing_keys (kid, algorithm, material, created_at, state) \
            VALUES ($1, $2, $3, $4, 'active')";
        let values = values![key.kid.as_str(), key.algorithm.as_str(), key.material.as_slice(), key.created_at];
        on.execute(sql, values).await?;
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
