//! The client's body on its way to the upstream, watched by whoever waits for the answer.
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::wire::{BodyError, Bounded};

/// A bounded body that tells how far it is.
#[derive(Debug, Default)]
pub(super) struct Upload {
    body: Bounded,
    /// What was taken and could not be sent, to be taken again.
    back: VecDeque<Bytes>,
    /// `None` where there is no body.
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
    /// `None`: there is no body.
    pub(super) fn new(body: Bounded) -> Option<Self> {
        let watched = Some(Arc::default());
        (!body.is_end_stream()).then(|| Self { body, back: VecDeque::new(), watched })
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        self.watched.clone()
    }

    /// Takes back, in their order, the first pieces that went nowhere.
    pub(super) fn give_back(&mut self, pieces: Vec<Bytes>) {
        self.back = pieces.into();
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(piece) = this.back.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
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
        self.back.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
