//! The addresses of one upstream, and whose turn it is.
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;

use super::ForwardError;
use super::pool::{Link, Opened, Pool};
use super::settings::{Address, Settings};
use crate::base::quick_random;

/// One upstream with its connections.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) settings: Settings,
    places: Vec<Place>,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Place {
    address: Address,
    /// What `host_header = "upstream"` sends.
    host: HeaderValue,
    in_flight: AtomicUsize,
}

impl Upstream {
    pub(super) fn new(settings: Settings) -> Self {
        let pool = Pool::new(
            settings.addresses.len(),
            settings.max_connections,
            settings.keep_alive,
            settings.connect_timeout,
        );
        let places = settings.addresses.iter().map(Place::new).collect();
        Self { settings, places, pool: Arc::new(pool) }
    }

    /// The address with the fewest requests of two picked at random.
    pub(super) fn pick(&self) -> usize {
        let count = self.places.len() as u64;
        if count < 2 {
            return 0;
        }
        let random = quick_random();
        let one = random % count;
        // A second one, and never the first again.
        let other = (one + 1 + (random >> 32) % (count - 1)) % count;
        [one, other].into_iter().filter_map(|at| usize::try_from(at).ok()).min_by_key(|&at| self.load(at)).unwrap_or(0)
    }

    fn load(&self, at: usize) -> usize {
        self.places.get(at).map_or(usize::MAX, |place| place.in_flight.load(Ordering::Relaxed))
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
                format!("http://{}", self.host(at).to_str().unwrap_or_default())
            }
        }
    }

    /// A connection to this address that was used before.
    pub(super) fn kept(self: &Arc<Self>, at: usize) -> Option<Lease> {
        self.pool.take(at).map(|link| Lease::new(self, at, link, true))
    }

    /// A new connection: to this address, or to the next one that answers.
    pub(super) async fn connect(self: &Arc<Self>, first: usize) -> Result<Lease, ForwardError> {
        let mut failed = ForwardError::Unknown;
        for step in 0..self.places.len() {
            let at = (first + step) % self.places.len();
            let Some(place) = self.places.get(at) else { break };
            // A kept connection to the first address was asked for before.
            if let Some(lease) = (step > 0).then(|| self.kept(at)).flatten() {
                return Ok(lease);
            }
            match self.pool.open(at, &place.address).await {
                Ok(Opened::New(link)) => return Ok(Lease::new(self, at, link, false)),
                Ok(Opened::Kept(link)) => return Ok(Lease::new(self, at, link, true)),
                // Where there is no room for one address there is none for another.
                Err(ForwardError::Full) => return Err(ForwardError::Full),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        self.pool.counts()
    }
}

impl Place {
    fn new(address: &Address) -> Self {
        let host = match address {
            Address::Unix { .. } => "localhost".to_owned(),
            Address::Tcp { host, port } => {
                let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.clone() };
                if *port == 80 { host } else { format!("{host}:{port}") }
            }
        };
        let host = HeaderValue::try_from(host).unwrap_or_else(|_| HeaderValue::from_static("localhost"));
        Self { address: address.clone(), host, in_flight: AtomicUsize::new(0) }
    }
}

/// A connection in use. It is closed when dropped, unless it was given back.
#[derive(Debug)]
pub(super) struct Lease {
    upstream: Arc<Upstream>,
    at: usize,
    link: Option<Box<Link>>,
    /// Another request went over this connection before.
    pub(super) kept: bool,
    /// No other request may go over this connection.
    pub(super) once: bool,
}

impl Lease {
    fn new(upstream: &Arc<Upstream>, at: usize, link: Box<Link>, kept: bool) -> Self {
        if let Some(place) = upstream.places.get(at) {
            place.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        Self { upstream: Arc::clone(upstream), at, link: Some(link), kept, once: false }
    }

    /// The address that the connection leads to.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn link(&mut self) -> Option<&mut Box<Link>> {
        self.link.as_mut()
    }

    /// Takes the connection out; the request still counts until the lease is dropped.
    pub(super) const fn take_link(&mut self) -> Option<Box<Link>> {
        self.link.take()
    }

    /// Ends the use: the connection is kept if it ended cleanly on both sides, else closed.
    pub(super) fn end(&mut self) {
        if let Some(mut link) = self.link.take()
            && !self.once
            && link.is_idle()
        {
            self.upstream.pool.put(self.at, link);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(place) = self.upstream.places.get(self.at) {
            place.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
