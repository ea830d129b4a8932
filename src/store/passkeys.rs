//! Passkeys, and the challenges that devices are to sign.
use super::engine::{Connection, Row, values};
use super::{Digest, Oneself, OwnError, Store, StoreError};
use crate::base::{PasskeyId, Timestamp, UserId};

/// A key of a device that its owner signs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passkey {
    pub(crate) id: PasskeyId,
    pub(crate) user: UserId,
    /// What the device calls it.
    pub(crate) credential: Vec<u8>,
    /// COSE
    pub(crate) key: Vec<u8>,
    /// How often it was used, as the device says.
    pub(crate) counter: u32,
    /// What its owner calls it.
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

/// What became of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddedPasskey {
    Added,
    /// Somebody has it already.
    Exists,
    TooMany,
}

impl Store {
    pub(crate) async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        let mut on = self.engine.reader().await?;
        let rows = on.rows("SELECT * FROM passkeys WHERE user_id = $1 ORDER BY id", values![user]).await?;
        rows.iter().map(Passkey::from_row).collect()
    }

    /// By what the device calls it.
    pub(crate) async fn passkey(&self, credential: &[u8]) -> Result<Option<Passkey>, StoreError> {
        let mut on = self.engine.reader().await?;
        let row = on.row("SELECT * FROM passkeys WHERE credential = $1", values![credential]).await?;
        row.as_ref().map(Passkey::from_row).transpose()
    }

    pub(crate) async fn add_passkey(&self, who: &Oneself, new: &Passkey) -> Result<AddedPasskey, OwnError> {
        let mut on = self.begin_as(who, new.created_at).await?;
        let count = "SELECT COUNT(*) AS many FROM passkeys WHERE user_id = $1";
        let row = on.row(count, values![new.user]).await?.ok_or(StoreError::Unreadable("count of passkeys"))?;
        if usize::try_from(row.int("many")?).is_ok_and(|many| many >= MOST_PASSKEYS) {
            return Ok(AddedPasskey::TooMany);
        }
        let same = "SELECT id FROM passkeys WHERE credential = $1";
        if on.row(same, values![new.credential.as_slice()]).await?.is_some() {
            return Ok(AddedPasskey::Exists);
        }
        let sql = "INSERT INTO passkeys (id, user_id, credential, public_key, sign_count, name, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = values![
            new.id.to_string(),
            new.user,
            new.credential.as_slice(),
            new.key.as_slice(),
            i64::from(new.counter),
            new.name.as_str(),
            new.created_at,
        ];
        on.execute(sql, values).await?;
        on.commit().await?;
        Ok(AddedPasskey::Added)
    }

    /// It was shown. `false` when its counter did not go on, or it is gone: many devices have no counter and always say
    /// zero.
    pub(crate) async fn use_passkey(&self, id: PasskeyId, counter: u32, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE passkeys SET sign_count = $1, last_used_at = $2 \
            WHERE id = $3 AND (sign_count < $1 OR (sign_count = 0 AND $1 = 0))";
        self.one(sql, values![i64::from(counter), now, id.to_string()]).await
    }

    /// `false` when the person has none of this id.
    pub(crate) async fn rename_passkey(
        &self,
        who: &Oneself,
        id: PasskeyId,
        name: &str,
        now: Timestamp,
    ) -> Result<bool, OwnError> {
        let mut on = self.begin_as(who, now).await?;
        let sql = "UPDATE passkeys SET name = $1 WHERE id = $2 AND user_id = $3";
        let renamed = on.execute(sql, values![name, id.to_string(), who.user]).await?;
        on.commit().await?;
        Ok(renamed == 1)
    }

    /// `false` when the person has none of this id.
    pub(crate) async fn remove_passkey(&self, who: &Oneself, id: PasskeyId, now: Timestamp) -> Result<bool, OwnError> {
        let mut on = self.begin_as(who, now).await?;
        let sql = "DELETE FROM passkeys WHERE id = $1 AND user_id = $2";
        let removed = on.execute(sql, values![id.to_string(), who.user]).await?;
        on.commit().await?;
        Ok(removed == 1)
    }

    /// All of one person; `false` when there was none.
    pub(crate) async fn remove_passkeys(&self, user: UserId) -> Result<bool, StoreError> {
        let mut on = self.engine.begin().await?;
        let gone = forget(&mut on, user).await?;
        on.commit().await?;
        Ok(gone)
    }

    /// Keeps what somebody who adds a passkey has a device sign. `false` when too many wait for the same: whoever is not
    /// known keeps nobody who is from adding one.
    pub(crate) async fn add_own_passkey_challenge(
        &self,
        who: &Oneself,
        hash: &Digest,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, OwnError> {
        if !self.has_room(TO_ADD, now).await? {
            return Ok(false);
        }
        let on = self.begin_as(who, now).await?;
        add_challenge(on, hash, Some(who.user), expires_at).await?;
        Ok(true)
    }

    /// The same for whoever signs in.
    pub(crate) async fn add_passkey_challenge(
        &self,
        hash: &Digest,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.has_room(TO_SIGN_IN, now).await? {
            return Ok(false);
        }
        add_challenge(self.engine.begin().await?, hash, None, expires_at).await?;
        Ok(true)
    }

    /// Counted by a reader: strangers ask for it, and nobody who writes waits until theirs are counted. As many may be too
    /// many as are made at once.
    async fn has_room(&self, count: &'static str, now: Timestamp) -> Result<bool, StoreError> {
        let row = self.engine.reader().await?.row(count, values![now]).await?;
        let row = row.ok_or(StoreError::Unreadable("count of challenges"))?;
        Ok(row.int("many")? < MOST_WAITING)
    }

    /// Uses a challenge up; `false` when it was made for somebody else or another purpose, is over, or was used.
    pub(crate) async fn take_passkey_challenge(
        &self,
        hash: &Digest,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OF_ONE: &str = "DELETE FROM passkey_challenges WHERE hash = $1 AND expires_at > $2 AND user_id = $3";
        const OF_NOBODY: &str =
            "DELETE FROM passkey_challenges WHERE hash = $1 AND expires_at > $2 AND user_id IS NULL";
        match user {
            Some(user) => self.one(OF_ONE, values![hash.as_slice(), now, user]).await,
            None => self.one(OF_NOBODY, values![hash.as_slice(), now]).await,
        }
    }
}

/// All of one person, within the transaction of the caller; `false` when there was none.
pub(super) async fn forget(on: &mut Connection, user: UserId) -> Result<bool, StoreError> {
    Ok(on.execute("DELETE FROM passkeys WHERE user_id = $1", values![user]).await? > 0)
}

async fn add_challenge(
    mut on: Connection,
    hash: &Digest,
    user: Option<UserId>,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO passkey_challenges (hash, user_id, expires_at) VALUES ($1, $2, $3)";
    let user = user.map(|user| user.to_string());
    on.execute(sql, values![hash.as_slice(), user.as_deref(), expires_at]).await?;
    on.commit().await
}

impl Passkey {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: PasskeyId::parse(&row.text("id")?).ok_or(StoreError::Unreadable("passkey id"))?,
            user: row.user_id("user_id")?,
            credential: row.bytes("credential")?,
            key: row.bytes("public_key")?,
            counter: u32::try_from(row.int("sign_count")?).map_err(|_| StoreError::Unreadable("counter"))?,
            name: row.text("name")?,
            created_at: row.time("created_at")?,
            last_used_at: row.maybe_time("last_used_at")?,
        })
    }
}

// Greater than nothing: SQLite looks `IS NOT NULL` up in no index.
const TO_ADD: &str = "SELECT COUNT(*) AS many FROM passkey_challenges WHERE expires_at > $1 AND user_id > ''";
const TO_SIGN_IN: &str = "SELECT COUNT(*) AS many FROM passkey_challenges WHERE expires_at > $1 AND user_id IS NULL";
/// More than anybody has devices.
pub(crate) const MOST_PASSKEYS: usize = 20;
/// Begun in five minutes, of sign-ins and of additions so many each: 13 and 18 MB in SQLite's file. A test reaches the end of
/// it.
pub(super) const MOST_WAITING: i64 = if cfg!(test) { 100 } else { 100_000 };

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    /// A hundred thousand of them are counted without looking at one.
    #[tokio::test]
    async fn challenges_that_wait_are_counted_from_an_index_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Store::open(&Settings::Sqlite { path }).await.unwrap();
        for count in [TO_ADD, TO_SIGN_IN] {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {count}"));
            let plan = store.engine.reader().await.unwrap().rows(explain, values![Timestamp::from_seconds(1)]).await;
            let plan: Vec<_> = plan.unwrap().iter().map(|row| row.text("detail").unwrap()).collect();
            assert!(plan.len() == 1 && plan[0].contains("COVERING INDEX passkey_challenges_by_user ("), "{plan:?}");
        }
    }
}
