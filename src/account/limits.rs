//! How often somebody may try.
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use super::{Accounts, Settings};
use crate::base::{Email, Network, Timestamp, UserId};
use crate::limit::{Limited, Limiter, Rate};
use crate::shared::{Bucket, Counts, Taken};

/// The buckets; they outlive a reload, so that a reload gives nobody a fresh start.
#[derive(Debug)]
pub(crate) struct Limits {
    logins_of_network: Limiter<Network>,
    logins_as: Limiter<(Who, Network)>,
    logins_as_from_anywhere: Limiter<Who>,
    registrations: Limiter<Network>,
    letters_of_network: Limiter<Network>,
    letters_to: Limiter<[u8; 16]>,
    links_of_network: Limiter<Network>,
    codes_of: Limiter<(UserId, Network)>,
    codes_of_from_anywhere: Limiter<UserId>,
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
            letters_of_network: Limiter::new(MOST),
            letters_to: Limiter::new(MOST),
            links_of_network: Limiter::new(MOST),
            codes_of: Limiter::new(MOST),
            codes_of_from_anywhere: Limiter::new(MOST),
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
        let bucket = settings.register_per_ip.joint("register", &[&network.to_string()]);
        self.take(&self.registrations, network, (settings.register_per_ip, bucket), now).await
    }

    /// Letters that one source may have sent, as often as accounts may be made from there.
    pub(super) async fn letter_from(
        &self,
        network: Network,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Limited> {
        let bucket = settings.register_per_ip.joint("letters-ip", &[&network.to_string()]);
        self.take(&self.letters_of_network, network, (settings.register_per_ip, bucket), now).await
    }

    /// Whether or not anybody has the address, or the limit would tell.
    pub(super) async fn letter_to(&self, email: &Email, now: Timestamp) -> Result<(), Limited> {
        let bucket = LETTERS_TO_ONE.joint("letters-to", &[email.as_str()]);
        self.take(&self.letters_to, short_digest(email.as_str()), (LETTERS_TO_ONE, bucket), now).await
    }

    /// Attempts to follow a link.
    pub(super) async fn link(&self, network: Network, settings: &Settings, now: Timestamp) -> Result<(), Limited> {
        let bucket = settings.login_per_ip.joint("links-ip", &[&network.to_string()]);
        self.take(&self.links_of_network, network, (settings.login_per_ip, bucket), now).await
    }

    /// An attempt at a second factor, by somebody who knew the password. Six digits are few, so the sources together are
    /// held to some attempts in an hour.
    pub(super) async fn code(
        &self,
        user: UserId,
        network: Network,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Limited> {
        let [of_pair, of_user] = code_buckets(user, network, settings);
        self.take(&self.codes_of, (user, network), (settings.login_per_account, of_pair), now).await?;
        let rate = codes_from_anywhere(settings);
        self.take(&self.codes_of_from_anywhere, user, (rate, of_user), now).await
    }

    pub(super) async fn code_was_right(&self, user: UserId, network: Network, settings: &Settings) {
        self.codes_of.give_back(&(user, network), settings.login_per_account);
        self.codes_of_from_anywhere.give_back(&user, codes_from_anywhere(settings));
        if let Some(joint) = &self.joint {
            joint.give_back(&code_buckets(user, network, settings)).await;
        }
    }

    /// From the bucket here, and from the one where all nodes count together.
    async fn take<K: Copy + Eq + Hash>(
        &self,
        here: &Limiter<K>,
        key: K,
        (rate, bucket): (Rate, Bucket),
        now: Timestamp,
    ) -> Result<(), Limited> {
        here.take(key, rate, now)?;
        let Some(joint) = &self.joint else { return Ok(()) };
        let Taken::Empty { retry_after, .. } = joint.take(&[bucket]).await else { return Ok(()) };
        here.give_back(&key, rate);
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

/// As many as `login_per_account` lets through in four of its times, in an hour.
fn codes_from_anywhere(settings: &Settings) -> Rate {
    let rate = settings.login_per_account.times(4);
    Rate { count: rate.count, per: rate.per.max(Duration::from_secs(3600)) }
}

fn code_buckets(user: UserId, network: Network, settings: &Settings) -> [Bucket; 2] {
    let (user, network) = (user.to_string(), network.to_string());
    [
        settings.login_per_account.joint("codes-as", &[&user, &network]),
        codes_from_anywhere(settings).joint("codes-all", &[&user]),
    ]
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
/// Nobody's mailbox is filled by us, whoever asks for it.
const LETTERS_TO_ONE: Rate = Rate { count: 5, per: Duration::from_secs(3600) };
/// All sources together may try one account so many times as often as one source.
const SOURCES: u32 = 10;
