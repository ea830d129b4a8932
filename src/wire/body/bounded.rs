//! A body with a bound on its bytes and on the time between two pieces.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use super::{Body, BodyError, Deadline};

/// Why a body that somebody sends us does not end well. Found again by downcasting a [`BodyError`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyProblem {
    #[error("the body is larger than allowed")]
    TooLarge,
    #[error("the body did not arrive in time")]
    Stalled,
    #[error("the body broke off or is malformed")]
    Broken(#[source] BodyError),
}

/// What a client sends on its way to somebody else: counted and paced. Trailer fields are dropped, for they would reach
/// an upstream past every check (SECURITY-CASES I07).
#[derive(Debug, Default)]
pub(crate) struct Bounded {
    body: Body,
    left: u64,
    between_pieces: Duration,
    deadline: Deadline,
    failed: bool,
}

impl Bounded {
    /// `between_pieces` is the longest wait for the next piece.
    pub(crate) fn new(body: Body, max_bytes: u64, between_pieces: Duration) -> Self {
        Self { body, left: max_bytes, between_pieces, deadline: Deadline::default(), failed: false }
    }

    fn fail<T>(&mut self, problem: BodyProblem) -> Poll<Option<Result<T, BodyError>>> {
        self.failed = true;
        Poll::Ready(Some(Err(Box::new(problem))))
    }

    fn count(&mut self, data: &Bytes) -> Result<(), BodyProblem> {
        self.left = self.left.checked_sub(data.len() as u64).ok_or(BodyProblem::TooLarge)?;
        self.deadline.clear();
        Ok(())
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.failed {
            return Poll::Ready(None);
        }
        loop {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Anything but data is a trailer section.
                    let Ok(data) = frame.into_data() else { continue };
                    return match this.count(&data) {
                        Ok(()) => Poll::Ready(Some(Ok(Frame::data(data)))),
                        Err(problem) => this.fail(problem),
                    };
                }
                Poll::Ready(Some(Err(error))) => return this.fail(BodyProblem::Broken(error)),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    this.deadline.set_if_clear(this.between_pieces);
                    return match this.deadline.poll_passed(cx) {
                        Poll::Ready(()) => this.fail(BodyProblem::Stalled),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads a small body whole, within `deadline` from now; what says that it is larger is refused before it is read.
pub(crate) async fn collect_small(body: Body, max_bytes: usize, deadline: Duration) -> Result<Bytes, BodyProblem> {
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(BodyProblem::TooLarge);
    }
    let mut body = Bounded::new(body, max_bytes as u64, deadline);
    let read = async {
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let data = frame.map_err(problem)?.into_data().unwrap_or_default();
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(deadline, read).await.unwrap_or(Err(BodyProblem::Stalled))
}

fn problem(error: BodyError) -> BodyProblem {
    match error.downcast::<BodyProblem>() {
        Ok(problem) => *problem,
        Err(error) => BodyProblem::Broken(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http::HeaderMap;

    use super::*;

    /// Yields what it is given; then ends, or hangs.
    struct Scripted {
        frames: VecDeque<Frame<Bytes>>,
        hangs: bool,
    }

    impl HttpBody for Scripted {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            match self.frames.pop_front() {
                Some(frame) => Poll::Ready(Some(Ok(frame))),
                None if self.hangs => Poll::Pending,
                None => Poll::Ready(None),
            }
        }
    }

    fn scripted(pieces: &[&'static str], hangs: bool) -> Body {
        let frames = pieces.iter().map(|piece| Frame::data(Bytes::from_static(piece.as_bytes()))).collect();
        Body::wrap(Scripted { frames, hangs })
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_small_body_is_read_whole() {
        assert_eq!(collect_small(scripted(&["ab", "cd"], false), 4, SECOND).await.unwrap(), "abcd");
        assert_eq!(collect_small(Body::Empty, 0, SECOND).await.unwrap(), "");
    }

    #[tokio::test]
    async fn one_byte_too_many_is_refused() {
        let counted = collect_small(scripted(&["ab", "cde"], false), 4, SECOND).await;
        assert!(matches!(counted, Err(BodyProblem::TooLarge)));
        let announced = collect_small(Body::full("abcde"), 4, SECOND).await;
        assert!(matches!(announced, Err(BodyProblem::TooLarge)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        let stalled = collect_small(scripted(&["ab"], true), 4, SECOND).await;
        assert!(matches!(stalled, Err(BodyProblem::Stalled)));
        let mut paced = Bounded::new(scripted(&["ab"], true), 4, SECOND);
        assert!(paced.frame().await.unwrap().is_ok());
        let error = paced.frame().await.unwrap().unwrap_err();
        assert!(matches!(error.downcast_ref::<BodyProblem>(), Some(BodyProblem::Stalled)));
        assert!(paced.frame().await.is_none());
    }

    #[tokio::test]
    async fn trailers_are_dropped() {
        let frames = [Frame::data(Bytes::from_static(b"ab")), Frame::trailers(HeaderMap::new())].into();
        let mut body = Bounded::new(Body::wrap(Scripted { frames, hangs: false }), 9, SECOND);
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(body.frame().await.is_none());
    }
}
