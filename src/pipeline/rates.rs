//! How often a route may be asked, by address and by person.
use std::net::IpAddr;
use std::sync::Arc;

use crate::base::Timestamp;
use crate::limit::{Limited, Limiter, Network};
use crate::routes::Route;
use crate::token::Identity;

/// The buckets; they outlive a reload, so that a reload gives nobody a fresh start.
#[derive(Debug)]
pub(crate) struct Rates {
    by_network: Limiter<(Arc<str>, Network)>,
    by_person: Limiter<(Arc<str>, String)>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { by_network: Limiter::new(MOST), by_person: Limiter::new(MOST) }
    }
}

impl Rates {
    /// Counts one request, those that are then refused too.
    pub(super) fn take(
        &self,
        route: &Route,
        ip: Option<IpAddr>,
        identity: Option<&Identity>,
        now: Timestamp,
    ) -> Result<(), Limited> {
        if let Some(rate) = route.settings.edge.rate_per_ip {
            self.by_network.take((route.key(), Network::of(ip)), rate, now)?;
        }
        match (route.settings.edge.rate_per_user, identity) {
            (Some(rate), Some(identity)) => self.by_person.take((route.key(), identity.sub().to_owned()), rate, now),
            _ => Ok(()),
        }
    }
}

/// Sources that are counted at once, each in some hundred bytes.
const MOST: usize = 65_536;
