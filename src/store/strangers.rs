//! Tokens that another holder of the key made. They belong to no session of ours, so they end by their own id, or by a moment before
//! which nothing that names the person is believed.
use std::time::Duration;

use super::engine::{Connection, Row, values};
use super::revocations::OUTLIVES;
use super::{Revocation, Store, StoreError};
use crate::base::{LONGEST_MADE_ELSEWHERE, Timestamp, UserId};

/// Tokens without a session that were issued before `not_before` are dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRevocation {
    pub(crate) subject: String,
    pub(crate) not_before: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl TokenRevocation {
    /// Every token that calls its person so.
    pub(crate) fn of_person(sub: &str) -> String {
        format!("sub:{sub}")
    }

    /// What calls somebody so and was issued until now.
    pub(super) fn until(sub: &str, now: Timestamp) -> Self {
        let (not_before, expires_at) = (now.plus(Duration::from_millis(1)), now.plus(LONGEST));
        Self { subject: Self::of_person(sub), not_before, expires_at }
    }

    /// What calls somebody so, whenever it was issued.
    pub(super) fn for_ever(sub: &str) -> Self {
        let for_ever = Revocation::FOR_EVER;
        Self { subject: Self::of_person(sub), not_before: for_ever, expires_at: for_ever }
    }

    /// What the tokens call their person; `None` where it is one token.
    pub(super) fn person(&self) -> Option<&str> {
        self.subject.strip_prefix("sub:")
    }

    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let subject = row.text("subject")?;
        Ok(Self { subject, not_before: row.time("not_before")?, expires_at: row.time("expires_at")? })
    }

    /// One token.
    pub(crate) fn of_token(id: &str) -> String {
        format!("jti:{id}")
    }
}

impl Store {
    /// What was revoked after `seq`, oldest first, each with its own number; at most `limit`.
    pub(crate) async fn token_revocations_since(
        &self,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<(i64, TokenRevocation)>, StoreError> {
        let mut on = self.engine.reader().await?;
        let sql = "SELECT * FROM token_revocations WHERE seq > $1 ORDER BY seq LIMIT $2";
        let rows = on.rows(sql, values![seq, i64::from(limit)]).await?;
        rows.iter().map(|row| Ok((row.int("seq")?, TokenRevocation::from_row(row)?))).collect()
    }

    /// Whether one was ended: by its own id, or with its person. What memory knows of other nodes is a moment old; this is not.
    pub(crate) async fn is_token_ended(&self, sub: &str, id: &str, issued_at: Timestamp) -> Result<bool, StoreError> {
        let mut on = self.engine.reader().await?;
        let (person, token) = (TokenRevocation::of_person(sub), TokenRevocation::of_token(id));
        let sql = "SELECT 1 AS ended FROM token_revocations WHERE subject IN ($1, $2) AND not_before > $3 LIMIT 1";
        Ok(on.row(sql, values![person.as_str(), token.as_str(), issued_at]).await?.is_some())
    }

    /// Ends one token that has no session; it would have ended at `expires_at`.
    pub(crate) async fn revoke_token(&self, id: &str, expires_at: Timestamp) -> Result<TokenRevocation, StoreError> {
        let mut on = self.engine.begin().await?;
        let subject = TokenRevocation::of_token(id);
        let revoked = TokenRevocation { subject, not_before: Revocation::FOR_EVER, expires_at };
        put(&mut on, &revoked).await?;
        on.commit().await?;
        Ok(revoked)
    }
}

/// What a change to a person ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) sessions: Vec<Revocation>,
    /// What speaks of them and has no session.
    pub(crate) strangers: Vec<TokenRevocation>,
}

/// What was done to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Changed,
    /// The names may be given to somebody else.
    Deleted,
}

/// Ends what speaks of a person by any of their names, within the transaction of the caller: what was issued until now, and for
/// somebody who is disabled or deleted also what will be: an id is never given out again.
pub(super) async fn of_person(
    on: &mut Connection,
    user: UserId,
    done: Done,
    now: Timestamp,
) -> Result<Vec<TokenRevocation>, StoreError> {
    let sql = "SELECT username, email, disabled FROM users WHERE id = $1";
    let Some(row) = on.row(sql, values![user]).await? else { return Ok(vec![]) };
    let for_ever = (Revocation::FOR_EVER, Revocation::FOR_EVER);
    let until_now = (now.plus(Duration::from_millis(1)), now.plus(LONGEST));
    let disabled = row.int("disabled")? != 0;
    let (of_id, of_names) = match done {
        Done::Deleted => (for_ever, until_now),
        Done::Changed if disabled => (for_ever, for_ever),
        Done::Changed => (until_now, until_now),
    };
    let names = [row.maybe_text("username")?, row.maybe_text("email")?].into_iter().flatten();
    let mut ended = vec![];
    for (name, (not_before, expires_at)) in
        std::iter::once((user.to_string(), of_id)).chain(names.map(|name| (name, of_names)))
    {
        let revoked = TokenRevocation { subject: TokenRevocation::of_person(&name), not_before, expires_at };
        put(on, &revoked).await?;
        ended.push(revoked);
    }
    Ok(ended)
}

pub(super) async fn put(on: &mut Connection, revoked: &TokenRevocation) -> Result<(), StoreError> {
    on.execute("DELETE FROM token_revocations WHERE subject = $1", values![revoked.subject.as_str()]).await?;
    let sql = "INSERT INTO token_revocations (subject, not_before, expires_at) VALUES ($1, $2, $3)";
    on.execute(sql, values![revoked.subject.as_str(), revoked.not_before, revoked.expires_at]).await.map(|_| ())
}

/// No token is believed that lives longer, and then some for the leeway.
const LONGEST: Duration = LONGEST_MADE_ELSEWHERE.saturating_add(OUTLIVES);
