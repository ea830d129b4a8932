//! The client's body on its way to the upstream, watched by whoever waits for the answer.
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::wire::{Body, BodyError, Bounded};

/// A bounded body that tells how far it is.
#[derive(Debug, Default)]
pub(super) struct Upload {
    /// On the heap: nearly every request has none, and all have room for one.
    body: Box<Bounded>,
    /// What was taken and could not be sent, to be taken again.
    back: VecDeque<Bytes>,
    shared: bool,
    /// `None` where there is no body.
    watched: Option<Arc<Progress>>,
}

/// What an upload has done so far.
#[derive(Debug)]
pub(super) struct Progress {
    /// The longest wait for the client's next piece.
    pace: Duration,
    /// It is a call's, in which either side may be silent while the other speaks.
    calls: bool,
    moved: AtomicBool,
    /// Why it ended before its end, where somebody else is told.
    failed: Mutex<Option<BodyError>>,
}

impl Progress {
    /// Whether a piece went by since the last time this was asked.
    pub(super) fn has_moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    /// What the client did wrong with a body that went over a shared connection.
    pub(super) fn failure(&self) -> Option<BodyError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Upload {
    /// `None`: there is no body.
    pub(super) fn new(body: Body, max_bytes: u64, pace: Duration, calls: bool) -> Option<Self> {
        if body.is_end_stream() {
            return None;
        }
        let body = Box::new(Bounded::new(body, max_bytes, pace));
        let progress = Progress { pace, calls, moved: AtomicBool::default(), failed: Mutex::default() };
        Some(Self { body, back: VecDeque::new(), shared: false, watched: Some(Arc::new(progress)) })
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        self.watched.clone()
    }

    /// Takes back, in their order, the first pieces that went nowhere.
    pub(super) fn give_back(&mut self, pieces: Vec<Bytes>) {
        for piece in pieces.into_iter().rev() {
            self.back.push_front(piece);
        }
    }

    /// On a shared connection a call may be silent for as long as it likes; everywhere else a body has its pace.
    pub(super) fn goes_over(&mut self, shared: bool) {
        self.shared = shared;
        if let Some(progress) = &self.watched {
            self.body.set_pace(if shared && progress.calls { A_YEAR } else { progress.pace });
        }
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
        let Some(progress) = &this.watched else { return Poll::Ready(frame) };
        progress.moved.store(true, Ordering::Relaxed);
        match frame {
            // A shared connection tells of it as a reset, and no more.
            Some(Err(error)) if this.shared => {
                *progress.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Poll::Ready(Some(Err(Box::new(Failed))))
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.back.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the client's body did not come to its end")]
struct Failed;

/// For ever, but in a clock's reach.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn what_is_given_back_stands_before_what_was_given_back_and_not_taken_again() {
        let mut upload = Upload::new(Body::full("c"), 9, Duration::from_secs(1), false).unwrap();
        upload.give_back(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        assert_eq!(upload.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
        upload.give_back(vec![Bytes::from_static(b"a")]);
        assert_eq!(upload.collect().await.unwrap().to_bytes(), "abc");
    }
}
