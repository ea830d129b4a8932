//! One connection: which protocol it speaks, its limits and deadlines, and the handler behind a fence.
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::drive::{Connection, Deadlines, Outcome, drive};
use super::http1::Conn;
use super::pulse::{Busy, Pulse, Watched};
use super::streams::{Streams, note_piece};
use super::tunnel::Connect;
use super::{Handler, Limits, Stop};
use crate::observe::Chain;
use crate::wire::http1::Inbox;
use crate::wire::{Body, BodyError, Peer};

/// Serves one connection to its end.
pub(super) async fn serve<S, H>(mut stream: S, peer: Peer, handler: Arc<H>, limits: Arc<Limits>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let mut timer = pin!(sleep_until(Instant::now() + limits.header_timeout));
    let sniffed = tokio::select! {
        biased;
        sniffed = sniff(&mut stream) => sniffed,
        () = &mut timer => return,
        // Nothing was asked yet, so nothing is cut.
        () = stop.draining() => return,
    };
    let Ok(Some((protocol, first))) = sniffed else { return };
    let outcome = match protocol {
        Protocol::Http1 => serve_http1(stream, first, peer, handler, &limits, timer, stop).await,
        // Its state is several times that of HTTP/1: boxed, so that the others do not pay for it.
        Protocol::Http2 => Box::pin(serve_http2(stream, first.freeze(), peer, handler, &limits, timer, stop)).await,
    };
    match outcome {
        Outcome::Done => {}
        Outcome::Failed(error) => {
            tracing::debug!(error = %Chain(&*error), ip = peer.ip.map(tracing::field::display), "connection ended")
        }
        Outcome::Late(why) => tracing::debug!(
            why = why.text(),
            ip = peer.ip.map(tracing::field::display),
            "connection ended by its deadline"
        ),
        Outcome::Cut => {
            tracing::warn!(ip = peer.ip.map(tracing::field::display), "connection cut: the grace of the stop is over")
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Reads until the first bytes tell the protocol. `None`: the client left.
///
/// What was read is handed on, so the usual request costs no system call more; nothing is allocated for a connection
/// that sends nothing.
async fn sniff<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<(Protocol, BytesMut)>> {
    let mut first = Inbox::default();
    loop {
        if poll_fn(|cx| first.poll_fill(stream, cx)).await? == 0 {
            return Ok(None);
        }
        if let Some(protocol) = tell_protocol(first.bytes()) {
            return Ok(Some((protocol, std::mem::take(first.bytes_mut()))));
        }
    }
}

/// `None`: too few bytes to tell.
fn tell_protocol(first: &[u8]) -> Option<Protocol> {
    if first.starts_with(PREFACE) {
        Some(Protocol::Http2)
    } else if PREFACE.starts_with(first) {
        None
    } else {
        Some(Protocol::Http1)
    }
}

async fn serve_http1<S, H>(
    stream: S,
    first: BytesMut,
    peer: Peer,
    handler: Arc<H>,
    limits: &Limits,
    timer: Pin<&mut Sleep>,
    stop: Stop,
) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let pulse = Arc::new(Pulse::default());
    let mut conn = Conn::new(stream, first, Arc::clone(&pulse));
    let mut heir = None;
    let outcome = {
        let work = pin!(async {
            heir = conn.run(&*handler, peer, limits.max_header).await?;
            Ok(())
        });
        let driven = pin!(Http1 { work, pulse: Arc::clone(&pulse) });
        drive(driven, pulse, Deadlines::http1(limits), timer, &stop).await
    };
    if let (Outcome::Done, Some(heir)) = (&outcome, heir) {
        match conn.into_stream() {
            Some(stream) => heir.run(Box::new(TokioIo::new(stream)), Box::pin(stop.draining())).await,
            None => tracing::debug!(ip = ?peer.ip, "closed a connection: bytes came before the answer of 101"),
        }
    }
    outcome
}

/// Our own HTTP/1.1, as [`drive`] sees it.
struct Http1<'a, F> {
    work: Pin<&'a mut F>,
    pulse: Arc<Pulse>,
}

impl<F: Future<Output = io::Result<()>>> Future for Http1<'_, F> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().work.as_mut().poll(cx)
    }
}

impl<F: Future<Output = io::Result<()>>> Connection for Http1<'_, F> {
    type Error = io::Error;

    fn finish(self: Pin<&mut Self>) {
        self.pulse.finish();
    }
}

async fn serve_http2<S, H>(
    stream: S,
    first: Bytes,
    peer: Peer,
    handler: Arc<H>,
    limits: &Limits,
    timer: Pin<&mut Sleep>,
    stop: Stop,
) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let pulse = Arc::new(Pulse::default());
    let io = TokioIo::new(Watched::new(stream, first, Arc::clone(&pulse)));
    let mut builder = http2::Builder::new(Streams { take: limits.body_timeout });
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_header).unwrap_or(u32::MAX))
        .header_table_size(HEADER_TABLE)
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER)
        .enable_connect_protocol();
    let connection = pin!(builder.serve_connection(io, service(handler, peer, &pulse, &stop)));
    drive(connection, pulse, Deadlines::http2(limits), timer, &stop).await
}

impl<S, V> Connection for http2::Connection<TokioIo<Watched<S>>, V, Streams>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = Answer>,
    V::Future: Send + 'static,
    V::Error: Into<BodyError>,
{
    type Error = hyper::Error;

    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

fn service<H: Handler>(
    handler: Arc<H>,
    peer: Peer,
    pulse: &Arc<Pulse>,
    stop: &Stop,
) -> impl HttpService<Incoming, ResBody = Answer, Error = Infallible, Future: Send + 'static> + use<H> {
    let (pulse, stop) = (Arc::clone(pulse), stop.clone());
    service_fn(move |mut request: Request<Incoming>| {
        let busy = pulse.begin();
        let handler = Arc::clone(&handler);
        let connect = Connect::of(&mut request, &stop);
        async move {
            let mut response = fenced(&*handler, Box::new(request.map(Body::Incoming)), peer).await;
            if let Some(connect) = connect {
                response = connect.answered(response, &busy);
            }
            Ok::<_, Infallible>(response.map(|body| Answer { body, _busy: busy }))
        }
    })
}

/// A panic in a handler costs that request only.
pub(super) async fn fenced<H: Handler>(handler: &H, request: Box<Request<Body>>, peer: Peer) -> Response<Body> {
    let version = request.version();
    if version == Version::HTTP_2 && request.headers().len() > MAX_HEADERS {
        return handler.unread(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, peer);
    }
    // On the heap: what serves a connection is not to hold room for the way of a request while it waits for one.
    let mut work = Box::pin(handler.handle(request, peer));
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => polled,
        // The hook in `observe` has written down where; what the panic says may be a client's own bytes.
        Err(_) => Poll::Ready(internal_error(version)),
    })
    .await
}

pub(super) fn internal_error(version: Version) -> Response<Body> {
    let mut response = Response::new(Body::full(INTERNAL_ERROR));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if version != Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// An answer's body; the request counts as busy until it is dropped.
struct Answer {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        note_piece(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The connection preface of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// As for HTTP/1.
const MAX_HEADERS: usize = 100;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Streams that were reset before we looked at them (rapid reset, CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that the client made us reset (CVE-2025-8671).
const MAX_LOCAL_RESETS: usize = 256;
/// The compression table of header fields (RFC 7541, section 6.5.2: the default).
const HEADER_TABLE: u32 = 4096;
/// What a client may send of one body before the handler takes it ...
const STREAM_WINDOW: u32 = 256 * 1024;
/// ... and of all bodies of one connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What waits for the client to take it, for each stream; the piece that was read last may lie on top of it. Pieces are small at first, so
/// a client that reads nothing of all its streams makes one connection hold 6 MiB; one that stops after it took much of each, so that
/// pieces have grown, 16 MiB, until `body_timeout` ends that.
const SEND_BUFFER: usize = 16 * 1024;
/// A client with requests in flight is asked whether it is still there ...
const PING_EVERY: Duration = Duration::from_secs(30);
/// ... and must say so within this time. The question stands behind all that the client has still to take, and one that takes it slowly
/// is no dead one; whoever takes nothing, or is gone from the net, is found by other deadlines long before.
const PING_ANSWER: Duration = Duration::from_secs(300);

const INTERNAL_ERROR: &str = concat!(
    r#"{"type":"about:blank","title":"Internal error","status":500,"error":"internal","#,
    r#""detail":"The gateway failed on this request. Its log says where."}"#,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_protocol() {
        for (first, expected) in [
            (&b"GET / HTTP/1.1"[..], Some(Protocol::Http1)),
            (b"P", None),
            (b"PRI * HT", None),
            (b"POST", Some(Protocol::Http1)),
            (b"PRI * HTTP/1.1", Some(Protocol::Http1)),
            (PREFACE, Some(Protocol::Http2)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04", Some(Protocol::Http2)),
            (b"\r\n", Some(Protocol::Http1)),
            (b"\x16\x03\x01", Some(Protocol::Http1)),
        ] {
            assert_eq!(tell_protocol(first), expected, "{first:?}");
        }
    }
}
