//! What is on its way to the upstream: heads, framing and small pieces in one buffer, a large piece as it came.
use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::proxy::stream::Stream;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Used again from request to request.
    buffer: Vec<u8>,
    /// How much of it was written.
    at: usize,
    /// Follows the buffer.
    piece: Bytes,
    /// Follows the piece.
    tail: &'static [u8],
    /// Something of this request has reached the connection.
    written: bool,
    unflushed: bool,
    /// The pieces of the body among all this, until something was written.
    pieces: Vec<Bytes>,
}

impl Outbox {
    /// Empties it for the next request, whose head is written here.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        self.buffer.clear();
        (self.at, self.piece, self.tail) = (0, Bytes::new(), b"");
        self.written = false;
        self.pieces.clear();
        &mut self.buffer
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.at == self.buffer.len() && self.piece.is_empty() && self.tail.is_empty()
    }

    /// Whether another piece can be added before something is written.
    pub(super) const fn has_room(&self) -> bool {
        self.piece.is_empty() && self.tail.is_empty() && self.buffer.len() < SMALL
    }

    pub(super) const fn has_written(&self) -> bool {
        self.written
    }

    /// What it holds of the body, when nothing was written.
    pub(super) fn take_back(&mut self) -> Option<Vec<Bytes>> {
        (!self.written).then(|| std::mem::take(&mut self.pieces))
    }

    pub(super) fn piece(&mut self, piece: Bytes) {
        self.add(piece, b"");
    }

    pub(super) fn chunk(&mut self, piece: Bytes, last: bool) {
        // Writing to memory cannot fail.
        let _written = write!(self.buffer, "{:x}\r\n", piece.len());
        self.add(piece, if last { b"\r\n0\r\n\r\n" } else { b"\r\n" });
    }

    pub(super) fn last_chunk(&mut self) {
        self.buffer.extend_from_slice(b"0\r\n\r\n");
    }

    fn add(&mut self, piece: Bytes, tail: &'static [u8]) {
        if !self.written {
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
    pub(super) fn poll_flush(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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

    /// Lets go of memory that a request without a large body does not need.
    pub(super) fn rest(&mut self) {
        if self.buffer.capacity() > 2 * SMALL {
            self.buffer = Vec::new();
        }
    }
}

/// Pieces up to this size are copied, so that head and body go out in one packet; larger ones are not.
const SMALL: usize = 8 * 1024;
