//! The answer on its way back: connection fields taken off, the body streamed, the connection kept after a clean end.
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE,
    TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::task::JoinHandle;

use super::ForwardError;
use super::hop::{is_hop_by_hop, named_by_connection};
use super::pool::LinkRest;
use super::upload::Progress;
use super::upstream::Lease;
use crate::wire::{Body, BodyError, Deadline};

/// What an answer goes back with.
#[derive(Debug)]
pub(super) struct Back<'a> {
    pub(super) method: &'a Method,
    pub(super) lease: Lease,
    pub(super) upload: Option<&'a Arc<Progress>>,
    pub(super) idle_timeout: Duration,
    /// The client asked for trailers, and both sides can carry them.
    pub(super) trailers: bool,
}

/// The answer as the client gets it.
pub(super) fn answer(response: Response<Incoming>, back: Back<'_>) -> Result<Response<Body>, ForwardError> {
    let Back { method, mut lease, upload, idle_timeout, trailers } = back;
    let (mut parts, incoming) = response.into_parts();
    let framing = check(parts.status, &parts.headers, method)?;
    strip(&mut parts.headers, parts.status);
    // The version belongs to one connection (RFC 9110, section 2.5): what the upstream speaks is not what we speak.
    parts.version = Version::HTTP_11;
    if let Some(deadline) = lease.deadline() {
        deadline.clear();
    }
    let upload_ended = upload.is_none_or(|progress| progress.has_ended());
    // An answer before the end of the request leaves bytes on the way that no later request may meet.
    let clean = upload_ended && framing == Framing::Clear;
    if incoming.is_end_stream() {
        if clean {
            lease.end();
        }
        return Ok(Response::from_parts(parts, Body::Empty));
    }
    let driver = if upload_ended || lease.is_shared() { Driver::Here(lease) } else { Driver::elsewhere(lease) };
    Ok(Response::from_parts(
        parts,
        Body::wrap(Returning { incoming, driver, clean, idle_timeout, upload: upload.cloned(), trailers }),
    ))
}

/// Whether the length of an answer was told in one way.
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Clear,
    /// In two ways of which hyper took the right one: good for this answer, and the connection is not used again.
    Doubtful,
}

fn check(status: StatusCode, headers: &HeaderMap, method: &Method) -> Result<Framing, ForwardError> {
    let nonsense = |why| Err(ForwardError::BadResponse(Box::new(Nonsense(why))));
    if status.is_informational() {
        return nonsense("it switches protocols unasked");
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let (coding, length) = (codings.next(), lengths.next());
    let chunked = coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !has_no_body(status, method) && (!chunked || codings.next().is_some()) {
        return nonsense("its transfer coding is not known");
    }
    if lengths.next().is_some() || length.is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit)) {
        return nonsense("its length is ambiguous");
    }
    Ok(if coding.is_some() && length.is_some() { Framing::Doubtful } else { Framing::Clear })
}

fn has_no_body(status: StatusCode, method: &Method) -> bool {
    *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

pub(super) fn strip(headers: &mut HeaderMap, status: StatusCode) {
    if headers.contains_key(TRANSFER_ENCODING) || status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_LENGTH);
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
    incoming: Incoming,
    driver: Driver,
    clean: bool,
    idle_timeout: Duration,
    /// A client that still sends is not idle.
    upload: Option<Arc<Progress>>,
    trailers: bool,
}

/// Who moves the bytes of the connection.
enum Driver {
    /// Whoever asks for the body: no second task stands between.
    Here(Lease),
    /// A task, because the client may send the rest of its body while it does not read.
    Elsewhere { task: JoinHandle<()>, deadline: Deadline, _kept: (Lease, LinkRest) },
    /// The connection was given back or has ended.
    Done,
}

impl Driver {
    fn elsewhere(mut lease: Lease) -> Self {
        let Some(link) = lease.take_link() else { return Self::Done };
        let (connection, rest) = link.split();
        let task = tokio::spawn(async move {
            // How it ends is told to whoever reads the body.
            let _outcome = connection.await;
        });
        Self::Elsewhere { task, deadline: Deadline::default(), _kept: (lease, rest) }
    }

    fn deadline(&mut self) -> Option<&mut Deadline> {
        match self {
            Self::Here(lease) => lease.deadline(),
            Self::Elsewhere { deadline, .. } => Some(deadline),
            Self::Done => None,
        }
    }

    /// Moves bytes, as far as that is ours to do.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Self::Here(lease) = self
            && !lease.is_shared()
        {
            let ended = lease.link().is_none_or(|link| Pin::new(&mut link.connection).poll(cx).is_ready());
            if ended {
                *self = Self::Done;
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Self::Elsewhere { task, .. } = self {
            task.abort();
        }
    }
}

impl Returning {
    fn end(&mut self) {
        let mut driver = std::mem::replace(&mut self.driver, Driver::Done);
        if let Driver::Here(lease) = &mut driver
            && self.clean
        {
            lease.end();
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(deadline) = self.driver.deadline() else { return Poll::Pending };
        deadline.set_if_clear(self.idle_timeout);
        while deadline.poll_passed(cx).is_ready() {
            if !self.upload.as_ref().is_some_and(|upload| upload.has_moved()) {
                return self.stalled();
            }
            deadline.set(self.idle_timeout);
        }
        Poll::Pending
    }

    fn stalled(&mut self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.driver = Driver::Done;
        Poll::Ready(Some(Err(Box::new(Stalled))))
    }
}

impl HttpBody for Returning {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let mut driven = false;
        loop {
            match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(deadline) = this.driver.deadline() {
                        deadline.clear();
                    }
                    // Anything but data is a trailer section, which goes no further unless it was asked for.
                    let data = match frame.into_data() {
                        Ok(data) => data,
                        Err(frame) => match frame.into_trailers() {
                            Ok(trailers) if this.trailers => return Poll::Ready(Some(Ok(passing(trailers)))),
                            Ok(_) | Err(_) => continue,
                        },
                    };
                    if this.incoming.is_end_stream() {
                        this.end();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => {
                    this.driver = Driver::Done;
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending if driven => return this.wait(cx),
                Poll::Pending => {
                    this.driver.drive(cx);
                    driven = true;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
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
    fn an_answer_of_doubtful_length_is_refused_or_not_followed_by_another() {
        let of = |lines: &[(&'static str, &'static str)]| check(StatusCode::OK, &headers(lines), &Method::GET);
        assert_eq!(of(&[("content-length", "3")]).unwrap(), Framing::Clear);
        assert_eq!(of(&[("transfer-encoding", "Chunked")]).unwrap(), Framing::Clear);
        assert_eq!(of(&[("transfer-encoding", "chunked"), ("content-length", "3")]).unwrap(), Framing::Doubtful);
        assert!(of(&[("content-length", "3"), ("content-length", "3")]).is_err());
        assert!(of(&[("content-length", "3, 3")]).is_err());
        assert!(of(&[("transfer-encoding", "gzip, chunked")]).is_err());
        assert!(check(StatusCode::SWITCHING_PROTOCOLS, &HeaderMap::new(), &Method::GET).is_err());
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
