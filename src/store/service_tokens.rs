//! Tokens for machines.
use super::engine::{Row, values};
use super::types::{digest, parse_list, write_list};
use super::{Digest, Store, StoreError};
use crate::base::{Scope, Timestamp, TokenId};

/// A machine's token as it is kept: known by its hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceToken {
    pub(crate) id: TokenId,
    pub(crate) hash: Digest,
    /// What the operator calls the machine.
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
}

/// Differs whenever a token was made or revoked: rows, revoked rows, the newest id.
pub(crate) type ServiceTokenMark = (i64, i64, Option<String>);

impl Store {
    pub(crate) async fn add_service_token(&self, token: &ServiceToken) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        let sql = "INSERT INTO service_tokens (id, hash, name, scopes, created_at, expires_at) \
            VALUES ($1, $2, $3, $4, $5, $6)";
        let values = values![
            token.id.to_string(),
            token.hash.as_slice(),
            token.name.as_str(),
            write_list(token.scopes.iter().map(Scope::as_str)),
            token.created_at,
            token.expires_at,
        ];
        on.execute(sql, values).await?;
        on.commit().await
    }

    /// All that are kept, oldest first: the revoked ones too, until their time is over.
    pub(crate) async fn service_tokens(&self) -> Result<Vec<ServiceToken>, StoreError> {
        let mut on = self.engine.reader().await?;
        let rows = on.rows("SELECT * FROM service_tokens ORDER BY id", vec![]).await?;
        rows.iter().map(ServiceToken::from_row).collect()
    }

    /// Whether there is anything new to read.
    pub(crate) async fn service_token_mark(&self) -> Result<ServiceTokenMark, StoreError> {
        let sql = "SELECT COUNT(*) AS many, COUNT(revoked_at) AS revoked, MAX(id) AS newest FROM service_tokens";
        let row = self.engine.reader().await?.row(sql, vec![]).await?;
        let row = row.ok_or(StoreError::Unreadable("count of service tokens"))?;
        Ok((row.int("many")?, row.int("revoked")?, row.maybe_text("newest")?))
    }

    /// Revokes one; says whether it was good until now.
    pub(crate) async fn revoke_service_token(&self, id: TokenId, now: Timestamp) -> Result<bool, StoreError> {
        let mut on = self.engine.begin().await?;
        let sql = "UPDATE service_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
        let changed = on.execute(sql, values![now, id.to_string()]).await?;
        on.commit().await?;
        Ok(changed > 0)
    }
}

impl ServiceToken {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: TokenId::parse(&row.text("id")?).ok_or(StoreError::Unreadable("service token id"))?,
            hash: digest(row.bytes("hash")?)?,
            name: row.text("name")?,
            scopes: parse_list(&row.text("scopes")?, Scope::parse).ok_or(StoreError::Unreadable("list of scopes"))?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
            revoked_at: row.maybe_time("revoked_at")?,
        })
    }
}
