//! HTTP/2 connections to one address. Many requests share each; a task of its own drives it.
use std::future::{Future as _, poll_fn};
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
    /// So many it takes at once.
    most: AtomicUsize,
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

    /// A place on the connection with the fewest requests; `crowded`: on one that takes no more at once as well.
    pub(super) fn take(&self, crowded: bool) -> Option<Ticket> {
        let open = self.open();
        let alive = open.iter().filter(|shared| shared.is_good());
        let least = alive.min_by_key(|shared| shared.streams.load(Ordering::Acquire))?;
        let fits = crowded || least.streams.load(Ordering::Acquire) < least.most.load(Ordering::Acquire);
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
            .initial_max_send_streams(FIRST)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MOST_HEADERS)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_ANSWER);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(ForwardError::broken)?;
        let shared = Arc::new(Shared {
            sender,
            streams: AtomicUsize::new(0),
            most: AtomicUsize::new(FIRST),
            shunned: AtomicBool::new(false),
        });
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
                // Each request passes here: what the upstream allows is known as of the last one.
                let ended = poll_fn(|cx| {
                    let ended = connection.as_mut().poll(cx);
                    let allowed = connection.current_max_send_streams();
                    shared.most.store(allowed.clamp(1, USUAL_MOST), Ordering::Release);
                    ended
                });
                tokio::select! {
                    _ended = ended => break,
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

/// Requests at once on one connection, where the upstream does not want fewer ...
const USUAL_MOST: usize = 100;
/// ... and before it has said what it wants.
const FIRST: usize = 8;
/// What an upstream may send of one answer before the client takes it ...
const WINDOW: u32 = 64 * 1024;
/// ... and of all answers of one connection: more than their windows together, however many share it. So clients that take
/// nothing use up no more than their own.
const CONNECTION_WINDOW: u32 = 1024 * 1024 * 1024;
/// What waits for the upstream to take it, for each stream.
const SEND_BUFFER: usize = 128 * 1024;
const MOST_HEADERS: u32 = 64 * 1024;
/// An upstream with requests in flight is asked whether it is still there ...
const PING_EVERY: Duration = Duration::from_secs(30);
/// ... and must say so within this time.
const PING_ANSWER: Duration = Duration::from_secs(20);
const SHORTEST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body::{Body, Frame};
    use http_body_util::BodyExt as _;
    use hyper::server::conn::http2 as server;
    use hyper::service::service_fn;
    use tokio::net::TcpListener;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::proxy::settings::Address;
    use crate::tls::Offer;

    const PIECE: usize = 16 * 1024;

    /// So many pieces are left to send, and each is counted.
    struct Pieces(usize, Arc<AtomicUsize>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
            self.0 = left;
            self.1.fetch_add(PIECE, Ordering::SeqCst);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; PIECE])))))
        }
    }

    async fn answer(multiplex: &Multiplex, path: &str) -> Response<hyper::body::Incoming> {
        let mut ticket = multiplex.take(true).unwrap();
        let request = Request::builder().uri(format!("http://app{path}")).body(Upload::default()).unwrap();
        ticket.sender.try_send_request(request).await.map_err(|error| error.into_error()).unwrap()
    }

    #[tokio::test]
    async fn answers_that_nobody_takes_stop_no_other_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port: listener.local_addr().unwrap().port() };
        let sent = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&sent);
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            let service = service_fn(|request: Request<_>| {
                let pieces = if request.uri().path() == "/small" { 1 } else { usize::MAX };
                let body = Pieces(pieces, Arc::clone(&counting));
                async move { Ok::<_, Infallible>(Response::new(body)) }
            });
            let builder = server::Builder::new(TokioExecutor::new());
            builder.serve_connection(TokioIo::new(socket), service).await
        });
        let multiplex = Arc::new(Multiplex::new(Duration::from_secs(60)));
        let stream = Stream::connect(&address, None, Offer::Any).await.unwrap();
        drop(multiplex.add(stream, ()).await.unwrap());
        let mut untaken = Vec::new();
        for _ in 0..USUAL_MOST {
            untaken.push(answer(&multiplex, "/large").await);
        }
        let all = async {
            // As much as it may: before, 32 answers of that many used up what all may send.
            while sent.load(Ordering::SeqCst) < USUAL_MOST * usize::try_from(WINDOW).unwrap() {
                sleep(Duration::from_millis(2)).await;
            }
            answer(&multiplex, "/small").await.into_body().collect().await.unwrap().to_bytes()
        };
        let small = timeout(Duration::from_secs(20), all)
            .await
            .expect("the others take nothing, and nobody else is sent anything");
        assert_eq!(small.len(), PIECE);
    }
}
