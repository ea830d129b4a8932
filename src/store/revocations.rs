//! Revocations: which access tokens are dead before their time.
//!
//! A row is written in the same transaction as the change it belongs to, so that one cannot be lost without the other.
use std::time::Duration;

use super::engine::{Connection, Row, values};
use super::{Store, StoreError};
use crate::base::{SessionId, Timestamp, UserId};

/// Access tokens of `session` that were issued before `not_before` are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revocation {
    pub(crate) session: SessionId,
    pub(crate) not_before: Timestamp,
    /// From here on no such token would be believed anyway, and the row may be forgotten.
    pub(crate) expires_at: Timestamp,
}

impl Store {
    /// What was revoked after `seq`, oldest first, each with its own number; at most `limit`.
    pub(crate) async fn revocations_since(&self, seq: i64, limit: u32) -> Result<Vec<(i64, Revocation)>, StoreError> {
        let mut on = self.engine.reader().await?;
        let rows = on
            .rows("SELECT * FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2", values![seq, i64::from(limit)])
            .await?;
        rows.iter().map(|row| Ok((row.int("seq")?, Revocation::from_row(row, "session_id")?))).collect()
    }
}

impl Store {
    /// Tells whenever some node has revoked something, as far as the engine says so by itself; ends only when the store
    /// is closed. Whoever needs to know asks now and then as well.
    pub(crate) async fn hear_revocations(&self, tell: impl Fn()) {
        self.engine.hear_revocations(tell).await;
    }
}

impl Revocation {
    /// Later than every token: the session is over.
    pub(crate) const FOR_EVER: Timestamp = Timestamp::from_millis(i64::MAX as u64);

    pub(super) fn from_row(row: &Row, id: &str) -> Result<Self, StoreError> {
        Ok(Self {
            session: row.session_id(id)?,
            not_before: row.time("not_before")?,
            expires_at: row.time("expires_at")?,
        })
    }
}

/// How far a revocation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The tokens that are out; the session goes on.
    Tokens,
    /// The session too.
    Sessions,
}

/// Revokes what one person holds, within the transaction of the caller. `now` is a time at which the caller already had
/// the lock.
pub(super) async fn of_user(
    on: &mut Connection,
    user: UserId,
    except: Option<SessionId>,
    reach: Reach,
    now: Timestamp,
) -> Result<Vec<Revocation>, StoreError> {
    let not_before = match reach {
        // One more: a token made in this very millisecond may have been made from what was true before.
        Reach::Tokens => now.plus(Duration::from_millis(1)),
        Reach::Sessions => Revocation::FOR_EVER,
    };
    let except = except.map(|id| id.to_string()).unwrap_or_default();
    on.execute(END_TOKENS_OF_USER, values![user, except.as_str(), not_before]).await?;
    let which = || values![user, except.as_str(), millis(OUTLIVES), now];
    let rows = on.rows(LIVE_OF_USER, which()).await?;
    let revoked = rows.iter().map(|row| Revocation::from_row(row, "id")).collect::<Result<Vec<_>, _>>()?;
    if !revoked.is_empty() {
        on.execute(REVOKE_OF_USER, which()).await?;
    }
    if reach == Reach::Sessions {
        let end = "UPDATE sessions SET ended_at = $1 WHERE user_id = $2 AND id <> $3 AND ended_at IS NULL";
        on.execute(end, values![now, user, except]).await?;
    }
    Ok(revoked)
}

/// Revokes all tokens of one session for ever.
pub(super) async fn of_session(
    on: &mut Connection,
    session: SessionId,
    tokens_until: Timestamp,
) -> Result<Revocation, StoreError> {
    let revocation = Revocation { session, not_before: Revocation::FOR_EVER, expires_at: tokens_until.plus(OUTLIVES) };
    let sql = "INSERT INTO revocations (session_id, not_before, expires_at) VALUES ($1, $2, $3)";
    on.execute(sql, values![session, revocation.not_before, revocation.expires_at]).await?;
    Ok(revocation)
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

/// A revocation stays a little longer than the last token it is about, in case the leeway for clocks is widened by a
/// reload in the meantime.
pub(super) const OUTLIVES: Duration = Duration::from_secs(10 * 60);

/// The newest token of a session may be from a clock that is ahead: what ends it is later than that.
const END_TOKENS_OF_USER: &str = "UPDATE sessions \
    SET tokens_from = CASE WHEN last_seen_at >= $3 THEN last_seen_at + 1 ELSE $3 END \
    WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL AND (tokens_from < $3 OR tokens_from <= last_seen_at)";
const LIVE_OF_USER: &str = "SELECT id, tokens_from AS not_before, tokens_until + $3 AS expires_at FROM sessions \
    WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL AND tokens_until + $3 > $4";
const REVOKE_OF_USER: &str = "INSERT INTO revocations (session_id, not_before, expires_at) \
    SELECT id, tokens_from, tokens_until + $3 FROM sessions \
    WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL AND tokens_until + $3 > $4";
