//! Invitations: who may make an account although not everyone may.
use super::engine::{Connection, Row, values};
use super::types::{parse_list, write_list};
use super::{Digest, Store, StoreError};
use crate::base::{Email, Role, Timestamp};

/// An invitation as it is kept: known by its hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invite {
    pub(crate) hash: Digest,
    /// Only somebody of this address may follow it.
    pub(crate) email: Option<Email>,
    /// Given besides the default roles.
    pub(crate) roles: Vec<Role>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Store {
    pub(crate) async fn add_invite(&self, invite: &Invite) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        let sql = "INSERT INTO invites (hash, email, roles, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
        let values = values![
            invite.hash.as_slice(),
            invite.email.as_ref().map(Email::as_str),
            write_list(invite.roles.iter().map(Role::as_str)),
            invite.created_at,
            invite.expires_at,
        ];
        on.execute(sql, values).await?;
        on.commit().await
    }

    /// An invitation that may still be used.
    pub(crate) async fn invite(&self, hash: &Digest, now: Timestamp) -> Result<Option<Invite>, StoreError> {
        let mut on = self.engine.reader().await?;
        let sql = "SELECT * FROM invites WHERE hash = $1 AND expires_at > $2";
        on.row(sql, values![hash.as_slice(), now]).await?.as_ref().map(|row| read(row, hash)).transpose()
    }
}

/// Uses an invitation up, within the transaction of the caller; `false` when it is gone or over.
pub(super) async fn take(on: &mut Connection, hash: &Digest, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "DELETE FROM invites WHERE hash = $1 AND expires_at > $2";
    Ok(on.execute(sql, values![hash.as_slice(), now]).await? == 1)
}

fn read(row: &Row, hash: &Digest) -> Result<Invite, StoreError> {
    let email = row.maybe_text("email")?.map(|text| Email::parse(&text)).transpose();
    Ok(Invite {
        hash: *hash,
        email: email.map_err(|_| StoreError::Unreadable("e-mail address"))?,
        roles: parse_list(&row.text("roles")?, Role::parse).ok_or(StoreError::Unreadable("list of roles"))?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
