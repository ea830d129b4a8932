//! One look at an address, as `check --deep` takes it: a connection as requests would make it, and the health check where
//! there is one.
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::ForwardError;
use super::health::{Unwell, ask};
use super::settings::Settings;
use super::upstream::Upstream;
use crate::base::Timestamp;
use crate::tls::{Mistrust, Offer, Outgoing, TlsError};

/// An address that is well.
#[derive(Debug)]
pub(crate) struct Looked {
    /// Until it had taken the connection, and shaken hands where TLS is spoken.
    pub(crate) took: Duration,
    /// When the certificate ends that it shows.
    pub(crate) until: Option<Timestamp>,
    /// It passed its health check too.
    pub(crate) healthy: bool,
}

/// Why an address is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoUse {
    #[error("cannot speak TLS")]
    Files(#[source] TlsError),
    #[error(transparent)]
    Connection(ForwardError),
    #[error("fails its health check")]
    Health(#[source] Unwell),
    #[error("no answer within {} s", .0.as_secs())]
    Slow(Duration),
}

/// Looks at the address `at` of these settings; nothing is waited for longer than `patience`.
pub(crate) async fn look(settings: &Settings, at: usize, patience: Duration) -> Result<Looked, NoUse> {
    timeout(patience, look_long(settings, at)).await.unwrap_or(Err(NoUse::Slow(patience)))
}

async fn look_long(settings: &Settings, at: usize) -> Result<Looked, NoUse> {
    let tls = settings.tls.as_ref().map(Outgoing::read).transpose().map_err(NoUse::Files)?;
    let upstream = Arc::new(Upstream::new(settings.clone(), tls));
    let begun = Instant::now();
    let stream = upstream.socket(at, Offer::Any).await.map_err(NoUse::Connection)?;
    let (took, until) = (begun.elapsed(), stream.certificate_until());
    drop(stream);
    if let Some(check) = &settings.health {
        ask(&upstream, at, check).await.map_err(NoUse::Health)?;
    }
    Ok(Looked { took, until, healthy: settings.health.is_some() })
}

impl NoUse {
    /// It and its causes, without what is the cure.
    pub(crate) fn words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for error in self.chain().filter(|error| !error.is::<Mistrust>()) {
            let text = error.to_string();
            // Some libraries repeat their cause in their own text.
            if words.last().is_none_or(|said| !said.ends_with(&text)) {
                words.push(text);
            }
        }
        words.join(": ")
    }

    /// What an operator can do about it, where that is known.
    pub(crate) fn cure(&self) -> Option<String> {
        self.chain().find_map(|error| match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => {
                Some("is it running, and does it listen at this address?".to_owned())
            }
            Some(io::ErrorKind::NotFound) => Some("is it running, and is this where its socket is?".to_owned()),
            Some(_) => None,
            None => error.downcast_ref::<Mistrust>().map(ToString::to_string),
        })
    }

    fn chain(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        std::iter::successors(Some(self as &(dyn Error + 'static)), |&error| error.source())
    }
}
