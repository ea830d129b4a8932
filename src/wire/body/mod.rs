//! One body type for everything that passes: streamed, never collected.
mod bounded;
mod deadline;
mod inflow;

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

pub(crate) use bounded::{BodyProblem, Bounded, Wiped, collect_small};
pub(crate) use deadline::Deadline;
pub(crate) use inflow::{Feed, Inflow, Wish, inflow};

/// What can go wrong in the middle of a body; the connection that carried it is not used again.
pub(crate) type BodyError = Box<dyn Error + Send + Sync>;

/// The body of a request or an answer.
#[derive(Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    /// Our own answers: small, known in advance.
    Full(Option<Bytes>),
    /// Straight from hyper.
    Incoming(Incoming),
    /// From a connection of HTTP/1.1.
    Inflow(Inflow),
    /// With something wrapped around: a deadline, a bound, a counter.
    Wrapped(Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send + Sync>>),
}

impl Body {
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        Self::Full(Some(bytes.into()))
    }

    pub(crate) fn wrap(body: impl HttpBody<Data = Bytes, Error = BodyError> + Send + Sync + 'static) -> Self {
        Self::Wrapped(Box::pin(body))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(..)")
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Incoming(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Into::into),
            Self::Inflow(inflow) => Pin::new(inflow).poll_frame(cx),
            Self::Wrapped(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Incoming(incoming) => incoming.is_end_stream(),
            Self::Inflow(inflow) => inflow.is_end_stream(),
            Self::Wrapped(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Incoming(incoming) => incoming.size_hint(),
            Self::Inflow(inflow) => inflow.size_hint(),
            Self::Wrapped(body) => body.size_hint(),
        }
    }
}
