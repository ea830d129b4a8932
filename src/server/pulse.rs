//! What a connection is doing, noted where its bytes pass.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::strict::Strict;
use crate::wire::Takeover;

/// The state of one connection, without a clock: noting costs an atomic store, and only whoever keeps the deadlines
/// (`drive`) asks for the time, once for each change.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Requests whose answer has not ended.
    open: AtomicU32,
    /// Requests ever begun.
    begun: AtomicU32,
    /// Bytes came since the last answer ended (HTTP/1 only).
    head: AtomicBool,
    /// The last write found the socket full.
    blocked: AtomicBool,
    /// Writes that took something.
    wrote: AtomicU32,
    /// The connection is on its way out.
    closing: AtomicBool,
    /// The client may still be sending: a body that nobody asked for, or a head we refused.
    unread: AtomicBool,
    /// Who goes on with the connection when HTTP/1 is done with it.
    heir: Mutex<Option<Takeover>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between two requests.
    Idle,
    /// A request's head is on its way, or the first one is awaited.
    Head,
    /// A request is being answered; its own deadlines are the handler's.
    Busy,
    /// Saying goodbye.
    Closing,
}

impl Pulse {
    /// A request's head is complete. The answer has ended when the returned value is dropped.
    pub(super) fn begin(self: &Arc<Self>, has_body: bool) -> Busy {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.head.store(false, Ordering::Relaxed);
        self.unread.store(has_body, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    pub(super) fn leave_to(&self, heir: Takeover) {
        *self.heir.lock().unwrap_or_else(PoisonError::into_inner) = Some(heir);
    }

    pub(super) fn take_heir(&self) -> Option<Takeover> {
        self.heir.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        if self.closing.load(Ordering::Relaxed) {
            Phase::Closing
        } else if self.open.load(Ordering::Relaxed) > 0 {
            Phase::Busy
        } else if self.head.load(Ordering::Relaxed) || self.begun.load(Ordering::Relaxed) == 0 {
            Phase::Head
        } else {
            Phase::Idle
        }
    }

    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether the last request had a body.
    pub(super) fn had_body(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// `Some` while the socket takes nothing more; the number changes with everything it takes.
    pub(super) fn blocked(&self) -> Option<u32> {
        self.blocked.load(Ordering::Relaxed).then(|| self.wrote.load(Ordering::Relaxed))
    }

    fn note_read(&self) {
        if self.open.load(Ordering::Relaxed) == 0 {
            self.head.store(true, Ordering::Relaxed);
        }
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        self.blocked.store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.wrote.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn client_may_be_sending(&self) -> bool {
        self.unread.load(Ordering::Relaxed) || self.head.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket that notes what passes and says goodbye politely.
#[derive(Debug)]
pub(super) struct Watched<S> {
    inner: TokioIo<Strict<S>>,
    pulse: Arc<Pulse>,
    /// HTTP/2 frames arrive at any time and say nothing about a head.
    http1: bool,
    write_ended: bool,
    discarded: usize,
}

impl<S> Watched<S> {
    /// `first` is what the sniffer read already.
    pub(super) fn new(stream: S, first: Bytes, pulse: Arc<Pulse>, http1: bool) -> Self {
        let inner = TokioIo::new(Strict::new(stream, first, http1));
        Self { inner, pulse, http1, write_ended: false, discarded: 0 }
    }

    /// The bare socket, when everything that came of it was whole requests, or the beginning of one.
    pub(super) fn between_requests(self) -> Option<S> {
        self.inner.into_inner().between_requests()
    }

    /// What comes from now on is another protocol.
    pub(super) fn leave_http(&mut self) {
        self.inner.inner_mut().leave_http();
    }
}

impl<S: AsyncRead + Unpin> Read for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        if this.http1 {
            this.pulse.note_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Write for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.pulse.note_write(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.pulse.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    /// Closing a socket with unread bytes in it makes the kernel send a reset, which can reach the client before our
    /// answer does. So we end our side and read on for a while (RFC 9112, section 9.6).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.pulse.close();
        if !this.write_ended {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            this.write_ended = true;
        }
        if this.http1 && this.pulse.client_may_be_sending() { this.poll_discard(cx) } else { Poll::Ready(Ok(())) }
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0_u8; 4096];
        while self.discarded < DISCARD_BYTES {
            let mut buf = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(self.inner.inner_mut().stream_mut()).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
            self.discarded += buf.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

/// So much is read of a body that nobody asked for; a client that sends more finds the connection closed.
const DISCARD_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_awaits_its_first_head_then_is_busy_then_idle() {
        let pulse = Arc::new(Pulse::default());
        assert_eq!(pulse.phase(), Phase::Head);
        let busy = pulse.begin(false);
        assert_eq!(pulse.phase(), Phase::Busy);
        pulse.note_read();
        drop(busy);
        assert_eq!(pulse.phase(), Phase::Idle, "what came during an answer is not yet a head");
        pulse.note_read();
        assert_eq!(pulse.phase(), Phase::Head);
        pulse.close();
        assert_eq!(pulse.phase(), Phase::Closing);
    }

    #[test]
    fn a_blocked_write_is_seen_until_something_is_taken() {
        let pulse = Pulse::default();
        assert_eq!(pulse.blocked(), None);
        pulse.note_write(&Poll::Pending);
        let first = pulse.blocked().unwrap();
        pulse.note_write(&Poll::Ready(Ok(1)));
        assert_eq!(pulse.blocked(), None);
        pulse.note_write(&Poll::Pending);
        assert_ne!(pulse.blocked().unwrap(), first);
    }
}
