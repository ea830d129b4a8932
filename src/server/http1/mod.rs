//! HTTP/1.1 towards clients (RFC 9112): one connection, one request after the other, driven in one task.
//!
//! A head is read in one way or refused; a body goes to whoever reads it piece by piece, and not a byte is read ahead of that;
//! an answer is written as fast as the client takes it. Nothing is held for a connection that waits. The deadlines are `drive`'s.
mod answer;
mod date;
mod head;
mod intake;
mod trial;

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{Method, Response, StatusCode, Version};
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Handler;
use super::connection::fenced;
use super::pulse::{Pulse, Watched};
use crate::wire::http1::{Inbox, Outbox};
use crate::wire::{Body, Peer, REQUEST_ID, Takeover, Wish};
use answer::{Asked, Coding};
use head::{BadHead, Head, Lines};
use intake::{Intake, MOST_SKIPPED, Taken};

pub(crate) use trial::Requests;

/// One connection.
#[derive(Debug)]
pub(super) struct Conn<S> {
    stream: Watched<S>,
    inbox: Inbox,
    outbox: Outbox,
    /// Nothing more comes from the client.
    ended: bool,
    /// Of what still comes nobody knows what it is, or nobody wants it.
    lost: bool,
}

/// What follows an answer.
enum Next {
    Request,
    Nothing,
    /// The connection is somebody else's from now on.
    Other(Takeover),
}

/// What follows when the bytes at hand were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fed {
    /// Whoever reads the body is this task, and is to look.
    Look,
    Wait,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conn<S> {
    /// `first` is what was read already.
    pub(super) fn new(stream: S, first: BytesMut, pulse: Arc<Pulse>) -> Self {
        let mut inbox = Inbox::default();
        *inbox.bytes_mut() = first;
        let stream = Watched::new(stream, Bytes::new(), pulse);
        Self { stream, inbox, outbox: Outbox::default(), ended: false, lost: false }
    }

    /// The socket of a connection that is another protocol's now. `None`: bytes came before that was agreed on, which may have been
    /// meant as another request, so nobody reads them as either (SECURITY-CASES W02).
    pub(super) fn into_stream(self) -> Option<S> {
        self.inbox.is_empty().then(|| self.stream.into_inner())
    }

    /// Answers requests until one side is done with the connection.
    pub(super) async fn run<H: Handler>(
        &mut self,
        handler: &H,
        peer: Peer,
        max_header: usize,
    ) -> io::Result<Option<Takeover>> {
        while let Some(head) = self.head(max_header).await? {
            let next = match head {
                Ok(head) => self.exchange(head, handler, peer).await?,
                Err(bad) => {
                    self.refuse(bad, handler, peer).await?;
                    Next::Nothing
                }
            };
            match next {
                Next::Request => {}
                Next::Nothing => break,
                Next::Other(heir) => return Ok(Some(heir)),
            }
        }
        self.close().await?;
        Ok(None)
    }

    /// The next head; `None` when there is no other.
    async fn head(&mut self, max_header: usize) -> io::Result<Option<Result<Head, BadHead>>> {
        let mut lines = Lines::default();
        if !self.inbox.is_empty() {
            self.stream.pulse().note_read();
        }
        self.outbox.rest(MOST_AT_REST);
        self.inbox.rest();
        poll_fn(|cx| {
            loop {
                match lines.end(self.inbox.bytes_mut(), max_header) {
                    Ok(Some(end)) => return Poll::Ready(Ok(Some(head::read(&self.inbox.take(end))))),
                    Ok(None) => {}
                    Err(bad) => return Poll::Ready(Ok(Some(Err(bad)))),
                }
                if self.ended || (self.stream.pulse().is_finishing() && self.inbox.is_empty()) {
                    return Poll::Ready(Ok(None));
                }
                if ready!(self.poll_fill(cx))? == 0 {
                    return Poll::Ready(Ok(None));
                }
                self.stream.pulse().note_read();
            }
        })
        .await
    }

    async fn exchange<H: Handler>(&mut self, head: Head, handler: &H, peer: Peer) -> io::Result<Next> {
        let Head { mut request, framing, keep_alive, expects } = head;
        let (body, mut intake) = Intake::begin(framing, expects);
        *request.body_mut() = body;
        intake.iter_mut().for_each(|intake| intake.lay_ready(&mut self.inbox));
        let asked = Asked { version: request.version(), head_only: *request.method() == Method::HEAD, keep_alive };
        let busy = self.stream.pulse().begin();
        let mut work = pin!(fenced(handler, request, peer));
        let response = poll_fn(|cx| {
            loop {
                if let Poll::Ready(response) = work.as_mut().poll(cx) {
                    return Poll::Ready(Ok(response));
                }
                if self.feed(&mut intake, true, cx)? == Fed::Wait {
                    return Poll::Pending;
                }
            }
        });
        let response: io::Result<Response<Body>> = response.await;
        let next = self.answer(response?, asked, &mut intake).await?;
        drop(busy);
        let goes_on = !matches!(next, Next::Request) || self.pass_over(intake).await?;
        Ok(if goes_on { next } else { Next::Nothing })
    }

    async fn answer(
        &mut self,
        response: Response<Body>,
        asked: Asked,
        intake: &mut Option<Intake>,
    ) -> io::Result<Next> {
        let (mut parts, mut body) = response.into_parts();
        let heir = parts.extensions.remove::<Takeover>().filter(|_| parts.status == StatusCode::SWITCHING_PROTOCOLS);
        let keep_alive = asked.keep_alive && !self.is_over() && self.may_go_on(intake.as_mut());
        let asked = Asked { keep_alive, ..asked };
        let (mut coding, keep_alive) = answer::write(&parts, body.size_hint().exact(), asked, self.outbox.buffer());
        drop(parts);
        if let Some(heir) = heir {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            return Ok(Next::Other(heir));
        }
        if coding == Coding::Nothing {
            drop(body);
            poll_fn(|cx| self.poll_flush(cx)).await?;
        } else {
            poll_fn(|cx| self.poll_body(&mut body, &mut coding, intake, cx)).await?;
        }
        self.lost |= intake.as_ref().is_some_and(|intake| !intake.is_done()) && !keep_alive;
        Ok(if keep_alive { Next::Request } else { Next::Nothing })
    }

    fn is_over(&self) -> bool {
        self.ended || self.lost || self.stream.pulse().is_finishing()
    }

    /// Whether another request may follow although this one's body was not read to its end.
    fn may_go_on(&mut self, intake: Option<&mut Intake>) -> bool {
        match intake {
            Some(intake) if intake.feed.is_unread() => intake.skip(&mut self.inbox).is_ok() && intake.is_short(),
            // Whoever reads it may still be at it.
            Some(_) | None => true,
        }
    }

    /// Reads the rest of a short body that nobody wants; its deadline is that of a head.
    async fn pass_over(&mut self, intake: Option<Intake>) -> io::Result<bool> {
        let Some(mut intake) = intake.filter(|intake| !intake.is_done()) else { return Ok(true) };
        self.stream.pulse().note_read();
        let mut skipped = 0;
        let whole = poll_fn(|cx| {
            loop {
                match intake.skip(&mut self.inbox) {
                    Ok(count) => skipped += count as u64,
                    Err(_) => return Poll::Ready(io::Result::Ok(false)),
                }
                if intake.is_done() {
                    return Poll::Ready(Ok(true));
                }
                if skipped > MOST_SKIPPED || !intake.is_short() || self.is_over() || ready!(self.poll_fill(cx))? == 0 {
                    return Poll::Ready(Ok(false));
                }
            }
        });
        let whole = whole.await?;
        self.stream.pulse().note_rest();
        self.lost |= !whole;
        Ok(whole)
    }

    /// Hands on what is wanted of the request's body. Without a body it is seen here when the client leaves.
    fn feed(&mut self, intake: &mut Option<Intake>, may_ask: bool, cx: &mut Context<'_>) -> io::Result<Fed> {
        let Some(intake) = intake.as_mut().filter(|intake| !intake.is_done()) else { return self.look_for_the_end(cx) };
        loop {
            let Poll::Ready(Wish::Piece) = intake.feed.poll_wish(cx) else { return Ok(Fed::Wait) };
            let inline = match intake.take(&mut self.inbox) {
                Ok(Taken::Piece(piece, last)) => intake.feed.give(piece, last, cx),
                Ok(Taken::End) => intake.feed.end(cx),
                Ok(Taken::More) => {
                    if may_ask && std::mem::take(&mut intake.expects) && self.inbox.is_empty() {
                        self.outbox.buffer().extend_from_slice(CONTINUE);
                    }
                    if may_ask && !self.outbox.is_empty() {
                        // What does not go out now goes out with the answer, or when the socket takes more.
                        let _later = self.poll_flush(cx)?;
                    }
                    match self.poll_fill(cx) {
                        Poll::Pending => return Ok(Fed::Wait),
                        Poll::Ready(Ok(count)) if count > 0 => continue,
                        Poll::Ready(ended) => {
                            self.ended = true;
                            let error = ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
                            intake.feed.fail(Box::new(error), cx)
                        }
                    }
                }
                Err(bad) => {
                    self.lost = true;
                    intake.feed.fail(Box::new(bad), cx)
                }
            };
            if inline {
                return Ok(Fed::Look);
            }
            if self.lost || self.ended {
                return Ok(Fed::Wait);
            }
            if intake.is_done() {
                return self.look_for_the_end(cx);
            }
            // Whoever reads is another task, which wakes this one only after a look at what it wants next.
        }
    }

    /// Who goes away wants no answer. One more request may come meanwhile, and waits; more than that stays in the kernel.
    fn look_for_the_end(&mut self, cx: &mut Context<'_>) -> io::Result<Fed> {
        if self.inbox.is_empty() && matches!(self.poll_fill(cx)?, Poll::Ready(0)) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Fed::Wait)
    }

    /// Writes an answer's body to its end.
    fn poll_body(
        &mut self,
        body: &mut Body,
        coding: &mut Coding,
        intake: &mut Option<Intake>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let waits = self.gather(body, coding, cx)?;
            if *coding == Coding::Nothing {
                // Its end is told to the log and the metrics before the client can know of it.
                *body = Body::Empty;
            }
            if self.poll_flush(cx)?.is_pending() {
                // A client may have to be rid of its body before it reads.
                return self.feed(intake, false, cx).map_or_else(|error| Poll::Ready(Err(error)), |_| Poll::Pending);
            }
            if *coding == Coding::Nothing {
                return Poll::Ready(Ok(()));
            }
            if waits && self.feed(intake, false, cx)? == Fed::Wait {
                return Poll::Pending;
            }
        }
    }

    /// Takes as much of a body as is written in one go; whether more is to come later. [`Coding::Nothing`] when it has ended.
    fn gather(&mut self, body: &mut Body, coding: &mut Coding, cx: &mut Context<'_>) -> io::Result<bool> {
        while *coding != Coding::Nothing && self.outbox.has_room() {
            let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else { return Ok(true) };
            match frame {
                // Trailers are not said to HTTP/1.1: who could be sure that they are not merged into the head?
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data()
                        && !piece.is_empty()
                    {
                        let last = body.is_end_stream();
                        self.outbox_piece(piece, last, coding)?;
                    }
                }
                Some(Err(error)) => {
                    // What is there already goes out; then the connection breaks off, so that nobody takes it for the whole. Only a
                    // client of HTTP/1.0 that was told no length cannot know.
                    let _sent = self.poll_flush(cx)?;
                    return Err(io::Error::other(error));
                }
                None => self.finish(coding)?,
            }
        }
        Ok(false)
    }

    fn outbox_piece(&mut self, piece: Bytes, last: bool, coding: &mut Coding) -> io::Result<()> {
        match coding {
            Coding::Nothing => {}
            Coding::Exact(left) => {
                *left = left.checked_sub(piece.len() as u64).ok_or_else(|| io::Error::other(LONG))?;
                self.outbox.piece(piece);
                if *left == 0 {
                    *coding = Coding::Nothing;
                }
            }
            Coding::Chunked => {
                self.outbox.chunk(piece, last);
                if last {
                    *coding = Coding::Nothing;
                }
            }
            Coding::ToTheEnd => self.outbox.piece(piece),
        }
        Ok(())
    }

    fn finish(&mut self, coding: &mut Coding) -> io::Result<()> {
        match std::mem::replace(coding, Coding::Nothing) {
            Coding::Nothing | Coding::ToTheEnd => Ok(()),
            Coding::Chunked => {
                self.outbox.last_chunk();
                Ok(())
            }
            Coding::Exact(_) => Err(io::Error::other(SHORT)),
        }
    }

    /// Says what is wrong with a head: what it asked for nobody knows.
    async fn refuse<H: Handler>(&mut self, bad: BadHead, handler: &H, peer: Peer) -> io::Result<()> {
        let response = handler.unread(bad.status(), peer);
        let request_id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        tracing::debug!(why = %bad, request_id, "refused a head");
        self.lost = true;
        let asked = Asked { version: Version::HTTP_11, head_only: false, keep_alive: false };
        self.answer(response, asked, &mut None).await.map(drop)
    }

    /// Closing a socket with unread bytes in it makes the kernel send a reset, which can reach the client before our
    /// answer does. So we end our side and read on for a while (RFC 9112, section 9.6).
    async fn close(&mut self) -> io::Result<()> {
        let may_be_sending = self.lost || !self.inbox.is_empty();
        poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await?;
        let mut discarded = 0;
        while may_be_sending && !self.ended && discarded < MOST_DISCARDED {
            let count = poll_fn(|cx| self.poll_discard(cx)).await;
            match count {
                Ok(0) | Err(_) => break,
                Ok(count) => discarded += count,
            }
        }
        Ok(())
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [std::mem::MaybeUninit::uninit(); DISCARDED_AT_ONCE];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inbox.poll_fill(&mut self.stream, cx)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox.poll_flush(&mut self.stream, cx)
    }
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const LONG: &str = "the answer is longer than was announced";
const SHORT: &str = "the answer is shorter than was announced";
/// What a connection may hold between two requests, in bytes.
const MOST_AT_REST: usize = 1024;
/// So much is read of what a client still sends when the connection ends; mostly the time that this may take ends it first. Many
/// clients write a whole body before they read, and would hear of a broken pipe in place of the answer.
const MOST_DISCARDED: usize = 64 * 1024 * 1024;
const DISCARDED_AT_ONCE: usize = 16 * 1024;
