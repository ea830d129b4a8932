//! A deadline that is cheap to set again and again.
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A moment by which something must have happened.
///
/// The timer behind it is made when it is first waited for and is moved only when it would fire too late: on a kept
/// connection a new deadline costs a look at the clock, and the timer fires early once in a while, which is found out
/// by looking at the clock again.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn set(&mut self, within: Duration) {
        self.at = Instant::now().checked_add(within);
    }

    /// As [`Self::set`], unless it is set already.
    pub(crate) fn set_if_clear(&mut self, within: Duration) {
        if self.at.is_none() {
            self.set(within);
        }
    }

    pub(crate) const fn clear(&mut self) {
        self.at = None;
    }

    /// Ready when the moment has passed; the task is woken then.
    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_was_moved_passes_at_its_new_time() {
        let start = Instant::now();
        let mut deadline = Deadline::default();
        deadline.set(Duration::from_secs(10));
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await.is_pending());
        deadline.set(Duration::from_secs(3));
        poll_fn(|cx| deadline.poll_passed(cx)).await;
        assert_eq!(start.elapsed().as_secs(), 3);
        deadline.set(Duration::from_secs(30));
        poll_fn(|cx| deadline.poll_passed(cx)).await;
        assert_eq!(start.elapsed().as_secs(), 33);
    }
}
