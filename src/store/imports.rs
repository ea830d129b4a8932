//! People who were brought from elsewhere: many at a time, and taken back together.
use super::engine::{Connection, values};
use super::types::write_list;
use super::{NewUser, Store, StoreError};
use crate::base::{Email, Role, Scope, Secret, Timestamp, UserId, Username};

/// A person as another program knew them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImportedUser {
    pub(crate) user: NewUser,
    pub(crate) email_verified: bool,
    pub(crate) disabled: bool,
    /// Else: now.
    pub(crate) created_at: Option<Timestamp>,
}

/// One import: its number, and when it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Import {
    pub(crate) id: i64,
    pub(crate) started_at: Timestamp,
}

/// What became of an import that was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undone {
    pub(crate) removed: u64,
    /// They signed in or were changed since.
    pub(crate) kept: u64,
}

impl Store {
    pub(crate) async fn begin_import(&self, source: &str, now: Timestamp) -> Result<Import, StoreError> {
        let mut on = self.engine.begin().await?;
        let last = on.row("SELECT COALESCE(MAX(id), 0) AS last FROM imports", vec![]).await?;
        let id = last.map_or(Ok(0), |row| row.int("last"))?.saturating_add(1);
        let sql = "INSERT INTO imports (id, source, started_at) VALUES ($1, $2, $3)";
        on.execute(sql, values![id, source, now]).await?;
        on.commit().await?;
        Ok(Import { id, started_at: now })
    }

    /// Adds those whose name and address are free, all at once or none; says of each whether they were added.
    pub(crate) async fn import_users(&self, import: Import, users: &[ImportedUser]) -> Result<Vec<bool>, StoreError> {
        let mut on = self.engine.begin().await?;
        let mut added = Vec::with_capacity(users.len());
        for user in users {
            let free = !is_there(&mut on, user).await?;
            if free {
                insert(&mut on, import, user).await?;
            }
            added.push(free);
        }
        on.commit().await?;
        Ok(added)
    }

    /// Whether somebody has the name or the address.
    pub(crate) async fn has_user_like(&self, user: &ImportedUser) -> Result<bool, StoreError> {
        is_there(&mut self.engine.reader().await?, user).await
    }

    /// Removes those whom an import added and who have neither signed in nor been changed since. `None`: there is no such import.
    pub(crate) async fn undo_import(&self, id: i64, now: Timestamp) -> Result<Option<Undone>, StoreError> {
        let mut on = self.engine.begin_long().await?;
        let Some(row) = on.row("SELECT started_at FROM imports WHERE id = $1", values![id]).await? else {
            return Ok(None);
        };
        let removed = on.execute(REMOVE, values![id, row.time("started_at")?]).await?;
        let left = on.row("SELECT COUNT(*) AS left_over FROM imported_users WHERE import_id = $1", values![id]).await?;
        let kept = left.map_or(Ok(0), |row| row.int("left_over"))?;
        on.execute("UPDATE imports SET undone_at = $1 WHERE id = $2", values![now, id]).await?;
        on.commit().await?;
        Ok(Some(Undone { removed, kept: u64::try_from(kept).unwrap_or(0) }))
    }
}

async fn is_there(on: &mut Connection, user: &ImportedUser) -> Result<bool, StoreError> {
    let (name, email) = (&user.user.username, &user.user.email);
    let values = values![name.as_ref().map(Username::as_str), email.as_ref().map(Email::as_str)];
    Ok(on.row("SELECT id FROM users WHERE username = $1 OR email = $2", values).await?.is_some())
}

async fn insert(on: &mut Connection, import: Import, imported: &ImportedUser) -> Result<(), StoreError> {
    let (user, now) = (&imported.user, import.started_at);
    let id = UserId::new(now);
    let attributes =
        serde_json::to_string(&user.attributes).map_err(|_| StoreError::Unreadable("list of attributes"))?;
    let values = values![
        id,
        user.username.as_ref().map(Username::as_str),
        user.email.as_ref().map(Email::as_str),
        imported.email_verified,
        user.name.as_deref(),
        user.password_hash.as_ref().map(Secret::expose),
        now,
        write_list(user.roles.iter().map(Role::as_str)),
        write_list(user.scopes.iter().map(Scope::as_str)),
        attributes,
        imported.disabled,
        imported.created_at.unwrap_or(now),
    ];
    on.execute(INSERT, values).await?;
    on.execute("INSERT INTO imported_users (user_id, import_id) VALUES ($1, $2)", values![id, import.id]).await?;
    Ok(())
}

const INSERT: &str = "INSERT INTO users (id, username, email, email_verified, name, password_hash, password_set_at, \
    roles, scopes, attributes, disabled, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $7)";
const REMOVE: &str = "DELETE FROM users WHERE id IN (SELECT user_id FROM imported_users WHERE import_id = $1) \
    AND last_login_at IS NULL AND updated_at = $2";
