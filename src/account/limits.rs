//! How often somebody may try.
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use super::Settings;
use crate::base::{Email, Timestamp, UserId};
use crate::limit::{Limited, Limiter, Network, Rate};

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
}

impl Default for Limits {
    fn default() -> Self {
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
        }
    }
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
    /// Counts an attempt before anything is compared, so that many at once are counted too.
    ///
    /// The bucket of an account is one for each source: strangers who try a name from elsewhere do not lock its owner
    /// out. Many sources together are held by the last one.
    pub(super) fn login(&self, attempt: &Attempt, settings: &Settings) -> Result<(), Limited> {
        let Attempt { who, network, now } = *attempt;
        self.logins_of_network.take(network, settings.login_per_ip, now)?;
        self.logins_as.take((who, network), settings.login_per_account, now)?;
        self.logins_as_from_anywhere.take(who, anywhere(settings), now)
    }

    /// A right password does not count against its account. Against the source it does: sessions cost something too.
    pub(super) fn login_was_right(&self, attempt: &Attempt, settings: &Settings) {
        self.logins_as.give_back(&(attempt.who, attempt.network), settings.login_per_account);
        self.logins_as_from_anywhere.give_back(&attempt.who, anywhere(settings));
    }

    pub(super) fn register(&self, network: Network, settings: &Settings, now: Timestamp) -> Result<(), Limited> {
        self.registrations.take(network, settings.register_per_ip, now)
    }

    /// Letters that one source may have sent, as often as accounts may be made from there.
    pub(super) fn letter_from(&self, network: Network, settings: &Settings, now: Timestamp) -> Result<(), Limited> {
        self.letters_of_network.take(network, settings.register_per_ip, now)
    }

    /// Whether or not anybody has the address, or the limit would tell.
    pub(super) fn letter_to(&self, email: &Email, now: Timestamp) -> Result<(), Limited> {
        self.letters_to.take(short_digest(email.as_str()), LETTERS_TO_ONE, now)
    }

    /// An attempt at a second factor, by somebody who knew the password. Six digits are few, so the sources together are
    /// held to some attempts in an hour.
    pub(super) fn code(
        &self,
        user: UserId,
        network: Network,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Limited> {
        self.codes_of.take((user, network), settings.login_per_account, now)?;
        self.codes_of_from_anywhere.take(user, codes_from_anywhere(settings), now)
    }

    pub(super) fn code_was_right(&self, user: UserId, network: Network, settings: &Settings) {
        self.codes_of.give_back(&(user, network), settings.login_per_account);
        self.codes_of_from_anywhere.give_back(&user, codes_from_anywhere(settings));
    }

    /// Attempts to follow a link.
    pub(super) fn link(&self, network: Network, settings: &Settings, now: Timestamp) -> Result<(), Limited> {
        self.links_of_network.take(network, settings.login_per_ip, now)
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
