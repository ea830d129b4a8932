//! From where people signed in rightly of late.
use std::time::Duration;

use super::engine::{Connection, values};
use super::{Store, StoreError};
use crate::base::{Network, Timestamp, UserId};

impl Store {
    /// Whether somebody signed in rightly from there of late. `who` may be nobody's id: the question costs the same.
    pub(crate) async fn is_familiar(&self, who: &str, network: Network, now: Timestamp) -> Result<bool, StoreError> {
        let mut on = self.engine.reader().await?;
        let sql = "SELECT seen_at FROM familiar_networks WHERE user_id = $1 AND network = $2";
        let row = on.row(sql, values![who, network.to_string()]).await?;
        let seen_at = row.map(|row| row.time("seen_at")).transpose()?;
        Ok(seen_at.is_some_and(|seen_at| now.since(seen_at) < OF_LATE))
    }
}

/// Notes a right sign-in, within the transaction of the caller. Of the networks of one person the latest few are kept.
pub(super) async fn seen(
    on: &mut Connection,
    user: UserId,
    network: Network,
    now: Timestamp,
) -> Result<(), StoreError> {
    let network = network.to_string();
    let again = "UPDATE familiar_networks SET seen_at = $1 WHERE user_id = $2 AND network = $3";
    if on.execute(again, values![now, user, network.as_str()]).await? > 0 {
        return Ok(());
    }
    let first = "INSERT INTO familiar_networks (user_id, network, seen_at) VALUES ($1, $2, $3)";
    on.execute(first, values![user, network, now]).await?;
    let all = "SELECT network FROM familiar_networks WHERE user_id = $1 ORDER BY seen_at DESC, network";
    for row in on.rows(all, values![user]).await?.iter().skip(MOST) {
        let forget = "DELETE FROM familiar_networks WHERE user_id = $1 AND network = $2";
        on.execute(forget, values![user, row.text("network")?]).await?;
    }
    Ok(())
}

/// Home, work, a telephone's changing networks.
const MOST: usize = 16;
/// Tidying deletes what is older.
const OF_LATE: Duration = Duration::from_secs(90 * 24 * 3600);
