//! HTTP/1.1 towards an upstream (RFC 9112): one connection, one exchange after the other.
//!
//! It is driven by whoever uses it, writes heads straight into bytes, and takes only what can be read in one way.
mod head;
mod trial;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::Response;
use http_body::Body as _;
use tokio::io::{AsyncRead, ReadBuf};

use super::outgoing::{Head, Length};
use super::stream::Stream;
use super::upload::Upload;
use crate::wire::BodyError;
use crate::wire::http1::{BadChunks, Chunks, Inbox, Outbox, Step};
use head::Parsed;
pub(crate) use trial::Answer;

/// One connection, and how far the exchange on it is.
#[derive(Debug)]
pub(super) struct Codec {
    stream: Stream,
    inbox: Inbox,
    outbox: Outbox,
    sending: Sending,
    /// The connection takes no more.
    broken: bool,
    /// The answer has no body, whatever its head says.
    head_only: bool,
    heard: bool,
    /// Interim answers so far.
    interim: u8,
    reading: Reading,
    /// The upstream keeps the connection open, and the end of the answer is beyond doubt.
    reusable: bool,
}

/// What is left of the request's body.
#[derive(Debug)]
enum Sending {
    Nothing,
    Exact(u64),
    Chunked,
    /// The client's body failed: its end, which would make a whole of it, is never written.
    Cut,
}

/// Where in the answer we are.
#[derive(Debug)]
enum Reading {
    Head,
    Exact(u64),
    Chunked(Chunks),
    /// The body ends with the connection.
    ToTheEnd,
    Done,
}

/// The client's body failed, or is not what was announced.
#[derive(Debug)]
pub(super) struct SendError(pub(super) BodyError);

/// Why there is no answer, or no more of one.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the connection ended before the answer")]
    Unheard(#[source] io::Error),
    #[error("the connection broke off in the middle of the answer")]
    Broken(#[source] io::Error),
    #[error("{0}")]
    Nonsense(&'static str),
}

impl From<BadChunks> for ReadError {
    fn from(BadChunks(why): BadChunks) -> Self {
        Self::Nonsense(why)
    }
}

impl ReadError {
    fn ended(error: Option<io::Error>, heard: bool) -> Self {
        let error = error.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
        if heard { Self::Broken(error) } else { Self::Unheard(error) }
    }
}

impl Codec {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            inbox: Inbox::default(),
            outbox: Outbox::keeping(),
            sending: Sending::Nothing,
            broken: false,
            head_only: false,
            heard: false,
            interim: 0,
            reading: Reading::Done,
            reusable: true,
        }
    }

    /// Begins an exchange: the head is written into memory, and sent with what the body has ready.
    pub(super) fn begin(&mut self, request: &Head<'_>, place: &http::HeaderValue) {
        request.write(place, self.outbox.begin());
        self.sending = match request.length() {
            Length::Untold | Length::Exact(0) => Sending::Nothing,
            Length::Exact(length) => Sending::Exact(length),
            Length::Unknown => Sending::Chunked,
        };
        self.head_only = request.is_head();
        self.heard = false;
        self.interim = 0;
        self.reading = Reading::Head;
    }

    /// Sends as much as the connection takes; ready when all was sent, or when the connection takes no more.
    pub(super) fn poll_send(
        &mut self,
        upload: &mut Option<Upload>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        loop {
            let waits = self.gather(upload, cx).inspect_err(|_| self.sending = Sending::Cut)?;
            if self.broken {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.outbox.poll_flush(&mut self.stream, cx)).is_err() {
                // What the upstream has said before, or says now, tells more than that.
                (self.broken, self.reusable) = (true, false);
                return Poll::Ready(Ok(()));
            }
            if matches!(self.sending, Sending::Nothing) {
                return Poll::Ready(Ok(()));
            }
            if waits {
                return Poll::Pending;
            }
        }
    }

    /// Takes what the client has sent so far, as much as is sent in one go; whether more is to come from it.
    fn gather(&mut self, upload: &mut Option<Upload>, cx: &mut Context<'_>) -> Result<bool, SendError> {
        while !matches!(self.sending, Sending::Nothing) && self.outbox.has_room() {
            let Some(body) = upload.as_mut().filter(|_| !matches!(self.sending, Sending::Cut)) else {
                return Err(SendError(Box::new(ReadError::Nonsense(SHORT))));
            };
            let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else { return Ok(true) };
            match frame {
                Some(Ok(frame)) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    let last = body.is_end_stream();
                    self.take(piece, last)?;
                }
                Some(Err(error)) => return Err(SendError(error)),
                None => self.finish()?,
            }
        }
        Ok(false)
    }

    fn take(&mut self, piece: Bytes, last: bool) -> Result<(), SendError> {
        match &mut self.sending {
            Sending::Nothing | Sending::Cut => {}
            Sending::Exact(left) => {
                let length = piece.len() as u64;
                *left = left.checked_sub(length).ok_or_else(|| SendError(Box::new(ReadError::Nonsense(LONG))))?;
                if *left == 0 {
                    self.sending = Sending::Nothing;
                }
                self.outbox.piece(piece);
                if last {
                    self.finish()?;
                }
            }
            Sending::Chunked if piece.is_empty() => {
                if last {
                    self.finish()?;
                }
            }
            Sending::Chunked => {
                self.outbox.chunk(piece, last);
                if last {
                    self.sending = Sending::Nothing;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SendError> {
        match std::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::Nothing => Ok(()),
            Sending::Chunked => {
                self.outbox.last_chunk();
                Ok(())
            }
            Sending::Exact(_) | Sending::Cut => Err(SendError(Box::new(ReadError::Nonsense(SHORT)))),
        }
    }

    /// Whether nothing of the request has reached the connection, which is dead: the request may go over another one.
    /// What was taken of the body is given back.
    pub(super) fn is_unsent(&mut self, upload: &mut Option<Upload>) -> bool {
        let unsent = self.broken && !self.outbox.has_written();
        if unsent && let (Some(upload), Some(pieces)) = (upload, self.outbox.take_back()) {
            upload.give_back(pieces);
        }
        unsent
    }

    /// The head of the answer. Interim answers are passed over.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<()>, ReadError>> {
        loop {
            while !self.inbox.is_empty() {
                self.heard = true;
                match head::parse(self.inbox.bytes_mut(), self.head_only)? {
                    Parsed::Partial => break,
                    Parsed::Interim if self.interim == MOST_INTERIM => {
                        return nonsense("it does not get past interim answers");
                    }
                    Parsed::Interim => self.interim += 1,
                    Parsed::Final { response, reading, reusable } => {
                        self.reading = reading;
                        self.reusable &= reusable;
                        return Poll::Ready(Ok(response));
                    }
                }
            }
            if self.inbox.bytes().len() >= MOST_HEAD {
                return nonsense("its head has no end");
            }
            let heard = self.heard;
            let read = ready!(self.poll_fill(cx));
            match read {
                Ok(0) => return Poll::Ready(Err(ReadError::ended(None, heard))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(ReadError::ended(Some(error), heard))),
            }
        }
    }

    /// The next piece of the answer's body; `None` at its end.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        loop {
            if let Some(piece) = self.piece_in_hand().transpose() {
                return Poll::Ready(Some(piece));
            }
            if self.is_done() {
                return Poll::Ready(None);
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) if matches!(self.reading, Reading::ToTheEnd) => self.reading = Reading::Done,
                Ok(0) => return Poll::Ready(Some(Err(ReadError::ended(None, true)))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(ReadError::ended(Some(error), true)))),
            }
        }
    }

    /// A piece of the body that was read already.
    pub(super) fn piece_in_hand(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.inbox.is_empty() {
            return Ok(None);
        }
        match &mut self.reading {
            Reading::Head | Reading::Done => Ok(None),
            Reading::ToTheEnd => Ok(Some(self.inbox.take(self.inbox.bytes().len()))),
            Reading::Exact(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(self.inbox.bytes().len());
                *left -= most as u64;
                if *left == 0 {
                    self.reading = Reading::Done;
                }
                Ok(Some(self.inbox.take(most)))
            }
            Reading::Chunked(chunks) => match chunks.next(self.inbox.bytes_mut())? {
                Step::Piece(piece) => Ok(Some(piece)),
                Step::More => Ok(None),
                Step::End => {
                    self.reading = Reading::Done;
                    Ok(None)
                }
            },
        }
    }

    /// Whether the answer was read to its end.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.reading, Reading::Done)
    }

    /// The whole body, when it has been read with the head.
    pub(super) fn whole_body(&mut self) -> Option<Bytes> {
        let Reading::Exact(left) = self.reading else { return None };
        let whole = usize::try_from(left).is_ok_and(|left| left <= self.inbox.bytes().len());
        if whole { self.piece_in_hand().ok().flatten() } else { None }
    }

    /// What is known of the length of what is left.
    pub(super) const fn left(&self) -> Option<u64> {
        match self.reading {
            Reading::Exact(left) => Some(left),
            Reading::Done => Some(0),
            Reading::Head | Reading::Chunked(_) | Reading::ToTheEnd => None,
        }
    }

    /// Whether the connection waits for a request: the last one was sent whole, its answer read whole, nothing came since.
    pub(super) fn is_idle(&mut self) -> bool {
        self.is_at_rest() && self.is_silent()
    }

    /// The same as far as it is known without asking the connection.
    pub(super) fn is_at_rest(&self) -> bool {
        self.reusable && self.is_done() && self.is_sent() && self.inbox.is_empty()
    }

    /// Whether all of the request has left for the connection.
    pub(super) const fn is_sent(&self) -> bool {
        matches!(self.sending, Sending::Nothing) && self.outbox.is_flushed()
    }

    /// An end, an error or a byte that nobody asked for: in each case there is something to read.
    fn is_silent(&mut self) -> bool {
        let mut space = [0_u8; 1];
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut cx, &mut ReadBuf::new(&mut space)).is_pending()
    }

    /// Lets go of what an unused connection need not hold.
    pub(super) fn rest(&mut self) {
        self.outbox.rest(MOST_AT_REST);
        self.inbox.rest();
    }

    /// The bare socket of a connection that has switched protocols, and what was read from it already.
    pub(super) fn into_stream(self) -> (Stream, Bytes) {
        (self.stream, self.inbox.into_bytes())
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inbox.poll_fill(&mut self.stream, cx)
    }
}

fn nonsense<T>(why: &'static str) -> Poll<Result<T, ReadError>> {
    Poll::Ready(Err(ReadError::Nonsense(why)))
}

const SHORT: &str = "the body is shorter than was announced";
const LONG: &str = "the body is longer than was announced";
/// What an unused connection may hold for its next head, in bytes.
const MOST_AT_REST: usize = 16 * 1024;
/// An answer's head, in bytes.
const MOST_HEAD: usize = 128 * 1024;
const MOST_INTERIM: u8 = 32;
