//! The addresses of one upstream, and whose turn it is.
use std::net::Ipv6Addr;
use std::sync::Arc;

use http::HeaderValue;
use tokio_util::sync::CancellationToken;

use super::ForwardError;
use super::balance::Addresses;
use super::multiplex::{Multiplex, Ticket};
use super::pool::{Link, Opened, Pool, Wait};
use super::settings::{Address, Settings};
use super::stream::Stream;
use crate::observe::Chain;
use crate::tls::{Offer, Outgoing};
use crate::wire::Deadline;

/// One upstream with its connections.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) settings: Settings,
    places: Vec<Place>,
    pub(super) addresses: Addresses,
    /// Ends its health checks.
    pub(super) checks: CancellationToken,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Place {
    address: Address,
    /// HTTP/2 connections, where it speaks that or may do so.
    multiplex: Option<Arc<Multiplex>>,
    /// What `host_header = "upstream"` sends.
    host: HeaderValue,
}

impl Upstream {
    pub(super) fn new(settings: Settings, tls: Option<Outgoing>) -> Self {
        let pool = Pool::new(&settings, tls);
        let places = settings.addresses.iter().map(|address| Place::new(address, &settings)).collect();
        let Settings { balance, eject_after, eject_for, .. } = settings;
        let addresses = Addresses::new(settings.addresses.len(), balance, eject_after, eject_for);
        Self { settings, places, addresses, checks: CancellationToken::new(), pool: Arc::new(pool) }
    }

    /// Whether one made of these would be no other.
    pub(super) fn is_same_as(&self, settings: &Settings, tls: Option<&Outgoing>) -> bool {
        self.settings == *settings && self.pool.shakes_like(tls)
    }

    /// HTTP/2, or TLS in which that may be chosen.
    pub(super) const fn may_share(&self) -> bool {
        self.settings.http2 || self.settings.tls.is_some()
    }

    /// The `Host` of an address.
    pub(super) fn host(&self, at: usize) -> &HeaderValue {
        static NOBODY: HeaderValue = HeaderValue::from_static("localhost");
        self.places.get(at).map_or(&NOBODY, |place| &place.host)
    }

    /// How an address is written in logs.
    pub(super) fn address(&self, at: usize) -> String {
        match self.places.get(at).map(|place| &place.address) {
            Some(Address::Unix { path }) => format!("unix:{}", path.display()),
            Some(Address::Tcp { .. }) | None => {
                let scheme = match (&self.settings.tls, self.settings.http2) {
                    (Some(_), _) => "https",
                    (None, true) => "h2c",
                    (None, false) => "http",
                };
                format!("{scheme}://{}", self.host(at).to_str().unwrap_or_default())
            }
        }
    }

    /// A connection to this address that was used before.
    pub(super) fn kept(self: &Arc<Self>, at: usize, need: Need) -> Option<Lease> {
        let place = self.places.get(at)?;
        if let Some(multiplex) = place.multiplex.as_ref().filter(|_| need == Need::Any)
            && let Some(ticket) = multiplex.take(false)
        {
            return Some(Lease::new(self, at, Way::Shared(ticket), true));
        }
        self.pool.take(at).map(|link| Lease::new(self, at, Way::Own(link), true))
    }

    /// A new connection: to this address, or to one of `retries` others.
    pub(super) async fn connect(self: &Arc<Self>, first: usize, need: Need) -> Result<Lease, ForwardError> {
        let failed = match self.reach(first, need, Wait::Usual).await {
            // Where there is no room for one address there is none for another.
            Err(error) if !matches!(error, ForwardError::Full) && self.settings.retries > 0 => error,
            reached => return reached,
        };
        let others = self.addresses.after(first);
        self.any_of(others, self.settings.retries, need, Wait::Usual).await.unwrap_or(Err(failed))
    }

    /// A connection for another try, `most` addresses tried: elsewhere if there is an elsewhere.
    pub(super) async fn another(
        self: &Arc<Self>,
        than: usize,
        need: Need,
        most: usize,
        wait: Wait,
    ) -> Option<Result<Lease, ForwardError>> {
        let mut others = self.addresses.after(than);
        others.push(than);
        self.any_of(others, most, need, wait).await
    }

    /// The first of these that is reached, `most` of them tried; `None` when there is nothing to try.
    async fn any_of(
        self: &Arc<Self>,
        places: Vec<usize>,
        most: usize,
        need: Need,
        wait: Wait,
    ) -> Option<Result<Lease, ForwardError>> {
        let mut outcome = None;
        for at in places.into_iter().take(most) {
            if let Some(lease) = self.kept(at, need) {
                return Some(Ok(lease));
            }
            match self.reach(at, need, wait).await {
                Err(error) if !matches!(error, ForwardError::Full) => outcome = Some(Err(error)),
                reached => return Some(reached),
            }
        }
        outcome
    }

    /// A connection that counts nowhere.
    pub(super) async fn socket(&self, at: usize, offer: Offer) -> Result<Stream, ForwardError> {
        let place = self.places.get(at).ok_or(ForwardError::Unknown)?;
        self.pool.connect(&place.address, offer).await
    }

    async fn reach(self: &Arc<Self>, at: usize, need: Need, wait: Wait) -> Result<Lease, ForwardError> {
        let place = self.places.get(at).ok_or(ForwardError::Unknown)?;
        let opened = self.open(at, place, need, wait).await;
        opened.map(|(way, kept)| Lease::new(self, at, way, kept)).inspect_err(|error| self.note(at, error))
    }

    /// Counts what was an address's own fault, and leaves the address out when that was too often.
    pub(super) fn note(&self, at: usize, error: &ForwardError) {
        let own = matches!(
            error,
            ForwardError::Refused(_)
                | ForwardError::ConnectTimeout
                | ForwardError::ResponseTimeout
                | ForwardError::BadResponse(_)
                | ForwardError::Tls(_)
        );
        if own && self.addresses.failed(at) {
            let (upstream, address) = (&self.settings.name, self.address(at));
            tracing::warn!(upstream, address, error = %Chain(error), "left an address out: it fails again and again");
        }
    }

    async fn open(&self, at: usize, place: &Place, need: Need, wait: Wait) -> Result<(Way, bool), ForwardError> {
        let opened = match &place.multiplex {
            Some(multiplex) if self.settings.http2 => self.pool.share(multiplex, &place.address, wait).await?,
            Some(multiplex) if need == Need::Any => {
                Box::pin(self.pool.open_secure(at, &place.address, multiplex, wait)).await?
            }
            Some(_) | None => self.pool.open(at, &place.address, wait).await?,
        };
        Ok(match opened {
            Opened::New(link) => (Way::Own(link), false),
            Opened::Kept(link) => (Way::Own(link), true),
            Opened::Shared(ticket, kept) => (Way::Shared(ticket), kept),
        })
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        self.pool.counts()
    }
}

impl Place {
    fn new(address: &Address, settings: &Settings) -> Self {
        let host = match address {
            Address::Unix { .. } => "localhost".to_owned(),
            Address::Tcp { host, port } => {
                let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.clone() };
                let usual = if settings.tls.is_some() { 443 } else { 80 };
                if *port == usual { host } else { format!("{host}:{port}") }
            }
        };
        let host = HeaderValue::try_from(host).unwrap_or_else(|_| HeaderValue::from_static("localhost"));
        let shares = settings.http2 || settings.tls.is_some();
        let multiplex = shares.then(|| Arc::new(Multiplex::new(settings.keep_alive)));
        Self { address: address.clone(), multiplex, host }
    }
}

/// Over what a request can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Any,
    /// A connection of its own, in which the protocol can be switched.
    Http1,
}

/// What a request goes over.
#[derive(Debug)]
pub(super) enum Way {
    /// HTTP/1.1: a connection that nobody else uses meanwhile.
    Own(Box<Link>),
    /// HTTP/2
    Shared(Ticket),
}

/// A connection in use. It is closed when dropped, unless it was given back.
#[derive(Debug)]
pub(super) struct Lease {
    upstream: Arc<Upstream>,
    at: usize,
    way: Option<Way>,
    /// Another request went over this connection before.
    pub(super) kept: bool,
    /// No other request may go over this connection.
    pub(super) once: bool,
}

impl Lease {
    fn new(upstream: &Arc<Upstream>, at: usize, way: Way, kept: bool) -> Self {
        upstream.addresses.begin(at);
        Self { upstream: Arc::clone(upstream), at, way: Some(way), kept, once: false }
    }

    /// The address that the connection leads to.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn way(&mut self) -> Option<&mut Way> {
        self.way.as_mut()
    }

    /// The connection, where it is ours alone.
    pub(super) const fn link(&mut self) -> Option<&mut Box<Link>> {
        match &mut self.way {
            Some(Way::Own(link)) => Some(link),
            Some(Way::Shared(_)) | None => None,
        }
    }

    /// What is known of the length of what is left of the answer.
    pub(super) const fn left(&self) -> Option<u64> {
        match &self.way {
            Some(Way::Own(link)) => link.codec.left(),
            Some(Way::Shared(_)) | None => None,
        }
    }

    /// The timer of this use.
    pub(super) fn deadline(&mut self) -> Option<&mut Deadline> {
        self.way.as_mut().map(|way| match way {
            Way::Own(link) => &mut link.deadline,
            Way::Shared(ticket) => &mut ticket.deadline,
        })
    }

    /// Somebody else drives the connection.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.way, Some(Way::Shared(_)))
    }

    /// Takes the connection out; the request still counts until the lease is dropped.
    pub(super) fn take_link(&mut self) -> Option<Box<Link>> {
        match self.way.take() {
            Some(Way::Own(link)) => Some(link),
            Some(Way::Shared(_)) | None => None,
        }
    }

    /// Ends the use: the connection is kept if it ended cleanly on both sides, else closed.
    pub(super) fn end(&mut self) {
        // Whether it is silent, the pool asks before somebody else uses it.
        if let Some(link) = self.take_link()
            && !self.once
            && link.codec.is_at_rest()
        {
            self.upstream.pool.put(self.at, link);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.upstream.addresses.end(self.at);
    }
}
