//! What was handed out by a store whose rows are replaced by those of another one. Gateways that run go on believing it until they read
//! otherwise: so it is revoked in the same transaction, and what was revoked stays so.
use std::collections::{HashMap, HashSet};

use sqlx::AssertSqlSafe;

use super::engine::{Connection, Row, Value, values};
use super::revocations::OUTLIVES;
use super::strangers::{self, Done};
use super::{CopyError, Revocation, StoreError, TokenRevocation};
use crate::base::{SessionId, Timestamp, UserId};

/// What is not to be believed when the rows of the other store are here.
#[derive(Debug, Default)]
pub(super) struct Outdated {
    /// What is revoked now: gateways that run remember it, and those that start later must not believe more.
    revoked: Vec<Revocation>,
    revoked_strangers: Vec<TokenRevocation>,
    /// Sessions that have tokens out.
    sessions: Vec<Out>,
    /// By what a token without a session calls people who are gone or are others now.
    names: Vec<String>,
    gone: Vec<String>,
    changed: Vec<UserId>,
}

/// A session and its tokens.
#[derive(Debug)]
struct Out {
    session: SessionId,
    /// When the newest one was issued.
    newest: Timestamp,
    expires_at: Timestamp,
    /// It is in the other store too.
    goes_on: bool,
}

impl Outdated {
    /// What is out `here`, held against what the other store will bring. Nobody writes to either meanwhile.
    pub(super) async fn find(here: &mut Connection, there: &mut Connection, now: Timestamp) -> Result<Self, CopyError> {
        let mut found = Self::default();
        let sql = "SELECT session_id, not_before, expires_at FROM revocations WHERE expires_at > $1";
        for row in here.rows(sql, values![now]).await.map_err(CopyError::Write)? {
            found.revoked.push(Revocation::from_row(&row, "session_id").map_err(CopyError::Write)?);
        }
        let sql = "SELECT subject, not_before, expires_at FROM token_revocations WHERE expires_at > $1";
        for row in here.rows(sql, values![now]).await.map_err(CopyError::Write)? {
            found.revoked_strangers.push(TokenRevocation::from_row(&row).map_err(CopyError::Write)?);
        }
        found.look_at_sessions(here, there, now).await?;
        found.look_at_people(here, there).await?;
        Ok(found)
    }

    async fn look_at_sessions(
        &mut self,
        here: &mut Connection,
        there: &mut Connection,
        now: Timestamp,
    ) -> Result<(), CopyError> {
        let mut last = String::new();
        loop {
            let sql = "SELECT id, last_seen_at, tokens_until FROM sessions WHERE id > $1 AND ended_at IS NULL \
                ORDER BY id LIMIT 500";
            let rows = here.rows(sql, values![last.as_str()]).await.map_err(CopyError::Write)?;
            let ids = ids(&rows).map_err(CopyError::Write)?;
            let Some(newest) = ids.last() else { return Ok(()) };
            last.clone_from(newest);
            let sql = "SELECT id FROM sessions WHERE ended_at IS NULL AND id IN";
            let go_on: HashSet<_> = these(there, sql, &ids)
                .await
                .and_then(|rows| rows.iter().map(|row| row.text("id")).collect())
                .map_err(CopyError::Read)?;
            for (row, id) in rows.iter().zip(&ids) {
                let expires_at = row.time("tokens_until").map_err(CopyError::Write)?.plus(OUTLIVES);
                let session = row.session_id("id").map_err(CopyError::Write)?;
                let newest = row.time("last_seen_at").map_err(CopyError::Write)?;
                if expires_at > now {
                    self.sessions.push(Out { session, newest, expires_at, goes_on: go_on.contains(id) });
                }
            }
        }
    }

    async fn look_at_people(&mut self, here: &mut Connection, there: &mut Connection) -> Result<(), CopyError> {
        let mut last = String::new();
        loop {
            let sql = "SELECT * FROM users WHERE id > $1 ORDER BY id LIMIT 500";
            let rows = here.rows(sql, values![last.as_str()]).await.map_err(CopyError::Write)?;
            let ids = ids(&rows).map_err(CopyError::Write)?;
            let Some(newest) = ids.last() else { return Ok(()) };
            last.clone_from(newest);
            let known: HashMap<_, _> = these(there, "SELECT * FROM users WHERE id IN", &ids)
                .await
                .and_then(|rows| rows.iter().map(|row| Ok((row.text("id")?, what_tokens_say(row)?))).collect())
                .map_err(CopyError::Read)?;
            for (row, id) in rows.iter().zip(ids) {
                let said = what_tokens_say(row).map_err(CopyError::Write)?;
                let then = known.get(&id);
                if then == Some(&said) {
                    continue;
                }
                if then.is_some() {
                    self.changed.push(row.user_id("id").map_err(CopyError::Write)?);
                } else {
                    self.gone.push(id);
                }
                let [username, email, ..] = said;
                self.names.extend([username, email].into_iter().flatten());
            }
        }
    }

    /// Writes it down. `now` is a time at which the rows of the other store were here.
    pub(super) async fn put(&self, on: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
        let a_step = std::time::Duration::from_millis(1);
        let out = self.sessions.iter().map(|&Out { session, newest, expires_at, goes_on }| {
            let not_before = if goes_on { now.max(newest).plus(a_step) } else { Revocation::FOR_EVER };
            Revocation { session, not_before, expires_at }
        });
        for Revocation { session, not_before, expires_at } in self.revoked.iter().copied().chain(out) {
            let sql = "INSERT INTO revocations (session_id, not_before, expires_at) VALUES ($1, $2, $3)";
            on.execute(sql, values![session, not_before, expires_at]).await?;
            let sql = "UPDATE sessions SET tokens_from = $1 WHERE id = $2 AND tokens_from < $1";
            on.execute(sql, values![not_before, session]).await?;
        }
        // Who signed out stays so: gateways that run would refuse every token of such a session.
        for over in self.revoked.iter().filter(|revoked| revoked.not_before == Revocation::FOR_EVER) {
            let sql = "UPDATE sessions SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL";
            on.execute(sql, values![now, over.session]).await?;
        }
        for revoked in &self.revoked_strangers {
            let is_back = revoked.not_before == Revocation::FOR_EVER && is_somebody(on, revoked).await?;
            let now = is_back.then(|| revoked.person().map(|name| TokenRevocation::until(name, now))).flatten();
            strangers::put(on, now.as_ref().unwrap_or(revoked)).await?;
        }
        for id in &self.gone {
            strangers::put(on, &TokenRevocation::for_ever(id)).await?;
        }
        for name in &self.names {
            strangers::put(on, &TokenRevocation::until(name, now)).await?;
        }
        for user in &self.changed {
            strangers::of_person(on, *user, Done::Changed, now).await?;
        }
        Ok(())
    }
}

/// Whether the person that was ended for ever is there again and may sign in.
async fn is_somebody(on: &mut Connection, revoked: &TokenRevocation) -> Result<bool, StoreError> {
    let Some(name) = revoked.person() else { return Ok(false) };
    let sql = "SELECT disabled FROM users WHERE id = $1 OR username = $2 OR email = $3";
    let found = on.rows(sql, values![name, name, name]).await?;
    Ok(found.iter().any(|row| row.int("disabled").is_ok_and(|disabled| disabled == 0)))
}

fn ids(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| row.text("id")).collect()
}

/// The rows of these ids; `sql` ends with IN.
async fn these(on: &mut Connection, sql: &str, ids: &[String]) -> Result<Vec<Row>, StoreError> {
    let marks: Vec<_> = (1..=ids.len()).map(|number| format!("${number}")).collect();
    let values = ids.iter().map(|id| Value::from(id.as_str())).collect();
    on.rows(AssertSqlSafe(format!("{sql} ({})", marks.join(", "))), values).await
}

/// What a token would say of a person, and whether there would be one; first what it may call them.
fn what_tokens_say(row: &Row) -> Result<[Option<String>; 7], StoreError> {
    let text = |name| row.maybe_text(name);
    let disabled = row.int("disabled")?.to_string();
    Ok([
        text("username")?,
        text("email")?,
        text("name")?,
        text("roles")?,
        text("scopes")?,
        text("attributes")?,
        Some(disabled),
    ])
}
