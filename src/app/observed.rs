//! What routes that only observe have counted goes to the store, where `authgate report` finds it.
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Running;
use super::assemble::Lasting;
use crate::observe::Chain;
use crate::pipeline::Tally;
use crate::server::Stop;
use crate::store::{Observation, StoreError};

/// Keeps them once a second, when there are any.
pub(super) async fn follow(running: Arc<Running>, stop: Stop) {
    let mut often = interval(KEEP_EVERY);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (stopping, mut failing) = (stop.child_token(), false);
    while stopping.run_until_cancelled(often.tick()).await.is_some() {
        let kept = keep(&running.lasting).await;
        if let Err(error) = &kept
            && !failing
        {
            tracing::warn!(error = %Chain(error), "cannot keep what routes that only observe count; counting on");
        }
        failing = kept.is_err();
    }
}

pub(super) async fn keep(lasting: &Lasting) -> Result<(), StoreError> {
    let taken = lasting.observed.take();
    if taken.is_empty() {
        return Ok(());
    }
    let kept = lasting.store.add_observations(&taken.iter().map(observation).collect::<Vec<_>>()).await;
    if kept.is_err() {
        lasting.observed.put_back(taken);
    }
    kept
}

fn observation(tally: &Tally) -> Observation {
    Observation {
        route: tally.route.to_string(),
        refusal: tally.refusal.map(str::to_owned),
        backend_refused: tally.backend_refused,
        many: i64::try_from(tally.many).unwrap_or(i64::MAX),
        method: tally.method.clone(),
        path: tally.path.clone(),
        status: tally.status.as_u16(),
        first_at: tally.first_at,
        last_at: tally.last_at,
    }
}

const KEEP_EVERY: Duration = Duration::from_secs(1);
