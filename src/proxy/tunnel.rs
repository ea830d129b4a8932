//! Two connections joined: bytes go both ways as fast as the slower side takes them, until one side ends, nothing moves
//! for too long, the session behind it ends, or the gateway stops. The last three are said in a close frame.
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::frames::{Frames, close_frame};
use super::stream::Stream;
use crate::base::quick_random;
use crate::wire::{Deadline, Io, Stopping};

type Client = TokioIo<Box<dyn Io>>;

/// A WebSocket on its way through.
pub(super) struct Tunnel {
    client: Client,
    backend: Stream,
    up: Way,
    down: Way,
    idle_timeout: Duration,
    idle: Deadline,
}

enum End {
    /// One side ended, or broke.
    Side,
    Idle,
    Session,
    Stop,
}

impl Tunnel {
    /// `first` is what the upstream sent right after its 101.
    pub(super) fn new(client: Box<dyn Io>, backend: Stream, first: Bytes, idle_timeout: Duration) -> Self {
        backend.give_up_after(idle_timeout);
        let mut down = Way::default();
        down.frames.note(&first);
        down.held = first;
        Self {
            client: TokioIo::new(client),
            backend,
            up: Way::default(),
            down,
            idle_timeout,
            idle: Deadline::default(),
        }
    }

    pub(super) async fn run(mut self, ended: impl Future<Output = ()> + Send, mut stopping: Stopping) {
        let mut ended = pin!(ended);
        let end = poll_fn(|cx| {
            if ended.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Session);
            }
            if stopping.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Stop);
            }
            self.poll_pump(cx)
        })
        .await;
        match end {
            End::Side => self.finish().await,
            End::Idle => self.goodbye(1001, "nothing was sent for too long").await,
            End::Session => self.goodbye(1008, "the session has ended").await,
            End::Stop => self.goodbye(1001, "the gateway is stopping").await,
        }
    }

    fn poll_pump(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let before = (self.up.moved, self.down.moved);
        let up = self.up.poll(&mut self.client, &mut self.backend, cx);
        let down = self.down.poll(&mut self.backend, &mut self.client, cx);
        if up.is_ready() || down.is_ready() {
            return Poll::Ready(End::Side);
        }
        if before != (self.up.moved, self.down.moved) {
            self.idle.clear();
        }
        self.idle.set_if_clear(self.idle_timeout);
        ready!(self.idle.poll_passed(cx));
        Poll::Ready(End::Idle)
    }

    /// One side has ended: what the other still has on its way is delivered, for a while.
    async fn finish(mut self) {
        let rest = poll_fn(|cx| {
            let up = self.up.ended || self.up.poll(&mut self.client, &mut self.backend, cx).is_ready();
            let down = self.down.ended || self.down.poll(&mut self.backend, &mut self.client, cx).is_ready();
            if up && down { Poll::Ready(()) } else { Poll::Pending }
        });
        // Whoever does not close in time is cut off.
        let _late = timeout(FINISH, rest).await;
    }

    /// Ends both sides with a close frame, as soon as the frame that is on its way has passed.
    async fn goodbye(mut self, code: u16, words: &str) {
        let whole = poll_fn(|cx| {
            if self.down.is_between_frames() {
                return Poll::Ready(true);
            }
            self.down.poll(&mut self.backend, &mut self.client, cx).map(|()| false)
        });
        if timeout(FRAME, whole).await == Ok(true) {
            let said = async {
                self.client.write_all(&close_frame(code, words, None)).await?;
                self.client.shutdown().await
            };
            let _gone = timeout(FRAME, said).await;
        }
        if self.up.is_between_frames() {
            let [a, b, c, d, ..] = quick_random().to_ne_bytes();
            let _gone = timeout(FRAME, self.backend.write_all(&close_frame(code, words, Some([a, b, c, d])))).await;
        }
        drop(self.backend);
        // A socket that is closed with bytes unread in it is reset, and the close frame may be lost with it.
        let mut client = self.client;
        let answered = poll_fn(|cx| {
            let mut space = [0_u8; PIECE];
            loop {
                let mut buf = ReadBuf::new(&mut space);
                let read = ready!(Pin::new(&mut client).poll_read(cx, &mut buf));
                if read.is_err() || buf.filled().is_empty() {
                    return Poll::Ready(());
                }
            }
        });
        let _late = timeout(ANSWER, answered).await;
    }
}

/// One direction. Nothing is held unless the other side takes less than came, and nothing is read before it took that.
#[derive(Debug, Default)]
struct Way {
    held: Bytes,
    frames: Frames,
    /// Counts what passed.
    moved: u64,
    unflushed: bool,
    /// The reading side has ended.
    over: bool,
    ended: bool,
}

impl Way {
    /// Ready when this direction has ended.
    fn poll<R, W>(&mut self, from: &mut R, to: &mut W, cx: &mut Context<'_>) -> Poll<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let outcome = ready!(self.poll_move(from, to, cx));
        self.ended = true;
        if let Err(error) = outcome {
            tracing::trace!(error = %error, "one direction of a tunnel broke");
        }
        Poll::Ready(())
    }

    fn poll_move<R, W>(&mut self, from: &mut R, to: &mut W, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut space = [0_u8; PIECE];
        loop {
            while !self.held.is_empty() {
                let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.held))?;
                self.wrote(written)?;
                self.held.advance(written);
            }
            if self.over {
                return Pin::new(&mut *to).poll_shutdown(cx);
            }
            let mut buf = ReadBuf::new(&mut space);
            if Pin::new(&mut *from).poll_read(cx, &mut buf)?.is_pending() {
                if self.unflushed {
                    ready!(Pin::new(&mut *to).poll_flush(cx))?;
                    self.unflushed = false;
                }
                return Poll::Pending;
            }
            let read = buf.filled();
            if read.is_empty() {
                self.over = true;
                continue;
            }
            self.frames.note(read);
            let mut written = 0;
            if let Poll::Ready(taken) = Pin::new(&mut *to).poll_write(cx, read)? {
                self.wrote(taken)?;
                written = taken;
            }
            self.held = Bytes::copy_from_slice(read.get(written..).unwrap_or_default());
        }
    }

    fn wrote(&mut self, written: usize) -> io::Result<()> {
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.moved = self.moved.wrapping_add(1);
        self.unflushed = true;
        Ok(())
    }

    fn is_between_frames(&self) -> bool {
        self.held.is_empty() && self.frames.is_between()
    }
}

/// What is read at once. It stands on the stack: a tunnel in which nothing moves holds no buffer.
const PIECE: usize = 16 * 1024;
/// For the other side to end as well, after one did.
const FINISH: Duration = Duration::from_secs(10);
/// For the frame on its way to pass, and for the close frame to be taken.
const FRAME: Duration = Duration::from_millis(200);
/// For the client to answer a close frame.
const ANSWER: Duration = Duration::from_secs(1);
