//! What is on its way out: heads, framing and small pieces in one buffer, a large piece as it came.
use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Used again from request to request.
    buffer: Vec<u8>,
    /// How much of it was written.
    at: usize,
    /// Follows the buffer.
    piece: Bytes,
    /// Follows the piece.
    tail: &'static [u8],
    /// Something of this message has reached the connection.
    written: bool,
    unflushed: bool,
    /// The pieces of the body among all this, until something was written: where they may be wanted back.
    pieces: Vec<Bytes>,
    keeps: bool,
}

impl Outbox {
    /// One that can give back a body of which nothing was written.
    pub(crate) fn keeping() -> Self {
        Self { keeps: true, ..Self::default() }
    }

    /// What is put here goes out with what follows.
    pub(crate) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Empties it for the next message, whose head is written here.
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        self.buffer.clear();
        (self.at, self.piece, self.tail) = (0, Bytes::new(), b"");
        self.written = false;
        self.pieces.clear();
        &mut self.buffer
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.at == self.buffer.len() && self.piece.is_empty() && self.tail.is_empty()
    }

    /// Whether nothing is left here, nor in the connection's own buffers.
    pub(crate) const fn is_flushed(&self) -> bool {
        self.is_empty() && !self.unflushed
    }

    /// Whether another piece can be added before something is written.
    pub(crate) const fn has_room(&self) -> bool {
        self.piece.is_empty() && self.tail.is_empty() && self.buffer.len() < SMALL
    }

    pub(crate) const fn has_written(&self) -> bool {
        self.written
    }

    /// What it holds of the body, when nothing was written.
    pub(crate) fn take_back(&mut self) -> Option<Vec<Bytes>> {
        (!self.written).then(|| std::mem::take(&mut self.pieces))
    }

    pub(crate) fn piece(&mut self, piece: Bytes) {
        self.add(piece, b"");
    }

    pub(crate) fn chunk(&mut self, piece: Bytes, last: bool) {
        // Writing to memory cannot fail.
        let _written = write!(self.buffer, "{:x}\r\n", piece.len());
        self.add(piece, if last { b"\r\n0\r\n\r\n" } else { b"\r\n" });
    }

    pub(crate) fn last_chunk(&mut self) {
        self.buffer.extend_from_slice(b"0\r\n\r\n");
    }

    fn add(&mut self, piece: Bytes, tail: &'static [u8]) {
        if self.keeps && !self.written {
            self.pieces.push(piece.clone());
        }
        if piece.len() <= SMALL {
            self.buffer.extend_from_slice(&piece);
            self.buffer.extend_from_slice(tail);
        } else {
            (self.piece, self.tail) = (piece, tail);
        }
    }

    /// Ready when everything was written and flushed.
    pub(crate) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let head = self.buffer.get(self.at..).unwrap_or_default();
            let stream = Pin::new(&mut *stream);
            let count = if self.piece.is_empty() && self.tail.is_empty() {
                ready!(stream.poll_write(cx, head))?
            } else {
                let slices = [IoSlice::new(head), IoSlice::new(&self.piece), IoSlice::new(self.tail)];
                ready!(stream.poll_write_vectored(cx, &slices))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(count);
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        self.buffer.clear();
        self.at = 0;
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut count: usize) {
        (self.written, self.unflushed) = (true, true);
        self.pieces.clear();
        let head = count.min(self.buffer.len() - self.at);
        self.at += head;
        count -= head;
        let body = count.min(self.piece.len());
        self.piece.advance(body);
        count -= body;
        self.tail = self.tail.get(count..).unwrap_or_default();
    }

    /// Lets go of more memory than this, for a time in which there is nothing to send.
    pub(crate) fn rest(&mut self, most: usize) {
        if self.buffer.capacity() > most {
            self.buffer = Vec::new();
        }
    }
}

/// Pieces up to this size are copied, so that head and body go out in one packet; larger ones are not.
const SMALL: usize = 8 * 1024;
