//! Forgetting what can no longer matter, a little at a time: a long deletion would keep every sign-in waiting.
use super::engine::values;
use super::{Store, StoreError};
use crate::base::Timestamp;

impl Store {
    /// Deletes refresh tokens, sessions, revocations, invitations, links and secrets whose time is over. Says how many rows went; when it
    /// is a full step, there may be more.
    ///
    /// A session stays as long as one of its access tokens may be believed, so that there is something to revoke.
    pub(crate) async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut gone = self.forget_challenges(now).await?;
        for sql in STEPS {
            gone += self.forget(sql, MOST_STEPS, now).await?;
        }
        Ok(gone)
    }

    /// Deletes the challenges of passkeys whose time is over: strangers make them, and one that goes too early, by a clock
    /// that is ahead, is asked for again.
    pub(crate) async fn forget_challenges(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.forget(CHALLENGES, MOST_STEPS_OF_CHALLENGES, now).await
    }

    async fn forget(&self, sql: &'static str, most: u32, now: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0;
        for _ in 0..most {
            let mut on = self.engine.begin().await?;
            let rows = on.execute(sql, values![now, ROWS_AT_ONCE]).await?;
            on.commit().await?;
            gone += rows;
            if rows < ROWS_AT_ONCE.unsigned_abs() {
                break;
            }
        }
        Ok(gone)
    }
}

const ROWS_AT_ONCE: i64 = 500;
const MOST_STEPS: u32 = 20;
/// More than may be made in a minute, on average over the five that one is good for.
const MOST_STEPS_OF_CHALLENGES: u32 = 100;

/// Deletes at most `$2` rows of a table, by its key, of which something is true at `$1`.
///
/// The inner `picked` is for MySQL, which does not take a LIMIT directly within IN.
macro_rules! forget {
    ($table:literal, $key:literal) => {
        forget!($table, $key, "expires_at <= $1")
    };
    ($table:literal, $key:literal, $over:literal) => {
        forget!($table, $key, $key, $over)
    };
    ($table:literal, $key:literal, $columns:literal, $over:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $key,
            " IN (SELECT ",
            $columns,
            " FROM (SELECT ",
            $columns,
            " FROM ",
            $table,
            " WHERE ",
            $over,
            " LIMIT $2) AS picked)"
        )
    };
}

const CHALLENGES: &str = forget!("passkey_challenges", "hash");
const STEPS: [&str; 12] = [
    forget!("refresh_tokens", "hash"),
    forget!("sessions", "id", "tokens_until <= $1 AND (ended_at IS NOT NULL OR expires_at <= $1)"),
    forget!("revocations", "seq"),
    forget!("invites", "hash"),
    forget!("service_tokens", "id"),
    forget!("links", "hash"),
    forget!("waiting_logins", "hash"),
    forget!("control_secrets", "hash"),
    forget!("signing_keys", "kid", "believed_until <= $1"),
    forget!("token_revocations", "seq"),
    // The time is `familiar::OF_LATE`.
    forget!("familiar_networks", "(user_id, network)", "user_id, network", "seen_at <= $1 - 7776000000"),
    forget!("observations", "id"),
];
