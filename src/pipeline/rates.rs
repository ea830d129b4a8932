//! How often a route may be asked, by address and by person.
use std::net::IpAddr;
use std::sync::Arc;

use crate::base::{Network, Timestamp};
use crate::limit::{Limited, Limiter, Rate};
use crate::routes::Route;
use crate::shared::{Bucket, Counts, Taken};
use crate::token::Identity;

/// The buckets; they outlive a reload, so that a reload gives nobody a fresh start.
#[derive(Debug)]
pub(crate) struct Rates {
    by_network: Limiter<(Arc<str>, Network)>,
    by_person: Limiter<(Arc<str>, String)>,
    /// Where all nodes count together.
    joint: Option<Arc<dyn Counts>>,
}

impl Rates {
    pub(crate) fn new(joint: Option<Arc<dyn Counts>>) -> Self {
        Self { by_network: Limiter::new(MOST), by_person: Limiter::new(MOST), joint }
    }

    /// Counts one request, those that are then refused too. Nobody else is asked about what is too often for this node alone.
    pub(super) async fn take(
        &self,
        route: &Route,
        ip: Option<IpAddr>,
        identity: Option<&Identity>,
        now: Timestamp,
    ) -> Result<(), Limited> {
        let (network, person) = (Network::of(ip), identity.map(Identity::sub));
        let per_ip = route.settings.edge.rate_per_ip;
        let per_user = route.settings.edge.rate_per_user.zip(person);
        if let Some(rate) = per_ip {
            self.by_network.take((route.key(), network), rate, now)?;
        }
        if let Some((rate, person)) = per_user {
            self.by_person.take((route.key(), person.to_owned()), rate, now)?;
        }
        let Some(joint) = self.joint.as_ref().filter(|_| per_ip.is_some() || per_user.is_some()) else {
            return Ok(());
        };
        let buckets: Vec<Bucket> = per_ip
            .map(|rate| rate.joint("route-ip", &[&route.key(), &network.to_string()]))
            .into_iter()
            .chain(per_user.map(|(rate, person)| rate.joint("route-user", &[&route.key(), person])))
            .collect();
        let Taken::Empty { nth, retry_after } = joint.take(&buckets).await else { return Ok(()) };
        self.give_back(per_ip.filter(|_| nth == 0), per_user, &route.key(), network);
        Err(Limited { retry_after })
    }

    /// What this node would have let in counts nowhere, or asking on would make the wait longer.
    fn give_back(&self, per_ip: Option<Rate>, per_user: Option<(Rate, &str)>, route: &Arc<str>, network: Network) {
        if let Some(rate) = per_ip {
            self.by_network.give_back(&(Arc::clone(route), network), rate);
        }
        if let Some((rate, person)) = per_user {
            self.by_person.give_back(&(Arc::clone(route), person.to_owned()), rate);
        }
    }
}

/// Sources that are counted at once, each in some hundred bytes.
const MOST: usize = 65_536;
