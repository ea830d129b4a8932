//! What was handed out by a store whose rows are replaced by those of another one. Gateways that run go on believing it until they read
//! otherwise: so it is revoked in the same transaction, and what was revoked stays so.
use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::AssertSqlSafe;

use super::copy::ROWS_AT_ONCE;
use super::engine::{Connection, Row, Value, places, values};
use super::revocations::OUTLIVES;
use super::strangers::{self, Done};
use super::{CopyError, Revocation, StoreError, TokenRevocation};
use crate::base::{SessionId, Timestamp};

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
    changed: Vec<String>,
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
                    self.changed.push(id);
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
        let all: Vec<_> = self.revoked.iter().copied().chain(out).collect();
        for some in all.chunks(ROWS_AT_ONCE) {
            let places = places(some.len(), 3);
            let sql = format!("INSERT INTO revocations (session_id, not_before, expires_at) VALUES {places}");
            let row = |revoked: &Revocation| values![revoked.session, revoked.not_before, revoked.expires_at];
            on.execute(AssertSqlSafe(sql), some.iter().flat_map(row).collect()).await?;
        }
        tokens_count_from(on, &all).await?;
        // Who signed out stays so: gateways that run would refuse every token of such a session.
        let over = self.revoked.iter().filter(|revoked| revoked.not_before == Revocation::FOR_EVER);
        let over: Vec<_> = over.map(|revoked| Value::from(revoked.session)).collect();
        for some in over.chunks(ROWS_AT_ONCE) {
            let marks = places(1, some.len());
            let now = now.as_i64();
            let sql = format!("UPDATE sessions SET ended_at = {now} WHERE id IN {marks} AND ended_at IS NULL");
            on.execute(AssertSqlSafe(sql), some.to_vec()).await?;
        }
        let strangers = self.strangers(on, now).await?;
        strangers::put(on, strangers).await
    }

    /// What tokens without a session may not say any more; what is said later of somebody counts.
    async fn strangers(&self, on: &mut Connection, now: Timestamp) -> Result<Vec<TokenRevocation>, StoreError> {
        let mut all = Vec::new();
        for some in self.revoked_strangers.chunks(ROWS_AT_ONCE) {
            let back = who_is_somebody(on, some).await?;
            all.extend(some.iter().map(|revoked| match revoked.person() {
                Some(name) if back.contains(name) => TokenRevocation::until(name, now),
                _ => revoked.clone(),
            }));
        }
        all.extend(self.gone.iter().map(|id| TokenRevocation::for_ever(id)));
        all.extend(self.names.iter().map(|name| TokenRevocation::until(name, now)));
        for some in self.changed.chunks(ROWS_AT_ONCE) {
            for row in these(on, "SELECT id, username, email, disabled FROM users WHERE id IN", some).await? {
                all.extend(strangers::what_ends(&row, Done::Changed, now)?);
            }
        }
        Ok(all)
    }
}

/// What was issued before is no token of these sessions, for whoever asks the store.
async fn tokens_count_from(on: &mut Connection, revoked: &[Revocation]) -> Result<(), StoreError> {
    let mut latest = BTreeMap::new();
    for revoked in revoked {
        let from = latest.entry(revoked.session.to_string()).or_insert(revoked.not_before);
        *from = revoked.not_before.max(*from);
    }
    let latest: Vec<_> = latest.into_iter().collect();
    for some in latest.chunks(ROWS_AT_ONCE) {
        let (mut cases, mut ids, mut values) = (String::new(), Vec::new(), Vec::new());
        for (session, from) in some {
            let (id, time) = (values.len() + 1, values.len() + 2);
            cases.push_str(&format!(" WHEN id = ${id} AND tokens_from < ${time} THEN ${time}"));
            ids.push(format!("${id}"));
            values.extend(values![session.as_str(), *from]);
        }
        let ids = ids.join(", ");
        let sql = format!("UPDATE sessions SET tokens_from = CASE{cases} ELSE tokens_from END WHERE id IN ({ids})");
        on.execute(AssertSqlSafe(sql), values).await?;
    }
    Ok(())
}

/// By which of the names that were ended for ever somebody is there again and may sign in.
async fn who_is_somebody(on: &mut Connection, ended: &[TokenRevocation]) -> Result<HashSet<String>, StoreError> {
    let ended = ended.iter().filter(|revoked| revoked.not_before == Revocation::FOR_EVER);
    let names: Vec<_> = ended.filter_map(|revoked| revoked.person().map(str::to_owned)).collect();
    let mut found = HashSet::new();
    for column in ["id", "username", "email"] {
        if names.is_empty() {
            break;
        }
        let sql = format!("SELECT {column} AS called FROM users WHERE disabled = 0 AND {column} IN");
        for row in these(on, &sql, &names).await? {
            found.insert(row.text("called")?);
        }
    }
    Ok(found)
}

fn ids(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| row.text("id")).collect()
}

/// The rows of these ids; `sql` ends with IN.
async fn these(on: &mut Connection, sql: &str, ids: &[String]) -> Result<Vec<Row>, StoreError> {
    let values = ids.iter().map(|id| Value::from(id.as_str())).collect();
    on.rows(AssertSqlSafe(format!("{sql} {}", places(1, ids.len()))), values).await
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
