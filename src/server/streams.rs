//! The tasks of HTTP/2 streams. A client that closes its window on one stream stalls that stream only, and loses it
//! after a while; the socket itself never blocks, so the connection's own deadline does not see it.
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

/// Starts the task of each stream, as hyper asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    /// How long a client may leave a piece of an answer lying.
    pub(super) take: Duration,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        // The stream ends when its connection does: nobody waits for the task itself.
        match STREAM.try_with(|stream| stream.tunnel.take()).ok().flatten() {
            None => drop(tokio::spawn(STREAM.scope(Known::default(), run(stream, self.take)))),
            // What writes into a tunnel is started from within the stream that became it. Without the tunnel it would
            // wait for ever for a client that takes nothing; dropped, it resets the stream.
            Some(over) => drop(tokio::spawn(over.run_until_cancelled_owned(stream))),
        }
    }
}

/// This stream becomes a tunnel, which lasts until `over` at most.
pub(super) fn becomes_tunnel(over: CancellationToken) {
    let _ = STREAM.try_with(|stream| stream.tunnel.set(Some(over)));
}

/// A piece of an answer's body was handed to hyper, or (`false`) hyper asks for the next one.
pub(super) fn note_piece(handed_out: bool) {
    // Outside a stream's task (HTTP/1) nobody listens, and nobody needs to.
    let _ = STREAM.try_with(|stream| {
        let before = stream.taken.get();
        stream.taken.set(Taken { lying: handed_out, pieces: before.pieces.wrapping_add(1) });
    });
}

tokio::task_local! {
    static STREAM: Known;
}

/// What is known of a stream in its task.
#[derive(Default)]
struct Known {
    taken: Cell<Taken>,
    /// When the tunnel that it becomes is over.
    tunnel: Cell<Option<CancellationToken>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Taken {
    /// hyper holds a piece that the client has not made room for.
    lying: bool,
    pieces: u32,
}

async fn run<F: Future>(stream: F, take: Duration) {
    let mut stream = pin!(stream);
    let mut stall = Stall { timer: None, seen: Taken::default() };
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // Ready when stalled too long: the stream is dropped with this task, and hyper's h2 resets it.
        stall.poll(cx, take)
    })
    .await;
}

struct Stall {
    timer: Option<Pin<Box<Sleep>>>,
    seen: Taken,
}

impl Stall {
    fn poll(&mut self, cx: &mut Context<'_>, take: Duration) -> Poll<()> {
        let now = STREAM.with(|stream| stream.taken.get());
        if !now.lying {
            return Poll::Pending;
        }
        if now != self.seen {
            self.seen = now;
            let due = Instant::now() + take;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(due),
                None => self.timer = Some(Box::pin(tokio::time::sleep_until(due))),
            }
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
