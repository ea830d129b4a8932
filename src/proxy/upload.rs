//! The client's body on its way to the upstream, watched by whoever waits for the answer.
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::wire::{BodyError, Bounded};

/// A bounded body that tells how far it is.
#[derive(Debug)]
pub(super) struct Upload {
    body: Bounded,
    /// `None` for a request without a body.
    watched: Option<Arc<Progress>>,
}

/// What an upload has done so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    moved: AtomicBool,
    ended: AtomicBool,
}

impl Progress {
    /// Whether a piece went by since the last time this was asked.
    pub(super) fn has_moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    /// Whether the last piece went by.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Upload {
    pub(super) fn new(body: Bounded) -> (Self, Option<Arc<Progress>>) {
        let watched = (!body.is_end_stream()).then(Arc::<Progress>::default);
        (Self { body, watched: watched.clone() }, watched)
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let Some(progress) = &this.watched {
            progress.moved.store(true, Ordering::Relaxed);
            if frame.is_none() || this.body.is_end_stream() {
                progress.ended.store(true, Ordering::Relaxed);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
