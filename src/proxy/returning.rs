//! The answer on its way back: connection fields taken off, the body streamed, the connection kept after a clean end.
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE,
    TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::ForwardError;
use super::apart::Apart;
use super::exchange::Answer;
use super::hop::{is_hop_by_hop, named_by_connection};
use super::upload::{Progress, Upload};
use super::upstream::Lease;
use crate::wire::{Body, BodyError, Deadline};

/// What an answer goes back with.
#[derive(Debug)]
pub(super) struct Back<'a> {
    pub(super) method: &'a Method,
    pub(super) lease: Lease,
    /// What the client still sends.
    pub(super) upload: Option<Upload>,
    pub(super) progress: Option<Arc<Progress>>,
    pub(super) idle_timeout: Duration,
    /// The client asked for trailers, and both sides can carry them.
    pub(super) trailers: bool,
}

/// The answer as the client gets it.
pub(super) fn answer(answer: Answer, back: Back<'_>) -> Result<Response<Body>, ForwardError> {
    match answer {
        Answer::Own(response) => own(response, back),
        Answer::Shared(response) => shared(*response, back),
    }
}

/// From a connection that is ours alone.
fn own(response: Response<()>, back: Back<'_>) -> Result<Response<Body>, ForwardError> {
    let Back { mut lease, upload, progress, idle_timeout, .. } = back;
    let (mut parts, ()) = response.into_parts();
    if parts.status.is_informational() {
        return Err(ForwardError::broken(Nonsense("it switches protocols unasked")));
    }
    strip(&mut parts.headers, parts.status);
    let link = lease.link().ok_or(ForwardError::Unknown)?;
    link.deadline.clear();
    // An answer before the end of the request leaves bytes on the way that no later request may meet.
    let clean = link.codec.is_sent();
    let mut first = link.codec.whole_body();
    if first.is_none() && !link.codec.is_done() {
        // What was read with the head is looked at now: nonsense there can still be told from an answer.
        first = link.codec.piece_in_hand().map_err(ForwardError::broken)?;
    }
    if link.codec.is_done() {
        if clean {
            lease.end();
        }
        return Ok(Response::from_parts(parts, first.map_or(Body::Empty, Body::full)));
    }
    let source =
        if clean { Source::Own(lease) } else { Source::Apart(Apart::begin(lease, upload.unwrap_or_default())) };
    let returning = Returning { first, source, clean, idle_timeout, upload: progress, trailers: false };
    Ok(Response::from_parts(parts, Body::wrap(returning)))
}

/// From a connection that others use as well.
fn shared(response: Response<Incoming>, back: Back<'_>) -> Result<Response<Body>, ForwardError> {
    let Back { method, mut lease, progress, idle_timeout, trailers, .. } = back;
    let (mut parts, incoming) = response.into_parts();
    check(parts.status, &parts.headers, method)?;
    strip(&mut parts.headers, parts.status);
    // The version belongs to one connection (RFC 9110, section 2.5): what the upstream speaks is not what we speak.
    parts.version = Version::HTTP_11;
    if let Some(deadline) = lease.deadline() {
        deadline.clear();
    }
    if incoming.is_end_stream() {
        return Ok(Response::from_parts(parts, Body::Empty));
    }
    let source = Source::Shared(lease, incoming);
    let returning = Returning { first: None, source, clean: false, idle_timeout, upload: progress, trailers };
    Ok(Response::from_parts(parts, Body::wrap(returning)))
}

/// HTTP/2 frames its bodies itself; what a head says beside that must not say otherwise.
fn check(status: StatusCode, headers: &HeaderMap, method: &Method) -> Result<(), ForwardError> {
    let nonsense = |why| Err(ForwardError::broken(Nonsense(why)));
    if status.is_informational() {
        return nonsense("it switches protocols unasked");
    }
    if headers.contains_key(TRANSFER_ENCODING) && !has_no_body(status, method) {
        return nonsense("its transfer coding is not known");
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() || length.is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit)) {
        return nonsense("its length is ambiguous");
    }
    Ok(())
}

fn has_no_body(status: StatusCode, method: &Method) -> bool {
    *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

pub(super) fn strip(headers: &mut HeaderMap, status: StatusCode) {
    let (mut coded, mut hops) = (false, false);
    for name in headers.keys() {
        coded |= *name == TRANSFER_ENCODING;
        hops |= is_hop_by_hop(name);
    }
    if coded || status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_LENGTH);
    }
    // `Connection` is one of them.
    if !hops {
        return;
    }
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    let hops: Vec<_> = headers.keys().filter(|name| is_hop_by_hop(name)).cloned().collect();
    for name in hops {
        headers.remove(name);
    }
}

/// An answer that cannot be passed on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Nonsense(pub(super) &'static str);

/// What may stand in trailers (RFC 9110, section 6.5.1): nothing that frames, routes, or says who somebody is.
fn passing(mut trailers: HeaderMap) -> Frame<Bytes> {
    let barred: Vec<_> = trailers.keys().filter(|name| is_hop_by_hop(name) || is_barred(name)).cloned().collect();
    for name in barred {
        trailers.remove(name);
    }
    Frame::trailers(trailers)
}

fn is_barred(name: &HeaderName) -> bool {
    [
        CONTENT_LENGTH,
        CONTENT_TYPE,
        CONTENT_ENCODING,
        HOST,
        AUTHORIZATION,
        WWW_AUTHENTICATE,
        COOKIE,
        SET_COOKIE,
        LOCATION,
    ]
    .contains(name)
}

/// The upstream fell silent in the middle of its answer.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's answer stalled")]
struct Stalled;

/// An answer's body. The request counts as in flight until it ends.
struct Returning {
    /// What was read with the head.
    first: Option<Bytes>,
    source: Source,
    clean: bool,
    idle_timeout: Duration,
    /// A client that still sends is not idle.
    upload: Option<Arc<Progress>>,
    trailers: bool,
}

/// Where the pieces come from, and who moves the bytes of the connection.
enum Source {
    /// Whoever asks for the body: no second task stands between.
    Own(Lease),
    /// A task, because the client may send the rest of its body while it does not read.
    Apart(Apart),
    /// The task of the shared connection.
    Shared(Lease, Incoming),
    /// The connection was given back or has ended.
    Done,
}

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        match self {
            Self::Own(lease) => {
                let Some(link) = lease.link() else { return Poll::Ready(None) };
                let piece = ready!(link.codec.poll_piece(cx));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(Into::into)))
            }
            Self::Apart(apart) => apart.pieces.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data))),
            Self::Shared(_, incoming) => Pin::new(incoming).poll_frame(cx).map_err(Into::into),
            Self::Done => Poll::Ready(None),
        }
    }

    fn deadline(&mut self) -> Option<&mut Deadline> {
        match self {
            Self::Own(lease) | Self::Shared(lease, _) => lease.deadline(),
            Self::Apart(apart) => Some(&mut apart.deadline),
            Self::Done => None,
        }
    }

    /// Whether nothing more comes, as far as that can be told without asking.
    fn is_at_end(&mut self) -> bool {
        match self {
            Self::Own(lease) => lease.link().is_none_or(|link| link.codec.is_done()),
            Self::Shared(_, incoming) => incoming.is_end_stream(),
            Self::Apart(_) => false,
            Self::Done => true,
        }
    }
}

impl Returning {
    fn end(&mut self) {
        let source = std::mem::replace(&mut self.source, Source::Done);
        if let Source::Own(mut lease) = source
            && self.clean
        {
            lease.end();
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(deadline) = self.source.deadline() else { return Poll::Pending };
        deadline.set_if_clear(self.idle_timeout);
        while deadline.poll_passed(cx).is_ready() {
            if !self.upload.as_ref().is_some_and(|upload| upload.has_moved()) {
                self.source = Source::Done;
                return Poll::Ready(Some(Err(Box::new(Stalled))));
            }
            deadline.set(self.idle_timeout);
        }
        Poll::Pending
    }

    fn piece(&mut self, piece: Bytes) -> Polled {
        if self.source.is_at_end() {
            self.end();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl HttpBody for Returning {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return this.piece(first);
        }
        loop {
            let Poll::Ready(frame) = this.source.poll_frame(cx) else { return this.wait(cx) };
            let frame = match frame {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    this.source = Source::Done;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.end();
                    return Poll::Ready(None);
                }
            };
            if let Some(deadline) = this.source.deadline() {
                deadline.clear();
            }
            // Anything but data is a trailer section, which goes no further unless it was asked for.
            match frame.into_data() {
                Ok(data) => return this.piece(data),
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) if this.trailers => return Poll::Ready(Some(Ok(passing(trailers)))),
                    Ok(_) | Err(_) => {}
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none()
            && match &self.source {
                Source::Done => true,
                Source::Shared(_, incoming) => incoming.is_end_stream(),
                Source::Own(_) | Source::Apart(_) => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        match &self.source {
            Source::Shared(_, incoming) => incoming.size_hint(),
            Source::Own(lease) => {
                lease.left().map_or_else(SizeHint::default, |left| SizeHint::with_exact(first + left))
            }
            Source::Apart(_) => SizeHint::default(),
            Source::Done => SizeHint::with_exact(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.try_append(*name, HeaderValue::from_static(value)).unwrap();
        }
        headers
    }

    #[test]
    fn connection_fields_do_not_come_back() {
        let mut headers = headers(&[
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x"),
            ("upgrade", "h2c"),
            ("proxy-authenticate", "Basic"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("server", "u"),
        ]);
        strip(&mut headers, StatusCode::OK);
        let left: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        assert_eq!(left.len(), 3);
        assert!(left.contains(&"set-cookie: a=1".to_owned()) && left.contains(&"set-cookie: b=2".to_owned()));
    }

    #[test]
    fn an_answer_without_a_body_may_tell_the_length_it_would_have() {
        let length = [("content-length", "5")];
        let mut head = headers(&length);
        strip(&mut head, StatusCode::OK);
        assert_eq!(head["content-length"], "5");
        let mut none = headers(&length);
        strip(&mut none, StatusCode::NO_CONTENT);
        assert!(none.is_empty());
    }
}
