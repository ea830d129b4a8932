//! One connection: which protocol it speaks, hyper's builder with every limit set, and the handler behind a fence.
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::drive::{Connection, Deadlines, LINGER, Outcome, REST_AFTER, drive};
use super::pulse::{Busy, Pulse, Watched};
use super::streams::{Streams, note_piece};
use super::{Handler, Limits, Stop};
use crate::wire::{Body, BodyError, Peer, Takeover};

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
        Protocol::Http2 => Box::pin(serve_http2(stream, first, peer, handler, &limits, timer, stop)).await,
    };
    match outcome {
        Outcome::Done | Outcome::Resting => {}
        Outcome::Failed(error) => {
            tracing::debug!(error = %error, ip = peer.ip.map(tracing::field::display), "connection ended")
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
async fn sniff<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<(Protocol, Bytes)>> {
    let mut first = Vec::new();
    loop {
        if poll_fn(|cx| poll_more(stream, cx, &mut first)).await? == 0 {
            return Ok(None);
        }
        if let Some(protocol) = tell_protocol(&first) {
            return Ok(Some((protocol, first.into())));
        }
    }
}

fn poll_more<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    first: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let mut space = [0_u8; SNIFF_BYTES];
    let mut buf = ReadBuf::new(&mut space);
    ready!(Pin::new(stream).poll_read(cx, &mut buf))?;
    first.extend_from_slice(buf.filled());
    Poll::Ready(Ok(buf.filled().len()))
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

/// While nothing is asked the connection is its socket and a timer: hyper's state and buffers take 18 KiB, which is most of what an
/// idle connection would cost. It rests at once after the first answer, so that a crowd that asks once each never holds all of that
/// together, and no more so quickly when the next request comes soon.
async fn serve_http1<S, H>(
    mut stream: S,
    mut first: Bytes,
    peer: Peer,
    handler: Arc<H>,
    limits: &Limits,
    mut timer: Pin<&mut Sleep>,
    stop: Stop,
) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let mut deadlines = Deadlines::http1(limits);
    loop {
        let awake = serve_awake((stream, first), peer, Arc::clone(&handler), limits, deadlines, timer.as_mut(), &stop);
        let (outcome, resting) = Box::pin(awake).await;
        let Some(resting) = resting else { return outcome };
        (stream, first) = resting;
        if first.is_empty() {
            let since = Instant::now();
            let idle = limits.idle_timeout.saturating_sub(deadlines.rest);
            match rest(&mut stream, idle, limits, timer.as_mut(), &stop).await {
                Some(came) => first = came,
                None => return Outcome::Done,
            }
            deadlines.rest = if since.elapsed() < REST_AFTER { REST_AFTER } else { Duration::ZERO };
        }
        timer.as_mut().reset(Instant::now() + limits.header_timeout);
    }
}

/// Waits until the client says something. `None`: the connection has ended.
async fn rest<S>(
    stream: &mut S,
    idle: Duration,
    limits: &Limits,
    mut timer: Pin<&mut Sleep>,
    stop: &Stop,
) -> Option<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    timer.as_mut().reset(Instant::now() + idle);
    let mut first = Vec::new();
    let said = async {
        // TLS may hold an end of the last answer that the socket had no room for.
        stream.flush().await?;
        poll_fn(|cx| poll_more(stream, cx, &mut first)).await
    };
    tokio::select! {
        biased;
        said = said => drop(said),
        () = timer => {}
        () = stop.draining() => {}
    }
    if first.is_empty() {
        let _late = timeout(LINGER.min(limits.header_timeout), stream.shutdown()).await;
        return None;
    }
    Some(first.into())
}

/// From the first bytes of a head until the connection ends or rests. Where it rests it is given back, with what was read too much.
async fn serve_awake<S, H>(
    (stream, first): (S, Bytes),
    peer: Peer,
    handler: Arc<H>,
    limits: &Limits,
    deadlines: Deadlines,
    timer: Pin<&mut Sleep>,
    stop: &Stop,
) -> (Outcome, Option<(S, Bytes)>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let pulse = Arc::new(Pulse::default());
    let io = Watched::new(stream, first, Arc::clone(&pulse), true);
    let mut builder = http1::Builder::new();
    // Deadlines are ours (`drive`): one timer for all of them. The count of fields is hyper's own default of 100; to
    // set it costs an allocation for each request. `pipeline_flush` stays off: with it hyper takes from a body as fast as
    // it comes, however slowly the client reads.
    builder.half_close(false).header_read_timeout(None).max_header_size(limits.max_header);
    let mut connection = builder.serve_connection(io, service(handler, peer, &pulse));
    let outcome = drive(Pin::new(&mut connection), Arc::clone(&pulse), deadlines, timer, stop).await;
    if let Outcome::Resting = outcome {
        let left = connection.into_parts();
        // Empty bytes hold their memory as well.
        let more = if left.read_buf.is_empty() { Bytes::new() } else { left.read_buf };
        return (outcome, left.io.between_requests().map(|stream| (stream, more)));
    }
    if let (Outcome::Done, Some(heir)) = (&outcome, pulse.take_heir()) {
        let mut left = connection.into_parts();
        left.io.leave_http();
        // Who sends before the other protocol was agreed on may have meant another request: nobody reads it as either
        // (SECURITY-CASES W02).
        if left.read_buf.is_empty() {
            heir.run(Box::new(left.io), Box::pin(stop.draining())).await;
        } else {
            tracing::debug!(ip = ?peer.ip, "closed a connection: bytes came before the answer of 101");
        }
    }
    (outcome, None)
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
    let io = Watched::new(stream, first, Arc::clone(&pulse), false);
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
        .keep_alive_timeout(PING_ANSWER);
    let connection = pin!(builder.serve_connection(io, service(handler, peer, &pulse)));
    drive(connection, pulse, Deadlines::http2(limits), timer, &stop).await
}

impl<S, V> Connection for http1::Connection<Watched<S>, V>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = Answer>,
    V::Error: Into<BodyError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, V> Connection for http2::Connection<Watched<S>, V, Streams>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = Answer>,
    V::Future: Send + 'static,
    V::Error: Into<BodyError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

fn service<H: Handler>(
    handler: Arc<H>,
    peer: Peer,
    pulse: &Arc<Pulse>,
) -> impl HttpService<Incoming, ResBody = Answer, Error = Infallible, Future: Send + 'static> + use<H> {
    let pulse = Arc::clone(pulse);
    service_fn(move |request: Request<Incoming>| {
        let busy = pulse.begin(!request.body().is_end_stream());
        let handler = Arc::clone(&handler);
        let pulse = Arc::clone(&pulse);
        async move {
            let mut response = fenced(&*handler, request, peer).await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS
                && let Some(heir) = response.extensions_mut().remove::<Takeover>()
            {
                pulse.leave_to(heir);
            }
            Ok::<_, Infallible>(response.map(|body| Answer { body, _busy: busy }))
        }
    })
}

/// A panic in a handler costs that request only.
async fn fenced<H: Handler>(handler: &H, request: Request<Incoming>, peer: Peer) -> Response<Body> {
    let version = request.version();
    if version == Version::HTTP_2 && request.headers().len() > MAX_HEADERS {
        return status_only(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let mut work = pin!(async { handler.handle(request, peer).await });
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => polled,
        // The hook in `observe` has written down where; what the panic says may be a client's own bytes.
        Err(_) => Poll::Ready(internal_error(version)),
    })
    .await
}

fn status_only(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

fn internal_error(version: Version) -> Response<Body> {
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
/// Holds the usual request whole, so that hyper finds it complete at its first look.
const SNIFF_BYTES: usize = 4096;

/// As for HTTP/1, where hyper counts.
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
/// What waits for the client to take it, for each stream.
const SEND_BUFFER: usize = 128 * 1024;
/// A client with requests in flight is asked whether it is still there ...
const PING_EVERY: Duration = Duration::from_secs(30);
/// ... and must say so within this time.
const PING_ANSWER: Duration = Duration::from_secs(20);

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
