//! What was read from a connection and not used yet.
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

/// Holds no memory while it is empty.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: BytesMut,
    /// How much is read at once.
    room: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), room: LEAST_ROOM }
    }
}

impl Inbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) const fn bytes(&self) -> &BytesMut {
        &self.bytes
    }

    pub(crate) const fn bytes_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Takes so many bytes off the front.
    pub(crate) fn take(&mut self, length: usize) -> Bytes {
        if length == self.bytes.len() {
            std::mem::take(&mut self.bytes).freeze()
        } else {
            self.bytes.split_to(length).freeze()
        }
    }

    /// All of it, for another protocol.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }

    /// Reads what is there; 0 at the end.
    pub(crate) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let read = if self.room == LEAST_ROOM && self.bytes.is_empty() {
            ready!(self.poll_first(stream, cx))?
        } else {
            let missing = self.room.saturating_sub(self.bytes.len()).max(LEAST_READ);
            self.bytes.reserve(missing);
            ready!(pin!(stream.read_buf(&mut self.bytes)).poll(cx))?
        };
        // A large body is read in large pieces: as few system calls as can be.
        if read >= self.room {
            self.room = (self.room * 2).min(MOST_ROOM);
        }
        Poll::Ready(Ok(read))
    }

    /// A message of the usual size gets as much memory as it has bytes, and whoever sends nothing gets none.
    fn poll_first<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [const { MaybeUninit::uninit() }; LEAST_ROOM];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(stream).poll_read(cx, &mut buf))?;
        self.bytes = BytesMut::from(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Lets go of what a connection at rest need not hold.
    pub(crate) fn rest(&mut self) {
        self.room = LEAST_ROOM;
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }
}

/// What is read at once at first: a head with a body of the usual size ...
const LEAST_ROOM: usize = 16 * 1024;
/// ... and at most, when a body turns out to be large: so much is held for each of those who then stop to take it.
const MOST_ROOM: usize = 64 * 1024;
/// No read is smaller, whatever is held already.
const LEAST_READ: usize = 1024;
