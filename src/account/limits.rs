//! How often somebody may try.
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::Settings;
use crate::base::{Timestamp, UserId};
use crate::limit::{Limited, Limiter, Network, Rate};
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
    pub(super) async fn login(&self, attempt: &Attempt, settings: &Settings) -> Result<(), Limited> {
        let Attempt { who, network, now } = *attempt;
        self.logins_of_network.take(network, settings.login_per_ip, now)?;
        self.logins_as.take((who, network), settings.login_per_account, now)?;
        self.logins_as_from_anywhere.take(who, anywhere(settings), now)?;
        let Some(joint) = &self.joint else { return Ok(()) };
        let Taken::Empty { nth, retry_after } = joint.take(&attempt.buckets(settings)).await else { return Ok(()) };
        // What is refused counts here no more than there, or asking on would make the wait longer.
        if nth == 0 {
            self.logins_of_network.give_back(&network, settings.login_per_ip);
        }
        if nth <= 1 {
            self.logins_as.give_back(&(who, network), settings.login_per_account);
        }
        self.logins_as_from_anywhere.give_back(&who, anywhere(settings));
        Err(Limited { retry_after })
    }

    /// A right password does not count against its account. Against the source it does: sessions cost something too.
    pub(super) async fn login_was_right(&self, attempt: &Attempt, settings: &Settings) {
        self.logins_as.give_back(&(attempt.who, attempt.network), settings.login_per_account);
        self.logins_as_from_anywhere.give_back(&attempt.who, anywhere(settings));
        if let Some(joint) = &self.joint {
            let [_, of_account @ ..] = attempt.buckets(settings);
            joint.give_back(&of_account).await;
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
