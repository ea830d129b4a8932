//! The accept loop: a seat first, then a connection, and patience when the system has none.
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connection::serve;
use super::crowd::Crowd;
use super::listener::{Accepting, Stream};
use super::secure::{greet, greet_announced};
use super::{Handler, Limits, Stop};
use crate::tls::Greeting;
use crate::wire::Peer;

/// What all listeners of one server share.
#[derive(Debug)]
pub(super) struct Shared<H> {
    pub(super) handler: Arc<H>,
    pub(super) limits: ArcSwap<Limits>,
    /// One for each connection there may be.
    pub(super) seats: Arc<Semaphore>,
    pub(super) crowd: Arc<Crowd>,
    pub(super) greeting: Greeting,
    pub(super) stop: Stop,
}

/// Accepts until `closed`.
///
/// The seat is taken before the connection: what finds no seat waits in the kernel's queue and costs us nothing.
pub(super) async fn accept<H: Handler>(listener: Arc<Accepting>, shared: Arc<Shared<H>>, closed: CancellationToken) {
    let mut pause = Pause::default();
    let mut patience = None;
    loop {
        // A reload may change it.
        let asked = shared.limits.load().body_timeout;
        if patience != Some(asked) {
            listener.give_up_after(asked);
            patience = Some(asked);
        }
        let next = async {
            let seat = Arc::clone(&shared.seats).acquire_owned().await;
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            biased;
            () = closed.cancelled() => return admit_the_last(&listener, &shared),
            next = next => next,
        };
        let Ok(seat) = seat else { return };
        match accepted {
            Ok((stream, ip)) => {
                pause = Pause::default();
                admit(&shared, stream, ip, seat);
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(error = %error, wait_ms = pause.0.as_millis(), "cannot accept connections");
                drop(seat);
                tokio::select! {
                    biased;
                    () = closed.cancelled() => return,
                    () = sleep(pause.0) => pause.longer(),
                }
            }
        }
    }
}

/// Who is in the kernel's queue already may have sent a request: closing the socket would reset them.
fn admit_the_last<H: Handler>(listener: &Accepting, shared: &Arc<Shared<H>>) {
    let mut cx = Context::from_waker(Waker::noop());
    while let Ok(seat) = Arc::clone(&shared.seats).try_acquire_owned() {
        let Poll::Ready(Ok((stream, ip))) = pin!(listener.accept()).poll(&mut cx) else { return };
        admit(shared, stream, ip, seat);
    }
}

fn admit<H: Handler>(shared: &Arc<Shared<H>>, stream: Stream, ip: Option<IpAddr>, seat: OwnedSemaphorePermit) {
    let limits = shared.limits.load_full();
    let announcing = ip.is_some_and(|ip| limits.announcing.iter().any(|net| net.contains(&ip.to_canonical())));
    // Who is announced is counted when that was read, and not the proxy for all of them.
    let place = match ip.filter(|_| !announcing) {
        None => None,
        Some(ip) => match shared.crowd.enter(ip, limits.max_connections_per_ip) {
            Some(place) => Some(place),
            None => {
                tracing::debug!(%ip, "closed a connection: the address holds its most already");
                return;
            }
        },
    };
    let (handler, stop) = (Arc::clone(&shared.handler), shared.stop.clone());
    let peer = Peer { ip, tls: false };
    // Seat and place are given back when the connection ends, however it ends.
    let held = (seat, place);
    // A task of its own kind for each, so that none has room for what another needs.
    drop(match (stream, shared.greeting.load_full()) {
        (Stream::Tcp(stream), config) if announcing => {
            let crowd = Arc::clone(&shared.crowd);
            shared.stop.spawn(async move {
                Box::pin(greet_announced(stream, crowd, config, peer, handler, limits, stop)).await;
                drop(held);
            })
        }
        (Stream::Tcp(stream), Some(config)) => shared.stop.spawn(async move {
            greet(stream, config, peer, handler, limits, stop).await;
            drop(held);
        }),
        (Stream::Tcp(stream), None) => shared.stop.spawn(async move {
            serve(stream, peer, handler, limits, stop).await;
            drop(held);
        }),
        (Stream::Unix(stream), _) => shared.stop.spawn(async move {
            serve(stream, peer, handler, limits, stop).await;
            drop(held);
        }),
    });
}

/// The client was gone before we took it: the next one may be well.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
    )
}

/// How long to wait when the system has no descriptor or no memory left: it would refuse the next one as well, and
/// asking again at once takes the processor from those who could give something back.
#[derive(Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(10))
    }
}

impl Pause {
    fn longer(&mut self) {
        self.0 = (self.0 * 2).min(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_left_does_not_make_the_others_wait() {
        assert!(concerns_one_connection(&io::Error::from(io::ErrorKind::ConnectionAborted)));
        for out_of in [12, 23, 24] {
            assert!(!concerns_one_connection(&io::Error::from_raw_os_error(out_of)), "errno {out_of}");
        }
    }

    #[test]
    fn pauses_grow_to_a_second_and_stay_there() {
        let mut pause = Pause::default();
        for _ in 0..20 {
            pause.longer();
        }
        assert_eq!(pause.0, Duration::from_secs(1));
    }
}
