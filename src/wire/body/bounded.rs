//! A body with a bound on its bytes and on the time between two pieces.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::Instant;
use zeroize::{Zeroize, Zeroizing};

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
    /// Since when the next piece is waited for.
    since: Option<Instant>,
    /// How long pieces were waited for in all, and how many bytes came.
    waited: Duration,
    came: u64,
    failed: bool,
}

impl Bounded {
    /// `between_pieces` is the longest wait for the next piece. A body that always just keeps it may take a few times as long in
    /// all, and then [`LEAST_RATE`] counts: else a byte now and then would hold a connection for ever.
    pub(crate) fn new(body: Body, max_bytes: u64, between_pieces: Duration) -> Self {
        let deadline = Deadline::default();
        Self {
            body,
            left: max_bytes,
            between_pieces,
            deadline,
            since: None,
            waited: Duration::ZERO,
            came: 0,
            failed: false,
        }
    }

    /// Another longest wait, from the next piece on that is waited for.
    pub(crate) const fn set_pace(&mut self, between_pieces: Duration) {
        self.between_pieces = between_pieces;
    }

    fn fail<T>(&mut self, problem: BodyProblem) -> Poll<Option<Result<T, BodyError>>> {
        self.failed = true;
        Poll::Ready(Some(Err(Box::new(problem))))
    }

    fn count(&mut self, data: &Bytes) -> Result<(), BodyProblem> {
        self.left = self.left.checked_sub(data.len() as u64).ok_or(BodyProblem::TooLarge)?;
        self.came += data.len() as u64;
        self.deadline.clear();
        if let Some(since) = self.since.take() {
            // Whoever takes the body may not have looked for it for longer.
            self.waited += since.elapsed().min(self.between_pieces);
        }
        Ok(())
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            let patience = self.between_pieces.saturating_mul(PATIENCE);
            let patience = patience.saturating_add(Duration::from_secs(self.came / LEAST_RATE));
            self.deadline.set(self.between_pieces.min(patience.saturating_sub(self.waited)));
        }
        self.deadline.poll_passed(cx)
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
                    return match this.poll_late(cx) {
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
///
/// Passwords stand in it, so it is wiped when dropped, and so is each piece that nobody else holds. What a
/// connection's own buffers hold, and the kernel, is beyond this place.
pub(crate) async fn collect_small(body: Body, max_bytes: usize, deadline: Duration) -> Result<Wiped, BodyProblem> {
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(BodyProblem::TooLarge);
    }
    let mut body = Bounded::new(body, max_bytes as u64, deadline);
    let read = async {
        // All its room at once: what grows leaves copies behind.
        let mut whole = Zeroizing::new(Vec::with_capacity(max_bytes));
        while let Some(frame) = body.frame().await {
            let data = frame.map_err(problem)?.into_data().unwrap_or_default();
            whole.extend_from_slice(&data);
            if let Ok(mut piece) = data.try_into_mut() {
                piece.zeroize();
            }
        }
        Ok(whole)
    };
    tokio::time::timeout(deadline, read).await.unwrap_or(Err(BodyProblem::Stalled))
}

/// Bytes that are overwritten when nobody needs them any more.
pub(crate) type Wiped = Zeroizing<Vec<u8>>;

/// So many times the longest wait for a piece is given to a body of any size.
const PATIENCE: u32 = 4;
/// Bytes in a second, on average: a telephone at the edge of its net sends more.
const LEAST_RATE: u64 = 256;

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
        assert_eq!(collect_small(scripted(&["ab", "cd"], false), 4, SECOND).await.unwrap().as_slice(), b"abcd");
        assert_eq!(collect_small(Body::Empty, 0, SECOND).await.unwrap().as_slice(), b"");
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

    /// A piece at each tick, for ever.
    struct Dripping {
        ticks: tokio::time::Interval,
        piece: Bytes,
    }

    impl HttpBody for Dripping {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            self.ticks.poll_tick(cx).map(|_| Some(Ok(Frame::data(self.piece.clone()))))
        }
    }

    fn dripping(bytes: usize, every: Duration) -> Body {
        Body::wrap(Dripping { ticks: tokio::time::interval(every), piece: Bytes::from(vec![b'x'; bytes]) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up_and_a_slow_one_is_not() {
        let begun = Instant::now();
        let mut drips = Bounded::new(dripping(1, SECOND / 2), 1 << 30, SECOND);
        while drips.frame().await.unwrap().is_ok() {}
        assert_eq!(begun.elapsed().as_secs(), 4);
        let mut slow = Bounded::new(dripping(400, SECOND), 1 << 30, SECOND * 2);
        for _ in 0..500 {
            assert!(slow.frame().await.unwrap().is_ok());
        }
    }

    #[tokio::test]
    async fn trailers_are_dropped() {
        let frames = [Frame::data(Bytes::from_static(b"ab")), Frame::trailers(HeaderMap::new())].into();
        let mut body = Bounded::new(Body::wrap(Scripted { frames, hangs: false }), 9, SECOND);
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(body.frame().await.is_none());
    }
}
