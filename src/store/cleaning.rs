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

// The inner `picked` is for MySQL, which does not take a LIMIT directly within IN.
const STEPS: [&str; 12] = [
    "DELETE FROM refresh_tokens WHERE hash IN \
        (SELECT hash FROM (SELECT hash FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2) AS picked)",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM (SELECT id FROM sessions \
        WHERE tokens_until <= $1 AND (ended_at IS NOT NULL OR expires_at <= $1) LIMIT $2) AS picked)",
    "DELETE FROM revocations WHERE seq IN \
        (SELECT seq FROM (SELECT seq FROM revocations WHERE expires_at <= $1 LIMIT $2) AS picked)",
    "DELETE FROM invites WHERE hash IN \
        (SELECT hash FROM (SELECT hash FROM invites WHERE expires_at <= $1 LIMIT $2) AS picked)",
    "DELETE FROM service_tokens WHERE id IN \
        (SELECT id FROM (SELECT id FROM service_tokens WHERE expires_at <= $1 LIMIT $2) AS picked)",
    "DELETE FROM links WHERE hash IN \
        (SELECT hash FROM (SELECT hash FROM links WHERE expires_at <= $1 LIMIT $2) AS picked)",
    "DELETE FROM waiting_logins WHERE hash IN \
        (SELECT hash FROM (SELECT hash FROM waiting_logins WHERE expires_at <= $1 LIMIT $2) AS picked)",
    "DELETE FROM control_secrets WHERE hash IN \
        (SELECT hash FROM (SELECT hash FROM control_secrets WHERE expires_at <= $1 LIMIT $2) AS picked)",
    "DELETE FROM signing_keys WHERE kid IN \
        (SELECT kid FROM (SELECT kid FROM signing_keys WHERE believed_until <= $1 LIMIT $2) AS picked)",
    "DELETE FROM token_revocations WHERE seq IN \
        (SELECT seq FROM (SELECT seq FROM token_revocations WHERE expires_at <= $1 LIMIT $2) AS picked)",
    // The time is `familiar::OF_LATE`.
    "DELETE FROM familiar_networks WHERE (user_id, network) IN (SELECT user_id, network FROM \
        (SELECT user_id, network FROM familiar_networks WHERE seen_at <= $1 - 7776000000 LIMIT $2) AS picked)",
    "DELETE FROM observations WHERE id IN \
        (SELECT id FROM (SELECT id FROM observations WHERE expires_at <= $1 LIMIT $2) AS picked)",
];
