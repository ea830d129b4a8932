//! HTTP/2 connections to one address. Many requests share each; a task of its own drives it.
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::ForwardError;
use super::pool::OLDEST;
use super::stream::Stream;
use super::upload::Upload;
use crate::wire::Deadline;

/// The connections to one address.
#[derive(Debug)]
pub(super) struct Multiplex {
    open: Mutex<Vec<Arc<Shared>>>,
    keep_alive: Duration,
    /// The upstream chose HTTP/1.1 when it was asked last.
    declined: AtomicBool,
    /// One handshake at a time: those who wait for it share what comes of it.
    pub(super) opening: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Shared {
    sender: http2::SendRequest<Upload>,
    streams: AtomicUsize,
    /// It failed somebody: nobody else is sent over it.
    shunned: AtomicBool,
}

/// A place for one request on a shared connection.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) sender: http2::SendRequest<Upload>,
    pub(super) deadline: Deadline,
    shared: Arc<Shared>,
}

impl Ticket {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.streams.fetch_add(1, Ordering::AcqRel);
        Self { sender: shared.sender.clone(), deadline: Deadline::default(), shared: Arc::clone(shared) }
    }

    pub(super) fn shun(&self) {
        self.shared.shunned.store(true, Ordering::Release);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Multiplex {
    pub(super) fn new(keep_alive: Duration) -> Self {
        Self {
            open: Mutex::default(),
            keep_alive,
            declined: AtomicBool::new(false),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Whether nothing is to be expected here.
    pub(super) fn is_declined(&self) -> bool {
        self.declined.load(Ordering::Acquire)
    }

    pub(super) fn decline(&self, declined: bool) {
        self.declined.store(declined, Ordering::Release);
    }

    /// A place on the connection with the fewest requests; `crowded`: on one that has its usual most as well.
    pub(super) fn take(&self, crowded: bool) -> Option<Ticket> {
        let open = self.open();
        let alive = open.iter().filter(|shared| shared.is_good());
        let least = alive.min_by_key(|shared| shared.streams.load(Ordering::Acquire))?;
        let fits = crowded || least.streams.load(Ordering::Acquire) < USUAL_MOST;
        fits.then(|| Ticket::new(least))
    }

    /// Makes a connection of a socket. `held` lives as long as it.
    pub(super) async fn add(
        self: &Arc<Self>,
        stream: Stream,
        held: impl Send + 'static,
    ) -> Result<Ticket, ForwardError> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MOST_HEADERS)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_ANSWER);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(ForwardError::broken)?;
        let shared = Arc::new(Shared { sender, streams: AtomicUsize::new(0), shunned: AtomicBool::new(false) });
        let ticket = Ticket::new(&shared);
        self.open().push(Arc::clone(&shared));
        let all = Arc::downgrade(self);
        let keep_alive = self.keep_alive;
        drop(tokio::spawn(async move {
            let mut connection = pin!(connection);
            let mut looks = interval((keep_alive / 2).clamp(SHORTEST_LOOK, LONGEST_LOOK));
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let (mut used_at, born) = (Instant::now(), Instant::now());
            loop {
                tokio::select! {
                    _ended = &mut connection => break,
                    _ = looks.tick() => {}
                }
                if born.elapsed() >= keep_alive * OLDEST {
                    shared.shunned.store(true, Ordering::Release);
                }
                if shared.streams.load(Ordering::Acquire) > 0 {
                    used_at = Instant::now();
                } else if shared.is_good() && used_at.elapsed() < keep_alive && all.strong_count() > 0 {
                    continue;
                } else if all.upgrade().is_none_or(|all| all.forget_unused(&shared)) {
                    break;
                }
            }
            if let Some(all) = all.upgrade() {
                all.open().retain(|other| !Arc::ptr_eq(other, &shared));
            }
            drop(held);
        }));
        Ok(ticket)
    }

    /// Nobody can take a place on it from now on, unless somebody just did.
    fn forget_unused(&self, shared: &Arc<Shared>) -> bool {
        let mut open = self.open();
        let unused = shared.streams.load(Ordering::Acquire) == 0;
        if unused {
            open.retain(|other| !Arc::ptr_eq(other, shared));
        }
        unused
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Shared>>> {
        // The list is whole at every step: a panic elsewhere does no harm to it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn is_good(&self) -> bool {
        !self.shunned.load(Ordering::Acquire) && !self.sender.is_closed()
    }
}

/// Requests at once on one connection: what most servers take.
const USUAL_MOST: usize = 100;
/// What an upstream may send of one answer before the client takes it ...
const WINDOW: u32 = 256 * 1024;
/// ... and of all answers of one connection. One client that takes nothing does not use it up.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
/// What waits for the upstream to take it, for each stream.
const SEND_BUFFER: usize = 128 * 1024;
const MOST_HEADERS: u32 = 64 * 1024;
/// An upstream with requests in flight is asked whether it is still there ...
const PING_EVERY: Duration = Duration::from_secs(30);
/// ... and must say so within this time.
const PING_ANSWER: Duration = Duration::from_secs(20);
const SHORTEST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(10);
