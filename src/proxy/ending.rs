//! Answers that go on for as long as the session behind them: events and gRPC.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::Live;
use crate::wire::{Body, BodyError};

pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| begins(kind, "application/grpc"))
}

fn begins(kind: &HeaderValue, beginning: &str) -> bool {
    let start = kind.as_bytes().get(..beginning.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(beginning.as_bytes()))
}

/// Whether an answer goes on for as long as its session: events, or gRPC.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| begins(kind, "text/event-stream") || begins(kind, "application/grpc"))
}

/// Lets an answer end with the session behind it.
pub(super) fn with_session(response: Response<Body>, live: Option<Live>) -> Response<Body> {
    let Some(live) = live else { return response };
    let grpc = is_grpc(response.headers());
    response.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        Body::wrap(Ending { body, ended: Box::pin(live.ended()), grpc, over: false, _live: live })
    })
}

/// A body that breaks off, for the client to notice, when its session ends.
struct Ending {
    body: Body,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    grpc: bool,
    over: bool,
    _live: Live,
}

/// What broke off a stream.
#[derive(Debug, thiserror::Error)]
#[error("the session behind the stream has ended")]
struct SessionEnded;

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        if this.ended.as_mut().poll(cx).is_ready() {
            // The connection to the upstream, or its part in one, goes with the body.
            (this.body, this.over) = (Body::Empty, true);
            if this.grpc {
                return Poll::Ready(Some(Ok(Frame::trailers(unauthenticated()))));
            }
            return Poll::Ready(Some(Err(Box::new(SessionEnded))));
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How a gRPC client is told, in its own words (code 16).
fn unauthenticated() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("16"));
    trailers.insert("grpc-message", HeaderValue::from_static("the session has ended"));
    trailers
}
