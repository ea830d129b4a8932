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
        let mut gone = 0;
        for sql in STEPS {
            for _ in 0..MOST_STEPS {
                let mut on = self.engine.begin().await?;
                let rows = on.execute(sql, values![now, ROWS_AT_ONCE]).await?;
                on.commit().await?;
                gone += rows;
                if rows < ROWS_AT_ONCE.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(gone)
    }
}

const ROWS_AT_ONCE: i64 = 500;
const MOST_STEPS: u32 = 20;

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

const STEPS: [&str; 13] = [
    forget!("refresh_tokens", "hash"),
    forget!("sessions", "id", "tokens_until <= $1 AND (ended_at IS NOT NULL OR expires_at <= $1)"),
    forget!("revocations", "seq"),
    forget!("invites", "hash"),
    forget!("service_tokens", "id"),
    forget!("links", "hash"),
    forget!("waiting_logins", "hash"),
    forget!("passkey_challenges", "hash"),
    forget!("control_secrets", "hash"),
    forget!("signing_keys", "kid", "believed_until <= $1"),
    forget!("token_revocations", "seq"),
    // The time is `familiar::OF_LATE`.
    forget!("familiar_networks", "(user_id, network)", "user_id, network", "seen_at <= $1 - 7776000000"),
    forget!("observations", "id"),
];
