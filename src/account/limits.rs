//! How often somebody may try.
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::{Accounts, Settings};
use crate::base::{Network, Timestamp, UserId};
use crate::limit::{Limited, Limiter, Rate};
use crate::shared::{Bucket, Counts, Taken};

/// The buckets; they outlive a reload, so that a reload gives nobody a fresh start.
#[derive(Debug)]
pub(crate) struct Limits {
    logins_of_network: Limiter<Network>,
    logins_as: Limiter<(Who, Network)>,
    logins_as_from_anywhere: Limiter<Who>,
    registrations: Limiter<Network>,
    /// Where all nodes count together.
    joint: Option<Arc<dyn Counts>>,
}

/// Whom somebody tries to be. All names of one account share a bucket; a name that nobody has has one too, or the limit
/// would tell who exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Known(UserId),
    Unknown([u8; 16]),
}

impl Who {
    pub(super) fn of(user: Option<UserId>, name: &str) -> Self {
        user.map_or_else(|| Self::Unknown(short_digest(&name.to_lowercase())), Self::Known)
    }
}

/// One attempt to sign in: who, from where, when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    pub(super) who: Who,
    pub(super) network: Network,
    pub(super) now: Timestamp,
}

impl Limits {
    pub(crate) fn new(joint: Option<Arc<dyn Counts>>) -> Self {
        Self {
            logins_of_network: Limiter::new(MOST),
            logins_as: Limiter::new(MOST),
            logins_as_from_anywhere: Limiter::new(MOST),
            registrations: Limiter::new(MOST),
            joint,
        }
    }

    /// Counts an attempt before anything is compared, so that many at once are counted too.
    ///
    /// The bucket of an account is one for each source: strangers who try a name from elsewhere do not lock its owner
    /// out. Many sources together are held by the last one.
    pub(super) async fn login(&self, attempt: &Attempt, settings: &Settings) -> Result<Place, Limited> {
        let Attempt { who, network, now } = *attempt;
        self.logins_of_network.take(network, settings.login_per_ip, now)?;
        self.logins_as.take((who, network), settings.login_per_account, now)?;
        let crowded = self.logins_as_from_anywhere.take(who, anywhere(settings), now).err();
        let here = crowded.map_or(Place::Free, Place::Crowded);
        let Some(joint) = &self.joint else { return Ok(here) };
        let [of_network, of_pair, of_account] = attempt.buckets(settings);
        let asked = match here {
            Place::Free => vec![of_network, of_pair, of_account],
            Place::Crowded(_) => vec![of_network, of_pair],
        };
        let Taken::Empty { nth, retry_after } = joint.take(&asked).await else { return Ok(here) };
        // What is refused counts here no more than there, or asking on would make the wait longer.
        if here == Place::Free {
            self.logins_as_from_anywhere.give_back(&who, anywhere(settings));
        }
        let limited = Limited { retry_after };
        if nth == 2 {
            return Ok(Place::Crowded(limited));
        }
        self.logins_as.give_back(&(who, network), settings.login_per_account);
        if nth == 0 {
            self.logins_of_network.give_back(&network, settings.login_per_ip);
        }
        Err(limited)
    }

    /// A right password does not count against its account. Against the source it does: sessions cost something too.
    pub(super) async fn login_was_right(&self, admitted: &Admitted, settings: &Settings) {
        let Admitted { attempt, counted } = admitted;
        self.logins_as.give_back(&(attempt.who, attempt.network), settings.login_per_account);
        let [_, of_pair, of_account] = attempt.buckets(settings);
        let mut taken = vec![of_pair];
        if *counted {
            self.logins_as_from_anywhere.give_back(&attempt.who, anywhere(settings));
            taken.push(of_account);
        }
        if let Some(joint) = &self.joint {
            joint.give_back(&taken).await;
        }
    }

    pub(super) async fn register(&self, network: Network, settings: &Settings, now: Timestamp) -> Result<(), Limited> {
        self.registrations.take(network, settings.register_per_ip, now)?;
        let Some(joint) = &self.joint else { return Ok(()) };
        let bucket = settings.register_per_ip.joint("register", &[&network.to_string()]);
        let Taken::Empty { retry_after, .. } = joint.take(&[bucket]).await else { return Ok(()) };
        self.registrations.give_back(&network, settings.register_per_ip);
        Err(Limited { retry_after })
    }
}

/// Whether there is room for one more attempt at an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Free,
    /// Too many sources try it together. Whoever signed in from there before may still try.
    Crowded(Limited),
}

/// An attempt that may be compared.
#[derive(Debug)]
pub(super) struct Admitted {
    attempt: Attempt,
    /// Taken from the bucket of all sources too.
    counted: bool,
}

impl Accounts {
    /// Counts an attempt. Many sources together lock nobody out of where they signed in rightly of late: there only the bucket of
    /// their own counts. The store is asked for names that nobody has as well.
    pub(super) async fn admit(&self, attempt: Attempt) -> Result<Admitted, Limited> {
        let Place::Crowded(limited) = self.limits.login(&attempt, &self.people.settings).await? else {
            return Ok(Admitted { attempt, counted: true });
        };
        let familiar = self.people.store.is_familiar(&attempt.who.to_string(), attempt.network, attempt.now).await;
        if familiar.unwrap_or(false) { Ok(Admitted { attempt, counted: false }) } else { Err(limited) }
    }
}

impl Attempt {
    /// In the order in which they are taken from.
    fn buckets(&self, settings: &Settings) -> [Bucket; 3] {
        let (who, network) = (self.who.to_string(), self.network.to_string());
        [
            settings.login_per_ip.joint("login-ip", &[&network]),
            settings.login_per_account.joint("login-as", &[&who, &network]),
            anywhere(settings).joint("login-all", &[&who]),
        ]
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => id.fmt(f),
            Self::Unknown(name) => name.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

fn anywhere(settings: &Settings) -> Rate {
    settings.login_per_account.times(SOURCES)
}

fn short_digest(name: &str) -> [u8; 16] {
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(digest(&SHA256, name.as_bytes()).as_ref()) {
        *to = *from;
    }
    short
}

/// Keys in each table: about 10 MB when all are full.
const MOST: usize = 100_000;
/// All sources together may try one account so many times as often as one source.
const SOURCES: u32 = 10;
