//! What a connection is doing, noted where its bytes pass.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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
    /// What is in flight is to be finished, and nothing new taken.
    finishing: AtomicBool,
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
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.head.store(false, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    pub(super) fn finish(&self) {
        self.finishing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        // A request may still come while the goodbye is on its way to an HTTP/2 client, and is answered whole.
        if self.open.load(Ordering::Relaxed) > 0 {
            Phase::Busy
        } else if self.closing.load(Ordering::Relaxed) {
            Phase::Closing
        } else if self.head.load(Ordering::Relaxed) || self.begun.load(Ordering::Relaxed) == 0 {
            Phase::Head
        } else {
            Phase::Idle
        }
    }

    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// `Some` while the socket takes nothing more; the number changes with everything it takes.
    pub(super) fn blocked(&self) -> Option<u32> {
        self.blocked.load(Ordering::Relaxed).then(|| self.wrote.load(Ordering::Relaxed))
    }

    /// Bytes came (HTTP/1 only): outside a request they are the next one's head.
    pub(super) fn note_read(&self) {
        if self.open.load(Ordering::Relaxed) == 0 {
            self.head.store(true, Ordering::Relaxed);
        }
    }

    /// Those were not a head after all, and have been read to their end.
    pub(super) fn note_rest(&self) {
        self.head.store(false, Ordering::Relaxed);
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        self.blocked.store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.wrote.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// TLS takes more than its socket does, and tells only here that this is full.
    fn note_flush(&self, flushed: &Poll<io::Result<()>>) {
        self.blocked.store(flushed.is_pending(), Ordering::Relaxed);
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Pulse>);

impl Busy {
    /// The same request goes on elsewhere after its answer.
    pub(super) fn longer(&self) -> Self {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket whose writes are noted: whether the client takes them has a deadline. It gives back first what was read already.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    first: Bytes,
    pulse: Arc<Pulse>,
}

impl<S> Watched<S> {
    pub(super) const fn new(stream: S, first: Bytes, pulse: Arc<Pulse>) -> Self {
        Self { stream, first, pulse }
    }

    pub(super) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.first.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let most = this.first.len().min(buf.remaining());
        buf.put_slice(&this.first.split_to(most));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.pulse.note_write(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.pulse.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.pulse.note_flush(&flushed);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.pulse.close();
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_awaits_its_first_head_then_is_busy_then_idle() {
        let pulse = Arc::new(Pulse::default());
        assert_eq!(pulse.phase(), Phase::Head);
        let busy = pulse.begin();
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
