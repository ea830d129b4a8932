//! What routes that only observe counted: as many rows as there are kinds of outcome, however many requests came.
use std::time::Duration;

use super::engine::{Row, values};
use super::{Store, StoreError};
use crate::base::{Secret, Timestamp};

/// Requests to one route for which rule and backend said the same, and the newest of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    /// Hosts and prefix.
    pub(crate) route: String,
    /// Why the rule says no, if it does.
    pub(crate) refusal: Option<String>,
    pub(crate) backend_refused: bool,
    pub(crate) many: i64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

impl Store {
    /// Adds to what was counted before; the newest request takes the place of the one before it.
    pub(crate) async fn add_observations(&self, observations: &[Observation]) -> Result<(), StoreError> {
        let mut on = self.engine.begin().await?;
        for one in observations {
            let status = i64::from(one.status);
            let kept_until = one.last_at.plus(KEPT_FOR);
            let sql = "UPDATE observations SET many = many + $1, method = $2, path = $3, status = $4, last_at = $5, \
                expires_at = $6 WHERE id = $7";
            let newest = values![
                one.many,
                one.method.as_str(),
                one.path.as_str(),
                status,
                one.last_at,
                kept_until,
                one.id().as_slice()
            ];
            if on.execute(sql, newest).await? > 0 {
                continue;
            }
            let sql = "INSERT INTO observations (id, route, refusal, backend_refused, many, method, path, status, \
                first_at, last_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
            let first = values![
                one.id().as_slice(),
                one.route.as_str(),
                one.refusal.as_deref(),
                i64::from(one.backend_refused),
                one.many,
                one.method.as_str(),
                one.path.as_str(),
                status,
                one.first_at,
                one.last_at,
                kept_until,
            ];
            on.execute(sql, first).await?;
        }
        on.commit().await
    }

    /// All of them, by route, the most frequent first.
    pub(crate) async fn observations(&self) -> Result<Vec<Observation>, StoreError> {
        let mut on = self.engine.reader().await?;
        let rows = on.rows("SELECT * FROM observations ORDER BY route, many DESC, id", vec![]).await?;
        rows.iter().map(Observation::from_row).collect()
    }

    /// Forgets them all; says how many rows there were.
    pub(crate) async fn forget_observations(&self) -> Result<u64, StoreError> {
        let mut on = self.engine.begin().await?;
        let gone = on.execute("DELETE FROM observations", vec![]).await?;
        on.commit().await?;
        Ok(gone)
    }
}

impl Observation {
    /// The same for all of one kind. A route may be longer than what an engine takes for a key.
    fn id(&self) -> [u8; 32] {
        let refusal = self.refusal.as_deref().unwrap_or_default();
        Secret::new(format!("{}\n{refusal}\n{}", self.route, self.backend_refused)).digest()
    }

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            route: row.text("route")?,
            refusal: row.maybe_text("refusal")?,
            backend_refused: row.int("backend_refused")? != 0,
            many: row.int("many")?,
            method: row.text("method")?,
            path: row.text("path")?,
            status: u16::try_from(row.int("status")?).map_err(|_| StoreError::Unreadable("status"))?,
            first_at: row.time("first_at")?,
            last_at: row.time("last_at")?,
        })
    }
}

/// After its newest request.
const KEPT_FOR: Duration = Duration::from_secs(90 * 86_400);
