//! A body that is handed over piece by piece: whoever drives a connection feeds it, whoever wants the body reads it, in
//! the same task or in another.
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Body, BodyError};

/// A body of this many bytes, or of nobody knows how many, and who fills it. At most one piece lies between the two.
pub(crate) fn inflow(length: Option<u64>) -> (Feed, Body) {
    let shared = Arc::new(Shared::default());
    (Feed(Arc::clone(&shared)), Body::Inflow(Inflow { shared, left: length }))
}

/// Fills a body. Dropped before the end, it breaks the body off.
#[derive(Debug)]
pub(crate) struct Feed(Arc<Shared>);

/// The body as it is read.
#[derive(Debug)]
pub(crate) struct Inflow {
    shared: Arc<Shared>,
    left: Option<u64>,
}

/// What whoever reads wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Piece,
    /// Nobody reads any more.
    Nothing,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    piece: Option<Bytes>,
    end: End,
    wanted: bool,
    gone: bool,
    reader: Option<Waker>,
    feeder: Option<Waker>,
}

#[derive(Debug, Default)]
enum End {
    #[default]
    Open,
    Ended,
    Broken(Option<BodyError>),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    /// Ready when the next piece is wanted, or no piece is any more; woken when that comes to be.
    pub(crate) fn poll_wish(&self, cx: &Context<'_>) -> Poll<Wish> {
        let mut state = self.0.state();
        if state.gone {
            return Poll::Ready(Wish::Nothing);
        }
        if state.wanted && state.piece.is_none() {
            return Poll::Ready(Wish::Piece);
        }
        keep(&mut state.feeder, cx);
        Poll::Pending
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_unread(&self) -> bool {
        self.0.state().gone
    }

    /// Lays a piece ready before anybody reads.
    pub(crate) fn lay(&self, piece: Bytes, last: bool) {
        let mut state = self.0.state();
        state.piece = Some(piece);
        if last {
            state.end = End::Ended;
        }
    }

    /// Hands over a piece, maybe the last one. True when whoever reads is this very task: it is to look itself.
    pub(crate) fn give(&self, piece: Bytes, last: bool, cx: &Context<'_>) -> bool {
        self.change(cx, |state| {
            state.piece = Some(piece);
            if last {
                state.end = End::Ended;
            }
        })
    }

    /// The body has come to its end.
    pub(crate) fn end(&self, cx: &Context<'_>) -> bool {
        self.change(cx, |state| state.end = End::Ended)
    }

    /// There is no more of the body, and this is no end.
    pub(crate) fn fail(&self, error: BodyError, cx: &Context<'_>) -> bool {
        self.change(cx, |state| state.end = End::Broken(Some(error)))
    }

    fn change(&self, cx: &Context<'_>, change: impl FnOnce(&mut State)) -> bool {
        let mut state = self.0.state();
        change(&mut state);
        state.wanted = false;
        let reader = state.reader.take();
        drop(state);
        match reader {
            Some(reader) if reader.will_wake(cx.waker()) => true,
            Some(reader) => {
                reader.wake();
                false
            }
            None => false,
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if matches!(state.end, End::Open) {
            let gone = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            state.end = End::Broken(Some(Box::new(gone)));
            let reader = state.reader.take();
            drop(state);
            if let Some(reader) = reader {
                reader.wake();
            }
        }
    }
}

impl HttpBody for Inflow {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let mut state = this.shared.state();
        if let Some(piece) = state.piece.take() {
            this.left = this.left.map(|left| left.saturating_sub(piece.len() as u64));
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match &mut state.end {
            End::Open => {}
            End::Ended => return Poll::Ready(None),
            End::Broken(error) => return Poll::Ready(error.take().map(Err)),
        }
        state.wanted = true;
        keep(&mut state.reader, cx);
        let feeder = state.feeder.take().filter(|feeder| !feeder.will_wake(cx.waker()));
        drop(state);
        // In one task whoever feeds looks by itself, after whoever reads.
        if let Some(feeder) = feeder {
            feeder.wake();
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        let state = self.shared.state();
        state.piece.is_none() && matches!(state.end, End::Ended | End::Broken(None))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Inflow {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.gone = true;
        state.piece = None;
        let feeder = state.feeder.take();
        drop(state);
        if let Some(feeder) = feeder {
            feeder.wake();
        }
    }
}

fn keep(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use http_body_util::BodyExt;

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn pieces_pass_between_tasks_one_at_a_time_and_only_when_wanted() {
        let (feed, mut body) = inflow(Some(4));
        let feeding = tokio::spawn(async move {
            for (piece, last) in [("ab", false), ("cd", true)] {
                assert_eq!(poll_fn(|cx| feed.poll_wish(cx)).await, Wish::Piece);
                poll_fn(|cx| Poll::Ready(feed.give(Bytes::from_static(piece.as_bytes()), last, cx))).await;
            }
            assert_eq!(poll_fn(|cx| feed.poll_wish(cx)).await, Wish::Nothing);
        });
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        assert_eq!(body.size_hint().exact(), Some(2));
        assert!(!body.is_end_stream());
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "cd");
        assert!(body.is_end_stream() && body.frame().await.is_none());
        drop(body);
        feeding.await.unwrap();
    }

    #[test]
    fn in_one_task_nobody_is_woken_and_whoever_feeds_hears_that_it_must_look() {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let cx = &mut Context::from_waker(&waker);
        let (feed, mut body) = inflow(None);
        assert!(feed.poll_wish(cx).is_pending(), "nothing is read ahead");
        assert!(Pin::new(&mut body).poll_frame(cx).is_pending());
        assert!(feed.poll_wish(cx).is_ready());
        assert!(feed.give(Bytes::from_static(b"x"), false, cx));
        assert!(feed.poll_wish(cx).is_pending(), "one piece lies there already");
        assert!(Pin::new(&mut body).poll_frame(cx).is_ready());
        assert_eq!(bell.0.load(Ordering::SeqCst), 0);
        drop(body);
        assert!(feed.is_unread() && bell.0.load(Ordering::SeqCst) == 1);
    }

    #[tokio::test]
    async fn a_body_whose_feeder_goes_breaks_off() {
        let (feed, mut body) = inflow(Some(9));
        drop(feed);
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }
}
