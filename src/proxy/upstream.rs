//! The addresses of one upstream, and whose turn it is.
use std::net::Ipv6Addr;
use std::sync::Arc;

use http::HeaderValue;

use super::ForwardError;
use super::balance::Addresses;
use super::multiplex::{Multiplex, Ticket};
use super::pool::{Link, Opened, Pool};
use super::settings::{Address, Settings};
use crate::observe::Chain;
use crate::wire::Deadline;

/// One upstream with its connections.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) settings: Settings,
    places: Vec<Place>,
    pub(super) addresses: Addresses,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Place {
    address: Address,
    /// HTTP/2 connections, where it speaks that.
    multiplex: Option<Arc<Multiplex>>,
    /// What `host_header = "upstream"` sends.
    host: HeaderValue,
}

impl Upstream {
    pub(super) fn new(settings: Settings) -> Self {
        let pool = Pool::new(
            settings.addresses.len(),
            settings.max_connections,
            settings.keep_alive,
            settings.connect_timeout,
        );
        let places = settings.addresses.iter().map(|address| Place::new(address, &settings)).collect();
        let Settings { balance, eject_after, eject_for, .. } = settings;
        let addresses = Addresses::new(settings.addresses.len(), balance, eject_after, eject_for);
        Self { settings, places, addresses, pool: Arc::new(pool) }
    }

    /// The `Host` of an address.
    pub(super) fn host(&self, at: usize) -> HeaderValue {
        self.places.get(at).map_or(HeaderValue::from_static("localhost"), |place| place.host.clone())
    }

    /// How an address is written in logs.
    pub(super) fn address(&self, at: usize) -> String {
        match self.places.get(at).map(|place| &place.address) {
            Some(Address::Unix { path }) => format!("unix:{}", path.display()),
            Some(Address::Tcp { .. }) | None => {
                let scheme = if self.settings.http2 { "h2c" } else { "http" };
                format!("{scheme}://{}", self.host(at).to_str().unwrap_or_default())
            }
        }
    }

    /// A connection to this address that was used before.
    pub(super) fn kept(self: &Arc<Self>, at: usize) -> Option<Lease> {
        match self.places.get(at)?.multiplex.as_ref() {
            Some(multiplex) => multiplex.take(false).map(|ticket| Lease::new(self, at, Way::Shared(ticket), true)),
            None => self.pool.take(at).map(|link| Lease::new(self, at, Way::Own(link), true)),
        }
    }

    /// A new connection: to this address, or to one of `retries` others.
    pub(super) async fn connect(self: &Arc<Self>, first: usize) -> Result<Lease, ForwardError> {
        let failed = match self.reach(first).await {
            // Where there is no room for one address there is none for another.
            Err(error) if !matches!(error, ForwardError::Full) && self.settings.retries > 0 => error,
            reached => return reached,
        };
        self.any_of(self.addresses.after(first), self.settings.retries).await.unwrap_or(Err(failed))
    }

    /// A connection for another try: elsewhere if there is an elsewhere.
    pub(super) async fn another(self: &Arc<Self>, than: usize) -> Result<Lease, ForwardError> {
        let mut others = self.addresses.after(than);
        others.push(than);
        self.any_of(others, usize::MAX).await.unwrap_or(Err(ForwardError::Unknown))
    }

    /// The first of these that is reached, `most` of them tried; `None` when there is nothing to try.
    async fn any_of(self: &Arc<Self>, places: Vec<usize>, most: usize) -> Option<Result<Lease, ForwardError>> {
        let mut outcome = None;
        for at in places.into_iter().take(most) {
            if let Some(lease) = self.kept(at) {
                return Some(Ok(lease));
            }
            match self.reach(at).await {
                Err(error) if !matches!(error, ForwardError::Full) => outcome = Some(Err(error)),
                reached => return Some(reached),
            }
        }
        outcome
    }

    async fn reach(self: &Arc<Self>, at: usize) -> Result<Lease, ForwardError> {
        let place = self.places.get(at).ok_or(ForwardError::Unknown)?;
        let opened = self.open(at, place).await;
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
        );
        if own && self.addresses.failed(at) {
            let (upstream, address) = (&self.settings.name, self.address(at));
            tracing::warn!(upstream, address, error = %Chain(error), "left an address out: it fails again and again");
        }
    }

    async fn open(&self, at: usize, place: &Place) -> Result<(Way, bool), ForwardError> {
        if let Some(multiplex) = &place.multiplex {
            let (ticket, kept) = self.pool.share(multiplex, &place.address).await?;
            return Ok((Way::Shared(ticket), kept));
        }
        Ok(match self.pool.open(at, &place.address).await? {
            Opened::New(link) => (Way::Own(link), false),
            Opened::Kept(link) => (Way::Own(link), true),
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
                if *port == 80 { host } else { format!("{host}:{port}") }
            }
        };
        let host = HeaderValue::try_from(host).unwrap_or_else(|_| HeaderValue::from_static("localhost"));
        let multiplex = settings.http2.then(|| Arc::new(Multiplex::new(settings.keep_alive)));
        Self { address: address.clone(), multiplex, host }
    }
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

    /// Takes the connection out; the request still counts until the lease is dropped.
    pub(super) fn take_link(&mut self) -> Option<Box<Link>> {
        match self.way.take() {
            Some(Way::Own(link)) => Some(link),
            Some(Way::Shared(_)) | None => None,
        }
    }

    /// Ends the use: the connection is kept if it ended cleanly on both sides, else closed.
    pub(super) fn end(&mut self) {
        if let Some(mut link) = self.take_link()
            && !self.once
            && link.is_idle()
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
