//! Links that were mailed to somebody: each is good once and for a while.
use super::engine::{Connection, values};
use super::people::{self, Changed, UserChange};
use super::revocations::{self, Reach};
use super::strangers::{self, Done, Ended};
use super::{Digest, Store, StoreError, User, oneself, passkeys, second_factors};
use crate::base::{Clock, Email, Secret, Timestamp, UserId};

/// A link as it is kept: known by its hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) hash: Digest,
    pub(crate) user: UserId,
    pub(crate) purpose: Purpose,
    /// Where it was sent.
    pub(crate) email: Email,
    pub(crate) expires_at: Timestamp,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A new password; good as long as the address is still the person's.
    Password,
    /// The address becomes the person's, and is known to be.
    Email,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Email => "email",
        }
    }
}

/// What a new password by a link ended.
#[derive(Debug)]
pub(crate) struct Reset {
    pub(crate) ended: Ended,
    /// Whether a second factor and its recovery codes, or passkeys, of whoever had the account before were taken away.
    pub(crate) totp: bool,
    pub(crate) passkeys: bool,
}

impl Store {
    pub(crate) async fn add_link(&self, link: &Link) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        add(&mut on, link).await?;
        on.commit().await
    }

    /// Who may choose a new password by this link.
    pub(crate) async fn person_of_link(&self, hash: &Digest, now: Timestamp) -> Result<Option<User>, StoreError> {
        let mut on = self.engine.reader().await?;
        Ok(found(&mut on, hash, Purpose::Password, now).await?.map(|(user, _)| user))
    }

    /// Sets a new password by a link, which is used up with all others of its kind, and ends the sessions that the old
    /// one began. Whoever could follow it reads the mail of that address. Where that is shown for the first time, whoever had the
    /// account before may have been somebody else, and what they prove themselves with goes too. `None` when the link is no
    /// longer good.
    pub(crate) async fn reset_password(
        &self,
        hash: &Digest,
        password: &Secret,
        clock: &Clock,
    ) -> Result<Option<Reset>, StoreError> {
        let mut on = self.engine.begin().await?;
        let now = clock.now();
        let Some((user, _)) = found(&mut on, hash, Purpose::Password, now).await? else { return Ok(None) };
        let sql = "UPDATE users SET password_hash = $1, password_set_at = $2, updated_at = $2, email_verified = 1 WHERE id = $3";
        on.execute(sql, values![password.expose(), now, user.id]).await?;
        forget(&mut on, user.id, Purpose::Password).await?;
        oneself::forget_what_was_begun(&mut on, user.id).await?;
        let (mut totp, mut passkeys) = (false, false);
        if !user.email_verified {
            totp = second_factors::forget(&mut on, user.id).await?;
            passkeys = passkeys::forget(&mut on, user.id).await?;
        }
        let sessions = revocations::of_user(&mut on, user.id, None, Reach::Sessions, now).await?;
        let strangers = strangers::of_person(&mut on, user.id, Done::Changed, now).await?;
        on.commit().await?;
        Ok(Some(Reset { ended: Ended { sessions, strangers }, totp, passkeys }))
    }

    /// Makes the address of a link its person's, known to be theirs. `None` when the link is no longer good.
    pub(crate) async fn follow_email_link(&self, hash: &Digest, clock: &Clock) -> Result<Option<Changed>, StoreError> {
        let mut on = self.engine.begin().await?;
        let Some((user, email)) = found(&mut on, hash, Purpose::Email, clock.now()).await? else { return Ok(None) };
        let new = Some(email).filter(|email| user.email.as_ref() != Some(email));
        let change = UserChange { email: new, email_verified: Some(true), ..UserChange::default() };
        let changed = people::change(&mut on, user.id, &change, clock).await?;
        if matches!(changed, Changed::Done { .. }) {
            forget(&mut on, user.id, Purpose::Email).await?;
            on.commit().await?;
        }
        Ok(Some(changed))
    }
}

/// Within the transaction of the caller.
pub(super) async fn add(on: &mut Connection, link: &Link) -> Result<(), StoreError> {
    let sql = "INSERT INTO links (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, $5)";
    let (purpose, email) = (link.purpose.word(), link.email.as_str());
    on.execute(sql, values![link.hash.as_slice(), link.user, purpose, email, link.expires_at]).await.map(|_| ())
}

/// The person and the address of a link that is good.
async fn found(
    on: &mut Connection,
    hash: &Digest,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<(User, Email)>, StoreError> {
    let sql = "SELECT user_id, email FROM links WHERE hash = $1 AND purpose = $2 AND expires_at > $3";
    let Some(row) = on.row(sql, values![hash.as_slice(), purpose.word(), now]).await? else { return Ok(None) };
    let email = Email::parse(&row.text("email")?).map_err(|_| StoreError::Unreadable("e-mail address"))?;
    let user = people::by_id(on, row.user_id("user_id")?).await?.filter(|user| !user.disabled);
    let user = user.filter(|user| purpose == Purpose::Email || user.email.as_ref() == Some(&email));
    Ok(user.map(|user| (user, email)))
}

/// Uses up those that would make another address a person's, within the transaction of the caller: whoever asked for
/// them may be who is shut out now.
pub(super) async fn forget_addresses(on: &mut Connection, user: UserId) -> Result<(), StoreError> {
    let sql = "DELETE FROM links WHERE user_id = $1 AND purpose = $2 \
        AND email <> COALESCE((SELECT email FROM users WHERE id = $1), '')";
    on.execute(sql, values![user, Purpose::Email.word()]).await.map(|_| ())
}

/// Uses up the links of a person, within the transaction of the caller.
pub(super) async fn forget(on: &mut Connection, user: UserId, purpose: Purpose) -> Result<(), StoreError> {
    let sql = "DELETE FROM links WHERE user_id = $1 AND purpose = $2";
    on.execute(sql, values![user, purpose.word()]).await.map(|_| ())
}
