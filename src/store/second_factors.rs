//! What people prove themselves with beside a password, and the sign-ins that wait for it.
use super::engine::{Connection, values};
use super::types::digest;
use super::{Digest, Oneself, OwnError, Store, StoreError};
use crate::base::{SessionId, Timestamp, UserId};

/// The key of a program that shows six digits.
#[derive(Clone)]
pub(crate) struct Totp {
    /// Encrypted where `sealed` says so.
    pub(crate) key: zeroize::Zeroizing<Vec<u8>>,
    pub(crate) sealed: bool,
    /// A code of it was shown once: from then on it is asked for.
    pub(crate) confirmed: bool,
    /// The newest step whose code was used: no code is good twice.
    pub(crate) last_step: i64,
}

/// A sign-in that waits for its second part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) hash: Digest,
    pub(crate) user: UserId,
    /// The password that was shown was set then: another one in the meantime opens nothing.
    pub(crate) password_set_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Store {
    /// The key of a person, confirmed or not.
    pub(crate) async fn totp(&self, user: UserId) -> Result<Option<Totp>, StoreError> {
        let mut on = self.engine.reader().await?;
        let Some(row) = on.row("SELECT * FROM totp_keys WHERE user_id = $1", values![user]).await? else {
            return Ok(None);
        };
        Ok(Some(Totp {
            key: row.bytes("secret")?.into(),
            sealed: row.int("sealed")? != 0,
            confirmed: row.maybe_int("confirmed_at")?.is_some(),
            last_step: row.int("last_step")?,
        }))
    }

    /// Puts a key in the place of one that was not confirmed; `false` when there is one that was.
    pub(crate) async fn begin_totp(
        &self,
        who: &Oneself,
        key: &[u8],
        sealed: bool,
        now: Timestamp,
    ) -> Result<bool, OwnError> {
        let (mut on, user) = (self.begin_as(who, now).await?, who.user);
        on.execute("DELETE FROM totp_keys WHERE user_id = $1 AND confirmed_at IS NULL", values![user]).await?;
        if on.row("SELECT user_id FROM totp_keys WHERE user_id = $1", values![user]).await?.is_some() {
            return Ok(false);
        }
        let sql = "INSERT INTO totp_keys (user_id, secret, sealed, last_step) VALUES ($1, $2, $3, 0)";
        on.execute(sql, values![user, key, sealed]).await?;
        on.commit().await?;
        Ok(true)
    }

    /// The first code was right: the key is asked for from now on, and the session has shown it. `false` when another key
    /// took the place of the one that was read, or there is nothing to confirm.
    pub(crate) async fn confirm_totp(
        &self,
        who: &Oneself,
        (read, step): (&Totp, i64),
        codes: &[Digest],
        now: Timestamp,
    ) -> Result<bool, OwnError> {
        let mut on = self.begin_as(who, now).await?;
        let confirm = "UPDATE totp_keys SET confirmed_at = $1, last_step = $2 \
            WHERE user_id = $3 AND confirmed_at IS NULL AND secret = $4";
        if on.execute(confirm, values![now, step, who.user, read.key.as_slice()]).await? == 0 {
            return Ok(false);
        }
        put_codes(&mut on, who.user, codes).await?;
        add_proof(&mut on, who.session).await?;
        on.commit().await?;
        Ok(true)
    }

    /// Uses the code of a step up; `false` when it or a later one was used before.
    pub(crate) async fn use_totp_step(&self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE totp_keys SET last_step = $1 WHERE user_id = $2 AND last_step < $1";
        self.one(sql, values![step, user]).await
    }

    pub(crate) async fn use_recovery_code(&self, user: UserId, hash: &Digest) -> Result<bool, StoreError> {
        let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2";
        self.one(sql, values![user, hash.as_slice()]).await
    }

    pub(crate) async fn recovery_codes_left(&self, user: UserId) -> Result<i64, StoreError> {
        let mut on = self.engine.reader().await?;
        let sql = "SELECT COUNT(*) AS many FROM recovery_codes WHERE user_id = $1";
        on.row(sql, values![user]).await?.map_or(Ok(0), |row| row.int("many"))
    }

    /// The codes of before are no longer good.
    pub(crate) async fn replace_recovery_codes(
        &self,
        who: &Oneself,
        codes: &[Digest],
        now: Timestamp,
    ) -> Result<(), OwnError> {
        let mut on = self.begin_as(who, now).await?;
        put_codes(&mut on, who.user, codes).await?;
        Ok(on.commit().await?)
    }

    /// Takes somebody's key and recovery codes away; whether there was a key.
    pub(crate) async fn remove_totp(&self, user: UserId) -> Result<bool, StoreError> {
        take_totp(self.engine.begin().await?, user).await
    }

    /// The same for somebody who takes away their own.
    pub(crate) async fn remove_own_totp(&self, who: &Oneself, now: Timestamp) -> Result<bool, OwnError> {
        Ok(take_totp(self.begin_as(who, now).await?, who.user).await?)
    }

    pub(crate) async fn add_waiting(&self, waiting: &Waiting) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        let sql =
            "INSERT INTO waiting_logins (hash, user_id, password_set_at, tries, expires_at) VALUES ($1, $2, $3, 0, $4)";
        let Waiting { hash, user, password_set_at, expires_at } = waiting;
        on.execute(sql, values![hash.as_slice(), *user, *password_set_at, *expires_at]).await?;
        on.commit().await
    }

    /// A sign-in that still waits; each question counts, and there are only a few.
    pub(crate) async fn try_waiting(&self, hash: &Digest, now: Timestamp) -> Result<Option<Waiting>, StoreError> {
        let mut on = self.engine.begin().await?;
        let count = "UPDATE waiting_logins SET tries = tries + 1 WHERE hash = $1 AND expires_at > $2 AND tries < $3";
        if on.execute(count, values![hash.as_slice(), now, MOST_TRIES]).await? == 0 {
            return Ok(None);
        }
        let row = on.row("SELECT * FROM waiting_logins WHERE hash = $1", values![hash.as_slice()]).await?;
        let Some(row) = row else { return Ok(None) };
        let waiting = Waiting {
            hash: digest(row.bytes("hash")?)?,
            user: row.user_id("user_id")?,
            password_set_at: row.time("password_set_at")?,
            expires_at: row.time("expires_at")?,
        };
        on.commit().await?;
        Ok(Some(waiting))
    }

    /// It waits no longer; `false` when somebody was quicker.
    pub(crate) async fn end_waiting(&self, hash: &Digest) -> Result<bool, StoreError> {
        self.one("DELETE FROM waiting_logins WHERE hash = $1", values![hash.as_slice()]).await
    }

    /// Whether a statement changed its one row.
    pub(super) async fn one(&self, sql: &'static str, values: Vec<super::engine::Value>) -> Result<bool, StoreError> {
        let mut on = self.engine.begin().await?;
        let changed = on.execute(sql, values).await?;
        on.commit().await?;
        Ok(changed == 1)
    }
}

async fn take_totp(mut on: Connection, user: UserId) -> Result<bool, StoreError> {
    let gone = forget(&mut on, user).await?;
    on.commit().await?;
    Ok(gone)
}

/// Takes somebody's key and recovery codes away, within the transaction of the caller; whether there was a key.
pub(super) async fn forget(on: &mut Connection, user: UserId) -> Result<bool, StoreError> {
    let gone = on.execute("DELETE FROM totp_keys WHERE user_id = $1", values![user]).await?;
    on.execute("DELETE FROM recovery_codes WHERE user_id = $1", values![user]).await?;
    on.execute("DELETE FROM waiting_logins WHERE user_id = $1", values![user]).await?;
    Ok(gone > 0)
}

/// A code beside whatever else the session has shown: a passkey alone is no password.
async fn add_proof(on: &mut Connection, session: SessionId) -> Result<(), StoreError> {
    let row = on.row("SELECT amr FROM sessions WHERE id = $1", values![session]).await?;
    let shown = row.map(|row| row.text("amr")).transpose()?.unwrap_or_default();
    let mut words: Vec<&str> = shown.split_ascii_whitespace().collect();
    for word in ["otp", "mfa"] {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    on.execute("UPDATE sessions SET amr = $1 WHERE id = $2", values![words.join(" "), session]).await.map(|_| ())
}

async fn put_codes(on: &mut Connection, user: UserId, codes: &[Digest]) -> Result<(), StoreError> {
    on.execute("DELETE FROM recovery_codes WHERE user_id = $1", values![user]).await?;
    for code in codes {
        let sql = "INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)";
        on.execute(sql, values![user, code.as_slice()]).await?;
    }
    Ok(())
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Totp(confirmed: {})", self.confirmed)
    }
}

/// A slip of the finger or a clock that is late, and then the password again.
const MOST_TRIES: i64 = 5;
