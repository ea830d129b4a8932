//! The local copy of the tokens of machines: a request that shows one asks no store.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::base::TokenId;
use crate::store::{Digest, ServiceToken, ServiceTokenMark, Store, StoreError};

/// The tokens that were not revoked, by their hash. As many as the operator made: `token create` bounds them.
#[derive(Debug, Default)]
pub(crate) struct ServiceTokens {
    live: ArcSwap<Live>,
    /// What was read last. Held while reading, so that an older answer never replaces a newer one.
    read: Mutex<Option<ServiceTokenMark>>,
}

#[derive(Debug, Default)]
struct Live {
    by_hash: HashMap<Digest, Arc<ServiceToken>>,
    ids: HashSet<TokenId>,
}

impl ServiceTokens {
    /// The token of this hash. Whether it is still good at this hour is for the caller to ask.
    pub(crate) fn find(&self, hash: &Digest) -> Option<Arc<ServiceToken>> {
        self.live.load().by_hash.get(hash).cloned()
    }

    /// Whether the token of this id was not revoked.
    pub(crate) fn is_live(&self, id: TokenId) -> bool {
        self.live.load().ids.contains(&id)
    }

    /// Reads them anew if something changed.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let mut read = self.read.lock().await;
        // Asked first: what comes after it is read again the next time.
        let mark = store.service_token_mark().await?;
        if read.as_ref() == Some(&mark) {
            return Ok(());
        }
        let live = store.service_tokens().await?.into_iter().filter(|token| token.revoked_at.is_none());
        let by_hash: HashMap<_, _> = live.map(|token| (token.hash, Arc::new(token))).collect();
        let ids = by_hash.values().map(|token| token.id).collect();
        self.live.store(Arc::new(Live { by_hash, ids }));
        *read = Some(mark);
        Ok(())
    }

    /// Follows the store until `stop`, so that a token that was made or revoked elsewhere is so here within a second.
    pub(crate) async fn follow(self: Arc<Self>, store: Store, stop: CancellationToken) {
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let read = self.load(&store).await;
            if read.is_err() != failing {
                failing = read.is_err();
                match read {
                    Ok(()) => tracing::info!("service tokens can be read again"),
                    Err(error) => tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot read service tokens: what is revoked elsewhere is not in force here until this works again"
                    ),
                }
            }
        }
    }
}

/// Four looks within the second that is promised.
const POLL: Duration = Duration::from_millis(250);
