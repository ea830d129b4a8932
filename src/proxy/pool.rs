//! Kept connections to one upstream. One goes back only after a clean end on both sides.
//!
//! A connection is driven by whoever uses it, in that task: no channel and no second task stand between a request and its
//! upstream. A connection that nobody uses is looked at when it is taken out, and by a sweeper that lives as long as
//! something is kept.
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::ForwardError;
use super::codec::Codec;
use super::multiplex::{Multiplex, Ticket};
use super::settings::{Address, Settings};
use super::stream::Stream;
use crate::tls::{Offer, Outgoing};
use crate::wire::Deadline;

/// One connection, and the timer that its requests share.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) codec: Codec,
    pub(super) deadline: Deadline,
    /// It is not used after this, however busy it is.
    last: Instant,
    /// Nor after this, when nobody used it before.
    until: Instant,
    place: Place,
}

impl Link {
    /// Whether the connection waits for a request: the last one was sent whole, its answer read whole, nothing came since.
    pub(super) fn is_idle(&mut self) -> bool {
        self.codec.is_idle()
    }

    /// The bare socket of a connection that has switched protocols, what was read from it already, and its place.
    pub(super) fn take_stream(self: Box<Self>) -> (Stream, Bytes, Place) {
        let Self { codec, place, .. } = *self;
        let (stream, first) = codec.into_stream();
        (stream, first, place)
    }
}

/// The connections of one upstream, those to all its addresses together bounded in number.
#[derive(Debug)]
pub(super) struct Pool {
    kept: Mutex<Kept>,
    room: Arc<Room>,
    keep_alive: Duration,
    connect_timeout: Duration,
    tls: Option<Outgoing>,
}

#[derive(Debug)]
struct Kept {
    /// For each address, the one used last at the end.
    #[expect(clippy::vec_box, reason = "a link is large and changes hands on every request")]
    links: Vec<Vec<Box<Link>>>,
    swept: bool,
}

/// How many connections there are, and who waits for one.
#[derive(Debug)]
struct Room {
    open: AtomicUsize,
    most: usize,
    freed: Notify,
}

/// One of the places that [`Room`] has; given up when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Room>);

impl Pool {
    pub(super) fn new(settings: &Settings, tls: Option<Outgoing>) -> Self {
        let Settings { keep_alive, connect_timeout, max_connections, .. } = *settings;
        let links = settings.addresses.iter().map(|_| Vec::new()).collect();
        let room = Arc::new(Room { open: AtomicUsize::new(0), most: max_connections.max(1), freed: Notify::new() });
        Self { kept: Mutex::new(Kept { links, swept: false }), room, keep_alive, connect_timeout, tls }
    }

    /// Whether the other would shake hands in the same way.
    pub(super) fn shakes_like(&self, other: Option<&Outgoing>) -> bool {
        match (&self.tls, other) {
            (None, None) => true,
            (Some(tls), Some(other)) => tls.is_same_as(other),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// A kept connection that still lives.
    pub(super) fn take(&self, address: usize) -> Option<Box<Link>> {
        loop {
            let mut link = self.kept().links.get_mut(address)?.pop()?;
            if Instant::now() < link.until && link.is_idle() {
                return Some(link);
            }
        }
    }

    /// A new connection, or one that came back while we waited for room.
    pub(super) async fn open(&self, at: usize, address: &Address, wait: Wait) -> Result<Opened, ForwardError> {
        let place = match self.enter(at, None, wait).await? {
            Entered::Place(place) => place,
            Entered::Link(link) => return Ok(Opened::Kept(link)),
            Entered::Shared(ticket) => return Ok(Opened::Shared(ticket, true)),
        };
        let stream = self.connect(address, Offer::Http1).await?;
        Ok(Opened::New(self.link(stream, place)))
    }

    /// Over TLS the upstream says in the handshake what it speaks. Until that is known one request asks and the others
    /// wait for what it hears.
    pub(super) async fn open_secure(
        &self,
        at: usize,
        address: &Address,
        multiplex: &Arc<Multiplex>,
        wait: Wait,
    ) -> Result<Opened, ForwardError> {
        let mut turn = self.question(multiplex, wait).await?;
        if let Some(ticket) = multiplex.take(false) {
            return Ok(Opened::Shared(ticket, true));
        }
        let place = match Room::enter(&self.room) {
            Some(place) => place,
            None => {
                // While one waits for room, nobody waits for one: each hears in time that there is none.
                drop(turn);
                let place = match self.enter(at, Some(multiplex), wait).await? {
                    Entered::Place(place) => place,
                    Entered::Link(link) => return Ok(Opened::Kept(link)),
                    Entered::Shared(ticket) => return Ok(Opened::Shared(ticket, true)),
                };
                turn = self.question(multiplex, wait).await?;
                if let Some(ticket) = multiplex.take(false) {
                    return Ok(Opened::Shared(ticket, true));
                }
                place
            }
        };
        let stream = self.connect(address, Offer::Any).await?;
        multiplex.decline(!stream.chose_http2());
        let opened = if stream.chose_http2() {
            Opened::Shared(self.add(multiplex, stream, place).await?, false)
        } else {
            Opened::New(self.link(stream, place))
        };
        drop(turn);
        Ok(opened)
    }

    /// The turn to ask what is spoken there; nobody waits for it where that is known to be HTTP/1.1.
    async fn question<'a>(&self, multiplex: &'a Multiplex, wait: Wait) -> Result<Option<Turn<'a>>, ForwardError> {
        if multiplex.is_declined() {
            return Ok(None);
        }
        let mine = self.turn(multiplex, wait).await?;
        Ok(Some(mine).filter(|_| !multiplex.is_declined()))
    }

    /// A place on an HTTP/2 connection: on one that is open, or on a new one. What is full is shared.
    pub(super) async fn share(
        &self,
        multiplex: &Arc<Multiplex>,
        address: &Address,
        wait: Wait,
    ) -> Result<Opened, ForwardError> {
        let _one_at_a_time = self.turn(multiplex, wait).await?;
        if let Some(ticket) = multiplex.take(false) {
            return Ok(Opened::Shared(ticket, true));
        }
        let Some(place) = Room::enter(&self.room) else {
            return multiplex.take(true).map(|ticket| Opened::Shared(ticket, true)).ok_or(ForwardError::Full);
        };
        let stream = self.connect(address, Offer::Any).await?;
        Ok(Opened::Shared(self.add(multiplex, stream, place).await?, false))
    }

    /// A connection that others may share: those who wait for room need none any more.
    pub(super) async fn add(
        &self,
        multiplex: &Arc<Multiplex>,
        stream: Stream,
        held: impl Send + 'static,
    ) -> Result<Ticket, ForwardError> {
        let ticket = multiplex.add(stream, held).await?;
        self.room.freed.notify_waiters();
        Ok(ticket)
    }

    /// Waits no longer than for a connection: those before may all wait in vain for an upstream that says nothing, one after the other.
    async fn turn<'a>(&self, multiplex: &'a Multiplex, wait: Wait) -> Result<Turn<'a>, ForwardError> {
        match wait {
            Wait::Usual => {
                timeout(self.connect_timeout, multiplex.opening.lock()).await.map_err(|_| ForwardError::ConnectTimeout)
            }
            Wait::Never => multiplex.opening.try_lock().map_err(|_| ForwardError::Full),
        }
    }

    /// A socket that nothing was said on; the TLS handshake, where there is one, has its part of the time.
    pub(super) async fn connect(&self, address: &Address, offer: Offer) -> Result<Stream, ForwardError> {
        let connecting = timeout(self.connect_timeout, Stream::connect(address, self.tls.as_ref(), offer)).await;
        connecting.map_err(|_| ForwardError::ConnectTimeout)?
    }

    /// Room for a connection, or one that makes it needless. Waits no longer than for a connection: what is full says so.
    async fn enter(&self, at: usize, multiplex: Option<&Arc<Multiplex>>, wait: Wait) -> Result<Entered, ForwardError> {
        let until = match wait {
            Wait::Usual => Instant::now() + self.connect_timeout,
            Wait::Never => Instant::now(),
        };
        loop {
            // Registered before looking, so that nothing freed in between is missed.
            let mut freed = pin!(self.room.freed.notified());
            freed.as_mut().enable();
            if let Some(place) = Room::enter(&self.room) {
                return Ok(Entered::Place(place));
            }
            if let Some(ticket) = multiplex.and_then(|multiplex| multiplex.take(true)) {
                return Ok(Entered::Shared(ticket));
            }
            if let Some(link) = self.take(at) {
                return Ok(Entered::Link(link));
            }
            // What is kept for another address holds a place that is needed here.
            if self.drop_one_kept() {
                continue;
            }
            timeout_at(until, freed).await.map_err(|_| ForwardError::Full)?;
        }
    }

    fn drop_one_kept(&self) -> bool {
        let dropped = self.kept().links.iter_mut().find(|links| !links.is_empty()).map(|links| links.remove(0));
        dropped.is_some()
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(self: &Arc<Self>, address: usize, mut link: Box<Link>) {
        if self.keep_alive.is_zero() {
            return;
        }
        link.deadline.clear();
        link.codec.rest();
        link.until = link.last.min(Instant::now() + self.keep_alive);
        let mut kept = self.kept();
        if let Some(links) = kept.links.get_mut(address) {
            links.push(link);
        }
        let sweep = !std::mem::replace(&mut kept.swept, true);
        drop(kept);
        if sweep {
            tokio::spawn(sweep_until_empty(Arc::downgrade(self), self.keep_alive));
        }
        self.room.freed.notify_one();
    }

    fn link(&self, stream: Stream, place: Place) -> Box<Link> {
        let last = Instant::now() + self.keep_alive * OLDEST;
        Box::new(Link { codec: Codec::new(stream), deadline: Deadline::default(), last, until: last, place })
    }

    /// Drops what was kept too long or was closed at the other end; whether anything is left to look after.
    fn sweep(&self) -> bool {
        let mut gone = Vec::new();
        let mut kept = self.kept();
        for links in &mut kept.links {
            gone.extend(links.extract_if(.., |link| Instant::now() >= link.until || !link.is_idle()));
        }
        kept.swept = kept.links.iter().any(|links| !links.is_empty());
        let more = kept.swept;
        drop(kept);
        // Sockets are closed outside the lock.
        drop(gone);
        more
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // What is kept stays whole at every step: a panic elsewhere does no harm to it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.kept().links.iter().map(Vec::len).sum(), self.room.open.load(Ordering::Relaxed))
    }
}

/// How long somebody waits for others: for room where all connections are in use, for a turn where another handshake is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// As long as for a connection.
    Usual,
    Never,
}

/// What [`Pool::open`] brings.
#[derive(Debug)]
pub(super) enum Opened {
    New(Box<Link>),
    Kept(Box<Link>),
    /// Whether others went over it before.
    Shared(Ticket, bool),
}

enum Entered {
    Place(Place),
    Link(Box<Link>),
    Shared(Ticket),
}

/// Of those who would shake hands.
type Turn<'a> = tokio::sync::MutexGuard<'a, ()>;

async fn sweep_until_empty(pool: Weak<Pool>, keep_alive: Duration) {
    let pause = (keep_alive / 2).clamp(SHORTEST_SWEEP, LONGEST_SWEEP);
    loop {
        sleep(pause).await;
        // A pool that is gone, after a reload, has closed its connections itself.
        let Some(pool) = pool.upgrade() else { return };
        if !pool.sweep() {
            return;
        }
    }
}

impl Room {
    fn enter(room: &Arc<Self>) -> Option<Place> {
        let fits = |open| (open < room.most).then_some(open + 1);
        room.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Place(Arc::clone(room)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.freed.notify_one();
    }
}

/// So many times `keep_alive` a connection is used at most, however busy it is: a name that leads elsewhere by now is looked
/// up again for the next one.
pub(super) const OLDEST: u32 = 10;
const SHORTEST_SWEEP: Duration = Duration::from_millis(50);
const LONGEST_SWEEP: Duration = Duration::from_secs(10);
