//! What an operator may do with people, from the command line.
use std::sync::Arc;

use crate::account::People;
use crate::base::Clock;
use crate::config::Loaded;
use crate::observe::Audit;
use crate::password::{Hasher, Policy};
use crate::shared::Revocations;
use crate::store::Store;

/// The store's people by the rules of this file. `audit` hears of every change.
pub(super) fn people(loaded: &Loaded, store: Store, audit: Audit) -> People {
    let config = &loaded.config;
    People {
        store,
        hasher: Hasher::new(&config.passwords),
        policy: Policy::new(&config.passwords),
        revocations: Arc::new(Revocations::default()),
        settings: config.accounts.clone(),
        clock: Clock::system(),
        audit,
    }
}
