//! Somebody who changes what is their own. What they showed was looked at before: reading a body, hashing a password and the
//! wait for other writers take their time, so it is looked at again within the transaction that changes something.
use super::engine::{Connection, values};
use super::{Store, StoreError, User, links, sessions};
use crate::base::{SessionId, Timestamp, UserId};

/// Who asks, and what they showed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oneself {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    /// When the password was set that they showed, if they showed one.
    password_set_at: Option<Timestamp>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnError {
    #[error("the session has ended")]
    SessionEnded,
    #[error("the password that was shown is no longer the current one")]
    PasswordChanged,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Oneself {
    /// Their session suffices, or how lately it began.
    pub(crate) const fn by_session(user: &User, session: SessionId) -> Self {
        Self { user: user.id, session, password_set_at: None }
    }

    /// They showed the password that `user` was read with.
    pub(crate) const fn by_password(user: &User, session: SessionId) -> Self {
        Self { user: user.id, session, password_set_at: Some(user.password_set_at) }
    }
}

impl Store {
    /// Begins a transaction for somebody whose session goes on, and whose password is the one that they showed.
    pub(super) async fn begin_as(&self, who: &Oneself, now: Timestamp) -> Result<Connection, OwnError> {
        let mut on = self.engine.begin().await?;
        let live = sessions::living(&mut on, who.session, now).await?.filter(|live| live.user.id == who.user);
        let Some(live) = live else { return Err(OwnError::SessionEnded) };
        if who.password_set_at.is_some_and(|set_at| set_at != live.user.password_set_at) {
            return Err(OwnError::PasswordChanged);
        }
        Ok(on)
    }
}

/// What somebody began with what they had shown and did not end: the address that waits for its link, the key whose first
/// code was not shown, the passkey whose device is still asked. Within the transaction of whatever shuts others out: it may
/// have been one of them.
pub(super) async fn forget_what_was_begun(on: &mut Connection, user: UserId) -> Result<(), StoreError> {
    links::forget_addresses(on, user).await?;
    on.execute("DELETE FROM totp_keys WHERE user_id = $1 AND confirmed_at IS NULL", values![user]).await?;
    on.execute("DELETE FROM passkey_challenges WHERE user_id = $1", values![user]).await.map(|_| ())
}
