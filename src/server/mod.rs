//! Sockets; knows nothing of auth.
//!
//! [`Server::bind`] listens, [`Bound::serve`] accepts and hands every request to a [`Handler`], [`Running::change`]
//! obeys a reloaded file, and [`Stop`] ends it all without cutting what is in flight.
mod accept;
mod announced;
mod connection;
mod crowd;
mod descriptors;
mod drive;
mod http1;
mod listener;
mod pulse;
mod secure;
mod settings;
mod stop;
mod streams;
mod tunnel;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::tls::Greeting;
use crate::wire::{Body, Peer};
use accept::{Shared, accept};
use listener::{Accepting, Listener, listen, listen_beside};

pub(crate) use announced::announced;
pub(crate) use descriptors::Descriptors;
pub(crate) use http1::Requests;
pub(crate) use listener::{BindError, has_ipv4_neighbour};
pub(crate) use settings::{Limits, ListenAddress, Settings};
pub(crate) use stop::{Ended, Stop, watch_signals};

/// What answers requests. A panic in it costs one request.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request. Every failure is an answer too.
    /// On the heap from the start: it passes through many hands, and each would move all of it.
    fn handle(&self, request: Box<Request<Body>>, peer: Peer) -> impl Future<Output = Response<Body>> + Send;

    /// Answers what was no request, or too large to be read as one; the connection ends after it.
    fn unread(&self, status: StatusCode, peer: Peer) -> Response<Body>;
}

/// The way to a listening server.
#[derive(Debug)]
pub(crate) struct Server;

impl Server {
    /// Listens on every address of the settings, or on none. Needs no runtime.
    pub(crate) fn bind(settings: &Settings) -> Result<Bound, BindError> {
        let listeners: Result<_, _> = settings.listen.iter().map(|address| listen(address, &settings.listen)).collect();
        Ok(Bound { listeners: listeners?, limits: settings.limits.clone(), greeting: Greeting::default() })
    }
}

/// Listens, and accepts nothing yet: the kernel keeps who comes.
#[derive(Debug)]
pub(crate) struct Bound {
    listeners: Vec<Listener>,
    limits: Limits,
    greeting: Greeting,
}

impl Bound {
    /// Speaks TLS with who comes by TCP, whenever `greeting` says how. A unix socket is for programs of this machine.
    pub(crate) fn greeting(self, greeting: Greeting) -> Self {
        Self { greeting, ..self }
    }

    /// Starts to accept. Must be called inside the runtime; what is started ends with `stop`.
    pub(crate) fn serve<H: Handler>(self, handler: Arc<H>, stop: Stop) -> Result<Running<H>, BindError> {
        let shared = Arc::new(Shared {
            handler,
            seats: Arc::new(Semaphore::new(self.limits.max_connections)),
            limits: ArcSwap::from_pointee(self.limits),
            crowd: Arc::default(),
            greeting: self.greeting,
            stop,
        });
        let running = Running { shared, doors: Mutex::default() };
        for listener in self.listeners {
            running.open(listener)?;
        }
        Ok(running)
    }
}

/// A server that accepts. Dropping it changes nothing; [`Stop`] ends it.
pub(crate) struct Running<H> {
    shared: Arc<Shared<H>>,
    doors: Mutex<Vec<Door>>,
}

/// One address that is listened on.
struct Door {
    asked: ListenAddress,
    actual: ListenAddress,
    closed: CancellationToken,
    /// Gone when it is closed.
    listener: Weak<Accepting>,
}

impl Door {
    fn port(&self) -> Option<u16> {
        port(&self.actual)
    }
}

const fn port(address: &ListenAddress) -> Option<u16> {
    match address {
        ListenAddress::Tcp(address) => Some(address.port()),
        ListenAddress::Unix(_) => None,
    }
}

impl<H: Handler> Running<H> {
    /// Where it listens now.
    pub(crate) fn addresses(&self) -> Vec<ListenAddress> {
        self.doors().iter().map(|door| door.actual.clone()).collect()
    }

    /// Obeys new settings: addresses that stay are not touched, new ones are opened first and old ones closed then.
    /// When one cannot be opened, all stays as it was. Connections that are open keep the limits they began with.
    pub(crate) fn change(&self, settings: &Settings) -> Result<(), BindError> {
        let fresh: Result<Vec<_>, _> = settings
            .listen
            .iter()
            .filter(|address| !self.doors().iter().any(|door| door.asked == **address))
            .map(|address| self.listen_anew(address, &settings.listen))
            .collect();
        for listener in fresh? {
            self.open(listener)?;
        }
        self.doors().retain(|door| {
            let stays = settings.listen.contains(&door.asked);
            if !stays {
                door.closed.cancel();
            }
            stays
        });
        self.limit(&settings.limits);
        Ok(())
    }

    /// Who holds the port may be ourselves: `127.0.0.1:80` stands in the way of `0.0.0.0:80`.
    fn listen_anew(&self, address: &ListenAddress, all: &[ListenAddress]) -> Result<Listener, BindError> {
        let listening = listen(address, all);
        if !matches!(listening, Err(BindError::InUse { .. })) {
            return listening;
        }
        let doors = self.doors();
        let ours = || doors.iter().filter(|door| door.port().is_some() && door.port() == port(address));
        if let Some(stays) = ours().find(|door| all.contains(&door.asked)) {
            return Err(BindError::Overlaps { address: address.clone(), held: stays.actual.clone() });
        }
        let leaving: Vec<_> = ours().filter_map(|door| door.listener.upgrade()).collect();
        if leaving.is_empty() { listening } else { listen_beside(&leaving, address, all) }
    }

    fn open(&self, listener: Listener) -> Result<(), BindError> {
        let (asked, actual) = (listener.asked.clone(), listener.actual.clone());
        let accepting = listener.accepting().map_err(|source| BindError::Other { address: asked.clone(), source })?;
        let accepting = Arc::new(accepting);
        let (closed, listener) = (self.shared.stop.child_token(), Arc::downgrade(&accepting));
        drop(self.shared.stop.spawn(accept(accepting, Arc::clone(&self.shared), closed.clone())));
        self.doors().push(Door { asked, actual, closed, listener });
        Ok(())
    }

    fn limit(&self, limits: &Limits) {
        let before = self.shared.limits.swap(Arc::new(limits.clone())).max_connections;
        if let Some(more) = limits.max_connections.checked_sub(before) {
            self.shared.seats.add_permits(more);
            return;
        }
        let fewer = u32::try_from(before - limits.max_connections).unwrap_or(u32::MAX);
        let (seats, draining) = (Arc::clone(&self.shared.seats), self.shared.stop.draining());
        // Seats in use are taken away as they come free; until then nobody new sits down.
        drop(self.shared.stop.spawn(async move {
            tokio::select! {
                taken = seats.acquire_many_owned(fewer) => if let Ok(taken) = taken { taken.forget() },
                () = draining => {}
            }
        }));
    }

    fn doors(&self) -> std::sync::MutexGuard<'_, Vec<Door>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H> fmt::Debug for Running<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running(..)")
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
