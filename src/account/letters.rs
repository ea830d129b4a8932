//! Letters to people, and the work behind them that no answer waits for: how long that takes tells who has an account.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::trail::Entry;
use super::{Accounts, FieldError, Source};
use crate::base::{Email, Secret};
use crate::limit::Limited;
use crate::mail::{Letter, Mailer, Subject};
use crate::observe::{Action, Chain};
use crate::pages::{Language, pick};
use crate::store::{Link, Purpose, StoreError, User};

/// How letters leave, and where their links lead.
#[derive(Debug, Clone)]
pub(crate) struct Letters {
    mailer: Mailer,
    /// `https://app.example.com`
    site: String,
    /// "/auth", or "" for the root.
    prefix: String,
    /// Those that letters are written in; the first one stands in for the others.
    languages: Vec<Language>,
    places: Arc<Semaphore>,
}

/// Room for one piece of work after an answer.
#[derive(Debug)]
pub(super) struct Place(OwnedSemaphorePermit);

/// Why no letter is written. Never because of who has an account.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LetterError {
    #[error("that is no address")]
    Invalid(FieldError),
    #[error("too many letters")]
    Limited { retry_after: Duration },
    #[error("too many letters are being written")]
    Busy { retry_after: Duration },
}

impl Letters {
    pub(crate) fn new(mailer: Mailer, site: String, prefix: String, languages: Vec<Language>) -> Self {
        Self { mailer, site, prefix, languages, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub(crate) fn mailer(&self) -> &Mailer {
        &self.mailer
    }

    /// `app.example.com`: what people call the place. Without the port, which some devices take for a part of the name.
    pub(super) fn site_name(&self) -> &str {
        let authority = self.site.split_once("://").map_or(self.site.as_str(), |(_, name)| name);
        // A bare IPv6 address has colons of its own, in brackets.
        authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(authority, |(host, _)| host)
    }

    /// `https://app.example.com`
    pub(super) fn site(&self) -> &str {
        &self.site
    }

    /// Waits until what is done after answers is done.
    pub(crate) async fn settled(&self) {
        let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
        drop(self.places.acquire_many(all).await);
    }

    /// In the language of whoever asked for it; whether it is on its way.
    pub(super) fn send(&self, to: &Email, about: Subject, path: &str, source: &Source<'_>) -> bool {
        let link = format!("{}{}{path}", self.site, self.prefix);
        let language = pick(source.languages, &self.languages);
        self.mailer.send(Letter::new(to, about, language, &self.site, &link))
    }
}

impl Accounts {
    /// Does something after the answer. So much at once, and then no more.
    pub(super) fn later(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), LetterError> {
        self.place()?.then(work);
        Ok(())
    }

    /// Room for what is done after the answer, asked for before anything is changed that could not be taken back.
    pub(super) fn place(&self) -> Result<Place, LetterError> {
        let place = Arc::clone(&self.letters.places).try_acquire_owned();
        place.map(Place).map_err(|_| LetterError::Busy { retry_after: A_MOMENT })
    }

    /// Sends a link by which the address that a person gave is known to be theirs.
    pub(super) async fn send_address_link(&self, user: &User, email: &Email, source: &Source<'_>) {
        let (token, link) = self.address_link(user, email);
        if told(self.people.store.add_link(&link).await).is_some() {
            self.mail_address_link(user, email, &token, source);
        }
    }

    pub(super) fn mail_address_link(&self, user: &User, email: &Email, token: &Secret, source: &Source<'_>) {
        let path = format!("/verify-email?token={}", token.expose());
        if self.letters.send(email, Subject::ConfirmAddress, &path, source) {
            Entry::new(Action::AddressLinkSent, source).about(Some(user)).record(&self.people);
        }
    }

    /// By which an address becomes the person's; they may have another one until then.
    pub(super) fn address_link(&self, user: &User, email: &Email) -> (Secret, Link) {
        self.new_link(user, Purpose::Email, email, ADDRESS_LINK_LIFE)
    }

    /// By which a person chooses another password.
    pub(super) fn password_link(&self, user: &User, email: &Email) -> (Secret, Link) {
        self.new_link(user, Purpose::Password, email, PASSWORD_LINK_LIFE)
    }

    /// A link that is good once, for a while, from when it is in the store. The token is mailed and kept nowhere.
    fn new_link(&self, user: &User, purpose: Purpose, email: &Email, life: Duration) -> (Secret, Link) {
        let token = Secret::random(PREFIX);
        let expires_at = self.people.clock.now().plus(life);
        let link = Link { hash: token.digest(), user: user.id, purpose, email: email.clone(), expires_at };
        (token, link)
    }
}

impl Place {
    pub(super) fn then(self, work: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(async move {
            work.await;
            drop(self.0);
        }));
    }
}

/// What went wrong behind an answer is for the log.
pub(super) fn told<T>(done: Result<T, StoreError>) -> Option<T> {
    done.inspect_err(|error| tracing::error!(error = %Chain(error), "a mail could not be prepared")).ok()
}

impl From<Limited> for LetterError {
    fn from(limited: Limited) -> Self {
        Self::Limited { retry_after: limited.retry_after }
    }
}

/// Lets scanners find one that leaked.
const PREFIX: &str = "agl_";
/// Somebody who waits for the letter follows it soon; a mailbox that is read later by others opens nothing.
const PASSWORD_LINK_LIFE: Duration = Duration::from_secs(3600);
const ADDRESS_LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Letters prepared at once; each is two short uses of the store.
const AT_ONCE: usize = 64;
const A_MOMENT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_called_by_its_host_whatever_the_port() {
        for (site, name) in [
            ("https://app.example.com", "app.example.com"),
            ("http://localhost:8080", "localhost"),
            ("http://[::1]", "[::1]"),
            ("http://[::1]:8080", "[::1]"),
        ] {
            let (mailer, _) = Mailer::read_by_a_test();
            let letters = Letters::new(mailer, site.to_owned(), "/auth".to_owned(), Vec::new());
            assert_eq!(letters.site_name(), name);
        }
    }
}
